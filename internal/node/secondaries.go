package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// secondaries tells how the linked peers of a zone fare.
func (n *Node) secondaries(ctx context.Context, z model.Zone) (api.Secondaries, error) {
	out := api.Secondaries{}
	mem := n.db.ByID(string(z.ID))
	if mem == nil {
		return out, nil
	}
	st := mem.State()
	if !n.holds(z.ID) {
		// Another node asks the peers of this zone, and keeps what it finds.
		if err := n.loadWatched(ctx, z.ID, func(notify.Ack) {}); err != nil {
			return out, err
		}
	}
	for _, v := range n.watch.Peers(mem) {
		out.Peers = append(out.Peers, n.peer(st, &v))
	}
	for _, s := range n.watch.Strangers(mem.ID) {
		out.Strangers = append(out.Strangers, api.Stranger{
			Address: s.Addr.String(), Cause: string(s.Cause), Reason: s.Reason, Key: s.Key, Since: s.Since, On: s.On, Count: s.Count,
		})
	}
	for _, s := range n.watch.NameServers(mem) {
		out.NameServers = append(out.NameServers, nameServer(&s))
	}
	return out, nil
}

// live waits until a zone is served as wanted. A node that does not work for the zone asks by itself while somebody waits.
func (n *Node) live(ctx context.Context, z *model.Zone, want api.LiveWanted) (out api.Liveness, err error) {
	if !n.holds(z.ID) { // peers without an address are known from what they fetched elsewhere
		if err := n.loadWatched(context.WithoutCancel(ctx), z.ID, func(notify.Ack) {}); err != nil {
			return out, err
		}
	}
	is, there := n.watch.Await(ctx, string(z.ID), watch.Wanted{
		Serial: want.Serial, Quorum: want.Quorum, Others: z.DNSSEC.MultiSigner == model.SwitchOn,
	})
	if !there {
		return out, model.ErrNotFound
	}
	if !is.Live && ctx.Err() == nil {
		return out, model.ErrUnavailable // this node stops; another goes on
	}
	out = api.Liveness{Live: is.Live, Serial: is.Serial}
	for _, s := range is.Servers {
		row := api.LiveServer{
			Name: s.Name, Address: s.Address, Peer: s.Peer, State: api.SecondaryState(s.State), Cause: s.Cause, Seen: s.Seen, Live: s.Live,
		}
		if s.Known {
			row.Serial = &s.Serial
		}
		out.Servers = append(out.Servers, row)
	}
	return out, nil
}

func nameServer(s *watch.NameServer) api.SecondaryNS {
	out := api.SecondaryNS{Name: s.Name.Host(), State: api.SecondaryState(s.State), Seen: s.Seen, Error: s.Error}
	if s.Addr.IsValid() {
		out.Address = s.Addr.String()
	}
	if s.Known {
		out.Serial = &s.Serial
	}
	return out
}

func (n *Node) peer(st *zone.State, v *watch.View) api.SecondaryPeer {
	p := api.SecondaryPeer{
		Peer: model.ID(v.Peer.ID), Name: v.Peer.Name, State: api.SecondaryState(v.State), Cause: v.Cause, Seen: v.Seen,
	}
	if v.Peer.Addr.IsValid() {
		p.Address = v.Peer.Addr.String()
		p.NotifySource = n.notifySource(&v.Peer)
	}
	if len(v.Keys) > 0 {
		p.Key, p.KeyOn = v.Keys[0].Key, v.Keys[0].On
	}
	if v.Known {
		p.Serial = &v.Serial
		p.VersionsBehind, p.SecondsBehind = behind(st, v)
	}
	if v.State == watch.Ahead {
		past := v.Serial + 1
		p.RaiseTo = &past
	}
	if s := v.Notify; !s.Sent.IsZero() {
		p.LastNotify = &api.NotifyEvent{On: s.Sent, Serial: s.Serial, Attempts: s.Tries, Answer: s.Answer, Transport: overUDP}
		if s.TLS {
			p.LastNotify.Transport = overTLS
		}
	}
	if v.Transfer != nil {
		p.LastTransfer = transferEvent(v)
	}
	if r := v.Refusal; r != nil {
		p.LastRefusal = &api.RefusalEvent{
			On: v.RefusalOn, Address: r.Source.String(), Cause: string(r.Cause), Reason: r.Reason, Key: r.Key, OneOf: names(r.Client.OneOf),
		}
	}
	if c := v.Compared; c != nil {
		p.Compared = &api.Compared{On: c.On, Serial: c.Serial, Whole: c.Whole, Questions: c.Questions, Difference: c.Difference}
	}
	for _, e := range v.History {
		ev := api.SecondaryEvent{On: e.On, Since: e.Since, Count: max(e.Count, 1), Event: e.Kind, Text: e.Text}
		if ev.Since.IsZero() {
			ev.Since = e.On
		}
		if e.HasSerial {
			ev.Serial = &e.Serial
		}
		p.History = append(p.History, ev)
	}
	return p
}

