package store

import (
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
	// Keyless says that there is no secret key: secrets stay closed. It goes with ReadOnly.
	Keyless bool
	// Tidies says whether this node takes old entries off the journal and the audit log, asked each time; nil: it does.
	Tidies func() bool
	// AuditKeep is how long entries of the audit log are kept; 0 is for ever.
	AuditKeep time.Duration
	// Yield is called between two statements of a transaction on SQLite, which computes in this process, for threads that
	// answer queries; nil: nobody is let through.
	Yield func()
	Clock func() time.Time
	Log   *slog.Logger
}

// Store is a database of either engine. It is safe for many callers.
type Store struct {
	cfg     Config
	d       *dialect
	engine  engine
	read    conn // for single statements outside any transaction
	secret  *sealer
	wake    *waker
	stats   counters
	touch   touches
	kept    kept
	lineage lineage
	marked  atomic.Uint64 // changes remembered since old ones were last forgotten
	sweeps  chan struct{} // holds a token when rows are to be cleared away

	stop    context.CancelFunc
	running sync.WaitGroup
	closing sync.Once
}

// engine is what the two databases do in ways of their own.
type engine interface {
	// begin starts a write transaction; a lazy one may be lost in a crash of the machine, as a whole.
	begin(ctx context.Context, lazy bool) (*session, error)
	// snapshot starts a transaction that only reads, all from one state.
	snapshot(ctx context.Context) (*session, error)
	// follow tells the waker of other processes' commits until ctx ends, and hear, now and then, where the database stands.
	follow(ctx context.Context, w *waker, hear func(context.Context, standing))
	// refresh gives up connections that were made before.
	refresh()
	ping(ctx context.Context) error
	// shared says whether other processes may use the database.
	shared() bool
	close() error
}

// session is a transaction of either engine. After commit or rollback it is over; rollback after commit does nothing.
type session struct {
	conn
	commit   func(ctx context.Context) error
	rollback func()
	// settle hears whether a commit came about before another transaction may begin. Only an engine calls it whose
	// database is not shared.
	settle func(committed bool)
}

type counters struct {
	commits, nanos, rows, bytes atomic.Uint64
	stuck                       atomic.Int64 // microseconds since 1970; 0: transactions come about
}

// Stats are counters since the store was opened: write transactions of changes, the time they took in Commit, and the
// journal rows and octets they wrote.
// Unwritable is since when no transaction has come about because the database cannot be reached, does not answer or takes nothing; zero
// while it does.
type Stats struct {
	Commits, CommitNanos, JournalRows, JournalBytes uint64
	Unwritable                                      time.Time
}

// ErrNoStore is a database that is not there, or that has nothing of ours in it.
var ErrNoStore = errors.New("there is no store here")

// ErrVersion is a database whose tables have another form than this program knows.
var ErrVersion = errors.New("the tables are of another version of this program")

// Open connects, migrates the tables and returns the store. A secret key that does not fit the database is ErrSecretKey, a
// database that another process has for itself ErrInUse.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Tidies == nil {
		cfg.Tidies = func() bool { return true }
	}
	if cfg.Keyless && !cfg.ReadOnly {
		return nil, errors.New("open store: only who reads alone can do without the secret key")
	}
	s := &Store{cfg: cfg, wake: newWaker(), sweeps: make(chan struct{}, 1)}
	if err := s.connect(ctx); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), s.engine.close())
	}
	return s, nil
}

func (s *Store) connect(ctx context.Context) (err error) {
	scheme, rest, _ := strings.Cut(s.cfg.URL, ":")
	switch scheme {
	case "sqlite":
		s.engine, s.read, err = openSQLite(ctx, strings.TrimPrefix(rest, "//"), &s.cfg)
	case "postgres", "postgresql":
		s.engine, s.read, err = openPostgres(ctx, &s.cfg)
	default:
		// The address may hold a password: only its scheme is told.
		err = fmt.Errorf("database address with scheme %q: want sqlite:PATH or postgres://…", scheme)
	}
	s.d = s.read.d
	return err
}

