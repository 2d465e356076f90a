package zones

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/drafts"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// A zone that is deleted leaves its records where they are, under its number, and its keys and drafts; a row of deleted_zones has what its own row
// had. Every reader finds rows by the number of a zone, so nobody sees any of it, and nobody writes it: what comes back is exactly what
// was. After a while, or when an account has too much of it, it is cleared away in slices like what an import has left.

// Bounds of what is kept of an account's deleted zones: how long, how many, and how many records together, of all but the newest.
const (
	deletedMost        = 10_000
	deletedRecordsMost = 2_000_000
)

// keptZone is what is kept of a zone that the transaction deletes.
type keptZone struct {
	no              int64
	account         model.ID
	records, octets int64
	doc             string
}

// leave notes what is to be kept of a zone.
func (t *Tx) leave(ctx context.Context, z *numberedZone) (*keptZone, error) {
	k := &keptZone{no: z.no, account: z.Account}
	if err := t.c.One(ctx, []any{&k.records, &k.octets}, `SELECT records, octets FROM zones WHERE no = ?`, z.no); err != nil {
		return nil, err
	}
	k.records, k.octets = k.records+int64(t.grown[z.no]), k.octets+t.heavier[z.no]
	var err error
	k.doc, err = zoneDocOf(&z.Zone)
	return k, err
}

