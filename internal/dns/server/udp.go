package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
)

const (
	// maxRequest is the longest datagram that is read whole. What is longer is cut by the kernel, and so malformed.
	maxRequest = 4096
	// batch is how many datagrams a system call moves at most. Full batches are rare but under load, where 64 cost 2 to 6 % less for
	// a query than 16: who waits for answers is woken less often.
	batch = 64
	// slack is what an answer may grow beyond its limit before the builder takes the last record back.
	slack = 1024
)

// udpSocket is one UDP socket with whatever serves it.
type udpSocket interface {
	// serve answers datagrams until interrupt; it returns nil then.
	serve() error
	// interrupt makes serve return soon. The socket stays open for answers of the slow pool.
	interrupt()
	// retire is interrupt for a socket that others read as well: serve returns after the next datagram, which it answers.
	retire()
	// sweep takes the empty datagrams out that come next. Nobody else may read the socket, or a query may go with them.
	sweep()
	// pulse is how many datagrams have been done with, and whether some wait that the thread should take.
	pulse() (done uint64, waits bool)
	// file is the socket by another descriptor, which is the caller's.
	file() (*os.File, error)
	addr() netip.AddrPort
	close()
}

// endpoint is an address to listen on, as configured.
type endpoint struct {
	name         string     // as configured
	host         netip.Addr // unspecified for wildcards
	port         uint16
	dual         bool // IPv6 wildcard that takes IPv4 as well
	transferOnly bool
}

func parseEndpoint(s string, transferOnly bool) (endpoint, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return endpoint{}, fmt.Errorf("listen address %q: %w", s, err)
	}
	if host == "" {
		host = "::"
	}
	ap, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil {
		return endpoint{}, fmt.Errorf("listen address %q: %w", s, err)
	}
	return endpoint{
		name: s, host: ap.Addr(), port: ap.Port(), dual: s[0] == ':', transferOnly: transferOnly,
	}, nil
}

func (e endpoint) addrPort() netip.AddrPort { return netip.AddrPortFrom(e.host, e.port) }

// network is the name that package net has for the endpoint's family.
func (e endpoint) network(proto string) string {
	switch {
	case e.dual:
		return proto
	case e.host.Is4():
		return proto + "4"
	}
	return proto + "6"
}

// listenUDP opens the endpoint's sockets, n of them or one that n threads share. With port 0 the first one's port
// becomes e's.
func (s *Server) listenUDP(e *endpoint, n int) ([]udpSocket, error) {
	if socks, err := s.inherit(e); err != nil || len(socks) > 0 {
		return socks, err
	}
	if !hasFast || s.cfg.Portable {
		return openPortable(s, e, n)
	}
	var socks []udpSocket
	for range n {
		sock, err := openFast(s, *e, n > 1)
		if len(socks) == 0 && e.dual && errors.Is(err, syscall.EAFNOSUPPORT) {
			e.host, e.dual = netip.IPv4Unspecified(), false // a host without IPv6
			sock, err = openFast(s, *e, n > 1)
		}
		if err != nil {
			closeAll(socks)
			return nil, err
		}
		e.port = sock.addr().Port()
		socks = append(socks, sock)
	}
	return socks, nil
}

func closeAll(socks []udpSocket) {
	for _, s := range socks {
		s.close()
	}
}
