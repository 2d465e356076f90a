// Command front stands in front of a server and passes on what clients that are no Go programs send, a browser above all.
// It holds every exchange with the API against the documents that describe it (internal/control/api/apicheck), and exits
// with status 1 when it is told to stop and one departed from them.
//
//	front -to http://127.0.0.1:8053
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/headwaterdns/headwater/test/apicheck"
)

func main() {
	to := flag.String("to", "", "address of the server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var r reporter
	if err := run(ctx, *to, &r); err != nil {
		fmt.Fprintln(os.Stderr, "front:", err)
		os.Exit(2)
	}
	if r.failed.Load() {
		os.Exit(1)
	}
}

// run serves on a free port, which it prints, until ctx ends.
func run(ctx context.Context, to string, r *reporter) error {
	target, err := url.Parse(to)
	if err != nil {
		return err
	}
	checker := apicheck.New(r)
	if checker == nil {
		return errors.New("the documents cannot be read")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Host = p.In.Host // the server compares it with the page's origin
		},
		Transport: unlessStream{checker.Transport(nil)},
	}}
	go func() {
		<-ctx.Done()
		_ = s.Close()
	}()
	fmt.Printf("front http://%s\n", l.Addr())
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// unlessStream passes on events as they come: their stream has no end, and so no whole answer to hold against a document.
type unlessStream struct{ checked http.RoundTripper }

// RoundTrip is http.RoundTripper's.
func (u unlessStream) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/headwater/v1/events" {
		return http.DefaultTransport.RoundTrip(r)
	}
	return u.checked.RoundTrip(r)
}

// reporter remembers whether something departed from the documents, and tells it.
type reporter struct{ failed atomic.Bool }

// Helper does nothing: there are no lines of a test to name.
func (*reporter) Helper() {}

// Errorf tells a departure.
func (r *reporter) Errorf(format string, args ...any) {
	r.failed.Store(true)
	r.Logf(format, args...)
}

// Logf tells what is worth knowing.
func (*reporter) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
