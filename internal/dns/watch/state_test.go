package watch_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// scripted answers SOA queries over UDP as a function says, over TCP not at all.
func scripted(t *testing.T, answer func(q *wire.Query) []byte) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { c.Close(); wg.Wait() })
	wg.Go(func() {
		buf := make([]byte, 512)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			var q wire.Query
			if q.Parse(buf[:n]) == wire.ParseOK {
				if out := answer(&q); out != nil {
					_, _ = c.WriteToUDPAddrPort(out, from)
				}
			}
		}
	})
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func reply(q *wire.Query, flags wire.Flags, code wire.Rcode, serials ...uint32) []byte {
	var b wire.Builder
	b.Start(nil, 512, q.ID, wire.FlagQR|flags)
	b.Echo(q)
	for _, s := range serials {
		b.Append([]byte(apex), wire.TypeSOA, wire.ClassIN, 60, soa(s))
	}
	b.SetRcode(code)
	return b.Finish()
}

// A state names its cause, by what a secondary answers to a question, to a NOTIFY, and how its own requests fare.
func TestStatesByCause(t *testing.T) {
	t.Parallel()
	const aa = wire.FlagAA
	refused := func(c xfr.Cause, clients ...string) *xfr.Report {
		return &xfr.Report{ZoneID: "z", Client: client(clients...), Cause: c, Reason: "because of " + string(c)}
	}
	told := func(o notify.Outcome, answer string) *notify.Status {
		return &notify.Status{Peer: "p", Serial: 5, Answered: time.Now(), Answer: answer, Outcome: o}
	}
	tests := []struct {
		name    string
		probe   func(q *wire.Query) []byte // nil: nothing listens
		refusal *xfr.Report
		told    *notify.Status
		state   watch.State
		cause   string // words of it
	}{
		{"our serial", func(q *wire.Query) []byte { return reply(q, aa, 0, 5) }, nil, nil, watch.InStep, ""},
		{"older", func(q *wire.Query) []byte { return reply(q, aa, 0, 4) }, nil, nil, watch.Behind, ""},
		{"newer", func(q *wire.Query) []byte { return reply(q, aa, 0, 2026112801) }, nil, nil, watch.Ahead, ""},
		{"REFUSED", func(q *wire.Query) []byte { return reply(q, 0, wire.RcodeRefused) }, nil, told(notify.Accepted, "NOERROR"), watch.Refuses, "REFUSED"},
		{"SERVFAIL", func(q *wire.Query) []byte { return reply(q, 0, wire.RcodeServFail) }, nil, nil, watch.Refuses, "SERVFAIL"},
		{"no such zone", func(q *wire.Query) []byte { return reply(q, 0, wire.RcodeNotAuth) }, nil, nil, watch.NoZone, "NOTAUTH"},
		{"no such name", func(q *wire.Query) []byte { return reply(q, aa, wire.RcodeNXDomain) }, nil, nil, watch.NoZone, "NXDOMAIN"},
		{"no SOA", func(q *wire.Query) []byte { return reply(q, aa, 0) }, nil, nil, watch.NoZone, "no such zone"},
		{"a resolver", func(q *wire.Query) []byte { return reply(q, 0, 0, 5) }, nil, nil, watch.NoZone, "no authority"},
		{"REFUSED, and NOTIFY NOTAUTH", func(q *wire.Query) []byte { return reply(q, 0, wire.RcodeRefused) }, nil, told(notify.NoZone, "NOTAUTH"), watch.NoZone, "NOTIFY: NOTAUTH"},
		{"REFUSED, and NOTIFY too", func(q *wire.Query) []byte { return reply(q, 0, wire.RcodeRefused) }, nil, told(notify.Refused, "REFUSED"), watch.NoZone, "NOTIFY: REFUSED"},
		{"nothing listens", nil, nil, nil, watch.Unreachable, "nothing listens"},
		{"silence", func(*wire.Query) []byte { return nil }, nil, nil, watch.Unreachable, "no answer"},
		{"wrong secret, has nothing", func(q *wire.Query) []byte { return reply(q, 0, wire.RcodeServFail) }, refused(xfr.CauseSignature, "p"), nil, watch.WrongKey, "because of signature"},
		{"wrong secret, behind", func(q *wire.Query) []byte { return reply(q, aa, 0, 4) }, refused(xfr.CauseUnknownKey, "p"), nil, watch.WrongKey, "unknown_key"},
		{"wrong secret, still in step", func(q *wire.Query) []byte { return reply(q, aa, 0, 5) }, refused(xfr.CauseSignature, "p"), nil, watch.InStep, ""},
		{"NOTIFY answered BADSIG", func(q *wire.Query) []byte { return reply(q, aa, 0, 4) }, nil, told(notify.BadKey, "NOTAUTH (BADSIG)"), watch.WrongKey, "BADSIG"},
		{"one of two has a wrong secret", func(q *wire.Query) []byte { return reply(q, aa, 0, 4) }, refused(xfr.CauseSignature, "p", "other"), nil, watch.Behind, ""},
		{"behind, and refuses NOTIFY", func(q *wire.Query) []byte { return reply(q, aa, 0, 4) }, nil, told(notify.Refused, "REFUSED"), watch.Behind, "NOTIFY: REFUSED"},
		{"refused for its address", func(q *wire.Query) []byte { return reply(q, aa, 0, 4) }, refused(xfr.CauseOff, "p"), nil, watch.Behind, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			at := netip.MustParseAddrPort("127.0.0.1:1")
			if tt.probe != nil {
				at = scripted(t, tt.probe)
			}
			db := database(t, 5, at)
			w := watch.New(watch.Config{DB: db, Interval: 20 * time.Millisecond, Timeout: 300 * time.Millisecond})
			if tt.told != nil {
				w.Notified("z", *tt.told)
			}
			if tt.refusal != nil {
				w.Transferred(*tt.refusal)
			}
			running(t, w)
			// A probe may time out where the machine is busy; the next one tells again.
			testkit.Until(t, func() string {
				v := w.Peers(db.ByID("z"))[0]
				switch {
				case len(v.History) == 0 || v.History[0].Kind != "probe":
					return "there was no probe"
				case v.State != tt.state || (tt.cause == "") != (v.Cause == "") || !strings.Contains(v.Cause, tt.cause):
					return fmt.Sprintf("%s (%s), want %s (%s)", v.State, v.Cause, tt.state, tt.cause)
				}
				return ""
			})
		})
	}
	db := database(t, 5, netip.AddrPort{})
	if v := watch.New(watch.Config{DB: db}).Peers(db.ByID("z"))[0]; v.State != watch.NoAddress || v.Cause == "" {
		t.Errorf("without an address: %+v", v)
	}
}

