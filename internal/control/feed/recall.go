package feed

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// history collects the deltas of zones from journal entries that their images hold already, for IXFR. Where it comes to more
// octets than all histories may take, the oldest go, whose ever they are: what is left of each zone still leads to its image.
type history struct {
	of    map[model.ID][]*past
	order []*past // oldest first
	size  int
	most  int
}

// past is a delta that was collected; nil once it is let go.
type past struct {
	zone  model.ID
	delta *zone.Delta
}

func (f *Feed) newHistory() *history {
	_, most, _ := f.cfg.DB.Histories()
	return &history{of: map[model.ID][]*past{}, most: most}
}

// take collects an entry of a zone that may be transferred; others need no history.
func (h *history) take(e *model.Entry) error {
	switch e.Kind {
	case model.EntryReset:
		h.drop(e.Zone)
	case model.EntryDelta:
		step, err := zone.DecodeStep(e.Body)
		if err != nil {
			return fmt.Errorf("journal entry %d: %w", e.Seq, err)
		}
		if step.Transfer.From != step.Transfer.To {
			h.add(e.Zone, step.Transfer.Clone())
		}
	case model.EntryAccess, model.EntryGone, model.EntryNotify:
	}
	return nil
}

func (h *history) add(id model.ID, d *zone.Delta) {
	p := &past{id, d}
	h.of[id] = append(h.of[id], p)
	h.order = append(h.order, p)
	h.size += d.Size()
	for h.most > 0 && h.size > h.most {
		oldest := h.order[0]
		h.order[0] = nil
		h.order = h.order[1:]
		if oldest.delta != nil { // it is the first of its zone's, then
			h.size -= oldest.delta.Size()
			h.of[oldest.zone] = h.of[oldest.zone][1:]
		}
	}
}

// drop lets go of what was collected of a zone, and gives it.
func (h *history) drop(id model.ID) []*zone.Delta {
	var out []*zone.Delta
	for _, p := range h.of[id] {
		h.size -= p.delta.Size()
		out = append(out, p.delta)
		p.delta = nil
	}
	delete(h.of, id)
	return out
}

// recall gives zones the history that the first load has left in the journal, beside all that follows it. Trouble with
// the store is told by the rounds that follow the journal; here it only takes longer.
func (f *Feed) recall(ctx context.Context) {
	select {
	case <-f.loaded:
	case <-ctx.Done():
		return
	}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		h, err := f.readHistory(ctx)
		if err == nil {
			f.remember(h)
			close(f.recalled)
			return
		}
		if ctx.Err() != nil {
			return
		}
		f.cfg.Log.Warn("the history of zones cannot be read yet, IXFR falls back to AXFR", "error", err)
		sleep(ctx, pause)
	}
}

func (f *Feed) readHistory(ctx context.Context) (*history, error) {
	f.mu.Lock()
	past := f.past
	f.mu.Unlock()
	h := f.newHistory()
	if past == 0 {
		return h, nil
	}
	err := f.cfg.Source.Remaining(ctx, 0, past, func(e model.Entry) error {
		z := f.cfg.DB.ByID(string(e.Zone))
		if z == nil {
			return nil
		}
		f.cfg.Seen(e, true)
		if !z.State().Links.Enabled {
			return nil
		}
		if err := h.take(&e); err != nil {
			f.cfg.Log.Error("history of a zone cannot be read, IXFR reaches back no further", "zone", e.Zone, "error", err)
			h.drop(e.Zone)
		}
		return nil
	})
	return h, err
}

func (f *Feed) remember(h *history) {
	for id := range h.of {
		f.mu.Lock()
		f.cfg.DB.Remember(string(id), h.drop(id))
		f.mu.Unlock()
	}
}
