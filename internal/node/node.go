// Package node is the running program: it wires every part, runs the parts and stops them. It knows all parts and their
// order; it must not know what a part does inside, nor the command line's other verbs.
package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/alarm"
	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/catalog"
	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/draft"
	"github.com/headwaterdns/headwater/internal/control/duty"
	"github.com/headwaterdns/headwater/internal/control/events"
	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/flatten"
	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/control/keeper"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/oidc"
	"github.com/headwaterdns/headwater/internal/control/parent"
	"github.com/headwaterdns/headwater/internal/control/passkey"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/control/update"
	"github.com/headwaterdns/headwater/internal/cores"
	"github.com/headwaterdns/headwater/internal/courier"
	"github.com/headwaterdns/headwater/internal/depot"
	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/compare"
	"github.com/headwaterdns/headwater/internal/dns/cookie"
	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/reach"
	"github.com/headwaterdns/headwater/internal/dns/report"
	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/tally"
	"github.com/headwaterdns/headwater/internal/dns/tap"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/handover"
	"github.com/headwaterdns/headwater/internal/httpfront"
	"github.com/headwaterdns/headwater/internal/insight"
	"github.com/headwaterdns/headwater/internal/otlp"
	"github.com/headwaterdns/headwater/internal/systemd"
	"github.com/headwaterdns/headwater/internal/trace"
)

// Node is every part of a running Headwater, wired. Parts that its roles do not need are nil.
type Node struct {
	cfg      *Config
	roles    roles
	log      *slog.Logger
	store    *store.Store
	db       *zone.DB
	feed     *feed.Feed
	commit   *commit.Committer
	keep     *journal.Upkeep
	flatten  *flatten.Flattener
	keeper   *keeper.Keeper // of keys and signatures
	catalogs *catalog.Keeper
	drafts   *draft.Scheduler
	backups  *depot.Keeper // nil where none are made
	notify   *notify.Sender
	watch    *watch.Watcher
	events   *events.Hub       // nil where nobody listens
	alarms   *alarm.Monitor    // nil where another node looks
	teller   *alarm.Teller     // likewise
	compare  *compare.Comparer // nil where nobody compares
	courier  *courier.Courier
	duty     *duty.Duty // nil where no other node can be
	xfr      *xfr.Server
	updates  *update.Server // nil where nothing is written
	insight  *insight.Insight
	tally    *tally.Tally // of what strangers do
	cookies  cookie.Jar
	dns      *server.Server
	tap      *tap.Tap       // nil where nothing is shown
	spans    *otlp.Exporter // nil where nobody traces
	traced   *trace.Book    // likewise
	auth     *auth.Authenticator
	session  *auth.Sessions
	provider *oidc.Provider // that people sign in at; nil for none
	passkeys *passkey.Party // nil: nobody has any
	traces   api.Traces
	edge     []netip.Addr
	reach    *reach.Rule
	offered  []netip.Addr // for NOTIFY to leave from, to members of accounts
	answer   answer.Config
	reports  *report.Book // nil without an agent
	web      *httpfront.Front
	handle   func() http.Handler // of web
	scrape   *httpfront.Front    // of metrics at an address of their own; nil without one
	trusted  []netip.Prefix
	certs    *certFile        // of HTTPS; nil without
	dnsCerts *certFile        // of DNS over TLS; nil without
	connect  *certFile        // of the name that CONNECT is answered for; nil without
	profiles *httpfront.Front // nil where they are not wanted
	out      io.Writer
	first    *auth.FirstCredentials // made at this start
	ready    atomic.Bool
	stopping atomic.Bool
	stranded atomic.Bool // without a store, and nobody else has it
	leaving  bool        // somebody else serves what this node has served
	sockets  *handover.Sockets
	manager  *systemd.Manager
	heap     *heap
	// succeed has whoever served these sockets before leave them. It returns when that has been done.
	succeed   func(ctx context.Context) error
	keyless   bool        // secrets are closed
	shares    bool        // other nodes are told what this one sees of keys
	silent    atomic.Bool // and cannot be: the database lets this node write nothing
	positions positions
	version   atomic.Uint64 // zone versions published
	lag       atomic.Int64  // nanoseconds that the newest journal entry was under way
}

