// Package commit is the only way into a zone: every change of records, zones, keys, peers and accounts is a
// model.Change and passes through Committer.Change.
//
//	Change -> queue -> plan -> render and diff (package face) -> serial -> one store transaction -> feed
//
// One committer takes all changes that wait together. It plans them one after the other over rows that it holds in memory
// (workspace), so that each sees what those before it did and a refused one leaves no trace; then it renders each touched
// zone once, gives it one new serial, and commits everything at once. Memory is not written here: feed applies the
// journal entries, on this node as on all others.
//
// Start with Committer.Change, then group.go (the committer), plan.go (edits; what may stand in a zone is the matter of package
// rules), version.go (what the zone becomes), flush.go (what a group writes). The package knows neither SQL nor JSON; its cost
// follows the names a change touches, never the zone.
package commit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Tx is the store's write transaction as commit uses it. What it has locked stays as it is until the end.
type Tx interface {
	// Lock is called once, before anything is read. What is written or relied upon later without it is a *model.UnlockedError.
	Lock(ctx context.Context, l model.Locks) error
	// LockFree is Lock for those of the zones that nobody else holds; it gives them in order.
	LockFree(ctx context.Context, zones []model.ID) ([]model.ID, error)
	accountTx
	zoneTx
	recordTx
	keyTx
	transferTx
	draftTx
	endTx
}

type accountTx interface {
	Account(ctx context.Context, id model.ID) (model.Account, error)
	PutAccount(ctx context.Context, a model.Account) error
	ManyAccounts(ctx context.Context) (bool, error)
	AccountZones(ctx context.Context, account model.ID, yield func(model.ID) error) error
}

type zoneTx interface {
	Zone(ctx context.Context, id model.ID) (model.Zone, error)
	ZoneByName(ctx context.Context, n wire.Name) (model.Zone, error)
	// Relatives are zones of other accounts above and below a name, one for each account, as committed; Commit is stale when
	// another account has got one since.
	Relatives(ctx context.Context, n wire.Name, account model.ID) ([]model.Relative, error)
	PutZone(ctx context.Context, z model.Zone) error
	// DeleteZone keeps what Undelete, with the zone as it shall be, makes a zone again; model.ErrStale where that is gone.
	DeleteZone(ctx context.Context, id model.ID) error
	Undelete(ctx context.Context, z *model.Zone) error
	// Usage and ZoneUsage are what an account and one of its zones hold, as committed. GrowZone adds to a zone's octets; its
	// records the store counts itself.
	Usage(ctx context.Context, account model.ID) (model.Usage, error)
	ZoneUsage(ctx context.Context, zone model.ID) (model.Usage, error)
	GrowZone(ctx context.Context, zone model.ID, octets int64) error
	// Restart forgets what the journal has of a zone, and has it hold what it was counted to hold.
	Restart(ctx context.Context, zone model.ID, holds model.Usage) error
	LastSerial(ctx context.Context, n wire.Name) (uint32, error)
}

type recordTx interface {
	RecordsAt(ctx context.Context, zone model.ID, names []wire.Name) ([]model.Record, error)
	Record(ctx context.Context, zone, id model.ID) (model.Record, error)
	Dependent(ctx context.Context, zone model.ID) ([]wire.Name, error)
	// AddRecords writes records whose ids are new, of which it keeps nothing and changes the order alone; PutRecords also replaces.
	AddRecords(ctx context.Context, r []*model.Record) error
	PutRecords(ctx context.Context, r []model.Record) error
	DeleteRecords(ctx context.Context, zone model.ID, ids []model.ID) error
	CountRecords(ctx context.Context, zone model.ID) (int, error)
}

type keyTx interface {
	ZoneKeys(ctx context.Context, zone model.ID) ([]model.ZoneKey, error)
	PutZoneKey(ctx context.Context, k model.ZoneKey) error
	DeleteZoneKey(ctx context.Context, zone, key model.ID) error
}

