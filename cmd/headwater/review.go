package main

import (
	"context"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// maxFindings bounds a review.
const maxFindings = 1000

// review compares what we answer with what secondaries will hold, name by name, and adds what they would not load or not
// serve. It is computed from the two faces; the rows tell which record is behind a difference.
func (n *node) review(ctx context.Context, z model.Zone) ([]api.Finding, error) {
	mem := n.db.ByID(string(z.ID))
	if mem == nil {
		return nil, nil
	}
	r := reviewer{z: &z, st: mem.State()}
	query := model.RecordQuery{Any: true, Filters: []model.Filter{
		{Field: "proxied", Value: "true"}, {Field: "type", Value: "CNAME"}, {Field: "type", Value: "NS"},
	}}
	err := n.store.Records(ctx, z.ID, query, func(rec *model.Record) error {
		r.record(rec)
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.nameServers(mem.Access())
	return r.out, nil
}

type reviewer struct {
	z   *model.Zone
	st  *zone.State
	out []api.Finding
}

func (r *reviewer) add(f api.Finding, name wire.Name, t wire.Type, id model.ID) {
	if len(r.out) >= maxFindings {
		return
	}
	f.Name, f.Type, f.Record = name.Host(), t.String(), id
	f.Served, f.Transferred = show(r.st.Served, name), show(r.st.Transfer, name)
	f.Fix = &api.Fix{Label: "DNS records", Path: "/zones/" + string(r.z.ID) + "/dns/records"}
	r.out = append(r.out, f)
}

// show writes the addresses and aliases at a name.
func show(v *zone.Version, name wire.Name) []string {
	out := []string{}
	for _, s := range v.Sets(name) {
		if s.Type != wire.TypeA && s.Type != wire.TypeAAAA && s.Type != wire.TypeCNAME && s.Type != wire.TypeNS {
			continue
		}
		for _, d := range s.Data {
			out = append(out, s.Type.String()+" "+rr.FormatData(s.Type, d))
		}
	}
	return out
}

func (r *reviewer) record(rec *model.Record) {
	served, transferred := show(r.st.Served, rec.Name), show(r.st.Transfer, rec.Name)
	apex := rec.Name == r.z.Name
	switch {
	case rec.Type == wire.TypeNS && apex && !r.z.Settings.MultiProvider:
		r.add(api.Finding{
			Reason: "apex_ns_ignored", Severity: api.SeverityWarning,
			Message: "This NS record at the apex is ignored until multi-provider is on: secondaries do not get it.",
		}, rec.Name, rec.Type, rec.ID)
	case rec.Type == wire.TypeCNAME && apex && slices.ContainsFunc(transferred, func(s string) bool { return s[:5] == "CNAME" }):
		r.add(api.Finding{
			Reason: "apex_cname", Severity: api.SeverityCritical,
			Message: "Secondaries get a CNAME at the apex beside the SOA: name servers refuse such a zone or answer it wrongly. Choose transfer mode edge, or replace it by addresses.",
		}, rec.Name, rec.Type, rec.ID)
	case rec.Proxied && !slices.Equal(served, transferred):
		r.add(api.Finding{
			Reason: "origin_exposed", Severity: api.SeverityWarning,
			Message: "We answer with edge addresses, secondaries with the origin: whoever asks them sees it.",
		}, rec.Name, rec.Type, rec.ID)
	case rec.Type == wire.TypeCNAME && !slices.Equal(served, transferred):
		r.add(api.Finding{
			Reason: "flattened", Severity: api.SeverityInfo,
			Message: "We answer with the target's addresses, secondaries with the CNAME.",
		}, rec.Name, rec.Type, rec.ID)
	case rec.Type == wire.TypeCNAME && !apex && len(r.st.Transfer.Sets(rec.Name)) > 1:
		r.add(api.Finding{
			Reason: "cname_neighbours", Severity: api.SeverityCritical,
			Message: "A CNAME stands beside other records here.",
		}, rec.Name, rec.Type, rec.ID)
	}
}

// nameServers looks for secondaries that no NS record names: resolvers will not ask them.
func (r *reviewer) nameServers(a zone.Access) {
	ns := 0
	for _, s := range r.st.Transfer.Sets(r.z.Name) {
		if s.Type == wire.TypeNS {
			ns = len(s.Data)
		}
	}
	if len(a.Peers) > 0 && ns <= len(r.z.NameServers) && !r.z.Settings.MultiProvider {
		r.add(api.Finding{
			Reason: "secondary_not_in_ns", Severity: api.SeverityInfo,
			Message: "The zone's NS records name our servers alone: resolvers will not ask the secondaries. Add their NS records and switch multi-provider on, unless they are hidden on purpose.",
		}, r.z.Name, wire.TypeNS, "")
	}
}
