package commit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/control/keyring"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// crew has pieces of work done on as many cores as there are for it.
func (s *workspace) crew(pieces int, do func(i int) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, max(1, s.cfg.Cores))
	for hand := range errs {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < pieces && errs[hand] == nil; i = int(next.Add(1)) - 1 {
				errs[hand] = do(i)
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

// works is what Sign is at, and when others were told of it.
type works struct {
	mu   sync.Mutex
	of   map[model.ID]model.Signing
	told time.Time
}

// tellPause is how often others are told: each time is a write to the store.
const tellPause = 2 * time.Second

// tellOthers says how far a zone is, unless that was said a moment ago.
func (c *Committer) tellOthers(ctx context.Context, zone model.ID, now *model.Signing) {
	if c.cfg.Signing == nil {
		return
	}
	c.work.mu.Lock()
	again := now == nil || time.Since(c.work.told) >= tellPause
	if again {
		c.work.told = time.Now()
	}
	c.work.mu.Unlock()
	if again {
		c.cfg.Signing(ctx, zone, now)
	}
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
	// lateMost is how much may be written behind an image, in octets.
	lateMost = 1 << 20
)

// Sign signs all of a zone that is too large for a change to do it (model.DNSSEC.Work). The zone lives on meanwhile:
//
//  1. what its keys are to come to is worked out, and its version of the moment is signed beside everything else, on all cores,
//  2. what has changed since is brought in, again and again until little is left, and the image is written in slices, where nobody
//     sees it,
//  3. one transaction of the committer's brings in the rest, adopts the image with that behind it, and journals the reset, with the keys
//     as they are then.
//
// Whatever happens before 3 leaves no trace, and a zone whose keys or settings have moved on meanwhile is signed again.
func (c *Committer) Sign(ctx context.Context, zone model.ID) error {
	defer c.tellOthers(context.WithoutCancel(ctx), zone, nil)
	defer c.work.over(zone)
	for n := 0; ; n++ {
		w := &whole{c: c, zone: zone}
		err := w.run(ctx)
		if moved := errors.Is(err, errMoved) || errors.Is(err, model.ErrStale); !moved || n == signTries || ctx.Err() != nil {
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

	beside  Beside // the image of written
	image   model.Image
	written face.Versions
	lost    bool // beside is not there any more
}

func (w *whole) run(ctx context.Context) error {
	bare, err := w.begin(ctx)
	if err != nil || w.next == nil {
		return err
	}
	since := w.work.now
	w.signing.Told = func(done, total int) {
		now := model.Signing{Done: min(done, total), Total: total, Since: since}
		w.c.work.tell(w.zone, now)
		w.c.tellOthers(ctx, w.zone, &now)
	}
	w.signing.Told(0, bare.Transfer.Records())
	if w.made, err = w.signing.All(w.from, bare); err != nil {
		return err
	}
	defer w.clear(ctx)
	for n := 0; ; n++ {
		mem := w.c.cfg.DB.ByID(string(w.zone))
		if mem == nil {
			return fmt.Errorf("zone %s: %w", w.zone, model.ErrNotFound)
		}
		to := face.Of(mem.State())
		if err := w.follow(&w.z.row, to, to.Transfer.Serial(), nil); err != nil {
			return err
		}
		if err := w.write(ctx); err != nil {
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

// write puts the image of what was made beside that of the zone, unless one is there to which little is to be added.
func (w *whole) write(ctx context.Context) error {
	if w.c.cfg.Beside == nil || w.beside != nil && !w.lost && len(w.behind()) <= lateMost {
		return nil
	}
	w.clear(ctx)
	w.image, w.written = journal.Encode(string(w.zone), string(w.z.row.Account), w.made.Served, w.made.Transfer), w.made
	beside, err := w.c.cfg.Beside(ctx, &w.image)
	if err == nil {
		w.beside, w.lost = beside, false
	}
	return err
}

// behind is what leads from the image that is written to what is made now.
func (w *whole) behind() []byte { return journal.Late(&w.image, w.made.Since(w.written)) }

// clear leaves of an image what the zone has.
func (w *whole) clear(ctx context.Context) {
	if w.beside == nil {
		return
	}
	if err := w.beside.Clear(context.WithoutCancel(ctx)); err != nil {
		w.c.cfg.Log.Warn("an image that is no zone's is not cleared away yet", "zone", w.zone, "error", err)
	}
	w.beside = nil
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
		if err != nil || !next.Whole && !z.anew() {
			return err // somebody has thought better of it
		}
		w.work, w.z, w.next = s, z, next
		w.settle(z)
		if w.signing, err = s.signing(ctx, z); err != nil {
			return err
		}
		if w.signing == nil {
			w.signing = &face.Signing{Crew: s.crew, Yield: s.cfg.Yield}
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
		bare, err = s.bare(ctx, z)
		return err
	})
	if w.work != nil {
		w.work.tx = nil
	}
	return bare, err
}

// settle makes a zone what it shall be: with the keys as they are when it is signed, and with all settings in force.
func (w *whole) settle(z *zoneWork) {
	z.keys, z.keysRead, z.keysGone, z.signAll = w.next.Keys, true, w.next.Gone, true
	z.row.DNSSEC.Work, z.row.DNSSEC.Signed, z.row.DNSSEC.Held, z.row.DNSSEC.Early = false, true, model.Held{}, false
}

// bare is the zone with its apex as it shall be, under the serial that it has.
func (s *workspace) bare(ctx context.Context, z *zoneWork) (bare face.Versions, err error) {
	from, apex := face.Of(z.state), []wire.Name{z.row.Name}
	serial := from.Transfer.Serial()
	if err := s.load(ctx, z, apex); err != nil {
		return bare, err
	}
	old, err := from.SOA()
	if err != nil {
		return bare, err
	}
	soa, err := face.SOA(&z.row, serial)
	if err != nil {
		return bare, err
	}
	return from.Apply(s.diff(z, apex).Step(serial, serial, old, &soa))
}

// follow brings in what has changed until a state of the zone, and what stands at its apex where that is told.
func (w *whole) follow(row *model.Zone, to face.Versions, serial uint32, apex *face.Faces) error {
	owners, err := face.Changed(w.from, to)
	if err != nil {
		return err
	}
	soa, err := face.SOA(row, serial)
	if err != nil {
		return err
	}
	if w.made, err = w.signing.Follow(w.made, w.from, to, owners, apex, &soa); err != nil {
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
	if z.row.DNSSEC != w.z.read.DNSSEC || model.HeldOf(&z.row.Settings) != model.HeldOf(&w.z.read.Settings) || z.row.Mode != w.z.read.Mode {
		return errMoved
	}
	w.settle(z)
	serial, err := w.rest(ctx, s, z)
	if err != nil {
		return err
	}
	z.serial, z.row.DNSSEC.Signed = serial, keyring.Used(z.keys)
	s.revise(z)
	if err := tx.PutZone(ctx, z.row); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := s.flushKeys(ctx, z, serial); err != nil {
		return err
	}
	if z.row.Digest {
		if w.made, _, err = face.Seal(w.made, w.signing); err != nil {
			return err
		}
	}
	entries, err := w.reset(ctx, s, z)
	if err != nil {
		return err
	}
	shown, err := w.c.makeDurable(ctx, tx, entries, s.made, nil, nil)
	if err == nil && !shown {
		w.late = entries
	}
	return err
}

// rest brings in the last of what has changed, if that is little, and gives the serial that the zone gets.
func (w *whole) rest(ctx context.Context, s *workspace, z *zoneWork) (serial uint32, err error) {
	to := face.Of(z.state)
	if owners, err := face.Changed(w.from, to); err != nil || len(owners) > followMost {
		return 0, errors.Join(err, errBehind)
	}
	if serial, err = s.nextSerial(ctx, z, to.Transfer.Serial()); err != nil {
		return 0, err
	}
	apex := z.row.Name
	if err := s.load(ctx, z, []wire.Name{apex}); err != nil {
		return 0, err
	}
	n := face.Name{Owner: apex, Rows: z.rows[apex], Transfer: to.Transfer.Data(apex), Served: to.Served.Data(apex), Kept: z.kept(apex)}
	faces := s.context(z).Render(&n)
	return serial, w.follow(&z.row, to, serial, &faces)
}

// reset has the zone begin anew with what was made.
func (w *whole) reset(ctx context.Context, s *workspace, z *zoneWork) ([]model.Entry, error) {
	if w.beside == nil {
		return s.reset(ctx, z, w.made)
	}
	late := w.behind()
	if len(late) > lateMost {
		return nil, errBehind
	}
	err := w.beside.Adopt(ctx, s.tx, z.serial, late)
	if w.lost = errors.Is(err, model.ErrStale); w.lost {
		return nil, fmt.Errorf("%w: %w", errBehind, err)
	}
	if err != nil {
		return nil, err
	}
	s.made[z.row.ID] = w.made
	return []model.Entry{s.journal(z, model.EntryReset, nil)}, nil
}
