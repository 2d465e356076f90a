package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/httpfront"
)

// Names of the parts, as logs and the end's order call them.
const (
	partStore     = "store"
	partFeed      = "feed"
	partCommitter = "committer"
	partDNSBind   = "DNS sockets"
	partHTTPBind  = "HTTP sockets"
	partKnown     = "what secondaries know"
	partFirst     = "first start"
	partDNS       = "DNS"
	partTally     = "tally"
	partCookies   = "cookies"
	partMemory    = "memory"
	partFlatten   = "flattening"
	partLease     = "lease"
	partNotify    = "notify"
	partWatch     = "watching"
	partSightings = "sightings of keys"
	partStride    = "how secondaries stand"
	partMeter     = "meter"
	partTap       = "dnstap"
	partTraces    = "traces"
	partCurves    = "curves"
	partRoutes    = "routes"
	partUpkeep    = "upkeep"
	partFreshen   = "signatures that have ended"
	partKeeper    = "keys and signatures"
	partCatalogs  = "catalogs"
	partDrafts    = "scheduled drafts"
	partAlarms    = "alarms"
	partCompare   = "comparing"
	partTeller    = "messages about alarms"
	partEvents    = "events"
	partImages    = "images"
	partBackups   = "backups"
	partMetrics   = "metrics"
	partProfiles  = "profiles"
	partTakeOver  = "taking over"
	partHTTP      = "HTTP"
	partReady     = "ready"
)

// downOrder is the order of the end. The listener closes and what was accepted is answered, with everything still there that
// answering needs; then what works of its own accord; then, with nobody left to change anything, the committer, the feed, the
// DNS, which has answered all the while, and the store.
func downOrder() []string {
	return []string{
		partHTTP, partEvents, partFlatten, partKeeper, partCatalogs, partDrafts, partBackups, partTeller, partAlarms, partCompare, partWatch, partStride, partSightings, partUpkeep, partNotify, partLease, partImages,
		partCommitter, partFeed, partMetrics, partProfiles, partDNS, partCookies, partTally, partTap, partTraces, partMeter, partCurves, partRoutes, partDNSBind, partHTTPBind, partMemory, partTakeOver, partReady, partFreshen, partFirst, partKnown, partStore,
	}
}

// Until when the parts have time to stop: the whole end is bounded, and nobody's delay leaves those behind it without any.
const (
	drainBy = 5 * time.Second
	workBy  = 6 * time.Second
	leaseBy = 7 * time.Second
	imageBy = 8 * time.Second
	writeBy = 9 * time.Second
	dnsBy   = 9500 * time.Millisecond
	storeBy = 9900 * time.Millisecond
	endMost = 15 * time.Second // which the service manager is asked for: a process takes a moment to be gone
)

// sequence lists the parts that the node's roles ask for, in the order in which they start: memory is filled, sockets are
// bound, and only then is the first administrator made, so that a start that fails has made none.
func (n *Node) sequence() *sequence {
	var parts []part
	var broken chan<- error
	add := func(p part) { parts = append(parts, p) }
	run := func(name string, by time.Duration, f func(context.Context) error) *loop {
		l := &loop{run: func(ctx context.Context) error { return ignoreClosed(f(ctx)) }}
		add(part{name: name, by: by, stop: l.stop, start: func(context.Context) error {
			l.start(name, broken)
			return nil
		}})
		return l
	}
	add(part{name: partStore, by: storeBy, stop: func(context.Context) error { return n.store.Close() }})
	feed := run(partFeed, writeBy, n.feed.Run)
	parts[len(parts)-1].start = func(ctx context.Context) error {
		feed.start(partFeed, broken)
		err := n.loaded(ctx, feed.done)
		if err == nil && n.events != nil {
			n.events.Begin(n.feed.Health().Seq)
		}
		return err
	}
	if n.commit != nil {
		run(partCommitter, writeBy, n.commit.Run)
		add(part{name: partFreshen, start: n.freshen})
	}
	if n.traced != nil {
		add(part{name: partTraces, by: storeBy, start: n.startTraces, stop: func(ctx context.Context) error { return n.spans.Stop(ctx) }})
	}
	n.addSockets(add)
	add(part{name: partKnown, start: func(ctx context.Context) error { return n.loadWatched(ctx, "", func(notify.Ack) {}) }})
	add(part{name: partFirst, start: n.firstStart})
	if n.dns != nil {
		run(partDNS, dnsBy, n.dns.Run)
		run(partTally, storeBy, n.tellRest)
		run(partMeter, storeBy, n.insight.Meter.Run)
		if n.tap != nil {
			run(partTap, storeBy, n.tap.Run)
		}
		if n.cfg.Cookies {
			run(partCookies, storeBy, func(ctx context.Context) error { return n.cookies.Run(ctx, cookiesLooked, n.cookieKeys) })
		}
	}
	add(part{name: partRoutes, start: func(context.Context) error { n.handle(); return nil }})
	if n.roles.writes() {
		run(partCurves, storeBy, n.insight.Keep)
	}
	run(partMemory, storeBy, func(ctx context.Context) error { return n.heap.tune(ctx, n.feed.Recalled()) })
	add(part{name: partTakeOver, start: n.takeOver})
	if n.shares {
		run(partSightings, workBy, n.tellSightings)
	}
	n.addWork(add, run)
	n.addFronts(run, func(stop func(context.Context) error) { parts[len(parts)-1].stop = stop })
	add(part{name: partReady, start: n.isReady})
	s := newSequence(n.log, parts, slices.DeleteFunc(downOrder(), func(name string) bool {
		return !slices.ContainsFunc(parts, func(p part) bool { return p.name == name })
	}))
	broken = s.broken
	return s
}

