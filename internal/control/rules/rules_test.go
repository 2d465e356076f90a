package rules_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

var apex = wire.MustName("zone.example")

// rec makes a record of the zone; content is presentation form.
func rec(t *testing.T, name, typ, content string, with ...func(*model.Record)) *model.Record {
	t.Helper()
	ty, err := wire.ParseType(typ)
	if err != nil {
		t.Fatal(err)
	}
	data, err := rr.ParseData(ty, content, wire.Root)
	if err != nil {
		t.Fatal(err)
	}
	r := &model.Record{Name: wire.MustName(name), Type: ty, TTL: 300, Content: content, RData: data}
	for _, f := range with {
		f(r)
	}
	return r
}

// code is an error's code; 0 for none, -1 for one that is not the user's fault.
func code(err error) int {
	var bad *model.Invalid
	switch {
	case err == nil:
		return 0
	case errors.As(err, &bad):
		return bad.Code
	}
	return -1
}

func place(rows ...*model.Record) *rules.Place {
	for i, r := range rows {
		r.ID = model.ID("there" + string(rune('0'+i)))
	}
	return &rules.Place{
		Apex: apex, Rows: rows, Pool: []netip.Addr{netip.MustParseAddr("198.51.100.1")},
		Limits: rules.Limits{Data: rules.MaxData, Set: wire.MaxMessage},
	}
}

const ds = "1 13 2 0000000000000000000000000000000000000000000000000000000000000000"

// TestNeighbours adds a record of each kind beside one of another, both orders, at a name and at the apex.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	content := map[string][2]string{
		"A": {"192.0.2.1", "192.0.2.2"}, "AAAA": {"2001:db8::1", "2001:db8::2"}, "CNAME": {"a.test.", "b.test."},
		"TXT": {"a", "b"}, "NS": {"ns1.test.", "ns2.test."}, "DNAME": {"a.test.", "b.test."}, "DS": {ds, "2" + ds[1:]},
	}
	// What refuses the column's type beside the row's, below the apex; - is nothing.
	refused := map[string]string{
		"A":     "CNAME 81053, NS 81055",
		"AAAA":  "CNAME 81053, NS 81055",
		"TXT":   "NS 81055",
		"DS":    "",
		"CNAME": "A 81054, AAAA 81054, CNAME 81053, DNAME 13040, NS 81055",
		"DNAME": "CNAME 13040, DNAME 13040, NS 81055",
		"NS":    "A 81056, AAAA 81056, TXT 81056, CNAME 81056, DNAME 81056",
	}
	for there, codes := range refused {
		for typ, two := range content {
			want := 0
			for part := range strings.SplitSeq(codes, ", ") {
				if name, number, _ := strings.Cut(part, " "); name == typ {
					for _, c := range number {
						want = want*10 + int(c-'0')
					}
				}
			}
			at := place(rec(t, "w.zone.example", there, content[there][0]))
			if got := code(rules.Added(at, rec(t, "w.zone.example", typ, two[1]))); got != want {
				t.Errorf("%s beside %s: %d, want %d", typ, there, got, want)
			}
			if typ == "NS" || there == "NS" || typ == "DS" {
				want = map[bool]int{true: model.CodeDSAtApex}[typ == "DS"] // everything may stand beside the zone's own NS
			}
			at = place(rec(t, "zone.example", there, content[there][0]))
			if got := code(rules.Added(at, rec(t, "zone.example", typ, two[1]))); got != want {
				t.Errorf("at the apex %s beside %s: %d, want %d", typ, there, got, want)
			}
		}
	}
}

func TestBelowDNAME(t *testing.T) {
	t.Parallel()
	at := place()
	at.DNAME = wire.MustName("d.zone.example")
	if got := code(rules.Added(at, rec(t, "x.d.zone.example", "A", "192.0.2.1"))); got != model.CodeBelowDNAME {
		t.Errorf("a record below a DNAME: %d", got)
	}
	at = place()
	at.Below = true
	if got := code(rules.Added(at, rec(t, "d.zone.example", "DNAME", "a.test."))); got != model.CodeBelowDNAME {
		t.Errorf("a DNAME above records: %d", got)
	}
	if !rules.LooksBelow(wire.TypeDNAME) || rules.LooksBelow(wire.TypeA) {
		t.Error("DNAME, and it alone, minds what is below")
	}
}

