package commit_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

// untold is a store that links no history: entries of the audit log belong to no zone, as if there were the log alone.
type untold struct{ onEngine }

func (u untold) begin(ctx context.Context) (commit.Tx, error) {
	tx, err := u.onEngine.begin(ctx)
	return untoldTx{tx}, err
}

type untoldTx struct{ commit.Tx }

func (t untoldTx) Audit(ctx context.Context, list []model.Audit) error {
	for i := range list {
		list[i].Zone = ""
	}
	return t.Tx.Audit(ctx, list)
}

// TestCostOfHistory holds what history adds to an addition, by counts: no statement, and of allocations at most a twentieth. It is not run
// beside others, whose allocations it would count.
func TestCostOfHistory(t *testing.T) {
	const rounds, additions = 2, 120
	for _, tt := range []struct {
		name string
		url  func(t *testing.T) string
	}{
		{"sqlite", func(t *testing.T) string { t.Helper(); return "sqlite:" + filepath.Join(t.TempDir(), "test.db") }},
		{"postgres", postgres},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// costs are allocations and statements of one addition.
			type costs struct{ allocations, statements float64 }
			prepare := func(told bool) func() costs {
				var log traced
				st, err := store.Open(t.Context(), store.Config{URL: tt.url(t), Trace: log.note})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = st.Close() })
				on := base(onEngine{st})
				if !told {
					on = untold{onEngine{st}}
				}
				b := node(t, on)
				b.makeAccount(t)
				z, n := b.transferred(t, "example"), 0
				add := func() {
					n++
					b.must(t, model.Change{ID: newID(), Zone: z.ID, Account: account, Actor: model.Actor{User: newID(), Request: "r"}, Edits: []model.Edit{
						model.AddRecord{Record: rec(fmt.Sprintf("h%d.example", n), "A", "192.0.2.1")},
					}})
				}
				for range 50 {
					add()
				}
				return func() costs {
					log.reset()
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					for range additions {
						add()
					}
					runtime.ReadMemStats(&after)
					log.mu.Lock()
					defer log.mu.Unlock()
					return costs{float64(after.Mallocs-before.Mallocs) / additions, float64(len(log.texts)) / additions}
				}
			}
			with, without := prepare(true), prepare(false)
			least := [2]costs{{1e9, 1e9}, {1e9, 1e9}}
			for range rounds { // in turns, and the least of each: what runs beside adds
				for i, f := range []func() costs{with, without} {
					c := f()
					least[i].allocations, least[i].statements = min(least[i].allocations, c.allocations), min(least[i].statements, c.statements)
				}
			}
			t.Logf("with history %.1f allocations and %.2f statements, without %.1f and %.2f", least[0].allocations, least[0].statements, least[1].allocations, least[1].statements)
			if least[0].allocations > 1.05*least[1].allocations || least[0].statements > least[1].statements+0.05 {
				t.Errorf("with history an addition takes %+v, without %+v", least[0], least[1])
			}
		})
	}
}
