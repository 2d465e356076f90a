package api

import (
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/model"
)

func entitlementRoutes() []Route {
	const account, zone = own + "/accounts/{account_id}/entitlements", own + "/zones/{zone_id}/entitlements"
	return []Route{
		{http.MethodGet, account, ScopeServer, nil, (*api).getAccountEntitlements},
		{http.MethodPatch, account, ScopeServer, nil, (*api).editAccountEntitlements},
		{http.MethodGet, zone, ScopeServer, nil, (*api).getZoneEntitlements},
		{http.MethodPatch, zone, ScopeServer, nil, (*api).editZoneEntitlements},
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

func (a *api) getAccountEntitlements(q *request) error {
	acc, err := q.loadAccount()
	if err != nil {
		return err
	}
	return q.ok(entitlements{acc.OutgoingTransfers})
}

// readEntitlement reads the one member there is; null is for zones alone.
func (q *request) readEntitlement(nullable bool) (*bool, error) {
	var in struct {
		Outgoing optional[bool] `json:"outgoing_transfers"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	switch {
	case in.Outgoing.given():
		return &in.Outgoing.Value, nil
	case in.Outgoing.Null && nullable:
		return nil, nil
	}
	return nil, invalid(model.CodeEntitlement, "/outgoing_transfers", "outgoing_transfers must be true or false.")
}

func (a *api) editAccountEntitlements(q *request) error {
	on, err := q.readEntitlement(false)
	if err != nil {
		return err
	}
	acc, err := q.editAccount("entitlements", func(acc *model.Account) { acc.OutgoingTransfers = *on })
	if err != nil {
		return err
	}
	return q.ok(entitlements{acc.OutgoingTransfers})
}

// editAccount commits a change of the account in the path.
func (q *request) editAccount(action string, edit func(*model.Account)) (*model.Account, error) {
	res, err := q.change(model.EditAccount{Action: action, Apply: func(acc model.Account) (model.Account, error) {
		edit(&acc)
		return acc, nil
	}})
	if err != nil {
		return nil, orMissing(err, model.CodeAccountInvalid, "There is no such account.")
	}
	return res.Outcomes[0].Account, nil
}

func (a *api) getZoneEntitlements(q *request) error { return q.okZoneEntitlements(&q.zone) }

func (q *request) okZoneEntitlements(z *model.Zone) error {
	q.zone = *z
	effective, err := q.entitled()
	if err != nil {
		return err
	}
	return q.ok(zoneEntitlements{z.OutgoingTransfers, entitlements{effective}})
}

func (a *api) editZoneEntitlements(q *request) error {
	on, err := q.readEntitlement(true)
	if err != nil {
		return err
	}
	res, err := q.change(model.EditZone{Action: "entitlements", Apply: func(z model.Zone) (model.Zone, error) {
		z.OutgoingTransfers = on
		return z, nil
	}})
	if err != nil {
		return err
	}
	return q.okZoneEntitlements(res.Outcomes[0].Zone)
}
