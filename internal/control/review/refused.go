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
	keylessText = "An IPSECKEY record has no key. BIND refuses the whole zone."
	noKeyText   = "A KEY record says that there is no key. PowerDNS keeps it in a form that it cannot read: it does not answer " +
		"for the name and cannot hand the zone on."
	alpnText = "An ALPN name has octets that are not plain ASCII. PowerDNS keeps the record in a form that it cannot read: it does " +
		"not answer for the name and cannot hand the zone on."
	prefixText    = "An APL record has bits behind the end of a prefix. PowerDNS clears them, and answers with another record than the others."
	algorithmText = "An IPSECKEY record has an algorithm above 2. PowerDNS refuses the zone and every change of it."
)

// refused tells which of BIND, NSD, Knot and PowerDNS does not take a record that no rule forbids, or not as it is; empty for none. test/rules
// holds them against records of every type.
func refused(owner wire.Name, t wire.Type, data []byte) string {
	switch {
	case (t == wire.TypeHTTPS || t == wire.TypeSVCB) && len(data) > 2:
		return refusedService(data)
	case t == wire.TypeNS && owner.IsWildcard():
		return wildcardText
	case t == wire.TypeKEY && len(data) == 4:
		return noKeyText
	case t == wire.TypeAPL && bitsBehind(data):
		return prefixText
	case t == typeIPSECKEY && len(data) > 2 && data[2] == 0:
		return keylessText
	case t == typeIPSECKEY && len(data) > 2 && data[2] > 2:
		return algorithmText
	}
	return ""
}

// bitsBehind says whether an address of APL data has bits that its prefix leaves out. RFC 3123 has no word on them.
func bitsBehind(data []byte) bool {
	for len(data) >= 4 {
		bits, n := int(data[2]), int(data[3]&0x7f)
		if len(data) < 4+n {
			return false
		}
		for i, octet := range data[4 : 4+n] {
			if kept := min(max(bits-8*i, 0), 8); octet<<kept != 0 {
				return true
			}
		}
		data = data[4+n:]
	}
	return false
}

// refusedService looks at SVCB and HTTPS.
func refusedService(data []byte) string {
	alias := binary.BigEndian.Uint16(data) == 0
	params := behindName(data[2:])
	if alias && len(params) > 0 {
		return aliasText
	}
	const keyALPN, head = 1, 4
	for len(params) >= head {
		key, n := binary.BigEndian.Uint16(params), int(binary.BigEndian.Uint16(params[2:]))
		if len(params) < head+n {
			return ""
		}
		if key == keyALPN && !plain(params[head:head+n]) {
			return alpnText
		}
		params = params[head+n:]
	}
	return ""
}

// plain says whether the names of an ALPN list are of visible ASCII that no text form needs to escape.
func plain(list []byte) bool {
	for len(list) > 0 && 1+int(list[0]) <= len(list) {
		for _, c := range list[1 : 1+int(list[0])] {
			if c <= ' ' || c >= 0x7f || c == ',' || c == '\\' || c == '"' {
				return false
			}
		}
		list = list[1+int(list[0]):]
	}
	return true
}

// behindName is what follows a name.
func behindName(data []byte) []byte {
	for i := 0; i < len(data); i += 1 + int(data[i]) {
		if data[i] == 0 {
			return data[i+1:]
		}
	}
	return nil
}
