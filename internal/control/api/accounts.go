package api

import (
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/model"
)

func accountRoutes() []Route {
	return []Route{
		{http.MethodGet, client + "/accounts", ScopeAny, accSetRead, (*api).listAccounts},
		{http.MethodGet, client + "/accounts/{account_id}", ScopeAccount, accSetRead, (*api).getAccount},
		{http.MethodPost, own + "/accounts", ScopeServer, nil, (*api).createAccount},
		{http.MethodPatch, own + "/accounts/{account_id}", ScopeServer, nil, (*api).suspendAccount},
		{http.MethodDelete, own + "/accounts/{account_id}/tokens", ScopeServer, nil, (*api).revokeAccountTokens},
	}
}

// accountJSON is an account as clients see it.
type accountJSON struct {
	ID       model.ID        `json:"id"`
	Name     string          `json:"name"`
	Type     string          `json:"type"`
	Settings accountSettings `json:"settings"`
	Created  stamp           `json:"created_on"`
}

type accountSettings struct {
	EnforceTwoFactor bool `json:"enforce_twofactor"`
}

func renderAccount(a *model.Account) accountJSON {
	return accountJSON{a.ID, a.Name, a.Type, accountSettings{a.EnforceTwoFactor}, stamp(a.Created)}
}

// Page sizes of accounts, tokens and memberships (contract section 1.2).
const (
	usualPage = 20
	mostPage  = 50
)

// listAccounts shows the accounts that the identity reaches.
func (a *api) listAccounts(q *request) error {
	page, per, err := q.page(usualPage, mostPage)
	if err != nil {
		return err
	}
	desc, err := q.direction()
	if err != nil {
		return err
	}
	ids, err := q.who.BoundAccounts(q.ctx(), a.Store, accSetRead)
	if err != nil {
		return err
	}
	list, total, err := a.Store.Accounts(q.ctx(), ids, last(q.r.URL.Query(), "name"), desc, offset(page, per), per)
	if err != nil {
		return err
	}
	return q.list(each(list, renderAccount), info(page, per, len(list), total))
}

func (a *api) getAccount(q *request) error {
	acc, err := q.loadAccount()
	if err != nil {
		return err
	}
	return q.ok(renderAccount(&acc))
}

// loadAccount reads the account in the path; one that is not there is no route.
func (q *request) loadAccount() (model.Account, error) {
	acc, err := q.api.Store.Account(q.ctx(), q.account)
	return acc, orMissing(err, model.CodeAccountInvalid, "There is no such account.")
}

func (a *api) createAccount(q *request) error {
	var in struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if !labelText(in.Name) {
		return invalid(model.CodeUserInvalid, "/name", "An account needs a name of at most 100 characters.")
	}
	if in.Type != "" && in.Type != "standard" && in.Type != "enterprise" {
		return invalid(model.CodeUserInvalid, "/type", "The type must be standard or enterprise.")
	}
	res, err := q.change(model.CreateAccount{Account: model.Account{
		Name: in.Name, Type: in.Type, OutgoingTransfers: true,
	}})
	if err != nil {
		return err
	}
	return q.ok(renderAccount(res.Outcomes[0].Account))
}

// accountState is what suspending an account answers.
type accountState struct {
	ID        model.ID `json:"id"`
	Name      string   `json:"name"`
	Suspended bool     `json:"suspended"`
}

// suspendAccount closes an account to its members and tokens, or opens it again. The DNS goes on: who suspends a tenant
// does not take its names away.
func (a *api) suspendAccount(q *request) error {
	var in struct {
		Suspended optional[bool] `json:"suspended"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if !in.Suspended.given() {
		return invalid(model.CodeUserInvalid, "/suspended", "suspended must be true or false.")
	}
	if _, err := q.loadAccount(); err != nil {
		return err
	}
	res, err := q.change(model.EditAccount{Action: "suspension", Apply: func(acc model.Account) (model.Account, error) {
		acc.Suspended = in.Suspended.Value
		return acc, nil
	}})
	if err != nil {
		return orMissing(err, model.CodeAccountInvalid, "There is no such account.")
	}
	acc := res.Outcomes[0].Account
	return q.ok(accountState{acc.ID, acc.Name, acc.Suspended})
}
