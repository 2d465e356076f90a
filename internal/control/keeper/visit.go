package keeper

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/parent"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Times of visits.
const (
	// pollServers is how often it is asked, in memory, whether all servers have been seen with what keys wait for, should nobody have
	// told of it (Seen).
	pollServers = 5 * time.Minute
	// lookSettled is how often the parent of a zone is asked whose keys wait for nothing there.
	lookSettled = 24 * time.Hour
	// lookTime bounds one look at the parent.
	lookTime = 30 * time.Second
	// retryLeast and retryMost are the pauses after a visit that failed.
	retryLeast, retryMost = 5 * time.Second, 10 * time.Minute
)

// visit does what is due at a zone, and sets the time of the next visit. The ward is this visit's alone.
func (k *Keeper) visit(ctx context.Context, w *ward) {
	now := k.cfg.Clock()
	z := k.cfg.DB.ByID(string(w.id))
	if z == nil {
		w.kept, w.failures = model.Kept{}, 0 // whoever has it published will tell
		return
	}
	if k.waits(w, z, now) {
		return
	}
	k.stats.visits.Add(1)
	told := map[uint32][]string{} // what the change has heard: later it may be otherwise
	e := model.KeepDNSSEC{Names: k.cfg.Names, From: w.kept.From, Early: !w.whole && early(z.State(), now)}
	if k.cfg.Behind != nil {
		e.Behind = func(serial uint32, others bool) []string {
			told[serial] = k.cfg.Behind(z, serial, others)
			return told[serial]
		}
	}
	k.lookAtParent(ctx, w, z, &e)
	res, err := k.cfg.Change(ctx, model.Change{Zone: w.id, Actor: model.Actor{Context: "system"}, Edits: []model.Edit{e}})
	switch {
	case errors.Is(err, model.ErrNotFound):
		w.kept, w.failures = model.Kept{}, 0
		return
	case err != nil:
		k.failed(ctx, w, z, err)
		return
	}
	if w.failures > 0 {
		k.cfg.Log.Info("the zone's keys and signatures are looked after again", "zone", z.Name.Host())
	}
	asked := w.kept.Parent
	w.failures, w.whole, w.kept = 0, true, model.Kept{}
	if len(res.Outcomes) > 0 && res.Outcomes[0].Kept != nil {
		w.kept = *res.Outcomes[0].Kept
	}
	if w.kept.Work && k.cfg.Sign != nil {
		if err := k.whole(ctx, w.id); err != nil {
			k.failed(ctx, w, z, err)
			return
		}
		w.at = k.cfg.Clock().Add(settle) // then there is a version to look at
		return
	}
	if w.kept.Parent {
		k.serveParent(ctx, z)
	}
	if w.kept.Parent && !asked {
		w.looks, w.look = 0, time.Time{} // at once
	}
	w.count(func(serial uint32) []string { return told[serial] })
	w.at = k.next(w, k.cfg.Clock())
}

// whole has a zone signed as a whole, one after the other: each takes all cores.
func (k *Keeper) whole(ctx context.Context, zone model.ID) error {
	select {
	case k.sign <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-k.sign }()
	return k.cfg.Sign(ctx, zone)
}

// waits says that nothing can have happened at a zone since the last visit but that time has passed, and sets the next time.
func (k *Keeper) waits(w *ward, z *zone.Zone, now time.Time) bool {
	if w.told || !w.whole || w.failures > 0 || len(w.kept.Servers) == 0 || k.cfg.Behind == nil || w.kept.More || !now.Before(k.deadline(w)) {
		return false
	}
	before := w.behind
	if w.count(func(serial uint32) []string { return k.cfg.Behind(z, serial, w.kept.Others) }); w.behind != before {
		return false
	}
	w.at = k.next(w, now)
	return true
}

// count notes which servers lag behind what keys wait for.
func (w *ward) count(behind func(serial uint32) []string) {
	w.behind = ""
	for _, serial := range w.kept.Servers {
		w.behind += strings.Join(behind(serial), " ") + ";"
	}
}

// next is when a zone is to be visited again.
func (k *Keeper) next(w *ward, now time.Time) time.Time {
	if w.kept.More || k.cfg.Parents != nil && w.kept.Parent && w.look.IsZero() {
		return now
	}
	at := k.deadline(w)
	if least := now.Add(settle); at.Before(least) {
		at = least // whatever it is, it does not come sooner for being asked for
	}
	if limit := now.Add(idle); at.After(limit) {
		at = limit
	}
	if soon := now.Add(pollServers); len(w.kept.Servers) > 0 && k.cfg.Behind != nil && at.After(soon) {
		at = soon
	}
	return at
}

// deadline is when a change has to be asked for, whatever has happened.
func (k *Keeper) deadline(w *ward) time.Time {
	at := w.kept.Next
	if !w.look.IsZero() && (at.IsZero() || w.look.Before(at)) {
		at = w.look
	}
	if at.IsZero() {
		return k.cfg.Clock().Add(idle)
	}
	return at
}

