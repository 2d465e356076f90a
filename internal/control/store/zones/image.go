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
		t.images[img.Zone] = no << journal.PartBits
	}
	return nil
}

// Beside is a large image of what a zone will be, written in slices beside the one that it has, where nobody sees it.
type Beside struct {
	zone model.ID
	img  *journal.Beside
}

// PutBeside writes such an image.
func (s *Store) PutBeside(ctx context.Context, img *model.Image) (*Beside, error) {
	b, err := journal.PutBeside(ctx, s.journal, img)
	if err != nil {
		return nil, err
	}
	return &Beside{img.Zone, b}, nil
}

// Adopt makes it the zone's image with the commit of tx, a *Tx of this store that has locked the zone and journals a reset of it: with a
// serial, and with octets behind those that were written. model.ErrStale where it is not there any more as it was written.
func (b *Beside) Adopt(ctx context.Context, tx any, serial uint32, late []byte) error {
	t, ok := tx.(*Tx)
	if !ok {
		return fmt.Errorf("adopt an image in a %T", tx)
	}
	err := t.owns(b.zone)
	var no, part int64
	if err == nil {
		no, err = t.number(ctx, b.zone)
	}
	if err == nil {
		part, err = b.img.Take(ctx, t.c, no, serial, late)
	}
	if err != nil {
		return fmt.Errorf("adopt the image of zone %s: %w", b.zone, err)
	}
	t.images[b.zone] = part
	return nil
}

// Clear takes out, in slices, what the zone's image is not any more, or has not become.
func (b *Beside) Clear(ctx context.Context) error { return b.img.Clear(ctx) }

// moveImages sets the positions of images that were written without one.
func (t *Tx) moveImages(ctx context.Context, entries []model.Entry) error {
	for zone, part := range t.images {
		seq := model.Seq(0)
		for i := range entries {
			if entries[i].Zone == zone {
				seq = entries[i].Seq
			}
		}
		if seq == 0 {
			return fmt.Errorf("the image of zone %s has no journal entry", zone)
		}
		if _, err := t.c.Exec(ctx, `UPDATE images SET seq = ? WHERE part = ?`, int64(seq), part); err != nil {
			return fmt.Errorf("move image: %w", err)
		}
	}
	return nil
}
