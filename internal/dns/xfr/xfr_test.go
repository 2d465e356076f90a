package xfr_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

var apex = wire.MustName("example.org")

func soa(serial uint32) rr.Set {
	data := append([]byte(wire.MustName("ns.example.org")+wire.MustName("h.example.org")), make([]byte, 20)...)
	binary.BigEndian.PutUint32(data[len(data)-20:], serial)
	return rr.Set{Owner: apex, Type: wire.TypeSOA, TTL: 3600, Data: [][]byte{data}}
}

// history is a zone with a random past.
type history struct {
	versions []*zone.Version
	deltas   []*zone.Delta
}

func randomSets(r *rand.Rand, n int) []rr.Set {
	sets := map[string]rr.Set{}
	for range n {
		owner := apex
		for range r.IntN(4) {
			owner, _ = owner.Child([]string{"a", "b", "www", "x\x00y", "*", "deep-label-here"}[r.IntN(6)])
		}
		s := rr.Set{Owner: owner, Type: []wire.Type{wire.TypeA, wire.TypeTXT, wire.TypeMX, wire.TypePTR}[r.IntN(4)], TTL: uint32(60 * (1 + r.IntN(2)))}
		for range 1 + r.IntN(3) {
			switch s.Type {
			case wire.TypeA:
				s.Data = append(s.Data, []byte{10, 0, 0, byte(r.IntN(256))})
			case wire.TypeTXT:
				s.Data = append(s.Data, append([]byte{200}, bytes.Repeat([]byte{byte(r.IntN(256))}, 200)...))
			case wire.TypeMX:
				s.Data = append(s.Data, append([]byte{0, byte(r.IntN(9))}, owner...))
			case wire.TypePTR:
				s.Data = append(s.Data, []byte(wire.MustName(fmt.Sprintf("h%d.example.org", r.IntN(50)))))
			}
		}
		if s.Type == wire.TypeTXT && r.IntN(30) == 0 {
			var big []byte
			for range 253 {
				big = append(big, append([]byte{255}, bytes.Repeat([]byte{byte(r.IntN(256))}, 255)...)...)
			}
			s.Data = [][]byte{big} // one record of 64,768 octets
		}
		s.Normalize()
		sets[string(owner)+s.Type.String()] = s
	}
	out := make([]rr.Set, 0, len(sets))
	for _, s := range sets {
		out = append(out, s)
	}
	return out
}

func randomHistory(t testing.TB, seed uint64, n int) *history {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	h := &history{}
	for serial := range uint32(n) {
		v, err := zone.Build(apex, append(randomSets(r, 60), soa(serial+1)))
		if err != nil {
			t.Fatal(err)
		}
		if serial > 0 {
			h.deltas = append(h.deltas, zone.Diff(h.versions[serial-1], v))
		}
		h.versions = append(h.versions, v)
	}
	return h
}

func records(v *zone.Version) []string {
	var out []string
	v.Walk(func(owner []byte, s zone.RRset) bool {
		for it := s.Iter(); it.Next(); {
			out = append(out, string(wire.AppendRR(nil, wire.Name(owner), s.Type, wire.ClassIN, s.TTL, it.AppendFull(nil))))
		}
		return true
	})
	slices.Sort(out)
	return out
}

func split(t testing.TB, b []byte) []string {
	t.Helper()
	var out []string
	for len(b) > 0 {
		_, rest, err := wire.NextRR(b)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b[:len(b)-len(rest)]))
		b = rest
	}
	slices.Sort(out)
	return out
}

var key = func() *tsig.Key {
	k, err := tsig.NewKey("transfer.key", "hmac-sha256", base64.StdEncoding.EncodeToString([]byte("0123456789abcdef")), false)
	if err != nil {
		panic(err)
	}
	return k
}()

// primary is a server on loopback whose zone a test can change.
type primary struct {
	addr    netip.AddrPort
	db      *zone.DB
	reports chan xfr.Report
}

// last waits for the next report: it comes after the client has its answer.
func (p *primary) last() xfr.Report { return <-p.reports }

func serve(t testing.TB, k *tsig.Key) *primary {
	t.Helper()
	p := &primary{db: zone.NewDB(1 << 30), reports: make(chan xfr.Report, 100)}
	p.account(k)
	s := xfr.NewServer(xfr.Config{DB: p.db, Done: func(r xfr.Report) {
		p.reports <- r
	}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().(*net.TCPAddr).AddrPort()
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer c.Close(); answer(ctx, s, c) })
		}
	})
	return p
}

