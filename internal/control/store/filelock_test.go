package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// openAs opens a store that is expected not to open, or is closed at once.
func openAs(t *testing.T, cfg store.Config) error {
	t.Helper()
	cfg.SecretKey = testKey
	s, err := store.Open(t.Context(), cfg)
	if err == nil {
		must(t, s.Close())
	}
	return err
}

// TestOneWriter: of all who may write to a file one has it, by whatever way they come to it, until he closes it.
func TestOneWriter(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[0].fresh(t)}
	path := strings.TrimPrefix(w.url, "sqlite:")
	w.Store = w.open(t)
	folder, file := filepath.Join(t.TempDir(), "folder"), filepath.Join(t.TempDir(), "file.db")
	must(t, os.Symlink(filepath.Dir(path), folder))
	must(t, os.Symlink(path, file))
	other := "sqlite:" + filepath.Join(folder, filepath.Base(path))
	for _, url := range []string{w.url, "sqlite:" + filepath.Dir(path) + "/./" + filepath.Base(path), other, "sqlite:" + file} {
		for _, cfg := range []store.Config{
			{URL: url}, {URL: url, Existing: true}, {URL: url, ReadOnly: true, Existing: true, Alone: true},
		} {
			if err := openAs(t, cfg); !errors.Is(err, store.ErrInUse) {
				t.Errorf("%+v: %v", cfg, err)
			}
		}
		must(t, openAs(t, store.Config{URL: url, ReadOnly: true, Existing: true}))
	}
	must(t, w.Close())
	must(t, openAs(t, store.Config{URL: other}))
	must(t, openAs(t, store.Config{URL: w.url, ReadOnly: true, Existing: true, Alone: true}))
}

// lockedFile has this test's program hold the lock of a database until it is killed.
const lockedFile = "HEADWATER_LOCKED_FILE"

func lockChild() {
	s, err := store.Open(context.Background(), store.Config{URL: os.Getenv(lockedFile), SecretKey: testKey})
	if err != nil {
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString("open\n")
	time.Sleep(time.Hour)
	_ = s.Close()
}

// TestLockOfTheKilled: a process that is killed leaves no lock behind, and no store that does not open.
func TestLockOfTheKilled(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[0].fresh(t)}
	self, err := os.Executable()
	must(t, err)
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), lockedFile+"="+w.url)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	_, err = out.Read(make([]byte, 8))
	must(t, err)
	if err := openAs(t, store.Config{URL: w.url}); !errors.Is(err, store.ErrInUse) {
		t.Errorf("beside a process that has it: %v", err)
	}
	must(t, child.Process.Kill())
	_ = child.Wait() // it was killed, which is an error
	must(t, openAs(t, store.Config{URL: w.url}))
}

// TestReadsBeside takes a backup beside a store that writes, and after it was closed: the files stay what they were, and
// nothing that was committed is missing.
func TestReadsBeside(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[0].fresh(t)}
	w.Store = w.open(t)
	z := w.addZone(t, newAccount(), "a.test")
	for range 2 {
		w.addRecords(t, testRecord(z.ID, "www.a.test", wire.TypeA, "192.0.2.1"))
		want := dump(t, w.Store)
		read := store.Config{URL: w.url, SecretKey: testKey, ReadOnly: true, Existing: true}
		r, err := store.Open(t.Context(), read)
		must(t, err)
		if !bytes.Equal(dump(t, r), want) {
			t.Error("another backup than the store's own")
		}
		z.Status = "seen"
		w.change(t, func(tx *store.Tx) []model.Entry { must(t, tx.PutZone(t.Context(), z)); return nil })
		if got, err := r.Zone(t.Context(), z.ID); err != nil || got.Status != "seen" {
			t.Errorf("zone %q: %v", got.Status, err)
		}
		if _, err := r.Begin(t.Context()); !errors.Is(err, model.ErrUnavailable) {
			t.Errorf("begin: %v", err)
		}
		if err := r.Restore(t.Context(), bytes.NewReader(want), nil); !errors.Is(err, model.ErrUnavailable) {
			t.Errorf("restore: %v", err)
		}
		must(t, r.Close())
		want = dump(t, w.Store)
		must(t, w.Close())
		r, err = store.Open(t.Context(), read)
		must(t, err)
		if !bytes.Equal(dump(t, r), want) {
			t.Error("another backup after the store was closed")
		}
		must(t, r.Close())
		w.Store = w.open(t)
	}
}

// TestToolsMakeNothing: where there is no store, a tool makes none, and no file or table either.
func TestToolsMakeNothing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "empty.db"), nil, 0o600))
	must(t, os.WriteFile(filepath.Join(folder, "other.db"), bytes.Repeat([]byte("no database "), 1000), 0o600))
	foreign, err := sql.Open("sqlite", filepath.Join(folder, "foreign.db"))
	must(t, err)
	_, err = foreign.ExecContext(t.Context(), "CREATE TABLE t (a)")
	must(t, errors.Join(err, foreign.Close()))
	before := tree(t, folder)
	empty := engines[1].fresh(t)
	for _, url := range []string{
		"sqlite:" + filepath.Join(folder, "none.db"), "sqlite:" + filepath.Join(folder, "none", "none.db"),
		"sqlite:" + filepath.Join(folder, "empty.db"), "sqlite:" + filepath.Join(folder, "foreign.db"), empty,
	} {
		for _, cfg := range []store.Config{{URL: url, ReadOnly: true, Existing: true}, {URL: url, Existing: true}} {
			if err := openAs(t, cfg); !errors.Is(err, store.ErrNoStore) {
				t.Errorf("%+v: %v", cfg, err)
			}
		}
	}
	if err := openAs(t, store.Config{URL: "sqlite:" + filepath.Join(folder, "other.db"), ReadOnly: true, Existing: true}); err == nil {
		t.Error("a file that is no database was opened")
	}
	if after := tree(t, folder); after != before {
		t.Errorf("files before:\n%s\nand after:\n%s", before, after)
	}
}

func tree(t *testing.T, folder string) string {
	t.Helper()
	var out strings.Builder
	must(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !strings.HasSuffix(path, "-shm") && !strings.HasSuffix(path, "-wal") {
			out.WriteString(path + "\n")
		}
		return err
	}))
	return out.String()
}

// TestOtherVersion: who may not migrate the tables does not read them in another form.
func TestOtherVersion(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		driver, dsn := "sqlite", strings.TrimPrefix(w.url, "sqlite:")
		if w.Shared() {
			driver = "pgx"
		}
		must(t, w.Close())
		db, err := sql.Open(driver, dsn)
		must(t, err)
		defer db.Close()
		_, err = db.ExecContext(t.Context(), "UPDATE goose_db_version SET version_id = 999 WHERE version_id = 2")
		must(t, err)
		if err := openAs(t, store.Config{URL: w.url, ReadOnly: true, Existing: true}); !errors.Is(err, store.ErrVersion) {
			t.Errorf("tables of another version: %v", err)
		}
	})
}

// TestNodesRun: whoever must be alone is refused while a node holds a lease.
func TestNodesRun(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[1].fresh(t)}
	w.Store = w.open(t)
	alone := store.Config{URL: w.url, ReadOnly: true, Existing: true, Alone: true}
	must(t, openAs(t, alone))
	node := newID()
	_, err := w.RenewLease(t.Context(), node, 0, time.Hour)
	must(t, err)
	if err := openAs(t, alone); !errors.Is(err, store.ErrInUse) {
		t.Errorf("beside a node: %v", err)
	}
	must(t, w.LeaveCircle(t.Context(), node))
	must(t, openAs(t, alone))
}
