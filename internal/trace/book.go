package trace

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"
)

// Bounds of what is remembered until a zone's secondaries are told. Most is taken at once; changes of zones without secondaries,
// or of which another node tells, make room for later ones, and are too old some time: who begins to tell of a zone then tells
// of its newest version, and not of what led there.
const (
	booked    = 1024
	bookedFor = time.Minute
)

// Change is a change that is durable, and the serial that it has led its zone to.
type Change struct {
	zone   string
	serial uint32
	span   Span
	put    time.Time
}

// NewChange is the change of a zone that a span was recorded for.
func NewChange(zone string, serial uint32, span Span) Change {
	return Change{zone: zone, serial: serial, span: span}
}

// Book remembers changes for who tells secondaries of them. Nil remembers nothing.
type Book struct {
	name string // among the books of all nodes
	mu   sync.Mutex
	ring [booked]Change
	next int
	held int
}

// NewBook is a book of this process, with nothing in it.
func NewBook() *Book { return &Book{name: rand.Text()} }

// Put remembers changes.
func (b *Book) Put(now time.Time, changes ...Change) {
	if b == nil || len(changes) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range changes {
		if b.ring[b.next].span == nil {
			b.held++
		}
		c.put = now
		b.ring[b.next] = c
		b.next = (b.next + 1) % booked
	}
}

// Newer says of two serials whether the first is newer than the second (RFC 1982).
type Newer func(a, b uint32) bool

// Take gives the changes of a zone up to a serial, and forgets them, and those that are too old.
func (b *Book) Take(now time.Time, zone string, upTo uint32, newer Newer) (taken []Change) {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := 0; i < booked && b.held > 0; i++ {
		at := (b.next + i) % booked // the oldest first
		c := b.ring[at]
		old := now.Sub(c.put) > bookedFor
		if c.span == nil || !old && (c.zone != zone || newer(c.serial, upTo)) {
			continue
		}
		if b.ring[at] = (Change{}); !old {
			taken = append(taken, c)
		}
		b.held--
	}
	return taken
}

// Bounds of what is told of one secondary and zone.
const (
	tellingsMost = 32 // changes that it is not known to have
	triesMost    = 5  // messages without an answer: with the usual pauses, half a minute
)

// Tellings are spans of one secondary being told of changes that it is not known to have, one in the trace of each. The zero
// value is ready, and has none. Who tells the secondary calls it, from one goroutine at a time.
type Tellings struct{ open []telling }

type telling struct {
	serial uint32
	tries  int
	span   Span
}

// Add begins to tell of changes.
func (t *Tellings) Add(changes []Change, at time.Time, attrs ...Attr) {
	for i := range changes {
		if len(t.open) == tellingsMost {
			t.open[0].span.End(at, "left behind by later changes")
			t.open = append(t.open[:0], t.open[1:]...)
		}
		c := &changes[i]
		span := c.span.Child("NOTIFY", Client, at, append(slices.Clip(attrs), Text(KeyZone, c.zone), Number(KeySerial, int64(c.serial)))...)
		t.open = append(t.open, telling{serial: c.serial, span: span})
	}
}

// Sent notes a message. After some that got no answer nobody goes on waiting for one.
func (t *Tellings) Sent(at time.Time, serial uint32) {
	if len(t.open) == 0 {
		return
	}
	kept := t.open[:0]
	for _, o := range t.open {
		if o.tries++; o.tries > triesMost {
			o.span.End(at, "no answer")
			continue
		}
		o.span.Event("sent", at, Number(KeySerial, int64(serial)), Number("headwater.try", int64(o.tries)))
		kept = append(kept, o)
	}
	t.keep(kept)
}

// Known says that the secondary has what it was told up to a serial.
func (t *Tellings) Known(at time.Time, upTo uint32, newer Newer) {
	if len(t.open) == 0 {
		return
	}
	kept := t.open[:0]
	for _, o := range t.open {
		if newer(o.serial, upTo) {
			kept = append(kept, o)
			continue
		}
		o.span.Event("acknowledged", at)
		o.span.End(at, "")
	}
	t.keep(kept)
}

// Event notes what became of a message that was sent and does not end it: it could not leave, or the answer was an error.
func (t *Tellings) Event(name string, at time.Time, attrs ...Attr) {
	for _, o := range t.open {
		o.span.Event(name, at, attrs...)
	}
}

// Drop ends all of them: it is told no more, or not from here.
func (t *Tellings) Drop(at time.Time, why string) {
	for _, o := range t.open {
		o.span.End(at, why)
	}
	t.open = nil
}

// keep keeps those, and lets go of the others' spans.
func (t *Tellings) keep(kept []telling) {
	clear(t.open[len(kept):])
	if t.open = kept; len(kept) == 0 {
		t.open = nil
	}
}
