package store_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestFilterOnEveryType finds the one record of each type that has a mnemonic, and of some that have none, by all the ways
// in which a type is written.
func TestFilterOnEveryType(t *testing.T) {
	t.Parallel()
	var types []wire.Type
	for n := 1; n < 1<<16; n++ {
		if typ := wire.Type(n); !strings.HasPrefix(typ.String(), "TYPE") || n%8191 == 0 || n == 65280 || n == 65535 {
			types = append(types, typ)
		}
	}
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		var list []model.Record
		for _, typ := range types {
			list = append(list, testRecord(z.ID, "n.a.test", typ, fmt.Sprint(int(typ))))
		}
		w.addRecords(t, list...)
		for i, typ := range types {
			for _, text := range []string{typ.String(), strings.ToLower(typ.String()), fmt.Sprintf("TYPE%d", typ), fmt.Sprintf("type%d", typ)} {
				got := w.list(t, z.ID, model.RecordQuery{Filters: []model.Filter{{Field: "type", Value: text}}})
				if len(got) != 1 || got[0].ID != list[i].ID {
					t.Errorf("%s finds %d records", text, len(got))
				}
			}
		}
	})
}

// TestOlderRows has rows as earlier versions wrote them, in a database that is migrated and in a backup that is restored.
func TestOlderRows(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		w.addRecords(t, testRecord(z.ID, "a.test", 99, "spf"), testRecord(z.ID, "a.test", 65280, "x"), testRecord(z.ID, "a.test", wire.TypeTXT, "y"))
		driver, dsn, folder := "sqlite", strings.TrimPrefix(w.url, "sqlite:"), "sqlite"
		if dsn == w.url {
			driver, folder = "pgx", "postgres"
		}
		db, err := sql.Open(driver, dsn)
		must(t, err)
		defer db.Close()
		run := func(text string) {
			_, err := db.ExecContext(t.Context(), text)
			must(t, err)
		}
		run(`UPDATE records SET type = 'TYPE99' WHERE type = 'SPF'`)
		run(`UPDATE zones SET status = 'pending', doc = replace(doc, '"Activated":"` + z.Activated.Format("2006-01-02T15:04:05.999999Z") + `"', '"Activated":"0001-01-01T00:00:00Z"')`)
		old := dump(t, w.Store)
		restored := &world{url: engines[0].fresh(t)}
		restored.Store = restored.open(t)
		must(t, restored.Restore(t.Context(), bytes.NewReader(old), nil))

		files, err := filepath.Glob(filepath.Join("engine", folder, "*_zones.sql"))
		must(t, err)
		if len(files) != 1 {
			t.Fatalf("migrations: %q", files)
		}
		text, err := os.ReadFile(files[0])
		must(t, err)
		run(string(text))

		for name, s := range map[string]*store.Store{"migrated": w.Store, "restored": restored.Store} {
			all, total, err := s.Zones(t.Context(), model.ZoneQuery{All: true, Filters: []model.Filter{{Field: "status", Value: "active"}}})
			must(t, err)
			if total != 1 || !all[0].Activated.Equal(z.Created) || !all[0].Modified.Equal(z.Modified) || len(all[0].NameServers) != 2 {
				t.Errorf("%s: %+v", name, all)
			}
			for typ, want := range map[string]int{"SPF": 1, "TYPE65280": 1, "TXT": 1} {
				n, err := s.CountRecords(t.Context(), z.ID, model.RecordQuery{Filters: []model.Filter{{Field: "type", Value: typ}}})
				must(t, err)
				if n != want {
					t.Errorf("%s: %s finds %d", name, typ, n)
				}
			}
		}
	})
}
