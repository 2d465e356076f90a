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

// View is what is known of a peer of a zone. Zero times mean never.
type View struct {
	Peer       zone.Peer
	State      State
	Cause      string // why it is not in step, in words, where that is known
	Serial     uint32
	Known      bool      // Serial means something
	Since      time.Time // when the peer was last seen in step, for how far it is behind
	Seen       time.Time
	Notify     notify.Status
	Transfer   *xfr.Report
	TransferOn time.Time
	Refusal    *xfr.Report
	RefusalOn  time.Time
	History    []Event     // newest first
	Keys       []Signed    // newest first
	Compared   *Comparison // nil: never
}

type key struct{ zone, peer string }

// records are what is known of peers, by zone and then by peer, so that a zone that goes takes its own along and costs no look
// at all others.
type records map[string]map[string]*record

func (r records) get(k key) *record { return r[k.zone][k.peer] }

func (r records) put(k key, v *record) {
	of := r[k.zone]
	if of == nil {
		of = map[string]*record{}
		r[k.zone] = of
	}
	of[k.peer] = v
}

func (r records) drop(k key) {
	of := r[k.zone]
	if delete(of, k.peer); len(of) == 0 {
		delete(r, k.zone)
	}
}

type record struct {
	serial     uint32
	known      bool
	inStep     time.Time
	seen       time.Time
	own        time.Time      // when this process last found out how it stands; what an earlier one or another node found is older. Never: zero
	began      time.Time      // when the question was asked whose answer was taken last
	probe      trouble        // what was wrong with the answer when it was last asked
	at         netip.AddrPort // where it was asked whose answer was taken last
	served     uint32         // what it answered with when it last did, which is not what it has fetched before that is loaded
	servedOn   time.Time      // never: zero
	good       time.Time      // last transfer, or NOTIFY accepted
	status     notify.Status
	toldOn     time.Time // when status was
	transfer   *xfr.Report
	transferOn time.Time
	refusal    *xfr.Report
	refusalOn  time.Time
	events     []Event  // oldest first
	keys       []Signed // newest first
	compared   *Comparison
	unsaved    change
	moved      time.Time // when somebody was last told that an answer came
	asking     bool      // by a patrol
	pace       uint8     // that the peer is followed at, from 1; not: 0
	silent     uint8     // how many questions in a row found nobody
	turn       uint32    // of following: see follow
}

// Config makes a Watcher. DB is required.
type Config struct {
	DB *zone.DB
	// Interval is how often each peer is asked for its SOA that is not in step; 0: only while somebody waits for its zone. IntervalMost
	// is how often one is that is, or that has been silent for long: a whole number of intervals, about; default 4 of them. Rate is how
	// many questions a second all of these are at most; where they are more, they come less often. Default 1,000.
	Interval, IntervalMost time.Duration
	Rate                   int
	// Timeout bounds one question; default 2 s.
	Timeout time.Duration
	// Duty says whether this node asks for a zone; nil: always.
	Duty func(zoneID string) bool
	// Shared says that other nodes are to be told which keys peers sign with; then Sightings is called now and then.
	Shared bool
	// Here names this node among them, the same after each start.
	Here string
	// Seen hears of every serial that a peer was seen with.
	Seen func(zoneID, peerID string, serial uint32)
	// Learned hears that something was learned of a zone's servers; nil: nobody does. It returns at once, and asks the Watcher nothing.
	Learned func(zoneID string)
	// Moves hears of every zone with transfers on of which something has moved that may change how a secondary stands. It must return
	// at once, and not call the Watcher; nil: nobody does.
	Moves func(zoneID string)
	// Resolve finds the addresses of a name server for an account: accounts may have zones of their own for it. Nil: name
	// servers are not asked.
	Resolve func(ctx context.Context, account string, name wire.Name) ([]netip.Addr, error)
	// Allowed says whether a name server may be asked at an address to which its name leads; nil: anywhere. Linked peers may.
	Allowed func(netip.Addr) bool
	// Tells says whether it may be told why nobody answers at an address; nil: everywhere. Who names a peer must not learn by it
	// what listens in networks that only this server reaches.
	Tells func(netip.Addr) bool
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
	cfg       Config
	mu        sync.Mutex
	of        records
	ns        map[string][]NameServer // by zone
	strangers map[string][]Stranger   // by zone, the last at the end
	sighted   map[key]struct{}        // peers that keys were seen of since Sightings was last called
	tally     tally
	wanted    wanted
	follows   follows
	// question asks a server for a zone's serial; tests put another in its place.
	question func(ctx context.Context, name wire.Name, at netip.AddrPort) (uint32, trouble)
}

