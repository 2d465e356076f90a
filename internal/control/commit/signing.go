package commit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/keyring"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// signing is what the zone is signed with, nil if it is not and was not.
func (s *workspace) signing(ctx context.Context, z *zoneWork) (*face.Signing, error) {
	if !z.row.DNSSEC.Signed && !z.read.DNSSEC.Signed {
		return nil, nil
	}
	keys, err := s.keysOf(ctx, z)
	if err != nil {
		return nil, err
	}
	small := z.state == nil || z.state.Transfer.Records() <= s.cfg.Limits.SignRecords
	// In a large zone signatures that end too early for what is set now are due, and go some names at a time.
	g := &face.Signing{Whole: z.signAll || rechains(&z.read, &z.row) || small && shortens(&z.read, &z.row)}
	g.Crew = s.crew
	if g.Denial = denialOf(&z.row); !g.Whole {
		g.Denial = z.proves(&z.row) // until somebody signs all of it, the zone goes on as it is
	}
	g.Timing = dnssec.TimingOf(s.now, expireOf(&z.row), rules.LongestTTL(&z.row.Settings))
	if g.Signers, err = s.cfg.keys.Signers(&z.row, keys); err != nil {
		return nil, err
	}
	if z.signAll {
		g.Retired = nil // their signatures go now: nobody will come for them, and the key may be gone before they are due
	}
	if len(g.Keys)+len(g.Zone) == 0 && z.state != nil && !z.state.Transfer.Signed() {
		return nil, nil // its keys wait
	}
	return g, nil
}

// denialOf is how a zone shall prove that something is not there.
func denialOf(z *model.Zone) dnssec.Denial {
	if z.DNSSEC.NSEC3 == model.SwitchOn {
		return dnssec.NSEC3
	}
	return dnssec.NSEC
}

// shortens says that signatures made for the one zone may end too early for the other.
func shortens(old, row *model.Zone) bool {
	return old.DNSSEC.Signed && row.DNSSEC.Signed && (expireOf(row) > expireOf(old) || rules.LongestTTL(&row.Settings) > rules.LongestTTL(&old.Settings))
}

// rechains says that all NSEC records become others: their TTL is that of negative answers.
func rechains(old, row *model.Zone) bool {
	a, b := &old.Settings.SOA, &row.Settings.SOA
	return old.DNSSEC.Signed && row.DNSSEC.Signed && (a.MinTTL != b.MinTTL || a.TTL != b.TTL)
}

func expireOf(z *model.Zone) uint32 {
	if z.Settings.SOA.Expire != 0 {
		return z.Settings.SOA.Expire
	}
	return model.DefaultSettings().SOA.Expire
}

// revise gives the zone's keys another revision: whatever is written of them is seen by who holds them in memory.
func (s *workspace) revise(z *zoneWork) {
	z.dirty, z.row.DNSSEC.Keys = true, ""
	if len(z.keys) > 0 {
		z.row.DNSSEC.Keys = s.cfg.NewID()
	}
}

// flushKeys gives what has turned at keys its serial and writes them.
func (s *workspace) flushKeys(ctx context.Context, z *zoneWork, serial uint32) error {
	s.wrote = true
	for i := range z.keys {
		k := z.keys[i]
		for t := range k.State.Marks {
			if m := &k.State.Marks[t]; m.Pending && (!z.lingers || dnssec.Trace(t) != dnssec.SignsZone) {
				m.Pending, m.Serial = false, serial
			}
		}
		if err := s.tx.PutZoneKey(ctx, k); err != nil {
			return fmt.Errorf("write key: %w", err)
		}
	}
	for _, id := range z.keysGone {
		if err := s.tx.DeleteZoneKey(ctx, z.row.ID, id); err != nil {
			return fmt.Errorf("delete key: %w", err)
		}
	}
	return nil
}

// crew has pieces of work done on as many cores as there are for it.
func (s *workspace) crew(pieces int, do func(i int) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, max(1, s.cfg.Cores))
	for hand := range errs {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < pieces && errs[hand] == nil; i = int(next.Add(1)) - 1 {
				errs[hand] = do(i)
				s.cfg.Yield()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Signing tells how far the signing of a zone by Sign has come.
func (c *Committer) Signing(zone model.ID) (model.Signing, bool) {
	c.work.mu.Lock()
	defer c.work.mu.Unlock()
	now, there := c.work.of[zone]
	return now, there
}

// Signings tells how many names of how many are signed, in all that Sign is at.
func (c *Committer) Signings() (done, total int) {
	c.work.mu.Lock()
	defer c.work.mu.Unlock()
	for _, w := range c.work.of {
		done, total = done+w.Done, total+w.Total
	}
	return done, total
}

// works is what Sign is at.
type works struct {
	mu sync.Mutex
	of map[model.ID]model.Signing
}

func (w *works) tell(zone model.ID, now model.Signing) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of = maps.Clone(w.of)
	if w.of == nil {
		w.of = map[model.ID]model.Signing{}
	}
	w.of[zone] = now
}

func (w *works) over(zone model.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.of, zone)
}

// Bounds of signing beside a zone's life.
const (
	signTries = 8
	// followMost is how many changed names may be brought in while everybody waits; more are brought in before that.
	followMost = 200
)

