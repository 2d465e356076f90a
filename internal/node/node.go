// Package node is the running program: it wires every part, runs the parts and stops them. It knows all parts and their
// order; it must not know what a part does inside, nor the command line's other verbs.
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/duty"
	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/flatten"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/primary"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Node is every part of a running Headwater, wired. Parts that its roles do not need are nil.
type Node struct {
	cfg     *Config
	roles   roles
	log     *slog.Logger
	store   *store.Store
	db      *zone.DB
	feed    *feed.Feed
	primary *primary.Primary
	flatten *flatten.Flattener
	notify  *notify.Sender
	watch   *watch.Watcher
	duty    *duty.Duty // nil where no other node can be
	xfr     *xfr.Server
	dns     *server.Server
	auth    *auth.Authenticator
	session *auth.Sessions
	edge    []netip.Addr
	answer  answer.Config
	ready   atomic.Bool
	version atomic.Uint64 // zone versions published
}

// Open opens the store and makes the parts; nothing runs and no socket is bound yet.
func Open(ctx context.Context, c *Config, log *slog.Logger) (*Node, error) {
	n := &Node{cfg: c, log: log, db: zone.NewDB(0)}
	var err error
	if n.roles, err = parseRoles(c.Roles); err != nil {
		return nil, err
	}
	if !n.roles.all() && c.embedded() {
		return nil, errSoleNode
	}
	if n.edge, err = addresses(c.EdgeAddresses, "edge addresses"); err != nil {
		return nil, err
	}
	sources, err := addresses(c.NotifySource, "NOTIFY source")
	if err != nil {
		return nil, err
	}
	servers, err := c.nameservers()
	if err != nil {
		return nil, err
	}
	open := store.Config{
		URL: c.DatabaseURL(), Clock: time.Now, Log: log, ReadOnly: !n.roles.writes(),
		Tidies: func() bool { return n.holds("") }, Yield: server.YieldCore,
	}
	if open.SecretKey, open.Keyless, err = c.key(open.ReadOnly); err != nil {
		return nil, err
	}
	n.answer = answer.Config{UDPSize: 1232, NSID: c.NSID, Version: c.ChaosVersion, Hostname: c.ChaosHostname}
	if n.store, err = store.Open(ctx, open); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	n.shareWork()
	n.wireFast(sources)
	if err := n.wireCareful(ctx, servers, open.SecretKey); err != nil {
		return nil, errors.Join(err, n.store.Close())
	}
	return n, nil
}

// wireFast makes the parts of the fast half.
func (n *Node) wireFast(sources []netip.Addr) {
	n.watch = watch.New(watch.Config{
		DB: n.db, Duty: n.holdsZone, Interval: n.cfg.ProbeInterval, Log: n.log,
		Seen:    func(zone, peer string, serial uint32) { n.notify.Seen(zone, peer, serial) },
		Resolve: n.resolveNameServer(), NameServerInterval: n.cfg.NameServerInterval, NameServerPort: n.cfg.NameServerPort,
		Save: n.saveWatched,
	})
	if n.roles.notify {
		n.wireNotify(sources)
	}
	if !n.roles.dns {
		return
	}
	cores := procs()
	n.xfr = xfr.NewServer(xfr.Config{
		Yield: server.YieldCore,
		DB:    n.db, Done: n.transferred, Packing: cores, Recalled: func() <-chan struct{} { return n.feed.Recalled() },
	})
	n.dns = server.New(server.Config{
		DNS: n.cfg.DNSListen, Transfer: n.cfg.TransferListen, DB: n.db, Log: n.log, Threads: cores,
		NewResponder: func() server.Responder { return responder{answer.New(n.db, n.answer)} },
		Transfers:    transfers{n.xfr},
	})
}

func (n *Node) wireNotify(sources []netip.Addr) {
	n.notify = notify.New(notify.Config{
		Answered: n.watch.Notified, DB: n.db, Duty: n.holdsZone, Sources: sources, Interval: n.cfg.NotifyInterval, Log: n.log,
		Load: func(ctx context.Context, yield func(notify.Ack)) error { return n.loadWatched(ctx, "", yield) },
		Save: func(ctx context.Context, acks []notify.Ack) error {
			states := make([]store.PeerState, 0, len(acks))
			for _, a := range acks {
				states = append(states, store.PeerState{Zone: model.ID(a.Zone), Peer: model.ID(a.Peer), Serial: a.Serial, Known: true})
			}
			return n.store.PutPeerStates(ctx, states)
		},
	})
}

