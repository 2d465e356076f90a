package people

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func membershipRoutes() []api.Route {
	const all, one = api.Own + "/accounts/{account_id}/members", api.Own + "/accounts/{account_id}/members/{member_id}"
	return []api.Route{
		api.NewRoute(http.MethodGet, api.Client+"/memberships", api.ScopeUser, api.MembershipsRead, listMemberships),
		api.NewRoute(http.MethodGet, api.Client+"/memberships/{membership_id}", api.ScopeUser, api.MembershipsRead, getMembership),
		api.NewRoute(http.MethodPut, api.Client+"/memberships/{membership_id}", api.ScopeUser, api.MembershipsWrite, answerInvitation),
		api.NewRoute(http.MethodDelete, api.Client+"/memberships/{membership_id}", api.ScopeUser, api.MembershipsWrite, leaveAccount),
		api.NewRoute(http.MethodGet, api.Client+"/accounts/{account_id}/members", api.ScopeAccount, api.AccSetRead, listAccountMembers),
		api.NewRoute(http.MethodGet, api.Client+"/accounts/{account_id}/members/{member_id}", api.ScopeAccount, api.AccSetRead, getAccountMember),
		api.NewRoute(http.MethodGet, api.Client+"/accounts/{account_id}/roles", api.ScopeAccount, api.AccSetRead, listRoles),
		api.NewRoute(http.MethodGet, api.Client+"/accounts/{account_id}/roles/{role_id}", api.ScopeAccount, api.AccSetRead, getRole),
		api.NewRoute(http.MethodGet, all, api.ScopeAccount, api.AccSetRead, listMembers),
		api.NewRoute(http.MethodPost, all, api.ScopeAccount, api.AccSetWrite, addMember),
		api.NewRoute(http.MethodPatch, one, api.ScopeAccount, api.AccSetWrite, editMember),
		api.NewRoute(http.MethodDelete, one, api.ScopeAccount, api.AccSetWrite, removeMember),
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
	switch role {
	case auth.RoleAdministrator:
		return "Administrator"
	case auth.ZoneAdministrator:
		return "Domain Administrator"
	case auth.ZoneEditor:
		return "Domain DNS"
	case auth.ZoneReader:
		return "Domain Administrator Read Only"
	case auth.ZoneACME:
		return "Domain ACME Challenges"
	}
	return "Administrator Read Only"
}

// rights are what a role opens, of roles by zone in their zones.
func rights(role string) map[string]right {
	administers := role == auth.RoleAdministrator || role == auth.ZoneAdministrator
	whole := right{Read: role == auth.RoleAdministrator || role == auth.RoleReadOnly, Write: role == auth.RoleAdministrator}
	zone := right{Read: role != auth.ZoneACME, Write: administers}
	return map[string]right{"dns_records": {Read: zone.Read, Write: administers || role == auth.ZoneEditor}, "organization": whole, "zone": zone, "zone_settings": zone}
}

// membershipRoles are the names of a member's roles, and what they open together.
func membershipRoles(m *model.Member) (names []string, open map[string]right) {
	open = map[string]right{"dns_records": {}, "organization": {}, "zone": {}, "zone_settings": {}}
	for _, p := range policiesOf(m) {
		names = append(names, p.Groups[0].Name)
	}
	for _, r := range roles() {
		if !slices.Contains(names, r.Name) {
			continue
		}
		for what, may := range r.Permissions {
			open[what] = right{open[what].Read || may.Read, open[what].Write || may.Write}
		}
	}
	return names, open
}

func listMemberships(a *api.API, q *api.Request) error {
	page, per, err := q.Page(usualPage, mostPage)
	if err != nil {
		return err
	}
	desc, err := q.Direction()
	if err != nil {
		return err
	}
	all, err := memberships(q)
	if err != nil {
		return err
	}
	v := q.R.URL.Query()
	all = slices.DeleteFunc(all, func(m membershipJSON) bool {
		return differs(api.Last(v, "account.name"), m.Account.Name) || differs(api.Last(v, "name"), m.Account.Name) ||
			differs(api.Last(v, "status"), m.Status)
	})
	key := func(m *membershipJSON) string { return string(m.ID) }
	switch api.Last(v, "order") {
	case "", "id":
	case "account.name":
		key = func(m *membershipJSON) string { return m.Account.Name + "\x00" + string(m.ID) }
	case "status":
		key = func(m *membershipJSON) string { return m.Status + "\x00" + string(m.ID) }
	default:
		return api.Invalid(model.CodePaging, "", "order must be id, account.name or status.")
	}
	slices.SortFunc(all, func(x, y membershipJSON) int { return strings.Compare(key(&x), key(&y)) })
	if desc {
		slices.Reverse(all)
	}
	out := api.Slice(all, page, per)
	return q.List(out, api.Info(page, per, len(out), len(all)))
}

// differs says whether a filter is there and does not match.
func differs(filter, value string) bool { return filter != "" && !strings.EqualFold(filter, value) }

// memberships are the user's own, with their accounts.
func memberships(q *api.Request) ([]membershipJSON, error) {
	list, err := q.API.Store.Members(q.Ctx(), "", q.Who.User.ID)
	if err != nil {
		return nil, err
	}
	out := []membershipJSON{}
	for _, m := range list {
		acc, err := q.API.Store.Account(q.Ctx(), m.Account)
		if errors.Is(err, model.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		names, open := membershipRoles(&m)
		out = append(out, membershipJSON{ID: m.ID, Status: m.Status, Account: renderAccount(&acc), Roles: names, Permissions: open})
	}
	return out, nil
}

// membership finds a membership of the identity's own user.
func membership(q *api.Request, tx auth.Reader) (model.Member, error) {
	list, err := tx.Members(q.Ctx(), "", q.Who.User.ID)
	if err != nil {
		return model.Member{}, err
	}
	for _, m := range list {
		if m.ID == q.PathID("membership_id") {
			return m, nil
		}
	}
	return model.Member{}, api.Missing(model.CodeMemberNotFound, "There is no such membership.")
}

func getMembership(a *api.API, q *api.Request) error {
	all, err := memberships(q)
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].ID == q.PathID("membership_id") {
			return q.OK(all[i])
		}
	}
	return api.Missing(model.CodeMemberNotFound, "There is no such membership.")
}

