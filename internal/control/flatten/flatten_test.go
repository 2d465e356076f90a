package flatten_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/flatten"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// bench is a Flattener between a scripted world of targets and a primary that only renders.
type bench struct {
	f *flatten.Flattener

	mu       sync.Mutex
	world    map[string]flatten.Answer // by host name; a missing one fails
	owners   map[model.ID]map[string]string
	accounts map[model.ID]model.ID // of zones; "acc" where nothing is said
	relearns map[model.ID]int
	refuse   error
	lookups  int
}

func newBench(edit func(*flatten.Config)) *bench {
	b := &bench{
		world: map[string]flatten.Answer{}, owners: map[model.ID]map[string]string{}, relearns: map[model.ID]int{},
		accounts: map[model.ID]model.ID{},
	}
	cfg := flatten.Config{
		Resolve: b.resolve, Change: b.change, Clock: time.Now,
		Zones: func(_ context.Context, yield func(model.ID) error) error {
			for _, id := range b.zones() {
				if err := yield(id); err != nil {
					return err
				}
			}
			return nil
		},
	}
	if edit != nil {
		edit(&cfg)
	}
	b.f = flatten.New(cfg)
	return b
}

func (b *bench) account(zone model.ID) model.ID {
	if a := b.accounts[zone]; a != "" {
		return a
	}
	return "acc"
}

func (b *bench) zones() (ids []model.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := range b.owners {
		ids = append(ids, id)
	}
	return ids
}

func (b *bench) resolve(_ context.Context, target model.FlattenTarget) (flatten.Answer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lookups++
	a, ok := b.world[target.Name.Host()]
	if !ok {
		return flatten.Answer{}, errors.New("silence")
	}
	return a, nil
}

// change renders as primary does: it asks for every owner that is still flattened.
func (b *bench) change(_ context.Context, c model.Change) (model.Result, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.relearns[c.Zone]++
	if b.refuse != nil {
		return model.Result{}, b.refuse
	}
	names := c.Edits[0].(model.Relearn).Names
	if names == nil {
		for n := range b.owners[c.Zone] {
			names = append(names, n)
		}
	}
	for _, n := range names {
		host := wire.MustName(n).Host()
		if target, ok := b.owners[c.Zone][host]; ok {
			b.f.Want(c.Zone, wire.MustName(n), model.FlattenTarget{Account: b.account(c.Zone), Name: wire.MustName(target)})
		}
	}
	return model.Result{}, nil
}

func (b *bench) set(target string, ttl time.Duration, addrs ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := flatten.Answer{TTL: ttl}
	for _, s := range addrs {
		a.Addrs = append(a.Addrs, netip.MustParseAddr(s))
	}
	b.world[target] = a
}

func (b *bench) own(zone model.ID, owner, target string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.owners[zone] == nil {
		b.owners[zone] = map[string]string{}
	}
	b.owners[zone][owner] = target
}

// target is a host as the one account of most of these tests sees it.
func (b *bench) target(host string) model.FlattenTarget {
	return model.FlattenTarget{Account: "acc", Name: wire.MustName(host)}
}

func (b *bench) told(target string) model.Flattened { return b.f.Lookup("z", b.target(target)) }

func (b *bench) changes(zone model.ID) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.relearns[zone]
}

// run starts the loop inside a synctest bubble and ends it with the test.
func (b *bench) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
}

func pass(d time.Duration) {
	time.Sleep(d) // a synctest bubble's own time
	synctest.Wait()
}

func first(f model.Flattened) string {
	if len(f.Addrs) == 0 {
		return fmt.Sprint("none, state ", f.State)
	}
	return f.Addrs[0].String()
}

