// Package insight feeds what keeps numbers for people to look at (dns/meter, dns/course, dns/curve) from the parts that know them, takes what
// is to be kept longer to the store, and tells the API of it. It knows those parts; it must not know JSON, or when it runs.
package insight

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/parent"
	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/course"
	"github.com/headwaterdns/headwater/internal/dns/curve"
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
	// Store keeps curves for longer than this process, and all nodes'; nil: nobody does.
	Store Store
	Log   *slog.Logger
	// Stands yields how linked peers stand (watch.Watcher.Each); Parent is what a zone's parent says of its servers.
	Stands func(yield func(watch.Stand) bool)
	Parent func(ctx context.Context, zone wire.Name) (parent.Answer, error)
}

// Insight is the numbers.
type Insight struct {
	cfg    Config
	run    model.ID // of this process
	Meter  *meter.Meter
	Course *course.Course
	curve  *curve.Book
}

// New returns an Insight that knows nothing yet.
func New(cfg Config) *Insight {
	n := &Insight{
		cfg: cfg, run: runID(), Course: course.New(course.Config{Now: cfg.Now}), curve: curve.New(curve.Config{Now: cfg.Now, Taken: cfg.Store != nil}),
	}
	n.Meter = meter.New(meter.Config{
		Now: cfg.Now, Known: func(id string) bool { return cfg.DB.ByID(id) != nil },
		Counted: func(z *zone.Zone, c *meter.Counts) { n.curve.Add(z.AccountID(), z.ID, &curve.Sum{Queries: *c}) },
	})
	return n
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
	n.curve.Forget(id)
}

// Holds notes that a peer was seen with a serial. How long it took is counted by the node that looks after the zone's secondaries, so that
// of several who see it one does.
func (n *Insight) Holds(id, peer string, serial uint32) {
	lags := n.Course.Holds(id, peer, serial)
	z := n.cfg.DB.ByID(id)
	if len(lags) == 0 || z == nil || !n.cfg.Holds(model.ID(id)) {
		return
	}
	sum := curve.Sum{}
	for _, d := range lags {
		one := curve.Arrived(d)
		sum.Add(&one)
	}
	n.curve.Add(z.AccountID(), id, &sum)
}

// Fetched notes what came of a transfer.
func (n *Insight) Fetched(r *xfr.Report) {
	if serial, ok := r.Holds(); ok && r.Client.Peer.ID != "" {
		n.Holds(r.ZoneID, r.Client.Peer.ID, serial)
	}
	z := n.cfg.DB.ByID(r.ZoneID)
	if z == nil || r.Kind == xfr.UpToDate || r.Kind == xfr.TooLarge {
		return
	}
	t := course.Transfer{Full: r.Kind != xfr.IXFR, Refused: r.Refused(), Failed: !r.Refused() && r.Reason != "", Octets: r.Bytes}
	n.Course.Transferred(r.ZoneID, t)
	sum := curve.Sum{}
	switch octets := uint64(max(t.Octets, 0)); {
	case t.Refused:
		sum.Refused = 1
	case t.Failed:
		sum.Failed = 1
	case t.Full:
		sum.Full, sum.FullOctets = 1, octets
	default:
		sum.Steps, sum.StepOctets = 1, octets
	}
	n.curve.Add(z.AccountID(), r.ZoneID, &sum)
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
