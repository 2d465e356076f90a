package alarm

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Store keeps alarms and the log of events.
type Store interface {
	TellSecondaries(ctx context.Context, list []model.Event) error
	ChangeAlarms(ctx context.Context, list []model.AlarmChange, newID func() model.ID) ([]model.Alarm, error)
	RaisedAlarms(ctx context.Context, yield func(model.AlarmKey)) error
	AlarmSettings(ctx context.Context, account model.ID) (model.AlarmSettings, error)
}

// Config is what a Monitor needs. DB, Fares, Store and NewID are required.
type Config struct {
	DB *zone.DB
	// Fares tells how the linked peers of a zone stand.
	Fares func(z *zone.Zone) []watch.Fare
	Store Store
	NewID func() model.ID
	// Duty says whether this node works for a zone; nil: always.
	Duty func(zone model.ID) bool
	// Also says what else there is to a zone than its peers, and may take its time; nil: nothing.
	Also  func(ctx context.Context, z *zone.Zone) []Finding
	Slow  time.Duration // how often Also is asked of every zone; default 30 minutes
	Pace  time.Duration // between two looks; default 1 s
	Clock func() time.Time
	Log   *slog.Logger
}

// Bounds of one look: zones, and events for the log.
const (
	zonesMost  = 2000
	eventsMost = 200
	rulesMost  = 10_000           // accounts whose settings are kept
	rulesKept  = 10 * time.Second // and for how long
	raisedKept = 5 * time.Minute  // and what is raised in the store
)

// Monitor looks after zones. Moves and Review may be called from anywhere and return at once.
type Monitor struct {
	cfg Config

	mu     sync.Mutex
	moved  map[string]struct{} // zones to be looked at
	review bool                // other zones fall to this node
	counts Stats
	found  map[string][]Finding // what was found since the last look

	// What follows is Run's own.
	zones  map[string]*followed
	rules  map[model.ID]keptRules
	looks  int
	loaded time.Time // when what is raised was last read
}

// Stats are numbers of what a Monitor follows, some seconds old: alarms raised of its zones, conditions that may become some, and peers
// that are not in step, of which Out names some.
type Stats struct {
	Zones, Raised, Pending, OutOfStep int
	Out                               []Out
}

// Out is a peer of a zone that is not in step.
type Out struct {
	Zone, Peer string // names
	ID         string // the peer's
	State      watch.State
	Since      time.Time // when it was first seen so
}

// How often numbers are taken, in looks, and how many peers are named.
const (
	countEvery = 5
	outMost    = 500
)

// followed is what is kept of a zone between two looks.
type followed struct {
	account model.ID
	name    string
	stands  map[string]stand
	open    map[model.AlarmKey]*condition
	due     time.Time       // when to look though nothing moves; zero: never
	known   bool            // it has been looked at
	old     bool            // it was there before anybody looked: how its peers stand at first is no news
	began   time.Time       // when the zone fell to this node
	judged  map[string]bool // peers that this node has found something out about since
}

// stand is how a peer stood when it was last told.
type stand struct {
	state  watch.State
	serial uint32
	known  bool
	name   string
	since  time.Time // when it was first seen in this state
}

// same says whether there is nothing to be told.
func (s *stand) same(o *stand) bool {
	return s.state == o.state && s.serial == o.serial && s.known == o.known
}

type keptRules struct {
	set settings
	on  time.Time
}

// New returns a Monitor that follows nothing yet.
func New(cfg Config) *Monitor {
	if cfg.Duty == nil {
		cfg.Duty = func(model.ID) bool { return true }
	}
	if cfg.Pace <= 0 {
		cfg.Pace = time.Second
	}
	if cfg.Slow <= 0 {
		cfg.Slow = 30 * time.Minute
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Monitor{cfg: cfg, moved: map[string]struct{}{}, zones: map[string]*followed{}, rules: map[model.ID]keptRules{}, review: true}
}

// Moves has a zone looked at.
func (m *Monitor) Moves(zoneID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.moved[zoneID] = struct{}{}
}

// Review has it found out anew which zones fall to this node.
func (m *Monitor) Review() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.review = true
}

// Stats returns the numbers as they are now.
func (m *Monitor) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts
}

