package flatten_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/flatten"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// inMemory is a zone as the fast half has it.
func inMemory(t *testing.T, id, account, name string) *zone.Zone {
	t.Helper()
	apex := wire.MustName(name)
	v, err := zone.Build(apex, []rr.Set{{
		Owner: apex, Type: wire.TypeSOA, TTL: 1, Data: [][]byte{append([]byte("\x00\x00"), make([]byte, 20)...)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return zone.NewDB(0).Reset(id, account, 1, v, v, zone.Links{}, nil)
}

// TestZoneGone deletes the zone that a target was found in while nobody else knows the target: what was found is not
// answered for as long as last good answers are, and secondaries do not keep it. Names of the zone itself are forgotten.
func TestZoneGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(nil)
		b.own("z", "www.example", "host.later.test")
		b.own("z", "far.example", "alias.far.test") // whose aliases lead through the zone
		b.own("z", "kept.example", "cdn.test")
		b.own("later", "www.later.test", "host.later.test")
		b.set("host.later.test", time.Hour, "192.0.2.1")
		b.set("cdn.test", time.Hour, "192.0.2.7")
		b.mu.Lock()
		b.world["alias.far.test"] = flatten.Answer{
			Addrs: b.world["host.later.test"].Addrs, TTL: time.Hour, Through: []wire.Name{wire.MustName("x.y.later.test")},
		}
		b.mu.Unlock()
		b.run(t)
		pass(10 * time.Minute)
		b.f.Gone(inMemory(t, "other", "other", "later.test"))
		pass(time.Minute)
		if got := b.told("host.later.test"); got.State != model.FlattenKnown {
			t.Fatalf("a zone of another account: %+v", got)
		}
		b.mu.Lock()
		b.world = map[string]flatten.Answer{}
		delete(b.owners, "later")
		b.mu.Unlock()
		b.f.Gone(inMemory(t, "later", "acc", "later.test"))
		pass(time.Second)
		for _, host := range []string{"host.later.test", "alias.far.test"} {
			if got := b.told(host); got.State != model.FlattenFailed {
				t.Errorf("%s: %+v", host, got)
			}
		}
		pass(time.Minute) // of damping
		for _, host := range []string{"host.later.test", "alias.far.test"} {
			if got := b.told(host); len(got.Held) != 0 || got.HeldState != model.FlattenKnown {
				t.Errorf("secondaries of %s: %+v", host, got)
			}
		}
		if got := first(b.told("cdn.test")); got != "192.0.2.7" {
			t.Errorf("elsewhere: %s", got)
		}
		if s := b.f.Stats(); s.Names != 3 || s.Targets != 3 {
			t.Errorf("%+v", s)
		}
		b.set("host.later.test", time.Hour, "192.0.2.9")
		b.f.Touched(inMemory(t, "again", "acc", "later.test"))
		synctest.Wait()
		if got := b.told("host.later.test"); first(got) != "192.0.2.9" {
			t.Errorf("when it is back: %+v", got)
		}
	})
}

// TestGoneWhileLookedUp deletes a zone while its last answer is on the way: it counts for nothing.
func TestGoneWhileLookedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := make(chan struct{})
		var b *bench
		b = newBench(func(c *flatten.Config) {
			c.Resolve = func(ctx context.Context, target model.FlattenTarget) (flatten.Answer, error) {
				a, err := b.resolve(ctx, target)
				<-slow
				return a, err
			}
		})
		b.own("z", "www.example", "host.later.test")
		b.set("host.later.test", time.Hour, "192.0.2.1")
		b.run(t)
		b.mu.Lock()
		b.world = map[string]flatten.Answer{}
		b.mu.Unlock()
		b.f.Gone(inMemory(t, "later", "acc", "later.test"))
		close(slow)
		synctest.Wait()
		if got := b.told("host.later.test"); got.State != model.FlattenFailed {
			t.Errorf("%+v", got)
		}
	})
}

// TestTouchedCostsWhatLiesInTheZone has a zone change among very many targets: none but those that lead into it is looked up.
func TestTouchedCostsWhatLiesInTheZone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		asked := map[string]int{}
		var b *bench
		b = newBench(func(c *flatten.Config) {
			c.Resolve = func(ctx context.Context, target model.FlattenTarget) (flatten.Answer, error) {
				mu.Lock()
				defer mu.Unlock()
				asked[string(target.Account)+" "+target.Name.Host()]++
				return b.resolve(ctx, target)
			}
		})
		b.accounts["y"] = "other"
		b.own("y", "h.other", "h1.inside.test")
		const many = 5000
		for i := range many {
			host := fmt.Sprintf("h%d.outside%d.test", i, i)
			b.own("z", fmt.Sprintf("h%d.example", i), host)
			b.set(host, time.Hour, "192.0.2.1")
		}
		for _, host := range []string{"inside.test", "h1.inside.test", "h2.x.inside.test", "notinside.test", "test"} {
			b.own("z", host+".example", host)
			b.set(host, time.Hour, "192.0.2.1")
		}
		b.run(t)
		pass(time.Minute)
		mu.Lock()
		clear(asked)
		mu.Unlock()
		b.f.Touched(inMemory(t, "i", "acc", "inside.test"))
		synctest.Wait()
		if got := fmt.Sprint(asked); got != "map[acc h1.inside.test:1 acc h2.x.inside.test:1 acc inside.test:1]" {
			t.Errorf("asked %s", got)
		}
	})
}
