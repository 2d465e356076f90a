package notify_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// While one key follows another, NOTIFY is signed with the one that the peer was last seen with; a peer that refuses that is
// told with the other at once, and with that from then on, until it is seen to sign otherwise.
func TestSignsWithWhatThePeerUses(t *testing.T) {
	t.Parallel()
	old, _ := tsig.NewKey("old", "hmac-sha256", "c2VjcmV0c2VjcmV0c2VjcmV0", false)
	next, _ := tsig.NewKey("next", "hmac-sha256", "b3RoZXJvdGhlcm90aGVyb3RoZXI=", false)
	p := newPeer(t)
	p.key, p.next = old, next
	var seen atomic.Pointer[string]
	w := start(t, notify.Config{
		Interval: time.Millisecond, Retry: time.Hour, RetryMost: time.Hour,
		KeyOf: func(string, string) (string, time.Time) {
			if name := seen.Load(); name != nil {
				return *name, time.Now()
			}
			return "", time.Time{}
		},
	}, true, p)
	told := func(serial uint32, takes *tsig.Key, tries ...*tsig.Key) {
		t.Helper()
		for _, with := range tries {
			n := p.wait(t)
			if n.serial != serial {
				t.Fatalf("told of %d, not %d", n.serial, serial)
			}
			code := wire.RcodeNoError
			if with != takes {
				code = wire.RcodeNotAuth
			}
			p.reply(t, n, code, takes)
			if s := w.waitAnswer(t); s.Key != with.String() || s.Pending != (with != takes) {
				t.Fatalf("signed with %s: %+v", s.Key, s)
			}
			if with != takes {
				if s := w.waitAnswer(t); s.Answer != "no answer yet" {
					t.Fatalf("%+v", s)
				}
			}
		}
	}
	told(1, old, old)
	w.publish(t, 2)
	told(2, next, old, next) // it has another configuration since
	w.publish(t, 3)
	told(3, next, next)
	name := old.String()
	seen.Store(&name) // and back again
	w.publish(t, 4)
	told(4, old, old)
	name2 := next.String()
	seen.Store(&name2)
	w.publish(t, 5)
	told(5, next, next)
	w.publish(t, 6)
	told(6, old, next, old) // it signs with the one, and takes the other
}
