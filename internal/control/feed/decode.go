package feed

import (
	"net/netip"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/trust"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

func decode(img *model.Image) (v face.Versions, err error) {
	v.Served, v.Transfer, err = journal.Decode(img)
	return v, err
}

func decodeLinks(body []byte) (zone.Links, error) {
	a, err := model.DecodeZoneAccess(body)
	if err != nil {
		return zone.Links{}, err
	}
	l := zone.Links{Enabled: a.Enabled, Hidden: a.Hidden, Groups: a.Groups}
	for _, id := range a.Peers {
		l.Peers = append(l.Peers, string(id))
	}
	return l, nil
}

// decodeAccount reads an account's rules. Without the secrets of its keys no request can be found to be signed with one:
// peers keep their keys by name, so that what needs one is refused, but nothing is ever verified by it. closed says that
// there are such keys.
func decodeAccount(e *model.Entry) (out *zone.Account, closed bool, err error) {
	decode := model.DecodeAccountAccess
	if e.Sealed {
		decode = func(body, _ []byte) (model.AccountAccess, error) { return model.DecodeSealedAccess(body) }
	}
	a, err := decode(e.Body, e.Secret)
	if err != nil {
		return nil, false, err
	}
	out = &zone.Account{ID: string(e.Account), ACL: a.ACL, Peers: make(map[string]zone.Peer, len(a.Peers))}
	keys := make([]*tsig.Key, 0, len(a.Keys))
	for _, k := range a.Keys {
		keys = append(keys, &tsig.Key{Name: k.Name, Algorithm: tsig.Algorithm(k.Algorithm), Secret: k.Secret})
	}
	if !e.Sealed {
		out.Keys = keys
	}
	for _, p := range a.Peers {
		peer := zone.Peer{
			ID: string(p.ID), Name: p.Name, Addr: p.Addr, TLS: p.Transport == model.TransportTLS, ClientKeys: p.ClientKeys, Stripped: p.Stripped,
			ClientNames: p.ClientNames, Authority: p.Authority, Notify: notifyOf(&p),
		}
		if p.Key >= 0 {
			peer.Key = keys[p.Key]
			if next := a.Keys[p.Key].Next; next > 0 {
				peer.Next = keys[next-1]
			}
		}
		out.Peers[string(p.ID)] = peer
	}
	return out, e.Sealed && len(keys) > 0, nil
}

// tlsPort is where a peer is told by TLS, if it says no other port (RFC 7858 section 3.1).
const tlsPort = 853

func notifyOf(p *model.AccessPeer) (out zone.Notify) {
	n := &p.Notify
	for text := range strings.FieldsSeq(n.Sources) {
		switch from, err := netip.ParseAddr(text); {
		case err != nil: // cannot be: it was checked when it was said
		case from.Is4():
			out.From4 = from
		default:
			out.From6 = from
		}
	}
	if !n.TLS {
		return out
	}
	out.TLS, out.Port, out.Clear = true, n.Port, n.Clear
	if out.Port == 0 {
		out.Port = tlsPort
	}
	if !n.Clear {
		out.Who = trust.Server{Name: n.Server, Authority: p.Authority, Keys: n.Keys}
	}
	return out
}
