package commit_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// misplaced names a record that stands below a DNAME, or a second DNAME of a name, among rows.
func misplaced(rows []model.Record) string {
	owners := map[wire.Name]bool{}
	for _, r := range rows {
		if r.Type != wire.TypeDNAME {
			continue
		}
		if owners[r.Name] {
			return r.Name.Host() + " twice"
		}
		owners[r.Name] = true
	}
	for _, r := range rows {
		for n := r.Name; n != wire.Root; {
			if n = n.Parent(); owners[n] {
				return r.Name.Host() + " below " + n.Host()
			}
		}
	}
	return ""
}

// dnameEdit adds, moves or removes a record in a small tree of names.
func dnameEdit(d *rand.Rand, zone string, rows []model.Record) model.Edit {
	names := []string{"", "a.", "b.", "x.a.", "y.a.", "z.x.a.", "*.b.", "w.v.u.b."}
	name := names[d.IntN(len(names))] + zone
	if d.IntN(3) == 0 {
		name = names[1+d.IntN(3)] + zone
	}
	if len(rows) > 0 && d.IntN(3) == 0 {
		at := rows[d.IntN(len(rows))]
		if d.IntN(2) == 0 {
			return model.DeleteRecord{ID: at.ID}
		}
		return model.EditRecord{ID: at.ID, Apply: func(r model.Record) (model.Record, error) {
			r.Name = wire.MustName(name)
			return r, nil
		}}
	}
	target := fmt.Sprintf("t%d.test", d.IntN(3))
	switch d.IntN(4) {
	case 0:
		return model.AddRecord{Record: rec(name, "DNAME", target)}
	case 1: // has no address and shows in no face of an edge zone
		return model.AddRecord{Record: rec(name, "CNAME", "nowhere"+target, func(r *model.Record) { r.Settings.FlattenCNAME = true })}
	default:
		return model.AddRecord{Record: rec(name, "TXT", target)}
	}
}

// TestNothingBelowDNAME makes random changes, alone and many in one commit, over zones of both modes: no row ever stands
// below a DNAME, and a change is refused for that alone.
func TestNothingBelowDNAME(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	d := dice(t)
	for i := range 3 {
		b.flat.set(fmt.Sprintf("nowheret%d.test", i)) // there, and without an address
	}
	modes := map[string]model.TransferMode{"origin.example": model.ModeOrigin, "edge.example": model.ModeEdge}
	refused := 0
	for _, name := range slices.Sorted(maps.Keys(modes)) {
		z := b.zone(t, name)
		if _, err := b.edit(t, z.ID, "", func(z *model.Zone) { z.Mode, z.Settings.FlattenAll = modes[name], true }); err != nil {
			t.Fatal(err)
		}
		for i := range 300 {
			rows := b.store.Records(z.ID)
			if i%40 == 0 { // begin anew
				var all []model.Edit
				for _, r := range rows {
					all = append(all, model.DeleteRecord{ID: r.ID})
				}
				b.must(t, model.Change{Zone: z.ID, Edits: all})
				rows = nil
			}
			if i%4 == 3 {
				refused += b.together(t, d, z, rows)
			} else {
				refused += b.alone(t, z, dnameEdit(d, name, rows), rows)
			}
			if bad := misplaced(b.store.Records(z.ID)); bad != "" {
				t.Fatalf("change %d of %s: %s", i, name, bad)
			}
		}
	}
	if refused < 50 {
		t.Errorf("only %d changes were refused for a DNAME", refused)
	}
	b.checkFold(t)
}

// alone commits one edit and counts refusals for a DNAME, which must have been right.
func (b *bench) alone(t *testing.T, z model.Zone, e model.Edit, rows []model.Record) int {
	t.Helper()
	_, err := b.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{e}})
	if c := code(err); c != model.CodeBelowDNAME {
		return 0
	}
	var after []model.Record
	switch e := e.(type) {
	case model.AddRecord:
		after = append(rows, e.Record)
	case model.EditRecord:
		for _, r := range rows {
			if r.ID == e.ID {
				r, _ = e.Apply(r)
			}
			after = append(after, r)
		}
	}
	if !strings.Contains(misplaced(after), "below") {
		t.Fatalf("refused without a reason: %v: %+v", err, e)
	}
	return 1
}

// together has several changes wait for one commit, some of which are refused as a whole in the end.
func (b *bench) together(t *testing.T, d *rand.Rand, z model.Zone, rows []model.Record) (refused int) {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	release := b.hold(t)
	for range 6 {
		c := model.Change{Zone: z.ID}
		for range 1 + d.IntN(3) {
			c.Edits = append(c.Edits, dnameEdit(d, z.Name.Host(), rows))
		}
		wg.Go(func() {
			_, err := b.change(t, c)
			if code(err) == model.CodeBelowDNAME {
				mu.Lock()
				refused++
				mu.Unlock()
			}
		})
	}
	release()
	wg.Wait()
	return refused
}
