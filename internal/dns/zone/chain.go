package zone

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
)

// A chain of NSEC3 has owners that are hashes of the zone's names, and no names of the zone themselves (RFC 5155 section
// 7.2.8): they must not be found, make no name exist, and have no wildcards above them. So they stand, with their
// signatures, in a tree of their own, whose keys are the hashes as labels: base32hex keeps their order. Its first entry is
// that of the apex, without RRsets, because a tree has one. Where a name of the zone happens to be spelled like a hash, what
// is in one tree is not seen in the other.

// partSets takes the chain out of sets.
func partSets(sets []rr.Set) (own, chain []rr.Set) {
	other := func(s rr.Set) bool { return s.Type == wire.TypeNSEC3 || s.Type == wire.TypeRRSIG }
	if !slices.ContainsFunc(sets, other) {
		return sets, nil
	}
	for _, s := range sets {
		if !other(s) {
			own = append(own, s)
			continue
		}
		a, b := s, s
		a.Data, b.Data = nil, nil
		for _, d := range s.Data {
			if page.Chained(s.Type, d) {
				b.Data = append(b.Data, d)
			} else {
				a.Data = append(a.Data, d)
			}
		}
		own, chain = append(own, a), append(chain, b)
	}
	return own, chain
}

// partWork takes the chain out of what a delta does.
func partWork(work []*touched) (own, chain []*touched) {
	is := func(r wire.RawRR) bool { return page.Chained(r.Type, r.RData) }
	if !slices.ContainsFunc(work, func(t *touched) bool { return slices.ContainsFunc(t.removed, is) || slices.ContainsFunc(t.added, is) }) {
		return work, nil
	}
	own = make([]*touched, 0, len(work))
	for _, t := range work {
		c := &touched{owner: t.owner}
		t.removed, c.removed = partRaw(t.removed)
		t.added, c.added = partRaw(t.added)
		if len(c.removed) > 0 || len(c.added) > 0 {
			chain = append(chain, c)
			if len(t.removed) == 0 && len(t.added) == 0 {
				continue
			}
		}
		own = append(own, t)
	}
	return own, chain
}

func partRaw(list []wire.RawRR) (own, chain []wire.RawRR) {
	is := func(r wire.RawRR) bool { return page.Chained(r.Type, r.RData) }
	if !slices.ContainsFunc(list, is) {
		return list, nil
	}
	for _, r := range list {
		if is(r) {
			chain = append(chain, r)
		} else {
			own = append(own, r)
		}
	}
	return own, chain
}

// sigsOf is by how many the signatures grow.
func sigsOf(work []*touched) (n int) {
	for _, t := range work {
		for _, r := range t.added {
			if r.Type == wire.TypeRRSIG {
				n++
			}
		}
		for _, r := range t.removed {
			if r.Type == wire.TypeRRSIG {
				n--
			}
		}
	}
	return n
}

// with gives what an unseen version has to begin with, where n signatures come and the chain may change.
func (s *signing) with(n int, chain bool) *signing {
	switch {
	case s != nil:
		return &signing{sigs: s.sigs + n, hashed: s.hashed}
	case n != 0 || chain:
		return &signing{sigs: n}
	}
	return nil
}

// hashed is the tree of NSEC3; nil for none.
func (v *Version) hashed() *page.Tree {
	if v.signing == nil {
		return nil
	}
	return v.signing.hashed
}

// orEmpty gives a tree with the apex alone for none.
func orEmpty(t *page.Tree) *page.Tree {
	if t != nil {
		return t
	}
	k := page.NewPacker()
	k.Add(page.MakeEntry(nil, 0, nil, ""))
	empty := page.TreeOf(k.Whole(), false)
	return &empty
}

// rechain does a delta's part to the chain of a version that nobody has seen yet.
func (v *Version) rechain(work []*touched) error {
	if len(work) == 0 {
		return nil
	}
	for _, t := range work {
		if t.owner == v.apex || t.owner.Parent() != v.apex {
			return fmt.Errorf("%w: an NSEC3 whose owner is not a label below the apex: %s", ErrDelta, t.owner)
		}
	}
	t := *orEmpty(v.hashed())
	if v.hashed() == nil {
		v.size += len(t.Head())
	}
	v.signing.hashed = &t
	a := applier{v: v, tree: &t}
	if err := a.sets(work); err != nil {
		return err
	}
	a.prune()
	if first := t.Head(); first.Count() == 1 && t.Single() {
		v.size -= len(first)
		v.signing.hashed = nil
	}
	return nil
}

