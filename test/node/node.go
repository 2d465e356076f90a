// Package node builds and runs real Headwater processes for tests: each in a data directory of its own, on free loopback
// ports, with credentials that the test knows.
package node

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/testkit"
)

// Token, Email and Key are the credentials of every node's first administrator.
const (
	Token = "testtoken_0123456789012345678901234567890"
	Email = "admin@example.com"
	Key   = "0123456789abcdef0123456789abcdef01234"
	Pass  = "correct-horse-battery"
)

var root = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/headwaterdns/headwater").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
})

// Root is where the program's module lies. The modules of tests are beneath it, each with the working directory of its own.
func Root() (string, error) { return root() }

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "headwater-test")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "headwater")
	args, cgo := []string{"build", "-o", bin}, "0"
	if races() != "" {
		args, cgo = append(args, "-race"), "1"
	}
	cmd := exec.Command("go", append(args, "./cmd/headwater")...)
	if cmd.Dir, err = Root(); err != nil {
		return "", err
	}
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return bin, nil
})

// races is a folder for reports of the race detector, with which programs are built where it is given. A program that has found
// one ends at once, and leaves its report there for whoever started the tests.
func races() string { return os.Getenv("RACE_REPORTS") }

// Binary builds the program once a test process and gives its path.
func Binary() (string, error) { return build() }

// Node is a running process.
type Node struct {
	HTTP    string         // base URL
	DNS     netip.AddrPort // UDP and TCP
	Account string         // the first account's id, known after the first start

	client *http.Client

	bin   string
	args  []string
	env   []string
	files []*os.File // passed to it, from descriptor 3 on
	dns   bool       // it answers DNS
	api   bool       // it answers the API
	said  Log        // to standard output
	cmd   *exec.Cmd
	log   *Log
	done  chan struct{} // closed when the process has ended, and all that took over from it
	heir  atomic.Int64  // process that took over last; 0 for none
}

// Log collects what a process writes to standard error.
type Log struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	wake chan struct{}
}

func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.buf.Write(b)
	if l.wake != nil {
		close(l.wake)
		l.wake = nil
	}
	return n, err
}

// String is everything so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Len is how much there is so far.
func (l *Log) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Len()
}

// Wait waits for a line behind offset from that holds all the words, and returns it.
func (l *Log) Wait(ctx context.Context, from int, words ...string) (string, error) {
	for {
		l.mu.Lock()
		text := l.buf.String()[from:]
		if l.wake == nil {
			l.wake = make(chan struct{})
		}
		wake := l.wake
		l.mu.Unlock()
		for line := range strings.SplitSeq(text, "\n") {
			ok := line != ""
			for _, w := range words {
				ok = ok && strings.Contains(line, w)
			}
			if ok {
				return line, nil
			}
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return "", fmt.Errorf("no log line with %q: %w\n%s", words, ctx.Err(), text)
		}
	}
}

// Start runs a node on a data directory. Further flags go behind the usual ones.
func Start(dir string, flags ...string) (*Node, error) {
	bin, err := Binary()
	if err != nil {
		return nil, err
	}
	return StartAs(bin, nil, dir, flags...)
}

// StartAs is Start with another program that takes the same arguments, and with more in its environment.
func StartAs(bin string, env []string, dir string, flags ...string) (*Node, error) {
	n := &Node{client: http.DefaultClient, bin: bin, env: env, log: &Log{}, args: append([]string{
		"serve", "--data", dir, "--dns-listen", address(), "--http-listen", address(), "--admin-email", Email,
		"--admin-key", Key, "--admin-token", Token, "--admin-password", Pass, "--nameservers", "ns1.test.example,ns2.test.example",
	}, flags...)}
	n.dns, n.api = true, true
	for i, f := range n.args {
		if f == "--roles" {
			n.dns, n.api = strings.Contains(n.args[i+1], "dns"), strings.Contains(n.args[i+1], "api")
		}
	}
	return n, n.Run()
}

