package people

import (
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/transfer"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func entitlementRoutes() []api.Route {
	const account, zone = api.Own + "/accounts/{account_id}/entitlements", api.Own + "/zones/{zone_id}/entitlements"
	return []api.Route{
		api.NewRoute(http.MethodGet, account, api.ScopeServer, nil, getAccountEntitlements),
		api.NewRoute(http.MethodPatch, account, api.ScopeServer, nil, editAccountEntitlements),
		api.NewRoute(http.MethodGet, zone, api.ScopeServer, nil, getZoneEntitlements),
		api.NewRoute(http.MethodPatch, zone, api.ScopeServer, nil, editZoneEntitlements),
	}
}

type entitlements struct {
	OutgoingTransfers bool `json:"outgoing_transfers"`
}

// zoneEntitlements are the zone's own, null where it leaves the matter to its account, and what holds.
type zoneEntitlements struct {
	OutgoingTransfers *bool        `json:"outgoing_transfers"`
	Effective         entitlements `json:"effective"`
}

func getAccountEntitlements(a *api.API, q *api.Request) error {
	acc, err := q.LoadAccount()
	if err != nil {
		return err
	}
	return q.OK(entitlements{acc.OutgoingTransfers})
}

// readEntitlement reads the one member there is; null is for zones alone.
func readEntitlement(q *api.Request, nullable bool) (*bool, error) {
	var in struct {
		Outgoing api.Optional[bool] `json:"outgoing_transfers"`
	}
	if err := q.Decode(&in); err != nil {
		return nil, err
	}
	switch {
	case in.Outgoing.Given():
		return &in.Outgoing.Value, nil
	case in.Outgoing.Null && nullable:
		return nil, nil
	}
	return nil, api.Invalid(model.CodeEntitlement, "/outgoing_transfers", "outgoing_transfers must be true or false.")
}

func editAccountEntitlements(a *api.API, q *api.Request) error {
	on, err := readEntitlement(q, false)
	if err != nil {
		return err
	}
	acc, err := q.EditAccount("entitlements", func(acc *model.Account) { acc.OutgoingTransfers = *on })
	if err != nil {
		return err
	}
	return q.OK(entitlements{acc.OutgoingTransfers})
}

func getZoneEntitlements(a *api.API, q *api.Request) error { return okZoneEntitlements(q, &q.Zone) }

func okZoneEntitlements(q *api.Request, z *model.Zone) error {
	q.Zone = *z
	effective, err := transfer.Entitled(q)
	if err != nil {
		return err
	}
	return q.OK(zoneEntitlements{z.OutgoingTransfers, entitlements{effective}})
}

func editZoneEntitlements(a *api.API, q *api.Request) error {
	on, err := readEntitlement(q, true)
	if err != nil {
		return err
	}
	res, err := q.Change(model.EditZone{Action: "entitlements", Apply: func(z model.Zone) (model.Zone, error) {
		z.OutgoingTransfers = on
		return z, nil
	}})
	if err != nil {
		return err
	}
	return okZoneEntitlements(q, res.Outcomes[0].Zone)
}
