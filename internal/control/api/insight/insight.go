package insight

import (
	"net/http"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// Routes are the operations of this room.
func Routes() []api.Route {
	const account, zone = api.Own + "/accounts/{account_id}", api.Own + "/zones/{zone_id}"
	return []api.Route{
		api.NewRoute(http.MethodGet, zone+"/queries", api.ScopeZone, api.ZoneRead, zoneQueries),
		api.NewRoute(http.MethodGet, account+"/queries", api.ScopeAccount, api.AccSetRead, accountQueries),
		api.NewRoute(http.MethodGet, zone+"/curves", api.ScopeZone, api.ZoneRead, zoneCurves),
		api.NewRoute(http.MethodGet, account+"/curves", api.ScopeAccount, api.AccSetRead, accountCurves),
		api.NewRoute(http.MethodGet, zone+"/course", api.ScopeZone, api.ZoneRead, showCourse),
		api.NewRoute(http.MethodGet, zone+"/delegation", api.ScopeZone, api.ZoneRead, api.Heavy(showDelegation)),
	}
}

type queriesJSON struct {
	Since   api.Stamp         `json:"since"`
	End     api.Stamp         `json:"end"`
	Step    int64             `json:"step"` // seconds
	Classes []string          `json:"classes"`
	Cells   []api.QueryCounts `json:"cells"` // oldest first
	Total   api.QueryCounts   `json:"total"`
	Names   []nameJSON        `json:"names"`
	Sampled uint64            `json:"sampled"`
	Zones   []zoneJSON        `json:"zones"`
}

type nameJSON struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Class string `json:"class"`
	Count uint64 `json:"count"`
}

type zoneJSON struct {
	Zone  model.ID        `json:"zone_id"`
	Name  string          `json:"name"`
	Total api.QueryCounts `json:"total"`
}

func render(v *api.Queries) queriesJSON {
	return queriesJSON{
		Since: api.Stamp(v.Since), End: api.Stamp(v.End), Step: int64(v.Step / time.Second), Classes: api.QueryClasses[:],
		Cells: api.Each(v.Cells, func(c *api.CurveCell) api.QueryCounts { return c.Queries }), Total: v.Total, Sampled: v.Sampled,
		Names: api.Each(v.Names, func(n *api.QueryName) nameJSON { return nameJSON{n.Name, n.Type, n.Class, n.Count} }),
		Zones: api.Each(v.Zones, func(z *api.QueryZone) zoneJSON { return zoneJSON{z.Zone, z.Name, z.Counts} }),
	}
}

// period reads how far back somebody wants to look.
func period(q *api.Request) (api.Period, error) {
	p := api.Period(api.Last(q.R.URL.Query(), "period"))
	switch p {
	case "":
		return api.PeriodDay, nil
	case api.PeriodHour, api.PeriodDay, api.PeriodMonth:
		return p, nil
	}
	return "", api.Invalid(model.CodePaging, "", "period must be hour, day or month.")
}

func zoneQueries(a *api.API, q *api.Request) error {
	return queries(q, a.ZoneQueries != nil, func(p api.Period) (api.Queries, error) {
		return a.ZoneQueries(q.Ctx(), q.Zone.Account, q.Zone.ID, p)
	})
}

func accountQueries(a *api.API, q *api.Request) error {
	return queries(q, a.AccountQueries != nil, func(p api.Period) (api.Queries, error) { return a.AccountQueries(q.Ctx(), q.Account, p) })
}

func queries(q *api.Request, here bool, ask func(api.Period) (api.Queries, error)) error {
	if !here {
		return api.NotHere()
	}
	p, err := period(q)
	if err != nil {
		return err
	}
	v, err := ask(p)
	if err != nil {
		return err
	}
	return q.OK(render(&v))
}

type curveJSON struct {
	Since   api.Stamp  `json:"since"`
	End     api.Stamp  `json:"end"`
	Step    int64      `json:"step"` // seconds
	Classes []string   `json:"classes"`
	Cells   []cellJSON `json:"cells"` // oldest first
}

type cellJSON struct {
	Queries   api.QueryCounts `json:"queries"`
	Transfers hourJSON        `json:"transfers"`
	Lag       lagJSON         `json:"lag"`
}

type lagJSON struct {
	Arrivals uint64 `json:"arrivals"`
	Mean     *int64 `json:"mean_ms"` // null: of nothing
	Max      *int64 `json:"max_ms"`
}

func lagOf(c *api.CurveCell) lagJSON {
	out := lagJSON{Arrivals: c.Arrivals}
	if c.Arrivals > 0 {
		mean, most := (c.LagSum / time.Duration(c.Arrivals)).Milliseconds(), c.LagMax.Milliseconds()
		out.Mean, out.Max = &mean, &most
	}
	return out
}

func zoneCurves(a *api.API, q *api.Request) error { return curves(a, q, q.Zone.Account, q.Zone.ID) }

func accountCurves(a *api.API, q *api.Request) error { return curves(a, q, q.Account, "") }

