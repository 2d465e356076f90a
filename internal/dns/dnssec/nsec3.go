package dnssec

import (
	"bytes"
	"crypto/sha1"
	"maps"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// HashOf is the NSEC3 hash of a name.
func HashOf(name wire.Name) Hash { return sha1.Sum([]byte(name)) }

// nsec3Head is what NSEC3 data begins with: SHA-1, no opt-out, no iterations, no salt, and the length of a hash. Behind it come
// the next hash and the bitmap (RFC 5155 section 3.2).
const nsec3Head = "\x01\x00\x00\x00\x00\x14"

// existence gives the bitmap of a name's NSEC3 record. Names that exist only because there are some of the zone's own below
// them have one as well, unlike with NSEC (RFC 5155 section 7.1); it is empty.
func (w *worker) existence(owner wire.Name) (types []byte, ok bool) {
	e := w.at(w.New, owner)
	if e.visible(w.New) {
		var more []wire.Type
		if len(w.signed(&e)) > 0 {
			more = append(more, wire.TypeRRSIG)
		}
		if owner == w.apex {
			more = append(more, wire.TypeNSEC3PARAM)
		}
		return bitmap(w.types(&e, more...)), true
	}
	if _, hidden := w.New.Cut(owner); hidden {
		return nil, false
	}
	for n, more := w.New.After(owner, false); more && n.Within(owner); n, more = w.New.After(n, false) {
		if len(w.contents(n)) > 0 {
			return nil, true // the first is a delegation, if any is
		}
	}
	return nil, false
}

// updateHashed brings the chain of NSEC3 records to what it shall be, where owners may have changed.
func (w *worker) updateHashed(owners []wire.Name, hashes []Hash) error {
	v, ok := w.New.(Hashed)
	if !ok {
		return ErrNoNSEC3
	}
	c := ring{view: v, want: w.wantedHashes(owners)}
	for h, types := range c.want {
		if types != nil && v.HashedSets(h) == nil {
			c.added = append(c.added, h)
		}
	}
	slices.SortFunc(c.added, compareHash)
	for _, h := range c.visit(hashes) {
		types, known := c.want[h]
		if !known {
			b := bitmapOf(v.HashedSets(h))
			types = &b
		}
		if types == nil {
			w.change(h.owner(w.apex), v.HashedSets(h), nil)
			continue
		}
		if err := w.hashed(v, h, c.after(h), *types); err != nil {
			return err
		}
	}
	return nil
}

// wantedHashes gives the bitmaps of owners, and of the names above them, which may exist only through them; nil for those that
// shall have no record.
func (w *worker) wantedHashes(owners []wire.Name) map[Hash]*[]byte {
	want := map[Hash]*[]byte{}
	seen := map[wire.Name]bool{}
	for _, owner := range owners {
		for n := owner; !seen[n]; n = n.Parent() {
			seen[n] = true
			want[HashOf(n)] = nil
			if types, ok := w.existence(n); ok {
				want[HashOf(n)] = &types
			}
			if n == w.apex {
				break
			}
		}
	}
	return want
}

// visit lists, in order, the hashes whose records may be other than before: those wanted, given ones that have a record, and
// those before one that comes or goes.
func (c *ring) visit(hashes []Hash) []Hash {
	visit := map[Hash]struct{}{}
	for _, h := range hashes {
		if c.view.HashedSets(h) != nil {
			visit[h] = struct{}{}
		}
	}
	for h, types := range c.want {
		visit[h] = struct{}{}
		if (types != nil) != (c.view.HashedSets(h) != nil) {
			visit[c.before(h)] = struct{}{}
		}
	}
	return slices.SortedFunc(maps.Keys(visit), compareHash)
}

// hashed brings a hash's record and signatures to what they shall be.
func (w *worker) hashed(v Hashed, h, next Hash, types []byte) error {
	owner := h.owner(w.apex)
	data := append([]byte(nsec3Head), next[:]...)
	set := rr.Set{Owner: owner, Type: wire.TypeNSEC3, TTL: w.ttl, Data: [][]byte{append(data, types...)}}
	old := w.hashedEntry(w.Old, h)
	sigs, err := w.signatures(&old, func() entry { return w.hashedEntry(w.Other, h) }, []rr.Set{set})
	if err != nil {
		return err
	}
	w.change(owner, v.HashedSets(h), []rr.Set{set, {Owner: owner, Type: wire.TypeRRSIG, Data: sigs}})
	return nil
}

// hashedEntry reads what a version, which may be nil, has for a hash.
func (w *worker) hashedEntry(v View, h Hash) entry {
	e := entry{owner: h.owner(w.apex)}
	hv, ok := v.(Hashed)
	if !ok {
		return e
	}
	for _, s := range hv.HashedSets(h) {
		if s.Type == wire.TypeRRSIG {
			e.sigs = s.Data
		} else {
			e.data = append(e.data, s)
		}
	}
	return e
}

// bitmapOf is the bitmap of an NSEC3 record.
func bitmapOf(sets []rr.Set) []byte {
	for _, s := range sets {
		if s.Type == wire.TypeNSEC3 && len(s.Data) == 1 && len(s.Data[0]) >= len(nsec3Head)+len(Hash{}) {
			return s.Data[0][len(nsec3Head)+len(Hash{}):]
		}
	}
	return nil
}

func compareHash(a, b Hash) int { return bytes.Compare(a[:], b[:]) }

// ring is the chain as it shall be: what a view has, less what shall go, with what is new.
type ring struct {
	view  Hashed
	want  map[Hash]*[]byte
	added []Hash // in order
}

func (c *ring) goes(h Hash) bool {
	types, known := c.want[h]
	return known && types == nil
}

// after gives the hash behind h, the first one at the end.
func (c *ring) after(h Hash) Hash {
	if n, ok := c.behind(h, false); ok {
		return n
	}
	n, _ := c.behind(Hash{}, true)
	return n
}

// behind gives the first hash greater than h, or if from is set, at h or behind it.
func (c *ring) behind(h Hash, from bool) (Hash, bool) {
	i, found := slices.BinarySearchFunc(c.added, h, compareHash)
	if found && !from {
		i++
	}
	n, ok := h, from && c.view.HashedSets(h) != nil
	if !ok {
		n, ok = c.view.HashedAfter(h)
	}
	for ok && c.goes(n) {
		n, ok = c.view.HashedAfter(n)
	}
	if i < len(c.added) && (!ok || compareHash(c.added[i], n) < 0) {
		return c.added[i], true
	}
	return n, ok
}

// before gives the hash before h, the last one at the beginning.
func (c *ring) before(h Hash) Hash {
	if n, ok := c.ahead(h, false); ok {
		return n
	}
	last := Hash(bytes.Repeat([]byte{0xff}, len(Hash{})))
	n, _ := c.ahead(last, true)
	return n
}

func (c *ring) ahead(h Hash, from bool) (Hash, bool) {
	i, found := slices.BinarySearchFunc(c.added, h, compareHash)
	if found && from {
		i++
	}
	n, ok := h, from && c.view.HashedSets(h) != nil
	if !ok {
		n, ok = c.view.HashedBefore(h)
	}
	for ok && c.goes(n) {
		n, ok = c.view.HashedBefore(n)
	}
	if i > 0 && (!ok || compareHash(c.added[i-1], n) > 0) {
		return c.added[i-1], true
	}
	return n, ok
}
