package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/told"
)

// moody is a secondary that answers for zones with a serial, or is silent.
type moody struct {
	addr    netip.AddrPort
	mu      sync.Mutex
	serials map[wire.Name]uint32
	silent  bool
}

func newMoody(tb testing.TB) *moody {
	tb.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, byte(1+rand.IntN(250)), byte(rand.IntN(250)), byte(1+rand.IntN(250)))})
	if err != nil {
		tb.Fatal(err)
	}
	m := &moody{addr: c.LocalAddr().(*net.UDPAddr).AddrPort(), serials: map[wire.Name]uint32{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := make([]byte, 2048); ; {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			var q wire.Query
			m.mu.Lock()
			if q.Parse(buf[:n]) == wire.ParseOK && !m.silent {
				var b wire.Builder
				b.Start(nil, 512, q.ID, (wire.FlagQR | wire.FlagAA).WithOpcode(q.Opcode))
				b.Echo(&q)
				if serial, known := m.serials[wire.Name(q.Name)]; known && q.Opcode != wire.OpcodeNotify {
					soa := append([]byte{0, 0}, byte(serial>>24), byte(serial>>16), byte(serial>>8), byte(serial))
					b.Section(wire.SectionAnswer)
					b.Append(q.Name, wire.TypeSOA, wire.ClassIN, 1, append(soa, make([]byte, 16)...))
				}
				_, _ = c.WriteToUDPAddrPort(b.Finish(), from)
			}
			m.mu.Unlock()
		}
	}()
	tb.Cleanup(func() { _ = c.Close(); <-done })
	return m
}

func (m *moody) be(silent bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.silent = silent
}

// TestAlarmsOnce: alarms of zones that fall to three nodes are raised and cleared while one node after the other is killed, and the
// receiver answers errors, hangs up, and lies: none is lost, and none is told in two messages in one state. Who listens, and goes from a node
// that dies to another with its cursor, hears of each. With HEADWATER_ALARMS set it goes three rounds.
func TestAlarmsOnce(t *testing.T) {
	t.Parallel()
	hook := told.NewReceiver(t)
	c := start(t, 3, "--probe-interval", "200ms", "--compare-interval", "0s", "--webhook-networks", "127.0.0.1", "--webhook-ca", hook.CA(), "--alarm-gather", "500ms")
	n := c.nodes[0]
	account := "/headwater/v1/accounts/" + n.Account
	n.Call(t, http.MethodPatch, account+"/alarm_rules", map[string]any{"rules": []any{map[string]any{"rule": "secondary_silent", "after": 1, "clear_after": 1}}}, nil)
	var made struct{ Secret string }
	n.Call(t, http.MethodPost, account+"/webhooks", map[string]any{"kind": "https", "name": "ops", "url": hook.URL}, &made)
	hook.Expect(made.Secret)
	// After the third failure in a row a receiver rests for a minute, and then for five: how many messages there are is the machine's affair.
	var inARow atomic.Int32
	hook.Misbehave(func(w http.ResponseWriter, first bool) bool {
		lie := rand.IntN(4)
		if !first || lie == 0 || inARow.Add(1) > 2 {
			inARow.Store(0)
			return false
		}
		switch lie {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			w.Header().Set("Location", "/")
			w.WriteHeader(http.StatusTemporaryRedirect)
		default:
			if h, ok := w.(http.Hijacker); ok {
				if conn, _, err := h.Hijack(); err == nil {
					_ = conn.Close()
				}
			}
		}
		return true
	})
	peer := newMoody(t)
	id := c.peer(t, "moody", peer.addr, "")
	var zones []string
	for i := range 6 {
		name := fmt.Sprintf("z%d.alarms.test", i)
		zone := c.zone(t, name, []string{id})
		var is struct{ Serial uint32 }
		n.Call(t, http.MethodGet, "/headwater/v1/zones/"+zone+"/secondaries", nil, &is)
		peer.mu.Lock()
		peer.serials[wire.MustName(name)] = is.Serial
		peer.mu.Unlock()
		zones = append(zones, name)
	}
	heard := map[string]bool{}
	take := func(s *told.Stream, pause time.Duration) { // until it ends, or nothing comes for a while
		for {
			select {
			case e, ok := <-s.Events:
				if !ok {
					return
				}
				kind, data, _ := strings.Cut(e, " ")
				var in struct {
					Reason string
					Alarm  struct {
						State    string
						ZoneName string `json:"zone_name"`
						Episode  int
					}
				}
				_ = json.Unmarshal([]byte(data), &in)
				switch {
				case kind == "alarm":
					heard[fmt.Sprint(in.Alarm.ZoneName, " ", in.Alarm.State, " ", in.Alarm.Episode)] = true
				case kind == "reset" && in.Reason != "nodes_changed":
					t.Errorf("a stream that goes on: %s", data)
				}
			case <-time.After(pause):
				return
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	at := 0
	stream := told.Follow(ctx, t, c.nodes[at], "")
	rounds := 1
	if os.Getenv("HEADWATER_ALARMS") != "" {
		rounds = 3
	}
	for round := 1; round <= rounds; round++ {
		for _, state := range []string{"raised", "cleared"} {
			peer.be(state == "raised")
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Millisecond) // whenever: before, amid and after
			victim := c.nodes[(at+round)%3]
			if state == "raised" {
				victim = c.nodes[at]
			}
			victim.Kill()
			if state == "raised" { // the one that was listened to
				take(stream, time.Minute)
				at = (at + 1) % 3
				stream = told.Follow(ctx, t, c.nodes[at], stream.Cursor())
			}
			for _, z := range zones {
				hook.Await(fmt.Sprint(z, " secondary_silent ", state, " ", round))
			}
			if err := victim.Run(); err != nil {
				t.Fatal(err)
			}
		}
	}
	testkit.Until(t, func() string {
		take(stream, 100*time.Millisecond)
		for _, z := range zones {
			for round := range rounds {
				for _, state := range []string{"raised", "cleared"} {
					if what := fmt.Sprint(z, " ", state, " ", round+1); !heard[what] {
						return what + " is in no event"
					}
				}
			}
		}
		return ""
	})
	// There may be more than these: a secondary is silent, too, while the machine does not let it answer.
	for what, times := range hook.Told() {
		if times != 1 {
			t.Errorf("%s was told in %d messages", what, times)
		}
	}
}
