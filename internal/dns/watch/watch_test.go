package watch_test

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var apex = wire.MustName("example")

func soa(serial uint32) []byte {
	data := append([]byte("\x02ns\x00\x01h\x00"), make([]byte, 20)...)
	binary.BigEndian.PutUint32(data[len(data)-20:], serial)
	return data
}

func database(t *testing.T, serial uint32, peer netip.AddrPort) *zone.DB {
	t.Helper()
	v, err := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{soa(serial)}}})
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
		deadline := time.Now().Add(10 * time.Second)
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
	await(watch.Silent)
	serial.Store(5)
	await(watch.InStep)
	if n := w.Count()[watch.InStep]; n != 1 {
		t.Errorf("%d in step", n)
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
	w.Transferred(xfr.Report{ZoneID: "z", Peer: zone.Peer{ID: "p"}, Kind: xfr.AXFR, To: 4})
	w.Notified("z", notify.Status{Peer: "p", Serial: 5, Answered: now, Answer: "NOERROR"})
	w.Transferred(xfr.Report{ZoneID: "z", Peer: zone.Peer{ID: "p"}, Reason: "not signed"})
	v := w.Peers(z)[0]
	if v.State != watch.Behind || v.Transfer == nil || v.Refusal == nil || v.Notify.Answer != "NOERROR" || len(v.History) != 3 || v.History[0].Kind != "refusal" {
		t.Errorf("%+v", v)
	}
	w.Transferred(xfr.Report{ZoneID: "z", Peer: zone.Peer{ID: "p"}, Kind: xfr.IXFR, To: 5})
	if v := w.Peers(z)[0]; v.State != watch.InStep {
		t.Errorf("%+v", v)
	}
	for i := range 100 {
		w.Transferred(xfr.Report{ZoneID: "z", Peer: zone.Peer{ID: "p"}, Kind: xfr.IXFR, To: uint32(i)})
	}
	if n := len(w.Peers(z)[0].History); n > 20 {
		t.Errorf("%d events", n)
	}
	w.Forget("z")
	if v := w.Peers(z)[0]; v.State != watch.Unknown {
		t.Errorf("%+v", v)
	}
}
