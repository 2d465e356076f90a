package store_test

import (
	"fmt"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// bigZone is a zone of so many records of all kinds that lists tell apart.
func bigZone(tb testing.TB, w *world, size int) model.Zone {
	tb.Helper()
	z := w.addZone(tb, newAccount(), "big.test")
	for i := 0; i < size; i += 5000 {
		var list []model.Record
		for n := i; n < min(size, i+5000); n++ {
			r := testRecord(z.ID, fmt.Sprintf("host-%08x.big.test", uint32(n)*2654435761), wire.TypeA, fmt.Sprintf("192.%d.%d.%d", n>>16, n>>8&255, n&255))
			switch n % 10 {
			case 0:
				r.Type, r.Content = wire.TypeTXT, fmt.Sprintf("\"text %d\"", n)
			case 1:
				r.Type, r.Content = wire.TypeAAAA, fmt.Sprintf("2001:db8::%x", n)
			}
			r.TTL = uint32(300 * (1 + n%4))
			r.Proxied = n%50 == 2
			if n%1000 == 5 {
				r.Comment, r.Tags = fmt.Sprint("comment ", n), []string{"team:dns"}
			}
			list = append(list, r)
		}
		w.addRecords(tb, list...)
	}
	return z
}

// TestListsOfManyLooks reads lists that take more than one look through the zone.
func TestListsOfManyLooks(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		const size = 35_000
		z := bigZone(t, w, size)
		keys := map[string]func(r *model.Record) string{
			"type":    func(r *model.Record) string { return r.Type.String() },
			"ttl":     func(r *model.Record) string { return fmt.Sprintf("%08d", r.TTL) },
			"content": func(r *model.Record) string { return r.Content },
		}
		for order, key := range keys {
			for _, desc := range []bool{false, true} {
				seen := map[model.ID]bool{}
				last := ""
				must(t, w.Records(t.Context(), z.ID, model.RecordQuery{Order: order, Desc: desc}, func(r *model.Record) error {
					now := key(r) + " " + r.Name.Host()
					if last != "" && (now < last) != desc {
						return fmt.Errorf("%s follows %s", now, last)
					}
					seen[r.ID], last = true, now
					return nil
				}))
				if len(seen) != size {
					t.Errorf("by %s, desc %v: %d records", order, desc, len(seen))
				}
			}
		}
	})
}

// BenchmarkLists reads the first page, or a far one, of a zone of 100,000 records by every filter and in every order.
func BenchmarkLists(b *testing.B) {
	onEach(b, func(b *testing.B, w *world) {
		z := bigZone(b, w, 100_000)
		by := func(field string, op model.Op, value string) model.RecordQuery {
			return model.RecordQuery{Filters: []model.Filter{{Field: field, Op: op, Value: value}}}
		}
		for name, q := range map[string]model.RecordQuery{
			"default": {}, "descending": {Desc: true}, "name": {Order: "name"}, "content": {Order: "content"}, "ttl": {Order: "ttl"},
			"proxied": {Order: "proxied"}, "default, far": {Offset: 50000}, "name, far": {Order: "name", Offset: 50000},
			"content, far": {Order: "content", Offset: 50000},
			"type=TXT":     by("type", model.OpExact, "TXT"), "type=SRV": by("type", model.OpExact, "SRV"),
			"name=": by("name", model.OpExact, "host-9e3779b1.big.test"), "name~": by("name", model.OpContains, "9e37"),
			"content=": by("content", model.OpExact, "192.0.3.5"), "content~": by("content", model.OpContains, "0.3."),
			"proxied=": by("proxied", model.OpExact, "true"), "comment=": by("comment", model.OpExact, "comment 5"),
			"comment~": by("comment", model.OpContains, "nt 50"), "tag": {Tags: []model.TagFilter{{Name: "team", Value: "dns"}}},
			"search one": {Search: "host-9e3779b1"}, "search many": {Search: "big"},
		} {
			q.Limit = 100
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					_, err := w.PageRecords(b.Context(), z.ID, q, func(*model.Record) error { return nil })
					must(b, err)
				}
			})
		}
	})
}
