// Package controltest has a store in memory for tests of the careful half: fast, and willing to fail on demand.
package controltest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// rows is the committed state; transactions work on a copy of its maps.
type rows struct {
	accounts map[model.ID]model.Account
	zones    map[model.ID]model.Zone
	records  map[model.ID]map[model.ID]model.Record // by zone
	tsigs    map[model.ID]model.TSIG
	keys     map[model.ID]model.ZoneKey
	peers    map[model.ID]model.Peer
	acls     map[model.ID]model.ACL
	drafts   map[model.ID]model.Draft
	images   map[model.ID]model.Image
	access   map[model.ID]model.Entry // newest access entry of a zone or account
	serials  map[wire.Name]uint32
	changes  map[model.ID]model.Seq
	audits   []model.AuditLine
	journal  []model.Entry
	pruned   model.Seq
	seq      model.Seq
	restored model.Restored
}

func (r *rows) clone() *rows {
	c := *r
	c.accounts, c.zones, c.tsigs = maps.Clone(r.accounts), maps.Clone(r.zones), maps.Clone(r.tsigs)
	c.keys, c.drafts = maps.Clone(r.keys), maps.Clone(r.drafts)
	c.peers, c.acls, c.images = maps.Clone(r.peers), maps.Clone(r.acls), maps.Clone(r.images)
	c.access, c.serials, c.changes = maps.Clone(r.access), maps.Clone(r.serials), maps.Clone(r.changes)
	c.records = make(map[model.ID]map[model.ID]model.Record, len(r.records))
	maps.Copy(c.records, r.records) // a zone's map is copied when it is written to
	c.audits, c.journal = slices.Clip(r.audits), slices.Clip(r.journal)
	return &c
}

// Store is a store in memory.
type Store struct {
	writer chan struct{} // holds one token: the writer's place

	mu   sync.Mutex
	rows *rows
	wake chan struct{} // closed and replaced at every commit

	// Fail, when set, is asked before each operation of a transaction ("begin", "commit", "put records", …) and of the
	// source ("load", "entries", "image"). "committed" is asked when a commit is durable already: an error there is one
	// that leaves the caller in doubt.
	Fail func(op string) error
}

// NewStore returns an empty store.
func NewStore() *Store {
	s := &Store{writer: make(chan struct{}, 1), wake: make(chan struct{})}
	s.rows = (&rows{records: map[model.ID]map[model.ID]model.Record{}}).clone()
	r := s.rows
	r.accounts, r.zones, r.tsigs = map[model.ID]model.Account{}, map[model.ID]model.Zone{}, map[model.ID]model.TSIG{}
	r.keys, r.drafts = map[model.ID]model.ZoneKey{}, map[model.ID]model.Draft{}
	r.peers, r.acls, r.images = map[model.ID]model.Peer{}, map[model.ID]model.ACL{}, map[model.ID]model.Image{}
	r.access, r.serials, r.changes = map[model.ID]model.Entry{}, map[wire.Name]uint32{}, map[model.ID]model.Seq{}
	return s
}

func (s *Store) fail(op string) error {
	s.mu.Lock()
	f := s.Fail
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(op)
}

// SetFail replaces Fail while others use the store.
func (s *Store) SetFail(f func(op string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Fail = f
}

func (s *Store) read() *rows {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows
}

// Audits is the committed audit log, line by line.
func (s *Store) Audits() []model.AuditLine { return s.read().audits }

// Journal is the committed journal.
func (s *Store) Journal() []model.Entry { return s.read().journal }

// Records returns a zone's records ordered by name, type and id.
func (s *Store) Records(zone model.ID) []model.Record {
	return slices.SortedFunc(maps.Values(s.read().records[zone]), byName)
}

// Zone returns a committed zone.
func (s *Store) Zone(id model.ID) (model.Zone, error) { return get(s.read().zones, id) }

func byName(a, b model.Record) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type), a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
}

func get[T any](m map[model.ID]T, id model.ID) (T, error) {
	v, ok := m[id]
	if !ok {
		return v, fmt.Errorf("%T %s: %w", v, id, model.ErrNotFound)
	}
	return v, nil
}

// whole is an account's access by its rows, or its newest entry where it has none.
func (r *rows) whole(e model.Entry) model.Entry {
	change := model.AccessChange{Whole: true}
	for _, k := range of(r.tsigs, e.Account, func(k model.TSIG) model.ID { return k.Account }) {
		if key, err := k.Access(); err == nil {
			change.Keys = append(change.Keys, key)
		}
	}
	for _, p := range of(r.peers, e.Account, func(p model.Peer) model.ID { return p.Account }) {
		change.Peers = append(change.Peers, p.Access())
	}
	for _, a := range of(r.acls, e.Account, func(a model.ACL) model.ID { return a.Account }) {
		change.Ranges = append(change.Ranges, a.Access())
	}
	if last, err := model.DecodeSealedAccess(e.Body); err == nil && last.Whole && len(change.Keys)+len(change.Peers)+len(change.Ranges) == 0 {
		return e
	}
	e.Body, e.Secret = change.Append()
	return e
}

