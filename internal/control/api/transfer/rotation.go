package transfer

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func rotationRoutes() []api.Route {
	const path = api.Own + "/accounts/{account_id}/tsigs/{tsig_id}/rotation"
	return []api.Route{
		api.NewRoute(http.MethodGet, api.Own+"/accounts/{account_id}/tsig_rotations", api.ScopeAccount, api.AccSetRead, listRotations),
		api.NewRoute(http.MethodGet, path, api.ScopeAccount, api.AccSetRead, getRotation),
		api.NewRoute(http.MethodPut, path, api.ScopeAccount, api.AccSetWrite, putRotation),
		api.NewRoute(http.MethodPost, path+"/retire", api.ScopeAccount, api.AccSetWrite, retireTSIG),
	}
}

// successionJSON is a key that another one follows.
type successionJSON struct {
	TSIG      model.ID `json:"tsig_id"`
	Successor model.ID `json:"successor_id"`
}

// listRotations tells which keys are under rotation, and nothing of who uses them: that takes reading every zone of their peers.
func listRotations(a *api.API, q *api.Request) error {
	list, err := a.Store.TSIGs(q.Ctx(), q.Account)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(k model.TSIG) bool { return k.Successor == "" })
	return api.OnePage(q, api.Each(list, func(k *model.TSIG) successionJSON { return successionJSON{k.ID, k.Successor} }))
}

// rotationJSON is how a key is followed by another.
type rotationJSON struct {
	TSIG      model.ID       `json:"tsig_id"`
	Name      string         `json:"name"`
	Successor *model.ID      `json:"successor_id"`
	Retirable bool           `json:"retirable"` // nobody needs the key any more
	Peers     []rotationPeer `json:"peers"`
}

// rotationPeer is a peer that has the key. Use and Seen are of the zone that stands worst, which is Zone: "old" before "unsure", "unseen"
// and "new". A peer that no zone is transferred to has none of them.
type rotationPeer struct {
	Peer  model.ID  `json:"peer_id"`
	Name  string    `json:"name"`
	Use   string    `json:"use"`
	Seen  api.Stamp `json:"seen_on"`
	Zone  string    `json:"zone"`
	Zones int       `json:"zones"`
	Left  int       `json:"zones_left"` // that the peer is not known to use the new key for
}

// Uses of keys, as api.KeyUse has them, the worst first.
const (
	usesOld   = "old"
	useUnsure = "unsure"
	useUnseen = "unseen"
	usesNew   = "new"
)

// rotationOf looks up who uses a key and who the one that follows it. The lists are read first: who links a peer meanwhile is not
// seen with a key either.
func rotationOf(q *api.Request) (rotationJSON, error) {
	k, err := tsig(q)
	if err != nil {
		return rotationJSON{}, err
	}
	out := rotationJSON{TSIG: k.ID, Name: k.Name, Peers: []rotationPeer{}}
	peers, err := q.API.Store.Peers(q.Ctx(), q.Account)
	if err != nil {
		return out, err
	}
	peers = slices.DeleteFunc(peers, func(p model.Peer) bool { return p.TSIG != k.ID })
	if k.Successor == "" {
		out.Peers = api.Each(peers, func(p *model.Peer) rotationPeer { return rotationPeer{Peer: p.ID, Name: p.Name} })
		return out, nil
	}
	out.Successor = &k.Successor
	next, err := q.API.Store.TSIG(q.Ctx(), q.Account, k.Successor)
	if err != nil {
		return out, err
	}
	uses, err := keyUses(q, peers, &k, &next)
	if err != nil {
		return out, err
	}
	out.Retirable = true
	for i := range peers {
		p := rotationPeerOf(&peers[i], uses)
		out.Retirable = out.Retirable && p.Left == 0
		out.Peers = append(out.Peers, p)
	}
	return out, nil
}

func keyUses(q *api.Request, peers []model.Peer, old, next *model.TSIG) ([]api.KeyUse, error) {
	if q.API.KeyUses == nil {
		return nil, api.NotHere()
	}
	a, err := wire.ParseName(old.Name)
	if err != nil {
		return nil, err
	}
	b, err := wire.ParseName(next.Name)
	if err != nil {
		return nil, err
	}
	return q.API.KeyUses(q.Ctx(), q.Account, api.Each(peers, func(p *model.Peer) model.ID { return p.ID }), a, b)
}

