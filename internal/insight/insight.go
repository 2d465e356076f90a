// Package insight feeds what keeps numbers for people to look at (dns/meter, dns/course) from the parts that know them, and tells the
// API of it. It knows those parts; it must not know JSON, or when it runs.
package insight

import (
	"context"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/parent"
	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/course"
	"github.com/headwaterdns/headwater/internal/dns/meter"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Config is what an Insight needs; all of it is required.
type Config struct {
	DB    *zone.DB
	Holds func(zone model.ID) bool // this node works for the zone
	Ready func() bool              // what is published from now on was made now
	Now   func() time.Time
	// Stands yields how linked peers stand (watch.Watcher.Each); Parent is what a zone's parent says of its servers.
	Stands func(yield func(watch.Stand) bool)
	Parent func(ctx context.Context, zone wire.Name) (parent.Answer, error)
}

// Insight is the numbers.
type Insight struct {
	cfg    Config
	Meter  *meter.Meter
	Course *course.Course
}

// New returns an Insight that knows nothing yet.
func New(cfg Config) *Insight {
	return &Insight{
		cfg: cfg, Course: course.New(course.Config{Now: cfg.Now}),
		Meter: meter.New(meter.Config{Now: cfg.Now, Known: func(id string) bool { return cfg.DB.ByID(id) != nil }}),
	}
}

// Responder answers and counts. It is on the query path.
type Responder struct {
	to    *answer.Responder
	shard *meter.Shard
}

// Responder makes what a thread answers with.
func (n *Insight) Responder(to *answer.Responder) *Responder {
	return &Responder{to: to, shard: n.Meter.Shard()}
}

// Begin is answer.Responder's, as Near and Leave are.
func (c *Responder) Begin(q *wire.Request) { c.to.Begin(q) }

// Near is described with Begin.
func (c *Responder) Near(q *wire.Request) { c.to.Near(q) }

// Leave is described with Begin.
func (c *Responder) Leave(q *wire.Request) { c.to.Leave(q) }

// Respond is answer.Responder's.
func (c *Responder) Respond(dst []byte, q *wire.Request) []byte {
	out := c.to.Respond(dst, q)
	if z := c.to.Zone(); z != nil && len(out) > len(dst) {
		c.shard.Count(z, &q.Query, wire.HeaderFlags(out[len(dst):]).Rcode())
	}
	return out
}

// severity orders the states for the strips: of several in ten minutes the worst is shown.
//
//nolint:gochecknoglobals // a table
var severity = []watch.State{
	"", watch.InStep, watch.Unknown, watch.NoAddress, watch.Behind, watch.Ahead, watch.Unreachable, watch.Refuses, watch.NoZone, watch.WrongKey, watch.Differs,
}

// strideEvery is how often it is noted how secondaries stand, and graceBehind how long one may be behind before that counts: each change
// puts it there for a moment.
const (
	strideEvery = time.Minute
	graceBehind = 2 * time.Minute
)

// Stride notes how secondaries stand, until ctx ends.
func (n *Insight) Stride(ctx context.Context) error {
	tick := time.NewTicker(strideEvery)
	defer tick.Stop()
	for {
		now := n.cfg.Now()
		for s := range n.cfg.Stands {
			if s.State == watch.Behind && now.Sub(s.InStep) < graceBehind {
				s.State = watch.InStep
			}
			if at := slices.Index(severity, s.State); at > 0 && s.State != watch.Unknown {
				n.Course.Stood(s.Zone, s.Peer, uint8(at))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Versioned notes a version that secondaries are to take. What is there when the server starts came earlier, and nobody knows when.
func (n *Insight) Versioned(z *zone.Zone) {
	if st := z.State(); st.Links.Enabled && len(st.Links.Peers) > 0 && n.cfg.Ready() {
		n.Course.Published(z.ID, st.Transfer.Serial())
	}
}

// Forget drops a zone that is gone.
func (n *Insight) Forget(id string) {
	n.Meter.Forget(id)
	n.Course.Forget(id)
}

// Fetched notes what came of a transfer.
func (n *Insight) Fetched(r *xfr.Report) {
	if serial, ok := r.Holds(); ok && r.Client.Peer.ID != "" {
		n.Course.Holds(r.ZoneID, r.Client.Peer.ID, serial)
	}
	if n.cfg.DB.ByID(r.ZoneID) == nil || r.Kind == xfr.UpToDate || r.Kind == xfr.TooLarge {
		return
	}
	n.Course.Transferred(r.ZoneID, course.Transfer{
		Full: r.Kind != xfr.IXFR, Refused: r.Refused(), Failed: !r.Refused() && r.Reason != "", Octets: r.Bytes,
	})
}

// namesShown and zonesShown bound the lists beside the numbers.
const namesShown, zonesShown = 20, 10

//nolint:gochecknoglobals // a table
var meterPeriods = map[api.Period]meter.Period{api.PeriodHour: meter.Hour, api.PeriodDay: meter.Day, api.PeriodMonth: meter.Month}

func queriesOf(v *meter.View, p meter.Period) api.Queries {
	return api.Queries{
		Since: v.Since, End: v.End, Step: p.Step(), Sampled: v.Sampled, Total: api.QueryCounts(v.Total),
		Cells: api.Each(v.Series, func(c *meter.Counts) api.QueryCounts { return api.QueryCounts(*c) }),
		Names: api.Each(v.Names, func(a *meter.Asked) api.QueryName {
			return api.QueryName{Name: a.Name.Host(), Type: a.Type.String(), Class: a.Class.String(), Count: a.Count}
		}),
	}
}

// ZoneQueries tells what this node was asked of a zone.
func (n *Insight) ZoneQueries(z model.ID, period api.Period) api.Queries {
	p := meterPeriods[period]
	v := n.Meter.Zone(string(z), p, namesShown)
	return queriesOf(&v, p)
}

// AccountQueries tells what this node was asked of an account's zones.
func (n *Insight) AccountQueries(account model.ID, period api.Period) api.Queries {
	p := meterPeriods[period]
	v, shares := n.Meter.Account(string(account), p, zonesShown)
	out := queriesOf(&v, p)
	for _, s := range shares {
		if z := n.cfg.DB.ByID(s.Zone); z != nil {
			out.Zones = append(out.Zones, api.QueryZone{Zone: model.ID(s.Zone), Name: z.Name.Host(), Counts: api.QueryCounts(s.Counts)})
		}
	}
	return out
}

// CourseOf tells how a zone's secondaries fared.
func (n *Insight) CourseOf(z *model.Zone) api.Course {
	v := n.Course.Zone(string(z.ID))
	out := api.Course{
		Since: v.Since, Watched: n.cfg.Holds(z.ID), StripEnd: v.End, StripStep: course.StripStep, HourEnd: v.HourEnd,
		Hours: api.Each(v.Hours, func(h *course.Transfers) api.CourseHour {
			return api.CourseHour{
				Full: uint64(h.Full), Steps: uint64(h.Steps), Refused: uint64(h.Refused), Failed: uint64(h.Failed),
				FullOctets: h.FullOctets, StepOctets: h.StepOctets,
			}
		}),
	}
	var linked []string
	if mem := n.cfg.DB.ByID(string(z.ID)); mem != nil {
		for _, p := range mem.Access().Peers {
			linked = append(linked, p.ID)
			strip := api.CourseStrip{Peer: model.ID(p.ID), Name: p.Name, States: make([]api.SecondaryState, course.StripCells)}
			for i, s := range v.Strips[p.ID] {
				strip.States[i] = api.SecondaryState(severity[s])
			}
			out.Strips = append(out.Strips, strip)
		}
	}
	for i := range v.Versions {
		one := api.CourseVersion{Serial: v.Versions[i].Serial, On: v.Versions[i].On, Taken: map[model.ID]time.Duration{}}
		for peer, d := range v.Versions[i].Taken {
			if slices.Contains(linked, peer) {
				one.Taken[model.ID(peer)] = d
			}
		}
		out.Versions = append(out.Versions, one)
	}
	out.Converged = v.Converged(linked)
	return out
}

// apexNames are the names that a zone's apex has NS records of, as secondaries get them.
func apexNames(z *zone.Zone) (out []string) {
	for _, s := range z.State().Transfer.Sets(z.Name) {
		if s.Type != wire.TypeNS {
			continue
		}
		for _, d := range s.Data {
			out = append(out, wire.Name(d).Host())
		}
	}
	return out
}

// Delegation asks a zone's parent for its name servers.
func (n *Insight) Delegation(ctx context.Context, z *model.Zone) (out api.Delegation, err error) {
	seen, err := n.cfg.Parent(ctx, z.Name)
	out.Parent, out.Wanted = seen.Parent.Host(), slices.Clone(z.NS())
	if z.Settings.MultiProvider {
		if mem := n.cfg.DB.ByID(string(z.ID)); mem != nil {
			out.Wanted = apexNames(mem)
		}
	}
	slices.Sort(out.Wanted)
	for _, s := range seen.Seen {
		one := api.DelegationServer{Server: s.Server.Host(), Addr: s.Addr, Error: s.Error}
		for _, name := range s.NS {
			one.Names = append(one.Names, name.Host())
		}
		out.Servers = append(out.Servers, one)
	}
	return out, err
}
