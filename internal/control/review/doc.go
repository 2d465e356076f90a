// Package review tells where secondaries will differ from our own answers, and what they will not load at all.
//
// It compares the two faces of a zone, the served one and the transferred one, and names the record behind each
// difference. What it says of other servers (loads.go) is what BIND 9.18, NSD 4.6, Knot 3.2 and PowerDNS 4.7 do as Debian
// ships them; test/peers shows each of these claims on the servers themselves.
//
// Start with Of. Strict accounts are held to Loads alone. The package knows neither tables nor JSON, and renders nothing.
package review
