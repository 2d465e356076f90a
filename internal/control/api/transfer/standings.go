package transfer

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
)

func standingRoutes() []api.Route {
	return []api.Route{api.NewRoute(http.MethodGet, api.Own+"/zones", api.ScopeAny, outgoingRead, listStandings)}
}

// Page sizes of standings, and how many zones are looked through for those in trouble.
const (
	standingsUsual = 50
	standingsMost  = 100
	troubleMost    = 20_000
)

// standingJSON is a zone with how its secondaries stand, for lists of many: one request in place of three a zone.
type standingJSON struct {
	ID      model.ID                   `json:"id"`
	Name    string                     `json:"name"` // with U-labels
	Status  string                     `json:"status"`
	Paused  bool                       `json:"paused"`
	Serial  uint32                     `json:"serial"`
	Enabled bool                       `json:"enabled"` // transfers are on, and allowed
	States  map[api.SecondaryState]int `json:"states"`  // how many linked peers are in each
	Expires api.Stamp                  `json:"expires_on"`
	Peers   []standingPeerJSON         `json:"peers,omitempty"` // where they were asked for
}

// standingPeerJSON is how one linked peer stands.
type standingPeerJSON struct {
	Peer    model.ID           `json:"peer_id"`
	State   api.SecondaryState `json:"state"`
	Behind  *int               `json:"versions_behind"`
	Expires api.Stamp          `json:"expires_on"`
}

// expiry is when a secondary lets a zone go that it cannot renew: nobody knows of one that was never seen in step.
func expiry(p *api.SecondaryPeer, z *model.Zone, now time.Time) time.Time {
	if p.State == api.SecondaryInStep || p.SecondsBehind == nil {
		return time.Time{}
	}
	return now.Add(time.Duration(int64(z.Settings.SOA.Expire)-*p.SecondsBehind) * time.Second)
}

// urgency is how soon somebody should look at a zone: the worst of its peers, by cause.
func (s *standingJSON) urgency() int {
	if !s.Enabled {
		return 0
	}
	worst := 0
	for i, state := range urgencies {
		if s.States[state] > 0 {
			worst = i + 1
		}
	}
	return worst
}

// urgencies are the states, the worst last.
//
//nolint:gochecknoglobals // a table
var urgencies = []api.SecondaryState{
	api.SecondaryInStep, api.SecondaryUnknown, api.SecondaryNoAddress, api.SecondaryBehind, api.SecondaryAhead, api.SecondaryUnreachable,
	api.SecondaryRefuses, api.SecondaryWrongKey, api.SecondaryNoZone, api.SecondaryDiffers,
}

// trouble says whether somebody should look: transfers are on, and a linked peer is known not to be in step.
func (s *standingJSON) trouble() bool {
	if !s.Enabled {
		return false
	}
	for state, n := range s.States {
		if n > 0 && state != api.SecondaryInStep && state != api.SecondaryUnknown {
			return true
		}
	}
	return false
}

// standings looks zones up; what accounts allow is read once each.
type standings struct {
	q       *api.Request
	allowed map[model.ID]bool
	peers   bool // each is told of
}

func (s *standings) of(z *model.Zone) (standingJSON, error) {
	out := standingJSON{
		ID: z.ID, Name: rr.ToUnicode(z.Name.Host()), Status: z.Status, Paused: z.Paused, Serial: z.Serial, States: map[api.SecondaryState]int{},
	}
	if z.Outgoing == nil {
		return out, nil
	}
	allowed, err := s.entitled(z)
	if err != nil {
		return out, err
	}
	out.Enabled = z.Outgoing.Enabled && allowed
	if s.q.API.Secondaries == nil {
		return out, nil
	}
	known, err := s.q.API.Secondaries(s.q.Ctx(), *z)
	for i := range known.Peers {
		p := &known.Peers[i]
		out.States[p.State]++
		ends := expiry(p, z, s.q.Now())
		if first := time.Time(out.Expires); !ends.IsZero() && (first.IsZero() || ends.Before(first)) {
			out.Expires = api.Stamp(ends)
		}
		if s.peers {
			out.Peers = append(out.Peers, standingPeerJSON{p.Peer, p.State, p.VersionsBehind, api.Stamp(ends)})
		}
	}
	return out, err
}

