package lifecycle

import (
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/test/node"
)

func engines(t *testing.T) map[string][]string {
	return map[string][]string{"sqlite": nil, "postgres": {"--database", pgtest.Start(t).Database(t)}}
}

// One process after another takes over, and is as good as the one before.
func TestHandOver(t *testing.T) {
	t.Parallel()
	for engine, flags := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			n := node.Must(t, flags...)
			var z zone
			n.Call(t, http.MethodPost, "/zones", `{"name":"example.com"}`, &z)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			for range 2 {
				old := n.Pid()
				began := time.Now()
				if err := n.HandOver(ctx); err != nil {
					t.Fatal(err)
				}
				t.Logf("took %s", time.Since(began))
				if err := node.Gone(ctx, old); err != nil {
					t.Fatal(err)
				}
				serial := askSerial(t, n)
				n.Call(t, http.MethodPost, "/zones/"+z.ID+"/dns_records", map[string]any{"type": "TXT", "name": "t", "content": time.Now().String()}, nil)
				if after := askSerial(t, n); after <= serial {
					t.Errorf("serial %d, then %d", serial, after)
				}
			}
			if err := n.Stop(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A new process that fails, at whatever moment and in whatever way, changes nothing: the old one goes on, the DNS is answered all the
// while, and the next one may take over.
func TestHandOverFails(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	for _, tt := range []struct {
		name    string
		conf    string // the configuration file's contents then
		program string // in the place of the program; empty: it stays
		says    string
		given   bool   // the store had been given up
		within  string // what a new process is given to answer; empty: as much as the machine may take
	}{
		{name: "the configuration is broken", conf: "log-lvl: debug\n", says: "not handed over"},
		{name: "the program is broken", program: "no program", says: "not handed over"},
		{name: "the program hangs", program: "#!/bin/sh\nexec sleep 600\n", says: "timed out", within: "10s"},
		{name: "it fails with the store in its hands", conf: "metrics-listen: " + taken.Addr().String() + "\n", says: "not handed over", given: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bin, conf := ownBinary(t), file(t, "headwater.yaml", "log-level: info\n", 0o600)
			n, err := node.StartAs(bin, nil, t.TempDir(), "--config", conf, "--handover-patience", cmp.Or(tt.within, patience.String()))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(n.Kill)
			n.Check(t)
			var z zone
			n.Call(t, http.MethodPost, "/zones", `{"name":"example.com"}`, &z)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			asked := askAllTheWhile(t, n)

			if tt.conf != "" {
				put(t, conf, tt.conf)
			}
			if tt.program != "" {
				put(t, bin, tt.program)
			}
			from := n.Log().Len()
			signal(t, n, syscall.SIGUSR2)
			if _, err := n.Log().Wait(ctx, from, "not handed over", tt.says); err != nil {
				t.Fatal(err)
			}
			if tt.given {
				if _, err := n.Log().Wait(ctx, from, "msg=ready"); err != nil {
					t.Fatal(err)
				}
			}
			if gave := strings.Contains(n.Log().String()[from:], "giving up the store"); gave != tt.given {
				t.Errorf("the store was given up: %v, want %v", gave, tt.given)
			}
			n.Call(t, http.MethodPost, "/zones/"+z.ID+"/dns_records", `{"type":"A","name":"www","content":"192.0.2.10"}`, nil)

			put(t, conf, "log-level: info\n")
			whole, err := node.Binary()
			if err != nil {
				t.Fatal(err)
			}
			replace(t, whole, bin)
			if err := n.HandOver(ctx); err != nil {
				t.Fatal(err)
			}
			n.Call(t, http.MethodPost, "/zones/"+z.ID+"/dns_records", `{"type":"A","name":"ftp","content":"192.0.2.10"}`, nil)
			asked()
			if err := n.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Where neither the new process nor the old one can have the store any more, the DNS is answered from memory, whoever asks is told, and
// the old one goes on as soon as there is a store again.
func TestHandOverLosesTheStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n, err := node.Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if n, err = node.Start(dir, "--must-exist"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	n.Check(t)
	n.Call(t, http.MethodPost, "/zones", `{"name":"example.com"}`, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	asked := askAllTheWhile(t, n)
	db := filepath.Join(dir, "headwater.db")
	if err := os.Rename(db, db+".away"); err != nil {
		t.Fatal(err)
	}
	from := n.Log().Len()
	signal(t, n, syscall.SIGUSR2)
	if _, err := n.Log().Wait(ctx, from, "no store"); err != nil {
		t.Fatal(err)
	}
	until(t, "somebody to tell", func() bool {
		res, err := http.Get(n.HTTP + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		said, _ := io.ReadAll(res.Body)
		return strings.Contains(string(said), "no store")
	})
	if a, err := n.Do(ctx, http.MethodGet, "/zones", nil); err != nil || a.Status != http.StatusServiceUnavailable {
		t.Errorf("the API answered %v, %v", a, err)
	}
	askSerial(t, n)
	from = n.Log().Len()
	if err := os.Rename(db+".away", db); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Log().Wait(ctx, from, "msg=ready"); err != nil { // of whichever process comes first
		t.Fatal(err)
	}
	if line, err := heirOf(n, from); err == nil {
		t.Log(line)
	}
	n.Call(t, http.MethodPost, "/zones", `{"name":"example.net"}`, nil)
	asked()
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
}

// heirOf takes notice of a process that has taken over already, if one has.
func heirOf(n *node.Node, from int) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return "another process has taken over", n.Heir(ctx, from)
}

// Whoever is told to end while a new process starts ends in order, and so does that.
func TestStopAmidAHandOver(t *testing.T) {
	t.Parallel()
	bin := ownBinary(t)
	n, err := node.StartAs(bin, nil, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	put(t, bin, "#!/bin/sh\necho process=$$ begins >&2\nexec sleep 600\n")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	signal(t, n, syscall.SIGUSR2)
	signal(t, n, syscall.SIGUSR2) // which changes nothing
	if _, err := n.Log().Wait(ctx, 0, "process=", "begins"); err != nil {
		t.Fatal(err)
	}
	if err := n.Stop(); err != nil { // which waits for everybody who holds the log
		t.Error(err)
	}
}

// ownBinary is a copy of the program that may be replaced.
func ownBinary(t *testing.T) string {
	t.Helper()
	whole, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "headwater")
	replace(t, whole, bin)
	return bin
}

func replace(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	put(t, to, string(b))
}

// put writes a file as a package does that is upgraded: a new one takes the place of the old one.
func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name+".new", []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

// askAllTheWhile asks until what it returns is called; each question is asked once, and gets its answer.
func askAllTheWhile(t *testing.T, n *node.Node) (end func()) {
	t.Helper()
	c, err := net.Dial("udp", n.DNS.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	var over atomic.Bool
	done := make(chan error, 1)
	go func() {
		b := make([]byte, 512)
		for !over.Load() {
			_ = c.SetDeadline(time.Now().Add(answerTime))
			_, err := c.Write(question(1)[2:])
			if err == nil {
				_, err = c.Read(b)
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	return func() {
		over.Store(true)
		if err := <-done; err != nil {
			t.Errorf("a query without an answer: %v", err)
		}
	}
}