// Run looks at zones until ctx ends.
func (m *Monitor) Run(ctx context.Context) error {
	if m.cfg.Also != nil {
		var beside sync.WaitGroup
		defer beside.Wait()
		beside.Go(func() { m.survey(ctx) })
	}
	tick := time.NewTicker(m.cfg.Pace)
	defer tick.Stop()
	for {
		m.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look takes one look at what is to be looked at.
func (m *Monitor) look(ctx context.Context) {
	now := m.cfg.Clock()
	if anew := m.reviewing(); anew || now.Sub(m.loaded) >= raisedKept {
		if err := m.begin(ctx, now, anew); err != nil {
			m.cfg.Log.Warn("alarms cannot be read", "error", err)
			m.Review()
			return
		}
	}
	findings := m.findings()
	l := &look{m: m, now: now}
	for _, id := range m.take(now) {
		l.zone(ctx, id, findings[id])
		delete(findings, id)
	}
	for id, list := range findings {
		l.zone(ctx, id, list)
	}
	l.end(ctx)
	if m.looks++; m.looks%countEvery == 1 {
		m.count()
	}
}

func (m *Monitor) reviewing() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.review
	m.review = false
	return was
}

// begin reads which alarms are raised, of which some may be of zones that fall to this node now, and forgets zones that do not. Anew
// it takes up those that do.
func (m *Monitor) begin(ctx context.Context, now time.Time, anew bool) error {
	raised := map[model.AlarmKey]bool{}
	err := m.cfg.Store.RaisedAlarms(ctx, func(k model.AlarmKey) {
		if k.Zone != "" && m.cfg.Duty(k.Zone) {
			raised[k] = true
		}
	})
	if err != nil {
		return err
	}
	fresh := m.loaded.IsZero()
	m.loaded = now
	for id, f := range m.zones {
		if !m.cfg.Duty(model.ID(id)) {
			delete(m.zones, id)
			continue
		}
		for k, c := range f.open {
			c.raised = raised[k]
		}
	}
	for k := range raised {
		f := m.follow(string(k.Zone), k.Account)
		f.old = true
		if f.open[k] == nil {
			f.open[k] = &condition{raised: true}
			m.Moves(string(k.Zone))
		}
	}
	if !anew {
		return nil
	}
	var mine []*zone.Zone
	m.cfg.DB.All(func(z *zone.Zone) bool {
		if z.State().Links.Enabled && m.zones[z.ID] == nil && m.cfg.Duty(model.ID(z.ID)) {
			mine = append(mine, z)
		}
		return true
	})
	for _, z := range mine {
		m.follow(z.ID, model.ID(z.AccountID())).old = true
		m.Moves(z.ID)
	}
	if !fresh && len(mine) > 0 { // what happened while nobody looked was told to nobody
		return m.cfg.Store.TellSecondaries(ctx, []model.Event{{Kind: model.EventSecondary, At: now}})
	}
	return nil
}

func (m *Monitor) follow(id string, account model.ID) *followed {
	f := m.zones[id]
	if f == nil {
		f = &followed{
			account: account, stands: map[string]stand{}, open: map[model.AlarmKey]*condition{}, judged: map[string]bool{}, began: m.cfg.Clock(),
		}
		m.zones[id] = f
	}
	return f
}

// take gives zones that have moved, and those whose time has come.
func (m *Monitor) take(now time.Time) (out []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.moved {
		if len(out) == zonesMost {
			return out
		}
		delete(m.moved, id)
		out = append(out, id)
	}
	for id, f := range m.zones {
		if len(out) < zonesMost && !f.due.IsZero() && !now.Before(f.due) {
			f.due = time.Time{}
			out = append(out, id)
		}
	}
	return out
}

func (m *Monitor) count() {
	var s Stats
	for _, f := range m.zones {
		s.Zones++
		for id, p := range f.stands {
			if p.state == watch.InStep || p.state == watch.Unknown {
				continue
			}
			if s.OutOfStep++; s.OutOfStep <= outMost {
				s.Out = append(s.Out, Out{f.name, p.name, id, p.state, p.since})
			}
		}
		for _, c := range f.open {
			if c.raised {
				s.Raised++
			} else {
				s.Pending++
			}
		}
	}
	m.mu.Lock()
	m.counts = s
	m.mu.Unlock()
}

// settings are the rules of an account, which may be some seconds old.
func (m *Monitor) settings(ctx context.Context, account model.ID, now time.Time) (settings, error) {
	if k, ok := m.rules[account]; ok && now.Sub(k.on) < rulesKept {
		return k.set, nil
	}
	s, err := m.cfg.Store.AlarmSettings(ctx, account)
	if err != nil {
		return nil, err
	}
	if len(m.rules) >= rulesMost {
		clear(m.rules)
	}
	set := settingsOf(s.All())
	m.rules[account] = keptRules{set, now}
	return set, nil
}
