package zone

import (
	"sync/atomic"
)

// idTable finds zones by id, in the same way as table does by name.
type idTable struct {
	slots []atomic.Pointer[Zone]
	used  int
	live  int
}

func newIDTable(size int) *idTable { return &idTable{slots: make([]atomic.Pointer[Zone], size)} }

func hashID(id string) uint64 { return hashLabel(hashSeed, []byte(id)) }

func (t *idTable) get(id string) *Zone {
	mask := uint64(len(t.slots) - 1)
	for i := hashID(id) & mask; ; i = (i + 1) & mask {
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
	i := hashID(z.ID) & mask
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
	for i := hashID(z.ID) & mask; ; i = (i + 1) & mask {
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
