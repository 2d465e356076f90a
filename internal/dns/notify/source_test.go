package notify_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/trust"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// tell has peers told as a table says, by their ids.
func (w *world) tell(how map[string]zone.Notify) {
	acc := &zone.Account{ID: "acc", Peers: map[string]zone.Peer{}}
	for _, p := range w.db.ByID("z").Access().Peers {
		p.Notify = how[p.ID]
		acc.Peers[p.ID] = p
	}
	w.db.SetAccount(acc)
	w.s.Link(w.db.ByID("z"))
}

// Each peer is told from its own address where it has one of the family, two of one address from one socket, and the others from the server's.
// Who is to be told from an address that this machine has not is not told at all, and its state says why; the others do not feel it.
func TestToldFromOwnSources(t *testing.T) {
	t.Parallel()
	at, six := netip.MustParseAddr("127.0.0.3"), netip.MustParseAddr("2001:db8::bad")
	list := []*peer{newPeer(t), newPeer(t), newPeer(t), newPeer(t)}
	w := start(t, notify.Config{
		Interval: time.Millisecond, Retry: time.Millisecond, RetryMost: 20 * time.Millisecond, Node: "ns1.example",
		Sources: []netip.Addr{netip.MustParseAddr("127.0.0.9")},
	}, false, list...)
	absent := zone.Notify{From4: netip.MustParseAddr("192.0.2.77")}
	w.tell(map[string]zone.Notify{"a": {From4: at}, "b": {From4: at, From6: six}, "c": {From6: six}, "d": absent})
	w.enable(t)
	var from [3]netip.AddrPort
	for serial := uint32(1); serial < 4; serial++ {
		if serial > 1 {
			w.publish(t, serial)
		}
		for i, p := range list[:3] {
			n := p.wait(t)
			for n.serial != serial { // the last, sent again before its answer came
				n = p.wait(t)
			}
			from[i] = n.from
			p.reply(t, n, wire.RcodeNoError, nil)
		}
	}
	if from[0] != from[1] || from[0].Addr() != at || from[2].Addr() != netip.MustParseAddr("127.0.0.9") {
		t.Errorf("from %v", from)
	}
	const why = "it cannot leave from 192.0.2.77: ns1.example has no such address"
	for end := time.Now().Add(testkit.Patience); ; time.Sleep(time.Millisecond) {
		if s := w.s.Status("z")[3]; s.Outcome == notify.Unsent && s.Answer == why {
			break
		} else if time.Now().After(end) {
			t.Fatalf("%+v", s)
		}
	}
	list[3].quiet(t)
	// It is told as soon as there is such an address, or another is chosen.
	w.tell(map[string]zone.Notify{"d": {From4: netip.MustParseAddr("127.0.0.4")}})
	if n := list[3].wait(t); n.from.Addr() != netip.MustParseAddr("127.0.0.4") {
		t.Errorf("from %s", n.from)
	}
}

// A line over TLS leaves from the peer's own address, too, and nobody is told in clear from another when there is no such address.
func TestToldByTLSFromOwnSource(t *testing.T) {
	t.Parallel()
	ca := testkit.NewAuthority(t)
	s := newSecure(t, ca.Make(t, lineName, time.Hour, nil))
	p := newPeer(t)
	w := start(t, notify.Config{
		Interval: time.Millisecond, Retry: time.Millisecond, RetryMost: 20 * time.Millisecond, Tells: func(netip.Addr) bool { return false },
	}, false, p)
	by := zone.Notify{TLS: true, Port: s.port, Who: trust.Server{Name: lineName, Authority: ca.PEM}, From4: netip.MustParseAddr("127.0.0.3")}
	w.tell(map[string]zone.Notify{"a": by})
	w.enable(t)
	for got := w.waitAnswer(t); got.Outcome != notify.Accepted; got = w.waitAnswer(t) {
		if got.Outcome == notify.Unsent || !got.TLS {
			t.Fatalf("%+v", got)
		}
	}
	if from := (<-s.from).Addr(); from != by.From4 {
		t.Errorf("from %s", from)
	}
	by.From4, by.Who, by.Clear = netip.MustParseAddr("192.0.2.77"), trust.Server{}, true
	w.tell(map[string]zone.Notify{"a": by})
	w.publish(t, 2)
	got := w.waitAnswer(t)
	for ; got.Outcome != notify.Unsent; got = w.waitAnswer(t) {
		if got.Serial == 2 && got.Outcome == notify.Accepted {
			t.Fatalf("%+v", got)
		}
	}
	if got.Answer != "it cannot leave from 192.0.2.77: this node has no such address" {
		t.Errorf("%+v", got)
	}
	p.quiet(t)
}