type transferTx interface {
	// TSIGs, Peers and ACLs are those of the account with some ids, or with none all of them, in order of id.
	TSIGs(ctx context.Context, account model.ID, ids ...model.ID) ([]model.TSIG, error)
	// Objects counts the account's keys, peers or ACLs.
	Objects(ctx context.Context, account model.ID, which model.Quota) (int64, error)
	PutTSIG(ctx context.Context, k model.TSIG) error
	DeleteTSIG(ctx context.Context, account, id model.ID) error
	Peers(ctx context.Context, account model.ID, ids ...model.ID) ([]model.Peer, error)
	PutPeer(ctx context.Context, p model.Peer) error
	DeletePeer(ctx context.Context, account, id model.ID) error
	ACLs(ctx context.Context, account model.ID, ids ...model.ID) ([]model.ACL, error)
	PutACL(ctx context.Context, a model.ACL) error
	DeleteACL(ctx context.Context, account, id model.ID) error
	ZonesLinking(ctx context.Context, peer model.ID, limit int) ([]model.Zone, error)
}

type draftTx interface {
	Draft(ctx context.Context, zone, id model.ID) (model.Draft, error)
	Drafts(ctx context.Context, zone model.ID) ([]model.Draft, error)
	PutDraft(ctx context.Context, d model.Draft) error
	DeleteDraft(ctx context.Context, zone, id model.ID) error
}

type endTx interface {
	Restored(ctx context.Context) (model.Restored, error)
	// Expect names changes that SeenChange will be asked about, before Lock.
	Expect(changes []model.ID)
	SeenChange(ctx context.Context, id model.ID) (model.Seq, bool, error)
	MarkChange(ctx context.Context, id model.ID) error
	PutImage(ctx context.Context, img model.Image) error
	Audit(ctx context.Context, a []model.Audit) error
	// OnCommit has f called once the commit is durable, before those hear of it who wait for the journal.
	OnCommit(f func())
	// Tell has the other nodes hear of something once the commit is durable, where they can be told; nothing depends on it.
	Tell(news []string)
	Commit(ctx context.Context, entries []model.Entry) (model.Seq, error)
	Rollback()
}

// within plans an edit that is worked out here.
func (p *plan) within(ctx context.Context, e model.Within) (model.Outcome, error) {
	z, err := p.zone(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	d := &desk{p: p, z: z}
	if err := e.Do(ctx, d); err != nil {
		return model.Outcome{}, err
	}
	out := zoneOutcome(z)
	out.Draft = d.last
	return out, nil
}

// desk is a model.Desk over a plan.
type desk struct {
	p    *plan
	z    *zoneWork
	last *model.Draft // that was put last
}

func (d *desk) Now() time.Time   { return d.p.now }
func (d *desk) NewID() model.ID  { return d.p.cfg.NewID() }
func (d *desk) Zone() model.Zone { return d.z.row.Clone() }

func (d *desk) Record(ctx context.Context, id model.ID) (*model.Record, error) {
	r, err := d.p.record(ctx, d.z, id)
	if err != nil || r == nil {
		return nil, err
	}
	c := r.Clone()
	return &c, nil
}

func (d *desk) Edit(ctx context.Context, e model.Edit) (model.Outcome, error) {
	return d.p.edit(ctx, e)
}

func (d *desk) Tell(part model.AuditPart) {
	d.p.audit(auditOf{action: part.Action, legacy: part.Legacy, resource: part.Resource, id: part.ResourceID, before: part.Before, after: part.After})
}

func (d *desk) Told() (n int) {
	for i := range d.p.told {
		n += len(d.p.told[i].Parts)
	}
	return n
}

func (d *desk) Approved() { d.p.approved = true }

func (d *desk) Try(f func() error) (out []model.AuditPart, err error) {
	p := d.p
	mark, was := p.undo.mark(), *p
	p.told, p.cuts, p.pieces = nil, maps.Clone(p.cuts), true
	if err = f(); err == nil {
		for i := range p.told {
			out = append(out, p.told[i].Parts...)
		}
	}
	p.undo.back(mark)
	*p = was
	return out, err
}

func (d *desk) Draft(ctx context.Context, id model.ID) (model.Draft, error) {
	if at, planned := d.z.drafts[id]; planned {
		if at == nil {
			return model.Draft{}, fmt.Errorf("draft %s: %w", id, model.ErrNotFound)
		}
		return *at, nil
	}
	return d.p.tx.Draft(ctx, d.z.row.ID, id)
}

func (d *desk) Drafts(ctx context.Context) ([]model.Draft, error) {
	list, err := d.p.tx.Drafts(ctx, d.z.row.ID)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(at model.Draft) bool { _, planned := d.z.drafts[at.ID]; return planned })
	for _, id := range slices.Sorted(maps.Keys(d.z.drafts)) {
		if at := d.z.drafts[id]; at != nil {
			list = append(list, *at)
		}
	}
	return list, nil
}