// notifySource is where NOTIFY to a peer leaves from, empty where the system chooses, or another node notifies.
func (n *Node) notifySource(p *zone.Peer) string {
	if n.notify == nil {
		return ""
	}
	if from := n.notify.From(p.Addr.Addr(), &p.Notify); from.IsValid() {
		return from.String()
	}
	return ""
}

// Words for what something went by.
const overUDP, overTCP, overTLS = "udp", "tcp", "tls"

func transferEvent(v *watch.View) *api.TransferEvent {
	r := v.Transfer
	t := &api.TransferEvent{
		On: v.TransferOn, Kind: string(r.Kind), Serial: r.To, Records: r.Records, Bytes: r.Bytes, Took: r.Duration,
		Key: r.Key, Outcome: r.Reason, OneOf: names(r.Client.OneOf), Transport: overUDP,
	}
	switch {
	case r.TLS != nil:
		t.Transport, t.TLS, t.Client, t.ClientKey = overTLS, r.TLS.String(), r.TLS.ClientName, r.TLS.ClientKey
	case r.TCP:
		t.Transport = overTCP
	}
	if r.From != 0 {
		t.From = &r.From
	}
	if r.Reason == "" {
		t.Outcome = "complete"
	}
	return t
}

func names(peers []zone.Peer) []string {
	out := make([]string, 0, len(peers))
	for _, p := range peers {
		out = append(out, p.Name)
	}
	return out
}

// behind counts versions by the history, where that reaches, and seconds since the peer was last seen in step.
func behind(st *zone.State, v *watch.View) (versions *int, seconds *int64) {
	switch v.State {
	case watch.InStep, watch.Differs:
		return new(int), new(int64)
	case watch.Ahead:
		return nil, nil
	default:
	}
	if chain, ok := st.History.Since(v.Serial); ok {
		n := len(chain)
		versions = &n
	}
	if !v.Since.IsZero() {
		s := int64(time.Since(v.Since).Seconds())
		seconds = &s
	}
	return versions, seconds
}

// keyUses tells which of two keys peers use, for each zone that is transferred to them.
func (n *Node) keyUses(ctx context.Context, account model.ID, peers []model.ID, old, next wire.Name) ([]api.KeyUse, error) {
	var out []api.KeyUse
	seen, err := n.sightings(ctx, peers)
	if err != nil {
		return nil, err
	}
	for _, z := range n.feed.Peered(account) {
		links, loaded := z.State().Links, n.holdsZone(z.ID)
		for _, id := range links.Peers {
			if !links.Enabled || !slices.Contains(peers, model.ID(id)) {
				continue
			}
			if !loaded { // another node keeps what it finds of this zone
				if err := n.loadWatched(ctx, model.ID(z.ID), func(notify.Ack) {}); err != nil {
					return nil, err
				}
				loaded = true
			}
			list := append(seen[zonePeer{z.ID, id}], n.watch.Seen(z.ID, id)...)
			use, on := watch.Uses(list, old.String(), next.String())
			out = append(out, api.KeyUse{Peer: model.ID(id), Zone: z.Name.Host(), Use: string(use), On: on})
		}
	}
	return out, nil
}

// Secondaries may ask every node, and a key is retired when none of them sees the old one any more. So each node tells the others, by the
// database, what it sees of keys under rotation.

