package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func membershipRoutes() []Route {
	const all, one = own + "/accounts/{account_id}/members", own + "/accounts/{account_id}/members/{member_id}"
	return []Route{
		{http.MethodGet, client + "/memberships", ScopeUser, membershipsRead, (*api).listMemberships},
		{http.MethodGet, client + "/memberships/{membership_id}", ScopeUser, membershipsRead, (*api).getMembership},
		{http.MethodPut, client + "/memberships/{membership_id}", ScopeUser, membershipsWrite, (*api).answerInvitation},
		{http.MethodDelete, client + "/memberships/{membership_id}", ScopeUser, membershipsWrite, (*api).leaveAccount},
		{http.MethodGet, client + "/accounts/{account_id}/members", ScopeAccount, accSetRead, (*api).listAccountMembers},
		{http.MethodGet, client + "/accounts/{account_id}/members/{member_id}", ScopeAccount, accSetRead, (*api).getAccountMember},
		{http.MethodGet, client + "/accounts/{account_id}/roles", ScopeAccount, accSetRead, (*api).listRoles},
		{http.MethodGet, client + "/accounts/{account_id}/roles/{role_id}", ScopeAccount, accSetRead, (*api).getRole},
		{http.MethodGet, all, ScopeAccount, accSetRead, (*api).listMembers},
		{http.MethodPost, all, ScopeAccount, accSetWrite, (*api).addMember},
		{http.MethodPatch, one, ScopeAccount, accSetWrite, (*api).editMember},
		{http.MethodDelete, one, ScopeAccount, accSetWrite, (*api).removeMember},
	}
}

// membershipJSON is one of the user's own memberships.
type membershipJSON struct {
	ID          model.ID         `json:"id"`
	Status      string           `json:"status"`
	Account     accountJSON      `json:"account"`
	APIAccess   *bool            `json:"api_access_enabled"`
	Roles       []string         `json:"roles"`
	Permissions map[string]right `json:"permissions"`
}

type right struct {
	Read  bool `json:"read"`
	Write bool `json:"write"`
}

// roleName is how roles read in memberships.
func roleName(role string) string {
	if role == auth.RoleAdministrator {
		return "Administrator"
	}
	return "Administrator Read Only"
}

func rights(role string) map[string]right {
	r := right{Read: true, Write: role == auth.RoleAdministrator}
	return map[string]right{"dns_records": r, "organization": r, "zone": r, "zone_settings": r}
}

func (a *api) listMemberships(q *request) error {
	page, per, err := q.page(usualPage, mostPage)
	if err != nil {
		return err
	}
	desc, err := q.direction()
	if err != nil {
		return err
	}
	all, err := q.memberships()
	if err != nil {
		return err
	}
	v := q.r.URL.Query()
	all = slices.DeleteFunc(all, func(m membershipJSON) bool {
		return differs(last(v, "account.name"), m.Account.Name) || differs(last(v, "name"), m.Account.Name) ||
			differs(last(v, "status"), m.Status)
	})
	key := func(m *membershipJSON) string { return string(m.ID) }
	switch last(v, "order") {
	case "", "id":
	case "account.name":
		key = func(m *membershipJSON) string { return m.Account.Name + "\x00" + string(m.ID) }
	case "status":
		key = func(m *membershipJSON) string { return m.Status + "\x00" + string(m.ID) }
	default:
		return invalid(model.CodePaging, "", "order must be id, account.name or status.")
	}
	slices.SortFunc(all, func(x, y membershipJSON) int { return strings.Compare(key(&x), key(&y)) })
	if desc {
		slices.Reverse(all)
	}
	out := slice(all, page, per)
	return q.list(out, info(page, per, len(out), len(all)))
}

// differs says whether a filter is there and does not match.
func differs(filter, value string) bool { return filter != "" && !strings.EqualFold(filter, value) }

// memberships are the user's own, with their accounts.
func (q *request) memberships() ([]membershipJSON, error) {
	list, err := q.api.Store.Members(q.ctx(), "", q.who.User.ID)
	if err != nil {
		return nil, err
	}
	out := []membershipJSON{}
	for _, m := range list {
		acc, err := q.api.Store.Account(q.ctx(), m.Account)
		if errors.Is(err, model.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, membershipJSON{
			ID: m.ID, Status: m.Status, Account: renderAccount(&acc),
			Roles: []string{roleName(m.Role)}, Permissions: rights(m.Role),
		})
	}
	return out, nil
}

// membership finds a membership of the identity's own user.
func (q *request) membership(tx auth.Reader) (model.Member, error) {
	list, err := tx.Members(q.ctx(), "", q.who.User.ID)
	if err != nil {
		return model.Member{}, err
	}
	for _, m := range list {
		if m.ID == q.pathID("membership_id") {
			return m, nil
		}
	}
	return model.Member{}, missing(model.CodeMemberNotFound, "There is no such membership.")
}

func (a *api) getMembership(q *request) error {
	all, err := q.memberships()
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].ID == q.pathID("membership_id") {
			return q.ok(all[i])
		}
	}
	return missing(model.CodeMemberNotFound, "There is no such membership.")
}

// answerInvitation accepts or rejects what the user was asked. Only the person decides: a token would widen what it may.
func (a *api) answerInvitation(q *request) error {
	var in struct {
		Status string `json:"status"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if in.Status != auth.MemberAccepted && in.Status != memberRejected {
		return invalid(model.CodeMemberInvalid, "/status", "The status must be accepted or rejected.")
	}
	if q.who.Token != nil {
		return beyond("An invitation is answered in person, not by a token.")
	}
	if in.Status == memberRejected {
		return a.leaveAccount(q)
	}
	err := q.people(func(tx model.PeopleTx) error {
		m, err := q.membership(tx)
		if err != nil || m.Status == auth.MemberAccepted {
			return err
		}
		before := renderMember(&m, &q.who.User)
		m, err = tx.EditMember(q.ctx(), m.Account, m.ID, func(m *model.Member) error { m.Status = auth.MemberAccepted; return nil })
		if err != nil {
			return err
		}
		return tx.Audit(q.ctx(), q.told(m.Account, "update", "member", m.ID, before, renderMember(&m, &q.who.User)))
	})
	if err != nil {
		return err
	}
	return a.getMembership(q)
}

const memberRejected = "rejected"

// leaveAccount ends one of the user's own memberships.
func (a *api) leaveAccount(q *request) error {
	if q.who.Token != nil {
		return beyond("A membership is ended in person, not by a token.")
	}
	err := q.people(func(tx model.PeopleTx) error {
		m, err := q.membership(tx)
		if err != nil {
			return err
		}
		all, err := tx.Members(q.ctx(), m.Account, "")
		if err != nil {
			return err
		}
		return q.removeMemberIn(tx, &m, &q.who.User, all)
	})
	if err != nil {
		return err
	}
	return q.ok(idOnly{q.pathID("membership_id")})
}
