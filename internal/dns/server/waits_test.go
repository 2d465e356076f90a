//go:build linux

package server_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/cores"
	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// serveForParent is the child's part: it serves a zone until its standard input ends.
func serveForParent(t *testing.T) {
	cores.Provide()
	v := manyRecords(t, 40_000)
	db := zone.NewDB(0)
	db.SetAccount(&zone.Account{ID: "a", ACL: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	db.Reset("z", "a", 1, v, v, zone.Links{Enabled: true}, nil)
	s := run(t, server.Config{DB: db, Transfers: xfr.NewServer(xfr.Config{DB: db, Yield: server.YieldCore})})
	fmt.Println("at", s.Addrs().DNS[0])
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// A container that is held to one core gets GOMAXPROCS=1. The thread that waits for datagrams must not keep a transfer from its
// processor: beside queries, a transfer once waited at each message until the runtime's monitor took the processor away, and three
// hundred queries were answered meanwhile. So much is counted: it depends less on how busy the machine is than time does.
func TestTransferWaitsForNoDatagram(t *testing.T) {
	if os.Getenv("SERVER_CHILD") != "" {
		serveForParent(t)
		return
	}
	addr, _ := startChild(t, "GOMAXPROCS=1")
	const most = 64
	least := math.MaxInt // of several tries: what else the machine does adds to one or the other
	for try := 0; try < 40 && least > most; try++ {
		queries := ask(t, addr)
		messages := transferWhole(t, addr)
		least = min(least, queries()/messages)
	}
	t.Logf("%d queries were answered beside a message", least)
	if least > most {
		t.Errorf("%d queries were answered in the time of each message: these waited for the monitor", least)
	}
}

// The runtime's monitor once woke up after every 20 us, to take the processor away from the thread that waits for datagrams.
func TestMonitorRests(t *testing.T) {
	addr, pid := startChild(t)
	c := dial(t, "udp", addr)
	msg, buf := question("host-1.example.org.", wire.TypeA), make([]byte, 512)
	const queries, most = 5_000, 1_200 // a second; it was 2,300 to 20,000
	least := math.MaxInt
	for try := 0; try < 5 && least > most; try++ {
		began, before := time.Now(), othersSwitches(t, pid)
		for range queries {
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			if _, err := c.Write(msg); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read(buf); err != nil {
				t.Fatal(err)
			}
		}
		least = min(least, int(float64(othersSwitches(t, pid)-before)/time.Since(began).Seconds()))
	}
	t.Logf("beside queries, one after the other, other threads wake up %d times a second", least)
	if least > most {
		t.Errorf("beside queries other threads wake up %d times a second: nobody needs them", least)
	}
}

// othersSwitches is how often the threads of a process have gone to sleep, but for the one that has most often: it answers.
func othersSwitches(t *testing.T, pid int) int {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	sum, most := 0, 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that has ended
		}
		_, rest, _ := strings.Cut(string(b), "\nvoluntary_ctxt_switches:")
		n := 0
		if _, err := fmt.Sscan(rest, &n); err != nil {
			t.Fatal(err)
		}
		sum, most = sum+n, max(most, n)
	}
	return sum - most
}

// startChild starts a process that serves a zone until the test ends.
func startChild(t *testing.T, env ...string) (addr netip.AddrPort, pid int) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTransferWaitsForNoDatagram$")
	cmd.Env = append(append(os.Environ(), "SERVER_CHILD=1"), env...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _, _ = io.Copy(io.Discard, out); _ = cmd.Wait() })
	var at string
	if _, err := fmt.Fscanf(out, "at %s\n", &at); err != nil {
		t.Fatal(err)
	}
	return netip.MustParseAddrPort(at), cmd.Process.Pid
}

// ask keeps some queries on their way over UDP until it is stopped, and then says how many were answered.
func ask(t *testing.T, addr netip.AddrPort) (stop func() int) {
	c := dial(t, "udp", addr)
	var wg sync.WaitGroup
	done := make(chan struct{})
	n := 0
	wg.Go(func() {
		msg, buf := question("host-1.example.org.", wire.TypeA), make([]byte, 512)
		for range 16 {
			_, _ = c.Write(msg)
		}
		for {
			select {
			case <-done:
				return
			default:
			}
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if _, err := c.Read(buf); err == nil {
				n++
			}
			_, _ = c.Write(msg)
		}
	})
	return func() int { close(done); wg.Wait(); return n }
}

// transferWhole reads an AXFR to its end and counts its messages.
func transferWhole(t *testing.T, addr netip.AddrPort) (messages int) {
	c := dial(t, "tcp", addr)
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.Write(framed(question("example.org.", wire.TypeAXFR))); err != nil {
		t.Fatal(err)
	}
	for records := 0; records < 40_002; messages++ {
		msg := readTCP(t, c)
		if len(msg) < wire.HeaderLen || wire.HeaderFlags(msg).Rcode() != wire.RcodeNoError {
			t.Fatalf("a transfer answered %x", msg)
		}
		records += int(binary.BigEndian.Uint16(msg[6:]))
	}
	return messages
}
