package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// runner is what *sql.DB, *sql.Conn and *sql.Tx have in common.
type runner interface {
	ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
}

// preparer is a runner that can keep statements prepared.
type preparer interface {
	PrepareContext(ctx context.Context, text string) (*sql.Stmt, error)
}

// conn runs statements: on a connection, a pool or inside a transaction.
type conn struct {
	d     *dialect
	on    runner
	texts *statements // nil where the driver itself keeps statements prepared
	// calm takes the cancellation off contexts: on SQLite a statement is over before its watch would be set up, and one
	// that is interrupted takes the transaction with it.
	calm  bool
	yield func()       // called before each statement that writes; may be nil
	bulk  func() error // readies a transaction for very many rows; nil where there is nothing to do
}

// statements keeps prepared statements by their text.
type statements struct {
	on preparer
	mu sync.Mutex
	by map[string]*sql.Stmt
}

// maxStatements bounds the statements that are kept; rarer ones are prepared each time.
const maxStatements = 256

func newStatements(on preparer) *statements { return &statements{on: on, by: map[string]*sql.Stmt{}} }

// get returns the prepared statement, or nil when there is no place for it.
func (s *statements) get(ctx context.Context, text string) (*sql.Stmt, error) {
	if s == nil {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.by[text]; st != nil || len(s.by) >= maxStatements {
		return st, nil
	}
	st, err := s.on.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s.by[text] = st
	return st, nil
}

func (s *statements) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.by {
		_ = st.Close() // the connection goes away next, and with it whatever is left
	}
}

func (c conn) context(ctx context.Context) context.Context {
	if c.calm {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// exec runs a statement and returns how many rows it touched.
func (c conn) exec(ctx context.Context, text string, args ...any) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if c.yield != nil {
		c.yield()
	}
	ctx = c.context(ctx)
	text = c.d.bind(text)
	st, err := c.texts.get(ctx, text)
	if err != nil {
		return 0, c.d.classify(err)
	}
	var res sql.Result
	if st != nil {
		res, err = st.ExecContext(ctx, args...)
	} else {
		res, err = c.on.ExecContext(ctx, text, args...)
	}
	if err != nil {
		return 0, c.d.classify(err)
	}
	n, err := res.RowsAffected()
	return int(n), c.d.classify(err)
}

// each runs a query and calls scan for every row.
func (c conn) each(ctx context.Context, scan func(*sql.Rows) error, text string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = c.context(ctx)
	text = c.d.bind(text)
	st, err := c.texts.get(ctx, text)
	if err != nil {
		return c.d.classify(err)
	}
	var rows *sql.Rows
	if st != nil {
		rows, err = st.QueryContext(ctx, args...)
	} else {
		rows, err = c.on.QueryContext(ctx, text, args...)
	}
	if err != nil {
		return c.d.classify(err)
	}
	defer rows.Close()
	for n := 1; rows.Next(); n++ {
		if err := scan(rows); err != nil {
			return err
		}
		if n%rowsInTurn == 0 {
			runtime.Gosched()
		}
	}
	return c.d.classify(rows.Err())
}

// rowsInTurn is how many rows are read before others have a turn: a short request, which needs a core for a moment and
// several times, must not wait each time for ten milliseconds of somebody's long list.
const rowsInTurn = 32

// one reads the first row of a query into dest; model.ErrNotFound when there is none.
func (c conn) one(ctx context.Context, dest []any, text string, args ...any) error {
	found := false
	err := c.each(ctx, func(r *sql.Rows) error {
		if found {
			return nil
		}
		found = true
		return r.Scan(dest...)
	}, text, args...)
	if err == nil && !found {
		return model.ErrNotFound
	}
	return err
}

// insert writes rows by multi-row statements: into, VALUES with width parameters a row, tail. row appends the parameters
// of row i. It returns how many rows were touched.
func (c conn) insert(ctx context.Context, into, tail string, n, width int, row func(args []any, i int) []any) (int, error) {
	touched := 0
	var args []any
	for i := 0; i < n; {
		size := c.d.chunk(n-i, width)
		args = args[:0]
		for range size {
			args = row(args, i)
			i++
		}
		k, err := c.exec(ctx, c.d.insert+into+" VALUES "+tuples(size, width)+" "+tail, args...)
		if err != nil {
			return touched, err
		}
		touched += k
	}
	return touched, nil
}

// in runs a query for values, some at a time: its text has one %s, where the list of their parameters stands, last.
func (c conn) in(ctx context.Context, scan func(*sql.Rows) error, text string, before, values []any) error {
	return inLists(text, before, values, func(text string, args []any) error { return c.each(ctx, scan, text, args...) })
}

// execIn is in for a statement without rows; it returns how many it touched.
func (c conn) execIn(ctx context.Context, text string, before, values []any) (touched int, err error) {
	err = inLists(text, before, values, func(text string, args []any) error {
		n, err := c.exec(ctx, text, args...)
		touched += n
		return err
	})
	return touched, err
}

func inLists(text string, before, values []any, run func(text string, args []any) error) error {
	for len(values) > 0 {
		n := min(len(values), maxList)
		size := padded(n)
		args := append(make([]any, 0, len(before)+size), before...)
		args = append(args, values[:n]...)
		for range size - n {
			args = append(args, values[n-1])
		}
		if err := run(fmt.Sprintf(text, placeholders(size)), args); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

// discard scans nothing.
func discard(*sql.Rows) error { return nil }

// errUnique is a row that another one with the same key forbids.
var errUnique = errors.New("a row with this key is there already")