// lookAtParent asks the parent if it is time to.
func (k *Keeper) lookAtParent(ctx context.Context, w *ward, z *zone.Zone, e *model.KeepDNSSEC) {
	now := k.cfg.Clock()
	if k.cfg.Parents == nil || now.Before(w.look) {
		return
	}
	limit, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	answer, err := k.cfg.Parents.DS(limit, z.Name)
	w.looks++
	w.look = now.Add(parent.Pace(w.looks))
	if !w.kept.Parent && w.kept.Keys > 0 {
		w.looks, w.look = 0, now.Add(lookSettled)
	}
	if err != nil {
		k.cfg.Log.Debug("the parent cannot be asked for DS records", "zone", z.Name.Host(), "error", err)
		return
	}
	w.dsTTL = max(w.dsTTL, answer.TTL())
	e.DSTTL = w.dsTTL
	e.DS = func(key *model.ZoneKey) (everywhere, somewhere, known bool) {
		p := answer.Key(&key.Public)
		return p == parent.Everywhere, p == parent.Everywhere || p == parent.Somewhere, p != parent.Unknown
	}
}

// failed notes a visit that came to nothing; the next ones come later and later.
func (k *Keeper) failed(ctx context.Context, w *ward, z *zone.Zone, err error) {
	if ctx.Err() != nil {
		return
	}
	k.stats.failures.Add(1)
	pause := min(retryLeast<<min(w.failures, 16), retryMost)
	if w.failures == 0 {
		k.cfg.Log.Warn("the zone's keys and signatures cannot be looked after", "zone", z.Name.Host(), "error", err)
	}
	w.failures++
	w.at = k.cfg.Clock().Add(pause)
}

// Freshen renews the signatures that have ended, and those of a clock that was ahead, before anybody is served: this process may have
// slept for long. It does so whatever this node's duty is, for others may have slept as well, until ctx ends.
func (k *Keeper) Freshen(ctx context.Context) {
	now := k.cfg.Clock()
	for z := range k.cfg.DB.All {
		for more := true; more && ctx.Err() == nil; {
			at := z.State().Expires()
			ahead := at != 0 && newest(z.State().Transfer).Early(uint32(now.Unix()))
			if at == 0 || !ahead && int32(at-uint32(now.Unix())) > 0 {
				break
			}
			var err error
			if more, err = k.freshen(ctx, z, ahead); err != nil {
				k.cfg.Log.Warn("signatures that are not valid cannot be renewed", "zone", z.Name.Host(), "error", err)
			}
		}
	}
}

// freshen renews some signatures of a zone, or all where that is a matter of all, and says whether it is to be called again.
func (k *Keeper) freshen(ctx context.Context, z *zone.Zone, ahead bool) (more bool, err error) {
	res, err := k.cfg.Change(ctx, model.Change{
		Zone: model.ID(z.ID), Actor: model.Actor{Context: "system"}, Edits: []model.Edit{model.KeepDNSSEC{Names: k.cfg.Names, Early: ahead}},
	})
	if err != nil || res.Outcomes[0].Kept == nil {
		return false, err
	}
	kept := res.Outcomes[0].Kept
	if kept.Work && ahead && k.cfg.Sign != nil {
		return true, k.whole(ctx, model.ID(z.ID))
	}
	return kept.More, nil
}

// early says whether some signature of either face begins later than now.
func early(s *zone.State, now time.Time) bool {
	for _, v := range []*zone.Version{s.Transfer, s.Served} {
		if v.Signed() && earlyIn(v, uint32(now.Unix())) {
			return true
		}
	}
	return false
}

func earlyIn(v *zone.Version, now uint32) bool {
	for w := v.Walker(); w.Next(); {
		if w.Type == wire.TypeRRSIG && dnssec.RRSIG(w.RData).Early(now) {
			return true
		}
	}
	return false
}

// newest is the SOA's signature: there is a new one in every version.
func newest(v *zone.Version) dnssec.RRSIG {
	sigs := v.ApexSignatures()
	for it := sigs.Iter(); it.Next(); {
		if rdata, _ := it.Raw(); dnssec.RRSIG(rdata).Covers() == wire.TypeSOA {
			return dnssec.RRSIG(rdata)
		}
	}
	return nil
}

// serveParent gives a parent zone of the same account, which is served here, the DS records that the zone asks for: nobody else need
// carry them there.
func (k *Keeper) serveParent(ctx context.Context, z *zone.Zone) {
	above := k.cfg.DB.FindParent([]byte(z.Name))
	if above == nil || above.AccountID() != z.AccountID() {
		return
	}
	wanted := setOf(z, wire.TypeCDS, z.Name)
	if len(wanted) == 0 || len(setOf(above, wire.TypeNS, z.Name)) == 0 {
		return
	}
	if len(wanted) == 1 && bytes.Equal(wanted[0], dnssec.DeleteCDS()) {
		wanted = nil
	}
	if has := setOf(above, wire.TypeDS, z.Name); slices.EqualFunc(has, wanted, bytes.Equal) {
		return
	}
	_, err := k.cfg.Change(ctx, model.Change{
		Zone: model.ID(above.ID), Actor: model.Actor{Context: "system"}, Edits: []model.Edit{model.TakeDS{Owner: z.Name, DS: wanted}},
	})
	if err != nil && ctx.Err() == nil {
		k.cfg.Log.Warn("the parent zone, which is here, does not get the DS records", "zone", z.Name.Host(), "parent", above.Name.Host(), "error", err)
	}
}

// setOf is the data of an RRset as secondaries have it.
func setOf(z *zone.Zone, t wire.Type, owner wire.Name) [][]byte {
	for _, s := range z.State().Transfer.Sets(owner) {
		if s.Type == t {
			return s.Data
		}
	}
	return nil
}
