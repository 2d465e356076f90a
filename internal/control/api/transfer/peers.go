package transfer

import (
	"net/http"
	"net/netip"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func peerRoutes() []api.Route {
	const all, one = secondaryDNS + "/peers", secondaryDNS + "/peers/{peer_id}"
	const transport = api.Own + "/accounts/{account_id}/peers/{peer_id}/transport"
	return []api.Route{
		api.NewRoute(http.MethodGet, all, api.ScopeAccount, api.AccSetRead, listPeers),
		api.NewRoute(http.MethodPost, all, api.ScopeAccount, api.AccSetWrite, createPeer),
		api.NewRoute(http.MethodGet, one, api.ScopeAccount, api.AccSetRead, getPeer),
		api.NewRoute(http.MethodPut, one, api.ScopeAccount, api.AccSetWrite, putPeer),
		api.NewRoute(http.MethodDelete, one, api.ScopeAccount, api.AccSetWrite, deletePeer),
		api.NewRoute(http.MethodGet, transport, api.ScopeAccount, api.AccSetRead, getTransport),
		api.NewRoute(http.MethodPut, transport, api.ScopeAccount, api.AccSetWrite, putTransport),
		api.NewRoute(http.MethodGet, api.Own+"/accounts/{account_id}/peer_uses", api.ScopeAccount, api.AccSetRead, listPeerUses),
		api.NewRoute(http.MethodGet, api.Own+"/accounts/{account_id}/peer_transports", api.ScopeAccount, api.AccSetRead, listTransports),
	}
}

// peerUseJSON says where a peer is used. Peers that no zone links are not listed.
type peerUseJSON struct {
	Peer  model.ID `json:"peer_id"`
	Zones int      `json:"zones"`
	First string   `json:"first_zone"`
}

func listPeerUses(a *api.API, q *api.Request) error {
	uses, err := a.Store.PeerUses(q.Ctx(), q.Account)
	if err != nil {
		return err
	}
	return api.OnePage(q, api.Each(uses, func(u *model.PeerUse) peerUseJSON { return peerUseJSON(*u) }))
}

// peerJSON is a peer as clients see it; what was not sent is null, or absent where the upstream's schema has no null.
type peerJSON struct {
	ID   model.ID  `json:"id"`
	Name string    `json:"name"`
	IP   *string   `json:"ip"`
	Port *uint16   `json:"port"`
	IXFR *bool     `json:"ixfr_enable,omitempty"`
	TSIG *model.ID `json:"tsig_id"`
	// DNSSEC is absent where nothing is stripped: the upstream knows no such thing.
	DNSSEC string `json:"dnssec,omitempty"`
}

// RenderPeer gives a peer as the API shows it.
func RenderPeer(p *model.Peer) peerJSON {
	out := peerJSON{ID: p.ID, Name: p.Name}
	if p.Stripped {
		out.DNSSEC = stripped
	}
	if p.IXFR != model.SwitchUnset {
		on := p.IXFR == model.SwitchOn
		out.IXFR = &on
	}
	if p.IPText != "" {
		out.IP = &p.IPText
	}
	if p.Port != 0 {
		out.Port = &p.Port
	}
	if p.TSIG != "" {
		out.TSIG = &p.TSIG
	}
	return out
}

func readPeer(q *api.Request) (e model.PutPeer, err error) {
	var in struct {
		Name   string               `json:"name"`
		IP     api.Optional[string] `json:"ip"`
		Port   api.Optional[int64]  `json:"port"`
		IXFR   api.Optional[bool]   `json:"ixfr_enable"`
		TSIG   api.Optional[string] `json:"tsig_id"`
		DNSSEC api.Optional[string] `json:"dnssec"`
	}
	if err := q.Decode(&in); err != nil {
		return e, err
	}
	if e.Stripped, err = readStripped(&in.DNSSEC); err != nil {
		return e, err
	}
	p := model.Peer{
		Account: q.Account, Name: in.Name, IPText: in.IP.Value, IXFR: switched(&in.IXFR), TSIG: model.ID(in.TSIG.Value),
	}
	if !api.LabelText(p.Name) {
		return e, api.Invalid(model.CodePeerName, "/name", "A peer needs a name of at most 100 characters.")
	}
	if p.IPText != "" {
		ip, err := netip.ParseAddr(p.IPText)
		if err != nil || ip.Zone() != "" || ip.IsUnspecified() || ip.IsMulticast() {
			return e, api.Invalid(model.CodePeerIP, "/ip", "The ip of a peer must be an IPv4 or IPv6 address of one host.")
		}
		p.IP = ip.Unmap()
	}
	if in.Port.Given() {
		if in.Port.Value < 1 || in.Port.Value > 65535 {
			return e, api.Invalid(model.CodePeerPort, "/port", "The port must be between 1 and 65535.")
		}
		p.Port = uint16(in.Port.Value)
	}
	if p.TSIG != "" && !api.ValidID(string(p.TSIG)) {
		return e, api.Invalid(model.CodePeerTSIG, "/tsig_id", "The tsig_id is not the id of a TSIG.")
	}
	p.Stripped = e.Stripped == model.SwitchOn
	e.Peer = p
	return e, nil
}

// switched is a switch as it was sent.
func switched(o *api.Optional[bool]) model.Switch {
	switch {
	case !o.Given():
		return model.SwitchUnset
	case o.Value:
		return model.SwitchOn
	}
	return model.SwitchOff
}

func listPeers(a *api.API, q *api.Request) error {
	list, err := a.Store.Peers(q.Ctx(), q.Account)
	if err != nil {
		return err
	}
	return api.OnePage(q, api.Each(list, RenderPeer))
}

func getPeer(a *api.API, q *api.Request) error {
	p, err := a.Store.Peer(q.Ctx(), q.Account, q.PathID("peer_id"))
	if err != nil {
		return api.OrMissing(err, model.CodePeerNotFound, "There is no such peer.")
	}
	return q.OK(RenderPeer(&p))
}

func createPeer(a *api.API, q *api.Request) error { return writePeer(q, "") }

func putPeer(a *api.API, q *api.Request) error { return writePeer(q, q.PathID("peer_id")) }

func writePeer(q *api.Request, id model.ID) error {
	e, err := readPeer(q)
	if err != nil {
		return err
	}
	e.Peer.ID = id
	if !q.Who.ServerAdmin() {
		e.Allowed = q.API.PeerAllowed
	}
	res, err := q.Change(e)
	if err != nil {
		return api.PointAt(err, map[int]string{model.CodePeerTSIG: "/tsig_id", model.CodePeersTSIGDiffer: "/tsig_id"})
	}
	return q.OK(RenderPeer(res.Outcomes[0].Peer))
}

func deletePeer(a *api.API, q *api.Request) error {
	id := q.PathID("peer_id")
	if _, err := q.Change(model.DeletePeer{ID: id}); err != nil {
		return err
	}
	return q.OK(api.IDOnly{ID: id})
}