// Sign signs all of a zone that is too large for a change to do it (model.DNSSEC.Work). The zone lives on meanwhile:
//
//  1. what its keys are to come to is worked out, and its version of the moment is signed beside everything else, on all cores,
//  2. what has changed since is brought in, again and again until little is left,
//  3. one transaction of the committer's brings in the rest and journals the reset, with the keys as they are then.
//
// Whatever happens before 3 leaves no trace, and a zone whose keys or settings have moved on meanwhile is signed again.
func (c *Committer) Sign(ctx context.Context, zone model.ID) error {
	defer c.work.over(zone)
	for n := 0; ; n++ {
		w := &whole{c: c, zone: zone}
		err := w.run(ctx)
		if moved := errors.Is(err, errMoved) || errors.Is(err, model.ErrStale); !moved || n == signTries {
			return wrap(err, "sign zone %s", zone)
		}
	}
}

// whole is one run of Sign.
type whole struct {
	c    *Committer
	zone model.ID

	work    *workspace // without a transaction
	z       *zoneWork
	next    *keyring.Plan
	signing *face.Signing
	from    face.Versions // what has been brought in
	made    face.Versions // what came of it
	late    []model.Entry
}

func (w *whole) run(ctx context.Context) error {
	bare, err := w.begin(ctx)
	if err != nil || w.next == nil {
		return err
	}
	since := w.work.now
	w.signing.Told = func(done, total int) {
		w.c.work.tell(w.zone, model.Signing{Done: min(done, total), Total: total, Since: since})
	}
	w.signing.Told(0, bare.Transfer.Records())
	if w.made, err = w.signing.All(w.from, bare); err != nil {
		return err
	}
	for n := 0; ; n++ {
		mem := w.c.cfg.DB.ByID(string(w.zone))
		if mem == nil {
			return fmt.Errorf("zone %s: %w", w.zone, model.ErrNotFound)
		}
		to := face.Of(mem.State())
		if err := w.follow(to, to.Transfer.Serial()); err != nil {
			return err
		}
		_, err := w.c.queued(&request{ctx: ctx, work: w.adopt, done: make(chan struct{})})
		var lag *lagError
		if (errors.Is(err, errBehind) || errors.As(err, &lag)) && n < signTries {
			continue
		}
		if err == nil {
			w.c.follow(ctx, w.late)
		}
		return err
	}
}

// begin works out what is to be done, and gives the zone as it shall be but for its signatures.
func (w *whole) begin(ctx context.Context) (bare face.Versions, err error) {
	err = w.c.with(ctx, w.zone, func(s *workspace) error {
		z, err := s.zone(ctx, w.zone)
		if err != nil {
			return err
		}
		keys, err := s.keysOf(ctx, z)
		if err != nil {
			return err
		}
		f, err := s.facts(ctx, z)
		if err != nil {
			return err
		}
		next, err := keyring.Steer(&z.row, keys, f)
		if err != nil || !next.Whole && z.proves(&z.row) == denialOf(&z.row) {
			return err // somebody has thought better of it
		}
		w.work, w.z, w.next = s, z, next
		z.keys, z.signAll = next.Keys, true
		z.row.DNSSEC.Signed = true
		if w.signing, err = s.signing(ctx, z); err != nil {
			return err
		}
		if w.signing == nil {
			w.signing = &face.Signing{Crew: s.crew}
		}
		w.signing.Whole = false // once All has done it
		crew := w.signing.Crew
		w.signing.Crew = func(pieces int, do func(int) error) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return crew(pieces, do)
		}
		w.from = face.Of(z.state)
		apex := []wire.Name{z.row.Name}
		if err := s.load(ctx, z, apex); err != nil {
			return err
		}
		serial := w.from.Transfer.Serial()
		bare, err = w.from.Apply(s.diff(z, apex).Step(serial, serial, nil, nil))
		return err
	})
	if w.work != nil {
		w.work.tx = nil
	}
	return bare, err
}

// follow brings in what has changed until a state of the zone.
func (w *whole) follow(to face.Versions, serial uint32) error {
	owners, err := face.Changed(w.from, to)
	if err != nil {
		return err
	}
	soa, err := face.SOA(&w.z.read, serial)
	if err != nil {
		return err
	}
	if w.made, err = w.signing.Follow(w.made, w.from, to, owners, &soa); err != nil {
		return err
	}
	w.from = to
	return nil
}

// errBehind says that too much has changed to be brought in while everybody waits.
var errBehind = errors.New("much has changed in the zone meanwhile")

// adopt makes the signed zone the zone, in one short transaction of the committer's.
func (w *whole) adopt(ctx context.Context) error {
	tx, err := w.c.cfg.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	need := model.Locks{Zones: []model.ID{w.zone}}
	if err := tx.Lock(ctx, need); err != nil {
		return err
	}
	s := newWorkspace(&w.c.cfg, tx, need)
	z, err := s.zone(ctx, w.zone)
	if err != nil {
		return err
	}
	if z.row.DNSSEC != w.z.read.DNSSEC || z.row.Settings.SOA != w.z.read.Settings.SOA || z.row.Mode != w.z.read.Mode {
		return errMoved
	}
	to := face.Of(z.state)
	if owners, err := face.Changed(w.from, to); err != nil || len(owners) > followMost {
		return errors.Join(err, errBehind)
	}
	serial, err := s.nextSerial(ctx, z, to.Transfer.Serial())
	if err != nil {
		return err
	}
	if err := w.follow(to, serial); err != nil {
		return err
	}
	z.serial, z.keys, z.keysGone = serial, w.next.Keys, w.next.Gone
	z.row.DNSSEC.Work, z.row.DNSSEC.Signed = false, keyring.Used(z.keys)
	s.revise(z)
	if err := tx.PutZone(ctx, z.row); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := s.flushKeys(ctx, z, serial); err != nil {
		return err
	}
	entries, err := s.reset(ctx, z, w.made)
	if err != nil {
		return err
	}
	shown, err := w.c.makeDurable(ctx, tx, entries, s.made)
	if err == nil && !shown {
		w.late = entries
	}
	return err
}
