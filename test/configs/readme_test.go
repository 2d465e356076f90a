package configs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headwaterdns/headwater/test/node"
)

const (
	root     = "../.."
	patience = 2 * time.Minute
	inside   = "CONFIGS_INSIDE" // names the secondary in the process that has the network
	program  = "CONFIGS_PROGRAM"
)

// secondaries are what README configures: the words before a block, where the block goes, and how the program is started there.
var secondaries = map[string]struct {
	lead, file string
	commands   string // words before the block of commands that come first
	start      []string
}{
	"BIND":     {lead: "BIND (`named.conf`):", file: "named.conf", start: []string{"named", "-g", "-c", "named.conf"}},
	"NSD":      {lead: "NSD (`nsd.conf`):", file: "nsd.conf", start: []string{"nsd", "-d", "-c", "nsd.conf"}},
	"Knot":     {lead: "Knot DNS (`knot.conf`):", file: "knot.conf", start: []string{"knotd", "-c", "knot.conf"}},
	"PowerDNS": {lead: "PowerDNS (`pdns.conf`):", file: "/etc/powerdns/pdns.conf", commands: "and once, before it starts:", start: []string{"pdns_server", "--daemon=no", "--guardian=no", "--disable-syslog"}},
}

// TestReadme does README's first steps, with the program as `make run` starts it, and then each secondary's configuration.
func TestReadme(t *testing.T) {
	t.Parallel()
	eachApart(t, secondaries, "TestInside", inside)
}

// eachApart runs a test for each of several secondaries, in networks of their own. A variable tells it for which.
func eachApart[S any](t *testing.T, of map[string]S, test, variable string) {
	t.Helper()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	for name := range of {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apart(t, test, variable+"="+name, program+"="+bin)
		})
	}
}

// apart runs a test of this package in a network of its own.
func apart(t *testing.T, test string, env ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Skipf("this machine gives no network of one's own: %v", err)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// text is a file of the repository.
func text(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestInside is TestReadme's other half, in the network of its own.
func TestInside(t *testing.T) {
	name := os.Getenv(inside)
	if name == "" {
		t.Skip("this is a part of TestReadme")
	}
	private(t)
	readme := text(t, "README.md")
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	server := daemon(t, dir, os.Getenv(program), "serve")
	wait(t, server, "the program to be ready", func() bool { return get("http://127.0.0.1:8053/readyz") == http.StatusOK })
	credentials, err := os.ReadFile(filepath.Join(dir, "data", "first-credentials.txt"))
	if err != nil {
		t.Fatal(err)
	}
	token := regexp.MustCompile(`API token +(\S+)`).FindSubmatch(credentials)[1]
	steps := shell(t, dir, block(t, readme, "wrote to `data/first-credentials.txt`):"), "TOKEN="+string(token))
	if strings.Contains(steps, `"success":false`) || !strings.Contains(steps, "192.0.2.10") {
		t.Fatalf("the steps:\n%s", steps)
	}
	s := secondaries[name]
	file := s.file
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	if err := os.WriteFile(file, []byte(block(t, readme, s.lead)), 0o644); err != nil {
		t.Fatal(err)
	}
	if s.commands != "" {
		shell(t, dir, block(t, readme, s.commands))
	}
	secondary := daemon(t, dir, s.start[0], s.start[1:]...)
	answers := func(owner, kind, want string) func() bool {
		return func() bool {
			out, _ := exec.CommandContext(t.Context(), "dig", "@127.0.0.1", "-p", "5301", "+short", "+time=1", "+tries=1", owner, kind).Output()
			return strings.TrimSpace(string(out)) == want
		}
	}
	wait(t, secondary, "the secondary to have the zone", answers("www.example.com", "A", "192.0.2.10"))
	shell(t, dir, fmt.Sprintf(`
		ZONE=$(curl -s -H "Authorization: Bearer $TOKEN" %s/zones | sed 's/.*"result":\[{"id":"\([^"]*\)".*/\1/')
		curl -s -H "Authorization: Bearer $TOKEN" -d '{"type":"A","name":"next","content":"192.0.2.11"}' %[1]s/zones/$ZONE/dns_records`,
		"http://127.0.0.1:8053/client/v4"), "TOKEN="+string(token))
	wait(t, secondary, "the secondary to follow", answers("next.example.com", "A", "192.0.2.11"))
}

// private gives the process a loopback interface that is up, and folders of its own where servers write by default, and more.
func private(t *testing.T, more ...string) {
	t.Helper()
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, ifr); err != nil {
		t.Fatalf("bring the loopback interface up: %v", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	for _, dir := range append(more, "/run", "/var/lib/nsd", "/var/lib/knot", "/var/lib/powerdns", "/etc/powerdns") {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0777"); err != nil {
			t.Fatalf("a folder of its own at %s: %v", dir, err)
		}
	}
	for _, dir := range []string{"/run/nsd", "/run/knot", "/run/named", "/run/pdns"} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		_ = os.Chmod(dir, 0o777)
	}
}

// block is the fenced block behind a line that ends in some words.
func block(t *testing.T, text, lead string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, lead+"\n")
	if !ok {
		t.Fatalf("no line ends in %q", lead)
	}
	m := regexp.MustCompile("(?s)^\\s*```[a-z]*\n(.*?)```").FindStringSubmatch(rest)
	if m == nil {
		t.Fatalf("no block after %q", lead)
	}
	return m[1]
}

func environ(more []string) []string {
	var out []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "HEADWATER_") {
			out = append(out, kv)
		}
	}
	return append(out, more...)
}

func shell(t *testing.T, dir, script string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", script)
	cmd.Dir, cmd.Env = dir, environ(env)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return string(out)
}

// said is what a program has written so far.
type said struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// daemon runs a program until the test ends.
func daemon(t *testing.T, dir, name string, args ...string) *said {
	t.Helper()
	out, _ := stoppable(t, dir, name, args...)
	return out
}

// stoppable runs a program until it is stopped, or the test ends.
func stoppable(t *testing.T, dir, name string, args ...string) (out *said, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	out = new(said)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Env = dir, out, out, environ(nil)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() { cancel(); _ = cmd.Wait() })
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, out)
		}
	})
	return out, stop
}

func wait(t *testing.T, _ *said, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func get(url string) int {
	res, err := http.Get(url)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// TestConfigurationFiles has the program check every configuration file of its own that the documents print, and the
// environment of deploy.
func TestConfigurationFiles(t *testing.T) {
	t.Parallel()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, args, env []string) {
		cmd := exec.CommandContext(t.Context(), bin, append(args, "config", "check")...)
		cmd.Env = environ(env)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", what, err, out)
		}
	}
	files := 0
	docs, _ := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	for _, doc := range append(docs, filepath.Join(root, "README.md")) {
		raw, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(raw, -1) {
			if !bytes.Contains(m[1], []byte("dns-listen")) {
				continue
			}
			files++
			at := filepath.Join(t.TempDir(), "headwater.yaml")
			if err := os.WriteFile(at, m[1], 0o600); err != nil {
				t.Fatal(err)
			}
			check(doc, []string{"--config", at}, nil)
		}
	}
	if files == 0 {
		t.Error("the documents print no configuration file")
	}
	raw, err := os.ReadFile(filepath.Join(root, "deploy", "systemd", "headwater.env.example"))
	if err != nil {
		t.Fatal(err)
	}
	check("headwater.env.example", nil, regexp.MustCompile(`(?m)^[A-Z_]+=.*$`).FindAllString(string(raw), -1))
}