// What was wrong with the key is over with the first thing that goes well.
func TestAMendedKeyIsForgotten(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	db := database(t, 5, netip.MustParseAddrPort("192.0.2.1:53"))
	w := watch.New(watch.Config{DB: db, Now: func() time.Time { now = now.Add(time.Second); return now }})
	state := func() watch.State { return w.Peers(db.ByID("z"))[0].State }
	for _, mended := range []func(){
		func() { w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("p"), Kind: xfr.AXFR, To: 4}) },
		func() {
			w.Notified("z", notify.Status{Peer: "p", Serial: 5, Outcome: notify.Accepted, Answer: "NOERROR"})
		},
	} {
		w.Transferred(xfr.Report{ZoneID: "z", Client: client("p"), Cause: xfr.CauseSignature, Reason: "BADSIG"})
		if s := state(); s != watch.WrongKey {
			t.Errorf("refused: %s", s)
		}
		if mended(); state() == watch.WrongKey {
			t.Error("still a wrong key")
		}
	}
}

// What may be one of several peers' is shown with each and decides nothing; what anybody can send in a peer's name, neither.
func TestOneOfSeveral(t *testing.T) {
	t.Parallel()
	db := database(t, 5, netip.MustParseAddrPort("192.0.2.1:53"))
	w := watch.New(watch.Config{DB: db})
	from := netip.MustParseAddrPort("192.0.2.1:4711")
	w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("p", "other"), Kind: xfr.AXFR, To: 5, Source: from})
	v := w.Peers(db.ByID("z"))[0]
	if v.State != watch.Unknown || v.Known || len(v.History) != 1 || !strings.Contains(v.History[0].Text, "one of the peers at 192.0.2.1") {
		t.Errorf("%+v", v)
	}
	if v.Transfer == nil || len(v.Transfer.Client.OneOf) != 2 || v.Transfer.Client.OneOf[0].Key != nil {
		t.Errorf("%+v", v.Transfer)
	}
	w.Transferred(xfr.Report{ZoneID: "z", Client: client("p"), Kind: xfr.UpToDate, From: 5, To: 5, Source: from})
	if v := w.Peers(db.ByID("z"))[0]; v.Known {
		t.Errorf("an unsigned datagram is believed: %+v", v)
	}
	w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("p"), Kind: xfr.UpToDate, From: 9, To: 5, Source: from})
	if v := w.Peers(db.ByID("z"))[0]; v.State != watch.Ahead || v.Serial != 9 {
		t.Errorf("asked with a later serial: %+v", v)
	}
}

