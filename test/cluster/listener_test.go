package cluster

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// call is a NOTIFY that came.
type call struct {
	at   time.Time
	from netip.AddrPort
}

// listener is a peer that answers every NOTIFY at once and counts them.
type listener struct {
	addr netip.AddrPort
	c    *net.UDPConn
	mu   sync.Mutex
	got  map[wire.Name]map[uint32][]call // by zone and serial
}

func newListener(tb testing.TB) *listener {
	tb.Helper()
	// An address of its own: who transfers from a linked peer's address is taken for that peer, which then need not be told.
	ip := net.IPv4(127, byte(1+rand.IntN(250)), byte(rand.IntN(250)), byte(1+rand.IntN(250)))
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip})
	if err != nil {
		tb.Fatal(err)
	}
	if err := c.SetReadBuffer(4 << 20); err != nil {
		tb.Fatal(err)
	}
	l := &listener{addr: c.LocalAddr().(*net.UDPAddr).AddrPort(), c: c, got: map[wire.Name]map[uint32][]call{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.read()
	}()
	tb.Cleanup(func() { _ = c.Close(); <-done })
	return l
}

func (l *listener) read() {
	for {
		buf := make([]byte, 2048)
		n, from, err := l.c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		var q wire.Query
		if q.Parse(buf[:n]) != wire.ParseOK || q.Opcode != wire.OpcodeNotify {
			continue
		}
		l.mu.Lock()
		zone := wire.Name(q.Name)
		if l.got[zone] == nil {
			l.got[zone] = map[uint32][]call{}
		}
		l.got[zone][q.Serial] = append(l.got[zone][q.Serial], call{time.Now(), from})
		l.mu.Unlock()
		var b wire.Builder
		b.Start(nil, 512, q.ID, (wire.FlagQR | wire.FlagAA).WithOpcode(wire.OpcodeNotify))
		b.Echo(&q)
		_, _ = l.c.WriteToUDPAddrPort(b.Finish(), from) // it is told again
	}
}

// heard says how often it was told of a serial.
func (l *listener) heard(zone wire.Name, serial uint32) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.got[zone][serial])
}

// tellers is from how many sockets it was told of a serial: every node has one.
func (l *listener) tellers(zone wire.Name, serial uint32) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[netip.AddrPort]bool{}
	for _, c := range l.got[zone][serial] {
		seen[c.from] = true
	}
	return len(seen)
}

// oftenest tells what it heard most often, and of how many serials it heard.
func (l *listener) oftenest() (most int, what string, serials int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for zone, by := range l.got {
		for serial, calls := range by {
			serials++
			if len(calls) <= most {
				continue
			}
			most, what = len(calls), fmt.Sprintf("%s %d:", zone, serial)
			for _, c := range calls {
				what += fmt.Sprintf(" from port %d at %s", c.from.Port(), c.at.UTC().Format("15:04:05.000"))
			}
		}
	}
	return most, what, serials
}
