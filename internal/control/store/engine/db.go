package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Config opens a store.
type Config struct {
	URL       string   // "sqlite:/path/file.db" or "postgres://…"
	SecretKey [32]byte // encrypts secrets at rest
	// OlderKeys open what they have encrypted before, until Reseal has done away with it.
	OlderKeys [][32]byte
	// ReadOnly keeps to what a database user may do who can only read: no migration, no write, no file made. On PostgreSQL
	// Open then waits until another node has made the tables.
	ReadOnly bool
	// Existing is for tools: Open neither makes a database nor waits for one. What is not there is ErrNoStore, and one whose
	// tables have another form than this program knows is ErrVersion if nothing may be written.
	Existing bool
	// Alone refuses with ErrInUse while another process works on the database: on SQLite one that may write, on PostgreSQL,
	// with Existing, a node that holds a lease. Who may write to SQLite is alone in any case.
	Alone bool
	// Patience is how long PostgreSQL may be silent in a read or a write before its connection is given up, CommitPatience how long a change
	// waits for its COMMIT before its outcome is told to be unknown; 0 is a minute, and ten seconds.
	Patience, CommitPatience time.Duration
	// Keyless says that there is no secret key: secrets stay closed, and none is written. It goes with ReadOnly or Existing.
	Keyless bool
	// Tidies says whether this node takes old entries off the journal and the audit log, asked each time; nil: it does.
	Tidies func() bool
	// AuditKeep is how long entries of the audit log are kept; 0 is for ever.
	AuditKeep time.Duration
	// Yield is called between two statements of a transaction on SQLite, which computes in this process, for threads that
	// answer queries; nil: nobody is let through.
	Yield func()
	// Told hears what other nodes, and this one, have told with their commits (Conn.Tell), before it is known that there is
	// something new in the journal. It must return at once; nil: nobody hears.
	Told func(news string)
	// Trace is told of what transactions that write send to the database, but for BEGIN and COMMIT: the statements that go in one
	// way together. It is for those who look for what a change costs; nil: nobody is.
	Trace func(statements []string)
	Clock func() time.Time
	Log   *slog.Logger
	// Program is what this program calls itself, for those whom it keeps away from the tables.
	Program string
	// Schema is another one than this program's own, for tests of what later programs do; nil: its own.
	Schema *Schema

	heed func(Limits) error // hears of marks in the database
}

func (c *Config) schema() *Schema { return cmp.Or(c.Schema, OwnSchema()) }

// DB is a database of either engine, with its tables in this program's form. It is safe for many callers.
type DB struct {
	Config  Config
	Dialect *Dialect
	engine  engine
	Read    Conn // for single statements outside any transaction
	Secret  *sealer
	stuck   atomic.Int64 // microseconds since 1970; 0: transactions come about

	known    int64 // the newest migration that this program knows
	outgrown atomic.Pointer[grown]
}

// engine is what the two databases do in ways of their own.
type engine interface {
	// begin starts a write transaction; a lazy one may be lost in a crash of the machine, as a whole.
	begin(ctx context.Context, lazy bool) (*Session, error)
	// aside is begin for a node that only reads otherwise, on a connection of its own to whichever server of the address takes writes.
	aside(ctx context.Context) (*Session, error)
	// snapshot starts a transaction that only reads, all from one state.
	snapshot(ctx context.Context) (*Session, error)
	// follow tells the waker of other processes' commits until ctx ends, and hear, now and then, where the database stands.
	follow(ctx context.Context, w *Waker, hear func(context.Context, Standing))
	// refresh gives up connections that were made before.
	refresh()
	ping(ctx context.Context) error
	// shared says whether other processes may use the database.
	shared() bool
	close() error
}

// Session is a transaction of either engine. After commit or rollback it is over; rollback after commit does nothing.
type Session struct {
	Conn
	Commit   func(ctx context.Context) error
	Rollback func()
	// Settle hears whether a commit came about before another transaction may begin. Only an engine calls it whose
	// database is not shared.
	Settle func(committed bool)
}

// ErrNoStore is a database that is not there, or that has nothing of ours in it.
var ErrNoStore = errors.New("there is no store here")

// ErrVersion is a database whose tables have another form than this program knows.
var ErrVersion = errors.New("the tables are of another version of this program")

// Open connects, migrates the tables, and checks the secret key.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Told == nil {
		cfg.Told = func(string) {}
	}
	if cfg.Tidies == nil {
		cfg.Tidies = func() bool { return true }
	}
	if cfg.Keyless && !cfg.ReadOnly && !cfg.Existing {
		return nil, errors.New("a new store cannot do without a secret key")
	}
	s := &DB{Config: cfg}
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	if cfg.Keyless {
		return s, nil
	}
	var err error
	if s.Secret, err = NewSealer(cfg.SecretKey, cfg.OlderKeys...); err == nil {
		err = s.checkKey(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.engine.close())
	}
	return s, nil
}

func (s *DB) connect(ctx context.Context) (err error) {
	if s.known, err = s.Config.schema().known(); err != nil {
		return err
	}
	s.Config.heed = s.Heed
	scheme, rest, _ := strings.Cut(s.Config.URL, ":")
	switch scheme {
	case "sqlite":
		s.engine, s.Read, err = openSQLite(ctx, strings.TrimPrefix(rest, "//"), &s.Config)
	case "postgres", "postgresql":
		s.engine, s.Read, err = openPostgres(ctx, &s.Config)
	default:
		// The address may hold a password: only its scheme is told.
		err = fmt.Errorf("database address with scheme %q: want sqlite:PATH or postgres://…", scheme)
	}
	s.Dialect, s.Read.gate = s.Read.Dialect, s.mayRead
	return err
}

