package zones

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/drafts"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/control/store/journal"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Store is zones with what is in them, and the accounts that own them.
type Store struct {
	db       *engine.DB
	journal  *journal.Store
	zones    engine.Cache[model.ID, numberedZone]
	accounts engine.Cache[model.ID, model.Account]
	// rewritten hears that accounts were written.
	rewritten func()
	marked    atomic.Uint64 // changes remembered since old ones were last forgotten
	sweeps    chan struct{} // holds a token when rows are to be cleared away
}

// Open also gives up what an end of this process has cut off. accounts is called when an account was written.
func Open(ctx context.Context, db *engine.DB, log *journal.Store, accounts func()) (*Store, error) {
	s := &Store{db: db, journal: log, rewritten: accounts, sweeps: make(chan struct{}, 1)}
	journal.AccessBy(log, s.eachAccess)
	if !db.Alone() {
		return s, nil
	}
	if err := s.ForgetImports(ctx); err != nil {
		return nil, err
	}
	s.zones.Open()
	s.accounts.Open()
	return s, nil
}

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
	DNSSEC                model.DNSSEC         `json:",omitzero"`
	Updates               []model.UpdatePolicy `json:",omitempty"`
	Digest                bool                 `json:",omitempty"`
	FourEyes              *model.FourEyes      `json:",omitempty"`
}

// errRow is a row that no table of ours has.
var errRow = errors.New("a column has another type")

// RenewZone makes a zone of an older backup active, as migrations did to its like.
func RenewZone(row []any) error {
	status, ok := row[4].(string)
	text, isText := row[8].(string)
	if !ok || !isText {
		return errRow
	}
	if status == model.StatusActive || status == model.StatusCatalog {
		return nil
	}
	var d zoneDoc
	err := engine.ToDoc(&d).Scan(text)
	if err == nil {
		d.Activated = d.Created
		row[4] = model.StatusActive
		row[8], err = engine.Doc(d)
	}
	return err
}

const zoneColumns = `z.no, z.id, z.account, z.name, z.status, z.serial, z.seq, z.staging IS NOT NULL, z.told_at, z.told_id, z.doc`

func scanZone(r engine.Row) (z numberedZone, err error) {
	var d zoneDoc
	err = r.Scan(&z.no, engine.ToID(&z.ID), engine.ToID(&z.Account), engine.ToName(&z.Name), &z.Status, &z.Serial, &z.Seq, &z.Importing,
		&z.Told.At, engine.ToID(&z.Told.ID), engine.ToDoc(&d))
	d.give(&z.Zone)
	return z, err
}

// give sets the members of a zone that the document holds.
func (d *zoneDoc) give(z *model.Zone) {
	z.Type, z.Paused, z.Created, z.Modified, z.Activated = d.Type, d.Paused, d.Created, d.Modified, d.Activated
	z.NameServers, z.VanityNS, z.Settings, z.Mode = d.NameServers, d.VanityNS, d.Settings, d.Mode
	z.OutgoingTransfers, z.Outgoing, z.DNSSEC, z.Updates = d.OutgoingTransfers, d.Outgoing, d.DNSSEC, d.Updates
	z.Digest, z.FourEyes = d.Digest, d.FourEyes
}

// zoneDocOf is the document of a zone.
func zoneDocOf(z *model.Zone) (string, error) {
	return engine.Doc(zoneDoc{
		Type: z.Type, Paused: z.Paused, Created: z.Created, Modified: z.Modified, Activated: z.Activated,
		NameServers: z.NameServers, VanityNS: z.VanityNS, Settings: z.Settings, Mode: z.Mode,
		OutgoingTransfers: z.OutgoingTransfers, Outgoing: z.Outgoing, DNSSEC: z.DNSSEC, Updates: z.Updates, Digest: z.Digest, FourEyes: z.FourEyes,
	})
}

func readZone(ctx context.Context, c engine.Conn, text string, args ...any) (z numberedZone, err error) {
	found := false
	err = c.Each(ctx, func(r *engine.Rows) (err error) {
		found = true
		z, err = scanZone(r)
		return err
	}, text, args...)
	if err == nil && !found {
		err = model.ErrNotFound
	}
	return z, err
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
		t.meet(&z.Zone)
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
	load := func() (numberedZone, error) { return zoneByID(ctx, t.c, zone) }
	if _, written := t.zones[zone]; written {
		return load()
	}
	return t.s.zones.Read(zone, load)
}

