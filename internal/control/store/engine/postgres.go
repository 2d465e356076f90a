package engine

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// postgresDialect is kept to what CockroachDB and YugabyteDB speak, too. notify is taken out where it is not known.
var postgresDialect = Dialect{
	numbered: true,
	insert:   "INSERT INTO ",
	rows:     512,
	Lock:     " FOR UPDATE",
	LockFree: " FOR UPDATE SKIP LOCKED",
	folded:   func(expr string) string { return "lower(" + expr + ")" }, // of the C collation: ASCII only
	Same:     "lower(%s) = ?",
	Position: "strpos(%s, ?)",
	Char:     "chr",
	AtNames: func(columns string) string {
		return `SELECT ` + columns + ` FROM (SELECT CAST(? AS BIGINT) AS no) AS z,
		(SELECT DISTINCT unnest(ARRAY[%s]::text[]) AS host) AS n,
		LATERAL (SELECT * FROM records WHERE zone = z.no AND name = n.host OFFSET 0) AS r`
	},
	classify: classifyPostgres,
	LostRace: postgresLostRace,
	noTable:  postgresNoTable,
	Notify:   "pg_notify('" + channel + "', ?)",

	Timeline: "CASE WHEN pg_is_in_recovery() THEN '' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END",
	System:   "(SELECT CAST(system_identifier AS TEXT) FROM pg_control_system())",

	Now:       "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
	Impatient: "set_config('" + idleLimit + "', '2s', true)",
	Hurry:     "set_config('" + idleLimit + "', '5s', true)",

	Blob:         "BYTEA",
	Head:         "(SELECT value FROM counters WHERE name = 'seq')",
	NextZone:     "nextval('zone_no')",
	AfterRestore: "SELECT setval('zone_no', coalesce(max(no), 0) + 1, false) FROM (SELECT no FROM zones UNION SELECT no FROM deleted_zones) AS numbers",
}

// idleLimit bounds how long a transaction may do nothing: a node that was stopped, or cut off, must not keep its locks.
const idleLimit = "idle_in_transaction_session_timeout"

// channel is where commits are told, newsChannel what nodes tell each other with them. A node of an older version hears the first alone.
const (
	channel     = "headwater_journal"
	newsChannel = "headwater_news"
)

// postgresEngine is a pool of connections, and one more that listens.
type postgresEngine struct {
	dialect *Dialect
	cfg     *pgx.ConnConfig
	line    *timeline
	db      *sql.DB
	log     *slog.Logger
	conns   conns
	session map[string]string // settings of every connection
	heed    func(Limits) error
	told    func(news string)
	end     time.Duration // of waiting for a COMMIT
	age     atomic.Int64  // connections of another age are given up when they are taken up again
}

const (
	maxConns     = 16
	idleTime     = 5 * time.Minute
	lockPause    = 1 // seconds between two tries to be the one node that migrates
	lockAttempts = 300
	endLimit     = 10 * time.Second // of a COMMIT, unless the configuration says otherwise, and of a ROLLBACK
	lockLimit    = "10s"            // of waiting for another transaction's lock
	idleMost     = "60s"            // of a transaction, while a change is planned
	headLimit    = 5 * time.Second  // of the listener's question for the head
)

func openPostgres(ctx context.Context, cfg *Config) (engine, Conn, error) {
	to, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		// The driver's own text repeats the address, which may hold a password.
		return nil, Conn{}, errors.New("the database address cannot be read: want postgres://user@host:port/name")
	}
	if to.RuntimeParams["application_name"] == "" {
		to.RuntimeParams["application_name"] = "headwater"
	}
	if to.ConnectTimeout == 0 {
		to.ConnectTimeout = connectLimit
	}
	line := &timeline{}
	to.ValidateConnect = line.newest(to.ValidateConnect)
	unbounded := to.Copy()
	delete(unbounded.RuntimeParams, "lock_timeout")
	d := postgresDialect
	e := &postgresEngine{
		dialect: &d, cfg: to, line: line, log: cfg.Log, session: settingsOf(to), heed: cfg.heed, told: cfg.Told, end: cmp.Or(cfg.CommitPatience, endLimit),
		conns: conns{limit: cmp.Or(cfg.Patience, patience)},
	}
	e.open()
	if err := e.prepare(ctx, unbounded, cfg); err != nil {
		return nil, Conn{}, errors.Join(err, e.close())
	}
	return e, Conn{Dialect: e.dialect, on: sqlRunner{e.db}}, nil
}

