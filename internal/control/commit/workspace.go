package commit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// workspace holds what a group of changes has read and what it wants to become, until flush writes it. Planning changes the
// workspace only through undo, so that a refused change leaves no trace. What was merely read stays: it is true either way.
type workspace struct {
	cfg *Config
	tx  Tx
	// locked is what the transaction has locked, in order.
	locked model.Locks
	now    time.Time
	undo   undo
	spot   rules.Place // of the record in hand

	zones    map[model.ID]*zoneWork
	named    map[wire.Name]*zoneWork // zones made or removed in this group
	order    []*zoneWork             // as first seen
	accounts map[model.ID]*accountWork
	audits   []model.Audit
	usages   usages
	ids      map[model.ID]bool          // changes planned so far
	mark     *model.Restored            // once it was asked for
	wrote    bool                       // something was written of which neither journal nor audit log tells
	trying   bool                       // all of it is taken back; what is done is told piece by piece
	made     map[model.ID]face.Versions // what the images come to that were written
	ahead    map[model.ID]*zone.Ahead   // what deltas lead to, where that was needed to make them; nil for none
}

// zoneWork is one zone in a workspace.
type zoneWork struct {
	read  model.Zone // as stored; the zero Zone for a new one
	row   model.Zone // as planned
	acct  *accountWork
	fresh bool // made in this group
	gone  bool
	dirty bool // row is to be written

	state *zone.State // memory at read.Seq; nil for a new zone, and for a damaged one
	// looked is whether memory has a DNAME at a name, the last that was looked at.
	looked struct {
		at    wire.Name
		dname bool
	}
	bad error // the zone is damaged: it can be deleted, and nothing else

	rows    map[wire.Name][]*model.Record // by owner; an owner that is missing has not been read
	byID    map[model.ID]*model.Record    // all of rows
	puts    map[model.ID]*model.Record
	adds    map[model.ID]struct{} // those of puts that are stored nowhere yet, and whatever else was added here
	dels    map[model.ID]struct{}
	touched map[wire.Name]struct{} // owners to render
	grown   model.Usage            // by how much it holds more than what is stored
	stored  *model.Usage           // once somebody has asked
	under   map[wire.Name]int      // rows below each name; nil until a DNAME is planned

	dependents bool                   // render everything that depends on more than its rows
	recast     bool                   // what is flattened or proxied has changed: nothing that is answered now may be kept
	retargeted map[wire.Name]struct{} // owners whose CNAME has changed, likewise
	doubted    map[wire.Name]struct{} // owners that had a CNAME which went or changed; nil for none
	relink     bool                   // who may transfer has changed
	notify     bool
	raise      *uint32 // the serial is to go on to this, at least

	keys      []model.ZoneKey // what the zone is signed with, once keysRead
	keysRead  bool
	keysDirty bool
	told      bool // that something is to be done, though nothing has changed for anybody else
	keysGone  []model.ID
	signAll   bool          // other keys sign than before
	lingers   bool          // other keys sign than before, and signatures of those before go some names at a time
	renew     bool          // there is a new version, though nothing in the zone changes but its signatures
	resign    []wire.Name   // names whose signatures are looked at though nothing has changed there
	rehash    []dnssec.Hash // likewise, of the chain of NSEC3

	drafts map[model.ID]*model.Draft // that are written, nil for those that go

	serial uint32 // as flushed
	entry  int    // index of the zone's newest entry, -1 for none
}

// accountWork is one account in a workspace.
type accountWork struct {
	read, row  model.Account
	fresh      bool
	dirty      bool
	access     *accessWork            // nil until somebody needs it
	entitled   bool                   // the entitlement has changed: every zone's links are to be written
	dependents bool                   // every zone's dependents are to be rendered
	targets    map[wire.Name]struct{} // of flattened CNAMEs, new in this group; nil for none
	grown      model.Usage            // by how much it holds more than what is stored
	counted    bool                   // what it holds has been read in this transaction
}

func newWorkspace(cfg *Config, tx Tx, locked model.Locks) *workspace {
	return &workspace{
		cfg: cfg, tx: tx, locked: locked,
		// The store keeps microseconds; what is answered now must read the same later.
		now:   cfg.Clock().UTC().Truncate(time.Microsecond),
		zones: map[model.ID]*zoneWork{}, named: map[wire.Name]*zoneWork{}, accounts: map[model.ID]*accountWork{},
		ids: map[model.ID]bool{}, made: map[model.ID]face.Versions{},
	}
}

