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

	began time.Time // when the question was asked that was answered so
}

// NameServers tells how the names of a zone's NS RRset answered when they were last asked, in order of the RRset.
func (w *Watcher) NameServers(z *zone.Zone) []NameServer {
	ours := z.State().Transfer.Serial()
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []NameServer
	for _, name := range nameServersOf(z) {
		if slices.ContainsFunc(w.ns[z.ID], func(n NameServer) bool { return n.Name == name }) {
			out = append(out, named(w.ns[z.ID], name)...)
		}
	}
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

// asksNameServers says whether those of a zone are asked at all.
func (w *Watcher) asksNameServers(z *zone.Zone) bool {
	return w.cfg.Resolve != nil && w.cfg.NameServerInterval > 0 && z.Access().Enabled && !z.State().Links.Hidden
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
	n := NameServer{Name: name, Addr: a, State: InStep, Known: true, Seen: w.cfg.Now(), began: time.Now()}
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
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil || w.cfg.DB.ByID(z.ID) == nil {
		return
	}
	for i := range out {
		out[i].remember(w.ns[z.ID])
	}
	w.ns[z.ID] = out
	w.touched(z.ID)
}

// askAgain asks one address of a name anew.
func (w *Watcher) askAgain(ctx context.Context, z *zone.Zone, name wire.Name, a netip.Addr) {
	n := w.askNameServer(ctx, z, name, a)
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	all := slices.Clone(w.ns[z.ID]) // others may hold the slice
	for i, before := range all {
		if before.Name != name || before.Addr != a {
			continue
		}
		n.remember(w.ns[z.ID])
		all[i], w.ns[z.ID] = n, all
		if n.Error != before.Error || n.Serial != before.Serial || n.Known != before.Known {
			w.wanted.hurry(z.ID)
			w.touched(z.ID)
		}
		return
	}
}

// errUnasked is the error of an address that is new, and asked in a moment.
const errUnasked = "it was not asked yet"

// lookUp has a zone's list of name servers follow a name, and asks none of them.
func (w *Watcher) lookUp(ctx context.Context, z *zone.Zone, name wire.Name) {
	addrs, err := (&lookup{}).do(ctx, w, host{z.AccountID(), name})
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil || w.cfg.DB.ByID(z.ID) == nil {
		return
	}
	known := w.ns[z.ID]
	out := slices.DeleteFunc(slices.Clone(known), func(n NameServer) bool { return n.Name == name })
	if err != nil {
		out = append(out, NameServer{Name: name, State: NoAddress, Error: err.Error()})
	}
	for _, a := range addrs {
		n := NameServer{Name: name, Addr: a, State: Unknown, Error: errUnasked}
		n.remember(known)
		out = append(out, n)
	}
	w.ns[z.ID] = out
	w.touched(z.ID)
	w.wanted.hurry(z.ID)
}

// named gives what is known of a name of the NS RRset: of each of its addresses, or that nothing is.
func named(known []NameServer, name wire.Name) (out []NameServer) {
	for _, n := range known {
		if n.Name == name {
			out = append(out, n)
		}
	}
	if out == nil {
		out = []NameServer{{Name: name, State: Unknown, Error: errUnasked}}
	}
	return out
}

// remember takes over what is known of a server: all of it where it was asked later than this, and what it was seen with before where it does
// not answer.
func (n *NameServer) remember(known []NameServer) {
	for _, before := range known {
		switch {
		case before.Name != n.Name || before.Addr != n.Addr:
		case n.began.Before(before.began):
			*n = before
		case n.Error != "":
			n.Serial, n.Known = before.Serial, before.Known
			if n.Seen.IsZero() {
				n.Seen = before.Seen
			}
		}
	}
}
