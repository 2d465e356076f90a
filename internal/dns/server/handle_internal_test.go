package server

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// bare answers with the question alone.
type bare struct{ b wire.Builder }

func (r *bare) Respond(dst []byte, q *wire.Query, l Limits) []byte {
	r.b.Start(dst, l.Size, q.ID, wire.FlagQR)
	r.b.Echo(q)
	return r.b.Finish()
}

func testHandler(cfg Config) *handler {
	cfg.NewResponder = func() Responder { return new(bare) }
	s := New(cfg)
	return s.newHandler(false, s.counts.add(UDP))
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
	for name, msg := range map[string][]byte{
		"plain":     query("www.example.org.", wire.TypeA, ""),
		"EDNS":      query("www.example.org.", wire.TypeA, optRR),
		"BADVERS":   query("www.example.org.", wire.TypeA, badOPT),
		"malformed": query("www.example.org.", wire.TypeA, "\x00"),
		"ignored":   {1},
		"steered":   query("www.example.org.", wire.TypeA, tsigRR),
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
		if v == steer {
			var err error
			if out, err = h.special(context.Background(), nil, netip.AddrPort{}, h.udpLimits(), nil); err != nil {
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
		if len(out) > len(msg)+11 {
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

// fakeSession appends its mark instead of a TSIG record.
type fakeSession struct{}

const mark = "signed"

func (fakeSession) Key() *tsig.Key { return nil }
func (fakeSession) Overhead() int  { return len(mark) }
func (fakeSession) Sign(buf []byte, _ int, _ time.Time) ([]byte, error) {
	return append(buf, mark...), nil
}

// What comes of a signed request, by what the verifier says (RFC 8945 section 5.2).
func TestDoor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		verified wire.Rcode
		session  Session
		want     wire.Rcode
		signed   bool
	}{
		{wire.RcodeNoError, fakeSession{}, wire.RcodeNoError, true},
		{wire.RcodeBadKey, fakeSession{}, wire.RcodeNotAuth, true},
		{wire.RcodeBadTime, fakeSession{}, wire.RcodeNotAuth, true},
		{wire.RcodeFormErr, nil, wire.RcodeFormErr, false},
	} {
		h := testHandler(Config{Verify: func(*wire.Query, []*tsig.Key, time.Time) (Session, wire.Rcode) {
			return tt.session, tt.verified
		}})
		if _, v := h.datagram(nil, query("a.test.", wire.TypeSOA, tsigRR)); v != steer {
			t.Fatalf("verdict %d", v)
		}
		out, err := h.special(t.Context(), nil, netip.AddrPort{}, Limits{Size: 512}, nil)
		if err != nil || wire.HeaderFlags(out).Rcode() != tt.want || bytes.HasSuffix(out, []byte(mark)) != tt.signed {
			t.Errorf("%v: %x, %v", tt.verified.ErrorString(), out, err)
		}
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
	for i, want := range []time.Duration{20, 20, 20, 20, 20, 15, 10, 5, 1} {
		if got := table.idle(); got != want*time.Second {
			t.Errorf("%d open: %v", i, got)
		}
		if i < 8 && !table.enter(&fakeConn{}, from) {
			t.Fatalf("connection %d refused", i)
		}
	}
	if table.enter(&fakeConn{}, from) {
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

func BenchmarkDatagram(b *testing.B) {
	h := testHandler(Config{})
	slab, msg := make([]byte, 0, 2048), query("www.example.org.", wire.TypeA, optRR)
	for b.Loop() {
		h.datagram(slab, msg)
	}
}