// TestRecord are the rules on a record alone.
func TestRecord(t *testing.T) {
	t.Parallel()
	www := func(with func(*model.Record)) *model.Record {
		return rec(t, "www.zone.example", "A", "192.0.2.1", with)
	}
	tags := func(list ...string) *model.Record { return www(func(r *model.Record) { r.Tags = list }) }
	tests := []struct {
		title string
		r     *model.Record
		want  int
	}{
		{"plain", www(func(*model.Record) {}), 0},
		{"elsewhere", rec(t, "www.example", "A", "192.0.2.1"), model.CodeNameInvalid},
		{"only ends alike", rec(t, "wwwzone.example", "A", "192.0.2.1"), model.CodeNameInvalid},
		{"SOA", rec(t, "zone.example", "SOA", "a. b. 1 2 3 4 5"), model.CodeTypeInvalid},
		{"short data", www(func(r *model.Record) { r.RData = r.RData[:3] }), model.CodeContentInvalid},
		{"CNAME of itself", rec(t, "w.zone.example", "CNAME", "w.zone.example."), model.CodeCNAMESelf},
		{"name server of its own name", rec(t, "w.zone.example", "NS", "w.zone.example."), 0},
		{"DS at the apex", rec(t, "zone.example", "DS", ds), model.CodeDSAtApex},
		{"least TTL", www(func(r *model.Record) { r.TTL = 30 }), 0},
		{"too low", www(func(r *model.Record) { r.TTL = 29 }), model.CodeTTL},
		{"too high", www(func(r *model.Record) { r.TTL = 86401 }), model.CodeTTL},
		{"content with NUL", www(func(r *model.Record) { r.Content = "a\x00b" }), model.CodeContentInvalid},
		{"content not UTF-8", www(func(r *model.Record) { r.Content = "\xff" }), model.CodeContentInvalid},
		{"comment with NUL", www(func(r *model.Record) { r.Comment = "\x00" }), model.CodeCommentInvalid},
		{"comment not UTF-8", www(func(r *model.Record) { r.Comment = "\xc3" }), model.CodeCommentInvalid},
		{"longest comment", www(func(r *model.Record) { r.Comment = strings.Repeat("é", 500) }), 0},
		{"longer comment", www(func(r *model.Record) { r.Comment = strings.Repeat("é", 501) }), model.CodeCommentInvalid},
		{"two lines", www(func(r *model.Record) { r.Comment = "a\nb" }), model.CodeCommentInvalid},
		{"tags", tags("a:b", "c", "d:é"), 0},
		{"empty tag", tags(""), model.CodeTagInvalid},
		{"tag with line break", tags("a:\n"), model.CodeTagInvalid},
		{"tag with NUL", tags("a:\x00"), model.CodeTagInvalid},
		{"tag not UTF-8", tags("a:\xff"), model.CodeTagInvalid},
		{"tag twice", tags("a:b", "A:B"), model.CodeTagInvalid},
		{"tag of ours", tags("cf-x"), model.CodeTagInvalid},
		{"too many tags", tags(strings.Split(strings.Repeat("x,", 20)+"x", ",")...), model.CodeTags},
		{"proxied", www(func(r *model.Record) { r.Proxied = true }), 0},
		{"proxied TXT", rec(t, "w.zone.example", "TXT", "x", func(r *model.Record) { r.Proxied = true }), model.CodeProxyType},
		{"proxied private", rec(t, "w.zone.example", "A", "10.1.2.3", func(r *model.Record) { r.Proxied = true }), model.CodeProxyTarget},
		{"proxied target", rec(t, "w.zone.example", "CNAME", "x.onmicrosoft.com.", func(r *model.Record) { r.Proxied = true }), model.CodeProxyTarget},
		{"flattened A", www(func(r *model.Record) { r.Settings.FlattenCNAME = true }), model.CodeFlattenInvalid},
		{"both families alone", www(func(r *model.Record) { r.Settings.IPv4Only, r.Settings.IPv6Only = true, true }), model.CodeFlattenInvalid},
	}
	for _, tt := range tests {
		if got := code(rules.Record(apex, tt.r)); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.title, got, tt.want)
		}
	}
}

// TestEditedIsAskedWhatHasChanged: a record that no rule would let in now keeps its owner's hand on it, and cannot be made
// worse.
func TestEditedIsAskedWhatHasChanged(t *testing.T) {
	t.Parallel()
	other := rec(t, "d.zone.example", "DNAME", "b.test.")
	at := place(other)
	at.DNAME, at.Below = wire.MustName("zone.example"), true
	old := rec(t, "d.zone.example", "DNAME", "a.test.", func(r *model.Record) { r.ID, r.TTL = "old", 7 })
	for title, tt := range map[string]struct {
		edit func(*model.Record)
		want int
	}{
		"comment":        {func(r *model.Record) { r.Comment = "x" }, 0},
		"TTL":            {func(r *model.Record) { r.TTL = 60 }, 0},
		"bad TTL":        {func(r *model.Record) { r.TTL = 8 }, model.CodeTTL},
		"bad comment":    {func(r *model.Record) { r.Comment = "\x00" }, model.CodeCommentInvalid},
		"proxied":        {func(r *model.Record) { r.Proxied = true }, model.CodeProxyType},
		"other target":   {func(r *model.Record) { r.RData = []byte(wire.MustName("c.test")) }, model.CodeTTL},
		"target and TTL": {func(r *model.Record) { r.RData, r.TTL = []byte(wire.MustName("c.test")), 60 }, model.CodeDNAMEConflict},
		"type":           {func(r *model.Record) { r.Type = wire.TypeCNAME }, model.CodeTypeChange},
	} {
		r := *old
		tt.edit(&r)
		if got := code(rules.Edited(at, old, &r)); got != tt.want {
			t.Errorf("%s: %d, want %d", title, got, tt.want)
		}
	}
}

