package answer_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// query is a random one: names in any case, flags, and everything that EDNS may ask for.
func query(r *rand.Rand) []byte {
	names := []string{"a%d", "A%d", "c%d", "x.w%d", "x.d%d", "d%d", "a1.n%d", "no%d"}
	types := []wire.Type{wire.TypeA, wire.TypeTXT, wire.TypeDS, wire.TypeANY, wire.TypeNXNAME, wire.TypeMAILA}
	name := fmt.Sprintf(names[r.IntN(len(names))], r.IntN(5)) + ".example.org"
	typ := types[r.IntN(len(types))]
	if r.IntN(8) == 0 {
		name, typ = "example.org", wire.TypeSOA
	}
	var b wire.Builder
	b.Start(nil, 512, 0, []wire.Flags{0, wire.FlagRD, wire.FlagCD}[r.IntN(3)])
	b.Question([]byte(wire.MustName(name)), typ, wire.ClassIN)
	if r.IntN(3) == 0 {
		return b.Finish()
	}
	b.OPT(&wire.OPT{UDPSize: []uint16{512, 1232}[r.IntN(2)], DO: r.IntN(2) == 0})
	msg := b.Finish()
	end := len(msg)                                                                                                           // of the OPT record, whose length comes last
	for _, option := range []string{"\x00\x03\x00\x00", "\x00\x09\x00\x00", "\x00\x13\x00\x00", "\x00\x0a\x00\x08cookieof"} { // NSID, EXPIRE, ZONEVERSION, COOKIE
		if r.IntN(6) == 0 {
			msg = append(msg, option...)
			msg[end-1] += byte(len(option))
		}
	}
	return msg
}

// signed makes a zone whose signatures, which nobody checks here, end an hour after 1970: what EXPIRE says of it goes down.
func signed(t *testing.T) *zone.Version {
	t.Helper()
	apex := wire.MustName("example.org")
	soa := append([]byte("\x02ns\x07example\x03org\x00\x01h\x00"), []byte{0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}...)
	sig := make([]byte, wire.SigFixed)
	binary.BigEndian.PutUint16(sig, uint16(wire.TypeSOA))
	binary.BigEndian.PutUint32(sig[8:], 3600)
	v, err := zone.Build(apex, []rr.Set{
		{Owner: apex, Type: wire.TypeSOA, TTL: 3600, Data: [][]byte{soa}},
		{Owner: apex, Type: wire.TypeNSEC, TTL: 3600, Data: [][]byte{append([]byte(apex), 0, 6, 0x22, 0, 0, 0, 0, 3)}},
		{Owner: apex, Type: wire.TypeRRSIG, TTL: 3600, Data: [][]byte{append(append(sig, apex...), make([]byte, 64)...)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestKept holds a responder that keeps answers against one that is never told of a request before, and so keeps none: octet for octet,
// with requests in line, while the zone changes, is hidden and shown, has a zone cut out of it, and vanishes.
func TestKept(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	db := zone.NewDB(0)
	versions := []*zone.Version{mixed(t, 1), signed(t)}
	child, err := zone.Build(wire.MustName("a2.example.org"), []rr.Set{{
		Owner: wire.MustName("a2.example.org"), Type: wire.TypeSOA, TTL: 60, Data: [][]byte{append([]byte("\x00\x00"), make([]byte, 20)...)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(0, 0)
	cfg := answer.Config{UDPSize: 1232, NSID: "here", Agent: wire.MustName("agent.example"), Now: func() time.Time { return now }}
	keeps, alone := answer.New(db, cfg), answer.New(db, cfg)
	seq := uint64(0)
	change := func() {
		seq++
		switch r.IntN(6) {
		case 0, 1, 2:
			db.Reset("1", "a", seq, versions[seq%2], versions[seq%2], zone.Links{}, nil)
		case 3:
			db.SetLinks("1", seq, zone.Links{Hidden: r.IntN(2) == 0})
		case 4:
			db.Reset("2", "a", seq, child, child, zone.Links{}, nil)
		case 5:
			db.Remove([]string{"1", "2"}[r.IntN(2)])
		}
	}
	var queries [400][]byte // few, so that they come again
	for i := range queries {
		queries[i] = query(r)
	}
	var line [wire.InLine]wire.Request
	kept, hidden, answered := 0, 0, 0
	for range 150_000 {
		if r.IntN(2000) == 0 {
			change()
		}
		now = now.Add(10 * time.Millisecond)
		i := r.IntN(wire.InLine)
		q, other := &line[i], wire.Request{}
		q.Place = i
		msg := queries[r.IntN(len(queries))]
		binary.BigEndian.PutUint16(msg, uint16(answered))
		size := []int{512, 1232}[r.IntN(2)]
		for _, q := range []*wire.Request{q, &other} {
			if q.Receive(msg, netip.AddrPort{}, answered%16 == 0) != wire.ParseOK {
				t.Fatalf("not a query: %x", msg)
			}
			if q.Size = size; q.EDNS.Cookie != nil {
				q.Cookie = fmt.Appendf(nil, "cookieof%08d", answered)
			}
		}
		keeps.Begin(q)
		want := alone.Respond([]byte("before"), &other)
		switch r.IntN(2000) {
		case 0, 1, 2, 3, 4:
			keeps.Leave(q)
			continue
		case 5, 6, 7, 8, 9:
			continue // it is not answered, and nobody says so
		case 10:
			if q.Type != wire.TypeDS && db.Find(q.Name) != nil { // else it is answered as if it had come alone
				change()
			}
		}
		keeps.Near(q)
		if keeps.Keeps(q) {
			kept++
		}
		got := keeps.Respond([]byte("before"), q)
		if !bytes.Equal(got, want) || keeps.Zone() != alone.Zone() || q.Hidden != other.Hidden {
			t.Fatalf("%d: %x is answered by %x, want %x (zone %v, want %v; hidden %v, want %v)",
				answered, msg, got, want, keeps.Zone(), alone.Zone(), q.Hidden, other.Hidden)
		}
		answered++
		if q.Hidden {
			hidden++
		}
	}
	if kept < answered/10 || hidden < answered/50 {
		t.Errorf("of %d answers %d were kept, %d hidden", answered, kept, hidden)
	}
}
