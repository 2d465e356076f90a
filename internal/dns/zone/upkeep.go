package zone

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
)

// applier changes a version that nobody has seen yet: first the RRsets of the owners that a delta names, then what
// follows from them for names that it does not name.
type applier struct {
	v     *Version
	tree  *page.Tree // of v
	empty [][]byte   // keys of names that lost all their RRsets
	cuts  [][]byte   // keys at which a delegation or DNAME came or went

	// Room for what most owners get, used anew for each: an entry is a copy of it.
	set  [1]rr.Set
	data [1][]byte
}

// keySize is more than most keys have.
const keySize = 24

// sets changes the RRsets of all touched owners, and makes the empty non-terminals above new ones.
func (a *applier) sets(work []*touched) error {
	edits := make([]page.Edit, 0, len(work)+1)
	fresh := make([][]byte, 0, len(work))
	keys := make([]byte, 0, keySize*len(work))
	for _, t := range work {
		keys = page.AppendKey(keys[len(keys):], t.owner, a.v.apex)
		key := slices.Clip(keys)
		e, _, exact := a.tree.Get(key)
		old := a.set[:0]
		if exact {
			old = e.Unpack(t.owner, a.v.apex)
		}
		sets, err := t.apply(old, a.data[:0])
		if err != nil {
			return fmt.Errorf("%w: %s", err, t.owner)
		}
		a.v.records += uint32(len(t.added)) - uint32(len(t.removed)) // which wraps, and back
		cut := e.CutAbove(key)
		ed := page.Edit{Key: key, Entry: page.MakeEntry(key, cut, sets, a.v.apex)}
		is := page.Entry(ed.Entry).IsCut()
		if is && cut == 0 {
			page.Entry(ed.Entry).SetCut(len(key))
		}
		if is != (exact && e.IsCut()) {
			a.cuts = append(a.cuts, key)
		}
		if !exact {
			fresh = append(fresh, key)
		}
		if len(sets) == 0 {
			a.empty = append(a.empty, key)
		}
		edits = append(edits, ed)
	}
	a.splice(a.fill(edits, fresh))
	return nil
}

// fill adds the empty non-terminals that new names need above them.
func (a *applier) fill(edits []page.Edit, fresh [][]byte) []page.Edit {
	if !slices.ContainsFunc(fresh, func(key []byte) bool { return len(page.Parent(key)) > 0 }) {
		return edits // nearly always: there is nothing between them and the apex
	}
	made := make(map[string]bool, len(fresh))
	for _, key := range fresh {
		made[string(key)] = true
	}
	for _, key := range fresh {
		for up := page.Parent(key); len(up) > 0 && !made[string(up)]; up = page.Parent(up) {
			e, _, exact := a.tree.Get(up)
			if exact {
				break
			}
			made[string(up)] = true
			edits = append(edits, page.Edit{Key: up, Entry: page.MakeEntry(up, e.CutAbove(up), nil, a.v.apex)})
		}
	}
	return edits
}

// splice does edits and keeps the version's size true.
func (a *applier) splice(edits []page.Edit) {
	if len(edits) == 0 {
		return
	}
	t, grown := a.tree.Splice(edits, a.v.Signed())
	*a.tree = t
	a.v.size += grown
}

// prune takes out names that have neither RRsets nor names below them, and then their parents where the same is true.
// Names are judged in falling order, what is below a name before the name. Parents wait on a stack: each is an ancestor
// of what lies between it and the name that put it there, so the stack's top is always the greatest of them.
func (a *applier) prune() {
	if len(a.empty) == 0 {
		return
	}
	slices.SortFunc(a.empty, func(x, y []byte) int { return bytes.Compare(y, x) })
	var edits []page.Edit
	var parents [][]byte
	survivor := map[string]page.Entry{} // for each key taken out, the first entry behind it that stays
	for rest := a.empty; len(rest) > 0 || len(parents) > 0; {
		var key []byte
		if top := len(parents) - 1; len(rest) == 0 || top >= 0 && bytes.Compare(parents[top], rest[0]) >= 0 {
			key, parents = parents[top], parents[:top]
		} else {
			key, rest = rest[0], rest[1:]
		}
		if _, done := survivor[string(key)]; done || len(key) == 0 {
			continue
		}
		e, at, exact := a.tree.Get(key)
		if !exact || e.Sets() > 0 {
			continue
		}
		next := a.behind(at)
		if s, gone := survivor[string(next.KeyOrNil())]; next != nil && gone {
			next = s
		}
		if next != nil && bytes.HasPrefix(next.Key(), key) {
			continue
		}
		survivor[string(key)] = next
		edits = append(edits, page.Edit{Key: key})
		parents = append(parents, page.Parent(key))
	}
	a.splice(edits)
}

// behind is the entry after a position, nil at the end.
func (a *applier) behind(at page.Position) (next page.Entry) {
	a.tree.After(at, func(e page.Entry) bool {
		next = e
		return false
	})
	return next
}

// recut writes the cut of every name at or below an owner that became one or stopped being one.
func (a *applier) recut() {
	slices.SortFunc(a.cuts, bytes.Compare)
	var edits []page.Edit
	var done []byte
	for _, key := range a.cuts {
		if done != nil && bytes.HasPrefix(key, done) {
			continue // written with the owner above it
		}
		done = key
		edits = a.recutBelow(edits, key)
	}
	a.splice(edits)
}

// recutBelow lists what to write at and below key.
func (a *applier) recutBelow(edits []page.Edit, key []byte) []page.Edit {
	e, at, exact := a.tree.Get(key)
	if e.CutAbove(key) > 0 {
		return edits // a delegation further up hides this one
	}
	var cut []byte
	visit := func(e page.Entry) bool {
		k := e.Key()
		if !bytes.HasPrefix(k, key) {
			return false
		}
		if cut != nil && !bytes.HasPrefix(k, cut) {
			cut = nil
		}
		if cut == nil && e.IsCut() {
			cut = k
		}
		if e.Cut() != len(cut) {
			fixed := bytes.Clone(e[:e.Size()])
			page.Entry(fixed).SetCut(len(cut))
			edits = append(edits, page.Edit{Key: k, Entry: fixed})
		}
		return true
	}
	if !exact || visit(e) {
		a.tree.After(at, visit)
	}
	return edits
}