const (
	sightingsTold  = 2 * time.Second
	sightingsTried = 5 * time.Second // by who may perhaps not
	sightingsKept  = 30 * 24 * time.Hour
	sightingsTidy  = time.Hour
	sightingsMost  = 500 // in one transaction
)

// place names this node among others by where it is, and not by when it was started: what it saw before it died is what it saw.
func (n *Node) place() model.ID {
	host, _ := os.Hostname()
	sum := sha256.Sum256([]byte(host + " " + fmt.Sprint(n.cfg.DNSListen, n.cfg.TransferListen, n.cfg.TLSListen)))
	return model.ID(hex.EncodeToString(sum[:16]))
}

// here is place where there are others.
func (n *Node) here() string {
	if !n.shares {
		return ""
	}
	return string(n.place())
}

// zonePeer is a peer of a zone.
type zonePeer struct{ zone, peer string }

// tellSightings tells them until ctx ends, and once more then.
func (n *Node) tellSightings(ctx context.Context) error {
	tick := time.NewTicker(sightingsTold)
	defer tick.Stop()
	tidied, tried := time.Now(), time.Time{}
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			n.tellOnce(last)
			return nil
		case now := <-tick.C:
			if n.roles.writes() || !n.silent.Load() && !tried.IsZero() {
				n.tellOnce(ctx)
			} else if now.Sub(tried) >= sightingsTried {
				tried = now
				n.mayTell(ctx)
			}
			if now.Sub(tidied) < sightingsTidy || !n.holds("") {
				continue
			}
			if tidied = now; ctx.Err() == nil {
				if err := n.store.ForgetKeySightings(ctx, now.Add(-sightingsKept)); err != nil {
					n.log.Warn("old sightings of keys are not forgotten", slog.Any("error", err))
				}
			}
		}
	}
}

// mayTell finds out, before anybody relies on it, whether a node that only reads may tell what it sees.
func (n *Node) mayTell(ctx context.Context) { n.toldSightings(n.store.PutKeySightings(ctx, nil)) }

// toldSightings takes note of how telling went. A node that may not tell says so where people look: what it sees, nobody knows who retires a
// key.
func (n *Node) toldSightings(err error) {
	silent := errors.Is(err, store.ErrMayNotTell)
	if was := n.silent.Swap(silent); silent && !was {
		n.log.Warn("no other node is told which keys secondaries use here: GRANT INSERT, UPDATE ON key_sightings to this node's database user", slog.Any("error", err))
	} else if was && err == nil {
		n.log.Info("other nodes are told which keys secondaries use here")
	}
}

func (n *Node) tellOnce(ctx context.Context) {
	list := n.watch.Sightings()
	for len(list) > 0 {
		part := list[:min(len(list), sightingsMost)]
		rows := make([]store.KeySighting, 0, len(part))
		for _, s := range part {
			rows = append(rows, store.KeySighting{
				Peer: model.ID(s.Peer), Zone: model.ID(s.Zone), Node: n.place(), Key: s.Key, Certain: s.Certain, Since: s.Since, Seen: s.Seen,
			})
		}
		err := n.store.PutKeySightings(ctx, rows)
		if n.toldSightings(err); err != nil {
			n.log.Debug("cannot tell which keys were seen, trying again", slog.Any("error", err))
			n.watch.Untold(list)
			return
		}
		list = list[len(part):]
	}
}

// sightings are what all nodes have told of peers.
func (n *Node) sightings(ctx context.Context, peers []model.ID) (map[zonePeer][]watch.Sighting, error) {
	if !n.store.Shared() {
		return nil, nil
	}
	list, err := n.store.KeySightings(ctx, peers)
	if err != nil {
		return nil, err
	}
	out := map[zonePeer][]watch.Sighting{}
	for _, s := range list {
		k := zonePeer{string(s.Zone), string(s.Peer)}
		out[k] = append(out[k], watch.Sighting{
			Zone: k.zone, Peer: k.peer, Node: string(s.Node), Key: s.Key, Certain: s.Certain, Since: s.Since, Seen: s.Seen,
		})
	}
	return out, nil
}
