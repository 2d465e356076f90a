package dnssec

import (
	"bytes"
	"maps"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Update signs what a change from Old to New has touched: the owners whose RRsets it changed, their neighbours in the chain,
// and, where a delegation or DNAME came or went, the names below. What it gives, applied to New, is what signing all of New
// would give, but for the times of signatures that could stay. Signers and Denial must be those that Old was signed with, or
// retired; otherwise, and on ErrWhole, sign the whole. The NSEC3 records of hashes are looked at as well.
func (j *Job) Update(touched []wire.Name, hashes ...Hash) (*Delta, error) {
	w := j.worker(map[seen]entry{})
	if w.none() {
		return &Delta{}, nil
	}
	if j.Old == nil || w.negativeTTL(j.Old) != w.ttl {
		return nil, ErrWhole
	}
	owners := w.affected(touched)
	for _, owner := range owners {
		if err := w.name(owner); err != nil {
			return nil, err
		}
	}
	if j.Denial == NSEC3 {
		if err := w.updateHashed(owners, hashes); err != nil {
			return nil, err
		}
	}
	return w.finish()
}

// affected lists, in order and once each, the names whose signatures or NSEC record can be other than before.
func (w *worker) affected(touched []wire.Name) []wire.Name {
	all := make(map[wire.Name]struct{}, 2*len(touched)+1)
	// The SOA is another whenever the transfer face is, and whoever changes it need not say so.
	if old, now := w.at(w.Old, w.apex), w.at(w.New, w.apex); !sameSet(old.set(wire.TypeSOA), now.set(wire.TypeSOA)) {
		all[w.apex] = struct{}{}
	}
	for _, owner := range touched {
		all[owner] = struct{}{}
		if old, now := w.at(w.Old, owner), w.at(w.New, owner); old.cuts(w.apex) != now.cuts(w.apex) {
			for n, ok := w.New.After(owner, false); ok && n.Within(owner); n, ok = w.New.After(n, false) {
				all[n] = struct{}{}
			}
		}
	}
	empty := map[wire.Name]wire.Name{}
	for _, owner := range inOrder(all) {
		if w.Denial == NSEC && owner != w.apex && w.inChain(w.Old, owner) != w.inChain(w.New, owner) {
			all[w.previous(owner, empty)] = struct{}{}
		}
	}
	return inOrder(all)
}

func inOrder(all map[wire.Name]struct{}) []wire.Name {
	return slices.SortedFunc(maps.Keys(all), wire.Compare)
}

func sameSet(a, b *rr.Set) bool {
	return a != nil && b != nil && a.TTL == b.TTL && slices.EqualFunc(a.Data, b.Data, bytes.Equal)
}
