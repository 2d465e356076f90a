package api

import (
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/model"
)

func quotaRoutes() []Route {
	const path = own + "/accounts/{account_id}/quotas"
	return []Route{
		{http.MethodGet, path, ScopeAccount, accSetRead, (*api).getQuotas},
		{http.MethodPatch, path, ScopeServer, nil, (*api).editQuotas},
	}
}

// quotaJSON is one quota of an account: how much it holds, null where only each zone tells; what holds, null for no limit;
// and what the account has of its own, null where it leaves the matter to the server.
type quotaJSON struct {
	Used  *int64 `json:"used"`
	Limit *int64 `json:"limit"`
	Own   *int64 `json:"own"`
}

func (a *api) getQuotas(q *request) error {
	acc, err := q.loadAccount()
	if err != nil {
		return err
	}
	return q.okQuotas(&acc)
}

func (q *request) okQuotas(acc *model.Account) error {
	used, err := q.api.Store.Usage(q.ctx(), acc.ID)
	if err != nil {
		return err
	}
	if q.api.Flattened != nil {
		used[model.QuotaFlattened] = q.api.Flattened(acc.ID)
	}
	limits := q.api.Quotas.For(acc)
	out := map[model.Quota]quotaJSON{}
	for _, name := range model.AllQuotas() {
		out[name] = quotaJSON{at(used, name), at(limits, name), at(acc.Quotas, name)}
	}
	return q.ok(out)
}

// allow holds one more of something of an account, or of a user, against its quota.
func (q *request) allow(tx model.PeopleTx, which model.Quota, account model.ID, have int) error {
	quotas := q.api.Quotas
	if account != "" {
		acc, err := tx.Account(q.ctx(), account)
		if err != nil {
			return err
		}
		quotas = quotas.For(&acc)
	}
	return quotas.Allow(which, int64(have), 1)
}

func at[K comparable](m map[K]int64, key K) *int64 {
	if v, ok := m[key]; ok {
		return &v
	}
	return nil
}

// quotaMost bounds what an administrator may write, far above what a server can hold.
const quotaMost = 1 << 50

// editQuotas gives an account quotas of its own; null leaves one to the server again.
func (a *api) editQuotas(q *request) error {
	var in map[model.Quota]optional[int64]
	if err := q.decode(&in); err != nil {
		return err
	}
	known := map[model.Quota]bool{}
	for _, name := range model.AllQuotas() {
		known[name] = true
	}
	for name, v := range in {
		if !known[name] {
			return invalid(model.CodeEntitlement, "/"+string(name), "There is no quota of this name.")
		}
		if v.Value < 0 || v.Value > quotaMost {
			return invalid(model.CodeEntitlement, "/"+string(name), "A quota must be a number that is not negative, or null.")
		}
	}
	acc, err := q.editAccount("quotas", func(acc *model.Account) {
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
	return q.okQuotas(acc)
}
