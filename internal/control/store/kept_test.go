package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

// TestWrittenIsRead reads what the store may keep, again and again beside each write: whoever wrote must read it at once.
func TestWrittenIsRead(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		account, user := model.Account{ID: newAccount(), Name: "one"}, model.User{ID: newID(), Email: "ann@example.com"}
		w.change(t, func(tx *store.Tx) []model.Entry { must(t, tx.PutAccount(ctx, account)); return nil })
		z := w.addZone(t, account.ID, "a.test")
		w.people(t, func(tx model.PeopleTx) error { return tx.AddUser(ctx, user) })
		token := model.Token{ID: newID(), User: user.ID, Hash: []byte("hash"), Status: "active"}
		stop := readAlways(w, z, token)
		defer stop()
		for n := range 50 {
			token.Status, user.FirstName, account.Name = string(rune('a'+n)), string(rune('a'+n)), string(rune('a'+n))
			w.people(t, func(tx model.PeopleTx) error {
				_, err := tx.EditUser(ctx, user.ID, func(u *model.User) error { *u = user; return nil })
				return errors.Join(err, tx.AddToken(ctx, token))
			})
			m := model.Member{ID: newID(), Account: account.ID, User: user.ID, Created: at(n)}
			w.people(t, func(tx model.PeopleTx) error { return tx.AddMember(ctx, m) })
			z.Status = string(rune('a' + n))
			z.Seq = w.change(t, func(tx *store.Tx) []model.Entry {
				must(t, tx.PutAccount(ctx, account))
				must(t, tx.PutZone(ctx, z))
				own, err := tx.Zone(ctx, z.ID)
				must(t, err)
				equal(t, "zone in its own transaction", own.Status, z.Status)
				return []model.Entry{{Kind: model.EntryAccess, Account: account.ID, Zone: z.ID}}
			})
			z.Serial++
			z.Seq = w.change(t, func(*store.Tx) []model.Entry {
				return []model.Entry{{Kind: model.EntryDelta, Account: account.ID, Zone: z.ID, Serial: z.Serial}}
			})
			w.holds(t, z, account, user, token, []model.Member{m})
			w.people(t, func(tx model.PeopleTx) error {
				return errors.Join(tx.DeleteMember(ctx, account.ID, m.ID), tx.DeleteToken(ctx, token.ID))
			})
			if _, err := w.TokenByHash(ctx, token.Hash); !errors.Is(err, model.ErrNotFound) {
				t.Fatalf("a deleted token is read: %v", err)
			}
		}
	})
}

// holds reads everything twice, so that the second time it may come from what is kept.
func (w *world) holds(t *testing.T, z model.Zone, account model.Account, user model.User, token model.Token, members []model.Member) {
	t.Helper()
	for range 2 {
		gotToken, err := w.TokenByHash(t.Context(), token.Hash)
		must(t, err)
		equal(t, "token", gotToken, token)
		gotUser, err := w.User(t.Context(), user.ID)
		must(t, err)
		equal(t, "user", gotUser, user)
		gotMembers, err := w.Members(t.Context(), "", user.ID)
		must(t, err)
		equal(t, "members", gotMembers, members)
		gotAccount, err := w.Account(t.Context(), account.ID)
		must(t, err)
		equal(t, "account", gotAccount, account)
		gotZone, err := w.Zone(t.Context(), z.ID)
		must(t, err)
		equal(t, "zone", gotZone, z)
	}
}

// readAlways reads beside the test, so that old rows are always on their way into memory.
func readAlways(w *world, z model.Zone, token model.Token) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				_, _ = w.TokenByHash(ctx, token.Hash)
				_, _ = w.User(ctx, token.User)
				_, _ = w.Members(ctx, "", token.User)
				_, _ = w.Account(ctx, z.Account)
				_, _ = w.Zone(ctx, z.ID)
			}
		})
	}
	return func() { cancel(); readers.Wait() }
}

// TestRefusedIsNotRead writes to a zone and an account and takes it back.
func TestRefusedIsNotRead(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		account := model.Account{ID: newAccount(), Name: "one"}
		w.change(t, func(tx *store.Tx) []model.Entry { must(t, tx.PutAccount(ctx, account)); return nil })
		z := w.addZone(t, account.ID, "a.test")
		tx := w.begin(t)
		other := z
		other.Status = "moved"
		must(t, tx.PutZone(ctx, other))
		must(t, tx.PutAccount(ctx, model.Account{ID: account.ID, Name: "two"}))
		own, err := tx.Account(ctx, account.ID)
		must(t, err)
		equal(t, "account in its own transaction", own.Name, "two")
		tx.Rollback()
		got, err := w.Zone(ctx, z.ID)
		must(t, err)
		equal(t, "zone", got, z)
		gotAccount, err := w.Account(ctx, account.ID)
		must(t, err)
		equal(t, "account", gotAccount, account)
		w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.DeleteZone(ctx, z.ID))
			return []model.Entry{{Kind: model.EntryGone, Account: account.ID, Zone: z.ID}}
		})
		if _, err := w.Zone(ctx, z.ID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("a deleted zone is read: %v", err)
		}
	})
}

// TestSeqOfTwoStores commits by a store that has not heard of another's newest commit.
func TestSeqOfTwoStores(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[1].fresh(t)}
	w.Store = w.open(t)
	other := world{Store: w.open(t)}
	for n := range model.Seq(4) {
		by := w
		if n%2 == 1 {
			by = &other
		}
		note := func(*store.Tx) []model.Entry { return []model.Entry{{Kind: model.EntryNotify, Account: newID()}} }
		if got := by.change(t, note); got != n+1 {
			t.Fatalf("commit %d is at %d", n+1, got)
		}
	}
}
