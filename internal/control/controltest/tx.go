package controltest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/audit"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Tx is a write transaction; there is one at a time.
type Tx struct {
	s      *Store
	r      *rows
	own    map[model.ID]bool // zones whose record maps are this transaction's copies
	unset  map[model.ID]bool // images that wait for their position
	marked []model.ID
	locks  model.Locks
	over   bool
	handed func() // may be nil
}

// Begin waits for the writer's place.
func (s *Store) Begin(ctx context.Context) (*Tx, error) {
	if err := s.fail("begin"); err != nil {
		return nil, err
	}
	select {
	case s.writer <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return &Tx{s: s, r: s.read().clone(), own: map[model.ID]bool{}, unset: map[model.ID]bool{}}, nil
}

// Rollback ends the transaction without a trace.
func (t *Tx) Rollback() {
	if !t.over {
		t.over = true
		<-t.s.writer
	}
}

// OnCommit has f called before those are woken who wait for the journal.
func (t *Tx) OnCommit(f func()) { t.handed = f }

// Tell tells nobody: there is no other node.
func (t *Tx) Tell([]string) {}

// Commit makes everything visible and gives the entries their positions.
func (t *Tx) Commit(_ context.Context, entries []model.Entry) (model.Seq, error) {
	defer t.Rollback()
	if err := t.s.fail("commit"); err != nil {
		return 0, err
	}
	for i := range entries {
		e := &entries[i]
		t.r.seq++
		e.Seq = t.r.seq
		t.r.journal = append(t.r.journal, *e)
		if z, ok := t.r.zones[e.Zone]; ok {
			z.Seq, z.Serial = e.Seq, e.Serial
			t.r.zones[e.Zone] = z
		}
		if e.Kind == model.EntryAccess {
			t.r.access[cmp.Or(e.Zone, e.Account)] = *e
		}
		if t.unset[e.Zone] {
			img := t.r.images[e.Zone]
			img.Seq = e.Seq
			t.r.images[e.Zone] = img
		}
	}
	for _, id := range t.marked {
		t.r.changes[id] = t.r.seq
	}
	t.s.mu.Lock()
	t.s.rows = t.r
	t.s.mu.Unlock()
	if t.handed != nil {
		t.handed()
	}
	t.s.mu.Lock()
	close(t.s.wake)
	t.s.wake = make(chan struct{})
	t.s.mu.Unlock()
	return t.r.seq, t.s.fail("committed")
}

// Lock notes what the transaction may write; there is one at a time, so that nobody waits.
func (t *Tx) Lock(_ context.Context, l model.Locks) error {
	t.locks = l
	return t.s.fail("lock")
}

// LockFree is Lock: nobody else holds a zone.
func (t *Tx) LockFree(ctx context.Context, zones []model.ID) ([]model.ID, error) {
	return zones, t.Lock(ctx, model.Locks{Zones: zones})
}

func (t *Tx) locked(l model.Locks) error {
	for _, id := range l.Zones {
		if !slices.Contains(t.locks.Zones, id) {
			return &model.UnlockedError{Missing: l}
		}
	}
	for _, id := range l.Accounts {
		if !slices.Contains(t.locks.Accounts, id) {
			return &model.UnlockedError{Missing: l}
		}
	}
	return nil
}

// SeenChange says whether a change of this id is committed.
func (t *Tx) SeenChange(_ context.Context, id model.ID) (model.Seq, bool, error) {
	seq, ok := t.r.changes[id]
	return seq, ok, t.s.fail("seen change")
}

// MarkChange has the commit remember a change.
func (t *Tx) MarkChange(_ context.Context, id model.ID) error {
	t.marked = append(t.marked, id)
	return t.s.fail("mark change")
}

// Account reads an account.
func (t *Tx) Account(_ context.Context, id model.ID) (model.Account, error) {
	return get(t.r.accounts, id)
}

// PutAccount writes an account.
func (t *Tx) PutAccount(_ context.Context, a model.Account) error {
	t.r.accounts[a.ID] = a
	return t.s.fail("put account")
}

// ManyAccounts says whether there is more than one account.
func (t *Tx) ManyAccounts(context.Context) (bool, error) { return len(t.r.accounts) > 1, nil }

// Relatives tells which other accounts have zones above or below a name.
func (t *Tx) Relatives(_ context.Context, n wire.Name, account model.ID) ([]model.Relative, error) {
	seen := map[model.ID]wire.Name{}
	for _, z := range t.r.zones {
		if z.Account != account && z.Name != n && (z.Name.Within(n) || n.Within(z.Name)) {
			seen[z.Account] = z.Name
		}
	}
	var out []model.Relative
	for _, id := range slices.Sorted(maps.Keys(seen)) {
		out = append(out, model.Relative{Account: id, Zone: seen[id]})
	}
	return out, nil
}

// AccountZones yields an account's zones.
func (t *Tx) AccountZones(_ context.Context, account model.ID, yield func(model.ID) error) error {
	for _, id := range slices.Sorted(maps.Keys(t.r.zones)) {
		if t.r.zones[id].Account == account {
			if err := yield(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// Zone reads a zone.
func (t *Tx) Zone(_ context.Context, id model.ID) (model.Zone, error) {
	if err := t.locked(model.Locks{Zones: []model.ID{id}}); err != nil {
		return model.Zone{}, err
	}
	return get(t.r.zones, id)
}

// ZoneByName reads the zone of an apex.
func (t *Tx) ZoneByName(_ context.Context, n wire.Name) (model.Zone, error) {
	for _, z := range t.r.zones {
		if z.Name == n {
			return z, nil
		}
	}
	return model.Zone{}, fmt.Errorf("zone %s: %w", n, model.ErrNotFound)
}

// PutZone keeps the stored serial and position, as the real store does.
func (t *Tx) PutZone(_ context.Context, z model.Zone) error {
	if old, ok := t.r.zones[z.ID]; ok {
		z.Seq, z.Serial = old.Seq, old.Serial
	}
	t.r.zones[z.ID] = z
	return t.s.fail("put zone")
}

// DeleteZone removes a zone and all that is its own.
func (t *Tx) DeleteZone(_ context.Context, id model.ID) error {
	z := t.r.zones[id]
	t.r.serials[z.Name] = z.Serial
	delete(t.r.zones, id)
	delete(t.r.records, id)
	delete(t.r.images, id)
	delete(t.r.access, id)
	maps.DeleteFunc(t.r.drafts, func(_ model.ID, d model.Draft) bool { return d.Zone == id })
	t.r.journal = slices.DeleteFunc(slices.Clone(t.r.journal), func(e model.Entry) bool { return e.Zone == id })
	return t.s.fail("delete zone")
}

// Restart takes a zone's entries out of the journal.
func (t *Tx) Restart(_ context.Context, zone model.ID, _ model.Usage) error {
	t.r.journal = slices.DeleteFunc(slices.Clone(t.r.journal), func(e model.Entry) bool { return e.Zone == zone })
	return t.s.fail("restart")
}

// Undelete finds nothing: what is deleted here is gone.
func (t *Tx) Undelete(context.Context, *model.Zone) error { return model.ErrStale }

// LastSerial is the serial of a deleted zone.
func (t *Tx) LastSerial(_ context.Context, n wire.Name) (uint32, error) {
	serial, ok := t.r.serials[n]
	if !ok {
		return 0, fmt.Errorf("serial of %s: %w", n, model.ErrNotFound)
	}
	return serial, nil
}

// Restored is the mark of MarkRestored.
func (t *Tx) Restored(context.Context) (model.Restored, error) {
	return t.r.restored, t.s.fail("restored")
}

// RecordsAt reads all records at names.
func (t *Tx) RecordsAt(_ context.Context, zone model.ID, names []wire.Name) ([]model.Record, error) {
	wanted := make(map[wire.Name]bool, len(names))
	for _, n := range names {
		wanted[n] = true
	}
	var out []model.Record
	for _, r := range t.r.records[zone] {
		if wanted[r.Name] {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, byName)
	return out, t.s.fail("records at")
}

// Record reads a record.
func (t *Tx) Record(_ context.Context, zone, id model.ID) (model.Record, error) {
	return get(t.r.records[zone], id)
}

// Dependent lists names whose rendering needs more than rows.
func (t *Tx) Dependent(_ context.Context, zone model.ID) ([]wire.Name, error) {
	names := map[wire.Name]bool{}
	for _, r := range t.r.records[zone] {
		if r.Proxied || r.Type == wire.TypeCNAME {
			names[r.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

func (t *Tx) writable(zone model.ID) map[model.ID]model.Record {
	if !t.own[zone] {
		t.own[zone] = true
		t.r.records[zone] = maps.Clone(t.r.records[zone])
		if t.r.records[zone] == nil {
			t.r.records[zone] = map[model.ID]model.Record{}
		}
	}
	return t.r.records[zone]
}

// AddRecords writes records that are not there.
func (t *Tx) AddRecords(_ context.Context, list []*model.Record) error {
	for _, r := range list {
		if _, there := t.r.records[r.Zone][r.ID]; there {
			return fmt.Errorf("record %s is there already: %w", r.ID, model.ErrStale)
		}
	}
	for _, r := range list {
		t.writable(r.Zone)[r.ID] = *r
	}
	return t.s.fail("put records")
}

// PutRecords writes records.
func (t *Tx) PutRecords(_ context.Context, list []model.Record) error {
	for _, r := range list {
		t.writable(r.Zone)[r.ID] = r
	}
	return t.s.fail("put records")
}

// DeleteRecords removes records.
func (t *Tx) DeleteRecords(_ context.Context, zone model.ID, ids []model.ID) error {
	for _, id := range ids {
		delete(t.writable(zone), id)
	}
	return t.s.fail("delete records")
}

// Usage is what an account holds.
func (t *Tx) Usage(ctx context.Context, account model.ID) (sum model.Usage, err error) {
	for id, z := range t.r.zones {
		if z.Account == account {
			n, err := t.ZoneUsage(ctx, id)
			if err != nil {
				return sum, err
			}
			sum = sum.Plus(n)
		}
	}
	return sum, t.s.fail("usage")
}

// ZoneUsage is what a zone holds.
func (t *Tx) ZoneUsage(_ context.Context, zone model.ID) (model.Usage, error) {
	sum := model.Usage{Zones: 1}
	for _, r := range t.r.records[zone] {
		sum = sum.Plus(model.Usage{Records: 1, Octets: r.Size()})
	}
	return sum, nil
}

// GrowZone has nothing to do: octets are counted when somebody asks.
func (t *Tx) GrowZone(context.Context, model.ID, int64) error { return nil }

// CountRecords counts the records of a zone.
func (t *Tx) CountRecords(_ context.Context, zone model.ID) (int, error) {
	return len(t.r.records[zone]), nil
}

func of[T any](m map[model.ID]T, account model.ID, accountOf func(T) model.ID) []T {
	var out []T
	for _, id := range slices.Sorted(maps.Keys(m)) {
		if accountOf(m[id]) == account {
			out = append(out, m[id])
		}
	}
	return out
}

// among leaves those of some ids, or with none all.
func among[T any](ids []model.ID, list []T, idOf func(T) model.ID) []T {
	return slices.DeleteFunc(list, func(v T) bool { return len(ids) > 0 && !slices.Contains(ids, idOf(v)) })
}

// Objects counts the keys, peers or ACLs of an account.
func (t *Tx) Objects(ctx context.Context, account model.ID, which model.Quota) (int64, error) {
	tsigs, _ := t.TSIGs(ctx, account)
	peers, _ := t.Peers(ctx, account)
	acls, _ := t.ACLs(ctx, account)
	return map[model.Quota]int64{model.QuotaTSIGs: int64(len(tsigs)), model.QuotaPeers: int64(len(peers)), model.QuotaACLs: int64(len(acls))}[which], nil
}

// TSIGs lists the keys of an account.
func (t *Tx) TSIGs(_ context.Context, account model.ID, ids ...model.ID) ([]model.TSIG, error) {
	return among(ids, of(t.r.tsigs, account, func(k model.TSIG) model.ID { return k.Account }), func(k model.TSIG) model.ID { return k.ID }), nil
}

// PutTSIG writes a key.
func (t *Tx) PutTSIG(_ context.Context, k model.TSIG) error {
	t.r.tsigs[k.ID] = k
	return t.s.fail("put tsig")
}

// DeleteTSIG removes a key.
func (t *Tx) DeleteTSIG(_ context.Context, _, id model.ID) error {
	delete(t.r.tsigs, id)
	return nil
}

// ZoneKeys lists the keys that a zone is signed with.
func (t *Tx) ZoneKeys(_ context.Context, zone model.ID) ([]model.ZoneKey, error) {
	return of(t.r.keys, zone, func(k model.ZoneKey) model.ID { return k.Zone }), nil
}

// PutZoneKey writes a key.
func (t *Tx) PutZoneKey(_ context.Context, k model.ZoneKey) error {
	t.r.keys[k.ID] = k
	return t.s.fail("put zone key")
}

// DeleteZoneKey removes a key.
func (t *Tx) DeleteZoneKey(_ context.Context, _, key model.ID) error {
	delete(t.r.keys, key)
	return nil
}

// Peers lists the peers of an account.
func (t *Tx) Peers(_ context.Context, account model.ID, ids ...model.ID) ([]model.Peer, error) {
	return among(ids, of(t.r.peers, account, func(p model.Peer) model.ID { return p.Account }), func(p model.Peer) model.ID { return p.ID }), nil
}

// PutPeer writes a peer.
func (t *Tx) PutPeer(_ context.Context, p model.Peer) error {
	t.r.peers[p.ID] = p
	return t.s.fail("put peer")
}

// DeletePeer removes a peer.
func (t *Tx) DeletePeer(_ context.Context, _, id model.ID) error {
	delete(t.r.peers, id)
	return nil
}

// ACLs lists the ACLs of an account.
func (t *Tx) ACLs(_ context.Context, account model.ID, ids ...model.ID) ([]model.ACL, error) {
	return among(ids, of(t.r.acls, account, func(a model.ACL) model.ID { return a.Account }), func(a model.ACL) model.ID { return a.ID }), nil
}

// PutACL writes an ACL.
func (t *Tx) PutACL(_ context.Context, a model.ACL) error {
	t.r.acls[a.ID] = a
	return t.s.fail("put acl")
}

// DeleteACL removes an ACL.
func (t *Tx) DeleteACL(_ context.Context, _, id model.ID) error {
	delete(t.r.acls, id)
	return nil
}

// ZonesLinking lists zones linked to a peer, or updated with a key.
func (t *Tx) ZonesLinking(_ context.Context, peer model.ID, limit int) ([]model.Zone, error) {
	var out []model.Zone
	for _, id := range slices.Sorted(maps.Keys(t.r.zones)) {
		z := t.r.zones[id]
		keyed := slices.ContainsFunc(z.Updates, func(u model.UpdatePolicy) bool { return u.TSIG == peer })
		if len(out) < limit && (keyed || z.Outgoing != nil && slices.Contains(z.Outgoing.Peers, peer)) {
			out = append(out, z)
		}
	}
	return out, nil
}

// PutImage replaces a zone's image.
func (t *Tx) PutImage(_ context.Context, img model.Image) error {
	t.r.images[img.Zone] = img
	t.unset[img.Zone] = img.Seq == 0
	return t.s.fail("put image")
}

// Expect does nothing: to look here costs nothing.
func (t *Tx) Expect([]model.ID) {}

// Audit adds audit entries.
func (t *Tx) Audit(_ context.Context, a []model.Audit) error {
	for i := range a {
		b, err := audit.Append(nil, &a[i])
		if err != nil {
			return err
		}
		e := model.Audit{AuditHead: a[i].AuditHead}
		if err := audit.Decode(b, &e); err != nil {
			return err
		}
		t.r.audits = append(t.r.audits, audit.Lines(&e)...)
	}
	return t.s.fail("audit")
}

// Draft reads a draft.
func (t *Tx) Draft(_ context.Context, zone, id model.ID) (model.Draft, error) {
	d, err := get(t.r.drafts, id)
	if err == nil && d.Zone != zone {
		err = fmt.Errorf("draft %s: %w", id, model.ErrNotFound)
	}
	return d, err
}

// Drafts lists a zone's drafts.
func (t *Tx) Drafts(_ context.Context, zone model.ID) (out []model.Draft, err error) {
	for _, d := range t.r.drafts {
		if d.Zone == zone {
			out = append(out, d)
		}
	}
	return slices.SortedFunc(slices.Values(out), func(a, b model.Draft) int { return cmp.Compare(a.ID, b.ID) }), nil
}

// PutDraft inserts or replaces a draft.
func (t *Tx) PutDraft(_ context.Context, d model.Draft) error {
	t.r.drafts[d.ID] = d
	return t.s.fail("put draft")
}

// DeleteDraft removes a draft.
func (t *Tx) DeleteDraft(_ context.Context, _, id model.ID) error {
	delete(t.r.drafts, id)
	return t.s.fail("delete draft")
}
