package dnssec

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Digest is the kind of digest in a DS record.
type Digest uint8

// The digests that are made here; SHA-1 is for nobody any more (RFC 9905).
const (
	SHA256 Digest = 2 // RFC 4509
	SHA384 Digest = 4 // RFC 6605
)

// DS is the data of the DS record that the parent of zone needs for the key (RFC 4034 section 5.1.4), which is that of a CDS
// record as well (RFC 7344 section 3.1); nil for another digest.
func (k *DNSKEY) DS(zone wire.Name, d Digest) []byte {
	text := append([]byte(zone), k.RData()...)
	out := append(binary.BigEndian.AppendUint16(nil, k.Tag()), byte(k.Algorithm), byte(d))
	switch d {
	case SHA256:
		sum := sha256.Sum256(text)
		return append(out, sum[:]...)
	case SHA384:
		sum := sha512.Sum384(text)
		return append(out, sum[:]...)
	}
	return nil
}

// Names says whether the data of a DS record names the key, by whichever digest. Digests that are not known name nobody.
func (k *DNSKEY) Names(zone wire.Name, ds []byte) bool {
	return len(ds) > 4 && bytes.Equal(ds, k.DS(zone, Digest(ds[3])))
}

// DeleteCDS is the data of the CDS record that asks the parent to delete all DS records (RFC 8078 section 4).
func DeleteCDS() []byte { return []byte{0, 0, 0, 0, 0} }

// DeleteCDNSKEY is the data of the CDNSKEY record that does.
func DeleteCDNSKEY() []byte { return []byte{0, 0, protocol, 0, 0} }
