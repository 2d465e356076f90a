package rules

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Proxiable says whether a record of a type with a content may be proxied (contract section 5.5).
func Proxiable(t wire.Type, content string) bool {
	switch t {
	case wire.TypeA, wire.TypeAAAA:
		return true
	case wire.TypeCNAME:
		return proxyTarget(content)
	default:
		return false
	}
}

// proxyTarget says whether a proxied CNAME may lead to a target: some names are asked for as they are.
func proxyTarget(content string) bool {
	host := strings.ToLower(strings.TrimSuffix(content, "."))
	if slices.Contains([]string{"dkim2.mcsv.net", "dkim3.mcsv.net", "zmverify.zoho.com", "dkim.infusionmail.com"}, host) {
		return false
	}
	for _, s := range []string{"dkim.amazonses.com", "onmicrosoft.com", "dkim.intercom.io", "acm-validations.aws"} {
		if host == s || strings.HasSuffix(host, "."+s) {
			return false
		}
	}
	return true
}

// switches are the rules on what acts on a record: proxied, flattened, and of one family alone.
func switches(r *model.Record) error {
	s := r.Settings
	addresses := r.Type == wire.TypeA || r.Type == wire.TypeAAAA
	switch {
	case r.Proxied && !addresses && r.Type != wire.TypeCNAME:
		return invalid(model.CodeProxyType, "/proxied", "This record type cannot be proxied.")
	case r.Proxied && (addresses && reserved(r.RData) || !addresses && !proxyTarget(r.Content)):
		return invalid(model.CodeProxyTarget, "/content", "Target %s is not allowed for a proxied record.", r.Content)
	case s.FlattenCNAME && r.Type != wire.TypeCNAME:
		return invalid(model.CodeFlattenInvalid, "/settings/flatten_cname", "Only CNAME records can be flattened.")
	case s.FlattenCNAME && r.Proxied:
		return invalid(model.CodeFlattenInvalid, "/settings/flatten_cname", "A proxied record cannot be flattened.")
	case s.IPv4Only && s.IPv6Only:
		return invalid(model.CodeFlattenInvalid, "/settings", "ipv4_only and ipv6_only exclude each other.")
	case (s.IPv4Only || s.IPv6Only) && !addresses && r.Type != wire.TypeCNAME:
		return invalid(model.CodeFlattenInvalid, "/settings", "ipv4_only and ipv6_only are for proxied records.")
	}
	return nil
}

// reserved says whether an address cannot be an origin that an edge reaches over the internet. Documentation ranges stay
// allowed: examples and tests use them.
func reserved(data []byte) bool {
	a, ok := netip.AddrFromSlice(data)
	a = a.Unmap()
	return !ok || a.IsPrivate() || a.IsLoopback() || a.IsUnspecified() || a.IsLinkLocalUnicast() || a.IsMulticast() ||
		a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// edge says whether a pool of addresses has what a proxied record is answered with.
func edge(pool []netip.Addr, r *model.Record) error {
	switch {
	case !r.Proxied:
		return nil
	case len(pool) == 0:
		return invalid(model.CodeNoEdge, "", "A record cannot be proxied while no edge address is configured.")
	case r.Settings.IPv4Only && !slices.ContainsFunc(pool, netip.Addr.Is4):
		return invalid(model.CodeNoEdge, "", "A record with ipv4_only cannot be proxied while no IPv4 edge address is configured.")
	case r.Settings.IPv6Only && !slices.ContainsFunc(pool, netip.Addr.Is6):
		return invalid(model.CodeNoEdge, "", "A record with ipv6_only cannot be proxied while no IPv6 edge address is configured.")
	}
	return nil
}
