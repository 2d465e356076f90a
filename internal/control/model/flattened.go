package model

import "net/netip"

// FlattenState tells how much a look-up of a flattened CNAME's target is worth.
type FlattenState uint8

// The states of a target. Unknown is one that nobody has asked for yet; Failed is one whose last good answer, if any, is
// too old to be served.
const (
	FlattenUnknown FlattenState = iota
	FlattenKnown
	FlattenFailed
)

// Flattened is what is known of a target: its addresses, empty for a target that has none, and the TTL, in seconds, to
// answer them with. A Failed target still tells its last addresses, for secondaries to go on with.
type Flattened struct {
	State FlattenState
	Addrs []netip.Addr
	TTL   uint32
}
