package transfer

import (
	"net/http"
	"net/netip"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func aclRoutes() []api.Route {
	const all, one = secondaryDNS + "/acls", secondaryDNS + "/acls/{acl_id}"
	return []api.Route{
		api.NewRoute(http.MethodGet, all, api.ScopeAccount, api.AccSetRead, listACLs),
		api.NewRoute(http.MethodPost, all, api.ScopeAccount, api.AccSetWrite, createACL),
		api.NewRoute(http.MethodGet, one, api.ScopeAccount, api.AccSetRead, getACL),
		api.NewRoute(http.MethodPut, one, api.ScopeAccount, api.AccSetWrite, putACL),
		api.NewRoute(http.MethodDelete, one, api.ScopeAccount, api.AccSetWrite, deleteACL),
	}
}

type aclJSON struct {
	ID    model.ID `json:"id"`
	Name  string   `json:"name"`
	Range string   `json:"ip_range"`
}

// RenderACL gives an ACL as the API shows it.
func RenderACL(a *model.ACL) aclJSON { return aclJSON{a.ID, a.Name, a.Range} }

// The widest ranges of an ACL, as prefix lengths (contract section 7.1).
const (
	widestACL4 = 24
	widestACL6 = 64
)

func readACL(q *api.Request) (model.ACL, error) {
	var in struct {
		Name  string `json:"name"`
		Range string `json:"ip_range"`
	}
	if err := q.Decode(&in); err != nil {
		return model.ACL{}, err
	}
	acl := model.ACL{Account: q.Account, Name: in.Name, Range: in.Range}
	if !api.LabelText(acl.Name) {
		return acl, api.Invalid(model.CodeACLName, "/name", "An ACL needs a name of at most 100 characters.")
	}
	p, ok := api.ParseRange(acl.Range)
	if !ok {
		return acl, api.Invalid(model.CodeACLRange, "/ip_range", "The ip_range must be an address range in CIDR form.")
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	widest := widestACL6
	if p.Addr().Is4() {
		widest = widestACL4
	}
	if p.Bits() < widest {
		return acl, api.Invalid(model.CodeACLTooWide, "/ip_range", "The ip_range must not be wider than /24 for IPv4 and /64 for IPv6.")
	}
	acl.Prefix = p.Masked()
	return acl, nil
}

func listACLs(a *api.API, q *api.Request) error {
	list, err := a.Store.ACLs(q.Ctx(), q.Account)
	if err != nil {
		return err
	}
	return api.OnePage(q, api.Each(list, RenderACL))
}

func getACL(a *api.API, q *api.Request) error {
	acl, err := a.Store.ACL(q.Ctx(), q.Account, q.PathID("acl_id"))
	if err != nil {
		return api.OrMissing(err, model.CodeACLNotFound, "There is no such ACL.")
	}
	return q.OK(RenderACL(&acl))
}

func createACL(a *api.API, q *api.Request) error { return writeACL(q, "") }

func putACL(a *api.API, q *api.Request) error { return writeACL(q, q.PathID("acl_id")) }

func writeACL(q *api.Request, id model.ID) error {
	acl, err := readACL(q)
	if err != nil {
		return err
	}
	acl.ID = id
	res, err := q.Change(model.PutACL{ACL: acl})
	if err != nil {
		return err
	}
	return q.OK(RenderACL(res.Outcomes[0].ACL))
}

func deleteACL(a *api.API, q *api.Request) error {
	id := q.PathID("acl_id")
	if _, err := q.Change(model.DeleteACL{ID: id}); err != nil {
		return err
	}
	return q.OK(api.IDOnly{ID: id})
}
