package alarm_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/alarm"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := testkit.Leaked(); code == 0 && err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

// store is a store in memory: what is raised is raised for all who use it.
type store struct {
	mu      sync.Mutex
	raised  map[model.AlarmKey]bool
	history []string // of what was raised and cleared
	events  []model.Event
	rules   []model.AlarmSetting
	fails   error
}

func (s *store) TellSecondaries(_ context.Context, list []model.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails == nil {
		s.events = append(s.events, list...)
	}
	return s.fails
}

func (s *store) ChangeAlarms(_ context.Context, list []model.AlarmChange, _ func() model.ID) (out []model.Alarm, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		return nil, s.fails
	}
	for _, c := range list {
		if s.raised[c.AlarmKey] == c.Raised {
			continue
		}
		s.raised[c.AlarmKey] = c.Raised
		what := "-"
		if c.Raised {
			what = "+"
		}
		s.history = append(s.history, what+string(c.Rule))
		out = append(out, model.Alarm{AlarmKey: c.AlarmKey, Raised: c.Raised})
	}
	return out, nil
}

func (s *store) RaisedAlarms(_ context.Context, yield func(model.AlarmKey)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, is := range s.raised {
		if is {
			yield(k)
		}
	}
	return s.fails
}

func (s *store) AlarmSettings(context.Context, model.ID) (model.AlarmSettings, error) {
	return model.AlarmSettings{Rules: s.rules}, s.fails
}

func (s *store) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.history)
	out := strings.Join(s.history, " ")
	s.history = nil
	return out
}

// world is a zone with a peer, looked after by one node after the other.
type world struct {
	t     *testing.T
	db    *zone.DB
	store *store
	now   time.Time
	fare  watch.Fare
	node  *alarm.Monitor
	id    string
	// hearsay has the node know of the peer only what another one has left.
	hearsay bool
}

const zoneID, account, peer = "000000000000000000000000000000a1", "000000000000000000000000000000b1", "000000000000000000000000000000c1"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: zone.NewDB(0), store: &store{raised: map[model.AlarmKey]bool{}}, now: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC), id: zoneID}
	w.fare = watch.Fare{Peer: zone.Peer{ID: peer, Name: "one"}, State: watch.InStep, Serial: 1, Known: true, Since: w.now, Seen: w.now}
	soa := append([]byte("\x02ns\x01a\x04test\x00\x02ns\x01a\x04test\x00"), 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 9, 0, 1, 0x51, 0x80, 0, 0, 0, 9) // expire: a day
	apex := wire.MustName("a.test")
	v, err := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{soa}}})
	if err != nil {
		t.Fatal(err)
	}
	w.db.Reset(zoneID, account, 1, v, v, zone.Links{Enabled: true, Peers: []string{peer}}, nil)
	w.restart()
	return w
}

// restart has another node look after the zone.
func (w *world) restart() {
	w.node = alarm.New(alarm.Config{
		DB: w.db, Store: w.store, NewID: func() model.ID { return "x" }, Clock: func() time.Time { return w.now },
		Fares: func(*zone.Zone) []watch.Fare {
			if w.fare.Peer.ID == "" {
				return nil
			}
			f := w.fare
			if !w.hearsay {
				f.Own = w.now
			}
			return []watch.Fare{f}
		},
	})
}

// pass lets time pass, second by second where it is short, with the zone moving only at its beginning.
func (w *world) pass(d time.Duration) {
	w.node.Moves(w.id)
	for end := w.now.Add(d); w.now.Before(end); w.now = w.now.Add(max(time.Second, min(d/100, time.Minute))) {
		w.node.Look(w.t.Context())
	}
	w.node.Look(w.t.Context())
}

func (w *world) stands(s watch.State) {
	w.fare.State = s
	if s == watch.InStep {
		w.fare.Since, w.fare.Seen = w.now, w.now
	}
}

func (w *world) want(s string) {
	w.t.Helper()
	if got := w.store.take(); got != s {
		w.t.Errorf("got %q, want %q", got, s)
	}
}

// TestHysteresis: an alarm comes when something has lasted, goes when it has been over for a while, and what flutters between is one; what
// is not known changes nothing; another node goes on where one has stopped, and neither forgets nor repeats.
func TestHysteresis(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pass(time.Minute)
	w.want("")
	w.stands(watch.Unreachable)
	w.pass(9 * time.Minute)
	w.want("")
	w.pass(90 * time.Second)
	w.want("+secondary_silent")
	w.stands(watch.InStep)
	w.pass(30 * time.Second)
	w.stands(watch.Unreachable) // flutters
	w.pass(30 * time.Second)
	w.stands(watch.Unknown)
	w.pass(10 * time.Minute)
	w.want("")
	w.restart()
	w.pass(10 * time.Minute)
	w.want("") // still not known
	w.stands(watch.Unreachable)
	w.pass(30 * time.Minute)
	w.want("")
	w.stands(watch.InStep)
	w.restart()
	w.pass(2 * time.Minute)
	w.want("-secondary_silent")
	w.pass(time.Hour)
	w.want("")
}

