package watch_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestMain(m *testing.M) { testkit.VerifyTestMain(m) }

var apex = wire.MustName("example")

func client(ids ...string) (c xfr.Client) {
	for _, id := range ids {
		c.OneOf = append(c.OneOf, zone.Peer{ID: id, Name: id, Key: &tsig.Key{Secret: []byte("secret")}})
	}
	if len(ids) == 1 {
		c.Peer, c.OneOf = c.OneOf[0], nil
	}
	return c
}

func soa(serial uint32) []byte {
	data := append([]byte("\x02ns\x00\x01h\x00"), make([]byte, 20)...)
	binary.BigEndian.PutUint32(data[len(data)-20:], serial)
	return data
}

func database(t *testing.T, serial uint32, peer netip.AddrPort) *zone.DB {
	t.Helper()
	v, err := zone.Build(apex, []rr.Set{
		{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{soa(serial)}},
		{Owner: apex, Type: wire.TypeNS, TTL: 60, Data: [][]byte{[]byte("\x03far\x00"), []byte("\x04gone\x00")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	db := zone.NewDB(0)
	db.SetAccount(&zone.Account{ID: "acc", Peers: map[string]zone.Peer{"p": {ID: "p", Name: "peer", Addr: peer}}})
	db.Reset("z", "acc", 1, v, v, zone.Links{Enabled: true, Peers: []string{"p"}}, nil)
	return db
}

// secondary answers SOA queries with a serial that a test can change; 0 keeps it silent.
func secondary(t *testing.T, serial *atomic.Uint32) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { c.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 512)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			var q wire.Query
			if serial.Load() == 0 || q.Parse(buf[:n]) != wire.ParseOK {
				continue
			}
			var b wire.Builder
			b.Start(nil, 512, q.ID, wire.FlagQR|wire.FlagAA)
			b.Echo(&q)
			b.Append([]byte(apex), wire.TypeSOA, wire.ClassIN, 60, soa(serial.Load()))
			_, _ = c.WriteToUDPAddrPort(b.Finish(), from)
		}
	}()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestProbesTellStates(t *testing.T) {
	t.Parallel()
	var serial atomic.Uint32
	db := database(t, 5, secondary(t, &serial))
	seen := make(chan uint32, 1000)
	w := watch.New(watch.Config{
		DB: db, Interval: 10 * time.Millisecond, Timeout: 50 * time.Millisecond,
		Seen: func(_, _ string, s uint32) { seen <- s },
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	await := func(want watch.State) {
		t.Helper()
		deadline := time.Now().Add(testkit.Patience)
		for {
			v := w.Peers(db.ByID("z"))
			if len(v) == 1 && v[0].State == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("never %s: %+v", want, v)
			}
			<-time.After(2 * time.Millisecond)
		}
	}
	serial.Store(5)
	await(watch.InStep)
	if s := <-seen; s != 5 {
		t.Errorf("seen with %d", s)
	}
	serial.Store(4)
	await(watch.Behind)
	serial.Store(0)
	await(watch.Unreachable)
	serial.Store(5)
	await(watch.InStep)
	if peers, _ := w.Count(); peers[watch.InStep] != 1 {
		t.Errorf("%v", peers)
	}
}

func TestReportsAreKept(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	db := database(t, 5, netip.MustParseAddrPort("192.0.2.1:53"))
	w := watch.New(watch.Config{DB: db, Now: func() time.Time { return now }})
	z := db.ByID("z")
	if v := w.Peers(z); v[0].State != watch.Unknown {
		t.Errorf("%+v", v)
	}
	w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("p"), Kind: xfr.AXFR, To: 4})
	w.Notified("z", notify.Status{Peer: "p", Serial: 5, Answered: now, Answer: "NOERROR", Outcome: notify.Accepted})
	w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("p"), Reason: "not signed"})
	v := w.Peers(z)[0]
	if v.State != watch.Behind || v.Transfer == nil || v.Refusal == nil || v.Notify.Answer != "NOERROR" || len(v.History) != 3 || v.History[0].Kind != "refusal" {
		t.Errorf("%+v", v)
	}
	w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("p"), Kind: xfr.IXFR, To: 5})
	if v := w.Peers(z)[0]; v.State != watch.InStep {
		t.Errorf("%+v", v)
	}
	w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("p"), Kind: xfr.UpToDate, From: 5, To: 5})
	if v := w.Peers(z)[0]; v.Transfer.Kind != xfr.IXFR || v.History[0].Text != "up to date" {
		t.Errorf("a question without a transfer took the last transfer's place: %+v", v)
	}
	for range 100 { // a silent one, told in vain: it pushes nothing out
		w.Notified("z", notify.Status{Peer: "p", Serial: 5, Answer: "no answer yet"})
		w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("p"), Reason: "not signed"})
	}
	if v := w.Peers(z)[0]; len(v.History) != 6 || v.History[0].Kind != "refusal" || v.History[1].Text != "no answer yet" {
		t.Errorf("%+v", v.History)
	}
	for i := range 100 {
		w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("p"), Kind: xfr.IXFR, To: uint32(i)})
	}
	if n := len(w.Peers(z)[0].History); n > 20 {
		t.Errorf("%d events", n)
	}
	w.Forget("z")
	if v := w.Peers(z)[0]; v.State != watch.Unknown {
		t.Errorf("%+v", v)
	}
}

