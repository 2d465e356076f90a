package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// zoneDoc holds the members of a zone that no statement looks into.
type zoneDoc struct {
	Type                  string
	Paused                bool
	Created, Modified     time.Time
	Activated             time.Time
	NameServers, VanityNS []string
	Settings              model.Settings
	Mode                  model.TransferMode
	OutgoingTransfers     *bool
	Outgoing              *model.Outgoing
}

// renewZone makes a zone of an older backup active, as migrations did to its like.
func renewZone(row []any) error {
	status, ok := row[4].(string)
	text, isText := row[8].(string)
	if !ok || !isText {
		return ErrBackup
	}
	if status == model.StatusActive {
		return nil
	}
	var d zoneDoc
	err := toDoc{&d}.Scan(text)
	if err == nil {
		d.Activated = d.Created
		row[4] = model.StatusActive
		row[8], err = doc(d)
	}
	return err
}

const zoneColumns = `z.no, z.id, z.account, z.name, z.status, z.serial, z.seq, z.staging IS NOT NULL, z.doc`

func scanZone(r *sql.Rows) (z model.Zone, no int64, err error) {
	var d zoneDoc
	err = r.Scan(&no, toID{&z.ID}, toID{&z.Account}, toName{&z.Name}, &z.Status, &z.Serial, &z.Seq, &z.Importing, toDoc{&d})
	z.Type, z.Paused, z.Created, z.Modified, z.Activated = d.Type, d.Paused, d.Created, d.Modified, d.Activated
	z.NameServers, z.VanityNS, z.Settings, z.Mode = d.NameServers, d.VanityNS, d.Settings, d.Mode
	z.OutgoingTransfers, z.Outgoing = d.OutgoingTransfers, d.Outgoing
	return z, no, err
}

func (c conn) zone(ctx context.Context, text string, args ...any) (z model.Zone, no int64, err error) {
	found := false
	err = c.each(ctx, func(r *sql.Rows) (err error) {
		found = true
		z, no, err = scanZone(r)
		return err
	}, text, args...)
	if err == nil && !found {
		err = model.ErrNotFound
	}
	return z, no, err
}

const (
	selectZone       = `SELECT ` + zoneColumns + ` FROM zones z WHERE z.id = ?`
	selectZoneByName = `SELECT ` + zoneColumns + ` FROM zones z WHERE z.name = ?`
)

// Zone reads a zone that is locked.
func (t *Tx) Zone(ctx context.Context, zone model.ID) (model.Zone, error) {
	z, err := t.zone(ctx, zone)
	if err == nil {
		t.numbers[zone] = z.no
	}
	return z.Zone, err
}

func (t *Tx) zone(ctx context.Context, zone model.ID) (numberedZone, error) {
	if err := t.owns(zone); err != nil {
		return numberedZone{}, err
	}
	if row, ok := t.locks.rows[zone]; ok {
		return row, nil
	}
	load := func() (numberedZone, error) { return t.c.zoneByID(ctx, zone) }
	if _, written := t.zones[zone]; written {
		return load()
	}
	return t.s.kept.zones.read(zone, load)
}

func (c conn) zoneByID(ctx context.Context, zone model.ID) (z numberedZone, err error) {
	if z.Zone, z.no, err = c.zone(ctx, selectZone, id(zone)); err != nil {
		return z, fmt.Errorf("read zone %s: %w", zone, err)
	}
	return z, nil
}

// ZoneByName reads the zone of an apex, without locking it.
func (t *Tx) ZoneByName(ctx context.Context, n wire.Name) (model.Zone, error) {
	z, _, err := t.c.zone(ctx, selectZoneByName, n.Host())
	if err != nil {
		return z, fmt.Errorf("read zone %s: %w", n, err)
	}
	return z, nil
}

// number is the zone's number.
func (t *Tx) number(ctx context.Context, zone model.ID) (int64, error) {
	if no, ok := t.numbers[zone]; ok {
		return no, nil
	}
	var no int64
	if err := t.c.one(ctx, []any{&no}, `SELECT no FROM zones WHERE id = ?`, id(zone)); err != nil {
		return 0, fmt.Errorf("zone %s: %w", zone, err)
	}
	t.numbers[zone] = no
	return no, nil
}

