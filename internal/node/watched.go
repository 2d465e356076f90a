package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/control/alarm"
	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/alarms"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/catalog"
	"github.com/headwaterdns/headwater/internal/control/events"
	"github.com/headwaterdns/headwater/internal/control/flatten"
	"github.com/headwaterdns/headwater/internal/control/keeper"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/parent"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/courier"
	"github.com/headwaterdns/headwater/internal/dns/ask"
	"github.com/headwaterdns/headwater/internal/dns/compare"
	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// resolver sees the DNS as an account does: its own zones from memory, all else through the configured resolver, if there is one.
func (n *Node) resolver() *flatten.Resolver {
	r := &flatten.Resolver{Own: n.own}
	if n.cfg.Resolver != "" {
		r.Client = &ask.Client{Addr: n.cfg.Resolver, Recurse: true}
	}
	return r
}

// resolveNameServer finds addresses of name servers: in zones of the same account from memory, others by the configured
// resolver. It is nil without one: then nobody is asked who is not a linked peer.
func (n *Node) resolveNameServer() func(ctx context.Context, account string, name wire.Name) ([]netip.Addr, error) {
	if n.cfg.Resolver == "" {
		return nil
	}
	r := n.resolver()
	return func(ctx context.Context, account string, name wire.Name) ([]netip.Addr, error) {
		a, err := r.Resolve(ctx, model.FlattenTarget{Account: model.ID(account), Name: name})
		if _, silent := errors.AsType[net.Error](err); silent {
			err = errResolver // whose own words name ports that differ each time
		}
		return a.Addrs, err
	}
}

// parents makes what asks the parents of zones. A zone sees the DNS as its account does: parents of the same account are asked
// here, all others through the resolver.
func (n *Node) parents() *parent.Finder {
	r := n.resolver()
	cfg := parent.Config{
		Ask: func(ctx context.Context, zone, name wire.Name, t wire.Type) ([]byte, bool, error) {
			return r.Ask(ctx, model.FlattenTarget{Account: n.accountOf(zone), Name: name}, t)
		},
		Allowed: n.reach.Allows, Port: n.cfg.NameServerPort,
	}
	if resolve := n.resolveNameServer(); resolve != nil {
		cfg.Addresses = func(ctx context.Context, zone, server wire.Name) ([]netip.Addr, error) {
			return resolve(ctx, string(n.accountOf(zone)), server)
		}
	}
	return parent.New(cfg)
}

// accountOf is the account that has a zone of this name here.
func (n *Node) accountOf(name wire.Name) model.ID {
	if z := n.db.Get(name); z != nil {
		return model.ID(z.AccountID())
	}
	return ""
}

var errResolver = errors.New("the resolver does not answer")

// saveWatched keeps how secondaries fare beside the serials that notify keeps.
func (n *Node) saveWatched(ctx context.Context, list []watch.Memory) error {
	states := make([]store.PeerState, 0, len(list))
	for i := range list {
		m := list[i]
		if !n.holds(model.ID(m.Zone)) {
			continue // the node that works for the zone keeps its own account
		}
		p := store.PeerState{Zone: model.ID(m.Zone), Peer: model.ID(m.Peer)}
		var err error
		if p.Data, err = json.Marshal(&m); err != nil {
			return fmt.Errorf("write what is known of peer %s: %w", m.Peer, err)
		}
		states = append(states, p)
	}
	return n.store.PutPeerStates(ctx, states)
}

// loadWatched takes back what an earlier process kept, or the node that worked for a zone before. What another version
// wrote in another form is forgotten. known hears of the serials kept. The empty zone is all of them.
func (n *Node) loadWatched(ctx context.Context, zone model.ID, known func(notify.Ack)) error {
	var list []watch.Memory
	err := n.store.PeerStates(ctx, zone, func(p store.PeerState) error {
		if p.Known {
			known(notify.Ack{Zone: string(p.Zone), Peer: string(p.Peer), Serial: p.Serial})
		}
		m := watch.Memory{}
		if len(p.Data) > 0 && json.Unmarshal(p.Data, &m) == nil {
			m.Zone, m.Peer = string(p.Zone), string(p.Peer)
			list = append(list, m)
		}
		return nil
	})
	if err != nil {
		return err
	}
	n.watch.Load(list)
	return nil
}

// asNew bounds how long the feed is waited for before what secondaries know is read once more.
const asNew = 10 * time.Second

// loadKnown reads which serials secondaries know, and returns when the journal has been read as far: another node may have told of what
// this one has not seen yet. Large images are not waited for, or one zone's would keep all others'.
func (n *Node) loadKnown(ctx context.Context, yield func(notify.Ack)) error {
	if err := n.loadWatched(ctx, "", yield); err != nil {
		return err
	}
	head, err := n.store.Head(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, asNew)
	defer cancel()
	return n.feed.Reads(ctx, head)
}

// keepKeys makes what looks after keys and signatures. Zones that fall to a node that cannot open keys are told of in its log.
func (n *Node) keepKeys() {
	n.keeper = keeper.New(keeper.Config{
		DB: n.db, Change: n.commit.Change, Sign: n.commit.Sign, Zones: n.store.KeyedZones, Duty: n.holds, Behind: n.watch.Behind, Parents: n.parents(),
		Clock: time.Now, Log: n.log,
	})
}