// running runs a Watcher until the function that it returns is called.
func running(t *testing.T, w *watch.Watcher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testkit.Patience); !ok(); <-time.After(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

func TestNameServersAreAsked(t *testing.T) {
	t.Parallel()
	var serial atomic.Uint32
	serial.Store(5)
	addr := secondary(t, &serial)
	db := database(t, 5, netip.AddrPort{})
	var resolved atomic.Int32
	w := watch.New(watch.Config{
		DB: db, NameServerInterval: 10 * time.Millisecond, NameServerPort: addr.Port(), Timeout: 50 * time.Millisecond,
		Resolve: func(_ context.Context, _ string, name wire.Name) ([]netip.Addr, error) {
			resolved.Add(1)
			if name == wire.MustName("gone") {
				return nil, errors.New("no such name")
			}
			return []netip.Addr{addr.Addr()}, nil
		},
	})
	running(t, w)
	z := db.ByID("z")
	stands := func(want watch.State) func() bool {
		return func() bool {
			list := w.NameServers(z)
			return len(list) == 2 && list[0].State == want && list[1].State == watch.NoAddress && list[1].Error == "no such name"
		}
	}
	eventually(t, "in step", stands(watch.InStep))
	serial.Store(4)
	eventually(t, "behind", stands(watch.Behind))
	serial.Store(0)
	eventually(t, "silent", stands(watch.Unreachable))
	if n := w.NameServers(z)[0]; n.Serial != 4 || n.Seen.IsZero() || n.Error == "" {
		t.Errorf("what a silent one said last: %+v", n)
	}
	if _, n := w.Count(); n[watch.Unreachable] != 1 || n[watch.NoAddress] != 1 {
		t.Errorf("%v", n)
	}
	v := db.ByID("z").State().Transfer
	db.Reset("z", "acc", 2, v, v, zone.Links{}, nil)
	eventually(t, "no more questions", func() bool {
		before := resolved.Load()
		<-time.After(50 * time.Millisecond)
		return resolved.Load() == before
	})
}

// TestNameServersElsewhere has the name of a name server lead to an address that its owner may not have asked, unless a peer
// stands there; and what is said of one that does not answer is the same whether its port is open or closed, where that must
// not be told.
func TestNameServersElsewhere(t *testing.T) {
	t.Parallel()
	var serial atomic.Uint32 // 0: it reads and says nothing
	open := secondary(t, &serial)
	for _, tt := range []struct {
		peer           netip.AddrPort
		port           uint16
		allowed, tells bool
		want           string
	}{
		{netip.AddrPort{}, open.Port(), false, false, "this server asks nobody at that address"},
		{netip.AddrPort{}, closedPort(t), false, true, "this server asks nobody at that address"},
		{netip.AddrPort{}, open.Port(), true, false, "no answer"},
		{netip.AddrPort{}, closedPort(t), true, false, "no answer"},
		{netip.AddrPortFrom(open.Addr(), 53), open.Port(), false, false, "no answer"},
		{netip.AddrPort{}, closedPort(t), true, true, "nothing listens there"},
	} {
		db := database(t, 5, tt.peer)
		w := watch.New(watch.Config{
			DB: db, NameServerInterval: 10 * time.Millisecond, NameServerPort: tt.port, Timeout: 50 * time.Millisecond,
			Allowed: func(netip.Addr) bool { return tt.allowed },
			Tells:   func(netip.Addr) bool { return tt.tells },
			Resolve: func(context.Context, string, wire.Name) ([]netip.Addr, error) { return []netip.Addr{open.Addr()}, nil },
		})
		stop := running(t, w)
		eventually(t, "an outcome", func() bool { return len(w.NameServers(db.ByID("z"))) == 2 })
		stop()
		if n := w.NameServers(db.ByID("z"))[0]; n.State != watch.Unreachable || n.Error != tt.want {
			t.Errorf("%+v: %+v", tt, n)
		}
	}
}

// closedPort is one at which nobody listens.
func closedPort(t *testing.T) uint16 {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return uint16(c.LocalAddr().(*net.UDPAddr).Port)
}

func TestMemoryOutlivesTheWatcher(t *testing.T) {
	t.Parallel()
	var serial atomic.Uint32
	serial.Store(5)
	db := database(t, 5, secondary(t, &serial))
	var mu sync.Mutex
	kept, saves := map[string]watch.Memory{}, 0
	var seen atomic.Int32
	failing := true
	cfg := watch.Config{
		DB: db, Interval: 5 * time.Millisecond, SaveInterval: 20 * time.Millisecond,
		Seen: func(string, string, uint32) { seen.Add(1) },
		Save: func(_ context.Context, list []watch.Memory) error {
			mu.Lock()
			defer mu.Unlock()
			if saves++; failing {
				failing = false
				return errors.New("disk full")
			}
			for _, m := range list {
				kept[m.Zone+" "+m.Peer] = m
			}
			return nil
		},
	}
	w := watch.New(cfg)
	stop := running(t, w)
	w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("p"), Kind: xfr.AXFR, To: 4, Bytes: 77})
	w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("p"), Reason: "not signed"})
	w.Notified("z", notify.Status{Peer: "p", Serial: 5, Answered: time.Now(), Answer: "NOERROR"})
	w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("unlinked"), Reason: "not linked"})
	eventually(t, "the second try to save", func() bool { mu.Lock(); defer mu.Unlock(); return len(kept) > 0 })
	eventually(t, "a probe", func() bool { return w.Peers(db.ByID("z"))[0].State == watch.InStep })
	mu.Lock()
	before := saves
	mu.Unlock()
	more := seen.Load() + 20
	eventually(t, "probes that tell the same", func() bool { return seen.Load() >= more })
	mu.Lock()
	if saves > before+1 {
		t.Errorf("saved %d times though nothing was new", saves-before)
	}
	mu.Unlock()
	stop()
	if len(kept) != 1 {
		t.Fatalf("kept: %v", kept)
	}
	m := kept["z p"]
	if text, _ := json.Marshal(m); bytes.Contains(text, []byte("c2VjcmV0")) || len(text) == 0 {
		t.Errorf("a memory with a peer, and so with its key: %+v", m.Transfer)
	}
	again := watch.New(cfg)
	again.Load([]watch.Memory{m, {Zone: "gone", Peer: "p"}, {Zone: "z", Peer: "unlinked"}})
	want, got := w.Peers(db.ByID("z"))[0], again.Peers(db.ByID("z"))[0]
	if diff := testkit.Diff(want, got); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	if got.State != watch.InStep || got.Transfer.Bytes != 77 || len(got.History) < 3 {
		t.Errorf("%+v", got)
	}
}
