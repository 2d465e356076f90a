package cluster

import (
	"io"
	"net"
	"sync"
	"testing"
)

// proxy stands between a node and the database, and can be cut.
type proxy struct {
	l    net.Listener
	to   string
	wait sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	cut   bool
	stall chan struct{} // closed while octets may pass
}

func newProxy(tb testing.TB, to string) *proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{l: l, to: to, conns: map[net.Conn]struct{}{}, stall: make(chan struct{})}
	close(p.stall)
	p.wait.Go(p.accept)
	tb.Cleanup(func() {
		_ = l.Close()
		p.goOn()
		p.breakAll(true)
		p.wait.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.l.Addr().String() }

func (p *proxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		p.wait.Go(func() { p.serve(c) })
	}
}

func (p *proxy) serve(c net.Conn) {
	if !p.add(c) {
		_ = c.Close()
		return
	}
	defer p.drop(c)
	out, err := net.Dial("tcp", p.to)
	if err != nil || !p.add(out) {
		return
	}
	defer p.drop(out)
	var both sync.WaitGroup
	both.Go(func() { p.pump(out, c) })
	both.Go(func() { p.pump(c, out) })
	both.Wait()
}

// pump passes octets on, unless they are held up, until either end closes.
func (p *proxy) pump(to, from net.Conn) {
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		stall := p.stall
		p.mu.Unlock()
		<-stall
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

func (p *proxy) add(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.cut {
		p.conns[c] = struct{}{}
	}
	return !p.cut
}

func (p *proxy) drop(c io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = c.Close()
	delete(p.conns, c.(net.Conn))
}

// breakAll breaks every connection; with stay no other is let through either.
func (p *proxy) breakAll(stay bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = stay
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *proxy) restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
}

// hold lets no octet pass, and breaks nothing.
func (p *proxy) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.stall:
		p.stall = make(chan struct{})
	default:
	}
}

func (p *proxy) goOn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.stall:
	default:
		close(p.stall)
	}
}
