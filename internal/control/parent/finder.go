package parent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/ask"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Config is what a Finder needs. Ask and Allowed are required.
type Config struct {
	// Ask has a question answered as the zone's account sees the DNS: own says that the answer is this server's, from a zone
	// of that account, and not a resolver's.
	Ask func(ctx context.Context, zone, name wire.Name, t wire.Type) (msg []byte, own bool, err error)
	// Addresses finds the addresses of a name server's name, as the zone's account sees it. Nil: without a resolver nobody is
	// asked but this server itself.
	Addresses func(ctx context.Context, zone, server wire.Name) ([]netip.Addr, error)
	// Allowed says whether questions may go to an address: whoever makes a zone chooses who its parent is.
	Allowed func(netip.Addr) bool
	Port    uint16        // of name servers; 53 when zero
	Timeout time.Duration // of one try; 2 seconds when zero
}

// Bounds of one look: names, addresses of each, all of its time, and questions under way, of a look and of all.
const (
	serversMost, addressesMost = 32, 16
	lookTime                   = 30 * time.Second
	askersOne, askersAll       = 16, 64
)

var errNoParent = errors.New("the root has no parent")

// Finder looks up what parents say. It is safe for many callers, and bounds what all of them have under way.
type Finder struct {
	cfg   Config
	turns chan struct{}
}

// New returns a Finder.
func New(cfg Config) *Finder {
	if cfg.Port == 0 {
		cfg.Port = 53
	}
	return &Finder{cfg: cfg, turns: make(chan struct{}, askersAll)}
}

// DS asks every address of the parent of a zone for its DS records. An error means that nobody could be asked; an address that
// does not answer is told of in the answer.
func (f *Finder) DS(ctx context.Context, zone wire.Name) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	p, err := f.find(ctx, zone)
	if err != nil {
		return Answer{}, fmt.Errorf("find the parent of %s: %w", zone, err)
	}
	out := Answer{Zone: zone, Parent: p.name}
	if p.own {
		out.Seen = append(out.Seen, f.ours(ctx, zone, p.name))
	}
	if f.cfg.Addresses != nil {
		seen := f.everywhere(ctx, zone, p, wire.TypeDS)
		skip(seen)
		out.Seen = append(out.Seen, seen...)
	}
	if len(out.Seen) == 0 {
		return Answer{}, fmt.Errorf("find the parent of %s: %s: %w", zone, p.name, errNoServer)
	}
	return out, nil
}

// NS asks every address of the parent of a zone for the name servers that it lists. A parent that this server has itself is not asked.
// Errors are as of DS.
func (f *Finder) NS(ctx context.Context, zone wire.Name) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	p, err := f.find(ctx, zone)
	if err != nil {
		return Answer{}, fmt.Errorf("find the parent of %s: %w", zone, err)
	}
	if p.own || f.cfg.Addresses == nil {
		return Answer{}, fmt.Errorf("name servers of %s at %s: %w", zone, p.name, errNoServer)
	}
	out := Answer{Zone: zone, Parent: p.name, Seen: f.everywhere(ctx, zone, p, wire.TypeNS)}
	skip(out.Seen)
	return out, nil
}

// delegator is a parent zone.
type delegator struct {
	name    wire.Name
	servers []wire.Name
	own     bool
}

// find walks up from a zone to the one that delegates it, which need not be one label away: the SOA of a denial tells.
func (f *Finder) find(ctx context.Context, zone wire.Name) (delegator, error) {
	if len(zone) < 2 {
		return delegator{}, errNoParent
	}
	at := zone.Parent()
	for {
		msg, own, err := f.cfg.Ask(ctx, zone, at, wire.TypeNS)
		if err != nil {
			return delegator{}, err
		}
		r, all, err := parse(msg)
		if err != nil {
			return delegator{}, err
		}
		if code := r.Rcode(); code != wire.RcodeNoError && code != wire.RcodeNXDomain {
			return delegator{}, fmt.Errorf("%s: the resolver answers %s", at, code)
		}
		if list := servers(r, all, at); len(list) > 0 {
			return delegator{at, list[:min(len(list), serversMost)], own}, nil
		}
		denied, ok := apex(all)
		if len(at) < 2 || ok && denied == at {
			return delegator{}, errNoServer
		}
		if at = at.Parent(); ok && at.Within(denied) {
			at = denied
		}
	}
}

