package notify_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// What peers answer is told by what it means, and refusals of a signature are counted as refusals.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	key, _ := tsig.NewKey("k", "hmac-sha256", "c2VjcmV0c2VjcmV0c2VjcmV0", false)
	wrong, _ := tsig.NewKey("k", "hmac-sha256", "b3RoZXJvdGhlcm90aGVyb3RoZXI=", false)
	unknown, _ := tsig.NewKey("another", "hmac-sha256", "c2VjcmV0c2VjcmV0c2VjcmV0", false)
	for _, tt := range []struct {
		name            string
		code            wire.Rcode
		theirs          *tsig.Key // what the peer verifies and signs with; nil: it does not sign
		answer          string
		outcome         notify.Outcome
		refused, unsure uint64
	}{
		{"accepted", wire.RcodeNoError, key, "NOERROR", notify.Accepted, 0, 0},
		{"refused", wire.RcodeRefused, key, "REFUSED", notify.Refused, 1, 0},
		{"no such zone", wire.RcodeNotAuth, key, "NOTAUTH", notify.NoZone, 1, 0},
		{"another secret", wire.RcodeNotAuth, wrong, "NOTAUTH (BADSIG)", notify.BadKey, 1, 0},
		{"another key", wire.RcodeNotAuth, unknown, "NOTAUTH (BADKEY)", notify.BadKey, 1, 0},
		{"no such zone, unsigned", wire.RcodeNotAuth, nil, "NOTAUTH, unsigned", notify.NoZone, 1, 0},
		{"refused, unsigned", wire.RcodeRefused, nil, "REFUSED, unsigned", notify.Refused, 1, 0},
		{"accepted, unsigned", wire.RcodeNoError, nil, "the answer is not signed", notify.BadKey, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			p.key = key
			w := start(t, notify.Config{Retry: time.Hour, RetryMost: time.Hour}, true, p)
			p.reply(t, p.wait(t), tt.code, tt.theirs)
			s := w.waitAnswer(t)
			if s.Answer != tt.answer || s.Outcome != tt.outcome || s.Tries != 1 || s.Pending != (tt.outcome != notify.Accepted) {
				t.Errorf("%+v", s)
			}
			if st := w.s.Stats(); st.Refused != tt.refused || st.Bad != tt.unsure {
				t.Errorf("%+v", st)
			}
		})
	}
}

// NOTIFY leaves from the source of its family; what cannot leave is told with the reason, the same each time.
func TestSources(t *testing.T) {
	t.Parallel()
	p, far := newPeer(t), newPeer(t)
	far.addr = netip.MustParseAddrPort("127.0.0.1:0") // which nothing can be sent to
	w := start(t, notify.Config{
		Interval: time.Millisecond, Retry: time.Millisecond, RetryMost: time.Millisecond, Sources: []netip.Addr{netip.MustParseAddr("127.0.0.9")},
	}, true, p, far)
	n := p.wait(t)
	if n.from.Addr() != netip.MustParseAddr("127.0.0.9") {
		t.Errorf("from %s", n.from)
	}
	p.reply(t, n, wire.RcodeNoError, nil)
	answers := map[string]int{}
	for unsent := 0; unsent < 5; {
		if s := w.waitAnswer(t); s.Peer == "b" {
			answers[s.Answer]++
			if s.Outcome == notify.Unsent {
				unsent++
			}
		}
	}
	if len(answers) > 2 || w.s.Stats().Unsent == 0 { // "no answer yet", and why
		t.Errorf("%v", answers)
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	s := notify.New(notify.Config{Sources: []netip.Addr{netip.MustParseAddr("127.0.0.9"), netip.MustParseAddr("2001:db8::1")}})
	for to, want := range map[string]string{
		"127.0.0.1": "127.0.0.9", "::ffff:127.0.0.1": "127.0.0.9", "192.0.2.1": "invalid IP", "2001:db8::2": "2001:db8::1", "::1": "2001:db8::1",
	} {
		if got := s.From(netip.MustParseAddr(to), &zone.Notify{}); got.String() != want {
			t.Errorf("to %s from %s, want %s", to, got, want)
		}
	}
	own4, own6 := zone.Notify{From4: netip.MustParseAddr("192.0.2.9")}, zone.Notify{From6: netip.MustParseAddr("2001:db8::9")}
	for _, tt := range []struct {
		to, want string
		by       zone.Notify
	}{
		{"127.0.0.1", "192.0.2.9", own4},
		{"::ffff:192.0.2.1", "192.0.2.9", own4},
		{"2001:db8::2", "2001:db8::1", own4},
		{"127.0.0.1", "127.0.0.9", own6},
		{"192.0.2.1", "invalid IP", own6},
		{"2001:db8::2", "2001:db8::9", own6},
	} {
		if got := s.From(netip.MustParseAddr(tt.to), &tt.by); got.String() != tt.want {
			t.Errorf("with its own, to %s from %s, want %s", tt.to, got, tt.want)
		}
	}
}
