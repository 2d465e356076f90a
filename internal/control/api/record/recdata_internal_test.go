package record

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

var unitTests = wire.MustName("unit.tests")

func typeOf(t testing.TB, s string) wire.Type {
	t.Helper()
	typ, err := wire.ParseType(s)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func object(t testing.TB, s string) map[string]json.RawMessage {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return m
}

func pointer(n int) *uint16 {
	if n < 0 {
		return nil
	}
	p := uint16(n)
	return &p
}

// number is a priority for comparison, -1 for none.
func value(p *uint16) int {
	if p == nil {
		return -1
	}
	return int(*p)
}

// Every row: what is sent, what is answered, and the record that the DNS gets, in presentation format.
func TestParseContent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		t, content string
		priority   int // -1: not sent
		want       string
		wantPrio   int
		rdata      string
	}{
		{"A", "192.0.2.1", -1, "192.0.2.1", -1, "192.0.2.1"},
		{"A", "192.0.2.1", 10, "192.0.2.1", -1, "192.0.2.1"},
		{"A", " 192.0.2.1 ", -1, "192.0.2.1", -1, "192.0.2.1"},
		{"A", `\# 4 C0000201`, -1, "192.0.2.1", -1, "192.0.2.1"},
		{"AAAA", "2001:DB8:0:0::1", -1, "2001:db8::1", -1, "2001:db8::1"},
		{"AAAA", "::ffff:192.0.2.1", -1, "::ffff:192.0.2.1", -1, "::ffff:192.0.2.1"},
		{"AAAA", "2001:db8:0:1:0:0:0:1", -1, "2001:db8:0:1::1", -1, "2001:db8:0:1::1"},

		{"CNAME", "Target.Example.COM.", -1, "Target.Example.COM", -1, "target.example.com."},
		{"CNAME", "target.example.com", -1, "target.example.com", -1, "target.example.com."},
		{"CNAME", "@", -1, "unit.tests", -1, "unit.tests."},
		{"CNAME", "bücher.example", -1, "xn--bcher-kva.example", -1, "xn--bcher-kva.example."},
		{"CNAME", "_acme.x_y.example", -1, "_acme.x_y.example", -1, "_acme.x_y.example."},
		{"CNAME", "1.0/25.2.0.192.in-addr.arpa", -1, "1.0/25.2.0.192.in-addr.arpa", -1, "1.0/25.2.0.192.in-addr.arpa."},
		{"CNAME", `a\.b.example`, -1, `a\.b.example`, -1, `a\.b.example.`},
		{"NS", "NS1.example.", -1, "NS1.example", -1, "ns1.example."},
		{"PTR", "host.example.", -1, "host.example", -1, "host.example."},
		{"MX", "mail.example.", 10, "mail.example", 10, "10 mail.example."},
		{"MX", "Mail.example", 0, "Mail.example", 0, "0 mail.example."},
		{"MX", ".", 0, ".", 0, "0 ."},
		{"MX", "10 mail.example.", -1, "mail.example", 10, "10 mail.example."},
		{"MX", "20 mail.example.", 10, "mail.example", 20, "20 mail.example."},
		{"MX", "@", 5, "unit.tests", 5, "5 unit.tests."},

		{"OPENPGPKEY", "AQID BAUG", -1, "AQIDBAUG", -1, "AQIDBAUG"},
		{"CAA", `0 issue "letsencrypt.org"`, -1, `0 issue "letsencrypt.org"`, -1, `0 issue "letsencrypt.org"`},
		{"CAA", `0 issue letsencrypt.org`, -1, `0 issue "letsencrypt.org"`, -1, `0 issue "letsencrypt.org"`},
		{"CAA", `128 iodef "mailto:a@b.example"`, -1, `128 iodef "mailto:a@b.example"`, -1, `128 iodef "mailto:a@b.example"`},
		{"CAA", `0 issue "ca.example; policy=\"ev\""`, -1, `0 issue "ca.example; policy=\"ev\""`, -1, `0 issue "ca.example; policy=\"ev\""`},
		{"CAA", `0 issue ";"`, -1, `0 issue ";"`, -1, `0 issue ";"`},
		{"CERT", "PKIX 0 RSASHA256 AQID", -1, "1 0 8 AQID", -1, "PKIX 0 RSASHA256 AQID"},
		{"CERT", "1 2 3 AQIDBA==", -1, "1 2 3 AQIDBA==", -1, "PKIX 2 DSA AQIDBA=="},
		{"DNSKEY", "257 3 13 AQID BAUG", -1, "257 3 13 AQIDBAUG", -1, "257 3 13 AQIDBAUG"},
		{"DNSKEY", "257 3 ECDSAP256SHA256 AQID", -1, "257 3 13 AQID", -1, "257 3 13 AQID"},
		{"DS", "01 13 2 " + digest32, -1, "1 13 2 " + digest32, -1, "1 13 2 " + strings.ToUpper(digest32)},
		{"DS", "1 13 2 " + strings.ToUpper(digest32), -1, "1 13 2 " + strings.ToUpper(digest32), -1, "1 13 2 " + strings.ToUpper(digest32)},
		{"HTTPS", `1 . alpn="h2"`, -1, `1 . alpn="h2"`, -1, `1 . alpn="h2"`},
		{"HTTPS", `1 . ipv4hint=192.0.2.1 alpn=h3,h2`, -1, `1 . ipv4hint=192.0.2.1 alpn=h3,h2`, -1, `1 . alpn="h3,h2" ipv4hint="192.0.2.1"`},
		{"HTTPS", "0 svc.example", -1, "0 svc.example", -1, "0 svc.example."},
		{"SVCB", `16 Foo.example. port=53`, -1, `16 Foo.example. port=53`, -1, `16 foo.example. port="53"`},
		{"SVCB", `16 foo.example port=53`, -1, `16 foo.example port=53`, -1, `16 foo.example. port="53"`},
		{"NAPTR", `30 100 "S" "SIP+D2T" "" _sip._tls.unit.tests.`, -1, `30 100 "S" "SIP+D2T" "" _sip._tls.unit.tests.`, -1, `30 100 "S" "SIP+D2T" "" _sip._tls.unit.tests.`},
		{"NAPTR", `30 100 U E2U+sip "!^.*$!sip:x@y!" .`, -1, `30 100 "U" "E2U+sip" "!^.*$!sip:x@y!" .`, -1, `30 100 "U" "E2U+sip" "!^.*$!sip:x@y!" .`},
		{"NAPTR", `30 100 "" "" "!(.)!\\1!" .`, -1, `30 100 "" "" "!(.)!\\1!" .`, -1, `30 100 "" "" "!(.)!\\1!" .`},
		{"SMIMEA", "3 0 0 abCD", -1, "3 0 0 abCD", -1, "3 0 0 abcd"},
		{"TLSA", "3 1 1 " + digest32, -1, "3 1 1 " + digest32, -1, "3 1 1 " + digest32},
		{"TLSA", "3 1 1 " + digest32[:32] + " " + digest32[32:], -1, "3 1 1 " + digest32, -1, "3 1 1 " + digest32},
		{"SRV", "20 5060 sip.example.", 10, "20 5060 sip.example", 10, "10 20 5060 sip.example."},
		{"SRV", "10 20 5060 sip.example.", -1, "20 5060 sip.example", 10, "10 20 5060 sip.example."},
		{"SRV", "10 20 5060 sip.example.", 99, "20 5060 sip.example", 10, "10 20 5060 sip.example."},
		{"SRV", "0 0 .", 0, "0 0 .", 0, "0 0 0 ."},
		{"SSHFP", "4 2 " + digest32, -1, "4 2 " + digest32, -1, "4 2 " + strings.ToUpper(digest32)},
		{"URI", `1 "https://example.com/?a=b&c"`, 10, `10 1 "https://example.com/?a=b&c"`, 10, `10 1 "https://example.com/?a=b&c"`},
		{"URI", `10 1 "https://example.com/"`, -1, `10 1 "https://example.com/"`, 10, `10 1 "https://example.com/"`},
		{"URI", `10 1 "https://example.com/"`, 20, `20 1 "https://example.com/"`, 20, `20 1 "https://example.com/"`},

		{"LOC", "37 46 46.000 N 122 23 35.000 W 0.00 100.00 0.00 0.00", -1, "37 46 46.000 N 122 23 35.000 W 0.00 100.00 0.00 0.00", -1, "37 46 46.000 N 122 23 35.000 W 0m 100m 0.00m 0.00m"},
		{"LOC", "37 46 46.000 N 122 23 35.000 W 0.00m 100.00m 0.00m 0.00m", -1, "37 46 46.000 N 122 23 35.000 W 0.00 100.00 0.00 0.00", -1, "37 46 46.000 N 122 23 35.000 W 0m 100m 0.00m 0.00m"},
		{"LOC", "51 30 12.748 n 0 7 39.611 w 0", -1, "51 30 12.748 N 0 7 39.611 W 0.00 1.00 10000.00 10.00", -1, "51 30 12.748 N 0 7 39.611 W 0m 1m 10000m 10m"},
		{"LOC", "90 S 180 E -100000m", -1, "90 0 0.000 S 180 0 0.000 E -100000.00 1.00 10000.00 10.00", -1, "90 0 0.000 S 180 0 0.000 E -100000m 1m 10000m 10m"},
		{"LOC", "1 N 2 E 42849672.95 90000000 0.01 0.1", -1, "1 0 0.000 N 2 0 0.000 E 42849672.95 90000000.00 0.01 0.10", -1, "1 0 0.000 N 2 0 0.000 E 42849672.95m 90000000m 0.01m 0.10m"},

		{"DNAME", "Other.example.", -1, "other.example.", -1, "other.example."},
		{"PTR", `k\:k.example`, -1, `k\:k.example`, -1, "k:k.example."},
		{"CNAME", `a\,b\<c\>\:.example`, -1, `a\,b\<c\>\:.example`, -1, "a,b<c>:.example."},
		{"CNAME", `k\058k.example`, -1, `k\058k.example`, -1, "k:k.example."},
		{"MX", `10 k\:k.example`, -1, `k\:k.example`, 10, "10 k:k.example."},
		{"SRV", `1 2 3 k\:k.example`, -1, `2 3 k\:k.example`, 1, "1 2 3 k:k.example."},
		{"SVCB", `1 k\:k.example. alpn="h2,h3"`, -1, `1 k\:k.example. alpn="h2,h3"`, -1, `1 k:k.example. alpn="h2,h3"`},
		{"NAPTR", `1 2 "u" "E2U+sip" "!^.*$!sip:a,b!" k\:k.example.`, -1, `1 2 "u" "E2U+sip" "!^.*$!sip:a,b!" k\:k.example.`, -1, `1 2 "u" "E2U+sip" "!^.*$!sip:a,b!" k:k.example.`},
		{"PTR", `\# 5 036b3a6b00`, -1, `k\:k`, -1, "k:k."},
		{"RP", "admin.example. .", -1, "admin.example. .", -1, "admin.example. ."},
		{"TYPE65280", `\# 3 0a0b0c`, -1, `\# 3 0A0B0C`, -1, `\# 3 0A0B0C`},
	}
	for _, tt := range tests {
		typ := typeOf(t, tt.t)
		content, prio, rdata, err := parseContent(typ, tt.content, pointer(tt.priority), unitTests)
		if err != nil {
			t.Errorf("%s %q: %v", tt.t, tt.content, err)
			continue
		}
		if content != tt.want || value(prio) != tt.wantPrio {
			t.Errorf("%s %q: content %q priority %d, want %q %d", tt.t, tt.content, content, value(prio), tt.want, tt.wantPrio)
		}
		want, err := rr.ParseData(typ, tt.rdata, wire.Root)
		if err != nil {
			t.Fatalf("%s %s: %v", tt.t, tt.rdata, err)
		}
		if !bytes.Equal(rdata, want) {
			t.Errorf("%s %q: rdata\n%x, want\n%x", tt.t, tt.content, rdata, want)
		}
		checkStable(t, typ, content, prio, rdata)
	}
}

