package peers_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/test/peers"
)

// The changes of a workload, applied in turn to nothing, give what it says that the zone holds.
func TestWorkloadKeepsItsBooks(t *testing.T) {
	t.Parallel()
	apex := wire.MustName("example")
	w := peers.NewWorkload(11, apex)
	var have []peers.Record
	types := map[wire.Type]bool{}
	for i := range 2000 {
		c := w.Next()
		if c.Old != nil {
			i := slices.Index(have, *c.Old)
			if i < 0 {
				t.Fatalf("%+v was never there", c.Old)
			}
			have = slices.Delete(have, i, i+1)
		}
		if c.New != nil {
			have = append(have, *c.New)
			types[c.New.Type] = true
		}
		if i%50 != 0 {
			continue
		}
		if _, err := zone.Build(apex, append(w.Sets(), soa(t, apex, 1))); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range w.Big() {
		have = append(have, *c.New)
	}
	order := func(a, b peers.Record) int {
		return cmpStrings(a.Name.String()+a.Type.String()+a.Data, b.Name.String()+b.Type.String()+b.Data)
	}
	want := w.Records()
	slices.SortFunc(want, order)
	slices.SortFunc(have, order)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
	if len(types) != 21 {
		t.Errorf("%d types were made: %v", len(types), types)
	}
	again := peers.NewWorkload(11, apex)
	for range 2000 {
		again.Next()
	}
	again.Big()
	if !cmp.Equal(w.Records(), again.Records()) {
		t.Error("a seed leads to different zones")
	}
}

func cmpStrings(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func TestBigComesNear64KiB(t *testing.T) {
	t.Parallel()
	w := peers.NewWorkload(3, wire.MustName("example"))
	w.Big()
	sets := w.Sets()
	if len(sets) != 1 {
		t.Fatalf("%d sets", len(sets))
	}
	if n := sets[0].WireLen(); n < 60<<10 {
		t.Errorf("%d octets", n)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	a := rr.Set{Owner: wire.MustName("a.example"), Type: wire.TypeA, TTL: 60, Data: [][]byte{{1, 2, 3, 4}, {5, 6, 7, 8}}}
	b := a
	b.Data = [][]byte{{5, 6, 7, 8}, {9, 9, 9, 9}}
	tests := []struct {
		name      string
		want, got []byte
		diff      string
	}{
		{"equal", a.AppendWire(nil), a.AppendWire(nil), ""},
		{"different", a.AppendWire(nil), b.AppendWire(nil), "- a.example. 60 A 1.2.3.4\n+ a.example. 60 A 9.9.9.9\n"},
		{"nothing", nil, b.AppendWire(nil), "+ a.example. 60 A 5.6.7.8\n+ a.example. 60 A 9.9.9.9\n"},
	}
	for _, tt := range tests {
		got, err := peers.Diff(tt.want, tt.got)
		if err != nil || got != tt.diff {
			t.Errorf("%s: %v %q", tt.name, err, got)
		}
	}
	if _, err := peers.Diff([]byte{1, 2}, nil); err == nil {
		t.Error("no error of broken input")
	}
}