// New returns a Watcher that knows nothing yet.
func New(cfg Config) *Watcher {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 2 * time.Second
	}
	if cfg.IntervalMost <= 0 {
		cfg.IntervalMost = 4 * cfg.Interval
	}
	if cfg.Rate <= 0 {
		cfg.Rate = 1000
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Duty == nil {
		cfg.Duty = func(string) bool { return true }
	}
	if cfg.Allowed == nil {
		cfg.Allowed = func(netip.Addr) bool { return true }
	}
	if cfg.Tells == nil {
		cfg.Tells = func(netip.Addr) bool { return true }
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
	w := &Watcher{cfg: cfg, of: records{}, ns: map[string][]NameServer{}, strangers: map[string][]Stranger{}, sighted: map[key]struct{}{}, tally: newTally(), wanted: wanted{of: map[string]*want{}}, follows: follows{due: map[string][]follow{}}}
	w.question = w.overBoth
	return w
}

// at is the record of a peer, for writing.
func (w *Watcher) at(k key) *record {
	w.touched(k.zone)
	return w.made(k)
}

// made is at for who says himself that something has moved.
func (w *Watcher) made(k key) *record {
	r := w.of.get(k)
	if r == nil {
		r = &record{}
		w.of.put(k, r)
	}
	return r
}

// sameFor is how long answers that say the same again and again move nobody: who listens looks at the whole zone, and reads the store.
const sameFor = 2 * time.Second

// answered tells of an answer, or of none, if it says something else than the last one or that is some time ago. That one who is in step
// still is moves nobody at all: there may be very many of those. Same: it says the same. The lock is held.
func (w *Watcher) answered(z *zone.Zone, r *record, serial uint32, t trouble, now time.Time) (same bool) {
	same = r.probe == t && !r.own.IsZero() && (!t.none() || !r.servedOn.IsZero() && r.served == serial && r.serial == serial)
	if !same {
		w.wanted.hurry(z.ID) // it begins to answer, or goes on
	}
	steady := same && t.none() && serial == z.State().Transfer.Serial()
	if !same || !steady && (now.Sub(r.moved) >= sameFor || now.Before(r.moved)) {
		r.moved = now
		w.touched(z.ID)
	}
	return same
}

// holds notes a serial that the peer has.
func (w *Watcher) holds(z *zone.Zone, r *record, serial uint32, now time.Time) {
	r.serial, r.known, r.seen, r.probe = serial, true, now, trouble{}
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
		r.seen, r.silent = now, 0
		if r.probe.State == Unreachable {
			r.probe = trouble{}
			w.wanted.lives(key{zoneID, s.Peer}, true)
		}
	}
	r.status, r.toldOn, r.own = s, now, now
	if s.Outcome == notify.Accepted {
		r.heard(now)
		w.follow(key{zoneID, s.Peer}, r)
	}
	r.add(Event{
		On: now, Kind: "notify", Serial: s.Serial, HasSerial: true, Text: s.Answer, Count: s.Tries,
		Open: s.Outcome != notify.Accepted,
	})
}

// Transferred takes what came of a transfer request, and of other requests that were refused for their signature. What is
// certainly a linked peer's is kept as its; what may be one's of several is kept with each of them, as that; of strangers
// the refusals are.
func (w *Watcher) Transferred(rep xfr.Report) {
	z := w.cfg.DB.ByID(rep.ZoneID)
	if z == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	peers := rep.Client.Peers()
	if len(peers) == 0 && rep.Refused() {
		w.stranger(&rep)
	}
	certain := rep.Client.Peer.ID != ""
	rep.Client = xfr.Client{OneOf: nameOnly(rep.Client.OneOf)}
	for _, p := range peers {
		r := w.at(key{rep.ZoneID, p.ID})
		if !rep.Refused() && rep.Key != "" {
			r.signed(Signed{Key: rep.Key, On: w.cfg.Now(), Certain: certain, At: w.cfg.Here})
			w.sight(key{rep.ZoneID, p.ID})
		}
		r.transferred(w, z, p.ID, &rep, certain)
	}
}

// nameOnly leaves of peers what tells them apart: no keys, which are not for keeping.
func nameOnly(peers []zone.Peer) []zone.Peer {
	out := make([]zone.Peer, 0, len(peers))
	for _, p := range peers {
		out = append(out, zone.Peer{ID: p.ID, Name: p.Name})
	}
	return out
}

