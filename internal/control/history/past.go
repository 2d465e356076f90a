package history

import (
	"context"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Store is what is read of a store. ZoneHistory yields newest first, and with each entry the place of the one before it.
type Store interface {
	Account(ctx context.Context, id model.ID) (model.Account, error)
	// HistoryEnd is where the newest entry of a zone's history stands, as the database has it: what is read of the zone before has nothing
	// that came after it.
	HistoryEnd(ctx context.Context, zone model.ID) (model.Place, error)
	ZoneHistory(ctx context.Context, account, zone model.ID, from model.Place, yield func(e *model.Audit, before model.Place) (bool, error)) error
	Records(ctx context.Context, zone model.ID, q model.RecordQuery, yield func(*model.Record) error) error
	RecordsByID(ctx context.Context, zone model.ID, ids []model.ID) ([]model.Record, error)
	RecordsNamed(ctx context.Context, zone model.ID, names []wire.Name) ([]model.Record, error)
}

// Reader reads histories. It is safe for many callers.
type Reader struct {
	Store Store
	Clock func() time.Time
	// Context gives what a state of a zone is rendered with: what flattened names and edge addresses are now.
	Context func(z *model.Zone, account *model.Account) *face.Context
}

// Point is a version of a zone: the last that it had under a serial, or at a time; the zero Point is now.
type Point struct {
	Serial *uint32
	Time   time.Time
}

// At is the point of a serial.
func At(serial uint32) Point { return Point{Serial: &serial} }

func (p *Point) now() bool { return p.Serial == nil && p.Time.IsZero() }

func (p *Point) String() string {
	switch {
	case p.Serial != nil:
		return fmt.Sprintf("serial %d", *p.Serial)
	case p.now():
		return "now"
	}
	return p.Time.UTC().Format(time.RFC3339)
}

// reached says that what an entry led to is not newer than the point.
func (p *Point) reached(e *model.Audit) bool {
	if p.Serial != nil {
		return !wire.SerialNewer(e.To, *p.Serial)
	}
	return !e.When.After(p.Time)
}

// mostTouched bounds the records that have changed since a version that is asked for.
const mostTouched = 200_000

// past is what a zone was: its members as of then, and the records that have been changed since as they were, nil for those that were
// not there. Of a record that is not told, what it is now is what it was.
type past struct {
	zone    model.Zone // with its serial
	when    time.Time  // of the change that led there; zero if that is not told any more
	records map[model.ID]*model.Record
	imports map[int64]int // that came since: their instants, in microseconds, and how many records they brought
	undone  int           // entries
	head    model.Place   // newest entry of the history as it was read
}

// is what a record was, of which row is what it is now; nil for none.
func (p *past) is(id model.ID, row *model.Record) *model.Record {
	if was, told := p.records[id]; told {
		return was
	}
	if row != nil && p.imported(row) {
		return nil
	}
	return row
}

func (p *past) imported(r *model.Record) bool {
	_, since := p.imports[r.Created.UnixMicro()]
	return since
}

// undo takes an entry back.
func (p *past) undo(e *model.Audit) {
	for i := len(e.Parts) - 1; i >= 0; i-- {
		part := &e.Parts[i]
		if stamp, n, ok := importOf(part); ok {
			p.imports[stamp] += n
			for id, r := range p.records {
				if r != nil && r.Created.UnixMicro() == stamp {
					p.records[id] = nil
				}
			}
			continue
		}
		if before, after := recordOf(part.Before), recordOf(part.After); before != nil || after != nil {
			p.records[part.ResourceID] = before
		}
		if z, ok := part.Before.(model.Zone); ok {
			takeMembers(&p.zone, &z)
		}
	}
	p.zone.Serial = e.From
	p.undone++
}

// recordOf is the record that an entry tells of; nil for none.
func recordOf(v any) *model.Record {
	if r, ok := v.(model.Record); ok {
		return &r
	}
	return nil
}

// importOf reads what is told of an import: its instant, and how many records it brought.
func importOf(p *model.AuditPart) (stamp int64, n int, ok bool) {
	facts, is := p.After.(model.AuditFacts)
	if !is || p.Resource != "dns.record" {
		return 0, 0, false
	}
	for _, f := range facts {
		switch f.Name {
		case model.FactImported:
			n = int(f.Number)
		case model.FactStamp:
			stamp, ok = f.Number, true
		}
	}
	return stamp, n, ok
}

// made says that an entry tells how the zone came to be.
func made(e *model.Audit) bool {
	for i := range e.Parts {
		p := &e.Parts[i]
		if _, zone := p.After.(model.Zone); zone && p.Action == "create" && p.Before == nil {
			return true
		}
	}
	return false
}

// before works out what a zone was at a point. z is the zone as it is.
func (h *Reader) before(ctx context.Context, z *model.Zone, p *Point, kept time.Duration) (*past, error) {
	out := &past{zone: z.Clone(), records: map[model.ID]*model.Record{}, imports: map[int64]int{}, head: z.Told}
	if p.Serial != nil && wire.SerialNewer(*p.Serial, z.Serial) {
		return nil, noVersion("There is no serial %d yet: the zone is at %d.", *p.Serial, z.Serial)
	}
	if p.now() {
		return out, nil
	}
	reached, born, oldest := false, false, h.Clock().Add(-kept)
	err := h.Store.ZoneHistory(ctx, z.Account, z.ID, z.Told, func(e *model.Audit, _ model.Place) (bool, error) {
		if p.reached(e) {
			reached, out.when = true, e.When
			return false, nil
		}
		if born = made(e); born || e.When.Before(oldest) {
			return false, nil
		}
		if out.undo(e); len(out.records) > mostTouched {
			return false, tooMuch("More than %d records have changed since %s.", mostTouched, p)
		}
		return true, nil
	})
	switch serial := out.zone.Serial; {
	case err != nil:
		return nil, err
	case reached && p.Serial == nil:
	case p.Serial == nil && born:
		return nil, noVersion("The zone was not there at %s.", p)
	case p.Serial == nil:
		return nil, tooOld(serial)
	case *p.Serial == serial || reached && !wire.SerialNewer(*p.Serial, serial):
		// Between what was taken back and what was not there may be versions of nobody's making: signatures, flattened names.
		out.zone.Serial = *p.Serial
	case wire.SerialNewer(*p.Serial, serial) || born:
		return nil, noVersion("The zone never had the serial %d.", *p.Serial)
	default:
		return nil, tooOld(serial)
	}
	return out, nil
}

// since takes back what was committed behind a place, out of rows that were read some time after it.
func (h *Reader) since(ctx context.Context, z *model.Zone, head model.Place, take func(*past) error) error {
	end, err := h.Store.HistoryEnd(ctx, z.ID)
	if err != nil || end == head {
		return err
	}
	p := &past{zone: z.Clone(), head: end, records: map[model.ID]*model.Record{}, imports: map[int64]int{}}
	found := false
	err = h.Store.ZoneHistory(ctx, z.Account, z.ID, end, func(e *model.Audit, before model.Place) (bool, error) {
		p.undo(e)
		found = before == head
		return !found, nil
	})
	switch {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("history of zone %s: its end is gone: %w", z.ID, model.ErrUnavailable)
	}
	return take(p)
}

func noVersion(format string, args ...any) error {
	return invalid(model.CodeNoVersion, 404, format, args...)
}

func tooOld(serial uint32) error {
	return invalid(model.CodeHistoryGone, 410, "The history that is kept of the zone begins at serial %d.", serial)
}

func tooMuch(format string, args ...any) error {
	return invalid(model.CodeHistoryTooMuch, 400, format+" Take the file of that version and import it.", args...)
}

func invalid(code, status int, format string, args ...any) error {
	return &model.Invalid{Code: code, Status: status, Message: fmt.Sprintf(format, args...)}
}
