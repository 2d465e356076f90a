// Package httpfront stands between the network and an HTTP handler: it takes connections, no more than there is room for, lets
// no client keep one without moving on, and finds out who the client is behind proxies that are trusted. What it hands on has
// the client's address as RemoteAddr and a TLS state wherever the client spoke TLS.
//
// It knows connections and bytes; it must not know what is asked for, nor who may ask.
package httpfront

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"
)

// Config is what a front needs. Address and Handler are required.
type Config struct {
	Address string // host:port
	Handler http.Handler
	// Listen opens the address, or finds it open; nil: it is opened.
	Listen func(ctx context.Context, network, address string) (net.Listener, error)
	// Certificate makes the listener speak TLS; nil: it does not.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	HeaderLimit int // octets of a request's header, to within a few thousand; default 64 KiB
	Connections int // at once; default 2048
	PerSource   int // of them from one IPv4 address or IPv6 /64; default 256
	// Progress is how long a client may take for the next part of a request or an answer; default 10 s.
	Progress time.Duration
	// Trusted are the proxies that are believed when they name a client, by X-Forwarded-For or PROXY protocol.
	Trusted []netip.Prefix
	// Tunnel is the name that CONNECT is answered for; nil: none.
	Tunnel *Tunnel
	Log    *slog.Logger
}

// Defaults of Config.
const (
	DefaultConnections = 2048
	DefaultPerSource   = 256
	DefaultProgress    = 10 * time.Second
	defaultHeader      = 64 << 10
	idle               = 2 * time.Minute // of a connection between two requests
	streams            = 100             // at once on an HTTP/2 connection
	farewell           = time.Second     // in which connections end with an answer before they are closed
	farewellLook       = 5 * time.Millisecond
	lastWord           = 250 * time.Millisecond // in which clients that were sent away are to have closed
)

// Front is a listener with what stands behind it.
type Front struct {
	cfg     Config
	l       net.Listener
	srv     *http.Server
	conns   *conns
	slow    [2]atomic.Uint64 // requests and answers that were cut
	leaving atomic.Bool      // every answer is its connection's last
	ended   chan struct{}    // nobody is taken any more
	codes   [6]atomic.Uint64 // answers by the first digit of their status

	inner    *tunnels // what comes through tunnels; nil without any
	innerTLS *tls.Config
}

// Listen binds the address. Connections wait until Serve.
func Listen(ctx context.Context, cfg Config) (*Front, error) {
	set(&cfg.HeaderLimit, defaultHeader)
	set(&cfg.Connections, DefaultConnections)
	set(&cfg.PerSource, DefaultPerSource)
	set(&cfg.Progress, DefaultProgress)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Listen == nil {
		cfg.Listen = new(net.ListenConfig).Listen
	}
	l, err := cfg.Listen(ctx, "tcp", cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", cfg.Address, err)
	}
	f := &Front{cfg: cfg, conns: newConns(cfg.Connections, cfg.PerSource), ended: make(chan struct{})}
	f.l = &listener{Listener: l, front: f}
	f.srv = &http.Server{
		Handler: http.HandlerFunc(f.serve), ReadHeaderTimeout: cfg.Progress, IdleTimeout: idle, MaxHeaderBytes: cfg.HeaderLimit,
		ConnState: f.connState, ConnContext: connContext, ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: streams, WriteByteTimeout: cfg.Progress},
	}
	if cfg.Certificate != nil {
		f.srv.TLSConfig = tlsConfig(cfg.Certificate)
		f.l = tls.NewListener(f.l, f.srv.TLSConfig)
	}
	if cfg.Tunnel != nil {
		f.inner, f.innerTLS = newTunnels(l.Addr()), tlsConfig(cfg.Tunnel.Certificate)
	}
	return f, nil
}