func answer(ctx context.Context, s *xfr.Server, c net.Conn) {
	var head [2]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return
	}
	msg := make([]byte, binary.BigEndian.Uint16(head[:]))
	if _, err := io.ReadFull(c, msg); err != nil {
		return
	}
	r := request(msg)
	r.Source = c.RemoteAddr().(*net.TCPAddr).AddrPort()
	_ = s.Stream(ctx, c, r)
}

func request(msg []byte) *wire.Request {
	r := &wire.Request{}
	r.Receive(msg, netip.MustParseAddrPort("127.0.0.1:999"), true)
	r.Size = 1232
	if r.TSIGAt > 0 {
		r.Signer, _ = tsig.Verify(msg, r.TSIGAt, []*tsig.Key{key}, time.Now())
	}
	return r
}

// account has one peer, with a key or without.
func (p *primary) account(k *tsig.Key) {
	p.db.SetAccount(&zone.Account{ID: "acc", Keys: []*tsig.Key{key}, Peers: map[string]zone.Peer{
		"p": {ID: "p", Name: "peer", Addr: netip.MustParseAddrPort("127.0.0.1:53"), Key: k},
	}})
}

func (p *primary) put(v *zone.Version, deltas []*zone.Delta) {
	p.db.Reset("z", "acc", 1, v, v, zone.Links{Enabled: true, Peers: []string{"p"}}, deltas)
}

// AXFR(n) and then IXFR(n to m) is AXFR(m), for every n, whatever the form.
func TestTransfersOfRandomHistories(t *testing.T) {
	t.Parallel()
	for _, k := range []*tsig.Key{nil, key} {
		for seed := range uint64(6) {
			p := serve(t, k)
			h := randomHistory(t, seed, 12)
			newest := h.versions[len(h.versions)-1]
			p.put(newest, h.deltas)
			full, err := xfr.Fetch(t.Context(), xfr.Source{Server: p.addr, Zone: apex, Key: k})
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if diff := testkit.Diff(records(newest), split(t, full.Records)); diff != "" || full.Kind != xfr.AXFR {
				t.Fatalf("seed %d: AXFR differs: %s", seed, diff)
			}
			p.last()
			for i, v := range h.versions {
				serial := v.Serial()
				got, err := xfr.Fetch(t.Context(), xfr.Source{Server: p.addr, Zone: apex, Key: k, Serial: &serial})
				if err != nil {
					t.Fatalf("seed %d from %d: %v", seed, serial, err)
				}
				checkIncrement(t, v, newest, got, i == len(h.versions)-1)
				if rep := p.last(); rep.Kind != got.Kind || rep.Reason != "" || rep.Messages != got.Messages || rep.Bytes != got.Bytes {
					t.Errorf("report %+v of %s, %d messages, %d octets", rep, got.Kind, got.Messages, got.Bytes)
				}
			}
		}
	}
}

func checkIncrement(t *testing.T, from, to *zone.Version, got *xfr.Result, newest bool) {
	t.Helper()
	switch {
	case newest:
		if got.Kind != xfr.UpToDate {
			t.Errorf("from the newest serial: %s", got.Kind)
		}
	case got.Kind == xfr.Full:
		if testkit.Diff(records(to), split(t, got.Records)) != "" {
			t.Error("AXFR-style answer differs")
		}
	case got.Kind == xfr.IXFR:
		v := from
		for _, d := range got.Deltas {
			next, err := v.Apply(d)
			if err != nil {
				t.Fatalf("apply %d to %d: %v", d.From, d.To, err)
			}
			v = next
		}
		if testkit.Diff(records(to), records(v)) != "" {
			t.Error("IXFR leads elsewhere")
		}
	default:
		t.Errorf("from serial %d: %s", from.Serial(), got.Kind)
	}
}

func TestUnknownSerialGetsTheWholeZone(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	h := randomHistory(t, 3, 3)
	p.put(h.versions[2], nil)
	serial := uint32(1)
	got, err := xfr.Fetch(t.Context(), xfr.Source{Server: p.addr, Zone: apex, Serial: &serial})
	if err != nil || got.Kind != xfr.Full {
		t.Errorf("%v, %v", got, err)
	}
}

func query(typ wire.Type, serial *uint32, bad bool) []byte {
	var b wire.Builder
	b.Start(nil, 512, 77, 0)
	b.Question([]byte(apex), typ, wire.ClassIN)
	if serial != nil {
		b.Section(wire.SectionAuthority)
		owner := []byte(apex)
		if bad {
			owner = []byte(wire.MustName("other.test"))
		}
		data := make([]byte, 22)
		binary.BigEndian.PutUint32(data[2:], *serial)
		b.Append(owner, wire.TypeSOA, wire.ClassIN, 0, data)
	}
	return b.Finish()
}

