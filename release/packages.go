package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // the formats register themselves
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// packages makes those for Debian's family and for RPM's. They start nothing: a DNS server is told first who it is.
func (r *release) packages(context.Context) error {
	dir, err := os.MkdirTemp("", "headwater-package")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}
	contents, err := r.contents(dir)
	if err != nil {
		return err
	}
	for i := range r.targets {
		if t := &r.targets[i]; t.os == "linux" {
			for _, format := range []string{"deb", "rpm"} {
				if err := r.pack(format, t, contents); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// contents lays out what every package has, but for the program.
func (r *release) contents(dir string) (files.Contents, error) {
	unit, err := os.ReadFile(filepath.Join(r.root, "deploy/systemd/headwater.service"))
	if err != nil {
		return nil, err
	}
	_, section, _ := strings.Cut(string(unit), "[Unit]\n") // what is before tells how to install by hand
	packaged := "[Unit]\n" + strings.Replace(section, "/usr/local/bin/headwater", "/usr/bin/headwater", 1)
	var list files.Contents
	put := func(name, to, kind string, data []byte, mode os.FileMode) error {
		source := filepath.Join(dir, strings.ReplaceAll(name, "/", "-"))
		list = append(list, &files.Content{
			Source: source, Destination: to, Type: kind,
			FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: r.when},
		})
		return os.WriteFile(source, data, 0o600)
	}
	env, err := os.ReadFile(filepath.Join(r.root, "deploy/systemd/headwater.env.example"))
	if err != nil {
		return nil, err
	}
	if err := put("unit", "/usr/lib/systemd/system/headwater.service", files.TypeFile, []byte(packaged), 0o644); err != nil {
		return nil, err
	}
	sockets, err := os.ReadFile(filepath.Join(r.root, "deploy/systemd/headwater.socket"))
	if err != nil {
		return nil, err
	}
	if err := put("sockets", "/usr/lib/systemd/system/headwater.socket", files.TypeFile, sockets, 0o644); err != nil {
		return nil, err
	}
	if err := put("env", "/etc/headwater/headwater.env", files.TypeConfigNoReplace, env, 0o600); err != nil {
		return nil, err
	}
	completions := map[string]string{
		"completions/headwater.bash": "/usr/share/bash-completion/completions/headwater",
		"completions/headwater.zsh":  "/usr/share/zsh/vendor-completions/_headwater",
		"completions/headwater.fish": "/usr/share/fish/vendor_completions.d/headwater.fish",
	}
	for _, f := range r.shared {
		var to string
		data := f.data
		switch base, isPage := strings.CutPrefix(f.name, "man/"); {
		case isPage:
			to = "/usr/share/man/man1/" + base + ".gz"
			if data, err = zipped(data); err != nil {
				return nil, err
			}
		case completions[f.name] != "":
			to = completions[f.name]
		case f.name == "LICENSE":
			to = "/usr/share/doc/headwater/copyright"
		case f.name == "CHANGELOG.md" || f.name == "THIRD-PARTY-NOTICES":
			to = "/usr/share/doc/headwater/" + f.name
		default:
			continue
		}
		if err := put(f.name, to, files.TypeFile, data, 0o644); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (r *release) pack(format string, t *target, contents files.Contents) error {
	scripts := func(name string) string { return filepath.Join(r.root, "deploy/package", name) }
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "headwater", Arch: t.arch, Platform: t.os, Version: r.version, Section: "net", Priority: "optional", MTime: r.when, DisableGlobbing: true,
		Maintainer: "The Headwater authors <headwater@headwaterdns.example>", Homepage: "https://github.com/headwaterdns/headwater", License: "Apache-2.0",
		Description: "Self-hosted DNS primary with a Cloudflare-shaped API\nKeeps zones behind an HTTP API, answers for them, and hands them to any number of\nsecondaries by AXFR and IXFR.",
		Overridables: nfpm.Overridables{
			Contents: append(files.Contents{{
				Source: t.program, Destination: "/usr/bin/headwater", Type: files.TypeFile,
				FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: 0o755, MTime: r.when},
			}}, contents...),
			Scripts: nfpm.Scripts{PostInstall: scripts("postinstall.sh"), PreRemove: scripts("preremove.sh"), PostRemove: scripts("postremove.sh")},
			RPM:     nfpm.RPM{Summary: "Self-hosted DNS primary with a Cloudflare-shaped API", Group: "System Environment/Daemons", BuildHost: "headwater"},
		},
	})
	info.Recommends = []string{"ca-certificates"}
	if err := info.Validate(); err != nil {
		return err
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := packager.Package(info, &b); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, packager.ConventionalFileName(info)), b.Bytes(), 0o644)
}
