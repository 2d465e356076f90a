// Package ratelimit counts what is sent to addresses, in a table of fixed size, and says when it is too much. The address that
// a datagram bears may be a victim's: whoever answers everything to it works for the attacker. The package knows addresses and a clock's
// values; it must not know what is sent, nor what becomes of what is too much.
package ratelimit

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"
)

// Table is for one thread: it takes no lock, and makes nothing after New.
//
// An address has a rate, and so has its network, which is where an attack on many addresses of one line would go round the
// former. Each is counted by the time at which it may have the next answer (the generic cell rate algorithm): a second's answers may come
// at once. Places are found by a hash that nobody can guess; where there is none left, whoever was quiet for longest loses his, so
// that a flood of invented addresses does not make one forget those that are busy.
type Table struct {
	sets     []set
	keys     [2]uint64
	interval [levels]int64 // nanoseconds between two answers
}

// levels are an address, and its network.
const levels = 2

// The networks that are counted, in bits: hosts of IPv6 choose among the addresses of a /64.
const (
	hostBits4, netBits4 = 32, 24
	hostBits6, netBits6 = 64, 48
)

// NetworkFactor is how much more a network may have than one of its addresses.
const NetworkFactor = 8

// set is a cache line.
type set [4]place

type place struct {
	tag  uint64 // 0: free
	next int64  // when the next answer is due, in nanoseconds of some clock
}

const second = 1e9

// New makes a table of a number of places, rounded up, in which an address may have so many answers a second, at least one.
func New(perSecond float64, places int) *Table {
	n := 1 << bits.Len(uint(max(places/len(set{})-1, 0)))
	every := int64(second / max(perSecond, 1))
	return &Table{
		sets: make([]set, n), keys: [2]uint64{rand.Uint64() | 1, rand.Uint64() | 1},
		interval: [levels]int64{every, every / NetworkFactor},
	}
}

// Allow says whether an address may have one more answer now, and counts it if so. Addresses of IPv4 in IPv6 must come as IPv4. now is
// in nanoseconds; a clock that is set back by more than a second begins anew.
func (t *Table) Allow(a netip.Addr, now int64) bool {
	var at [levels]*place
	for level, network := range networks(a) {
		p := t.place(t.hash(network, uint64(level)))
		if p.next < now || p.next > now+2*second {
			p.next = now
		}
		if p.next-now > second-t.interval[level] {
			return false
		}
		at[level] = p
	}
	for level, p := range at {
		p.next += t.interval[level]
	}
	return true
}

// networks are an address's, from the narrowest on. Nobody who receives anything has an address of IPv6 that looks like one of IPv4 here.
func networks(a netip.Addr) [levels]uint64 {
	if a.Is4() {
		b := a.As4()
		n := uint64(binary.BigEndian.Uint32(b[:]))
		return [levels]uint64{n >> (32 - hostBits4), n >> (32 - netBits4)}
	}
	b := a.As16()
	n := binary.BigEndian.Uint64(b[:])
	return [levels]uint64{n >> (64 - hostBits6), n >> (64 - netBits6)}
}

// hash is never 0.
func (t *Table) hash(network, level uint64) uint64 {
	high, low := bits.Mul64(network^t.keys[0], t.keys[1]+level<<1)
	high2, low2 := bits.Mul64(high^low^t.keys[1], t.keys[0])
	return high2 ^ low2 | 1
}

// place finds what is counted under a tag, or makes room for it.
func (t *Table) place(tag uint64) *place {
	s := &t.sets[tag>>1&uint64(len(t.sets)-1)]
	quiet := &s[0]
	for i := range s {
		p := &s[i]
		if p.tag == tag {
			return p
		}
		if p.next < quiet.next {
			quiet = p
		}
	}
	*quiet = place{tag: tag}
	return quiet
}