// PutZone writes all members of a zone that is locked, or of a new one; Serial and Seq are set by Commit from the zone's last
// entry.
func (t *Tx) PutZone(ctx context.Context, z model.Zone) error {
	if t.owns(z.ID) != nil {
		// A zone that this transaction makes is found by others only through its account.
		if err := t.ownsAccount(z.Account); err != nil {
			return fmt.Errorf("write zone %s: %w", z.ID, err)
		}
	}
	d, err := doc(zoneDoc{
		Type: z.Type, Paused: z.Paused, Created: z.Created, Modified: z.Modified, Activated: z.Activated,
		NameServers: z.NameServers, VanityNS: z.VanityNS, Settings: z.Settings, Mode: z.Mode,
		OutgoingTransfers: z.OutgoingTransfers, Outgoing: z.Outgoing,
	})
	if err != nil {
		return err
	}
	text := `INSERT INTO zones (no, id, account, name, path, status, serial, seq, records, doc)
		VALUES (` + t.c.d.nextZone + `, ?, ?, ?, ?, ?, ?, ?, 0, ?)`
	if t.owns(z.ID) == nil {
		text += ` ON CONFLICT (id) DO UPDATE SET account = excluded.account, name = excluded.name, status = excluded.status,
			doc = excluded.doc`
	}
	var no int64
	t.zones[z.ID] = struct{}{}
	delete(t.locks.rows, z.ID)
	err = t.c.one(ctx, []any{&no}, text+` RETURNING no`, id(z.ID), id(z.Account), z.Name.Host(), pathOf(z.Name), z.Status, int64(z.Serial),
		int64(z.Seq), d)
	if err == nil {
		t.numbers[z.ID], t.locks.zones[z.ID] = no, true
		delete(t.gone, z.ID)
		err = t.putLinks(ctx, no, z.Outgoing)
	}
	if err != nil {
		return fmt.Errorf("write zone %s: %w", z.ID, t.stale(err))
	}
	return nil
}

// putLinks keeps a table of the links beside the zones, for ZonesLinking.
func (t *Tx) putLinks(ctx context.Context, no int64, o *model.Outgoing) error {
	if _, err := t.c.exec(ctx, `DELETE FROM links WHERE zone = ?`, no); err != nil || o == nil {
		return err
	}
	const tail = `ON CONFLICT (zone, peer) DO NOTHING`
	_, err := t.c.insert(ctx, `links (zone, peer)`, tail, len(o.Peers), 2, func(args []any, i int) []any {
		return append(args, no, id(o.Peers[i]))
	})
	return err
}

// DeleteZone removes the zone, its records, image, links, journal, and remembers its serial by name for LastSerial. The
// journal's readers need none of those entries: the one that tells of the deletion comes after them.
func (t *Tx) DeleteZone(ctx context.Context, zone model.ID) error {
	z, err := t.zone(ctx, zone)
	if err == nil {
		err = t.ownsAccount(z.Account)
	}
	if err != nil {
		return fmt.Errorf("delete zone %s: %w", zone, err)
	}
	no := z.no
	t.zones[zone] = struct{}{}
	delete(t.locks.rows, zone)
	if err := t.deleteRows(ctx, no); err != nil {
		return fmt.Errorf("delete zone %s: %w", zone, err)
	}
	for _, step := range []struct {
		text string
		args []any
	}{
		{`DELETE FROM links WHERE zone = ?`, []any{no}},
		{`DELETE FROM zone_access WHERE zone = ?`, []any{no}},
		{`DELETE FROM journal WHERE zone = ?`, []any{id(zone)}},
		{`DELETE FROM zones WHERE no = ?`, []any{no}},
	} {
		if _, err := t.c.exec(ctx, step.text, step.args...); err != nil {
			return fmt.Errorf("delete zone %s: %w", zone, err)
		}
	}
	delete(t.numbers, zone)
	delete(t.grown, no)
	delete(t.heavier, no)
	delete(t.images, zone)
	t.gone[zone] = goneZone{z.Name, z.Serial}
	return nil
}

// largeZone is so many records that to delete them at once would have others wait.
const largeZone = 2000

// deleteRows removes a zone's records and image; those of a large zone are left, under a number that is no zone's any more,
// to be cleared away afterwards.
func (t *Tx) deleteRows(ctx context.Context, no int64) error {
	var records int
	var staging sql.NullInt64
	if err := t.c.one(ctx, []any{&records, &staging}, `SELECT records, staging FROM zones WHERE no = ?`, no); err != nil {
		return err
	}
	if staging.Valid {
		t.leaves = true
		if err := giveUp(ctx, t.c, staging.Int64); err != nil {
			return err
		}
	}
	if records+t.grown[no] > largeZone {
		t.leaves = true
		_, err := t.c.exec(ctx, `INSERT INTO stagings (no, zone, expires) VALUES (?, ?, 0)`, no, []byte{})
		return err
	}
	for _, text := range []string{`DELETE FROM records WHERE zone = ?`, `DELETE FROM record_tags WHERE zone = ?`} {
		if _, err := t.c.exec(ctx, text, no); err != nil {
			return err
		}
	}
	return deleteImage(ctx, t.c, no)
}

// goneZone is a zone that the transaction deletes.
type goneZone struct {
	name   wire.Name
	serial uint32
}

