package flatten

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestIndex holds the index against a look at every name, while targets come, change and go.
func TestIndex(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	labels := []string{"a", "b", "ab", "a\\000", "\\001", "zz"}
	name := func() wire.Name {
		var picked []string
		for range r.IntN(5) {
			picked = append(picked, labels[r.IntN(len(labels))])
		}
		return wire.MustName(strings.Join(picked, ".") + ".")
	}
	x := newIndex()
	var all []*target
	for round := range 3000 {
		switch k := r.IntN(3); {
		case k == 0 || len(all) == 0:
			account := model.ID(fmt.Sprint("acc", r.IntN(3)))
			all = append(all, &target{key: model.FlattenTarget{Account: account}, number: uint64(round)})
			fallthrough
		case k == 1:
			chain := make([]wire.Name, r.IntN(4))
			for i := range chain {
				chain[i] = name()
			}
			x.set(all[r.IntN(len(all))], chain)
		default:
			i := r.IntN(len(all))
			x.set(all[i], nil)
			all = append(all[:i], all[i+1:]...)
		}
		apex, account := name(), model.ID(fmt.Sprint("acc", r.IntN(3)))
		want := map[*target]bool{}
		for _, a := range all {
			for _, n := range a.chain {
				if a.key.Account == account && n.Within(apex) {
					want[a] = true
				}
			}
		}
		got := map[*target]bool{}
		for a := range x.within(account, apex) {
			got[a] = true
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("round %d: %d targets within %s, want %d", round, len(got), apex, len(want))
		}
	}
}

// BenchmarkTouched is what a change of a zone costs beside very many targets elsewhere.
func BenchmarkTouched(b *testing.B) {
	x := newIndex()
	for i := range 100_000 {
		n := wire.MustName(fmt.Sprintf("h.outside%d.test", i))
		x.set(&target{key: model.FlattenTarget{Account: "acc", Name: n}, number: uint64(i)}, []wire.Name{n})
	}
	apex := wire.MustName("inside.test")
	for b.Loop() {
		for range x.within("acc", apex) {
			b.Fatal("found")
		}
	}
}

// BenchmarkSharedTarget is what one zone's turn costs beside very many zones that are flattened to the same target.
func BenchmarkSharedTarget(b *testing.B) {
	f := New(Config{Clock: time.Now})
	key := model.FlattenTarget{Account: "acc", Name: wire.MustName("cdn.test")}
	for i := range 10_000 {
		f.Want(model.ID(fmt.Sprint("z", i)), wire.MustName(fmt.Sprintf("www.z%d.test", i)), key)
	}
	t := f.targets[key]
	for b.Loop() {
		f.soil(t, "z7")
	}
}
