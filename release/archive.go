package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// add puts a file of the repository beside the program.
func (r *release) add(name, source string) error {
	b, err := os.ReadFile(filepath.Join(r.root, source))
	if err == nil {
		r.shared = append(r.shared, file{name, b, 0o644})
	}
	return err
}

// archives makes one for each platform: the program, its licences, manuals, completions, and the files to start from.
func (r *release) archives(context.Context) error {
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md"} {
		if err := r.add(name, name); err != nil {
			return err
		}
	}
	for _, name := range []string{"headwater.service", "headwater.socket", "headwater.env.example"} {
		if err := r.add("systemd/"+name, "deploy/systemd/"+name); err != nil {
			return err
		}
	}
	for i := range r.targets {
		t := &r.targets[i]
		program, err := os.ReadFile(t.program)
		if err != nil {
			return err
		}
		folder := fmt.Sprintf("%s-%s-%s", r.prefix(), t.os, t.arch)
		files := []file{{folder + "/headwater", program, 0o755}}
		for _, f := range r.shared {
			files = append(files, file{path.Join(folder, f.name), f.data, f.mode})
		}
		if err := r.tarball(folder+".tar.gz", files); err != nil {
			return err
		}
	}
	return nil
}

// tarball writes files as one that is packed.
func (r *release) tarball(name string, files []file) error {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := writeTar(z, files, r.when); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, name), b.Bytes(), 0o644)
}

// writeTar writes files in the order of their names, as root's and of one time. Folders come before what is in them.
func writeTar(to io.Writer, files []file, when time.Time) error {
	w := tar.NewWriter(to)
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	made := map[string]bool{".": true}
	for _, f := range files {
		var folders []string
		for dir := path.Dir(f.name); !made[dir]; dir = path.Dir(dir) {
			made[dir] = true
			folders = append(folders, dir)
		}
		slices.Reverse(folders)
		for _, dir := range folders {
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: when, Format: tar.FormatPAX}); err != nil {
				return err
			}
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: int64(f.mode.Perm()), Size: int64(len(f.data)), ModTime: when, Format: tar.FormatPAX}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := w.Write(f.data); err != nil {
			return err
		}
	}
	return w.Close()
}

// checksums writes SHA256SUMS over all that is released, as sha256sum reads it, and leaves nothing else behind.
func (r *release) checksums(context.Context) error {
	if err := os.RemoveAll(filepath.Join(r.out, "programs")); err != nil {
		return err
	}
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		fmt.Fprintf(&b, "%s  %s\n", hex.EncodeToString(sum[:]), e.Name())
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(b.String()), 0o644)
}
