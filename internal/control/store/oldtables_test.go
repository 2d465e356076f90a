package store_test

import (
	"fmt"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestTablesWithMoreTrees opens a database as the versions left it that had indexes for types, contents and tags, and the journal's
// position in a row: all is found, positions go on, and the indexes are gone.
func TestTablesWithMoreTrees(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		plain, flat := w.addZone(t, newAccount(), "plain.test"), w.addZone(t, newAccount(), "flat.test")
		var rows []model.Record
		for i := range 300 {
			r := testRecord(plain.ID, fmt.Sprintf("n%03d.plain.test", i*7%300), []wire.Type{wire.TypeTXT, wire.TypeA, wire.TypeAAAA}[i%3], fmt.Sprint("content ", i%10))
			if i%3 == 0 {
				r.Tags = []string{fmt.Sprint("Part:", i%4), "all"}
			}
			rows = append(rows, r)
		}
		w.addRecords(t, rows...)
		cname := testRecord(flat.ID, "www.flat.test", wire.TypeCNAME, "target.test")
		cname.Settings.FlattenCNAME = true
		w.addRecords(t, cname)
		queries := []model.RecordQuery{
			{},
			{Order: "content", Desc: true},
			{Filters: []model.Filter{{Field: "content", Value: "Content 3"}}},
			{Filters: []model.Filter{{Field: "type", Value: "TXT"}}},
			{Tags: []model.TagFilter{{Name: "part", Value: "2"}}},
			{Tags: []model.TagFilter{{Name: "ALL", Op: model.OpAbsent}}},
		}
		var before [][]model.Record
		for _, q := range queries {
			before = append(before, w.list(t, plain.ID, q))
		}
		head, err := w.Head(ctx)
		must(t, err)

		if !w.Shared() {
			must(t, w.Close())
		}
		w.migrateAgain(t, "00051_fewer_trees.sql",
			`DROP INDEX records_cname`,
			`CREATE INDEX records_type ON records (zone, type, name, id)`,
			`CREATE INDEX records_content ON records (zone, lower(substr(content, 1, 64)), name, type, id)`,
			fmt.Sprintf(`UPDATE counters SET value = %d WHERE name = 'seq'`, head))
		w.migrateAgain(t, "00071_tags_scan.sql", `CREATE INDEX record_tags_name ON record_tags (zone, name, value, record)`)
		if !w.Shared() {
			w.migrateAgain(t, "00062_journal_links.sql",
				`DROP INDEX journal_unlinked`,
				`ALTER TABLE journal DROP COLUMN prev`,
				`CREATE INDEX journal_zone ON journal (zone, seq)`)
		}
		w.Store = w.open(t)

		for i, q := range queries {
			equal(t, fmt.Sprintf("list %d", i), w.list(t, plain.ID, q), before[i])
		}
		var dependent []model.ID
		must(t, w.DependentZones(ctx, func(zone model.ID) error { dependent = append(dependent, zone); return nil }))
		equal(t, "dependent zones", dependent, []model.ID{flat.ID})
		next := w.change(t, func(*store.Tx) []model.Entry {
			return []model.Entry{{Kind: model.EntryDelta, Zone: plain.ID, Serial: 3, Body: []byte("delta")}}
		})
		if next != head+1 {
			t.Errorf("position %d after %d", next, head)
		}
		text := `SELECT count(*) FROM sqlite_schema WHERE name IN ('records_type', 'records_content', 'record_tags_name')`
		if w.Shared() {
			text = `SELECT count(*) FROM pg_indexes WHERE indexname IN ('records_type', 'records_content', 'record_tags_name')`
		}
		var left int
		if !w.Shared() {
			must(t, w.raw(t).QueryRowContext(ctx, `SELECT count(*) FROM journal WHERE prev IS NULL`).Scan(&left))
			if left > 0 {
				t.Errorf("%d entries of the journal are not linked", left)
			}
		}
		must(t, w.raw(t).QueryRowContext(ctx, text).Scan(&left))
		if left > 0 {
			t.Errorf("%d indexes are left", left)
		}
	})
}