// ours is what this server's own version of the parent says.
func (f *Finder) ours(ctx context.Context, zone, parent wire.Name) (s Seen) {
	msg, own, err := f.cfg.Ask(ctx, zone, zone, wire.TypeDS)
	if err == nil && !own {
		err = errLame // the zone has gone meanwhile
	}
	if err == nil {
		s.DS, s.TTL, err = readDS(msg, zone, parent)
	}
	if err != nil {
		s.Error = err.Error()
	}
	return s
}

// everywhere asks all addresses of all servers, several at a time.
func (f *Finder) everywhere(ctx context.Context, zone wire.Name, p delegator, t wire.Type) []Seen {
	perServer := make([][]Seen, len(p.servers))
	turns := make(chan struct{}, askersOne)
	var wg sync.WaitGroup
	for i, server := range p.servers {
		wg.Go(func() {
			addrs, err := f.addresses(ctx, zone, server)
			if err != nil {
				perServer[i] = []Seen{{Server: server, Error: err.Error(), Skipped: errors.Is(err, errNoAddress)}}
				return
			}
			perServer[i] = make([]Seen, len(addrs))
			for j, a := range addrs {
				turns <- struct{}{}
				wg.Go(func() {
					defer func() { <-turns }()
					perServer[i][j] = f.one(ctx, zone, server, a, p, t)
				})
			}
		})
	}
	wg.Wait()
	var out []Seen
	for _, list := range perServer {
		out = append(out, list...)
	}
	return out
}

// errNoAddress is what nobody can be asked by, resolvers neither.
var errNoAddress = errors.New("its name has no address")

func (f *Finder) addresses(ctx context.Context, zone, server wire.Name) ([]netip.Addr, error) {
	addrs, err := f.cfg.Addresses(ctx, zone, server)
	switch {
	case err != nil:
		return nil, fmt.Errorf("its address cannot be found: %w", err)
	case len(addrs) == 0:
		return nil, errNoAddress
	}
	return addrs[:min(len(addrs), addressesMost)], nil
}

// one asks one address, when it is its turn.
func (f *Finder) one(ctx context.Context, zone, server wire.Name, a netip.Addr, p delegator, t wire.Type) Seen {
	s := Seen{Server: server, Addr: a}
	if !f.cfg.Allowed(a) {
		s.Error, s.Skipped = "this server asks nobody at that address", p.own
		return s
	}
	select {
	case f.turns <- struct{}{}:
		defer func() { <-f.turns }()
	case <-ctx.Done():
		s.Error = silent
		return s
	}
	c := ask.Client{Addr: net.JoinHostPort(a.String(), strconv.Itoa(int(f.cfg.Port))), Timeout: f.cfg.Timeout}
	msg, err := c.Exchange(ctx, zone, t)
	if err != nil {
		s.Error = inWords(err)
		return s
	}
	if t == wire.TypeNS {
		s.NS, err = readNS(msg, zone, p.name)
	} else {
		s.DS, s.TTL, err = readDS(msg, zone, p.name)
	}
	if err != nil {
		s.Error = err.Error()
	}
	return s
}

// Why there is no answer. The words hold no ports of ours, so that the same reads the same.
const (
	silent  = "no answer in time"
	nobody  = "nothing listens there"
	noRoute = "this machine has no way there"
)

func inWords(err error) string {
	quiet, ok := errors.AsType[net.Error](err)
	switch {
	case isRoute(err):
		return noRoute
	case errors.Is(err, syscall.ECONNREFUSED):
		return nobody
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), ok && quiet.Timeout():
		return silent
	}
	return "its answer does not fit the question, or the connection fails"
}

// isRoute tells a machine without IPv6, or without IPv4, from a server that is down.
func isRoute(err error) bool {
	for _, no := range []syscall.Errno{syscall.ENETUNREACH, syscall.EAFNOSUPPORT, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// skip marks addresses that this machine cannot reach, where the same server has answered at another.
func skip(seen []Seen) {
	answered := map[wire.Name]bool{}
	for i := range seen {
		answered[seen[i].Server] = answered[seen[i].Server] || seen[i].Error == ""
	}
	for i := range seen {
		if s := &seen[i]; s.Error == noRoute && answered[s.Server] {
			s.Skipped = true
		}
	}
}
