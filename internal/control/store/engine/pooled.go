package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// What is so where a pooler such as pgbouncer stands between. It may give each transaction another of the database's sessions, and what
// belongs to a session is then not ours: prepared statements, LISTEN, and locks that outlive a transaction. So none of them is used there,
// whatever the pooler's mode.

// settingsOf are the settings of every session of ours, unless the address has its own.
func settingsOf(cfg *pgx.ConnConfig) map[string]string {
	out := map[string]string{idleLimit: idleMost, "lock_timeout": lockLimit}
	maps.DeleteFunc(out, func(name, _ string) bool { return cfg.RuntimeParams[name] != "" })
	return out
}

// set makes settings of a session, in one way to the server.
func set(ctx context.Context, c *pgx.Conn, settings map[string]string) error {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&text, "SET %s = '%s';", name, settings[name])
	}
	if text.Len() == 0 {
		return nil
	}
	if _, err := c.Exec(ctx, text.String(), pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("settings of a connection: %w", err)
	}
	return nil
}

// pooled finds out whether a pooler stands between, and does without sessions if so: who answers a statement is then not who the
// connection was told of when it was made.
func (e *postgresEngine) pooled(ctx context.Context, url string) (yes bool, err error) {
	c, err := e.db.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("connect: %w", classifyPostgres(err))
	}
	err = c.Raw(func(driven any) error {
		conn := driven.(*stdlib.Conn).Conn()
		var pid int64
		err := conn.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeSimpleProtocol).Scan(&pid)
		if _, refused := errors.AsType[*pgconn.PgError](err); refused { // not quite a PostgreSQL, and no pooler
			return nil
		}
		yes = err == nil && pid != int64(conn.PgConn().PID())
		return err
	})
	if err = errors.Join(err, c.Close()); err != nil || !yes {
		return yes, classifyPostgres(err)
	}
	e.log.Info("a pooler stands before the database: statements are not prepared, and commits are asked for instead of being told")
	e.dialect.Notify = ""
	if strings.Contains(url, "default_query_exec_mode") {
		return true, nil
	}
	e.cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	old := e.db
	e.open()
	return true, old.Close()
}

// locker lets one node migrate at a time: by a lock of its session, or, where sessions are not ours, by a row.
func locker(pooled bool) (goose.ProviderOption, error) {
	if pooled {
		l, err := lock.NewPostgresTableLocker()
		return goose.WithLocker(l), err
	}
	l, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPause, lockAttempts))
	return goose.WithSessionLocker(l), err
}

// aside connects anew each time: it is for what happens seldom, and who takes writes may be another server by then. Where a node reads from a
// standby, the driver goes on to the other servers of the address.
func (e *postgresEngine) aside(ctx context.Context) (*Session, error) {
	to := e.cfg.Copy()
	to.ValidateConnect = e.line.newest(pgconn.ValidateConnectTargetSessionAttrsReadWrite)
	one := &postgresEngine{dialect: e.dialect, cfg: to, log: e.log, session: e.session, heed: e.heed, end: e.end, conns: conns{limit: e.conns.limit}}
	one.open()
	s, err := one.begin(ctx, false)
	if err != nil {
		return nil, errors.Join(refusal(err), one.close())
	}
	commit, rollback := s.Commit, s.Rollback
	s.Commit = func(ctx context.Context) error { return errors.Join(commit(ctx), one.close()) }
	s.Rollback = func() {
		rollback()
		_ = one.close()
	}
	return s, nil
}

// refusal tells what a database does not let a node do from what it cannot do now.
func refusal(err error) error {
	const mayNot, reads = "42501", "25006"
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && (e.Code == mayNot || e.Code == reads) {
		return fmt.Errorf("%w: %s", ErrMayNotTell, e.Message)
	}
	if err != nil && strings.Contains(err.Error(), "read only connection") { // the driver has no name for it
		return fmt.Errorf("%w: no server of its address takes writes", ErrMayNotTell)
	}
	return err
}

// timeline is the newest one of PostgreSQL's that was seen: every promotion begins another.
type timeline struct {
	mu     sync.Mutex
	system string // that it is of: the same for a primary and all that have followed it
	at     string // eight hexadecimal digits
}

// errOldTimeline is a server that was a primary before another one was promoted, and that nobody has stopped.
var errOldTimeline = errors.New("the server stands on an older timeline: another one was promoted since")

// newest is a check of new connections, behind one that may be nil: none is taken to a server that was passed over, however willing it is.
// What would be written there is lost. The driver goes on to the next server of the address. A standby has no timeline of its own, and what
// does not know timelines at all is let through.
func (t *timeline) newest(before pgconn.ValidateConnectFunc) pgconn.ValidateConnectFunc {
	text := "SELECT " + postgresDialect.Timeline + ", " + postgresDialect.System
	return func(ctx context.Context, c *pgconn.PgConn) error {
		if before != nil {
			if err := before(ctx, c); err != nil {
				return err
			}
		}
		results, err := c.Exec(ctx, text).ReadAll()
		if _, refused := errors.AsType[*pgconn.PgError](err); refused {
			return nil
		}
		if err != nil || len(results) != 1 || len(results[0].Rows) != 1 {
			return err
		}
		return t.see(string(results[0].Rows[0][0]), string(results[0].Rows[0][1]))
	}
}

func (t *timeline) see(at, system string) error {
	if at == "" {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if system == t.system && at < t.at {
		return errOldTimeline
	}
	t.system, t.at = system, at
	return nil
}
