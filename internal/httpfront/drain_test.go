package httpfront_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/httpfront"
)

// What was accepted is answered before Drain returns, idle connections go, and nobody else is let in; who does not come to an end is
// waited for only as long as the one who drains has time.
func TestDrain(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	f := start(t, httpfront.Config{Progress: long, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			entered <- struct{}{}
			<-leave
		}
		_, _ = fmt.Fprint(w, "done")
	})})
	idle, busy := dial(t, f), dial(t, f)
	ask := func(c net.Conn, path string) {
		t.Helper()
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path); err != nil {
			t.Fatal(err)
		}
	}
	answer := func(c net.Conn) {
		t.Helper()
		b := make([]byte, 1024)
		n, _ := c.Read(b)
		if got := string(b[:n]); !strings.HasPrefix(got, "HTTP/1.1 200 OK") {
			t.Errorf("what was accepted is answered with %q", got)
		}
	}
	ask(idle, "/")
	answer(idle)
	ask(busy, "/long")
	<-entered

	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := f.Drain(short); err == nil {
		t.Error("a request is under way, and yet all is drained")
	}
	if c, err := net.Dial("tcp", f.Addr().String()); err == nil {
		c.Close()
		t.Error("somebody comes in who is too late")
	}
	if got := gone(t, idle); got != "" {
		t.Errorf("who asks for nothing more got %q", got)
	}

	drained := make(chan error, 1)
	go func() { drained <- f.Drain(context.Background()) }()
	select {
	case err := <-drained:
		t.Errorf("drained before the answer: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(leave)
	if err := <-drained; err != nil {
		t.Error(err)
	}
	answer(busy)
}

// An answer ends its connection, and says so, where the server leaves before it is given, not only where the request came after that: a client
// that is not told sends its next request to a server that is gone.
func TestLeave(t *testing.T) {
	t.Parallel()
	entered, answer := make(chan struct{}), make(chan struct{})
	f := start(t, httpfront.Config{Progress: long, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			entered <- struct{}{}
			<-answer
		}
		switch r.URL.Path {
		case "/status":
			w.WriteHeader(http.StatusConflict)
		case "/flushed":
			_ = http.NewResponseController(w).Flush()
		case "/nothing":
		default:
			_, _ = fmt.Fprint(w, "done")
		}
	})})
	ask := func(path string) (*http.Response, error) {
		c, err := net.Dial("tcp", f.Addr().String())
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { c.Close() })
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path); err != nil {
			return nil, err
		}
		return http.ReadResponse(bufio.NewReader(c), nil)
	}
	type told struct {
		path string
		r    *http.Response
		err  error
	}
	answers := make(chan told)
	under := []string{"/written", "/status", "/flushed", "/nothing"}
	for _, path := range under {
		go func() {
			r, err := ask(path)
			answers <- told{path, r, err}
		}()
		<-entered
	}
	left := make(chan error, 1)
	go func() { left <- f.Leave(context.Background()) }()
	for r, err := ask("/"); ; r, err = ask("/") { // until it leaves
		if err != nil {
			t.Fatal(err)
		}
		if r.Close {
			break
		}
	}
	close(answer)
	for range under {
		if a := <-answers; a.err != nil || !a.r.Close {
			t.Errorf("%s: %v; the answer does not end its connection", a.path, a.err)
		}
	}
	if err := <-left; err != nil {
		t.Error(err)
	}
}

// A connection that its client has not used for long goes as soon as the server leaves, and not when the moment is over in which clients are told to
// come again: they turn to it then. One that was just used stays until it is answered.
func TestLeaveUnused(t *testing.T) {
	t.Parallel()
	f := start(t, httpfront.Config{Progress: long, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "done") })})
	ask := func(c net.Conn) *http.Response {
		t.Helper()
		if _, err := fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	unused, used := dial(t, f), dial(t, f)
	if ask(unused).Close {
		t.Fatal("it leaves before it was told to")
	}
	for end := time.Now().Add(1100 * time.Millisecond); time.Now().Before(end); {
		if ask(used).Close {
			t.Fatal("it leaves before it was told to")
		}
	}
	began, left := time.Now(), make(chan error, 1)
	go func() { left <- f.Leave(context.Background()) }()
	if got := gone(t, unused); !strings.HasPrefix(got, "HTTP/1.1 408 ") || time.Since(began) > 800*time.Millisecond {
		t.Errorf("what nobody uses got %q after %v", got, time.Since(began))
	}
	if !ask(used).Close {
		t.Error("the answer does not end its connection")
	}
	if err := <-left; err != nil {
		t.Error(err)
	}
}

// Who sends a request as its connection ends is told that nobody has read it, over TLS and without: it has an answer, and is not carried out.
func TestLeaveMeetsRequests(t *testing.T) {
	t.Parallel()
	for what, cfg := range map[string]httpfront.Config{"plain": {}, "TLS": {Certificate: certificate(t)}} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			var done atomic.Int64
			cfg.Progress, cfg.Handler = long, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				done.Add(1)
				_, _ = fmt.Fprint(w, "done")
			})
			f := start(t, cfg)
			var answered, sentAway atomic.Int64
			var clients sync.WaitGroup
			begun := make(chan struct{}, 64)
			for i := range 64 {
				c := dial(t, f)
				if cfg.Certificate != nil {
					c = tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
				}
				clients.Go(func() {
					rd, think := bufio.NewReader(c), rand.New(rand.NewPCG(1, uint64(i)))
					for n := 0; ; n++ {
						if _, err := fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
							t.Errorf("request %d is not taken: %v", n, err)
							return
						}
						r, err := http.ReadResponse(rd, nil)
						if err != nil {
							t.Errorf("request %d has no answer: %v", n, err)
							return
						}
						_, _ = io.Copy(io.Discard, r.Body)
						if n == 0 {
							begun <- struct{}{}
						}
						if r.StatusCode == http.StatusOK {
							answered.Add(1)
						} else if r.StatusCode == http.StatusRequestTimeout && r.Close {
							sentAway.Add(1)
						} else {
							t.Errorf("request %d: %s", n, r.Status)
						}
						if r.Close {
							return
						}
						// Some are away for longer than it takes to leave: they come when they have been sent away.
						time.Sleep(time.Duration(think.Int64N(int64(time.Duration(1+i%4*500) * time.Millisecond))))
					}
				})
			}
			for range 64 {
				<-begun
			}
			if err := f.Leave(t.Context()); err != nil {
				t.Error(err)
			}
			clients.Wait()
			if done.Load() != answered.Load() {
				t.Errorf("%d were carried out, %d told so", done.Load(), answered.Load())
			}
			t.Logf("%d answered, %d sent away", answered.Load(), sentAway.Load())
		})
	}
}