func (r *record) transferred(w *Watcher, z *zone.Zone, peer string, rep *xfr.Report, certain bool) {
	now := w.cfg.Now()
	e := Event{On: now, Kind: "transfer", Serial: rep.To, HasSerial: true, Text: string(rep.Kind)}
	switch {
	case rep.Refused():
		r.refusal, r.refusalOn = rep, now
		e = Event{On: now, Kind: "refusal", Text: rep.Reason}
	case rep.Reason != "":
		r.transfer, r.transferOn = rep, now
		e.Text = rep.Reason
	case rep.Kind == xfr.TooLarge: // it asks by TCP next
	case rep.Kind == xfr.UpToDate: // it asked, and had nothing to fetch
		e.Text = "up to date"
		if rep.From != rep.To {
			e.Serial, e.Text = rep.From, "it holds a later serial: nothing to fetch"
		}
	default:
		r.transfer, r.transferOn = rep, now
	}
	if !certain {
		e.Text += ", by one of the peers at " + rep.Source.Addr().Unmap().String()
		r.add(e)
		return
	}
	r.seen, r.own, r.silent = now, now, 0
	returns := r.probe.State == Unreachable
	if returns {
		r.probe = trouble{}
	}
	if serial, ok := rep.Holds(); ok {
		r.heard(now)
		if !r.known || r.serial != serial {
			w.wanted.lives(key{z.ID, peer}, returns)
		}
		w.holds(z, r, serial, now)
	}
	r.add(e)
}

// probed takes the answer to a question of ours, unless one that was asked later has been answered before: a server that was away may be
// asked anew before nobody's answer to the former question is known. What comes from where the peer is no more is nobody's.
func (w *Watcher) probed(z *zone.Zone, peer string, at netip.AddrPort, began time.Time, serial uint32, t trouble) {
	w.mu.Lock()
	if r := w.of.get(key{z.ID, peer}); (r == nil || r.at != at) && !w.leads(z.ID, peer, at) {
		w.mu.Unlock()
		return
	}
	r := w.made(key{z.ID, peer})
	if began.Before(r.began) {
		w.mu.Unlock()
		return
	}
	now := w.cfg.Now()
	same := w.answered(z, r, serial, t, now)
	r.at, r.began, r.own = at, began, now
	if t.State != Unreachable {
		r.silent = 0
	} else if r.silent < silentRounds {
		r.silent++
	}
	if !t.none() {
		if t.State != Unreachable {
			r.seen = now
		}
		r.probe = t
		r.add(Event{On: now, Kind: "probe", Text: t.Text})
		w.mu.Unlock()
		return
	}
	w.holds(z, r, serial, now)
	r.served, r.servedOn = serial, now
	r.add(Event{On: now, Kind: "probe", Serial: serial, HasSerial: true, Text: "answered"})
	// Who has accepted the last NOTIFY, and has been seen with our serial, is waited for by nobody.
	done := same && serial == z.State().Transfer.Serial() && r.status.Outcome == notify.Accepted
	w.mu.Unlock()
	if !done {
		w.cfg.Seen(z.ID, peer, serial)
	}
}

// Peers tells how every linked peer of a zone fares, in the order of the links.
func (w *Watcher) Peers(z *zone.Zone) []View {
	serial := z.State().Transfer.Serial()
	access := z.Access()
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]View, 0, len(access.Peers))
	for _, p := range access.Peers {
		v := View{Peer: p}
		r := w.of.get(key{z.ID, p.ID})
		if r == nil {
			r = &record{} // not kept
		}
		v.State, v.Cause = r.state(serial, p.Addr.IsValid())
		v.Serial, v.Known, v.Since, v.Seen, v.Notify = r.serial, r.known, r.inStep, r.seen, r.status
		v.Transfer, v.TransferOn, v.Refusal, v.RefusalOn = r.transfer, r.transferOn, r.refusal, r.refusalOn
		v.History, v.Keys, v.Compared = slices.Clone(r.events), slices.Clone(r.keys), r.compared
		slices.Reverse(v.History)
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
		if r := w.of.get(key{zoneID, peer}); r != nil && r.known {
			out = append(out, r.serial)
		}
	}
	return out
}

// Forget drops what is known of a zone.
func (w *Watcher) Forget(zoneID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.of, zoneID)
	delete(w.ns, zoneID)
	w.touched(zoneID)
	delete(w.strangers, zoneID)
}
