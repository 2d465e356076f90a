package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// chart makes the Helm chart's package, named as helm names it: of the release's version, and for its image.
func (r *release) chart(context.Context) error {
	const name = "headwater"
	from := filepath.Join(r.root, "deploy/helm", name)
	var files []file
	err := filepath.WalkDir(from, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(at) // and not a link, of which the rules are one
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, at)
		if err != nil {
			return err
		}
		if below == "Chart.yaml" {
			if b, err = r.stamped(b); err != nil {
				return err
			}
		}
		files = append(files, file{path.Join(name, filepath.ToSlash(below)), b, 0o644})
		return nil
	})
	if err != nil {
		return err
	}
	return r.tarball(r.prefix()+".tgz", files)
}

// stamped gives a chart the release's version.
func (r *release) stamped(chart []byte) ([]byte, error) {
	lines := strings.SplitAfter(string(chart), "\n")
	stamped := 0
	for i, line := range lines {
		if key, _, _ := strings.Cut(line, ":"); key == "version" || key == "appVersion" {
			lines[i] = fmt.Sprintf("%s: %q\n", key, r.version)
			stamped++
		}
	}
	if stamped != 2 {
		return nil, fmt.Errorf("Chart.yaml has %d versions, not its own and the program's", stamped)
	}
	return []byte(strings.Join(lines, "")), nil
}
