package zonefile

import (
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// importedSerial says that a file's SOA has a later serial than the zone: whoever is secondary for where the file comes
// from takes nothing from us until the serial is raised.
type importedSerial struct {
	File    uint32 `json:"file"`
	Zone    uint32 `json:"zone"`
	AtLeast uint32 `json:"at_least"` // what secondaries that hold the file's serial would take
	Path    string `json:"path"`     // where that is asked for
}

func (s *importedSerial) String() string {
	return fmt.Sprintf("The file's serial %d is ahead of the zone's, which is %d: secondaries that hold it take no change from here. "+
		`Raise the zone's serial with POST %s {"at_least":%d}.`, s.File, s.Zone, s.Path, s.AtLeast)
}

// noteSerial keeps the serial of an SOA at the apex; what cannot be read as one says nothing.
func (i *importer) noteSerial(e *rr.Entry) {
	if e.Type != wire.TypeSOA || e.Owner != i.zone.Name || i.serial != nil {
		return
	}
	data, err := e.Data()
	if err != nil {
		return
	}
	if serial, err := wire.SOASerial(data); err == nil {
		i.serial = &serial
	}
}

// ahead compares the file's serial with that of the zone after the import.
func (i *importer) ahead() *importedSerial {
	if i.serial == nil || !wire.SerialNewer(*i.serial, i.ours) {
		return nil
	}
	return &importedSerial{File: *i.serial, Zone: i.ours, AtLeast: *i.serial + 1, Path: serialPath(i.zone.ID)}
}

func serialPath(zone model.ID) string { return api.Own + "/zones/" + string(zone) + "/serial" }
