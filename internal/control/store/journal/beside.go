package journal

import (
	"context"
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// Beside is an image that stands beside the one that a zone has, piece by piece, as that of a Checkpoint does: but not for an image of
// what the zone is, and so a change takes it up (Take).
type Beside struct{ c *checkpoint }

// PutBeside writes all pieces of an image but the first, each in a transaction of its own. A Checkpoint at the same time, which
// wants the same place, leaves one of the two there.
func PutBeside(ctx context.Context, s *Store, img *model.Image) (*Beside, error) {
	c := newCheckpoint(s, img)
	c.future = true
	err := c.within(ctx, func(_ engine.Conn, part, _ int64) error {
		c.from, c.to = part, part^1<<halfBits
		return nil
	})
	if err == nil {
		err = c.beside(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("write image of zone %s beside: %w", img.Zone, err)
	}
	return &Beside{c}, nil
}

// Take makes the image that of the zone with a number, with more octets behind it, by statements of a transaction that has locked the
// zone, and gives the key of its first row, whose position is still to be set; model.ErrStale where another image has come meanwhile.
func (b *Beside) Take(ctx context.Context, e engine.Conn, no int64, serial uint32, late []byte) (part int64, err error) {
	c := b.c
	var there int
	if err := e.One(ctx, []any{&there}, `SELECT count(*) FROM images WHERE part = ?`, c.from); err != nil {
		return 0, err
	}
	if there != 1 || c.from>>PartBits != no {
		return 0, fmt.Errorf("the zone has another image meanwhile: %w", model.ErrStale)
	}
	if err := c.complete(ctx, e); err != nil {
		return 0, err
	}
	img := *c.img
	img.Serial, img.Transfer = serial, append(slices.Clip(img.Transfer), late...)
	if _, err := e.Exec(ctx, `DELETE FROM images WHERE part = ?`, c.from); err != nil {
		return 0, err
	}
	if err := PutPiece(ctx, e, c.to, 0, &img, c.pieces[0]); err != nil {
		return 0, err
	}
	for n := int64(len(c.pieces)); len(late) > 0; n++ {
		piece := late[:min(len(late), pieceSize)]
		if err := PutPiece(ctx, e, c.to, n, &img, piece); err != nil {
			return 0, err
		}
		late = late[len(piece):]
	}
	return c.to, nil
}

// Clear takes out, one at a time, the pieces of the image that was replaced, and those of one that was not taken.
func (b *Beside) Clear(ctx context.Context) error {
	for _, first := range []int64{b.c.from, b.c.to} {
		if err := b.c.clear(ctx, first); err != nil {
			return fmt.Errorf("clear an image of zone %s away: %w", b.c.img.Zone, err)
		}
	}
	return nil
}
