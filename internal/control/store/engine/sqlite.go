package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite"
	"zombiezen.com/go/sqlite"

	"github.com/headwaterdns/headwater/internal/control/model"
)

var sqliteDialect = Dialect{
	// Were the transaction to outlive a row that fails, SQLite would copy every page that the statement touches, to put
	// back what the rows before it wrote. Nobody goes on after such an error.
	insert:   "INSERT OR ROLLBACK INTO ",
	rows:     16, // few, so that a statement is soon over and the core can be had
	Alone:    true,
	folded:   func(expr string) string { return expr }, // LIKE folds ASCII by itself
	Position: "instr(%s, ?)",
	Same:     "%s = ? COLLATE NOCASE",
	Char:     "char",
	AtNames: func(columns string) string {
		return `SELECT ` + columns + ` FROM records WHERE zone = ? AND name IN (%s)`
	},
	classify: classifySQLite,
	LostRace: func(error) bool { return false }, // there is one writer
	noTable:  sqliteNoTable,
	Timeline: NoTimeline,
	Blob:     "BLOB",
	System:   NoTimeline,
	Now:      "CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER)",
	Linked:   true,
	Head:     "max((SELECT value FROM counters WHERE name = 'seq'), coalesce((SELECT max(seq) FROM journal), 0))",
	NextZone: "1 + max(coalesce((SELECT max(no) FROM zones), 0), coalesce((SELECT max(no) FROM stagings), 0), " +
		"coalesce((SELECT max(no) FROM deleted_zones), 0))",
	Impatient: "0",
	Hurry:     "0",
}

// sqliteEngine has one connection that writes, taken in turns, and a pool that reads.
type sqliteEngine struct {
	writer  *line
	readers *lines
	turn    chan struct{} // holds a token while somebody writes
	yield   func()        // may be nil
	path    string
	dirty   atomic.Bool // something was committed since the log was last copied into the file
	lock    *fileLock   // nil for who only reads beside others
}

// Sizes of SQLite's working set. The log is copied into the file beside the commits, so that none waits for it; only if it
// grows to so many pages of 4 KiB all the same, a commit copies it. After a large transaction it is cut back to its limit
// in octets. Caches take nearly twice what they are told: a page with what SQLite keeps of it is a little more than 4 KiB, and its allocator gives 8.
const (
	writerPragmas = writerCache + " wal_autocheckpoint(16000) journal_size_limit(67108864)"
	writerCache   = "cache_size(-8000)"
	bulkCache     = "cache_size(-200000)"
	readerPragmas = "cache_size(-2000) query_only(1)"
	copierPragmas = "cache_size(-1000)"
	maxReaders    = 8
	copyPause     = time.Second
)

func openSQLite(ctx context.Context, path string, cfg *Config) (engine, Conn, error) {
	abs, err := findFile(path, cfg.Existing || cfg.ReadOnly)
	if err != nil {
		return nil, Conn{}, err
	}
	if _, err := driver.Fdatasync(true); err != nil && !errors.Is(err, driver.ErrFdatasyncUnavailable) {
		return nil, Conn{}, fmt.Errorf("choose fdatasync: %w", err)
	}
	e := &sqliteEngine{turn: make(chan struct{}, 1), yield: cfg.Yield}
	if cfg.Existing || cfg.ReadOnly {
		if err := lookInto(ctx, abs, cfg); err != nil {
			return nil, Conn{}, err
		}
	}
	if !cfg.ReadOnly || cfg.Alone {
		if e.lock, err = lockFile(abs); err != nil {
			return nil, Conn{}, err
		}
	}
	if err := e.openFiles(ctx, abs, cfg); err != nil {
		return nil, Conn{}, errors.Join(err, e.close())
	}
	return e, Conn{Dialect: &sqliteDialect, on: e.readers}, nil
}

func (e *sqliteEngine) openFiles(ctx context.Context, path string, cfg *Config) (err error) {
	e.readers = newLines(path, readerPragmas, cfg.ReadOnly, maxReaders)
	if cfg.ReadOnly {
		return nil
	}
	e.path = path
	if e.writer, err = openLine(path, writerPragmas, false); err != nil {
		return err
	}
	return e.migrate(ctx, path, cfg)
}

// migrate takes the steps that are left, by a driver of database/sql over the same library: goose knows nothing else.
func (e *sqliteEngine) migrate(ctx context.Context, path string, cfg *Config) error {
	q := url.Values{"_pragma": {fmt.Sprintf("busy_timeout(%d)", busyLimit.Milliseconds()), "synchronous(FULL)", "foreign_keys(1)", "temp_store(MEMORY)"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	db.SetMaxOpenConns(1)
	m := &migration{dialect: goose.DialectSQLite3, folder: "sqlite", cfg: cfg, on: Conn{Dialect: &sqliteDialect, on: e.readers}, db: db}
	return errors.Join(m.run(ctx), db.Close())
}

// lookInto finds out whether a file is a store, without a trace, and, for who only reads, whether its tables have this program's form.
func lookInto(ctx context.Context, path string, cfg *Config) error {
	l, err := openLine(path, readerPragmas, true)
	if err != nil {
		return err
	}
	c := Conn{Dialect: &sqliteDialect, on: l}
	if cfg.ReadOnly {
		err = sameVersion(ctx, c, cfg, "sqlite")
	} else {
		_, err = c.version(ctx)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return errors.Join(err, l.close())
}

// findFile gives the path of a database file, which must be there, or is made so that only its owner may read it; SQLite
// gives its log the same mode. A link stands for what it leads to, so that there is one lock for each file.
func findFile(path string, existing bool) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil || path == "" {
		return "", fmt.Errorf("database path %q: not a path", path)
	}
	if !existing {
		if err := makeFile(abs); err != nil {
			return "", err
		}
	}
	found, err := filepath.EvalSymlinks(abs)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("%s: %w", abs, ErrNoStore)
		}
		return "", fmt.Errorf("database file: %w", err)
	}
	info, err := os.Stat(found)
	switch {
	case err != nil:
		return "", fmt.Errorf("database file: %w", err)
	case existing && info.Size() == 0:
		return "", fmt.Errorf("%s is empty: %w", abs, ErrNoStore)
	}
	return found, nil
}

func makeFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("database file: %w", err)
	}
	return f.Close()
}

func (e *sqliteEngine) begin(ctx context.Context, lazy bool) (*Session, error) {
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the writer's place: %w", ctx.Err())
	}
	c := Conn{Dialect: &sqliteDialect, on: e.writer, yield: e.yield}
	grown := false
	c.Bulk = func() error {
		if grown {
			return nil
		}
		grown = true
		_, err := c.Exec(ctx, "PRAGMA "+bulkCache)
		return err
	}
	if lazy {
		if err := e.durable(ctx, c, false); err != nil {
			<-e.turn
			return nil, err
		}
	}
	over := false
	end := func() {
		over = true
		if lazy {
			_ = e.durable(context.WithoutCancel(ctx), c, true)
		}
		if grown {
			_, _ = c.Exec(context.WithoutCancel(ctx), "PRAGMA "+writerCache)
			_, _ = c.Exec(context.WithoutCancel(ctx), "PRAGMA shrink_memory")
		}
		<-e.turn
	}
	if _, err := c.Exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		end()
		return nil, fmt.Errorf("begin: %w", err)
	}
	s := &Session{Conn: c}
	s.Rollback = func() {
		if !over {
			_, _ = c.Exec(context.WithoutCancel(ctx), "ROLLBACK") // the next BEGIN tells of a transaction that is left
			end()
		}
	}
	s.Commit = func(ctx context.Context) error {
		_, err := c.Exec(context.WithoutCancel(ctx), "COMMIT")
		if s.Settle != nil {
			s.Settle(err == nil)
		}
		if err != nil {
			s.Rollback()
			return fmt.Errorf("commit: %w", err)
		}
		end()
		e.dirty.Store(true)
		return nil
	}
	return s, nil
}

// durable chooses whether a commit waits for the disk. The log keeps the order: a durable commit makes lazy ones before
// it durable, too.
func (e *sqliteEngine) durable(ctx context.Context, c Conn, on bool) error {
	text := "PRAGMA synchronous = NORMAL"
	if on {
		text = "PRAGMA synchronous = FULL"
	}
	if _, err := c.Exec(ctx, text); err != nil {
		return fmt.Errorf("choose durability: %w", err)
	}
	return nil
}

// aside is nothing that another process could read.
func (e *sqliteEngine) aside(context.Context) (*Session, error) { return nil, ErrMayNotTell }

func (e *sqliteEngine) snapshot(ctx context.Context) (*Session, error) {
	return e.readers.snapshot(ctx)
}

// follow copies the log into the file now and then. There is nobody to listen to: all commits are of this process and
// tell the waker themselves.
func (e *sqliteEngine) follow(ctx context.Context, _ *Waker, _ func(context.Context, Standing)) {
	tick := time.NewTicker(copyPause)
	defer tick.Stop()
	var copier *line // opened when there is something to copy: that reads all the tables' forms once more
	defer func() {
		if copier != nil {
			_ = copier.close()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !e.dirty.Swap(false) {
			continue
		}
		if copier == nil {
			copier, _ = openLine(e.path, copierPragmas, false)
		}
		if copier != nil { // what fails now is done by a later one
			_ = copier.do("PRAGMA wal_checkpoint(PASSIVE)")
		}
	}
}

func (e *sqliteEngine) shared() bool { return false }
func (e *sqliteEngine) refresh()     {}

func (e *sqliteEngine) ping(ctx context.Context) error {
	return e.readers.each(ctx, &sqliteDialect, text{head: "SELECT 1"}, params{}, Discard)
}

func (e *sqliteEngine) close() error {
	errs := []error{e.readers.close(), e.writer.close()} // the last one copies the log into the file and removes it
	return errors.Join(append(errs, e.lock.release())...)
}

func classifySQLite(err error) error {
	if err == nil {
		return nil
	}
	switch code := sqlite.ErrCode(err); {
	case slices.Contains(sqliteUnavailable, code.ToPrimary()):
		return fmt.Errorf("%w: %w", model.ErrUnavailable, err)
	case code == sqlite.ResultConstraintUnique, code == sqlite.ResultConstraintPrimaryKey:
		return fmt.Errorf("%w: %w", ErrUnique, err)
	}
	return err
}

// sqliteUnavailable are outcomes of a file that cannot be used now.
var sqliteUnavailable = []sqlite.ResultCode{
	sqlite.ResultBusy, sqlite.ResultLocked, sqlite.ResultCantOpen, sqlite.ResultIOErr, sqlite.ResultFull,
}

// sqliteNoTable goes by the text: SQLite has no code of its own for it.
func sqliteNoTable(err error) bool {
	return sqlite.ErrCode(err) == sqlite.ResultError && strings.Contains(err.Error(), "no such table")
}