// TestHearsay: what another node has left is neither raised nor cleared before this one has found out by itself; then it counts from when it began.
func TestHearsay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pass(time.Minute)
	w.stands(watch.Unreachable)
	w.restart()
	w.hearsay = true
	w.pass(time.Hour)
	w.want("")
	w.hearsay = false
	w.stands(watch.InStep) // it was so all the time
	w.pass(time.Hour)
	w.want("")
	w.stands(watch.Unreachable)
	w.pass(11 * time.Minute)
	w.want("+secondary_silent")
	w.restart()
	w.hearsay = true
	w.stands(watch.InStep)
	w.pass(time.Hour)
	w.want("")
	w.hearsay = false
	w.stands(watch.Unreachable)
	w.pass(time.Hour)
	w.want("") // it is raised already
	w.stands(watch.InStep)
	w.pass(2 * time.Minute)
	w.want("-secondary_silent")
	w.stands(watch.Unreachable)
	w.pass(9 * time.Minute)
	w.restart()
	w.pass(2 * time.Minute)
	w.want("+secondary_silent") // nine of its ten minutes were another node's
}

// TestRules: each rule is raised by its cause, and cleared without it.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		become func(f *watch.Fare, now time.Time)
		after  time.Duration
		want   string
	}{
		{"behind", func(f *watch.Fare, _ time.Time) { f.State = watch.Behind }, 6 * time.Minute, "+secondary_behind"},
		{"ahead", func(f *watch.Fare, _ time.Time) { f.State = watch.Ahead }, 2 * time.Minute, "+secondary_ahead"},
		{"refuses", func(f *watch.Fare, _ time.Time) { f.State = watch.Refuses }, 3 * time.Minute, "+secondary_refuses"},
		{"wrong key", func(f *watch.Fare, _ time.Time) { f.State = watch.WrongKey }, 3 * time.Minute, "+secondary_refuses"},
		{"no zone", func(f *watch.Fare, _ time.Time) { f.State = watch.NoZone }, 3 * time.Minute, "+secondary_refuses"},
		{"differs", func(f *watch.Fare, _ time.Time) { f.State = watch.Differs }, 2 * time.Second, "+secondary_differs"},
		{"refused", func(f *watch.Fare, now time.Time) { f.Refused = now }, 2 * time.Minute, "+transfers_refused"},
		{"expires", func(f *watch.Fare, _ time.Time) { f.State = watch.Unreachable }, 13 * time.Hour, "+secondary_expires +secondary_silent"}, // half of a day
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.pass(time.Minute)
			good := w.fare
			tt.become(&w.fare, w.now)
			w.pass(tt.after)
			w.want(tt.want)
			w.fare = good
			w.fare.Since, w.fare.Compared = w.now, w.now
			w.pass(2 * time.Minute)
			w.want(strings.ReplaceAll(tt.want, "+", "-"))
		})
	}
}

// TestEnds: a peer that is linked no more, a zone that is gone or not transferred any more, and a rule that is switched off clear their
// alarms; a store that fails loses none.
func TestEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world){
		"peer": func(w *world) { w.fare.Peer.ID = "" },
		"zone": func(w *world) { w.db.Remove(zoneID) },
		"links": func(w *world) {
			w.db.SetLinks(zoneID, 2, zone.Links{Peers: []string{peer}})
		},
		"rule": func(w *world) {
			off := model.DefaultAlarms()[2]
			off.Enabled = false
			w.store.rules = []model.AlarmSetting{off}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.pass(time.Minute)
			w.stands(watch.Ahead)
			w.store.fails = errors.New("no")
			w.pass(2 * time.Minute)
			w.want("")
			w.store.fails = nil
			w.pass(90 * time.Second)
			w.want("+secondary_ahead")
			end(w)
			w.store.fails = errors.New("no")
			w.pass(15 * time.Second)
			w.store.fails = nil
			w.pass(15 * time.Second)
			w.want("-secondary_ahead")
		})
	}
}

// TestTold: the log hears once of every way in which a peer stands otherwise, not of what was so before, and nothing is lost when it
// cannot be written.
func TestTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pass(3 * time.Second)
	w.stands(watch.Behind)
	w.store.fails = errors.New("no")
	w.pass(3 * time.Second)
	w.store.fails = nil
	w.pass(3 * time.Second)
	w.stands(watch.InStep)
	w.fare.Serial = 2
	w.pass(3 * time.Second)
	w.pass(3 * time.Second)
	var got []string
	for _, e := range w.store.events {
		got = append(got, fmt.Sprintf("%s>%s %d", e.Secondary.Was, e.Secondary.State, e.Secondary.Serial))
	}
	if s := strings.Join(got, ", "); s != "in_step>behind 1, behind>in_step 2" {
		t.Error(s)
	}
}