func TestSizesAndQuota(t *testing.T) {
	t.Parallel()
	long := func(n int) *model.Record {
		return rec(t, "big.zone.example", "TXT", strings.Repeat(`"`+strings.Repeat(string(rune('a'+n)), 254)+`" `, 16))
	}
	var rows []*model.Record
	for i := range 17 {
		at := place(rows...)
		r := long(i)
		want := 0
		if i == 16 {
			want = model.CodeSetTooLarge
		}
		if got := code(rules.Added(at, r)); got != want {
			t.Errorf("record %d of %d octets: %d, want %d", i, len(r.RData), got, want)
		}
		rows = append(rows, r)
	}
	at := place()
	at.Limits.Data = 100
	if got := code(rules.Added(at, long(0))); got != model.CodeRecordTooLarge {
		t.Errorf("a long record: %d", got)
	}
	if code(rules.Quota(5, 5)) != model.CodeQuota || rules.Quota(4, 5) != nil || rules.Quota(5, 0) != nil {
		t.Error("the quota is not what it says")
	}
	cut := []*model.Record{rec(t, "c.zone.example", "DS", ds)}
	if code(rules.Cut(apex, cut)) != model.CodeDSWithoutNS || rules.Cut(apex, append(cut, rec(t, "c.zone.example", "NS", "a."))) != nil {
		t.Error("DS needs NS, and nothing else")
	}
}

func TestStamp(t *testing.T) {
	t.Parallel()
	first, second := time.Unix(100, 0), time.Unix(200, 0)
	r := rec(t, "w.zone.example", "A", "192.0.2.1", func(r *model.Record) { r.Comment, r.TTL = "c", 0 })
	rules.Stamp(r, nil, first)
	if r.TTL != rules.AutomaticTTL || r.Created != first || r.Modified != first || r.CommentModified != first || !r.TagsModified.IsZero() {
		t.Errorf("new: %+v", r)
	}
	same := *r
	rules.Stamp(&same, r, second)
	if !rules.Same(&same, r) || same.Modified != first || same.CommentModified != first {
		t.Errorf("unchanged: %+v", same)
	}
	other := *r
	other.Comment, other.Tags, other.Proxied, other.TTL, other.Created = "", []string{"a"}, true, 60, second
	rules.Stamp(&other, r, second)
	if other.TTL != rules.AutomaticTTL || other.Created != first || other.Modified != second || !other.CommentModified.IsZero() || other.TagsModified != second {
		t.Errorf("changed: %+v", other)
	}
}

// TestSuffix: names below which others register are nobody's; those that only look so are.
func TestSuffix(t *testing.T) {
	t.Parallel()
	for name, public := range map[string]bool{
		"com": true, "co.uk": true, "github.io": true, "internal": true, "home.arpa": true, "ck": true, "foo.ck": true, "www.ck": false,
		"example.com": false, "corp.internal": false, "a.home.arpa": false, "10.in-addr.arpa": false, "ip6.arpa": true, "xn--p1ai": true,
	} {
		if got := code(rules.Suffix(wire.MustName(name))) == model.CodePublicSuffix; got != public {
			t.Errorf("%s is a public suffix: %v", name, got)
		}
	}
}

func TestNested(t *testing.T) {
	t.Parallel()
	a, b := model.Account{ID: "a"}, model.Account{ID: "b"}
	for _, tt := range []struct {
		of, back []model.ID
		want     int
	}{
		{nil, nil, model.CodeZoneNested},
		{[]model.ID{"b"}, nil, model.CodeZoneNested},
		{nil, []model.ID{"a"}, model.CodeZoneNested},
		{[]model.ID{"c"}, []model.ID{"a"}, model.CodeZoneNested},
		{[]model.ID{"c", "b"}, []model.ID{"a"}, 0},
	} {
		a.SharesNames, b.SharesNames = tt.of, tt.back
		if got := code(rules.Nested(apex, &a, &b)); got != tt.want {
			t.Errorf("%v and %v: %d, want %d", tt.of, tt.back, got, tt.want)
		}
	}
}
