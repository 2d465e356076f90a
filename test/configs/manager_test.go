package configs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/test/node"
)

// manager stands in for systemd, which is not process 1 where tests run. It starts what the unit of deploy says as that says it, with its
// environment file, takes the program for started when that says so itself (Type=notify), and knows by it which process is the main one.
type manager struct {
	t      *testing.T
	root   string // paths of the unit are below it
	notify string // socket
	log    *said

	mu    sync.Mutex
	main  int
	ready chan struct{}
	ended chan struct{} // closed when the process that was started has ended
}

// newManager puts the words systemctl and journalctl into a folder of programs.
func newManager(t *testing.T, root, bin string) *manager {
	t.Helper()
	m := &manager{t: t, root: root, notify: filepath.Join(root, "notify"), log: new(said)}
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.notify, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(root, "manager"))
	if err != nil {
		t.Fatal(err)
	}
	go m.hear(told)
	srv := &http.Server{Handler: http.HandlerFunc(m.serve)}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() {
		_ = srv.Close()
		_ = told.Close()
		m.mu.Lock()
		main := m.main
		m.mu.Unlock()
		if main > 0 {
			_ = syscall.Kill(main, syscall.SIGKILL)
		}
		if t.Failed() {
			t.Logf("the service said:\n%s", m.log)
		}
	})
	for _, word := range []string{"systemctl", "journalctl"} {
		script := fmt.Sprintf("#!/bin/sh\nexec curl -sS --fail-with-body --unix-socket %s -d \"$*\" http://manager/%s\n", l.Addr(), word)
		if err := os.WriteFile(filepath.Join(bin, word), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m *manager) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	text, err := m.do(r.Context(), strings.TrimPrefix(r.URL.Path, "/")+" "+string(body))
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		text = err.Error() + "\n"
	}
	_, _ = io.WriteString(w, text)
}

func (m *manager) do(ctx context.Context, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch command {
	case "systemctl start headwater", "systemctl enable --now headwater":
		return "", m.start(ctx)
	case "systemctl stop headwater":
		return "", m.stop(ctx)
	case "systemctl kill --kill-whom=main --signal=SIGUSR2 headwater":
		m.mu.Lock()
		defer m.mu.Unlock()
		return "", syscall.Kill(m.main, syscall.SIGUSR2)
	case "journalctl -u headwater -f": // who looks at it stops when he has seen what he is told to wait for
		for {
			if text := m.log.String(); strings.Contains(text, "taken over") || strings.Contains(text, "not handed over") {
				return text, nil
			}
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return "", fmt.Errorf("the stand-in does not know: %s", command)
}

// hear takes what the program tells.
func (m *manager) hear(told *net.UnixConn) {
	for b := make([]byte, 4096); ; {
		n, err := told.Read(b)
		if err != nil {
			return
		}
		m.mu.Lock()
		for line := range strings.SplitSeq(string(b[:n]), "\n") {
			if pid, ok := strings.CutPrefix(line, "MAINPID="); ok {
				m.main, _ = strconv.Atoi(pid)
			}
			if line == "READY=1" && m.ready != nil {
				close(m.ready)
				m.ready = nil
			}
		}
		m.mu.Unlock()
	}
}

func (m *manager) start(ctx context.Context) error {
	m.mu.Lock()
	running := m.main
	m.mu.Unlock()
	if running > 0 {
		return nil
	}
	unit, err := os.ReadFile(filepath.Join(root, "deploy", "systemd", "headwater.service"))
	if err != nil {
		return err
	}
	const credential = "LoadCredential=secret.key:/etc/headwater/secret.key"
	_, line, ok := strings.Cut(string(unit), "\nExecStart=")
	if !ok || !strings.Contains(string(unit), credential) {
		return errors.New("the unit starts nothing, or has no key")
	}
	line, _, _ = strings.Cut(line, "\n")
	args := strings.Fields(strings.NewReplacer("%S", m.root+"/var/lib", "%d", m.root+"/etc/headwater", "/usr/local/bin", m.root+"/usr/local/bin").Replace(line))
	settings, err := os.ReadFile(filepath.Join(m.root, "etc/headwater/headwater.env"))
	if err != nil {
		return err
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(environ(nil), "NOTIFY_SOCKET="+m.notify)
	for line := range strings.Lines(string(settings)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			cmd.Env = append(cmd.Env, line)
		}
	}
	if err := os.MkdirAll(filepath.Join(m.root, "var/lib/headwater"), 0o700); err != nil { // StateDirectory=
		return err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = in, in, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ready, ended := make(chan struct{}), make(chan struct{})
	m.mu.Lock()
	m.ready, m.ended = ready, ended
	if err = cmd.Start(); err == nil {
		m.main = cmd.Process.Pid
	}
	m.mu.Unlock()
	_ = in.Close()
	if err != nil {
		return err
	}
	go func() { _, _ = io.Copy(m.log, out) }() // also of who takes over
	go func() { _ = cmd.Wait(); close(ended) }()
	select {
	case <-ready:
		return nil
	case <-ended:
		m.mu.Lock()
		m.main = 0
		m.mu.Unlock()
		return fmt.Errorf("the service failed: %s\n%s", cmd.ProcessState, m.log)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *manager) stop(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.main == 0 {
		return nil
	}
	if err := syscall.Kill(m.main, syscall.SIGTERM); err != nil {
		return err
	}
	if err := node.Gone(ctx, m.main); err != nil {
		return err
	}
	m.main = 0
	return nil
}