// Unwritable is since when no transaction has come about because the database cannot be reached, does not answer or takes
// nothing; zero while it does.
func (s *DB) Unwritable() time.Time { return FromMicros(s.stuck.Load()) }

// Close closes the database.
func (s *DB) Close() error { return s.engine.close() }

// Ping says whether the database can be reached; an error wraps model.ErrUnavailable.
func (s *DB) Ping(ctx context.Context) error {
	if err := s.engine.ping(ctx); err != nil {
		return fmt.Errorf("ping store: %w", s.Dialect.classify(err))
	}
	return nil
}

// Follow tells the waker of other processes' commits until ctx ends, and hear, now and then, where the database stands.
func (s *DB) Follow(ctx context.Context, w *Waker, hear func(context.Context, Standing)) {
	s.engine.follow(ctx, w, hear)
}

// Refresh gives up connections that were made before.
func (s *DB) Refresh() { s.engine.refresh() }

// Shared says whether other processes may work on the same database.
func (s *DB) Shared() bool { return s.engine.shared() }

// Alone says that only this process writes: what it keeps of rows in memory stays true.
func (s *DB) Alone() bool { return !s.engine.shared() && !s.Config.ReadOnly }

// Begin starts a write transaction; a lazy one may be lost in a crash of the machine, as a whole.
func (s *DB) Begin(ctx context.Context, lazy bool) (*Session, error) {
	if s.Config.ReadOnly {
		return nil, errReadOnly
	}
	if err := s.mayWrite(); err != nil {
		s.Wrote(err)
		return nil, err
	}
	tx, err := s.engine.begin(ctx, lazy)
	if err != nil {
		s.Wrote(err)
		return nil, err
	}
	tx.trace = s.Config.Trace
	commit := tx.Commit
	tx.Commit = func(ctx context.Context) error {
		defer s.watchCommit()()
		return commit(ctx)
	}
	return tx, nil
}

// stuckAfter is how long a COMMIT may take before the database is told to take nothing, whatever comes of it.
const stuckAfter = 3 * time.Second

// watchCommit tells of a COMMIT that takes long, until the end that it gives is called: its outcome is told to Wrote after that.
func (s *DB) watchCommit() (end func()) {
	var mu sync.Mutex
	over := false
	late := time.AfterFunc(stuckAfter, func() {
		mu.Lock()
		defer mu.Unlock()
		if !over {
			s.Wrote(model.ErrUnavailable)
		}
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		over = true
		late.Stop()
	}
}

// errReadOnly is a write on a store that was opened to read.
var errReadOnly = fmt.Errorf("this node only reads: %w", model.ErrUnavailable)

// Bounds of how often a write outside Tx starts again after a lost race, and when.
const (
	Retries    = 10
	RetryPause = 10 * time.Millisecond // times the number of the try, at most
)

// Write runs f in a write transaction. Lost races start again.
func (s *DB) Write(ctx context.Context, lazy bool, f func(c Conn) error) error {
	return s.Dialect.again(ctx, func() error { return s.writeOnce(ctx, lazy, f) })
}

// again runs a transaction, and once more where it has lost a race.
func (d *Dialect) again(ctx context.Context, transact func() error) error {
	for n := 1; ; n++ {
		err := transact()
		if err == nil || n == Retries || !d.LostRace(err) {
			return err
		}
		if Pause(ctx, rand.N(time.Duration(n)*RetryPause)); ctx.Err() != nil {
			return err
		}
	}
}

// Wrote takes note of how a transaction has ended.
func (s *DB) Wrote(err error) {
	switch {
	case err == nil:
		s.stuck.Store(0)
	case errors.Is(err, model.ErrUnavailable):
		s.stuck.CompareAndSwap(0, s.Config.Clock().UnixMicro())
	}
}

func (s *DB) writeOnce(ctx context.Context, lazy bool, f func(c Conn) error) (err error) {
	tx, err := s.Begin(ctx, lazy)
	if err != nil {
		return err
	}
	defer func() { s.Wrote(err) }()
	defer tx.Rollback()
	if err := f(tx.Conn); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// Tell is Write for what a node that only reads may tell the others, if its database user is allowed to write that; else it is
// ErrMayNotTell. Whether it may says nothing of whether the database takes changes.
func (s *DB) Tell(ctx context.Context, f func(c Conn) error) error {
	if !s.Config.ReadOnly {
		return s.Write(ctx, false, f)
	}
	if err := s.mayWrite(); err != nil {
		return err
	}
	tx, err := s.engine.aside(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err = f(tx.Conn); err == nil {
		err = tx.Commit(ctx)
	}
	return refusal(err)
}

// ErrMayNotTell is a database that lets this node write nothing: its user may not, or nothing but a standby is in its address.
var ErrMayNotTell = errors.New("the database lets this node write nothing")

// View runs f on one consistent state of the database.
func (s *DB) View(ctx context.Context, f func(c Conn) error) error {
	if err := s.mayRead(); err != nil {
		return err
	}
	tx, err := s.engine.snapshot(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return f(tx.Conn)
}

// Pause waits, or until ctx ends.
func Pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