// start checks the secret key, reads the head of the journal and begins what runs beside the callers.
func (s *Store) start(ctx context.Context) (err error) {
	if !s.cfg.Keyless {
		if s.secret, err = newSealer(s.cfg.SecretKey, s.cfg.OlderKeys...); err != nil {
			return err
		}
		if err := s.checkKey(ctx); err != nil {
			return err
		}
	}
	if !s.cfg.ReadOnly {
		if err := s.noteTimeline(ctx); err != nil {
			return err
		}
	}
	head, err := s.head(ctx)
	if err != nil {
		return err
	}
	if !s.engine.shared() && !s.cfg.ReadOnly {
		if err := s.forgetImports(ctx); err != nil {
			return err
		}
		s.kept.open()
	}
	s.wake.advance(head)
	s.touch.due = make(chan struct{}, 1)
	var run context.Context
	run, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.running.Go(func() { s.engine.follow(run, s.wake, s.hear) })
	if !s.cfg.ReadOnly {
		s.running.Go(func() { s.tend(run) })
		s.running.Go(func() { s.sweep(run) })
	}
	return nil
}

// Close ends what runs beside the callers and closes the database. Transactions must be over.
func (s *Store) Close() error {
	var err error
	s.closing.Do(func() {
		s.stop()
		s.running.Wait()
		if err = s.engine.close(); err != nil {
			err = fmt.Errorf("close store: %w", err)
		}
	})
	return err
}

// Ping says whether the store can be reached (readiness); an error wraps model.ErrUnavailable.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.engine.ping(ctx); err != nil {
		return fmt.Errorf("ping store: %w", s.d.classify(err))
	}
	return nil
}

// Stats returns the counters as they are now.
func (s *Store) Stats() Stats {
	return Stats{
		Unwritable: fromMicros(s.stats.stuck.Load()),
		Commits:    s.stats.commits.Load(), CommitNanos: s.stats.nanos.Load(),
		JournalRows: s.stats.rows.Load(), JournalBytes: s.stats.bytes.Load(),
	}
}

// errReadOnly is a write on a store that was opened to read.
var errReadOnly = fmt.Errorf("this node only reads: %w", model.ErrUnavailable)

// Bounds of how often a write outside Tx starts again after a lost race, and when.
const (
	retries    = 10
	retryPause = 10 * time.Millisecond // times the number of the try, at most
)

// write runs f in a write transaction. Lost races start again.
func (s *Store) write(ctx context.Context, lazy bool, f func(c conn) error) error {
	for n := 1; ; n++ {
		err := s.writeOnce(ctx, lazy, f)
		if err == nil || n == retries || !s.d.lostRace(err) {
			return err
		}
		if pause(ctx, rand.N(time.Duration(n)*retryPause)); ctx.Err() != nil {
			return err
		}
	}
}

// wrote takes note of how a transaction has ended.
func (s *Store) wrote(err error) {
	switch {
	case err == nil:
		s.stats.stuck.Store(0)
	case errors.Is(err, model.ErrUnavailable):
		s.stats.stuck.CompareAndSwap(0, s.cfg.Clock().UnixMicro())
	}
}

func (s *Store) writeOnce(ctx context.Context, lazy bool, f func(c conn) error) (err error) {
	if s.cfg.ReadOnly {
		return errReadOnly
	}
	defer func() { s.wrote(err) }()
	tx, err := s.engine.begin(ctx, lazy)
	if err != nil {
		return err
	}
	defer tx.rollback()
	if err := f(tx.conn); err != nil {
		return err
	}
	return tx.commit(ctx)
}

// view runs f on one consistent state of the database.
func (s *Store) view(ctx context.Context, f func(c conn) error) error {
	tx, err := s.engine.snapshot(ctx)
	if err != nil {
		return err
	}
	defer tx.rollback()
	return f(tx.conn)
}
