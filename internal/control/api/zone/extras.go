package zone

import (
	"encoding/hex"
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zonemd"
)

// extraRoutes are what a zone has of the DNS beside records and signatures: a digest of itself, and what resolvers report of it.
func extraRoutes() []api.Route {
	const digest, reports = api.Own + "/zones/{zone_id}/zonemd", api.Own + "/zones/{zone_id}/error_reports"
	return []api.Route{
		api.NewRoute(http.MethodGet, digest, api.ScopeZone, api.DNSRead, getDigest),
		api.NewRoute(http.MethodPut, digest, api.ScopeZone, api.DNSWrite, putDigest),
		api.NewRoute(http.MethodGet, reports, api.ScopeZone, api.DNSRead, listReports),
		api.NewRoute(http.MethodDelete, reports, api.ScopeZone, api.DNSWrite, forgetReports).Unplanned(),
	}
}

// digestJSON is a zone's digest. Serial and Digest are of what is published; the latter is empty for none.
type digestJSON struct {
	Enabled bool   `json:"enabled"`
	Octets  int    `json:"octets"`
	Limit   int    `json:"limit"`
	Serial  uint32 `json:"serial"`
	Digest  string `json:"digest"`
}

func okDigest(q *api.Request, z *model.Zone) error {
	if q.API.ZoneDigest == nil {
		return api.NotHere()
	}
	is, ok := q.API.ZoneDigest(z.ID)
	if !ok {
		return api.NotHere()
	}
	out := digestJSON{Enabled: z.Digest, Octets: is.Octets, Limit: is.Limit}
	if serial, digest, ours := zonemd.OfRData(is.Data); ours && z.Digest {
		out.Serial, out.Digest = serial, hex.EncodeToString(digest)
	}
	return q.OK(out)
}

func getDigest(_ *api.API, q *api.Request) error { return okDigest(q, &q.Zone) }

func putDigest(_ *api.API, q *api.Request) error {
	var in struct {
		Enabled api.Optional[bool] `json:"enabled"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if !in.Enabled.Given() {
		return api.Invalid(model.CodeZoneSetting, "/enabled", "Whether the zone is to carry a digest must be true or false.")
	}
	res, err := q.Change(model.EditZone{Apply: func(z model.Zone) (model.Zone, error) {
		z.Digest = in.Enabled.Value
		return z, nil
	}})
	if err != nil {
		return api.PointAt(err, map[int]string{model.CodeZONEMD: "/enabled"})
	}
	return okDigest(q, res.Outcomes[0].Zone)
}

type reportsJSON struct {
	Agent   string       `json:"agent"`
	Ready   bool         `json:"ready"`
	Node    string       `json:"node"`
	Total   uint64       `json:"total"`
	Dropped uint64       `json:"dropped"`
	Reports []reportJSON `json:"reports"`
}

type reportJSON struct {
	Name  string    `json:"name"`
	Type  string    `json:"type"`
	Code  int       `json:"code"`
	Text  string    `json:"text"`
	Count uint64    `json:"count"`
	First api.Stamp `json:"first_on"`
	Last  api.Stamp `json:"on"`
	From  string    `json:"from"`
}

// infoNames are the extended errors' names (RFC 8914 section 4, RFC 9824 section 8, and the registry they opened).
//
//nolint:gochecknoglobals // a table
var infoNames = [...]string{
	"Other", "Unsupported DNSKEY Algorithm", "Unsupported DS Digest Type", "Stale Answer", "Forged Answer", "DNSSEC Indeterminate", "DNSSEC Bogus",
	"Signature Expired", "Signature Not Yet Valid", "DNSKEY Missing", "RRSIGs Missing", "No Zone Key Bit Set", "NSEC Missing", "Cached Error", "Not Ready",
	"Blocked", "Censored", "Filtered", "Prohibited", "Stale NXDOMAIN Answer", "Not Authoritative", "Not Supported", "No Reachable Authority", "Network Error",
	"Invalid Data", "Signature Expired before Valid", "Too Early", "Unsupported NSEC3 Iterations Value", "Unable to conform to policy", "Synthesized",
	"Invalid Query Type",
}

func infoName(code int) string {
	if code < len(infoNames) {
		return infoNames[code]
	}
	return ""
}

func listReports(a *api.API, q *api.Request) error {
	if a.ErrorReports == nil {
		return api.NotHere()
	}
	is := a.ErrorReports(q.Zone.ID)
	return q.OK(reportsJSON{
		Agent: is.Agent, Ready: is.Ready, Node: is.Node, Total: is.Total, Dropped: is.Dropped,
		Reports: api.Each(is.Reports, func(r *api.ErrorReport) reportJSON {
			return reportJSON{r.Name, r.Type, r.Code, infoName(r.Code), r.Count, api.Stamp(r.First), api.Stamp(r.Last), r.From}
		}),
	})
}

func forgetReports(a *api.API, q *api.Request) error {
	if a.ForgetReports == nil {
		return api.NotHere()
	}
	return q.OK(struct {
		Forgotten int `json:"forgotten"`
	}{a.ForgetReports(q.Zone.ID)})
}
