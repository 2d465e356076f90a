package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	document "github.com/headwaterdns/headwater/api"
	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/rooms"
	"github.com/headwaterdns/headwater/internal/control/auth"
)

func loadDocument(t *testing.T) *openapi3.T {
	t.Helper()
	l := openapi3.NewLoader()
	d, err := l.LoadFromData(document.YAML)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Validate(l.Context); err != nil {
		t.Fatal(err)
	}
	return d
}

// groupsOf is what the document says of who may; nil where it says nothing.
func groupsOf(o *openapi3.Operation) []string {
	list, _ := o.Extensions["x-api-token-group"].([]any)
	var out []string
	for _, g := range list {
		out = append(out, g.(string))
	}
	return out
}

// TestDocumentHoldsTheRoutes: each route is described, nothing else is, and both say the same of who may.
func TestDocumentHoldsTheRoutes(t *testing.T) {
	t.Parallel()
	described := map[string][]string{}
	ids := map[string]bool{}
	for path, item := range loadDocument(t).Paths.Map() {
		for method, o := range item.Operations() {
			groups := groupsOf(o)
			if o.Security != nil && len(*o.Security) == 0 {
				groups = []string{"public"}
			}
			described[method+" "+path] = groups
			if o.OperationID == "" || o.Summary == "" || len(o.Tags) != 1 || ids[o.OperationID] {
				t.Errorf("%s %s: operation id %q, summary %q, tags %v", method, path, o.OperationID, o.Summary, o.Tags)
			}
			ids[o.OperationID] = true
		}
	}
	served := map[string][]string{}
	for _, r := range api.Routes(rooms.Routes()) {
		groups := r.Groups
		switch r.Scope {
		case api.ScopePublic:
			groups = []string{"public"}
		case api.ScopeServer:
			groups = []string{"Server Administration"}
		}
		served[operation(&r)] = groups
	}
	if d := cmp.Diff(served, described); d != "" {
		t.Errorf("routes (-) and document (+) differ:\n%s", d)
	}
}

// TestGroupsAreTheUpstreams: where the upstream's document lies beside the repository, routes ask for the groups it names.
// What reads is open to those groups' writing ones, too, and a zone to all that speak of zones.
func TestGroupsAreTheUpstreams(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../../shared/api/openapi.json")
	if err != nil {
		t.Skip("the upstream's document is not there")
	}
	d, err := openapi3.NewLoader().LoadFromData(b)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, r := range api.Routes(rooms.Routes()) {
		item := d.Paths.Value(strings.TrimPrefix(r.Path, "/client/v4"))
		if item == nil || item.GetOperation(r.Method) == nil {
			continue
		}
		seen++
		want, got := groupsOf(item.GetOperation(r.Method)), slices.Clone(r.Groups)
		got = slices.DeleteFunc(got, func(g string) bool { return g == auth.GroupRecords || g == auth.GroupACME }) // ours, beside theirs
		if r.Method == http.MethodGet {
			if strings.HasSuffix(r.Path, "/zones") || strings.HasSuffix(r.Path, "/zones/{zone_id}") {
				want = append(want, "Zone Settings Read")
			}
			want = withWriters(t, want)
		}
		slices.Sort(want)
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", operation(&r), d)
		}
	}
	if seen < 70 {
		t.Errorf("only %d operations compared", seen)
	}
}

// withWriters adds to each group that reads the one that writes the same.
func withWriters(t *testing.T, groups []string) []string {
	t.Helper()
	for _, g := range groups {
		write := strings.TrimSuffix(g, " Read") + " Write"
		known := slices.ContainsFunc(auth.Groups(), func(g auth.Group) bool { return g.Name == write })
		if strings.HasSuffix(g, " Read") && known && !slices.Contains(groups, write) {
			groups = append(groups, write)
		}
	}
	return groups
}

func TestDocumentIsServed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	get := func(path string) (*http.Response, []byte) {
		t.Helper()
		r, err := s.client.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r, b
	}
	r, b := get("/openapi.json")
	var doc struct {
		OpenAPI string                     `json:"openapi"`
		Paths   map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(b, &doc); err != nil || doc.OpenAPI == "" || len(doc.Paths) != loadDocument(t).Paths.Len() {
		t.Errorf("document: %v, %d paths", err, len(doc.Paths))
	}
	if _, err := openapi3.NewLoader().LoadFromData(b); err != nil {
		t.Error(err)
	}
	if r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("type %q", r.Header.Get("Content-Type"))
	}
	r, b = get("/docs")
	page := string(b)
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") || strings.Count(page, "<article") != len(api.Routes(rooms.Routes())) {
		t.Errorf("page with %d operations", strings.Count(page, "<article"))
	}
	if csp := r.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	outside := regexp.MustCompile(`(?i)(src|href)="(https?:)?//|<script|url\(|@import`)
	if found := outside.FindString(page); found != "" {
		t.Errorf("the page loads something: %s", found)
	}
}