func rotationPeerOf(peer *model.Peer, uses []api.KeyUse) rotationPeer {
	out := rotationPeer{Peer: peer.ID, Name: peer.Name}
	uses = slices.DeleteFunc(slices.Clone(uses), func(u api.KeyUse) bool { return u.Peer != peer.ID })
	if len(uses) == 0 {
		return out
	}
	order := []string{usesOld, useUnsure, useUnseen, usesNew}
	slices.SortFunc(uses, func(a, b api.KeyUse) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Use), slices.Index(order, b.Use)), b.On.Compare(a.On), cmp.Compare(a.Zone, b.Zone))
	})
	worst := uses[0]
	out.Use, out.Seen, out.Zone, out.Zones = worst.Use, api.Stamp(worst.On), worst.Zone, len(uses)
	for _, u := range uses {
		if u.Use != usesNew {
			out.Left++
		}
	}
	return out
}

func getRotation(_ *api.API, q *api.Request) error {
	return q.Heavily(func() error { return okRotation(q) })
}

func okRotation(q *api.Request) error {
	out, err := rotationOf(q)
	if err != nil {
		return err
	}
	return q.OK(out)
}

// putRotation lets a key be followed by another, or by none any more. The latter is refused while a peer signs with the other one.
func putRotation(_ *api.API, q *api.Request) error {
	var in struct {
		Successor api.Optional[string] `json:"successor_id"`
		Force     bool                 `json:"force"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if !in.Successor.Set || in.Successor.Value != "" && !api.ValidID(in.Successor.Value) {
		return api.Invalid(model.CodeTSIGSuccessor, "/successor_id", "The successor_id must be the id of a TSIG, or null.")
	}
	next := model.ID(in.Successor.Value)
	return q.Heavily(func() error {
		now, err := rotationOf(q)
		if err != nil {
			return err
		}
		given := func(p rotationPeer) bool { return p.Use == usesNew || p.Use == useUnsure }
		if at := slices.IndexFunc(now.Peers, given); at >= 0 && !in.Force && *now.Successor != next {
			return api.Invalid(model.CodeTSIGStillUsed, "/successor_id",
				"The peer "+now.Peers[at].Name+" signs with the key that follows this one already. With force it is taken away from it.")
		}
		_, err = q.Change(model.EditTSIG{ID: now.TSIG, Apply: func(k model.TSIG) (model.TSIG, error) {
			k.Successor = next
			return k, nil
		}})
		if err != nil {
			return api.PointAt(err, map[int]string{model.CodeTSIGSuccessor: "/successor_id", model.CodeTSIGNotFound: "/successor_id"})
		}
		return okRotation(q)
	})
}

// retireTSIG ends a key: its peers have the successor from then on. It is refused while a peer is not known to use that.
func retireTSIG(_ *api.API, q *api.Request) error {
	var in struct {
		Force bool `json:"force"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	return q.Heavily(func() error {
		now, err := rotationOf(q)
		if err != nil {
			return err
		}
		if at := slices.IndexFunc(now.Peers, func(p rotationPeer) bool { return p.Left > 0 }); at >= 0 && !in.Force {
			return api.Invalid(model.CodeTSIGStillUsed, "", stillUsed(&now.Peers[at])+" With force it is retired all the same.")
		}
		res, err := q.Change(model.RetireTSIG{ID: now.TSIG})
		if err != nil {
			return err
		}
		return q.OK(RenderTSIG(res.Outcomes[0].TSIG))
	})
}

// stillUsed says in words why a key cannot go.
func stillUsed(p *rotationPeer) string {
	switch p.Use {
	case usesOld:
		return "The peer " + p.Name + " was last seen with the old key, for the zone " + p.Zone + "."
	case useUnsure:
		return "The new key was used for the zone " + p.Zone + ", but perhaps by another peer at the address of " + p.Name + "."
	}
	return "The peer " + p.Name + " was not seen with the new key yet, for the zone " + p.Zone + "."
}
