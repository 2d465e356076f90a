package store

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Bounds of what a server that falls silent can hold up. The operating system's own take hours, and a proxy in between
// would answer its questions for the server.
const (
	patience     = time.Minute      // of one read or write; no statement takes longer
	connectLimit = 10 * time.Second // unless the address says otherwise
	quietFirst   = 15 * time.Second
	quietAgain   = 5 * time.Second
	quietMost    = 3
)

// patientDial opens connections that give up on a silent server after limit.
func patientDial(limit time.Duration) pgconn.DialFunc {
	d := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: quietFirst, Interval: quietAgain, Count: quietMost}}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &patientConn{Conn: c, limit: limit}, nil
	}
}

// patientConn bounds each read and write, within the deadlines that its user sets.
type patientConn struct {
	net.Conn
	limit time.Duration

	mu          sync.Mutex // a deadline that is set while another is being set must not be lost
	read, write time.Time
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
	own := time.Now().Add(c.limit)
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
