package review

import (
	"encoding/binary"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

const typeIPSECKEY wire.Type = 45

// Texts of what is allowed by its standard, and stops a secondary all the same.
const (
	wildcardText = "NS records stand at a wildcard, which RFC 4592 section 4.2 leaves undefined. BIND refuses the whole zone."
	aliasText    = "A record in AliasMode has parameters, which RFC 9460 section 2.4.2 advises against. PowerDNS misreads what follows, " +
		"refuses the zone and every change of it, and waits ten seconds each time, in which it takes no other zone."
	keylessText   = "An IPSECKEY record has no key. BIND refuses the whole zone."
	algorithmText = "An IPSECKEY record has an algorithm above 2. PowerDNS refuses the zone and every change of it."
)

// refused tells which of BIND, NSD, Knot and PowerDNS does not take a record that no rule forbids; empty for none. test/rules
// holds them against records of every type.
func refused(owner wire.Name, t wire.Type, data []byte) string {
	switch {
	case t == wire.TypeNS && owner.IsWildcard():
		return wildcardText
	case (t == wire.TypeHTTPS || t == wire.TypeSVCB) && len(data) > 2 && binary.BigEndian.Uint16(data) == 0 && parameters(data[2:]):
		return aliasText
	case t == typeIPSECKEY && len(data) > 2 && data[2] == 0:
		return keylessText
	case t == typeIPSECKEY && len(data) > 2 && data[2] > 2:
		return algorithmText
	}
	return ""
}

// parameters says whether something follows a name.
func parameters(data []byte) bool {
	for i := 0; i < len(data); i += 1 + int(data[i]) {
		if data[i] == 0 {
			return i+1 < len(data)
		}
	}
	return false
}