// addFronts adds what speaks HTTP; stops says how the part that was added last ends.
func (n *Node) addFronts(run func(string, time.Duration, func(context.Context) error) *loop, stops func(func(context.Context) error)) {
	serve := func(name string, by time.Duration, f **httpfront.Front) (end func(context.Context) error) {
		end = n.endFront(f, run(name, by, func(ctx context.Context) error { return (*f).Serve(ctx) }))
		stops(end)
		return end
	}
	if n.cfg.MetricsListen != "" {
		serve(partMetrics, writeBy, &n.scrape)
	}
	if n.cfg.PprofListen != "" {
		serve(partProfiles, writeBy, &n.profiles)
	}
	drain := serve(partHTTP, drainBy, &n.web)
	stops(func(ctx context.Context) error {
		n.stopping.Store(true)
		n.ready.Store(false)
		if !n.leaving {
			n.manager.Stopping(endMost)
			n.sockets.End() // or they are open for as long as we are
		}
		n.watch.Dismiss() // or those who wait for a zone keep the drain waiting
		if n.events != nil {
			n.events.Close() // likewise those who listen
		}
		return drain(ctx)
	})
}

// endFront is how a front comes to its end: what it has taken is answered. Where another process takes connections from the same
// socket, clients are sent there.
func (n *Node) endFront(f **httpfront.Front, l *loop) func(context.Context) error {
	return func(ctx context.Context) error {
		if *f == nil {
			return nil
		}
		end := (*f).Drain
		if n.leaving {
			end = (*f).Leave
		}
		return errors.Join(end(ctx), l.stop(context.WithoutCancel(ctx)))
	}
}

// addSockets adds what binds. A socket that nobody serves is closed by its own part, or the others' errors leave it open.
func (n *Node) addSockets(add func(part)) {
	if n.dns != nil {
		add(part{
			name: partDNSBind, by: storeBy,
			start: func(context.Context) error {
				if n.dnsCerts != nil { // before anybody connects: a start without a certificate is none
					if err := n.dnsCerts.load(); err != nil {
						return err
					}
				}
				return n.dns.Listen()
			},
			stop: func(context.Context) error { n.dns.Close(); return nil },
		})
	}
	add(part{
		name: partHTTPBind, by: storeBy,
		start: func(ctx context.Context) error { return n.bindHTTP(ctx) },
		stop:  func(context.Context) error { n.closeHTTP(); return nil },
	})
}

// addWork adds what the node's roles ask for besides answering. The lease is given up when nothing is sent any more and
// what was acknowledged is kept.
func (n *Node) addWork(add func(part), run func(string, time.Duration, func(context.Context) error) *loop) {
	if n.roles.writes() {
		run(partFlatten, workBy, n.flattenOnceRecalled)
	}
	if n.roles.notify {
		if n.duty != nil {
			run(partLease, leaseBy, n.duty.Run)
		}
		run(partNotify, workBy, n.notify.Run)
		run(partWatch, workBy, n.watch.Run)
		run(partStride, workBy, n.insight.Stride)
		run(partUpkeep, workBy, n.keep.Run)
		run(partKeeper, workBy, n.keeper.Run)
		run(partCatalogs, workBy, n.catalogs.Run)
		run(partDrafts, workBy, n.drafts.Run)
		run(partAlarms, workBy, n.alarms.Run)
		run(partTeller, workBy, n.teller.Run)
		if n.compare != nil {
			run(partCompare, workBy, n.compare.Run)
		}
	}
	if n.backups != nil {
		run(partBackups, workBy, n.backups.Run)
	}
	if n.events != nil {
		run(partEvents, workBy, n.events.Run)
	}
	if n.commit != nil {
		add(part{name: partImages, by: imageBy, stop: n.renewImages})
	}
}

// isReady says that everything runs.
func (n *Node) isReady(context.Context) error {
	var addrs server.Addrs
	if n.dns != nil {
		addrs = n.dns.Addrs()
	}
	n.ready.Store(true)
	n.log.Info("ready", "roles", n.roles.String(), "zones", n.db.Len(), "dns", fmt.Sprint(addrs.DNS), "transfer", fmt.Sprint(addrs.Transfer), "tls", fmt.Sprint(addrs.TLS), "http", n.web.URL())
	n.welcome(addrs)
	n.manager.Ready(fmt.Sprintf("Serving %d zones as %s.", n.db.Len(), n.roles))
	return nil
}

// loaded waits until every zone is in memory.
func (n *Node) loaded(ctx context.Context, ended <-chan struct{}) error {
	select {
	case <-n.feed.Loaded():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-ended:
		return errNotLoaded
	}
}

var errNotLoaded = errors.New("the zones could not be loaded")

// renewTime bounds how much longer a node stays, when told to stop, for the sake of a quicker start.
const renewTime = 5 * time.Second

// renewImages leaves images behind that the next start loads quickly. It loses nothing if it fails.
func (n *Node) renewImages(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, renewTime)
	defer cancel()
	if err := n.keep.RenewSmall(ctx); err != nil {
		n.log.Info("not all images were renewed, the next start replays more of the journal", "error", err)
	}
	return nil
}

// ignoreClosed passes over what a loop says that was told to stop.
func ignoreClosed(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
