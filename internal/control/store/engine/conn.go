package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"

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

// Rows is what scan functions are called with.
type Rows = sql.Rows

// RawBytes are octets that stay until the next row.
type RawBytes = sql.RawBytes

// NullInt64 is a number or nothing.
type NullInt64 = sql.NullInt64

// NullText is a text or nothing.
type NullText = sql.Null[string]

// Conn runs statements: on a connection, a pool or inside a transaction.
type Conn struct {
	Dialect *Dialect
	on      runner
	texts   *statements // nil where the driver itself keeps statements prepared
	// calm takes the cancellation off contexts: on SQLite a statement is over before its watch would be set up, and one
	// that is interrupted takes the transaction with it.
	calm  bool
	yield func()       // called before each statement that writes; may be nil
	Bulk  func() error // readies a transaction for very many rows; nil where there is nothing to do
	posts *posts       // what waits for the next statement; nil where each goes by itself
	trace func(texts []string)
}

func (c Conn) context(ctx context.Context) context.Context {
	if c.calm {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// tell says what goes to the database in one way.
func (c Conn) tell(texts ...string) {
	if c.trace != nil {
		c.trace(texts)
	}
}

// Exec runs a statement and returns how many rows it touched.
func (c Conn) Exec(ctx context.Context, text string, args ...any) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if c.posts.waits() {
		return c.execAlong(ctx, text, args)
	}
	if c.yield != nil {
		c.yield()
	}
	c.tell(text)
	ctx = c.context(ctx)
	text = c.Dialect.bind(text)
	st, err := c.texts.get(ctx, text)
	if err != nil {
		return 0, c.Dialect.classify(err)
	}
	defer c.texts.release(st)
	var res sql.Result
	if st != nil {
		res, err = st.ExecContext(ctx, args...)
	} else {
		res, err = c.on.ExecContext(ctx, text, args...)
	}
	if err != nil {
		return 0, c.Dialect.classify(err)
	}
	n, err := res.RowsAffected()
	return int(n), c.Dialect.classify(err)
}

// Each runs a query and calls scan for every row.
func (c Conn) Each(ctx context.Context, scan func(*sql.Rows) error, text string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.Flush(ctx); err != nil {
		return err
	}
	c.tell(text)
	ctx = c.context(ctx)
	text = c.Dialect.bind(text)
	st, err := c.texts.get(ctx, text)
	if err != nil {
		return c.Dialect.classify(err)
	}
	defer c.texts.release(st)
	var rows *sql.Rows
	if st != nil {
		rows, err = st.QueryContext(ctx, args...)
	} else {
		rows, err = c.on.QueryContext(ctx, text, args...)
	}
	if err != nil {
		return c.Dialect.classify(err)
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
	return c.Dialect.classify(rows.Err())
}

// rowsInTurn is how many rows are read before others have a turn: a short request, which needs a core for a moment and
// several times, must not wait each time for ten milliseconds of somebody's long list.
const rowsInTurn = 32

// One reads the first row of a query into dest; model.ErrNotFound when there is none.
func (c Conn) One(ctx context.Context, dest []any, text string, args ...any) error {
	found, err := c.first(ctx, dest, text, args)
	if err == nil && !found {
		return model.ErrNotFound
	}
	return err
}

func (c Conn) first(ctx context.Context, dest []any, text string, args []any) (found bool, err error) {
	if c.posts.waits() {
		return c.oneAlong(ctx, dest, text, args)
	}
	err = c.Each(ctx, func(r *sql.Rows) error {
		if found {
			return nil
		}
		found = true
		return r.Scan(dest...)
	}, text, args...)
	return found, err
}

// Insert writes rows by multi-row statements: into, VALUES with width parameters a row, tail. row appends the parameters
// of row i. It returns how many rows were touched.
func (c Conn) Insert(ctx context.Context, into, tail string, n, width int, row func(args []any, i int) []any) (int, error) {
	touched := 0
	err := c.chunks(n, width, row, func(size int, args []any) error {
		k, err := c.Exec(ctx, c.insertText(into, tail, size, width), args...)
		touched += k
		return err
	})
	return touched, err
}

// chunks gathers the parameters of n rows, as many at a time as one statement takes; run may keep them.
func (c Conn) chunks(n, width int, row func(args []any, i int) []any, run func(size int, args []any) error) error {
	for i := 0; i < n; {
		size := c.Dialect.Chunk(n-i, width)
		args := make([]any, 0, size*width)
		for range size {
			args = row(args, i)
			i++
		}
		if err := run(size, args); err != nil {
			return err
		}
	}
	return nil
}

func (c Conn) insertText(into, tail string, size, width int) string {
	return c.Dialect.insert + into + " VALUES " + tuples(size, width) + " " + tail
}

// In runs a query for values, some at a time: its text has one %s, where the list of their parameters stands, last.
func (c Conn) In(ctx context.Context, scan func(*sql.Rows) error, text string, before, values []any) error {
	return inLists(text, before, values, func(text string, args []any) error { return c.Each(ctx, scan, text, args...) })
}

// ExecIn is in for a statement without rows; it returns how many it touched.
func (c Conn) ExecIn(ctx context.Context, text string, before, values []any) (touched int, err error) {
	err = inLists(text, before, values, func(text string, args []any) error {
		n, err := c.Exec(ctx, text, args...)
		touched += n
		return err
	})
	return touched, err
}

func inLists(text string, before, values []any, run func(text string, args []any) error) error {
	for len(values) > 0 {
		n := min(len(values), MaxList)
		size := padded(n)
		args := append(make([]any, 0, len(before)+size), before...)
		args = append(args, values[:n]...)
		for range size - n {
			args = append(args, values[n-1])
		}
		if err := run(fmt.Sprintf(text, Placeholders(size)), args); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

// Discard scans nothing.
func Discard(*sql.Rows) error { return nil }

// ErrUnique is a row that another one with the same key forbids.
var ErrUnique = errors.New("a row with this key is there already")

// DeleteOne runs a DELETE of one row; model.ErrNotFound when there is none.
func (c Conn) DeleteOne(ctx context.Context, text string, args ...any) error {
	n, err := c.Exec(ctx, text, args...)
	if err == nil && n == 0 {
		return model.ErrNotFound
	}
	return err
}