func TestDatagrams(t *testing.T) {
	t.Parallel()
	p := serve(t, nil)
	var rep xfr.Report
	s := xfr.NewServer(xfr.Config{DB: p.db, Done: func(r xfr.Report) { rep = r }})
	small, err := zone.Build(apex, []rr.Set{soa(1)})
	if err != nil {
		t.Fatal(err)
	}
	old, now := soa(1), soa(2)
	d := &zone.Delta{From: 1, To: 2, Removed: old.AppendWire(nil)}
	d.Added = wire.AppendRR(now.AppendWire(nil), apex, wire.TypeA, wire.ClassIN, 60, []byte{1, 2, 3, 4})
	next, err := small.Apply(d)
	if err != nil {
		t.Fatal(err)
	}
	p.put(next, []*zone.Delta{d})
	one, zero, two := uint32(1), uint32(0), uint32(2)
	tests := []struct {
		name    string
		msg     []byte
		kind    xfr.Kind
		rcode   wire.Rcode
		answers int
	}{
		{"a delta that fits", query(wire.TypeIXFR, &one, false), xfr.IXFR, 0, 5},
		{"up to date", query(wire.TypeIXFR, &two, false), xfr.UpToDate, 0, 1},
		{"no history", query(wire.TypeIXFR, &zero, false), xfr.TooLarge, 0, 1},
		{"AXFR", query(wire.TypeAXFR, nil, false), "", wire.RcodeFormErr, 0},
		{"no SOA", query(wire.TypeIXFR, nil, false), "", wire.RcodeFormErr, 0},
		{"SOA of another zone", query(wire.TypeIXFR, &one, true), "", wire.RcodeFormErr, 0},
	}
	for _, tt := range tests {
		req := request(tt.msg)
		req.TCP = false
		out := s.Datagram([]byte("ab"), req)[2:]
		r, err := wire.NewReader(out)
		if err != nil {
			t.Fatal(err)
		}
		if rep.Kind != tt.kind || r.Rcode() != tt.rcode || r.Count(wire.SectionAnswer) != tt.answers {
			t.Errorf("%s: kind %q rcode %s, %d answers", tt.name, rep.Kind, r.Rcode(), r.Count(wire.SectionAnswer))
		}
	}
}

// FuzzFetch reads any message as an answer; the seeds are real ones, of both kinds.
func FuzzFetch(f *testing.F) {
	p := &primary{db: zone.NewDB(0)}
	p.account(nil)
	www, _ := apex.Child("www") // a small zone: long inputs make a slow fuzzer
	old, _ := zone.Build(apex, []rr.Set{soa(1), {Owner: www, Type: wire.TypeA, TTL: 60, Data: [][]byte{{1, 2, 3, 4}}}})
	now, _ := zone.Build(apex, []rr.Set{soa(2), {Owner: www, Type: wire.TypeMX, TTL: 60, Data: [][]byte{append([]byte{0, 9}, www...)}}})
	p.put(now, []*zone.Delta{zone.Diff(old, now)})
	s := xfr.NewServer(xfr.Config{DB: p.db})
	one := uint32(1)
	for _, q := range [][]byte{query(wire.TypeAXFR, nil, false), query(wire.TypeIXFR, &one, false)} {
		f.Add(q, false)
		var out bytes.Buffer
		if err := s.Stream(f.Context(), &out, request(q)); err != nil {
			f.Fatal(err)
		}
		n := binary.BigEndian.Uint16(out.Bytes())
		f.Add(out.Bytes()[2:2+n], true)
		f.Add(out.Bytes()[2:2+n], false)
	}
	f.Fuzz(func(_ *testing.T, b []byte, ixfr bool) { xfr.AssembleOne(b, ixfr, apex) })
}

func BenchmarkAXFR(b *testing.B) {
	p := serve(b, nil)
	sets := []rr.Set{soa(1)}
	for i := range 200_000 {
		n, _ := apex.Child(fmt.Sprintf("host-%d", i))
		sets = append(sets, rr.Set{Owner: n, Type: wire.TypeA, TTL: 60, Data: [][]byte{{1, byte(i >> 16), byte(i >> 8), byte(i)}}})
	}
	v, err := zone.Build(apex, sets)
	if err != nil {
		b.Fatal(err)
	}
	p.put(v, nil)
	s := xfr.NewServer(xfr.Config{DB: p.db})
	for b.Loop() {
		if err := s.Stream(b.Context(), io.Discard, request(query(wire.TypeAXFR, nil, false))); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200_000, "ns/record")
}