// yield is called in step i of what may take many, a few microseconds each.
func (s *workspace) yield(i int) {
	if i%16 == 15 {
		s.cfg.Yield()
	}
}

// account reads an account; ErrNotFound when there is none.
func (s *workspace) account(ctx context.Context, id model.ID) (*accountWork, error) {
	if a := s.accounts[id]; a != nil {
		return a, nil
	}
	row, err := s.tx.Account(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read account %s: %w", id, err)
	}
	a := &accountWork{read: row, row: row}
	s.accounts[id] = a
	return a, nil
}

// zone reads a zone and finds the version in memory that its rows correspond to, the base of what is planned; ErrNotFound when
// there is none, a lagError when memory is behind. A damaged zone is one fault of those who want to change it.
func (s *workspace) zone(ctx context.Context, id model.ID) (*zoneWork, error) {
	z, err := s.anyZone(ctx, id)
	if err != nil {
		return nil, err
	}
	return z, z.bad
}

// anyZone is zone for what can be done to a damaged one, too.
func (s *workspace) anyZone(ctx context.Context, id model.ID) (*zoneWork, error) {
	if z := s.zones[id]; z != nil {
		if z.gone {
			return nil, fmt.Errorf("zone %s: %w", id, model.ErrNotFound)
		}
		return z, nil
	}
	row, err := s.tx.Zone(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read zone %s: %w", id, err)
	}
	a, err := s.account(ctx, row.Account)
	if err != nil {
		return nil, err
	}
	z := newZoneWork(row, a)
	z.read = row
	switch z.state, err = s.base(ctx, row); {
	case ownFault(err):
		z.bad = err
	case err != nil:
		return nil, err
	}
	s.zones[id] = z
	s.order = append(s.order, z)
	return z, nil
}

func newZoneWork(row model.Zone, a *accountWork) *zoneWork {
	return &zoneWork{
		row: row, acct: a, serial: row.Serial, entry: -1,
		rows: map[wire.Name][]*model.Record{}, byID: map[model.ID]*model.Record{},
		puts: map[model.ID]*model.Record{}, adds: map[model.ID]struct{}{}, dels: map[model.ID]struct{}{}, touched: map[wire.Name]struct{}{}, retargeted: map[wire.Name]struct{}{},
	}
}

// expect makes room for what the edits at some names will want, which is cheaper at once than step by step.
func (z *zoneWork) expect(names int) {
	if names < 16 || len(z.rows) > 0 || len(z.byID) > 0 {
		return
	}
	z.rows, z.byID = make(map[wire.Name][]*model.Record, names), make(map[model.ID]*model.Record, names)
	if len(z.puts) == 0 && len(z.adds) == 0 && len(z.touched) == 0 {
		z.puts, z.adds = make(map[model.ID]*model.Record, names), make(map[model.ID]struct{}, names)
		z.touched = make(map[wire.Name]struct{}, names)
	}
}

// lockedWait bounds how long a transaction waits for memory with its rows locked.
const lockedWait = 2 * time.Second

// base takes the memory that the zone's rows correspond to. Where another node has committed a moment ago it waits for that
// to arrive, with the rows locked: to let go and start anew would let a busy neighbour win again and again.
func (s *workspace) base(ctx context.Context, row model.Zone) (*zone.State, error) {
	if state := s.memory(row); state != nil {
		return state, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lockedWait)
	defer cancel()
	if s.cfg.Feed.Wait(ctx, row.Seq, row.ID) != nil {
		return nil, &lagError{row.Seq, row.ID}
	}
	if state := s.memory(row); state != nil {
		return state, nil
	}
	if mem := s.cfg.DB.ByID(string(row.ID)); mem == nil || mem.State().Seq < uint64(row.Seq) {
		// Memory has all that the journal has, but not this: it could not be used, and waiting will not mend it.
		e := invalid(model.CodeZoneDamaged, "The zone %s is damaged in the store: it can be deleted, and takes no other change.", row.Name.Host())
		e.Status = 500
		return nil, e
	}
	return nil, &lagError{row.Seq, row.ID}
}

func (s *workspace) memory(row model.Zone) *zone.State {
	mem := s.cfg.DB.ByID(string(row.ID))
	if mem == nil {
		return nil
	}
	if state := mem.State(); state.Seq == uint64(row.Seq) {
		return state
	}
	return nil
}

// lagError says that memory has not reached seq, which the rows have (or, for a moment, the other way round).
type lagError struct {
	seq  model.Seq
	zone model.ID
}

