package httpfront

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pires/go-proxyproto"
)

// patience is how long a connection must have waited for its client before it makes room for another.
const patience = time.Second

// conn is a connection that is counted. It waits for its client whenever no handler of it works.
type conn struct {
	net.Conn
	front  *Front
	source netip.Prefix // what it counts for; none for one that a proxy has made
	// working counts handlers that do not wait for the client, since is when it fell to 0.
	working atomic.Int32
	since   atomic.Int64
	named   atomic.Bool  // a proxy's connection has got its source
	outer   atomic.Value // an outer; none before its first answer
	// use says whether a request may be under way on it: whoever dismisses it and whoever reads the next one decide by this which of the two
	// was first.
	use atomic.Int32
	// inTunnel is one that has asked for a tunnel and got it.
	inTunnel atomic.Bool
	// cut says that the last octet was waited for in vain, came that some have come, idle that no request is known to be under way;
	// and waits is for how many things the server has waited since then: for another request, and for its header.
	cut, came, idle atomic.Bool
	waits           atomic.Int32
}

// What is known of a connection's use.
const (
	inUse     int32 = iota // a request is under way, or the client's first has not come
	unused                 // answered, and nothing has come since
	dismissed              // what comes now is no request any more
)

// Read notes whether the client sends.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && !c.use.CompareAndSwap(unused, inUse) && c.use.Load() == dismissed {
		return 0, c.passOver(b)
	}
	if n > 0 && !c.came.Load() {
		c.came.Store(true)
	}
	if timeout := n == 0 && errors.Is(err, os.ErrDeadlineExceeded); timeout != c.cut.Load() {
		c.cut.Store(timeout)
	}
	return n, err
}

// passOver reads to the end what a client sent before it saw that it was dismissed: an end with octets left unread would take away what it
// is told.
func (c *conn) passOver(b []byte) (err error) {
	for err == nil {
		_, err = c.Conn.Read(b)
	}
	return err
}

// SetReadDeadline notes that the server begins to wait for something.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.waits.Add(1)
	return c.Conn.SetReadDeadline(t)
}

// slowHeader says, as a connection changes its state, that its client has begun a request, or the handshake before it, and did not
// come to the end of its header in time. The server tells that a request is active when it has the header, or has ended the wait for it;
// not of one that has come to a halt after its first read, if it is a connection's second. Who sends nothing is not slow: he may yet have
// nothing to ask.
func (c *conn) slowHeader(nc net.Conn, s http.ConnState) bool {
	switch s {
	case http.StateActive:
		c.idle.Store(false)
		return c.cut.Load()
	case http.StateIdle:
		c.cut.Store(false)
		c.waits.Store(0)
		c.idle.Store(true)
	case http.StateClosed:
		t, isTLS := nc.(*tls.Conn)
		return c.cut.Load() && (c.idle.Load() && c.waits.Load() > 1 || isTLS && c.came.Load() && !t.ConnectionState().HandshakeComplete)
	case http.StateNew, http.StateHijacked:
	}
	return false
}

func (c *conn) work() { c.working.Add(1) }

func (c *conn) wait() {
	if c.working.Add(-1) == 0 {
		c.since.Store(time.Now().UnixNano())
	}
}

// Close gives the room back.
func (c *conn) Close() error {
	c.front.conns.remove(c)
	return c.Conn.Close()
}

// listener takes connections that there is room for.
type listener struct {
	net.Listener
	front *Front
}

// Accept waits for the next one.
func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: raw, front: l.front}
		c.since.Store(time.Now().UnixNano())
		if at := address(raw.RemoteAddr()); l.front.trusts(at) {
			c.Conn = proxyproto.NewConn(raw, proxyproto.WithPolicy(proxyproto.USE), proxyproto.SetReadHeaderTimeout(l.front.cfg.Progress))
		} else {
			c.source = sourceOf(at)
		}
		if l.front.conns.add(c) {
			return c, nil
		}
		_ = raw.Close()
	}
}

func address(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// sourceOf is what a client's connections are counted by: who has an IPv6 network has all of its addresses.
func sourceOf(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.WithZone("").Prefix(bits)
	return p
}

type connKey struct{}

func connContext(ctx context.Context, nc net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, under(nc))
}

func under(nc net.Conn) *conn {
	for {
		switch c := nc.(type) {
		case *conn:
			return c
		case interface{ NetConn() net.Conn }: // TLS, and what is in a tunnel, perhaps one in the other
			nc = c.NetConn()
		default:
			return nil
		}
	}
}

