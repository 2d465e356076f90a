package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Pieces of images: a row's key is the zone's number and, in its low bits, the number of the piece.
const (
	partBits  = 16
	partMost  = 1<<partBits - 1
	pieceSize = 1 << 20
)

// PutImage replaces a zone's image; its Seq is set by Commit when zero (the seq of the zone's last entry in this tx).
func (t *Tx) PutImage(ctx context.Context, img model.Image) error {
	err := t.owns(img.Zone)
	var no int64
	if err == nil {
		no, err = t.number(ctx, img.Zone)
	}
	if err == nil {
		err = putImage(ctx, t.c, no, &img)
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

func putImage(ctx context.Context, c conn, no int64, img *model.Image) error {
	if err := deleteImage(ctx, c, no); err != nil {
		return err
	}
	at := int64(0)
	for piece := range imagePieces(img) {
		if err := putPiece(ctx, c, no<<partBits, at, img, piece); err != nil {
			return err
		}
		at++
	}
	return nil
}

func deleteImage(ctx context.Context, c conn, no int64) error {
	first := no << partBits
	_, err := c.exec(ctx, `DELETE FROM images WHERE part >= ? AND part <= ?`, first, first|partMost)
	return err
}

// imagePieces cuts an image's octets, of both faces one behind the other, into the bodies of rows; there is at least one.
func imagePieces(img *model.Image) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		served, transfer := img.Served, img.Transfer
		for more := true; more; {
			piece := served[:min(len(served), pieceSize)]
			served = served[len(piece):]
			if rest := pieceSize - len(piece); rest > 0 && len(transfer) > 0 {
				n := min(rest, len(transfer))
				piece = slices.Concat(piece, transfer[:n])
				transfer = transfer[n:]
			}
			more = len(served)+len(transfer) > 0
			if !yield(piece) {
				return
			}
		}
	}
}

// putPiece writes one piece, counted from 0, of the image whose first row has the key first.
func putPiece(ctx context.Context, c conn, first, at int64, img *model.Image, piece []byte) error {
	if at > partMost {
		return errors.New("the image is too large")
	}
	const text = `INSERT INTO images (part, seq, serial, served, size, body) VALUES (?, ?, ?, ?, ?, ?)`
	_, err := c.exec(ctx, text, first+at, int64(img.Seq), int64(img.Serial), int64(len(img.Served)),
		int64(len(img.Served)+len(img.Transfer)), octets(piece))
	return err
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
		if _, err := t.c.exec(ctx, `UPDATE images SET seq = ? WHERE part = ?`, int64(seq), no<<partBits); err != nil {
			return fmt.Errorf("move image: %w", err)
		}
	}
	return nil
}

const (
	imageColumns = `i.part, i.seq, i.serial, i.served, i.size, i.body, z.id, z.account, z.name, z.seq`
	selectImage  = `SELECT ` + imageColumns + ` FROM images i, zones z
WHERE z.id = ? AND i.part >= z.no * 65536 AND i.part < z.no * 65536 + 65536 ORDER BY i.part`
	selectImages = `SELECT ` + imageColumns + `, a.seq, a.serial, a.at, a.body, a.secret
FROM images i JOIN zones z ON z.no = i.part / 65536 LEFT JOIN zone_access a ON a.zone = z.no
ORDER BY i.part`
)

// imageReader puts images together from their pieces.
type imageReader struct {
	img    model.Image
	body   []byte
	part   int64
	seq    int64
	serial int64
	newest int64
	served int
	size   int
	piece  sql.RawBytes
	name   wire.Name
}

func (r *imageReader) dest() []any {
	return []any{
		&r.part, &r.seq, &r.serial, &r.served, &r.size, &r.piece, toID{&r.img.Zone}, toID{&r.img.Account}, toName{&r.name}, &r.newest,
	}
}

// add takes the row just scanned and says whether an image is complete.
func (r *imageReader) add() (bool, error) {
	if r.part&partMost == 0 {
		r.body = make([]byte, 0, r.size)
		r.img.Seq, r.img.Serial, r.img.Name = model.Seq(r.seq), uint32(r.serial), string(r.name)
	}
	if len(r.body)+len(r.piece) > r.size || r.served > r.size {
		return false, fmt.Errorf("the image of zone %s is damaged", r.img.Zone)
	}
	r.body = append(r.body, r.piece...)
	if len(r.body) < r.size {
		return false, nil
	}
	r.img.Served = r.body[:r.served:r.served]
	r.img.Transfer = orNil(r.body[r.served:])
	return true, nil
}

// Image loads one zone's image (for a reset entry); model.ErrNotFound when there is none.
func (s *Store) Image(ctx context.Context, zone model.ID) (model.Image, error) {
	var r imageReader
	complete := false
	err := s.read.each(ctx, func(rows *sql.Rows) (err error) {
		if err = rows.Scan(r.dest()...); err == nil {
			complete, err = r.add()
		}
		return err
	}, selectImage, id(zone))
	if err == nil && !complete {
		err = model.ErrNotFound
	}
	if err != nil {
		return model.Image{}, fmt.Errorf("read image of zone %s: %w", zone, err)
	}
	return r.img, nil
}

