// Package pgtest starts PostgreSQL servers for tests: each in a folder of its own, on a free port, as a user that is not
// root, gone when the test is over. It needs the programs of Debian's package postgresql.
package pgtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaterdns/headwater/internal/testkit"
)

// Server is one running PostgreSQL.
type Server struct {
	folder string
	port   int
	who    *syscall.Credential // nil: the user who runs the tests

	mu        sync.Mutex
	cmd       *exec.Cmd
	made      atomic.Int64
	deadlocks atomic.Int64
}

// startLimit bounds how long the server's programs may take.
const startLimit = time.Minute

// Start makes a cluster and starts a server on it. A missing program fails the test and names the package to install.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := New()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		s.Close()
		if n := s.Deadlocks(); n > 0 {
			tb.Errorf("%d deadlocks: locks have been taken in two orders", n)
		}
	})
	return s
}

// Deadlocks is how often transactions have waited for each other since the server was made, told by its log, which crashes do
// not set back.
func (s *Server) Deadlocks() int { return int(s.deadlocks.Load()) }

// New is Start for a TestMain; the caller closes the server.
func New() (*Server, error) {
	s := &Server{}
	if err := s.prepare(); err != nil {
		s.Close()
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return s, nil
}

func (s *Server) prepare() error {
	initdb, err := program("initdb")
	if err != nil {
		return err
	}
	if err := s.makeFolder(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, initdb, "-D", s.data(), "-U", "headwater", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	s.dress(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	if err := s.choosePort(); err != nil {
		return err
	}
	return s.Up()
}

// makeFolder makes the server's folder, owned by the user that runs the server.
func (s *Server) makeFolder() (err error) {
	if s.folder, err = os.MkdirTemp("", "pgtest"); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return fmt.Errorf("the server refuses to run as root and there is no user postgres (Debian package postgresql): %w", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	s.who = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.folder, uid, gid)
}

// program finds one of the server's programs, which Debian keeps out of PATH.
func program(name string) (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) > 0 {
		return slices.Max(found), nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is missing: install Debian package postgresql", name)
	}
	return path, nil
}

func (s *Server) choosePort() error {
	at, err := testkit.FreePort(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	s.port = int(at.Port())
	return err
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

// dress gives a command the server's user, and has it end with the test's process.
func (s *Server) dress(cmd *exec.Cmd) {
	cmd.Dir = s.folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.who, Pdeathsig: syscall.SIGQUIT}
}

// Up starts the server again after Kill or Down, on the same port, and returns when it takes connections.
func (s *Server) Up() error {
	path, err := program("postgres")
	if err != nil {
		return err
	}
	cmd := exec.Command(path, "-D", s.data(), "-k", s.folder, "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-F",
		"-c", "max_connections=200")
	s.dress(cmd)
	out, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.mu.Lock()
	s.cmd = cmd
	s.mu.Unlock()
	return s.awaitReady(out)
}

func (s *Server) awaitReady(out io.Reader) error {
	ready, ended := make(chan struct{}), make(chan string, 1)
	go func() {
		var said []string
		told := false
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if !told && strings.Contains(lines.Text(), "ready to accept ") {
				told = true
				close(ready)
			}
			if strings.Contains(lines.Text(), "deadlock detected") {
				s.deadlocks.Add(1)
			}
			if len(said) < 50 {
				said = append(said, lines.Text())
			}
		}
		ended <- strings.Join(said, "\n")
	}()
	select {
	case <-ready:
		return nil
	case said := <-ended:
		return fmt.Errorf("the server ended: %s", said)
	case <-time.After(startLimit):
		return fmt.Errorf("the server does not answer after %s", startLimit)
	}
}

// Kill ends the server as a crash does (SIGKILL to its whole group of processes is what SIGQUIT to the first comes to).
func (s *Server) Kill() { s.end(syscall.SIGQUIT) }

// Down ends the server in order, breaking its connections.
func (s *Server) Down() { s.end(syscall.SIGINT) }

func (s *Server) end(sig os.Signal) {
	s.mu.Lock()
	cmd := s.cmd
	s.cmd = nil
	s.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(sig)
	_ = cmd.Wait()
}

// Close ends the server and removes its folder.
func (s *Server) Close() {
	s.end(syscall.SIGQUIT)
	if s.folder != "" {
		_ = os.RemoveAll(s.folder)
	}
}

// URL is the address of a database of the server.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://headwater@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// Database makes an empty database and returns its address.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	c, err := pgx.Connect(tb.Context(), s.URL("postgres"))
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close(tb.Context())
	name := fmt.Sprintf("t%d", s.made.Add(1))
	if _, err := c.Exec(tb.Context(), "CREATE DATABASE "+name); err != nil {
		tb.Fatal(err)
	}
	return s.URL(name)
}