func TestFollowsTargetWithinItsTTL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(nil)
		b.own("z", "www.example", "cdn.test")
		b.set("cdn.test", 20*time.Second, "192.0.2.1")
		b.run(t)
		if got := b.told("cdn.test"); first(got) != "192.0.2.1" || got.TTL != 10 {
			t.Fatalf("got %+v", got)
		}
		base := b.changes("z")
		pass(5 * time.Minute)
		if n := b.changes("z"); n != base {
			t.Errorf("a target that stays made %d changes", n-base)
		}
		b.set("cdn.test", 20*time.Second, "192.0.2.2")
		// What was answered before may live for its TTL; the next look-up comes before the rest is over.
		pass(11 * time.Second)
		if got := first(b.told("cdn.test")); got != "192.0.2.2" {
			t.Errorf("got %s", got)
		}
		if n := b.changes("z"); n != base+1 {
			t.Errorf("the change of a target made %d changes of the zone", n-base)
		}
	})
}

// TestNeverOutlivesTheTarget has a resolver whose cache counts down: at no time may the TTL told be more than is left.
func TestNeverOutlivesTheTarget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(nil)
		b.own("z", "www.example", "cdn.test")
		start := time.Now()
		left := func() time.Duration { return 100*time.Second - time.Since(start)%(100*time.Second) }
		b.set("cdn.test", left(), "192.0.2.1")
		b.run(t)
		for range 300 {
			if got := b.told("cdn.test"); time.Duration(got.TTL)*time.Second > left() && left() > time.Second {
				t.Fatalf("told %d s with %v left", got.TTL, left())
			}
			pass(time.Second)
			b.set("cdn.test", left(), "192.0.2.1")
		}
		if held := b.told("cdn.test").HeldTTL; held != 30 {
			t.Errorf("what secondaries get has TTL %d, it must not count down", held)
		}
	})
}

func TestSurvivesTheResolver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(func(c *flatten.Config) { c.Keep = 10 * time.Minute })
		b.own("z", "www.example", "cdn.test")
		b.set("cdn.test", time.Minute, "192.0.2.1")
		b.run(t)
		b.mu.Lock()
		delete(b.world, "cdn.test")
		b.mu.Unlock()
		pass(10*time.Minute + 59*time.Second)
		if got := b.told("cdn.test"); got.State != model.FlattenKnown {
			t.Errorf("gave up too early: %+v", got)
		}
		pass(2 * time.Second)
		got := b.told("cdn.test")
		if got.State != model.FlattenFailed || len(got.Held) != 1 {
			t.Errorf("want failure, with secondaries still served: %+v", got)
		}
		b.set("cdn.test", time.Minute, "192.0.2.9")
		pass(31 * time.Second)
		if got := first(b.told("cdn.test")); got != "192.0.2.9" {
			t.Errorf("did not come back: %s", got)
		}
	})
}

func TestDeadFromTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(func(c *flatten.Config) { c.Keep = 10 * time.Minute })
		b.own("z", "www.example", "cdn.test")
		b.run(t)
		pass(9 * time.Minute)
		if got := b.told("cdn.test"); got.State != model.FlattenUnknown {
			t.Errorf("what was answered before the start must serve on: %+v", got)
		}
		pass(2 * time.Minute)
		if got := b.told("cdn.test"); got.State != model.FlattenFailed {
			t.Errorf("got %+v", got)
		}
	})
}

func TestLookupsFollowTargetsNotNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(nil)
		const names, targets = 10000, 100
		for i := range targets {
			b.set(fmt.Sprintf("t%d.test", i), 30*time.Second, "192.0.2.1")
		}
		for i := range names {
			b.own(model.ID(fmt.Sprintf("z%d", i%50)), fmt.Sprintf("h%d.example", i), fmt.Sprintf("t%d.test", i%targets))
		}
		b.run(t)
		pass(time.Second)
		b.mu.Lock()
		b.lookups = 0
		b.mu.Unlock()
		pass(time.Minute)
		b.mu.Lock()
		got := b.lookups
		b.mu.Unlock()
		t.Logf("%d names over %d targets: %d look-ups a minute", names, targets, got)
		if got > 5*targets || got < targets {
			t.Errorf("%d look-ups a minute", got)
		}
		if s := b.f.Stats(); s.Names != names || s.Targets != targets {
			t.Errorf("got %+v", s)
		}
	})
}

