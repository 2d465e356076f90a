package rr_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// str is a character-string, zeros some octets of a digest or a key.
func str(s string) string   { return string(byte(len(s))) + s }
func zeros(n int) string    { return strings.Repeat("\x00", n) }
func naptr(e string) string { return "\x00\x01\x00\x02" + str("S") + str("x") + str(e) + "\x00" }

// param is one parameter of SVCB.
func param(key byte, v string) string { return "\x00" + string(key) + "\x00" + str(v) }

const place = "\x80\x00\x00\x00\x80\x00\x00\x00\x00\x98\x96\x80"

// wireSamples is RDATA at the edge of validity.
var wireSamples = []struct {
	t     string
	data  string
	valid bool
}{
	{"A", "\xc0\x00\x02\x01", true},
	{"A", "abc", false},
	{"A", "abcde", false},
	{"AAAA", zeros(16), true},
	{"AAAA", zeros(15), false},
	{"NS", "\x01a\x00", true},
	{"NS", "\x01a", false},
	{"NS", "\xc0\x0c", false},
	{"NS", "\x00\x00", false},
	{"CNAME", "\x40" + zeros(64) + "\x00", false},
	{"CNAME", strings.Repeat("\x3f"+strings.Repeat("a", 63), 4) + "\x00", false},
	{"MX", "\x00\x01\x00", true},
	{"MX", "\x00\x01", false},
	{"MX", "\x00", false},
	{"SRV", zeros(6) + "\x00", true},
	{"SRV", zeros(6), false},
	{"SRV", zeros(6) + "\xc0\x0c", false},
	{"SOA", "\x00\x00" + zeros(20), true},
	{"SOA", "\x00\x00" + zeros(19), false},
	{"SOA", "\x00\x00" + zeros(21), false},
	{"TXT", "\x00", true},
	{"TXT", "", false},
	{"TXT", "\x02a", false},
	{"TXT", str("a") + str("b"), true},
	{"HINFO", str("a") + str("b"), true},
	{"HINFO", str("a"), false},
	{"HINFO", str("a") + str("b") + str("c"), false},
	{"RP", "\x00\x00", true},
	{"RP", "\x00", false},
	{"DS", "\x00\x01\x0d\x02" + zeros(32), true},
	{"DS", "\x00\x01\x0d\x02\xab\xcd", false},
	{"DS", "\x00\x01\x0d\x02" + zeros(33), false},
	{"DS", "\x00\x01\x0d\x01" + zeros(20), true},
	{"DS", "\x00\x01\x0d\x04" + zeros(48), true},
	{"DS", "\x00\x01\x0d\x09a", true},
	{"DS", "\x00\x01\x0d\x09", false},
	{"CDS", zeros(5), true},
	{"CDS", zeros(4), false},
	{"DNSKEY", "\x01\x01\x03\x0da", true},
	{"DNSKEY", "\x01\x01\x03\x0d", false},
	{"DNSKEY", "\x01\x01\x03\xfda", false},
	{"DNSKEY", "\x01\x01\x03\xfd\x01a\x00k", true},
	{"CDNSKEY", "\x00\x00\x03\x00\x00", true},
	{"CDNSKEY", "\x00\x00\x03\x00", false},
	{"SSHFP", "\x04\x02" + zeros(32), true},
	{"SSHFP", "\x04\x02\xab\xcd", false},
	{"SSHFP", "\x04\x01" + zeros(20), true},
	{"SSHFP", "\x04\x01" + zeros(21), false},
	{"SSHFP", "\x04\x07", false},
	{"TLSA", "\x03\x01\x01a", true},
	{"TLSA", "\x03\x01\x01", false},
	{"SMIMEA", "\x03\x01\x01", false},
	{"CERT", "\x00\x01\x00\x00\x05a", true},
	{"CERT", "\x00\x01\x00\x00\x05", false},
	{"OPENPGPKEY", "a", true},
	{"OPENPGPKEY", "", false},
	{"CAA", "\x00" + str("issue") + `a\b"`, true},
	{"CAA", "\x00" + str("issue"), true},
	{"CAA", "\x00" + str(""), false},
	{"CAA", "\x00" + str("is-ue"), false},
	{"CAA", "\x00\x05issu", false},
	{"URI", "\x00\x01\x00\x01" + `\x"`, true},
	{"URI", "\x00\x01\x00\x01\x00\xff", true},
	{"URI", "\x00\x01\x00\x01", false},
	{"LOC", "\x00\x12\x16\x13" + place, true},
	{"LOC", zeros(4) + place, true},
	{"LOC", "\x01\x12\x16\x13" + place, false},
	{"LOC", "\x00\xa2\x16\x13" + place, false},
	{"LOC", "\x00\x1a\x16\x13" + place, false},
	{"LOC", "\x00\x02\x16\x13" + place, false},
	{"LOC", "\x00\x12\x16\x13" + zeros(12), false},
	{"NAPTR", naptr(""), true},
	{"NAPTR", naptr("!a!b!"), true},
	{"NAPTR", naptr("!a!b!i"), true},
	{"NAPTR", naptr("!a!!"), true},
	{"NAPTR", naptr(`!^(\\+44)([0-9]{3,7})$!sip:\\1@x!`), true},
	{"NAPTR", naptr("/([[:alpha:]]+|[^]-])x*$/\\1/"), true},
	{"NAPTR", naptr(`!a\!b!c!`), true},
	{"NAPTR", naptr("bad"), false},
	{"NAPTR", naptr("!a!b!x"), false},
	{"NAPTR", naptr(`!a!\1!`), false},
	{"NAPTR", naptr(`!(a)!\0!`), false},
	{"NAPTR", naptr("!(a!b!"), false},
	{"NAPTR", naptr("1a1b1"), false},
	{"NAPTR", naptr("!!b!"), false},
	{"NAPTR", naptr("!a!b\x00!"), false},
	{"NAPTR", naptr("!a|!b!"), false},
	{"NAPTR", naptr("!a**!b!"), false},
	{"NAPTR", naptr("!a{2!b!"), false},
	{"NAPTR", naptr("!a{3,2}!b!"), false},
	{"NAPTR", naptr("![a!b!"), false},
	{"NAPTR", naptr("!()!b!"), false},
	{"NAPTR", naptr("!a!b!!"), false},
	{"NAPTR", naptr(`!a\1!b!`), false},
	{"NAPTR", naptr("!^*!b!"), false},
	{"NAPTR", "\x00\x01\x00\x02" + str("ABCDEFGHI"), false},
	{"SVCB", "\x00\x01\x00", true},
	{"SVCB", "\x00\x01", false},
	{"SVCB", "\x00\x01\x00" + param(3, "\x00\x35"), true},
	{"SVCB", "\x00\x01\x00" + param(3, "\x35"), false},
	{"SVCB", "\x00\x01\x00" + param(3, "\x00\x35") + param(1, str("h2")), false},
	{"SVCB", "\x00\x01\x00" + param(3, "\x00\x35") + param(3, "\x00\x35"), false},
	{"HTTPS", "\x00\x01\x00" + param(1, str("h2")), true},
	{"HTTPS", "\x00\x01\x00" + param(1, ""), false},
	{"HTTPS", "\x00\x01\x00" + param(1, "\x00"), false},
	{"HTTPS", "\x00\x01\x00" + param(1, "\x03h2"), false},
	{"HTTPS", "\x00\x01\x00" + param(2, ""), false},
	{"HTTPS", "\x00\x01\x00" + param(1, str("h2")) + param(2, ""), true},
	{"HTTPS", "\x00\x01\x00" + param(1, str("h2")) + param(2, "a"), false},
	{"HTTPS", "\x00\x01\x00" + param(0, "\x00\x01") + param(1, str("h2")), true},
	{"HTTPS", "\x00\x01\x00" + param(0, "\x00\x01"), false},
	{"HTTPS", "\x00\x01\x00" + param(0, ""), false},
	{"HTTPS", "\x00\x01\x00" + param(0, "\x00\x00"), false},
	{"HTTPS", "\x00\x01\x00" + param(0, "\x00\x01\x00\x01") + param(1, str("h2")), false},
	{"HTTPS", "\x00\x01\x00" + param(4, ""), false},
	{"HTTPS", "\x00\x01\x00" + param(4, "abc"), false},
	{"HTTPS", "\x00\x01\x00" + param(6, zeros(16)), true},
	{"HTTPS", "\x00\x01\x00" + param(5, "a"), true},
	{"SVCB", "\x00\x01\x00" + param(7, "/q{?dns}"), true},
	{"SVCB", "\x00\x01\x00" + param(7, ""), false},
	{"SVCB", "\x00\x01\x00" + param(7, "/{?a"), false},
	{"SVCB", "\x00\x01\x00" + param(7, "/{?a}"), false},
	{"SVCB", "\x00\x01\x00" + param(99, "any"), true},
	{"SVCB", "\x00\x01\x00" + "\x00\x63\x00\x09any", false},
	{"CSYNC", "\x00\x00\x00\x01\x00\x03\x00\x01\x40", true},
	{"CSYNC", "\x00\x00\x00\x01\x00\x03\x00\x01\x00", false},
	{"CSYNC", "\x00\x00\x00\x01\x00\x03\x00\x00", false},
	{"CSYNC", zeros(5), false},
	{"APL", "\x00\x01\x18\x03\xc0\x00\x02", true},
	{"APL", "\x00\x01\x18\x03\xc0\x00\x00", false},
	{"APL", "\x00\x01\x21\x03\xc0\x00\x02", false},
	{"EUI48", "abcdef", true},
	{"EUI48", "abcde", false},
	{"EUI64", "abcdefgh", true},
	{"EUI64", "abcdefghi", false},
	{"ZONEMD", "\x00\x00\x00\x01\x01\x01" + zeros(48), true},
	{"ZONEMD", "\x00\x00\x00\x01\x01\x01" + zeros(47), false},
	{"ZONEMD", "\x00\x00\x00\x01\x01\x09" + zeros(11), false},
	{"NSEC3PARAM", "\x01\x00\x00\x01" + str("ab"), true},
	{"NSEC3PARAM", "\x01\x00\x00\x01\x02a", false},
	{"X25", str("1234"), true},
	{"X25", str("abcd"), false},
	{"DHCID", "", false},
	{"HIP", "\x00\x02\x00\x00", false},
	{"TYPE55", "\x04\x02\x00\x01abcdk", true},
	{"TYPE55", "\x04\x02\x00\x01abcdk\x01a\x00", true},
	{"TYPE55", "\x04\x02\x00\x02abcdk", false},
	{"TYPE55", "\x04\x02\x00\x01abcdk\x01a", false},
	{"TYPE55", "\x04\x02", false},
	{"TYPE10", "", false},
	{"TYPE10", "x", true},
	{"TYPE11", "\xc0\x00\x02\x01\x06", true},
	{"TYPE11", "\xc0\x00\x02\x01\x06\x01", true},
	{"TYPE11", "\xc0\x00\x02\x01\x06\x01\x00", false},
	{"TYPE11", "\xc0\x00\x02\x01", false},
	{"TYPE20", str("1"), true},
	{"TYPE20", str("1") + str("2"), true},
	{"TYPE20", str("1") + str("2") + str("3"), false},
	{"TYPE22", "", false},
	{"TYPE25", "\xc0\x00\x03\x0d", true},
	{"TYPE25", "\xc0\x00\x03\x0dk", false},
	{"TYPE25", "\x00\x00\x03\x0d", false},
	{"TYPE31", "", false},
	{"TYPE34", "\x01" + "123", true},
	{"TYPE34", "\x01" + "12a", false},
	{"TYPE34", "\x00", false},
	{"TYPE37", "\x00\x00\x00\x00\x00k", false},
	{"TYPE38", "\x00" + zeros(16), true},
	{"TYPE38", "\x40" + zeros(8) + "\x01a\x00", true},
	{"TYPE38", "\x40" + zeros(8), false},
	{"TYPE38", "\x41\x80" + zeros(7) + "\x00", false},
	{"TYPE38", "\x80\x00", true},
	{"TYPE38", "\x81\x00", false},
	{"TYPE40", "\x01\x01", false},
	{"TYPE40", "\x01\x01\x00", true},
	{"TYPE45", "\x0a\x01\x02\xc0\x00\x02\x01k", true},
	{"TYPE45", "\x0a\x01\x02\xc0\x00\x02\x01", false},
	{"TYPE45", "\x0a\x03\x02\x01a\x00k", true},
	{"TYPE45", "\x0a\x04\x02k", false},
	{"TYPE45", "\x0a\x00\x00k", false},
	{"NSEC3", "\x01\x00\x00\x01\x00" + str(zeros(20)) + "\x00\x01\x40", true},
	{"NSEC3", "\x01\x00\x00\x01\x00" + str(zeros(19)) + "\x00\x01\x40", false},
	{"RRSIG", "\x00\x01\x0d\x01" + zeros(14) + "\x01a\x00k", true},
	{"RRSIG", "\x00\x01\x0d\x00" + zeros(14) + "\x01a\x00k", false},
	{"TYPE56", "", false},
	{"TYPE57", "\x00\x00\x01\x01k", true},
	{"TYPE57", "\x01\x00\x01\x01k", false},
	{"TYPE58", "\x00\x00", true},
	{"TYPE58", "\x00", false},
	{"TYPE66", "\x00\x01\x01\x00\x35\x00", true},
	{"TYPE66", "\x00\x01\x01\x00\x35", false},
	{"TYPE105", zeros(2), false},
	{"TYPE105", zeros(6), true},
	{"TYPE258", "", false},
	{"TYPE258", str("a"), true},
	{"TYPE259", zeros(9) + "\x00", true},
	{"TYPE259", zeros(9), false},
	{"TYPE260", "\x0a\x81\xc0\x00\x02\x01", true},
	{"TYPE260", "\x0a\x01", false},
	{"TYPE261", "", false},
	{"TYPE262", "\x02a", false},
	{"TYPE32768", "\x00\x01\x0d\x02\x00", false},
	{"TYPE65280", "", true},
	{"TYPE65280", "anything", true},
}

