package watch

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Memory is what outlives the process of a peer of a zone. It holds names of keys, and no keys.
type Memory struct {
	Zone, Peer string // ids
	Serial     uint32
	Known      bool  // Serial means something
	Trouble    State // what was wrong with the last answer, and in words
	Words      string
	Code       wire.Rcode
	Good       time.Time
	InStep     time.Time
	Seen       time.Time
	Notify     notify.Status
	ToldOn     time.Time
	Transfer   *xfr.Report // without keys
	TransferOn time.Time
	Refusal    *xfr.Report // likewise
	RefusalOn  time.Time
	History    []Event     // oldest first
	Keys       []Signed    // newest first
	Compared   *Comparison `json:",omitempty"`
}

// change says what there is to be saved of a record.
type change uint8

const (
	nothing change = iota
	again          // the same, later
	news
)

const (
	saveMost     = 500              // records of one Save
	againEvery   = 10 * time.Minute // how long the time of what stays the same may wait for being saved
	lastSaveTime = 10 * time.Second // bounds saving at the end
)

// Load takes back what an earlier process saved, or the node that asked before this one. What belongs to no link of now is
// left out, and so is what is not newer than what is known, but for the keys, of which each has a time of its own.
func (w *Watcher) Load(list []Memory) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range list {
		m := &list[i]
		old := w.of.get(key{m.Zone, m.Peer})
		if !w.linked(m.Zone, m.Peer) {
			continue
		}
		if old != nil && !old.seen.Before(m.Seen) {
			old.keys = mergeKeys(old.keys, m.Keys)
			continue
		}
		if len(m.History) > historyMost {
			m.History = m.History[len(m.History)-historyMost:]
		}
		r := &record{
			serial: m.Serial, known: m.Known, inStep: m.InStep, seen: m.Seen, probe: trouble{m.Trouble, m.Words, m.Code}, good: m.Good,
			status: m.Notify, toldOn: m.ToldOn, transfer: m.Transfer, transferOn: m.TransferOn, refusal: m.Refusal, refusalOn: m.RefusalOn,
			events: slices.Clone(m.History), keys: mergeKeys(m.Keys, nil), compared: m.Compared,
		}
		if old != nil {
			r.keep(old)
		}
		w.of.put(key{m.Zone, m.Peer}, r)
		w.touched(m.Zone)
	}
}

// keep takes over what this node alone has seen since: a secondary may ask another node than the one that asks it.
func (r *record) keep(old *record) {
	if old.transferOn.After(r.transferOn) {
		r.transfer, r.transferOn = old.transfer, old.transferOn
	}
	if old.refusalOn.After(r.refusalOn) {
		r.refusal, r.refusalOn = old.refusal, old.refusalOn
	}
	if old.good.After(r.good) {
		r.good = old.good
	}
	r.served, r.servedOn, r.own = old.served, old.servedOn, old.own // which are kept nowhere else
	r.asking, r.pace, r.turn = old.asking, old.pace, old.turn
	r.keys = mergeKeys(r.keys, old.keys)
	for _, e := range old.events {
		if (e.Kind == "transfer" || e.Kind == "refusal") && !slices.ContainsFunc(r.events, func(o Event) bool { return o.Kind == e.Kind && !o.On.Before(e.On) }) {
			r.push(e)
		}
	}
}

func (w *Watcher) linked(zoneID, peer string) bool {
	z := w.cfg.DB.ByID(zoneID)
	return z != nil && slices.ContainsFunc(z.Access().Peers, func(p zone.Peer) bool { return p.ID == peer })
}

// save saves news after a while, together, until ctx ends.
func (w *Watcher) save(ctx context.Context) {
	tick := time.NewTicker(w.cfg.SaveInterval)
	defer tick.Stop()
	all := w.cfg.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		least := news
		if now := w.cfg.Now(); now.Sub(all) >= againEvery {
			least, all = again, now
		}
		w.saveOnce(ctx, least)
	}
}

// saveOnce saves what changed at least so much. What could not be saved is tried again the next time.
func (w *Watcher) saveOnce(ctx context.Context, least change) {
	for part := range slices.Chunk(w.unsaved(least), saveMost) {
		err := w.cfg.Save(ctx, part)
		if err == nil {
			continue
		}
		w.cfg.Log.Warn("cannot keep how secondaries fare", slog.Any("error", err))
		w.mu.Lock()
		for _, m := range part {
			if r := w.of.get(key{m.Zone, m.Peer}); r != nil {
				r.unsaved = news
			}
		}
		w.mu.Unlock()
	}
}

// unsaved copies the records with changes, and takes them for saved. What is linked no more is dropped instead.
func (w *Watcher) unsaved(least change) []Memory {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Memory
	for zone, of := range w.of {
		for peer, r := range of {
			switch k := (key{zone, peer}); {
			case r.unsaved < least:
			case !w.linked(zone, peer):
				w.of.drop(k)
			default:
				r.unsaved = nothing
				out = append(out, r.memory(k))
			}
		}
	}
	slices.SortFunc(out, func(a, b Memory) int { return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Peer, b.Peer)) })
	return out
}

func (r *record) memory(k key) Memory {
	return Memory{
		Zone: k.zone, Peer: k.peer, Serial: r.serial, Known: r.known, InStep: r.inStep, Seen: r.seen,
		Trouble: r.probe.State, Words: r.probe.Text, Code: r.probe.Code, Good: r.good,
		Notify: r.status, ToldOn: r.toldOn, Transfer: r.transfer, TransferOn: r.transferOn, Refusal: r.refusal, RefusalOn: r.refusalOn,
		History: slices.Clone(r.events), Keys: slices.Clone(r.keys), Compared: r.compared,
	}
}
