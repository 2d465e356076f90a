package api

import "net/http"

// ServerFacts is what a page has to know of the server before it promises something. Ports are 0 where nothing listens.
type ServerFacts struct {
	DNSPort      uint16 // of the first address for everything
	TransferPort uint16 // where secondaries transfer: an address of their own, or else that of everything
	Resolver     bool   // CNAMEs to names of others can be flattened
}

func serverRoutes() []Route {
	return []Route{NewRoute(http.MethodGet, Own+"/server", ScopeAny, nil, (*API).showServer)}
}

type serverJSON struct {
	DNSPort       *uint16 `json:"dns_port"`
	TransferPort  *uint16 `json:"transfer_port"`
	Resolver      bool    `json:"resolver"`
	EdgeAddresses bool    `json:"edge_addresses"`
}

// showServer tells whoever is signed in what this server can do, so that no page offers what it cannot.
func (a *API) showServer(q *Request) error {
	if a.Server == nil {
		return NotHere()
	}
	facts := a.Server()
	return q.OK(serverJSON{port(facts.DNSPort), port(facts.TransferPort), facts.Resolver, len(a.EdgeAddresses) > 0})
}

func port(p uint16) *uint16 {
	if p == 0 {
		return nil
	}
	return &p
}
