package api_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/test/apicheck"
)

// allCodes reads from their sources all codes that an answer may hold: the constants of packages model and api, and
// the literals of package auth. The values are the constants' names, empty for literals.
func allCodes() (map[int]string, error) {
	codes := map[int]string{}
	const control = "../../internal/control/"
	files := []string{control + "model/codes.go"}
	for _, dir := range []string{"api", "api/*", "auth"} {
		in, err := filepath.Glob(control + dir + "/*.go")
		if err != nil {
			return nil, err
		}
		files = append(files, in...)
	}
	var twice error
	add := func(e ast.Expr, name string) {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.INT {
			return
		}
		n, err := strconv.Atoi(lit.Value)
		if other := codes[n]; err != nil || name != "" && other != "" {
			twice = fmt.Errorf("%s is both %s and %s", lit.Value, other, name)
		}
		if name != "" || codes[n] == "" {
			codes[n] = name
		}
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return nil, err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if e, name := codeIn(n); e != nil {
				add(e, name)
			}
			return true
		})
	}
	return codes, twice
}

// codeIn is the code that a node of a source says, with the name that it gives it.
func codeIn(n ast.Node) (e ast.Expr, name string) {
	switch n := n.(type) {
	case *ast.ValueSpec:
		if name = n.Names[0].Name; len(n.Values) == 1 && regexp.MustCompile(`^[Cc]ode[A-Z]`).MatchString(name) {
			return n.Values[0], name
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" {
			return n.Value, ""
		}
	case *ast.CallExpr:
		if fun, ok := n.Fun.(*ast.Ident); ok && fun.Name == "badHeader" {
			return n.Args[0], ""
		}
	}
	return nil, ""
}

// missedCodes are those that no answer to this package's tests held, each with its name, and how many codes there are.
func missedCodes() (missed []string, total int) {
	all, err := allCodes()
	if err != nil {
		return []string{err.Error()}, 0
	}
	met := apicheck.Codes()
	for code, name := range all {
		if !slices.Contains(met, code) {
			missed = append(missed, strings.TrimSpace(fmt.Sprint(code, " ", name)))
		}
	}
	slices.Sort(missed)
	return missed, len(all)
}

// TestCodesAreDocumented: docs/compatibility.md lists each code once, and no other.
func TestCodesAreDocumented(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed, want []int
	for _, m := range regexp.MustCompile(`(?m)^\| (\d{4,5}) \|`).FindAllStringSubmatch(string(b), -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, n)
	}
	all, err := allCodes()
	if err != nil {
		t.Fatal(err)
	}
	for code := range all {
		want = append(want, code)
	}
	slices.Sort(want)
	slices.Sort(listed)
	if d := cmp.Diff(want, listed); d != "" {
		t.Errorf("codes (-) and their page (+) differ: %s", d)
	}
}

func TestSetTooLarge(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	zone, _ := s.zone("example.com")
	var posts []map[string]any
	for i := range 40 {
		posts = append(posts, map[string]any{"type": "TXT", "name": "big", "content": fmt.Sprint(i) + strings.Repeat("x", 2000)})
	}
	s.fails(400, model.CodeSetTooLarge, "POST", zone+"/dns_records/batch", map[string]any{"posts": posts})
	if n := s.must("GET", zone+"/dns_records", nil).Info.TotalCount; n != 0 {
		t.Errorf("%d records of a refused batch", n)
	}
}

// TestServerWithoutEdge refuses proxied records in every way in, and takes them once the account has addresses of its own.
func TestServerWithoutEdge(t *testing.T) {
	t.Parallel()
	s := newServerOn(t, func(c *commit.Config) { c.Edge = nil })
	zone, _ := s.zone("example.com")
	records := zone + "/dns_records"
	const proxied = `{"name":"p","type":"A","content":"192.0.2.2","proxied":true}`
	plain := s.record(zone, `{"name":"www","type":"A","content":"192.0.2.1"}`)
	s.fails(400, model.CodeNoEdge, "POST", records, proxied)
	s.fails(400, model.CodeNoEdge, "PATCH", records+"/"+plain, `{"proxied":true}`)
	s.fails(400, model.CodeNoEdge, "PUT", records+"/"+plain, `{"name":"www","type":"A","content":"192.0.2.1","proxied":true}`)
	s.fails(400, model.CodeNoEdge, "POST", records+"/batch", `{"posts":[`+proxied+`]}`)
	if r := s.importFile(records+"/import", "file", "p 1 IN A 192.0.2.2 ; cf_tags=cf-proxied:true\n"); r.Status != 400 {
		t.Errorf("an import: %d %s", r.Status, r.Raw)
	}
	if list := s.must("GET", records, nil).list(t); len(list) != 1 || list[0]["proxied"] != false {
		t.Errorf("refused writes left %v", list)
	}
	s.must("PATCH", "/headwater/v1/accounts/"+string(s.account)+"/edge_addresses", `{"addresses":["198.51.100.9"]}`)
	s.record(zone, proxied)
}

func TestRecordQuota(t *testing.T) {
	t.Parallel()
	s := newServerOn(t, func(c *commit.Config) { c.Quotas = model.Quotas{model.QuotaZoneRecords: 1, model.QuotaACLs: 0} })
	zone, _ := s.zone("example.com")
	s.record(zone, `{"name":"one","type":"A","content":"192.0.2.1"}`)
	s.fails(400, model.CodeQuota, "POST", zone+"/dns_records", `{"name":"two","type":"A","content":"192.0.2.1"}`)
}

// TestKeyFailures sends global keys and addresses that are no good in the ways of contract section 2.2.
func TestKeyFailures(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	unknown := strings.Repeat("0", 37)
	for _, tt := range []struct {
		email, key          string
		status, code, chain int
	}{
		{"no address", s.key, 400, 6003, 6102},
		{s.email, "short", 400, 6003, 6103},
		{s.email, "", 400, 9107, 0},
		{"", s.key, 400, 9107, 0},
		{s.email, unknown, 403, 9103, 0},
		{"nobody@example.com", s.key, 403, 9103, 0},
	} {
		r := s.fails(tt.status, tt.code, "GET", "/zones", nil, keyed(tt.email, tt.key))
		chain := 0
		if len(r.Errors) == 1 && len(r.Errors[0].Chain) == 1 {
			chain = r.Errors[0].Chain[0].Code
		}
		if chain != tt.chain {
			t.Errorf("%q, %q: the chain holds %d, want %d: %s", tt.email, tt.key, chain, tt.chain, r.Raw)
		}
	}
	s.must("GET", "/zones", nil, keyed(s.email, s.key))
}
