package updates

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/peers"
)

// signed is a message in octets, as it is sent, and sent again.
func signed(t *testing.T, m *dns.Msg) []byte {
	t.Helper()
	m = m.Copy()
	m.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Unix())
	b, _, err := dns.TsigGenerate(m, secret, "", false)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// exchange sends octets by UDP and gives the response code.
func exchange(t *testing.T, to string, b []byte) int {
	t.Helper()
	c, err := net.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return int(buf[:n][3] & 15)
}

// TestSentAgain: a client whose answer was lost sends its message again. It hears of what was done, though its prerequisite does not
// hold any more; and whoever sends it later still undoes nothing that has been done since.
func TestSentAgain(t *testing.T) {
	t.Parallel()
	w := begin(t)
	m := update("once.example.com. 300 IN A 192.0.2.1")
	m.NameNotUsed([]dns.RR{parsed("once.example.com. 0 IN A 192.0.2.1")})
	b := signed(t, m)
	for range 3 {
		if code := exchange(t, w.DNS.String(), b); code != dns.RcodeSuccess {
			t.Fatalf("%s", dns.RcodeToString[code])
		}
	}
	gone := new(dns.Msg)
	gone.SetUpdate(apex)
	gone.RemoveName([]dns.RR{parsed("once.example.com. 0 IN A 192.0.2.1")})
	late := signed(t, gone)
	if code := exchange(t, w.DNS.String(), late); code != dns.RcodeSuccess {
		t.Fatalf("%s", dns.RcodeToString[code])
	}
	if code := exchange(t, w.DNS.String(), b); code != dns.RcodeSuccess {
		t.Fatalf("%s", dns.RcodeToString[code])
	}
	if got := answer(t, w.DNS, "once.example.com.", dns.TypeA); len(got) > 0 {
		t.Errorf("a message that was sent again brought %q back", got)
	}
	// What was done is remembered by the store: the process may have died meanwhile.
	w.Kill()
	if err := w.Run(); err != nil {
		t.Fatal(err)
	}
	send(t, w.DNS, "udp", keyName, update("once.example.com. 300 IN A 192.0.2.9"))
	if code := exchange(t, w.DNS.String(), late); code != dns.RcodeSuccess {
		t.Fatalf("%s", dns.RcodeToString[code])
	}
	if got := answer(t, w.DNS, "once.example.com.", dns.TypeA); !slices.Equal(got, []string{"192.0.2.9"}) {
		t.Errorf("a message from before the end of the process left %q", got)
	}
}

// TestOneOfTwo: of clients that want a name at once, each if it is not in use, one gets it.
func TestOneOfTwo(t *testing.T) {
	t.Parallel()
	w := begin(t)
	for round := range 10 {
		name := fmt.Sprintf("wanted%d.example.com.", round)
		var got, lost atomic.Int32
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				m := update(fmt.Sprintf("%s 300 IN A 192.0.2.%d", name, i))
				m.NameNotUsed([]dns.RR{parsed(name + " 0 IN A 192.0.2.1")})
				switch code, err := try(w.DNS, []string{"udp", "tcp"}[i%2], keyName, m); {
				case err != nil:
					t.Error(err)
				case code == dns.RcodeSuccess:
					got.Add(1)
				case code == dns.RcodeYXDomain:
					lost.Add(1)
				default:
					t.Error(dns.RcodeToString[code])
				}
			})
		}
		all.Wait()
		if got.Load() != 1 || lost.Load() != 7 || len(answer(t, w.DNS, name, dns.TypeA)) != 1 {
			t.Errorf("%s: %d got it, %d did not, and it has %q", name, got.Load(), lost.Load(), answer(t, w.DNS, name, dns.TypeA))
		}
	}
}

// TestKilled: what was answered is there after SIGKILL, and what was not is there or not.
func TestKilled(t *testing.T) {
	t.Parallel()
	w := begin(t)
	var mu sync.Mutex
	done := map[string]bool{}
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for c := range 4 {
		clients.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("k%d-%d.example.com.", c, i)
				if code, err := try(w.DNS, "tcp", keyName, update(name+" 300 IN A 192.0.2.1")); err == nil && code == dns.RcodeSuccess {
					mu.Lock()
					done[name] = true
					mu.Unlock()
				}
			}
		})
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		mu.Lock()
		n := len(done)
		mu.Unlock()
		if n > 200 || time.Now().After(end) {
			break
		}
	}
	w.Kill()
	stop()
	clients.Wait()
	if err := w.Run(); err != nil {
		t.Fatal(err)
	}
	for name := range done {
		if len(answer(t, w.DNS, name, dns.TypeA)) != 1 {
			t.Errorf("%s was acknowledged, and is gone", name)
		}
	}
	if len(done) < 100 {
		t.Errorf("only %d updates were done", len(done))
	}
}