// StartGiven is Start with sockets that are open already, as a service manager passes them: descriptors from 3 on, each with its name. Flags
// that come twice count as they stand last.
func StartGiven(env []string, files []*os.File, names []string, dir string, flags ...string) (*Node, error) {
	bin, err := Binary()
	if err != nil {
		return nil, err
	}
	env = append([]string{fmt.Sprintf("LISTEN_FDS=%d", len(files)), "LISTEN_FDNAMES=" + strings.Join(names, ":")}, env...)
	n := &Node{client: http.DefaultClient, bin: "/bin/sh", env: env, files: files, log: &Log{}, dns: true, api: true, args: append([]string{
		"-c", `LISTEN_PID=$$ exec "$0" "$@"`, bin,
		"serve", "--data", dir, "--admin-email", Email, "--admin-key", Key, "--admin-token", Token, "--admin-password", Pass,
	}, flags...)}
	return n, n.Run()
}

// address is a free one on loopback.
func address() string {
	a, err := testkit.FreePort(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	if err != nil {
		return "127.0.0.1:0"
	}
	return a.String()
}

// environment is ours without what begins like the program's own settings: tests tell one another things by such names.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "HEADWATER_") })
}

// Run starts the process (again) and returns when it is ready. The ports stay those of the first start.
func (n *Node) Run() error {
	args := slices.Clone(n.args)
	for i, a := range args {
		switch {
		case n.HTTP == "" || i+1 == len(args) || args[i+1] != "127.0.0.1:0":
		case a == "--dns-listen":
			args[i+1] = n.DNS.String()
		case a == "--http-listen":
			args[i+1] = strings.TrimPrefix(n.HTTP, "http://")
		}
	}
	n.cmd = exec.Command(n.bin, args...)
	n.cmd.Stderr, n.cmd.ExtraFiles = n.log, n.files
	n.cmd.Env = append(environment(), n.env...)
	if dir := races(); dir != "" {
		n.cmd.Env = append(n.cmd.Env, "GORACE=halt_on_error=1 log_path="+filepath.Join(dir, "race"))
	}
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := n.cmd.Start(); err != nil {
		return err
	}
	n.done = make(chan struct{})
	n.heir.Store(0)
	ready := make(chan error, 1)
	go n.read(out, ready)
	select {
	case err = <-ready:
	case <-time.After(60 * time.Second):
		err = errors.New("not ready after a minute")
	}
	if err != nil {
		n.Kill()
		return fmt.Errorf("start headwater: %w\n%s", err, n.log)
	}
	if n.Account == "" && n.api {
		return n.findAccount()
	}
	return nil
}

func (n *Node) findAccount() error {
	a, err := n.Do(context.Background(), http.MethodGet, "/accounts", nil)
	if err != nil {
		return err
	}
	var accounts []struct{ ID string }
	if err := json.Unmarshal(a.Result, &accounts); err != nil || len(accounts) == 0 {
		return fmt.Errorf("no account: %s", a.Body)
	}
	n.Account = accounts[0].ID
	return nil
}

// read takes the addresses off the greeting and waits for the end.
func (n *Node) read(out io.Reader, ready chan<- error) {
	defer close(n.done)
	s := bufio.NewScanner(out)
	told := false
	tell := func(err error) {
		if !told {
			told = true
			ready <- err
		}
	}
	for s.Scan() {
		_, _ = fmt.Fprintln(&n.said, s.Text())
		f := strings.Fields(s.Text())
		switch {
		case len(f) == 2 && (f[0] == "API" || f[0] == "health"):
			n.HTTP = strings.TrimSuffix(strings.TrimSuffix(f[1], "/client/v4"), "/readyz")
			if !n.dns {
				tell(nil)
			}
		case len(f) > 1 && f[0] == "DNS":
			ap, err := netip.ParseAddrPort(f[1])
			n.DNS = ap
			tell(err)
		}
	}
	if err := n.cmd.Wait(); err != nil && !told {
		ready <- err
	}
}

// Kill ends the process as a power cut would.
func (n *Node) Kill() {
	_ = n.cmd.Process.Kill()
	if pid := n.heir.Load(); pid != 0 {
		_ = syscall.Kill(int(pid), syscall.SIGKILL)
	}
	<-n.done
}

