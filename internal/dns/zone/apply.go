package zone

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func setCut(e []byte, cut int) { binary.LittleEndian.PutUint16(e, uint16(cut)) }

// touched is what a delta does at one owner.
type touched struct {
	owner          wire.Name
	removed, added []wire.RawRR
}

// Apply gives the version that d leads to; what d does not touch is shared. A wrong From serial, a removed record that is
// not there, and an added one that is, are errors and leave v as it is. It costs what it touches: the pages of its
// owners, and the subtree of a delegation or DNAME that comes or goes.
func (v *Version) Apply(d *Delta) (*Version, error) {
	if d.From != v.serial {
		return nil, fmt.Errorf("%w: it leads from serial %d, the version has %d", ErrDelta, d.From, v.serial)
	}
	work, err := d.group(v.apex)
	if err != nil {
		return nil, err
	}
	next := &Version{apex: v.apex, records: v.records, size: v.size, tree: v.tree}
	a := applier{v: next}
	if err := a.sets(work); err != nil {
		return nil, err
	}
	a.prune()
	a.recut()
	if _, err := next.seal(); err != nil {
		return nil, err
	}
	if next.serial != d.To {
		return nil, fmt.Errorf("%w: it leads to serial %d and says %d", ErrDelta, next.serial, d.To)
	}
	return next, nil
}

// group sorts a delta's records by owner.
func (d *Delta) group(apex wire.Name) (map[wire.Name]*touched, error) {
	work := map[wire.Name]*touched{}
	at := func(owner []byte) (*touched, error) {
		t := work[wire.Name(owner)]
		if t == nil {
			name, err := wire.NameFromWire(owner)
			if err != nil || !name.Within(apex) {
				return nil, fmt.Errorf("%w: %w", ErrDelta, ErrOutside)
			}
			t = &touched{owner: name}
			work[name] = t
		}
		return t, nil
	}
	for i, part := range [][]byte{d.Removed, d.Added} {
		for rest := part; len(rest) > 0; {
			var raw wire.RawRR
			var err error
			if raw, rest, err = wire.NextRR(rest); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrDelta, err)
			}
			t, err := at(raw.Owner)
			if err != nil {
				return nil, err
			}
			if i == 0 {
				t.removed = append(t.removed, raw)
			} else {
				t.added = append(t.added, raw)
			}
		}
	}
	return work, nil
}

// applier changes a version that nobody has seen yet.
type applier struct {
	v     *Version
	empty [][]byte // keys of names that lost all their RRsets
	cuts  [][]byte // keys at which a delegation or DNAME came or went
}

// sets changes the RRsets of all touched owners, and makes the empty non-terminals above new ones.
func (a *applier) sets(work map[wire.Name]*touched) error {
	edits := make([]edit, 0, len(work))
	fresh := map[string]bool{}
	var above [][]byte
	for owner, t := range work {
		key := appendKey(nil, owner, a.v.apex)
		e, _, exact := a.v.tree.get(key)
		var old []rr.Set
		if exact {
			old = e.unpack(owner, a.v.apex)
		}
		sets, err := t.apply(old)
		if err != nil {
			return fmt.Errorf("%w: %s", err, owner)
		}
		a.v.records += len(t.added) - len(t.removed)
		cut := a.cutAt(key, e, exact)
		ed := edit{key: key, entry: makeEntry(key, cut, sets, a.v.apex)}
		if entry(ed.entry).isCut() != (exact && e.isCut()) {
			a.cuts = append(a.cuts, key)
		}
		if !exact {
			fresh[string(key)] = true
			above = append(above, key)
		}
		if len(sets) == 0 {
			a.empty = append(a.empty, key)
		}
		edits = append(edits, ed)
	}
	for _, key := range above {
		edits = a.fill(edits, key, fresh)
	}
	a.splice(edits)
	return nil
}

// cutAt is the cut that a name is at or below now.
func (a *applier) cutAt(key []byte, e entry, exact bool) int {
	if exact {
		return e.cut()
	}
	if cut := e.cut(); cut > 0 && cut <= len(key) && bytes.HasPrefix(key, e.key()[:cut]) {
		return cut
	}
	return 0
}

// fill adds the empty non-terminals that a new name needs above it.
func (a *applier) fill(edits []edit, key []byte, fresh map[string]bool) []edit {
	for i := len(key) - 2; i > 0; i-- {
		if key[i] != 0 {
			continue
		}
		up := key[:i+1]
		if fresh[string(up)] {
			return edits
		}
		e, _, exact := a.v.tree.get(up)
		if exact {
			return edits
		}
		fresh[string(up)] = true
		edits = append(edits, edit{key: up, entry: makeEntry(up, a.cutAt(up, e, false), nil, a.v.apex)})
	}
	return edits
}