func zoneByID(ctx context.Context, c engine.Conn, zone model.ID) (z numberedZone, err error) {
	if z, err = readZone(ctx, c, selectZone, engine.ID(zone)); err != nil {
		return z, fmt.Errorf("read zone %s: %w", zone, err)
	}
	return z, nil
}

// ZoneByName reads the zone of an apex, without locking it.
func (t *Tx) ZoneByName(ctx context.Context, n wire.Name) (model.Zone, error) {
	z, err := readZone(ctx, t.c, selectZoneByName, n.Host())
	if err != nil {
		return z.Zone, fmt.Errorf("read zone %s: %w", n, err)
	}
	return z.Zone, nil
}

// number is the zone's number.
func (t *Tx) number(ctx context.Context, zone model.ID) (int64, error) {
	if no, ok := t.numbers[zone]; ok {
		return no, nil
	}
	var no int64
	if err := t.c.One(ctx, []any{&no}, `SELECT no FROM zones WHERE id = ?`, engine.ID(zone)); err != nil {
		return 0, fmt.Errorf("zone %s: %w", zone, err)
	}
	t.numbers[zone] = no
	return no, nil
}

// PutZone writes all members of a zone that is locked, or of a new one; Serial and Seq are set by Commit from the zone's last
// entry.
func (t *Tx) PutZone(ctx context.Context, z model.Zone) error {
	if t.owns(z.ID) != nil {
		t.meet(&model.Zone{ID: z.ID})
		// A zone that this transaction makes is found by others only through its account.
		if err := t.ownsAccount(z.Account); err != nil {
			return fmt.Errorf("write zone %s: %w", z.ID, err)
		}
	}
	d, err := zoneDocOf(&z)
	if err != nil {
		return err
	}
	text := `INSERT INTO zones (no, id, account, name, path, status, serial, seq, records, doc)
		VALUES (` + t.c.Dialect.NextZone + `, ?, ?, ?, ?, ?, ?, ?, 0, ?)`
	if t.owns(z.ID) == nil {
		text += ` ON CONFLICT (id) DO UPDATE SET account = excluded.account, name = excluded.name, status = excluded.status,
			doc = excluded.doc`
	}
	var no int64
	t.zones[z.ID] = struct{}{}
	delete(t.locks.rows, z.ID)
	err = t.c.One(ctx, []any{&no}, text+` RETURNING no`, engine.ID(z.ID), engine.ID(z.Account), z.Name.Host(), pathOf(z.Name), z.Status, int64(z.Serial),
		int64(z.Seq), d)
	if err == nil {
		t.numbers[z.ID], t.locks.zones[z.ID] = no, true
		delete(t.gone, z.ID)
		err = t.putLinks(ctx, no, linksOf(&z))
	}
	if err != nil {
		return fmt.Errorf("write zone %s: %w", z.ID, t.stale(err))
	}
	return nil
}

// linksOf are what a zone needs of its account: its peers, and the keys of its update policies.
func linksOf(z *model.Zone) (ids []model.ID) {
	if z.Outgoing != nil {
		ids = slices.Clone(z.Outgoing.Peers)
	}
	for i := range z.Updates {
		ids = append(ids, z.Updates[i].TSIG)
	}
	return ids
}

// putLinks keeps a table of the links beside the zones, for ZonesLinking. It calls all of them peers.
func (t *Tx) putLinks(ctx context.Context, no int64, ids []model.ID) error {
	if _, err := t.c.Exec(ctx, `DELETE FROM links WHERE zone = ?`, no); err != nil || len(ids) == 0 {
		return err
	}
	const tail = `ON CONFLICT (zone, peer) DO NOTHING`
	_, err := t.c.Insert(ctx, `links (zone, peer)`, tail, len(ids), 2, func(b *engine.Binds, i int) {
		b.Int(no)
		b.ID(ids[i])
	})
	return err
}

