package node

import (
	"testing"

	"github.com/headwaterdns/headwater/internal/control/parent"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// A parent of the same account is asked here; what another account says of a zone that it may not own counts for nothing.
func TestParentsOfOurOwn(t *testing.T) {
	t.Parallel()
	n := &Node{db: zone.NewDB(0), cfg: &Config{}}
	put := func(id, account, apex string, more ...rr.Set) {
		t.Helper()
		at := wire.MustName(apex)
		data := func(typ wire.Type, text string) [][]byte {
			d, err := rr.ParseData(typ, text, at)
			if err != nil {
				t.Fatal(err)
			}
			return [][]byte{d}
		}
		v, err := zone.Build(at, append(more, rr.Set{Owner: at, Type: wire.TypeSOA, TTL: 60, Data: data(wire.TypeSOA, "ns h 1 2 3 4 5")},
			rr.Set{Owner: at, Type: wire.TypeNS, TTL: 60, Data: data(wire.TypeNS, "ns.elsewhere.")}))
		if err != nil {
			t.Fatal(err)
		}
		n.db.Reset(id, account, 1, v, v, zone.Links{}, nil)
	}
	child := wire.MustName("child.one.test.")
	ds := append([]byte{0, 7, 13, 2}, make([]byte, 32)...)
	put("1", "acc", "one.test.", rr.Set{Owner: child, Type: wire.TypeNS, TTL: 60, Data: [][]byte{[]byte(wire.MustName("ns.elsewhere."))}},
		rr.Set{Owner: child, Type: wire.TypeDS, TTL: 77, Data: [][]byte{ds}})
	put("2", "acc", "child.one.test.")
	put("3", "other", "another.one.test.")
	got, err := n.parents().DS(t.Context(), child)
	if err != nil || got.Any() != parent.Everywhere || got.Parent != wire.MustName("one.test.") || got.TTL().Seconds() != 77 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := n.parents().DS(t.Context(), wire.MustName("another.one.test.")); err == nil {
		t.Errorf("of another account: %+v", got)
	}
}
