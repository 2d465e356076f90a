package commit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/controltest"
	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
)

// base is a store as the tests that run on every one of them need it.
type base interface {
	feed.Source
	begin(ctx context.Context) (commit.Tx, error)
	Checkpoint(ctx context.Context, img model.Image, keep model.Seq) error
	RenewImages(ctx context.Context, images []model.Image) error
	rows(t *testing.T, zone model.ID) []model.Record
	row(t *testing.T, zone model.ID) model.Zone
}

type inMemory struct{ *controltest.Store }

func (s inMemory) begin(ctx context.Context) (commit.Tx, error)    { return s.Begin(ctx) }
func (s inMemory) rows(_ *testing.T, zone model.ID) []model.Record { return s.Records(zone) }
func (s inMemory) row(t *testing.T, zone model.ID) model.Zone {
	t.Helper()
	z, err := s.Zone(zone)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

type onEngine struct{ *store.Store }

func (s onEngine) begin(ctx context.Context) (commit.Tx, error) { return s.Begin(ctx) }
func (s onEngine) rows(t *testing.T, zone model.ID) []model.Record {
	t.Helper()
	return list(t, s.Store, zone)
}

func (s onEngine) row(t *testing.T, zone model.ID) model.Zone {
	t.Helper()
	z, err := s.Zone(t.Context(), zone)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// server is the PostgreSQL of all tests, started by the first that needs it.
var server = struct {
	once sync.Once
	*pgtest.Server
	err error
}{}

func TestMain(m *testing.M) {
	code := m.Run()
	if server.Server != nil {
		server.Close()
		if n := server.Deadlocks(); n > 0 {
			fmt.Println(n, "deadlocks: locks have been taken in two orders")
			code = 1
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

func postgres(t *testing.T) string {
	t.Helper()
	server.once.Do(func() { server.Server, server.err = pgtest.New() })
	if server.err != nil {
		t.Fatal(server.err)
	}
	return server.Database(t)
}

func openStore(t *testing.T, url string) base {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return onEngine{s}
}

// onEvery runs a test on the store in memory and on both engines.
func onEvery(t *testing.T, f func(t *testing.T, b *bench)) {
	t.Helper()
	for name, open := range map[string]func(t *testing.T) base{
		"memory": func(*testing.T) base { return inMemory{controltest.NewStore()} },
		"sqlite": func(t *testing.T) base {
			t.Helper()
			return openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
		},
		"postgres": func(t *testing.T) base { t.Helper(); return openStore(t, postgres(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := node(t, open(t))
			b.makeAccount(t)
			f(t, b)
		})
	}
}

// node is a careful half on a store that others may use as well.
func node(t *testing.T, on base) *bench {
	t.Helper()
	b := &bench{base: on, now: time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC), forced: map[string]int{}, flat: newTargets()}
	b.open(t, func(c *commit.Config) {
		if s, ok := on.(onEngine); ok {
			c.Shared = s.Shared()
		}
	}, nil)
	return b
}

// TestTwoCommitters has two nodes on one PostgreSQL change the same zones, the account, and each other's records at random.
// Both end with the same memory, which is what the rows say, and nobody waits in a circle.
func TestTwoCommitters(t *testing.T) {
	t.Parallel()
	url := postgres(t)
	nodes := []*bench{node(t, openStore(t, url)), node(t, openStore(t, url))}
	nodes[1].flat = nodes[0].flat
	nodes[0].makeAccount(t)
	var zones []model.Zone
	for _, name := range []string{"one", "two", "sub.one", "four"} {
		zones = append(zones, nodes[0].zone(t, name))
	}
	if err := nodes[1].feed.Wait(t.Context(), nodes[0].head(zones)); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var done, refused atomic.Int64
	for w := range 6 {
		b, d := nodes[w%2], rand.New(rand.NewPCG(dice(t).Uint64(), uint64(w)))
		all.Go(func() {
			for i := range 40 {
				z := zones[d.IntN(len(zones))]
				c := model.Change{ID: newID(), Zone: z.ID, Account: account}
				switch rows := b.base.rows(t, z.ID); {
				case i%13 == 12:
					c.Edits = []model.Edit{model.EditZone{Apply: randomSettings(d)}}
				case i%20 == 19 && w < 2:
					on := d.IntN(2) == 0
					c.Zone = ""
					c.Edits = []model.Edit{model.EditAccount{Apply: func(a model.Account) (model.Account, error) { a.EnforceDNSOnly = on; return a, nil }}}
				default:
					c.Edits = knowing(d, &z, rows, 1+d.IntN(3))
				}
				_, err := b.change(t, c)
				switch {
				case err == nil:
					done.Add(1)
				case errors.Is(err, model.ErrNotFound) || code(err) > 0: // somebody else was quicker
					refused.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d changes, %d refused", done.Load(), refused.Load())
	head := max(nodes[0].head(zones), nodes[1].head(zones))
	for _, b := range nodes {
		if err := b.feed.Wait(t.Context(), head); err != nil {
			t.Fatal(err)
		}
		b.checkFold(t)
	}
	for _, z := range zones {
		one, two := nodes[0].state(t, z.ID), nodes[1].state(t, z.ID)
		if text(one.Served) != text(two.Served) || text(one.Transfer) != text(two.Transfer) || one.Seq != two.Seq {
			t.Errorf("%s differs between the nodes", z.Name)
		}
	}
	if done.Load() < 150 {
		t.Errorf("only %d changes came about", done.Load())
	}
}

// head is the newest position of the zones in memory.
func (b *bench) head(zones []model.Zone) (seq model.Seq) {
	for _, z := range zones {
		if mem := b.db.ByID(string(z.ID)); mem != nil {
			seq = max(seq, model.Seq(mem.State().Seq))
		}
	}
	return seq
}
