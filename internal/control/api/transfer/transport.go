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

// transportJSON is what a peer's transfers may come by. It is a resource of its own, since programs that write peers
// whole know nothing of it and would take it away.
type transportJSON struct {
	Transport  string   `json:"transport"`
	ClientKeys []string `json:"client_keys"`
}

func renderTransport(p *model.Peer) transportJSON {
	out := transportJSON{Transport: "any", ClientKeys: strings.Fields(p.ClientKeys)}
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
		transportJSON
	}{RenderPeer(p), renderTransport(p)}
}

func readTransport(q *api.Request) (t model.Transport, keys string, err error) {
	var in struct {
		Transport  string   `json:"transport"`
		ClientKeys []string `json:"client_keys"`
	}
	if err := q.Decode(&in); err != nil {
		return t, "", err
	}
	switch in.Transport {
	case "any":
	case "tls":
		t = model.TransportTLS
	default:
		return t, "", api.Invalid(model.CodePeerTransport, "/transport", "The transport must be any or tls.")
	}
	if len(in.ClientKeys) > mostClientKeys {
		return t, "", api.Invalid(model.CodePeerTransport, "/client_keys", fmt.Sprintf("A peer has at most %d client_keys.", mostClientKeys))
	}
	for i, k := range in.ClientKeys {
		if raw, err := base64.StdEncoding.DecodeString(k); err != nil || len(raw) != 32 || strings.ContainsAny(k, "\r\n") {
			return t, "", api.Invalid(model.CodePeerTransport, fmt.Sprintf("/client_keys/%d", i),
				"A client key is the SHA-256 digest of a public key, in base64.")
		}
	}
	return t, strings.Join(in.ClientKeys, " "), nil
}

func getTransport(a *api.API, q *api.Request) error {
	p, err := a.Store.Peer(q.Ctx(), q.Account, q.PathID("peer_id"))
	if err != nil {
		return api.OrMissing(err, model.CodePeerNotFound, "There is no such peer.")
	}
	return q.OK(renderTransport(&p))
}

func putTransport(_ *api.API, q *api.Request) error {
	transport, keys, err := readTransport(q)
	if err != nil {
		return err
	}
	res, err := q.Change(model.EditPeer{ID: q.PathID("peer_id"), Apply: func(p model.Peer) (model.Peer, error) {
		p.Transport, p.ClientKeys = transport, keys
		return p, nil
	}})
	if err != nil {
		return api.PointAt(err, map[int]string{model.CodePeerTransport: "/client_keys"})
	}
	return q.OK(renderTransport(res.Outcomes[0].Peer))
}
