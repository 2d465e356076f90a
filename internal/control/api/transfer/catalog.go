package transfer

import (
	"net/http"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/catalog"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func catalogRoutes() []api.Route {
	const path, groups = api.Own + "/accounts/{account_id}/peers/{peer_id}/catalog", api.Own + "/zones/{zone_id}/catalog_groups"
	return []api.Route{
		api.NewRoute(http.MethodGet, path, api.ScopeAccount, api.AccSetRead, api.Heavy(getCatalog)),
		api.NewRoute(http.MethodPut, path, api.ScopeAccount, api.AccSetWrite, putCatalog),
		api.NewRoute(http.MethodDelete, path, api.ScopeAccount, api.AccSetWrite, deleteCatalog),
		api.NewRoute(http.MethodPost, path+"/confirm", api.ScopeAccount, api.AccSetWrite, api.Heavy(confirmCatalog)),
		api.NewRoute(http.MethodGet, groups, api.ScopeZone, outgoingRead, getCatalogGroups),
		api.NewRoute(http.MethodPut, groups, api.ScopeZone, outgoingWrite, putCatalogGroups),
	}
}

// catalogJSON is a peer's catalog. The lists show the first of each, their numbers all.
type catalogJSON struct {
	Enabled bool                `json:"enabled"`
	Name    string              `json:"name"`
	Serial  uint32              `json:"serial"`
	State   api.SecondaryState  `json:"state"` // how the peer stands with the catalog itself
	Count   int                 `json:"member_count"`
	Members []catalogMemberJSON `json:"members"`
	Losing  int                 `json:"loss_count"`
	Lost    []catalogMemberJSON `json:"losses"`
	Held    bool                `json:"held"`
	Losses  string              `json:"confirm"` // what to confirm
}

type catalogMemberJSON struct {
	Zone  model.ID `json:"zone_id"`
	Name  string   `json:"name"`
	Group string   `json:"group"`
}

// catalogShown bounds the lists of one answer.
const catalogShown = 1000

func renderCatalogMembers(list []api.CatalogMember) []catalogMemberJSON {
	return api.Each(list[:min(len(list), catalogShown)], func(m *api.CatalogMember) catalogMemberJSON { return catalogMemberJSON(*m) })
}

func peerOf(q *api.Request) (model.Peer, error) {
	p, err := q.API.Store.Peer(q.Ctx(), q.Account, q.PathID("peer_id"))
	return p, api.OrMissing(err, model.CodePeerNotFound, "There is no such peer.")
}

// catalogOf is the peer with its catalog's zone, which is there if the peer has one.
func catalogOf(q *api.Request) (p model.Peer, z model.Zone, err error) {
	if p, err = peerOf(q); err != nil {
		return p, z, err
	}
	if p.Catalog == "" {
		return p, z, noCatalog()
	}
	z, err = q.API.Store.Zone(q.Ctx(), p.Catalog)
	return p, z, err
}

func noCatalog() error { return api.Missing(model.CodePeerCatalog, "The peer has no catalog.") }

func getCatalog(_ *api.API, q *api.Request) error {
	p, err := peerOf(q)
	if err != nil {
		return err
	}
	out := catalogJSON{State: api.SecondaryUnknown, Members: []catalogMemberJSON{}, Lost: []catalogMemberJSON{}}
	if p.Catalog == "" {
		return q.OK(out)
	}
	z, err := q.API.Store.Zone(q.Ctx(), p.Catalog)
	if err != nil {
		return err
	}
	out.Enabled, out.Name, out.Serial = true, z.Name.Host(), z.Serial
	if q.API.Catalog == nil {
		return api.NotHere()
	}
	if is, ok := q.API.Catalog(z.ID); ok {
		out.Serial, out.Count, out.Members = is.Serial, len(is.Members), renderCatalogMembers(is.Members)
		out.Losing, out.Lost, out.Held, out.Losses = len(is.Lost), renderCatalogMembers(is.Lost), is.Held, is.Losses
	}
	if q.API.Secondaries != nil {
		known, err := q.API.Secondaries(q.Ctx(), z)
		if err != nil {
			return err
		}
		for _, s := range known.Peers {
			out.State = s.State
		}
	}
	return q.OK(out)
}

