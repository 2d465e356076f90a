package main

import (
	"archive/tar"
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// run runs a tool and gives what it prints.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// copyFile copies a file or a link, with other rights. What is neither, or gone, is passed over.
func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return nil //nolint:nilerr // git lists what was deleted
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	switch {
	case info.Mode().IsRegular():
		b, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o640)
	case info.Mode()&fs.ModeSymlink != 0:
		at, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(at, to)
	}
	return nil
}

// copied is the repository once more, elsewhere: what git knows, and the dashboard's build.
func copied(t *testing.T) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "else where")
	for name := range strings.SplitSeq(strings.TrimSuffix(run(t, "git", "-C", "..", "ls-files", "-z", "-co", "--exclude-standard"), "\x00"), "\x00") {
		from := filepath.Join("..", name)
		if err := copyFile(from, filepath.Join(to, name)); err != nil {
			t.Fatal(err)
		}
	}
	dashboard := os.DirFS("../web/dist")
	if err := fs.WalkDir(dashboard, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at := filepath.Join(to, "web/dist", name)
		if d.IsDir() {
			return os.MkdirAll(at, 0o777)
		}
		b, err := fs.ReadFile(dashboard, name)
		if err != nil {
			return err
		}
		return os.WriteFile(at, b, 0o600)
	}); err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Abs("../web/node_modules")
	if err == nil {
		err = os.Symlink(modules, filepath.Join(to, "web/node_modules"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func needDashboard(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("../web/dist/index.html"); err != nil {
		t.Skip("the dashboard is not built here")
	}
}

// Two people who make a release of one commit, in other places and with other habits, make the same octets.
func TestSameOctets(t *testing.T) {
	needDashboard(t)
	const only = "linux/amd64"
	first := release{root: "..", out: filepath.Join(t.TempDir(), "out")}
	if err := first.make(t.Context(), only); err != nil {
		t.Fatal(err)
	}
	git, err := filepath.Abs(strings.TrimSpace(run(t, "git", "-C", "..", "rev-parse", "--absolute-git-dir")))
	if err != nil {
		t.Fatal(err)
	}
	second := release{root: copied(t), out: filepath.Join(t.TempDir(), "a", "b")}
	for name, value := range map[string]string{"GIT_DIR": git, "TZ": "Asia/Kathmandu", "TMPDIR": t.TempDir(), "GOFLAGS": "-tags=none", "LC_ALL": "C"} {
		t.Setenv(name, value)
	}
	if err := second.make(t.Context(), only); err != nil {
		t.Fatal(err)
	}
	sums := func(r *release) string {
		b, err := os.ReadFile(filepath.Join(r.out, "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if a, b := sums(&first), sums(&second); a != b || strings.Count(a, "\n") != 6 {
		t.Errorf("the first made\n%sthe second\n%s", a, b)
	}
	if out := run(t, "sh", "-c", `cd "$0" && sha256sum -c SHA256SUMS`, first.out); strings.Contains(out, "FAILED") {
		t.Error(out)
	}
	checkPackages(t, &first)
	checkImage(t, &first)
	checkMaterials(t, &first)
	checkArchive(t, &first)
}

// The packages are what dpkg and rpm take them for.
func checkPackages(t *testing.T, r *release) {
	deb, rpm := filepath.Join(r.out, "headwater_"+r.version+"_amd64.deb"), filepath.Join(r.out, r.prefix()+"-1.x86_64.rpm")
	if out := run(t, "dpkg-deb", "-f", deb, "Package", "Version", "Architecture"); out != "Package: headwater\nVersion: "+r.version+"\nArchitecture: amd64\n" {
		t.Errorf("dpkg-deb: %s", out)
	}
	inDeb := run(t, "dpkg-deb", "-c", deb)
	inRPM := run(t, "rpm", "-qlp", rpm)
	for _, name := range []string{
		"/usr/bin/headwater", "/usr/lib/systemd/system/headwater.service", "/usr/lib/systemd/system/headwater.socket", "/etc/headwater/headwater.env", "/usr/share/man/man1/headwater-serve.1.gz",
		"/usr/share/doc/headwater/copyright", "/usr/share/doc/headwater/THIRD-PARTY-NOTICES", "/usr/share/bash-completion/completions/headwater",
	} {
		if !strings.Contains(inDeb, "."+name+"\n") || !strings.Contains(inRPM, name+"\n") {
			t.Errorf("%s is not in both packages", name)
		}
	}
	if out := run(t, "rpm", "-qp", "--configfiles", rpm); strings.TrimSpace(out) != "/etc/headwater/headwater.env" {
		t.Errorf("rpm takes %q for configuration", out)
	}
	run(t, "rpm", "-K", "--nosignature", rpm)
	dir := t.TempDir()
	run(t, "dpkg-deb", "-x", deb, dir)
	if out := run(t, filepath.Join(dir, "usr/bin/headwater"), "version"); out != "headwater "+r.version+"\n" {
		t.Errorf("the program says %q", out)
	}
	if out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", filepath.Join(dir, "usr/lib/systemd/system/headwater.service")).CombinedOutput(); err != nil &&
		!strings.Contains(string(out), "/usr/bin/headwater is not executable") { // it is, once it is installed
		t.Errorf("systemd-analyze: %v: %s", err, out)
	}
}

// The image is whole by the library that registries are used with.
func checkImage(t *testing.T, r *release) {
	dir := t.TempDir()
	run(t, "tar", "-xf", filepath.Join(r.out, r.prefix()+"-oci.tar"), "-C", dir)
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("%v, %v", manifest, err)
	}
	img, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	c, err := img.ConfigFile()
	if err != nil || c.Config.User != "65532:65532" || c.Architecture != "amd64" || len(c.RootFS.DiffIDs) != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}

// The bill names every module that the program needs directly, and the dashboard's packages.
func checkMaterials(t *testing.T, r *release) {
	b, err := os.ReadFile(filepath.Join(r.out, r.prefix()+".cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(b), cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, c := range *bom.Components {
		if named[c.BOMRef] {
			t.Errorf("%s is there twice", c.BOMRef)
		}
		named[c.BOMRef], named[c.Name] = true, true
	}
	for _, name := range []string{"std", "modernc.org/sqlite", "github.com/jackc/pgx/v5", "react", "@cloudflare/kumo"} {
		if !named[name] {
			t.Errorf("%s is not in the bill", name)
		}
	}
	for _, name := range []string{"typescript", "github.com/google/go-cmp"} {
		if named[name] {
			t.Errorf("%s is in the bill, and not in the program", name)
		}
	}
}

// Manual pages are without fault for groff, bash completes what the grammar has, and notices name everybody.
func checkArchive(t *testing.T, r *release) {
	dir := t.TempDir()
	archive := filepath.Join(r.out, r.prefix()+"-linux-amd64.tar.gz")
	run(t, "tar", "-xzf", archive, "-C", dir)
	dir = filepath.Join(dir, r.prefix()+"-linux-amd64")
	pages, err := filepath.Glob(filepath.Join(dir, "man/*.1"))
	if err != nil || len(pages) < 15 {
		t.Fatalf("%d manual pages, %v", len(pages), err)
	}
	for _, page := range pages {
		if out := run(t, "groff", "-man", "-Tutf8", "-ww", "-z", page); out != "" {
			t.Errorf("groff: %s", out)
		}
	}
	complete := func(words ...string) string {
		script := `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _headwater; echo "${COMPREPLY[*]}"`
		return run(t, "bash", append([]string{"-c", script, filepath.Join(dir, "completions/headwater.bash")}, words...)...)
	}
	for _, c := range [][2]string{
		{complete("headwater", "ver"), "version"},
		{complete("headwater", "zone", "exp"), "export"},
		{complete("headwater", "serve", "--dns-listen", "127.0.0.1:53", "--http-li"), "--http-listen"},
	} {
		if strings.TrimSpace(c[0]) != c[1] {
			t.Errorf("completed %q, want %q", c[0], c[1])
		}
	}
	notices, err := os.ReadFile(filepath.Join(dir, "THIRD-PARTY-NOTICES"))
	if err != nil || !strings.Contains(string(notices), "modernc.org/sqlite") || !strings.Contains(string(notices), "@cloudflare/kumo") {
		t.Errorf("notices of %d octets, %v", len(notices), err)
	}
}

// writeTar names each folder once, before what is in it.
func TestWriteTar(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := writeTar(&b, []file{{"a/b/c", []byte("1"), 0o644}, {"a/a", []byte("2"), 0o755}, {"z", nil, 0o600}}, release{}.when); err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, h.Name)
	}
	if want := "a/ a/a a/b/ a/b/c z"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestChart: the chart is of the release's version, has the alerts and not a link to them, and is the same each time.
func TestChart(t *testing.T) {
	t.Parallel()
	var packed [2][]byte
	for i := range packed {
		r := release{root: "..", out: t.TempDir(), version: "1.2.3"}
		if err := r.chart(t.Context()); err != nil {
			t.Fatal(err)
		}
		var err error
		if packed[i], err = os.ReadFile(filepath.Join(r.out, "headwater-1.2.3.tgz")); err != nil {
			t.Fatal(err)
		}
		run(t, "tar", "-xzf", filepath.Join(r.out, "headwater-1.2.3.tgz"), "-C", r.out)
		about, err := os.ReadFile(filepath.Join(r.out, "headwater/Chart.yaml"))
		if err != nil || !strings.Contains(string(about), "\nversion: \"1.2.3\"\nappVersion: \"1.2.3\"\n") {
			t.Errorf("%v\n%s", err, about)
		}
		alerts, err := os.ReadFile(filepath.Join(r.out, "headwater/headwater.rules.yaml"))
		if info, _ := os.Lstat(filepath.Join(r.out, "headwater/headwater.rules.yaml")); err != nil || !info.Mode().IsRegular() || !strings.Contains(string(alerts), "HeadwaterDown") {
			t.Errorf("%v: %s", err, alerts)
		}
	}
	if !bytes.Equal(packed[0], packed[1]) {
		t.Error("packed twice, it differs")
	}
}