// TestFollowed: a secondary has what an update brought, by NOTIFY and IXFR.
func TestFollowed(t *testing.T) {
	t.Parallel()
	w := begin(t)
	at, err := peers.Free(peers.NSD)
	if err != nil {
		t.Fatal(err)
	}
	var made struct{ ID string }
	w.Call(t, http.MethodPost, "/accounts/"+w.Account+"/secondary_dns/peers", map[string]any{"name": "nsd", "ip": at.Addr().String(), "port": at.Port()}, &made)
	w.Call(t, http.MethodPut, w.path("/secondary_dns/outgoing"), map[string]any{"name": apex, "peers": []string{made.ID}}, nil)
	s := peers.Run(t, peers.Config{Program: peers.NSD, Listen: at, Primary: w.DNS, Zones: []wire.Name{wire.MustName(apex)}, Refresh: time.Hour})
	for i := range 20 {
		if code := send(t, w.DNS, "udp", keyName, update(fmt.Sprintf("f%d.example.com. 300 IN A 192.0.2.1", i))); code != dns.RcodeSuccess {
			t.Fatalf("%s", dns.RcodeToString[code])
		}
	}
	serial, err := peers.Serial(t.Context(), w.DNS, wire.MustName(apex))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.WaitSerial(ctx, wire.MustName(apex), serial); err != nil {
		t.Fatal(err)
	}
	if got := answer(t, at, "f19.example.com.", dns.TypeA); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

// TestStrangers: unsigned updates are refused where they come in, however many, and wait for nobody's disk.
func TestStrangers(t *testing.T) {
	t.Parallel()
	w := begin(t)
	flood := update("flood.example.com. 300 IN A 192.0.2.1")
	raw, err := flood.Pack()
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("udp", w.DNS.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, stop := context.WithCancel(t.Context())
	var floods sync.WaitGroup
	for range 2 {
		floods.Go(func() {
			for ctx.Err() == nil {
				_, _ = c.Write(raw)
			}
		})
	}
	for i := range 20 {
		if code := send(t, w.DNS, "tcp", keyName, update(fmt.Sprintf("calm%d.example.com. 300 IN A 192.0.2.1", i))); code != dns.RcodeSuccess {
			t.Errorf("beside a flood: %s", dns.RcodeToString[code])
		}
	}
	stop()
	floods.Wait()
	if code := send(t, w.DNS, "tcp", "", flood); code != dns.RcodeRefused {
		t.Errorf("unsigned over TCP: %s", dns.RcodeToString[code])
	}
	res, err := http.Get(w.HTTP + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var text strings.Builder
	buf := make([]byte, 1<<16)
	for {
		n, err := res.Body.Read(buf)
		text.Write(buf[:n])
		if err != nil {
			break
		}
	}
	if !strings.Contains(text.String(), "headwater_updates_unsigned_total") || strings.Contains(text.String(), "headwater_updates_unsigned_total 0\n") {
		t.Error("nobody counted them")
	}
	if !strings.Contains(text.String(), `headwater_updates_total{rcode="NOERROR"} 20`) {
		t.Error("done ones are not counted")
	}
}

// TestClientDies: a client that goes in the midst of its message has asked for nothing; one that goes before the answer has what it asked
// for, or nothing of it; and nobody after them hears of either.
func TestClientDies(t *testing.T) {
	t.Parallel()
	w := begin(t)
	dies := func(b []byte) {
		c, err := net.Dial("tcp", w.DNS.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	framed := func(m *dns.Msg) []byte {
		b := signed(t, m)
		return append([]byte{byte(len(b) >> 8), byte(len(b))}, b...)
	}
	half := framed(update("half.example.com. 300 IN A 192.0.2.1", "half.example.com. 300 IN AAAA 2001:db8::1"))
	dies(half[:len(half)-40])
	for i := range 20 {
		dies(framed(update(fmt.Sprintf("dead%d.example.com. 300 IN A 192.0.2.1", i), fmt.Sprintf("dead%d.example.com. 300 IN AAAA 2001:db8::1", i))))
	}
	if code := send(t, w.DNS, "tcp", keyName, update("alive.example.com. 300 IN A 192.0.2.1")); code != dns.RcodeSuccess {
		t.Errorf("%s", dns.RcodeToString[code])
	}
	if got := answer(t, w.DNS, "half.example.com.", dns.TypeA); len(got) > 0 {
		t.Errorf("half a message brought %q", got)
	}
	for i := range 20 {
		whole(t, w, fmt.Sprintf("dead%d.example.com.", i))
	}
}

// whole fails where a name has one of two records that came in one message. The message may be done between two questions: what was
// missing at the first is looked for again once the other has been seen.
func whole(t *testing.T, w *world, name string) {
	t.Helper()
	a, aaaa := answer(t, w.DNS, name, dns.TypeA), answer(t, w.DNS, name, dns.TypeAAAA)
	if len(a) == 0 && len(aaaa) > 0 {
		a = answer(t, w.DNS, name, dns.TypeA)
	}
	if len(a) != len(aaaa) {
		t.Errorf("%s has %q and %q", name, a, aaaa)
	}
}
