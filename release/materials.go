package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
)

// modules are what is linked into the programs, by what these say of themselves.
func (r *release) modules() (list []module, goVersion string, err error) {
	seen := map[string]bool{}
	for i := range r.targets {
		info, err := buildinfo.ReadFile(r.targets[i].program)
		if err != nil {
			return nil, "", err
		}
		goVersion = info.GoVersion
		for _, d := range info.Deps {
			if d.Replace != nil {
				d = d.Replace
			}
			if key := d.Path + "@" + d.Version; !seen[key] {
				seen[key] = true
				list = append(list, module{path: d.Path, version: d.Version, sum: d.Sum})
			}
		}
	}
	slices.SortFunc(list, func(a, b module) int { return strings.Compare(a.path, b.path) })
	return list, goVersion, nil
}

type module struct{ path, version, sum string }

// npmPackage is one of the dashboard, as the lock file has it.
type npmPackage struct {
	Path      string
	Name      string
	Version   string `json:"version"`
	License   string `json:"license"`
	Integrity string `json:"integrity"`
	Dev       bool   `json:"dev"`
	Optional  bool   `json:"optional"`
}

// npmPackages are those that the dashboard is made of, without those that only build or test it.
func (r *release) npmPackages() ([]npmPackage, error) {
	b, err := os.ReadFile(filepath.Join(r.root, "web/package-lock.json"))
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]npmPackage `json:"packages"`
	}
	if err := json.Unmarshal(b, &lock); err != nil {
		return nil, err
	}
	var out []npmPackage
	for path, p := range lock.Packages {
		_, name, ok := cutLast(path, "node_modules/")
		if !ok || p.Dev || p.Optional {
			continue
		}
		p.Path, p.Name = path, name
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b npmPackage) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

// materials writes the CycloneDX bill of materials of programs and dashboard.
func (r *release) materials(context.Context) error {
	mods, goVersion, err := r.modules()
	if err != nil {
		return err
	}
	npm, err := r.npmPackages()
	if err != nil {
		return err
	}
	components := []cyclonedx.Component{{
		BOMRef: "pkg:golang/std@" + goVersion, Type: cyclonedx.ComponentTypeLibrary, Name: "std", Version: goVersion, PackageURL: "pkg:golang/std@" + strings.TrimPrefix(goVersion, "go"),
	}}
	for _, m := range mods {
		url := fmt.Sprintf("pkg:golang/%s@%s", m.path, m.version)
		components = append(components, cyclonedx.Component{BOMRef: url, Type: cyclonedx.ComponentTypeLibrary, Name: m.path, Version: m.version, PackageURL: url})
	}
	for _, p := range npm {
		url := fmt.Sprintf("pkg:npm/%s@%s", strings.Replace(p.Name, "@", "%40", 1), p.Version)
		c := cyclonedx.Component{BOMRef: url + "#" + p.Path, Type: cyclonedx.ComponentTypeLibrary, Name: p.Name, Version: p.Version, PackageURL: url}
		if p.License != "" {
			c.Licenses = &cyclonedx.Licenses{{Expression: p.License}}
		}
		components = append(components, c)
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{
		Timestamp: r.when.Format("2006-01-02T15:04:05Z"),
		Component: &cyclonedx.Component{
			BOMRef: "headwater", Type: cyclonedx.ComponentTypeApplication, Name: "headwater", Version: r.version,
			Properties: &[]cyclonedx.Property{{Name: "commit", Value: r.commit}},
		},
	}
	bom.Components = &components
	var b bytes.Buffer
	if err := cyclonedx.NewBOMEncoder(&b, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, r.prefix()+".cdx.json"), b.Bytes(), 0o644)
}

// licenceNames are how the texts that have to go along begin.
func licenceNames(name string) bool {
	upper := strings.ToUpper(name)
	return slices.ContainsFunc([]string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "PATENTS"}, func(p string) bool { return strings.HasPrefix(upper, p) }) &&
		!strings.HasSuffix(upper, ".GO")
}

// notices gathers the licences and notices of everything that is linked in; something without any is an error.
func (r *release) notices(ctx context.Context) error {
	mods, _, err := r.modules()
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("Headwater contains the following work of others, each under its own terms.\n")
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	if err := notice(&b, "Go's standard library", strings.TrimSpace(string(goroot))); err != nil {
		return err
	}
	for _, m := range mods {
		dir, err := r.sources(ctx, m)
		if err != nil {
			return err
		}
		if err := notice(&b, m.path+" "+m.version, dir); err != nil {
			return err
		}
	}
	npm, err := r.npmPackages()
	if err != nil {
		return err
	}
	for _, p := range npm {
		err := notice(&b, p.Name+" "+p.Version, filepath.Join(r.root, "web", p.Path))
		if err != nil && p.License == "" {
			return err
		}
		if err != nil { // some packages only name their licence
			fmt.Fprintf(&b, "\n%s\n%s %s: %s\n", strings.Repeat("=", 80), p.Name, p.Version, p.License)
		}
	}
	r.shared = append(r.shared, file{"THIRD-PARTY-NOTICES", []byte(b.String()), 0o644})
	return nil
}

// sources is where a module lies.
func (r *release) sources(ctx context.Context, m module) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", m.path)
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.Output()
	if dir := strings.TrimSpace(string(out)); err == nil && dir != "" {
		return dir, nil
	}
	return "", fmt.Errorf("where is %s: %w", m.path, err)
}

func notice(b *strings.Builder, what, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	found := false
	for _, e := range entries {
		if e.IsDir() || !licenceNames(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		found = true
		fmt.Fprintf(b, "\n%s\n%s: %s\n\n%s\n", strings.Repeat("=", 80), what, e.Name(), strings.TrimSpace(string(text)))
	}
	if !found {
		return fmt.Errorf("%s has no licence in %s", what, dir)
	}
	return nil
}
