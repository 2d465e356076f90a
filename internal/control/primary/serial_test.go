package primary_test

import (
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/primary"
)

// After a restore the next change of each zone goes past what was published of changes that are gone, and then on by one.
func TestSerialsAfterARestore(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	one, two := b.zone(t, "one.example"), b.zone(t, "two.example")
	b.add(t, one.ID, rec("a.one.example", "A", "192.0.2.1"))
	serial := func(z model.Zone) uint32 { t.Helper(); return b.state(t, z.ID).Transfer.Serial() }
	began := serial(two)
	if serial(one) != began+1 {
		t.Fatalf("serials %d and %d", serial(one), began)
	}
	restored := model.Seq(max(b.state(t, one.ID).Seq, b.state(t, two.ID).Seq))
	b.pass(time.Hour)
	b.open(t, func(c *primary.Config) { c.Restored = restored })
	for i, want := range []uint32{began + 3600, began + 3601} {
		b.add(t, one.ID, rec("b.one.example", "A", "192.0.2."+string(rune('2'+i))))
		if got := serial(one); got != want {
			t.Errorf("change %d: serial %d, want %d", i, got, want)
		}
	}
	// A zone that outran the clock does not go back.
	b.pass(-2 * time.Hour)
	b.add(t, two.ID, rec("b.two.example", "A", "192.0.2.1"))
	if got := serial(two); got != began+1 {
		t.Errorf("serial %d, want %d", got, began+1)
	}
	b.checkFold(t)
}
