package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Text that no client could get back as it was is refused wherever it comes in, and nothing happens.
func TestNoTextIsRefusedEverywhere(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("example.com")
	id := s.record(z, `{"name":"a","type":"A","content":"192.0.2.1"}`)
	before := s.dump()
	account := "/accounts/" + string(s.account)
	routes := []struct{ method, path, body string }{
		{"POST", "/zones", `{"name":"other.example","note":"%s"}`},
		{"POST", z + "/dns_records", `{"name":"b","type":"TXT","content":"x%s"}`},
		{"POST", z + "/dns_records", `{"name":"b%s","type":"A","content":"192.0.2.1"}`},
		{"POST", z + "/dns_records", `{"name":"b","type":"A","content":"192.0.2.1","comment":"x%s"}`},
		{"POST", z + "/dns_records", `{"name":"b","type":"A","content":"192.0.2.1","tags":["a:x%s"]}`},
		{"POST", z + "/dns_records", `{"name":"b","type":"CAA","data":{"flags":0,"tag":"issue","value":"x%s"}}`},
		{"PATCH", z + "/dns_records/" + id, `{"comment":"x%s"}`},
		{"PUT", z + "/dns_records/" + id, `{"name":"a","type":"A","content":"192.0.2.1","comment":"x%s"}`},
		{"POST", z + "/dns_records/batch", `{"posts":[{"name":"b","type":"TXT","content":"x%s"}]}`},
		{"POST", "/headwater/v1/accounts", `{"name":"x%s"}`},
		{"POST", account + "/secondary_dns/peers", `{"name":"x%s","ip":"192.0.2.1"}`},
		{"POST", account + "/secondary_dns/acls", `{"name":"x%s","ip_range":"192.0.2.0/28"}`},
		{"POST", account + "/secondary_dns/tsigs", `{"name":"x%s","algo":"hmac-sha256."}`},
		{"POST", "/user/tokens", `{"name":"x%s","policies":[]}`},
		{"PATCH", "/headwater/v1/user", `{"first_name":"x%s"}`},
		{"PATCH", z + "/dns_settings", `{"soa":{"rname":"x%s"}}`},
	}
	for _, r := range routes {
		for _, bad := range []string{`\ud800`, `\udc00`, `\ud800A`, `\ud800\u0041`, `\udc00\ud800`, `\uD800\\uDC00`, `\u0000`, "\xff", "\xed\xa0\x80", "\xc0\x80"} {
			body := strings.Replace(r.body, "%s", bad, 1)
			if got := s.do(r.method, r.path, body); got.Status != 400 || got.code() != model.CodeBodyInvalid {
				t.Errorf("%s %s %q: %d %s", r.method, r.path, body, got.Status, got.Raw)
			}
		}
	}
	for _, path := range []string{
		z + "/dns_records?name=%FF", z + "/dns_records?search=a%00b", z + "/dns_records?comment=%ed%a0%80", z + "/dns_records?%ff=1",
		z + "/dns_records?name=%zz", "/zones?name=%ff", account + "/audit_logs?actor.email=%00", "/zones/%ff", "/zones/%00",
	} {
		if got := s.do("GET", path, nil); got.Status < 400 || got.Status > 404 {
			t.Errorf("GET %s: %d %s", path, got.Status, got.Raw)
		}
	}
	for _, name := range []string{"Headwater-Change", "X-Auth-Email"} {
		odd := func(h http.Header) { h.Set(name, "x\xff") }
		s.fails(400, model.CodeRequestInvalid, "POST", z+"/dns_records", `{"name":"b","type":"A","content":"192.0.2.1"}`, odd)
	}
	if diff := cmp.Diff(before, s.dump()); diff != "" {
		t.Errorf("something changed:\n%s", diff)
	}
	// What only looks like it is taken, and comes back.
	r := s.must("POST", z+"/dns_records", `{"name":"b","type":"TXT","content":"\\u0000 \ud83d\ude00 \\ud800 � \u00fc"}`).object(t)
	if got, want := r["content"], `\u0000 😀 \ud800 � ü`; got != want {
		t.Errorf("content %q, want %q", got, want)
	}
}

