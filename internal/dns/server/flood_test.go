package server_test

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/cookie"
	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func dialFrom(tb testing.TB, from string, to netip.AddrPort) *net.UDPConn {
	tb.Helper()
	c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)}, net.UDPAddrFromAddrPort(to))
	if err != nil {
		tb.Fatal(err)
	}
	_ = c.SetReadBuffer(8 << 20)
	return c
}

// flood sends queries from one address, from many ports, for a while, and counts the octets there and back.
func flood(tb testing.TB, from string, to netip.AddrPort, msg []byte, d time.Duration) (sent, got int64) {
	tb.Helper()
	var in, out atomic.Int64
	var senders, readers sync.WaitGroup
	var conns []*net.UDPConn
	for range 8 {
		c := dialFrom(tb, from, to)
		conns = append(conns, c)
		readers.Go(func() {
			buf := make([]byte, 4096)
			for {
				n, err := c.Read(buf)
				if err != nil {
					return
				}
				in.Add(int64(n))
			}
		})
		senders.Go(func() {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
				for range 10 {
					if _, err := c.Write(msg); err == nil {
						out.Add(int64(len(msg)))
					}
				}
			}
		})
	}
	senders.Wait()
	for last := int64(-1); last != in.Load(); time.Sleep(50 * time.Millisecond) {
		last = in.Load() // what is under way arrives
	}
	for _, c := range conns {
		_ = c.Close()
	}
	readers.Wait()
	return out.Load(), in.Load()
}

// TestFlood has an address flood the server with questions that have large answers. What it gets is hardly more than what it sent,
// while a linked peer's questions and transfers, and whoever at that very address shows a cookie, are answered as ever. The limit is low, so
// that what it lets through is little also where a slow machine sends little.
func TestFlood(t *testing.T) {
	t.Parallel()
	const victim, peer = "127.9.1.1", "127.9.2.2"
	db := zone.NewDB(0)
	v := manyRecords(t, 2000)
	db.SetAccount(&zone.Account{ID: "a", Peers: map[string]zone.Peer{"p": {ID: "p", Addr: netip.MustParseAddrPort(peer + ":53")}}})
	db.Reset("z", "a", 1, v, v, zone.Links{Enabled: true, Peers: []string{"p"}}, nil)
	keys := &cookie.Keys{Current: cookie.Secret{1, 2, 3}}
	told := make(chan netip.Prefix, 100)
	run := func(l server.RateLimit) *server.Server {
		return run(t, server.Config{
			DB: db, RateLimit: l, Cookies: func() *cookie.Keys { return keys }, Transfers: xfr.NewServer(xfr.Config{DB: db}),
		})
	}
	big := withOPT(question("big.test.", wire.TypeA), opt)
	open := run(server.RateLimit{})
	for try := 1; ; try++ { // what a machine cannot take at once is lost in its queues
		sent, got := flood(t, victim, open.Addrs().DNS[0], big, 200*time.Millisecond)
		if got >= 10*sent {
			break
		}
		if try == 20 {
			t.Fatalf("without a limit %d octets for %d", got, sent)
		}
	}
	s := run(server.RateLimit{PerSecond: 5, Slip: 2, Tell: func(p netip.Prefix) {
		select {
		case told <- p:
		default:
		}
	}})
	addr := s.Addrs().DNS[0]
	var wg sync.WaitGroup
	var sent, got int64
	wg.Go(func() { sent, got = flood(t, victim, addr, big, 2*time.Second) })
	made, _ := keys.Answer(nil, []byte("12345678"), netip.MustParseAddr(victim), uint32(time.Now().Unix()))
	for _, who := range []struct {
		from string
		msg  []byte
		size int
	}{
		{peer, question("example.org.", wire.TypeSOA), 40},
		{victim, withOPT(question("big.test.", wire.TypeA), opt[:10]+"\x1c\x00\x0a\x00\x18"+string(made)), 1000},
	} {
		wg.Go(func() {
			c := dialFrom(t, who.from, addr)
			defer c.Close()
			buf := make([]byte, 4096)
			for i := range 300 {
				wire.SetID(who.msg, uint16(i))
				ok := false
				for range 30 { // the machine's queues may be full
					_, _ = c.Write(who.msg)
					_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
					n, err := c.Read(buf)
					if ok = err == nil && n >= who.size; ok || err == nil {
						break
					}
				}
				if !ok {
					t.Errorf("%s: question %d has no answer", who.from, i)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for range 10 {
			r, err := xfr.Fetch(t.Context(), xfr.Source{Server: addr, Zone: wire.MustName("example.org."), Local: netip.MustParseAddr(peer)})
			if err != nil || len(r.Records) < 2000*20 {
				t.Errorf("transfer: %v", err)
			}
		}
	})
	wg.Wait()
	st := s.Stats()
	t.Logf("%d octets for %d, %.2f times; %d answers cut, %d dropped; without a limit 30 times", got, sent, float64(got)/float64(sent), st.Slipped, st.Silenced)
	if float64(got) > 1.2*float64(sent) || st.Slipped == 0 || st.Silenced == 0 || st.Cookies[1] < 300 {
		t.Errorf("%d octets for %d: %+v", got, sent, st)
	}
	select {
	case p := <-told:
		if p.String() != "127.9.1.0/24" {
			t.Errorf("told of %s", p)
		}
	case <-time.After(testkit.Patience):
		t.Error("nobody is told")
	}
}
