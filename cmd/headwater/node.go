package main

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

// node is every part of a running Headwater, wired.
type node struct {
	cfg     *serveCmd
	log     *slog.Logger
	store   *store.Store
	db      *zone.DB
	feed    *feed.Feed
	primary *primary.Primary
	flatten *flatten.Flattener
	notify  *notify.Sender
	watch   *watch.Watcher
	xfr     *xfr.Server
	dns     *server.Server
	auth    *auth.Authenticator
	session *auth.Sessions
	edge    []netip.Addr
	answer  answer.Config
	ready   atomic.Bool
	version atomic.Uint64 // zone versions published
}

// openNode opens the store and makes the parts; nothing runs and no socket is bound yet.
func openNode(ctx context.Context, c *serveCmd, log *slog.Logger) (*node, error) {
	key, err := c.prepare()
	if err != nil {
		return nil, err
	}
	n := &node{cfg: c, log: log, db: zone.NewDB(0)}
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
	n.answer = answer.Config{UDPSize: 1232, NSID: c.NSID, Version: c.ChaosVersion, Hostname: c.ChaosHostname}
	n.store, err = store.Open(ctx, store.Config{URL: c.databaseURL(), SecretKey: key, Clock: time.Now, Log: log})
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	n.wireFast(sources)
	if err := n.wireCareful(servers, key); err != nil {
		return nil, errors.Join(err, n.store.Close())
	}
	return n, nil
}

// wireFast makes the parts of the fast half.
func (n *node) wireFast(sources []netip.Addr) {
	n.watch = watch.New(watch.Config{
		DB: n.db, Interval: n.cfg.ProbeInterval, Log: n.log,
		Seen:    func(zone, peer string, serial uint32) { n.notify.Seen(zone, peer, serial) },
		Resolve: n.resolveNameServer(), NameServerInterval: n.cfg.NameServerInterval, NameServerPort: n.cfg.NameServerPort,
		Save: n.saveWatched,
	})
	n.notify = notify.New(notify.Config{
		Answered: n.watch.Notified, DB: n.db, Sources: sources, Interval: n.cfg.NotifyInterval, Log: n.log,
		Load: func(ctx context.Context, yield func(notify.Ack)) error {
			return n.store.PeerStates(ctx, "", func(p store.PeerState) error {
				if p.Known {
					yield(notify.Ack{Zone: string(p.Zone), Peer: string(p.Peer), Serial: p.Serial})
				}
				return nil
			})
		},
		Save: func(ctx context.Context, acks []notify.Ack) error {
			states := make([]store.PeerState, 0, len(acks))
			for _, a := range acks {
				states = append(states, store.PeerState{Zone: model.ID(a.Zone), Peer: model.ID(a.Peer), Serial: a.Serial, Known: true})
			}
			return n.store.PutPeerStates(ctx, states)
		},
	})
	n.xfr = xfr.NewServer(xfr.Config{DB: n.db, Done: n.transferred})
	n.dns = server.New(server.Config{
		DNS: n.cfg.DNSListen, Transfer: n.cfg.TransferListen, DB: n.db, Log: n.log,
		NewResponder: func() server.Responder { return responder{answer.New(n.db, n.answer)} },
		Transfers:    transfers{n.xfr},
	})
}