// Sets returns the RRsets at owner in full, in order of type, nil if there are none: what a change is compared with.
func (v *Version) Sets(owner wire.Name) []rr.Set {
	if !owner.Within(v.apex) {
		return nil
	}
	out := v.Own(owner)
	if v.hashed() == nil || owner == v.apex {
		return out
	}
	e, _, exact := v.hashed().Get(page.AppendKey(nil, owner, v.apex))
	if !exact {
		return out
	}
	for _, s := range e.Unpack(owner, v.apex) {
		i, found := slices.BinarySearchFunc(out, s.Type, byType)
		if !found {
			out = slices.Insert(out, i, s)
			continue
		}
		out[i].Data = append(out[i].Data, s.Data...)
		out[i].Normalize()
	}
	return out
}

// Own is Sets without the chain of NSEC3, of which a name may have something by chance: who signs a version looks at that apart.
func (v *Version) Own(owner wire.Name) []rr.Set {
	var p page.Path
	p.Set([]byte(owner), len(owner)-len(v.apex))
	if e, _, exact := v.tree.Locate(p.Key[:], p.N); exact {
		return e.Unpack(owner, v.apex)
	}
	return nil
}

// hashKey is the key of a hash's entry.
func hashKey(h [20]byte) []byte {
	key := []byte(base32hex.EncodeToString(h[:]))
	wire.FoldName(key)
	return append(key, 0)
}

// Chain gives the NSEC3 record of a hash and its signatures, nil where there is none.
func (v *Version) Chain(h [20]byte) []rr.Set {
	if v.hashed() == nil {
		return nil
	}
	e, _, exact := v.hashed().Get(hashKey(h))
	if !exact {
		return nil
	}
	return e.Unpack(v.name(e), v.apex)
}

// ChainBefore and ChainAfter give the last hash before h, and the first behind it, that has an NSEC3 record. The chain is a ring
// for others; here it has two ends.
func (v *Version) ChainBefore(h [20]byte) ([20]byte, bool) {
	if v.hashed() == nil {
		return h, false
	}
	e, at, exact := v.hashed().Get(hashKey(h))
	if exact {
		v.hashed().Before(at, func(o page.Entry) bool { e = o; return false })
	}
	return hashOfKey(e.Key())
}

// ChainAfter is described with ChainBefore.
func (v *Version) ChainAfter(h [20]byte) (next [20]byte, ok bool) {
	if v.hashed() == nil {
		return h, false
	}
	_, at, _ := v.hashed().Get(hashKey(h))
	v.hashed().After(at, func(e page.Entry) bool {
		next, ok = hashOfKey(e.Key())
		return false
	})
	return next, ok
}

// hashOfKey reads a key of the chain; that of its first entry, the apex, is none.
func hashOfKey(key []byte) (h [20]byte, ok bool) {
	if len(key) != base32hex.EncodedLen(len(h))+1 {
		return h, false
	}
	n, err := base32hex.Decode(h[:], bytes.ToUpper(key[:len(key)-1]))
	return h, err == nil && n == len(h)
}

// Data is Sets without what a signer adds: signatures and the chains of NSEC and NSEC3. What a zone is to be is compared
// with this, and what follows from it is signed.
func (v *Version) Data(owner wire.Name) []rr.Set {
	return slices.DeleteFunc(v.Sets(owner), func(s rr.Set) bool { return s.Type.IsDNSSEC() })
}

// Signed says whether the version has signatures.
func (v *Version) Signed() bool { return v.signing != nil && v.signing.sigs > 0 }

// Expires is the earliest expiration of a signature, in seconds since 1970; 0 where there are none.
func (v *Version) Expires() uint32 {
	if !v.Signed() {
		return 0
	}
	at := v.tree.Expires()
	if t := v.hashed(); t != nil {
		if h := t.Expires(); at == 0 || h != 0 && h < at {
			at = h
		}
	}
	return at
}

// Lasts is for how many seconds from now a secondary may keep the version without hearing of us: as long as its SOA says, but
// no longer than its signatures hold (RFC 7314 section 2), which do not count where now is the zero time.
func (v *Version) Lasts(now time.Time) uint32 {
	soa := v.SOASet()
	it := soa.Iter()
	it.Next()
	rdata, _ := it.Raw()
	lasts := binary.BigEndian.Uint32(rdata[len(rdata)-8:])
	if ends := v.Expires(); ends != 0 && !now.IsZero() {
		lasts = min(lasts, uint32(max(0, int32(ends-uint32(now.Unix()))))) // serial arithmetic, RFC 4034 section 3.1.5
	}
	return lasts
}

// Due is a signature that ends.
type Due struct {
	Owner  wire.Name
	Covers wire.Type
}

// Due lists signatures that end before a time, in canonical order of owners and those of the chain of NSEC3 behind them, limit of
// them at most. It reads the pages that have some and no others.
func (v *Version) Due(before uint32, limit int) []Due {
	var out []Due
	note := func(e page.Entry, covers wire.Type) bool {
		if len(out) < limit {
			out = append(out, Due{Owner: v.name(e), Covers: covers})
		}
		return len(out) < limit
	}
	if v.Signed() && v.tree.Due(before, note) && v.hashed() != nil {
		v.hashed().Due(before, note)
	}
	return out
}
