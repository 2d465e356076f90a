package journal

import (
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Encode packs both faces of a zone (docs/formats/image.md). The transfer face is told as a step from the served one, so
// that the two share their pages again when they are loaded. Seq is left to the caller, or to the commit.
func Encode(id, account string, served, transfer *zone.Version) model.Image {
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

// Late encodes a step that leads on from an image, to stand behind it: a large image need not be written anew for what has changed
// while it was written.
func Late(img *model.Image, step *zone.Step) []byte {
	var b []byte
	if len(img.Transfer) == 0 {
		b = new(zone.Step).Append(b) // from the served face to the same as transfer face
	}
	return step.Append(b)
}

// Decode reads what Encode has packed; no step means that the faces are one version. Steps behind the first are later than both.
func Decode(img *model.Image) (served, transfer *zone.Version, err error) {
	served, err = zone.Decode(img.Served)
	if err != nil {
		return nil, nil, fmt.Errorf("served face: %w", err)
	}
	transfer = served
	for rest, first := img.Transfer, true; len(rest) > 0; first = false {
		var step *zone.Step
		if step, rest, err = zone.NextStep(rest); err != nil {
			return nil, nil, fmt.Errorf("transfer face: %w", err)
		}
		switch {
		case !first:
			served, transfer, err = step.Apply(served, transfer)
		case !step.Transfer.Empty():
			transfer, err = served.Apply(&step.Transfer)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("transfer face: %w", err)
		}
	}
	return served, transfer, nil
}