func (d *desk) PutDraft(at model.Draft) {
	at.Zone, at.Account = d.z.row.ID, d.z.row.Account
	d.last = &at
	d.p.planDraft(d.z, at.ID, &at)
}

func (d *desk) DropDraft(id model.ID) { d.p.planDraft(d.z, id, nil) }

func (p *plan) planDraft(z *zoneWork, id model.ID, at *model.Draft) {
	if z.drafts == nil {
		z.drafts = map[model.ID]*model.Draft{}
	}
	put(&p.undo, z.drafts, id, at)
}

// flushDrafts writes a zone's drafts. One that has been applied learns the serial that came of it.
func (s *workspace) flushDrafts(ctx context.Context, z *zoneWork) error {
	for _, id := range slices.Sorted(maps.Keys(z.drafts)) {
		at := z.drafts[id]
		if at == nil {
			if err := s.tx.DeleteDraft(ctx, z.row.ID, id); err != nil {
				return err
			}
			continue
		}
		row := *at
		if row.State == model.DraftApplied && row.Serial == 0 {
			row.Serial = z.serial
		}
		if err := s.tx.PutDraft(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

const statusForbidden = 403

// guard refuses what somebody does alone to a zone of four eyes. What this server does by itself it goes on doing.
func (p *plan) guard(ctx context.Context, e model.Edit) error {
	alone := false
	switch e := e.(type) {
	case model.AddRecord, model.EditRecord, model.DeleteRecord, model.DeleteZone, model.RaiseSerial, model.RollKeys, model.ImportKey, model.DropKey,
		model.Rewrite, model.Revert, model.PutUpdatePolicy, model.EditUpdatePolicy, model.DeleteUpdatePolicy:
	case model.EditZone:
		alone = e.Alone
	default:
		return nil
	}
	if p.zid == "" || p.approved || alone {
		return nil
	}
	z, err := p.zone(ctx)
	if err != nil {
		return nil //nolint:nilerr // the edit itself says what is wrong
	}
	if z.row.FourEyes == nil || z.fresh {
		return nil
	}
	by := &p.change.Actor
	if by.Context == model.BySystem && by.User == "" && by.Token == "" || by.Token != "" && slices.Contains(z.row.FourEyes.Except, by.Token) {
		return nil
	}
	return &model.Invalid{
		Code: model.CodeFourEyes, Status: statusForbidden,
		Message: "The zone is changed by drafts that somebody else has approved. With the header Headwater-Draft the call goes into one.",
	}
}

// only does an edit for somebody who may touch some records alone. It is asked here, of the rows as the change finds them: asked before, a
// record could become another one meanwhile.
func (p *plan) only(ctx context.Context, e model.Edit) (model.Outcome, error) {
	switch e := e.(type) {
	case model.AddRecord:
		if !p.change.Only(&e.Record) {
			return model.Outcome{}, notThese()
		}
		return p.addRecord(ctx, e)
	case model.EditRecord:
		if err := p.seen(ctx, e.ID); err != nil {
			return model.Outcome{}, err
		}
		apply := e.Apply
		e.Apply = func(r model.Record) (model.Record, error) {
			r, err := apply(r)
			if err == nil && !p.change.Only(&r) {
				err = notThese()
			}
			return r, err
		}
		return p.editRecord(ctx, e)
	case model.DeleteRecord:
		if err := p.seen(ctx, e.ID); err != nil {
			return model.Outcome{}, err
		}
		return p.deleteRecord(ctx, e)
	}
	return model.Outcome{}, notThese()
}

// seen says that a record is none of those that may be touched, in the words for one that is not there.
func (p *plan) seen(ctx context.Context, id model.ID) error {
	_, r, err := p.recordOf(ctx, id)
	if err == nil && !p.change.Only(r) {
		err = missing(model.CodeRecordNotFound, "Record does not exist.")
	}
	return err
}

func notThese() error {
	return &model.Invalid{
		Code: model.CodeOnlyChallenges, Status: statusForbidden,
		Message: "What you may do here is for TXT records at _acme-challenge names alone.",
	}
}
