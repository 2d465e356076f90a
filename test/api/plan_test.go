package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// importPlan is what an import with a plan answers.
type importPlan struct {
	DryRun  bool `json:"dry_run"`
	Parsed  int  `json:"total_records_parsed"`
	Kept    int
	Added   planned
	Changed planned
	Deleted planned
	Refused planned
	Passed  planned
	Serial  struct {
		Before, After uint32
		Ahead         *struct {
			AtLeast uint32 `json:"at_least"`
		}
	}
}

type planned struct {
	Count int
	Lines []struct {
		Line                        int
		Type, Name, Content, Reason string
		TTL                         uint32
		Was                         *struct {
			Content string
			TTL     uint32
		}
	}
}

// short is each line in a few words.
func (p planned) short() []string {
	out := []string{}
	for _, l := range p.Lines {
		s := strings.TrimSpace(fmt.Sprint(l.Line, " ", l.Type, " ", l.Name, " ", l.Content))
		if l.Was != nil {
			s += " was " + l.Was.Content
		}
		out = append(out, s)
	}
	return out
}

func (s *server) plan(zone, query, file string) (importPlan, *reply) {
	s.t.Helper()
	r := s.importFile("/headwater/v1/zones/"+zone+"/import?"+query, "file", file)
	var p importPlan
	if r.Status == 200 {
		decode(s.t, r.Result, &p)
	}
	return p, r
}

const planFile = `$TTL 300
@ IN SOA ns.example.net. host.example.net. 3000000000 1 2 3 4
@ NS ns.example.net.
www A 192.0.2.1
www A 192.0.2.1
mail A 192.0.2.2
new A 192.0.2.9
alias CNAME target.test.
alias A 192.0.2.3
bad A 192.0.2
`

