package model

import (
	"net/netip"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// FlattenState tells how much a look-up of a flattened CNAME's target is worth.
type FlattenState uint8

// The states of a target. Unknown is one that nobody has an answer for since the start; Failed is one whose last good
// answer, if any, is too old to be served.
const (
	FlattenUnknown FlattenState = iota
	FlattenKnown
	FlattenFailed
)

// FlattenTarget is a CNAME's target as an account sees it: only the account's own zones are looked into, all other names are
// the resolver's.
type FlattenTarget struct {
	Account ID
	Name    wire.Name
}

// Flattened is what is known of a target. Addrs is what to answer now with TTL, in seconds; empty for a target that has
// no address. Held is what secondaries get with HeldTTL: it follows Addrs damped, its TTL moves only with the addresses,
// and it outlives a failure, because secondaries cannot be told of one. HeldState is State, damped alike.
type Flattened struct {
	State     FlattenState
	Addrs     []netip.Addr
	TTL       uint32
	HeldState FlattenState
	Held      []netip.Addr
	HeldTTL   uint32
}
