package feed

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// apply brings one journal entry into memory. The lock is held. An error means that the store could not be read; the
// entry is then tried again. Entries that memory holds already, because an image ran ahead, change nothing.
func (f *Feed) apply(ctx context.Context, e *model.Entry) error {
	f.cfg.Seen(*e, false)
	switch e.Kind {
	case model.EntryDelta:
		return f.applyDelta(ctx, e)
	case model.EntryReset:
		return f.resync(ctx, e)
	case model.EntryAccess:
		return f.applyAccess(e)
	case model.EntryGone:
		delete(f.damage, e.Zone)
		if z := f.cfg.DB.ByID(string(e.Zone)); z != nil {
			f.cfg.DB.Remove(z.ID)
			f.cfg.Removed(z)
		}
	case model.EntryNotify:
		if z := f.links(e, nil); z != nil {
			f.published(z, true)
		}
	}
	return nil
}

func (f *Feed) applyDelta(ctx context.Context, e *model.Entry) error {
	z := f.cfg.DB.ByID(string(e.Zone))
	if z != nil && z.State().Seq >= uint64(e.Seq) {
		return nil
	}
	step, err := zone.DecodeStep(e.Body)
	if err == nil && z != nil {
		z, err = f.cfg.DB.Step(string(e.Zone), uint64(e.Seq), step)
	}
	if err != nil || z == nil {
		f.cfg.Log.Warn("journal entry does not fit memory, loading the zone's image", "zone", e.Zone, "position",
			uint64(e.Seq), "error", err)
		return f.resync(ctx, e)
	}
	if step.Transfer.From != step.Transfer.To {
		f.published(z, false)
	}
	return nil
}

// links sets a zone's links, or with nil leaves them and moves the zone's position only: a change is guarded by it.
func (f *Feed) links(e *model.Entry, l *zone.Links) *zone.Zone {
	z := f.cfg.DB.ByID(string(e.Zone))
	if z == nil {
		return nil
	}
	state := z.State()
	if l == nil {
		l = &state.Links
	}
	return f.cfg.DB.SetLinks(string(e.Zone), max(state.Seq, uint64(e.Seq)), *l)
}

func (f *Feed) applyAccess(e *model.Entry) error {
	if e.Zone == "" {
		f.setAccount(e)
		f.accountChanged(string(e.Account))
		return nil
	}
	l, err := decodeLinks(e.Body)
	if err != nil {
		f.cfg.Log.Error("access entry of a zone cannot be read, transfers stay off", "zone", e.Zone, "position",
			uint64(e.Seq), "error", err)
	}
	if z := f.links(e, &l); z != nil {
		f.linked(z)
	}
	return nil
}

// setAccount takes an account's rules. The lock is held.
func (f *Feed) setAccount(e *model.Entry) {
	a, closed, err := decodeAccount(e)
	if err != nil {
		// Nobody may transfer by rules that cannot be read.
		f.cfg.Log.Error("access entry of an account cannot be read, its zones are closed", "account", e.Account,
			"position", uint64(e.Seq), "error", err)
		a = &zone.Account{ID: string(e.Account)}
	}
	f.cfg.DB.SetAccount(a)
	if !closed {
		delete(f.sealed, e.Account)
		return
	}
	if _, told := f.sealed[e.Account]; !told {
		f.sealed[e.Account] = struct{}{}
		f.cfg.Log.Warn("an account's TSIG keys are sealed and this node has no secret key: its zones whose links need one are not transferred from here",
			"account", e.Account)
	}
}

// accountChanged tells of every linked zone of an account: its peers may be reached elsewhere now, or not at all.
func (f *Feed) accountChanged(account string) {
	f.cfg.DB.All(func(z *zone.Zone) bool {
		if z.AccountID() == account && len(z.State().Links.Peers) > 0 {
			f.linked(z)
		}
		return true
	})
}

// resync loads a zone's image and what the journal has after it, up to e and no further.
func (f *Feed) resync(ctx context.Context, e *model.Entry) error {
	if e.Kind != model.EntryReset {
		f.health.Resyncs++
	}
	img, err := f.cfg.Source.Image(ctx, e.Zone)
	if errors.Is(err, model.ErrNotFound) {
		return nil // deleted meanwhile: the entry that says so is on its way
	}
	if err != nil {
		return fmt.Errorf("load image of zone %s: %w", e.Zone, err)
	}
	served, transfer, err := journal.Decode(&img)
	if err != nil {
		f.damaged(e.Zone, err)
		return nil
	}
	var l zone.Links
	if z := f.cfg.DB.ByID(string(e.Zone)); z != nil {
		if z.State().Seq >= uint64(e.Seq) {
			return nil
		}
		l = z.State().Links
	}
	delete(f.damage, e.Zone)
	z := f.cfg.DB.Reset(string(e.Zone), string(img.Account), uint64(img.Seq), served, transfer, l, nil)
	if img.Seq < e.Seq {
		if err := f.replay(ctx, img.Seq, e); err != nil {
			return err
		}
	}
	f.published(z, false)
	return nil
}

// errStop ends a replay early.
var errStop = errors.New("stop")

// replay steps a zone from its image to e. It reads the whole journal between the two; only a zone that did not fit comes
// here.
func (f *Feed) replay(ctx context.Context, after model.Seq, e *model.Entry) error {
	var bad error
	err := f.cfg.Source.Remaining(ctx, after, e.Seq, func(next model.Entry) error {
		if next.Zone != e.Zone || next.Kind != model.EntryDelta {
			return nil
		}
		step, err := zone.DecodeStep(next.Body)
		if err == nil {
			_, err = f.cfg.DB.Step(string(e.Zone), uint64(next.Seq), step)
		}
		if err != nil {
			bad = fmt.Errorf("journal entry %d: %w", next.Seq, err)
			return errStop
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		return fmt.Errorf("replay zone %s: %w", e.Zone, err)
	}
	if bad != nil {
		f.damaged(e.Zone, bad)
	}
	return nil
}

// damaged notes a zone whose image or journal cannot be used. It stays as it is in memory, if it is there at all, and
// takes no further changes, while all others go on.
func (f *Feed) damaged(id model.ID, err error) {
	if _, told := f.damage[id]; told {
		return
	}
	f.damage[id] = struct{}{}
	f.cfg.Log.Error("zone is damaged in the store, keeping what is in memory and taking no changes", "zone", id, "error", err)
}

// published tells that a zone changed; what is loaded at start is no change.
func (f *Feed) published(z *zone.Zone, forced bool) {
	if f.begun {
		f.cfg.Published(z, forced)
	}
}

// linked tells that a zone's links or its peers changed, likewise.
func (f *Feed) linked(z *zone.Zone) {
	if f.ready {
		f.cfg.Linked(z)
	}
}
