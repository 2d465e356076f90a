package dnssec

import (
	"encoding/base32"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// View is what signing reads of a version of a zone, which does not change meanwhile. Several goroutines may read it.
type View interface {
	Apex() wire.Name
	// Sets gives the RRsets at owner in order of type, nil for none. The RRSIG records of a name come as one set; the TTL of
	// each is its original TTL, whatever the set says.
	Sets(owner wire.Name) []rr.Set
	// Before gives the last name with RRsets before owner in canonical order; there is none before the apex.
	Before(owner wire.Name) (name wire.Name, ok bool)
	// After gives the first name with RRsets behind owner, and if past is set, behind all names below owner as well.
	After(owner wire.Name, past bool) (name wire.Name, ok bool)
	// Cut gives the delegation or DNAME nearest to the apex that owner is strictly below.
	Cut(owner wire.Name) (cut wire.Name, ok bool)
}

// Scanned is a View that can be gone through in order for less than it takes to ask for one name after the other.
type Scanned interface {
	View
	// Scan yields the names with RRsets from one on, their RRsets, and whether they are below a Cut. What sets hold may be kept.
	Scan(from wire.Name, yield func(owner wire.Name, sets []rr.Set, hidden bool) bool)
}

// scan goes through any View as if it were Scanned.
func scan(v View, from wire.Name, yield func(owner wire.Name, sets []rr.Set, hidden bool) bool) {
	if s, ok := v.(Scanned); ok {
		s.Scan(from, yield)
		return
	}
	for n := range names(v, from, "") {
		if _, hidden := v.Cut(n); !yield(n, v.Sets(n), hidden) {
			return
		}
	}
}

// Hash is the NSEC3 hash of a name (RFC 5155 section 5): SHA-1, without salt, once (RFC 9276 section 3.1).
type Hash [20]byte

// Hashed is a View that can hold a chain of NSEC3. The owners of those records are no names of the zone (RFC 5155 section
// 7.2.8), and so the methods of View pass over them.
type Hashed interface {
	View
	// HashedSets gives the NSEC3 record of a hash and its RRSIG records.
	HashedSets(h Hash) []rr.Set
	// HashedBefore and HashedAfter give the last hash before h and the first behind it that has an NSEC3 record.
	HashedBefore(h Hash) (Hash, bool)
	HashedAfter(h Hash) (Hash, bool)
}

//nolint:gochecknoglobals // a constant in all but name
var base32hex = base32.HexEncoding.WithPadding(base32.NoPadding)

// owner is the name of the hash's NSEC3 record (RFC 5155 section 3).
func (h Hash) owner(apex wire.Name) wire.Name {
	var label [33]byte
	label[0] = byte(base32hex.EncodedLen(len(h)))
	base32hex.Encode(label[1:], h[:])
	wire.FoldName(label[:])
	return wire.Name(label[:]) + apex
}

// names yields the names with RRsets from one on, in canonical order, up to one that is not among them; "" is the end.
func names(v View, from, to wire.Name) func(yield func(wire.Name) bool) {
	return func(yield func(wire.Name) bool) {
		n, ok := from, true
		if len(v.Sets(from)) == 0 {
			n, ok = v.After(from, false)
		}
		for ; ok && (to == "" || wire.Compare(n, to) < 0); n, ok = v.After(n, false) {
			if !yield(n) {
				return
			}
		}
	}
}

// entry is what stands at a name, parted into the zone's contents and what signing has added.
type entry struct {
	owner wire.Name
	data  []rr.Set // in order of type
	sigs  [][]byte // RRSIG
	chain []rr.Set // NSEC, and at the apex NSEC3PARAM
}

// at reads a name of v, which may be nil.
func at(v View, owner wire.Name) entry {
	if v == nil {
		return entry{owner: owner}
	}
	return entryOf(v, owner, v.Sets(owner))
}

// entryOf parts a name's RRsets.
func entryOf(v View, owner wire.Name, sets []rr.Set) entry {
	e := entry{owner: owner}
	signer := func(t wire.Type) bool {
		return t == wire.TypeRRSIG || t == wire.TypeNSEC || t == wire.TypeNSEC3PARAM && owner == v.Apex()
	}
	if !slices.ContainsFunc(sets, func(s rr.Set) bool { return signer(s.Type) }) {
		e.data = sets
		return e
	}
	e.data = make([]rr.Set, 0, len(sets))
	for _, s := range sets {
		switch {
		case s.Type == wire.TypeRRSIG:
			e.sigs = s.Data
		case signer(s.Type):
			e.chain = append(e.chain, s)
		default:
			e.data = append(e.data, s)
		}
	}
	return e
}

func (e *entry) set(t wire.Type) *rr.Set {
	i, ok := slices.BinarySearchFunc(e.data, t, func(s rr.Set, t wire.Type) int { return int(s.Type) - int(t) })
	if !ok {
		return nil
	}
	return &e.data[i]
}

// delegates says that the name is a delegation: of its RRsets DS alone is the zone's own (RFC 4035 section 2.2).
func (e *entry) delegates(apex wire.Name) bool { return e.owner != apex && e.set(wire.TypeNS) != nil }

// cuts says that names below are not the zone's own.
func (e *entry) cuts(apex wire.Name) bool {
	return e.owner != apex && (e.set(wire.TypeNS) != nil || e.set(wire.TypeDNAME) != nil)
}

// inChain says that owner is one of those that have an NSEC record (RFC 4035 section 2.3), or would have one: it has contents,
// or is a delegation, and is not below one.
func (w *worker) inChain(v View, owner wire.Name) bool {
	e := w.at(v, owner)
	return e.visible(v)
}

func (e *entry) visible(v View) bool {
	if len(e.data) == 0 {
		return false
	}
	_, hidden := v.Cut(e.owner)
	return !hidden
}

// previous gives the name before owner that has an NSEC record. empty holds names of which it is known that they have
// nothing but what signing has left there, with the name before them that has; it is added to.
func (w *worker) previous(owner wire.Name, empty map[wire.Name]wire.Name) wire.Name {
	n, v := owner, w.New
	for passed := []wire.Name(nil); ; passed = append(passed, n) {
		if known, ok := empty[n]; ok {
			n = known
		} else if n, ok = v.Before(n); !ok {
			return v.Apex()
		} else if cut, hidden := v.Cut(n); hidden {
			n = cut // it comes before everything below it
		}
		if len(w.contents(n)) > 0 {
			for _, p := range passed {
				empty[p] = n
			}
			return n
		}
	}
}

// next gives the name behind e that has an NSEC record, the apex at the end.
func (w *worker) next(e *entry) wire.Name {
	v := w.New
	n, ok := v.After(e.owner, e.cuts(v.Apex()))
	for ok && len(w.contents(n)) == 0 {
		n, ok = v.After(n, false)
	}
	if !ok {
		return v.Apex()
	}
	return n
}

func (w *worker) contents(owner wire.Name) []rr.Set {
	e := w.at(w.New, owner)
	return e.data
}
