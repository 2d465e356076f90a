package answer_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// mixed makes a zone of few labels, and of several pages, with everything that a search may end at.
func mixed(t *testing.T, serial byte) *zone.Version {
	t.Helper()
	apex := wire.MustName("example.org")
	soa := append([]byte("\x02ns\x07example\x03org\x00\x01h\x00"), append([]byte{0, 0, 0, serial}, make([]byte, 16)...)...)
	sets := []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 3600, Data: [][]byte{soa}}}
	add := func(owner string, typ wire.Type, data []byte) {
		sets = append(sets, rr.Set{Owner: wire.MustName(owner + ".example.org"), Type: typ, TTL: 300, Data: [][]byte{data}})
	}
	for i := range 400 {
		add(fmt.Sprintf("a%d", i), wire.TypeA, []byte{192, 0, serial, byte(i)})
		switch i % 5 {
		case 0:
			add(fmt.Sprintf("c%d", i), wire.TypeCNAME, []byte(wire.MustName(fmt.Sprintf("a%d.example.org", i))))
		case 1:
			add(fmt.Sprintf("*.w%d", i), wire.TypeTXT, []byte("\x01w"))
		case 2:
			add(fmt.Sprintf("d%d", i), wire.TypeNS, []byte(wire.MustName(fmt.Sprintf("a%d.example.org", i))))
			add(fmt.Sprintf("d%d", i), wire.TypeDS, make([]byte, 36))
		case 3:
			add(fmt.Sprintf("n%d", i), wire.TypeDNAME, []byte(wire.MustName("example.org")))
		}
	}
	text := append([]byte{200}, make([]byte, 200)...)
	sets = append(sets, rr.Set{Owner: wire.MustName("a1.example.org"), Type: wire.TypeTXT, TTL: 300, Data: [][]byte{append(text, 0), append(text, 1, 'x'), append(text, text...)}})
	v, err := zone.Build(apex, sets)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestInLine holds answers to requests that were begun beside others against those to the same requests alone. Some are not
// approached, some not answered, and the zone changes under some: these are answered as when they were begun.
func TestInLine(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	db := zone.NewDB(0)
	versions := []*zone.Version{mixed(t, 1), mixed(t, 2)}
	publish := func(n int) { db.Reset("1", "a", uint64(n+1), versions[n%2], versions[n%2], zone.Links{}, nil) }
	publish(0)
	inLine, alone := answer.New(db, answer.Config{UDPSize: 1232}), answer.New(db, answer.Config{UDPSize: 1232})
	names := []string{"a%d", "c%d", "x.w%d", "x.d%d", "d%d", "a1.n%d", "no%d", "a%d.else"}
	types := []wire.Type{wire.TypeA, wire.TypeTXT, wire.TypeDS, wire.TypeANY, wire.TypeMAILA, wire.TypeNXNAME, wire.TypeCNAME}
	var line [wire.InLine]wire.Request
	var want [wire.InLine][]byte // of those that were begun
	read := func(q *wire.Request, msg []byte) {
		q.Size = 1232
		if q.Parse(msg) != wire.ParseOK {
			t.Fatalf("not a query: %x", msg)
		}
	}
	answered, changes := 0, 0
	for range 40_000 {
		i := r.IntN(wire.InLine)
		q := &line[i]
		q.Place = i
		switch {
		case want[i] == nil:
			var b wire.Builder
			class := wire.ClassIN
			if r.IntN(50) == 0 {
				class = wire.ClassCH
			}
			apex := []string{".example.org", ".example.org", ".example.org", ".example.net"}[r.IntN(4)]
			b.Start(nil, 512, uint16(answered), 0)
			number := r.IntN([]int{3, 500}[r.IntN(2)]) // a few are asked for often, and their answers kept
			b.Question([]byte(wire.MustName(fmt.Sprintf(names[r.IntN(len(names))], number)+apex)), types[r.IntN(len(types))], class)
			b.OPT(&wire.OPT{UDPSize: 1232})
			msg := b.Finish()
			var other wire.Request
			read(&other, msg)
			read(q, msg)
			want[i] = alone.Respond(nil, &other)
			if r.IntN(8) > 0 && q.Type != wire.TypeDS { // else it is answered as one that came alone
				inLine.Begin(q)
				break
			}
			fallthrough
		case r.IntN(2) == 0:
			got := inLine.Respond(nil, q)
			if !bytes.Equal(got, want[i]) {
				t.Fatalf("%s %s: %x, want %x", wire.Name(q.Name), q.Type, got, want[i])
			}
			want[i], answered = nil, answered+1
		case r.IntN(10) == 0:
			inLine.Leave(q)
			want[i] = nil
		case r.IntN(100) == 0:
			changes++
			publish(changes)
		default:
			inLine.Near(q)
		}
	}
	if answered < 10_000 || changes < 20 {
		t.Errorf("only %d answers, %d changes", answered, changes)
	}
}
