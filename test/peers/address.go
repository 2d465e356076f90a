package peers

import (
	"math/rand/v2"
	"net/netip"

	"github.com/headwaterdns/headwater/internal/testkit"
)

// Free gives a loopback address for a program to answer on, with a port that is free there for UDP and TCP. The address
// is one of 127.0.0.0/8 that nobody else is likely to use, so that a primary can tell secondaries apart; BIND listens
// on addresses of interfaces alone and gets 127.0.0.1.
func Free(p Program) (netip.AddrPort, error) {
	ip := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if p != BIND {
		ip = netip.AddrFrom4([4]byte{127, byte(1 + rand.IntN(250)), byte(rand.IntN(250)), byte(1 + rand.IntN(250))})
	}
	return testkit.FreePort(ip)
}
