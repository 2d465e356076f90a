package primary

import (
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// imageOf encodes both faces of a zone (docs/formats/image.md). The transfer face is told as a step from the served one,
// so that the two share their pages again when they are loaded. Seq is left to the caller, or to the commit.
func imageOf(id, account string, served, transfer *zone.Version) model.Image {
	img := model.Image{
		Zone: model.ID(id), Account: model.ID(account), Name: string(served.Apex()),
		Serial: transfer.Serial(), Served: served.Append(nil),
	}
	if transfer != served {
		step := zone.Step{Transfer: *zone.Diff(served, transfer)}
		img.Transfer = step.Append(nil)
	}
	return img
}
