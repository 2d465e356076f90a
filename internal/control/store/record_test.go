package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func TestRecordRoundTrip(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		long := strings.Repeat("é%_!'\"\\\n", 8000)
		list := []model.Record{
			{
				ID: newID(), Zone: z.ID, Name: wire.MustName(`\000\255.\.x\032y.*.a.test`), Type: wire.TypeMX, Content: "Mail.Example", Priority: new(uint16(0)),
				RData: []byte{0, 0, 255}, TTL: 1, Proxied: true, Settings: model.RecordSettings{FlattenCNAME: true, IPv6Only: true},
				Comment: "a comment", Tags: []string{"Owner:Team: one", "plain", "x:"}, Created: at(1), Modified: at(2),
				CommentModified: at(3), TagsModified: at(4),
			},
			{ID: newID(), Zone: z.ID, Name: z.Name, Type: wire.Type(65280), Content: long, RData: noise(65535), TTL: 2147483647},
			{ID: newID(), Zone: z.ID, Name: z.Name, Type: wire.TypeSRV, Priority: new(uint16(65535)), Settings: model.RecordSettings{IPv4Only: true}},
		}
		w.addRecords(t, list...)
		for _, r := range list {
			got, err := w.Record(t.Context(), z.ID, r.ID)
			must(t, err)
			equal(t, "record", got, r)
		}
		if _, err := w.Record(t.Context(), newID(), list[0].ID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("record of another zone: %v", err)
		}
		w.change(t, func(tx *store.Tx) []model.Entry {
			got, err := tx.Record(t.Context(), z.ID, list[1].ID)
			must(t, err)
			equal(t, "record inside", got, list[1])
			return nil
		})
	})
}

func TestPutAndDeleteRecords(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z, other := w.addZone(t, newAccount(), "a.test"), w.addZone(t, newAccount(), "b.test")
		var list []model.Record
		for i := range 1500 { // several chunk sizes
			r := testRecord(z.ID, fmt.Sprintf("n%04d.a.test", (i*7)%1500), wire.TypeA, fmt.Sprint("192.0.2.", i))
			r.Tags = []string{fmt.Sprint("n:", i)}
			list = append(list, r)
		}
		list = append(list, testRecord(other.ID, "b.test", wire.TypeA, "x"))
		before := slices.Clone(list)
		w.addRecords(t, list...)
		equal(t, "the caller's slice", list, before)
		count := func(zone model.ID, want int) {
			t.Helper()
			n, err := w.CountRecords(t.Context(), zone, model.RecordQuery{})
			must(t, err)
			if all := len(w.list(t, zone, model.RecordQuery{})); n != want || all != want {
				t.Errorf("counted %d, listed %d, want %d", n, all, want)
			}
		}
		count(z.ID, 1500)
		count(other.ID, 1)
		w.change(t, func(tx *store.Tx) []model.Entry {
			list[3].Name, list[3].Tags = wire.MustName("moved.a.test"), nil
			list[4].Content, list[4].Tags = "changed", []string{"new:value"}
			must(t, tx.PutRecords(t.Context(), append([]model.Record{testRecord(z.ID, "new.a.test", wire.TypeA, "x")}, list[3:5]...)))
			must(t, tx.DeleteRecords(t.Context(), z.ID, []model.ID{list[0].ID, list[1].ID, newID(), list[1500].ID}))
			n, err := tx.CountRecords(t.Context(), z.ID)
			must(t, err)
			if n != 1499 {
				t.Errorf("%d records inside", n)
			}
			return nil
		})
		count(z.ID, 1499)
		count(other.ID, 1)
		got, err := w.Record(t.Context(), z.ID, list[3].ID)
		must(t, err)
		equal(t, "moved record", got, list[3])
		for tag, want := range map[string]int{"0": 0, "1": 0, "2": 1, "3": 0, "4": 0, "5": 1} {
			q := model.RecordQuery{Tags: []model.TagFilter{{Name: "n", Op: model.OpExact, Value: tag}}}
			if n := len(w.list(t, z.ID, q)); n != want {
				t.Errorf("tag n:%s: %d records", tag, n)
			}
		}
		n, err := w.CountAccountRecords(t.Context(), z.Account)
		must(t, err)
		if n != 1499 {
			t.Errorf("%d records in the account", n)
		}
	})
}

