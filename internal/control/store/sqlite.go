package store

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

var sqliteDialect = dialect{
	// Were the transaction to outlive a row that fails, SQLite would copy every page that the statement touches, to put
	// back what the rows before it wrote. Nobody goes on after such an error.
	insert:    "INSERT OR ROLLBACK INTO ",
	rows:      8, // few, so that a statement is soon over and the core can be had
	alone:     true,
	folded:    func(expr string) string { return expr }, // LIKE folds ASCII by itself
	position:  "instr(%s, ?)",
	unordered: func(expr string) string { return "+" + expr },
	atNames:   `SELECT ` + recordColumns + ` FROM records WHERE zone = ? AND name IN (%s)`,
	classify:  classifySQLite,
	lostRace:  func(error) bool { return false }, // there is one writer
	now:       "CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER)",
	impatient: "0",
	hurry:     "0",
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

func openSQLite(ctx context.Context, path string, yield func()) (engine, conn, error) {
	abs, err := ownFile(path)
	if err != nil {
		return nil, conn{}, err
	}
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return nil, conn{}, fmt.Errorf("choose fdatasync: %w", err)
	}
	e := &sqliteEngine{turn: make(chan struct{}, 1), yield: yield}
	if e.writers, err = openFile(abs, writerPragmas, 1); err != nil {
		return nil, conn{}, err
	}
	if e.readers, err = openFile(abs, readerPragmas, maxReaders); err != nil {
		return nil, conn{}, errors.Join(err, e.close())
	}
	if e.copier, err = openFile(abs, copierPragmas, 1); err != nil {
		return nil, conn{}, errors.Join(err, e.close())
	}
	if err := migrate(ctx, e.writers, goose.DialectSQLite3, "sqlite"); err != nil {
		return nil, conn{}, errors.Join(err, e.close())
	}
	if e.writer, err = e.writers.Conn(ctx); err != nil {
		return nil, conn{}, errors.Join(fmt.Errorf("connect: %w", classifySQLite(err)), e.close())
	}
	e.texts, e.readTexts = newStatements(e.writer), newStatements(e.readers)
	return e, conn{d: &sqliteDialect, on: e.readers, texts: e.readTexts}, nil
}

// ownFile makes sure of a database file that only its owner may read; SQLite gives its log the same mode.
func ownFile(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil || path == "" {
		return "", fmt.Errorf("database path %q: not a path", path)
	}
	if err := os.MkdirAll(filepath.Dir(abs), 0o700); err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	f, err := os.OpenFile(abs, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", fmt.Errorf("database file: %w", err)
	}
	return abs, f.Close()
}

func openFile(path, pragmas string, most int) (*sql.DB, error) {
	q := url.Values{}
	for p := range strings.FieldsSeq("busy_timeout(10000) journal_mode(WAL) synchronous(FULL) foreign_keys(1) temp_store(MEMORY) " + pragmas) {
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

func (e *sqliteEngine) begin(ctx context.Context, lazy bool) (*session, error) {
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the writer's place: %w", ctx.Err())
	}
	c := conn{d: &sqliteDialect, on: e.writer, texts: e.texts, calm: true, yield: e.yield}
	grown := false
	c.bulk = func() error {
		if grown {
			return nil
		}
		grown = true
		_, err := c.exec(ctx, "PRAGMA "+bulkCache)
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
			_, _ = c.exec(context.WithoutCancel(ctx), "PRAGMA "+writerCache)
			_, _ = c.exec(context.WithoutCancel(ctx), "PRAGMA shrink_memory")
		}
		<-e.turn
	}
	if _, err := c.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		end()
		return nil, fmt.Errorf("begin: %w", err)
	}
	s := &session{conn: c}
	s.rollback = func() {
		if !over {
			_, _ = c.exec(context.WithoutCancel(ctx), "ROLLBACK") // the next BEGIN tells of a transaction that is left
			end()
		}
	}
	s.commit = func(ctx context.Context) error {
		_, err := c.exec(context.WithoutCancel(ctx), "COMMIT")
		if s.settle != nil {
			s.settle(err == nil)
		}
		if err != nil {
			s.rollback()
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
func (e *sqliteEngine) durable(ctx context.Context, c conn, on bool) error {
	text := "PRAGMA synchronous = NORMAL"
	if on {
		text = "PRAGMA synchronous = FULL"
	}
	if _, err := c.exec(ctx, text); err != nil {
		return fmt.Errorf("choose durability: %w", err)
	}
	return nil
}

func (e *sqliteEngine) snapshot(ctx context.Context) (*session, error) {
	tx, err := e.readers.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", classifySQLite(err))
	}
	return &session{conn: conn{d: &sqliteDialect, on: tx}, rollback: func() { _ = tx.Rollback() }}, nil
}

// follow copies the log into the file now and then. There is nobody to listen to: all commits are of this process and
// tell the waker themselves.
func (e *sqliteEngine) follow(ctx context.Context, _ *waker) {
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
func (e *sqliteEngine) ping(ctx context.Context) error { return e.readers.PingContext(ctx) }

func (e *sqliteEngine) close() error {
	var errs []error
	for _, t := range []*statements{e.readTexts, e.texts} {
		if t != nil {
			t.close()
		}
	}
	for _, db := range []*sql.DB{e.readers, e.copier} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if e.writer != nil {
		errs = append(errs, e.writer.Close())
	}
	return errors.Join(append(errs, e.writers.Close())...)
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
			return fmt.Errorf("%w: %w", errUnique, err)
		}
	}
	return err
}
