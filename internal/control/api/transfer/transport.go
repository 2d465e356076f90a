package transfer

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/trust"
)

// mostClientKeys is how many keys a peer may have: the one in use, the next one, and room.
const mostClientKeys = 8

// transportJSON is what a peer's transfers may come by, and hold. It is a resource of its own, since programs that write peers
// whole know nothing of it and would take it away.
type transportJSON struct {
	Transport   string    `json:"transport"`
	ClientKeys  []string  `json:"client_keys"`
	ClientNames []string  `json:"client_names"`
	Authority   string    `json:"authority"`
	DNSSEC      string    `json:"dnssec"`
	Notify      notifyVia `json:"notify"`
}

// Words for what a peer comes by.
const anyTransport, byTLS = "any", "tls"

// What a peer gets of signed zones: all of them, or what they are without signatures, because it signs them itself.
const signed, stripped = "signed", "stripped"

func renderStripped(p *model.Peer) string {
	if p.Stripped {
		return stripped
	}
	return signed
}

// readStripped reads the same; unset where nothing is said.
func readStripped(o *api.Optional[string]) (model.Switch, error) {
	switch {
	case !o.Set:
		return model.SwitchUnset, nil
	case o.Value == stripped:
		return model.SwitchOn, nil
	case o.Value == signed:
		return model.SwitchOff, nil
	}
	return 0, api.Invalid(model.CodePeerDNSSEC, "/dnssec", "What a peer gets of DNSSEC must be signed or stripped.")
}

func renderTransport(p *model.Peer) transportJSON {
	out := transportJSON{
		Transport: anyTransport, ClientKeys: strings.Fields(p.ClientKeys), ClientNames: strings.Fields(p.ClientNames), Authority: p.Authority,
		DNSSEC: renderStripped(p), Notify: renderNotify(&p.Notify),
	}
	if p.Transport == model.TransportTLS {
		out.Transport = byTLS
	}
	return out
}

// RenderAudited gives a peer as the audit log shows it, its transport with it where there is one.
func RenderAudited(p *model.Peer) any {
	if p.Transport == model.TransportAny && p.Notify == (model.NotifyBy{}) && p.Authority == "" {
		return RenderPeer(p)
	}
	t := renderTransport(p)
	return struct {
		peerJSON
		Transport   string    `json:"transport"`
		ClientKeys  []string  `json:"client_keys"`
		ClientNames []string  `json:"client_names,omitempty"`
		Authority   string    `json:"authority,omitempty"`
		Notify      notifyVia `json:"notify,omitzero"`
	}{RenderPeer(p), t.Transport, t.ClientKeys, t.ClientNames, t.Authority, auditedNotify(p, t.Notify)}
}

func auditedNotify(p *model.Peer, n notifyVia) notifyVia {
	if p.Notify == (model.NotifyBy{}) {
		return notifyVia{}
	}
	return n
}

// readTransport gives what a peer becomes.
func readTransport(q *api.Request) (func(p model.Peer) (model.Peer, error), error) {
	var in struct {
		Transport   string                 `json:"transport"`
		ClientKeys  []string               `json:"client_keys"`
		ClientNames api.Optional[[]string] `json:"client_names"`
		Authority   api.Optional[string]   `json:"authority"`
		DNSSEC      api.Optional[string]   `json:"dnssec"`
		Notify      notifyIn               `json:"notify"`
	}
	if err := q.Decode(&in); err != nil {
		return nil, err
	}
	t := model.TransportAny
	switch in.Transport {
	case anyTransport:
	case byTLS:
		t = model.TransportTLS
	default:
		return nil, api.Invalid(model.CodePeerTransport, "/transport", "The transport must be any or tls.")
	}
	if err := checkKeys(in.ClientKeys, model.CodePeerTransport, "/client_keys"); err != nil {
		return nil, err
	}
	if err := checkNames(in.ClientNames.Value); err != nil {
		return nil, err
	}
	if in.Authority.Value != "" {
		if _, err := trust.Authority(in.Authority.Value); err != nil {
			return nil, api.Invalid(model.CodePeerNames, "/authority", "The authority must be certificates in PEM: "+err.Error()+".")
		}
	}
	if err := in.Notify.check(); err != nil {
		return nil, err
	}
	strip, err := readStripped(&in.DNSSEC)
	if err != nil {
		return nil, err
	}
	return func(p model.Peer) (model.Peer, error) {
		p.Transport, p.ClientKeys = t, strings.Join(in.ClientKeys, " ")
		if in.ClientNames.Set {
			p.ClientNames = strings.ToLower(strings.Join(in.ClientNames.Value, " "))
		}
		if in.Authority.Set {
			p.Authority = in.Authority.Value
		}
		if strip != model.SwitchUnset {
			p.Stripped = strip == model.SwitchOn
		}
		return p, in.Notify.apply(&p.Notify)
	}, nil
}

// checkKeys wants digests of keys.
func checkKeys(keys []string, code int, at string) error {
	if len(keys) > mostClientKeys {
		return api.Invalid(code, at, fmt.Sprintf("A peer has at most %d %s.", mostClientKeys, at[strings.LastIndexByte(at, '/')+1:]))
	}
	for i, k := range keys {
		if raw, err := base64.StdEncoding.DecodeString(k); err != nil || len(raw) != 32 || strings.ContainsAny(k, "\r\n") {
			return api.Invalid(code, fmt.Sprintf("%s/%d", at, i), "It must be the SHA-256 digest of a public key, in base64.")
		}
	}
	return nil
}

func checkNames(names []string) error {
	if len(names) > mostClientKeys {
		return api.Invalid(model.CodePeerNames, "/client_names", fmt.Sprintf("A peer has at most %d client_names.", mostClientKeys))
	}
	for i, n := range names {
		if err := trust.CheckName(n); err != nil {
			return api.Invalid(model.CodePeerNames, fmt.Sprintf("/client_names/%d", i), "A client name must be a host's name or an address.")
		}
	}
	return nil
}

func getTransport(a *api.API, q *api.Request) error {
	p, err := a.Store.Peer(q.Ctx(), q.Account, q.PathID("peer_id"))
	if err != nil {
		return api.OrMissing(err, model.CodePeerNotFound, "There is no such peer.")
	}
	return q.OK(renderTransport(&p))
}

// transportOf is what a peer's transfers may come by, in a list of all peers.
type transportOf struct {
	Peer model.ID `json:"peer_id"`
	transportJSON
}

// listTransports answers for all peers at once, so that who shows them asks once and not for each.
func listTransports(a *api.API, q *api.Request) error {
	list, err := a.Store.Peers(q.Ctx(), q.Account)
	if err != nil {
		return err
	}
	return api.OnePage(q, api.Each(list, func(p *model.Peer) transportOf { return transportOf{p.ID, renderTransport(p)} }))
}

func putTransport(_ *api.API, q *api.Request) error {
	apply, err := readTransport(q)
	if err != nil {
		return err
	}
	e := model.EditPeer{ID: q.PathID("peer_id"), Apply: apply}
	if !q.Who.ServerAdmin() {
		e.Allowed, e.Sources = q.API.PeerAllowed, q.API.NotifySource
	}
	res, err := q.Change(e)
	if err != nil {
		return api.PointAt(err, map[int]string{model.CodePeerTransport: "/client_keys", model.CodePeerNames: "/client_names"})
	}
	return q.OK(renderTransport(res.Outcomes[0].Peer))
}
