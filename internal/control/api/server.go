package api

import (
	"net/http"
	"time"
)

// ServerFacts is what a page has to know of the server before it promises something. Ports are 0 where nothing listens.
type ServerFacts struct {
	DNSPort      uint16 // of the first address for everything
	TransferPort uint16 // where secondaries transfer: an address of their own, or else that of everything
	Resolver     bool   // CNAMEs to names of others can be flattened
	Version      string // of the program on this node
	DNS          *DNSFacts
	Backups      *BackupFacts // nil where none are made by schedule
}

// DNSFacts is how this node speaks DNS, for those who run it.
type DNSFacts struct {
	Cookies       bool     `json:"cookies"`
	RateLimit     int      `json:"rate_limit"`
	RateSlip      int      `json:"rate_slip"`
	RateLogOnly   bool     `json:"rate_log_only"`
	RateExempt    []string `json:"rate_exempt"`
	TLSAddresses  []string `json:"tls_addresses"`
	Proxies       []string `json:"proxies"`
	ReportAgent   string   `json:"report_agent"`
	ZONEMDLimit   int      `json:"zonemd_limit"`
	NotifySources []string `json:"notify_sources"`
	NSID          string   `json:"nsid"`
}

// BackupFacts are how it stands with backups by schedule. Here says that this node makes them, and knows.
type BackupFacts struct {
	EverySeconds int64      `json:"every_seconds"`
	Keep         int        `json:"keep"`
	Here         bool       `json:"here"`
	Last         *time.Time `json:"last"`
	Name         string     `json:"name"`
	Octets       int64      `json:"octets"`
	Failed       uint64     `json:"failed"`
	Error        string     `json:"error"`
}

func serverRoutes() []Route {
	return []Route{NewRoute(http.MethodGet, Own+"/server", ScopeAny, nil, (*API).showServer)}
}

type serverJSON struct {
	DNSPort       *uint16      `json:"dns_port"`
	TransferPort  *uint16      `json:"transfer_port"`
	Resolver      bool         `json:"resolver"`
	EdgeAddresses bool         `json:"edge_addresses"`
	Version       *string      `json:"version"`
	DNSOptions    *DNSFacts    `json:"dns_options"`
	Backups       *BackupFacts `json:"backups"`
}

// showServer tells whoever is signed in what this server can do, so that no page offers what it cannot.
func (a *API) showServer(q *Request) error {
	if a.Server == nil {
		return NotHere()
	}
	facts := a.Server()
	out := serverJSON{port(facts.DNSPort), port(facts.TransferPort), facts.Resolver, len(a.EdgeAddresses) > 0, nil, nil, nil}
	if q.Who.ServerAdmin() {
		out.Version, out.Backups = &facts.Version, facts.Backups
	}
	if d := facts.DNS; d != nil && q.Who.ServerAdmin() {
		shown := *d
		shown.RateExempt, shown.TLSAddresses, shown.Proxies = OrEmpty(d.RateExempt), OrEmpty(d.TLSAddresses), OrEmpty(d.Proxies)
		shown.NotifySources = OrEmpty(d.NotifySources)
		out.DNSOptions = &shown
	}
	return q.OK(out)
}

func port(p uint16) *uint16 {
	if p == 0 {
		return nil
	}
	return &p
}
