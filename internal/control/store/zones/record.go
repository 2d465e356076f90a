package zones

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

const recordColumns = `id, name, type, content, priority, rdata, ttl, proxied, switches, comment, tags, created, modified,
	comment_modified, tags_modified`

// Bits of the column switches.
const (
	switchFlatten = 1 << iota
	switchIPv4
	switchIPv6
)

// recordReader scans rows of recordColumns into one record.
type recordReader struct {
	rec      model.Record
	kind     string
	priority engine.NullInt64
	switches int64
	tags     string
	dest     []any
	lastName string // as it stands in the table: rows of one owner follow one another
	name     string
}

func newRecordReader(zone model.ID) *recordReader {
	r := &recordReader{rec: model.Record{Zone: zone}}
	p := &r.rec
	r.dest = []any{
		engine.ToID(&p.ID),
		&r.name, &r.kind, &p.Content, &r.priority, &p.RData, &p.TTL, &p.Proxied, &r.switches, &p.Comment, &r.tags,
		engine.ToTime(&p.Created),
		engine.ToTime(&p.Modified),
		engine.ToTime(&p.CommentModified),
		engine.ToTime(&p.TagsModified),
	}
	return r
}

func (r *recordReader) scan(rows *engine.Rows) (*model.Record, error) {
	p := &r.rec
	p.RData = nil // the last record's keeps its octets
	err := rows.Scan(r.dest...)
	if err != nil {
		return nil, fmt.Errorf("scan record: %w", err)
	}
	if r.name != r.lastName {
		if p.Name, err = wire.ParseName(r.name); err != nil {
			return nil, fmt.Errorf("record %s: %w", p.ID, err)
		}
		r.lastName = r.name
	}
	if p.Type, err = typeOf(r.kind); err != nil {
		return nil, fmt.Errorf("record %s: %w", p.ID, err)
	}
	p.Priority = nil
	if r.priority.Valid {
		v := uint16(r.priority.Int64)
		p.Priority = &v
	}
	p.Settings = model.RecordSettings{
		FlattenCNAME: r.switches&switchFlatten != 0, IPv4Only: r.switches&switchIPv4 != 0, IPv6Only: r.switches&switchIPv6 != 0,
	}
	p.Tags = nil
	if r.tags != "" {
		p.Tags = strings.Split(r.tags, "\n")
	}
	return p, nil
}

const zoneNumber = `(SELECT no FROM zones WHERE id = ?)`

// Record reads a record.
func (t *Tx) Record(ctx context.Context, zone, record model.ID) (model.Record, error) {
	return readRecord(ctx, t.c, zone, record)
}

// Record reads a record.
func (s *Store) Record(ctx context.Context, zone, record model.ID) (model.Record, error) {
	return readRecord(ctx, s.db.Read, zone, record)
}

func readRecord(ctx context.Context, c engine.Conn, zone, record model.ID) (model.Record, error) {
	var out *model.Record
	r := newRecordReader(zone)
	err := c.Each(ctx, func(rows *engine.Rows) (err error) {
		out, err = r.scan(rows)
		return err
	}, `SELECT `+recordColumns+` FROM records WHERE zone = `+zoneNumber+` AND id = ?`, engine.ID(zone), engine.ID(record))
	if err == nil && out == nil {
		err = model.ErrNotFound
	}
	if err != nil {
		return model.Record{}, fmt.Errorf("read record %s: %w", record, err)
	}
	return *out, nil
}