// splice does edits and keeps the version's size true.
func (a *applier) splice(edits []edit) {
	t, grown := a.v.tree.splice(edits)
	a.v.tree = t
	a.v.size += grown
}

// prune takes names out that have neither RRsets nor names below them, and then their parents if the same is true.
func (a *applier) prune() {
	for len(a.empty) > 0 {
		// Longest first: a parent is judged after its children.
		slices.SortFunc(a.empty, func(x, y []byte) int { return len(y) - len(x) })
		key := a.empty[0]
		a.empty = a.empty[1:]
		e, at, exact := a.v.tree.get(key)
		if !exact || e.sets() > 0 || len(key) == 0 || a.hasBelow(key, at) {
			continue
		}
		a.splice([]edit{{key: key}})
		if up := bytes.LastIndexByte(key[:len(key)-1], 0); up > 0 {
			a.empty = append(a.empty, key[:up+1])
		}
	}
}

func (a *applier) hasBelow(key []byte, at position) (yes bool) {
	a.v.tree.next(at, func(e entry) bool {
		yes = bytes.HasPrefix(e.key(), key)
		return false
	})
	return yes
}

// recut writes the cut of every name at or below an owner that became one or stopped being one.
func (a *applier) recut() {
	slices.SortFunc(a.cuts, bytes.Compare)
	for i, key := range a.cuts {
		if i > 0 && bytes.HasPrefix(key, a.cuts[i-1]) && !bytes.Equal(key, a.cuts[i-1]) {
			a.cuts[i] = a.cuts[i-1] // done with the owner above it
			continue
		}
		a.recutBelow(key)
	}
}

func (a *applier) recutBelow(key []byte) {
	e, at, exact := a.v.tree.get(key)
	// A delegation further up hides this one.
	above := e.cut()
	if above > 0 && above < len(key) && bytes.HasPrefix(key, e.key()[:above]) {
		return
	}
	var edits []edit
	var cut []byte
	visit := func(e entry) bool {
		k := e.key()
		if !bytes.HasPrefix(k, key) {
			return false
		}
		if cut != nil && !bytes.HasPrefix(k, cut) {
			cut = nil
		}
		if cut == nil && e.isCut() {
			cut = k
		}
		if e.cut() != len(cut) {
			fixed := bytes.Clone(e[:entrySize(e)])
			setCut(fixed, len(cut))
			edits = append(edits, edit{key: k, entry: fixed})
		}
		return true
	}
	if exact && !visit(e) {
		return
	}
	a.v.tree.next(at, visit)
	if len(edits) > 0 {
		a.splice(edits)
	}
}

// entrySize is the length of an entry without what follows it in its page.
func entrySize(e entry) int {
	n := entryHead + e.keyLen()
	for range e.sets() {
		n += setHead + int(binary.LittleEndian.Uint32(e[n+8:]))
	}
	return n
}

// apply does an owner's part of a delta to its RRsets.
func (t *touched) apply(sets []rr.Set) ([]rr.Set, error) {
	for _, raw := range t.removed {
		i, found := slices.BinarySearchFunc(sets, raw.Type, byType)
		if !found || sets[i].TTL != raw.TTL || raw.Class != wire.ClassIN {
			return nil, fmt.Errorf("%w: a removed %s is not there", ErrDelta, raw.Type)
		}
		j, found := slices.BinarySearchFunc(sets[i].Data, raw.RData, rr.Compare)
		if !found {
			return nil, fmt.Errorf("%w: a removed %s is not there", ErrDelta, raw.Type)
		}
		sets[i].Data = slices.Delete(sets[i].Data, j, j+1)
	}
	for _, raw := range t.added {
		i, found := slices.BinarySearchFunc(sets, raw.Type, byType)
		if !found {
			sets = slices.Insert(sets, i, rr.Set{Owner: t.owner, Type: raw.Type, TTL: raw.TTL})
		}
		s := &sets[i]
		if len(s.Data) == 0 {
			s.TTL = raw.TTL
		}
		j, found := slices.BinarySearchFunc(s.Data, raw.RData, rr.Compare)
		if found || s.TTL != raw.TTL || raw.Class != wire.ClassIN {
			return nil, fmt.Errorf("%w: an added %s is there already, or under another ttl", ErrDelta, raw.Type)
		}
		s.Data = slices.Insert(s.Data, j, raw.RData)
		if err := checkSet(s); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(sets, func(s rr.Set) bool { return len(s.Data) == 0 }), nil
}

func byType(s rr.Set, t wire.Type) int { return int(s.Type) - int(t) }
