// Package catalog keeps catalog zones (RFC 9432): a zone for a peer that lists the zones which are transferred to it, so that the peer
// configures itself. It knows what a catalog says, what it should say by the links of the moment, and when a loss is too large to be
// believed. What is to be written it leaves to an ordinary change, which finds nothing to do where somebody else was faster. It must
// not know tables, how a change is made, how zones are transferred, or who asks for what.
//
// What there is to say is made from versions and links in memory alone, each time anew (members.go, diff.go); Run is one loop over
// the catalogs of this node (keeper.go).
package catalog
