package server_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Whoever stops the world need not wait for a datagram, though the scheduler does not hear of a thread that waits for one.
//
//nolint:paralleltest // the world is stopped for everybody
func TestWorldStopsBesideWaits(t *testing.T) {
	s := run(t, server.Config{Threads: 2})
	c := dial(t, "udp", localhost(s))
	var stop atomic.Bool
	asked := make(chan int)
	go func() {
		n, buf, msg := 0, make([]byte, 512), question("www.example.org", wire.TypeA)
		for ; !stop.Load(); n++ {
			if _, err := c.Write(msg); err != nil {
				break
			}
			if _, err := c.Read(buf); err != nil {
				break
			}
		}
		asked <- n
	}()
	begin := time.Now()
	for range 200 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m) // stops the world
	}
	stop.Store(true)
	if n := <-asked; n == 0 {
		t.Error("nothing was answered meanwhile")
	}
	for range 200 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("stopping the world 400 times took %v", took)
	}
}
