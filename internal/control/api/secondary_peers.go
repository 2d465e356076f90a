package api

import (
	"net/http"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/headwaterdns/headwater/internal/control/model"
)

func peerRoutes() []Route {
	const all, one = secondaryDNS + "/peers", secondaryDNS + "/peers/{peer_id}"
	return []Route{
		{http.MethodGet, all, ScopeAccount, accSetRead, (*api).listPeers},
		{http.MethodPost, all, ScopeAccount, accSetWrite, (*api).createPeer},
		{http.MethodGet, one, ScopeAccount, accSetRead, (*api).getPeer},
		{http.MethodPut, one, ScopeAccount, accSetWrite, (*api).putPeer},
		{http.MethodDelete, one, ScopeAccount, accSetWrite, (*api).deletePeer},
		{http.MethodGet, own + "/accounts/{account_id}/peer_uses", ScopeAccount, accSetRead, (*api).listPeerUses},
	}
}

// peerUseJSON says where a peer is used. Peers that no zone links are not listed.
type peerUseJSON struct {
	Peer  model.ID `json:"peer_id"`
	Zones int      `json:"zones"`
	First string   `json:"first_zone"`
}

func (a *api) listPeerUses(q *request) error {
	uses, err := a.Store.PeerUses(q.ctx(), q.account)
	if err != nil {
		return err
	}
	return onePage(q, each(uses, func(u *model.PeerUse) peerUseJSON { return peerUseJSON(*u) }))
}

// peerJSON is a peer as clients see it; what was not sent is null, or absent where the upstream's schema has no null.
type peerJSON struct {
	ID   model.ID  `json:"id"`
	Name string    `json:"name"`
	IP   *string   `json:"ip"`
	Port *uint16   `json:"port"`
	IXFR *bool     `json:"ixfr_enable,omitempty"`
	TSIG *model.ID `json:"tsig_id"`
}

func renderPeer(p *model.Peer) peerJSON {
	out := peerJSON{ID: p.ID, Name: p.Name}
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

// maxLabelText bounds the names of peers and ACLs, in characters.
const maxLabelText = 100

// labelText says whether s can name a peer or an ACL: some visible text on one line.
func labelText(s string) bool {
	return strings.TrimSpace(s) != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxLabelText &&
		!strings.ContainsFunc(s, unicode.IsControl)
}

func (q *request) readPeer() (model.Peer, error) {
	var in struct {
		Name string           `json:"name"`
		IP   optional[string] `json:"ip"`
		Port optional[int64]  `json:"port"`
		IXFR optional[bool]   `json:"ixfr_enable"`
		TSIG optional[string] `json:"tsig_id"`
	}
	if err := q.decode(&in); err != nil {
		return model.Peer{}, err
	}
	p := model.Peer{
		Account: q.account, Name: in.Name, IPText: in.IP.Value, IXFR: switched(&in.IXFR), TSIG: model.ID(in.TSIG.Value),
	}
	if !labelText(p.Name) {
		return p, invalid(model.CodePeerName, "/name", "A peer needs a name of at most 100 characters.")
	}
	if p.IPText != "" {
		ip, err := netip.ParseAddr(p.IPText)
		if err != nil || ip.Zone() != "" || ip.IsUnspecified() || ip.IsMulticast() {
			return p, invalid(model.CodePeerIP, "/ip", "The ip of a peer must be an IPv4 or IPv6 address of one host.")
		}
		p.IP = ip.Unmap()
	}
	if in.Port.given() {
		if in.Port.Value < 1 || in.Port.Value > 65535 {
			return p, invalid(model.CodePeerPort, "/port", "The port must be between 1 and 65535.")
		}
		p.Port = uint16(in.Port.Value)
	}
	if p.TSIG != "" && !validID(string(p.TSIG)) {
		return p, invalid(model.CodePeerTSIG, "/tsig_id", "The tsig_id is not the id of a TSIG.")
	}
	return p, nil
}

// switched is a switch as it was sent.
func switched(o *optional[bool]) model.Switch {
	switch {
	case !o.given():
		return model.SwitchUnset
	case o.Value:
		return model.SwitchOn
	}
	return model.SwitchOff
}

func (a *api) listPeers(q *request) error {
	list, err := a.Store.Peers(q.ctx(), q.account)
	if err != nil {
		return err
	}
	return onePage(q, each(list, renderPeer))
}

func (a *api) getPeer(q *request) error {
	p, err := a.Store.Peer(q.ctx(), q.account, q.pathID("peer_id"))
	if err != nil {
		return orMissing(err, model.CodePeerNotFound, "There is no such peer.")
	}
	return q.ok(renderPeer(&p))
}

func (a *api) createPeer(q *request) error { return q.putPeer("") }

func (a *api) putPeer(q *request) error { return q.putPeer(q.pathID("peer_id")) }

func (q *request) putPeer(id model.ID) error {
	p, err := q.readPeer()
	if err != nil {
		return err
	}
	p.ID = id
	e := model.PutPeer{Peer: p, Allowed: q.api.PeerAllowed}
	if q.who.ServerAdmin() {
		e.Allowed = nil
	}
	res, err := q.change(e)
	if err != nil {
		return pointAt(err, map[int]string{model.CodePeerTSIG: "/tsig_id", model.CodePeersTSIGDiffer: "/tsig_id"})
	}
	return q.ok(renderPeer(res.Outcomes[0].Peer))
}

func (a *api) deletePeer(q *request) error {
	id := q.pathID("peer_id")
	if _, err := q.change(model.DeletePeer{ID: id}); err != nil {
		return err
	}
	return q.ok(idOnly{id})
}
