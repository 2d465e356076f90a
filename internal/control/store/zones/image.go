package zones

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/journal"
)

// PutImage replaces a zone's image; its Seq is set by Commit when zero (the seq of the zone's last entry in this tx).
func (t *Tx) PutImage(ctx context.Context, img model.Image) error {
	err := t.owns(img.Zone)
	var no int64
	if err == nil {
		no, err = t.number(ctx, img.Zone)
	}
	if err == nil {
		err = journal.PutImage(ctx, t.c, no, &img)
	}
	if err != nil {
		return fmt.Errorf("write image of zone %s: %w", img.Zone, err)
	}
	delete(t.images, img.Zone)
	if img.Seq == 0 {
		t.images[img.Zone] = no
	}
	return nil
}

// moveImages sets the positions of images that were written without one.
func (t *Tx) moveImages(ctx context.Context, entries []model.Entry) error {
	for zone, no := range t.images {
		seq := model.Seq(0)
		for i := range entries {
			if entries[i].Zone == zone {
				seq = entries[i].Seq
			}
		}
		if seq == 0 {
			return fmt.Errorf("the image of zone %s has no journal entry", zone)
		}
		if _, err := t.c.Exec(ctx, `UPDATE images SET seq = ? WHERE part = ?`, int64(seq), no<<journal.PartBits); err != nil {
			return fmt.Errorf("move image: %w", err)
		}
	}
	return nil
}
