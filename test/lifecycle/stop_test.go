package lifecycle

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

const patience = testkit.Patience

type zone struct{ ID string }

// What was accepted when the program is told to stop is answered with what was asked for, the listener takes nothing more, and
// the DNS answers until then.
func TestStopDrains(t *testing.T) {
	t.Parallel()
	n := node.Must(t)
	var z zone
	n.Call(t, http.MethodPost, "/zones", `{"name":"example.com"}`, &z)
	body := `{"type":"A","name":"www","content":"192.0.2.10"}`
	c := dial(t, n.HTTP)
	answers := bufio.NewReader(c)
	send(t, c, "POST /client/v4/zones/%s/dns_records HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n",
		z.ID, node.Token, len(body))
	// It says when it reads the body.
	if res, err := http.ReadResponse(answers, nil); err != nil || res.StatusCode != http.StatusContinue {
		t.Fatalf("%v, %v", res, err)
	}
	send(t, c, "%s", body[:10])
	signal(t, n, syscall.SIGTERM)
	until(t, "the listener to close", func() bool {
		probe, err := net.Dial("tcp", strings.TrimPrefix(n.HTTP, "http://"))
		if err == nil {
			probe.Close()
		}
		return err != nil
	})
	serial := askSerial(t, n)
	send(t, c, "%s", body[10:])
	res, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatalf("the request that was accepted got no answer: %v", err)
	}
	got, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		t.Errorf("the request that was accepted got %d: %s", res.StatusCode, got)
	}
	if err := n.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := n.Run(); err != nil {
		t.Fatal(err)
	}
	if after := askSerial(t, n); after <= serial {
		t.Errorf("serial %d before the request and %d after the restart", serial, after)
	}
}

// Of changes that stream in while the program is told to stop, each is answered with success or finds nobody there, and what
// was answered with success is there after the restart.
func TestStopUnderLoad(t *testing.T) {
	t.Parallel()
	n := node.Must(t)
	var z zone
	n.Call(t, http.MethodPost, "/zones", `{"name":"example.com"}`, &z)
	var made sync.Map
	var count atomic.Int64
	var clients sync.WaitGroup
	enough := make(chan struct{})
	for i := range 8 {
		clients.Go(func() {
			for j := 0; ; j++ {
				name := fmt.Sprintf("r%d-%d.example.com", i, j)
				a, err := n.Do(context.Background(), http.MethodPost, "/zones/"+z.ID+"/dns_records", map[string]any{"type": "A", "name": name, "content": "192.0.2.1"})
				switch {
				case err != nil:
					return // nobody there any more
				case a.Status != http.StatusOK:
					t.Errorf("%s: status %d: %s", name, a.Status, a.Body)
					return
				}
				made.Store(name, true)
				if count.Add(1) == 100 {
					close(enough)
				}
			}
		})
	}
	<-enough
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	clients.Wait()
	if err := n.Run(); err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for page := 1; ; page++ {
		var list []struct{ Name string }
		n.Call(t, http.MethodGet, fmt.Sprintf("/zones/%s/dns_records?per_page=1000&page=%d", z.ID, page), nil, &list)
		for _, r := range list {
			there[r.Name] = true
		}
		if len(list) < 1000 {
			break
		}
	}
	made.Range(func(name, _ any) bool {
		if !there[name.(string)] {
			t.Errorf("%s was acknowledged and is not there", name)
		}
		return true
	})
}

// A client that never comes to an end does not keep the program from ending, and in order.
func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	n := node.Must(t)
	c := dial(t, n.HTTP)
	send(t, c, "POST /client/v4/zones HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\n\r\n{", node.Token)
	n.Call(t, http.MethodGet, "/zones", nil, nil)
	inTime(t, n)
}

// inTime ends a node, which takes ten seconds at most, and what the machine takes for the rest.
func inTime(t *testing.T, n *node.Node) {
	t.Helper()
	began := time.Now()
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the end took %s", took)
	}
}

