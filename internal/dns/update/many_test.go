package update_test

import (
	"encoding/binary"
	"runtime"
	"slices"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/update"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestManyOfOneRRset: the largest messages cost what they hold, and not its square: whoever wants to change anything waits for each. They come
// to the same as small ones, whatever their order.
func TestManyOfOneRRset(t *testing.T) {
	const records = 4000 // as many as a message has room for
	anybody := func(wire.Name, wire.Type) bool { return true }
	name := wire.MustName("many." + origin)
	list := func(class wire.Class, n int) (out []update.RR) {
		for i := range n {
			out = append(out, update.RR{Owner: name, Type: wire.TypeA, Class: class, Data: binary.BigEndian.AppendUint32(nil, uint32(i*7919%records))})
		}
		return out
	}
	z := zoneOf(t)
	do := func(what string, m update.Message, most uint64) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := m.Check(z); err != nil {
			t.Fatal(what, err)
		}
		if err := m.Apply(z, anybody); err != nil {
			t.Fatal(what, err)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > most {
			t.Errorf("%s: %d octets were allocated", what, got)
		}
	}
	holds := func(want int) {
		t.Helper()
		node, err := z.At(name)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		if s := node[wire.TypeA]; s != nil {
			for _, d := range s.Data {
				seen[string(d)] = true
			}
			if len(s.Data) != len(seen) {
				t.Errorf("%d data, %d different", len(s.Data), len(seen))
			}
		}
		if len(seen) != want {
			t.Errorf("%d are there, want %d", len(seen), want)
		}
	}
	const most = 4 << 20
	all := list(wire.ClassIN, records)
	do("added", update.Message{Updates: all}, most)
	holds(records)
	again := slices.Clone(all)
	slices.Reverse(again)
	do("added again, as they are", update.Message{Prerequisites: again, Updates: all}, most)
	holds(records)
	do("some taken away", update.Message{Updates: list(wire.ClassNONE, records-20)}, most)
	holds(20)
	do("and all but some, and back", update.Message{Updates: slices.Concat(list(wire.ClassIN, records), list(wire.ClassNONE, records), all[:5])}, 2*most)
	holds(5)
}
