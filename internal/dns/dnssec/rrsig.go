package dnssec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// ErrRRSIG is the error of signatures in a version that are none.
var ErrRRSIG = errors.New("malformed RRSIG record")

// The data of an RRSIG record (RFC 4034 section 3.1):
//
//	type covered u16, algorithm u8, labels u8, original ttl u32, expiration u32, inception u32, key tag u16 | signer's name | signature
const rrsigFixed = 18

// RRSIG is a view of the fixed members of an RRSIG record.
type RRSIG []byte

// ParseRRSIG views the data of a record that has all the members.
func ParseRRSIG(rdata []byte) (RRSIG, error) {
	if len(rdata) < rrsigFixed+2 {
		return nil, ErrRRSIG
	}
	return RRSIG(rdata), nil
}

// Covers is the type of the RRset that is signed.
func (r RRSIG) Covers() wire.Type { return wire.Type(binary.BigEndian.Uint16(r)) }

// Algorithm is the algorithm of the key.
func (r RRSIG) Algorithm() Algorithm { return Algorithm(r[2]) }

// TTL is the original TTL: that of the RRset and of the record itself (RFC 4034 section 3).
func (r RRSIG) TTL() uint32 { return binary.BigEndian.Uint32(r[4:]) }

// Expiration is when the signature ends, in seconds since 1970 modulo 2^32 (RFC 4034 section 3.1.5).
func (r RRSIG) Expiration() uint32 { return binary.BigEndian.Uint32(r[8:]) }

// Inception is when it begins, likewise.
func (r RRSIG) Inception() uint32 { return binary.BigEndian.Uint32(r[12:]) }

// Tag is the tag of the key.
func (r RRSIG) Tag() uint16 { return binary.BigEndian.Uint16(r[16:]) }

// by says that the signature is of a key.
func (r RRSIG) by(k *Key) bool { return r.Tag() == k.tag && r.Algorithm() == k.Algorithm }

// appendSigned appends what is signed for a set (RFC 4034 section 3.1.8.1): the RRSIG's members and the records in canonical
// form and order. Names in the data fold as section 6.2 says, whatever the set holds, because validators do so.
func appendSigned(dst, head []byte, s *rr.Set) ([]byte, error) {
	dst = append(dst, head...)
	if len(s.Data) == 1 { // as most have
		dst = wire.AppendRR(dst, s.Owner, s.Type, wire.ClassIN, s.TTL, s.Data[0])
		return dst, fold(s, dst[len(dst)-len(s.Data[0]):])
	}
	folded := make([][]byte, len(s.Data))
	for i, d := range s.Data {
		folded[i] = bytes.Clone(d)
		if err := fold(s, folded[i]); err != nil {
			return dst, err
		}
	}
	slices.SortFunc(folded, rr.Compare)
	folded = slices.CompactFunc(folded, bytes.Equal)
	for _, d := range folded {
		dst = wire.AppendRR(dst, s.Owner, s.Type, wire.ClassIN, s.TTL, d)
	}
	return dst, nil
}

// fold brings data of a set into canonical form, in place.
func fold(s *rr.Set, data []byte) error {
	if err := wire.Canonical(s.Type, data); err != nil {
		return fmt.Errorf("sign %s %s: %w", s.Owner, s.Type, err)
	}
	return nil
}

// signSet gives the data of the RRSIG record of a set by one key. Where a batch is given it is complete when that has signed. room is
// for the text that is signed, and is given back.
func signSet(zone wire.Name, s *rr.Set, k *Key, inception, expiration uint32, later *batch, room []byte) (sig, text []byte, err error) {
	labels := s.Owner.CountLabels()
	if s.Owner.IsWildcard() {
		labels-- // RFC 4034 section 3.1.3
	}
	sig = make([]byte, 0, rrsigFixed+len(zone)+k.size())
	sig = binary.BigEndian.AppendUint16(sig, uint16(s.Type))
	sig = append(sig, byte(k.Algorithm), byte(labels))
	sig = binary.BigEndian.AppendUint32(sig, s.TTL)
	sig = binary.BigEndian.AppendUint32(sig, expiration)
	sig = binary.BigEndian.AppendUint32(sig, inception)
	sig = binary.BigEndian.AppendUint16(sig, k.tag)
	sig = append(sig, zone...)
	if text, err = appendSigned(room[:0], sig, s); err != nil {
		return nil, text, err
	}
	if later == nil || !k.batches {
		sig, err = k.sign(sig, text)
		return sig, text, err
	}
	head := len(sig)
	sig = sig[:head+k.size()]
	later.add(k, text, sig[head:])
	return sig, text, nil
}
