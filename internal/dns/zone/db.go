package zone

import (
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync/atomic"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// ErrUnknown is the error of a step for a zone that is not there.
var ErrUnknown = errors.New("no such zone")

// defaultHistory bounds a zone's history in octets where nothing else is said.
const defaultHistory = 1 << 20

// DB is every zone that this node serves: the only bridge between the careful half, which writes it through one
// goroutine (feed), and the fast half, which reads it without locks.
//
// Zones stand in an open hash table of atomic slots. The writer puts a zone into a free slot, leaves a grave where one
// was taken out, and moves to a new table when the old one fills up; a reader that still holds the old table sees every
// zone that was in it.
type DB struct {
	table    atomic.Pointer[table]
	byID     atomic.Pointer[idTable]
	accounts map[string]*holder // the writer's
	history  int
	shelf    shelf
	stamps   uint64 // given to states so far; the writer's
}

// holder is where all zones of an account find its current data.
type holder struct {
	id      string
	current atomic.Pointer[standing]
}

type table struct {
	seed   maphash.Seed
	slots  []atomic.Pointer[Zone]
	used   int              // slots taken, graves too; the writer's
	live   atomic.Int64     // zones
	levels [2]atomic.Uint64 // which label counts zones have: others need no look
	counts [128]int32       // zones by label count; the writer's
}

// grave marks a slot from which a zone was taken.
var grave = &Zone{} //nolint:gochecknoglobals // a sentinel

// NewDB returns an empty database. historyBytes bounds each zone's history in octets (0: a default of 1 MiB); BoundHistories
// those of all.
func NewDB(historyBytes int) *DB {
	if historyBytes <= 0 {
		historyBytes = defaultHistory
	}
	db := &DB{accounts: map[string]*holder{}, history: historyBytes, shelf: newShelf()}
	db.table.Store(newTable(64))
	db.byID.Store(newIDTable(64))
	return db
}

func newTable(size int) *table {
	return &table{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[Zone], size)}
}

// hash is keyed by a secret of the database: tenants choose names, and must not be able to choose their slots.
func (t *table) hash(name []byte) uint64 { return maphash.Bytes(t.seed, name) }

// Find returns the zone with the longest apex that name (lower-case wire form) is in, or nil. No lock, no allocation.
func (db *DB) Find(name []byte) *Zone { return db.find(name, 0) }

// FindParent is Find for the names above name: who answers a DS query at an apex (RFC 4035 section 3.1.4.1).
func (db *DB) FindParent(name []byte) *Zone { return db.find(name, 1) }

// find tries the name itself and then what it is below, up to the root. Only label counts that some zone has are looked
// up.
func (db *DB) find(name []byte, skip int) *Zone {
	t := db.table.Load()
	left := 0
	for i := 0; name[i] != 0; i += int(name[i]) + 1 {
		left++
	}
	for off := 0; ; left-- {
		if skip > 0 {
			skip--
		} else if t.levels[left>>6].Load()>>(left&63)&1 != 0 {
			if z := t.get(name[off:]); z != nil {
				return z
			}
		}
		if left == 0 {
			return nil
		}
		off += int(name[off]) + 1
	}
}

func (t *table) get(apex []byte) *Zone {
	mask := uint64(len(t.slots) - 1)
	for i := t.hash(apex) & mask; ; i = (i + 1) & mask {
		z := t.slots[i].Load()
		if z == nil {
			return nil
		}
		if string(z.Name) == string(apex) {
			return z
		}
	}
}

// put takes a free slot; the table must have one.
func (t *table) put(z *Zone) {
	mask := uint64(len(t.slots) - 1)
	i := t.hash([]byte(z.Name)) & mask
	for t.slots[i].Load() != nil && t.slots[i].Load() != grave {
		i = (i + 1) & mask
	}
	if t.slots[i].Load() == nil {
		t.used++
	}
	l := z.Name.CountLabels()
	t.counts[l]++
	t.levels[l>>6].Or(1 << (l & 63))
	t.live.Add(1)
	t.slots[i].Store(z)
}

func (t *table) remove(z *Zone) {
	if !t.replace(z, grave) {
		return
	}
	t.live.Add(-1)
	l := z.Name.CountLabels()
	if t.counts[l]--; t.counts[l] == 0 {
		t.levels[l>>6].And(^uint64(1 << (l & 63)))
	}
}

// replace puts by in the slot of z, and says whether z was there.
func (t *table) replace(z, by *Zone) bool {
	mask := uint64(len(t.slots) - 1)
	for i := t.hash([]byte(z.Name)) & mask; ; i = (i + 1) & mask {
		switch t.slots[i].Load() {
		case nil:
			return false
		case z:
			t.slots[i].Store(by)
			return true
		}
	}
}

// Get returns the zone with exactly this apex, or nil.
func (db *DB) Get(apex wire.Name) *Zone { return db.table.Load().get([]byte(apex)) }

