package transfer

import (
	"net/http"
	"strings"

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
	troubleMost    = 5000
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
		out.States[known.Peers[i].State]++
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
// only those that somebody should look at; they are looked for among the first 5,000.
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
	s := &standings{q, map[model.ID]bool{}}
	switch api.Last(v, "standing") {
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
	return api.Invalid(model.CodePaging, "", "standing must be trouble.")
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
