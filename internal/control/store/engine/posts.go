package engine

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// posts are statements of a transaction on a server that wait for the next one to take them along. Each way to a server and
// back costs both of them more than most statements do, and other nodes' commits wait for some of them.
type posts struct {
	line    *sql.Conn
	waiting []post
}

// post is a statement without rows; check hears how many it touched.
type post struct {
	text  string
	args  []any
	check func(touched int) error
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
	c.posts.waiting = append(c.posts.waiting, post{c.Dialect.bind(text), args, check})
	return nil
}

// PostInsert is Insert by Post. check, which may be nil, hears of each statement how many rows it had and how many it touched.
func (c Conn) PostInsert(ctx context.Context, into, tail string, n, width int, row func(args []any, i int) []any,
	check func(size, touched int) error,
) error {
	return c.chunks(n, width, row, func(size int, args []any) error {
		var hear func(int) error
		if check != nil {
			hear = func(touched int) error { return check(size, touched) }
		}
		return c.Post(ctx, hear, c.insertText(into, tail, size, width), args...)
	})
}

// waits says whether there is something to be sent.
func (p *posts) waits() bool { return p != nil && len(p.waiting) > 0 }

// send sends what waits, and with it last, unless that is nil, whose rows read takes: all in one way to the server.
func (c Conn) send(ctx context.Context, last *post, read func(pgx.Rows) error) error {
	all := c.posts.waiting
	c.posts.waiting = nil
	if last != nil {
		all = append(all, *last)
	}
	err := c.posts.line.Raw(func(driven any) error {
		var batch pgx.Batch
		for i := range all {
			batch.Queue(all[i].text, all[i].args...)
		}
		answers := driven.(*stdlib.Conn).Conn().SendBatch(ctx, &batch)
		if err := hearAll(answers, all, read); err != nil {
			_ = answers.Close() // reads what is left; the transaction is spoiled already
			return err
		}
		return answers.Close()
	})
	return c.Dialect.classify(err)
}

// hearAll hears the answers in order; the rows of the last go to read, if that is not nil.
func hearAll(answers pgx.BatchResults, all []post, read func(pgx.Rows) error) error {
	for i := range all {
		if i == len(all)-1 && read != nil {
			rows, err := answers.Query()
			if err != nil {
				return err
			}
			err = read(rows)
			rows.Close()
			if err == nil {
				err = rows.Err()
			}
			return err
		}
		tag, err := answers.Exec()
		if err != nil {
			return err
		}
		if check := all[i].check; check != nil {
			if err := check(int(tag.RowsAffected())); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush sends what waits before something that cannot take it along.
func (c Conn) flush(ctx context.Context) error {
	if !c.posts.waits() {
		return nil
	}
	return c.send(ctx, nil, nil)
}

// execAlong runs a statement together with what waits.
func (c Conn) execAlong(ctx context.Context, text string, args []any) (touched int, err error) {
	err = c.send(ctx, &post{c.Dialect.bind(text), args, func(n int) error {
		touched = n
		return nil
	}}, nil)
	return touched, err
}

// oneAlong reads the first row of a query together with what waits.
func (c Conn) oneAlong(ctx context.Context, dest []any, text string, args []any) (found bool, err error) {
	err = c.send(ctx, &post{text: c.Dialect.bind(text), args: args}, func(rows pgx.Rows) error {
		if !rows.Next() {
			return nil
		}
		found = true
		if err := rows.Scan(dest...); err != nil {
			return fmt.Errorf("scan: %w", err)
		}
		return nil
	})
	return found, err
}
