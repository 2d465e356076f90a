package api

import (
	"net/http"
	"net/netip"

	"github.com/headwaterdns/headwater/internal/control/model"
)

func aclRoutes() []Route {
	const all, one = secondaryDNS + "/acls", secondaryDNS + "/acls/{acl_id}"
	return []Route{
		{http.MethodGet, all, ScopeAccount, accSetRead, (*api).listACLs},
		{http.MethodPost, all, ScopeAccount, accSetWrite, (*api).createACL},
		{http.MethodGet, one, ScopeAccount, accSetRead, (*api).getACL},
		{http.MethodPut, one, ScopeAccount, accSetWrite, (*api).putACL},
		{http.MethodDelete, one, ScopeAccount, accSetWrite, (*api).deleteACL},
	}
}

type aclJSON struct {
	ID    model.ID `json:"id"`
	Name  string   `json:"name"`
	Range string   `json:"ip_range"`
}

func renderACL(a *model.ACL) aclJSON { return aclJSON{a.ID, a.Name, a.Range} }

// The widest ranges of an ACL, as prefix lengths (contract section 7.1).
const (
	widestACL4 = 24
	widestACL6 = 64
)

func (q *request) readACL() (model.ACL, error) {
	var in struct {
		Name  string `json:"name"`
		Range string `json:"ip_range"`
	}
	if err := q.decode(&in); err != nil {
		return model.ACL{}, err
	}
	acl := model.ACL{Account: q.account, Name: in.Name, Range: in.Range}
	if !labelText(acl.Name) {
		return acl, invalid(model.CodeACLName, "/name", "An ACL needs a name of at most 100 characters.")
	}
	p, ok := parseRange(acl.Range)
	if !ok {
		return acl, invalid(model.CodeACLRange, "/ip_range", "The ip_range must be an address range in CIDR form.")
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	widest := widestACL6
	if p.Addr().Is4() {
		widest = widestACL4
	}
	if p.Bits() < widest {
		return acl, invalid(model.CodeACLTooWide, "/ip_range", "The ip_range must not be wider than /24 for IPv4 and /64 for IPv6.")
	}
	acl.Prefix = p.Masked()
	return acl, nil
}

func (a *api) listACLs(q *request) error {
	list, err := a.Store.ACLs(q.ctx(), q.account)
	if err != nil {
		return err
	}
	return onePage(q, each(list, renderACL))
}

func (a *api) getACL(q *request) error {
	acl, err := a.Store.ACL(q.ctx(), q.account, q.pathID("acl_id"))
	if err != nil {
		return orMissing(err, model.CodeACLNotFound, "There is no such ACL.")
	}
	return q.ok(renderACL(&acl))
}

func (a *api) createACL(q *request) error { return q.putACL("") }

func (a *api) putACL(q *request) error { return q.putACL(q.pathID("acl_id")) }

func (q *request) putACL(id model.ID) error {
	acl, err := q.readACL()
	if err != nil {
		return err
	}
	acl.ID = id
	res, err := q.change(model.PutACL{ACL: acl})
	if err != nil {
		return err
	}
	return q.ok(renderACL(res.Outcomes[0].ACL))
}

func (a *api) deleteACL(q *request) error {
	id := q.pathID("acl_id")
	if _, err := q.change(model.DeleteACL{ID: id}); err != nil {
		return err
	}
	return q.ok(idOnly{id})
}