// A delay before the end is one in which everything goes on, but for balancers, who are sent away.
func TestStopDelayed(t *testing.T) {
	t.Parallel()
	n := node.Must(t, "--drain-delay", "10s")
	n.Call(t, http.MethodPost, "/zones", `{"name":"example.com"}`, nil)
	signal(t, n, syscall.SIGTERM)
	until(t, "balancers to be sent away", func() bool {
		res, err := http.Get(n.HTTP + "/readyz")
		if err != nil {
			t.Fatalf("the end began before anybody could see it coming: %v", err)
		}
		res.Body.Close()
		return res.StatusCode == http.StatusServiceUnavailable
	})
	askSerial(t, n)
	n.Call(t, http.MethodPost, "/zones", `{"name":"example.net"}`, nil)
	if err := n.Wait(); err != nil {
		t.Error(err)
	}
}

// SIGHUP ends nothing: the level of the log is that of the configuration file from then on, of other settings that differ the
// node says so, and a file that has become wrong changes nothing.
func TestHangupReloads(t *testing.T) {
	t.Parallel()
	conf := file(t, "headwater.yaml", "log-level: info\n", 0o600)
	n := node.Must(t, "--config", conf)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	hangup := func(text string, words ...string) {
		t.Helper()
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		from := n.Log().Len()
		signal(t, n, syscall.SIGHUP)
		if _, err := n.Log().Wait(ctx, from, words...); err != nil {
			t.Fatal(err)
		}
	}
	hangup("log-lvl: debug\n", "not reloaded", "headwater.yaml:1", "log-level")
	hangup("log-level: debug\nprobe-interval: 3s\n", "restart", "probe-interval")
	from := n.Log().Len()
	n.Call(t, http.MethodGet, "/zones", nil, nil)
	if _, err := n.Log().Wait(ctx, from, "DEBUG", "request", "/client/v4/zones"); err != nil {
		t.Error(err)
	}
	hangup("log-level: info\n", "reloaded", "info")
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
}

func dial(t *testing.T, url string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t *testing.T, c net.Conn, format string, args ...any) {
	t.Helper()
	if _, err := fmt.Fprintf(c, format, args...); err != nil {
		t.Fatal(err)
	}
}

func signal(t *testing.T, n *node.Node, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(n.Pid(), sig); err != nil {
		t.Fatal(err)
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	testkit.Until(t, func() string {
		if !ok() {
			return "waited in vain for " + what
		}
		return ""
	})
}

func askSerial(t *testing.T, n *node.Node) uint32 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	serial, err := peers.Serial(ctx, n.DNS, wire.MustName("example.com"))
	if err != nil {
		t.Fatalf("the DNS does not answer: %v", err)
	}
	return serial
}

// hole is a way to a database that can go silent, as a machine does that hangs.
type hole struct {
	l      net.Listener
	silent chan struct{}
}

func dig(t *testing.T, to string) *hole {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	h := &hole{l, make(chan struct{})}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go h.pass(t, c, to)
		}
	}()
	return h
}

func (h *hole) pass(t *testing.T, c net.Conn, to string) {
	t.Cleanup(func() { c.Close() })
	d, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	t.Cleanup(func() { d.Close() })
	for _, way := range [][2]net.Conn{{c, d}, {d, c}} {
		go func() {
			b := make([]byte, 64<<10)
			for {
				n, err := way[0].Read(b)
				select {
				case <-h.silent:
					return
				default:
				}
				if err != nil {
					way[1].Close()
					return
				}
				if _, err := way[1].Write(b[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// A database that hangs does not keep the program from ending, in order and in time.
func TestStopBesideADatabaseThatHangs(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(pgtest.Start(t).Database(t))
	if err != nil {
		t.Fatal(err)
	}
	h := dig(t, u.Host)
	u.Host = h.l.Addr().String()
	n := node.Must(t, "--database", u.String())
	var z zone
	n.Call(t, http.MethodPost, "/zones", `{"name":"example.com"}`, &z)
	close(h.silent)
	c := dial(t, n.HTTP)
	body := `{"type":"A","name":"www","content":"192.0.2.10"}`
	send(t, c, "POST /client/v4/zones/%s/dns_records HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", z.ID, node.Token, len(body), body)
	inTime(t, n)
}