// wireCareful makes the parts of the careful half.
func (n *Node) wireCareful(ctx context.Context, servers []string, key [32]byte) error {
	n.feed = feed.New(feed.Config{
		Source: n.store, DB: n.db, Log: n.log,
		Published: n.published,
		Removed:   n.removed,
		Seen:      n.seen,
	})
	if !n.roles.writes() {
		return nil
	}
	resolver := &flatten.Resolver{Own: n.own()}
	if n.cfg.Resolver != "" {
		resolver.Client = &flatten.Client{Addr: n.cfg.Resolver}
	}
	n.flatten = flatten.New(flatten.Config{
		Resolve: resolver.Resolve, Clock: time.Now, Log: n.log, Duty: n.holds, Shared: n.store.Shared(),
		MinTTL: n.cfg.FlattenMinTTL, MaxTTL: n.cfg.FlattenMaxTTL,
		Keep: orNever(n.cfg.FlattenKeep), Damping: orNever(n.cfg.FlattenDamping),
		Change: func(ctx context.Context, c model.Change) (model.Result, error) { return n.primary.Change(ctx, c) },
		Zones:  n.store.DependentZones,
	})
	var err error
	n.primary, err = primary.New(primary.Config{
		Begin:      func(ctx context.Context) (primary.Tx, error) { return n.store.Begin(ctx) },
		Checkpoint: n.store.Checkpoint, RenewImages: n.store.RenewImages, Duty: n.holds,
		DB: n.db, Feed: n.feed, Flattened: n.flatten, Clock: time.Now, NewID: auth.NewID,
		NameServers: servers, Edge: n.edge, Describe: api.Describe, Log: n.log, Held: func(zone model.ID) []uint32 { return n.watch.Held(string(zone)) }, Yield: server.YieldCore,
	})
	if err != nil {
		return err
	}
	n.session = auth.NewSessions(auth.SessionConfig{Store: n.store, Clock: time.Now, Key: auth.Digest("session " + string(key[:]))})
	n.auth = auth.New(auth.Config{Store: n.store, Clock: time.Now, Sessions: n.session})
	return nil
}

