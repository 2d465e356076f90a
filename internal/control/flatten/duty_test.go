package flatten_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/flatten"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestDuty: a node renders names of another node's zone only when it has written them itself and had no answer yet; when the
// zone falls to it, it finds them out and keeps them fresh.
func TestDuty(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var duty atomic.Bool
		b := newBench(func(c *flatten.Config) {
			c.Duty = func(model.ID) bool { return duty.Load() }
			c.Shared = true
		})
		b.own("z", "www.example", "cdn.test")
		b.set("cdn.test", 20*time.Second, "192.0.2.1")
		b.run(t)
		if n := b.changes("z"); n != 0 {
			t.Fatalf("another node's zone was rendered %d times at the start", n)
		}
		b.f.Want("z", wire.MustName("www.example"), b.target("cdn.test")) // a client's change, rendered here
		pass(time.Second)
		base := b.changes("z")
		if base == 0 || first(b.told("cdn.test")) != "192.0.2.1" {
			t.Fatalf("%d changes, told %v", base, b.told("cdn.test"))
		}
		b.set("cdn.test", 20*time.Second, "192.0.2.2")
		pass(3 * time.Minute)
		if n := b.changes("z"); n != base {
			t.Errorf("%d changes that are another node's", n-base)
		}
		duty.Store(true)
		b.f.Review()
		synctest.Wait()
		base = b.changes("z")
		b.set("cdn.test", 20*time.Second, "192.0.2.3")
		pass(time.Minute)
		if n := b.changes("z"); n == base || first(b.told("cdn.test")) != "192.0.2.3" {
			t.Errorf("%d changes, told %v", n-base, b.told("cdn.test"))
		}
	})
}
