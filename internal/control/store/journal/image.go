package journal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Pieces of images: a row's key is the zone's number and, in its low bits, the number of the piece. These numbers have two halves,
// and the image is in the one whose first piece is there: what stands in the other one is on its way in or out (Checkpoint).
const (
	PartBits  = 16
	PartMost  = 1<<PartBits - 1
	halfBits  = PartBits - 1
	halfMost  = 1<<halfBits - 1
	pieceSize = 1 << 20
)

// PutImage replaces the image of the zone with a number.
func PutImage(ctx context.Context, c engine.Conn, no int64, img *model.Image) error {
	if err := DeleteImage(ctx, c, no); err != nil {
		return err
	}
	at := int64(0)
	for piece := range ImagePieces(img) {
		if err := PutPiece(ctx, c, no<<PartBits, at, img, piece); err != nil {
			return err
		}
		at++
	}
	return nil
}

// DeleteImage removes the image of the zone with a number.
func DeleteImage(ctx context.Context, c engine.Conn, no int64) error {
	first := no << PartBits
	_, err := c.Exec(ctx, `DELETE FROM images WHERE part >= ? AND part <= ?`, first, first|PartMost)
	return err
}

// ImagePieces cuts an image's octets, of both faces one behind the other, into the bodies of rows; there is at least one.
func ImagePieces(img *model.Image) func(yield func([]byte) bool) {
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

// PutPiece writes one piece, counted from 0, of the image whose first row has the key first.
func PutPiece(ctx context.Context, c engine.Conn, first, at int64, img *model.Image, piece []byte) error {
	if at > halfMost {
		return errors.New("the image is too large")
	}
	const text = `INSERT INTO images (part, seq, serial, served, size, body) VALUES (?, ?, ?, ?, ?, ?)`
	_, err := c.Exec(ctx, text, first+at, int64(img.Seq), int64(img.Serial), int64(len(img.Served)),
		int64(len(img.Served)+len(img.Transfer)), engine.Octets(piece))
	return err
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
	half   int64 // whose first piece has come
	served int
	size   int
	cut    int // served and size as the first piece tells them: what was added to the image last is counted there alone
	whole  int
	piece  engine.RawBytes
	name   wire.Name
}

func (r *imageReader) dest() []any {
	return []any{
		&r.part, &r.seq, &r.serial, &r.served, &r.size, &r.piece, engine.ToID(&r.img.Zone), engine.ToID(&r.img.Account), engine.ToName(&r.name), &r.newest,
	}
}

// add takes the row just scanned and says whether an image is complete.
func (r *imageReader) add() (bool, error) {
	switch {
	case r.part&halfMost == 0:
		if r.served < 0 || r.size < r.served || r.size > halfMost*pieceSize { // nobody makes room for what a damaged row tells
			r.body = nil
			return false, r.damaged()
		}
		r.body, r.half, r.cut, r.whole = make([]byte, 0, r.size), r.part>>halfBits, r.served, r.size
		r.img.Seq, r.img.Serial, r.img.Name = model.Seq(r.seq), uint32(r.serial), string(r.name)
	case r.part>>halfBits != r.half || r.body == nil:
		return false, nil // without its first piece it is no image
	}
	if len(r.body)+len(r.piece) > r.whole || r.cut > r.whole {
		r.body = nil
		return false, r.damaged()
	}
	r.body = append(r.body, r.piece...)
	if len(r.body) < r.whole {
		return false, nil
	}
	r.img.Served = r.body[:r.cut:r.cut]
	r.img.Transfer = engine.OrNil(r.body[r.cut:])
	r.body = nil
	return true, nil
}

func (r *imageReader) damaged() error {
	return fmt.Errorf("the image of zone %s: %w", r.img.Zone, model.ErrDamaged)
}

// Image loads one zone's image (for a reset entry); model.ErrNotFound when there is none.
func (s *Store) Image(ctx context.Context, zone model.ID) (model.Image, error) {
	return ReadImage(ctx, s.db.Read, zone)
}

// ReadImage is Image of the state that a connection shows; model.ErrDamaged where pieces do not go together.
func ReadImage(ctx context.Context, c engine.Conn, zone model.ID) (model.Image, error) {
	var r imageReader
	complete := false
	err := c.Each(ctx, func(rows *engine.Rows) (err error) {
		if err = rows.Scan(r.dest()...); err != nil {
			return err
		}
		done, err := r.add()
		complete = complete || done
		return err
	}, selectImage, engine.ID(zone))
	switch {
	case err != nil:
	case !complete && r.body != nil: // it ends too early
		err = r.damaged()
	case !complete:
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
	err = s.db.View(ctx, func(c engine.Conn) (err error) {
		var st engine.Standing
		if seq, err = Head(ctx, c); err == nil {
			err = c.One(ctx, st.Dest(), `SELECT `+c.Dialect.SelectStanding())
		}
		if err != nil {
			return err
		}
		s.lineage.load(st.Mark)
		if err = s.accounts(ctx, c, access); err != nil {
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

func (s *Store) loadZones(ctx context.Context, c engine.Conn, image func(model.Image) error, access func(model.Entry) error) (whole model.Seq, err error) {
	l := zoneLoader{s: s, whole: math.MaxInt64, image: image, access: access}
	dest := append(l.r.dest(), &l.seq, &l.serial, &l.at, &l.body, &l.box)
	err = c.Each(ctx, func(rows *engine.Rows) error {
		before := l.r.img.Zone
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if before != l.r.img.Zone {
			if err := l.short(before); err != nil {
				return err
			}
		}
		return l.add()
	}, selectImages)
	if err == nil {
		err = l.short(l.r.img.Zone)
	}
	if err == nil {
		err = l.missing(ctx, c)
	}
	return l.whole, err
}

// zoneLoader takes images as Load reads them. One that is damaged costs its zone alone: it comes as an image of no octets, which nobody
// takes for a zone, so that it is noticed where others are put into memory.
type zoneLoader struct {
	s       *Store
	r       imageReader
	image   func(model.Image) error
	access  func(model.Entry) error
	whole   model.Seq
	zones   int
	account model.ID // of the image that has begun

	seq, serial, at engine.NullInt64
	body, box       []byte
}

// add takes the row just scanned.
func (l *zoneLoader) add() error {
	complete, err := l.r.add()
	if err != nil {
		return l.bad(l.r.img.Zone, l.r.img.Account, model.Seq(l.r.seq))
	}
	if l.account = l.r.img.Account; !complete {
		return nil
	}
	l.zones++
	if l.r.img.Seq < model.Seq(l.r.newest) {
		l.whole = min(l.whole, l.r.img.Seq)
	}
	if err := l.image(l.r.img); err != nil || !l.seq.Valid {
		return err
	}
	e := model.Entry{
		Seq: model.Seq(l.seq.Int64), Kind: model.EntryAccess, Account: l.r.img.Account, Zone: l.r.img.Zone,
		Serial: uint32(l.serial.Int64), At: engine.FromMicros(l.at.Int64), Body: engine.OrNil(l.body),
	}
	if len(l.box) > 0 {
		if err = l.s.unseal(&e, AccessName(e.Zone), l.box); err != nil {
			return fmt.Errorf("access of zone %s: %w", e.Zone, err)
		}
	}
	return l.access(e)
}

// short gives up an image that has begun and has not come to its end.
func (l *zoneLoader) short(zone model.ID) error {
	if l.r.body == nil {
		return nil
	}
	l.r.body = nil
	return l.bad(zone, l.account, l.r.img.Seq)
}

func (l *zoneLoader) bad(zone, account model.ID, seq model.Seq) error {
	l.zones++
	return l.image(model.Image{Zone: zone, Account: account, Seq: seq})
}

// missing tells of zones that have no image, which every zone has.
func (l *zoneLoader) missing(ctx context.Context, c engine.Conn) error {
	var zones int
	if err := c.One(ctx, []any{&zones}, `SELECT count(*) FROM zones`); err != nil || zones == l.zones {
		return err
	}
	const text = `SELECT id, account, seq FROM zones z
		WHERE NOT EXISTS (SELECT 1 FROM images i WHERE i.part IN (z.no * 65536, z.no * 65536 + 32768))`
	var zone, account model.ID
	var seq int64
	return c.Each(ctx, func(r *engine.Rows) error {
		if err := r.Scan(engine.ToID(&zone), engine.ToID(&account), &seq); err != nil {
			return err
		}
		return l.bad(zone, account, model.Seq(seq))
	}, text)
}

// RenewImages replaces the images of small zones outside any change, all of them or none, and leaves the journal as it
// is. An image is passed over if its zone is gone, if a newer one stands there, or if either takes more than one piece. It
// may be lost in a crash of the machine, as a whole.
func (s *Store) RenewImages(ctx context.Context, images []model.Image) error {
	const text = `UPDATE images SET seq = ?, serial = ?, served = ?, size = ?, body = ?
WHERE part IN (SELECT no * 65536 + half FROM zones, (SELECT 0 AS half UNION ALL SELECT 32768) h WHERE id = ?) AND seq < ? AND size <= ?`
	zones := make([]model.ID, len(images))
	for i := range images {
		zones[i] = images[i].Zone
	}
	slices.Sort(zones)
	err := s.db.Write(ctx, true, func(c engine.Conn) error {
		if !c.Dialect.Alone {
			if err := c.In(ctx, engine.Discard, `SELECT id FROM zones WHERE id IN (%s) ORDER BY id`+c.Dialect.Lock, nil, engine.IDs(zones)); err != nil {
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
			_, err := c.Exec(ctx, text, int64(img.Seq), int64(img.Serial), int64(len(img.Served)), int64(size),
				engine.Octets(slices.Concat(img.Served, img.Transfer)), engine.ID(img.Zone), int64(img.Seq), pieceSize)
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