// connState gives a new request's connection its full time, and one that a proxy has made the source that the proxy names.
func (f *Front) connState(nc net.Conn, s http.ConnState) {
	c := under(nc)
	if c == nil {
		return
	}
	if c.slowHeader(nc, s) {
		f.slow[0].Add(1)
	}
	if s == http.StateIdle {
		c.outer.Store(outer{nc})
		c.use.CompareAndSwap(inUse, unused)
	}
	if s != http.StateActive {
		return
	}
	c.use.CompareAndSwap(unused, inUse) // what came together with the request before is not read again
	c.since.Store(time.Now().UnixNano())
	if c.source.IsValid() || c.named.Swap(true) {
		return
	}
	at := address(c.RemoteAddr())
	if f.trusts(at) {
		return // the proxy itself, or another one
	}
	if !f.conns.name(c, sourceOf(at)) {
		_ = nc.Close()
	}
}

// conns are the open connections, all and by source.
type conns struct {
	most, perSource    int
	mu                 sync.Mutex
	all                map[*conn]struct{}
	by                 map[netip.Prefix]map[*conn]struct{}
	refused, displaced uint64
}

func newConns(most, perSource int) *conns {
	return &conns{most: most, perSource: perSource, all: map[*conn]struct{}{}, by: map[netip.Prefix]map[*conn]struct{}{}}
}

// add counts a connection, if there is room or another one makes room for it.
func (s *conns) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.roomOf(c.source) || (len(s.all) >= s.most && !s.displace(s.crowd())) {
		s.refused++
		return false
	}
	s.all[c] = struct{}{}
	s.join(c)
	return true
}

// name gives a connection its source, if that has room.
func (s *conns) name(c *conn, source netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.all[c]; !open || !s.roomOf(source) {
		s.refused++
		return false
	}
	c.source = source
	s.join(c)
	return true
}

func (s *conns) join(c *conn) {
	if !c.source.IsValid() {
		return
	}
	if s.by[c.source] == nil {
		s.by[c.source] = map[*conn]struct{}{}
	}
	s.by[c.source][c] = struct{}{}
}

func (s *conns) roomOf(source netip.Prefix) bool {
	return !source.IsValid() || len(s.by[source]) < s.perSource || s.displace(s.by[source])
}

// crowd is the source with most connections, or all when none has any.
func (s *conns) crowd() map[*conn]struct{} {
	most := map[*conn]struct{}{}
	for _, list := range s.by {
		if len(list) > len(most) {
			most = list
		}
	}
	if len(most) == 0 {
		return s.all
	}
	return most
}

// displace closes the connection among some that has waited longest for its client, if one has waited long.
func (s *conns) displace(some map[*conn]struct{}) bool {
	var victim *conn
	oldest := time.Now().Add(-patience).UnixNano()
	for c := range some {
		if since := c.since.Load(); c.working.Load() == 0 && since < oldest {
			victim, oldest = c, since
		}
	}
	if victim == nil {
		return false
	}
	s.drop(victim)
	s.displaced++
	go func() { _ = victim.Conn.Close() }()
	return true
}

// outer is what the server knows a connection by: of whatever kind, TLS round it or not.
type outer struct{ net.Conn }

// dismiss sends away those whose clients have asked for nothing since a time. HTTP/2 has a farewell of its own.
func (s *conns) dismiss(since time.Time) {
	var out []*conn
	s.mu.Lock()
	for c := range s.all {
		o, answered := c.outer.Load().(outer)
		if answered && c.working.Load() == 0 && c.since.Load() < since.UnixNano() && !multiplexed(o.Conn) && c.use.CompareAndSwap(unused, dismissed) {
			out = append(out, c)
		}
	}
	s.mu.Unlock()
	for _, c := range out {
		go c.sendAway() // one that takes nothing has its time, and keeps none of the others waiting
	}
}

// sendAway ends a dismissed connection. A client may have sent a request that was not read: it is told that nobody will (RFC 9110
// section 15.5.9), and may send it again elsewhere, which it could not know of one that just ended. Whoever has sent nothing passes over it.
// The server, which waits for a request, closes the connection when its client does, or has had its time.
func (c *conn) sendAway() {
	o := c.outer.Load().(outer)
	end := time.Now().Add(farewell)
	_ = c.SetDeadline(end)
	_, err := fmt.Fprintf(o, "HTTP/1.1 408 Request Timeout\r\nDate: %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", end.UTC().Format(http.TimeFormat))
	if t, ok := o.Conn.(*tls.Conn); ok && err == nil {
		err = t.CloseWrite()
	}
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && err == nil {
		err = half.CloseWrite()
	}
	if err != nil {
		_ = o.Close()
	}
}

func multiplexed(c net.Conn) bool {
	t, ok := c.(*tls.Conn)
	return ok && t.ConnectionState().NegotiatedProtocol == "h2"
}

func (s *conns) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(c)
}

func (s *conns) drop(c *conn) {
	delete(s.all, c)
	if list := s.by[c.source]; list != nil {
		if delete(list, c); len(list) == 0 {
			delete(s.by, c.source)
		}
	}
}

func (s *conns) stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Open: len(s.all), Refused: s.refused, Displaced: s.displaced}
}
