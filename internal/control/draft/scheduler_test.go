package draft_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/draft"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// line is scheduled drafts in order of times and ids, as a store lists them.
type line []model.Draft

func (l line) due(_ context.Context, until time.Time, after model.DraftPlace, most int) (out []model.Draft, err error) {
	for _, d := range l {
		behind := d.ApplyAt.After(after.At) || d.ApplyAt.Equal(after.At) && d.ID > after.ID
		if behind && !d.ApplyAt.After(until) && len(out) < most {
			out = append(out, d)
		}
	}
	return out, nil
}

// TestTriedAgain: what cannot be applied, through nobody's fault, is tried again and again, ever more rarely, and what is due after it in its zone
// waits for it; other zones do not. When it can be applied, it is, and what waited comes after it.
func TestTriedAgain(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]error{
		"import": &model.Invalid{Code: model.CodeImporting}, "store": errors.New("connection reset"), "unknown zone": model.ErrNotFound,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				all := line{
					{ID: "1", Account: "a", Zone: "held", ApplyAt: began.Add(time.Second)},
					{ID: "2", Account: "a", Zone: "held", ApplyAt: began.Add(2 * time.Second)},
					{ID: "3", Account: "a", Zone: "free", ApplyAt: began.Add(3 * time.Second)},
				}
				until := began.Add(5 * time.Minute)
				var tries []string
				var mu sync.Mutex // of all and tries: drafts are applied beside the looks for more
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				s := draft.NewScheduler(draft.Config{Due: func(ctx context.Context, by time.Time, after model.DraftPlace, most int) ([]model.Draft, error) {
					mu.Lock()
					defer mu.Unlock()
					return all.due(ctx, by, after, most)
				}, Clock: time.Now, Change: func(_ context.Context, c model.Change) (model.Result, error) {
					mu.Lock()
					defer mu.Unlock()
					i := slices.IndexFunc(all, func(d model.Draft) bool { return d.Zone == c.Zone })
					tries = append(tries, fmt.Sprint(all[i].ID, " ", time.Since(began)))
					if c.Zone == "held" && time.Now().Before(until) {
						return model.Result{}, refusal
					}
					all = slices.Delete(all, i, i+1)
					return model.Result{}, nil
				}})
				if err := s.Run(ctx); err != nil {
					t.Error(err)
				}
				want := []string{"1 1s", "1 2s", "3 3s", "1 7s", "1 22s", "1 1m22s", "1 2m22s", "1 3m22s", "1 4m22s", "1 5m22s", "2 5m22s"}
				if !slices.Equal(tries, want) {
					t.Errorf("tried %q, not %q", tries, want)
				}
			})
		})
	}
}