func TestRecordsAt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		var list []model.Record
		var names []wire.Name
		for i := range 700 {
			names = append(names, wire.MustName(fmt.Sprintf("n%03d.a.test", i)))
			for _, kind := range []wire.Type{wire.TypeTXT, wire.TypeA} {
				r := testRecord(z.ID, names[i].String(), kind, "x")
				r.Proxied = kind == wire.TypeA && i%100 == 0
				list = append(list, r)
			}
		}
		list[1].Created = at(100)
		first := testRecord(z.ID, names[0].String(), wire.TypeA, "earlier")
		alias := testRecord(z.ID, "zz.a.test", wire.TypeCNAME, "x")
		w.addRecords(t, append(list, first, alias)...)
		w.change(t, func(tx *store.Tx) []model.Entry {
			got, err := tx.RecordsAt(t.Context(), z.ID, []wire.Name{names[5], names[0], wire.MustName("none.a.test"), names[5]})
			must(t, err)
			equal(t, "at two names", got, []model.Record{first, list[1], list[0], list[11], list[10]})
			slices.Reverse(names)
			got, err = tx.RecordsAt(t.Context(), z.ID, names)
			must(t, err)
			if len(got) != 1401 || !slices.IsSortedFunc(got, func(a, b model.Record) int { return strings.Compare(a.Name.Host(), b.Name.Host()) }) {
				t.Errorf("%d records at all names", len(got))
			}
			got, err = tx.RecordsAt(t.Context(), z.ID, nil)
			if len(got) != 0 || err != nil {
				t.Errorf("at no name: %v %v", got, err)
			}
			depend, err := tx.Dependent(t.Context(), z.ID)
			must(t, err)
			if len(depend) != 8 || depend[7] != alias.Name || depend[0].Host() != "n000.a.test" {
				t.Errorf("dependent: %v", depend)
			}
			last, n := "", 0
			must(t, tx.EachRecord(t.Context(), z.ID, func(r *model.Record) error {
				if h := r.Name.Host(); h < last {
					t.Errorf("%s after %s", h, last)
				}
				last = r.Name.Host()
				n++
				return nil
			}))
			if n != 1402 {
				t.Errorf("%d of all records", n)
			}
			return nil
		})
	})
}

// listed is the set of records that TestListRecords queries; each is known by the first label of its name.
func listed(zone model.ID) []model.Record {
	make := func(name string, kind wire.Type, content string, ttl uint32, proxied bool, comment string, tags ...string) model.Record {
		r := testRecord(zone, name+".a.test", kind, content)
		r.TTL, r.Proxied, r.Comment, r.Tags = ttl, proxied, comment, tags
		return r
	}
	return []model.Record{
		make("b", wire.TypeA, "192.0.2.2", 300, true, "", "env:prod", "team:DNS"),
		make("a", wire.TypeA, "192.0.2.10", 1, false, "Web 100%", "env:dev"),
		make("d", wire.TypeAAAA, "2001:db8::a", 60, true, "web_1"),
		make("c", wire.TypeTXT, `"Very `+strings.Repeat("long ", 30)+`end1"`, 60, false, "x", "single"),
		make("e", wire.TypeTXT, `"very `+strings.Repeat("long ", 30)+`END2"`, 60, false, "", "ENV:Prod2"),
		make("f", wire.TypeCNAME, "Target.Example.COM", 1, false, ""),
		make("g", wire.TypeMX, "mail_a%b!c.example.com", 1, false, ""),
	}
}

func TestListRecords(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		other := w.addZone(t, z.Account, "b.test")
		w.addRecords(t, listed(z.ID)...)
		w.addRecords(t, listed(other.ID)...)
		for i, tt := range recordQueries() {
			got := ""
			for _, r := range w.list(t, z.ID, tt.q) {
				got += r.Name.Host()[:1]
			}
			if got != tt.want {
				t.Errorf("%d: %+v: %s, want %s", i, tt.q, got, tt.want)
			}
			n, err := w.CountRecords(t.Context(), z.ID, tt.q)
			must(t, err)
			if tt.q.Limit == 0 && tt.q.Offset == 0 && n != len(tt.want) || n < len(tt.want) {
				t.Errorf("%d: %+v: counted %d", i, tt.q, n)
			}
			w.samePage(t, z.ID, tt.q, n)
		}
		for _, q := range []model.RecordQuery{
			{Order: "zone; --"}, {Filters: []model.Filter{{Field: "rdata"}}},
		} {
			if err := w.Records(t.Context(), z.ID, q, nil); err == nil {
				t.Errorf("%+v: no error", q)
			}
		}
	})
}

