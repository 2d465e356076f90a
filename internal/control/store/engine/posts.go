package engine

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// posts are statements of a transaction on a server that wait for the next one to take them along. Each way to a server and
// back costs both of them more than most statements do, and other nodes' commits wait for some of them.
type posts struct {
	line    *sql.Conn
	waiting []post
}

// post is a statement: check, if it is not nil, hears how many rows it touched; read, if it is not nil, takes its rows.
type post struct {
	text  string
	args  []any
	check func(touched int) error
	read  func(pgx.Rows) error
}

// Post runs a statement whose outcome nobody needs yet: in a transaction on a server it goes along with the next one, in
// order, and whatever is wrong with it is an error of that one, or of the commit. args are the statement's from here on.
func (c Conn) Post(ctx context.Context, check func(touched int) error, text string, args ...any) error {
	if c.posts == nil {
		n, err := c.Exec(ctx, text, args...)
		if err == nil && check != nil {
			err = check(n)
		}
		return err
	}
	c.posts.waiting = append(c.posts.waiting, post{text: c.Dialect.bind(text), args: args, check: check})
	return nil
}

// Tell tells all processes that listen to the database what is new once the transaction has come about, in pieces of less than 8,000
// octets; nobody where it knows no LISTEN. None of them may depend on being told: who listens anew has missed something.
func (c Conn) Tell(ctx context.Context, news []string) error {
	if c.Dialect.Notify == "" {
		return nil
	}
	for _, piece := range news {
		if err := c.Post(ctx, nil, `SELECT pg_notify('`+newsChannel+`', ?)`, piece); err != nil {
			return err
		}
	}
	return nil
}

// PostInsert is Insert by Post.
func (c Conn) PostInsert(ctx context.Context, into, tail string, n, width int, row func(b *Binds, i int)) error {
	if c.posts == nil {
		_, err := c.Insert(ctx, into, tail, n, width, row)
		return err
	}
	for from := 0; from < n; {
		t := text{head: into, tail: tail, rows: c.Dialect.Chunk(n-from, width), width: width}
		p := params{row: row, from: from, rows: t.rows}
		c.posts.waiting = append(c.posts.waiting, post{text: t.write(c.Dialect), args: p.values(width)})
		from += t.rows
	}
	return nil
}

// PostQuery is Each for rows that nobody needs before Flush, or before the next statement.
func (c Conn) PostQuery(ctx context.Context, scan func(Row) error, text string, args ...any) error {
	if c.posts == nil {
		return c.Each(ctx, func(r *Rows) error { return scan(r) }, text, args...)
	}
	c.posts.waiting = append(c.posts.waiting, post{text: c.Dialect.bind(text), args: args, read: func(rows pgx.Rows) error {
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return nil
	}})
	return nil
}

// PostIn is In by PostQuery.
func (c Conn) PostIn(ctx context.Context, scan func(Row) error, text string, values []any) error {
	return inLists(text, nil, values, func(text string, args []any) error { return c.PostQuery(ctx, scan, text, args...) })
}

// waits says whether there is something to be sent.
func (p *posts) waits() bool { return p != nil && len(p.waiting) > 0 }

// send sends what waits, and last behind it: all in one way to the server.
func (c Conn) send(ctx context.Context, last ...post) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	all := append(c.posts.waiting, last...)
	c.posts.waiting = nil
	if c.trace != nil {
		texts := make([]string, len(all))
		for i := range all {
			texts[i] = all[i].text
		}
		c.trace(texts)
	}
	err := c.posts.line.Raw(func(driven any) error {
		var batch pgx.Batch
		for i := range all {
			batch.Queue(all[i].text, all[i].args...)
		}
		answers := driven.(*stdlib.Conn).Conn().SendBatch(ctx, &batch)
		for i := range all {
			if err := all[i].hear(answers); err != nil {
				_ = answers.Close() // reads what is left; the transaction is spoiled already
				return err
			}
		}
		return answers.Close()
	})
	return c.Dialect.classify(err)
}

// hear takes the answer to a statement.
func (p *post) hear(answers pgx.BatchResults) error {
	if p.read == nil {
		tag, err := answers.Exec()
		if err == nil && p.check != nil {
			err = p.check(int(tag.RowsAffected()))
		}
		return err
	}
	rows, err := answers.Query()
	if err != nil {
		return err
	}
	err = p.read(rows)
	rows.Close()
	if err == nil {
		err = rows.Err()
	}
	return err
}

// Flush sends what waits.
func (c Conn) Flush(ctx context.Context) error {
	if !c.posts.waits() {
		return nil
	}
	return c.send(ctx)
}

// execAlong runs a statement together with what waits.
func (c Conn) execAlong(ctx context.Context, t text, p params) (touched int, err error) {
	err = c.send(ctx, post{text: t.write(c.Dialect), args: p.values(t.width), check: func(n int) error {
		touched = n
		return nil
	}})
	return touched, err
}

// oneAlong reads the first row of a query together with what waits.
func (c Conn) oneAlong(ctx context.Context, dest []any, text string, args []any) (found bool, err error) {
	err = c.send(ctx, post{text: c.Dialect.bind(text), args: args, read: func(rows pgx.Rows) error {
		if !rows.Next() {
			return nil
		}
		found = true
		return rows.Scan(dest...)
	}})
	return found, err
}
