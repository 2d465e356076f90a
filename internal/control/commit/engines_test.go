package commit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/controltest"
	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// base is a store as the tests that run on every one of them need it.
type base interface {
	feed.Source
	begin(ctx context.Context) (commit.Tx, error)
	Checkpoint(ctx context.Context, img model.Image, keep model.Seq) error
	RenewImages(ctx context.Context, images []model.Image) error
	rows(t *testing.T, zone model.ID) []model.Record
	row(t *testing.T, zone model.ID) model.Zone
	keys(t *testing.T, zone model.ID) []model.ZoneKey
}

type inMemory struct{ *controltest.Store }

func (s inMemory) begin(ctx context.Context) (commit.Tx, error)     { return s.Begin(ctx) }
func (s inMemory) rows(_ *testing.T, zone model.ID) []model.Record  { return s.Records(zone) }
func (s inMemory) keys(_ *testing.T, zone model.ID) []model.ZoneKey { return s.ZoneKeysOf(zone) }

func (s onEngine) keys(t *testing.T, zone model.ID) []model.ZoneKey {
	t.Helper()
	keys, err := s.ZoneKeys(t.Context(), zone)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

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
		if err := testkit.Leaked(); err != nil {
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
		s, ok := on.(onEngine)
		if !ok {
			return
		}
		c.Shared, c.Limits.ImportRecords, c.Deleted = s.Shared(), 4, s.DeletedZone
		c.Stage = func(ctx context.Context, zone model.ID) (commit.Staging, error) {
			st, err := s.Stage(ctx, zone)
			if err != nil {
				return nil, err
			}
			return st, nil
		}
	}, nil)
	return b
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
