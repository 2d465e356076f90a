// Command release makes everything that a release consists of out of the sources and the dashboard's build: static programs for
// each platform, archives, packages for Debian and for RPM, an OCI image, a Helm chart, a bill of materials, the notices of third parties,
// manual pages, completions and checksums. The same commit makes the same octets, whoever runs it and when. It knows the
// command line's grammar and what lies in deploy/; it must not know what the program does.
//
// It is a module of its own, so that nothing that it needs is in the product's.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var r release
	flag.StringVar(&r.root, "root", "..", "the repository")
	flag.StringVar(&r.out, "out", "../bin/release", "where everything goes; emptied first")
	flag.StringVar(&r.version, "version", "", "such as 0.9.0; the first version of CHANGELOG.md if empty")
	only := flag.String("only", "", "platforms, such as linux/amd64,darwin/arm64; all if empty")
	flag.Parse()
	if err := r.make(ctx, *only); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// release is what is made, and where.
type release struct {
	root, out, version string
	commit             string
	when               time.Time // of the commit: what files are dated
	targets            []target
	shared             []file // what goes beside the program everywhere
}

// file is one that goes into archives and packages.
type file struct {
	name string // below the archive's folder
	data []byte
	mode os.FileMode
}

// prefix is how what is released is named.
func (r *release) prefix() string { return "headwater-" + r.version }

func (r *release) make(ctx context.Context, only string) error {
	if err := r.identify(ctx); err != nil {
		return err
	}
	var err error
	if r.targets, err = targetsOf(only); err != nil {
		return err
	}
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	for i := range r.targets {
		if err := r.build(ctx, &r.targets[i]); err != nil {
			return err
		}
	}
	steps := []struct {
		what string
		make func(context.Context) error
	}{
		{"manuals", r.manuals},
		{"notices", r.notices},
		{"bill of materials", r.materials},
		{"archives", r.archives},
		{"packages", r.packages},
		{"image", r.image},
		{"Helm chart", r.chart},
		{"checksums", r.checksums},
	}
	for _, s := range steps {
		if err := s.make(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	return nil
}

// identify finds the version, the commit and its time.
func (r *release) identify(ctx context.Context) error {
	out, err := r.git(ctx, "log", "-1", "--format=%H %ct")
	if err != nil {
		return err
	}
	commit, seconds, _ := strings.Cut(out, " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("time of the commit: %w", err)
	}
	r.commit, r.when = commit, time.Unix(unix, 0).UTC()
	if r.version == "" {
		r.version, err = versionOf(filepath.Join(r.root, "CHANGELOG.md"))
	}
	return err
}

func (r *release) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = r.root
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// versionOf is the version of the changelog's first heading that has one.
func versionOf(changelog string) (string, error) {
	b, err := os.ReadFile(changelog)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		version, ok := strings.CutPrefix(strings.TrimSpace(line), "## ")
		if version, _, _ = strings.Cut(version, " "); ok && version != "" && version[0] >= '0' && version[0] <= '9' {
			return version, nil
		}
	}
	return "", fmt.Errorf("%s has no version", changelog)
}