func curves(a *api.API, q *api.Request, account, zone model.ID) error {
	if a.Curve == nil {
		return api.NotHere()
	}
	p, err := period(q)
	if err != nil {
		return err
	}
	c, err := a.Curve(q.Ctx(), account, zone, p)
	if err != nil {
		return err
	}
	return q.OK(curveJSON{
		Since: api.Stamp(c.Since), End: api.Stamp(c.End), Step: int64(c.Step / time.Second), Classes: api.QueryClasses[:],
		Cells: api.Each(c.Cells, func(c *api.CurveCell) cellJSON { return cellJSON{c.Queries, hourOf(&c.Transfers), lagOf(c)} }),
	})
}

type courseJSON struct {
	Since     api.Stamp     `json:"since"`
	Watched   bool          `json:"watched"`
	StripEnd  api.Stamp     `json:"strip_end"`
	StripStep int64         `json:"strip_step"` // seconds
	Strips    []stripJSON   `json:"strips"`
	Versions  []versionJSON `json:"versions"`
	HourEnd   api.Stamp     `json:"hour_end"`
	Hours     []hourJSON    `json:"hours"`
	Converged convergedJSON `json:"converged"`
}

type stripJSON struct {
	Peer   model.ID              `json:"peer_id"`
	Name   string                `json:"name"`
	States []*api.SecondaryState `json:"states"` // null: not known
}

type versionJSON struct {
	Serial uint32           `json:"serial"`
	On     api.Stamp        `json:"on"`
	Taken  map[model.ID]int `json:"taken"` // milliseconds, by peer
}

type hourJSON struct {
	Full       uint64 `json:"full"`
	FullOctets uint64 `json:"full_octets"`
	Steps      uint64 `json:"steps"`
	StepOctets uint64 `json:"step_octets"`
	Refused    uint64 `json:"refused"`
	Failed     uint64 `json:"failed"`
}

func hourOf(h *api.CourseHour) hourJSON {
	return hourJSON{h.Full, h.FullOctets, h.Steps, h.StepOctets, h.Refused, h.Failed}
}

type convergedJSON struct {
	Last   []int `json:"last"` // milliseconds of each version, newest first
	Median *int  `json:"median"`
	P95    *int  `json:"p95"`
}

func converged(list []time.Duration) convergedJSON {
	out := convergedJSON{Last: api.Each(list, func(d *time.Duration) int { return int(d.Milliseconds()) })}
	if len(out.Last) == 0 {
		return out
	}
	sorted := slices.Sorted(slices.Values(out.Last))
	at := func(percent int) *int { return &sorted[min(len(sorted)-1, len(sorted)*percent/100)] }
	out.Median, out.P95 = at(50), at(95)
	return out
}

func showCourse(a *api.API, q *api.Request) error {
	if a.Course == nil {
		return api.NotHere()
	}
	c := a.Course(&q.Zone)
	state := func(s *api.SecondaryState) *api.SecondaryState {
		if *s == "" {
			return nil
		}
		return s
	}
	return q.OK(courseJSON{
		Since: api.Stamp(c.Since), Watched: c.Watched, StripEnd: api.Stamp(c.StripEnd), StripStep: int64(c.StripStep / time.Second),
		Strips: api.Each(c.Strips, func(s *api.CourseStrip) stripJSON { return stripJSON{s.Peer, s.Name, api.Each(s.States, state)} }),
		Versions: api.Each(c.Versions, func(v *api.CourseVersion) versionJSON {
			one := versionJSON{v.Serial, api.Stamp(v.On), make(map[model.ID]int, len(v.Taken))}
			for p, d := range v.Taken {
				one.Taken[p] = int(d.Milliseconds())
			}
			return one
		}),
		HourEnd:   api.Stamp(c.HourEnd),
		Hours:     api.Each(c.Hours, hourOf),
		Converged: converged(c.Converged),
	})
}

type delegationJSON struct {
	Parent  string       `json:"parent"`
	Names   []string     `json:"names"` // that any of its servers names
	Agree   bool         `json:"agree"` // all that answer say the same
	Wanted  []string     `json:"wanted"`
	Servers []serverJSON `json:"servers"`
	Error   string       `json:"error"` // nobody could be asked
}

type serverJSON struct {
	Server  string   `json:"server"`
	Address string   `json:"address"`
	Names   []string `json:"names"`
	Error   string   `json:"error"`
}

// showDelegation asks the parent's servers now. That nobody could be asked is an answer, too.
func showDelegation(a *api.API, q *api.Request) error {
	if a.Delegation == nil {
		return api.NotHere()
	}
	d, err := a.Delegation(q.Ctx(), &q.Zone)
	out := delegationJSON{Parent: d.Parent, Names: []string{}, Agree: true, Wanted: api.OrEmpty(d.Wanted)}
	if err != nil {
		out.Error, out.Servers = err.Error(), []serverJSON{}
		return q.OK(out)
	}
	var first []string
	answered := false
	for _, s := range d.Servers {
		if s.Error != "" {
			continue
		}
		if answered && !slices.Equal(first, s.Names) {
			out.Agree = false
		}
		if !answered {
			first, answered = s.Names, true
		}
		out.Names = append(out.Names, s.Names...)
	}
	slices.Sort(out.Names)
	out.Names = slices.Compact(out.Names)
	out.Servers = api.Each(d.Servers, func(s *api.DelegationServer) serverJSON {
		one := serverJSON{Server: s.Server, Names: api.OrEmpty(s.Names), Error: s.Error}
		if s.Addr.IsValid() {
			one.Address = s.Addr.String()
		}
		return one
	})
	return q.OK(out)
}
