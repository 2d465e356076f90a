package httpfront_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
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
