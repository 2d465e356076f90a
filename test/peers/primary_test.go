package peers_test

import (
	"context"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/test/fasthalf"
)

// primary is the fast half alone: zones in memory, sockets, transfers and NOTIFYs. Tests play the careful half.
type primary struct {
	db     *zone.DB
	addr   netip.AddrPort
	sender *notify.Sender
	watch  *watch.Watcher
	acc    zone.Account
	seq    uint64
	linked map[string][]string // peers' ids by zone

	mu      sync.Mutex
	reports []xfr.Report
}

func startPrimary(t testing.TB) *primary {
	t.Helper()
	return startWatching(t, 0)
}

// startWatching is startPrimary with secondaries asked for their serial at an interval.
func startWatching(t testing.TB, interval time.Duration) *primary {
	t.Helper()
	p := &primary{db: zone.NewDB(0), linked: map[string][]string{}, acc: zone.Account{ID: "acc", Peers: map[string]zone.Peer{}}}
	p.acc.ACL = []netip.Prefix{netip.MustParsePrefix("127.1.1.1/32")} // the test's own transfers
	p.db.SetAccount(&p.acc)
	p.watch = watch.New(watch.Config{DB: p.db, Interval: interval, Seen: func(zone, peer string, serial uint32) { p.sender.Seen(zone, peer, serial) }})
	p.sender = notify.New(notify.Config{DB: p.db, Answered: p.watch.Notified, Interval: 50 * time.Millisecond, Retry: 200 * time.Millisecond})
	p.addr = fasthalf.Serve(t, p.db, answer.Config{UDPSize: 1232}, xfr.Config{Done: p.report})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := p.sender.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		if err := p.watch.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return p
}

func (p *primary) report(r xfr.Report) {
	p.mu.Lock()
	p.reports = append(p.reports, r)
	p.mu.Unlock()
	p.watch.Transferred(r)
	if serial, ok := r.Holds(); ok && r.Client.Peer.ID != "" {
		p.sender.Seen(r.ZoneID, r.Client.Peer.ID, serial)
	}
}

// kinds counts the transfers of a zone that an address got, by kind.
func (p *primary) kinds(apex wire.Name, from netip.Addr) map[xfr.Kind]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[xfr.Kind]int{}
	for _, r := range p.reports {
		if r.Zone == apex.String() && r.Source.Addr() == from && r.Reason == "" {
			out[r.Kind]++
		}
	}
	return out
}

// seen lists the reports of transfers of a zone that were from 127.0.0.1.
func (p *primary) seen(apex wire.Name) (out []xfr.Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.reports {
		if r.Zone == apex.String() && r.Source.Addr() == netip.MustParseAddr("127.0.0.1") {
			out = append(out, r)
		}
	}
	return out
}

// link makes listen a peer of the account.
func (p *primary) link(id string, listen netip.AddrPort, key *tsig.Key) {
	acc := p.acc
	acc.Peers = maps.Clone(acc.Peers)
	acc.Peers[id] = zone.Peer{ID: id, Name: id, Addr: listen, Key: key}
	if key != nil {
		acc.Keys = []*tsig.Key{key}
	}
	p.acc = acc
	p.db.SetAccount(&acc)
}

// put serves a zone, or its next version.
func (p *primary) put(t testing.TB, v *zone.Version) {
	t.Helper()
	p.seq++
	id := v.Apex().String()
	z := p.db.ByID(id)
	if z == nil {
		z = p.db.Reset(id, "acc", p.seq, v, v, zone.Links{Enabled: true, Peers: p.linked[id]}, nil)
	} else {
		step := &zone.Step{Transfer: *zone.Diff(z.State().Transfer, v)}
		if _, err := p.db.Step(id, p.seq, step); err != nil {
			t.Fatal(err)
		}
	}
	p.sender.Wake(z)
}

func (p *primary) fetch(t testing.TB, apex wire.Name, key *tsig.Key) *xfr.Result {
	t.Helper()
	r, err := xfr.Fetch(t.Context(), xfr.Source{Server: p.addr, Zone: apex, Key: key, Local: netip.MustParseAddr("127.1.1.1")})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