// samePage holds what a page tells against the list and the count of the same query, with its limit and with one of its own.
func (w *world) samePage(t *testing.T, zone model.ID, q model.RecordQuery, count int) {
	t.Helper()
	limits := []model.RecordQuery{q, q, q}
	limits[1].Limit = 2
	limits[2].Limit, limits[2].Offset = 2, count+5
	for _, q := range limits {
		var got []model.Record
		total, err := w.PageRecords(t.Context(), zone, q, func(r *model.Record) error { got = append(got, *r); return nil })
		must(t, err)
		if total != count {
			t.Errorf("%+v: a page of %d, counted %d", q, total, count)
		}
		equal(t, fmt.Sprintf("page of %+v", q), got, w.list(t, zone, q))
	}
}

// TestPageOfMany searches for more than is held in memory, and for one more than that.
func TestPageOfMany(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		var list []model.Record
		for i := range 1005 {
			list = append(list, testRecord(z.ID, fmt.Sprintf("n%d.a.test", i), wire.TypeTXT, strings.Repeat("x", 1+i%3)))
		}
		w.addRecords(t, list...)
		for search, want := range map[string]int{"a.test": 1005, "xx": 670, "n100": 6, "none": 0} {
			for _, order := range []string{"", "content", "name"} {
				for _, offset := range []int{0, 600, 1004, 2000} {
					q := model.RecordQuery{Search: search, Order: order, Offset: offset, Limit: 50, Desc: offset == 600}
					var got []model.Record
					total, err := w.PageRecords(t.Context(), z.ID, q, func(r *model.Record) error { got = append(got, *r); return nil })
					must(t, err)
					if total != want {
						t.Errorf("%+v: %d, want %d", q, total, want)
					}
					equal(t, fmt.Sprintf("page of %+v", q), got, w.list(t, z.ID, q))
				}
			}
		}
		stop := errors.New("stop")
		_, err := w.PageRecords(t.Context(), z.ID, model.RecordQuery{Search: "a.test", Limit: 5}, func(*model.Record) error { return stop })
		if !errors.Is(err, stop) {
			t.Errorf("stopped by the caller: %v", err)
		}
		if _, err := w.PageRecords(t.Context(), z.ID, model.RecordQuery{Search: "x", Order: "zone; --", Limit: 5}, nil); err == nil {
			t.Error("no error of an order that there is not")
		}
	})
}

type recordQuery struct {
	q    model.RecordQuery
	want string
}

func where(field string, op model.Op, value string) model.RecordQuery {
	return model.RecordQuery{Filters: []model.Filter{{Field: field, Op: op, Value: value}}, Order: "name"}
}

func tagged(name string, op model.Op, value string) model.RecordQuery {
	return model.RecordQuery{Tags: []model.TagFilter{{Name: name, Op: op, Value: value}}, Order: "name"}
}