// putCatalog gives a peer a catalog: a zone of its own, which the server keeps from then on.
func putCatalog(a *api.API, q *api.Request) error {
	var in struct {
		Name string `json:"name"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	p, err := peerOf(q)
	if err != nil {
		return err
	}
	if in.Name == "" {
		in.Name = string(p.ID) + ".catalog.invalid"
	}
	name, err := wire.ParseName(strings.ToLower(in.Name))
	switch {
	case err != nil || len(name) < 2 || len(name) > catalog.MaxName:
		return api.Invalid(model.CodePeerCatalog, "/name", "The name of a catalog must be a domain name, with room for the labels of its members.")
	case !p.IP.IsValid():
		return api.Invalid(model.CodePeerCatalog, "", "A peer without an address cannot have a catalog: nobody else gets it.")
	case p.Catalog != "":
		if z, err := q.API.Store.Zone(q.Ctx(), p.Catalog); err != nil || z.Name != name {
			return api.Invalid(model.CodePeerCatalog, "/name", "The peer has a catalog of another name, which has to be taken away first.")
		}
		return getCatalog(a, q)
	}
	z := catalog.Zone(auth.NewID(), q.Account, p.ID, name, q.Now())
	edits := append([]model.Edit{model.CreateZone{Zone: z}}, catalog.First(name)...)
	edits = append(edits, model.EditPeer{ID: p.ID, Apply: func(p model.Peer) (model.Peer, error) {
		if p.Catalog != "" {
			return p, api.Invalid(model.CodePeerCatalog, "", "The peer has a catalog already.")
		}
		p.Catalog = z.ID
		return p, nil
	}})
	if _, err := q.Change(edits...); err != nil {
		return api.PointAt(err, map[int]string{model.CodeZoneExists: "/name", model.CodeZoneNested: "/name", model.CodePublicSuffix: "/name"})
	}
	return getCatalog(a, q)
}

// deleteCatalog takes a peer's catalog away. What the peer makes of that is the peer's matter: it keeps the zones, or not.
func deleteCatalog(_ *api.API, q *api.Request) error {
	p, z, err := catalogOf(q)
	if err != nil {
		return err
	}
	q.Zone = z
	_, err = q.Change(model.EditPeer{ID: p.ID, Apply: func(p model.Peer) (model.Peer, error) {
		if p.Catalog != z.ID {
			return p, noCatalog()
		}
		p.Catalog, p.MayLose = "", ""
		return p, nil
	}}, model.DeleteZone{})
	if err != nil {
		return err
	}
	return q.OK(api.IDOnly{ID: p.ID})
}

// confirmCatalog lets a catalog lose what is held back. Who confirms says what: other losses than those that he saw stay held.
func confirmCatalog(a *api.API, q *api.Request) error {
	var in struct {
		Confirm string `json:"confirm"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	p, z, err := catalogOf(q)
	if err != nil {
		return err
	}
	if q.API.Catalog == nil {
		return api.NotHere()
	}
	is, ok := q.API.Catalog(z.ID)
	if !ok || !is.Held || is.Losses != in.Confirm {
		return api.Invalid(model.CodePeerCatalog, "/confirm", "These are not the losses that are held back now.")
	}
	_, err = q.Change(model.EditPeer{ID: p.ID, Apply: func(p model.Peer) (model.Peer, error) {
		p.MayLose = in.Confirm
		return p, nil
	}})
	if err != nil {
		return err
	}
	return getCatalog(a, q)
}

// catalogGroups are a zone's groups in the catalogs of its linked peers, by peer.
type catalogGroups struct {
	Groups map[model.ID]string `json:"groups"`
}

func okGroups(q *api.Request, z *model.Zone) error {
	out := catalogGroups{map[model.ID]string{}}
	for _, p := range z.Outgoing.Peers {
		if g := z.Outgoing.Groups[p]; g != "" {
			out.Groups[p] = g
		}
	}
	return q.OK(out)
}

func getCatalogGroups(_ *api.API, q *api.Request) error {
	if q.Zone.Outgoing == nil {
		return noOutgoing()
	}
	return okGroups(q, &q.Zone)
}

func putCatalogGroups(_ *api.API, q *api.Request) error {
	var in catalogGroups
	if err := q.Decode(&in); err != nil {
		return err
	}
	res, err := q.Change(model.EditZone{Action: "outgoing.update", Apply: func(z model.Zone) (model.Zone, error) {
		if z.Outgoing == nil {
			return z, noOutgoing()
		}
		o := *z.Outgoing
		o.Groups = nil
		for p, g := range in.Groups {
			switch {
			case g == "":
				continue
			case !linked(&o, p):
				return z, api.Invalid(model.CodePeerCatalog, "/groups", "The zone is not linked to the peer "+string(p)+".")
			case !catalog.GroupText(g):
				return z, api.Invalid(model.CodePeerCatalog, "/groups", "A group has 1 to 63 letters, digits, hyphens, underscores and dots.")
			case o.Groups == nil:
				o.Groups = map[model.ID]string{}
			}
			o.Groups[p] = g
		}
		z.Outgoing = &o
		return z, nil
	}})
	if err != nil {
		return err
	}
	return okGroups(q, res.Outcomes[0].Zone)
}

func linked(o *model.Outgoing, peer model.ID) bool { return slices.Contains(o.Peers, peer) }
