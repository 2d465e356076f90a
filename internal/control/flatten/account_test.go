package flatten_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/flatten"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// underWay counts look-ups by account, now and at most.
type underWay struct {
	mu        sync.Mutex
	now, most map[model.ID]int
	all, peak int
}

func (u *underWay) begin(a model.ID) (end func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.now[a]++
	u.most[a] = max(u.most[a], u.now[a])
	u.all++
	u.peak = max(u.peak, u.all)
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.now[a]--
		u.all--
	}
}

// TestDeadTargetsOfOthers has six tenants with 3,000 dead targets each, every look-up of which takes the six seconds that a
// resolver is given. Another tenant's targets are followed as if they were alone, and even a living target of one of the
// six is.
func TestDeadTargetsOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const bad, dead, takes = 6, 3000, 6 * time.Second
		under := underWay{now: map[model.ID]int{}, most: map[model.ID]int{}}
		var b *bench
		b = newBench(func(c *flatten.Config) {
			c.Damping = -1
			c.Resolve = func(ctx context.Context, target model.FlattenTarget) (flatten.Answer, error) {
				defer under.begin(target.Account)()
				if !strings.HasPrefix(target.Name.Host(), "dead") {
					return b.resolve(ctx, target)
				}
				select {
				case <-time.After(takes):
					return flatten.Answer{}, errors.New("no answer in time")
				case <-ctx.Done():
					return flatten.Answer{}, ctx.Err()
				}
			}
		})
		for i := range bad {
			zone := model.ID(fmt.Sprintf("bad%d", i))
			b.accounts[zone] = zone
			for k := range dead {
				b.own(zone, fmt.Sprintf("h%d.bad%d", k, i), fmt.Sprintf("dead%d.test", k))
			}
		}
		b.own("bad0", "alive.bad0", "other.test")
		b.own("z", "www.example", "cdn.test")
		told := map[string]func() model.Flattened{
			"cdn.test": func() model.Flattened { return b.told("cdn.test") },
			"other.test": func() model.Flattened {
				return b.f.Lookup("bad0", model.FlattenTarget{Account: "bad0", Name: wire.MustName("other.test")})
			},
		}
		const ttl = 10 * time.Second
		for host := range told {
			b.set(host, ttl, "192.0.2.0")
		}
		b.run(t)
		pass(time.Hour) // all dead ones have had their turn
		slowest := map[string]time.Duration{}
		for i := range 60 {
			addr := fmt.Sprintf("192.0.2.%d", i+1)
			for host := range told {
				b.set(host, ttl, addr)
			}
			begin := time.Now()
			for host, now := range told {
				for first(now()) != addr {
					pass(100 * time.Millisecond)
				}
				slowest[host] = max(slowest[host], time.Since(begin))
			}
			pass(time.Duration(i%7) * time.Second)
		}
		begin := time.Now()
		b.set("new.test", ttl, "192.0.2.1")
		b.own("y", "www.other", "new.test")
		b.f.Want("y", wire.MustName("www.other"), b.target("new.test"))
		for first(b.told("new.test")) != "192.0.2.1" {
			pass(100 * time.Millisecond)
		}
		slowest["new.test"] = time.Since(begin)
		t.Logf("slowest %v; at most %d look-ups at once, of an account %d", slowest, under.peak, under.most["bad0"])
		if slowest["cdn.test"] > ttl/2+time.Second || slowest["new.test"] > 2*time.Second {
			t.Error("a tenant waits for the dead targets of others")
		}
		if slowest["other.test"] > ttl {
			t.Error("a living target waits for the dead ones of its own account")
		}
		if under.peak > 64 || under.most["bad0"] > 16 {
			t.Error("too many look-ups at once")
		}
	})
}

// TestAccountsApart has two accounts see different things under one name.
func TestAccountsApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b *bench
		b = newBench(func(c *flatten.Config) {
			c.Resolve = func(ctx context.Context, target model.FlattenTarget) (flatten.Answer, error) {
				target.Name = wire.MustName(string(target.Account) + "." + target.Name.Host())
				return b.resolve(ctx, target)
			}
		})
		b.accounts["y"] = "other"
		b.own("z", "www.example", "bank.test")
		b.own("y", "www.other", "bank.test")
		b.set("acc.bank.test", 20*time.Second, "192.0.2.1")
		b.set("other.bank.test", 20*time.Second, "192.0.2.2")
		b.run(t)
		mine := b.f.Lookup("z", model.FlattenTarget{Account: "acc", Name: wire.MustName("bank.test")})
		theirs := b.f.Lookup("y", model.FlattenTarget{Account: "other", Name: wire.MustName("bank.test")})
		if first(mine) != "192.0.2.1" || first(theirs) != "192.0.2.2" {
			t.Errorf("told %s and %s", first(mine), first(theirs))
		}
		// Names that another account has flattened into a circle say nothing of ours.
		b.own("y", "bank.test", "www.example")
		b.f.Want("y", wire.MustName("bank.test"), model.FlattenTarget{Account: "other", Name: wire.MustName("www.example")})
		b.own("z", "cdn.example", "bank.test")
		b.set("acc.bank.test", 20*time.Second, "192.0.2.3")
		pass(30 * time.Second)
		if got := b.told("bank.test"); first(got) != "192.0.2.3" {
			t.Errorf("told %s", first(got))
		}
	})
}

// TestTargetsAreCounted counts what an account's names lead to; names that are flattened no longer let go at once.
func TestTargetsAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(nil)
		b.accounts["y"] = "other"
		for i := range 10 {
			b.own("z", fmt.Sprintf("h%d.example", i), fmt.Sprintf("t%d.test", i/2))
			b.own("y", fmt.Sprintf("h%d.other", i), fmt.Sprintf("t%d.test", i))
		}
		b.run(t)
		count := func(host, instead string) string {
			n, known := b.f.Targets(b.target(host), wire.MustName(instead))
			return fmt.Sprint(n, " ", known)
		}
		if got := count("t0.test", "t1.test"); got != "4 true" {
			t.Error(got)
		}
		if got := count("new.test", "t1.test"); got != "5 false" {
			t.Errorf("%s: another name wants it, too", got)
		}
		b.mu.Lock()
		delete(b.owners["z"], "h2.example")
		b.mu.Unlock()
		b.f.Doubt("z", []wire.Name{wire.MustName("h2.example"), wire.MustName("h4.example"), wire.MustName("never.example")})
		synctest.Wait()
		if got := count("new.test", "t1.test"); got != "4 false" {
			t.Errorf("%s: its only name leads elsewhere", got)
		}
		b.mu.Lock()
		delete(b.owners, "z")
		b.mu.Unlock()
		b.f.Doubt("z", nil)
		synctest.Wait()
		if got := count("new.test", "t1.test"); got != "0 false" {
			t.Error(got)
		}
		if s := b.f.Stats(); s.Names != 10 || s.Targets != 10 {
			t.Errorf("the other account's: %+v", s)
		}
	})
}
