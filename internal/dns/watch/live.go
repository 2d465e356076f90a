package watch

import (
	"context"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Server is a linked peer of a zone, or one address of a name of its NS RRset, and what it serves.
type Server struct {
	Name    string
	Peer    bool   // a linked peer; else a name server
	Address string // empty where it has none
	State   State
	Cause   string
	Serial  uint32    // that it was last seen to answer with
	Known   bool      // Serial means something
	Seen    time.Time // when it last did; never: zero
	Live    bool      // it answers, and with what is waited for

	answers bool // the last time it was asked, with Serial
	again   bool // at the address of a linked peer, with which it counts
	held    uint32
	holds   bool // it was seen with held: it answered with it, or has fetched it
}

// has says whether a serial is another, or later (RFC 1982).
func has(theirs, serial uint32) bool { return theirs == serial || wire.SerialNewer(theirs, serial) }

// servers lists the linked peers of a zone and its name servers, as far as those are asked. Where others sign the zone, too, name
// servers count that are linked peers alone: those of others have serials of their own. The lock is held.
func (w *Watcher) servers(z *zone.Zone, others bool) (out []Server) {
	ours, access := z.State().Transfer.Serial(), z.Access()
	for _, p := range access.Peers {
		out = append(out, w.of.get(key{z.ID, p.ID}).server(p, ours))
	}
	if !w.asksNameServers(z) || others {
		return out
	}
	for _, name := range nameServersOf(z) {
		for _, n := range named(w.ns[z.ID], name) {
			out = append(out, n.server(z, ours))
		}
	}
	return out
}

// server is a name server as what serves a zone.
func (n *NameServer) server(z *zone.Zone, ours uint32) Server {
	s := Server{
		Name: n.Name.Host(), State: n.stands(ours), Cause: n.Error, Serial: n.Serial, Known: n.Known, Seen: n.Seen, held: n.Serial, holds: n.Known,
		answers: n.Known && n.Error == "",
	}
	if n.Addr.IsValid() {
		s.Address, s.again = n.Addr.String(), linked(z, n.Addr)
	}
	return s
}

// server is a peer as what serves the zone. What has fetched a version need not serve it yet, so that only its answers count; of
// one that has no address there are none, and it is taken at what it has fetched.
func (r *record) server(p zone.Peer, ours uint32) Server {
	if r == nil {
		r = &record{}
	}
	s := Server{Name: p.Name, Peer: true, held: r.serial, holds: r.known}
	s.State, s.Cause = r.state(ours, p.Addr.IsValid())
	if !p.Addr.IsValid() {
		s.Serial, s.Known, s.Seen, s.answers = r.serial, r.known, r.seen, r.known
		return s
	}
	s.Address, s.Serial, s.Known, s.Seen = p.Addr.String(), r.served, !r.servedOn.IsZero(), r.servedOn
	s.answers = s.Known && r.probe.none()
	return s
}

// Behind lists who of a zone's linked peers and name servers has not been seen with a serial, or a later one (RFC 1982): by name, each
// once. A name server without an address serves nobody, and is not waited for. Others is as in Wanted.
func (w *Watcher) Behind(z *zone.Zone, serial uint32, others bool) (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.servers(z, others) {
		nowhere, lags := !s.Peer && s.State == NoAddress, !s.holds || !has(s.held, serial)
		if lags && !nowhere && !slices.Contains(out, s.Name) {
			out = append(out, s.Name)
		}
	}
	return out
}

// Wanted is what somebody waits for.
type Wanted struct {
	Serial uint32 // or a later one
	Quorum int    // by how many it is to be served; 0: by all
	Others bool   // others sign the zone, too
}

// Liveness is who serves what was wanted. Live is false as long as this server itself does not.
type Liveness struct {
	Live    bool
	Serial  uint32 // of the zone here
	Servers []Server
}

// Await waits until what is wanted is served, or ctx ends, and says who serves it. While somebody waits, servers that do not are asked
// more often, on whichever node that is. It also ends with Dismiss. False: there is no such zone, or no more.
func (w *Watcher) Await(ctx context.Context, zoneID string, want Wanted) (out Liveness, there bool) {
	var moved <-chan struct{}
	for {
		w.mu.Lock()
		z := w.cfg.DB.ByID(zoneID)
		if z == nil {
			w.mu.Unlock()
			return out, false
		}
		out = w.liveness(z, want)
		if out.Live || ctx.Err() != nil || w.wanted.over {
			w.mu.Unlock()
			return out, true
		}
		if moved == nil {
			defer w.wanted.join(w, z)()
		}
		moved = w.wanted.of[zoneID].moved
		w.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
		}
	}
}

// Dismiss ends all waiting, now and from now on.
func (w *Watcher) Dismiss() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wanted.over = true
	for id := range w.wanted.of {
		w.wanted.wake(id)
	}
}

// liveness says who serves what is wanted. The lock is held.
func (w *Watcher) liveness(z *zone.Zone, want Wanted) Liveness {
	out := Liveness{Serial: z.State().Transfer.Serial(), Servers: w.servers(z, want.Others)}
	of, live := 0, 0
	for i := range out.Servers {
		s := &out.Servers[i]
		s.Live = s.answers && has(s.Serial, want.Serial)
		if want.Quorum > 0 && s.again {
			continue
		}
		if of++; s.Live {
			live++
		}
	}
	if want.Quorum > 0 {
		of = want.Quorum
	}
	out.Live = live >= of && has(out.Serial, want.Serial)
	return out
}
