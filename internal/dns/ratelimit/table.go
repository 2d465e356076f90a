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
// at once. A network and its addresses stand in one line of the cache, found by a hash that nobody can guess. Where there is no place left,
// whoever was quiet for longest loses his, so that a flood of invented addresses does not make one forget those that are busy. Of a
// network that has more busy addresses than a line has places, some are forgotten, but so many reach the network's own bound.
type Table struct {
	sets             []set
	keys             [2]uint64
	network, address uint64 // nanoseconds between two answers
	fetched          place  // what Seek has read for no other reason; kept so that it is read
}

// NetworkFactor is how much more a network may have than one of its addresses.
const NetworkFactor = 8

// set is a cache line. It has room for a network and as many of its addresses, nearly, as may have their fill together. The two that
// were asked for last stand in front.
type set [8]place

// place is a tag, and in its lowest bits when the next answer is due, in nanoseconds of some clock. These come round after 18 minutes,
// which nobody notices: what is more than two seconds ahead is over.
type place uint64

const (
	timeBits = 40
	timeMask = 1<<timeBits - 1
	tagMask  = 1<<(64-timeBits) - 1
	second   = uint64(1e9)
)

// New makes a table of a number of places, rounded up, in which an address may have so many answers a second, at least one.
func New(perSecond float64, places int) *Table {
	n := 1 << bits.Len(uint(max(places/len(set{})-1, 0)))
	every := uint64(float64(second) / max(perSecond, 1))
	return &Table{
		sets: make([]set, n), keys: [2]uint64{rand.Uint64() | 1, rand.Uint64() | 1},
		network: every / NetworkFactor, address: every,
	}
}

// Source is where an address is counted in the table that gave it.
type Source struct{ set, network, address uint32 } // a line, and tags therein

// Seek finds where an address is counted, and has that fetched: whoever has something else to do meanwhile does not wait for memory.
// Addresses of IPv4 in IPv6 must come as IPv4.
func (t *Table) Seek(a netip.Addr) Source {
	network, host := parts(a)
	high, low := bits.Mul64(network^t.keys[0], t.keys[1])
	h := (high ^ low) * t.keys[0]
	at, tag := uint32(h)&uint32(len(t.sets)-1), uint32(h>>timeBits)
	t.fetched = t.sets[at][0]
	// Addresses are told apart from their network and from one another by what they are, those of different networks by the hash.
	return Source{at, tag, (tag + 1 + uint32(host)) & tagMask}
}

// Allow says whether a source may have one more answer now, and counts it if so. now is in nanoseconds; a clock that is set back by more than
// a second begins anew.
func (t *Table) Allow(src Source, now int64) bool {
	s, at := &t.sets[src.set&uint32(len(t.sets)-1)], uint64(now)
	if s[0].tag() != src.network {
		s.bring(0, src.network, at)
	}
	if s[1].tag() != src.address {
		s.bring(1, src.address, at)
	}
	network, address := s[0].ahead(at)+t.network, s[1].ahead(at)+t.address
	if max(network, address) > second {
		return false
	}
	s[0], s[1] = placeOf(src.network, at+network), placeOf(src.address, at+address)
	return true
}

func placeOf(tag uint32, due uint64) place { return place(uint64(tag)<<timeBits | due&timeMask) }

func (p place) tag() uint32 { return uint32(p >> timeBits) }

// ahead is how long the next answer is to wait for.
func (p place) ahead(now uint64) uint64 {
	if d := (uint64(p) - now) & timeMask; d <= 2*second {
		return d
	}
	return 0
}

// parts are an address's network, and what it is therein, less than 1<<16: a /32 in a /24, and a /64, for hosts of IPv6 choose among the
// addresses of one, in a /48. Nobody who receives anything has an address of IPv6 that looks like one of IPv4 here.
func parts(a netip.Addr) (network, host uint64) {
	if a.Is4() {
		b := a.As4()
		n := uint64(binary.BigEndian.Uint32(b[:]))
		return n >> 8, n & 0xff
	}
	b := a.As16()
	n := binary.BigEndian.Uint64(b[:])
	return n >> 16, n & 0xffff
}

// bring puts what is counted under a tag to the front, behind so many others, or makes room for it there.
func (s *set) bring(front int, tag uint32, now uint64) {
	quiet, longest := front, uint64(0)
	for i := front; i < len(s); i++ {
		if s[i].tag() == tag {
			s[front], s[i] = s[i], s[front]
			return
		}
		// By how long ago it was that the next answer was due; what is due within a second is the busiest.
		if since := (now + second - uint64(s[i])) & timeMask; since >= longest {
			quiet, longest = i, since
		}
	}
	s[quiet] = s[front]
	s[front] = placeOf(tag, now)
}
