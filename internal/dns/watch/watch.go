package watch

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// State says how a secondary stands.
type State string

// The states.
const (
	InStep  State = "in_step" // it has our serial
	Behind  State = "behind"  // it has an older one
	Silent  State = "silent"  // it does not answer
	Unknown State = "unknown" // nothing was heard of it yet
)

// Event is a point of a peer's history.
type Event struct {
	On        time.Time
	Kind      string // "notify", "transfer", "refusal", "probe"
	Serial    uint32
	HasSerial bool
	Text      string
}

// View is what is known of a peer of a zone. Zero times mean never.
type View struct {
	Peer       zone.Peer
	State      State
	Serial     uint32
	Known      bool      // Serial means something
	Since      time.Time // when the peer was last seen in step, for how far it is behind
	Seen       time.Time
	Notify     notify.Status
	Transfer   *xfr.Report
	TransferOn time.Time
	Refusal    *xfr.Report
	RefusalOn  time.Time
	History    []Event // newest first
}

// historyMost bounds the events kept for each peer.
const historyMost = 20

type key struct{ zone, peer string }

type record struct {
	serial     uint32
	known      bool
	inStep     time.Time
	seen       time.Time
	failed     bool // the last probe got no answer
	status     notify.Status
	transfer   *xfr.Report
	transferOn time.Time
	refusal    *xfr.Report
	refusalOn  time.Time
	events     []Event // oldest first
	unsaved    change
}

// Config makes a Watcher. DB is required.
type Config struct {
	DB *zone.DB
	// Interval is how often each peer is asked for its SOA; 0: never.
	Interval time.Duration
	// Timeout bounds one question; default 2 s.
	Timeout time.Duration
	// Duty says whether this node asks for a zone; nil: always.
	Duty func(zoneID string) bool
	// Seen hears of every serial that a peer was seen with.
	Seen func(zoneID, peerID string, serial uint32)
	// Resolve finds the addresses of a name server for an account: accounts may have zones of their own for it. Nil: name
	// servers are not asked.
	Resolve func(ctx context.Context, account string, name wire.Name) ([]netip.Addr, error)
	// NameServerInterval is how often the name servers of zones with transfers on are asked for their SOA; 0: never.
	NameServerInterval time.Duration
	// NameServerPort is where they are asked; default 53.
	NameServerPort uint16
	// Save keeps what is known of peers for the next start; nil: it is forgotten with the process.
	Save func(ctx context.Context, list []Memory) error
	// SaveInterval is how long news may wait for being saved, all together; default 10 s. That everything is as it was
	// is saved once in a while and at the end.
	SaveInterval time.Duration
	Now          func() time.Time
	Log          *slog.Logger
}

// Watcher remembers. Its methods return at once and may be called from anywhere.
type Watcher struct {
	cfg Config
	mu  sync.Mutex
	of  map[key]*record
	ns  map[string][]NameServer // by zone
}

