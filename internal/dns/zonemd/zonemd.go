// Package zonemd makes the digest of a zone's version (RFC 8976), by which whoever has the zone sees that it is whole and as it was sent.
//
// It knows versions and their records, and how a digest is made of them. It must not know who wants one, when, or how it is signed.
package zonemd

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"hash"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
)

// Size is how many octets the digest has.
const Size = sha512.Size384

// The one scheme there is, and the algorithm that all must know (RFC 8976 sections 2.2.2 and 2.2.3).
const (
	schemeSimple = 1
	sha384       = 1
)

// dataHead is what stands before the digest in the record's data: serial, scheme, algorithm.
const dataHead = 6

// RData is a record's data with a digest; without one it holds a place for it.
func RData(serial uint32, digest []byte) []byte {
	out := binary.BigEndian.AppendUint32(make([]byte, 0, dataHead+Size), serial)
	out = append(out, schemeSimple, sha384)
	return append(out, digest...)[:dataHead+Size]
}

// OfRData gives serial and digest of a record's data that is one of ours.
func OfRData(data []byte) (serial uint32, digest []byte, ok bool) {
	if len(data) != dataHead+Size || data[4] != schemeSimple || data[5] != sha384 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(data), data[dataHead:], true
}

// feedSize is how much is gathered before it is hashed.
const feedSize = 32 << 10

// feeder hashes records in their canonical form.
type feeder struct {
	apex wire.Name
	hash hash.Hash
	buf  []byte
}

// Digest is the SHA-384 digest of all of a version's records in canonical order, but for the digest itself and its signatures (RFC
// 8976 section 3). It reads the whole version: some milliseconds for each of its megabytes.
func Digest(v *zone.Version) []byte {
	f := feeder{apex: v.Apex(), hash: sha512.New384(), buf: make([]byte, 0, feedSize+2<<16)}
	own, chain := v.Walkers()
	// The chain of NSEC3 stands apart, and is a part of the order here.
	ownGoes, chainGoes := own.Next(), chain != nil && chain.Next()
	for ownGoes || chainGoes {
		if !chainGoes || ownGoes && before(own, chain, f.apex) {
			f.add(own)
			ownGoes = own.Next()
			continue
		}
		f.add(chain)
		chainGoes = chain.Next()
	}
	f.hash.Write(f.buf)
	return f.hash.Sum(nil)
}

// before says whether a's record comes before b's.
func before(a, b *zone.Walker, apex wire.Name) bool {
	if c := bytes.Compare(a.Key, b.Key); c != 0 {
		return c < 0
	}
	if a.Type != b.Type {
		return a.Type < b.Type
	}
	return bytes.Compare(a.AppendRData(nil, apex), b.AppendRData(nil, apex)) < 0
}

// add feeds a record, unless it is left out.
func (f *feeder) add(w *zone.Walker) {
	if w.Type == zone.TypeMark || len(w.Key) == 0 && (w.Type == wire.TypeZONEMD || w.Type == wire.TypeRRSIG && covers(w.RData) == wire.TypeZONEMD) {
		return
	}
	b := page.AppendName(f.buf, w.Key, f.apex)
	b = binary.BigEndian.AppendUint16(b, uint16(w.Type))
	b = binary.BigEndian.AppendUint16(b, uint16(wire.ClassIN))
	b = binary.BigEndian.AppendUint32(b, w.TTL)
	at := len(b)
	b = w.AppendRData(append(b, 0, 0), f.apex)
	binary.BigEndian.PutUint16(b[at:], uint16(len(b)-at-2))
	if f.buf = b; len(b) >= feedSize {
		f.hash.Write(b)
		f.buf = b[:0]
	}
}

// covers is the type that a signature is of.
func covers(rrsig []byte) wire.Type { return wire.Type(binary.BigEndian.Uint16(rrsig)) }
