package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
)

// listener accepts connections of one address.
type listener struct {
	net.Listener
	s            *Server
	transferOnly bool
	tls          *tls.Config // nil: in clear
	count        *counters
}

func (s *Server) listenTCP(e endpoint, t Transport) (*listener, error) {
	l, err := s.cfg.Sockets.Listen(context.Background(), e.network("tcp"), e.addrPort().String())
	if err != nil {
		return nil, err
	}
	return &listener{Listener: l, s: s, transferOnly: e.transferOnly, count: s.counts.add(t)}, nil
}

// acceptPause is how long accepting rests when the process is out of file descriptors, which strangers can bring about; and
// warnPause is how long that goes on before it is told again.
const (
	acceptPause = 50 * time.Millisecond
	warnPause   = time.Minute
)

// serve accepts until the listener is closed or ctx ends; busy is the context of what the connections do.
func (l *listener) serve(ctx, busy context.Context) {
	var warned time.Time
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			l.take(busy, c)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			if now := time.Now(); now.Sub(warned) >= warnPause {
				l.s.cfg.Log.Warn("cannot accept a DNS connection", "address", l.Addr().String(), "error", err)
				warned = now
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(acceptPause):
			}
		}
	}
}

// take starts serving a connection, or closes it when its source or the server has enough of them.
func (l *listener) take(ctx context.Context, nc net.Conn) {
	source := sourceOfConn(nc)
	proxy := slices.ContainsFunc(l.s.cfg.Proxies, func(p netip.Prefix) bool { return p.Contains(source.Addr()) })
	if !l.s.tcp.enter(nc, source, proxy) {
		_ = nc.Close()
		return
	}
	l.s.tcp.wg.Go(func() {
		c := newConn(l, nc, source)
		counted := !proxy
		defer func() { l.s.tcp.leave(nc, c.source, counted) }()
		if proxy {
			if counted = c.unwrap(); !counted {
				return
			}
		}
		if l.tls != nil {
			defer c.close()
			if !c.handshake() {
				return
			}
		}
		c.serve(ctx)
	})
}

// unwrap reads for whom a proxy speaks (PROXY protocol), and counts the connection as that client's. A proxy that does not say has
// nothing to say here: whoever it speaks for would have its address, and what is allowed to that.
func (c *conn) unwrap() bool {
	p := proxyproto.NewConn(c.nc, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(c.s.cfg.TCP.Read))
	if p.ProxyHeader() == nil {
		return false
	}
	c.nc = p
	source := sourceOfConn(p)
	if !source.IsValid() || !c.s.tcp.attribute(source) {
		return false
	}
	c.source = source
	return true
}

func sourceOfConn(nc net.Conn) netip.AddrPort {
	ap := addrOf(nc.RemoteAddr())
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// addrOf is an address of TCP; invalid for others.
func addrOf(a net.Addr) netip.AddrPort {
	if a, ok := a.(*net.TCPAddr); ok {
		return a.AddrPort()
	}
	return netip.AddrPort{}
}

// tcpTable knows every open connection and counts them by source.
type tcpTable struct {
	limits TCPLimits
	wg     sync.WaitGroup

	mu       sync.Mutex
	draining bool
	open     map[net.Conn]struct{}
	sources  map[netip.Prefix]int
	accepted uint64
	refused  uint64
}

func (t *tcpTable) init(l TCPLimits) {
	t.limits = l
	t.open = make(map[net.Conn]struct{})
	t.sources = make(map[netip.Prefix]int)
}

// sourceKey is what counts as one source: an address, or the /64 that an IPv6 host can choose its addresses from.
func sourceKey(a netip.AddrPort) netip.Prefix {
	bits := 64
	if a.Addr().Is4() {
		bits = 32
	}
	p, err := a.Addr().WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// enter takes a connection in, if there is room. One of a proxy is attributed later to whom it speaks for.
func (t *tcpTable) enter(nc net.Conn, source netip.AddrPort, proxy bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.accepted++
	if t.draining || len(t.open) >= t.limits.Conns || !proxy && !t.count(source) {
		t.refused++
		return false
	}
	t.open[nc] = struct{}{}
	return true
}

// count counts one more connection of a source, if it may have that.
func (t *tcpTable) count(source netip.AddrPort) bool {
	key := sourceKey(source)
	if t.sources[key] >= t.limits.PerSource {
		return false
	}
	t.sources[key]++
	return true
}

// attribute counts a proxy's connection for its client.
func (t *tcpTable) attribute(source netip.AddrPort) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.count(source) {
		t.refused++
		return false
	}
	return true
}

// leave closes a connection and gives its room back; counted says that it was counted for a source.
func (t *tcpTable) leave(nc net.Conn, source netip.AddrPort, counted bool) {
	_ = nc.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, nc)
	if key := sourceKey(source); counted {
		if t.sources[key]--; t.sources[key] == 0 {
			delete(t.sources, key)
		}
	}
}

// idle is how long a connection may be silent at the moment: less and less once more than half of the places are
// taken (RFC 7766 section 6.2.3 leaves it to us, RFC 7828 section 3.4 has us say so).
func (t *tcpTable) idle() time.Duration {
	t.mu.Lock()
	used, most := len(t.open), t.limits.Idle
	t.mu.Unlock()
	free := max(0, t.limits.Conns-used)
	if 2*free >= t.limits.Conns {
		return most
	}
	return max(most*time.Duration(2*free)/time.Duration(t.limits.Conns), most/20)
}

// drain ends the connections: idle ones at once, because their reads fail, busy ones after their answer or, when the
// patience is over, in the midst of it. When hurry ends, the patience is less from then on.
func (t *tcpTable) drain(patience time.Duration, hurry <-chan struct{}, less time.Duration, abandon context.CancelFunc) {
	t.mu.Lock()
	t.draining = true
	for nc := range t.open {
		_ = nc.SetReadDeadline(time.Unix(1, 0))
	}
	t.mu.Unlock()
	force := time.AfterFunc(patience, func() {
		abandon()
		t.mu.Lock()
		defer t.mu.Unlock()
		for nc := range t.open {
			_ = nc.Close()
		}
	})
	defer force.Stop()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-hurry:
			force.Reset(less)
		case <-ended:
		}
	}()
	t.wg.Wait()
}

// stopping says whether drain has begun; who sets a read deadline asks afterwards, so that drain's is not overwritten.
func (t *tcpTable) stopping() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.draining
}

func (t *tcpTable) stats(st *Stats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	st.TCPOpen, st.TCPAccepted, st.TCPRefused = len(t.open), t.accepted, t.refused
}
