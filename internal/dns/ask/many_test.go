package ask

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// network is one of tests: sockets without a system, and servers that do with each question what a test says.
type network struct {
	mu      sync.Mutex
	sockets []*socket
	serve   func(from *socket, to netip.AddrPort, msg []byte) error
}

// socket is one of a network.
type socket struct {
	n      *network
	in     chan ipv4.Message
	closed chan struct{}
	asked  int
}

func (n *network) open(bool) (Packets, error) {
	s := &socket{n: n, in: make(chan ipv4.Message, 1000), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sockets = append(n.sockets, s)
	return s, nil
}

func (s *socket) Close() error { close(s.closed); return nil }

func (s *socket) ReadBatch(list []ipv4.Message, _ int) (int, error) {
	select {
	case m := <-s.in:
		list[0].N, list[0].Addr = copy(list[0].Buffers[0], m.Buffers[0]), m.Addr
		return 1, nil
	case <-s.closed:
		return 0, net.ErrClosed
	}
}

func (s *socket) WriteBatch(list []ipv4.Message, _ int) (int, error) {
	for i, m := range list {
		s.asked++
		if err := s.n.serve(s, m.Addr.(*net.UDPAddr).AddrPort(), append([]byte(nil), m.Buffers[0]...)); err != nil {
			if i == 0 {
				return 0, err
			}
			return i, nil
		}
	}
	return len(list), nil
}

func (s *socket) hears(from netip.AddrPort, msg []byte) {
	s.in <- ipv4.Message{Buffers: [][]byte{msg}, Addr: net.UDPAddrFromAddrPort(from)}
}

func replyTo(msg []byte) []byte {
	out := append([]byte(nil), msg...)
	out[2] |= 0x80
	return out
}

// outcome is what came of a question.
type outcome struct {
	msg []byte
	err error
	at  time.Duration // since it was asked
}

// asking has a Many ask in a bubble, and gives what came of each question.
func asking(t *testing.T, n *network, list ...Question) (*Many, []*outcome) {
	t.Helper()
	m := NewMany(3*time.Second, time.Now)
	m.open = n.open
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { m.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
	out := make([]*outcome, len(list))
	begin := time.Now()
	for i := range list {
		list[i].Done = func(msg []byte, err error) {
			if out[i] != nil {
				t.Errorf("question %d is done twice", i)
			}
			out[i] = &outcome{append([]byte(nil), msg...), err, time.Since(begin)}
		}
	}
	m.Ask(list)
	return m, out
}

var (
	longName = wire.MustName("a-name-with-many-letters.example")
	server   = netip.MustParseAddrPort("192.0.2.1:53")
	other    = netip.MustParseAddrPort("192.0.2.2:53")
)

// TestManyBelievesTheServerAlone has all kinds of things come back, right and wrong, twice and late. A question is answered by what the
// server that was asked says at the socket that asked, in the spelling that it was asked in; what has but the number settles nothing.
func TestManyBelievesTheServerAlone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		serve func(n *network, s *socket, to netip.AddrPort, msg []byte)
		want  error
		took  time.Duration
		times int // it was asked
	}{
		"an answer, twice": {func(_ *network, s *socket, to netip.AddrPort, msg []byte) {
			s.hears(to, replyTo(msg))
			s.hears(to, replyTo(msg))
		}, nil, 0, 1},
		"an answer to the second": {func(_ *network, s *socket, to netip.AddrPort, msg []byte) {
			if s.asked == 2 {
				s.hears(to, replyTo(msg))
			}
		}, nil, time.Second, 2},
		"slow": {func(_ *network, s *socket, to netip.AddrPort, msg []byte) {
			if s.asked == 1 {
				time.AfterFunc(2900*time.Millisecond, func() { s.hears(to, replyTo(msg)) })
			}
		}, nil, 2900 * time.Millisecond, 2},
		"too late": {func(_ *network, s *socket, to netip.AddrPort, msg []byte) {
			time.AfterFunc(5*time.Second, func() { s.hears(to, replyTo(msg)) })
		}, ErrSilent, 3 * time.Second, 2},
		"silence":             {func(*network, *socket, netip.AddrPort, []byte) {}, ErrSilent, 3 * time.Second, 2},
		"from somebody else":  {func(_ *network, s *socket, _ netip.AddrPort, msg []byte) { s.hears(other, replyTo(msg)) }, ErrSilent, 3 * time.Second, 2},
		"the question itself": {func(_ *network, s *socket, to netip.AddrPort, msg []byte) { s.hears(to, msg) }, ErrSilent, 3 * time.Second, 2},
		"another identifier": {func(_ *network, s *socket, to netip.AddrPort, msg []byte) {
			for range 200 {
				forged := replyTo(msg)
				forged[1]++
				s.hears(to, forged)
			}
		}, ErrSilent, 3 * time.Second, 2},
		"garbage": {func(_ *network, s *socket, to netip.AddrPort, msg []byte) {
			for n := range msg {
				if n < wire.HeaderLen {
					s.hears(to, msg[:n])
				}
			}
		}, ErrSilent, 3 * time.Second, 2},
		"another spelling": {func(_ *network, s *socket, to netip.AddrPort, msg []byte) {
			folded := replyTo(msg)
			copy(folded[wire.HeaderLen:], longName)
			s.hears(to, folded)
		}, ErrDoubtful, 0, 1},
		"a bare error": {func(_ *network, s *socket, to netip.AddrPort, msg []byte) {
			bare := replyTo(msg)[:wire.HeaderLen]
			bare[3], bare[5] = 1, 0
			s.hears(to, bare)
		}, ErrDoubtful, 0, 1},
		"another type": {func(_ *network, s *socket, to netip.AddrPort, msg []byte) {
			forged := replyTo(msg)
			forged[len(forged)-3]++
			s.hears(to, forged)
		}, ErrDoubtful, 0, 1},
		"cut short": {func(_ *network, s *socket, to netip.AddrPort, msg []byte) {
			s.hears(to, replyTo(msg)[:len(msg)-1])
		}, ErrDoubtful, 0, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				n.serve = func(s *socket, to netip.AddrPort, msg []byte) error { tt.serve(n, s, to, msg); return nil }
				m, out := asking(t, n, Question{Name: longName, Type: wire.TypeSOA, To: server})
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if out[0] == nil {
					t.Fatal("it is never done")
				}
				if o := out[0]; !errors.Is(o.err, tt.want) || o.at < tt.took || o.at > tt.took+2*gather {
					t.Errorf("%v after %s, want %v after %s", o.err, o.at, tt.want, tt.took)
				}
				if n.sockets[0].asked != tt.times {
					t.Errorf("asked %d times", n.sockets[0].asked)
				}
				m.mu.Lock()
				defer m.mu.Unlock()
				if len(m.fly)+len(m.young)+len(m.old)+len(m.out[0]) > 0 {
					t.Errorf("something is kept: %d, %d, %d", len(m.fly), len(m.young), len(m.old))
				}
			})
		})
	}
}