// open makes the pool.
func (e *postgresEngine) open() {
	e.db = stdlib.OpenDB(*e.cfg, stdlib.OptionBeforeConnect(e.conns.connect), stdlib.OptionAfterConnect(e.born), stdlib.OptionResetSession(e.fresh))
	e.db.SetMaxOpenConns(maxConns)
	e.db.SetMaxIdleConns(maxConns)
	e.db.SetConnMaxIdleTime(idleTime)
}

// prepare brings the tables to the newest form, which may take any time; or, to read only, waits until they have it.
func (e *postgresEngine) prepare(ctx context.Context, unbounded *pgx.ConnConfig, cfg *Config) error {
	if err := e.db.PingContext(ctx); err != nil {
		return fmt.Errorf("connect: %w", classifyPostgres(err))
	}
	pooled, err := e.pooled(ctx, cfg.URL)
	if err != nil {
		return err
	}
	if cfg.Existing {
		if err := e.look(ctx, cfg); err != nil {
			return err
		}
	}
	if cfg.ReadOnly {
		if err := e.awaitTables(ctx, cfg); err != nil {
			return err
		}
		return e.probe(ctx)
	}
	one, err := locker(pooled)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	unbounded.DefaultQueryExecMode = e.cfg.DefaultQueryExecMode
	db := stdlib.OpenDB(*unbounded)
	m := &migration{dialect: goose.DialectPostgres, folder: "postgres", cfg: cfg, on: Conn{Dialect: e.dialect, on: sqlRunner{e.db}}, db: db, options: []goose.ProviderOption{one}}
	if err := errors.Join(m.run(ctx), db.Close()); err != nil {
		return err
	}
	return e.probe(ctx)
}

// look finds out, for a tool, whether the tables are there, in what form, and whether nodes run.
func (e *postgresEngine) look(ctx context.Context, cfg *Config) error {
	c := Conn{Dialect: e.dialect, on: sqlRunner{e.db}}
	var err error
	if cfg.ReadOnly {
		err = sameVersion(ctx, c, cfg, "postgres")
	} else {
		_, err = c.version(ctx)
	}
	if err != nil || !cfg.Alone {
		return err
	}
	nodes, err := c.nodes(ctx)
	if err == nil && nodes > 0 {
		err = fmt.Errorf("%d nodes run: %w", nodes, ErrInUse)
	}
	return err
}

// tablesPause is how often a node that only reads looks whether another one has made the tables.
const tablesPause = time.Second