func tlsConfig(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{GetCertificate: certificate, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
}

func set[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Addr is the address that was bound.
func (f *Front) Addr() net.Addr { return f.l.Addr() }

// URL is the address as people write it.
func (f *Front) URL() string {
	if f.cfg.Certificate != nil {
		return "https://" + f.l.Addr().String()
	}
	return "http://" + f.l.Addr().String()
}

// Serve serves until ctx ends, which cuts what is under way, or until Drain.
func (f *Front) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = f.srv.Close() })
	defer stop()
	defer close(f.ended)
	if f.inner == nil {
		return f.served(f.srv.Serve(f.l))
	}
	inner := make(chan error, 1)
	go func() { inner <- f.served(f.srv.Serve(f.inner)) }()
	err := f.served(f.srv.Serve(f.l))
	f.inner.end()
	if in := <-inner; !errors.Is(in, net.ErrClosed) {
		err = errors.Join(err, in)
	}
	return err
}

// served passes over the end that was asked for.
func (f *Front) served(err error) error {
	if errors.Is(err, http.ErrServerClosed) || f.leaving.Load() && errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Drain closes the listener and waits until what was accepted is answered, as long as ctx lasts.
func (f *Front) Drain(ctx context.Context) error { return f.srv.Shutdown(ctx) }

// Leave is Drain where somebody else takes connections at the same address from now on, so that a client only has to come again: for a
// moment each connection ends with its next answer, as the client is told in it. Those that nobody has used for so long are sent away at
// once: a client that is told to come again turns to the others that it has, and would meet their end when that moment is over. The rest
// is sent away then. A request that meets its connection's end is answered, too: it was not read.
func (f *Front) Leave(ctx context.Context) error {
	f.leaving.Store(true)
	f.whileOpen(ctx, farewell, func() { f.conns.dismiss(time.Now().Add(-farewell)) })
	f.Close()
	select { // or Drain may miss one that was taken just now
	case <-f.ended:
	case <-ctx.Done():
	}
	f.whileOpen(ctx, lastWord, func() { f.conns.dismiss(time.Now()) })
	return f.Drain(ctx)
}

// whileOpen does something again and again, for as long as there are connections and this time is not over.
func (f *Front) whileOpen(ctx context.Context, most time.Duration, do func()) {
	for end := time.Now().Add(most); f.conns.stats().Open > 0 && time.Now().Before(end) && ctx.Err() == nil; {
		do()
		time.Sleep(farewellLook)
	}
}

// Close releases the socket of a front that is not served.
func (f *Front) Close() { _ = f.l.Close() }

// Stats are counters since the start, and what is open now.
type Stats struct {
	Open        int
	Refused     uint64    // connections that found no room
	Displaced   uint64    // connections that made room for others while they waited for their clients
	SlowRequest uint64    // requests cut because they did not come on
	SlowAnswer  uint64    // answers cut because nobody took them
	Answers     [6]uint64 // by the first digit of their status
}

// Stats counts.
func (f *Front) Stats() Stats {
	s := f.conns.stats()
	s.SlowRequest, s.SlowAnswer = f.slow[0].Load(), f.slow[1].Load()
	for i := range s.Answers {
		s.Answers[i] = f.codes[i].Load()
	}
	return s
}

// hsts has browsers come back by TLS, for a year.
const hsts = "max-age=31536000"

// serve is the handler of every request.
func (f *Front) serve(w http.ResponseWriter, r *http.Request) {
	c, _ := r.Context().Value(connKey{}).(*conn)
	if c == nil || c.use.Load() == dismissed {
		panic(http.ErrAbortHandler)
	}
	c.work()
	defer c.wait()
	if r.Method == http.MethodConnect {
		f.tunnel(w, r, c)
		return
	}
	in := *r // the server looks at its own request's body when the handler is done
	f.client(&in)
	if f.cfg.Certificate != nil && !c.inTunnel.Load() { // inside it is another name, which has other servers, too
		w.Header().Set("Strict-Transport-Security", hsts)
	}
	x := &exchange{ResponseWriter: w, front: f, rc: http.NewResponseController(w), conn: c}
	x.begin(&in)
	defer x.end()
	f.cfg.Handler.ServeHTTP(x, &in)
}
