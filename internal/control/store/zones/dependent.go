package zones

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// dependentPage is how many zones are read by one query, so that whoever acts on them holds none open.
const dependentPage = 1000

// selectDependent lists zones with a proxied record or a CNAME. A CNAME depends on its target at the apex or where its own
// settings say so; elsewhere the zone's settings decide.
const selectDependent = `SELECT z.no, z.id, z.doc, CASE WHEN EXISTS (
	SELECT 1 FROM records r WHERE r.zone = z.no AND r.proxied = 1) OR EXISTS (
	SELECT 1 FROM records r WHERE r.zone = z.no AND r.type = 'CNAME' AND (r.switches <> 0 OR r.name = z.name)) THEN 1 ELSE 0 END
FROM zones z WHERE z.no > ? AND (EXISTS (
	SELECT 1 FROM records r WHERE r.zone = z.no AND r.proxied = 1) OR EXISTS (
	SELECT 1 FROM records r WHERE r.zone = z.no AND r.type = 'CNAME'))
ORDER BY z.no LIMIT ?`

// DependentZones yields the zones of which some name is rendered from more than rows: from edge addresses, or from the
// addresses of a CNAME's target.
func (s *Store) DependentZones(ctx context.Context, yield func(model.ID) error) error {
	after, more := int64(0), true
	for more {
		var found []model.ID
		rows := 0
		err := s.db.Read.Each(ctx, func(r *engine.Rows) error {
			var zone model.ID
			var text []byte
			var sure bool
			rows++
			if err := r.Scan(&after, engine.ToID(&zone), &text, &sure); err != nil {
				return err
			}
			if !sure {
				var d struct{ Settings struct{ FlattenAll bool } }
				if err := json.Unmarshal(text, &d); err != nil || !d.Settings.FlattenAll {
					return err
				}
			}
			found = append(found, zone)
			return nil
		}, selectDependent, after, dependentPage)
		if err != nil {
			return fmt.Errorf("list dependent zones: %w", err)
		}
		for _, zone := range found {
			if err := yield(zone); err != nil {
				return err
			}
		}
		more = rows == dependentPage
	}
	return nil
}
