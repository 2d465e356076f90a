package zone

import (
	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// accountSettingsJSON are the defaults of zones to come, and a switch that holds for all zones at once.
type accountSettingsJSON struct {
	ZoneDefaults   DnsSettingsJSON `json:"zone_defaults"`
	EnforceDNSOnly bool            `json:"enforce_dns_only"`
}

type accountSettingsBody struct {
	ZoneDefaults   api.Optional[dnsSettingsBody] `json:"zone_defaults"`
	EnforceDNSOnly api.Optional[bool]            `json:"enforce_dns_only"`
}

func okAccountSettings(q *api.Request, acc *model.Account) error {
	s := accountDefaults(acc)
	return q.OK(accountSettingsJSON{RenderSettings(&s, ""), acc.EnforceDNSOnly})
}

// accountDefaults are what the account says, or what zones have when it says nothing.
func accountDefaults(acc *model.Account) model.Settings {
	if acc.ZoneDefaults == (model.Settings{}) {
		return model.DefaultSettings()
	}
	return acc.ZoneDefaults
}

func getAccountSettings(a *api.API, q *api.Request) error {
	acc, err := a.Store.Account(q.Ctx(), q.Account)
	if err != nil {
		return api.OrMissing(err, model.CodeAccountInvalid, "Invalid account identifier")
	}
	return okAccountSettings(q, &acc)
}

func editAccountSettings(a *api.API, q *api.Request) error {
	var b accountSettingsBody
	if err := q.Decode(&b); err != nil {
		return err
	}
	res, err := q.Change(model.EditAccount{Action: "dns_settings", Apply: func(acc model.Account) (model.Account, error) {
		acc.ZoneDefaults = accountDefaults(&acc)
		if b.EnforceDNSOnly.Given() {
			acc.EnforceDNSOnly = b.EnforceDNSOnly.Value
		}
		err := b.ZoneDefaults.Value.merge(&acc.ZoneDefaults, "/zone_defaults", true)
		return acc, err
	}})
	if err != nil {
		return api.OrMissing(err, model.CodeAccountInvalid, "Invalid account identifier")
	}
	return okAccountSettings(q, res.Outcomes[0].Account)
}
