package internal

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// program and tests are the modules: what tests alone need is none of the program's dependencies, not even in go.mod.
const (
	program = "../go.mod"
	tests   = "../test/go.mod"
)

// TestModulesAreOfTheProgram: go.mod requires what the program imports, and nothing for the sake of a test. Tests beside the
// code get by with these modules; one that needs a library of its own stands in the module of tests.
func TestModulesAreOfTheProgram(t *testing.T) {
	t.Parallel()
	direct := map[string]bool{}
	for m, indirect := range required(t, program) {
		if !indirect {
			direct[m.Path] = false
		}
	}
	for _, path := range importsOf(t, "../internal", "../cmd") {
		for m := range direct {
			direct[m] = direct[m] || path == m || strings.HasPrefix(path, m+"/")
		}
	}
	for m, is := range direct {
		if !is {
			t.Errorf("go.mod requires %s, which the program does not import", m)
		}
	}
}

// TestTestsUseTheProgramsModules: where both modules require a third, it is the same version, so that tests run on what is built.
func TestTestsUseTheProgramsModules(t *testing.T) {
	t.Parallel()
	versions := map[string]string{}
	for m := range required(t, program) {
		versions[m.Path] = m.Version
	}
	for m := range required(t, tests) {
		if v := versions[m.Path]; v != "" && v != m.Version {
			t.Errorf("%s requires %s %s, the program has %s", tests, m.Path, m.Version, v)
		}
	}
}

// TestReleaseHasTheProgramsModules: what makes a release reads the program's grammar, and therefore needs all that the program needs.
func TestReleaseHasTheProgramsModules(t *testing.T) {
	t.Parallel()
	has := required(t, "../release/go.mod")
	for m := range required(t, program) {
		if _, there := has[m]; !there {
			t.Errorf("release/go.mod does not have %s %s: run go mod tidy there", m.Path, m.Version)
		}
	}
}

// requirement is a module at a version.
type requirement struct{ Path, Version string }

// required gives what a go.mod requires, and whether that is only for another's sake.
func required(t *testing.T, file string) map[requirement]bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", file).Output()
	if err != nil {
		t.Fatalf("go mod edit: %v", err)
	}
	var mod struct {
		Require []struct {
			requirement
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	all := map[requirement]bool{}
	for _, r := range mod.Require {
		all[r.requirement] = r.Indirect
	}
	if len(all) == 0 {
		t.Fatalf("%s requires nothing", file)
	}
	return all
}

// importsOf gives the imports of all files below some folders but tests, whatever system they are for.
func importsOf(t *testing.T, roots ...string) (paths []string) {
	t.Helper()
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
				forTests(filepath.ToSlash(filepath.Dir(path))) {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			for _, i := range f.Imports {
				p, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					return err
				}
				paths = append(paths, p)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return paths
}
