package flatten_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/flatten"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func TestDampsWhatSecondariesGet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(func(c *flatten.Config) { c.Damping = time.Minute })
		b.own("z", "a.example", "cdn.test")
		b.set("cdn.test", 4*time.Second, "192.0.2.0")
		b.run(t)
		held, moves := b.told("cdn.test").Held[0], 0
		for i := range 300 {
			b.set("cdn.test", 4*time.Second, fmt.Sprintf("192.0.2.%d", i%250))
			pass(time.Second)
			if now := b.told("cdn.test").Held[0]; now != held {
				held = now
				moves++
			}
		}
		if moves < 4 || moves > 5 {
			t.Errorf("secondaries saw %d changes in five minutes", moves)
		}
		b.set("cdn.test", 4*time.Second, "198.51.100.1")
		pass(61 * time.Second)
		if got := b.told("cdn.test").Held[0].String(); got != "198.51.100.1" {
			t.Errorf("the last change did not reach secondaries: %s", got)
		}
	})
}

// TestDampsByZone has the many targets of a zone change all the time: secondaries of it see one change in an interval, and
// none of the targets falls behind for longer. A zone that shares one of them is not held up by the others.
func TestDampsByZone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(func(c *flatten.Config) { c.Damping = time.Minute })
		const targets = 7
		set := func(i, version int) {
			b.set(fmt.Sprintf("t%d.test", i), 4*time.Second, fmt.Sprintf("192.0.2.%d", version))
		}
		for i := range targets {
			b.own("z", fmt.Sprintf("h%d.example", i), fmt.Sprintf("t%d.test", i))
			set(i, 0)
		}
		b.own("quiet", "h.quiet", "t0.test")
		b.run(t)
		shown := func() (out [targets]string) {
			for i := range targets {
				out[i] = b.told(fmt.Sprintf("t%d.test", i)).Held[0].String()
			}
			return out
		}
		last, changes, changed := shown(), 0, time.Now()
		for version := range 250 {
			for i := range targets {
				set(i, version)
			}
			pass(time.Second)
			now := shown()
			if now == last {
				if age := time.Since(changed); age > 65*time.Second {
					t.Fatalf("secondaries have seen nothing new for %v", age)
				}
				continue
			}
			for i := range targets {
				if now[i] == last[i] {
					t.Errorf("target %d is left behind by change %d", i, changes)
				}
			}
			if since := time.Since(changed); changes > 0 && since < 55*time.Second {
				t.Errorf("secondaries get a change %v after another", since)
			}
			last, changed, changes = now, time.Now(), changes+1
		}
		if changes < 3 || changes > 5 {
			t.Errorf("secondaries saw %d changes in 250 seconds", changes)
		}
		if got := b.f.Lookup("quiet", b.target("t0.test")).Held; len(got) != 1 || got[0].String() == "192.0.2.0" {
			t.Errorf("the other zone's secondaries have %v", got)
		}
	})
}

// TestKeepsWhatFailsMeanwhile has a target change and then fail before secondaries were told: they keep what they have.
func TestKeepsWhatFailsMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(func(c *flatten.Config) { c.Keep, c.Damping = time.Minute, time.Hour })
		b.own("z", "a.example", "cdn.test")
		b.set("cdn.test", 10*time.Second, "192.0.2.1")
		b.run(t)
		b.set("cdn.test", 10*time.Second, "192.0.2.2")
		pass(10 * time.Second)
		b.mu.Lock()
		delete(b.world, "cdn.test")
		b.mu.Unlock()
		pass(2 * time.Hour)
		got := b.told("cdn.test")
		if got.State != model.FlattenFailed || len(got.Held) != 1 || got.Held[0].String() != "192.0.2.1" {
			t.Errorf("got %+v", got)
		}
	})
}
