package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func onEach(b *testing.B, f func(b *testing.B, w *world)) {
	b.Helper()
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			w := &world{url: e.fresh(b), now: time.Now()}
			w.Store = w.open(b)
			f(b, w)
		})
	}
}

// BenchmarkAdd commits changes as package commit does: what it reads, the records, an audit entry, a delta.
func BenchmarkAdd(b *testing.B) {
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			onEach(b, func(b *testing.B, w *world) {
				account := model.Account{ID: newAccount(), Name: "bench"}
				w.change(b, func(tx *store.Tx) []model.Entry {
					must(b, tx.PutAccount(b.Context(), account))
					return nil
				})
				z := w.addZone(b, account.ID, "a.test")
				n := 0
				for b.Loop() {
					w.change(b, func(tx *store.Tx) []model.Entry { return addBatch(b, tx, account.ID, z.ID, size, &n) })
				}
				b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "records/s")
			})
		})
	}
}

func addBatch(b *testing.B, tx *store.Tx, account, zone model.ID, size int, n *int) []model.Entry {
	id := newID()
	_, _, err := tx.SeenChange(b.Context(), id)
	must(b, err)
	_, err = tx.Zone(b.Context(), zone)
	must(b, err)
	_, err = tx.Account(b.Context(), account)
	must(b, err)
	list := make([]model.Record, size)
	names := make([]wire.Name, size)
	for i := range list {
		*n++
		list[i] = testRecord(zone, fmt.Sprintf("n%d.a.test", *n), wire.TypeA, fmt.Sprintf("192.0.%d.%d", *n/250%250, *n%250))
		names[i] = list[i].Name
	}
	_, err = tx.RecordsAt(b.Context(), zone, names)
	must(b, err)
	must(b, tx.PutRecords(b.Context(), list))
	a := testAudit(account, *n)
	a.Zone, a.ZoneName, a.Parts = zone, "a.test", nil
	for i := range list {
		a.Parts = append(a.Parts, model.AuditPart{Action: "create", Legacy: "rec_add", Resource: "dns.record", ResourceID: list[i].ID, After: list[i]})
	}
	must(b, tx.Audit(b.Context(), []model.Audit{a}))
	must(b, tx.MarkChange(b.Context(), id))
	return []model.Entry{{Kind: model.EntryDelta, Account: account, Zone: zone, Serial: 1, At: at(1), Body: make([]byte, 100+60*size)}}
}

// million makes a zone of a million records, most of them addresses.
func million(zone model.ID) []model.Record {
	list := make([]model.Record, 1_000_000)
	for i := range list {
		kind, content := wire.TypeA, fmt.Sprintf("192.%d.%d.%d", i>>16, i>>8&255, i&255)
		if i%10 == 0 {
			kind, content = wire.TypeTXT, fmt.Sprintf(`"v=test%d some words that nobody reads but everybody keeps"`, i)
		}
		list[i] = testRecord(zone, fmt.Sprintf("host-%d.big.test", i*7919%1_000_000), kind, content)
	}
	return list
}

// BenchmarkMillion imports a million records in one change, then lists, counts and searches them.
func BenchmarkMillion(b *testing.B) {
	onEach(b, func(b *testing.B, w *world) {
		z := w.addZone(b, newAccount(), "big.test")
		list := million(z.ID)
		started := time.Now()
		w.addRecords(b, list...)
		b.Logf("imported %d records in %s", len(list), time.Since(started))
		queries := map[string]model.RecordQuery{
			"first page":        {Limit: 100},
			"page by content":   {Order: "content", Desc: true, Limit: 100},
			"page far away":     {Order: "name", Offset: 900_000, Limit: 100},
			"exact content":     {Filters: []model.Filter{{Field: "content", Value: "192.3.3.3"}}, Limit: 100},
			"type and page":     {Filters: []model.Filter{{Field: "type", Value: "TXT"}}, Limit: 100},
			"search one":        {Search: "host-77777.", Limit: 100},
			"search none":       {Search: "nowhere", Limit: 100},
			"search many":       {Search: "test", Limit: 100},
			"contains and name": {Filters: []model.Filter{{Field: "content", Op: model.OpContains, Value: "test9999"}}, Order: "name", Limit: 100},
		}
		for name, q := range queries {
			b.Run("list "+name, func(b *testing.B) {
				for b.Loop() {
					w.list(b, z.ID, q)
				}
			})
			b.Run("count "+name, func(b *testing.B) {
				for b.Loop() {
					_, err := w.CountRecords(b.Context(), z.ID, q)
					must(b, err)
				}
			})
		}
		b.Run("stream all", func(b *testing.B) {
			for b.Loop() {
				n := 0
				must(b, w.Records(b.Context(), z.ID, model.RecordQuery{}, func(*model.Record) error { n++; return nil }))
				if n != len(list) {
					b.Fatal(n)
				}
			}
		})
	})
}