func (s *standings) entitled(z *model.Zone) (bool, error) {
	if z.OutgoingTransfers != nil {
		return *z.OutgoingTransfers, nil
	}
	if known, ok := s.allowed[z.Account]; ok {
		return known, nil
	}
	acc, err := s.q.API.Store.Account(s.q.Ctx(), z.Account)
	s.allowed[z.Account] = acc.OutgoingTransfers
	return acc.OutgoingTransfers, err
}

// listStandings lists the zones that the identity may see by name, each with how its secondaries stand. With standing=trouble
// only those that somebody should look at; they are looked for among the first 20,000, and so is what comes first in an order other
// than by name.
func listStandings(a *api.API, q *api.Request) error {
	v := q.R.URL.Query()
	page, per, err := q.Page(standingsUsual, standingsMost)
	if err != nil {
		return err
	}
	query := model.ZoneQuery{Order: "name", Search: search(api.Last(v, "search"))}
	if query.Desc, err = q.Direction(); err != nil {
		return err
	}
	if id := api.Last(v, "account.id"); id != "" {
		query.Filters = append(query.Filters, model.Filter{Field: "account.id", Value: id})
	}
	if err := q.Who.BoundZones(q.Ctx(), a.Store, outgoingRead, &query); err != nil {
		return err
	}
	s := &standings{q: q, allowed: map[model.ID]bool{}, peers: api.Last(v, "peers") == "true"}
	order, standing := api.Last(v, "order"), api.Last(v, "standing")
	if order != "" && order != "name" {
		before, ok := orders[order]
		if !ok {
			return api.Invalid(model.CodePaging, "", "order must be name, standing, expires or serial.")
		}
		if standing != "" && standing != "trouble" {
			return errStanding()
		}
		return q.Heavily(func() error { return s.ordered(query, page, per, standing == "trouble", before) })
	}
	switch standing {
	case "":
		query.Offset, query.Limit = api.Offset(page, per), per
		list, total, err := s.list(query, func(*standingJSON) bool { return true })
		if err != nil {
			return err
		}
		return q.List(list, api.Info(page, per, len(list), total))
	case "trouble":
		return q.Heavily(func() error {
			query.Limit = troubleMost
			list, _, err := s.list(query, (*standingJSON).trouble)
			if err != nil {
				return err
			}
			shown := api.Slice(list, page, per)
			return q.List(shown, api.Info(page, per, len(shown), len(list)))
		})
	}
	return errStanding()
}

func errStanding() error { return api.Invalid(model.CodePaging, "", "standing must be trouble.") }

// orders say which of two zones comes first, but by name; of two alike the names decide.
//
//nolint:gochecknoglobals // a table
var orders = map[string]func(a, b *standingJSON) int{
	"standing": func(a, b *standingJSON) int { return cmp.Compare(b.urgency(), a.urgency()) },
	"serial":   func(a, b *standingJSON) int { return cmp.Compare(a.Serial, b.Serial) },
	"expires": func(a, b *standingJSON) int {
		x, y := time.Time(a.Expires), time.Time(b.Expires)
		if x.IsZero() || y.IsZero() { // those that do not expire come last
			return cmp.Compare(b2i(x.IsZero()), b2i(y.IsZero()))
		}
		return x.Compare(y)
	},
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ordered answers a page of zones in an order that only who has looked at all of them knows.
func (s *standings) ordered(query model.ZoneQuery, page, per int, trouble bool, before func(a, b *standingJSON) int) error {
	query.Limit = troubleMost
	desc := query.Desc
	query.Desc = false
	list, _, err := s.list(query, func(one *standingJSON) bool { return !trouble || one.trouble() })
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b standingJSON) int {
		if desc {
			return before(&b, &a)
		}
		return before(&a, &b)
	})
	shown := api.Slice(list, page, per)
	return s.q.List(shown, api.Info(page, per, len(shown), len(list)))
}

func (s *standings) list(query model.ZoneQuery, want func(*standingJSON) bool) ([]standingJSON, int, error) {
	zones, total, err := s.q.API.Store.Zones(s.q.Ctx(), query)
	if err != nil {
		return nil, 0, err
	}
	out := make([]standingJSON, 0, min(len(zones), standingsMost))
	for i := range zones {
		one, err := s.of(&zones[i])
		if err != nil {
			return nil, 0, err
		}
		if want(&one) {
			out = append(out, one)
		}
	}
	return out, total, nil
}

// search brings a part of a name to how the store has it.
func search(s string) string {
	s = strings.TrimSpace(s)
	if a, err := rr.ToASCII(s); err == nil && !api.IsASCII(s) {
		return a
	}
	return s
}