// awaitTables returns when the tables have the form that this program knows, or a newer one.
func (e *postgresEngine) awaitTables(ctx context.Context, cfg *Config) error {
	want, err := cfg.schema().newest("postgres")
	if err != nil {
		return err
	}
	known, err := cfg.schema().known()
	if err != nil {
		return err
	}
	c := Conn{Dialect: e.dialect, on: sqlRunner{e.db}}
	for told := false; ; told = true {
		have, err := c.version(ctx)
		switch {
		case errors.Is(err, ErrNoStore):
		case err != nil:
			return err
		case have >= want:
			return c.outgrown(ctx, known, false)
		}
		if !told {
			e.log.Warn("the tables are not there yet, waiting for a node that may make them", "have", have, "want", want)
		}
		if Pause(ctx, tablesPause); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// probe finds out whether the database can tell of commits.
func (e *postgresEngine) probe(ctx context.Context) error {
	c, err := e.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", classifyPostgres(err))
	}
	defer c.Close()
	if err := e.probeListen(ctx, c); err != nil {
		return err
	}
	if err := (Conn{Dialect: e.dialect, on: sqlRunner{c}}).Each(ctx, Discard, `SELECT `+e.dialect.Timeline+`, `+e.dialect.System); err != nil {
		e.dialect.Timeline, e.dialect.System = NoTimeline, NoTimeline
		e.log.Info("the database does not tell its timeline: a standby that lagged is known by the journal alone", "error", err)
	}
	return nil
}

func (e *postgresEngine) probeListen(ctx context.Context, c *sql.Conn) error {
	if e.dialect.Notify == "" { // known already
		return nil
	}
	if _, err := c.ExecContext(ctx, "LISTEN "+channel); err != nil {
		e.dialect.Notify = ""
		e.log.Info("the database knows no LISTEN, asking for news instead")
	}
	if _, err := c.ExecContext(ctx, "UNLISTEN *"); err != nil {
		return fmt.Errorf("probe: %w", classifyPostgres(err))
	}
	return nil
}

func (e *postgresEngine) begin(ctx context.Context, lazy bool) (*Session, error) {
	s, err := e.beginWrite(ctx)
	if err != nil {
		return nil, err
	}
	if lazy {
		if err := s.Each(ctx, Discard, `SELECT set_config('synchronous_commit', 'off', true)`); err != nil {
			s.Rollback()
			return nil, fmt.Errorf("choose durability: %w", err)
		}
	}
	return s, nil
}

// beginWrite starts a transaction that outlives ctx.
func (e *postgresEngine) beginWrite(ctx context.Context) (*Session, error) {
	own, drop := context.WithCancel(context.WithoutCancel(ctx))
	detach := context.AfterFunc(ctx, drop)
	line, tx, err := e.beginOn(own)
	if !detach() && err == nil {
		_ = tx.Rollback()
		_ = line.Close()
		err = ctx.Err()
	}
	if err != nil {
		drop()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("begin: %w", classifyPostgres(err))
	}
	s := e.sessionOf(tx)
	s.posts = &posts{line: line}
	end := func() {
		_ = line.Close() // back to the pool
		drop()
	}
	inner, rollback, over := s.Commit, s.Rollback, false
	s.Commit = func(ctx context.Context) error {
		if err := s.Flush(ctx); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		over = true
		return e.commitUncut(line, func() error {
			defer end()
			return inner(ctx)
		})
	}
	s.Rollback = func() {
		if over {
			return
		}
		over = true
		limit := time.AfterFunc(endLimit, drop)
		defer limit.Stop()
		rollback()
		end()
	}
	return s, nil
}

// beginOn begins a transaction on a connection that is known.
func (e *postgresEngine) beginOn(ctx context.Context) (*sql.Conn, *sql.Tx, error) {
	line, err := e.db.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	tx, err := line.BeginTx(ctx, nil)
	if err != nil {
		return nil, nil, errors.Join(err, line.Close())
	}
	return line, tx, nil
}

// commitUncut sends a COMMIT and waits for the answer, but no longer than its limit: then nobody knows what became of it. It is
// never cancelled. A server that waits for its standby would take that for a wish to be done without one, and show what the
// client was told is in doubt. The connection is left to end by itself.
func (e *postgresEngine) commitUncut(line *sql.Conn, commit func() error) error {
	var wire *patientConn
	err := line.Raw(func(c any) error {
		wire = patientOf(c)
		return nil
	})
	if err != nil {
		return fmt.Errorf("commit: %w", classifyPostgres(err))
	}
	wire.commits(true)
	done := make(chan error, 1)
	go func() {
		err := commit()
		wire.commits(false)
		done <- err
	}()
	limit := time.NewTimer(e.end)
	defer limit.Stop()
	select {
	case err := <-done:
		return err
	case <-limit.C:
		return fmt.Errorf("no answer to commit in %s: %w", e.end, model.ErrUnavailable)
	}
}

// ageKey is where a connection keeps its age.
const ageKey = "headwater age"

// born gives a new connection its age, and its settings: poolers know few of those that could come with the connection. It looks at the
// marks first: while there was none, other programs may have made the tables their own.
func (e *postgresEngine) born(ctx context.Context, c *pgx.Conn) error {
	c.PgConn().CustomData()[ageKey] = e.age.Load()
	if err := set(ctx, c, e.session); err != nil {
		return err
	}
	var l Limits
	switch err := c.QueryRow(ctx, `SELECT `+selectLimits).Scan(&l.Readable, &l.Writable); {
	case postgresNoTable(err): // none yet
	case err != nil:
		return fmt.Errorf("read the marks of the tables: %w", err)
	default:
		_ = e.heed(l) // who must not go on hears it where he tries
	}
	return nil
}

// fresh refuses a connection of another age, which the pool then replaces.
func (e *postgresEngine) fresh(_ context.Context, c *pgx.Conn) error {
	if age, _ := c.PgConn().CustomData()[ageKey].(int64); age != e.age.Load() {
		return driver.ErrBadConn
	}
	return nil
}

func (e *postgresEngine) refresh() { e.age.Add(1) }

func (e *postgresEngine) sessionOf(tx *sql.Tx) *Session {
	s := &Session{Conn: Conn{Dialect: e.dialect, on: sqlRunner{tx}}}
	grown := false
	s.Bulk = func() error {
		grown = true
		return nil
	}
	s.Rollback = func() { _ = tx.Rollback() } // after commit it does nothing; a lost connection has rolled back already
	s.Commit = func(ctx context.Context) error {
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("commit: %w", classifyPostgres(err))
		}
		if grown {
			e.analyze(ctx)
		}
		return nil
	}
	return s
}