// wireCareful makes the parts of the careful half.
func (n *node) wireCareful(servers []string, key [32]byte) error {
	n.feed = feed.New(feed.Config{
		Source: n.store, DB: n.db, Log: n.log,
		Published: n.published,
		Removed:   n.removed,
		Seen:      func(e model.Entry, inImage bool) { n.primary.Observe(e, inImage) },
	})
	resolver := &flatten.Resolver{Own: n.own()}
	if n.cfg.Resolver != "" {
		resolver.Client = &flatten.Client{Addr: n.cfg.Resolver}
	}
	n.flatten = flatten.New(flatten.Config{
		Resolve: resolver.Resolve, Clock: time.Now, Log: n.log, MinTTL: n.cfg.FlattenMinTTL, MaxTTL: n.cfg.FlattenMaxTTL,
		Keep: orNever(n.cfg.FlattenKeep), Damping: orNever(n.cfg.FlattenDamping),
		Change: func(ctx context.Context, c model.Change) (model.Result, error) { return n.primary.Change(ctx, c) },
		Zones:  n.store.DependentZones,
	})
	var err error
	n.primary, err = primary.New(primary.Config{
		Begin:      func(ctx context.Context) (primary.Tx, error) { return n.store.Begin(ctx) },
		Checkpoint: n.store.Checkpoint, DB: n.db, Feed: n.feed, Flattened: n.flatten, Clock: time.Now, NewID: auth.NewID,
		NameServers: servers, Edge: n.edge, Describe: api.Describe, Log: n.log,
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
func (n *node) own() func(query []byte) []byte {
	return func(query []byte) []byte {
		var q wire.Query
		if q.Parse(query) != wire.ParseOK {
			return nil
		}
		return answer.New(n.db, n.answer).Append(nil, &q, answer.Limits{Size: wire.MaxMessage})
	}
}

// published hears of every new version.
func (n *node) published(z *zone.Zone, forced bool) {
	if forced {
		n.notify.Force(z)
	} else {
		n.version.Add(1)
		n.notify.Wake(z)
	}
	n.flatten.Touched(z)
}

// removed hears of every zone that is gone.
func (n *node) removed(zone string) {
	n.notify.Remove(zone)
	n.watch.Forget(zone)
}

// run serves until ctx ends. Parts are stopped in the order in which they depend on each other: first the API, then DNS,
// then what works for them.
func (n *node) run(ctx context.Context, out io.Writer) error {
	defer func() {
		if err := n.store.Close(); err != nil {
			n.log.Error("close store", "error", err)
		}
	}()
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, running := errgroup.WithContext(inner)
	g.Go(func() error { return n.feed.Run(running) })
	g.Go(func() error { return n.primary.Run(running) })
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
	stop()
	return ignoreCanceled(g.Wait())
}

// start binds the sockets and starts what serves: the node has loaded.
func (n *node) start(ctx, running context.Context, g *errgroup.Group, out io.Writer) error {
	first, err := n.bootstrap(ctx)
	if err != nil {
		return err
	}
	if err := n.loadWatched(ctx); err != nil {
		return err
	}
	if err := n.dns.Listen(); err != nil {
		return err
	}
	web, err := n.listenHTTP()
	if err != nil {
		n.dns.Close()
		return err
	}
	profiles, err := n.listenProfiles()
	if err != nil {
		n.dns.Close()
		return errors.Join(err, web.l.Close())
	}
	if profiles != nil {
		g.Go(func() error { return profiles.run(running) })
	}
	g.Go(func() error { return n.dns.Run(running) })
	g.Go(func() error { return tuneMemory(running) })
	g.Go(func() error { return n.notify.Run(running) })
	g.Go(func() error { return n.watch.Run(running) })
	g.Go(func() error { return n.primary.Maintain(running) })
	g.Go(func() error { return n.flatten.Run(running) })
	g.Go(func() error { return web.run(running) })
	n.ready.Store(true)
	addrs := n.dns.Addrs()
	n.log.Info("ready", "zones", n.db.Len(), "dns", fmt.Sprint(addrs.DNS), "transfer", fmt.Sprint(addrs.Transfer), "http", web.url())
	n.welcome(out, first, web.url(), addrs)
	return nil
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// bootstrap makes the first administrator and account on the first start.
func (n *node) bootstrap(ctx context.Context) (*auth.FirstCredentials, error) {
	first, err := auth.Bootstrap(ctx, n.store, auth.BootstrapOptions{
		Email: n.cfg.AdminEmail, Key: n.cfg.AdminKey, Token: n.cfg.AdminToken, Password: n.cfg.AdminPassword, Now: time.Now(),
		CreateAccount: func(ctx context.Context, a model.Account) error {
			_, err := n.primary.Change(ctx, model.Change{
				Account: a.ID, Actor: model.Actor{Context: "system"}, Edits: []model.Edit{model.CreateAccount{Account: a}},
			})
			return err
		},
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
func (n *node) transferred(r xfr.Report) {
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
	if r.Peer.ID != "" && r.Kind != xfr.TooLarge {
		n.notify.Seen(r.ZoneID, r.Peer.ID, r.To)
	}
}
