package journal

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// Checkpoint replaces a zone's image outside any change, unless it is older than the one that stands there, and prunes
// the zone's journal entries at or before keep, but none that the replaced image lacks: a node that is just loading may
// have that image and must find what follows it. The next Checkpoint prunes those. model.ErrNotFound when the zone is
// gone. It may be lost in a crash of the machine, as a whole.
//
// A large image goes in piece by piece, each in a transaction of its own, so that no change waits for more than one: all but the
// first stand beside the image that is there, where nobody takes them for one, and the first takes the place of the other's first.
// Then what is left of that goes piece by piece, too.
func (s *Store) Checkpoint(ctx context.Context, img model.Image, keep model.Seq) error {
	c := newCheckpoint(s, &img)
	c.keep = keep
	// Found before others have to wait; what is at or before keep gets no more, and fewer are no matter.
	var err error
	if c.old, err = entriesOf(ctx, s.db.Read, img.Zone, keep); err == nil {
		err = c.first(ctx)
	}
	if err == nil && c.to != c.from {
		err = c.rest(ctx)
	}
	if err != nil {
		return fmt.Errorf("checkpoint zone %s: %w", img.Zone, err)
	}
	return nil
}

// checkpoint is an image on its way into the store.
type checkpoint struct {
	s      *Store
	img    *model.Image
	keep   model.Seq
	old    []int64 // the zone's journal entries at or before keep
	pieces [][]byte
	mark   int64 // stands in place of the position in pieces that are nobody's image yet: of two at once, one gives up
	from   int64 // the first piece of the image that is there
	to     int64 // and where that of the new one will be; the same where it needs no more steps
	future bool  // the image is of what the zone will be
}

func newCheckpoint(s *Store, img *model.Image) *checkpoint {
	c := &checkpoint{s: s, img: img, mark: -1 - rand.Int64N(1<<62)}
	for piece := range ImagePieces(img) {
		c.pieces = append(c.pieces, piece)
	}
	return c
}

// locked runs f in a transaction that has the zone's row: whoever writes images of a zone has it. On PostgreSQL only what is read
// in statements behind the lock is what was there when it came; a join that waits for a lock sees rows of before.
func (c *checkpoint) locked(ctx context.Context, f func(e engine.Conn) error) error {
	return c.s.db.Write(ctx, true, func(e engine.Conn) error {
		if err := c.s.onLineage(ctx, e); err != nil {
			return err
		}
		var no int64
		if err := e.One(ctx, []any{&no}, `SELECT no FROM zones WHERE id = ?`+e.Dialect.Lock, engine.ID(c.img.Zone)); err != nil {
			return err
		}
		return f(e)
	})
}

// within runs f in a transaction, with where the zone's image begins and which position it has.
func (c *checkpoint) within(ctx context.Context, f func(e engine.Conn, part, held int64) error) error {
	return c.locked(ctx, func(e engine.Conn) error {
		var part, newest, held int64
		const text = `SELECT i.part, z.seq, i.seq FROM zones z JOIN images i ON i.part IN (z.no * 65536, z.no * 65536 + 32768) WHERE z.id = ?`
		if err := e.One(ctx, []any{&part, &newest, &held}, text, engine.ID(c.img.Zone)); err != nil {
			return err
		}
		if c.img.Seq > model.Seq(newest) || c.keep > c.img.Seq {
			return fmt.Errorf("image at %d, journal to be kept from %d, zone at %d: %w", c.img.Seq, c.keep, newest, model.ErrStale)
		}
		return f(e, part, held)
	})
}

// first does all that is to be done for a small image, or for one that is there already.
func (c *checkpoint) first(ctx context.Context) error {
	return c.within(ctx, func(e engine.Conn, part, held int64) error {
		c.from, c.to = part, part
		switch newer := c.img.Seq > model.Seq(held); {
		case newer && len(c.pieces) > 1:
			c.to = part ^ 1<<halfBits
			return nil
		case newer:
			if err := PutImage(ctx, e, part>>PartBits, c.img); err != nil {
				return err
			}
		}
		return prune(ctx, e, c.old, min(c.keep, model.Seq(held)))
	})
}

// beside writes all pieces but the first.
func (c *checkpoint) beside(ctx context.Context) error {
	if err := c.clear(ctx, c.to); err != nil { // of one that came to nothing
		return err
	}
	for n := 1; n < len(c.pieces); n++ {
		err := c.still(ctx, func(e engine.Conn, _ int64) error { return c.put(ctx, e, n, c.mark) })
		if err != nil {
			return err
		}
	}
	return nil
}

// complete wants those pieces to be there, and no others.
func (c *checkpoint) complete(ctx context.Context, e engine.Conn) error {
	var there int
	const text = `SELECT count(*) FROM images WHERE part > ? AND part <= ? AND seq = ?`
	if err := e.One(ctx, []any{&there}, text, c.to, c.to|halfMost, c.mark); err != nil {
		return err
	}
	if there != len(c.pieces)-1 {
		return fmt.Errorf("%d of %d pieces are there: %w", there, len(c.pieces)-1, model.ErrStale)
	}
	return nil
}

// rest brings a large image in.
func (c *checkpoint) rest(ctx context.Context) error {
	if err := c.beside(ctx); err != nil {
		return err
	}
	err := c.still(ctx, func(e engine.Conn, held int64) error {
		if err := c.complete(ctx, e); err != nil {
			return err
		}
		if _, err := e.Exec(ctx, `DELETE FROM images WHERE part = ?`, c.from); err != nil {
			return err
		}
		if err := c.put(ctx, e, 0, int64(c.img.Seq)); err != nil {
			return err
		}
		return prune(ctx, e, c.old, min(c.keep, model.Seq(held)))
	})
	if err != nil {
		return err
	}
	return c.clear(ctx, c.from)
}

// still runs f in a transaction as long as the image that is to be replaced is there.
func (c *checkpoint) still(ctx context.Context, f func(e engine.Conn, held int64) error) error {
	return c.within(ctx, func(e engine.Conn, part, held int64) error {
		if part != c.from || !c.future && model.Seq(held) >= c.img.Seq {
			return fmt.Errorf("the zone has another image meanwhile: %w", model.ErrStale)
		}
		return f(e, held)
	})
}

func (c *checkpoint) put(ctx context.Context, e engine.Conn, n int, seq int64) error {
	img := *c.img
	img.Seq = model.Seq(seq)
	return PutPiece(ctx, e, c.to, int64(n), &img, c.pieces[n])
}

// clear takes out the pieces behind a first one that is not there, one at a time.
func (c *checkpoint) clear(ctx context.Context, first int64) error {
	for gone := 1; gone > 0; {
		err := c.locked(ctx, func(e engine.Conn) (err error) {
			const text = `DELETE FROM images WHERE part = (SELECT min(part) FROM images WHERE part > ? AND part <= ?)
				AND NOT EXISTS (SELECT 1 FROM images WHERE part = ?)`
			gone, err = e.Exec(ctx, text, first, first|halfMost, first)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
