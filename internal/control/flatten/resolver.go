package flatten

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/ask"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Resolver finds the addresses of names for an account: in the account's own zones from memory, all others from one
// recursive resolver. Zones of other accounts are asked through the resolver, too: whoever made such a zone here need not be
// its owner in the DNS.
type Resolver struct {
	// Own answers a query as this node would over TCP, without any socket: the fast half's own algorithm, so that
	// wildcards, cuts and aliases mean here what they mean to everybody. It is given a whole message and returns one, or nil
	// for a name that lies in no zone of the account. Nil for none.
	Own    func(account model.ID, query []byte) []byte
	Client *ask.Client // nil: only names in our own zones can be found
}

// errNoResolver is the answer to a foreign name while no resolver is configured.
var errNoResolver = errors.New("no resolver is configured")

// Resolve finds a target's IPv4 and IPv6 addresses. One failure of the two fails the whole, so that a resolver in trouble
// cannot make a family vanish.
func (r *Resolver) Resolve(ctx context.Context, target model.FlattenTarget) (Answer, error) {
	type half struct {
		answer Answer
		err    error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	halves := make(chan half, 2)
	for _, t := range []wire.Type{wire.TypeA, wire.TypeAAAA} {
		go func() {
			a, err := r.resolve(ctx, target, t)
			halves <- half{a, err}
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
		out.Addrs = append(out.Addrs, h.answer.Addrs...)
		out.Through = append(out.Through, h.answer.Through...)
		if i == 0 || h.answer.TTL < out.TTL {
			out.TTL = h.answer.TTL
		}
	}
	if failed != nil {
		return Answer{}, failed
	}
	slices.Sort(out.Through)
	out.Through = slices.Compact(out.Through)
	return out, nil
}

// resolve follows a name to its addresses of one type through memory and resolver in turn.
func (r *Resolver) resolve(ctx context.Context, target model.FlattenTarget, t wire.Type) (Answer, error) {
	out := Answer{TTL: time.Duration(1<<63 - 1)}
	at := target
	for range maxQuestions {
		msg, _, err := r.Ask(ctx, at, t)
		if err != nil {
			return Answer{}, fmt.Errorf("look up %s: %w", at.Name, err)
		}
		f, err := read(msg, at.Name, t)
		if err != nil {
			return Answer{}, fmt.Errorf("look up %s: %w", at.Name, err)
		}
		out.TTL = min(out.TTL, f.lifetime())
		if out.Through = append(out.Through, f.through...); f.final {
			out.Addrs = f.addrs
			return out, nil
		}
		if len(out.Through) > maxAliases {
			break
		}
		at.Name = f.end
	}
	return Answer{}, fmt.Errorf("look up %s: %w", at.Name, errLoop)
}

// Ask has a question answered by memory if the name is the account's, by the resolver if not; own says which.
func (r *Resolver) Ask(ctx context.Context, target model.FlattenTarget, t wire.Type) (msg []byte, own bool, err error) {
	if msg := r.own(target, t); msg != nil {
		return msg, true, nil
	}
	if r.Client == nil {
		return nil, false, errNoResolver
	}
	msg, err = r.Client.Exchange(ctx, target.Name, t)
	return msg, false, err
}

// own is this node's own answer; nil where the account has no zone for the name, or only knows to whom it is delegated.
func (r *Resolver) own(target model.FlattenTarget, t wire.Type) []byte {
	if r.Own == nil {
		return nil
	}
	query := ask.Query(target.Name, t, true)
	msg := r.Own(target.Account, query)
	if !ask.Answers(msg, query, false) {
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
