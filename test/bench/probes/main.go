// Command probes says what it costs to watch very many secondaries: it has a Watcher ask so many peers of so many zones, which a process of
// its own plays, and tells processor time, allocations and memory.
//
//	go run -C test ./bench/probes -zones 5000 -peers 10 -for 2m
//
// Under strace -c -f or perf stat -e instructions:u, the peers are left out by playing them elsewhere: -sink in one shell, -at with what it
// prints in the other.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

const serial = 5

func main() {
	log.SetFlags(0)
	zones := flag.Int("zones", 5000, "zones")
	peers := flag.Int("peers", 10, "peers of each")
	interval := flag.Duration("interval", 30*time.Second, "`--probe-interval`")
	during := flag.Duration("for", time.Minute, "how long is measured")
	warm := flag.Duration("warm", 0, "how long is run before that; an interval and a half when 0")
	sink := flag.Bool("sink", false, "play the peers, until standard input ends")
	at := flag.String("at", "", "where they are played")
	silent := flag.Bool("silent", false, "the peers answer nothing")
	flag.Parse()
	if *sink {
		play(*peers, *silent)
		return
	}
	if *at == "" {
		var stop func()
		*at, stop = start(*peers, *silent)
		defer stop()
	}
	if *warm == 0 {
		*warm = *interval * 3 / 2
	}
	measure(*zones, strings.Fields(*at), *interval, *warm, *during)
}

// play answers on as many addresses as there are peers.
func play(peers int, silent bool) {
	for i := range peers {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 1, byte(i+1))})
		if err != nil {
			log.Fatal(err)
		}
		_ = c.SetReadBuffer(4 << 20)
		fmt.Print(c.LocalAddr(), " ")
		go answer(c, silent)
	}
	fmt.Println()
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
}

func answer(c *net.UDPConn, silent bool) {
	buf := make([]byte, 512)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		var q wire.Query
		if silent || q.Parse(buf[:n]) != wire.ParseOK {
			continue
		}
		var b wire.Builder
		b.Start(nil, 512, q.ID, wire.FlagQR|wire.FlagAA)
		b.Echo(&q)
		b.Append(q.Name, wire.TypeSOA, wire.ClassIN, 60, soa())
		_, _ = c.WriteToUDPAddrPort(b.Finish(), from)
	}
}

func soa() []byte {
	data := append([]byte("\x02ns\x00\x01h\x00"), make([]byte, 20)...)
	binary.BigEndian.PutUint32(data[len(data)-20:], serial)
	return data
}

// start plays the peers in a process of its own, whose time is not ours.
func start(peers int, silent bool) (at string, stop func()) {
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	cmd := exec.Command(self, "-sink", "-peers", strconv.Itoa(peers), fmt.Sprintf("-silent=%v", silent))
	in, err := cmd.StdinPipe()
	if err != nil {
		log.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		log.Fatal(err)
	}
	at, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		log.Fatal(err)
	}
	return at, func() { _ = in.Close(); _ = cmd.Wait() }
}

func database(zones int, at []string) *zone.DB {
	db := zone.NewDB(0)
	acc := &zone.Account{ID: "acc", Peers: map[string]zone.Peer{}}
	links := zone.Links{Enabled: true}
	for i, a := range at {
		id := fmt.Sprintf("%032d", i)
		acc.Peers[id] = zone.Peer{ID: id, Name: id, Addr: netip.MustParseAddrPort(a)}
		links.Peers = append(links.Peers, id)
	}
	db.SetAccount(acc)
	for i := range zones {
		apex := wire.MustName(fmt.Sprintf("zone%d.example", i))
		v, err := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{soa()}}})
		if err != nil {
			log.Fatal(err)
		}
		db.Reset(fmt.Sprintf("%032x", i), "acc", 1, v, v, links, nil)
	}
	return db
}

// spent is what a process has needed so far.
type spent struct {
	cpu    time.Duration
	allocs uint64
	bytes  uint64
	seen   int64
}

func measure(zones int, at []string, interval, warm, during time.Duration) {
	db := database(zones, at)
	var seen atomic.Int64
	before := heap()
	w := watch.New(watch.Config{DB: db, Interval: interval, Seen: func(string, string, uint32) { seen.Add(1) }})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	now := func() spent {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			log.Fatal(err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return spent{time.Duration(u.Utime.Nano() + u.Stime.Nano()), m.Mallocs, m.TotalAlloc, seen.Load()}
	}
	time.Sleep(warm)
	from := now()
	time.Sleep(during)
	to := now()
	pairs := zones * len(at)
	held := heap() - before
	cancel()
	if err := <-done; err != nil {
		log.Fatal(err)
	}
	answers, cpu := float64(to.seen-from.seen), to.cpu-from.cpu
	fmt.Printf("%d pairs, %s: %.0f answers, %.1f a second\n", pairs, during, answers, answers/during.Seconds())
	fmt.Printf("processor time: %.3f s a minute, %.4f of a core, %.1f us an answer\n",
		cpu.Seconds()*60/during.Seconds(), cpu.Seconds()/during.Seconds(), float64(cpu.Microseconds())/answers)
	fmt.Printf("allocations: %.1f and %.0f octets an answer\n", float64(to.allocs-from.allocs)/answers, float64(to.bytes-from.bytes)/answers)
	fmt.Printf("memory: %.0f octets a pair\n", float64(held)/float64(pairs))
	peers, _ := w.Count()
	fmt.Println(peers)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
