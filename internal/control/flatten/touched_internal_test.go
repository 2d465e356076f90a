package flatten

import (
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// A change of a zone that no target leads into, and that has none, wakes nobody.
func TestTouchedForNothing(t *testing.T) {
	t.Parallel()
	apex := wire.MustName("example")
	v, err := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{make([]byte, 22)}}})
	if err != nil {
		t.Fatal(err)
	}
	z := zone.NewDB(0).Reset("z", "acc", 1, v, v, zone.Links{}, nil)
	for _, shared := range []bool{false, true} {
		f := New(Config{Shared: shared, Clock: time.Now})
		f.Touched(z)
		if woken := len(f.wake) > 0; woken != shared { // where others write, what has changed is read
			t.Errorf("shared %v: woken %v", shared, woken)
		}
	}
}
