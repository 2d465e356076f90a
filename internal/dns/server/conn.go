package server

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tap"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

const (
	firstBuffer = 2048 // what a connection holds while it waits
	fullBuffer  = 2 + wire.MaxMessage
	flushAt     = 32 << 10 // answers collected before they are written
)

// workspace is what a connection needs while it works. It borrows one: idle connections hold none.
type workspace struct {
	h   *handler
	out []byte
}

func (s *Server) newWorkspace() any {
	return &workspace{h: s.newHandler(false, nil), out: make([]byte, 0, flushAt+fullBuffer)}
}

// conn serves one connection with one goroutine: requests that came together are answered together, in order
// (RFC 7766 section 6.2.1.1), and the answers leave in one write.
type conn struct {
	*workspace // nil between requests
	l          *listener
	s          *Server
	nc         net.Conn
	tls        *wire.TLS // what is under it; nil: it is in clear
	source     netip.AddrPort
	deadline   time.Time // of the connection
	served     int

	in   []byte // unread requests are in[r:w]
	r, w int
}

func newConn(l *listener, nc net.Conn, source netip.AddrPort) *conn {
	return &conn{
		l: l, s: l.s, nc: nc, source: source,
		deadline: time.Now().Add(l.s.cfg.TCP.Lifetime),
		in:       make([]byte, firstBuffer),
	}
}

// errDone ends a connection in good order.
var errDone = errors.New("connection has served its time")

// serve answers until the client, a limit or the server's end closes the connection. Its errors are the client's
// affair: nobody is told.
func (c *conn) serve(ctx context.Context) {
	for {
		if err := c.wait(); err != nil {
			return
		}
		if err := c.turn(ctx); err != nil || c.served >= c.s.cfg.TCP.MaxRequests || !time.Now().Before(c.deadline) {
			return
		}
	}
}

// turn answers what has been read, in a borrowed workspace.
func (c *conn) turn(ctx context.Context) error {
	space, ok := c.s.spaces.Get().(*workspace)
	if !ok {
		return errDone
	}
	defer c.s.spaces.Put(space)
	space.h.transferOnly, space.h.count = c.l.transferOnly, c.l.count
	space.out = space.out[:0]
	c.workspace = space
	defer func() { c.workspace = nil }()
	if err := c.work(ctx); err != nil {
		return err
	}
	return c.flush()
}

// wait reads until at least one whole request is there.
func (c *conn) wait() error {
	now := time.Now()
	until := now.Add(c.s.tcp.idle())
	if c.w > c.r {
		until = now.Add(c.s.cfg.TCP.Read)
	}
	for !c.whole() {
		c.makeRoom()
		if err := c.nc.SetReadDeadline(earlier(until, c.deadline)); err != nil {
			return err
		}
		if c.s.tcp.stopping() {
			return errDone
		}
		empty := c.w == c.r
		n, err := c.nc.Read(c.in[c.w:])
		c.w += n
		if n == 0 && err != nil {
			return err
		}
		if empty {
			until = time.Now().Add(c.s.cfg.TCP.Read)
		}
	}
	return nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// whole says whether a request with its length stands at the read position.
func (c *conn) whole() bool { return c.w-c.r >= 2 && c.w-c.r-2 >= c.length() }

func (c *conn) length() int { return int(binary.BigEndian.Uint16(c.in[c.r:])) }

// makeRoom moves what is unread to the front and grows the buffer where the announced request needs it.
func (c *conn) makeRoom() {
	if c.r > 0 {
		c.w = copy(c.in, c.in[c.r:c.w])
		c.r = 0
	}
	need := firstBuffer
	if c.w >= 2 {
		need = max(need, 2+c.length())
	}
	switch {
	case len(c.in) < need:
		c.in = append(make([]byte, 0, need), c.in[:c.w]...)[:need]
	case c.w == 0 && len(c.in) > firstBuffer:
		c.in = make([]byte, firstBuffer)
	}
}

// work answers the whole requests that have been read.
func (c *conn) work(ctx context.Context) error {
	for c.whole() && c.served < c.s.cfg.TCP.MaxRequests {
		n := c.length()
		request := c.in[c.r+2 : c.r+2+n]
		c.r += 2 + n
		c.served++
		if err := c.request(ctx, request); err != nil {
			return err
		}
		if len(c.out) >= flushAt {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// request answers one request, behind its length. Nothing appended means that no answer is due, or that a transfer
// wrote its own.
func (c *conn) request(ctx context.Context, msg []byte) error {
	at := len(c.out)
	out, err := c.h.stream(ctx, c, append(c.out, 0, 0), msg)
	if err != nil {
		return err
	}
	if n := len(out) - at - 2; n > 0 {
		binary.BigEndian.PutUint16(out[at:], uint16(n))
		c.out = out
		if c.h.tap.Hit() {
			c.show(msg, out[at+2:])
		}
	}
	return nil
}

// show has the tap see a request and its answer.
func (c *conn) show(msg, answer []byte) {
	proto := tap.TCP
	if c.tls != nil {
		proto = tap.DoT
	}
	var to netip.AddrPort
	if a, ok := c.nc.LocalAddr().(*net.TCPAddr); ok {
		to = netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), a.AddrPort().Port())
	}
	c.h.tap.Show(proto, c.source, to, msg, answer)
}

// flush writes the answers collected so far.
func (c *conn) flush() error {
	b := c.out
	c.out = b[:0]
	return c.write(b)
}

func (c *conn) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if err := c.nc.SetWriteDeadline(time.Now().Add(c.s.cfg.TCP.Write)); err != nil {
		return err
	}
	_, err := c.nc.Write(b)
	return err
}