// forgetZones remembers the serials of deleted zones, which may have risen in this very transaction, and forgets how their
// peers stood. Others write these tables as well, so it comes after the journal's counter is taken.
func (t *Tx) forgetZones(ctx context.Context, entries []model.Entry) error {
	for _, zone := range slices.Sorted(maps.Keys(t.gone)) {
		z := t.gone[zone]
		for i := range entries {
			if e := &entries[i]; e.Zone == zone && (e.Kind == model.EntryDelta || e.Kind == model.EntryReset) {
				z.serial = e.Serial
			}
		}
		const keep = `INSERT INTO serials (name, serial) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET serial = excluded.serial`
		if _, err := t.c.exec(ctx, keep, z.name.Host(), int64(z.serial)); err != nil {
			return fmt.Errorf("keep serial of zone %s: %w", zone, err)
		}
		if t.c.d.lock != "" { // in order of their keys, as they are written
			if err := t.c.each(ctx, discard, `SELECT 1 FROM peer_states WHERE zone = ? ORDER BY zone, peer`+t.c.d.lock, id(zone)); err != nil {
				return fmt.Errorf("lock peer states of zone %s: %w", zone, err)
			}
		}
		if _, err := t.c.exec(ctx, `DELETE FROM peer_states WHERE zone = ?`, id(zone)); err != nil {
			return fmt.Errorf("forget peer states of zone %s: %w", zone, err)
		}
	}
	return nil
}

// LastSerial is the serial a deleted zone of this name had; model.ErrNotFound if there was none.
func (t *Tx) LastSerial(ctx context.Context, n wire.Name) (uint32, error) {
	for _, z := range t.gone {
		if z.name == n {
			return z.serial, nil
		}
	}
	var serial int64
	if err := t.c.one(ctx, []any{&serial}, `SELECT serial FROM serials WHERE name = ?`, n.Host()); err != nil {
		return 0, fmt.Errorf("last serial of %s: %w", n, err)
	}
	return uint32(serial), nil
}

// AccountZones yields zone ids of an account in order of id. yield may use the transaction.
func (t *Tx) AccountZones(ctx context.Context, account model.ID, yield func(model.ID) error) error {
	const page = 1000
	const text = `SELECT id FROM zones WHERE account = ? AND id > ? ORDER BY id LIMIT 1000`
	after, list := model.ID(""), make([]model.ID, 0, page)
	for {
		list = list[:0]
		err := t.c.each(ctx, func(r *sql.Rows) error {
			var zone model.ID
			err := r.Scan(toID{&zone})
			list = append(list, zone)
			return err
		}, text, id(account), id(after))
		if err != nil {
			return fmt.Errorf("list zones of account %s: %w", account, err)
		}
		for _, zone := range list {
			if err := yield(zone); err != nil {
				return err
			}
			after = zone
		}
		if len(list) < page {
			return nil
		}
	}
}

// ZonesLinking returns the zones whose outgoing configuration names the peer, at most limit of them, in order of id.
func (t *Tx) ZonesLinking(ctx context.Context, peer model.ID, limit int) ([]model.Zone, error) {
	const text = `SELECT ` + zoneColumns + ` FROM links l JOIN zones z ON z.no = l.zone WHERE l.peer = ? ORDER BY z.id LIMIT ?`
	zones, err := t.c.zones(ctx, text, id(peer), int64(limit))
	if err != nil {
		return nil, fmt.Errorf("list zones linking %s: %w", peer, err)
	}
	return zones, nil
}

func (c conn) zones(ctx context.Context, text string, args ...any) (out []model.Zone, err error) {
	err = c.each(ctx, func(r *sql.Rows) error {
		z, _, err := scanZone(r)
		out = append(out, z)
		return err
	}, text, args...)
	return out, err
}

// Zone reads a zone.
func (s *Store) Zone(ctx context.Context, zone model.ID) (model.Zone, error) {
	z, err := s.kept.zones.read(zone, func() (numberedZone, error) { return s.read.zoneByID(ctx, zone) })
	return z.Zone, err
}

var zoneOrders = map[string]string{
	"": "z.name", "name": "z.name", "status": "z.status", "account.id": "z.account", "account.name": "lower(a.name)",
}

// Zones lists zones and counts what the query selects (Offset and Limit ignored). The id is the last sort key.
func (s *Store) Zones(ctx context.Context, q model.ZoneQuery) (zones []model.Zone, total int, err error) {
	w := where{d: s.d}
	if !q.All {
		w.group(false, func(g *where) {
			if len(q.IDs) > 0 || len(q.Accounts) == 0 {
				g.anyOf("z.id", q.IDs)
			}
			if len(q.Accounts) > 0 {
				g.anyOf("z.account", q.Accounts)
			}
		})
	}
	if err := w.filters(q.Filters, q.Any, zoneFields); err != nil {
		return nil, 0, fmt.Errorf("list zones: %w", err)
	}
	if q.Search != "" {
		w.contains("z.name", q.Search)
	}
	order, ok := zoneOrders[q.Order]
	if !ok {
		return nil, 0, fmt.Errorf("list zones: %w", errField(q.Order))
	}
	from := ` FROM zones z LEFT JOIN accounts a ON a.id = z.account` + w.text()
	if err := s.read.one(ctx, []any{&total}, `SELECT count(*)`+from, w.args...); err != nil {
		return nil, 0, fmt.Errorf("count zones: %w", err)
	}
	text := `SELECT ` + zoneColumns + from + ` ORDER BY ` + ordered(q.Desc, order, "z.id")
	text, args := paged(text, w.args, q.Offset, q.Limit)
	if zones, err = s.read.zones(ctx, text, args...); err != nil {
		return nil, 0, fmt.Errorf("list zones: %w", err)
	}
	return zones, total, nil
}
