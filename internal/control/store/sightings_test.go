package store_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// What nodes saw of keys is kept for each of them: since when stays, until when goes forward alone, and what is old is forgotten.
func TestKeySightings(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		id := func(c string) model.ID { return model.ID("0000000000000000000000000000000" + c) }
		at := func(s int64) time.Time { return time.Unix(1e9+s, 0).UTC() }
		see := func(node, key string, s int64) store.KeySighting {
			return store.KeySighting{Peer: id("1"), Zone: id("2"), Node: id(node), Key: key, Certain: true, Since: at(s), Seen: at(s)}
		}
		other := see("a", "old.", 5)
		other.Peer = id("9")
		must(t, w.PutKeySightings(t.Context(), []store.KeySighting{see("a", "old.", 1), see("b", "new.", 2), other}))
		must(t, w.PutKeySightings(t.Context(), []store.KeySighting{see("a", "old.", 4)}))
		must(t, w.PutKeySightings(t.Context(), []store.KeySighting{see("a", "old.", 3)}))
		first := see("a", "old.", 1)
		first.Seen = at(4)
		got, err := w.KeySightings(t.Context(), []model.ID{id("1"), id("7")})
		must(t, err)
		if d := testkit.Diff([]store.KeySighting{first, see("b", "new.", 2)}, got); d != "" {
			t.Error(d)
		}
		must(t, w.ForgetKeySightings(t.Context(), at(3)))
		if got, err = w.KeySightings(t.Context(), []model.ID{id("1")}); err != nil || len(got) != 1 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// A node that only reads tells what it sees where its database user may write that; nothing else is written by it, and where it may not it is
// told so. It finds who takes writes among the servers of its address.
func TestReadersTellSightings(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[1].fresh(t), now: time.Unix(1e9, 0)}
	w.Store = w.open(t)
	at, err := url.Parse(w.url)
	must(t, err)
	role := "teller_of_" + strings.TrimPrefix(at.Path, "/")
	do := func(statement string) {
		t.Helper()
		c, err := pgx.Connect(t.Context(), w.url)
		must(t, err)
		defer c.Close(context.WithoutCancel(t.Context()))
		_, err = c.Exec(t.Context(), statement)
		must(t, err)
	}
	do("CREATE ROLE " + role + " LOGIN")
	do("GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role)
	at.User = url.User(role)
	open := func(address string) *store.Store {
		t.Helper()
		r, err := store.Open(t.Context(), store.Config{URL: address, SecretKey: testKey, ReadOnly: true})
		must(t, err)
		t.Cleanup(func() { must(t, r.Close()) })
		return r
	}
	seen := store.KeySighting{Peer: newID(), Zone: newID(), Node: newID(), Key: "old.", Certain: true, Since: w.now, Seen: w.now}
	refused := func(what string, r *store.Store) {
		t.Helper()
		for _, list := range [][]store.KeySighting{nil, {seen}} {
			if err := r.PutKeySightings(t.Context(), list); !errors.Is(err, store.ErrMayNotTell) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	r := open(at.String())
	refused("who may not write", r)
	do("GRANT INSERT, UPDATE ON key_sightings TO " + role)
	must(t, r.PutKeySightings(t.Context(), nil))
	must(t, r.PutKeySightings(t.Context(), []store.KeySighting{seen}))
	if list, err := w.KeySightings(t.Context(), []model.ID{seen.Peer}); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := r.Begin(t.Context()); !errors.Is(err, model.ErrUnavailable) {
		t.Errorf("it writes: %v", err)
	}
	if err := r.ForgetKeySightings(t.Context(), w.now); !errors.Is(err, model.ErrUnavailable) {
		t.Errorf("it forgets: %v", err)
	}
	several := *at
	several.Host = "127.0.0.1:1," + at.Host
	must(t, open(several.String()).PutKeySightings(t.Context(), []store.KeySighting{seen}))
	if !r.Stats().Unwritable.IsZero() {
		t.Error("the database is told to take nothing")
	}
	do("ALTER ROLE " + role + " SET default_transaction_read_only = on") // as a standby is
	refused("where nothing is written", open(at.String()))
}
