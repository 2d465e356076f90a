package rules_test

import (
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// record is a record as a zone file has it; the name is relative, @ for the apex.
type record struct{ name, typ, content string }

// candidate is a zone that we are asked to make: in groups of records that are asked for together.
type candidate struct {
	title  string
	groups [][]record
}

// kinds are types with data that is right as such. What stands twice has two forms of data.
func kinds() []record {
	const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	return []record{
		{"", "A", "192.0.2.1"},
		{"", "AAAA", "2001:db8::1"},
		{"", "CNAME", "target.example.net."},
		{"", "DNAME", "target.example.net."},
		{"", "DNAME", "other.example.net."},
		{"", "NS", "ns1.example.net."},
		{"", "NS", "ns2.example.net."},
		{"", "NS", "w"},
		{"", "DS", "1 13 2 " + digest},
		{"", "TXT", "\"text\""},
		{"", "MX", "10 mail.example.net."},
		{"", "SRV", "1 2 3 host.example.net."},
		{"", "PTR", "host.example.net."},
		{"", "CAA", "0 issue \"ca.example.net\""},
		{"", "LOC", "1 N 2 E 3m"},
		{"", "HTTPS", "0 target.example.net."},
		{"", "HTTPS", "0 target.example.net. alpn=h2"},
		{"", "HTTPS", "1 . alpn=h2"},
		{"", "SVCB", "0 . port=53"},
		{"", "SVCB", "1 target.example.net. port=53"},
		{"", "HTTPS", "0 ."},
		{"", "CDS", "1 13 2 " + digest},
		{"", "CDS", "0 0 0 00"},
		{"", "CDNSKEY", "0 3 0 AA=="},
		{"", "DNSKEY", "257 3 13 " + strings.Repeat("A", 86) + "=="},
		{"", "CSYNC", "1 3 A NS AAAA"},
		{"", "ZONEMD", "1 1 1 " + digest + digest[:32]},
		{"", "NAPTR", "1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:x@example.net!\" ."},
		{"", "TLSA", "3 1 1 " + digest},
		{"", "SSHFP", "4 2 " + digest},
		{"", "URI", "1 2 \"https://example.net/\""},
		{"", "RP", "a.example.net. b.example.net."},
		{"", "TYPE65280", "\\# 3 010203"},
		{"", "KEY", "256 3 13 AAAA"},
		{"", "IPSECKEY", "\\# 4 0a000301"},
		{"", "IPSECKEY", "\\# 3 0a0000"},
	}
}

// relations are how two names lie to each other, %d for a number.
func relations() [][2]string {
	return [][2]string{
		{"w%d", "w%d"},
		{"w%d", "x.w%d"},
		{"x.w%d", "w%d"},
		{"w%d", "z.y.x.w%d"},
		{"*.w%d", "*.w%d"},
		{"w%d", "*.w%d"},
		{"*.w%d", "x.w%d"},
		{"*.w%d", "x.*.w%d"},
		{"x.*.w%d", "*.w%d"},
		{"a.w%d", "b.w%d"},
		{"w%d", "w%d"},
	}
}

// pairs is a zone of pairs of records, each in a corner of its own.
func pairs(d *rand.Rand, n int) candidate {
	c := candidate{title: "pairs"}
	for i := range n {
		rel := relations()[d.IntN(len(relations()))]
		var g []record
		for _, name := range rel {
			k := kinds()[d.IntN(len(kinds()))]
			k.name = fmt.Sprintf(name, i)
			g = append(g, k)
		}
		c.groups = append(c.groups, g)
	}
	return c
}

// apex is a zone with two records at its apex and some below it.
func apex(d *rand.Rand) candidate {
	c := candidate{title: "apex"}
	var g []record
	for _, name := range []string{"@", "@", "x", "*"} {
		k := kinds()[d.IntN(len(kinds()))]
		k.name = name
		g = append(g, k)
	}
	d.Shuffle(len(g), func(i, j int) { g[i], g[j] = g[j], g[i] })
	c.groups = [][]record{g[:2], g[2:3], g[3:]}
	return c
}

// samples are RDATA of types that kinds does not have, or has in one form alone.
func samples() []record {
	zeros := strings.Repeat("00", 48)
	var out []record
	for typ, list := range map[string][]string{
		"HINFO": {"0161", "01610162"}, "WKS": {"c000020106aa", "c0000201060000", "c000020106"}, "X25": {"0431323334"},
		"ISDN": {"0431323334", "04313233340135"}, "NSAP": {"47000580005a0000000001e133ffffff00016100"},
		"KEY": {"c000030d", "0000030d", "0100030d00000000", "0100030dfd00"}, "GPOS": {"03312e3003322e3003332e30"},
		"TYPE34": {"0031323334", "0131323334", "01313a"}, "CERT": {"000100020300000000", "000000020300000000"},
		"A6":     {"0020010db8000000000000000000000001", "4000000000000000010161" + "00", "80016100", "3f80000000000000010000"},
		"TYPE40": {"0101000102"}, "APL": {"00011803c00002", "00011804c0000200"}, "DHCID": {"00000000"},
		"IPSECKEY": {"0a000200000000", "0a0102c0000201aa", "0a0302016100aa", "0a0002", "0a0001", "0a040201"},
		"HIP":      {"0402000101020304aa", "0402000101020304aa016100"}, "TYPE56": {"0161"}, "TYPE57": {"000001010102"},
		"TYPE58": {"016100016200"}, "ZONEMD": {"000000010101" + zeros, "000000010109" + zeros}, "TYPE66": {"000101003501610" + "0"},
		"TYPE67": {"00"}, "TYPE68": {"00"}, "SPF": {"0161"}, "NID": {"00010014004f0000ffff"}, "L32": {"0001c0000201"},
		"L64": {"00010014004f0000ffff"}, "LP": {"0001016100"}, "EUI48": {"00005e00532a"}, "EUI64": {"00005eef1000002a"},
		"TYPE258": {"0161"}, "TYPE259": {"0000000100000002010000"}, "AMTRELAY": {"0000", "0a01c0000201", "8a830161" + "00", "0a04aa"},
		"TYPE261": {"0161"}, "TYPE262": {"01610162"}, "TA": {"00010d02" + zeros[:64]}, "DLV": {"00010d02" + zeros[:64]},
		"SVCB": {"0001000001000302" + "6832", "00010000010007066832" + "2c5c2200", "0001000000000400010003", "000000", "00000000030002" + "0035"}, "NXT": {"01610060"},
		"CSYNC": {"00000001000300" + "0140"}, "AFSDB": {"0001016100"}, "MINFO": {"016100016200"}, "TYPE23": {"016100"}, "NULL": {"00"},
	} {
		for _, data := range list {
			out = append(out, record{"", typ, data})
		}
	}
	slices.SortFunc(out, func(a, b record) int { return strings.Compare(a.typ+a.content, b.typ+b.content) })
	return out
}

// mnemonic is a type's name as we have it.
func mnemonic(typ string) string {
	t, err := wire.ParseType(typ)
	if err != nil {
		panic(typ)
	}
	return t.String()
}

// octets is RDATA in the form that every type has.
func octets(b []byte) string { return strings.TrimSpace(fmt.Sprintf("\\# %d %x", len(b), b)) }

// everyType makes a zone for each type, with samples that are cut, lengthened and changed, and with octets at random.
func everyType(d *rand.Rand, each int) []candidate {
	from := map[string][][]byte{}
	for _, s := range samples() {
		b, err := hex.DecodeString(s.content)
		if err != nil {
			panic(s.typ + s.content)
		}
		from[mnemonic(s.typ)] = append(from[mnemonic(s.typ)], b)
	}
	for t := range 270 {
		if t < 70 || t > 98 && t < 111 || t > 255 {
			name := wire.Type(t).String()
			from[name] = append(from[name], nil)
		}
	}
	var out []candidate
	for _, typ := range slices.Sorted(maps.Keys(from)) {
		c := candidate{title: typ}
		data := slices.Clone(from[typ])
		for range each {
			data = append(data, scramble(d, from[typ]))
		}
		for i, b := range data {
			c.groups = append(c.groups, []record{{fmt.Sprintf("t%d", i), typ, octets(b)}})
		}
		out = append(out, c)
	}
	return out
}

// scramble takes a sample and spoils it, or takes octets as they come, small ones above all.
func scramble(d *rand.Rand, from [][]byte) []byte {
	if len(from) == 0 || d.IntN(3) == 0 {
		b := make([]byte, d.IntN(13))
		most := []int{1, 4, 256}[d.IntN(3)]
		for i := range b {
			b[i] = byte(d.IntN(most))
		}
		return b
	}
	b := slices.Clone(from[d.IntN(len(from))])
	if len(b) == 0 {
		return b
	}
	switch d.IntN(4) {
	case 0:
		return b[:d.IntN(len(b))]
	case 1:
		return append(b, byte(d.IntN(256)))
	case 2:
		return append(b, 1, 'a', 0)
	}
	b[d.IntN(len(b))] = byte(d.IntN(256))
	return b
}
