// Package keeper looks after signed zones: it has signatures renewed before they end, and keys brought one step further when what
// they wait for has come to pass. It knows which zones have keys, when something is due at each of them, and whom to ask for facts:
// the zone's servers and its parent. What is to be done it leaves to a change, which finds nothing to do where somebody else was
// faster. It must not know keys, signatures, tables, or how a change is made.
//
// Run is one loop over an agenda of zones (run.go); a visit gathers facts, asks for the change, and comes back with the time of
// the next one (visit.go).
package keeper
