package commit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// code is an error's API code; 0 for success, -1 for anything that is not the user's fault.
func code(err error) int {
	var user *model.Invalid
	switch {
	case err == nil:
		return 0
	case errors.As(err, &user):
		return user.Code
	}
	return -1
}

// TestWhatMayStandTogether adds a record beside others.
func TestWhatMayStandTogether(t *testing.T) {
	t.Parallel()
	const www, apex = "www.example", "example"
	list := func(r ...model.Record) []model.Record { return r }
	tests := []struct {
		title string
		there []model.Record
		add   model.Record
		want  int
	}{
		{"first", nil, rec(www, "A", "192.0.2.1"), 0},
		{"second address", list(rec(www, "A", "192.0.2.1")), rec(www, "A", "192.0.2.2"), 0},
		{"identical", list(rec(www, "A", "192.0.2.1")), rec(www, "A", "192.0.2.1"), 81058},
		{
			"identical but for ttl, proxied, comment", list(rec(www, "A", "192.0.2.1")),
			rec(www, "A", "192.0.2.1", proxied, func(r *model.Record) { r.Comment = "other" }), 81058,
		},
		{"identical CNAME", list(rec(www, "CNAME", "a.test")), rec(www, "CNAME", "a.test"), 81058},
		{"CNAME onto A", list(rec(www, "A", "192.0.2.1")), rec(www, "CNAME", "a.test"), 81053},
		{"CNAME onto AAAA", list(rec(www, "AAAA", "2001:db8::1")), rec(www, "CNAME", "a.test"), 81053},
		{"CNAME onto CNAME", list(rec(www, "CNAME", "a.test")), rec(www, "CNAME", "b.test"), 81053},
		{"CNAME onto A at the apex", list(rec(apex, "A", "192.0.2.1")), rec(apex, "CNAME", "b.test"), 81053},
		{"A onto CNAME", list(rec(www, "CNAME", "a.test")), rec(www, "A", "192.0.2.1"), 81054},
		{"AAAA onto CNAME", list(rec(www, "CNAME", "a.test")), rec(www, "AAAA", "2001:db8::1"), 81054},
		{"TXT beside CNAME", list(rec(www, "CNAME", "a.test")), rec(www, "TXT", "x"), 0},
		{"CNAME beside TXT", list(rec(www, "TXT", "x")), rec(www, "CNAME", "a.test"), 0},
		{"NS onto A", list(rec(www, "A", "192.0.2.1")), rec(www, "NS", "ns.test"), 81055},
		{"NS onto TXT", list(rec(www, "TXT", "x")), rec(www, "NS", "ns.test"), 81055},
		{"NS onto NS", list(rec(www, "NS", "ns.test")), rec(www, "NS", "ns2.test"), 0},
		{"NS onto A at the apex", list(rec(apex, "A", "192.0.2.1")), rec(apex, "NS", "ns.test"), 0},
		{"A onto NS", list(rec(www, "NS", "ns.test")), rec(www, "A", "192.0.2.1"), 81056},
		{"CNAME onto NS", list(rec(www, "NS", "ns.test")), rec(www, "CNAME", "a.test"), 81056},
		{"A onto NS at the apex", list(rec(apex, "NS", "ns.test")), rec(apex, "A", "192.0.2.1"), 0},
		{"DS beside NS", list(rec(www, "NS", "ns.test")), rec(www, "DS", strings.Repeat("d", 32)), 0},
		{"DS without NS", nil, rec(www, "DS", strings.Repeat("d", 32)), 13061},
		{"glue below a cut", list(rec(www, "NS", "ns.www.example")), rec("ns.www.example", "A", "192.0.2.1"), 0},
		{"name outside the zone", nil, rec("www.elsewhere", "A", "192.0.2.1"), 9000},
		{"name that only ends alike", nil, rec("wwwexample", "A", "192.0.2.1"), 9000},
		{"wildcard", nil, rec("*.example", "A", "192.0.2.1"), 0},
	}
	for _, tt := range tests {
		t.Run(tt.title, func(t *testing.T) {
			t.Parallel()
			b := start(t, nil)
			z := b.zone(t, "example")
			b.add(t, z.ID, tt.there...)
			before := text(b.state(t, z.ID).Served)
			_, err := b.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{model.AddRecord{Record: tt.add}}})
			if got := code(err); got != tt.want {
				t.Errorf("got %d (%v), want %d", got, err, tt.want)
			}
			if err != nil && text(b.state(t, z.ID).Served) != before {
				t.Error("a refused change shows")
			}
			if n := len(b.store.Records(z.ID)); err != nil && n != len(tt.there) {
				t.Errorf("a refused change left %d records of %d", n, len(tt.there))
			}
		})
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *commit.Config) { c.Limits.RecordBytes = wire.MaxMessage })
	z := b.zone(t, "example")
	// 250 strings of 255 octets fill an RRset to nearly 64 KiB.
	c := model.Change{Zone: z.ID}
	for i := range 15 {
		c.Edits = append(c.Edits, model.AddRecord{Record: rec("big.example", "TXT", strings.Repeat(string(rune('a'+i)), 4200))})
	}
	b.must(t, c)
	if _, err := b.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{
		model.AddRecord{Record: rec("big.example", "TXT", strings.Repeat("z", 4200))},
	}}); code(err) != model.CodeSetTooLarge {
		t.Errorf("got %v", err)
	}
	if _, err := b.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{
		model.AddRecord{Record: rec("big.example", "A", "192.0.2.1")},
	}}); err != nil {
		t.Errorf("another type at the name: %v", err)
	}
	small := start(t, func(c *commit.Config) { c.Limits.RecordBytes, c.Quotas = 100, model.Quotas{model.QuotaZoneRecords: 2} })
	z = small.zone(t, "example")
	if _, err := small.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{
		model.AddRecord{Record: rec("x.example", "TXT", strings.Repeat("z", 100))},
	}}); code(err) != model.CodeRecordTooLarge {
		t.Errorf("got %v", err)
	}
	added := small.add(t, z.ID, rec("x.example", "A", "192.0.2.1"), rec("x.example", "A", "192.0.2.2"))
	third := model.AddRecord{Record: rec("x.example", "A", "192.0.2.3")}
	if _, err := small.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{third}}); code(err) != model.CodeQuota {
		t.Errorf("got %v", err)
	}
	if _, err := small.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{
		model.DeleteRecord{ID: added[0].ID}, third,
	}}); err != nil {
		t.Errorf("a batch that makes room first: %v", err)
	}
}

