package journal

import (
	"slices"
	"sync"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// A zone's image is written anew when the journal behind it takes more than tailLeast and half of the zone's size, or has
// more than tailEntries entries and one for each KiB of the zone: what a start must replay stays in proportion to what it
// must load, and what images cost to what is changed. An entry is replayed in the time that 1 to 2 KiB of an image take.
const (
	tailLeast   = 1 << 20
	tailEntries = 4096
)

// tails is what the journal holds of each zone that has changed since its image.
type tails struct {
	mu     sync.Mutex
	byZone map[model.ID]*tail
	due    []model.ID
	wake   chan struct{}
}

// A node may have a million of them.
type tail struct {
	size    int   // octets of the zone in memory, once it was near being due
	fresh   int   // octets behind the image
	count   int32 // entries behind the image
	due     bool
	cut     model.Seq // no mark is left at or before it
	history []mark    // oldest first: all deltas that the journal holds, those before the image included
	bytes   int       // of history
}

// add puts a mark into its place, which is nearly always the last one, and says whether it was not known.
func (z *tail) add(m mark) bool {
	at := len(z.history)
	for at > 0 && z.history[at-1].seq >= m.seq {
		at--
	}
	if m.seq <= z.cut || at < len(z.history) && z.history[at].seq == m.seq {
		return false
	}
	z.history = slices.Insert(z.history, at, m)
	z.bytes += m.bytes
	return true
}

// forget drops the marks before a position that are of the image.
func (z *tail) forget(seq model.Seq) {
	n := 0
	for n < len(z.history) && z.history[n].seq < seq {
		z.bytes -= z.history[n].bytes
		n++
	}
	z.history = z.history[n:]
}

// shorten drops the oldest marks beyond a bound: where another node prunes the journal, done never comes to drop them.
func (z *tail) shorten(bound int) {
	n := 0
	for z.bytes-z.history[n].bytes > bound {
		z.cut = z.history[n].seq
		z.bytes -= z.history[n].bytes
		n++
	}
	z.history = z.history[n:]
}

func (z *tail) long() bool {
	return z.fresh > max(tailLeast, z.size/2) || int(z.count) > max(tailEntries, z.size/1024)
}

// mark is one delta in the journal.
type mark struct {
	seq   model.Seq
	bytes int
}

func (t *tails) next() (model.ID, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.due) == 0 {
		return "", false
	}
	id := t.due[0]
	t.due = t.due[1:]
	return id, true
}

// wants says whether the zone, of size octets in memory, is due.
func (t *tails) wants(id model.ID, size int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	z := t.byZone[id]
	if z == nil {
		return false
	}
	z.size = size
	z.due = z.long()
	return z.due
}

// keep is the newest position that neither an image at seq nor a history of so many octets needs; 0 for none.
func (t *tails) keep(id model.ID, seq model.Seq, history int) model.Seq {
	t.mu.Lock()
	defer t.mu.Unlock()
	z := t.byZone[id]
	if z == nil {
		return 0
	}
	keep, rest := z.cut, z.bytes
	for _, m := range z.history {
		if rest <= history {
			break
		}
		keep, rest = m.seq, rest-m.bytes
	}
	return min(keep, seq)
}

// done notes an image at seq and a journal cut at keep.
func (t *tails) done(id model.ID, seq, keep model.Seq) {
	t.mu.Lock()
	defer t.mu.Unlock()
	z := t.byZone[id]
	if z == nil {
		return
	}
	left := z.history[:0]
	z.bytes, z.fresh, z.count, z.due = 0, 0, 0, false
	for _, m := range z.history {
		if m.seq <= keep {
			continue
		}
		left = append(left, m)
		z.bytes += m.bytes
		if m.seq > seq {
			z.fresh += m.bytes
			z.count++
		}
	}
	z.history = left
}

// again has the next change of a zone ask for its image once more.
func (t *tails) again(id model.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if z := t.byZone[id]; z != nil {
		z.due = false
	}
}
