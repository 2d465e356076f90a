package feed

import (
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// tailsMost bounds the octets of changes that wait to be replayed.
const tailsMost = 64 << 20

// tails are the changes that a load has read and not yet brought into memory, of each zone all at once: a page that many
// of them touch is then written once.
type tails struct {
	of    map[model.ID][]model.Entry
	bytes int
}

// collect keeps a change of a zone for later. The lock is held.
func (l *loading) collect(e *model.Entry) {
	l.f.cfg.Seen(*e, false)
	l.tails.of[e.Zone] = append(l.tails.of[e.Zone], *e)
	if l.tails.bytes += len(e.Body); l.tails.bytes > tailsMost {
		l.replayAll()
	}
}

// replayAll brings memory to the last change collected of every zone. The lock is held.
func (l *loading) replayAll() {
	for id := range l.tails.of {
		l.replay(id)
	}
}

// replay brings a zone to the last change collected of it. Where they do not fit together, they are applied one by one: that
// finds the one that does not fit. The lock is held.
func (l *loading) replay(id model.ID) {
	entries := l.tails.of[id]
	delete(l.tails.of, id)
	for i := range entries {
		l.tails.bytes -= len(entries[i].Body)
	}
	if len(entries) == 0 || l.f.reloads[id] == nil && l.f.replayed(id, entries) {
		return
	}
	for i := range entries {
		l.f.bring(&entries[i])
	}
}

// replayed applies a zone's changes at once, those that memory lacks, and says whether they did fit.
func (f *Feed) replayed(id model.ID, entries []model.Entry) bool {
	z := f.cfg.DB.ByID(string(id))
	if z == nil {
		return false
	}
	state := z.State()
	steps := make([]*zone.Step, 0, len(entries))
	for i := range entries {
		e := &entries[i]
		if uint64(e.Seq) <= state.Seq {
			continue
		}
		step, err := zone.DecodeStep(e.Body)
		if err != nil {
			return false
		}
		steps = append(steps, step)
	}
	if len(steps) == 0 {
		return true
	}
	z, err := f.cfg.DB.Replay(string(id), uint64(entries[len(entries)-1].Seq), steps)
	if err != nil {
		return false
	}
	if z.State().Transfer.Serial() != state.Transfer.Serial() {
		f.published(z, false)
	}
	return true
}
