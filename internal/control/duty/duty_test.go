package duty_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/duty"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestMain(m *testing.M) { testkit.VerifyTestMain(m) }

var errGone = errors.New("the database is gone")

// book keeps leases as the store does, by the bubble's clock.
type book struct {
	mu      sync.Mutex
	epoch   uint64
	expires map[model.ID]time.Time
	seen    map[model.ID]uint64
	down    map[model.ID]bool          // who cannot reach it
	slow    map[model.ID]time.Duration // how long the answer takes
}

func newBook() *book {
	return &book{
		expires: map[model.ID]time.Time{}, seen: map[model.ID]uint64{}, down: map[model.ID]bool{},
		slow: map[model.ID]time.Duration{},
	}
}

func (b *book) renew(node model.ID, seen uint64, life time.Duration) (model.Circle, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down[node] {
		return model.Circle{}, errGone
	}
	changed := false
	for id, at := range b.expires {
		if at.Before(time.Now()) {
			delete(b.expires, id)
			changed = true
		}
	}
	_, held := b.expires[node]
	b.expires[node], b.seen[node] = time.Now().Add(life), seen
	if changed || !held {
		b.epoch++
	}
	c := model.Circle{Epoch: b.epoch}
	for id := range b.expires {
		c.Nodes = append(c.Nodes, model.CircleNode{ID: id, Seen: b.seen[id]})
	}
	slices.SortFunc(c.Nodes, func(x, y model.CircleNode) int { return strings.Compare(string(x.ID), string(y.ID)) })
	return c, nil
}

// trouble says whether a node can reach the book, and how long it waits for the answer.
func (b *book) trouble(node model.ID, down bool, slow time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down[node], b.slow[node] = down, slow
}

func (b *book) wait(node model.ID) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Millisecond + b.slow[node]
}

func (b *book) leave(node model.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.expires[node]; ok {
		delete(b.expires, node)
		b.epoch++
	}
}

// member is a node under test.
type member struct {
	*duty.Duty
	id    model.ID
	book  *book
	stop  context.CancelFunc
	done  chan struct{}
	calls atomic.Int32 // of Changed
}

func (b *book) start(ctx context.Context, n int) *member {
	m := &member{id: model.ID(fmt.Sprintf("%032x", n)), book: b, done: make(chan struct{})}
	m.Duty = duty.New(duty.Config{
		Node: m.id, Life: 3 * time.Second, Pause: 500 * time.Millisecond, Changed: func(bool) { m.calls.Add(1) },
		Renew: func(ctx context.Context, seen uint64, life time.Duration) (model.Circle, error) {
			c, err := b.renew(m.id, seen, life)
			select {
			case <-ctx.Done():
				return c, ctx.Err()
			case <-time.After(b.wait(m.id)):
			}
			return c, err
		},
		Leave: func(context.Context) error { b.leave(m.id); return nil },
	})
	ctx, m.stop = context.WithCancel(ctx)
	go func() {
		defer close(m.done)
		_ = m.Run(ctx)
	}()
	return m
}

func (m *member) end() { m.stop(); <-m.done }

func zones(n int) (out []model.ID) {
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		var b [16]byte
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		out = append(out, model.ID(hex.EncodeToString(b[:])))
	}
	return out
}

// share counts what each member holds, and fails when a zone has two.
func share(t *testing.T, list []model.ID, members ...*member) (held []int, orphans int) {
	t.Helper()
	held = make([]int, len(members))
	for _, z := range list {
		n := 0
		for i, m := range members {
			if m.Holds(z) {
				held[i]++
				n++
			}
		}
		switch n {
		case 0:
			orphans++
		case 1:
		default:
			t.Fatalf("at %s zone %s has %d nodes", time.Now(), z, n)
		}
	}
	return held, orphans
}

// watch looks every few milliseconds for a while that no zone has two nodes.
func watch(t *testing.T, d time.Duration, list []model.ID, members ...*member) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		share(t, list, members...)
		<-time.After(7 * time.Millisecond)
	}
}

