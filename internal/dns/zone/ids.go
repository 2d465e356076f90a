package zone

import (
	"hash/maphash"
	"sync/atomic"
)

// idTable finds zones by id, in the same way as table does by name.
type idTable struct {
	seed  maphash.Seed
	slots []atomic.Pointer[Zone]
	used  int
	live  int
}

func newIDTable(size int) *idTable {
	return &idTable{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[Zone], size)}
}

func (t *idTable) hash(id string) uint64 { return maphash.String(t.seed, id) }

func (t *idTable) get(id string) *Zone {
	mask := uint64(len(t.slots) - 1)
	for i := t.hash(id) & mask; ; i = (i + 1) & mask {
		z := t.slots[i].Load()
		if z == nil {
			return nil
		}
		if z != grave && z.ID == id {
			return z
		}
	}
}

func (t *idTable) put(z *Zone) {
	mask := uint64(len(t.slots) - 1)
	i := t.hash(z.ID) & mask
	for t.slots[i].Load() != nil && t.slots[i].Load() != grave {
		i = (i + 1) & mask
	}
	if t.slots[i].Load() == nil {
		t.used++
	}
	t.live++
	t.slots[i].Store(z)
}

func (db *DB) putID(z *Zone) {
	t := db.byID.Load()
	if (t.used+1)*4 > len(t.slots)*3 {
		size := 64
		for size < (t.live+1)*2 {
			size *= 2
		}
		next := newIDTable(size)
		for i := range t.slots {
			if old := t.slots[i].Load(); old != nil && old != grave {
				next.put(old)
			}
		}
		next.put(z)
		db.byID.Store(next)
		return
	}
	t.put(z)
}

func (db *DB) removeID(z *Zone) {
	t := db.byID.Load()
	mask := uint64(len(t.slots) - 1)
	for i := t.hash(z.ID) & mask; ; i = (i + 1) & mask {
		switch t.slots[i].Load() {
		case nil:
			return
		case z:
			t.slots[i].Store(grave)
			t.live--
			return
		}
	}
}
