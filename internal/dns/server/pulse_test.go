package server_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// stuck answers until it is asked for a name, of which it never comes back.
type stuck struct {
	server.Responder
	in, release chan struct{}
}

func (s *stuck) Respond(dst []byte, q *wire.Request) []byte {
	if string(q.Name) == string(wire.MustName("stuck.test.")) {
		close(s.in)
		<-s.release
	}
	return s.Responder.Respond(dst, q)
}

// A thread that has stopped in the midst of a query is found, when somebody waits for it, and not taken for dead again when it goes on. One
// that has nothing to do, or more than it can, lives.
func TestLives(t *testing.T) {
	t.Parallel()
	r := &stuck{newEcho(), make(chan struct{}), make(chan struct{})}
	s := run(t, server.Config{Threads: 1, NewResponder: func() server.Responder { return r }})
	lives := func(what string, want bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Lives(ctx); (err == nil) != want {
			t.Errorf("%s: %v", what, err)
		} else if err != nil && !strings.Contains(err.Error(), s.Addrs().DNS[0].String()) {
			t.Errorf("%s: %v does not say where", what, err)
		}
	}
	lives("before anything", true)
	end := pour(t, s.Addrs().DNS[0])
	for range 20 {
		lives("in a flood", true)
	}
	end()
	lives("after it", true)

	c := dial(t, "udp", s.Addrs().DNS[0])
	if _, err := c.Write(question("stuck.test.", wire.TypeA)); err != nil {
		t.Fatal(err)
	}
	<-r.in
	lives("stuck, and nobody waits", true)
	if _, err := c.Write(question("a.test.", wire.TypeA)); err != nil {
		t.Fatal(err)
	}
	lives("stuck", false)
	lives("stuck for longer", false)
	close(r.release)
	exchange(t, "udp", s.Addrs().DNS[0], question("b.test.", wire.TypeA))
	lives("it goes on", true)
}

// pour sends more than is answered until it is ended.
func pour(t *testing.T, to netip.AddrPort) (end func()) {
	t.Helper()
	c, over, done := dial(t, "udp", to), make(chan struct{}), make(chan struct{})
	m := question("a.test.", wire.TypeA)
	go func() {
		defer close(done)
		for {
			select {
			case <-over:
				return
			default:
				_, _ = c.Write(m)
			}
		}
	}()
	return func() { close(over); <-done }
}
