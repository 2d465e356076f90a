package zones

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/audit"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// histories is "off" in a program that is built to measure what histories cost (test/bench), and in no other.
var histories = ""

// lastTold is where the newest entry of a zone's history stands; moved says that this transaction has written it.
type lastTold struct {
	model.Place

	moved bool
}

// meet notes where the history of a zone ends that was read, or is made.
func (t *Tx) meet(z *model.Zone) {
	if _, known := t.told[z.ID]; !known {
		t.told[z.ID] = lastTold{Place: z.Told}
	}
}

// Audit adds audit entries. Those of a zone are its history, too: each is linked to the one before it, and the zone to the last one.
// The zones are locked, so there is one order, whatever the clocks of the nodes say.
func (t *Tx) Audit(ctx context.Context, list []model.Audit) error {
	list = audit.Telling(list)
	before := make([]model.Place, len(list))
	for i := range list {
		e := &list[i]
		if e.Zone == "" || histories == "off" {
			continue
		}
		last, known := t.told[e.Zone]
		if !known {
			z, err := t.Zone(ctx, e.Zone)
			if errors.Is(err, model.ErrNotFound) {
				continue
			}
			if err != nil {
				return fmt.Errorf("history of zone %s: %w", e.Zone, err)
			}
			last.Place = z.Told
		}
		before[i] = last.Place
		t.told[e.Zone] = lastTold{e.Place(), true}
	}
	return audit.Put(ctx, t.c, list, before)
}

// HistoryEnd is where the newest entry of a zone's history stands. It is asked of the database: what is kept of zones hears of a commit
// a moment after it can be read.
func (s *Store) HistoryEnd(ctx context.Context, zone model.ID) (end model.Place, err error) {
	err = s.db.Read.One(ctx, []any{&end.At, engine.ToID(&end.ID)}, `SELECT told_at, told_id FROM zones WHERE id = ?`, engine.ID(zone))
	if err != nil {
		return end, fmt.Errorf("end of the history of zone %s: %w", zone, err)
	}
	return end, nil
}

// settleTold brings the ends of histories that are kept in step with the database.
func (t *Tx) settleTold(committed bool) {
	for zone, last := range t.told {
		switch {
		case !last.moved:
		case committed:
			t.s.zones.Update(zone, func(z *numberedZone) { z.Told = last.Place })
		default:
			t.s.zones.Drop(zone)
		}
	}
}