func (e *lagError) Error() string {
	return fmt.Sprintf("memory has not reached journal position %d", e.seq)
}

// readChunk bounds the names of one query.
const readChunk = 500

// load reads the rows at names that have not been read yet.
func (s *workspace) load(ctx context.Context, z *zoneWork, names []wire.Name) error {
	var missing []wire.Name
	for _, n := range names {
		if _, known := z.rows[n]; !known {
			z.rows[n] = nil
			if !z.empty(n) {
				missing = append(missing, n)
			}
		}
	}
	if z.fresh || len(missing) == 0 {
		return nil
	}
	if len(missing) > readChunk {
		// An import into an empty zone need not look at every name.
		if n, err := s.tx.CountRecords(ctx, z.row.ID); err != nil || n == 0 {
			return wrap(err, "count records of zone %s", z.row.ID)
		}
	}
	for len(missing) > 0 {
		n := min(readChunk, len(missing))
		rows, err := s.tx.RecordsAt(ctx, z.row.ID, missing[:n])
		if err != nil {
			return fmt.Errorf("read records of zone %s: %w", z.row.ID, err)
		}
		z.learn(rows)
		missing = missing[n:]
	}
	return nil
}

// empty says that memory shows that no row stands at a name, which spares asking the store for it. Where secondaries get the
// origin, the transfer face has something at every name below the apex that has a row (render); elsewhere it need not.
func (z *zoneWork) empty(n wire.Name) bool {
	return z.state != nil && z.read.Mode != model.ModeEdge && n != z.read.Name && z.state.Transfer.Sets(n) == nil
}

// learn takes rows in as read.
func (z *zoneWork) learn(rows []model.Record) {
	for i := range rows {
		r := &rows[i]
		z.rows[r.Name] = append(z.rows[r.Name], r)
		z.byID[r.ID] = r
		z.tally(r.Name, 1)
	}
}

// at returns the rows at one name.
func (s *workspace) at(ctx context.Context, z *zoneWork, n wire.Name) ([]*model.Record, error) {
	if rows, known := z.rows[n]; known {
		return rows, nil
	}
	if err := s.load(ctx, z, []wire.Name{n}); err != nil {
		return nil, err
	}
	return z.rows[n], nil
}

// record finds a record by id and reads everything at its name; nil when the zone has no such record.
func (s *workspace) record(ctx context.Context, z *zoneWork, id model.ID) (*model.Record, error) {
	if r := z.byID[id]; r != nil {
		return r, nil
	}
	if _, deleted := z.dels[id]; deleted || z.fresh {
		return nil, nil
	}
	row, err := s.tx.Record(ctx, z.row.ID, id)
	if errors.Is(err, model.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read record %s: %w", id, err)
	}
	if _, err := s.at(ctx, z, row.Name); err != nil {
		return nil, err
	}
	return z.byID[id], nil
}

// prefetch reads in few queries what a group of changes will ask for one by one. What it cannot find is left for plan
// to complain about.
func (s *workspace) prefetch(ctx context.Context, changes []*model.Change) error {
	names := map[model.ID][]wire.Name{}
	for _, c := range changes {
		if c.Zone == "" || len(c.Edits) == 0 {
			continue
		}
		z, err := s.zone(ctx, c.Zone)
		if ownFault(err) {
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range c.Edits {
			if e, ok := e.(model.Rewrite); ok {
				names[c.Zone] = append(names[c.Zone], e.Names...)
				continue
			}
			n, err := s.ownerOf(ctx, z, e)
			if err != nil {
				return err
			}
			if n != "" {
				names[c.Zone] = append(names[c.Zone], n)
			}
		}
	}
	for id, list := range names {
		s.zones[id].expect(len(list))
		if err := s.load(ctx, s.zones[id], list); err != nil {
			return err
		}
	}
	return nil
}

// ownerOf is the owner that an edit concerns, or none.
func (s *workspace) ownerOf(ctx context.Context, z *zoneWork, e model.Edit) (wire.Name, error) {
	var id model.ID
	switch e := e.(type) {
	case model.AddRecord:
		return e.Record.Name, nil
	case model.EditRecord:
		id = e.ID
	case model.DeleteRecord:
		id = e.ID
	default:
		return "", nil
	}
	row, err := s.tx.Record(ctx, z.row.ID, id)
	if errors.Is(err, model.ErrNotFound) {
		return "", nil
	}
	return row.Name, wrap(err, "read record %s", id)
}

// wrap adds words to an error and leaves nil alone.
func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