// DeleteZone removes the zone, its links, journal, and remembers its serial by name for LastSerial. Its records, keys and drafts stay for when
// it comes back, but those of a catalog, which nobody brings back. The journal's readers need none of those entries: the one that tells
// of the deletion comes after them.
func (t *Tx) DeleteZone(ctx context.Context, zone model.ID) error {
	z, err := t.zone(ctx, zone)
	if err == nil {
		err = t.ownsAccount(z.Account)
	}
	if err != nil {
		return fmt.Errorf("delete zone %s: %w", zone, err)
	}
	no := z.no
	t.meet(&z.Zone)
	t.zones[zone] = struct{}{}
	delete(t.locks.rows, zone)
	gone := goneZone{name: z.Name, serial: z.Serial}
	if err := t.giveUpStaging(ctx, no); err != nil {
		return fmt.Errorf("delete zone %s: %w", zone, err)
	}
	if z.Catalog() {
		if err = t.deleteRows(ctx, no); err == nil {
			err = drafts.Forget(ctx, t.c, zone)
		}
	} else if gone.kept, err = t.leave(ctx, &z); err == nil {
		err = drafts.Lay(ctx, t.c, zone)
	}
	if err != nil {
		return fmt.Errorf("delete zone %s: %w", zone, err)
	}
	if err := journal.Drop(ctx, t.c, zone); err != nil {
		return fmt.Errorf("delete journal of zone %s: %w", zone, err)
	}
	for _, step := range []struct {
		text string
		args []any
	}{
		{`DELETE FROM links WHERE zone = ?`, []any{no}},
		{`DELETE FROM zone_access WHERE zone = ?`, []any{no}},
		{`DELETE FROM zones WHERE no = ?`, []any{no}},
	} {
		if _, err := t.c.Exec(ctx, step.text, step.args...); err != nil {
			return fmt.Errorf("delete zone %s: %w", zone, err)
		}
	}
	delete(t.numbers, zone)
	delete(t.grown, no)
	delete(t.heavier, no)
	delete(t.images, zone)
	t.gone[zone] = gone
	return nil
}

// giveUpStaging ends an import into a zone that is being deleted.
func (t *Tx) giveUpStaging(ctx context.Context, no int64) error {
	var staging engine.NullInt64
	if err := t.c.One(ctx, []any{&staging}, `SELECT staging FROM zones WHERE no = ?`, no); err != nil || !staging.Valid {
		return err
	}
	t.leaves = true
	return giveUp(ctx, t.c, staging.Int64)
}

// largeZone is so many records that to delete them at once would have others wait.
const largeZone = 2000

// deleteRows removes a zone's records and image; those of a large zone are left, under a number that is no zone's any more,
// to be cleared away afterwards.
func (t *Tx) deleteRows(ctx context.Context, no int64) error {
	var records int
	if err := t.c.One(ctx, []any{&records}, `SELECT records FROM zones WHERE no = ?`, no); err != nil {
		return err
	}
	if records+t.grown[no] > largeZone {
		t.leaves = true
		_, err := t.c.Exec(ctx, `INSERT INTO stagings (no, zone, expires) VALUES (?, ?, 0)`, no, []byte{})
		return err
	}
	for _, text := range []string{`DELETE FROM records WHERE zone = ?`, `DELETE FROM record_tags WHERE zone = ?`} {
		if _, err := t.c.Exec(ctx, text, no); err != nil {
			return err
		}
	}
	return journal.DeleteImage(ctx, t.c, no)
}

