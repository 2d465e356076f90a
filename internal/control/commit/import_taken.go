package commit

import (
	"bytes"
	"cmp"
	"context"
	"hash/maphash"
	"iter"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// taken are the records of a file that an import adds, by their numbers in the file, and what the zone has at their names. There
// may be a million, so what is kept of each is a few octets, and none of them is a pointer.
type taken struct {
	pack  *model.Pack
	now   time.Time // when they are made
	order []int32   // as in the file, and after sort by name
	// Where records of the file say what may stand below them, all are planned in the order of the file. Then those at one name form a
	// chain from the last to the first, which begins where the name's hash leads; others may be in it.
	chained bool
	seed    maphash.Seed
	last    map[uint64]int32 // number and 1
	prev    []int32          // likewise

	there map[wire.Name][]*model.Record // what the zone has at names of the file
	below map[wire.Name]struct{}        // names whose records say what may stand below: those stay in the workspace
	cuts  map[wire.Name]struct{}        // names whose DS and NS must agree
}

func newTaken(p *model.Pack) taken {
	t := taken{pack: p, there: map[wire.Name][]*model.Record{}, below: map[wire.Name]struct{}{}, cuts: map[wire.Name]struct{}{}}
	for n := 0; n < p.Len() && !t.chained; n++ {
		t.chained = rules.LooksBelow(p.Type(n))
	}
	if t.chained {
		t.seed, t.last, t.prev = maphash.MakeSeed(), make(map[uint64]int32, p.Len()), make([]int32, p.Len())
	}
	return t
}

func (t *taken) len() int { return len(t.order) }

// all takes the whole file, before anything is planned.
func (t *taken) all() {
	t.order = make([]int32, t.pack.Len())
	for n := range t.order {
		t.order[n] = int32(n)
	}
}

// take keeps a record.
func (t *taken) take(n int, r *model.Record) {
	t.order = append(t.order, int32(n))
	if t.chained {
		h := maphash.String(t.seed, string(r.Name))
		t.prev[n] = t.last[h]
		t.last[h] = int32(n + 1)
	}
	switch {
	case rules.LooksBelow(r.Type):
		t.below[r.Name] = struct{}{}
	case r.Type == wire.TypeNS, r.Type == wire.TypeDS:
		t.cuts[r.Name] = struct{}{}
	}
}

// stamped is a record of the file as it is added.
func (t *taken) stamped(r *model.Record) *model.Record {
	rules.Stamp(r, nil, t.now)
	return r
}

// at is what the zone has at a name, and behind it what was taken, as in the file.
func (t *taken) at(name wire.Name) []*model.Record {
	rows := slices.Clone(t.there[name])
	old := len(rows)
	for n := t.last[maphash.String(t.seed, string(name))]; n > 0; n = t.prev[n-1] {
		if string(t.pack.Name(int(n-1))) != string(name) {
			continue
		}
		r := t.stamped(t.pack.Record(int(n - 1)))
		r.ID = idTaken
		rows = append(rows, r)
	}
	slices.Reverse(rows[old:])
	return rows
}

// keepThere keeps the rows that a workspace has read, and has it forget that there are none elsewhere.
func (t *taken) keepThere(z *zoneWork) {
	for n, rows := range z.rows {
		if len(rows) > 0 {
			t.there[n] = rows
		} else {
			delete(z.rows, n)
		}
	}
}

// recall gives a workspace, which has just read what the zone has at the names of some records, what was taken there before.
func (t *taken) recall(z *zoneWork, list []*model.Record) {
	seen := make(map[wire.Name]struct{}, len(list))
	for _, r := range list {
		n := r.Name
		if _, done := seen[n]; done {
			continue
		}
		seen[n] = struct{}{}
		_, below := t.below[n]
		if _, known := t.there[n]; !known && !below && len(z.rows[n]) > 0 {
			t.there[n] = z.rows[n]
		}
		z.rows[n] = t.at(n)
	}
}

// forget has a workspace keep no more than it needs of the names of some records.
func (t *taken) forget(z *zoneWork, list []*model.Record) {
	for _, r := range list {
		if _, below := t.below[r.Name]; below {
			continue
		}
		if there := t.there[r.Name]; there != nil {
			z.rows[r.Name] = there
		} else {
			delete(z.rows, r.Name)
		}
	}
}

// sort brings what was taken into the order of names, near enough to that of their texts, and at a name as in the file.
func (t *taken) sort() {
	slices.SortFunc(t.order, func(a, b int32) int {
		x, y := t.pack.Name(int(a)), t.pack.Name(int(b))
		return cmp.Or(bytes.Compare(x[1:], y[1:]), int(x[0])-int(y[0]), int(a-b))
	})
}

// byName yields records of a list that is in the order of names, about so many at a time, and all of a name at once.
func byName(p *model.Pack, list []int32, size int) iter.Seq[[]int32] {
	return func(yield func([]int32) bool) {
		for rest := list; len(rest) > 0; {
			n := min(size, len(rest))
			for n < len(rest) && bytes.Equal(p.Name(int(rest[n])), p.Name(int(rest[n-1]))) {
				n++
			}
			if !yield(rest[:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// rendering is the faces of an import as they come about, slice by slice, for the steps of a million records at once would take
// more memory than the zone.
type rendering struct {
	s       *workspace
	z       *zoneWork
	to      uint32
	signing *face.Signing
	there   map[wire.Name][]*model.Record // what the zone has at names of the file
	v       face.Versions
}

// rendering begins with the zone as of now.
func (i *importing) rendering(ctx context.Context) (*rendering, error) {
	r := &rendering{there: i.taken.there}
	err := i.with(ctx, func(now *workspace) (err error) {
		r.s = now
		if r.z, err = now.zone(ctx, i.in.Zone); err == nil {
			r.to, err = now.nextSerial(ctx, r.z, r.z.state.Transfer.Serial())
		}
		if err == nil {
			r.signing, err = now.signing(ctx, r.z)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	r.s.tx = nil
	r.v = face.Of(r.z.state)
	return r, nil
}

// add renders what stands at some names, all that comes there: rows that follow one another.
func (r *rendering) add(rows []*model.Record) error {
	clear(r.z.rows)
	clear(r.z.retargeted)
	var names []wire.Name
	for at := 0; at < len(rows); {
		name, from := rows[at].Name, at
		for at < len(rows) && rows[at].Name == name {
			if rows[at].Type == wire.TypeCNAME {
				r.z.retargeted[name] = struct{}{}
			}
			at++
		}
		names = append(names, name)
		r.z.rows[name] = rows[from:at:at]
		if there := r.there[name]; there != nil {
			r.z.rows[name] = slices.Concat(there, rows[from:at])
		}
	}
	serial := r.v.Transfer.Serial()
	v, err := r.v.Apply(r.s.diff(r.z, names).Step(serial, serial, nil, nil))
	if err == nil {
		r.v = v
	}
	return err
}