// freshenBy bounds how long a start waits for signatures that have ended while nobody ran.
const freshenBy = time.Minute

func (n *Node) freshen(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, freshenBy)
	defer cancel()
	n.keeper.Freshen(ctx)
	return nil
}

// keepCatalogs makes what keeps the catalogs of peers.
func (n *Node) keepCatalogs() {
	n.catalogs = catalog.New(catalog.Config{
		DB: n.db, Linked: n.feed.Peered, Change: n.commit.Change, Peer: n.store.Peer, Duty: n.holds, Clock: time.Now, Log: n.log,
		Exists: func(ctx context.Context, id model.ID) (bool, error) {
			_, err := n.store.Zone(ctx, id)
			if errors.Is(err, model.ErrNotFound) {
				return false, nil
			}
			return err == nil, err
		},
	})
}

// catalog tells what a catalog lists.
func (n *Node) catalog(id model.ID) (out api.Catalog, ok bool) {
	z := n.db.ByID(string(id))
	if z == nil {
		return out, false
	}
	of := catalog.StandingOf(z, n.feed.Peered(model.ID(z.AccountID())))
	member := func(m *catalog.Member) api.CatalogMember {
		return api.CatalogMember{Zone: model.ID(m.Unique), Name: m.Zone.Host(), Group: m.Group}
	}
	return api.Catalog{
		Serial: z.State().Transfer.Serial(), Members: api.Each(of.Members, member), Lost: api.Each(of.Lost, member), Held: of.Held, Losses: of.Losses,
	}, true
}

// followSecondaries makes what tells how secondaries stand and looks after alarms, and what tells those who listen.
func (n *Node) followSecondaries() error {
	post, err := n.cfg.courier(n.cfg.Version)
	if err != nil {
		return err
	}
	n.courier = courier.New(post)
	if n.roles.api {
		n.events = events.New(events.Config{
			Log: n.store.Log, History: n.store.History, Trace: n.log,
			Known: func(zone model.ID) bool { return n.db.ByID(string(zone)) != nil },
		})
		n.store.Listen(store.Ears{Told: n.events.Wake, Rights: n.events.Rights})
	}
	if n.roles.notify {
		parents := n.parents()
		n.alarms = alarm.New(alarm.Config{
			DB: n.db, Fares: n.watch.Fares, Store: n.store, NewID: auth.NewID, Duty: n.holds, Clock: time.Now, Log: n.log, Slow: n.cfg.AlarmSurvey,
			Also: func(ctx context.Context, z *zone.Zone) []alarm.Finding { return n.survey(ctx, z, parents) },
		})
		n.teller = alarm.NewTeller(alarm.TellerConfig{Store: n.store, NewID: auth.NewID, Duty: n.holds, Send: n.carry, Gather: n.cfg.AlarmGather, Clock: time.Now, Log: n.log})
		if n.cfg.CompareInterval > 0 {
			n.compare = compare.New(compare.Config{
				DB: n.db, Fares: n.watch.Fares, Done: n.watch.Compared, Duty: n.holdsZone, Tells: n.reach.Tells, Interval: n.cfg.CompareInterval,
				PerSecond: n.cfg.CompareRate, Log: n.log,
			})
		}
	}
	return nil
}

// survey looks at what there is to a zone besides its peers: keys that wait for somebody, and what its parent says of its name servers.
func (n *Node) survey(ctx context.Context, z *zone.Zone, parents *parent.Finder) (out []alarm.Finding) {
	if z.State().Transfer.Signed() {
		if keys, err := n.store.ZoneKeys(ctx, model.ID(z.ID)); err == nil {
			out = append(out, alarm.KeyFindings(keys)...)
		}
	}
	if n.cfg.Resolver == "" || !z.State().Links.Enabled {
		return out
	}
	if seen, err := parents.NS(ctx, z.Name); err == nil && seen.Complete() {
		out = append(out, alarm.ParentFinding(z, &seen))
	}
	return out
}

// carry sends a message about alarms.
func (n *Node) carry(ctx context.Context, w *model.Webhook, d *model.Delivery) (status int, err error) {
	if w.Kind == model.WebhookEmail {
		subject, text := alarm.Mail(d)
		return 0, n.courier.Mail(ctx, w.Email, subject, text, string(d.ID))
	}
	body, err := alarms.Payload(d)
	if err != nil {
		return 0, err
	}
	return n.courier.Post(ctx, w.URL, w.Secret, string(d.ID), body)
}

// moves hears of every zone of which something has moved that may change how its secondaries stand.
func (n *Node) moves(zone string) {
	if n.alarms != nil {
		n.alarms.Moves(zone)
	}
}

// zoneName names a zone, and says whether it is one that people are told of: catalogs are not.
func (n *Node) zoneName(id model.ID) (name string, told bool) {
	z := n.db.ByID(string(id))
	if z == nil {
		return "", true
	}
	return z.Name.Host(), !z.State().Links.Hidden
}