// goneZone is a zone that the transaction deletes.
type goneZone struct {
	name   wire.Name
	serial uint32
	kept   *keptZone // nil for one that nobody brings back
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
		if _, err := t.c.Exec(ctx, keep, z.name.Host(), int64(z.serial)); err != nil {
			return fmt.Errorf("keep serial of zone %s: %w", zone, err)
		}
		if z.kept != nil {
			if err := t.keepDeleted(ctx, zone, &z); err != nil {
				return err
			}
		}
		if t.c.Dialect.Lock != "" { // in order of their keys, as they are written
			if err := t.c.Each(ctx, engine.Discard, `SELECT 1 FROM peer_states WHERE zone = ? ORDER BY zone, peer`+t.c.Dialect.Lock, engine.ID(zone)); err != nil {
				return fmt.Errorf("lock peer states of zone %s: %w", zone, err)
			}
		}
		if _, err := t.c.Exec(ctx, `DELETE FROM peer_states WHERE zone = ?`, engine.ID(zone)); err != nil {
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
	if err := t.c.One(ctx, []any{&serial}, `SELECT serial FROM serials WHERE name = ?`, n.Host()); err != nil {
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
		err := t.c.Each(ctx, func(r *engine.Rows) error {
			var zone model.ID
			err := r.Scan(engine.ToID(&zone))
			list = append(list, zone)
			return err
		}, text, engine.ID(account), engine.ID(after))
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

// ZonesLinking returns the zones whose outgoing configuration names the peer, or whose update policies name the key, at most limit of
// them, in order of id.
func (t *Tx) ZonesLinking(ctx context.Context, peer model.ID, limit int) ([]model.Zone, error) {
	const text = `SELECT ` + zoneColumns + ` FROM links l JOIN zones z ON z.no = l.zone WHERE l.peer = ? ORDER BY z.id LIMIT ?`
	zones, err := readZones(ctx, t.c, text, engine.ID(peer), int64(limit))
	if err != nil {
		return nil, fmt.Errorf("list zones linking %s: %w", peer, err)
	}
	return zones, nil
}

func readZones(ctx context.Context, c engine.Conn, text string, args ...any) (out []model.Zone, err error) {
	err = c.Each(ctx, func(r *engine.Rows) error {
		z, err := scanZone(r)
		out = append(out, z.Zone)
		return err
	}, text, args...)
	return out, err
}

// Zone reads a zone.
func (s *Store) Zone(ctx context.Context, zone model.ID) (model.Zone, error) {
	z, err := s.zones.Read(zone, func() (numberedZone, error) { return zoneByID(ctx, s.db.Read, zone) })
	return z.Zone, err
}

var zoneFields = map[string]engine.Field{
	"id": engine.Column("z.id", engine.IDField), "name": engine.Column("z.name", engine.LowerField), "status": engine.Column("z.status", engine.TextField),
	"account.id": engine.Column("z.account", engine.IDField), "account.name": engine.Column("a.name", engine.TextField),
}

var zoneOrders = map[string]string{
	"": "z.name", "name": "z.name", "status": "z.status", "account.id": "z.account", "account.name": "lower(a.name)",
}

// Zones lists zones and counts what the query selects (Offset and Limit ignored). The id is the last sort key.
func (s *Store) Zones(ctx context.Context, q model.ZoneQuery) (zones []model.Zone, total int, err error) {
	w := engine.NewWhere(s.db.Dialect)
	w.Add("z.status <> ?", model.StatusCatalog)
	if !q.All {
		w.Group(false, func(g *engine.Where) {
			if len(q.IDs) > 0 || len(q.Accounts) == 0 {
				g.AnyOf("z.id", q.IDs)
			}
			if len(q.Accounts) > 0 {
				g.AnyOf("z.account", q.Accounts)
			}
		})
	}
	if err := w.Filters(q.Filters, q.Any, zoneFields); err != nil {
		return nil, 0, fmt.Errorf("list zones: %w", err)
	}
	if q.Search != "" {
		w.Contains("z.name", q.Search)
	}
	order, ok := zoneOrders[q.Order]
	if !ok {
		return nil, 0, fmt.Errorf("list zones: %w", engine.ErrField(q.Order))
	}
	from := ` FROM zones z LEFT JOIN accounts a ON a.id = z.account` + w.Text()
	if err := s.db.Read.One(ctx, []any{&total}, `SELECT count(*)`+from, w.Arguments()...); err != nil {
		return nil, 0, fmt.Errorf("count zones: %w", err)
	}
	text := `SELECT ` + zoneColumns + from + ` ORDER BY ` + engine.Ordered(q.Desc, order, "z.id")
	text, args := engine.Paged(text, w.Arguments(), q.Offset, q.Limit)
	if zones, err = readZones(ctx, s.db.Read, text, args...); err != nil {
		return nil, 0, fmt.Errorf("list zones: %w", err)
	}
	return zones, total, nil
}

// Restored is the last mark that was committed before.
func (t *Tx) Restored(ctx context.Context) (model.Restored, error) {
	if t.mark != nil {
		return *t.mark, nil
	}
	return journal.Restored(ctx, t.s.journal, t.c)
}
