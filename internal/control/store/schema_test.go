package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

// later is what a program of another day knows: all that this one does, and one migration more, which notes where the journal ended when
// it was done.
func later(t *testing.T, mark *store.Mark) *store.Schema {
	t.Helper()
	own := store.OwnSchema()
	files := fstest.MapFS{}
	must(t, fs.WalkDir(own.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(own.Files, name)
		files[name] = &fstest.MapFile{Data: text}
		return err
	}))
	for _, folder := range []string{"sqlite", "postgres"} {
		files[path.Join(folder, "00900_later.sql")] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE later AS SELECT value AS seq FROM counters WHERE name = 'seq';\n")}
	}
	out := &store.Schema{Files: files, Marks: maps.Clone(own.Marks)}
	if mark != nil {
		out.Marks[900] = *mark
	}
	return out
}

var (
	additive = &store.Mark{Readable: 91, Writable: 91}
	rewrites = &store.Mark{Readable: 91, Writable: 900}
	replaces = &store.Mark{Readable: 900, Writable: 900}
)

// migrated opens the world's database by a later program.
func (w *world) migrated(t *testing.T, mark *store.Mark) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: w.url, SecretKey: testKey, Schema: later(t, mark), Program: "headwater 9.9"})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// TestDowngrade starts this program, and its tools, on tables that a later one has migrated: it goes on where the later one says that it may,
// and says what is to be done where not. Nothing is changed then.
func TestDowngrade(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		w.addZone(t, newAccount(), "a.test")
		must(t, w.Close())
		for _, step := range []struct {
			name          string
			mark          *store.Mark
			reads, writes bool
		}{{"additive", additive, true, true}, {"rewrites", rewrites, true, false}, {"replaces", replaces, false, false}} {
			url := w.url
			if step.mark != additive { // marks of the same migration are written once
				url = engines[map[bool]int{false: 0, true: 1}[strings.HasPrefix(w.url, "postgres")]].fresh(t)
			}
			v := &world{url: url, now: w.now}
			must(t, v.migrated(t, step.mark).Close())
			err := openAs(t, store.Config{URL: url, SecretKey: testKey})
			if (err == nil) != step.writes || err != nil && (!errors.Is(err, store.ErrOutgrown) || !strings.Contains(err.Error(), "headwater 9.9") || !strings.Contains(err.Error(), "restore the backup")) {
				t.Errorf("%s: a node: %v", step.name, err)
			}
			if err := openAs(t, store.Config{URL: url, SecretKey: testKey, Existing: true}); (err == nil) != step.writes {
				t.Errorf("%s: a tool that writes: %v", step.name, err)
			}
			// A tool that reads all would leave out what it does not know.
			if err := openAs(t, store.Config{URL: url, SecretKey: testKey, ReadOnly: true, Existing: true}); !errors.Is(err, store.ErrVersion) || !strings.Contains(err.Error(), "schema 900") {
				t.Errorf("%s: a tool that reads: %v", step.name, err)
			}
			if strings.HasPrefix(url, "postgres") {
				if err := openAs(t, store.Config{URL: url, SecretKey: testKey, ReadOnly: true}); (err == nil) != step.reads {
					t.Errorf("%s: a node that reads: %v", step.name, err)
				}
			}
			must(t, v.migrated(t, step.mark).Close()) // the later one goes on
		}
	})
}

// TestMigrationsSayWhoCanLiveWithThem: a migration without a mark is never done.
func TestMigrationsSayWhoCanLiveWithThem(t *testing.T) {
	t.Parallel()
	url := engines[0].fresh(t)
	if err := openAs(t, store.Config{URL: url, SecretKey: testKey, Schema: later(t, nil)}); err == nil || !strings.Contains(err.Error(), "900") {
		t.Errorf("a migration without a mark: %v", err)
	}
	must(t, openAs(t, store.Config{URL: url, SecretKey: testKey}))
}

// TestNewDatabaseWaitsForNobody: where there was nothing, no program has anything to notice, and a first start does not wait for it.
func TestNewDatabaseWaitsForNobody(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		var said bytes.Buffer
		must(t, openAs(t, store.Config{URL: e.fresh(t), SecretKey: testKey, Log: slog.New(slog.NewTextHandler(&said, nil))}))
		if strings.Contains(said.String(), "waiting") {
			t.Errorf("%s", said.String())
		}
	}
}

// TestMigratedUnderNode has a later program migrate the tables under a node that runs and writes. Where the node can live with that, both go
// on; where not, it has written nothing any more by the time that the migration is done, and says why.
func TestMigratedUnderNode(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]struct {
		mark          *store.Mark
		reads, writes bool
	}{"additive": {additive, true, true}, "rewrites": {rewrites, true, false}, "replaces": {replaces, false, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{url: engines[1].fresh(t), now: time.Now()}
			w.Store = w.open(t)
			z := w.addZone(t, newAccount(), "a.test")
			_, err := w.RenewLease(t.Context(), newID(), 0, time.Hour)
			must(t, err)

			idle := w.open(t) // hears of it though it does nothing
			stop, stopped := make(chan struct{}), make(chan error, 1)
			go func() { stopped <- writeUntil(w, z.ID, stop) }()
			next := w.migrated(t, step.mark)
			close(stop)
			err = <-stopped
			var marked model.Seq
			must(t, w.raw(t).QueryRowContext(t.Context(), `SELECT seq FROM later`).Scan(&marked))
			head, herr := next.Head(t.Context())
			must(t, herr)
			if step.writes {
				if err != nil || w.Outgrown() != nil {
					t.Fatalf("the node that may go on: %v, %v", err, w.Outgrown())
				}
			} else {
				if !errors.Is(err, store.ErrOutgrown) || !errors.Is(err, model.ErrUnavailable) || w.Outgrown() == nil {
					t.Errorf("the node that may write no more: %v, %v", err, w.Outgrown())
				}
				if idle.Outgrown() == nil {
					t.Error("a node that writes nothing has not noticed")
				}
				if head != marked {
					t.Errorf("%d changes came after the migration", head-marked)
				}
				if err := w.PutMeta(t.Context(), "a", []byte("b")); !errors.Is(err, store.ErrOutgrown) {
					t.Errorf("something that is no change: %v", err)
				}
			}
			other := &world{Store: next, url: w.url, now: w.now}
			seq := other.change(t, func(*store.Tx) []model.Entry { return []model.Entry{{Kind: model.EntryNotify, Zone: z.ID}} })
			must(t, w.Wait(t.Context(), func() model.Seq { return seq - 1 }))
			seen := 0
			err = w.Entries(t.Context(), seq-1, func(model.Entry) error { seen++; return nil })
			if step.reads && (err != nil || seen != 1) || !step.reads && (!errors.Is(err, store.ErrOutgrown) || seen != 0) {
				t.Errorf("the node reads %d entries: %v", seen, err)
			}
		})
	}
}

// writeUntil makes changes until stop, or until one is refused.
func writeUntil(w *world, zone model.ID, stop <-chan struct{}) error {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return nil
		default:
		}
		tx, err := w.Begin(context.Background())
		if err == nil {
			if err = tx.Lock(context.Background(), model.Locks{Zones: []model.ID{zone}}); err == nil {
				_, err = tx.Commit(context.Background(), []model.Entry{{Kind: model.EntryNotify, Zone: zone}})
			}
			tx.Rollback()
		}
		if err != nil {
			return fmt.Errorf("change %d: %w", n, err)
		}
	}
}
