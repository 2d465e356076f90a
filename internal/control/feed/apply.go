package feed

import (
	"maps"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// apply takes one journal entry. The lock is held. Entries that memory holds already, because an image ran ahead, change
// nothing.
func (f *Feed) apply(e *model.Entry) {
	f.cfg.Seen(*e, false)
	f.bring(e)
}

// bring brings an entry into memory, or has it wait for the image of its zone. The lock is held.
func (f *Feed) bring(e *model.Entry) {
	if e.Kind == model.EntryGone {
		f.gone(e.Zone)
		return
	}
	if r := f.reloads[e.Zone]; r != nil {
		f.later(r, e)
		return
	}
	switch e.Kind {
	case model.EntryDelta:
		f.applyDelta(e, nil)
	case model.EntryReset:
		f.reload(e)
	case model.EntryAccess:
		f.applyAccess(e)
	case model.EntryNotify:
		if z := f.links(e, nil); z != nil {
			f.published(z, true)
		}
	case model.EntryGone:
	}
}

// gone takes a zone out. What was to become of it is void: nothing of it may come after one of the same name.
func (f *Feed) gone(id model.ID) {
	delete(f.damage, id)
	f.giveUp(id)
	if z := f.cfg.DB.ByID(string(id)); z != nil {
		f.remove(z)
	}
}

// applyDelta takes a delta, with what it leads to if somebody has looked.
func (f *Feed) applyDelta(e *model.Entry, ahead *zone.Ahead) {
	z := f.cfg.DB.ByID(string(e.Zone))
	if z != nil && z.State().Seq >= uint64(e.Seq) {
		return
	}
	step, err := ahead.Step(), error(nil)
	if step == nil {
		step, err = zone.DecodeStep(e.Body)
	}
	if err == nil && z != nil {
		z, err = f.cfg.DB.StepAhead(string(e.Zone), uint64(e.Seq), step, ahead)
	}
	if err != nil || z == nil {
		f.cfg.Log.Warn("journal entry does not fit memory, loading the zone's image", "zone", e.Zone, "position",
			uint64(e.Seq), "error", err)
		f.reload(e)
		return
	}
	if step.Transfer.From != step.Transfer.To {
		f.published(z, false)
	}
}

// Prepare works out what the deltas among entries lead to, unless that is known, which are being made durable and have no positions
// yet: nobody sees anything of it before Offer. Unlike all else that concerns entries it needs no lock, and may run beside anything.
func (f *Feed) Prepare(entries []model.Entry, known map[model.ID]*zone.Ahead) map[model.ID]*zone.Ahead {
	out := make(map[model.ID]*zone.Ahead, len(entries))
	maps.Copy(out, known)
	for i := range entries {
		e := &entries[i] // not as a whole: its position is being written
		if _, met := out[e.Zone]; met || e.Kind != model.EntryDelta {
			continue
		}
		out[e.Zone] = nil // what comes second does not begin with what is there now
		if step, err := zone.DecodeStep(e.Body); err == nil {
			out[e.Zone] = f.cfg.DB.Ahead(string(e.Zone), step)
		}
	}
	return out
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
	return f.setLinks(z, max(state.Seq, uint64(e.Seq)), *l)
}

func (f *Feed) applyAccess(e *model.Entry) {
	if e.Zone == "" {
		changed, written := f.setAccount(e)
		f.peersChanged(string(e.Account), changed, written)
		return
	}
	l, err := decodeLinks(e.Body)
	if err != nil {
		f.cfg.Log.Error("access entry of a zone cannot be read, transfers stay off", "zone", e.Zone, "position",
			uint64(e.Seq), "error", err)
	}
	if z := f.links(e, &l); z != nil {
		f.linked(z)
	}
}

// setAccount takes what becomes of an account's rules, and gives the peers that are others by it, and those that were written at all.
// The lock is held.
func (f *Feed) setAccount(e *model.Entry) (changed, written []string) {
	c, err := decodeAccount(e)
	if err != nil {
		// Nobody may transfer by rules that cannot be read.
		f.cfg.Log.Error("access entry of an account cannot be read, its zones are closed", "account", e.Account,
			"position", uint64(e.Seq), "error", err)
		return f.cfg.DB.CloseAccount(string(e.Account)), nil
	}
	for i := range c.Peers {
		written = append(written, c.Peers[i].ID)
	}
	changed, sealed := f.cfg.DB.ChangeAccount(c)
	if sealed == 0 {
		delete(f.sealed, e.Account)
		return changed, written
	}
	if _, told := f.sealed[e.Account]; !told {
		f.sealed[e.Account] = struct{}{}
		f.cfg.Log.Warn("an account's TSIG keys are sealed and this node has no secret key: its zones whose links need one are not transferred from here",
			"account", e.Account)
	}
	return changed, written
}

// peersChanged tells of every zone of an account that is linked to one of some peers: they may be reached elsewhere now, or not at all.
// Of peers that were written and are to a transfer what they were, it tells their catalogs: the row says which losses are confirmed.
func (f *Feed) peersChanged(account string, changed, written []string) {
	if len(changed)+len(written) == 0 {
		return
	}
	among := make(map[string]bool, len(changed)+len(written)) // whether every zone hears of it
	for _, p := range written {
		among[p] = false
	}
	for _, p := range changed {
		among[p] = true
	}
	for id := range f.peered[account] {
		z := f.cfg.DB.ByID(id)
		if z == nil {
			continue
		}
		links := &z.State().Links
		if slices.ContainsFunc(links.Peers, func(p string) bool { every, is := among[p]; return is && (every || links.Hidden) }) {
			f.linked(z)
		}
	}
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
	if f.begun {
		f.cfg.Linked(z)
	}
}