// TestTakeOver has nodes come, die, be cut off, and leave.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		list, b := zones(300), newBook()
		a := b.start(t.Context(), 1)
		watch(t, 100*time.Millisecond, list, a)
		if held, _ := share(t, list, a); held[0] != len(list) {
			t.Errorf("alone it holds %d", held[0])
		}
		c, d := b.start(t.Context(), 2), b.start(t.Context(), 3)
		all := []*member{a, c, d}
		watch(t, 1500*time.Millisecond, list, all...)
		held, orphans := share(t, list, all...)
		if orphans > 0 || slices.Min(held) < len(list)/5 {
			t.Errorf("shares %v, nobody's %d", held, orphans)
		}

		b.trouble(c.id, true, 0) // it can reach the database no longer
		watch(t, 3*time.Second, list, all...)
		if held, _ := share(t, list, c); held[0] > 0 {
			t.Errorf("a node holds %d zones after its lease", held[0])
		}
		watch(t, 1500*time.Millisecond, list, all...)
		if held, orphans := share(t, list, all...); orphans > 0 {
			t.Errorf("shares %v, nobody's %d", held, orphans)
		}
		b.trouble(c.id, false, 0)
		watch(t, 1500*time.Millisecond, list, all...)
		if again, _ := share(t, list, all...); !slices.Equal(again, held) {
			t.Errorf("shares %v after it came back, before %v", again, held)
		}

		d.end()
		watch(t, 700*time.Millisecond, list, all...)
		if held, orphans := share(t, list, all...); orphans > 0 || held[2] > 0 {
			t.Errorf("shares %v, nobody's %d", held, orphans)
		}
		a.end()
		c.end()
		if a.calls.Load() == 0 || a.Stats().Leased {
			t.Errorf("%d changes told, %+v", a.calls.Load(), a.Stats())
		}
	})
}

// TestNeverTwo draws comings, goings, cuts and delays at random.
func TestNeverTwo(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(seed, 0))
		list, b := zones(40), newBook()
		var all, over []*member
		for n := range 150 {
			switch pick := r.IntN(5); {
			case pick < 2 && len(all) < 6:
				all = append(all, b.start(t.Context(), n+1))
			case pick == 2 && len(all) > 1:
				i := r.IntN(len(all))
				all[i].end()
				over = append(over, all[i])
				all = slices.Delete(all, i, i+1)
			case len(all) > 0:
				m := all[r.IntN(len(all))]
				b.trouble(m.id, r.IntN(2) == 0, time.Duration(r.IntN(4000))*time.Millisecond*time.Duration(r.IntN(2)))
			}
			watch(t, time.Duration(r.IntN(2000))*time.Millisecond, list, append(slices.Clip(over), all...)...)
		}
		for _, m := range all {
			b.trouble(m.id, false, 0)
		}
		watch(t, 15*time.Second, list, all...)
		if held, orphans := share(t, list, all...); orphans > 0 && len(all) > 0 {
			t.Errorf("nobody works for %d zones in the end: %v", orphans, held)
		}
		for _, m := range all {
			m.end()
		}
	})
}

// TestFewZonesMove: when a node comes, zones move to it and nowhere else.
func TestFewZonesMove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		list, b := zones(1000), newBook()
		a, c := b.start(t.Context(), 1), b.start(t.Context(), 2)
		watch(t, time.Second, nil)
		before := map[model.ID]bool{}
		for _, z := range list {
			before[z] = a.Holds(z)
		}
		d := b.start(t.Context(), 3)
		watch(t, time.Second, nil)
		moved := 0
		for _, z := range list {
			if d.Holds(z) {
				moved++
			} else if a.Holds(z) != before[z] {
				t.Fatalf("zone %s moved between old nodes", z)
			}
		}
		if moved < 250 || moved > 420 {
			t.Errorf("%d of 1000 zones moved to the third node", moved)
		}
		for _, m := range []*member{a, c, d} {
			m.end()
		}
	})
}