// Load is the feed's source: accounts' access, then zones' images and access.
func (s *Store) Load(_ context.Context, image func(model.Image) error, access func(model.Entry) error) (seq, whole model.Seq, err error) {
	if err := s.fail("load"); err != nil {
		return 0, 0, err
	}
	r := s.read()
	whole = r.seq
	for _, id := range slices.Sorted(maps.Keys(r.access)) {
		if e := r.access[id]; e.Zone == "" {
			if err := access(r.whole(e)); err != nil {
				return 0, 0, err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.images)) {
		if err := image(r.images[id]); err != nil {
			return 0, 0, err
		}
		if r.images[id].Seq < r.zones[id].Seq {
			whole = min(whole, r.images[id].Seq)
		}
		if e, ok := r.access[id]; ok {
			if err := access(e); err != nil {
				return 0, 0, err
			}
		}
	}
	return r.seq, whole, nil
}

// Image loads a zone's image.
func (s *Store) Image(_ context.Context, zone model.ID) (model.Image, error) {
	if err := s.fail("image"); err != nil {
		return model.Image{}, err
	}
	return get(s.read().images, zone)
}

// Entries yields the journal after seq.
func (s *Store) Entries(_ context.Context, after model.Seq, yield func(model.Entry) error) error {
	if err := s.fail("entries"); err != nil {
		return err
	}
	r := s.read()
	if after > r.seq {
		return fmt.Errorf("entries after %d: %w", after, model.ErrDiverged)
	}
	if after < r.pruned {
		return fmt.Errorf("entries after %d: %w", after, model.ErrStale)
	}
	return r.between(after, r.seq, yield)
}

// NoteLoss marks the store at its head, as one that has lost changes.
func (s *Store) NoteLoss(context.Context) error {
	if err := s.fail("note loss"); err != nil {
		return err
	}
	s.MarkRestored(time.Now(), model.JumpLeast)
	return nil
}

// Remaining yields what is left of the journal after a position and up to another.
func (s *Store) Remaining(_ context.Context, after, upto model.Seq, yield func(model.Entry) error) error {
	if err := s.fail("entries"); err != nil {
		return err
	}
	return s.read().between(after, upto, yield)
}

func (r *rows) between(after, upto model.Seq, yield func(model.Entry) error) error {
	for _, e := range r.journal {
		if e.Seq > after && e.Seq <= upto {
			if err := yield(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// Wait returns when there is an entry past where the caller is.
func (s *Store) Wait(ctx context.Context, at func() model.Seq) error {
	for {
		s.mu.Lock()
		seq, wake := s.rows.seq, s.wake
		s.mu.Unlock()
		if seq > at() {
			return nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Checkpoint replaces an image and prunes the zone's journal up to keep.
func (s *Store) Checkpoint(_ context.Context, img model.Image, keep model.Seq) error {
	return s.edit("checkpoint", func(r *rows) error {
		if _, ok := r.images[img.Zone]; !ok {
			return fmt.Errorf("image of zone %s: %w", img.Zone, model.ErrNotFound)
		}
		r.renew(img)
		r.journal = slices.DeleteFunc(slices.Clone(r.journal), func(e model.Entry) bool {
			return e.Zone == img.Zone && e.Seq <= keep
		})
		r.pruned = max(r.pruned, keep)
		return nil
	})
}

// RenewImages replaces images that are older, and leaves the journal as it is.
func (s *Store) RenewImages(_ context.Context, images []model.Image) error {
	return s.edit("renew", func(r *rows) error {
		for _, img := range images {
			r.renew(img)
		}
		return nil
	})
}

func (r *rows) renew(img model.Image) {
	if old, ok := r.images[img.Zone]; ok && old.Seq < img.Seq {
		r.images[img.Zone] = img
	}
}

// edit changes the rows outside any transaction.
func (s *Store) edit(op string, f func(*rows) error) error {
	if err := s.fail(op); err != nil {
		return err
	}
	s.writer <- struct{}{}
	defer func() { <-s.writer }()
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows.clone()
	if err := f(r); err != nil {
		return err
	}
	s.rows = r
	return nil
}

// MarkRestored marks the store at its head, as the real store does.
func (s *Store) MarkRestored(at time.Time, jump uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows.clone()
	r.restored = model.Restored{Seq: r.seq, At: at, Jump: jump}
	for n, serial := range r.serials {
		r.serials[n] = serial + jump
	}
	s.rows = r
}

// SpoilZoneKeys takes the private halves of all zones' keys away, as a node without the secret key sees them.
func (s *Store) SpoilZoneKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, k := range s.rows.keys {
		k.Private, k.Sealed = nil, true
		s.rows.keys[id] = k
	}
}

// ZoneKeysOf lists a zone's keys in order of id.
func (s *Store) ZoneKeysOf(zone model.ID) (out []model.ZoneKey) {
	for _, k := range s.read().keys {
		if k.Zone == zone {
			out = append(out, k)
		}
	}
	return slices.SortedFunc(slices.Values(out), func(a, b model.ZoneKey) int { return cmp.Compare(a.ID, b.ID) })
}
