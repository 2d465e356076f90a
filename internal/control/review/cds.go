package review

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

const cdsText = "A CDS or CDNSKEY record at the apex matches no DNSKEY record there, or stands beside one that asks for deletion " +
	"(RFC 7344 section 4.1, RFC 8078 section 4). BIND refuses such a zone as a file."

// keys holds what the apex has of them.
type keys struct{ dnskey, cds, cdnskey [][]byte }

func (k *keys) learn(t wire.Type, data []byte) {
	at := map[wire.Type]*[][]byte{wire.TypeDNSKEY: &k.dnskey, wire.TypeCDS: &k.cds, wire.TypeCDNSKEY: &k.cdnskey}[t]
	if at != nil {
		*at = append(*at, bytes.Clone(data))
	}
}

// children tells of CDS and CDNSKEY records that match no key.
func (l *loader) children() {
	k := &l.keys
	tell := func(t wire.Type) { l.add(model.ReasonRefused, model.SeverityCritical, t, cdsText) }
	if !matches(k.cdnskey, dnssec.DeleteCDNSKEY(), k.dnskey, func(c, key []byte) bool { return bytes.Equal(c, key) }) {
		tell(wire.TypeCDNSKEY)
	}
	if !matches(k.cds, dnssec.DeleteCDS(), k.dnskey, func(c, key []byte) bool { return bytes.Equal(c, digest(l.apex, key, c)) }) {
		tell(wire.TypeCDS)
	}
	l.keys = keys{}
}

// matches says whether each record has its key, or whether the only one is a deletion.
func matches(records [][]byte, deletion []byte, dnskey [][]byte, same func(record, key []byte) bool) bool {
	if len(records) == 1 && bytes.Equal(records[0], deletion) {
		return true
	}
	for _, r := range records {
		found := false
		for _, key := range dnskey {
			found = found || same(r, key)
		}
		if !found {
			return false
		}
	}
	return true
}

// digest is the DS record of a key with the digest type that another has (RFC 4034 section 5.1.4, RFC 4509, RFC 6605); nil
// for types that nobody knows.
func digest(apex wire.Name, key, like []byte) []byte {
	text := append([]byte(apex), key...)
	var sum []byte
	switch like[3] {
	case 1:
		s := sha1.Sum(text)
		sum = s[:]
	case 2:
		s := sha256.Sum256(text)
		sum = s[:]
	case 4:
		s := sha512.Sum384(text)
		sum = s[:]
	default:
		return nil
	}
	return append(append(binary.BigEndian.AppendUint16(nil, dnssec.KeyTag(key)), key[3], like[3]), sum...)
}
