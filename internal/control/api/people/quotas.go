package people

import (
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func quotaRoutes() []api.Route {
	const path = api.Own + "/accounts/{account_id}/quotas"
	return []api.Route{
		api.NewRoute(http.MethodGet, path, api.ScopeAccount, api.AccSetRead, getQuotas),
		api.NewRoute(http.MethodPatch, path, api.ScopeServer, nil, editQuotas),
	}
}

// quotaJSON is one quota of an account: how much it holds, null where only each zone tells; what holds, null for no limit;
// and what the account has of its own, null where it leaves the matter to the server.
type quotaJSON struct {
	Used  *int64 `json:"used"`
	Limit *int64 `json:"limit"`
	Own   *int64 `json:"own"`
}

func getQuotas(a *api.API, q *api.Request) error {
	acc, err := q.LoadAccount()
	if err != nil {
		return err
	}
	return okQuotas(q, &acc)
}

func okQuotas(q *api.Request, acc *model.Account) error {
	used, err := q.API.Store.Usage(q.Ctx(), acc.ID)
	if err != nil {
		return err
	}
	if q.API.Flattened != nil {
		used[model.QuotaFlattened] = q.API.Flattened(acc.ID)
	}
	limits := q.API.Quotas.For(acc)
	out := map[model.Quota]quotaJSON{}
	for _, name := range model.AllQuotas() {
		out[name] = quotaJSON{api.At(used, name), api.At(limits, name), api.At(acc.Quotas, name)}
	}
	return q.OK(out)
}

// allow holds one more of something of an account, or of a user, against its quota.
func allow(q *api.Request, tx model.PeopleTx, which model.Quota, account model.ID, have int) error {
	quotas := q.API.Quotas
	if account != "" {
		acc, err := tx.Account(q.Ctx(), account)
		if err != nil {
			return err
		}
		quotas = quotas.For(&acc)
	}
	return quotas.Allow(which, int64(have), 1)
}

// quotaMost bounds what an administrator may write, far above what a server can hold.
const quotaMost = 1 << 50

// editQuotas gives an account quotas of its own; null leaves one to the server again.
func editQuotas(a *api.API, q *api.Request) error {
	var in map[model.Quota]api.Optional[int64]
	if err := q.Decode(&in); err != nil {
		return err
	}
	known := map[model.Quota]bool{}
	for _, name := range model.AllQuotas() {
		known[name] = true
	}
	for name, v := range in {
		if !known[name] {
			return api.Invalid(model.CodeEntitlement, "/"+string(name), "There is no quota of this name.")
		}
		if v.Value < 0 || v.Value > quotaMost {
			return api.Invalid(model.CodeEntitlement, "/"+string(name), "A quota must be a number that is not negative, or null.")
		}
	}
	acc, err := q.EditAccount("quotas", func(acc *model.Account) {
		for name, v := range in {
			switch {
			case v.Null:
				delete(acc.Quotas, name)
			case acc.Quotas == nil:
				acc.Quotas = model.Quotas{name: v.Value}
			default:
				acc.Quotas[name] = v.Value
			}
		}
		if len(acc.Quotas) == 0 {
			acc.Quotas = nil
		}
	})
	if err != nil {
		return err
	}
	return okQuotas(q, acc)
}