const digest32 = "d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971"

// checkStable: what was answered can be sent again and changes nothing, as content, as data, and through RDATA.
func checkStable(t *testing.T, typ wire.Type, content string, prio *uint16, rdata []byte) {
	t.Helper()
	again, p, d, err := parseContent(typ, content, prio, unitTests)
	if err != nil || again != content || value(p) != value(prio) || !bytes.Equal(d, rdata) {
		t.Errorf("%s %q sent again: %q %d %x, %v", typ, content, again, value(p), d, err)
	}
	if c, p, d, err := From(typ, rdata, unitTests); err != nil || value(p) != value(prio) || !bytes.Equal(d, rdata) {
		t.Errorf("%s %q from rdata %x: %q %d %x, %v", typ, content, rdata, c, value(p), d, err)
	}
	if !isDataType(typ) {
		return
	}
	data := recordData(&model.Record{Type: typ, Content: content, Priority: prio})
	if !hasMembers(typ, object(t, string(data))) {
		t.Errorf("%s %q: data %s", typ, content, data)
	}
	again, p, d, err = parseData(typ, object(t, string(data)), prio, unitTests)
	if err != nil || again != content || value(p) != value(prio) || !bytes.Equal(d, rdata) {
		t.Errorf("%s %q as data %s: %q %d %x, %v", typ, content, data, again, value(p), d, err)
	}
}

