package deploy_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pgServer is a PostgreSQL server of Debian's, in a folder and at a port of its own. (What other tests have for that is in the product's
// module, which this one is not to depend on.)
type pgServer struct {
	t      *testing.T
	folder string
	port   int
	cmd    *exec.Cmd
}

// newPostgres makes a server that init fills the folder of, and starts it.
func newPostgres(t *testing.T, init func(s *pgServer)) *pgServer {
	t.Helper()
	s := &pgServer{t: t}
	var err error
	if s.folder, err = os.MkdirTemp("", "deploy"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.kill(); _ = os.RemoveAll(s.folder) })
	if who := s.who(); who != nil {
		if err := os.Chown(s.folder, int(who.Uid), int(who.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	init(s)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	s.cmd = s.command("postgres", "-D", s.data(), "-k", s.folder, "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-F")
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := func() bool {
		return s.command("pg_isready", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(s.port)).Run() == nil
	}
	for end := time.Now().Add(waiting); !ready(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("PostgreSQL does not answer")
		}
	}
	return s
}

// primary is a server with an empty database.
func primary(t *testing.T) *pgServer {
	t.Helper()
	s := newPostgres(t, func(s *pgServer) {
		s.run("initdb", "-D", s.data(), "-U", "headwater", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	})
	s.sql("postgres", "CREATE DATABASE headwater")
	return s
}

// follower is a standby of a server.
func (s *pgServer) follower() *pgServer {
	s.t.Helper()
	return newPostgres(s.t, func(f *pgServer) {
		f.run("pg_basebackup", "-D", f.data(), "-R", "-X", "stream", "-c", "fast", "--no-sync", "-U", "headwater", "-h", "127.0.0.1", "-p", strconv.Itoa(s.port))
	})
}

func (s *pgServer) data() string { return filepath.Join(s.folder, "data") }

// who runs servers where tests are run by root, whom they refuse.
func (s *pgServer) who() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		s.t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (s *pgServer) command(name string, args ...string) *exec.Cmd {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		s.t.Fatalf("%s is missing: install Debian's postgresql", name)
	}
	cmd := exec.Command(found[len(found)-1], args...)
	cmd.Dir, cmd.SysProcAttr = s.folder, &syscall.SysProcAttr{Credential: s.who(), Pdeathsig: syscall.SIGQUIT}
	return cmd
}

func (s *pgServer) run(name string, args ...string) {
	s.t.Helper()
	if out, err := s.command(name, args...).CombinedOutput(); err != nil {
		s.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// sql runs statements in a database, each by itself.
func (s *pgServer) sql(database string, statements ...string) string {
	s.t.Helper()
	args := []string{"-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-U", "headwater", "-d", database}
	for _, text := range statements {
		args = append(args, "-c", text)
	}
	out, err := s.command("psql", args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%q: %v\n%s", statements, err, out)
	}
	return strings.TrimSpace(string(out))
}

// set changes settings; one without a value is as it was.
func (s *pgServer) set(settings ...string) {
	s.t.Helper()
	var all []string
	for _, text := range settings {
		verb := "SET "
		if !strings.Contains(text, "=") {
			verb = "RESET "
		}
		all = append(all, "ALTER SYSTEM "+verb+text)
	}
	s.sql("postgres", append(all, "SELECT pg_reload_conf()")...)
}

// kill ends it as a crash does.
func (s *pgServer) kill() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	_ = s.cmd.Wait()
	s.cmd = nil
}

// url is the address of the database for who knows this server and another one, and wants the one that takes changes.
func (s *pgServer) url(other *pgServer) string {
	return fmt.Sprintf("postgres://headwater@127.0.0.1:%d,127.0.0.1:%d/headwater?sslmode=disable&target_session_attrs=read-write&connect_timeout=2", s.port, other.port)
}