// open opens the store and makes the parts; nothing runs and no socket is bound yet. An embedded store has one process, which claim
// is to make this one.
func open(ctx context.Context, c *Config, log *slog.Logger, sockets *handover.Sockets, claim func(context.Context) error) (*Node, error) {
	n := &Node{cfg: c, log: log, db: zone.NewDB(0), tally: tally.New(tally.Config{}), sockets: sockets}
	n.db.BoundHistories(int(c.HistoryMemory))
	set, err := c.settings()
	if err != nil {
		return nil, err
	}
	n.roles, n.edge, n.trusted, n.reach = set.roles, set.edge, set.trusted, set.reach
	if c.Traces.On() && n.roles.writes() {
		n.traced = trace.NewBook()
	}
	if c.TLSCert != "" {
		n.certs = &certFile{cert: c.TLSCert, key: c.TLSKey, log: log}
	}
	if c.ConnectName != "" {
		if n.connect = n.certs; c.ConnectCert != "" {
			n.connect = &certFile{cert: c.ConnectCert, key: c.ConnectKey, log: log}
		}
	}
	if len(c.TLSListen) > 0 && n.roles.dns {
		if n.dnsCerts = n.certs; c.DNSTLSCert != "" {
			n.dnsCerts = &certFile{cert: c.DNSTLSCert, key: c.DNSTLSKey, log: log}
		}
	}
	open := store.Config{
		URL: c.DatabaseURL(), Clock: time.Now, Log: log, ReadOnly: !n.roles.writes(), Existing: c.MustExist, Program: "headwater " + c.Version,
		Tidies: func() bool { return n.holds("") }, AuditKeep: n.cfg.AuditKeep, Yield: cores.Polite(server.YieldCore, time.Now),
		Patience: c.DatabasePatience, CommitPatience: c.CommitPatience,
	}
	keys, made, err := c.keys(open.ReadOnly)
	if err != nil {
		return nil, err
	}
	n.useKeys(&open, keys)
	n.answer = answer.Config{UDPSize: 1232, NSID: c.NSID, Version: c.ChaosVersion, Hostname: c.ChaosHostname, Now: time.Now}
	if n.answer.Agent = set.agent; set.agent != "" {
		n.reports = report.New(report.Config{DB: n.db, Agent: set.agent, Now: time.Now})
	}
	if c.embedded() {
		if err := claim(ctx); err != nil {
			return nil, fmt.Errorf("claim the store: %w", err)
		}
	}
	n.store, err = store.Open(ctx, open)
	if errors.Is(err, store.ErrSecretKey) && c.WithoutSecretKey {
		log.Error("the secret key is not the one of this store", "file", c.KeyFile())
		keys = nil
		n.useKeys(&open, keys)
		n.store, err = store.Open(ctx, open)
	}
	if err != nil {
		return nil, fmt.Errorf("open store: %w", c.unmake(made, err))
	}
	var curves insight.Store
	if n.roles.writes() {
		curves = n.store
	}
	n.insight = insight.New(insight.Config{
		Store: curves, Log: log,
		DB: n.db, Holds: n.holds, Ready: n.ready.Load, Now: time.Now, Stands: func(yield func(watch.Stand) bool) { n.watch.Each(yield) },
		Parent: func(ctx context.Context, zone wire.Name) (parent.Answer, error) { return n.parents().NS(ctx, zone) },
	})
	n.shareWork()
	if err := n.keepBackups(keys); err != nil {
		return nil, errors.Join(err, n.store.Close())
	}
	n.wireFast(&set)
	if err := n.wireCareful(set.nameservers, sessionKey(&open)); err != nil {
		return nil, errors.Join(err, n.store.Close())
	}
	return n, nil
}

