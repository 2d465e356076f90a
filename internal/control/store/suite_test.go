package store_test

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// server is the PostgreSQL of all tests, started by the first that needs it.
var server = struct {
	once sync.Once
	*pgtest.Server
	err error
}{}

func TestMain(m *testing.M) {
	if os.Getenv(crashFile) != "" {
		crashChild()
		return
	}
	if os.Getenv(lockedFile) != "" {
		lockChild()
		return
	}
	code := m.Run()
	if server.Server != nil {
		server.Close()
		if n := server.Deadlocks(); n > 0 {
			fmt.Println(n, "deadlocks: locks have been taken in two orders")
			code = 1
		}
	}
	if code == 0 {
		// The reader of the server's log ends with the server, the driver's pools with their stores.
		if err := testkit.Leaked(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

// engines are the databases that every test of the suite runs on: each function returns the address of an empty one.
var engines = []struct {
	name  string
	fresh func(testing.TB) string
}{
	{"sqlite", func(tb testing.TB) string { return "sqlite:" + filepath.Join(tb.TempDir(), "data", "test.db") }},
	{"postgres", func(tb testing.TB) string {
		tb.Helper()
		server.once.Do(func() { server.Server, server.err = pgtest.New() })
		if server.err != nil {
			tb.Fatal(server.err)
		}
		return server.Database(tb)
	}},
}

// world is one store under test.
type world struct {
	*store.Store
	url string
	now time.Time
}

var testKey = [32]byte{1, 2, 3}

// onBoth runs a test on both engines.
func onBoth(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			w := &world{url: e.fresh(t), now: time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)}
			w.Store = w.open(t)
			f(t, w)
		})
	}
}

// reopen opens the database again: on SQLite after a restart, on PostgreSQL as another node.
func (w *world) reopen(tb testing.TB) *store.Store {
	tb.Helper()
	if !w.Shared() {
		must(tb, w.Close())
		w.Store = w.open(tb)
		return w.Store
	}
	return w.open(tb)
}

// open opens the world's database: the first time, after a restart, or, on PostgreSQL, as another node.
func (w *world) open(tb testing.TB) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), store.Config{URL: w.url, SecretKey: testKey, Clock: func() time.Time { return w.now }})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

var lastID atomic.Uint64

// newID makes ids that sort in the order in which they were made.
func newID() model.ID {
	return idOf(lastID.Add(1))
}

func idOf(n uint64) model.ID {
	var b [16]byte
	b[0] = 0xab
	binary.BigEndian.PutUint64(b[8:], n)
	return model.ID(hex.EncodeToString(b[:]))
}

// accounts are those that the tests have thought of. Few of them have a row.
var accounts struct {
	sync.Mutex
	all []model.ID
}

func newAccount() model.ID {
	accounts.Lock()
	defer accounts.Unlock()
	account := newID()
	accounts.all = append(accounts.all, account)
	return account
}

// begin begins a transaction that may write every zone and every account there is.
func (w *world) begin(tb testing.TB) *store.Tx {
	tb.Helper()
	zones, _, err := w.Zones(context.Background(), model.ZoneQuery{All: true})
	must(tb, err)
	var l model.Locks
	for _, z := range zones {
		l.Zones = append(l.Zones, z.ID)
	}
	accounts.Lock()
	l.Accounts = slices.Clone(accounts.all)
	accounts.Unlock()
	tx, err := w.Begin(context.Background())
	must(tb, err)
	must(tb, tx.Lock(context.Background(), l))
	return tx
}

// raw opens the database beside the store.
func (w *world) raw(tb testing.TB) *sql.DB {
	tb.Helper()
	driver, dsn := "sqlite", strings.TrimPrefix(w.url, "sqlite:")
	if dsn == w.url {
		driver = "pgx"
	}
	db, err := sql.Open(driver, dsn)
	must(tb, err)
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// change runs f in a transaction and commits it with the entries that f returns.
func (w *world) change(tb testing.TB, f func(tx *store.Tx) []model.Entry) model.Seq {
	tb.Helper()
	tx := w.begin(tb)
	defer tx.Rollback()
	seq, err := tx.Commit(context.Background(), f(tx))
	if err != nil {
		tb.Fatal(err)
	}
	return seq
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// at is a moment of the test's day.
func at(seconds int) time.Time {
	return time.Date(2026, 3, 4, 0, 0, 0, 7000, time.UTC).Add(time.Duration(seconds) * time.Second)
}

func testZone(account model.ID, name string) model.Zone {
	yes := true
	return model.Zone{
		ID: newID(), Account: account, Name: wire.MustName(name), Type: "full", Status: "active", Created: at(1), Modified: at(2),
		Activated: at(3), NameServers: []string{"ns1.hw.test", "ns2.hw.test"}, VanityNS: []string{"ns." + name},
		Settings: model.DefaultSettings(), Mode: model.ModeEdge, OutgoingTransfers: &yes, Serial: 1,
	}
}

// addZone commits a zone with an image and returns it as it is stored.
func (w *world) addZone(tb testing.TB, account model.ID, name string) model.Zone {
	tb.Helper()
	z := testZone(account, name)
	w.change(tb, func(tx *store.Tx) []model.Entry {
		must(tb, tx.PutZone(tb.Context(), z))
		must(tb, tx.PutImage(tb.Context(), model.Image{Zone: z.ID, Account: account, Name: string(z.Name), Serial: 1, Served: []byte("image of " + name)}))
		return []model.Entry{{Kind: model.EntryReset, Account: account, Zone: z.ID, Serial: 1, At: at(1)}}
	})
	z, err := w.Zone(tb.Context(), z.ID)
	must(tb, err)
	return z
}

func testRecord(zone model.ID, name string, t wire.Type, content string) model.Record {
	return model.Record{
		ID: newID(), Zone: zone, Name: wire.MustName(name), Type: t, Content: content, RData: []byte(content), TTL: 300,
		Created: at(4), Modified: at(5),
	}
}

// addRecords commits records in one change.
func (w *world) addRecords(tb testing.TB, list ...model.Record) {
	tb.Helper()
	w.change(tb, func(tx *store.Tx) []model.Entry {
		must(tb, tx.PutRecords(tb.Context(), list))
		return []model.Entry{{Kind: model.EntryDelta, Zone: list[0].Zone, Serial: 2, Body: []byte("delta")}}
	})
}

func (w *world) list(tb testing.TB, zone model.ID, q model.RecordQuery) (out []model.Record) {
	tb.Helper()
	must(tb, w.Records(tb.Context(), zone, q, func(r *model.Record) error {
		out = append(out, *r)
		return nil
	}))
	return out
}

// remaining is what the journal still has.
func (w *world) remaining(tb testing.TB, after, upto model.Seq) (out []model.Seq) {
	tb.Helper()
	must(tb, w.Remaining(tb.Context(), after, upto, func(e model.Entry) error {
		out = append(out, e.Seq)
		return nil
	}))
	return out
}

func (w *world) entries(tb testing.TB, after model.Seq) (out []model.Entry) {
	tb.Helper()
	must(tb, w.Entries(tb.Context(), after, func(e model.Entry) error {
		out = append(out, e)
		return nil
	}))
	return out
}
