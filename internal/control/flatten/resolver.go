package flatten

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Resolver finds the addresses of targets: in the zones of this node from memory, all other names from one recursive
// resolver.
type Resolver struct {
	// Own answers a query as this node would over TCP, without any socket: the fast half's own algorithm, so that
	// wildcards, cuts and aliases mean here what they mean to everybody. It is given a whole message and returns one,
	// REFUSED for what it has no zone for. Nil for none.
	Own    func(query []byte) []byte
	Client *Client // nil: only names in our own zones can be found
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
		msg, err := r.ask(ctx, name, t)
		if err != nil {
			return nil, 0, fmt.Errorf("look up %s: %w", name, err)
		}
		f, err := read(msg, name, t)
		if err != nil {
			return nil, 0, fmt.Errorf("look up %s: %w", name, err)
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

// ask has a question answered by memory if the name is ours, by the resolver if not.
func (r *Resolver) ask(ctx context.Context, name wire.Name, t wire.Type) ([]byte, error) {
	if msg := r.own(name, t); msg != nil {
		return msg, nil
	}
	if r.Client == nil {
		return nil, errNoResolver
	}
	return r.Client.Exchange(ctx, name, t)
}

// own is this node's own answer; nil where it has no zone for the name, or only knows to whom the name is delegated.
func (r *Resolver) own(name wire.Name, t wire.Type) []byte {
	if r.Own == nil {
		return nil
	}
	query := ask(name, t)
	msg := r.Own(query)
	if !answers(msg, query, false) {
		return nil
	}
	switch flags := wire.HeaderFlags(msg); flags.Rcode() {
	case wire.RcodeNoError:
		if flags&wire.FlagAA == 0 {
			return nil
		}
	case wire.RcodeRefused, wire.RcodeNotAuth, wire.RcodeNotImp, wire.RcodeFormErr:
		return nil
	default: // an answer, if a sad one
	}
	return msg
}
