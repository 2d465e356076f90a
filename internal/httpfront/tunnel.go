package httpfront

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Tunnel answers CONNECT (RFC 9110, section 9.3.6) for one name, and is itself what is reached through it: programs that speak
// to a name which cannot be set come here when they take this server for their proxy. TLS is spoken inside, with a certificate
// for the name, and then the same handler answers. Nothing else is ever connected to.
type Tunnel struct {
	Name        string // of the host; the port is 443
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

// tunnelled is a connection in a tunnel: what the client sent right behind its CONNECT was read with it already.
type tunnelled struct {
	net.Conn
	r io.Reader
}

func newTunnelled(raw net.Conn, read *bufio.Reader) *tunnelled {
	early, _ := read.Peek(read.Buffered()) // it is there already
	return &tunnelled{raw, io.MultiReader(bytes.NewReader(bytes.Clone(early)), raw)}
}

func (c *tunnelled) Read(b []byte) (int, error) { return c.r.Read(b) }

// NetConn gives the connection below, as tls.Conn does.
func (c *tunnelled) NetConn() net.Conn { return c.Conn }

// tunnels is a listener whose connections come out of others.
type tunnels struct {
	addr  net.Addr
	conns chan net.Conn
	ended chan struct{}
	end   func()
}

func newTunnels(addr net.Addr) *tunnels {
	t := &tunnels{addr: addr, conns: make(chan net.Conn), ended: make(chan struct{})}
	t.end = sync.OnceFunc(func() { close(t.ended) })
	return t
}

// Accept waits for the next one.
func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-t.conns:
		return c, nil
	case <-t.ended:
		return nil, net.ErrClosed
	}
}

// Close ends it.
func (t *tunnels) Close() error {
	t.end()
	return nil
}

// Addr is that of the front.
func (t *tunnels) Addr() net.Addr { return t.addr }

// tunnel answers a CONNECT. The connection goes on being counted for its client, and has its time for the handshake and for each
// request as every other.
func (f *Front) tunnel(w http.ResponseWriter, r *http.Request, c *conn) {
	t := f.cfg.Tunnel
	switch host, port, err := net.SplitHostPort(r.Host); {
	case t == nil || c.inTunnel.Load():
		f.refuse(w, http.StatusMethodNotAllowed, "CONNECT is not answered here.")
		return
	case err != nil || port != "443" || !strings.EqualFold(host, t.Name):
		f.refuse(w, http.StatusForbidden, "CONNECT is answered for "+t.Name+":443 alone: this is no proxy to anywhere else.")
		return
	case r.ProtoMajor != 1:
		f.refuse(w, http.StatusHTTPVersionNotSupported, "CONNECT is answered over HTTP/1.1.")
		return
	}
	raw, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	f.codes[2].Add(1)
	c.inTunnel.Store(true)
	_ = raw.SetDeadline(time.Now().Add(f.cfg.Progress))
	if _, err := raw.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		_ = raw.Close()
		return
	}
	_ = raw.SetDeadline(time.Time{}) // the handshake has one of its own
	select {
	case f.inner.conns <- tls.Server(newTunnelled(raw, buffered.Reader), f.innerTLS):
	case <-f.inner.ended:
		_ = raw.Close()
	}
}

func (f *Front) refuse(w http.ResponseWriter, status int, why string) {
	f.codes[status/100].Add(1)
	http.Error(w, why, status)
}
