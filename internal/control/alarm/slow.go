package alarm

import (
	"context"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// surveyors ask for zones at once; each takes a breath between two.
const (
	surveyors   = 4
	surveyPause = 20 * time.Millisecond
	surveyFirst = 10 * time.Second // after a start, which has other things to do
)

// survey asks, now and then, what else there is to the zones that fall to this node, until ctx ends.
func (m *Monitor) survey(ctx context.Context) {
	for pause := min(surveyFirst, m.cfg.Slow); wait(ctx, pause); pause = m.cfg.Slow {
		zones := make(chan *zone.Zone)
		var asking sync.WaitGroup
		for range surveyors {
			asking.Go(func() {
				for z := range zones {
					if list := m.cfg.Also(ctx, z); len(list) > 0 && ctx.Err() == nil {
						m.add(z.ID, list)
					}
					wait(ctx, surveyPause)
				}
			})
		}
		for _, z := range m.mine() {
			select {
			case zones <- z:
			case <-ctx.Done():
			}
		}
		close(zones)
		asking.Wait()
	}
}

// wait waits, and says whether ctx goes on.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// mine are the zones that fall to this node and that others depend on.
func (m *Monitor) mine() (out []*zone.Zone) {
	m.cfg.DB.All(func(z *zone.Zone) bool {
		if st := z.State(); (st.Links.Enabled || st.Transfer.Signed()) && !st.Links.Hidden && m.cfg.Duty(model.ID(z.ID)) {
			out = append(out, z)
		}
		return true
	})
	return out
}

func (m *Monitor) add(id string, list []Finding) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.found == nil {
		m.found = map[string][]Finding{}
	}
	m.found[id] = list
}

// findings are what was found since they were last asked for: rules that are broken, and those that may be so no more.
func (m *Monitor) findings() map[string][]Finding {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.found
	m.found = nil
	for id, list := range out {
		kept := list[:0]
		for _, f := range list {
			if f.Broken || m.open(id, &f) {
				kept = append(kept, f)
			}
		}
		if out[id] = kept; len(kept) == 0 {
			delete(out, id)
		}
	}
	return out
}

// open says whether something is kept of what a finding is of.
func (m *Monitor) open(id string, of *Finding) bool {
	f := m.zones[id]
	return f != nil && f.open[model.AlarmKey{Account: f.account, Rule: of.Rule, Zone: model.ID(id), Object: of.Object}] != nil
}
