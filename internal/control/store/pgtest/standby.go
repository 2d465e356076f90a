package pgtest

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Standby makes a server that follows this one by streaming replication, and returns when it takes connections.
func (s *Server) Standby(tb testing.TB) *Server {
	tb.Helper()
	other := &Server{}
	if err := other.follow(s); err != nil {
		other.Close()
		tb.Fatalf("start a standby: %v", err)
	}
	tb.Cleanup(other.Close)
	return other
}

func (s *Server) follow(primary *Server) error {
	backup, err := program("pg_basebackup")
	if err != nil {
		return err
	}
	if err := s.makeFolder(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, backup, "-D", s.data(), "-R", "-X", "stream", "-c", "fast", "--no-sync", "-U", "headwater",
		"-h", "127.0.0.1", "-p", strconv.Itoa(primary.port))
	s.dress(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pg_basebackup: %w: %s", err, out)
	}
	if err := s.choosePort(); err != nil {
		return err
	}
	return s.Up()
}

// Do runs statements, each by itself, as the server's owner.
func (s *Server) Do(tb testing.TB, statements ...string) {
	tb.Helper()
	c, err := pgx.Connect(tb.Context(), s.URL("postgres"))
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(tb.Context()))
	for _, text := range statements {
		if _, err := c.Exec(tb.Context(), text); err != nil {
			tb.Fatalf("%s: %v", text, err)
		}
	}
}

// Detach has a standby follow nobody: it stays where it is. A server reads its settings when it comes to it, so that what is written
// before its receiver is gone may still arrive.
func (s *Server) Detach(tb testing.TB) {
	tb.Helper()
	s.Do(tb, "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()", `DO $$ BEGIN
		FOR i IN 1..6000 LOOP
			IF NOT EXISTS (SELECT FROM pg_stat_wal_receiver) THEN RETURN; END IF;
			PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
		END LOOP;
		RAISE 'the standby does not let go of its primary';
	END $$`)
}

// Promote makes a standby a primary.
func (s *Server) Promote(tb testing.TB) {
	tb.Helper()
	s.Do(tb, "SELECT pg_promote()")
}

// Port is where the server listens.
func (s *Server) Port() int { return s.port }