// TestBounds looks up a target of a long TTL earlier and one of a short TTL later than the TTL says.
func TestBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(func(c *flatten.Config) { c.MinTTL, c.MaxTTL = 20*time.Second, time.Minute })
		b.own("z", "a.example", "long.test")
		b.set("long.test", 24*time.Hour, "192.0.2.1")
		b.run(t)
		if got := b.told("long.test"); got.TTL != 30 {
			t.Errorf("half of the longest is told, not %d", got.TTL)
		}
		b.set("long.test", 2*time.Second, "192.0.2.2")
		pass(31 * time.Second)
		if got := first(b.told("long.test")); got != "192.0.2.2" {
			t.Errorf("after the longest TTL: %s", got)
		}
		b.set("long.test", 2*time.Second, "192.0.2.3")
		pass(15 * time.Second)
		if got := first(b.told("long.test")); got != "192.0.2.2" {
			t.Errorf("before the shortest TTL: %s", got)
		}
		pass(6 * time.Second)
		if got := first(b.told("long.test")); got != "192.0.2.3" {
			t.Errorf("after the shortest TTL: %s", got)
		}
	})
}

// TestLoopOfOwnNames has two names flattened to each other, each of which answers with what the other had: that is a
// failure, and over as soon as one of them is flattened no longer, though nobody tells.
func TestLoopOfOwnNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(func(c *flatten.Config) { c.Keep = time.Minute })
		b.own("z", "one.example", "two.example")
		b.set("two.example", 10*time.Second, "192.0.2.1")
		b.set("one.example", 10*time.Second, "192.0.2.1")
		b.run(t)
		if got := first(b.told("two.example")); got != "192.0.2.1" {
			t.Fatal(got)
		}
		b.own("z", "two.example", "one.example")
		b.f.Want("z", wire.MustName("two.example"), b.target("one.example"))
		pass(2 * time.Minute)
		for _, name := range []string{"one.example", "two.example"} {
			if got := b.told(name); len(got.Addrs) != 0 || got.State == model.FlattenKnown {
				t.Errorf("%s lives on: %+v", name, got)
			}
		}
		b.mu.Lock()
		delete(b.owners["z"], "two.example")
		b.mu.Unlock()
		pass(time.Minute + time.Second)
		if got := first(b.told("two.example")); got != "192.0.2.1" {
			t.Errorf("after the loop: %s", got)
		}
	})
}

func TestForgetsWhatIsNotFlattenedAnyMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(nil)
		b.own("z", "a.example", "one.test")
		b.own("z", "b.example", "one.test")
		b.own("y", "c.example", "two.test")
		b.set("one.test", 20*time.Second, "192.0.2.1")
		b.set("two.test", 20*time.Second, "192.0.2.1")
		b.run(t)
		b.mu.Lock()
		delete(b.owners["z"], "a.example")
		b.mu.Unlock()
		b.own("z", "b.example", "two.test")
		pass(2 * time.Hour)
		if s := b.f.Stats(); s.Names != 2 || s.Targets != 1 {
			t.Errorf("got %+v", s)
		}
		b.mu.Lock()
		b.refuse = model.ErrNotFound // both zones are deleted
		b.mu.Unlock()
		pass(2 * time.Hour)
		if s := b.f.Stats(); s.Names != 0 || s.Targets != 0 {
			t.Errorf("got %+v", s)
		}
	})
}

func TestTriesAgainWhenTheStoreIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(nil)
		b.own("z", "a.example", "one.test")
		b.set("one.test", 20*time.Second, "192.0.2.1")
		b.run(t)
		b.mu.Lock()
		b.refuse = model.ErrUnavailable
		b.mu.Unlock()
		b.set("one.test", 20*time.Second, "192.0.2.2")
		pass(time.Minute)
		b.mu.Lock()
		b.refuse = nil
		b.mu.Unlock()
		before := b.changes("z")
		pass(2 * time.Second)
		if b.changes("z") == before {
			t.Error("the change was lost")
		}
		if s := b.f.Stats(); s.Names != 1 {
			t.Errorf("the name was lost: %+v", s)
		}
	})
}
