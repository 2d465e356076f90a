package testkit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// FreePort gives an address with a port that is free there for TCP and UDP, for a program that is told where to listen. The kernel gives
// such ports to nobody who connects or asks for just any: while the program is not there, a client that tries it again and again would
// else be given that very port, reach itself, and hold the port. No other test is given it, in whatever process, as long as
// this one runs.
func FreePort(ip netip.Addr) (netip.AddrPort, error) {
	const first, ports = 10_000, 20_000 // below net.ipv4.ip_local_port_range
	var last error
	for range 200 {
		a := netip.AddrPortFrom(ip, uint16(first+rand.N(ports)))
		if !reserve(int(a.Port())) {
			continue
		}
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(a))
		if err != nil {
			last = err
			continue
		}
		u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
		if err == nil {
			err = u.Close()
		}
		if err = errors.Join(err, l.Close()); err == nil {
			return a, nil
		}
		last = err
	}
	return netip.AddrPort{}, fmt.Errorf("find a port that is free at %s: %w", ip, last)
}

// reserved are locks on ports, until the process ends.
var reserved sync.Map

// reserve takes a port for this process; false: somebody has it. A port that is only looked at is free to all who look.
func reserve(port int) bool {
	dir := filepath.Join(os.TempDir(), "headwater-test-ports")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false
	}
	f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(port)), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return false
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return false
	}
	reserved.Store(port, f) // a file that nobody holds is closed, and its lock gone
	return true
}
