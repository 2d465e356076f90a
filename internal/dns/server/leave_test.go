package server_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// shelf keeps sockets for the server that comes next.
type shelf struct {
	t         *testing.T
	listeners map[string]*net.TCPListener
	datagrams map[string][]*os.File
}

func newShelf(t *testing.T) *shelf {
	return &shelf{t, map[string]*net.TCPListener{}, map[string][]*os.File{}}
}

func (s *shelf) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	if l := s.listeners[address]; l != nil {
		f, err := l.File()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return net.FileListener(f)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, network, address)
	if err != nil {
		return nil, err
	}
	tl := l.(*net.TCPListener)
	f, err := tl.File()
	if err != nil {
		return nil, err
	}
	kept, err := net.FileListener(f)
	s.listeners[address] = kept.(*net.TCPListener)
	s.t.Cleanup(func() { _ = kept.Close() })
	return l, errors.Join(err, f.Close())
}

func (s *shelf) Datagrams(address string) (out []*os.File, err error) {
	for _, f := range s.datagrams[address] {
		out = append(out, s.dup(f))
	}
	return out, nil
}

func (s *shelf) Keep(address string, files []*os.File) error {
	if s.datagrams[address] == nil {
		for _, f := range files {
			kept := s.dup(f)
			s.t.Cleanup(func() { _ = kept.Close() })
			s.datagrams[address] = append(s.datagrams[address], kept)
		}
	}
	return nil
}

func (s *shelf) dup(f *os.File) *os.File {
	raw, err := f.SyscallConn()
	if err != nil {
		s.t.Fatal(err)
	}
	fd := -1
	if e := raw.Control(func(from uintptr) { fd, err = syscall.Dup(int(from)) }); e != nil || err != nil {
		s.t.Fatal(e, err)
	}
	return os.NewFile(uintptr(fd), f.Name())
}

// running is a server that can leave.
type running struct {
	*server.Server
	stop context.CancelFunc
	left chan struct{}
	done chan error
}

func serveFrom(t *testing.T, shelf *shelf, cfg server.Config) *running {
	t.Helper()
	cfg.NewResponder, cfg.Sockets = newEcho, shelf
	r := &running{Server: server.New(cfg), left: make(chan struct{}), done: make(chan error, 1)}
	if err := r.Listen(); err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	go func() { r.done <- r.Run(ctx) }()
	t.Cleanup(r.stop)
	return r
}

func (r *running) leave(hurry <-chan struct{}) {
	r.Leave(server.Leaving{Transfers: time.Minute, Hurry: hurry, Left: func() { close(r.left) }})
	r.stop()
}

// askOnce asks once and never again, over a connection of its own.
func askOnce(network string, at netip.AddrPort) error {
	c, err := net.Dial(network, at.String())
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	m := question("a.test.", wire.TypeA)
	if network == "tcp" {
		m = framed(m)
	}
	if _, err := c.Write(m); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 512))
	return err
}

// One server after another takes the sockets over while clients ask, each question once. All get their answers, and a transfer that
// the first server began comes to its end there.
func TestLeave(t *testing.T) {
	t.Parallel()
	for path, portable := range paths {
		for _, listen := range []string{"127.0.0.1:0", ":0"} {
			t.Run(path+" "+listen, func(t *testing.T) {
				t.Parallel()
				shelf := newShelf(t)
				transfer := &fakeTransfers{started: make(chan struct{}), release: make(chan struct{})}
				cfg := server.Config{DNS: []string{listen}, Portable: portable, Threads: 3}
				first := cfg
				first.Transfers = transfer
				now := serveFrom(t, shelf, first)
				at := localhost(now.Server)
				c := dial(t, "tcp", at)
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				if _, err := c.Write(framed(question("a.test.", wire.TypeAXFR))); err != nil {
					t.Fatal(err)
				}
				<-transfer.started

				var clients sync.WaitGroup
				var over atomic.Bool
				var asked atomic.Int64
				for i := range 8 {
					network := []string{"udp", "tcp"}[i%2]
					clients.Go(func() {
						for !over.Load() {
							asked.Add(1)
							if err := askOnce(network, at); err != nil {
								t.Errorf("%s: a question without an answer: %v", network, err)
								return
							}
						}
					})
				}
				old := now
				for range 3 {
					next := serveFrom(t, shelf, cfg)
					for seen := asked.Load(); asked.Load() < seen+50 && !t.Failed(); {
						time.Sleep(time.Millisecond)
					}
					now.leave(nil)
					<-now.left
					if now != old {
						if err := <-now.done; err != nil {
							t.Error(err)
						}
					}
					now = next
				}
				over.Store(true)
				clients.Wait()
				t.Logf("%d questions", asked.Load())

				close(transfer.release)
				for range 3 {
					if readTCP(t, c) == nil {
						t.Fatal("the transfer did not come to its end")
					}
				}
				if err := <-old.done; err != nil {
					t.Error(err)
				}
				now.stop()
				if err := <-now.done; err != nil {
					t.Error(err)
				}
				// A socket that the one before has shut gives nothing, again and again, instead of waiting.
				if n := now.Stats().Ignored[server.UDP]; n > 50_000 {
					t.Errorf("%d datagrams that were none", n)
				}
			})
		}
	}
}

// A transfer that does not end keeps a server that has left only until somebody is in a hurry.
func TestLeaveInAHurry(t *testing.T) {
	t.Parallel()
	transfer := &fakeTransfers{started: make(chan struct{}), release: make(chan struct{})}
	s := serveFrom(t, newShelf(t), server.Config{DNS: []string{"127.0.0.1:0"}, Transfers: transfer, Drain: time.Millisecond})
	c := dial(t, "tcp", s.Addrs().DNS[0])
	if _, err := c.Write(framed(question("a.test.", wire.TypeAXFR))); err != nil {
		t.Fatal(err)
	}
	<-transfer.started
	hurry := make(chan struct{})
	s.leave(hurry)
	<-s.left
	select {
	case <-s.done:
		t.Fatal("the transfer was not waited for")
	default:
	}
	close(hurry)
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}
