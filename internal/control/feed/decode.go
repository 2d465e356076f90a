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

// decodeAccount reads what becomes of an account's rules. Without the secrets of its keys no request can be found to be signed with one:
// peers keep their keys by name, so that what needs one is refused, but nothing is ever verified by it.
func decodeAccount(e *model.Entry) (*zone.AccountChange, error) {
	decode := model.DecodeAccess
	if e.Sealed {
		decode = func(body, _ []byte) (model.AccessChange, error) { return model.DecodeSealedAccess(body) }
	}
	a, err := decode(e.Body, e.Secret)
	if err != nil {
		return nil, err
	}
	out := &zone.AccountChange{
		ID: string(e.Account), Whole: a.Whole, GoneRanges: texts(a.Gone.Ranges), GoneKeys: texts(a.Gone.Keys), GonePeers: texts(a.Gone.Peers),
	}
	for _, r := range a.Ranges {
		out.Ranges = append(out.Ranges, zone.AccountRange{ID: string(r.ID), Prefix: r.Prefix})
	}
	for i := range a.Keys {
		k := &a.Keys[i]
		out.Keys = append(out.Keys, zone.AccountKey{
			ID: string(k.ID), Next: string(k.Next), Sealed: e.Sealed, Key: &tsig.Key{Name: k.Name, Algorithm: tsig.Algorithm(k.Algorithm), Secret: k.Secret},
		})
	}
	for i := range a.Peers {
		p := &a.Peers[i]
		out.Peers = append(out.Peers, zone.AccountPeer{KeyID: string(p.Key), Peer: zone.Peer{
			ID: string(p.ID), Name: p.Name, Addr: p.Addr, TLS: p.Transport == model.TransportTLS, ClientKeys: p.ClientKeys, Stripped: p.Stripped,
			ClientNames: p.ClientNames, Authority: p.Authority, Notify: notifyOf(p),
		}})
	}
	return out, nil
}

func texts(ids []model.ID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
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
