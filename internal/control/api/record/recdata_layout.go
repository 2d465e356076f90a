package record

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// kind is how a field of a data type is written in content, in data and on the wire.
type kind uint8

const (
	kindByte   kind = iota // a number of 8 bits
	kindNumber             // a number of 16 bits
	kindHex                // the rest, in hexadecimal digits, kept as sent
	kindBase64             // the rest, in base64
	kindHost               // a name, without its final dot in answers
	kindTarget             // a name that keeps its dot as sent
	kindString             // a character-string: quoted in content
	kindTail               // octets to the end: quoted in content
	kindTag                // letters and digits with a length before them (RFC 8659 section 4.1)
	kindParams             // SVCB parameters: the rest, as sent (RFC 9460 section 2.1)
)

// field is one member of a data type.
type field struct {
	member string
	kind   kind
	// preset stands in for an absent member where optional; some clients leave out what is zero or empty.
	preset   string
	optional bool
	numbers  map[string]uint64 // mnemonics, taken in content
}

// layout is the fields of a data type in the order of content. A priority goes before them on the wire but is a member
// of the record, beside content, not in it.
type layout struct {
	fields   []field
	priority bool
	// mirrored says that data has the priority, too.
	mirrored bool
	// leads says that content in answers begins with the priority.
	leads bool
}

// layouts is the table of contract section 5.3, LOC apart.
//
//nolint:gochecknoglobals // a table
var layouts = map[wire.Type]*layout{
	wire.TypeCAA: {fields: []field{
		{member: "flags", kind: kindByte, optional: true, preset: "0"},
		{member: "tag", kind: kindTag},
		{member: "value", kind: kindTail, optional: true},
	}},
	wire.TypeCERT: {fields: []field{
		{member: "type", kind: kindNumber, numbers: certTypes},
		{member: "key_tag", kind: kindNumber},
		{member: "algorithm", kind: kindByte, numbers: keyAlgorithms},
		{member: "certificate", kind: kindBase64},
	}},
	wire.TypeDNSKEY: {fields: []field{
		{member: "flags", kind: kindNumber},
		{member: "protocol", kind: kindByte},
		{member: "algorithm", kind: kindByte, numbers: keyAlgorithms},
		{member: "public_key", kind: kindBase64},
	}},
	wire.TypeDS: {fields: []field{
		{member: "key_tag", kind: kindNumber},
		{member: "algorithm", kind: kindByte, numbers: keyAlgorithms},
		{member: "digest_type", kind: kindByte},
		{member: "digest", kind: kindHex},
	}},
	wire.TypeHTTPS: serviceLayout,
	wire.TypeSVCB:  serviceLayout,
	wire.TypeNAPTR: {fields: []field{
		{member: "order", kind: kindNumber},
		{member: "preference", kind: kindNumber},
		{member: "flags", kind: kindString, optional: true},
		{member: "service", kind: kindString, optional: true},
		{member: "regex", kind: kindString, optional: true},
		{member: "replacement", kind: kindTarget, optional: true, preset: "."},
	}},
	wire.TypeSMIMEA: daneLayout,
	wire.TypeTLSA:   daneLayout,
	wire.TypeSRV: {priority: true, mirrored: true, fields: []field{
		{member: "weight", kind: kindNumber, optional: true, preset: "0"},
		{member: "port", kind: kindNumber, optional: true, preset: "0"},
		{member: "target", kind: kindHost},
	}},
	wire.TypeSSHFP: {fields: []field{
		{member: "algorithm", kind: kindByte},
		{member: "type", kind: kindByte},
		{member: "fingerprint", kind: kindHex},
	}},
	wire.TypeURI: {priority: true, leads: true, fields: []field{
		{member: "weight", kind: kindNumber},
		{member: "target", kind: kindTail},
	}},
}