func recordQueries() []recordQuery {
	both := func(any bool, a, b model.RecordQuery) model.RecordQuery {
		return model.RecordQuery{
			Filters: append(a.Filters, b.Filters...), Tags: append(a.Tags, b.Tags...), Any: any, AnyTag: any, Order: "name",
		}
	}
	ends := `"very ` + strings.Repeat("long ", 30) + `end2"`
	return []recordQuery{
		{model.RecordQuery{}, "abdfgce"},
		{model.RecordQuery{Order: "type", Desc: true}, "ecgfdba"},
		{model.RecordQuery{Order: "name"}, "abcdefg"},
		{model.RecordQuery{Order: "name", Desc: true, Limit: 2}, "gf"},
		{model.RecordQuery{Order: "name", Offset: 5}, "fg"},
		{model.RecordQuery{Order: "name", Offset: 2, Limit: 2}, "cd"},
		{model.RecordQuery{Order: "name", Offset: 9, Limit: 2}, ""},
		{model.RecordQuery{Order: "content"}, "ceabdgf"},
		{model.RecordQuery{Order: "ttl"}, "afgcdeb"},
		{model.RecordQuery{Order: "ttl", Desc: true}, "bedcgfa"},
		{model.RecordQuery{Order: "proxied"}, "acefgbd"},
		{where("name", model.OpExact, "A.A.test"), "a"},
		{where("name", model.OpStartsWith, "A."), "a"},
		{where("name", model.OpContains, ".A.T"), "abcdefg"},
		{where("name", model.OpEndsWith, "c.a.test"), "c"},
		{where("type", model.OpExact, "txt"), "ce"},
		{where("proxied", model.OpExact, "true"), "bd"},
		{where("proxied", model.OpExact, "false"), "acefg"},
		{where("content", model.OpExact, "192.0.2.2"), "b"},
		{where("content", model.OpExact, "192.0.2"), ""},
		{where("content", model.OpExact, "TARGET.example.com"), "f"},
		{where("content", model.OpExact, ends), "e"},
		{where("content", model.OpContains, "LONG END"), "ce"},
		{where("content", model.OpContains, "_A%b!"), "g"},
		{where("content", model.OpContains, "%"), "g"},
		{where("content", model.OpStartsWith, "192.0.2.1"), "a"},
		{where("content", model.OpEndsWith, ".com"), "fg"},
		{where("comment", model.OpPresent, ""), "acd"},
		{where("comment", model.OpAbsent, ""), "befg"},
		{where("comment", model.OpContains, "100%"), "a"},
		{where("comment", model.OpContains, "b_"), "d"},
		{where("comment", model.OpStartsWith, "WEB"), "ad"},
		{where("comment", model.OpExact, "WEB_1"), "d"},
		{where("content", model.OpContains, "' OR '1'='1"), ""},
		{both(false, where("type", model.OpExact, "A"), where("proxied", model.OpExact, "true")), "b"},
		{both(true, where("type", model.OpExact, "A"), where("proxied", model.OpExact, "true")), "abd"},
		{both(true, where("content", model.OpExact, "192.0.2.2"), where("type", model.OpExact, "MX")), "bg"},
		{tagged("ENV", model.OpPresent, ""), "abe"},
		{tagged("env", model.OpAbsent, ""), "cdfg"},
		{tagged("env", model.OpExact, "PROD"), "b"},
		{tagged("env", model.OpStartsWith, "prod"), "be"},
		{tagged("env", model.OpEndsWith, "2"), "e"},
		{tagged("env", model.OpContains, "D"), "abe"},
		{tagged("single", model.OpExact, ""), "c"},
		{both(false, tagged("env", model.OpPresent, ""), tagged("team", model.OpExact, "dns")), "b"},
		{both(true, tagged("single", model.OpPresent, ""), tagged("team", model.OpPresent, "")), "bc"},
		{model.RecordQuery{Search: "WEB", Order: "name"}, "ad"},
		{model.RecordQuery{Search: "team:d", Order: "name"}, "b"},
		{model.RecordQuery{Search: "example", Order: "name"}, "fg"},
		{model.RecordQuery{Search: "a%b"}, "g"},
		{model.RecordQuery{Search: "e.a.test", Order: "name"}, "e"},
		{model.RecordQuery{Search: "x", Filters: []model.Filter{{Field: "type", Value: "TXT"}}}, "c"},
		{model.RecordQuery{Search: ".", Order: "name", Desc: true, Limit: 3}, "gfe"},
		{model.RecordQuery{Search: "nowhere"}, ""},
		{model.RecordQuery{Search: "192.0.2", Order: "name"}, "ab"},
		{model.RecordQuery{Search: "0.2.2"}, "b"},
		{model.RecordQuery{Search: "DB8"}, "d"},
		{model.RecordQuery{Search: "8::A"}, "d"},
		{model.RecordQuery{Search: "1:db8:"}, "d"},
	}
}

// TestPaging reads a zone page by page in each order: every record comes once.
func TestPaging(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		var list []model.Record
		for i := range 500 {
			r := testRecord(z.ID, fmt.Sprintf("n%d.a.test", i%40), []wire.Type{wire.TypeA, wire.TypeTXT}[i%2], fmt.Sprint("c", i%7))
			r.TTL, r.Proxied = uint32(i%3), i%5 == 0
			list = append(list, r)
		}
		w.addRecords(t, list...)
		for _, order := range []string{"type", "name", "content", "ttl", "proxied"} {
			for _, desc := range []bool{false, true} {
				seen := map[model.ID]bool{}
				for offset := 0; ; offset += 37 {
					page := w.list(t, z.ID, model.RecordQuery{Order: order, Desc: desc, Offset: offset, Limit: 37})
					for _, r := range page {
						seen[r.ID] = true
					}
					if len(page) == 0 {
						break
					}
				}
				if len(seen) != len(list) {
					t.Errorf("%s, descending %v: %d records", order, desc, len(seen))
				}
			}
		}
	})
}

func TestStop(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		w.addRecords(t, listed(z.ID)...)
		stop, n := errors.New("stop"), 0
		err := w.Records(t.Context(), z.ID, model.RecordQuery{}, func(*model.Record) error {
			n++
			return stop
		})
		if !errors.Is(err, stop) || n != 1 {
			t.Errorf("%d records, %v", n, err)
		}
	})
}
