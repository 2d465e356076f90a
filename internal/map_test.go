package internal

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// forTests are packages under internal that only tests import: they have no floor, no row and no place in the picture.
func forTests(name string) bool {
	return slices.Contains([]string{"pgtest", "controltest", "testkit", "scripted"}, path.Base(name))
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// cells gives the cells of the tables in a page, heads left out.
func cells(page string) (rows [][]string) {
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| ---") || strings.HasPrefix(line, "| you look") || strings.HasPrefix(line, "| package") {
			continue
		}
		row := strings.Split(strings.Trim(line, "|"), "|")
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		rows = append(rows, row)
	}
	return rows
}

var code = regexp.MustCompile("`([^`]+)`")

// The newcomer's map names every package and every document once, and nothing that is not there.
func TestMapShowsTheTree(t *testing.T) {
	t.Parallel()
	named := map[string]int{}
	for _, row := range cells(read(t, "docs/map.md")) {
		if len(row) != 2 || row[0] == "" {
			t.Errorf("not a question and a place: %q", row)
			continue
		}
		places := code.FindAllStringSubmatch(row[1], -1)
		if len(places) == 0 {
			t.Errorf("no place for %q", row[0])
		}
		for _, p := range places {
			named[p[1]]++
			if _, err := os.Stat(filepath.Join("..", p[1])); err != nil {
				t.Errorf("%q leads to %s, which is not there", row[0], p[1])
			}
		}
	}
	want := []string{"deploy", "scripts", "test/compat", "test/deploy"}
	for _, p := range list(t) {
		want = append(want, strings.TrimPrefix(p.ImportPath, module))
	}
	err := fs.WalkDir(os.DirFS("../docs"), ".", func(name string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".md") && name != "map.md" {
			want = append(want, path.Join("docs", name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		if named[w] != 1 {
			t.Errorf("docs/map.md names %s %d times, not once", w, named[w])
		}
	}
}

// The page on the architecture has a row for every package, of what it knows and what it must not, and a place in its picture
// for all but the rooms of another.
func TestArchitectureShowsEveryPackage(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/architecture.md")
	_, picture, _ := strings.Cut(page, "```")
	picture, _, _ = strings.Cut(picture, "```")
	inPicture := strings.FieldsFunc(picture, func(r rune) bool { return strings.ContainsRune(" \n()", r) })
	rows := map[string]int{}
	for _, row := range cells(page) {
		name := code.FindStringSubmatch(row[0])
		if len(row) != 3 || name == nil {
			continue
		}
		if row[1] == "" || row[2] == "" {
			t.Errorf("%s: the page does not say what it knows, or what it must not know", name[1])
		}
		rows["internal/"+name[1]]++
	}
	rooms := regexp.MustCompile(`^internal/(control/(api|store)|dns/zone)/`)
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if !strings.HasPrefix(name, "internal/") || forTests(name) {
			continue
		}
		if rows[name] != 1 {
			t.Errorf("docs/architecture.md has %d rows for %s", rows[name], name)
		}
		delete(rows, name)
		if !rooms.MatchString(name) && !slices.Contains(inPicture, path.Base(name)) {
			t.Errorf("%s is not in the picture of docs/architecture.md", name)
		}
	}
	for name := range rows {
		t.Errorf("docs/architecture.md has a row for %s, which is not there", name)
	}
}

// A package that grows over this is to be taken apart, and one whose comment does not say what it knows has no walls.
func TestPackagesAreRooms(t *testing.T) {
	t.Parallel()
	const most = 25 // files, tests left out
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if n := len(p.GoFiles); n > most {
			t.Errorf("%s has %d files; at most %d are one room", name, n, most)
		}
		if strings.HasPrefix(name, "internal/") && !forTests(name) && !strings.Contains(strings.ToLower(comment(t, name, p.GoFiles)), "know") {
			t.Errorf("%s: the package comment does not say what it knows", name)
		}
	}
	lines := 0
	for _, file := range []string{"cmd/headwater/main.go"} {
		lines += strings.Count(read(t, file), "\n")
	}
	if entries, err := os.ReadDir("../cmd/headwater"); err != nil || lines >= 100 {
		t.Errorf("cmd/headwater is main alone: %d lines in %d files, %v", lines, len(entries), err)
	}
}

// comment is what stands before the package clauses of a package.
func comment(t *testing.T, dir string, files []string) string {
	t.Helper()
	var b strings.Builder
	for _, f := range files {
		head, _, _ := strings.Cut(read(t, path.Join(dir, f)), "\npackage ")
		b.WriteString(head)
	}
	return b.String()
}
