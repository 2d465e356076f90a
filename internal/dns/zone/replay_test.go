package zone_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// steps are the steps that lead a zone away from version 1, most of them alike for both faces.
func (r random) steps(t *testing.T, m model, n uint32) []*zone.Step {
	t.Helper()
	owner, err := apex.Child("served-alone")
	if err != nil {
		t.Fatal(err)
	}
	extra := wire.AppendRR(nil, owner, wire.TypeAAAA, wire.ClassIN, 300, make([]byte, 16))
	there := false
	toggle := func(serial uint32) *zone.Delta {
		d := &zone.Delta{From: serial, To: serial, Added: extra}
		if there {
			d.Added, d.Removed = nil, extra
		}
		there = !there
		return d
	}
	var out []*zone.Step
	for serial := uint32(1); serial < n; serial++ {
		if r.IntN(6) == 0 {
			out = append(out, &zone.Step{Transfer: zone.Delta{From: serial, To: serial}, Served: toggle(serial)})
		}
		var sets []rr.Set
		for range 1 + r.IntN(4) {
			sets = append(sets, r.set())
		}
		step := &zone.Step{Transfer: *m.change(serial, sets)}
		if r.IntN(6) == 0 {
			both, own := step.Transfer, toggle(serial)
			both.Removed = append(append([]byte(nil), both.Removed...), own.Removed...)
			both.Added = append(append([]byte(nil), both.Added...), own.Added...)
			step.Served = &both
		}
		out = append(out, step)
	}
	return out
}

// Steps that are replayed end where they end one by one, in both faces and in the history.
func TestReplay(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := random{rand.New(rand.NewPCG(seed, 2))}
			m := model{}
			m.put(soa(1))
			v := m.build(t)
			steps := r.steps(t, m, 60)
			slow, fast := zone.NewDB(0), zone.NewDB(0)
			for _, db := range []*zone.DB{slow, fast} {
				db.Reset("z", "acc", 5, v, v, zone.Links{Enabled: seed%2 == 0}, nil)
			}
			seq := uint64(5)
			for len(steps) > 0 {
				n := 1 + r.IntN(len(steps))
				for _, s := range steps[:n] {
					seq++
					if _, err := slow.Step("z", seq, s); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := fast.Replay("z", seq, steps[:n]); err != nil {
					t.Fatal(err)
				}
				steps = steps[n:]
				same(t, slow.ByID("z").State(), fast.ByID("z").State())
			}
		})
	}
}

func same(t *testing.T, a, b *zone.State) {
	t.Helper()
	if a.Seq != b.Seq || a.Transfer.Serial() != b.Transfer.Serial() || a.Served.Serial() != b.Served.Serial() {
		t.Fatalf("at %d with serial %d, other at %d with serial %d", a.Seq, a.Transfer.Serial(), b.Seq, b.Transfer.Serial())
	}
	if d := differ(a.Transfer, b.Transfer); d != "" {
		t.Fatalf("transfer face: %s", d)
	}
	if d := differ(a.Served, b.Served); d != "" {
		t.Fatalf("served face: %s", d)
	}
	x, _ := a.History.Since(1)
	y, _ := b.History.Since(1)
	if len(x) != len(y) || a.History.Size() != b.History.Size() {
		t.Fatalf("history of %d deltas, other %d", len(x), len(y))
	}
	for i := range x {
		if x[i].To != y[i].To || string(x[i].Removed) != string(y[i].Removed) || string(x[i].Added) != string(y[i].Added) {
			t.Fatalf("delta %d of the history differs", i)
		}
	}
}

// Steps of which one does not fit leave the zone as it was.
func TestReplayFailsWhole(t *testing.T) {
	t.Parallel()
	r := random{rand.New(rand.NewPCG(1, 3))}
	m := model{}
	m.put(soa(1))
	v := m.build(t)
	steps := r.steps(t, m, 20)
	db := zone.NewDB(0)
	z := db.Reset("z", "acc", 5, v, v, zone.Links{}, nil)
	before := z.State()
	for i := range steps {
		left := append(append([]*zone.Step(nil), steps[:i]...), steps[i+1:]...)
		if i == len(steps)-1 || steps[i].Transfer.From == steps[i].Transfer.To {
			continue // what is left is a chain
		}
		if _, err := db.Replay("z", 99, left); err == nil {
			t.Errorf("replayed without step %d", i)
		}
		if z.State() != before {
			t.Fatalf("without step %d the state changed", i)
		}
	}
	if _, err := db.Replay("other", 6, steps); err == nil {
		t.Error("steps of an unknown zone were replayed")
	}
}
