package ratelimit_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/ratelimit"
)

func allow(t *ratelimit.Table, a netip.Addr, now int64) bool {
	return t.Allow(t.Seek(a), now)
}

func flood(t *ratelimit.Table, from func(i int) netip.Addr, perSecond int, from0, to time.Duration) (allowed int) {
	step := time.Second / time.Duration(perSecond)
	for i, at := 0, from0; at < to; i, at = i+1, at+step {
		if allow(t, from(i), int64(at)) {
			allowed++
		}
	}
	return allowed
}

func always(s string) func(int) netip.Addr {
	a := netip.MustParseAddr(s)
	return func(int) netip.Addr { return a }
}

// in gives every address of a network in turn.
func in(s string) func(int) netip.Addr {
	p := netip.MustParsePrefix(s)
	return func(i int) netip.Addr {
		b := p.Addr().AsSlice()
		host := len(b) - 1
		if p.Addr().Is6() {
			host = p.Bits()/8 + 1 // networks of hosts
		}
		b[host] = byte(i)
		a, _ := netip.AddrFromSlice(b)
		return a
	}
}

// TestRates floods tables from one address, one network and many, and counts what is let through.
func TestRates(t *testing.T) {
	t.Parallel()
	const limit = 20
	for _, tt := range []struct {
		name      string
		from      func(int) netip.Addr
		perSecond int
		low, high int // in ten seconds
	}{
		{"below the limit", always("192.0.2.1"), 15, 150, 151},
		{"one address", always("192.0.2.1"), 5000, 210, 225},
		{"one IPv6 address", always("2001:db8::1"), 5000, 210, 225},
		{"a host's addresses", in("2001:db8::/112"), 5000, 210, 225},
		{"a network", in("192.0.2.0/24"), 20000, 8 * 215, 8 * 222},
		{"an IPv6 network", in("2001:db8:1::/48"), 20000, 8 * 215, 8 * 222},
	} {
		table := ratelimit.New(limit, 1<<12)
		if got := flood(table, tt.from, tt.perSecond, 0, 10*time.Second); got < tt.low || got > tt.high {
			t.Errorf("%s: %d answers in ten seconds", tt.name, got)
		}
	}
}

// TestClocks: whoever was quiet begins anew, and a clock that is set back locks nobody out.
func TestClocks(t *testing.T) {
	t.Parallel()
	table, a := ratelimit.New(10, 64), always("192.0.2.1")
	if n := flood(table, a, 1000, time.Hour, time.Hour+time.Second); n < 18 || n > 21 {
		t.Errorf("%d at first", n)
	}
	if n := flood(table, a, 1000, time.Hour+3*time.Second, time.Hour+3*time.Second+10*time.Millisecond); n != 10 {
		t.Errorf("%d after a pause", n)
	}
	if n := flood(table, a, 1000, time.Minute, time.Minute+10*time.Millisecond); n != 10 {
		t.Errorf("%d after the clock was set back", n)
	}
}

// TestInventedAddresses: a flood of addresses that are there once each does not make the table forget a busy one, and hardly
// keeps out others.
func TestInventedAddresses(t *testing.T) {
	t.Parallel()
	table, r := ratelimit.New(20, 1<<10), rand.New(rand.NewPCG(1, 2))
	victim, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.7")
	var got, others int
	for i := range 500_000 {
		now := int64(i) * int64(20*time.Microsecond) // ten seconds
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], r.Uint32())
		allow(table, netip.AddrFrom4(b), now)
		if i%10 == 0 && allow(table, victim, now) {
			got++
		}
		if i%50_000 == 0 && allow(table, other, now) {
			others++
		}
	}
	if got > 400 || others < 9 {
		t.Errorf("%d answers to the victim, %d of 10 to another", got, others)
	}
}

// exact counts as the table does, and forgets nobody.
type exact map[netip.Prefix]int64

func (e exact) allow(a netip.Addr, now int64, perSecond int) bool {
	hostBits, netBits := 32, 24
	if a.Is6() {
		hostBits, netBits = 64, 48
	}
	every := int64(time.Second) / int64(perSecond)
	cost := map[netip.Prefix]int64{netip.PrefixFrom(a, hostBits).Masked(): every, netip.PrefixFrom(a, netBits).Masked(): every / ratelimit.NetworkFactor}
	for p, c := range cost {
		if e[p] = max(e[p], now); e[p]-now+c > int64(time.Second) {
			return false
		}
	}
	for p, c := range cost {
		e[p] += c
	}
	return true
}

// TestExact: as long as no line of the table is full, each address has what a table without bounds would let it have, also while
// the time that a place has room for comes round.
func TestExact(t *testing.T) {
	t.Parallel()
	const limit = 20
	r := rand.New(rand.NewPCG(3, 4))
	var from []netip.Addr
	for _, s := range []string{"192.0.2.0", "192.0.3.0", "198.51.100.0", "2001:db8:1::", "2001:db8:2::"} {
		for host := range byte(3) { // two networks fit in a line
			b := netip.MustParseAddr(s).AsSlice()
			if len(b) == 4 {
				b[3] = host
			} else {
				b[7], b[15] = host, byte(r.Uint32()) // a host has many addresses
			}
			a, _ := netip.AddrFromSlice(b)
			from = append(from, a)
		}
	}
	table, model := ratelimit.New(limit, 1<<16), exact{}
	now := int64(1)<<60 - int64(20*time.Second)
	for i := range 400_000 {
		now += int64(r.IntN(int(200 * time.Microsecond)))
		a := from[r.IntN(1+i/1000%len(from))]
		if got, want := allow(table, a, now), model.allow(a, now, limit); got != want {
			t.Fatalf("%v, %v after the start: %v, want %v", a, time.Duration(now-1<<60+int64(20*time.Second)), got, want)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	table, a, now := ratelimit.New(20, 1<<10), netip.MustParseAddr("2001:db8::1"), int64(0)
	if n := testing.AllocsPerRun(1000, func() { now += 1e6; allow(table, a, now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAllow(b *testing.B) {
	table, a := ratelimit.New(1e9, 1<<16), netip.MustParseAddr("192.0.2.1")
	for i := range b.N {
		allow(table, a, int64(i))
	}
}
