// Package reach says where tenants may have this server send to.
//
// A peer, a name server and the source of a copy are addresses that somebody else has named, and this server stands where
// they do not: beside services on its own machine, and beside those that tell a machine its secrets. The package knows
// addresses and networks; it must not know who names them, nor what for.
package reach

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// ErrForbidden is the error of a connection to an address that tenants may not name.
var ErrForbidden = errors.New("this address is not for everybody to name")

// Words that stand for networks.
const (
	Loopback  = "loopback"   // where this server does not listen for DNS itself
	LinkLocal = "link-local" // likewise
	Metadata  = "metadata"   // of clouds
	None      = "none"
)

// Default is what is forbidden where nothing is said.
func Default() []string { return []string{Loopback, LinkLocal, Metadata} }

// networks are what the words stand for. Systems take 0.0.0.0/8 and :: for this machine.
var networks = map[string][]netip.Prefix{ //nolint:gochecknoglobals // a table
	Loopback:  prefixes("127.0.0.0/8", "0.0.0.0/8", "::1/128", "::/128"),
	LinkLocal: prefixes("169.254.0.0/16", "fe80::/10"),
	Metadata: prefixes(
		"169.254.169.254/32", "fd00:ec2::254/128", // most clouds
		"169.254.170.2/32", "169.254.170.23/32", "fd00:ec2::23/128", // containers
		"fd20:ce::254/128", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32",
	),
}

// private are networks that nobody reaches from elsewhere (RFC 1918, RFC 4193, RFC 6598).
var private = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "100.64.0.0/10") //nolint:gochecknoglobals // a table

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// Rule is what is forbidden, and what is not told of. The zero value and nil forbid nothing and tell everything.
type Rule struct{ forbidden, internal []netip.Prefix }

// Parse reads networks, and the words for them. listen are the addresses at which this server answers DNS: where one is a
// loopback or a link-local address itself, so are its secondaries, and that word forbids nothing.
func Parse(words []string, listen []netip.Addr) (*Rule, error) {
	r := &Rule{}
	own := map[string]bool{ // networks that this server is in as its clients see it
		Loopback:  slices.ContainsFunc(listen, func(a netip.Addr) bool { return a.Unmap().IsLoopback() }),
		LinkLocal: slices.ContainsFunc(listen, func(a netip.Addr) bool { return a.Unmap().IsLinkLocalUnicast() }),
	}
	for _, w := range words {
		word := strings.ToLower(strings.TrimSpace(w))
		switch named, known := networks[word]; {
		case word == None || word == "" || own[word]:
		case known:
			r.forbidden = append(r.forbidden, named...)
		default:
			p, err := network(word)
			if err != nil {
				return nil, fmt.Errorf("%q is no network, and none of %s, %s", w, strings.Join(Default(), ", "), None)
			}
			r.forbidden = append(r.forbidden, p)
		}
	}
	if len(r.forbidden) > 0 {
		r.internal = slices.Concat(r.forbidden, private)
		for _, word := range []string{Loopback, LinkLocal} {
			if !own[word] {
				r.internal = append(r.internal, networks[word]...)
			}
		}
	}
	return r, nil
}

// network reads a network, or one address.
func network(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, errors.New("no network")
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// Allows says whether tenants may name an address. An IPv4 address is the same by whatever IPv6 address it is written.
func (r *Rule) Allows(a netip.Addr) bool {
	return r == nil || !within(a, r.forbidden)
}

// Tells says whether tenants may hear why nobody answers at an address: whether a port is closed, filtered, or another
// service's. Of networks that only this server reaches, forbidden or not, they would learn what listens there. Where nothing
// is forbidden they are trusted with that, too.
func (r *Rule) Tells(a netip.Addr) bool {
	return r == nil || !within(a, r.internal)
}

func within(a netip.Addr, list []netip.Prefix) bool {
	return slices.ContainsFunc(forms(a.WithZone("")), func(same netip.Addr) bool {
		return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(same) })
	})
}

// forms are an address and the IPv4 address in it: mapped (RFC 4291 section 2.5.5), translated (RFC 6052, RFC 8215) or
// tunnelled (6to4, RFC 3056).
func forms(a netip.Addr) []netip.Addr {
	a = a.Unmap()
	if a.Is4() || !a.IsValid() {
		return []netip.Addr{a}
	}
	b := a.As16()
	four := func(at int) netip.Addr { return netip.AddrFrom4([4]byte(b[at : at+4])) }
	switch {
	case well.Contains(a), local.Contains(a):
		return []netip.Addr{a, four(12)}
	case compatible.Contains(a) && b[12] != 0: // and so neither :: nor ::1
		return []netip.Addr{a, four(12)}
	case sixToFour.Contains(a):
		return []netip.Addr{a, four(2)}
	}
	return []netip.Addr{a}
}

//nolint:gochecknoglobals // constants
var (
	well       = netip.MustParsePrefix("64:ff9b::/96")
	local      = netip.MustParsePrefix("64:ff9b:1::/48")
	compatible = netip.MustParsePrefix("::/96")
	sixToFour  = netip.MustParsePrefix("2002::/16")
)

// Control is a net.Dialer's: it holds the very address that is dialled against the rule, whatever a name led to when it was
// checked.
func (r *Rule) Control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !r.Allows(to.Addr()) {
		return ErrForbidden
	}
	return nil
}
