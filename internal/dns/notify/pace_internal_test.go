package notify

import (
	"net/netip"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/zone"
)

func TestPace(t *testing.T) {
	t.Parallel()
	p := newPace(1000)
	now := time.Unix(1_000_000, 0)
	to := func(addr string) *task { return &task{peer: zone.Peer{Addr: netip.MustParseAddrPort(addr)}} }
	late := 0
	var last time.Time
	var waiting *task
	for range 300 {
		t := to("192.0.2.1:53")
		if slot := p.slot(t, now); slot.After(now) {
			late, last, waiting = late+1, slot, t
		}
	}
	if late != 199 || last != now.Add(199*time.Millisecond) {
		t.Errorf("%d of 300 must wait, the last until %v", late, last.Sub(now))
	}
	if slot := p.slot(waiting, last); slot != last || waiting.slotted {
		t.Error("whose slot has come is not sent")
	}
	if slot := p.slot(to("192.0.2.2:53"), now); slot.After(now) {
		t.Error("one peer's row delays another")
	}
	p.sweep(now.Add(time.Minute))
	if len(p.next) != 0 {
		t.Errorf("%d quiet peers are remembered", len(p.next))
	}
}
