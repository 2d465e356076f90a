package engine

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Bounds of what a server that falls silent can hold up. The operating system's own take hours, and a proxy in between
// would answer its questions for the server.
const (
	patience     = time.Minute      // of one read or write, unless the configuration says otherwise; no statement takes longer
	suspect      = 2 * time.Second  // of those under way when the listener has had no answer to a question that takes no time
	connectLimit = 10 * time.Second // unless the address says otherwise
	quietFirst   = 5 * time.Second
	quietAgain   = 2 * time.Second
	quietMost    = 3
	quietUnacked = quietFirst + quietMost*quietAgain // of what was sent
)

// errUncut is a cancel request that is not sent.
var errUncut = errors.New("a commit is never cancelled")

// conns are the connections that are there, so that all of them can be hurried.
type conns struct {
	limit time.Duration // of one read or write

	mu   sync.Mutex
	here map[*patientConn]struct{}
}

// hurry ends what waits on any connection that is there now, but for a COMMIT, unless it is over soon: the server seems to be gone, and
// nobody told its clients. They go on with the one that answers.
func (l *conns) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.here {
		c.hurry(time.Now().Add(suspect))
	}
}

func (l *conns) add(c *patientConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.here == nil {
		l.here = map[*patientConn]struct{}{}
	}
	l.here[c] = struct{}{}
}

func (l *conns) drop(c *patientConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.here, c)
}

// connect readies one connection to be made: it gives up on a silent server after a while, and once it is there,
// nothing goes to the server beside it while a COMMIT is on its way. The driver would else ask the server to cancel one
// whose connection it has given up.
func (l *conns) connect(_ context.Context, cfg *pgx.ConnConfig) error {
	d := &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: quietFirst, Interval: quietAgain, Count: quietMost},
		Control:         boundUnacked,
	}
	var mu sync.Mutex
	var last *patientConn
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if last != nil && last.committing.Load() {
			return nil, errUncut
		}
		c, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		last = &patientConn{Conn: c, limit: l.limit, conns: l}
		l.add(last)
		return last, nil
	}
	return nil
}

// patientOf finds the connection under a driver's, also under TLS; nil if there is none of ours.
func patientOf(driven any) *patientConn {
	c, ok := driven.(*stdlib.Conn)
	if !ok {
		return nil
	}
	under := c.Conn().PgConn().Conn()
	if t, ok := under.(interface{ NetConn() net.Conn }); ok {
		under = t.NetConn()
	}
	p, _ := under.(*patientConn)
	return p
}

// commits says that a COMMIT is on its way: then there is no limit but the user's, who leaves it alone.
func (c *patientConn) commits(on bool) {
	if c != nil {
		c.committing.Store(on)
	}
}

// patientConn bounds each read and write, within the deadlines that its user sets.
type patientConn struct {
	net.Conn
	limit time.Duration
	conns *conns

	committing atomic.Bool

	mu          sync.Mutex // a deadline that is set while another is being set must not be lost
	read, write time.Time
	end         time.Time // of everything on it; zero unless it is suspect
}

// Close is net.Conn's.
func (c *patientConn) Close() error {
	c.conns.drop(c)
	return c.Conn.Close()
}

// hurry gives everything on the connection an end.
func (c *patientConn) hurry(end time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.committing.Load() || !c.end.IsZero() {
		return
	}
	c.end = end
	_ = c.Conn.SetDeadline(end) // one of the user's that is sooner has the same outcome a moment later
}

// SetDeadline is net.Conn's.
func (c *patientConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read, c.write = t, t
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline is net.Conn's.
func (c *patientConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = t
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline is net.Conn's.
func (c *patientConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write = t
	return c.Conn.SetWriteDeadline(t)
}

// sooner is the user's deadline, or the limit's if that is sooner.
func (c *patientConn) sooner(user time.Time) time.Time {
	if c.committing.Load() {
		return user
	}
	own := time.Now().Add(c.limit)
	if !c.end.IsZero() && c.end.Before(own) {
		own = c.end
	}
	if user.IsZero() || own.Before(user) {
		return own
	}
	return user
}

// Read is net.Conn's.
func (c *patientConn) Read(b []byte) (int, error) {
	c.mu.Lock()
	err := c.Conn.SetReadDeadline(c.sooner(c.read))
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// Write is net.Conn's.
func (c *patientConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	err := c.Conn.SetWriteDeadline(c.sooner(c.write))
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
