package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// target is a platform that programs are built for.
type target struct {
	os, arch string
	program  string // the path of what was built
}

func (t *target) String() string { return t.os + "/" + t.arch }

// platforms are all of them. Packages and the image are made for Linux.
func platforms() []target {
	return []target{{os: "linux", arch: "amd64"}, {os: "linux", arch: "arm64"}, {os: "darwin", arch: "amd64"}, {os: "darwin", arch: "arm64"}}
}

func targetsOf(only string) ([]target, error) {
	all := platforms()
	if only == "" {
		return all, nil
	}
	var out []target
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(all, func(t target) bool { return t.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("no platform %q", name)
		}
		out = append(out, all[i])
	}
	return out, nil
}

// build makes a static program that names neither the machine nor the folder that it was made in.
func (r *release) build(ctx context.Context, t *target) error {
	if _, err := os.Stat(filepath.Join(r.root, "web/dist/index.html")); err != nil {
		return fmt.Errorf("the dashboard is not built: %w", err)
	}
	t.program = filepath.Join(r.out, "programs", t.os+"-"+t.arch, "headwater")
	program, err := filepath.Abs(t.program)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-pgo=off", "-mod=readonly",
		"-ldflags", "-s -w -buildid= -X main.version="+r.version, "-o", program, "./cmd/headwater")
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build for %s: %w\n%s", t, err, out)
	}
	return nil
}
