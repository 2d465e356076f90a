package notify

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// A peer may be told from an address of its own, which it knows us by. All such peers of one address share a socket, which is made when the
// first of them is told. An address is a node's, and not a cluster's: a node that has it not tells nobody from another in its place, which the
// peer would refuse or, worse, take for somebody else, but says so; and tries again as after any other failure, since addresses move.

// sourcesMost bounds the sockets. Members of accounts choose among addresses that the operator offers, and so there are few.
const sourcesMost = 64

var errSources = fmt.Errorf("NOTIFY leaves from %d other addresses already", sourcesMost)

// sourceIdle is for how long a socket that makes room for another has not been used: answers to what left by it came, or do not come any more.
const sourceIdle = time.Minute

type source struct {
	c    *net.UDPConn
	used time.Time
}

type sources struct {
	receive func(*net.UDPConn) // hears the answers of a new one

	mu     sync.Mutex
	at     map[netip.Addr]*source
	closed bool
}

func (s *sources) send(msg []byte, to netip.AddrPort, from netip.Addr) error {
	c, err := s.socket(from)
	if err != nil {
		return err
	}
	if _, err := c.WriteToUDPAddrPort(msg, to); err != nil {
		return because(from, err)
	}
	return nil
}

// socket is that of a source.
func (s *sources) socket(from netip.Addr) (*net.UDPConn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, net.ErrClosed
	}
	now := time.Now()
	if is := s.at[from]; is != nil {
		is.used = now
		return is.c, nil
	}
	if len(s.at) >= sourcesMost && !s.drop(now) {
		return nil, errSources
	}
	c, err := bind(from)
	if err != nil {
		return nil, because(from, err)
	}
	if s.at == nil {
		s.at = map[netip.Addr]*source{}
	}
	s.at[from] = &source{c, now}
	s.receive(c)
	return c, nil
}

// drop closes the socket that was not used for longest, if that was long ago.
func (s *sources) drop(now time.Time) bool {
	var oldest netip.Addr
	for from, is := range s.at {
		if !oldest.IsValid() || is.used.Before(s.at[oldest].used) {
			oldest = from
		}
	}
	is := s.at[oldest]
	if now.Sub(is.used) < sourceIdle {
		return false
	}
	delete(s.at, oldest)
	_ = is.c.Close()
	return true
}

func (s *sources) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, is := range s.at {
		_ = is.c.Close()
	}
	s.at = nil
}

func bind(from netip.Addr) (*net.UDPConn, error) {
	return net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)))
}

// absentError says that this machine has not, or not any more, an address.
type absentError struct{ from netip.Addr }

func (e *absentError) Error() string { return e.words("this node") }

func (e *absentError) words(node string) string {
	return fmt.Sprintf("it cannot leave from %s: %s has no such address", e.from, node)
}

// because is err, or that the address is not there any more, where that is why: a socket whose address was taken away fails in many ways.
func because(from netip.Addr, err error) error {
	c, no := bind(from)
	if no == nil {
		_ = c.Close()
		return err
	}
	if errors.Is(no, syscall.EADDRNOTAVAIL) {
		return &absentError{from}
	}
	return err
}