func TestValid(t *testing.T) {
	t.Parallel()
	for _, s := range wireSamples {
		typ, err := wire.ParseType(s.t)
		if err != nil {
			t.Fatal(err)
		}
		err = rr.Valid(typ, []byte(s.data))
		if (err == nil) != s.valid {
			t.Errorf("%s %x: %v", s.t, s.data, err)
		}
		text := rr.FormatData(typ, []byte(s.data))
		again, err := rr.ParseData(typ, text, wire.Root)
		if s.valid && (err != nil || string(again) != s.data) {
			t.Errorf("%s %x: formats as %s, which reads as %x, %v", s.t, s.data, text, again, err)
		}
		if !s.valid && err == nil {
			t.Errorf("%s %x: formats as %s, which is accepted", s.t, s.data, text)
		}
		if s.valid && strings.HasPrefix(text, `\#`) && !strings.HasPrefix(s.t, "TYPE") {
			t.Errorf("%s %x: has no text but %s", s.t, s.data, text)
		}
	}
}

// BIND takes as a secondary what it takes here: all that we hold valid, in one zone.
func TestPeersLoadWhatIsValid(t *testing.T) {
	t.Parallel()
	var zone strings.Builder
	zone.WriteString("$TTL 1\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n")
	for i, s := range wireSamples {
		if !s.valid || s.t == "SOA" || s.t == "CNAME" || s.t == "NSEC3PARAM" || s.t == "ZONEMD" {
			continue // these belong to one place in a zone
		}
		fmt.Fprintf(&zone, "x%d %s \\# %d %s\n", i, s.t, len(s.data), hex.EncodeToString([]byte(s.data)))
		if s.t == "DS" {
			fmt.Fprintf(&zone, "x%d NS ns\n", i)
		}
	}
	path := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(path, []byte(zone.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, check := range [][]string{{"named-checkzone", "-k", "ignore", "-i", "none"}, {"nsd-checkzone"}} {
		args := append(check[1:], "example.org", path)
		if out, err := exec.CommandContext(t.Context(), check[0], args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\n%s", check[0], err, out, zone.String())
		}
	}
}
