package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestRelatives finds zones of other accounts above and below a name, and all below one, also after a restore.
func TestRelatives(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		one, two, three := newAccount(), newAccount(), newAccount()
		for account, names := range map[model.ID]string{
			one: "bank.example a.bank.example x-bank.example", two: "www.bank.example bank.example.org shop.test",
			three: "deep.down.www.bank.example xn--bank.example ban.example bank-example",
		} {
			for name := range strings.FieldsSeq(names) {
				w.addZone(t, account, name)
			}
		}
		var copied bytes.Buffer
		must(t, w.Dump(t.Context(), &copied, nil))
		restored := &world{url: engines[0].fresh(t), now: w.now}
		restored.Store = restored.open(t)
		must(t, restored.Restore(t.Context(), &copied, nil))
		check := func(title string, s *world) {
			t.Helper()
			for name, want := range map[string][]model.ID{
				"bank.example": {one, two, three}, "www.bank.example": {one, three}, "m.bank.example": {one}, "x.shop.test": {two},
				"example": {one, two, three}, "org": {two}, "down.www.bank.example": {one, two, three}, "nk.example": nil, "free.test": nil,
			} {
				for _, asks := range []model.ID{one, two, three} {
					tx := s.begin(t)
					list, err := tx.Relatives(t.Context(), wire.MustName(name), asks)
					must(t, err)
					tx.Rollback()
					var got []model.ID
					for _, r := range list {
						got = append(got, r.Account)
						if at := wire.MustName(name); !at.Within(r.Zone) && !r.Zone.Within(at) || at == r.Zone {
							t.Errorf("%s: %s is no relative of %s", title, r.Zone, name)
						}
					}
					slices.Sort(got)
					if wanted := slices.DeleteFunc(slices.Clone(want), func(id model.ID) bool { return id == asks }); !slices.Equal(got, wanted) {
						t.Errorf("%s: relatives of %s: %v, want %v", title, name, got, wanted)
					}
				}
			}
			zones, err := s.ZonesBelow(t.Context(), wire.MustName("bank.example"), 10)
			must(t, err)
			var names []string
			for _, z := range zones {
				names = append(names, z.Name.Host())
			}
			if want := "a.bank.example www.bank.example deep.down.www.bank.example"; strings.Join(names, " ") != want {
				t.Errorf("%s: zones below: %q", title, names)
			}
		}
		check("as made", w)
		check("restored", restored)
		w.migrateAgain(t, "00050_paths.sql", "DROP INDEX zones_path", "ALTER TABLE zones DROP COLUMN path")
		check("migrated", w)
	})
}

// migrateAgain takes a migration back by statements, and runs it on the rows that are there.
func (w *world) migrateAgain(t *testing.T, file string, back ...string) {
	t.Helper()
	driver, dsn, folder := "sqlite", strings.TrimPrefix(w.url, "sqlite:"), "sqlite"
	if w.Shared() {
		driver, folder = "pgx", "postgres"
	}
	db, err := sql.Open(driver, dsn)
	must(t, err)
	defer db.Close()
	text, err := os.ReadFile(filepath.Join("engine", folder, file))
	must(t, err)
	for _, s := range append(back, string(text)) {
		_, err := db.ExecContext(t.Context(), s)
		must(t, err)
	}
}

// TestRelativesRace has two nodes make zones inside each other at once: one of the two commits is stale.
func TestRelativesRace(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[1].fresh(t)}
	w.Store = w.open(t)
	other := w.open(t)
	for i := range 20 {
		names := []string{fmt.Sprintf("bank%d.example", i), fmt.Sprintf("www.bank%d.example", i)}
		var asked, done sync.WaitGroup
		errs := make([]error, 2)
		asked.Add(2)
		for k, s := range []*store.Store{w.Store, other} {
			account := newAccount()
			done.Go(func() {
				tx, err := s.Begin(t.Context())
				must(t, err)
				defer tx.Rollback()
				must(t, tx.Lock(t.Context(), model.Locks{Accounts: []model.ID{account}}))
				z := testZone(account, names[k])
				list, err := tx.Relatives(t.Context(), z.Name, account)
				if err != nil || len(list) > 0 {
					t.Errorf("%v %v", list, err)
				}
				asked.Done()
				asked.Wait()
				must(t, tx.PutZone(t.Context(), z))
				must(t, tx.PutImage(t.Context(), model.Image{Zone: z.ID, Account: account, Name: string(z.Name), Serial: 1, Served: []byte("x")}))
				_, errs[k] = tx.Commit(t.Context(), []model.Entry{{Kind: model.EntryReset, Account: account, Zone: z.ID, Serial: 1, At: at(1)}})
			})
		}
		done.Wait()
		if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), model.ErrStale) {
			t.Fatalf("%v: %v", names, errs)
		}
	}
}
