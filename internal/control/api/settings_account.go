package api

import (
	"github.com/headwaterdns/headwater/internal/control/model"
)

// accountSettingsJSON are the defaults of zones to come, and a switch that holds for all zones at once.
type accountSettingsJSON struct {
	ZoneDefaults   dnsSettingsJSON `json:"zone_defaults"`
	EnforceDNSOnly bool            `json:"enforce_dns_only"`
}

type accountSettingsBody struct {
	ZoneDefaults   optional[dnsSettingsBody] `json:"zone_defaults"`
	EnforceDNSOnly optional[bool]            `json:"enforce_dns_only"`
}

func (q *request) okAccountSettings(acc *model.Account) error {
	s := accountDefaults(acc)
	return q.ok(accountSettingsJSON{renderSettings(&s, ""), acc.EnforceDNSOnly})
}

// accountDefaults are what the account says, or what zones have when it says nothing.
func accountDefaults(acc *model.Account) model.Settings {
	if acc.ZoneDefaults == (model.Settings{}) {
		return model.DefaultSettings()
	}
	return acc.ZoneDefaults
}

func (a *api) getAccountSettings(q *request) error {
	acc, err := a.Store.Account(q.ctx(), q.account)
	if err != nil {
		return orMissing(err, model.CodeAccountInvalid, "Invalid account identifier")
	}
	return q.okAccountSettings(&acc)
}

func (a *api) editAccountSettings(q *request) error {
	var b accountSettingsBody
	if err := q.decode(&b); err != nil {
		return err
	}
	res, err := q.change(model.EditAccount{Action: "dns_settings", Apply: func(acc model.Account) (model.Account, error) {
		acc.ZoneDefaults = accountDefaults(&acc)
		if b.EnforceDNSOnly.given() {
			acc.EnforceDNSOnly = b.EnforceDNSOnly.Value
		}
		err := b.ZoneDefaults.Value.merge(&acc.ZoneDefaults, "/zone_defaults", true)
		return acc, err
	}})
	if err != nil {
		return orMissing(err, model.CodeAccountInvalid, "Invalid account identifier")
	}
	return q.okAccountSettings(res.Outcomes[0].Account)
}
