package api_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// ownCodes reads the block of codes that is ours from its source.
func ownCodes(t *testing.T) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../model/codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 {
			return true
		}
		if lit, ok := v.Values[0].(*ast.BasicLit); ok && strings.HasPrefix(lit.Value, "130") && len(lit.Value) == 5 {
			if other, taken := codes[lit.Value]; taken {
				t.Errorf("%s is both %s and %s", lit.Value, other, v.Names[0].Name)
			}
			codes[lit.Value] = v.Names[0].Name
		}
		return true
	})
	return codes
}

// TestCodesAreDocumented: docs/compatibility.md lists each code of ours once, and no other.
func TestCodesAreDocumented(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, m := range regexp.MustCompile(`(?m)^\| (130\d\d) \|`).FindAllStringSubmatch(string(b), -1) {
		listed = append(listed, m[1])
	}
	if d := cmp.Diff(slices.Sorted(maps.Keys(ownCodes(t))), listed); d != "" {
		t.Errorf("codes (-) and their page (+) differ: %s", d)
	}
}

// sources joins the Go files of some packages: tests, or all but tests.
func sources(t *testing.T, tests bool, dirs ...string) string {
	t.Helper()
	var out strings.Builder
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") != tests {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out.Write(b)
		}
	}
	return out.String()
}

// TestCodesAreProvoked: for each code that is in use some test names it as what a request must get. That it really comes is
// that test's matter. A few rules need a server that is configured unusually; those are provoked at their place.
func TestCodesAreProvoked(t *testing.T) {
	t.Parallel()
	used := sources(t, false, ".", "../auth", "../primary", "../store")
	here, there := sources(t, true, "."), sources(t, true, "../primary")
	unusual := []string{"CodeNoEdge"}
	for code, name := range ownCodes(t) {
		word := regexp.MustCompile(`model\.` + name + `\b`)
		if !word.MatchString(used) || word.MatchString(here) || slices.Contains(unusual, name) && word.MatchString(there) {
			continue
		}
		t.Errorf("no test provokes %s (%s)", code, name)
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
