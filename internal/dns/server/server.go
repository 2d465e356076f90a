package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
)

// Server owns the sockets. Make it with New, bind with Listen, serve with Run.
type Server struct {
	cfg    Config
	counts registry
	slow   slowPool
	// workers are those of the slow pool, and the updates under way, of which updating has a token each.
	workers  sync.WaitGroup
	updating chan struct{}
	tcp      tcpTable
	spaces   sync.Pool // of *workspace
	keysOf   func(name []byte) []*tsig.Key

	udp       []udpSocket
	listeners []*listener
	addrs     Addrs
	running   atomic.Bool
	leaving   atomic.Pointer[Leaving]
	tlsFailed atomic.Uint64
	pulse     beats
}

// Addrs are the addresses bound, in the order of the configuration; each serves UDP and TCP, or TLS.
type Addrs struct{ DNS, Transfer, TLS []netip.AddrPort }

// New makes a server; it opens nothing yet.
func New(cfg Config) *Server {
	cfg.setDefaults()
	s := &Server{cfg: cfg, keysOf: keysOf(cfg.DB), updating: make(chan struct{}, updatesRunning)}
	s.slow.queue = make(chan *job, cfg.SlowQueue)
	s.spaces.New = s.newWorkspace
	s.tcp.init(cfg.TCP)
	return s
}

// Listen binds every address for UDP and TCP, or none. Kernel queues fill from here on; Run answers.
func (s *Server) Listen() error {
	var ends []endpoint
	for i, list := range [][]string{s.cfg.DNS, s.cfg.Transfer} {
		for _, a := range list {
			e, err := parseEndpoint(a, i == 1)
			if err != nil {
				return err
			}
			ends = append(ends, e)
		}
	}
	for i := range ends {
		if err := s.bind(&ends[i]); err != nil {
			s.Close()
			return err
		}
		list := &s.addrs.DNS
		if ends[i].transferOnly {
			list = &s.addrs.Transfer
		}
		*list = append(*list, ends[i].addrPort())
	}
	return s.listenTLS()
}

// portTries is how often a free port is asked for until it is free for both transports.
const portTries = 20

// bind opens the sockets of both transports on the same port.
func (s *Server) bind(e *endpoint) error {
	anyPort := e.port == 0
	for try := 1; ; try++ {
		socks, err := s.listenUDP(e, s.cfg.Threads)
		if err != nil {
			return fmt.Errorf("listen on %s, udp: %w", e.addrPort(), err)
		}
		l, err := s.listenTCP(*e, TCP)
		if err == nil {
			s.udp = append(s.udp, socks...)
			s.listeners = append(s.listeners, l)
			return s.keep(e, socks)
		}
		closeAll(socks)
		if !anyPort || try == portTries {
			return fmt.Errorf("listen on %s, tcp: %w", e.addrPort(), err)
		}
		e.port = 0
	}
}

// Addrs tells what Listen bound.
func (s *Server) Addrs() Addrs { return s.addrs }

// Stats sums the counters.
func (s *Server) Stats() Stats {
	var st Stats
	s.counts.sum(&st)
	s.tcp.stats(&st)
	st.TLSFailed = s.tlsFailed.Load()
	return st
}

// Close releases the sockets of a server that will not Run (again).
func (s *Server) Close() {
	s.pulse.mu.Lock() // or it looks at what has become another's descriptor
	defer s.pulse.mu.Unlock()
	closeAll(s.udp)
	for _, l := range s.listeners {
		_ = l.Close()
	}
	s.udp, s.listeners = nil, nil
}

// errRunning is the error of a second Run.
var errRunning = errors.New("dns server: already run")

// Run serves until ctx ends or a socket fails; nil means the former. It then takes no more requests, answers those it
// has, gives transfers Config.Drain to end, and returns when every goroutine is gone and every socket closed.
func (s *Server) Run(ctx context.Context) error {
	if s.running.Swap(true) {
		return errRunning
	}
	defer s.Close()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// What is being answered is not cut short with ctx, but when the patience of draining ends.
	busy, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	var readers sync.WaitGroup
	for _, u := range s.udp {
		readers.Go(func() {
			if err := u.serve(); err != nil {
				stop(err)
			}
		})
	}
	for _, l := range s.listeners {
		readers.Go(func() { l.serve(ctx, busy) })
	}
	readers.Go(func() { s.tell(ctx) })
	for range s.cfg.SlowWorkers {
		s.workers.Go(func() { s.work(busy) })
	}
	<-ctx.Done()
	for _, l := range s.listeners {
		_ = l.Close()
	}
	if l := s.leaving.Load(); l != nil {
		s.leave(l, &readers, abandon)
		close(s.slow.queue)
	} else {
		for _, u := range s.udp {
			u.interrupt()
		}
		readers.Wait()
		close(s.slow.queue)
		s.tcp.drain(s.cfg.Drain, nil, 0, abandon)
	}
	s.workers.Wait()
	return failure(ctx)
}

// failure is why ctx was stopped, unless that was asked for.
func failure(ctx context.Context) error {
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
