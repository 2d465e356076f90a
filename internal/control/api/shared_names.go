package api

import (
	"slices"
	"strconv"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// sharedNames are the accounts that may have zones above and below those of an account, if they say the same of it.
type sharedNames struct {
	Accounts []model.ID `json:"accounts"`
}

// sharedMost bounds the list.
const sharedMost = 100

func okShared(q *request, acc *model.Account) error {
	return q.ok(sharedNames{append([]model.ID{}, acc.SharesNames...)})
}

func (a *api) getSharedNames(q *request) error {
	acc, err := q.loadAccount()
	if err != nil {
		return err
	}
	return okShared(q, &acc)
}

// editSharedNames replaces the list. Whether an account is there is not told: nobody learns from it who else is here.
func (a *api) editSharedNames(q *request) error {
	var in struct {
		Accounts optional[[]model.ID] `json:"accounts"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if !in.Accounts.given() || len(in.Accounts.Value) > sharedMost {
		return invalid(model.CodeSharesNames, "/accounts", "accounts must be a list of at most 100 account identifiers.")
	}
	for i, id := range in.Accounts.Value {
		if !validID(string(id)) || id == q.account || slices.Contains(in.Accounts.Value[:i], id) {
			return invalid(model.CodeSharesNames, "/accounts/"+strconv.Itoa(i), "It must be the identifier of another account, once.")
		}
	}
	acc, err := q.editAccount("shared_names", func(acc *model.Account) { acc.SharesNames = slices.Clone(in.Accounts.Value) })
	if err != nil {
		return err
	}
	return okShared(q, acc)
}
