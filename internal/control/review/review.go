package review

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Input is what a review is made of.
type Input struct {
	Zone *model.Zone
	// State holds the two faces, Access the linked peers.
	State  *zone.State
	Access zone.Access
	// Records yields the zone's records that a query finds.
	Records func(ctx context.Context, query model.RecordQuery, yield func(*model.Record) error) error
	// Find gives the served face of the zone of the same account that a name lies in; nil for none.
	Find func(name wire.Name) *zone.Version
	// Inside lists zones of this server that lie in this one, of any account; nil for none.
	Inside func(ctx context.Context) ([]model.Zone, error)
	// Secondaries and Servers tell of a signed zone's linked peers and of the addresses of its name servers, as far as somebody has
	// looked, Now is when.
	Secondaries []Secondary
	Servers     []Server
	Now         time.Time
}

// Most bounds the findings of each severity that a review holds.
const Most = 1000

// Of reviews a zone.
func Of(ctx context.Context, in Input) (model.Review, error) {
	r := reviewer{Input: in, by: map[model.Severity][]model.Finding{}}
	query := model.RecordQuery{Any: true, Filters: []model.Filter{
		{Field: "proxied", Value: "true"}, {Field: "type", Value: "CNAME"}, {Field: "type", Value: "NS"},
	}}
	err := in.Records(ctx, query, func(rec *model.Record) error {
		r.record(rec)
		return nil
	})
	if err != nil {
		return model.Review{}, fmt.Errorf("review zone %s: %w", in.Zone.ID, err)
	}
	overhead := 0
	for _, p := range in.Access.Peers {
		for _, k := range p.Keys() {
			overhead = max(overhead, Overhead(k.Name, wire.Name(k.Algorithm)))
		}
	}
	Loads(in.State.Transfer, overhead, nil, func(f model.Finding) {
		if f.Reason == model.ReasonApexCNAME {
			f.Record = r.apexCNAME
		}
		r.add(f)
	})
	r.nameServers()
	r.signed()
	if in.Inside != nil {
		inside, err := in.Inside(ctx)
		if err != nil {
			return model.Review{}, fmt.Errorf("review zone %s: %w", in.Zone.ID, err)
		}
		for i := range inside {
			r.hidden(&inside[i])
		}
	}
	out := model.Review{Total: r.total, Critical: r.critical}
	for _, s := range []model.Severity{model.SeverityCritical, model.SeverityWarning, model.SeverityInfo} {
		out.Findings = append(out.Findings, r.by[s]...)
	}
	return out, nil
}

type reviewer struct {
	Input
	by              map[model.Severity][]model.Finding
	total, critical int
	apexCNAME       model.ID
	typesTold       map[wire.Name]bool
}

// add counts a finding, and keeps it with what the faces hold while there is room.
func (r *reviewer) add(f model.Finding) {
	r.total++
	if f.Severity == model.SeverityCritical {
		r.critical++
	}
	if len(r.by[f.Severity]) >= Most {
		return
	}
	f.Served, f.Transferred = show(r.State.Served, &f), show(r.State.Transfer, &f)
	r.by[f.Severity] = append(r.by[f.Severity], f)
}

// Bounds of what a finding shows of a name.
const (
	mostShown    = 20
	longestShown = 200
)

// show writes what a face holds at a finding's name: addresses, aliases and the finding's own type; beside a CNAME, all.
func show(v *zone.Version, f *model.Finding) []string {
	out := []string{}
	for _, s := range v.Sets(f.Name) {
		if s.Type == zone.TypeMark {
			out = append(out, map[bool]string{true: "SERVFAIL", false: "no address"}[zone.Fails(&s)])
			continue
		}
		if s.Type != f.Type && !stands(s.Type) && f.Reason != model.ReasonNeighbours {
			continue
		}
		for _, d := range s.Data {
			if len(out) == mostShown {
				return append(out, "…")
			}
			text := rr.FormatData(s.Type, d)
			if len(text) > longestShown {
				text = text[:longestShown] + "…"
			}
			out = append(out, s.Type.String()+" "+text)
		}
	}
	return out
}

// stands says whether rendering may put another record in the place of one of this type.
func stands(t wire.Type) bool { return t == wire.TypeA || t == wire.TypeAAAA || t == wire.TypeCNAME }

// view is what a face holds at a name, as far as the faces can differ.
type view struct {
	addrs  []rr.Set // A, AAAA and CNAME
	cname  bool
	fails  bool
	others []wire.Type
}

func look(v *zone.Version, name wire.Name) view {
	var out view
	for _, s := range v.Data(name) {
		switch {
		case s.Type == zone.TypeMark:
			out.fails = zone.Fails(&s)
		case stands(s.Type):
			out.addrs = append(out.addrs, s)
			out.cname = out.cname || s.Type == wire.TypeCNAME
		default:
			out.others = append(out.others, s.Type)
		}
	}
	return out
}

// same compares data; TTLs may differ between the faces of a flattened name.
func (a *view) same(b *view) bool {
	return a.fails == b.fails && slices.EqualFunc(a.addrs, b.addrs, func(x, y rr.Set) bool {
		return x.Type == y.Type && slices.EqualFunc(x.Data, y.Data, bytes.Equal)
	})
}

