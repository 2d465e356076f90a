package commit_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// told is what of an answer does not hang on the moment: no ids, no times.
func told(r model.Result, err error) (out []string) {
	if err != nil {
		return []string{err.Error()}
	}
	out = append(out, fmt.Sprint("serial ", r.Serial))
	for _, o := range r.Outcomes {
		switch {
		case o.Refused != nil:
			out = append(out, "refused: "+o.Refused.Message)
		case o.Record != nil:
			out = append(out, fmt.Sprint(o.Record.Name, o.Record.Type, o.Record.Content, o.Record.TTL, o.Record.Proxied, o.Skipped))
		}
	}
	return out
}

// standing is all that a zone is, in the store and in memory.
func (b *bench) standing(t *testing.T, z model.ID) []string {
	t.Helper()
	s := b.state(t, z)
	out := []string{fmt.Sprint(s.Seq, s.Transfer.Serial(), b.base.row(t, z).Serial), text(s.Served), text(s.Transfer)}
	for _, r := range sorted(b.base.rows(t, z)) {
		out = append(out, fmt.Sprintf("%+v", r))
	}
	return out
}

// plan tries a change out.
func (b *bench) plan(t *testing.T, ch model.Change) (model.Result, error) {
	t.Helper()
	ch.Account = account
	r, _, err := b.p.Plan(t.Context(), ch)
	return r, err
}

// A trial answers what the change answers that follows it, errors and the next serial too, and leaves nothing: neither alone nor
// beside others in a group.
func TestTrialTellsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, b *bench) {
		z := b.zone(t, "example")
		d := rand.New(rand.NewPCG(1, 2))
		refused := 0
		for i := range 120 {
			var edits []model.Edit
			for range 1 + d.IntN(4) {
				e := randomEdit(d, &z, sorted(b.base.rows(t, z.ID)))
				if add, ok := e.(model.AddRecord); ok && i%3 == 0 {
					add.SkipIdentical, add.SkipRefused = true, true
					e = add
				}
				edits = append(edits, e)
			}
			before, wants := b.standing(t, z.ID), len(b.flat.wants)
			trial := told(b.plan(t, model.Change{ID: newID(), Zone: z.ID, Edits: edits}))
			if diff := testkit.Diff(before, b.standing(t, z.ID)); diff != "" || len(b.flat.wants) != wants {
				t.Fatalf("the trial %d left something:\n%s", i, diff)
			}
			r, err := b.change(t, model.Change{Zone: z.ID, Edits: edits})
			if err != nil {
				refused++
			}
			if diff := testkit.Diff(told(r, err), trial); diff != "" {
				t.Fatalf("%d: the trial (+) told something else than the change (-):\n%s", i, diff)
			}
		}
		if refused < 10 || refused > 110 {
			t.Errorf("%d of 120 changes were refused", refused)
		}
		release := b.hold(t, z)
		var wg sync.WaitGroup
		for i := range 8 {
			e := model.AddRecord{Record: rec(fmt.Sprintf("h%d.example", i/2), "A", "192.0.2.1")}
			wg.Go(func() {
				do := b.change
				if i%2 == 0 {
					do = b.plan
				}
				if _, err := do(t, model.Change{Zone: z.ID, Edits: []model.Edit{e}}); err != nil && (i%2 != 0 || code(err) != model.CodeIdentical) {
					t.Error(err)
				}
			})
		}
		release()
		wg.Wait()
		names := 0
		for _, r := range b.base.rows(t, z.ID) {
			if r.Content == "192.0.2.1" && slices.Contains([]string{"h0.example", "h1.example", "h2.example", "h3.example"}, r.Name.Host()) {
				names++
			}
		}
		if names != 4 {
			t.Errorf("%d records of four changes beside four trials", names)
		}
		b.checkFold(t)
	})
}
