package peers

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
)

// Free gives a loopback address for a program to answer on, with a port that is free there for UDP and TCP. The address
// is one of 127.0.0.0/8 that nobody else is likely to use, so that a primary can tell secondaries apart; BIND listens
// on addresses of interfaces alone and gets 127.0.0.1.
func Free(p Program) (netip.AddrPort, error) {
	var last error
	for range 50 {
		ip := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if p != BIND {
			ip = netip.AddrFrom4([4]byte{127, byte(1 + rand.IntN(250)), byte(rand.IntN(250)), byte(1 + rand.IntN(250))})
		}
		a, err := freePort(ip)
		if err == nil {
			return a, nil
		}
		last = err
	}
	return netip.AddrPort{}, fmt.Errorf("find a free loopback port: %w", last)
}

// freePort takes a port for TCP and tries it for UDP.
func freePort(ip netip.Addr) (netip.AddrPort, error) {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer l.Close() //nolint:errcheck // it was made to be closed
	a := netip.AddrPortFrom(ip, uint16(l.Addr().(*net.TCPAddr).Port))
	u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
	if err != nil {
		return netip.AddrPort{}, err
	}
	return a, u.Close()
}
