// Package fasthalf runs the fast half alone, in the process of a test that plays the careful half: sockets, answers and
// transfers of zones that the test holds in memory.
package fasthalf

import (
	"context"
	"net/netip"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Serve answers for the zones of db until the test ends, on a free port of loopback, which it returns.
func Serve(t testing.TB, db *zone.DB, a answer.Config, x xfr.Config) netip.AddrPort {
	t.Helper()
	x.DB = db
	s := server.New(server.Config{
		DNS: []string{"127.0.0.1:0"}, DB: db, Threads: 1,
		NewResponder: func() server.Responder { return answer.New(db, a) },
		Transfers:    xfr.NewServer(x),
	})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("our server: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return s.Addrs().DNS[0]
}
