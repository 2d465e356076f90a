package zone_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// A step that was looked at ahead ends where it ends without, in both faces and in the history, whatever has happened since; and who
// looks ahead sees nothing change and changes nothing, while others write.
func TestAhead(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := random{rand.New(rand.NewPCG(seed, 4))}
			m := model{}
			m.put(soa(1))
			v := m.build(t)
			steps := r.steps(t, m, 60)
			plain, looked := zone.NewDB(0), zone.NewDB(0)
			for _, db := range []*zone.DB{plain, looked} {
				db.Reset("z", "acc", 5, v, v, zone.Links{Enabled: seed%2 == 0}, nil)
			}
			var others sync.WaitGroup
			defer others.Wait()
			for i, s := range steps {
				seq := uint64(10 * (i + 1))
				a := looked.Ahead("z", s)
				if a == nil || a.Step() != s {
					t.Fatal("a step that fits was not looked at")
				}
				if later := steps[min(i+1, len(steps)-1)]; r.IntN(2) == 0 {
					others.Go(func() { looked.Ahead("z", later) })
				}
				switch r.IntN(3) {
				case 0: // links have changed meanwhile, and so what is kept of the history
					l := zone.Links{Enabled: r.IntN(2) == 0}
					for _, db := range []*zone.DB{plain, looked} {
						db.SetLinks("z", seq-1, l)
					}
				case 1: // it is another zone by now, with the same contents
					st := looked.ByID("z").State()
					again := zone.NewDB(0)
					again.Reset("z", "acc", seq-1, v, v, st.Links, nil)
					a = again.Ahead("z", s)
				}
				if _, err := plain.Step("z", seq, s); err != nil {
					t.Fatal(err)
				}
				if _, err := looked.StepAhead("z", seq, s, a); err != nil {
					t.Fatal(err)
				}
				same(t, plain.ByID("z").State(), looked.ByID("z").State())
				if _, err := looked.StepAhead("z", seq+1, s, a); err == nil {
					t.Fatal("a step was applied twice, because it fitted when it was looked at")
				}
				same(t, plain.ByID("z").State(), looked.ByID("z").State())
			}
			before := looked.ByID("z").State()
			if looked.Ahead("z", steps[0]) != nil || looked.Ahead("other", steps[0]) != nil || looked.ByID("z").State() != before {
				t.Error("what does not fit was looked at")
			}
		})
	}
}
