package internal

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// go.mod has three lists: what the program imports, what tests alone import, and what these need in turn. A module in the
// wrong one is a dependency that nobody decided on.
func TestModulesAreInTheirLists(t *testing.T) {
	t.Parallel()
	product, tests := required(t)
	used := modulesOf(t, "-deps", "./cmd/headwater")
	direct := map[string]bool{}
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if !forTests(name) && !strings.HasPrefix(name, "test/") {
			for _, imp := range p.Imports {
				for m := range used {
					direct[m] = direct[m] || imp == m || strings.HasPrefix(imp, m+"/")
				}
			}
		}
	}
	for _, m := range product {
		if !direct[m] {
			t.Errorf("go.mod requires %s for the program, which does not import it", m)
		}
	}
	for m, is := range direct {
		if is && !slices.Contains(product, m) {
			t.Errorf("the program imports %s, which is not in go.mod's first list", m)
		}
	}
	for _, m := range tests {
		if used[m] {
			t.Errorf("%s is in go.mod's list for tests, and in the program", m)
		}
	}
}

// required gives the direct requirements of go.mod: of the first block, and of that whose comment speaks of tests.
func required(t *testing.T) (product, tests []string) {
	t.Helper()
	f, err := os.Open("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	comment, to := "", (*[]string)(nil)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "//"):
			comment = line
		case strings.HasPrefix(line, "require ("):
			if to = &product; strings.Contains(comment, "tests alone") {
				to = &tests
			}
		case line == ")":
			to, comment = nil, ""
		case to != nil && !strings.HasSuffix(line, "// indirect"):
			m, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			*to = append(*to, m)
		}
	}
	if len(product) == 0 || len(tests) == 0 {
		t.Fatalf("go.mod has %d requirements of the program, %d of tests", len(product), len(tests))
	}
	return product, tests
}

// modulesOf lists the modules of packages, ours left out.
func modulesOf(t *testing.T, args ...string) map[string]bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=Module"}, args...)...)
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	modules := map[string]bool{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p struct {
			Module struct {
				Path string
				Main bool
			}
		}
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if p.Module.Path != "" && !p.Module.Main {
			modules[p.Module.Path] = true
		}
	}
	return modules
}
