package parent

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Answer is what the parent of a zone was seen to say of it.
type Answer struct {
	Zone, Parent wire.Name
	Seen         []Seen // one for each address, in order of servers and addresses
}

// Seen is what one address says.
type Seen struct {
	Server wire.Name   // the name server's name; empty for this server's own version of the parent
	Addr   netip.Addr  // invalid where the name has none that could be found
	DS     [][]byte    // the data of the DS RRset, in canonical order; empty where there is none
	TTL    uint32      // of the RRset, in seconds
	NS     []wire.Name // the targets of the NS RRset, where that was asked for, in order; empty where the parent does not delegate the zone
	Error  string      // why it says nothing; then DS and TTL mean nothing
	// Skipped says that nobody's answer hangs on this address: its name has no address at all, or this machine has no way to
	// its family and the same server has answered at another. It is no reason to know less.
	Skipped bool
}

// Presence tells where a key's DS record is.
type Presence uint8

// The presences. Unknown is nowhere seen, while some address has not answered.
const (
	Unknown Presence = iota
	Nowhere
	Somewhere
	Everywhere
)

// String is the presence as the API writes it.
func (p Presence) String() string {
	return [...]string{"unknown", "nowhere", "somewhere", "everywhere"}[p]
}

// Complete says whether every address has answered that matters, and at least one.
func (a *Answer) Complete() bool {
	answered := false
	for i := range a.Seen {
		switch s := &a.Seen[i]; {
		case s.Error == "":
			answered = true
		case !s.Skipped:
			return false
		}
	}
	return answered
}

// Agree says whether all addresses have answered, and all the same.
func (a *Answer) Agree() bool {
	var first *Seen
	for i := range a.Seen {
		s := &a.Seen[i]
		if s.Error != "" {
			continue
		}
		if first == nil {
			first = s
		}
		if !slices.EqualFunc(s.DS, first.DS, bytes.Equal) {
			return false
		}
	}
	return a.Complete()
}

// Key tells where a DS record of the key is, by whichever digest.
func (a *Answer) Key(k *dnssec.DNSKEY) Presence {
	return a.presence(func(ds []byte) bool { return k.Names(a.Zone, ds) })
}

// Any tells where any DS record is: while it is nowhere, nobody takes the zone for signed.
func (a *Answer) Any() Presence { return a.presence(func([]byte) bool { return true }) }

func (a *Answer) presence(is func(ds []byte) bool) Presence {
	with, without := false, false
	for i := range a.Seen {
		if a.Seen[i].Error != "" {
			continue
		}
		if slices.ContainsFunc(a.Seen[i].DS, is) {
			with = true
		} else {
			without = true
		}
	}
	switch whole := a.Complete(); {
	case with && !without && whole:
		return Everywhere
	case with:
		return Somewhere
	case whole:
		return Nowhere
	}
	return Unknown
}

// TTL is the longest with which a DS RRset was seen: so long a resolver may go on with what it holds.
func (a *Answer) TTL() time.Duration {
	longest := uint32(0)
	for i := range a.Seen {
		if a.Seen[i].Error == "" {
			longest = max(longest, a.Seen[i].TTL)
		}
	}
	return time.Duration(longest) * time.Second
}

// Pace is how long to wait before the next look after so many: one comes at once, the next ones soon, for somebody may sit
// before it and wait, and then one an hour.
func Pace(looks int) time.Duration {
	switch looks {
	case 0:
		return 0
	case 1:
		return time.Minute
	case 2:
		return 5 * time.Minute
	case 3:
		return 15 * time.Minute
	}
	return time.Hour
}
