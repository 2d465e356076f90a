package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/headwaterdns/headwater/internal/control/model"
)

var sqliteDialect = Dialect{
	// Were the transaction to outlive a row that fails, SQLite would copy every page that the statement touches, to put
	// back what the rows before it wrote. Nobody goes on after such an error.
	insert:   "INSERT OR ROLLBACK INTO ",
	rows:     8, // few, so that a statement is soon over and the core can be had
	Alone:    true,
	folded:   func(expr string) string { return expr }, // LIKE folds ASCII by itself
	Position: "instr(%s, ?)",
	Same:     "%s = ? COLLATE NOCASE",
	Char:     "char",
	AtNames: func(columns string) string {
		return `SELECT ` + columns + ` FROM records WHERE zone = ? AND name IN (%s)`
	},
	classify:  classifySQLite,
	LostRace:  func(error) bool { return false }, // there is one writer
	noTable:   sqliteNoTable,
	Timeline:  NoTimeline,
	System:    NoTimeline,
	Now:       "CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER)",
	Linked:    true,
	Head:      "max((SELECT value FROM counters WHERE name = 'seq'), coalesce((SELECT max(seq) FROM journal), 0))",
	NextZone:  "1 + max(coalesce((SELECT max(no) FROM zones), 0), coalesce((SELECT max(no) FROM stagings), 0))",
	Impatient: "0",
	Hurry:     "0",
}

// sqliteEngine has one connection that writes, taken in turns, and a pool that reads.
type sqliteEngine struct {
	writers, readers *sql.DB
	writer           *sql.Conn
	texts, readTexts *statements
	turn             chan struct{} // holds a token while somebody writes
	yield            func()        // may be nil
	copier           *sql.DB       // copies the log into the file
	dirty            atomic.Bool   // something was committed since it last did
	lock             *fileLock     // nil for who only reads beside others
}

// Sizes of SQLite's working set. The log is copied into the file beside the commits, so that none waits for it; only if it
// grows to so many pages of 4 KiB all the same, a commit copies it. After a large transaction it is cut back to its limit
// in octets.
const (
	writerPragmas = writerCache + " wal_autocheckpoint(16000) journal_size_limit(67108864)"
	writerCache   = "cache_size(-16000)"
	bulkCache     = "cache_size(-200000)"
	readerPragmas = "cache_size(-4000) query_only(1)"
	copierPragmas = "cache_size(-1000)"
	maxReaders    = 8
	copyPause     = time.Second
)

func openSQLite(ctx context.Context, path string, cfg *Config) (engine, Conn, error) {
	abs, err := findFile(path, cfg.Existing || cfg.ReadOnly)
	if err != nil {
		return nil, Conn{}, err
	}
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return nil, Conn{}, fmt.Errorf("choose fdatasync: %w", err)
	}
	e := &sqliteEngine{turn: make(chan struct{}, 1), yield: cfg.Yield}
	if cfg.Existing || cfg.ReadOnly {
		if err := lookInto(ctx, abs, cfg.ReadOnly); err != nil {
			return nil, Conn{}, err
		}
	}
	if !cfg.ReadOnly || cfg.Alone {
		if e.lock, err = lockFile(abs); err != nil {
			return nil, Conn{}, err
		}
	}
	if err := e.openFiles(ctx, abs, cfg.ReadOnly); err != nil {
		return nil, Conn{}, errors.Join(err, e.close())
	}
	e.readTexts = newStatements(e.readers)
	return e, Conn{Dialect: &sqliteDialect, on: e.readers, texts: e.readTexts}, nil
}

func (e *sqliteEngine) openFiles(ctx context.Context, path string, readOnly bool) (err error) {
	if readOnly {
		e.readers, err = openFile(path, readerPragmas, "ro", maxReaders)
		return err
	}
	for _, open := range []struct {
		to      **sql.DB
		pragmas string
		most    int
	}{{&e.writers, writerPragmas, 1}, {&e.readers, readerPragmas, maxReaders}, {&e.copier, copierPragmas, 1}} {
		if *open.to, err = openFile(path, open.pragmas, "rwc", open.most); err != nil {
			return err
		}
	}
	if err := migrate(ctx, e.writers, goose.DialectSQLite3, "sqlite"); err != nil {
		return err
	}
	if e.writer, err = e.writers.Conn(ctx); err != nil {
		return fmt.Errorf("connect: %w", classifySQLite(err))
	}
	e.texts = newStatements(e.writer)
	return nil
}

// lookInto finds out whether a file is a store, without a trace, and if asked, whether its tables have this program's form.
func lookInto(ctx context.Context, path string, same bool) error {
	db, err := openFile(path, readerPragmas, "ro", 1)
	if err != nil {
		return err
	}
	c := Conn{Dialect: &sqliteDialect, on: db}
	if same {
		err = sameVersion(ctx, c, "sqlite")
	} else {
		_, err = c.version(ctx)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return errors.Join(err, db.Close())
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

func openFile(path, pragmas, mode string, most int) (*sql.DB, error) {
	q := url.Values{"mode": {mode}}
	if mode != "ro" {
		pragmas += " journal_mode(WAL)" // which is a write, where another mode was before
	}
	for p := range strings.FieldsSeq("busy_timeout(10000) synchronous(FULL) foreign_keys(1) temp_store(MEMORY) " + pragmas) {
		q.Add("_pragma", p)
	}
	dsn := (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db, nil
}

func (e *sqliteEngine) begin(ctx context.Context, lazy bool) (*Session, error) {
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the writer's place: %w", ctx.Err())
	}
	c := Conn{Dialect: &sqliteDialect, on: e.writer, texts: e.texts, calm: true, yield: e.yield}
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

func (e *sqliteEngine) snapshot(ctx context.Context) (*Session, error) {
	tx, err := e.readers.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", classifySQLite(err))
	}
	return &Session{Conn: Conn{Dialect: &sqliteDialect, on: tx}, Rollback: func() { _ = tx.Rollback() }}, nil
}

// follow copies the log into the file now and then. There is nobody to listen to: all commits are of this process and
// tell the waker themselves.
func (e *sqliteEngine) follow(ctx context.Context, _ *Waker, _ func(context.Context, Standing)) {
	tick := time.NewTicker(copyPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if e.dirty.Swap(false) {
				_, _ = e.copier.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)") // what fails now is done by a later one
			}
		}
	}
}

func (e *sqliteEngine) shared() bool                   { return false }
func (e *sqliteEngine) refresh()                       {}
func (e *sqliteEngine) ping(ctx context.Context) error { return e.readers.PingContext(ctx) }

func (e *sqliteEngine) close() error {
	var errs []error
	for _, t := range []*statements{e.readTexts, e.texts} {
		if t != nil {
			t.close()
		}
	}
	if e.writer != nil {
		errs = append(errs, e.writer.Close())
	}
	for _, db := range []*sql.DB{e.readers, e.copier, e.writers} { // the last one copies the log into the file and removes it
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(append(errs, e.lock.release())...)
}

func classifySQLite(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", model.ErrUnavailable, err)
	case sqlite3.SQLITE_CONSTRAINT:
		if c := e.Code(); c == sqlite3.SQLITE_CONSTRAINT_UNIQUE || c == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY {
			return fmt.Errorf("%w: %w", ErrUnique, err)
		}
	}
	return err
}

// sqliteNoTable goes by the text: SQLite has no code of its own for it.
func sqliteNoTable(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code() == sqlite3.SQLITE_ERROR && strings.Contains(e.Error(), "no such table")
}
