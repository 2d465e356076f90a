package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
)

// TestCommitIsNotCancelled has a server wait for a standby that is not there: who commits is told that nobody knows, and the
// server is not asked to do without. The change is there when the standby is, and was seen by nobody before.
func TestCommitIsNotCancelled(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	w := &world{url: server.Database(t), now: at(1)}
	w.Store = w.open(t)
	account := newAccount()
	server.Do(t, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
	db, err := pgx.Connect(t.Context(), w.url)
	must(t, err)
	defer db.Close(context.WithoutCancel(t.Context()))
	waitsForNobody(t, w.url, db)
	count := func() (n int) {
		must(t, db.QueryRow(t.Context(), "SELECT count(*) FROM accounts").Scan(&n))
		return n
	}
	tx, err := w.Begin(t.Context())
	must(t, err)
	must(t, tx.Lock(t.Context(), model.Locks{Accounts: []model.ID{account}}))
	must(t, tx.PutAccount(t.Context(), model.Account{ID: account, Name: "in doubt"}))
	began := time.Now()
	if _, err := tx.Commit(t.Context(), nil); !errors.Is(err, model.ErrUnavailable) || errors.Is(err, model.ErrStale) {
		t.Errorf("commit: %v", err)
	}
	tx.Rollback()
	if w.Stats().Unwritable.IsZero() {
		t.Error("the database takes nothing, and this is not told")
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("told after %s", took)
	}
	if n := count(); n != 0 {
		t.Errorf("%d accounts are seen before the standby has them", n)
	}
	server.Do(t, "ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")
	deadline := time.Now().Add(20 * time.Second)
	for count() != 1 {
		if time.Now().After(deadline) {
			t.Fatal("the change did not come about when the standby did")
		}
		time.Sleep(20 * time.Millisecond) // nobody tells of it
	}
	if _, err := w.Account(t.Context(), account); err != nil {
		t.Error(err)
	}
	must(t, w.PutMeta(t.Context(), "mark", nil))
	if since := w.Stats().Unwritable; !since.IsZero() {
		t.Errorf("the database takes nothing since %s, it is told", since)
	}
}

// TestAnotherHistory has the journal end before what was read of it, hold something else there, and carry a new mark: whoever
// follows it is told, and what he commits is refused until he has loaded anew.
func TestAnotherHistory(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[1].fresh(t)}
	w.Store = w.open(t)
	db, err := pgx.Connect(t.Context(), w.url)
	must(t, err)
	defer db.Close(context.WithoutCancel(t.Context()))
	note := func(s *store.Store) (model.Seq, error) {
		tx, err := s.Begin(t.Context())
		must(t, err)
		defer tx.Rollback()
		return tx.Commit(t.Context(), []model.Entry{{Kind: model.EntryNotify, Account: newID(), Body: []byte("x")}})
	}
	load := func(s *store.Store) model.Seq {
		seq, _, err := s.Load(t.Context(), func(model.Image) error { return nil }, func(model.Entry) error { return nil })
		must(t, err)
		return seq
	}
	follow := func(s *store.Store, after model.Seq) error {
		return s.Entries(t.Context(), after, func(model.Entry) error { return nil })
	}
	at := load(w.Store)
	must(t, follow(w.Store, at))
	at, err = note(w.Store)
	must(t, err)
	for name, spoil := range map[string]string{
		"shorter": "UPDATE counters SET value = value - 1 WHERE name = 'seq'",
		"other":   "UPDATE journal SET body = 'y' WHERE seq = (SELECT max(seq) FROM journal)",
	} {
		_, err := db.Exec(t.Context(), spoil)
		must(t, err)
		if err := follow(w.Store, at); !errors.Is(err, model.ErrDiverged) {
			t.Errorf("%s: %v", name, err)
		}
		must(t, w.NoteLoss(t.Context()))
		if mark, err := w.Restored(t.Context()); err != nil || !mark.Ever() {
			t.Errorf("%s: mark %+v %v", name, mark, err)
		}
		if _, err := note(w.Store); !errors.Is(err, model.ErrStale) {
			t.Errorf("%s: a commit on another history: %v", name, err)
		}
		before, err := w.Restored(t.Context())
		must(t, err)
		must(t, w.NoteLoss(t.Context())) // the same loss again
		after, err := w.Restored(t.Context())
		must(t, err)
		if name == "shorter" {
			_, err := db.Exec(t.Context(), "DELETE FROM journal WHERE seq > (SELECT value FROM counters WHERE name = 'seq')")
			must(t, err)
		}
		equal(t, name+": marked twice", after, before)
		at = load(w.Store)
		must(t, follow(w.Store, at))
		at, err = note(w.Store)
		must(t, err)
	}
	// A mark that somebody else sets, as a restore does.
	other := w.open(t)
	must(t, other.MarkRestored(t.Context()))
	if err := follow(w.Store, at); !errors.Is(err, model.ErrDiverged) {
		t.Errorf("marked: %v", err)
	}
	if err := w.Checkpoint(t.Context(), model.Image{Zone: newID()}, 0); !errors.Is(err, model.ErrStale) {
		t.Errorf("image of another history: %v", err)
	}
	if _, err := note(w.Store); !errors.Is(err, model.ErrStale) {
		t.Errorf("commit of another history: %v", err)
	}
}

// waitsForNobody returns when commits wait for a standby that is not there, which the server's processes hear of one after
// another. The last of the commits that it tries goes on waiting until the server is told otherwise.
func waitsForNobody(t *testing.T, url string, db *pgx.Conn) {
	t.Helper()
	probe, err := pgx.Connect(t.Context(), url)
	must(t, err)
	done := make(chan error)
	go func() {
		for i := 0; ; i++ {
			_, err := probe.Exec(t.Context(), fmt.Sprintf("CREATE TABLE waits_%d ()", i))
			select {
			case done <- err:
			case <-t.Context().Done():
				_ = probe.Close(context.WithoutCancel(t.Context()))
				return
			}
		}
	}()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case err := <-done:
			must(t, err)
		case <-deadline:
			t.Fatal("commits wait for nobody")
		default:
		}
		var waiting int
		must(t, db.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'").Scan(&waiting))
		if waiting > 0 {
			return
		}
	}
}