// TestManyAsksByTheBatch has ten thousand questions to silent servers, to such as cannot be reached and to good ones leave together: each
// finds its own, the good ones at once, and sockets are two.
func TestManyAsksByTheBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		unreachable := errors.New("no route")
		n := &network{}
		n.serve = func(s *socket, to netip.AddrPort, msg []byte) error {
			switch to.Addr().AsSlice()[len(to.Addr().AsSlice())-1] % 3 {
			case 0:
				s.hears(to, replyTo(msg))
			case 1:
				return unreachable
			}
			return nil
		}
		var list []Question
		for i := range 9999 {
			to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, byte(i / 250), byte(i % 250)}), 53)
			if i%2 == 0 {
				to = netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 14: byte(i / 250), 15: byte(i % 250)}), 53)
			}
			list = append(list, Question{Name: wire.MustName(fmt.Sprint("z", i)), Type: wire.TypeSOA, To: to})
		}
		_, out := asking(t, n, list...)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		for i, o := range out {
			if o == nil {
				t.Fatalf("question %d is never done", i)
			}
			want, at := []error{nil, unreachable, ErrSilent}[i%250%3], []time.Duration{0, 0, 3 * time.Second}[i%250%3]
			if !errors.Is(o.err, want) || o.at < at || o.at > at+2*gather {
				t.Fatalf("question %d: %v after %s, want %v", i, o.err, o.at, want)
			}
		}
		if len(n.sockets) != 2 {
			t.Errorf("%d sockets", len(n.sockets))
		}
	})
}

// TestManyChangesSockets: questions leave from another socket every minute, the one before ends when its last question is over, and with
// the end of it all nothing waits any more.
func TestManyChangesSockets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		n.serve = func(s *socket, to netip.AddrPort, msg []byte) error {
			time.AfterFunc(500*time.Millisecond, func() { s.hears(to, replyTo(msg)) })
			return nil
		}
		m := NewMany(3*time.Second, time.Now)
		m.open = n.open
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { m.Run(ctx); close(done) }()
		synctest.Wait()
		answers := map[error]int{}
		var mu sync.Mutex
		q := Question{Name: longName, Type: wire.TypeSOA, To: server, Done: func(_ []byte, err error) {
			mu.Lock()
			answers[err]++
			mu.Unlock()
		}}
		for range 1800 { // three minutes
			m.Ask([]Question{q})
			time.Sleep(100 * time.Millisecond)
		}
		cancel()
		<-done
		m.Ask([]Question{q})
		if answers[nil] < 1790 || answers[nil]+answers[ErrOver] != 1801 {
			t.Errorf("%v", answers)
		}
		if len(n.sockets) != 3 {
			t.Errorf("%d sockets in three minutes", len(n.sockets))
		}
		for i, s := range n.sockets {
			select {
			case <-s.closed:
			default:
				t.Errorf("socket %d is open", i)
			}
		}
		time.Sleep(time.Second)
	})
}
