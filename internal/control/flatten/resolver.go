package flatten

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Resolver finds the addresses of targets: in the zones of DB from memory, and of all other names from one recursive
// resolver.
type Resolver struct {
	DB     *zone.DB // nil: none
	Client *Client  // nil: only names in our own zones can be found
}

// errNoResolver is the answer to a foreign name while no resolver is configured.
var errNoResolver = errors.New("no resolver is configured")

// Resolve finds a target's IPv4 and IPv6 addresses. One failure of the two fails the whole, so that a resolver in trouble
// cannot make a family vanish.
func (r *Resolver) Resolve(ctx context.Context, target wire.Name) (Answer, error) {
	type half struct {
		addrs []netip.Addr
		ttl   time.Duration
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	halves := make(chan half, 2)
	for _, t := range []wire.Type{wire.TypeA, wire.TypeAAAA} {
		go func() {
			addrs, ttl, err := r.resolve(ctx, target, t)
			halves <- half{addrs, ttl, err}
		}()
	}
	var out Answer
	var failed error
	for i := range 2 {
		h := <-halves
		if h.err != nil && failed == nil {
			failed = h.err
			cancel()
		}
		out.Addrs = append(out.Addrs, h.addrs...)
		if i == 0 || h.ttl < out.TTL {
			out.TTL = h.ttl
		}
	}
	if failed != nil {
		return Answer{}, failed
	}
	return out, nil
}

// resolve follows a name to its addresses of one type through memory and resolver in turn.
func (r *Resolver) resolve(ctx context.Context, name wire.Name, t wire.Type) ([]netip.Addr, time.Duration, error) {
	ttl := time.Duration(1<<63 - 1)
	aliases := 0
	for range maxQuestions {
		f, ours := r.local(name, t)
		if !ours {
			if r.Client == nil {
				return nil, 0, fmt.Errorf("look up %s: %w", name, errNoResolver)
			}
			msg, err := r.Client.Exchange(ctx, name, t)
			if err != nil {
				return nil, 0, fmt.Errorf("look up %s: %w", name, err)
			}
			if f, err = read(msg, name, t); err != nil {
				return nil, 0, fmt.Errorf("look up %s: %w", name, err)
			}
		}
		ttl = min(ttl, f.lifetime())
		if f.final {
			return f.addrs, ttl, nil
		}
		if aliases += f.aliases; aliases > maxAliases {
			break
		}
		name = f.end
	}
	return nil, 0, fmt.Errorf("look up %s: %w", name, errLoop)
}
