package watch

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Bounds on what one zone can have us ask.
const (
	nameServersMost = 32 // names of an NS RRset
	addressesMost   = 8  // addresses of a name
	nameServersTime = time.Minute
)

// errNoAddress is the error of a name server whose name has no address.
var errNoAddress = errors.New("no address")

// NameServer is one address of one name of a zone's NS RRset, as it answers to anybody.
type NameServer struct {
	Name   wire.Name
	Addr   netip.Addr // invalid where the name has none
	State  State
	Serial uint32
	Known  bool      // Serial means something
	Seen   time.Time // last answer
	Error  string    // why it does not answer with a serial; empty when it does
}

// NameServers tells how the names of a zone's NS RRset answered when they were last asked, in order of the RRset.
func (w *Watcher) NameServers(z *zone.Zone) []NameServer {
	ours := z.State().Transfer.Serial()
	w.mu.Lock()
	defer w.mu.Unlock()
	out := slices.Clone(w.ns[z.ID])
	for i := range out {
		out[i].State = out[i].stands(ours)
	}
	return out
}

// stands is how a name server stands beside our serial.
func (n *NameServer) stands(ours uint32) State {
	if n.Error == "" {
		return standing(n.Serial, ours)
	}
	return n.State
}

// linked says whether a zone is linked to a peer with an address.
func linked(z *zone.Zone, a netip.Addr) bool {
	return slices.ContainsFunc(z.Access().Peers, func(p zone.Peer) bool { return p.Addr.Addr().Unmap() == a.Unmap() })
}

// host is a name as an account sees it.
type host struct {
	account string
	name    wire.Name
}

// lookup resolves a host once for all zones of a round.
type lookup struct {
	once  sync.Once
	addrs []netip.Addr
	err   error
}

func (l *lookup) do(ctx context.Context, w *Watcher, h host) ([]netip.Addr, error) {
	l.once.Do(func() {
		l.addrs, l.err = w.cfg.Resolve(ctx, h.account, h.name)
		if l.err == nil && len(l.addrs) == 0 {
			l.err = errNoAddress
		}
		l.addrs = l.addrs[:min(len(l.addrs), addressesMost)]
	})
	return l.addrs, l.err
}

// nameServerRound makes a job for each zone with transfers on: all names of its NS RRset.
func (w *Watcher) nameServerRound() []job {
	var out []job
	hosts := map[host]*lookup{}
	for z := range w.watched {
		if j, ok := w.nameServerJob(z, hosts); ok {
			out = append(out, j)
		}
	}
	return out
}

// nameServerJob is that of one zone; false: no name server tells of it. Jobs with the same hosts look each up once.
func (w *Watcher) nameServerJob(z *zone.Zone, hosts map[host]*lookup) (job, bool) {
	if z.State().Links.Hidden {
		return job{}, false
	}
	servers := nameServersOf(z)
	for _, n := range servers {
		if h := (host{z.AccountID(), n}); hosts[h] == nil {
			hosts[h] = &lookup{}
		}
	}
	return job{z.AccountID(), z.ID, func(ctx context.Context) { w.askNameServers(ctx, z, servers, hosts) }}, true
}

// nameServersOf reads the NS RRset that secondaries hold.
func nameServersOf(z *zone.Zone) []wire.Name {
	var out []wire.Name
	for _, s := range z.State().Transfer.Sets(z.Name) {
		if s.Type != wire.TypeNS {
			continue
		}
		for _, d := range s.Data[:min(len(s.Data), nameServersMost)] {
			out = append(out, wire.Name(d))
		}
	}
	return out
}

// askNameServer asks one address of a name.
func (w *Watcher) askNameServer(ctx context.Context, z *zone.Zone, name wire.Name, a netip.Addr) NameServer {
	n := NameServer{Name: name, Addr: a, State: InStep, Known: true, Seen: w.cfg.Now()}
	t := notAsked
	if w.cfg.Allowed(a) || linked(z, a) {
		n.Serial, t = w.ask(ctx, z.Name, netip.AddrPortFrom(a, w.cfg.NameServerPort))
	}
	if !t.none() {
		n.State, n.Known, n.Error = t.State, false, t.Text
	}
	if t.State == Unreachable {
		n.Seen = time.Time{}
	}
	return n
}

// askNameServers asks one name after the other: a zone never has more than one question under way.
func (w *Watcher) askNameServers(ctx context.Context, z *zone.Zone, names []wire.Name, known map[host]*lookup) {
	var out []NameServer
	end := time.Now().Add(nameServersTime)
	for _, name := range names {
		if time.Now().After(end) {
			out = append(out, NameServer{Name: name, State: Unknown, Error: "the others took all the time"})
			continue
		}
		h := host{z.AccountID(), name}
		addrs, err := known[h].do(ctx, w, h)
		if err != nil {
			out = append(out, NameServer{Name: name, State: NoAddress, Error: err.Error()})
			continue
		}
		for _, a := range addrs {
			out = append(out, w.askNameServer(ctx, z, name, a))
		}
	}
	if ctx.Err() != nil || w.cfg.DB.ByID(z.ID) == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range out {
		out[i].remember(w.ns[z.ID])
	}
	w.ns[z.ID] = out
	w.touched(z.ID)
}

// remember takes over what a server that does not answer was seen with before.
func (n *NameServer) remember(known []NameServer) {
	if n.Error == "" {
		return
	}
	for _, before := range known {
		if before.Name != n.Name || before.Addr != n.Addr {
			continue
		}
		n.Serial, n.Known = before.Serial, before.Known
		if n.Seen.IsZero() {
			n.Seen = before.Seen
		}
	}
}