// Stop ends it with SIGTERM and waits; a status other than 0 is an error.
func (n *Node) Stop() error {
	if err := syscall.Kill(n.Pid(), syscall.SIGTERM); err != nil {
		return err
	}
	return n.Wait()
}

// Wait waits for an end that was asked for otherwise; a status other than 0 is an error.
func (n *Node) Wait() error {
	<-n.done
	if code := n.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("exit status %d\n%s", code, n.log)
	}
	return nil
}

// Pid is the process's id: that of the process that took over last.
func (n *Node) Pid() int {
	if pid := n.heir.Load(); pid != 0 {
		return int(pid)
	}
	return n.cmd.Process.Pid
}

// Log is what the process wrote to standard error since the first start.
func (n *Node) Log() *Log { return n.log }

// Said is what the process wrote to standard output since the first start.
func (n *Node) Said() string { return n.said.String() }

// Pause stops the process without ending it, as a machine does that hangs; Resume lets it go on.
func (n *Node) Pause() error { return n.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume ends Pause.
func (n *Node) Resume() error { return n.cmd.Process.Signal(syscall.SIGCONT) }

// Must starts a node for a test and stops it at the end.
func Must(tb testing.TB, flags ...string) *Node {
	tb.Helper()
	n, err := Start(tb.TempDir(), flags...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(n.Kill)
	n.Check(tb)
	return n
}

// Answer is an answer of the API.
type Answer struct {
	Status int
	Body   []byte
	Header http.Header
	Result json.RawMessage `json:"result"`
	Errors []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
	Success bool `json:"success"`
}

// answerLimit is how long an answer may take to whom has set no limit: nothing takes as long, not even a million records.
const answerLimit = 4 * time.Minute

// Do calls the API below /client/v4, or any path that begins with /headwater. headers are names and values. A process that does not
// answer in answerLimit, unless ctx has a limit of its own, is ended, and the error tells what it was at.
func (n *Node) Do(ctx context.Context, method, path string, body any, headers ...[2]string) (*Answer, error) {
	if _, limited := ctx.Deadline(); limited {
		return n.do(ctx, method, path, body, headers)
	}
	limit, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	a, err := n.do(limit, method, path, body, headers)
	if err != nil && ctx.Err() == nil && limit.Err() != nil {
		from := n.log.Len()
		_ = n.cmd.Process.Signal(syscall.SIGQUIT)
		<-n.done
		err = fmt.Errorf("%s %s: %w\n%s", method, path, err, n.log.String()[from:])
	}
	return a, err
}

func (n *Node) do(ctx context.Context, method, path string, body any, headers [][2]string) (*Answer, error) {
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	case []byte:
		r = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		r = bytes.NewReader(raw)
	}
	if !strings.HasPrefix(path, "/headwater") && !strings.HasPrefix(path, "/client") {
		path = "/client/v4" + path
	}
	req, err := http.NewRequestWithContext(ctx, method, n.HTTP+path, r)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+Token)
	for _, h := range headers {
		req.Header.Set(h[0], h[1])
	}
	res, err := n.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	a := &Answer{Status: res.StatusCode, Header: res.Header}
	if a.Body, err = io.ReadAll(res.Body); err != nil {
		return nil, err
	}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(a.Body, a); err != nil {
			return nil, fmt.Errorf("%s %s: %w: %s", method, path, err, a.Body)
		}
	}
	return a, nil
}

// Call is Do for what must succeed: the result goes into v when that is not nil.
func (n *Node) Call(tb testing.TB, method, path string, body, v any) {
	tb.Helper()
	a, err := n.Do(tb.Context(), method, path, body)
	if err != nil {
		tb.Fatal(err)
	}
	if a.Status != http.StatusOK || !a.Success {
		tb.Fatalf("%s %s %v: status %d: %s", method, path, body, a.Status, a.Body)
	}
	if v != nil {
		if err := json.Unmarshal(a.Result, v); err != nil {
			tb.Fatalf("%s %s: %v: %s", method, path, err, a.Result)
		}
	}
}
