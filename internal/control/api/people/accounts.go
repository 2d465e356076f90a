package people

import (
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func accountRoutes() []api.Route {
	return []api.Route{
		api.NewRoute(http.MethodGet, api.Client+"/accounts", api.ScopeAny, api.AccSetRead, listAccounts),
		api.NewRoute(http.MethodGet, api.Client+"/accounts/{account_id}", api.ScopeAccount, api.AccSetRead, getAccount),
		api.NewRoute(http.MethodPost, api.Own+"/accounts", api.ScopeServer, nil, createAccount),
		api.NewRoute(http.MethodPatch, api.Own+"/accounts/{account_id}", api.ScopeServer, nil, suspendAccount),
		api.NewRoute(http.MethodDelete, api.Own+"/accounts/{account_id}/tokens", api.ScopeServer, nil, revokeAccountTokens),
	}
}

// accountJSON is an account as clients see it.
type accountJSON struct {
	ID       model.ID        `json:"id"`
	Name     string          `json:"name"`
	Type     string          `json:"type"`
	Settings accountSettings `json:"settings"`
	Created  api.Stamp       `json:"created_on"`
}

type accountSettings struct {
	EnforceTwoFactor bool `json:"enforce_twofactor"`
}

func renderAccount(a *model.Account) accountJSON {
	return accountJSON{a.ID, a.Name, a.Type, accountSettings{a.EnforceTwoFactor}, api.Stamp(a.Created)}
}

// Page sizes of accounts, tokens and memberships (contract section 1.2).
const (
	usualPage = 20
	mostPage  = 50
)

// listAccounts shows the accounts that the identity reaches.
func listAccounts(a *api.API, q *api.Request) error {
	page, per, err := q.Page(usualPage, mostPage)
	if err != nil {
		return err
	}
	desc, err := q.Direction()
	if err != nil {
		return err
	}
	ids, err := q.Who.BoundAccounts(q.Ctx(), a.Store, api.AccSetRead)
	if err != nil {
		return err
	}
	if ids != nil { // that he is one of it a member may know, even one who may something in some zones alone
		ids = append(ids, q.Who.MemberOf()...)
	}
	list, total, err := a.Store.Accounts(q.Ctx(), ids, api.Last(q.R.URL.Query(), "name"), desc, api.Offset(page, per), per)
	if err != nil {
		return err
	}
	return q.List(api.Each(list, renderAccount), api.Info(page, per, len(list), total))
}

func getAccount(a *api.API, q *api.Request) error {
	acc, err := q.LoadAccount()
	if err != nil {
		return err
	}
	return q.OK(renderAccount(&acc))
}

func createAccount(a *api.API, q *api.Request) error {
	var in struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if !api.LabelText(in.Name) {
		return api.Invalid(model.CodeUserInvalid, "/name", "An account needs a name of at most 100 characters.")
	}
	if in.Type != "" && in.Type != "standard" && in.Type != "enterprise" {
		return api.Invalid(model.CodeUserInvalid, "/type", "The type must be standard or enterprise.")
	}
	res, err := q.Change(model.CreateAccount{Account: model.Account{
		Name: in.Name, Type: in.Type, OutgoingTransfers: true,
	}})
	if err != nil {
		return err
	}
	return q.OK(renderAccount(res.Outcomes[0].Account))
}

// accountState is what suspending an account answers.
type accountState struct {
	ID        model.ID `json:"id"`
	Name      string   `json:"name"`
	Suspended bool     `json:"suspended"`
}

// suspendAccount closes an account to its members and tokens, or opens it again. The DNS goes on: who suspends a tenant
// does not take its names away.
func suspendAccount(a *api.API, q *api.Request) error {
	var in struct {
		Suspended api.Optional[bool] `json:"suspended"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if !in.Suspended.Given() {
		return api.Invalid(model.CodeUserInvalid, "/suspended", "suspended must be true or false.")
	}
	if _, err := q.LoadAccount(); err != nil {
		return err
	}
	res, err := q.Change(model.EditAccount{Action: "suspension", Apply: func(acc model.Account) (model.Account, error) {
		acc.Suspended = in.Suspended.Value
		return acc, nil
	}})
	if err != nil {
		return api.OrMissing(err, model.CodeAccountInvalid, "There is no such account.")
	}
	acc := res.Outcomes[0].Account
	return q.OK(accountState{acc.ID, acc.Name, acc.Suspended})
}
