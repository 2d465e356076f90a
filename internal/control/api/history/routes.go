package history

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/history"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// Routes are the operations of history. What a history shows are records: it is open to who may read those.
func Routes() []api.Route { return slices.Concat(zoneRoutes(), accountRoutes(), deletedRoutes()) }

func zoneRoutes() []api.Route {
	const zone = api.Own + "/zones/{zone_id}"
	return []api.Route{
		api.NewRoute(http.MethodGet, zone+"/history", api.ScopeZone, api.DNSRead, api.Lengthy(listChanges)),
		api.NewRoute(http.MethodGet, zone+"/history/{change}", api.ScopeZone, api.DNSRead, getChange),
		api.NewRoute(http.MethodGet, zone+"/diff", api.ScopeZone, api.DNSRead, api.Lengthy(getDiff)),
		api.NewRoute(http.MethodGet, zone+"/at/{version}", api.ScopeZone, api.DNSRead, api.Lengthy(getFile)),
		api.NewRoute(http.MethodPost, zone+"/revert", api.ScopeZone, api.RecordsWrite, api.Lengthy(revert)),
	}
}

func accountRoutes() []api.Route {
	const account = api.Own + "/accounts/{account_id}"
	return []api.Route{
		api.NewRoute(http.MethodGet, account+"/history", api.ScopeAccount, api.AccSetRead, getDays),
		api.NewRoute(http.MethodPatch, account+"/history", api.ScopeAccount, api.AccSetWrite, editDays),
	}
}

// reader is what reads histories, and how long those of the account are kept.
func reader(q *api.Request) (*history.Reader, time.Duration, error) {
	if q.API.History == nil {
		return nil, 0, api.NotHere()
	}
	a, err := q.LoadAccount()
	return q.API.History, a.HistoryKept(), err
}

// parsePoint reads a serial or a time.
func parsePoint(s string) (history.Point, error) {
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		return history.At(uint32(n)), nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return history.Point{}, api.Invalid(model.CodeHistoryQuery, "", "A version is told by a serial from 0 to 4294967295, or by a time as in 2026-11-28T20:00:00Z.")
	}
	return history.Point{Time: t}, nil
}

// parseTime reads a time of a query, the zero time where there is none.
func parseTime(v url.Values, name string) (time.Time, error) {
	s := api.Last(v, name)
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return t, api.Invalid(model.CodeHistoryQuery, "", name+" must be a time as in 2026-11-28T20:00:00Z.")
	}
	return t, nil
}

// parseLimit reads how much of a list is wanted.
func parseLimit(v url.Values, usual, most int) (int, error) {
	s := api.Last(v, "limit")
	if s == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, api.Invalid(model.CodeHistoryQuery, "", "limit must be a positive number.")
	}
	return min(n, most), nil
}

// daysJSON is how long an account's history is kept.
type daysJSON struct {
	Days *int `json:"days"`
}

func getDays(_ *api.API, q *api.Request) error {
	a, err := q.LoadAccount()
	if err != nil {
		return err
	}
	return okDays(q, &a)
}

func okDays(q *api.Request, a *model.Account) error {
	n := int(a.HistoryKept() / (24 * time.Hour))
	return q.OK(daysJSON{&n})
}

func editDays(_ *api.API, q *api.Request) error {
	var b daysJSON
	if err := q.Decode(&b); err != nil {
		return err
	}
	if b.Days == nil || *b.Days < 1 || *b.Days > model.HistoryDaysMost {
		return api.Invalid(model.CodeHistoryDays, "/days", "days must be a number from 1 to 3650.")
	}
	a, err := q.EditAccount("history", func(a *model.Account) { a.HistoryDays = *b.Days })
	if err != nil {
		return err
	}
	return okDays(q, a)
}
