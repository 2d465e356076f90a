package feed

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Lost is a zone that was published at a serial which the store does not know any more.
type Lost struct {
	Zone   model.ID
	Serial uint32
}

// rewind begins anew with what the store has, when that is not what memory was made of: its journal has lost entries, or has
// others in their place. Until all is loaded nobody's change is planned or shown; queries go on.
func (f *Feed) rewind(ctx context.Context, why error) error {
	if err := f.cfg.Source.NoteLoss(ctx); err != nil {
		return fmt.Errorf("%w: %w", why, err)
	}
	f.mu.Lock()
	f.ready = false
	f.health.Rewinds++
	f.lost = map[model.ID]uint32{}
	f.cfg.Log.Error("the store has lost changes that this node shows, loading all zones anew", "position", uint64(f.read), "error", why)
	f.mu.Unlock()
	f.cfg.Rewound()
	return f.load(ctx)
}

// losing remembers what a zone was published at, before an older state takes its place. The lock is held.
func (f *Feed) losing(old *zone.Zone, seq model.Seq, serial uint32) {
	state := old.State()
	if state.Seq > uint64(seq) || wire.SerialNewer(state.Transfer.Serial(), serial) {
		f.lost[model.ID(old.ID)] = state.Transfer.Serial()
	}
}

// rewound ends a rewind at a position, and tells of the zones that are not past what was published of them. The lock is held.
func (f *Feed) rewound(upto model.Seq) {
	f.setRead(upto)
	var out []Lost
	for id, serial := range f.lost {
		if z := f.cfg.DB.ByID(string(id)); z != nil && !wire.SerialNewer(z.State().Transfer.Serial(), serial) {
			out = append(out, Lost{id, serial})
		}
	}
	f.lost = nil
	f.cfg.Log.Warn("zones loaded anew", "zones", f.cfg.DB.Len(), "position", uint64(upto), "behind", len(out))
	if len(out) > 0 {
		f.cfg.Lost(out)
	}
}