// BenchmarkLoad reads 100,000 small zones, and one large one.
func BenchmarkLoad(b *testing.B) {
	load := func(b *testing.B, w *world) {
		for b.Loop() {
			images := 0
			_, _, err := w.Load(b.Context(), func(model.Image) error { images++; return nil }, func(model.Entry) error { return nil })
			must(b, err)
		}
	}
	b.Run("zones=100000", func(b *testing.B) {
		onEach(b, func(b *testing.B, w *world) {
			account := newAccount()
			for i := 0; i < 100_000; i += 5000 {
				w.change(b, func(tx *store.Tx) []model.Entry { return addZones(b, tx, account, i, 5000) })
			}
			load(b, w)
		})
	})
	b.Run("size=45MB", func(b *testing.B) {
		onEach(b, func(b *testing.B, w *world) {
			z := w.addZone(b, newAccount(), "big.test")
			must(b, w.Checkpoint(b.Context(), model.Image{Zone: z.ID, Seq: z.Seq, Served: noise(45_000_000)}, 0))
			w.change(b, func(tx *store.Tx) []model.Entry {
				must(b, tx.PutImage(b.Context(), model.Image{Zone: z.ID, Served: noise(45_000_000)}))
				return []model.Entry{{Kind: model.EntryReset, Zone: z.ID}}
			})
			load(b, w)
		})
	})
}

func addZones(b *testing.B, tx *store.Tx, account model.ID, from, n int) (entries []model.Entry) {
	for i := range n {
		z := testZone(account, fmt.Sprintf("zone-%d.test", from+i))
		must(b, tx.PutZone(b.Context(), z))
		must(b, tx.PutImage(b.Context(), model.Image{Zone: z.ID, Served: noise(500)}))
		entries = append(entries, model.Entry{Kind: model.EntryReset, Account: account, Zone: z.ID, Serial: 1})
	}
	return entries
}

// BenchmarkStage writes what an import brings: records in the order of their names, with ids from all over.
func BenchmarkStage(b *testing.B) {
	const size, slice = 200_000, 2000
	onEach(b, func(b *testing.B, w *world) {
		account := newAccount()
		w.change(b, func(tx *store.Tx) []model.Entry {
			must(b, tx.PutAccount(b.Context(), model.Account{ID: account, Name: "bench"}))
			return nil
		})
		for i := 0; b.Loop(); i++ {
			z := w.addZone(b, account, fmt.Sprintf("z%d.test", i))
			rows := make([]model.Record, size)
			list := make([]*model.Record, size)
			for n := range rows {
				rows[n] = testRecord(z.ID, fmt.Sprintf("host-%06d.z%d.test", n, i), wire.TypeA, fmt.Sprintf("192.0.%d.%d", n/250%250, n%250))
				list[n] = &rows[n]
			}
			st, err := w.Stage(b.Context(), z.ID)
			must(b, err)
			for from := 0; from < size; from += slice {
				must(b, st.Put(b.Context(), list[from:from+slice]))
			}
		}
		b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "records/s")
	})
}
