package commit_test

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// Random histories: changes of records, settings, zones and the world outside, imports among them. Whatever stores them, these
// hold against each other: memory, a node that starts anew from the store, a fresh render of all rows, a secondary that follows
// by IXFR, and, where the dice are the same, the same history on the other stores.

// secondary follows the zones of a node by their deltas, as IXFR sends them.
type secondary struct {
	b           *bench
	has         map[model.ID]*zone.Version
	ixfrs, axfr int
}

// sync brings a zone up to date, and holds what came of it against what the node would transfer whole.
func (s *secondary) sync(t *testing.T, id model.ID) {
	t.Helper()
	mem := s.b.db.ByID(string(id))
	if mem == nil {
		delete(s.has, id)
		return
	}
	state := mem.State()
	have := s.has[id]
	s.has[id] = state.Transfer
	if have == nil {
		return
	}
	deltas, ok := state.History.Since(have.Serial())
	if !ok {
		s.axfr++
		return
	}
	for _, d := range deltas {
		next, err := have.Apply(d)
		if err != nil {
			t.Fatalf("IXFR of %s from %d to %d does not fit: %v", mem.Name, d.From, d.To, err)
		}
		have = next
		s.ixfrs++
	}
	if have.Serial() != state.Transfer.Serial() || text(have) != text(state.Transfer) {
		t.Fatalf("%s by IXFR, serial %d:\n%s\nby AXFR, serial %d:\n%s", mem.Name, have.Serial(), text(have), state.Transfer.Serial(), text(state.Transfer))
	}
}

// transferred is a zone that somebody may transfer, so that its history is kept.
func (b *bench) transferred(t *testing.T, name string) model.Zone {
	t.Helper()
	z := b.zone(t, name)
	z, err := b.edit(t, z.ID, "outgoing.create", func(z *model.Zone) { z.Outgoing = &model.Outgoing{Name: z.Name.Host(), Enabled: true} })
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestRandomHistory makes the same random changes on every store, one after the other.
func TestRandomHistory(t *testing.T) {
	t.Parallel()
	seed := dice(t).Uint64()
	var mu sync.Mutex
	traces := map[string][]string{}
	t.Run("on", func(t *testing.T) {
		t.Parallel()
		onEvery(t, func(t *testing.T, b *bench) {
			t.Helper()
			trace := randomHistory(t, b, rand.New(rand.NewPCG(seed, 1)))
			mu.Lock()
			defer mu.Unlock()
			traces[t.Name()] = trace
		})
	})
	t.Cleanup(func() {
		var one []string
		for name, trace := range traces {
			if one == nil {
				one = trace
			}
			if d := testkit.Diff(one, trace); d != "" && !t.Failed() {
				t.Errorf("%s has another history: %s", name, d)
			}
		}
	})
}

func randomHistory(t *testing.T, b *bench, d *rand.Rand) (trace []string) {
	t.Helper()
	zones := []model.Zone{b.transferred(t, "example"), b.transferred(t, "sub.example"), b.transferred(t, "other")}
	for i := range 8 {
		b.flat.set(fmt.Sprintf("t%d.test", i), fmt.Sprintf("203.0.113.%d", i))
	}
	follower := &secondary{b: b, has: map[model.ID]*zone.Version{}}
	refused := 0
	for i := range 300 {
		z := &zones[d.IntN(len(zones))]
		c := model.Change{ID: newID(), Zone: z.ID}
		wild := i%8 == 7 // what breaks rules, mostly; else nothing does
		rows := sorted(b.base.rows(t, z.ID))
		switch {
		case i%75 == 74: // the zone goes, and another of its name comes
			b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{model.DeleteZone{}}})
			follower.sync(t, z.ID)
			*z = b.transferred(t, z.Name.Host())
			continue
		case i%20 == 0:
			c.Edits = []model.Edit{model.EditZone{Apply: randomSettings(d)}}
		case i%30 == 29:
			c.Edits = []model.Edit{model.RaiseSerial{AtLeast: b.state(t, z.ID).Transfer.Serial() + 1 + d.Uint32N(1000)}}
		case wild:
			for range 1 + d.IntN(4) {
				c.Edits = append(c.Edits, randomEdit(d, z, rows))
			}
		default:
			c.Edits = knowing(d, z, rows, 1+d.IntN(4))
		}
		if i%50 == 0 {
			b.flat.set(fmt.Sprintf("t%d.test", d.IntN(8)), fmt.Sprintf("203.0.113.%d", d.IntN(250)))
			for _, z := range zones {
				b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{model.Relearn{}}})
			}
		}
		if err := b.import3(t, d, z, i); err != nil {
			t.Fatalf("import %d: %v", i, err)
		}
		serial, before := b.state(t, z.ID).Transfer.Serial(), text(b.state(t, z.ID).Transfer)
		_, err := b.change(t, c)
		switch {
		case code(err) < 0, err != nil && !wild:
			t.Fatalf("change %d: %v", i, err)
		case err != nil:
			refused++
		}
		after := b.state(t, z.ID).Transfer
		if changed := text(after) != before; changed != (after.Serial() != serial) {
			t.Fatalf("serial went from %d to %d, contents changed: %v", serial, after.Serial(), changed)
		}
		if err == nil {
			// What has changed nothing is not remembered, and changes nothing again.
			_, err := b.change(t, c)
			if nothing := err == nil && after.Serial() == serial; !nothing && !errors.Is(err, model.ErrDuplicateChange) || b.state(t, z.ID).Transfer != after {
				t.Fatalf("the same change again: %v", err)
			}
		}
		trace = append(trace, fmt.Sprintf("%d: %s code %d serial %d %x", i, z.Name, code(err), after.Serial(), sum(text(after)+text(b.state(t, z.ID).Served))))
		if d.IntN(4) == 0 {
			follower.sync(t, z.ID)
		}
		if i%40 == 39 {
			b.checkFold(t)
		}
	}
	t.Logf("%d of 300 changes were refused; %d deltas by IXFR, %d times AXFR", refused, follower.ixfrs, follower.axfr)
	if refused == 0 || refused > 60 {
		t.Error("the generator does not know the rules")
	}
	if follower.ixfrs < 50 {
		t.Error("hardly anything went by IXFR")
	}
	return trace
}