// analyze has the planner count the records now: until the database does so by itself, a minute later, it takes a large
// zone for a small one and reads it whole.
func (e *postgresEngine) analyze(ctx context.Context) {
	if _, err := e.db.ExecContext(ctx, "ANALYZE records"); err != nil {
		e.log.Debug("records not analyzed", "error", err)
	}
}

func (e *postgresEngine) snapshot(ctx context.Context) (*Session, error) {
	tx, err := e.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("begin: %w", classifyPostgres(err))
	}
	return e.sessionOf(tx), nil
}

func (e *postgresEngine) shared() bool                   { return true }
func (e *postgresEngine) ping(ctx context.Context) error { return e.db.PingContext(ctx) }
func (e *postgresEngine) close() error                   { return e.db.Close() }

// Pauses of the listener: between two questions while it hears nothing, with and without LISTEN, and between two tries to
// connect.
const (
	askPause     = time.Second
	pollPause    = 50 * time.Millisecond
	firstConnect = 100 * time.Millisecond
	lastConnect  = 5 * time.Second
)

// follow listens on a connection of its own. A message lost costs time, never truth: the head is asked for again and
// again.
func (e *postgresEngine) follow(ctx context.Context, w *Waker, hear func(context.Context, Standing)) {
	wait := firstConnect
	for ctx.Err() == nil {
		heard, err := e.listen(ctx, w, hear)
		if ctx.Err() != nil {
			return
		}
		e.refresh() // another server may answer at this address from now on
		if pgconn.Timeout(err) {
			e.conns.hurry()
		}
		w.setDeaf(true)
		if heard {
			wait = firstConnect
		}
		e.log.Debug("listening for commits ended, connecting again", "error", err)
		Pause(ctx, wait)
		wait = min(2*wait, lastConnect)
	}
}

