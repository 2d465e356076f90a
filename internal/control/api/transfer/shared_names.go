package transfer

import (
	"slices"
	"strconv"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// sharedNames are the accounts that may have zones above and below those of an account, if they say the same of it.
type sharedNames struct {
	Accounts []model.ID `json:"accounts"`
}

// sharedMost bounds the list.
const sharedMost = 100

func okShared(q *api.Request, acc *model.Account) error {
	return q.OK(sharedNames{append([]model.ID{}, acc.SharesNames...)})
}

func getSharedNames(a *api.API, q *api.Request) error {
	acc, err := q.LoadAccount()
	if err != nil {
		return err
	}
	return okShared(q, &acc)
}

// editSharedNames replaces the list. Whether an account is there is not told: nobody learns from it who else is here.
func editSharedNames(a *api.API, q *api.Request) error {
	var in struct {
		Accounts api.Optional[[]model.ID] `json:"accounts"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if !in.Accounts.Given() || len(in.Accounts.Value) > sharedMost {
		return api.Invalid(model.CodeSharesNames, "/accounts", "accounts must be a list of at most 100 account identifiers.")
	}
	for i, id := range in.Accounts.Value {
		if !api.ValidID(string(id)) || id == q.Account || slices.Contains(in.Accounts.Value[:i], id) {
			return api.Invalid(model.CodeSharesNames, "/accounts/"+strconv.Itoa(i), "It must be the identifier of another account, once.")
		}
	}
	acc, err := q.EditAccount("shared_names", func(acc *model.Account) { acc.SharesNames = slices.Clone(in.Accounts.Value) })
	if err != nil {
		return err
	}
	return okShared(q, acc)
}