func TestParseContentErrors(t *testing.T) {
	t.Parallel()
	host64 := strings.Repeat("a", 64)
	long := strings.Repeat("abcdefgh.", 29)
	tests := []struct {
		t, content string
		priority   int
		code       int
	}{
		{"A", "", -1, model.CodeContentA},
		{"A", "192.0.2", -1, model.CodeContentA},
		{"A", "192.0.2.01", -1, model.CodeContentA},
		{"A", "192.0.2.256", -1, model.CodeContentA},
		{"A", "192.0.2.1/32", -1, model.CodeContentA},
		{"A", "192.0.2.1:80", -1, model.CodeContentA},
		{"A", "0x7f.0.0.1", -1, model.CodeContentA},
		{"A", "2130706433", -1, model.CodeContentA},
		{"A", "::1", -1, model.CodeContentA},
		{"A", "www.example", -1, model.CodeContentA},
		{"A", "192.0.2.1\n192.0.2.2", -1, model.CodeContentA},
		{"A", "192.0.2.1 192.0.2.2", -1, model.CodeContentA},
		{"A", `\# 3 C00002`, -1, model.CodeContentA},
		{"AAAA", "192.0.2.1", -1, model.CodeContentAAAA},
		{"AAAA", "fe80::1%eth0", -1, model.CodeContentAAAA},
		{"AAAA", "2001:db8::1::2", -1, model.CodeContentAAAA},
		{"AAAA", "2001:db8::/32", -1, model.CodeContentAAAA},
		{"AAAA", "[2001:db8::1]", -1, model.CodeContentAAAA},
		{"CNAME", "", -1, model.CodeContentCNAME},
		{"CNAME", ".", -1, model.CodeContentCNAME},
		{"CNAME", "a..b", -1, model.CodeContentCNAME},
		{"CNAME", ".a", -1, model.CodeContentCNAME},
		{"CNAME", host64 + ".example", -1, model.CodeContentCNAME},
		{"CNAME", long, -1, model.CodeContentCNAME},
		{"CNAME", "https://example.com/", -1, model.CodeContentCNAME},
		{"CNAME", `a:b.example`, -1, model.CodeContentCNAME},
		{"PTR", `a<b`, -1, model.CodeContentInvalid},
		{"CNAME", "two words", -1, model.CodeContentCNAME},
		{"CNAME", "192.0.2.1", -1, model.CodeContentCNAME},
		{"CNAME", "2001:db8::1", -1, model.CodeContentCNAME},
		{"CNAME", "a.example\nb", -1, model.CodeContentCNAME},
		{"CNAME", `a.example\`, -1, model.CodeContentCNAME},
		{"CNAME", `a\300.example`, -1, model.CodeContentCNAME},
		{"CNAME", "a.example\x00", -1, model.CodeContentCNAME},
		{"MX", "mail.example", -1, model.CodePriority},
		{"MX", "192.0.2.1", 10, model.CodeContentMX},
		{"MX", "10 20 mail.example", 10, model.CodeContentMX},
		{"MX", "x mail.example", 10, model.CodeContentMX},
		{"MX", "70000 mail.example", -1, model.CodeContentMX},
		{"MX", "", 10, model.CodeContentMX},
		{"MX", "mail@example.com", 10, model.CodeContentMX},
		{"NS", "192.0.2.1", -1, model.CodeContentInvalid},
		{"NS", "192.0.2.1.", -1, model.CodeContentInvalid},
		{"NS", ".", -1, model.CodeContentInvalid},
		{"PTR", "", -1, model.CodeContentInvalid},
		{"TXT", "", -1, model.CodeContentInvalid},
		{"TXT", `""`, -1, model.CodeContentInvalid},
		{"TXT", `"" ""`, -1, model.CodeContentInvalid},
		{"TXT", `"a"b"`, -1, model.CodeContentInvalid},
		{"TXT", `"a\"`, -1, model.CodeContentInvalid},
		{"TXT", `"a\25x"`, -1, model.CodeContentInvalid},
		{"TXT", `"a\999"`, -1, model.CodeContentInvalid},
		{"TXT", "\"a\nb\"", -1, model.CodeContentInvalid},
		{"TXT", "a\x00b", -1, model.CodeContentInvalid},
		{"TXT", strings.Repeat("x", 4096), -1, model.CodeRecordTooLarge},
		{"OPENPGPKEY", "not base64!", -1, model.CodeContentInvalid},
		{"OPENPGPKEY", "", -1, model.CodeContentInvalid},
		{"CAA", "0 issue", -1, model.CodeContentInvalid},
		{"CAA", `256 issue "x"`, -1, model.CodeContentInvalid},
		{"CAA", `-1 issue "x"`, -1, model.CodeContentInvalid},
		{"CAA", `0 iss-ue "x"`, -1, model.CodeContentInvalid},
		{"CAA", `0 issue "x" "y"`, -1, model.CodeContentInvalid},
		{"CAA", `0 issue "x`, -1, model.CodeContentInvalid},
		{"CAA", `0 issue "\255"`, -1, model.CodeContentInvalid},
		{"CERT", "1 2 3", -1, model.CodeContentInvalid},
		{"CERT", "FOO 2 3 AQID", -1, model.CodeContentInvalid},
		{"DNSKEY", "257 3 13", -1, model.CodeContentInvalid},
		{"DNSKEY", "257 3 13 AQI", -1, model.CodeContentInvalid},
		{"DNSKEY", "65536 3 13 AQID", -1, model.CodeContentInvalid},
		{"DS", "1 13 2 abc", -1, model.CodeContentInvalid},
		{"DS", "1 13 2 abcd", -1, model.CodeContentInvalid},
		{"DS", "1 13 2 xyz0", -1, model.CodeContentInvalid},
		{"DS", "1 13 256 " + digest32, -1, model.CodeContentInvalid},
		{"HTTPS", "1", -1, model.CodeContentInvalid},
		{"HTTPS", "1 . alpn=h2 alpn=h3", -1, model.CodeContentInvalid},
		{"HTTPS", "1 . nonsense", -1, model.CodeContentInvalid},
		{"HTTPS", "1 . alpn=h2\n. 1 IN A 192.0.2.1", -1, model.CodeContentInvalid},
		{"HTTPS", "1 . alpn=h2 ; comment", -1, model.CodeContentInvalid},
		{"HTTPS", "1 . ( alpn=h2 )", -1, model.CodeContentInvalid},
		{"HTTPS", "70000 .", -1, model.CodeContentInvalid},
		{"HTTPS", "1 . mandatory=alpn", -1, model.CodeContentInvalid},
		{"LOC", "37 46 46 N", -1, model.CodeContentInvalid},
		{"LOC", "91 N 0 E 0", -1, model.CodeContentInvalid},
		{"LOC", "90 0 1 N 0 E 0", -1, model.CodeContentInvalid},
		{"LOC", "0 60 N 0 E 0", -1, model.CodeContentInvalid},
		{"LOC", "0 0 60 N 0 E 0", -1, model.CodeContentInvalid},
		{"LOC", "0 N 181 E 0", -1, model.CodeContentInvalid},
		{"LOC", "0 N 0 E", -1, model.CodeContentInvalid},
		{"LOC", "0 N 0 E -100001", -1, model.CodeContentInvalid},
		{"LOC", "0 N 0 E 0 90000001", -1, model.CodeContentInvalid},
		{"LOC", "0 N 0 E 0 1 2 3 4", -1, model.CodeContentInvalid},
		{"LOC", "0 N 0 E Inf", -1, model.CodeContentInvalid},
		{"LOC", "0 N 0 E NaN", -1, model.CodeContentInvalid},
		{"LOC", "N 0 E 0", -1, model.CodeContentInvalid},
		{"NAPTR", `30 100 "S" "SIP+D2T" ""`, -1, model.CodeContentInvalid},
		{"NAPTR", `30 100 "S" "SIP+D2T" "" a..b`, -1, model.CodeContentInvalid},
		{"NAPTR", `30 100 "` + strings.Repeat("S", 256) + `" "" "" .`, -1, model.CodeContentInvalid},
		{"SMIMEA", "3 1 1", -1, model.CodeContentInvalid},
		{"TLSA", "3 1 1 abc", -1, model.CodeContentInvalid},
		{"TLSA", "300 1 1 abcd", -1, model.CodeContentInvalid},
		{"SRV", "20 5060 sip.example", -1, model.CodePriority},
		{"SRV", "20 sip.example", 10, model.CodeContentInvalid},
		{"SRV", "20 70000 sip.example", 10, model.CodeContentInvalid},
		{"SRV", "x 20 5060 sip.example", -1, model.CodeContentInvalid},
		{"SRV", "20 5060 192.0.2.1", 10, model.CodeContentInvalid},
		{"SSHFP", "4 2", -1, model.CodeContentInvalid},
		{"SSHFP", "4 2 zz", -1, model.CodeContentInvalid},
		{"SSHFP", "4 2 abcd", -1, model.CodeContentInvalid},
		{"URI", `1 "https://example.com/"`, -1, model.CodePriority},
		{"URI", `1 ""`, 10, model.CodeContentInvalid},
		{"URI", `"https://example.com/"`, 10, model.CodeContentInvalid},
		{"DNAME", "a..b", -1, model.CodeContentInvalid},
		{"DNAME", "a.example.\nb", -1, model.CodeContentInvalid},
		{"TYPE65280", "free text", -1, model.CodeContentInvalid},
		{"TYPE65280", `\# 2 0a`, -1, model.CodeContentInvalid},
	}
	for _, tt := range tests {
		content, _, rdata, err := parseContent(typeOf(t, tt.t), tt.content, pointer(tt.priority), unitTests)
		var v *model.Invalid
		if !errors.As(err, &v) || v.Code != tt.code {
			t.Errorf("%s %q: %q %x, %#v; want code %d", tt.t, tt.content, content, rdata, err, tt.code)
			continue
		}
		if v.Pointer == "" || v.Message == "" || !strings.HasSuffix(v.Message, ".") {
			t.Errorf("%s %q: %+v", tt.t, tt.content, v)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		t, content, message, pointer string
	}{
		{"A", "x", "Content for A record must be a valid IPv4 address.", "/content"},
		{"AAAA", "x", "Content for AAAA record must be a valid IPv6 address.", "/content"},
		{"CNAME", "", "Content for CNAME record is invalid.", "/content"},
		{"MX", "a b", "Content for MX record must be a hostname.", "/content"},
		{"MX", "a", "Priority is required for MX records.", "/priority"},
		{"CAA", "x issue y", `Content for CAA record is invalid: flags: "x" is not a whole number from 0 to 255.`, "/data/flags"},
	} {
		_, _, _, err := parseContent(typeOf(t, tt.t), tt.content, nil, unitTests)
		var v *model.Invalid
		if !errors.As(err, &v) || v.Message != tt.message {
			t.Errorf("%s %q: %v", tt.t, tt.content, err)
		}
	}
}

func TestTXT(t *testing.T) {
	t.Parallel()
	x255, x300 := strings.Repeat("x", 255), strings.Repeat("x", 300)
	tests := []struct {
		content, want string
		strings       []string
	}{
		{"bare", "bare", []string{"bare"}},
		{"two words", "two words", []string{"two words"}},
		{" spaces ", " spaces ", []string{" spaces "}},
		{`v=spf1 include:a.example ~all`, `v=spf1 include:a.example ~all`, []string{"v=spf1 include:a.example ~all"}},
		{`back\slash \065`, `back\slash \065`, []string{`back\slash \065`}},
		{`a"b`, `a"b`, []string{`a"b`}},
		{`"`, `"`, []string{`"`}},
		{`"a`, `"a`, []string{`"a`}},
		{"v=DKIM1; k=rsa; p=(x)", "v=DKIM1; k=rsa; p=(x)", []string{"v=DKIM1; k=rsa; p=(x)"}},
		{"grüße", "grüße", []string{"grüße"}},
		{"line\nbreak", "line\nbreak", []string{"line\nbreak"}},
		{`"quoted"`, `"quoted"`, []string{"quoted"}},
		{"\"quoted\"\n", `"quoted"`, []string{"quoted"}},
		{`"a" "b"`, `"a" "b"`, []string{"a", "b"}},
		{`"a""b"`, `"a""b"`, []string{"a", "b"}},
		{`"a" "" "b"`, `"a" "" "b"`, []string{"a", "", "b"}},
		{`"q\"q \\ \065 \000\255"`, `"q\"q \\ \065 \000\255"`, []string{"q\"q \\ A \x00\xff"}},
		{`"grüße"`, `"grüße"`, []string{"grüße"}},
		{x255, x255, []string{x255}},
		{x300, x300, []string{x255, x300[255:]}},
		{`"` + x255 + `"`, `"` + x255 + `"`, []string{x255}},
		{`"` + x300 + `"`, `"` + x255 + `" "` + x300[255:] + `"`, []string{x255, x300[255:]}},
		{`"` + x300 + `" "y"`, `"` + x255 + `" "` + x300[255:] + `" "y"`, []string{x255, x300[255:], "y"}},
	}
	for _, tt := range tests {
		content, prio, rdata, err := parseContent(wire.TypeTXT, tt.content, pointer(7), unitTests)
		if err != nil || content != tt.want || prio != nil {
			t.Errorf("%q: %q %v %v", tt.content, content, prio, err)
			continue
		}
		got, err := rr.SplitTXT(rdata)
		if err != nil || strings.Join(got, "|") != strings.Join(tt.strings, "|") {
			t.Errorf("%q: strings %q, want %q (%v)", tt.content, got, tt.strings, err)
		}
		checkStable(t, wire.TypeTXT, content, nil, rdata)
	}
}

// A text sent bare and one sent quoted are the same record (contract section 5.6).
func TestTXTSpellingsAreOneRecord(t *testing.T) {
	t.Parallel()
	_, _, bare, _ := parseContent(wire.TypeTXT, "a b", nil, unitTests)
	_, _, quoted, _ := parseContent(wire.TypeTXT, `"a b"`, nil, unitTests)
	if !bytes.Equal(bare, quoted) {
		t.Errorf("%x and %x", bare, quoted)
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	// 4,080 characters is the largest text that was seen; 16 strings are 4,096 octets with their lengths.
	if _, _, rdata, err := parseContent(wire.TypeTXT, strings.Repeat("x", 4080), nil, unitTests); err != nil || len(rdata) != 4096 {
		t.Errorf("%d octets, %v", len(rdata), err)
	}
	if _, _, _, err := parseContent(wire.TypeTXT, strings.Repeat("x", 4081), nil, unitTests); err == nil {
		t.Error("more than 4,096 octets pass")
	}
}

func TestParseType(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"A", "a", "HTTPS", "TYPE65280", "DNAME", "CDS"} {
		if _, err := ParseType(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{"", "FOO", "SOA", "ANY", "AXFR", "OPT", "TSIG", "RRSIG", "NSEC", "NSEC3", "TYPE0", "TYPE251", "TYPE70000", "A "} {
		var v *model.Invalid
		if typ, err := ParseType(s); !errors.As(err, &v) || v.Code != model.CodeTypeInvalid {
			t.Errorf("%s: %v, %v", s, typ, err)
		}
	}
}

// TestEscapedBlanks: a blank that a backslash stands before is a character of the name, also at its end, where one without is none.
func TestEscapedBlanks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		typ           wire.Type
		content, want string
	}{
		{wire.TypeCNAME, `\ `, `\ `},
		{wire.TypeCNAME, `\ .`, `\ `},
		{wire.TypeCNAME, ` a\   `, `a\ `},
		{wire.TypeCNAME, `a\\  `, `a\\`},
		{wire.TypePTR, "a\\\t\t", "a\\\t"},
		{wire.TypeMX, `a\ b\ `, `a\ b\ `},
		{wire.TypeMX, `7  \  `, `\ `},
		{wire.TypeSRV, `1 2 3 a\ .`, `2 3 a\ `},
		{wire.TypeSRV, `1 2 3 a\  `, `2 3 a\ `},
		{wire.TypeHTTPS, `1 a\ `, `1 a\ `},
	} {
		prio := uint16(5)
		text, p, rdata, err := parseContent(tt.typ, tt.content, &prio, unitTests)
		if err != nil || text != tt.want {
			t.Errorf("%s %q: %q, %v", tt.typ, tt.content, text, err)
			continue
		}
		checkStable(t, tt.typ, text, p, rdata)
	}
	// Owners have no blanks as they are; a dot behind an escaped backslash ends a name.
	for in, want := range map[string]string{" a ": "a", ` a\\ `: `a\\`, `a\. `: `a\.`, `a\ `: "", "a\\\t": "", `a\\.`: "", `a.`: ""} {
		n, err := recordName(in, unitTests)
		if want == "" && err == nil || want != "" && (err != nil || n.String() != want+"."+unitTests.String()) {
			t.Errorf("the name %q: %q, %v", in, n, err)
		}
	}
}

func FuzzParseContent(f *testing.F) {
	for _, s := range []string{
		"192.0.2.1", `0 issue "a\"b"`, "1 . alpn=h2", "1 N 2 E 3m", `"a" "b\000"`, `1 2 "u" "" "!a!b!" .`, `10 1 "x"`, `\# 1 00`,
	} {
		for _, t := range []wire.Type{
			wire.TypeA, wire.TypeCAA, wire.TypeHTTPS, wire.TypeLOC, wire.TypeTXT, wire.TypeNAPTR, wire.TypeURI, wire.TypeSRV, wire.TypeTLSA,
		} {
			f.Add(uint16(t), s, 1)
		}
	}
	f.Fuzz(func(t *testing.T, typ uint16, content string, priority int) {
		if priority > 65535 || !json.Valid([]byte(api.QuoteJSON(content))) || strings.ContainsRune(content, '\ufffd') {
			return
		}
		text, prio, rdata, err := parseContent(wire.Type(typ), content, pointer(priority), unitTests)
		if err != nil {
			if _, ok := errors.AsType[*model.Invalid](err); !ok {
				t.Fatalf("%v is not the user's fault", err)
			}
			return
		}
		if len(rdata) > rules.MaxData {
			t.Fatalf("%d octets", len(rdata))
		}
		checkStable(t, wire.Type(typ), text, prio, rdata)
	})
}

func TestBinaryIsKeptAsSent(t *testing.T) {
	t.Parallel()
	upper, _, a, err := parseContent(wire.TypeTLSA, "3 1 1 "+strings.ToUpper(digest32), nil, unitTests)
	if err != nil || !strings.HasSuffix(upper, strings.ToUpper(digest32)) {
		t.Errorf("%s, %v", upper, err)
	}
	raw, _ := hex.DecodeString(digest32)
	if !bytes.HasSuffix(a, raw) {
		t.Errorf("%x", a)
	}
}