// listen advances the waker until the connection fails; it says whether there was one.
func (e *postgresEngine) listen(ctx context.Context, w *Waker, hear func(context.Context, Standing)) (heard bool, err error) {
	to := e.cfg.Copy()
	if err := e.conns.connect(ctx, to); err != nil {
		return false, err
	}
	c, err := pgx.ConnectConfig(ctx, to)
	if err != nil {
		return false, fmt.Errorf("connect: %w", err)
	}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), firstConnect)
		defer cancel()
		_ = c.Close(last)
	}()
	if e.dialect.Notify != "" {
		for _, to := range []string{channel, newsChannel} {
			if _, err := c.Exec(ctx, "LISTEN "+to); err != nil {
				return false, fmt.Errorf("listen: %w", err)
			}
		}
	}
	for {
		st, err := e.askHead(ctx, c)
		if err != nil {
			return true, err
		}
		hear(ctx, st)
		w.setDeaf(false)
		if err := e.hear(ctx, c, w); err != nil {
			return true, err
		}
	}
}

func (e *postgresEngine) askHead(ctx context.Context, c *pgx.Conn) (st Standing, err error) {
	ctx, cancel := context.WithTimeout(ctx, headLimit)
	defer cancel()
	var mark, noted []byte
	text := `SELECT value, ` + e.dialect.SelectStanding() + ` FROM counters WHERE name = 'seq'`
	if err := c.QueryRow(ctx, text).Scan(&st.Head, &mark, &noted, &st.Timeline, &st.Limits.Readable, &st.Limits.Writable); err != nil {
		return st, fmt.Errorf("read head: %w", err)
	}
	st.Mark, st.Noted = string(mark), string(noted)
	return st, nil
}

// hear takes messages until none came for a while.
func (e *postgresEngine) hear(ctx context.Context, c *pgx.Conn, w *Waker) error {
	if e.dialect.Notify == "" {
		Pause(ctx, pollPause)
		return ctx.Err()
	}
	for {
		quiet, cancel := context.WithTimeout(ctx, askPause)
		n, err := c.WaitForNotification(quiet)
		cancel()
		if err != nil {
			if ctx.Err() == nil && pgconn.Timeout(err) && !c.IsClosed() {
				return nil
			}
			return err
		}
		if n.Channel == newsChannel {
			e.told(n.Payload)
		} else if seq, err := strconv.ParseUint(n.Payload, 10, 64); err == nil {
			w.Advance(model.Seq(seq))
		}
	}
}

// SQLSTATE codes that mean something here (PostgreSQL, appendix A).
const (
	stateUnique        = "23505"
	stateSerialization = "40001"
	stateDeadlock      = "40P01"
	stateNoTable       = "42P01"
)

// Classes and codes of a server that cannot serve now: connection trouble, lack of resources, shutting down or starting, a
// transaction that idled for too long.
var unavailableStates = []string{"08", "53", "57P", "58", "25006", "25P03", "25P04", "55P03"}

func classifyPostgres(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, model.ErrUnavailable) || errors.Is(err, model.ErrStale) {
		return err
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case stateUnique:
			return fmt.Errorf("%w: %w", ErrUnique, err)
		case stateSerialization, stateDeadlock:
			return fmt.Errorf("%w: %w", model.ErrStale, err)
		}
		for _, s := range unavailableStates {
			if strings.HasPrefix(e.Code, s) {
				return fmt.Errorf("%w: %w", model.ErrUnavailable, err)
			}
		}
		return err
	}
	if isNetwork(err) {
		return fmt.Errorf("%w: %w", model.ErrUnavailable, err)
	}
	return err
}

func isNetwork(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.Is(err, sql.ErrNoRows), errors.Is(err, sql.ErrTxDone):
		return false
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return true
	}
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) || errors.Is(err, sql.ErrConnDone)
}

func postgresLostRace(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == stateSerialization || e.Code == stateDeadlock)
}

func postgresNoTable(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == stateNoTable
}
