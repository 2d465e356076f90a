package transfer

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// mostClientKeys is how many keys a peer may have: the one in use, the next one, and room.
const mostClientKeys = 8

// transportJSON is what a peer's transfers may come by, and hold. It is a resource of its own, since programs that write peers
// whole know nothing of it and would take it away.
type transportJSON struct {
	Transport  string   `json:"transport"`
	ClientKeys []string `json:"client_keys"`
	DNSSEC     string   `json:"dnssec"`
}

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
	out := transportJSON{Transport: "any", ClientKeys: strings.Fields(p.ClientKeys), DNSSEC: renderStripped(p)}
	if p.Transport == model.TransportTLS {
		out.Transport = "tls"
	}
	return out
}

// RenderAudited gives a peer as the audit log shows it, its transport with it where there is one.
func RenderAudited(p *model.Peer) any {
	if p.Transport == model.TransportAny {
		return RenderPeer(p)
	}
	return struct {
		peerJSON
		Transport  string   `json:"transport"`
		ClientKeys []string `json:"client_keys"`
	}{RenderPeer(p), "tls", strings.Fields(p.ClientKeys)}
}

// readTransport gives what a peer becomes.
func readTransport(q *api.Request) (func(p model.Peer) (model.Peer, error), error) {
	var in struct {
		Transport  string               `json:"transport"`
		ClientKeys []string             `json:"client_keys"`
		DNSSEC     api.Optional[string] `json:"dnssec"`
	}
	if err := q.Decode(&in); err != nil {
		return nil, err
	}
	t := model.TransportAny
	switch in.Transport {
	case "any":
	case "tls":
		t = model.TransportTLS
	default:
		return nil, api.Invalid(model.CodePeerTransport, "/transport", "The transport must be any or tls.")
	}
	if len(in.ClientKeys) > mostClientKeys {
		return nil, api.Invalid(model.CodePeerTransport, "/client_keys", fmt.Sprintf("A peer has at most %d client_keys.", mostClientKeys))
	}
	for i, k := range in.ClientKeys {
		if raw, err := base64.StdEncoding.DecodeString(k); err != nil || len(raw) != 32 || strings.ContainsAny(k, "\r\n") {
			return nil, api.Invalid(model.CodePeerTransport, fmt.Sprintf("/client_keys/%d", i),
				"A client key is the SHA-256 digest of a public key, in base64.")
		}
	}
	strip, err := readStripped(&in.DNSSEC)
	if err != nil {
		return nil, err
	}
	return func(p model.Peer) (model.Peer, error) {
		p.Transport, p.ClientKeys = t, strings.Join(in.ClientKeys, " ")
		if strip != model.SwitchUnset {
			p.Stripped = strip == model.SwitchOn
		}
		return p, nil
	}, nil
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
	res, err := q.Change(model.EditPeer{ID: q.PathID("peer_id"), Apply: apply})
	if err != nil {
		return api.PointAt(err, map[int]string{model.CodePeerTransport: "/client_keys"})
	}
	return q.OK(renderTransport(res.Outcomes[0].Peer))
}