func TestProxiedNeedsEdge(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *commit.Config) { c.Edge = nil })
	z := b.zone(t, "example")
	add := model.AddRecord{Record: rec("x.example", "A", "192.0.2.1", proxied)}
	if _, err := b.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{add}}); code(err) != model.CodeNoEdge {
		t.Errorf("got %v", err)
	}
}

// TestBatch has later edits see earlier ones, and all fail together.
func TestBatch(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example")
	old := b.add(t, z.ID, rec("www.example", "A", "192.0.2.1"))[0]
	serial := b.state(t, z.ID).Transfer.Serial()
	r := b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{
		model.DeleteRecord{ID: old.ID},
		model.AddRecord{Record: rec("www.example", "CNAME", "a.test")},
		model.AddRecord{Record: rec("sub.example", "DS", strings.Repeat("d", 32))},
		model.AddRecord{Record: rec("sub.example", "NS", "ns.test")},
	}})
	if r.Serial != serial+1 || r.Outcomes[0].Record.ID != old.ID || len(r.Outcomes) != 4 {
		t.Errorf("got %+v", r)
	}
	before := text(b.state(t, z.ID).Served)
	ns := r.Outcomes[3].Record
	for _, tt := range []struct {
		title string
		edits []model.Edit
		want  int
	}{
		{"unknown record at the end", []model.Edit{
			model.AddRecord{Record: rec("a.example", "A", "192.0.2.1")}, model.DeleteRecord{ID: old.ID},
		}, model.CodeRecordNotFound},
		{"deleted twice", []model.Edit{model.DeleteRecord{ID: ns.ID}, model.DeleteRecord{ID: ns.ID}}, model.CodeRecordNotFound},
		{"twice the same", []model.Edit{
			model.AddRecord{Record: rec("a.example", "A", "192.0.2.1")}, model.AddRecord{Record: rec("a.example", "A", "192.0.2.1")},
		}, model.CodeIdentical},
		{"NS taken from under DS", []model.Edit{model.DeleteRecord{ID: ns.ID}}, model.CodeDSWithoutNS},
		{"panic", []model.Edit{model.EditRecord{
			ID: ns.ID, Apply: func(model.Record) (model.Record, error) { panic("oh") },
		}}, -1},
	} {
		_, err := b.change(t, model.Change{Zone: z.ID, Edits: tt.edits})
		if code(err) != tt.want {
			t.Errorf("%s: got %v, want %d", tt.title, err, tt.want)
		}
		if text(b.state(t, z.ID).Served) != before || len(b.store.Records(z.ID)) != 3 {
			t.Errorf("%s: a refused batch left a trace", tt.title)
		}
	}
}

