package dnssec

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

const (
	hour = 3600
	day  = 24 * hour

	// early is how long before now a signature begins: clocks of validators are behind.
	early = hour
	// reserve is what a signature has left beyond what secondaries and caches need, for an outage of ours.
	reserve = day
	// window is the time between the renewals of a signature.
	window = 12 * day
	// lot is about how many names are renewed together.
	lot = 64
)

// Timing says from when to when signatures are good. It is a function of the clock's hour: who signs the same within an hour
// makes the same octets.
//
// A signature that is handed out must outlive the time for which a secondary that hears nothing from us goes on answering
// (the SOA's expire), and after that the time for which a resolver keeps what it was given last (the TTL). So it is renewed
// while it has more than that left, and nobody can set it otherwise (RFC 6781 section 4.4.2).
type Timing struct {
	Inception  uint32 // of new signatures, in seconds since 1970, modulo 2^32
	Expiration uint32 // of new signatures
	Renew      uint32 // a signature that ends before this is to be renewed
	Now        uint32 // a signature that begins after this is, too: the clock that it was made by was ahead
	Spread     uint32 // over how many seconds the signatures of a zone that is signed as a whole end, up to Expiration
}

// TimingOf derives the times from the zone's SOA expire and the longest TTL in it, in seconds.
func TimingOf(now time.Time, expire, longest uint32) Timing {
	h := uint32(now.Unix()) / hour * hour
	margin := expire + longest + reserve
	return Timing{
		Inception: h - early, Expiration: h + margin + window, Renew: uint32(now.Unix()) + margin, Now: uint32(now.Unix()), Spread: window - day,
	}
}

// Due says whether a signature is to be renewed.
func (t Timing) Due(s RRSIG) bool { return int32(s.Expiration()-t.Renew) < 0 || s.Early(t.Now) }

// Early says that a signature begins after a time: who looks at it then finds it not valid yet.
// One that is not there does not.
func (r RRSIG) Early(now uint32) bool { return r != nil && int32(r.Inception()-now) > 0 }

// spread is the expiration of the signatures of the i-th of n names, where a zone is signed as a whole. Neighbours end
// together, so that a renewal touches few pages, and the zone as a whole ends over the window less a day, so that renewals are
// small and never come all at once. The zone's name shifts it: many small zones do not end together either.
func (t Timing) spread(zone wire.Name, i, n int) uint32 {
	hours := int(t.Spread / hour)
	if hours == 0 {
		return t.Expiration
	}
	lots := min(max(1, n/lot), hours)
	sum := sha256.Sum256([]byte(zone))
	shift := int(binary.BigEndian.Uint32(sum[:])) % (hours / lots)
	return t.Expiration - uint32((lots-1-i*lots/max(n, 1))*(hours/lots)+shift)*hour
}