// keepDeleted writes what was noted of a zone, once its last serial and the end of its history are known.
func (t *Tx) keepDeleted(ctx context.Context, zone model.ID, z *goneZone) error {
	k, told := z.kept, t.told[zone].Place
	const text = `INSERT INTO deleted_zones (zone, no, account, name, serial, records, octets, deleted_at, told_at, told_id, doc)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	_, err := t.c.Exec(ctx, text, engine.ID(zone), k.no, engine.ID(k.account), z.name.Host(), int64(z.serial), k.records, k.octets,
		t.s.db.Config.Clock().UnixMicro(), told.At, engine.ID(told.ID), k.doc)
	if err != nil {
		return fmt.Errorf("keep deleted zone %s: %w", zone, err)
	}
	return nil
}

const deletedColumns = `zone, no, account, name, serial, records, octets, deleted_at, told_at, told_id, doc`

func scanDeleted(r engine.Row) (z model.DeletedZone, no int64, err error) {
	var d zoneDoc
	err = r.Scan(engine.ToID(&z.ID), &no, engine.ToID(&z.Account), engine.ToName(&z.Name), &z.Serial, &z.Records, &z.Octets, engine.ToTime(&z.Deleted),
		&z.Told.At, engine.ToID(&z.Told.ID), engine.ToDoc(&d))
	d.give(&z.Zone)
	z.Status = model.StatusActive
	z.Until = z.Deleted.Add(model.DeletedKept)
	return z, no, err
}

// DeletedZones lists the zones of an account that may come back, the newest first.
func (s *Store) DeletedZones(ctx context.Context, account model.ID) (out []model.DeletedZone, err error) {
	err = s.db.Read.Each(ctx, func(r *engine.Rows) error {
		z, _, err := scanDeleted(r)
		out = append(out, z)
		return err
	}, `SELECT `+deletedColumns+` FROM deleted_zones WHERE account = ? AND deleted_at >= ? ORDER BY deleted_at DESC, zone`, engine.ID(account), s.deletedSince())
	if err != nil {
		return nil, fmt.Errorf("list deleted zones of account %s: %w", account, err)
	}
	return out, nil
}

func (s *Store) deletedSince() int64 { return s.db.Config.Clock().Add(-model.DeletedKept).UnixMicro() }

// DeletedZone reads a zone of an account that may come back, and yields its records in order of their names; model.ErrNotFound where
// there is none. The pointer is valid during the call only.
func (s *Store) DeletedZone(ctx context.Context, account, zone model.ID, yield func(*model.Record) error) (z model.DeletedZone, err error) {
	var no int64
	found := false
	err = s.db.Read.Each(ctx, func(r *engine.Rows) (err error) {
		found = true
		z, no, err = scanDeleted(r)
		return err
	}, `SELECT `+deletedColumns+` FROM deleted_zones WHERE zone = ? AND account = ? AND deleted_at >= ?`, engine.ID(zone), engine.ID(account), s.deletedSince())
	if err == nil && !found {
		err = model.ErrNotFound
	}
	if err != nil {
		return z, fmt.Errorf("read deleted zone %s: %w", zone, err)
	}
	rec := newRecordReader(zone)
	err = s.db.Read.Each(ctx, func(rows *engine.Rows) error {
		p, err := rec.scan(rows)
		if err != nil {
			return err
		}
		return yield(p)
	}, `SELECT `+recordColumns+` FROM records WHERE zone = ? ORDER BY name, type, created, id`, no)
	if err != nil {
		return z, fmt.Errorf("read records of deleted zone %s: %w", zone, err)
	}
	return z, nil
}

// Undelete makes a zone of the account again of what was kept, with these members, and its records, keys and history. The account is
// locked. model.ErrStale when it has come back already, or is gone for good.
func (t *Tx) Undelete(ctx context.Context, z *model.Zone) error {
	if err := t.ownsAccount(z.Account); err != nil {
		return err
	}
	const take = `DELETE FROM deleted_zones WHERE zone = ? AND account = ? RETURNING no, records, octets, told_at, told_id`
	var no, records, octets int64
	var told model.Place
	err := t.c.One(ctx, []any{&no, &records, &octets, &told.At, engine.ToID(&told.ID)}, take, engine.ID(z.ID), engine.ID(z.Account))
	if errors.Is(err, model.ErrNotFound) {
		return fmt.Errorf("undelete zone %s: %w", z.ID, model.ErrStale)
	}
	if err != nil {
		return fmt.Errorf("undelete zone %s: %w", z.ID, err)
	}
	d, err := zoneDocOf(z)
	if err != nil {
		return err
	}
	const text = `INSERT INTO zones (no, id, account, name, path, status, serial, seq, records, octets, told_at, told_id, doc)
		VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)`
	_, err = t.c.Exec(ctx, text, no, engine.ID(z.ID), engine.ID(z.Account), z.Name.Host(), pathOf(z.Name), z.Status, int64(z.Serial), records, octets,
		told.At, engine.ID(told.ID), d)
	if err == nil {
		t.zones[z.ID] = struct{}{}
		t.numbers[z.ID], t.locks.zones[z.ID], t.told[z.ID] = no, true, lastTold{Place: told}
		err = t.putLinks(ctx, no, linksOf(z))
	}
	if err != nil {
		return fmt.Errorf("undelete zone %s: %w", z.ID, t.stale(err))
	}
	return nil
}

// ForgetDeleted has a deleted zone of an account cleared away for good; model.ErrNotFound where there is none.
func (s *Store) ForgetDeleted(ctx context.Context, account, zone model.ID) error {
	err := s.edit(ctx, false, func(t *Tx) error {
		var no int64
		err := t.c.One(ctx, []any{&no}, `DELETE FROM deleted_zones WHERE zone = ? AND account = ? RETURNING no`, engine.ID(zone), engine.ID(account))
		if err == nil {
			_, err = t.c.Exec(ctx, `INSERT INTO stagings (no, zone, expires) VALUES (?, ?, 0)`, no, []byte{})
		}
		if err == nil {
			_, err = t.c.Exec(ctx, `DELETE FROM dnssec_keys WHERE zone = ?`, engine.ID(zone))
		}
		if err == nil {
			err = drafts.Forget(ctx, t.c, zone)
		}
		t.leaves = true
		return err
	})
	if err != nil {
		return fmt.Errorf("forget deleted zone %s: %w", zone, err)
	}
	return nil
}

// expireDeleted forgets those that nobody can bring back any more, and what is too much.
func (s *Store) expireDeleted(ctx context.Context) error {
	const text = `SELECT zone, account FROM (SELECT zone, account, deleted_at,
			count(*) OVER newest AS zones, sum(records) OVER newest AS records FROM deleted_zones
			WINDOW newest AS (PARTITION BY account ORDER BY deleted_at DESC, zone)) AS d
		WHERE deleted_at < ? OR zones > ? OR zones > 1 AND records > ? LIMIT 1000`
	var list [][2]model.ID
	err := s.db.Read.Each(ctx, func(r *engine.Rows) error {
		var one [2]model.ID
		err := r.Scan(engine.ToID(&one[0]), engine.ToID(&one[1]))
		list = append(list, one)
		return err
	}, text, s.deletedSince(), deletedMost, deletedRecordsMost)
	if err != nil {
		return fmt.Errorf("look for old deleted zones: %w", err)
	}
	// What is in the way of one, such as a damaged row, is no matter of those behind it.
	var bad error
	for _, one := range list {
		if err := s.ForgetDeleted(ctx, one[1], one[0]); err != nil && !errors.Is(err, model.ErrNotFound) {
			bad = errors.Join(bad, err)
		}
		if ctx.Err() != nil || errors.Is(bad, model.ErrUnavailable) {
			break
		}
	}
	return bad
}