// orNever tells a 0 that somebody has asked for from one that means the default.
func orNever(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// own answers queries for zones of this node from memory, for flattening.
func (n *Node) own() func(query []byte) []byte {
	return func(query []byte) []byte {
		var q wire.Query
		if q.Parse(query) != wire.ParseOK {
			return nil
		}
		return answer.New(n.db, n.answer).Append(nil, &q, answer.Limits{Size: wire.MaxMessage})
	}
}

// seen hears of every journal entry.
func (n *Node) seen(e model.Entry, inImage bool) {
	if n.primary != nil {
		n.primary.Observe(e, inImage)
	}
}

// published hears of every new version.
func (n *Node) published(z *zone.Zone, forced bool) {
	if !forced {
		n.version.Add(1)
	}
	switch {
	case n.notify == nil:
	case forced:
		n.notify.Force(z)
	default:
		n.notify.Wake(z)
	}
	if n.flatten != nil {
		n.flatten.Touched(z)
	}
}

// removed hears of every zone that is gone.
func (n *Node) removed(zone string) {
	if n.notify != nil {
		n.notify.Remove(zone)
	}
	n.watch.Forget(zone)
}

// Run serves until ctx ends. Parts are stopped in the order in which they depend on each other: first the API, then DNS,
// then what works for them.
func (n *Node) Run(ctx context.Context, out io.Writer) error {
	defer func() {
		if err := n.store.Close(); err != nil {
			n.log.Error("close store", "error", err)
		}
	}()
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, running := errgroup.WithContext(inner)
	g.Go(func() error { return n.feed.Run(running) })
	if n.primary != nil {
		g.Go(func() error { return n.primary.Run(running) })
	}
	select {
	case <-n.feed.Loaded():
	case <-ctx.Done():
		stop()
		return ignoreCanceled(g.Wait())
	case <-running.Done():
		return g.Wait()
	}
	if err := n.start(ctx, running, g, out); err != nil {
		stop()
		return errors.Join(err, ignoreCanceled(g.Wait()))
	}
	select {
	case <-ctx.Done():
		n.log.Info("stopping")
	case <-running.Done():
	}
	n.ready.Store(false)
	if running.Err() == nil {
		n.settle(running)
	}
	stop()
	return ignoreCanceled(g.Wait())
}

// settleTime bounds how much longer a node serves, when told to stop, for the sake of a quicker start.
const settleTime = 5 * time.Second

// settle leaves images behind that the next start loads quickly. It loses nothing if it fails.
func (n *Node) settle(ctx context.Context) {
	if n.primary == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	if err := n.primary.Settle(ctx); err != nil {
		n.log.Info("not all images were renewed, the next start replays more of the journal", "error", err)
	}
}

// start binds the sockets and starts what serves: the node has loaded.
func (n *Node) start(ctx, running context.Context, g *errgroup.Group, out io.Writer) error {
	first, err := n.bootstrap(ctx)
	if err != nil {
		return err
	}
	if err := n.loadWatched(ctx, "", func(notify.Ack) {}); err != nil {
		return err
	}
	var addrs server.Addrs
	if n.dns != nil {
		if err := n.dns.Listen(); err != nil {
			return err
		}
		addrs = n.dns.Addrs()
	}
	web, err := n.listenHTTP()
	if err != nil {
		n.closeDNS()
		return err
	}
	profiles, err := n.listenProfiles()
	if err != nil {
		n.closeDNS()
		return errors.Join(err, web.l.Close())
	}
	if profiles != nil {
		g.Go(func() error { return profiles.run(running) })
	}
	if n.dns != nil {
		g.Go(func() error { return n.dns.Run(running) })
	}
	g.Go(func() error { return tuneMemory(running, n.feed.Recalled()) })
	n.startWork(running, g)
	g.Go(func() error { return web.run(running) })
	n.ready.Store(true)
	n.log.Info("ready", "roles", n.roles.String(), "zones", n.db.Len(), "dns", fmt.Sprint(addrs.DNS), "transfer", fmt.Sprint(addrs.Transfer), "http", web.url())
	n.welcome(out, first, web.url(), addrs)
	return nil
}

func (n *Node) closeDNS() {
	if n.dns != nil {
		n.dns.Close()
	}
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// bootstrap makes the first administrator and account on the first start. Of nodes that start together one does.
func (n *Node) bootstrap(ctx context.Context) (first *auth.FirstCredentials, err error) {
	if !n.roles.api {
		return nil, nil //nolint:nilnil // nothing to show is no error
	}
	err = n.store.Alone(ctx, "bootstrap", func(ctx context.Context) (err error) {
		first, err = auth.Bootstrap(ctx, n.store, auth.BootstrapOptions{
			Email: n.cfg.AdminEmail, Key: n.cfg.AdminKey, Token: n.cfg.AdminToken, Password: n.cfg.AdminPassword, Now: time.Now(),
			CreateAccount: func(ctx context.Context, a model.Account) error {
				_, err := n.primary.Change(ctx, model.Change{
					Account: a.ID, Actor: model.Actor{Context: "system"}, Edits: []model.Edit{model.CreateAccount{Account: a}},
				})
				return err
			},
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("first start: %w", err)
	}
	return first, nil
}

// responder and transfers fit answer and xfr to the server's plugs.
type responder struct{ a *answer.Responder }

func (r responder) Respond(dst []byte, q *wire.Query, l server.Limits) []byte {
	return r.a.Append(dst, q, answer.Limits{Size: l.Size, Keepalive: l.Keepalive})
}

type transfers struct{ s *xfr.Server }

func request(r *server.Request) *xfr.Request {
	return &xfr.Request{Query: r.Query, Source: r.Source, Session: r.Session, Size: r.Limits.Size}
}

func (t transfers) Datagram(dst []byte, r *server.Request) []byte {
	return t.s.Datagram(dst, request(r))
}

func (t transfers) Stream(ctx context.Context, w server.Writer, r *server.Request) error {
	return t.s.Stream(ctx, w, request(r))
}

// transferred logs one line for each transfer and each refusal, and tells notify what the peer has now.
func (n *Node) transferred(r xfr.Report) {
	n.watch.Transferred(r)
	attrs := []any{
		"zone", r.Zone, "source", r.Source.String(), "peer", r.Peer.Name, "asked", r.Asked.String(), "tcp", r.TCP,
	}
	if r.Key != "" {
		attrs = append(attrs, "key", r.Key)
	}
	if r.Asked == wire.TypeIXFR {
		attrs = append(attrs, "from", r.From)
	}
	if r.Kind == "" {
		n.log.Warn("transfer refused", append(attrs, "rcode", r.Rcode.String(), "reason", r.Reason)...)
		return
	}
	attrs = append(attrs, "kind", string(r.Kind), "serial", r.To, "records", r.Records, "bytes", r.Bytes, "duration", r.Duration)
	if r.Reason != "" {
		n.log.Warn("transfer failed", append(attrs, "reason", r.Reason)...)
		return
	}
	n.log.Info("transfer", attrs...)
	if n.notify != nil && r.Peer.ID != "" && r.Kind != xfr.TooLarge {
		n.notify.Seen(r.ZoneID, r.Peer.ID, r.To)
	}
}