//nolint:gochecknoglobals // part of a table
var serviceLayout = &layout{fields: []field{
	{member: "priority", kind: kindNumber, optional: true, preset: "0"},
	{member: "target", kind: kindTarget},
	{member: "value", kind: kindParams, optional: true},
}}

//nolint:gochecknoglobals // part of a table
var daneLayout = &layout{fields: []field{
	{member: "usage", kind: kindByte},
	{member: "selector", kind: kindByte},
	{member: "matching_type", kind: kindByte},
	{member: "certificate", kind: kindHex},
}}

// certTypes and keyAlgorithms are the mnemonics of the IANA registries (RFC 4398 section 2.1, RFC 4034 appendix A.1).
//
//nolint:gochecknoglobals // tables
var (
	certTypes = map[string]uint64{
		"PKIX": 1, "SPKI": 2, "PGP": 3, "IPKIX": 4, "ISPKI": 5, "IPGP": 6, "ACPKIX": 7, "IACPKIX": 8, "URI": 253, "OID": 254,
	}
	keyAlgorithms = map[string]uint64{
		"RSAMD5": 1, "DH": 2, "DSA": 3, "RSASHA1": 5, "DSA-NSEC3-SHA1": 6, "RSASHA1-NSEC3-SHA1": 7, "RSASHA256": 8,
		"RSASHA512": 10, "ECC-GOST": 12, "ECDSAP256SHA256": 13, "ECDSAP384SHA384": 14, "ED25519": 15, "ED448": 16,
		"INDIRECT": 252, "PRIVATEDNS": 253, "PRIVATEOID": 254,
	}
)

func layoutOf(t wire.Type) *layout { return layouts[t] }

// isRest says whether a field takes all that is left of the content.
func (f *field) isRest() bool {
	return f.kind == kindHex || f.kind == kindBase64 || f.kind == kindParams
}

// split takes content apart into the fields' plain values. Where the priority is a member of its own, content may lead
// with it all the same, as zone files do, and then it wins; but where answers write it so, the member wins, since a client
// that changes it sends back the content that it read.
func (l *layout) split(content string, priority *uint16) (values []string, prio *uint16, err error) {
	n, limit := len(l.fields), -1
	if l.fields[n-1].isRest() {
		limit = n - 1
	}
	words, err := cutFields(content, limit)
	if err != nil {
		return nil, nil, err
	}
	if l.priority && len(words) == n+1 {
		p, err := parseNumber(words[0].text, 16, nil)
		if err != nil {
			return nil, nil, api.Faulty("", "the priority: %w", err)
		}
		words = words[1:]
		if v := uint16(p); priority == nil || !l.leads {
			priority = &v
		}
	}
	if len(words) == n-1 && l.fields[n-1].kind == kindParams {
		words = append(words, word{})
	}
	if len(words) != n {
		return nil, nil, api.Faulty("", "%d fields are wanted", n)
	}
	for i, w := range words {
		v := w.text
		if k := l.fields[i].kind; k == kindString || k == kindTail {
			if v, err = w.octets(); err != nil {
				return nil, nil, err
			}
		}
		values = append(values, v)
	}
	return values, priority, nil
}

// leadsWithPriority says whether content holds a priority, of a type whose answers have it there.
func leadsWithPriority(t wire.Type, content string) bool {
	l := layoutOf(t)
	if l == nil || !l.leads {
		return false
	}
	_, prio, err := l.split(content, nil)
	return err == nil && prio != nil
}

