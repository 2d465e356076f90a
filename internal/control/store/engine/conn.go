package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Conn runs statements: on a connection, a pool or inside a transaction.
type Conn struct {
	Dialect *Dialect
	on      runner
	yield   func()       // called before each statement that writes; may be nil
	Bulk    func() error // readies a transaction for very many rows; nil where there is nothing to do
	posts   *posts       // what waits for the next statement; nil where each goes by itself
	trace   func(texts []string)
	gate    func() error // refuses what must not be read any more; may be nil
}

// Exec runs a statement and returns how many rows it touched.
func (c Conn) Exec(ctx context.Context, statement string, args ...any) (int, error) {
	return c.exec(ctx, text{head: statement}, params{list: args})
}

func (c Conn) exec(ctx context.Context, t text, p params) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if c.posts.waits() {
		return c.execAlong(ctx, t, p)
	}
	if c.yield != nil {
		c.yield()
	}
	c.tell(t)
	return c.on.exec(ctx, c.Dialect, t, p)
}

// tell says what goes to the database by itself.
func (c Conn) tell(t text) {
	if c.trace != nil {
		c.trace([]string{t.write(c.Dialect)})
	}
}

// Each runs a query and calls scan for every row.
func (c Conn) Each(ctx context.Context, scan func(*Rows) error, query string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.gate != nil {
		if err := c.gate(); err != nil {
			return err
		}
	}
	if err := c.Flush(ctx); err != nil {
		return err
	}
	t := text{head: query}
	c.tell(t)
	return c.on.each(ctx, c.Dialect, t, params{list: args}, scan)
}

// One reads the first row of a query into dest; model.ErrNotFound when there is none.
func (c Conn) One(ctx context.Context, dest []any, query string, args ...any) error {
	found, err := c.first(ctx, dest, query, args)
	if err == nil && !found {
		return model.ErrNotFound
	}
	return err
}

func (c Conn) first(ctx context.Context, dest []any, query string, args []any) (found bool, err error) {
	if c.posts.waits() {
		return c.oneAlong(ctx, dest, query, args)
	}
	err = c.Each(ctx, func(r *Rows) error {
		if found {
			return nil
		}
		found = true
		return r.Scan(dest...)
	}, query, args...)
	return found, err
}

// Insert writes rows by multi-row statements: into, VALUES with width parameters a row, tail. row puts in the parameters of row i,
// and may be called again for the same one. Insert returns how many rows were touched.
func (c Conn) Insert(ctx context.Context, into, tail string, n, width int, row func(b *Binds, i int)) (int, error) {
	touched := 0
	for from := 0; from < n; {
		t := text{head: into, tail: tail, rows: c.Dialect.Chunk(n-from, width), width: width}
		k, err := c.exec(ctx, t, params{row: row, from: from, rows: t.rows})
		if err != nil {
			return touched, err
		}
		touched += k
		from += t.rows
	}
	return touched, nil
}

// In runs a query for values, some at a time: its text has one %s, where the list of their parameters stands, last.
func (c Conn) In(ctx context.Context, scan func(*Rows) error, text string, before, values []any) error {
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