// answerInvitation accepts or rejects what the user was asked. Only the person decides: a token would widen what it may.
func answerInvitation(a *api.API, q *api.Request) error {
	var in struct {
		Status string `json:"status"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if in.Status != auth.MemberAccepted && in.Status != memberRejected {
		return api.Invalid(model.CodeMemberInvalid, "/status", "The status must be accepted or rejected.")
	}
	if q.Who.Token != nil {
		return beyond("An invitation is answered in person, not by a token.")
	}
	if in.Status == memberRejected {
		return leaveAccount(a, q)
	}
	err := q.People(func(tx model.PeopleTx) error {
		m, err := membership(q, tx)
		if err != nil || m.Status == auth.MemberAccepted {
			return err
		}
		before := memberOf(&m, &q.Who.User)
		m, err = tx.EditMember(q.Ctx(), m.Account, m.ID, func(m *model.Member) error { m.Status = auth.MemberAccepted; return nil })
		if err != nil {
			return err
		}
		return tx.Audit(q.Ctx(), q.Told(m.Account, "update", "member", m.ID, before, memberOf(&m, &q.Who.User)))
	})
	if err != nil {
		return err
	}
	return getMembership(a, q)
}

const memberRejected = "rejected"

// leaveAccount ends one of the user's own memberships.
func leaveAccount(a *api.API, q *api.Request) error {
	if q.Who.Token != nil {
		return beyond("A membership is ended in person, not by a token.")
	}
	err := q.People(func(tx model.PeopleTx) error {
		m, err := membership(q, tx)
		if err != nil {
			return err
		}
		all, err := tx.Members(q.Ctx(), m.Account, "")
		if err != nil {
			return err
		}
		return removeMemberIn(q, tx, &m, &q.Who.User, all)
	})
	if err != nil {
		return err
	}
	return q.OK(api.IDOnly{ID: q.PathID("membership_id")})
}
