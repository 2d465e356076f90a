package curve

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Config makes a Book. Zero values of what is not required mean the defaults stated.
type Config struct {
	// Zones bounds the zones, and likewise the accounts, of which something is kept; default 2,048. In memory those with the latest news stay;
	// of what is handed over, each cell has the first that had any. An account's sums are of all its zones.
	Zones int
	// Taken says that somebody takes what reaches further back than an hour.
	Taken bool
	// Now is the time; it is required.
	Now func() time.Time
}

// Key is a cell of something: a zone, or an account, whose About is its own identifier.
type Key struct {
	Account, About string
	Period         Period
	Cell           int64
}

// compare orders keys, so that two nodes that write the same cells do it in one order.
func (k *Key) compare(o *Key) int {
	return cmp.Or(cmp.Compare(k.Account, o.Account), cmp.Compare(k.About, o.About), cmp.Compare(k.Period, o.Period), cmp.Compare(k.Cell, o.Cell))
}

// Row is what came to a cell since the last time that it was handed over.
type Row struct {
	Key

	Sum Sum
}

// Batch is what is handed over at once. It has a number, under which it is the same however often it is handed over.
type Batch struct {
	Number int64
	Rows   []Row
}

// Book adds up. Its methods return at once and may be called from anywhere.
type Book struct {
	cfg   Config
	since time.Time

	mu      sync.Mutex
	of      map[string]*minutes
	pending map[Key]*Sum
	told    [Month + 1]admitted // which zones and accounts have a row in the cell of now
	sent    *Batch              // handed over, and not known to have arrived
	number  int64
}

// minutes are the last hour of a zone or an account: the minutes in which anything was, the oldest first.
type minutes struct {
	account string
	news    time.Time
	cells   []minute
}

type minute struct {
	at int64
	Sum
}

// admitted are those that a cell has rows of.
type admitted struct {
	cell int64
	of   map[string]bool
	size [2]int // zones, accounts
}

// New returns a Book in which nothing stands.
func New(cfg Config) *Book {
	cfg.Zones = cmp.Or(cfg.Zones, 2048)
	return &Book{cfg: cfg, since: cfg.Now(), of: map[string]*minutes{}, pending: map[Key]*Sum{}}
}

// Since is when counting began here.
func (b *Book) Since() time.Time { return b.since }

// Add counts what happened to a zone now, for the zone and for its account.
func (b *Book) Add(account, zone string, s *Sum) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.cfg.Now()
	for i, about := range [...]string{zone, account} {
		b.minute(account, about, now).Add(s)
		if !b.cfg.Taken {
			continue
		}
		for p := Day; p <= Month; p++ {
			if to := b.later(Key{account, about, p, p.Cell(now)}, i); to != nil {
				to.Add(s)
			}
		}
	}
}

// minute is the minute of now.
func (b *Book) minute(account, about string, now time.Time) *Sum {
	m := b.of[about]
	if m == nil {
		b.bound()
		m = &minutes{account: account}
		b.of[about] = m
	}
	m.news = now
	at := Hour.Cell(now)
	// A clock that was set back counts into the last minute that there is, so that they stay in order.
	if n := len(m.cells); n > 0 && m.cells[n-1].at >= at {
		return &m.cells[n-1].Sum
	}
	first, _ := slices.BinarySearchFunc(m.cells, Hour.First(now), func(c minute, at int64) int { return cmp.Compare(c.at, at) })
	m.cells = append(slices.Delete(m.cells, 0, first), minute{at: at})
	return &m.cells[len(m.cells)-1].Sum
}

// bound forgets what had no news for the longest time, a tenth more than there are too many, for sorting is not cheap.
func (b *Book) bound() {
	most := 2 * b.cfg.Zones // zones and accounts
	if len(b.of) < most {
		return
	}
	ids := make([]string, 0, len(b.of))
	for id := range b.of {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(x, y string) int { return cmp.Or(b.of[x].news.Compare(b.of[y].news), cmp.Compare(x, y)) })
	for _, id := range ids[:max(1, most/10)] {
		delete(b.of, id)
	}
}

// later is what is to be handed over of a cell; nil where it has too many already. kind is 0 for a zone, 1 for an account.
func (b *Book) later(k Key, kind int) *Sum {
	if s := b.pending[k]; s != nil {
		return s
	}
	t := &b.told[k.Period]
	if t.cell != k.Cell || t.of == nil {
		*t = admitted{cell: k.Cell, of: map[string]bool{}}
	}
	if !t.of[k.About] {
		if t.size[kind] >= b.cfg.Zones {
			return nil
		}
		t.of[k.About] = true
		t.size[kind]++
	}
	// Nobody may take anything for days, when a database is away. What is kept for it ends somewhere.
	if len(b.pending) >= 16*b.cfg.Zones {
		return nil
	}
	s := new(Sum)
	b.pending[k] = s
	return s
}

// Take hands over at most so many rows that nobody has yet; nil when there are none. The same batch comes again until it is Done: whoever
// is not sure that one has arrived asks again, and tells by its number whether it has.
func (b *Book) Take(most int) *Batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sent != nil || len(b.pending) == 0 {
		return b.sent
	}
	rows := make([]Row, 0, len(b.pending))
	for k, s := range b.pending {
		rows = append(rows, Row{k, *s})
	}
	slices.SortFunc(rows, func(x, y Row) int { return x.compare(&y.Key) })
	rows = rows[:min(len(rows), most)]
	for i := range rows {
		delete(b.pending, rows[i].Key)
	}
	b.number++
	b.sent = &Batch{Number: b.number, Rows: rows}
	return b.sent
}

// Done says that the last batch has arrived.
func (b *Book) Done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = nil
}

// Series adds what stands here of a zone, or an account, to the cells of the period that ends now: all of an hour, and of the others what nobody
// has taken yet.
func (b *Book) Series(about string, p Period, now time.Time, cells []Sum) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := p.First(now)
	put := func(at int64, s *Sum) {
		if i := at - first; i >= 0 && i < int64(len(cells)) {
			cells[i].Add(s)
		}
	}
	if p == Hour {
		if m := b.of[about]; m != nil {
			for i := range m.cells {
				put(m.cells[i].at, &m.cells[i].Sum)
			}
		}
		return
	}
	b.open(func(k *Key, s *Sum) {
		if k.About == about && k.Period == p {
			put(k.Cell, s)
		}
	})
}

// open tells of everything that is not known to have arrived. The lock is held.
func (b *Book) open(each func(k *Key, s *Sum)) {
	for k, s := range b.pending {
		each(&k, s)
	}
	if b.sent != nil {
		for i := range b.sent.Rows {
			each(&b.sent.Rows[i].Key, &b.sent.Rows[i].Sum)
		}
	}
}

// Shares adds up by zone what stands here of the zones of an account, as Series does by time.
func (b *Book) Shares(account string, p Period, now time.Time, of map[string]*Sum) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := p.First(now)
	put := func(zone string, at int64, s *Sum) {
		if zone == account || at < first {
			return
		}
		if of[zone] == nil {
			of[zone] = new(Sum)
		}
		of[zone].Add(s)
	}
	if p == Hour {
		for zone, m := range b.of {
			for i := range m.cells {
				if m.account == account {
					put(zone, m.cells[i].at, &m.cells[i].Sum)
				}
			}
		}
		return
	}
	b.open(func(k *Key, s *Sum) {
		if k.Account == account && k.Period == p {
			put(k.About, k.Cell, s)
		}
	})
}

// Forget drops a zone's hour. What it adds to longer curves stays: its account was asked that.
func (b *Book) Forget(zone string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.of, zone)
}
