package feed

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// history collects the deltas of zones from journal entries that their images hold already, for IXFR.
type history map[model.ID][]*zone.Delta

func (h history) take(e *model.Entry) error {
	switch e.Kind {
	case model.EntryReset:
		delete(h, e.Zone)
	case model.EntryDelta:
		step, err := zone.DecodeStep(e.Body)
		if err != nil {
			return fmt.Errorf("journal entry %d: %w", e.Seq, err)
		}
		if step.Transfer.From != step.Transfer.To {
			h[e.Zone] = append(h[e.Zone], &step.Transfer)
		}
	case model.EntryAccess, model.EntryGone, model.EntryNotify:
	}
	return nil
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

func (f *Feed) readHistory(ctx context.Context) (history, error) {
	f.mu.Lock()
	past := f.past
	f.mu.Unlock()
	h := history{}
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
			delete(h, e.Zone)
		}
		return nil
	})
	return h, err
}

func (f *Feed) remember(h history) {
	for id, deltas := range h {
		f.mu.Lock()
		f.cfg.DB.Remember(string(id), deltas)
		f.mu.Unlock()
	}
}
