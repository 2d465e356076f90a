package api

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/netip"
)

func ipsRoutes() []Route {
	return []Route{NewRoute(http.MethodGet, Client+"/ips", ScopePublic, nil, (*API).listIPs)}
}

type ipsJSON struct {
	ETag string   `json:"etag"`
	IPv4 []string `json:"ipv4_cidrs"`
	IPv6 []string `json:"ipv6_cidrs"`
}

// listIPs tells the addresses that stand in for proxied records: the server's pool, each as a range of its own.
func (a *API) listIPs(q *Request) error {
	out := ipsJSON{IPv4: []string{}, IPv6: []string{}}
	h := sha256.New()
	for _, addr := range a.EdgeAddresses {
		addr = addr.Unmap()
		text := netip.PrefixFrom(addr, addr.BitLen()).String()
		h.Write([]byte(text + "\n"))
		if addr.Is4() {
			out.IPv4 = append(out.IPv4, text)
		} else {
			out.IPv6 = append(out.IPv6, text)
		}
	}
	out.ETag = hex.EncodeToString(h.Sum(nil)[:16])
	return q.OK(out)
}