func TestEditRecord(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example")
	list := b.add(t, z.ID, rec("a.example", "A", "192.0.2.1"), rec("b.example", "A", "192.0.2.2"), rec("c.example", "CNAME", "x.test"))
	serial := b.state(t, z.ID).Transfer.Serial()
	patch := func(id model.ID, f func(*model.Record)) (model.Record, error) {
		r, err := b.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{model.EditRecord{
			ID: id, Apply: func(r model.Record) (model.Record, error) { f(&r); return r, nil },
		}}})
		if err != nil {
			return model.Record{}, err
		}
		return *r.Outcomes[0].Record, nil
	}
	b.pass(1e9)
	journal := len(b.store.Journal())
	if got, err := patch(list[0].ID, func(*model.Record) {}); err != nil || !got.Modified.Equal(list[0].Modified) {
		t.Errorf("a write that changes nothing moved modified_on: %v", err)
	}
	if len(b.store.Journal()) != journal || b.state(t, z.ID).Transfer.Serial() != serial {
		t.Error("a write that changes nothing made a version")
	}
	got, err := patch(list[0].ID, func(r *model.Record) { r.Comment = "hello" })
	if err != nil || !got.Modified.Equal(b.now.Truncate(1000)) || !got.CommentModified.Equal(got.Modified) {
		t.Errorf("comment: %+v %v", got, err)
	}
	if b.state(t, z.ID).Transfer.Serial() != serial {
		t.Error("a comment made a version")
	}
	for _, tt := range []struct {
		title string
		id    model.ID
		f     func(*model.Record)
		want  int
	}{
		{"type", list[0].ID, func(r *model.Record) { r.Type = wire.TypeTXT }, model.CodeTypeChange},
		{"duplicate of another", list[0].ID, func(r *model.Record) { r.Name, r.RData = list[1].Name, list[1].RData }, model.CodeIdentical},
		{"onto a CNAME", list[0].ID, func(r *model.Record) { r.Name = list[2].Name }, model.CodeAddressConflict},
		{"out of the zone", list[0].ID, func(r *model.Record) { r.Name = wire.MustName("elsewhere") }, model.CodeNameInvalid},
		{"unknown", "nobody", func(*model.Record) {}, model.CodeRecordNotFound},
		{"new target of a CNAME", list[2].ID, func(r *model.Record) { r.RData = []byte(wire.MustName("y.test")) }, 0},
		{"new name", list[0].ID, func(r *model.Record) { r.Name = wire.MustName("d.example") }, 0},
	} {
		if _, err := patch(tt.id, tt.f); code(err) != tt.want {
			t.Errorf("%s: got %v, want %d", tt.title, err, tt.want)
		}
	}
	if s := text(b.state(t, z.ID).Transfer); strings.Contains(s, "\na.example.") || !strings.Contains(s, "\nd.example. 600 A c0000201") {
		t.Errorf("the record did not move:\n%s", s)
	}
}
