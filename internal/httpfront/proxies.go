package httpfront

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
)

const (
	forwardedFor   = "X-Forwarded-For"
	forwardedProto = "X-Forwarded-Proto"
)

func (f *Front) trusts(a netip.Addr) bool {
	for _, p := range f.cfg.Trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// client finds out whose request it is. Each proxy adds the address it was asked from at the end of X-Forwarded-For, so the
// list is read from there for as long as it is a trusted proxy that speaks. From anybody else it counts for nothing.
func (f *Front) client(r *http.Request) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	from := peer.Addr().Unmap()
	if err != nil || !f.trusts(from) {
		return
	}
	hops := strings.Split(strings.Join(r.Header.Values(forwardedFor), ","), ",")
	for i := len(hops) - 1; i >= 0 && f.trusts(from); i-- {
		hop, ok := hopAddr(hops[i])
		if !ok {
			break
		}
		from = hop
	}
	if from != peer.Addr().Unmap() {
		r.RemoteAddr = netip.AddrPortFrom(from, 0).String()
	}
	if r.TLS == nil && strings.EqualFold(lastOf(r.Header.Values(forwardedProto)), "https") {
		r.TLS = &tls.ConnectionState{HandshakeComplete: true}
	}
}

// hopAddr reads one entry: an address, with or without a port.
func hopAddr(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	ap, err := netip.ParseAddrPort(s)
	return ap.Addr().Unmap().WithZone(""), err == nil
}

// lastOf is the entry that the proxy next to us has made.
func lastOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	list := strings.Split(values[len(values)-1], ",")
	return strings.TrimSpace(list[len(list)-1])
}
