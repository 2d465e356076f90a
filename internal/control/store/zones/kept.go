package zones

import "github.com/headwaterdns/headwater/internal/control/model"

// numberedZone is a zone with its number in the tables.
type numberedZone struct {
	model.Zone
	no int64
}
