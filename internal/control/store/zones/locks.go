package zones

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/control/store/journal"
)

// Locks on PostgreSQL have one order, and so no two transactions ever wait for each other:
//
//  1. accounts, in order of id,
//  2. zones, in order of id: Lock takes both, once, before anything else is read,
//  3. what belongs to a locked account or zone, which nobody else writes; zones and accounts that are made,
//     which commit writes in order of their names,
//  4. the counter of journal positions, which all commits share, and behind it whatever several commits may write.
//
// Transactions about people come one after another by a counter of their own and lock nothing of these.
//
// Tx refuses to touch what is of another account or zone than those that were locked, so another order cannot be written.
// Statements outside of Tx lock the zones whose images or journal they write, or rows of one kind in order of their keys.
type locks struct {
	taken    bool
	accounts map[model.ID]bool
	zones    map[model.ID]bool
	rows     map[model.ID]numberedZone  // as they were read when they were locked, unless written since
	owners   map[model.ID]model.Account // of these zones, as they were read behind the lock, unless written since
}

func newLocks() locks {
	return locks{accounts: map[model.ID]bool{}, zones: map[model.ID]bool{}, rows: map[model.ID]numberedZone{}, owners: map[model.ID]model.Account{}}
}

var errLockedTwice = errors.New("a transaction takes its locks once, before anything else")

// Lock takes the locks of a transaction, before it reads anything: it may then write these accounts, these zones, and what
// is theirs. Rows that are not there are no error. Whatever else is touched later is a *model.UnlockedError.
func (t *Tx) Lock(ctx context.Context, l model.Locks) error {
	if err := t.lockOnce(); err != nil {
		return err
	}
	l = model.Locks{}.With(l) // in order
	for _, a := range l.Accounts {
		t.locks.accounts[a] = true
	}
	for _, z := range l.Zones {
		t.locks.zones[z] = true
	}
	if t.c.Dialect.Alone {
		return nil
	}
	err := t.c.In(ctx, engine.Discard, `SELECT id FROM accounts WHERE id IN (%s) ORDER BY id`+t.c.Dialect.Lock, nil, engine.IDs(l.Accounts))
	if err == nil {
		err = t.lockZones(ctx, l.Zones, t.c.Dialect.Lock, t.keep)
	}
	if err != nil {
		return fmt.Errorf("lock %d accounts and %d zones: %w", len(l.Accounts), len(l.Zones), err)
	}
	return nil
}

// LockFree is Lock for those of the zones that no other transaction holds, and gives them in order: nobody is waited for.
func (t *Tx) LockFree(ctx context.Context, zones []model.ID) (free []model.ID, err error) {
	l := model.Locks{}.With(model.Locks{Zones: zones})
	if t.c.Dialect.LockFree == "" {
		return l.Zones, t.Lock(ctx, l)
	}
	if err := t.lockOnce(); err != nil {
		return nil, err
	}
	err = t.lockZones(ctx, l.Zones, t.c.Dialect.LockFree, func(z numberedZone) {
		t.keep(z)
		t.locks.zones[z.ID] = true
		free = append(free, z.ID)
	})
	if err != nil {
		return nil, fmt.Errorf("lock what is free of %d zones: %w", len(l.Zones), err)
	}
	return free, nil
}

func (t *Tx) lockOnce() error {
	if t.locks.taken || len(t.zones)+len(t.accounts) > 0 {
		return errLockedTwice
	}
	t.locks.taken = true
	return nil
}

// keep takes a zone that was locked. Its position was committed, so who follows the journal need not wait to be told.
func (t *Tx) keep(z numberedZone) {
	t.locks.rows[z.ID] = z
	journal.Advance(t.s.journal, z.Seq)
}

// lockZones locks zones, which are in order of id, and yields those that are there. What nearly every transaction reads next
// comes the same way: the zones' accounts, the mark of the last restore, and whether the changes are known. They are statements of their own behind the
// lock, so they see what was committed while it was waited for.
func (t *Tx) lockZones(ctx context.Context, zones []model.ID, lock string, yield func(z numberedZone)) error {
	if len(zones) == 0 {
		return nil
	}
	const (
		text   = `SELECT ` + zoneColumns + ` FROM zones z WHERE z.id IN (%s) ORDER BY z.id`
		owners = `SELECT id, doc FROM accounts WHERE id IN (SELECT account FROM zones WHERE id IN (%s))`
	)
	err := t.c.PostIn(ctx, func(r engine.Row) error {
		z, err := scanZone(r)
		if err == nil {
			yield(z)
		}
		return err
	}, text+lock, engine.IDs(zones))
	if err == nil {
		err = t.c.PostIn(ctx, t.keepOwner, owners, engine.IDs(zones))
	}
	if err == nil {
		err = journal.PostRestored(ctx, t.c, func(r model.Restored) { t.mark = &r })
	}
	if err == nil {
		err = t.lookForChanges(ctx)
	}
	if err != nil {
		return err
	}
	return t.c.Flush(ctx)
}

// keepOwner takes an account of zones that are locked.
func (t *Tx) keepOwner(r engine.Row) error {
	var id model.ID
	var a model.Account
	if err := r.Scan(engine.ToID(&id), engine.ToDoc(&a)); err != nil {
		return fmt.Errorf("scan account: %w", err)
	}
	t.locks.owners[id] = a
	return nil
}

// owns says whether the transaction has locked a zone, or made it.
func (t *Tx) owns(zone model.ID) error {
	if t.locks.zones[zone] {
		return nil
	}
	return &model.UnlockedError{Missing: model.Locks{Zones: []model.ID{zone}}}
}

// ownsAccount says whether the transaction has locked an account, or made it.
func (t *Tx) ownsAccount(account model.ID) error {
	if t.locks.accounts[account] {
		return nil
	}
	return &model.UnlockedError{Missing: model.Locks{Accounts: []model.ID{account}}}
}

// ownsAll holds the zones of journal entries against the locks.
func (t *Tx) ownsAll(entries []model.Entry) error {
	var missing model.Locks
	for i := range entries {
		e := &entries[i]
		switch _, gone := t.gone[e.Zone]; {
		case gone, e.Zone == "", t.locks.zones[e.Zone]:
		default:
			missing.Zones = append(missing.Zones, e.Zone)
		}
	}
	if missing.Zones != nil {
		return &model.UnlockedError{Missing: missing}
	}
	return nil
}
