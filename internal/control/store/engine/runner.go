package engine

import (
	"context"
	"database/sql"
	"runtime"
)

// runner runs statements in a driver's way: on a connection, a pool of them or inside a transaction. The driver's
// errors are classified.
type runner interface {
	// exec says how many rows a statement touched.
	exec(ctx context.Context, d *Dialect, t text, p params) (int, error)
	each(ctx context.Context, d *Dialect, t text, p params, scan func(*Rows) error) error
}

// text is a statement, or, with rows, an INSERT of so many: what comes behind INTO, how many parameters a row has, and how it
// ends. Where statements are kept prepared, an INSERT is found by these, and its hundreds of parameters are written out once.
type text struct {
	head, tail  string
	rows, width int
}

// write is the statement in the dialect's form.
func (t text) write(d *Dialect) string {
	if t.rows == 0 {
		return d.bind(t.head)
	}
	return d.bind(d.insert + t.head + " VALUES " + tuples(t.rows, t.width) + " " + t.tail)
}

// params are a statement's parameters: a list, or rows from one on, which put them where they go.
type params struct {
	list []any
	row  func(b *Binds, i int)
	from int
	rows int
}

func (p *params) bind(b *Binds) {
	for _, v := range p.list {
		b.Any(v)
	}
	for i := range p.rows {
		p.row(b, p.from+i)
	}
}

// values are the parameters as a list, for drivers that take one.
func (p *params) values(width int) []any {
	if p.rows == 0 {
		return p.list
	}
	b := Binds{list: make([]any, 0, p.rows*width)}
	p.bind(&b)
	return b.list
}

// rowsInTurn is how many rows are read before others have a turn: a short request, which needs a core for a moment and
// several times, must not wait each time for ten milliseconds of somebody's long list.
const rowsInTurn = 32

// giveWay is called behind each row.
func giveWay(row int) {
	if row%rowsInTurn == 0 {
		runtime.Gosched()
	}
}

// sqlRunner runs statements by database/sql, whose drivers keep them prepared.
type sqlRunner struct {
	on interface { // *sql.DB, *sql.Conn or *sql.Tx
		ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
	}
}

func (r sqlRunner) exec(ctx context.Context, d *Dialect, t text, p params) (int, error) {
	res, err := r.on.ExecContext(ctx, t.write(d), p.values(t.width)...)
	if err != nil {
		return 0, d.classify(err)
	}
	n, err := res.RowsAffected()
	return int(n), d.classify(err)
}

func (r sqlRunner) each(ctx context.Context, d *Dialect, t text, p params, scan func(*Rows) error) error {
	rows, err := r.on.QueryContext(ctx, t.write(d), p.values(t.width)...)
	if err != nil {
		return d.classify(err)
	}
	defer rows.Close()
	row := Rows{by: rows}
	for n := 1; rows.Next(); n++ {
		if err := scan(&row); err != nil {
			return err
		}
		giveWay(n)
	}
	return d.classify(rows.Err())
}