// The comments of a file never cost a record: what a record cannot have is left out, and told.
func TestCommentsOfFilesNeverCostTheRecord(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("example.com")
	lines := []string{
		"a A 192.0.2.1 ; caf\xe9",
		"b A 192.0.2.1 ; nul\x00 cf_tags=cf-proxied:true",
		"c A 192.0.2.1 ; " + strings.Repeat("é", 600),
		"d A 192.0.2.1 ; " + strings.Repeat("é", 1<<18),
		"e A 192.0.2.1 ; one\rtwo",
		"f A 192.0.2.1 ; cf_tags=ok:1,no way,OK:1,\"x:\\ud800\",y:\\u0000,cf-x,fine:é",
		"g A 192.0.2.1 ; " + strings.Repeat("x", 500),
		"h A 192.0.2.1 ; cf_tags=" + strings.Join(strings.Fields(fmt.Sprint(make([]int, 25))[1:50]), "a,") + "," + manyTags(25),
	}
	r := s.importFile(z+"/dns_records/import", "file", strings.Join(lines, "\n"))
	if added, _ := r.imported(t); r.Status != 200 || added != len(lines) {
		t.Fatalf("import: %d %s", r.Status, r.Raw)
	}
	got := map[string]string{}
	for _, o := range s.must("GET", z+"/dns_records?per_page=100", nil).list(t) {
		comment, _ := o["comment"].(string)
		tags := fmt.Sprint(o["tags"])
		got[strings.TrimSuffix(o["name"].(string), ".example.com")] = fmt.Sprintf("%d %.5s %d %v", len([]rune(comment)), comment, strings.Count(tags, " ")+1, o["proxied"])
	}
	want := map[string]string{
		"a": "0  1 false", "b": "0  1 true", "c": "500 ééééé 1 false", "d": "500 ééééé 1 false", "e": "0  1 false", "f": "0  3 false",
		"g": "500 xxxxx 1 false", "h": "0  20 false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	told := map[string]bool{}
	for _, m := range r.Messages {
		told[strings.SplitN(m.Message, ":", 2)[0]] = true
	}
	for _, line := range []int{1, 2, 3, 4, 5, 6, 8} {
		if !told[fmt.Sprintf("Line %d", line)] {
			t.Errorf("line %d is not told: %v", line, r.Messages)
		}
	}
}

func manyTags(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("t%d:v", i))
	}
	return strings.Join(out, ",")
}

// Over HTTP: what depends on a line that was passed over is passed over, and each is told with its line.
func TestLenientImportKeepsOwners(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("example.com")
	const file = "ok A 192.0.2.1\na..b A 192.0.2.2\n A 192.0.2.3\nbücher A 192.0.2.4\nq TXT \"open\n A 192.0.2.5\n" +
		"$ORIGIN a..b\nrel A 192.0.2.6\nabs.example.com. A 192.0.2.7\nabs.example.com. CNAME rel\n$TTL x\nabs.example.com. A 192.0.2.8\nabs.example.com. 60 A 192.0.2.9\n"
	r := s.importFile(z+"/dns_records/import?skip_invalid=true", "file", file)
	if added, _ := r.imported(t); r.Status != 200 || added != 4 {
		t.Fatalf("import: %d %s", r.Status, r.Raw)
	}
	var lines []string
	for _, m := range r.Messages {
		lines = append(lines, strings.TrimPrefix(strings.SplitN(m.Message, ":", 2)[0], "Line "))
	}
	if diff := cmp.Diff("2 3 5 6 7 8 10 11 12", strings.Join(lines, " ")); diff != "" {
		t.Errorf("%s\n%s", diff, r.Raw)
	}
	var got []string
	for _, o := range s.must("GET", z+"/dns_records?order=content", nil).list(t) {
		got = append(got, fmt.Sprint(o["name"], " ", o["content"]))
	}
	want := []string{"ok.example.com 192.0.2.1", "xn--bcher-kva.example.com 192.0.2.4", "abs.example.com 192.0.2.7", "abs.example.com 192.0.2.9"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// The same file is refused without the parameter.
	if r := s.importFile(z+"/dns_records/import", "file", file); r.Status != 400 || len(r.Errors) != 9 {
		t.Errorf("%d %s", r.Status, r.Raw)
	}
}