// wireFast makes the parts of the fast half.
func (n *Node) wireFast(set *settings) {
	n.offered = set.offered
	n.shares = n.store.Shared() && n.roles.dns && !n.keyless // who has no secret key verifies no signature
	n.watch = watch.New(watch.Config{
		DB: n.db, Duty: n.holdsZone, Interval: n.cfg.ProbeInterval, IntervalMost: n.cfg.ProbeMost, Rate: n.cfg.ProbeRate, Log: n.log, Shared: n.shares, Here: n.here(),
		Seen: func(zone, peer string, serial uint32) {
			n.insight.Holds(zone, peer, serial)
			if n.notify != nil { // another node tells secondaries
				n.notify.Seen(zone, peer, serial)
			}
		},
		Learned: func(zone string) {
			if n.keeper != nil {
				n.keeper.Seen(model.ID(zone))
			}
		},
		Resolve: n.resolveNameServer(), Allowed: n.reach.Allows, Tells: n.reach.Tells,
		NameServerInterval: n.cfg.NameServerInterval, NameServerPort: n.cfg.NameServerPort,
		Save: n.saveWatched, Moves: n.moves,
	})
	if n.roles.notify {
		n.wireNotify(set.sources)
	}
	if !n.roles.dns {
		return
	}
	cores.Provide()
	n.xfr = xfr.NewServer(xfr.Config{
		Yield: server.YieldCore,
		DB:    n.db, Done: n.transferred, Asked: n.watch.Asked, Recalled: func() <-chan struct{} { return n.feed.Recalled() },
	})
	var certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	if n.dnsCerts != nil {
		certificate = n.dnsCerts.get
	}
	n.tap = n.newTap(set.tap)
	n.dns = server.New(server.Config{
		Tap: n.tap,
		TLS: n.cfg.TLSListen, Certificate: certificate, Handshake: n.handshakeFailed,
		DNS: n.cfg.DNSListen, Transfer: n.cfg.TransferListen, Sockets: n.sockets, DB: n.db, Log: n.log,
		NewResponder: n.responder,
		Transfers:    n.xfr,
		Updates:      n.takeUpdates(),
		Cookies:      n.cookies.Keys, Proxies: set.proxies, Reports: n.takesReports(),
		RateLimit: server.RateLimit{PerSecond: n.cfg.DNSRateLimit, Slip: n.cfg.DNSRateSlip, Exempt: set.exempt, LogOnly: n.cfg.DNSRateLogOnly, Tell: n.rateLimited},
	})
}

