package wire

import "encoding/binary"

// SigFixed is how many octets of a signature's rdata stand in front of its signer's name (RFC 4034 section 3.1): type
// covered, algorithm, labels, original TTL, expiration, inception, key tag.
const SigFixed = 18

// SigCovers is the type of the RRset that a signature covers. This and SigExpires want rdata of the shape of its type.
func SigCovers(rdata []byte) Type { return Type(binary.BigEndian.Uint16(rdata)) }

// SigExpires is a signature's expiration, in seconds since 1970.
func SigExpires(rdata []byte) uint32 { return binary.BigEndian.Uint32(rdata[8:]) }

// IsDNSSEC says whether a type is one of those that a signer adds: signatures and the chains of denial. Keys are data of
// the zone's, and none of them.
func (t Type) IsDNSSEC() bool {
	return t == TypeRRSIG || t == TypeNSEC || t == TypeNSEC3 || t == TypeNSEC3PARAM
}
