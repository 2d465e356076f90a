package backup

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/alarms"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/control/store/journal"
	"github.com/headwaterdns/headwater/internal/control/store/people"
	"github.com/headwaterdns/headwater/internal/control/store/zones"
)

// sealedTable is a table with a column secret, and how its rows are found and named.
type sealedTable struct {
	name string
	// page lists rows behind a key that have a secret: the key, whose it is, and the box. update puts another box into the
	// place of the one that was read.
	page, update string
	first        any // is before every key
	row          func(r *engine.Rows) (sealedRow, error)
}

// sealedRow is a box, with the name that it is bound to.
type sealedRow struct {
	key  any
	name string
	box  []byte
}

// resealPage is how many boxes are sealed anew in one commit: others wait for no more than that.
const resealPage = 256

func sealedTables() []sealedTable {
	byID := func(name func(model.ID) string) func(r *engine.Rows) (sealedRow, error) {
		return func(r *engine.Rows) (out sealedRow, err error) {
			var of model.ID
			err = r.Scan(engine.ToID(&of), &out.box)
			out.key, out.name = engine.ID(of), name(of)
			return out, err
		}
	}
	const limit = ` LIMIT 256`
	return []sealedTable{
		{
			"tsigs", `SELECT id, secret FROM tsigs WHERE id > ? AND length(secret) > 0 ORDER BY id` + limit,
			`UPDATE tsigs SET secret = ? WHERE id = ? AND secret = ?`,
			[]byte{},
			byID(zones.TSIGName),
		},
		{
			"dnssec_keys", `SELECT id, secret FROM dnssec_keys WHERE id > ? AND length(secret) > 0 ORDER BY id` + limit,
			`UPDATE dnssec_keys SET secret = ? WHERE id = ? AND secret = ?`,
			[]byte{},
			byID(zones.ZoneKeyName),
		},
		{
			"webhooks", `SELECT id, secret FROM webhooks WHERE id > ? AND length(secret) > 0 ORDER BY id` + limit,
			`UPDATE webhooks SET secret = ? WHERE id = ? AND secret = ?`,
			[]byte{},
			byID(alarms.WebhookName),
		},
		{
			"second_factors", `SELECT id, secret FROM second_factors WHERE id > ? AND length(secret) > 0 ORDER BY id` + limit,
			`UPDATE second_factors SET secret = ? WHERE id = ? AND secret = ?`,
			[]byte{},
			byID(people.FactorName),
		},
		{
			"zone_access", `SELECT a.zone, z.id, a.secret FROM zone_access a JOIN zones z ON z.no = a.zone
				WHERE a.zone > ? AND length(a.secret) > 0 ORDER BY a.zone` + limit,
			`UPDATE zone_access SET secret = ? WHERE zone = ? AND secret = ?`, int64(-1),
			func(r *engine.Rows) (out sealedRow, err error) {
				var no int64
				var of model.ID
				err = r.Scan(&no, engine.ToID(&of), &out.box)
				out.key, out.name = no, journal.AccessName(of)
				return out, err
			},
		},
		{
			"journal", `SELECT seq, secret FROM journal WHERE seq > ? AND length(secret) > 0 ORDER BY seq` + limit,
			`UPDATE journal SET secret = ? WHERE seq = ? AND secret = ?`, int64(-1),
			func(r *engine.Rows) (out sealedRow, err error) {
				var seq int64
				err = r.Scan(&seq, &out.box)
				out.key, out.name = seq, journal.SealName(model.Seq(seq))
				return out, err
			},
		},
	}
}

// errMoving is a store in which secrets under an older key appear again and again: some node has that key alone.
var errMoving = errors.New("somebody goes on encrypting with an older key: every node needs the new one first")

// resealTries is how often everything is looked through until nothing is left.
const resealTries = 10

// Reseal encrypts with a new key what older ones have encrypted, the one that the store was opened with among them, and in the
// end marks the database as one of the new key: until there either of them opens it, whenever this breaks off. Whoever uses
// the database meanwhile must have both keys, the new one first. It returns how many secrets it went through.
func (s *Store) Reseal(ctx context.Context, key [32]byte) (int, error) {
	older := s.db.Config.OlderKeys
	if key != s.db.Config.SecretKey {
		older = append([][32]byte{s.db.Config.SecretKey}, older...)
	}
	next, err := engine.NewSealer(key, older...)
	if err != nil {
		return 0, err
	}
	s.db.Secret = next
	total := 0
	for range resealTries {
		n := 0
		for _, t := range sealedTables() {
			done, err := s.resealTable(ctx, t)
			if n += done; err != nil {
				return total + n, fmt.Errorf("encrypt the secrets of %s anew: %w", t.name, err)
			}
		}
		if total += n; n > 0 {
			continue
		}
		box, err := next.Seal(engine.KeyCheck, []byte("headwater"))
		if err != nil {
			return total, err
		}
		return total, s.db.Write(ctx, false, func(c engine.Conn) error {
			_, err := c.Exec(ctx, `UPDATE meta SET value = ? WHERE name = ?`, box, engine.KeyCheck)
			return err
		})
	}
	return total, errMoving
}

func (s *Store) resealTable(ctx context.Context, t sealedTable) (done int, err error) {
	for after := t.first; ; {
		var page []sealedRow
		err := s.db.Read.Each(ctx, func(r *engine.Rows) error {
			row, err := t.row(r)
			page = append(page, row)
			return err
		}, t.page, after)
		if err != nil || len(page) == 0 {
			return done, err
		}
		after = page[len(page)-1].key
		n, err := s.resealRows(ctx, t, page)
		if done += n; err != nil {
			return done, err
		}
		if len(page) < resealPage {
			return done, nil
		}
	}
}

// resealRows replaces the boxes that an older key has sealed; one that was written anew meanwhile is left to the next round.
func (s *Store) resealRows(ctx context.Context, t sealedTable, page []sealedRow) (int, error) {
	type change struct {
		row sealedRow
		box []byte
	}
	var changes []change
	for _, row := range page {
		if s.db.Secret.Fresh(row.name, row.box) {
			continue
		}
		secret, err := s.db.Secret.Open(row.name, row.box)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", row.name, err)
		}
		box, err := s.db.Secret.Seal(row.name, secret)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", row.name, err)
		}
		changes = append(changes, change{row, box})
	}
	if len(changes) == 0 {
		return 0, nil
	}
	return len(changes), s.db.Write(ctx, false, func(c engine.Conn) error {
		for _, ch := range changes {
			if _, err := c.Exec(ctx, t.update, ch.box, ch.row.key, ch.row.box); err != nil {
				return err
			}
		}
		return nil
	})
}