// A NOTIFY is one event from its first message to its answer, and what repeats is counted.
func TestHistoryIsNotFlooded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	begin := now
	var serial atomic.Uint32
	serial.Store(3)
	db := database(t, 5, secondary(t, &serial))
	w := watch.New(watch.Config{DB: db, Now: func() time.Time { now = now.Add(time.Second); return now }})
	w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("p"), Kind: xfr.AXFR, To: 3})
	history := func() []watch.Event { return w.Peers(db.ByID("z"))[0].History }
	for tries := 1; tries < 6; tries++ {
		w.Notified("z", notify.Status{Peer: "p", Serial: 5, Outcome: notify.Waiting, Answer: "no answer yet", Tries: tries})
	}
	w.Notified("z", notify.Status{Peer: "p", Serial: 5, Outcome: notify.Refused, Answer: "REFUSED", Tries: 5})
	w.Notified("z", notify.Status{Peer: "p", Serial: 5, Outcome: notify.Waiting, Answer: "no answer yet", Tries: 6})
	w.Notified("z", notify.Status{Peer: "p", Serial: 5, Outcome: notify.Accepted, Answer: "NOERROR", Tries: 6})
	if h := history(); len(h) != 2 || h[0].Count != 6 || h[0].Text != "NOERROR" || !h[0].Since.Before(h[0].On) || h[0].Open {
		t.Errorf("a NOTIFY: %+v", h)
	}
	w.Notified("z", notify.Status{Peer: "p", Serial: 6, Outcome: notify.Waiting, Answer: "no answer yet", Tries: 1})
	if h := history(); len(h) != 3 || h[0].Serial != 6 {
		t.Errorf("the next NOTIFY: %+v", h)
	}
	for i := range 500 {
		w.Probed(db.ByID("z"), "p", []string{"nothing listens there", "no answer in time"}[i/100%2])
		if i%7 == 0 {
			w.Notified("z", notify.Status{Peer: "p", Serial: 6 + uint32(i), Outcome: notify.Waiting, Answer: "no answer yet", Tries: 1})
		}
	}
	h := history()
	if len(h) > 20 || h[len(h)-1].Kind != "transfer" {
		t.Errorf("the transfer was pushed out: %+v", h)
	}
	for _, e := range h {
		if e.Kind == "probe" && (e.Count != 100 || e.Since.Before(begin)) {
			t.Errorf("%+v", e)
		}
	}
}