// record finds how one record fares. One that is proxied and shares its name with others is a finding of its own.
func (r *reviewer) record(rec *model.Record) {
	f := model.Finding{Name: rec.Name, Type: rec.Type, Record: rec.ID}
	apex := rec.Name == r.Zone.Name
	if rec.Type == wire.TypeNS {
		if apex && !r.Zone.Settings.MultiProvider {
			f.Reason, f.Severity = model.ReasonApexNS, model.SeverityWarning
			f.Message = "This NS record at the apex is ignored until multi-provider is on: it is neither answered nor transferred."
			r.add(f)
		}
		return
	}
	if apex && rec.Type == wire.TypeCNAME {
		r.apexCNAME = rec.ID
	}
	served, transferred := look(r.State.Served, rec.Name), look(r.State.Transfer, rec.Name)
	switch {
	case served.fails:
		f.Reason, f.Severity, f.Message = model.ReasonUnresolved, model.SeverityWarning, unresolved(&transferred)
		r.add(f)
	case rec.Proxied && !served.same(&transferred):
		f.Reason, f.Severity = model.ReasonOrigin, model.SeverityWarning
		f.Message = "We answer with edge addresses, secondaries with the origin: whoever asks them sees it. Transfer mode edge hides it."
		r.add(f)
	case rec.Proxied && r.Zone.Mode == model.ModeEdge && r.differs(rec, &transferred):
		f.Reason, f.Severity = model.ReasonEdge, model.SeverityInfo
		f.Message = "Secondaries get edge addresses in this record's place, and follow them by transfers."
		r.add(f)
	case rec.Type == wire.TypeCNAME && !served.same(&transferred):
		f.Reason, f.Severity = model.ReasonFlattened, model.SeverityInfo
		f.Message = flattened(&served, &transferred)
		r.add(f)
	}
	r.withheld(f, &served, &transferred)
	r.types(f)
}

func flattened(served, transferred *view) string {
	switch {
	case !transferred.cname:
		return "The target's addresses have just changed; secondaries get that with the next version."
	case len(served.addrs) == 0:
		return "The target has no address. We answer so, secondaries with the CNAME."
	}
	return "We answer with the target's addresses, secondaries with the CNAME."
}

func unresolved(transferred *view) string {
	const text = "The target cannot be looked up and what was known of it is too old: we answer SERVFAIL, "
	switch {
	case transferred.cname:
		return text + "secondaries have the CNAME."
	case len(transferred.addrs) > 0:
		return text + "secondaries keep the last addresses."
	}
	return text + "secondaries have no address here."
}

// differs says whether a face holds something else than the record itself.
func (r *reviewer) differs(rec *model.Record, v *view) bool {
	return !slices.ContainsFunc(v.addrs, func(s rr.Set) bool {
		return s.Type == rec.Type && slices.ContainsFunc(s.Data, func(d []byte) bool { return bytes.Equal(d, rec.RData) })
	})
}

// withheld tells of records beside a CNAME that we answer and do not transfer.
func (r *reviewer) withheld(f model.Finding, served, transferred *view) {
	if f.Type != wire.TypeCNAME || len(served.others) <= len(transferred.others) {
		return
	}
	f.Reason, f.Severity = model.ReasonNeighbours, model.SeverityWarning
	f.Message = "The other records of this name are answered by us and not transferred, because a CNAME may not stand beside " +
		"others: BIND and Knot would refuse the whole zone."
	r.add(f)
}

// nameServers looks for linked peers that no NS record leads to. Where a name server's addresses are not in a zone of this
// node nobody knows whose it is, and nothing is said of any peer.
func (r *reviewer) nameServers() {
	var known []netip.Addr
	for _, s := range r.State.Transfer.Sets(r.Zone.Name) {
		if s.Type != wire.TypeNS {
			continue
		}
		for _, d := range s.Data {
			host := wire.Name(d)
			addrs := r.addresses(host)
			if len(addrs) == 0 && !slices.Contains(r.Zone.NameServers, host.Host()) {
				return
			}
			known = append(known, addrs...)
		}
	}
	for _, p := range r.Access.Peers {
		if !p.Addr.IsValid() || slices.Contains(known, p.Addr.Addr()) {
			continue
		}
		r.add(model.Finding{
			Reason: model.ReasonNotInNS, Severity: model.SeverityInfo, Name: r.Zone.Name, Type: wire.TypeNS,
			Message: fmt.Sprintf("No NS record of the zone leads to the peer %s (%s): resolvers will not ask it. Unless it is "+
				"hidden on purpose, add its NS record and switch multi-provider on.", p.Name, p.Addr.Addr()),
		})
	}
}

func (r *reviewer) addresses(host wire.Name) (out []netip.Addr) {
	v := r.Find(host)
	if v == nil {
		return nil
	}
	for _, s := range v.Sets(host) {
		if s.Type != wire.TypeA && s.Type != wire.TypeAAAA {
			continue
		}
		for _, d := range s.Data {
			if a, ok := netip.AddrFromSlice(d); ok {
				out = append(out, a)
			}
		}
	}
	return out
}