// encode builds content and RDATA from the fields' plain values.
func (l *layout) encode(t wire.Type, values []string, priority *uint16, zone wire.Name) (recdata, error) {
	d := recdata{}
	if l.priority {
		if priority == nil {
			return d, missingPriority(t)
		}
		d.priority = priority
		d.rdata = binary.BigEndian.AppendUint16(d.rdata, *priority)
	}
	content := make([]string, 0, len(values)+1)
	if l.leads {
		content = append(content, strconv.Itoa(int(*priority)))
	}
	for i := range l.fields {
		f := &l.fields[i]
		if f.kind == kindParams {
			var err error
			// The package rr knows the keys; it wants the whole record. Targets are compared without case.
			text := content[0] + " " + strings.ToLower(absolute(content[1])) + " " + values[i]
			if d.rdata, err = rr.ParseData(t, text, wire.Root); err != nil {
				return d, err
			}
			if s := strings.TrimSpace(values[i]); s != "" {
				content = append(content, s)
			}
			continue
		}
		text, rdata, err := f.encode(values[i], d.rdata, zone)
		if err != nil {
			return d, api.Faulty(f.member, "%s: %w", f.member, err)
		}
		d.rdata, content = rdata, append(content, text)
	}
	d.content = strings.Join(content, " ")
	return d, nil
}

// absolute gives a name its final dot.
func absolute(name string) string {
	if api.EndsInDot(name) {
		return name
	}
	return name + "."
}

// encode writes one field: as content, and appended to RDATA.
func (f *field) encode(v string, rdata []byte, zone wire.Name) (text string, _ []byte, err error) {
	switch f.kind {
	case kindByte:
		n, err := parseNumber(v, 8, f.numbers)
		return strconv.FormatUint(n, 10), append(rdata, byte(n)), err
	case kindNumber:
		n, err := parseNumber(v, 16, f.numbers)
		return strconv.FormatUint(n, 10), binary.BigEndian.AppendUint16(rdata, uint16(n)), err
	case kindHex, kindBase64:
		return encodeBinary(f.kind, stripBlanks(v), rdata)
	case kindHost, kindTarget:
		v = api.Trim(v)
		text, name, err := api.ParseHost(v, zone)
		if f.kind == kindTarget && text != "." && api.EndsInDot(v) {
			text += "."
		}
		return text, append(rdata, name...), err
	case kindTag:
		if !isTag(v) {
			return "", nil, api.Faulty("", "it must be letters and digits")
		}
		return v, append(append(rdata, byte(len(v))), v...), nil
	default:
		return f.encodeText(v, rdata)
	}
}

func (f *field) encodeText(v string, rdata []byte) (string, []byte, error) {
	if !utf8.ValidString(v) || strings.IndexByte(v, 0) >= 0 {
		return "", nil, api.Faulty("", "it must be text in UTF-8 without NUL")
	}
	if f.kind == kindTail {
		if v == "" && !f.optional {
			return "", nil, api.Faulty("", "it is empty")
		}
		return rr.QuoteTXT(v), append(rdata, v...), nil
	}
	if len(v) > 255 {
		return "", nil, api.Faulty("", "it is longer than 255 octets")
	}
	return rr.QuoteTXT(v), append(append(rdata, byte(len(v))), v...), nil
}

func encodeBinary(k kind, v string, rdata []byte) (string, []byte, error) {
	b, err := hex.DecodeString(v)
	what := "hexadecimal"
	if k == kindBase64 {
		b, err = base64.StdEncoding.DecodeString(v)
		what = "base64"
	}
	if err != nil || len(b) == 0 {
		return "", nil, api.Faulty("", "it is not %s", what)
	}
	return v, append(rdata, b...), nil
}

func isTag(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 255
}

// parseNumber reads a whole number of some bits; JSON may write it as 10.0 or 1e1. Mnemonics are taken where known.
func parseNumber(s string, bits int, mnemonics map[string]uint64) (uint64, error) {
	s = strings.TrimSpace(s)
	if n, ok := mnemonics[strings.ToUpper(s)]; ok {
		return n, nil
	}
	limit := uint64(1)<<bits - 1
	if n, err := strconv.ParseUint(s, 10, bits); err == nil {
		return n, nil
	}
	if n, ok := rr.Scaled(s, 1); ok && n >= 0 && uint64(n) <= limit {
		return uint64(n), nil
	}
	return 0, api.Faulty("", "%s is not a whole number from 0 to %d", strconv.Quote(s), limit)
}