// RecordsAt returns every record at the names, ordered by name (as text), type (its mnemonic), created, id.
func (t *Tx) RecordsAt(ctx context.Context, zone model.ID, names []wire.Name) ([]model.Record, error) {
	no, err := t.number(ctx, zone)
	if err != nil {
		return nil, err
	}
	hosts := make([]any, len(names))
	for i, n := range names {
		hosts[i] = n.Host()
	}
	slices.SortFunc(hosts, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	var out []model.Record
	r := newRecordReader(zone)
	err = t.c.In(ctx, func(rows *engine.Rows) error {
		p, err := r.scan(rows)
		if err == nil {
			out = append(out, *p)
		}
		return err
	}, t.c.Dialect.AtNames(recordColumns)+` ORDER BY name, type, created, id`,
		[]any{no}, slices.Compact(hosts))
	if err != nil {
		return nil, fmt.Errorf("read records at %d names: %w", len(names), err)
	}
	return out, nil
}

// Dependent returns the owner names that render depends on outside things for: those with a proxied record or a CNAME.
func (t *Tx) Dependent(ctx context.Context, zone model.ID) ([]wire.Name, error) {
	no, err := t.number(ctx, zone)
	if err != nil {
		return nil, err
	}
	var out []wire.Name
	err = t.c.Each(ctx, func(rows *engine.Rows) error {
		var n wire.Name
		err := rows.Scan(engine.ToName(&n))
		out = append(out, n)
		return err
	}, `SELECT name FROM records WHERE zone = ? AND proxied = 1 UNION SELECT name FROM records WHERE zone = ? AND type = 'CNAME'
		ORDER BY name`, no, no)
	if err != nil {
		return nil, fmt.Errorf("list dependent names of zone %s: %w", zone, err)
	}
	return out, nil
}

// EachRecord yields all records of a zone grouped by owner, ordered by name: for full renders and imports. The pointer is
// valid during the call only, and yield must not use the transaction.
func (t *Tx) EachRecord(ctx context.Context, zone model.ID, yield func(*model.Record) error) error {
	no, err := t.number(ctx, zone)
	if err != nil {
		return err
	}
	return EachRecord(ctx, t.c, zone, no, yield)
}

// EachRecord is that for the records under a number, of the state that a connection shows.
func EachRecord(ctx context.Context, c engine.Conn, zone model.ID, no int64, yield func(*model.Record) error) error {
	r := newRecordReader(zone)
	return c.Each(ctx, func(rows *engine.Rows) error {
		p, err := r.scan(rows)
		if err != nil {
			return err
		}
		return yield(p)
	}, `SELECT `+recordColumns+` FROM records WHERE zone = ? ORDER BY name, type, id`, no)
}

// CountRecords is the number of records in the zone.
func (t *Tx) CountRecords(ctx context.Context, zone model.ID) (int, error) {
	no, err := t.number(ctx, zone)
	if err != nil {
		return 0, err
	}
	var n int
	if err := t.c.One(ctx, []any{&n}, `SELECT records FROM zones WHERE no = ?`, no); err != nil {
		return 0, fmt.Errorf("count records of zone %s: %w", zone, err)
	}
	return n + t.grown[no], nil
}

const (
	insertRecords = `records (zone, ` + recordColumns + `)`
	replaceRecord = `ON CONFLICT (zone, id) DO UPDATE SET name = excluded.name, type = excluded.type, content = excluded.content,
		priority = excluded.priority, rdata = excluded.rdata, ttl = excluded.ttl, proxied = excluded.proxied,
		switches = excluded.switches, comment = excluded.comment, tags = excluded.tags, created = excluded.created,
		modified = excluded.modified, comment_modified = excluded.comment_modified, tags_modified = excluded.tags_modified`
	keepRecord  = `ON CONFLICT (zone, id) DO NOTHING`
	recordWidth = 16
	bulkRows    = 20000 // from here on a larger working set pays
)

// AddRecords inserts rows whose ids are new; many at once go through multi-row statements, in order of their names, which is
// the order of the table; list is in that order then. An id that is there is model.ErrStale, in time or at the commit.
func (t *Tx) AddRecords(ctx context.Context, list []*model.Record) error {
	return t.eachZone(ctx, list, func(no int64, rows []*model.Record) error {
		t.grown[no] += len(rows)
		err := t.c.PostInsert(ctx, insertRecords, "", len(rows), recordWidth, func(b *engine.Binds, i int) { bindRecord(b, no, rows[i]) })
		if err != nil {
			return err
		}
		return t.putTags(ctx, no, rows)
	})
}

// PutRecords is AddRecords for rows that may be there: those are replaced.
func (t *Tx) PutRecords(ctx context.Context, list []model.Record) error {
	rows := make([]*model.Record, len(list))
	for i := range list {
		rows[i] = &list[i]
	}
	return t.eachZone(ctx, rows, func(no int64, rows []*model.Record) error { return t.putChunk(ctx, no, rows) })
}

// eachZone gives write the rows of one zone after another, in order of their names, as many as fit into a statement's list.
func (t *Tx) eachZone(ctx context.Context, rows []*model.Record, write func(no int64, rows []*model.Record) error) error {
	for len(rows) > 0 {
		zone := rows[0].Zone
		if err := t.owns(zone); err != nil {
			return fmt.Errorf("write records: %w", err)
		}
		n := slices.IndexFunc(rows, func(r *model.Record) bool { return r.Zone != zone })
		if n < 0 {
			n = len(rows)
		}
		if err := t.writeZone(ctx, zone, rows[:n], write); err != nil {
			return fmt.Errorf("write %d records of zone %s: %w", n, zone, t.stale(err))
		}
		rows = rows[n:]
	}
	return nil
}

func (t *Tx) writeZone(ctx context.Context, zone model.ID, rows []*model.Record, write func(no int64, rows []*model.Record) error) error {
	no, err := t.number(ctx, zone)
	if err != nil {
		return err
	}
	if len(rows) >= bulkRows && t.c.Bulk != nil {
		if err := t.c.Bulk(); err != nil {
			return err
		}
	}
	if len(rows) > 1 {
		slices.SortFunc(rows, func(a, b *model.Record) int {
			if order := strings.Compare(string(a.Name), string(b.Name)); order != 0 {
				return order
			}
			return strings.Compare(string(a.ID), string(b.ID))
		})
	}
	for len(rows) > 0 {
		n := min(len(rows), engine.MaxList)
		if err := write(no, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// putChunk inserts first: only if some of the rows are there already, which tells how many are new, it replaces.
func (t *Tx) putChunk(ctx context.Context, no int64, rows []*model.Record) error {
	row := func(b *engine.Binds, i int) { bindRecord(b, no, rows[i]) }
	added, err := t.c.Insert(ctx, insertRecords, keepRecord, len(rows), recordWidth, row)
	if err != nil {
		return err
	}
	t.grown[no] += added
	if added < len(rows) {
		if _, err := t.c.Insert(ctx, insertRecords, replaceRecord, len(rows), recordWidth, row); err != nil {
			return err
		}
		if err := t.deleteTags(ctx, no, rows); err != nil {
			return err
		}
	}
	return t.putTags(ctx, no, rows)
}

// bindRecord puts in the parameters of insertRecords.
func bindRecord(b *engine.Binds, no int64, r *model.Record) {
	b.Int(no)
	b.ID(r.ID)
	b.Text(r.Name.Host())
	b.Text(typeText(r.Type))
	b.Text(r.Content)
	if r.Priority != nil {
		b.Int(int64(*r.Priority))
	} else {
		b.Null()
	}
	b.Octets(r.RData)
	b.Int(int64(r.TTL))
	b.Flag(r.Proxied)
	var switches int64
	for i, on := range [...]bool{r.Settings.FlattenCNAME, r.Settings.IPv4Only, r.Settings.IPv6Only} {
		switches |= engine.Flag(on) << i
	}
	b.Int(switches)
	b.Text(r.Comment)
	b.Text(strings.Join(r.Tags, "\n"))
	b.Time(r.Created)
	b.Time(r.Modified)
	b.Time(r.CommentModified)
	b.Time(r.TagsModified)
}

func (t *Tx) deleteTags(ctx context.Context, no int64, rows []*model.Record) error {
	list := make([]any, len(rows))
	for i, r := range rows {
		list[i] = engine.ID(r.ID)
	}
	_, err := t.c.ExecIn(ctx, deleteTagsOf, []any{no}, list)
	return err
}

const deleteTagsOf = `DELETE FROM record_tags WHERE zone = ? AND record IN (%s)`

// putTags writes tags a second time, one a row, for filters.
func (t *Tx) putTags(ctx context.Context, no int64, rows []*model.Record) error {
	type tag struct {
		record *model.Record
		pos    int
	}
	var tags []tag
	for _, r := range rows {
		for i := range r.Tags {
			tags = append(tags, tag{r, i})
		}
	}
	const text, width = `record_tags (zone, record, pos, name, value)`, 5
	return t.c.PostInsert(ctx, text, "", len(tags), width, func(b *engine.Binds, i int) {
		name, value, _ := strings.Cut(engine.LowerASCII(tags[i].record.Tags[tags[i].pos]), ":")
		b.Int(no)
		b.ID(tags[i].record.ID)
		b.Int(int64(tags[i].pos))
		b.Text(name)
		b.Text(value)
	})
}

// DeleteRecords removes records of a zone; ids that are not there are passed over.
func (t *Tx) DeleteRecords(ctx context.Context, zone model.ID, records []model.ID) error {
	if err := t.owns(zone); err != nil {
		return fmt.Errorf("delete records: %w", err)
	}
	no, err := t.number(ctx, zone)
	if err != nil {
		return err
	}
	list := engine.IDs(records)
	n, err := t.c.ExecIn(ctx, `DELETE FROM records WHERE zone = ? AND id IN (%s)`, []any{no}, list)
	if err == nil {
		_, err = t.c.ExecIn(ctx, deleteTagsOf, []any{no}, list)
	}
	if err != nil {
		return fmt.Errorf("delete %d records of zone %s: %w", len(records), zone, err)
	}
	t.grown[no] -= n
	return nil
}
