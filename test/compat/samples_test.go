package compat_test

import "strings"

// sample is a record of a type in the terms of the API: what is sent, and the content that comes back.
type sample struct {
	Type     string         `json:"type"`
	Name     string         `json:"name"`
	Content  string         `json:"content,omitempty"`
	Data     map[string]any `json:"data,omitempty"`
	Priority *uint16        `json:"priority,omitempty"`
	TTL      int            `json:"ttl"`
	Want     string         `json:"want"`
}

const (
	digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	key    = "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="
)

// samples holds one record of each of the API's 21 types, in an order in which they can be made.
func samples() []sample {
	type m = map[string]any
	ten := uint16(10)
	plain := func(typ, name, content string) sample {
		return sample{Type: typ, Name: name, Content: content, TTL: 300, Want: strings.TrimSuffix(content, ".")}
	}
	data := func(typ, name string, d m, want string) sample {
		return sample{Type: typ, Name: name, Data: d, TTL: 300, Want: want}
	}
	mx := plain("MX", "@", "mail.example.net")
	mx.Priority = &ten
	uri := data("URI", "_ftp._tcp", m{"weight": 1, "target": "ftp://ftp.example.net/public"}, `10 1 "ftp://ftp.example.net/public"`)
	uri.Priority = &ten
	return []sample{
		plain("A", "www", "192.0.2.1"), plain("AAAA", "www", "2001:db8::1"), plain("CNAME", "alias", "www.example.net"), mx,
		plain("NS", "sub", "ns.example.net"), plain("PTR", "1.ptr", "host.example.net"), plain("TXT", "txt", `"v=spf1 -all"`),
		plain("OPENPGPKEY", "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._openpgpkey", key),
		data("CAA", "@", m{"flags": 0, "tag": "issue", "value": "letsencrypt.org"}, `0 issue "letsencrypt.org"`),
		data("CERT", "cert", m{"type": 1, "key_tag": 2, "algorithm": 8, "certificate": key}, "1 2 8 "+key),
		data("DNSKEY", "keys", m{"flags": 257, "protocol": 3, "algorithm": 13, "public_key": key}, "257 3 13 "+key),
		data("DS", "sub", m{"key_tag": 7, "algorithm": 13, "digest_type": 2, "digest": digest}, "7 13 2 "+digest),
		data("HTTPS", "web", m{"priority": 1, "target": ".", "value": `alpn="h2"`}, `1 . alpn="h2"`),
		data("LOC", "loc", m{
			"lat_degrees": 37, "lat_minutes": 46, "lat_seconds": 46, "lat_direction": "N", "long_degrees": 122, "long_minutes": 23,
			"long_seconds": 35, "long_direction": "W", "altitude": 0, "size": 100, "precision_horz": 0, "precision_vert": 0,
		}, "37 46 46.000 N 122 23 35.000 W 0.00 100.00 0.00 0.00"),
		data("NAPTR", "enum", m{
			"order": 30, "preference": 100, "flags": "S", "service": "SIP+D2T", "regex": "", "replacement": "_sip._tls.unit.tests.",
		}, `30 100 "S" "SIP+D2T" "" _sip._tls.unit.tests.`),
		data("SMIMEA", "c93f1e40._smimecert", m{"usage": 3, "selector": 1, "matching_type": 1, "certificate": digest}, "3 1 1 "+digest),
		data("SRV", "_sip._tcp", m{"priority": 10, "weight": 5, "port": 5060, "target": "sip.example.net"}, "5 5060 sip.example.net"),
		data("SSHFP", "www", m{"algorithm": 4, "type": 2, "fingerprint": digest}, "4 2 "+digest),
		data("SVCB", "_dns.svc", m{"priority": 1, "target": "dot.example.net.", "value": `alpn="dot"`}, `1 dot.example.net. alpn="dot"`),
		data("TLSA", "_443._tcp.www", m{"usage": 3, "selector": 1, "matching_type": 1, "certificate": digest}, "3 1 1 "+digest),
		uri,
	}
}

// sampleOf is the sample of a type.
func sampleOf(typ string) sample {
	for _, s := range samples() {
		if s.Type == typ {
			return s
		}
	}
	panic("no sample of type " + typ)
}
