package rr_test

import (
	"math/rand/v2"
	"strings"
)

// The pieces that files are made of: what zone files have, and what looks like it.
var (
	fileOwners = strings.Split(`a|b|@|IN|in|ch|300|1h|A|txt|*|*.w|a.b|x\.y|\097b|\300|\2|a..b|.|a.|"q"|"q w"|"q\"w"|a\ b|a\;b|a\(b|_x|-|`+
		`\$x|$x|CLASS1|CLASS3|sub.x.|x.|other.|a\|\@|a@|@a|a"b"|TYPE1|$ORIGIN|$TTL|\"|a'b|`+
		strings.Repeat("l", 63)+`|`+strings.Repeat("l", 64)+`|`+strings.Repeat("l.", 126), "|")
	fileHeads = strings.Split(`|||||300|IN|in|CLASS1|CH|HS|ANY|NONE|CLASS3|1h|1h30m|1w2d3h4m5s|30m1h|1h30|h|0|2147483647|2147483648|4294967296|`+
		`-1|+1|0x10|1.5|TYPE1|"300"|"IN"`, "|")
	fileNames = strings.Split(`t|t.|t.x.|@|.|a.b|\097|a\.b|t..|"t"|a\ b|\300|*|_a._b|1|`+strings.Repeat("l", 64)+`|`+strings.Repeat("l.", 126), "|")
	fileTexts = strings.Split(`a|"a"|"a b"|""|"a;b"|a\;b|"a\"b"|\"|"\097"|\097|\256|\25|"\25"|"\|a"b"|"a"b|"a""b"|a=b|a="b"|"("|\(|@|$|`+
		`ü|"ü"|"\\"|\\|"a\`+"\n"+`b"|`+strings.Repeat("t", 255)+`|`+strings.Repeat("t", 256)+`|"`+strings.Repeat("t v", 90)+`"`, "|")
	fileNumbers = strings.Split(`0|1|10|255|256|65535|65536|4294967295|010|+1|-1|1h|0x1|x|"1"|1.0|99999999999999999999`, "|")
	fileHex     = strings.Split(`abcd|ABCD|0123456789abcdef0123456789abcdef01234567|00|ab cd|a|abc|xy||0123456789abcdef0123456789abcdef01234567|"ab"`, "|")
	fileBase64  = strings.Split(`AAAA|AA==|AAA=|AAA|A|AA==AA==|AA AA|!!|`, "|")
	fileAddrs6  = strings.Split(`2001:db8::1|::1|2001:DB8::1|::ffff:192.0.2.1|fe80::1%eth0|::|:::|192.0.2.1`, "|")
	fileAddrs   = strings.Split(`192.0.2.1|192.0.2.2|192.0.2.3|192.0.2.01|192.0.2|192.0.2.256|0.0.0.0|1|::1|2001:db8::1|2001:DB8::1|::ffff:192.0.2.1|fe80::1%eth0|::|:::|"192.0.2.1"|`, "|")
	fileTypes   = strings.Split(`A|a|AAAA|NS|PTR|MX|TXT|SRV|CAA|HINFO|NAPTR|LOC|SSHFP|TLSA|URI|RP|AFSDB|SVCB|HTTPS|DS|CERT|SPF|KX|DNAME|OPENPGPKEY|`+
		`EUI48|EUI64|CDS|CDNSKEY|DNSKEY|KEY|SMIMEA|CSYNC|NSEC|NSEC3PARAM|APL|NID|L32|L64|LP|X25|ISDN|RT|PX|GPOS|NSAP|DLV|IPSECKEY|`+
		`AMTRELAY|DHCID|MINFO|TALINK|NINFO|RKEY|TYPE65280|TYPE1|type16|TYPE|TYPE65536|BOGUS|ANY|AXFR|OPT|TSIG|TYPE0|"A"|IN`, "|")
	fileRanges = strings.Split(`1-3|0-0|1-10/3|3-1|1|1-|-1-2|a-b|1-3/0|1-3/|1-3x|+1-2|250-260|1-3/2x|1--3|1-3//2|99999999999-1`, "|")
	fileMarks  = strings.Split(`$|${0}|${1}|${-1}|${0,3}|${0,3,d}|${0,3,x}|${0,2,o}|${5,4,X}|${0,3,n}|${0,7,N}|${0,0,n}|$$|\$|${|${}|${0,}|${0,3,q}|${0,300}|${ 1}|${1}-$|${-9,2,x}`, "|")
	fileSpaces = []string{" ", " ", " ", "\t", "  ", " \t ", " ( ", " ) ", "(", ")", " (\n ", " ( ; c\n", "\n", " (\r\n"}
	fileEnds   = []string{"\n", "\n", "\n", "\r\n", "\r", "\n\n", " \n", " ; comment\n", ";\r\n", ";c\rd\n", "\n \n", "\n\t; x\n", " )\n", "\r\r\n"}
	fileNoise  = []string{" ", "\t", "\n", "\r", ";", "(", ")", `"`, `\`, "$", "@", ".", "0", "a", "=", "-", "{"}
)

func pick(rng *rand.Rand, from []string) string { return from[rng.IntN(len(from))] }

// sane picks from the front of a list mostly, where what is right stands.
func sane(rng *rand.Rand, from []string) string {
	if rng.IntN(12) > 0 {
		return from[rng.IntN(min(3, len(from)))]
	}
	return pick(rng, from)
}

func randomFile(rng *rand.Rand) string {
	var b strings.Builder
	for range 1 + rng.IntN(4) {
		if rng.IntN(5) == 0 {
			b.WriteString(randomDirective(rng))
		} else {
			b.WriteString(randomRecord(rng))
		}
		b.WriteString(sane(rng, fileEnds))
	}
	s := b.String()
	if rng.IntN(6) == 0 {
		at := rng.IntN(len(s))
		s = s[:at] + pick(rng, fileNoise) + s[at+rng.IntN(2):]
	}
	return s
}

func randomRecord(rng *rand.Rand) string {
	var f []string
	if rng.IntN(4) > 0 {
		f = append(f, sane(rng, fileOwners))
	} else {
		f = append(f, "")
	}
	for range rng.IntN(3) {
		if h := sane(rng, fileHeads[4:]); rng.IntN(2) == 0 && h != "" {
			f = append(f, h)
		}
	}
	t := pick(rng, fileTypes[:len(fileTypes)-11*rng.IntN(2)])
	return joined(rng, append(append(f, t), randomData(rng, t)...))
}

// joined puts white space between fields, and parentheses that close mostly.
func joined(rng *rand.Rand, f []string) string {
	var b strings.Builder
	open := len(f)
	if rng.IntN(4) == 0 {
		open = 1 + rng.IntN(len(f))
	}
	for i, s := range f {
		switch {
		case i == 0:
		case i == open:
			b.WriteString(" ( ")
		case i > open:
			b.WriteString([]string{" ", "\n", "\r\n\t", " ; c\n", "\r"}[rng.IntN(5)])
		default:
			b.WriteString(sane(rng, fileSpaces))
		}
		b.WriteString(s)
	}
	if open < len(f) {
		b.WriteString(" )")
	}
	return b.String()
}

// dataShapes gives the fields of types: n a name, t a text, i a number, h hexadecimal, b base64, a an address.
var dataShapes = map[string]string{
	"A": "a", "a": "a", "AAAA": "A", "TYPE1": "a", "NS": "n", "PTR": "n", "DNAME": "n", "MX": "in", "KX": "in", "AFSDB": "in", "SRV": "iiin",
	"TXT": "t", "type16": "tt", "SPF": "t", "HINFO": "tt", "CAA": "itt", "NAPTR": "iitttn", "SSHFP": "iih", "TLSA": "iiih", "URI": "iit",
	"RP": "nn", "SVCB": "inp", "HTTPS": "inp", "DS": "iiih", "CERT": "iiib", "OPENPGPKEY": "b", "EUI48": "e", "LOC": "l",
	"EUI64": "E", "CDS": "iiih", "CDNSKEY": "iiib", "DNSKEY": "iiib", "KEY": "iiib", "SMIMEA": "iiih", "CSYNC": "iim", "NSEC": "nm", "NSEC3PARAM": "iiiz",
	"APL": "!!", "NID": "iL", "L32": "ia", "L64": "iL", "LP": "in", "X25": "t", "ISDN": "tt", "RT": "in", "PX": "inn", "GPOS": "ttt", "NSAP": "Z",
	"DLV": "iiih", "IPSECKEY": "igb", "AMTRELAY": "ir", "DHCID": "b", "MINFO": "nn", "TALINK": "nn", "NINFO": "tt", "RKEY": "iiib",
}

func randomData(rng *rand.Rand, t string) []string {
	if rng.IntN(10) == 0 || t == "TYPE65280" {
		return []string{`\#`, sane(rng, []string{"4", "4", "4", "0", "1", "2"}), sane(rng, []string{"c0000201", "c000 0201", "C0000201", "", "00", "0000", "zz"})}
	}
	shape, ok := dataShapes[t]
	if !ok {
		shape = "t"
	}
	var f []string
	for _, c := range shape {
		f = append(f, map[rune]func() string{
			'n': func() string { return sane(rng, fileNames) },
			't': func() string {
				if rng.IntN(2) == 0 {
					return sane(rng, fileTexts)
				}
				return pick(rng, fileTexts)
			},
			'i': func() string { return sane(rng, fileNumbers) },
			'h': func() string { return sane(rng, fileHex) },
			'b': func() string { return sane(rng, fileBase64) },
			'a': func() string { return sane(rng, fileAddrs) },
			'A': func() string { return sane(rng, fileAddrs6) },
			'E': func() string {
				return pick(rng, []string{"00-11-22-33-44-55-66-77", "00-11-22", "00:11:22:33:44:55:66:77"})
			},
			'm': func() string {
				return pick(rng, []string{"A", "A NS AAAA", "AAAA A A", "TYPE65280 MX", "a", "BOGUS", "", "TYPE1"})
			},
			'z': func() string { return pick(rng, []string{"-", "abcd", "ABCD", "abc", "", `"ab"`}) },
			'Z': func() string { return pick(rng, []string{"0x4700", "0X47.00.05", "47", "0x", "0x470", "0x47..00"}) },
			'!': func() string {
				return pick(rng, []string{"1:192.0.2.0/24", "!1:0.0.0.0/0", "2:2001:db8::/32", "1:192.0.2.1/24", "3:1/1", "1:192.0.2.0/33", "1:192.0.2.0", "2:192.0.2.0/24", ""})
			},
			'L': func() string {
				return pick(rng, []string{"14:4fff:ff20:ee64", "0014:4fff:ff20:ee64", "1:2:3", "1:2:3:4:5", "g:0:0:0", "00014:0:0:0"})
			},
			'g': func() string {
				return pick(rng, []string{"0 1 .", "1 1 192.0.2.1", "2 1 2001:db8::1", "3 1 gw", "3 1 gw.", "1 1 .", "4 1 .", "0 1 192.0.2.1", "3 0 gw"})
			},
			'r': func() string {
				return pick(rng, []string{"0 0 .", "1 1 192.0.2.1", "0 2 2001:db8::1", "1 3 relay", "2 0 .", "0 4 .", "0 1 .", "0 0 192.0.2.1", "0 3 ."})
			},
			'e': func() string { return pick(rng, []string{"00-11-22-33-44-55", "00-11-22", "001122334455"}) },
			'p': func() string {
				return pick(rng, []string{"", "alpn=h2", `alpn="h2,h3"`, "port=53", "ipv4hint=192.0.2.1", "alpn=h2 port=1", "key65000=a", `key65000="a b"`, "port=x", "port=1 port=2", "no-default-alpn"})
			},
			'l': func() string {
				return pick(rng, []string{"52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m", "52 N 4 E 0m", "91 N 4 E 0m", "52 22 N 4 53 E 1", "52 N 4 E"})
			},
		}[c]())
	}
	if rng.IntN(20) == 0 {
		f = append(f, sane(rng, fileTexts))
	}
	return f
}

func randomDirective(rng *rand.Rand) string {
	switch rng.IntN(6) {
	case 0:
		return joined(rng, []string{sane(rng, []string{"$ORIGIN", "$ORIGIN", "$origin", "$ORIGN", `"$ORIGIN"`}), sane(rng, fileNames)})
	case 1:
		return joined(rng, []string{sane(rng, []string{"$TTL", "$TTL", "$ttl", "$TTLX"}), sane(rng, fileHeads[5:])})
	case 2:
		return pick(rng, []string{"$DATE 20260101000000", "$DATE 2026", "$INCLUDE nowhere", "$FOO", "$", "$TTL", "$ORIGIN", "$ORIGIN a b", "$TTL 1 2", " $TTL 5", "$GENERATE", "$GENERATE 1-2 a"})
	}
	f := []string{"$GENERATE", sane(rng, fileRanges), pick(rng, []string{"h", "h-", "", `"h`, "."}) + pick(rng, fileMarks)}
	for range rng.IntN(3) {
		if h := sane(rng, fileHeads[4:]); h != "" && rng.IntN(3) == 0 {
			f = append(f, h)
		}
	}
	m := pick(rng, fileMarks)
	kind := [][]string{
		{"A", "192.0.2." + m},
		{"TXT", m},
		{"TXT", `"a ` + m + `"`},
		{"TXT", `"\"a ` + m + `\""`},
		{"PTR", "n" + m},
		{"MX", `"10 m` + m + `"`},
		{"MX", "10", "m" + m},
		{"CNAME", m + ".0.0"},
		{"NS", "ns" + m},
		{"TXT", `"a" "b"`},
		{"TXT", `"a" ( b )`},
		{"TXT", `"a ; ` + m + `"`},
		{"BOGUS", m},
		{"ANY", m},
		{"AAAA", "2001:db8::" + m},
		{"TYPE65280", `"\# 1 0` + m + `"`},
	}[rng.IntN(16)]
	return joined(rng, append(f, kind...))
}