func (n *Node) wireNotify(sources []netip.Addr) {
	host, _ := os.Hostname()
	n.notify = notify.New(notify.Config{
		Node:     host,
		Answered: n.watch.Notified, KeyOf: n.watch.KeyOf, DB: n.db, Duty: n.holdsZone, Sources: sources, Interval: n.cfg.NotifyInterval, Log: n.log,
		Own: n.ownCertificate, Tells: n.reach.Tells, Traced: n.traced,
		Load: n.loadKnown,
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
func (n *Node) wireCareful(servers []string, key [32]byte) error {
	n.feed = feed.New(feed.Config{
		Source: n.store, DB: n.db, Log: n.log,
		Published: n.published,
		Linked:    n.linked,
		Removed:   n.removed,
		Seen:      n.seen,
		Rewound:   n.rewound,
		Lost:      n.lost,
	})
	n.positions.wait = func(ctx context.Context, seq model.Seq) error { return n.feed.Wait(ctx, seq) }
	n.positions.head = n.store.Head
	if !n.roles.writes() {
		return nil
	}
	n.flatten = flatten.New(flatten.Config{
		Resolve: n.resolver().Resolve, Clock: time.Now, Log: n.log, Duty: n.holds, Shared: n.store.Shared(),
		MinTTL: n.cfg.FlattenMinTTL, MaxTTL: n.cfg.FlattenMaxTTL,
		Keep: orNever(n.cfg.FlattenKeep), Damping: orNever(n.cfg.FlattenDamping),
		Change: func(ctx context.Context, c model.Change) (model.Result, error) { return n.commit.Change(ctx, c) },
		Zones:  n.store.DependentZones,
	})
	var err error
	n.keep = journal.New(journal.Config{
		Checkpoint: n.store.Checkpoint, RenewImages: n.store.RenewImages, Duty: n.holds, DB: n.db, Log: n.log,
	})
	n.commit, err = commit.New(commit.Config{
		Begin: func(ctx context.Context) (commit.Tx, error) { return n.store.Begin(ctx) },
		Stage: func(ctx context.Context, zone model.ID) (commit.Staging, error) {
			st, err := n.store.Stage(ctx, zone)
			if err != nil {
				return nil, err
			}
			return st, nil
		},
		Signing: n.tellSigning(),
		Beside:  func(ctx context.Context, img *model.Image) (commit.Beside, error) { return n.store.PutBeside(ctx, img) },
		Deleted: n.store.DeletedZone,
		Traced:  n.traced,
		Cores:   cores.Count(), DB: n.db, Feed: n.feed, Flattened: n.flatten, Clock: time.Now, NewID: auth.NewID,
		Quotas: n.cfg.Quota.quotas(), Shared: n.store.Shared(), Limits: commit.Limits{DigestBytes: n.cfg.digestMost()},
		NameServers: servers, Edge: n.edge, Log: n.log, Review: n.reviewAs,
		Held: func(zone model.ID) []uint32 { return n.watch.Held(string(zone)) }, Yield: cores.Polite(server.YieldCore, time.Now),
	})
	if err != nil {
		return err
	}
	n.keepKeys()
	n.keepCatalogs()
	n.drafts = draft.NewScheduler(draft.Config{Due: n.store.DueDrafts, Change: n.commit.Change, Duty: n.holds, Clock: time.Now, Log: n.log})
	if err := n.followSecondaries(); err != nil {
		return err
	}
	n.session = auth.NewSessions(auth.SessionConfig{Store: n.store, Clock: time.Now, Key: auth.Digest("session " + string(key[:]))})
	if n.provider, err = n.cfg.provider(); err != nil {
		return err
	}
	if n.passkeys, err = n.cfg.passkeys(); err != nil {
		return err
	}
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

// responder makes what a thread answers with, which is told of requests before they are answered.
func (n *Node) responder() server.Responder {
	var r server.Foresighted = n.insight.Responder(answer.New(n.db, n.answer))
	return r
}

// own answers queries for zones of an account from memory; nil for what lies in none.
func (n *Node) own(account model.ID, query []byte) []byte {
	var q wire.Request
	if q.Parse(query) != wire.ParseOK {
		return nil
	}
	z := n.db.Find(q.Name)
	if z == nil || z.AccountID() != string(account) {
		return nil
	}
	q.Size = wire.MaxMessage
	msg := answer.New(n.db, n.answer).Respond(nil, &q)
	if n.db.Find(q.Name) != z {
		return nil // another zone has come or gone meanwhile, and whose the answer is nobody knows
	}
	return msg
}

// flattened counts an account's targets of flattened CNAMEs.
func (n *Node) flattened(account model.ID) int64 {
	count, _ := n.flatten.Targets(model.FlattenTarget{Account: account}, "")
	return int64(count)
}

// seen hears of every journal entry.
func (n *Node) seen(e model.Entry, inImage bool) {
	if n.ready.Load() && !inImage {
		n.lag.Store(max(0, int64(time.Since(e.At))))
	}
	if n.events != nil {
		n.events.Journal(&e)
	}
	if n.keep != nil {
		n.keep.Observe(e, inImage)
	}
}

// published hears of every new version.
func (n *Node) published(z *zone.Zone, forced bool) {
	if !forced {
		n.version.Add(1)
		n.insight.Versioned(z)
	}
	n.watch.Moved(z)
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
	switch {
	case n.keeper == nil:
	case forced: // which is also how a change tells that there is something to do
		n.keeper.Look(model.ID(z.ID))
	default:
		n.keeper.Touched(z)
	}
}

// linked hears of every zone whose links, or whose peers, have changed.
func (n *Node) linked(z *zone.Zone) {
	n.watch.Linked(z)
	if n.notify != nil {
		n.notify.Link(z)
	}
	if n.flatten != nil {
		n.flatten.Touched(z)
	}
	if n.catalogs != nil {
		n.catalogs.Touched(z)
	}
	if n.keeper != nil {
		n.keeper.Seen(model.ID(z.ID)) // a peer that has gone is waited for no more
	}
}

// removed hears of every zone that is gone.
func (n *Node) removed(z *zone.Zone) {
	if n.notify != nil {
		n.notify.Remove(z.ID)
	}
	if n.flatten != nil {
		n.flatten.Gone(z)
	}
	if n.keeper != nil {
		n.keeper.Gone(z)
	}
	if n.catalogs != nil {
		n.catalogs.Gone(z)
	}
	n.watch.Forget(z.ID)
	if n.reports != nil {
		n.reports.Forget(z.ID)
	}
	n.insight.Forget(z.ID)
}
