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
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTransferWaitsForNoDatagram$")
	cmd.Env = append(os.Environ(), "SERVER_CHILD=1", "GOMAXPROCS=1")
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
	defer func() { _ = in.Close(); _, _ = io.Copy(io.Discard, out); _ = cmd.Wait() }()
	var at string
	if _, err := fmt.Fscanf(out, "at %s\n", &at); err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddrPort(at)
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
