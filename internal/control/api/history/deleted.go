package history

import (
	"net/http"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/zone"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// deletedRoutes are about zones that have no path any more: who may do something to one of them is who might to the zone.
func deletedRoutes() []api.Route {
	const deleted = api.Own + "/accounts/{account_id}/deleted_zones"
	return []api.Route{
		api.NewRoute(http.MethodGet, deleted, api.ScopeAny, api.ZoneRead, listDeleted),
		api.NewRoute(http.MethodPost, deleted+"/{zone_id}/undelete", api.ScopeAny, api.ZoneWrite, api.Lengthy(undelete)).Unplanned(),
		api.NewRoute(http.MethodDelete, deleted+"/{zone_id}", api.ScopeAny, api.ZoneWrite, forgetDeleted).Unplanned(),
	}
}

type deletedJSON struct {
	ID      model.ID   `json:"id"`
	Name    string     `json:"name"`
	Deleted api.Stamp  `json:"deleted_on"`
	Until   api.Stamp  `json:"until"`
	Serial  uint32     `json:"serial"`
	Records int64      `json:"records"`
	DNSSEC  string     `json:"dnssec"`
	Peers   int        `json:"peers"`
	Actor   *actorJSON `json:"actor"`
	Note    string     `json:"note"`
}

func listDeleted(a *api.API, q *api.Request) error {
	if a.Deleted == nil {
		return api.NotHere()
	}
	account := q.PathID("account_id")
	zones, err := a.Deleted.DeletedZones(q.Ctx(), account)
	if err != nil {
		return err
	}
	seen := slices.DeleteFunc(zones, func(z model.DeletedZone) bool { return !q.Who.Can(api.ZoneRead, account, z.ID) })
	page, per, err := q.Page(50, 1000)
	if err != nil {
		return err
	}
	out := []deletedJSON{}
	for _, z := range api.Slice(seen, page, per) {
		one := deletedJSON{
			ID: z.ID, Name: z.Name.Host(), Deleted: api.Stamp(z.Deleted), Until: api.Stamp(z.Until), Serial: z.Serial, Records: z.Records,
			DNSSEC: zone.OrWord(z.DNSSEC.Status, model.DNSSECDisabled),
		}
		if z.Outgoing != nil {
			one.Peers = len(z.Outgoing.Peers)
		}
		if a.History != nil && z.Told.ID != "" {
			c, err := a.History.Change(q.Ctx(), &z.Zone, z.Told)
			if err == nil {
				shown := renderChange(&c)
				one.Actor, one.Note = &shown.Actor, shown.Note
			}
		}
		out = append(out, one)
	}
	return q.List(out, api.Info(page, per, len(out), len(seen)))
}

// notDeleted says that there is no such zone.
func notDeleted(err error) error {
	return api.OrMissing(err, model.CodeNotDeleted, "There is no such deleted zone in this account, or it is deleted for too long.")
}

// mayDeleted says whether who asks may write a zone that is not there. What he may not read is missing, as in the list.
func mayDeleted(q *api.Request) error {
	q.Account = q.PathID("account_id")
	id := q.PathID("zone_id")
	zones, err := q.API.Deleted.DeletedZones(q.Ctx(), q.Account)
	switch {
	case err != nil:
		return err
	case !q.Who.Can(api.ZoneRead, q.Account, id) || !slices.ContainsFunc(zones, func(z model.DeletedZone) bool { return z.ID == id }):
		return notDeleted(model.ErrNotFound)
	case !q.Who.Can(api.ZoneWrite, q.Account, id):
		return auth.Forbidden(false)
	}
	return nil
}

func undelete(a *api.API, q *api.Request) error {
	if a.Undelete == nil || a.Deleted == nil {
		return api.NotHere()
	}
	if err := mayDeleted(q); err != nil {
		return err
	}
	var b struct {
		DryRun bool `json:"dry_run"`
	}
	if err := q.Decode(&b); err != nil {
		return err
	}
	res, err := q.Undelete(q.PathID("zone_id"), b.DryRun)
	if err != nil {
		return notDeleted(err)
	}
	messages := api.Each(res.Gone, func(id *model.ID) api.Message {
		return api.Message{Code: model.CodeLinkGone, Message: "The link to " + string(*id) + " is not there any more: there is no such peer or TSIG, or it does not go together with the others."}
	})
	return zone.Show(q, &res.Zone, messages...)
}

func forgetDeleted(a *api.API, q *api.Request) error {
	if a.Deleted == nil {
		return api.NotHere()
	}
	if err := mayDeleted(q); err != nil {
		return err
	}
	id := q.PathID("zone_id")
	if err := a.Deleted.ForgetDeleted(q.Ctx(), q.Account, id); err != nil {
		return notDeleted(err)
	}
	return q.OK(api.IDOnly{ID: id})
}
