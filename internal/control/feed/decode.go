package feed

import (
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// decodeImage reads both faces (docs/formats/image.md). The transfer face is told as a step from the served one, so that
// the two share their pages; none means that they are one version.
func decodeImage(img *model.Image) (served, transfer *zone.Version, err error) {
	served, err = zone.Decode(img.Served)
	if err != nil {
		return nil, nil, fmt.Errorf("served face: %w", err)
	}
	if len(img.Transfer) == 0 {
		return served, served, nil
	}
	step, err := zone.DecodeStep(img.Transfer)
	if err != nil {
		return nil, nil, fmt.Errorf("transfer face: %w", err)
	}
	transfer, err = served.Apply(&step.Transfer)
	if err != nil {
		return nil, nil, fmt.Errorf("transfer face: %w", err)
	}
	return served, transfer, nil
}

func decodeLinks(body []byte) (zone.Links, error) {
	a, err := model.DecodeZoneAccess(body)
	if err != nil {
		return zone.Links{}, err
	}
	l := zone.Links{Enabled: a.Enabled}
	for _, id := range a.Peers {
		l.Peers = append(l.Peers, string(id))
	}
	return l, nil
}

func decodeAccount(e *model.Entry) (*zone.Account, error) {
	a, err := model.DecodeAccountAccess(e.Body, e.Secret)
	if err != nil {
		return nil, err
	}
	out := &zone.Account{ID: string(e.Account), ACL: a.ACL, Peers: make(map[string]zone.Peer, len(a.Peers))}
	for _, k := range a.Keys {
		out.Keys = append(out.Keys, &tsig.Key{Name: k.Name, Algorithm: tsig.Algorithm(k.Algorithm), Secret: k.Secret})
	}
	for _, p := range a.Peers {
		peer := zone.Peer{ID: string(p.ID), Name: p.Name, Addr: p.Addr}
		if p.Key >= 0 {
			peer.Key = out.Keys[p.Key]
		}
		out.Peers[string(p.ID)] = peer
	}
	return out, nil
}
