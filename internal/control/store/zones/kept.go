package zones

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/control/store/journal"
)

// numberedZone is a zone with its number in the tables.
type numberedZone struct {
	model.Zone
	no int64
}

// Read reads a zone as a connection shows it, with its number and what it says that it holds; model.ErrNotFound without one.
func Read(ctx context.Context, c engine.Conn, zone model.ID) (z model.Zone, no int64, holds model.Usage, err error) {
	row, err := zoneByID(ctx, c, zone)
	if err == nil {
		err = c.One(ctx, []any{&holds.Records, &holds.Octets}, `SELECT records, octets FROM zones WHERE no = ?`, row.no)
	}
	return row.Zone, row.no, holds, err
}

// Keys lists a zone's keys as a connection shows them; where the store was opened without a secret key, without their private halves.
func (s *Store) Keys(ctx context.Context, c engine.Conn, zone model.ID) ([]model.ZoneKey, error) {
	return s.zoneKeys(ctx, c, zone)
}

// Restart forgets all that the journal says of a locked zone, which the image replaces that is written with it and whose reset is
// journalled, and has the zone hold what it was counted to hold. It is for zones whose image or journal cannot be used.
func (t *Tx) Restart(ctx context.Context, zone model.ID, holds model.Usage) error {
	err := t.owns(zone)
	var no int64
	if err == nil {
		no, err = t.number(ctx, zone)
	}
	if err == nil {
		err = journal.Forget(ctx, t.c, zone)
	}
	if err == nil {
		_, err = t.c.Exec(ctx, `UPDATE zones SET records = ?, octets = ? WHERE no = ?`, holds.Records, holds.Octets, no)
	}
	if err != nil {
		return fmt.Errorf("begin zone %s anew: %w", zone, err)
	}
	delete(t.locks.rows, zone)
	t.zones[zone] = struct{}{}
	return nil
}
