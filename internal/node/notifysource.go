package node

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

var errTwoSources = errors.New("NOTIFY leaves from one address of a family; two are given")

// notifySources says where NOTIFY leaves from, at most one address of a family: as configured, or else where we listen, if
// that is one address alone. Secondaries know us by it, and refuse what comes from another.
func notifySources(c *Config) ([]netip.Addr, error) {
	given, err := addresses(c.NotifySource, "NOTIFY source")
	if err != nil {
		return nil, err
	}
	var out []netip.Addr
	listening := listenAddrs(slices.Concat(c.DNSListen, c.TransferListen))
	for _, is4 := range []bool{true, false} {
		family := func(a netip.Addr) bool { return a.Is4() != is4 }
		own := slices.DeleteFunc(slices.Clone(given), family)
		if len(own) > 1 {
			return nil, fmt.Errorf("%w: %s and %s", errTwoSources, own[0], own[1])
		}
		if len(own) == 0 {
			own = slices.DeleteFunc(slices.Clone(listening), family)
		}
		if len(own) == 1 && !own[0].IsUnspecified() {
			out = append(out, own[0])
		}
	}
	return out, nil
}

// offeredSources are the addresses that an account's members may choose for NOTIFY to a peer: those by which the server is known
// anyway, and what its operator adds. They could pass for a neighbour on the same machine by another.
func offeredSources(c *Config) ([]netip.Addr, error) {
	offered, err := addresses(slices.Concat(c.NotifySource, c.NotifyOffer), "offered NOTIFY source")
	if err != nil {
		return nil, err
	}
	offered = append(offered, listenAddrs(slices.Concat(c.DNSListen, c.TransferListen, c.TLSListen))...)
	return slices.DeleteFunc(offered, netip.Addr.IsUnspecified), nil
}

func (n *Node) offersSource(from netip.Addr) bool { return slices.Contains(n.offered, from) }

// listenAddrs are the different addresses that DNS listens on. One without a host is both unspecified ones; what cannot be
// read is the server's to refuse.
func listenAddrs(list []string) []netip.Addr {
	var out []netip.Addr
	for _, at := range list {
		host, _, err := net.SplitHostPort(at)
		if err != nil {
			continue
		}
		if host == "" {
			out = append(out, netip.IPv4Unspecified(), netip.IPv6Unspecified())
			continue
		}
		if a, err := netip.ParseAddr(host); err == nil {
			out = append(out, a.Unmap())
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}