// import3 imports a file now and then, in slices where the store has them: some records are there, some break rules.
func (b *bench) import3(t *testing.T, d *rand.Rand, z *model.Zone, i int) error {
	t.Helper()
	if i%25 != 24 {
		return nil
	}
	in := &model.Import{ID: newID(), Account: account, Zone: z.ID, Lenient: true, Records: &model.Pack{}}
	for range 3 + d.IntN(8) {
		if e, ok := randomEdit(d, z, nil).(model.AddRecord); ok {
			in.Records.Add(&e.Record)
		}
	}
	_, err := b.p.Import(t.Context(), in)
	return err
}

func sum(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // never fails
	return h.Sum64()
}

// TestTwoCommitters has two nodes on one PostgreSQL change the same zones, the account, and each other's records at random,
// with imports and zones that come and go among it. Both end with the same memory, which is what the rows say, whoever follows
// either by IXFR has the same, and nobody waits in a circle.
func TestTwoCommitters(t *testing.T) {
	t.Parallel()
	url := postgres(t)
	nodes := []*bench{node(t, openStore(t, url)), node(t, openStore(t, url))}
	nodes[1].flat = nodes[0].flat
	nodes[0].makeAccount(t)
	var zones []model.Zone
	for _, name := range []string{"one", "two", "sub.one", "four"} {
		zones = append(zones, nodes[0].transferred(t, name))
	}
	if err := nodes[1].feed.Wait(t.Context(), nodes[0].head(zones)); err != nil {
		t.Fatal(err)
	}
	followers := []*secondary{{b: nodes[0], has: map[model.ID]*zone.Version{}}, {b: nodes[1], has: map[model.ID]*zone.Version{}}}
	sync2 := func() {
		for _, z := range zones {
			followers[0].sync(t, z.ID)
			followers[1].sync(t, z.ID)
		}
	}
	sync2()
	var all sync.WaitGroup
	var done, refused atomic.Int64
	for w := range 6 {
		b, d := nodes[w%2], rand.New(rand.NewPCG(dice(t).Uint64(), uint64(w)))
		all.Go(func() {
			for i := range 40 {
				err := b.someChange(t, d, zones, w, i)
				switch {
				case err == nil:
					done.Add(1)
				case errors.Is(err, model.ErrNotFound) || code(err) > 0: // somebody else was quicker
					refused.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d changes, %d refused", done.Load(), refused.Load())
	head, err := nodes[0].base.(onEngine).Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range nodes {
		if err := b.feed.Wait(t.Context(), head); err != nil {
			t.Fatal(err)
		}
		b.checkFold(t)
	}
	sync2()
	for _, z := range zones {
		one, two := nodes[0].state(t, z.ID), nodes[1].state(t, z.ID)
		if text(one.Served) != text(two.Served) || text(one.Transfer) != text(two.Transfer) || one.Seq != two.Seq {
			t.Errorf("%s differs between the nodes", z.Name)
		}
	}
	if done.Load() < 150 {
		t.Errorf("only %d changes came about", done.Load())
	}
}

// someChange is the i-th change of a writer w among several.
func (b *bench) someChange(t *testing.T, d *rand.Rand, zones []model.Zone, w, i int) error {
	t.Helper()
	z := zones[d.IntN(len(zones))]
	c := model.Change{ID: newID(), Zone: z.ID, Account: account}
	switch rows := b.base.rows(t, z.ID); {
	case i%13 == 12:
		c.Edits = []model.Edit{model.EditZone{Apply: randomSettings(d)}}
	case i == 24 && w < 2:
		return b.import3(t, d, &z, i)
	case i%20 == 19 && w < 2:
		on := d.IntN(2) == 0
		c.Zone = ""
		c.Edits = []model.Edit{model.EditAccount{Apply: func(a model.Account) (model.Account, error) { a.EnforceDNSOnly = on; return a, nil }}}
	case i%10 == 9: // both nodes make and remove the same zone
		passing := zones[0].Name.Host()
		made, err := b.change(t, model.Change{ID: newID(), Edits: []model.Edit{model.CreateZone{Zone: model.Zone{Name: rec("passing."+passing, "TXT", "x").Name}}}})
		if err != nil {
			return err
		}
		c.Zone, c.Edits = made.Outcomes[0].Zone.ID, []model.Edit{model.DeleteZone{}}
	default:
		c.Edits = knowing(d, &z, rows, 1+d.IntN(3))
	}
	_, err := b.change(t, c)
	return err
}