// Strangers are remembered within bounds.
func TestStrangers(t *testing.T) {
	t.Parallel()
	db := database(t, 5, netip.MustParseAddrPort("192.0.2.1:53"))
	w := watch.New(watch.Config{DB: db})
	for i := range 100 {
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i % 10)}), 53)
		w.Transferred(xfr.Report{ZoneID: "z", Source: from, Cause: xfr.CauseAddress, Reason: "neither peer nor ACL", Key: "k"})
	}
	w.Transferred(xfr.Report{ZoneID: "nowhere", Source: netip.MustParseAddrPort("198.51.100.1:1"), Cause: xfr.CauseAddress})
	got := w.Strangers("z")
	if len(got) != 5 || got[0].Addr != netip.MustParseAddr("198.51.100.9") || got[0].Key != "k" || len(w.Strangers("nowhere")) != 0 {
		t.Errorf("%+v", got)
	}
	last := got[0]
	w.Transferred(xfr.Report{ZoneID: "z", Source: netip.AddrPortFrom(last.Addr, 1), Cause: xfr.CauseAddress})
	if again := w.Strangers("z")[0]; again.Addr != last.Addr || again.Count != last.Count+1 || again.Since != last.Since {
		t.Errorf("%+v after %+v", again, last)
	}
	w.Forget("z")
	if got := w.Strangers("z"); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestStrangersOfManyZones: who asks for very many zones keeps nobody else from being told of, and takes no more memory.
func TestStrangersOfManyZones(t *testing.T) {
	t.Parallel()
	db := zone.NewDB(0)
	db.SetAccount(&zone.Account{ID: "a"})
	const zones = 1200
	for i := range zones {
		apex := wire.MustName(fmt.Sprintf("z%d.test", i))
		v, err := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{append([]byte("\x02ns\x00\x01h\x00"), make([]byte, 20)...)}}})
		if err != nil {
			t.Fatal(err)
		}
		db.Reset(fmt.Sprint("z", i), "a", 1, v, v, zone.Links{Enabled: true}, nil)
	}
	w := watch.New(watch.Config{DB: db})
	for i := range zones {
		w.Transferred(xfr.Report{ZoneID: fmt.Sprint("z", i), Source: netip.MustParseAddrPort("198.51.100.1:1"), Cause: xfr.CauseAddress, Reason: "x"})
		if got := w.Strangers(fmt.Sprint("z", i)); len(got) != 1 {
			t.Fatalf("of zone %d: %+v", i, got)
		}
	}
	told := 0
	for i := range zones {
		told += len(w.Strangers(fmt.Sprint("z", i)))
	}
	if told > 1000 {
		t.Errorf("%d are remembered", told)
	}
}

// What one node saw of a secondary that asks it outlives what another, which asks the secondary, has kept since.
func TestTwoNodesSeeOneSecondary(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	db := database(t, 5, netip.MustParseAddrPort("192.0.2.1:53"))
	w := watch.New(watch.Config{DB: db, Now: func() time.Time { return now }})
	w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("p"), Kind: xfr.AXFR, To: 4, Bytes: 77})
	now = now.Add(time.Second)
	w.Transferred(xfr.Report{ZoneID: "z", Client: client("p"), Cause: xfr.CauseSignature, Reason: "BADSIG"})
	for i := range 3 {
		w.Load([]watch.Memory{{Zone: "z", Peer: "p", Serial: 4, Known: true, Seen: now.Add(time.Duration(1+i) * time.Minute), History: []watch.Event{
			{On: now.Add(time.Minute), Kind: "probe", Text: "answered"},
		}}})
		v := w.Peers(db.ByID("z"))[0]
		if v.State != watch.WrongKey || v.Transfer == nil || v.Transfer.Bytes != 77 || len(v.History) != 3 {
			t.Errorf("%+v", v)
		}
	}
}
