package compare_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/compare"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/internal/testkit/scripted"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := testkit.Leaked(); code == 0 && err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

func version(t *testing.T, serial byte, change func(sets map[string]*rr.Set)) *zone.Version {
	t.Helper()
	apex := wire.MustName("a.test")
	sets := map[string]*rr.Set{}
	add := func(name string, typ wire.Type, data ...[]byte) {
		sets[name] = &rr.Set{Owner: wire.MustName(name), Type: typ, TTL: 60, Data: data}
	}
	add("a.test", wire.TypeSOA, append([]byte("\x02ns\x01a\x04test\x00\x02ns\x01a\x04test\x00"), 0, 0, 0, serial, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 1, 0, 0, 0, 0, 9))
	for i := range 6 {
		add(fmt.Sprintf("n%d.a.test", i), wire.TypeA, []byte{192, 0, 2, byte(i)}, []byte{192, 0, 2, byte(i + 100)})
	}
	add("alias.a.test", wire.TypeCNAME, []byte("\x02N1\x01a\x04test\x00"))
	add("*.wild.a.test", wire.TypeTXT, []byte("\x01x"))
	add("cut.a.test", wire.TypeNS, []byte("\x02ns\x03cut\x01a\x04test\x00"))
	add("ns.cut.a.test", wire.TypeA, []byte{192, 0, 2, 99})
	if change != nil {
		change(sets)
	}
	list := []rr.Set{{Owner: apex, Type: wire.TypeNS, TTL: 60, Data: [][]byte{[]byte("\x02ns\x01a\x04test\x00")}}}
	for _, s := range sets {
		list = append(list, *s)
	}
	v, err := zone.Build(apex, list)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// world is a primary and a secondary of it.
type world struct {
	primary, secondary *zone.DB
	at                 netip.AddrPort
	before             func(n int) // each question
	mu                 sync.Mutex
	asked              int
}

func newWorld(t *testing.T, theirs *zone.Version) *world {
	t.Helper()
	w := &world{primary: zone.NewDB(0), secondary: zone.NewDB(0)}
	ours := version(t, 7, nil)
	w.primary.Reset("z", "acc", 1, ours, ours, zone.Links{Enabled: true, Peers: []string{"p"}}, nil)
	w.secondary.Reset("z", "acc", 1, theirs, theirs, zone.Links{}, nil)
	w.at = netip.MustParseAddrPort(scripted.Serve(t, func(_ string, _ net.Addr, query []byte) [][]byte {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.asked++
		if w.before != nil {
			w.before(w.asked)
		}
		var q wire.Request
		if q.Parse(query) != wire.ParseOK {
			return nil
		}
		q.Size = wire.MaxMessage
		return [][]byte{answer.New(w.secondary, answer.Config{UDPSize: 1232, Now: time.Now}).Respond(nil, &q)}
	}))
	w.primary.SetAccount(&zone.Account{ID: "acc", Peers: map[string]zone.Peer{"p": {ID: "p", Name: "peer", Addr: w.at}}})
	return w
}

// compare compares once.
func (w *world) compare(t *testing.T) watch.Comparison {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan watch.Comparison, 1)
	last := time.Time{}
	var mu sync.Mutex
	c := compare.New(compare.Config{
		DB: w.primary, Whole: -1, Samples: 40, PerSecond: 10_000, Timeout: 5 * time.Second,
		Fares: func(z *zone.Zone) []watch.Fare {
			mu.Lock()
			defer mu.Unlock()
			return []watch.Fare{{Peer: z.Access().Peers[0], State: watch.InStep, Compared: last}}
		},
		Done: func(_, _ string, c watch.Comparison) {
			mu.Lock()
			last = time.Now()
			mu.Unlock()
			select {
			case got <- c:
			default:
			}
		},
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Run(ctx)
	}()
	defer func() { cancel(); <-done }()
	select {
	case c := <-got:
		return c
	case <-time.After(time.Minute):
		t.Fatal("nothing came of it")
	}
	return watch.Comparison{}
}

// TestSamples: the first difference of what a secondary answers is found and told; where there is none, however names are spelled and sets
// are ordered, nothing is.
func TestSamples(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(map[string]*rr.Set)
		want   string
	}{
		"same": {nil, ""},
		"order and case": {func(s map[string]*rr.Set) {
			for i := range 6 {
				d := s[fmt.Sprintf("n%d.a.test", i)].Data
				d[0], d[1] = d[1], d[0]
			}
			s["alias.a.test"].Data[0] = []byte("\x02n1\x01A\x04TEST\x00")
		}, ""},
		"address": {func(s map[string]*rr.Set) { s["n3.a.test"].Data[0] = []byte{203, 0, 113, 1} }, "n3.a.test. A: it answers 192.0.2.103, 203.0.113.1, ours is 192.0.2.3, 192.0.2.103"},
		"fewer":   {func(s map[string]*rr.Set) { s["n3.a.test"].Data = s["n3.a.test"].Data[:1] }, "n3.a.test. A: it answers 192.0.2.3, ours"},
		"gone":    {func(s map[string]*rr.Set) { delete(s, "n2.a.test") }, "n2.a.test. A: it answers NXDOMAIN, ours is"},
		"type": {func(s map[string]*rr.Set) {
			s["n2.a.test"].Type, s["n2.a.test"].Data = wire.TypeTXT, [][]byte{[]byte("\x01y")}
		}, "n2.a.test. A: it has none, ours is"},
		"TTL":  {func(s map[string]*rr.Set) { s["alias.a.test"].TTL = 61 }, "alias.a.test. CNAME: it answers with TTL 61, ours is 60"},
		"wild": {func(s map[string]*rr.Set) { s["*.wild.a.test"].Data[0] = []byte("\x01y") }, `*.wild.a.test. TXT: it answers "y", ours is "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, version(t, 7, tt.change))
			got := w.compare(t)
			if tt.want == "" && (got.Difference != "" || got.Serial != 7 || got.Questions < 5) || tt.want != "" && !strings.HasPrefix(got.Difference, tt.want) {
				t.Errorf("%+v, want %q", got, tt.want)
			}
		})
	}
}

// TestMovesOn: neither a secondary nor a zone that goes on to another serial while it is compared differs, and of one that does not answer
// nothing is said.
func TestMovesOn(t *testing.T) {
	t.Parallel()
	other := func(s map[string]*rr.Set) {
		for i := range 6 {
			s[fmt.Sprintf("n%d.a.test", i)].Data[0] = []byte{203, 0, 113, 1}
		}
	}
	for name, before := range map[string]func(t *testing.T, w *world, n int){
		"secondary": func(t *testing.T, w *world, n int) {
			t.Helper()
			if n == 2 {
				v := version(t, 8, other)
				w.secondary.Reset("z", "acc", 2, v, v, zone.Links{}, nil)
			}
		},
		"zone": func(t *testing.T, w *world, n int) {
			t.Helper()
			if n == 2 {
				v := version(t, 8, nil)
				w.primary.Reset("z", "acc", 2, v, v, zone.Links{Enabled: true, Peers: []string{"p"}}, nil)
			}
		},
		"gone": func(_ *testing.T, w *world, n int) {
			if n == 3 {
				w.secondary.Remove("z")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, version(t, 7, other))
			w.mu.Lock()
			w.before = func(n int) { before(t, w, n) }
			w.mu.Unlock()
			if got := w.compare(t); got.Difference != "" || got.Serial != 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}
