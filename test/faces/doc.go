// Package faces shows the two faces of zones on real sockets: what we answer and what we transfer, held against golden
// files, and against what BIND, NSD, Knot and PowerDNS answer and hold. Targets of flattened CNAMEs come from a scripted
// resolver.
package faces