// Load yields, from one consistent snapshot: every account's access state (as an EntryAccess), then for every zone its
// image, then its access state. It returns the Seq the snapshot stands at, and the one up to which every image holds what
// its zone's entries say. What is yielded is the callee's to keep. Then the caller reads what is Remaining after that: entries
// at or before an image's Seq are history, later ones apply. What is Remaining up to there is history alone.
func (s *Store) Load(ctx context.Context, image func(model.Image) error, access func(model.Entry) error) (seq, whole model.Seq, err error) {
	err = s.view(ctx, func(c conn) (err error) {
		var st standing
		if seq, err = takeSeq(ctx, c, 0); err == nil {
			err = c.one(ctx, st.dest(), `SELECT `+c.d.selectStanding())
		}
		if err != nil {
			return err
		}
		s.lineage.load(st.mark)
		if err = s.loadAccounts(ctx, c, access); err != nil {
			return err
		}
		whole, err = s.loadZones(ctx, c, image, access)
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("load: %w", err)
	}
	return seq, min(seq, whole), nil
}

func (s *Store) loadZones(ctx context.Context, c conn, image func(model.Image) error, access func(model.Entry) error) (whole model.Seq, err error) {
	whole = math.MaxInt64
	var r imageReader
	var seq, serial, at sql.NullInt64
	var body, box []byte
	dest := append(r.dest(), &seq, &serial, &at, &body, &box)
	err = c.each(ctx, func(rows *sql.Rows) error {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		complete, err := r.add()
		if err != nil || !complete {
			return err
		}
		if r.img.Seq < model.Seq(r.newest) {
			whole = min(whole, r.img.Seq)
		}
		if err := image(r.img); err != nil || !seq.Valid {
			return err
		}
		e := model.Entry{
			Seq: model.Seq(seq.Int64), Kind: model.EntryAccess, Account: r.img.Account, Zone: r.img.Zone,
			Serial: uint32(serial.Int64), At: fromMicros(at.Int64), Body: orNil(body),
		}
		if len(box) > 0 {
			if err = s.unseal(&e, accessName(e.Zone), box); err != nil {
				return fmt.Errorf("access of zone %s: %w", e.Zone, err)
			}
		}
		return access(e)
	}, selectImages)
	return whole, err
}

// Checkpoint replaces a zone's image outside any change, unless it is older than the one that stands there, and prunes
// the zone's journal entries at or before keep, but none that the replaced image lacks: a node that is just loading may
// have that image and must find what follows it. The next Checkpoint prunes those. model.ErrNotFound when the zone is
// gone. It may be lost in a crash of the machine, as a whole.
func (s *Store) Checkpoint(ctx context.Context, img model.Image, keep model.Seq) error {
	err := s.write(ctx, true, func(c conn) error {
		if err := s.onLineage(ctx, c); err != nil {
			return err
		}
		var no, newest, held int64
		const text = `SELECT z.no, z.seq, i.seq FROM zones z JOIN images i ON i.part = z.no * 65536 WHERE z.id = ?`
		if err := c.one(ctx, []any{&no, &newest, &held}, text+c.d.lock, id(img.Zone)); err != nil {
			return err
		}
		if img.Seq > model.Seq(newest) || keep > img.Seq {
			return fmt.Errorf("image at %d, journal to be kept from %d, zone at %d: %w", img.Seq, keep, newest, model.ErrStale)
		}
		if img.Seq > model.Seq(held) {
			if err := putImage(ctx, c, no, &img); err != nil {
				return err
			}
		}
		return prune(ctx, c, img.Zone, min(keep, model.Seq(held)))
	})
	if err != nil {
		return fmt.Errorf("checkpoint zone %s: %w", img.Zone, err)
	}
	return nil
}

// RenewImages replaces the images of small zones outside any change, all of them or none, and leaves the journal as it
// is. An image is passed over if its zone is gone, if a newer one stands there, or if either takes more than one piece. It
// may be lost in a crash of the machine, as a whole.
func (s *Store) RenewImages(ctx context.Context, images []model.Image) error {
	const text = `UPDATE images SET seq = ?, serial = ?, served = ?, size = ?, body = ?
WHERE part = (SELECT no * 65536 FROM zones WHERE id = ?) AND seq < ? AND size <= ?`
	zones := make([]model.ID, len(images))
	for i := range images {
		zones[i] = images[i].Zone
	}
	slices.Sort(zones)
	err := s.write(ctx, true, func(c conn) error {
		if !c.d.alone {
			if err := c.lockZones(ctx, zones, c.d.lock, func(model.Zone, int64) {}); err != nil {
				return err
			}
		}
		if err := s.onLineage(ctx, c); err != nil {
			return err
		}
		for i := range images {
			img := &images[i]
			size := len(img.Served) + len(img.Transfer)
			if size > pieceSize {
				continue
			}
			_, err := c.exec(ctx, text, int64(img.Seq), int64(img.Serial), int64(len(img.Served)), int64(size),
				octets(slices.Concat(img.Served, img.Transfer)), id(img.Zone), int64(img.Seq), pieceSize)
			if err != nil {
				return fmt.Errorf("zone %s: %w", img.Zone, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("renew images: %w", err)
	}
	return nil
}
