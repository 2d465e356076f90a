package server

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// bare answers with the question alone.
type bare struct{ b wire.Builder }

func (r *bare) Respond(dst []byte, q *wire.Request) []byte {
	r.b.Start(dst, q.Size, q.ID, wire.FlagQR)
	r.b.Echo(&q.Query)
	return r.b.Finish()
}

func testHandler(cfg Config) *handler {
	cfg.NewResponder = func() Responder { return new(bare) }
	s := New(cfg)
	return s.newThread(false, func(int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, 1}) })
}

func query(name string, typ wire.Type, tail string) []byte {
	b := []byte{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	b = append(b, wire.MustName(name)...)
	b = append(b, byte(typ>>8), byte(typ), 0, 1)
	if tail != "" {
		wire.SetCount(b, wire.SectionAdditional, 1)
	}
	return append(b, tail...)
}

const (
	optRR  = "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
	badOPT = "\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x00"
	tsigRR = "\x01k\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00"
)

// The hot path costs no allocation, whatever the request is.
func TestDatagramAllocates(t *testing.T) {
	h := testHandler(Config{})
	slab := make([]byte, 0, 2048)
	stranger := query("www.example.org.", wire.TypeSOA, "")
	wire.SetHeaderFlags(stranger, wire.Flags(0).WithOpcode(wire.OpcodeUpdate))
	for name, msg := range map[string][]byte{
		"update":    stranger,
		"plain":     query("www.example.org.", wire.TypeA, ""),
		"EDNS":      query("www.example.org.", wire.TypeA, optRR),
		"BADVERS":   query("www.example.org.", wire.TypeA, badOPT),
		"malformed": query("www.example.org.", wire.TypeA, "\x00"),
		"ignored":   {1},
		"slow":      query("www.example.org.", wire.TypeA, tsigRR),
	} {
		if n := testing.AllocsPerRun(100, func() { h.datagram(slab, msg) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func FuzzDatagram(f *testing.F) {
	f.Add(query("www.example.org.", wire.TypeA, optRR))
	f.Add(query("www.example.org.", wire.TypeIXFR, ""))
	f.Add(query("www.example.org.", wire.TypeA, tsigRR))
	f.Add(make([]byte, 12))
	h := testHandler(Config{})
	f.Fuzz(func(t *testing.T, msg []byte) {
		out, v := h.datagram(nil, msg)
		if v == slow {
			var err error
			if out, err = h.dispatch(context.Background(), nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		if v == drop {
			if len(out) != 0 {
				t.Fatalf("drops with an answer: %x", out)
			}
			return
		}
		if len(out) < wire.HeaderLen || wire.ID(out) != wire.ID(msg) || wire.HeaderFlags(out)&wire.FlagQR == 0 {
			t.Fatalf("answer %x", out)
		}
		if len(out) > len(msg)+11+2*wire.MaxName { // OPT, and the names of a TSIG record uncompressed
			t.Fatalf("a refusal of %d octets to %d", len(out), len(msg))
		}
		r, err := wire.NewReader(out)
		if err != nil {
			t.Fatal(err)
		}
		for rec := (wire.Record{}); r.Next(&rec); {
		}
		if r.Err() != nil {
			t.Fatalf("answer does not read: %v", r.Err())
		}
	})
}

// What comes of a signed request (RFC 8945 section 5.2), as the client sees it.
func TestVerify(t *testing.T) {
	t.Parallel()
	key := &tsig.Key{Name: wire.MustName("k."), Algorithm: tsig.HMACSHA256, Secret: []byte("secret")}
	forged := &tsig.Key{Name: key.Name, Algorithm: key.Algorithm, Secret: []byte("guess")}
	other := &tsig.Key{Name: wire.MustName("other."), Algorithm: key.Algorithm, Secret: key.Secret}
	now := time.Unix(1_800_000_000, 0)
	for name, tt := range map[string]struct {
		key  *tsig.Key
		at   time.Time
		want wire.Rcode // of TSIG; NOERROR: a signed answer
	}{
		"right key":    {key, now, wire.RcodeNoError},
		"wrong secret": {forged, now, wire.RcodeBadSig},
		"unknown key":  {other, now, wire.RcodeBadKey},
		"late":         {key, now.Add(-time.Hour), wire.RcodeBadTime},
	} {
		h := testHandler(Config{Now: func() time.Time { return now }})
		h.s.keysOf = func([]byte) []*tsig.Key { return []*tsig.Key{key} }
		client := tsig.NewClient(tt.key)
		if _, v := h.datagram(nil, client.Sign(query("a.test.", wire.TypeSOA, ""), 0, tt.at)); v != slow {
			t.Fatalf("%s: verdict %d", name, v)
		}
		out, err := h.dispatch(t.Context(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := wire.NewReader(out)
		if err != nil {
			t.Fatal(err)
		}
		var rec wire.Record
		for r.Next(&rec) {
		}
		if rec.Type != wire.TypeTSIG || (r.Rcode() == wire.RcodeNotAuth) != (tt.want != 0) {
			t.Fatalf("%s: %v, last record %v", name, r.Rcode(), rec.Type)
		}
		err = client.Verify(out, rec.At, true, tt.at)
		var peer *tsig.PeerError
		if tt.want == 0 && err != nil || tt.want != 0 && (!errors.As(err, &peer) || peer.Code != tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerifyMalformed(t *testing.T) {
	t.Parallel()
	h := testHandler(Config{})
	h.datagram(nil, query("a.test.", wire.TypeSOA, tsigRR))
	out, err := h.dispatch(t.Context(), nil, nil)
	if err != nil || wire.HeaderFlags(out).Rcode() != wire.RcodeFormErr || wire.Count(out, wire.SectionAdditional) != 0 {
		t.Errorf("%x, %v", out, err)
	}
}

// A full pool drops and counts; it does not grow.
func TestSlowPoolDrops(t *testing.T) {
	t.Parallel()
	h := testHandler(Config{SlowQueue: 1})
	for range 3 {
		if j := h.job([]byte("x"), netip.AddrPort{}); j != nil {
			h.push(j)
		}
	}
	j := &job{}
	h.push(j) // as if another thread had been quicker between job and push
	if got := h.count.dropped.Load(); got != 3 || h.count.slow.Load() != 3 || len(h.s.slow.queue) != 1 {
		t.Errorf("dropped %d, slow %d, queued %d", got, h.count.slow.Load(), len(h.s.slow.queue))
	}
}

// Silence is cheaper the fuller the table is, and never below a floor.
func TestIdleShrinks(t *testing.T) {
	t.Parallel()
	var table tcpTable
	table.init(TCPLimits{Conns: 8, PerSource: 100, Idle: 20 * time.Second})
	from := netip.MustParseAddrPort("[2001:db8::1]:53")
	for i, want := range []int{20, 20, 20, 20, 20, 15, 10, 5, 1} {
		if got := table.idle(); got != time.Duration(want)*time.Second {
			t.Errorf("%d open: %v", i, got)
		}
		if i < 8 && !table.enter(&fakeConn{}, from, false) {
			t.Fatalf("connection %d refused", i)
		}
	}
	if table.enter(&fakeConn{}, from, false) {
		t.Error("one connection too many")
	}
}

func TestSourceKey(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.7:1":         "192.0.2.7/32",
		"[2001:db8::1:2]:1":   "2001:db8::/64",
		"[fe80::1%eth0]:1":    "fe80::/64",
		"[2001:db8:0:1::2]:1": "2001:db8:0:1::/64",
	} {
		if got := sourceKey(netip.MustParseAddrPort(addr)); got.String() != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}

// fakeConn is a connection that is only a key in a table.
type fakeConn struct {
	net.Conn
	_ byte
}

// BenchmarkDatagram measures what the server itself does for a query, without a limit on answers and with one that is not reached.
func BenchmarkDatagram(b *testing.B) {
	slab, msg := make([]byte, 0, 2048), query("www.example.org.", wire.TypeA, optRR)
	for name, perSecond := range map[string]int{"free": 0, "limit": 1e9} {
		h := testHandler(Config{RateLimit: RateLimit{PerSecond: perSecond}})
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				h.datagram(slab, msg)
			}
		})
	}
}
