package commit_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

var (
	_ feed.Source = (*store.Store)(nil)
	_ commit.Tx   = (*store.Tx)(nil)
)

// TestOnSQLite makes a random history on the real store, closes it, and opens it again.
func TestOnSQLite(t *testing.T) {
	t.Parallel()
	path := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	b := &bench{forced: map[string]int{}, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), flat: newTargets()}
	open := func() (*store.Store, func()) {
		st, err := store.Open(t.Context(), store.Config{URL: path, Clock: b.clock})
		if err != nil {
			t.Fatal(err)
		}
		stop := b.openOn(t, st)
		return st, func() {
			stop()
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	st, shut := open()
	b.must(t, model.Change{Edits: []model.Edit{model.CreateAccount{Account: model.Account{ID: account, OutgoingTransfers: true}}}})
	d := dice(t)
	zones := []model.Zone{b.zone(t, "example"), b.zone(t, "sub.example")}
	for i := range 8 {
		b.flat.set(fmt.Sprintf("t%d.test", i), fmt.Sprintf("203.0.113.%d", i))
	}
	peer := b.peer(t, "one", b.tsig(t, "key.example."))
	if _, err := b.edit(t, zones[0].ID, "outgoing.create", link(peer)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.edit(t, zones[0].ID, "outgoing.enable", enable); err != nil {
		t.Fatal(err)
	}
	for round := range 4 {
		for i := range 60 {
			z := &zones[d.IntN(len(zones))]
			c := model.Change{ID: newID(), Zone: z.ID}
			for range 1 + d.IntN(4) {
				c.Edits = append(c.Edits, randomEdit(d, z, list(t, st, z.ID)))
			}
			if i%20 == 0 {
				c.Edits = []model.Edit{model.EditZone{Apply: randomSettings(d)}}
			}
			if _, err := b.change(t, c); code(err) < 0 {
				t.Fatal(err)
			}
		}
		var before []string
		for _, z := range zones {
			s := b.state(t, z.ID)
			row, err := st.Zone(t.Context(), z.ID)
			if err != nil {
				t.Fatal(err)
			}
			served, transfer, err := b.p.FreshFaces(model.Account{ID: account}, row, list(t, st, z.ID))
			if err != nil {
				t.Fatal(err)
			}
			if text(s.Served) != text(served) || text(s.Transfer) != text(transfer) || uint64(row.Seq) != s.Seq {
				t.Fatalf("round %d: memory of %s is not what its rows say", round, z.Name)
			}
			before = append(before, text(s.Served)+text(s.Transfer))
		}
		shut()
		st, shut = open()
		for i, z := range zones {
			if s := b.state(t, z.ID); text(s.Served)+text(s.Transfer) != before[i] {
				t.Fatalf("round %d: %s is another zone after the restart", round, z.Name)
			}
		}
		if a := b.db.ByID(string(zones[0].ID)).Access(); !a.Enabled || len(a.Peers) != 1 || a.Peers[0].Key == nil {
			t.Fatalf("round %d: access after the restart: %+v", round, a)
		}
	}
	b.must(t, model.Change{Zone: zones[1].ID, Edits: []model.Edit{model.DeleteZone{}}})
	shut()
	_, shut = open()
	if b.db.Len() != 1 || b.db.Get(wire.MustName("sub.example")) != nil {
		t.Error("a deleted zone came back")
	}
	shut()
}

func list(t *testing.T, st *store.Store, id model.ID) (out []model.Record) {
	t.Helper()
	err := st.Records(t.Context(), id, model.RecordQuery{}, func(r *model.Record) error {
		out = append(out, *r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// openOn starts a node on a real store and returns what stops it.
func (b *bench) openOn(t *testing.T, st *store.Store) (stop func()) {
	t.Helper()
	return b.openWith(t, st, func(*commit.Config) {})
}

// openWith is openOn with more in the configuration.
func (b *bench) openWith(t *testing.T, st *store.Store, more func(*commit.Config)) (stop func()) {
	t.Helper()
	b.db = zone.NewDB(0)
	b.feed = feed.New(feed.Config{Source: st, DB: b.db})
	var err error
	cfg := commit.Config{
		Begin: func(ctx context.Context) (commit.Tx, error) { return st.Begin(ctx) },
		DB:    b.db, Feed: b.feed, Flattened: b.flat, Clock: b.clock, NewID: newID,
		NameServers: []string{"ns1.hw.test"}, Edge: testEdge(),
	}
	more(&cfg)
	b.p, err = commit.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	stop = b.run(t, b.feed.Run, b.p.Run)
	<-b.feed.Loaded()
	return stop
}