// New returns a Watcher that knows nothing yet.
func New(cfg Config) *Watcher {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 2 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Duty == nil {
		cfg.Duty = func(string) bool { return true }
	}
	if cfg.Seen == nil {
		cfg.Seen = func(string, string, uint32) {}
	}
	if cfg.NameServerPort == 0 {
		cfg.NameServerPort = 53
	}
	if cfg.SaveInterval <= 0 {
		cfg.SaveInterval = 10 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Watcher{cfg: cfg, of: map[key]*record{}, ns: map[string][]NameServer{}}
}

func (w *Watcher) at(k key) *record {
	r := w.of[k]
	if r == nil {
		r = &record{}
		w.of[k] = r
	}
	return r
}

// add keeps an event. One that says the same as the last of its kind takes that one's place: a secondary that is silent
// for a week must not push out what came before by telling so in turns with the NOTIFYs that it does not answer.
func (r *record) add(e Event) {
	for i, l := range slices.Backward(r.events) {
		if l.Kind != e.Kind {
			continue
		}
		if l.Text == e.Text && l.Serial == e.Serial {
			r.events = append(slices.Delete(r.events, i, i+1), e)
			r.unsaved = max(r.unsaved, again)
			return
		}
		break
	}
	r.unsaved = news
	if len(r.events) == historyMost {
		copy(r.events, r.events[1:])
		r.events = r.events[:historyMost-1]
	}
	r.events = append(r.events, e)
}

// holds notes a serial that the peer has.
func (w *Watcher) holds(z *zone.Zone, r *record, serial uint32, now time.Time) {
	r.serial, r.known, r.seen, r.failed = serial, true, now, false
	if serial == z.State().Transfer.Serial() {
		r.inStep = now
	}
}

// Notified takes what came of a NOTIFY.
func (w *Watcher) Notified(zoneID string, s notify.Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.at(key{zoneID, s.Peer})
	now := w.cfg.Now()
	if s.Answered.After(r.status.Answered) {
		r.seen, r.failed = now, false
	}
	r.status = s
	r.add(Event{On: now, Kind: "notify", Serial: s.Serial, HasSerial: true, Text: s.Answer})
}

// Transferred takes what came of a transfer request: of a linked peer it is kept, of others not.
func (w *Watcher) Transferred(rep xfr.Report) {
	z := w.cfg.DB.ByID(rep.ZoneID)
	if z == nil || rep.Peer.ID == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.at(key{rep.ZoneID, rep.Peer.ID})
	rep.Peer = zone.Peer{} // it is known by its link, and may have another key by then
	now := w.cfg.Now()
	r.seen, r.failed = now, false
	switch {
	case rep.Kind == "":
		r.refusal, r.refusalOn = &rep, now
		r.add(Event{On: now, Kind: "refusal", Text: rep.Reason})
	case rep.Reason != "":
		r.transfer, r.transferOn = &rep, now
		r.add(Event{On: now, Kind: "transfer", Serial: rep.To, HasSerial: true, Text: rep.Reason})
	case rep.Kind == xfr.UpToDate: // it asked, and had nothing to fetch
		r.add(Event{On: now, Kind: "transfer", Serial: rep.To, HasSerial: true, Text: "up to date"})
		w.holds(z, r, rep.To, now)
	case rep.Kind == xfr.TooLarge: // it asks by TCP next
		r.add(Event{On: now, Kind: "transfer", Serial: rep.To, HasSerial: true, Text: string(rep.Kind)})
	default:
		r.transfer, r.transferOn = &rep, now
		r.add(Event{On: now, Kind: "transfer", Serial: rep.To, HasSerial: true, Text: string(rep.Kind)})
		w.holds(z, r, rep.To, now)
	}
}

// probed takes the answer to a question of ours.
func (w *Watcher) probed(z *zone.Zone, peer string, serial uint32, err error) {
	w.mu.Lock()
	r := w.at(key{z.ID, peer})
	now := w.cfg.Now()
	if err != nil {
		r.failed = true
		r.add(Event{On: now, Kind: "probe", Text: err.Error()})
		w.mu.Unlock()
		return
	}
	w.holds(z, r, serial, now)
	r.add(Event{On: now, Kind: "probe", Serial: serial, HasSerial: true, Text: "answered"})
	w.mu.Unlock()
	w.cfg.Seen(z.ID, peer, serial)
}

// Peers tells how every linked peer of a zone fares, in the order of the links.
func (w *Watcher) Peers(z *zone.Zone) []View {
	serial := z.State().Transfer.Serial()
	access := z.Access()
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]View, 0, len(access.Peers))
	for _, p := range access.Peers {
		v := View{Peer: p, State: Unknown}
		if r := w.of[key{z.ID, p.ID}]; r != nil {
			v.Serial, v.Known, v.Since, v.Seen, v.Notify = r.serial, r.known, r.inStep, r.seen, r.status
			v.Transfer, v.TransferOn, v.Refusal, v.RefusalOn = r.transfer, r.transferOn, r.refusal, r.refusalOn
			for _, v0 := range slices.Backward(r.events) {
				v.History = append(v.History, v0)
			}
			v.State = r.state(serial)
		}
		out = append(out, v)
	}
	return out
}

// Held lists the serials that linked peers of a zone were last seen with.
func (w *Watcher) Held(zoneID string) []uint32 {
	z := w.cfg.DB.ByID(zoneID)
	if z == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []uint32
	for _, peer := range z.State().Links.Peers {
		if r := w.of[key{zoneID, peer}]; r != nil && r.known {
			out = append(out, r.serial)
		}
	}
	return out
}

func (r *record) state(ours uint32) State {
	switch {
	case r.failed:
		return Silent
	case !r.known:
		return Unknown
	}
	return standing(r.serial, ours)
}

// standing compares a serial that a server holds with ours. A newer one means that we are about to know of it, too.
func standing(theirs, ours uint32) State {
	if theirs == ours || wire.SerialNewer(theirs, ours) {
		return InStep
	}
	return Behind
}

// Forget drops what is known of a zone.
func (w *Watcher) Forget(zoneID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for k := range w.of {
		if k.zone == zoneID {
			delete(w.of, k)
		}
	}
	delete(w.ns, zoneID)
}

// Count says how many linked peers stand in each state, over all zones with transfers on.
func (w *Watcher) Count() map[State]int {
	out := map[State]int{InStep: 0, Behind: 0, Silent: 0, Unknown: 0}
	w.cfg.DB.All(func(z *zone.Zone) bool {
		if z.State().Links.Enabled {
			for _, v := range w.Peers(z) {
				out[v.State]++
			}
		}
		return true
	})
	return out
}