// A plan tells line by line what an import does and does nothing; the import then does just that, in both modes.
func TestImportPlan(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, tt := range []struct {
		replace                         string
		added, changed, deleted, passed []string
		kept                            int
		records                         []string
	}{
		{
			replace: "false",
			added:   []string{"6 A mail.example.com 192.0.2.2", "7 A new.example.com 192.0.2.9", "8 CNAME alias.example.com target.test"},
			changed: []string{}, deleted: []string{},
			passed: []string{"2", "3", "4 A www.example.com 192.0.2.1", "5 A www.example.com 192.0.2.1"}, kept: 6,
			records: []string{
				"A mail 192.0.2.2 300", "A mail 192.0.2.99 1 post", "A new 192.0.2.9 300", "A www 192.0.2.1 600", "CNAME alias target.test 300", "NS  ns.other.test 1",
				"TXT old a 1", "TXT old b 1", "TXT old c 1",
			},
		},
		{
			replace: "true",
			added:   []string{"7 A new.example.com 192.0.2.9", "8 CNAME alias.example.com target.test"},
			changed: []string{"4 A www.example.com 192.0.2.1 was 192.0.2.1", "6 A mail.example.com 192.0.2.2 was 192.0.2.99"},
			deleted: []string{"0 TXT old.example.com a", "0 TXT old.example.com b", "0 TXT old.example.com c"},
			passed:  []string{"2", "3", "5 A www.example.com 192.0.2.1"}, kept: 1,
			records: []string{"A mail 192.0.2.2 300 post", "A new 192.0.2.9 300", "A www 192.0.2.1 300", "CNAME alias target.test 300", "NS  ns.other.test 1"},
		},
	} {
		t.Run("replace="+tt.replace, func(t *testing.T) {
			z, zid := s.zone("example.com")
			defer s.must("DELETE", z, nil)
			for _, body := range []string{
				`{"type":"A","name":"www","content":"192.0.2.1","ttl":600}`, `{"type":"A","name":"mail","content":"192.0.2.99","comment":"post"}`,
				`{"type":"NS","name":"@","content":"ns.other.test"}`, `{"type":"TXT","name":"old","content":"a"}`,
				`{"type":"TXT","name":"old","content":"b"}`, `{"type":"TXT","name":"old","content":"c"}`,
			} {
				s.record(z, body)
			}
			list := func() (out []string) {
				var recs []struct {
					Type, Name, Content, Comment string
					TTL                          int
				}
				decode(t, s.must("GET", z+"/dns_records?order=type&per_page=100", nil).Result, &recs)
				for _, r := range recs {
					out = append(out, strings.TrimSpace(fmt.Sprint(r.Type, " ", strings.TrimSuffix(strings.TrimSuffix(r.Name, "example.com"), "."), " ", r.Content, " ", r.TTL, " ", r.Comment)))
				}
				slices.Sort(out)
				return out
			}
			before, serial := list(), s.serial(zid)
			query := "replace=" + tt.replace
			dry, r := s.plan(zid, query+"&dry_run=true", planFile)
			if r.Status != 200 {
				t.Fatalf("%d %s", r.Status, r.Raw)
			}
			if diff := cmp.Diff(before, list()); diff != "" || s.serial(zid) != serial {
				t.Fatalf("a dry run changed something: %s", diff)
			}
			gone := dry.Deleted.short()
			slices.Sort(gone) // those of one name come in order of their ids, and two that are made in one millisecond in any
			want := [][]string{tt.added, tt.changed, tt.deleted, {"9 A alias.example.com 192.0.2.3", "10"}, tt.passed}
			if diff := cmp.Diff(want, [][]string{dry.Added.short(), dry.Changed.short(), gone, dry.Refused.short(), dry.Passed.short()}); diff != "" || dry.Kept != tt.kept || dry.Parsed != 9 {
				t.Errorf("the plan, %d kept of %d: %s", dry.Kept, dry.Parsed, diff)
			}
			if dry.Serial.Before != serial || dry.Serial.After != serial+1 || dry.Serial.Ahead == nil || dry.Serial.Ahead.AtLeast != 3000000001 {
				t.Errorf("serials: %+v", dry.Serial)
			}
			if _, r := s.plan(zid, query, planFile); r.Status != 400 || !strings.Contains(r.Raw, "Line 10") {
				t.Errorf("with a bad line and without skip_invalid: %d %s", r.Status, r.Raw)
			}
			if diff := cmp.Diff(before, list()); diff != "" {
				t.Fatalf("a refused import changed something: %s", diff)
			}
			done, r := s.plan(zid, query+"&skip_invalid=true", planFile)
			if r.Status != 200 {
				t.Fatalf("%d %s", r.Status, r.Raw)
			}
			done.DryRun = true
			if diff := cmp.Diff(dry, done); diff != "" {
				t.Errorf("planned (-), done (+): %s", diff)
			}
			if diff := cmp.Diff(tt.records, list()); diff != "" {
				t.Errorf("the zone holds %s", diff)
			}
			again, _ := s.plan(zid, query+"&skip_invalid=true", planFile)
			if again.Added.Count+again.Changed.Count+again.Deleted.Count != 0 || again.Serial.After != serial+1 {
				t.Errorf("a second time: %+v", again)
			}
		})
	}
}

// What is exported changes nothing when it replaces the zone, and a plan is bounded.
func TestImportPlanOfAnExport(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *apiConfig) { c.Limits.Batch = 60 })
	z, zid := s.zone("example.com")
	for _, tt := range everyType {
		s.must("POST", z+"/dns_records", tt.send)
	}
	file := s.do("GET", z+"/dns_records/export", nil).Raw
	p, r := s.plan(zid, "replace=true", file)
	if r.Status != 200 || p.Kept == 0 || p.Added.Count+p.Changed.Count+p.Deleted.Count+p.Refused.Count != 0 || p.Serial.After != p.Serial.Before {
		t.Errorf("%d %s", r.Status, r.Raw)
	}
	var b strings.Builder
	for i := range 61 {
		fmt.Fprintf(&b, "many%d A 192.0.2.1\n", i)
	}
	if _, r := s.plan(zid, "dry_run=true", b.String()); r.Status != 400 || r.code() != model.CodeImport || !strings.Contains(r.Raw, "60") {
		t.Errorf("too many: %d %s", r.Status, r.Raw)
	}
	p, r = s.plan(zid, "dry_run=true", "<script>alert(1)</script> A 192.0.2.1\nok A 192.0.2.1\n")
	if r.Status != 200 || p.Refused.Count != 1 || p.Added.Count != 1 {
		t.Errorf("markup: %d %s", r.Status, r.Raw)
	}
	if _, r := s.plan(zid, "dry_run=true", "$INCLUDE other\n"); r.Status != 400 || !strings.Contains(r.Raw, "Line 1") {
		t.Errorf("$INCLUDE: %d %s", r.Status, r.Raw)
	}
}