// ByID returns the zone with this id, or nil.
func (db *DB) ByID(id string) *Zone { return db.byID.Load().get(id) }

// Len is the number of zones.
func (db *DB) Len() int { return int(db.table.Load().live.Load()) }

// All yields the zones in no particular order; changes meanwhile may or may not be seen.
func (db *DB) All(yield func(*Zone) bool) {
	t := db.table.Load()
	for i := range t.slots {
		if z := t.slots[i].Load(); z != nil && z != grave && !yield(z) {
			return
		}
	}
}

// Reset puts a zone's contents in whole (first load, or a reset entry). history leads to transfer's serial, oldest first.
func (db *DB) Reset(id, account string, seq uint64, served, transfer *Version, links Links, history []*Delta) *Zone {
	s := &State{
		Seq: seq, Served: served, Transfer: transfer, Links: links,
		History: newHistory(transfer.serial, history, transfer.reach(db.history)),
	}
	old := db.ByID(id)
	if old != nil && old.Name == transfer.apex && old.account.id == account {
		db.publish(old, s, false)
		return old
	}
	z := &Zone{ID: id, Name: transfer.apex, account: db.holder(account)}
	db.publish(z, s, false)
	if old != nil && old.Name != z.Name {
		db.Remove(id)
	}
	db.insert(z)
	return z
}

// Remember puts deltas, oldest first, in front of a zone's history: they lead to where that begins, or, while there is none,
// to the transfer face's serial. A zone whose transfers are off keeps none, and where there is no room what is remembered goes
// before what has happened since.
func (db *DB) Remember(id string, deltas []*Delta) {
	z := db.ByID(id)
	if z == nil || !z.State().Links.Enabled {
		return
	}
	next := *z.State()
	if next.History.Len() > 0 {
		deltas = slices.Concat(deltas, next.History.deltas)
	}
	next.History = newHistory(next.Transfer.serial, deltas, next.Transfer.reach(db.history))
	db.publish(z, &next, true)
}

// insert puts a new zone in, in the very slot of one of the same name, so that there is no moment without either.
func (db *DB) insert(z *Zone) {
	t := db.table.Load()
	if old := db.Get(z.Name); old != nil {
		t.replace(old, z)
		db.shelf.drop(old)
		db.removeID(old)
		db.putID(z)
		return
	}
	if (t.used+1)*4 > len(t.slots)*3 {
		size := 64
		for size < int(t.live.Load()+1)*2 {
			size *= 2
		}
		next := newTable(size)
		db.All(func(z *Zone) bool { next.put(z); return true })
		next.put(z)
		db.table.Store(next)
	} else {
		t.put(z)
	}
	db.putID(z)
}

func (db *DB) holder(account string) *holder {
	h := db.accounts[account]
	if h == nil {
		h = &holder{id: account}
		db.accounts[account] = h
	}
	return h
}

// Step applies a journal step to a zone and publishes the result. A step at or before the zone's Seq was applied already
// and is passed over. On an error the zone stays as it is.
func (db *DB) Step(id string, seq uint64, s *Step) (*Zone, error) {
	return db.StepAhead(id, seq, s, nil)
}

// StepAhead is Step for a step that was looked at before.
func (db *DB) StepAhead(id string, seq uint64, s *Step, a *Ahead) (*Zone, error) {
	z := db.ByID(id)
	if z == nil {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, id)
	}
	old := z.State()
	if seq <= old.Seq {
		return z, nil
	}
	next, err := old.step(seq, s, a, old.Transfer.reach(db.history))
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", z.Name, err)
	}
	db.publish(z, next, false)
	return z, nil
}

// Replay applies journal steps that follow one another, all after the zone's Seq and the last of them at seq. It ends where
// Step would, one by one, but publishes the end alone, and writes a page once however many of the steps touch it. Steps
// that do not fit are an error as far as their serials and their sum show: of a record that comes and goes within them
// nobody asks whether it was there before. On an error the zone stays as it is.
func (db *DB) Replay(id string, seq uint64, steps []*Step) (*Zone, error) {
	z := db.ByID(id)
	if z == nil {
		return nil, fmt.Errorf("%w: %s", ErrUnknown, id)
	}
	old := z.State()
	next, err := old.replay(seq, steps, old.Transfer.reach(db.history))
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", z.Name, err)
	}
	db.publish(z, next, false)
	return z, nil
}

// SetLinks replaces a zone's links; it returns nil when there is no such zone.
func (db *DB) SetLinks(id string, seq uint64, l Links) *Zone {
	z := db.ByID(id)
	if z == nil {
		return nil
	}
	next := *z.State()
	next.Links, next.Seq = l, max(seq, next.Seq)
	db.publish(z, &next, false) // the history stays as it is
	return z
}

// Remove takes a zone out.
func (db *DB) Remove(id string) {
	z := db.ByID(id)
	if z == nil {
		return
	}
	db.table.Load().remove(z)
	db.shelf.drop(z)
	db.removeID(z)
}
