package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// lines are connections that read a SQLite file, made when they are wanted.
type lines struct {
	path     string
	pragmas  string
	readOnly bool
	room     chan struct{} // has a token for each connection in use

	mu     sync.Mutex
	free   []*line // the last used, which has its pages at hand, at the end
	closed bool
}

func newLines(path, pragmas string, readOnly bool, most int) *lines {
	return &lines{path: path, pragmas: pragmas, readOnly: readOnly, room: make(chan struct{}, most)}
}

// errClosed is a database that is closed already.
var errClosed = errors.New("the database is closed")

// take waits for a connection; what runs on it is broken off when ctx ends.
func (p *lines) take(ctx context.Context) (*line, error) {
	select {
	case p.room <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l, err := p.idle()
	if l == nil && err == nil {
		l, err = openLine(p.path, p.pragmas, p.readOnly)
	}
	if err != nil {
		<-p.room
		return nil, err
	}
	if done := ctx.Done(); done != nil {
		l.ctx = ctx
		l.conn.SetInterrupt(done)
	}
	return l, nil
}

func (p *lines) idle() (*line, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	n := len(p.free)
	if n == 0 {
		return nil, nil
	}
	l := p.free[n-1]
	p.free = p.free[:n-1]
	return l, nil
}

// put gives a connection back, outside of any transaction.
func (p *lines) put(l *line) {
	l.calm()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = l.close() // nobody is left to hear of it
	} else {
		p.free = append(p.free, l)
	}
	<-p.room
}

// calm has nothing break off what runs from now on.
func (l *line) calm() {
	if l.ctx != nil {
		l.conn.SetInterrupt(nil)
		l.ctx = nil
	}
}

func (p *lines) exec(ctx context.Context, d *Dialect, t text, ps params) (int, error) {
	l, err := p.take(ctx)
	if err != nil {
		return 0, err
	}
	defer p.put(l)
	return l.exec(ctx, d, t, ps)
}

func (p *lines) each(ctx context.Context, d *Dialect, t text, ps params, scan func(*Rows) error) error {
	l, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer p.put(l)
	return l.each(ctx, d, t, ps, scan)
}

// snapshot begins a transaction that reads.
func (p *lines) snapshot(ctx context.Context) (*Session, error) {
	l, err := p.take(ctx)
	if err == nil {
		if err = l.do("BEGIN"); err != nil {
			p.put(l)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	over := false
	return &Session{Conn: Conn{Dialect: &sqliteDialect, on: l}, Rollback: func() {
		if over {
			return
		}
		over = true
		l.calm()
		_ = l.do("ROLLBACK") // there is nothing to be lost
		p.put(l)
	}}, nil
}

// close closes the connections that nobody uses; others are closed when they come back.
func (p *lines) close() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for _, l := range p.free {
		errs = append(errs, l.close())
	}
	p.free = nil
	return errors.Join(errs...)
}
