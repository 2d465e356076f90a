package rr_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
)

var origin = wire.MustName("example.org")

// samples holds data of every type of the contract and of others that zone files carry, in the form that we write.
var samples = []struct {
	t    wire.Type
	text string
}{
	{wire.TypeA, "192.0.2.1"},
	{wire.TypeAAAA, "2001:db8::1"},
	{wire.TypeAAAA, "::ffff:192.0.2.1"},
	{wire.TypeCAA, `0 issue "ca.example; policy=ev"`},
	{wire.TypeCERT, "PKIX 2 RSASHA256 AQIDBA=="},
	{wire.TypeCNAME, "target.example."},
	{wire.TypeDNSKEY, "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="},
	{wire.TypeDS, "12345 13 2 49FD46E6C4B45C55D4AC69CBD3CD34AC1AFE51DE0DBA3F6B0E6A0A4F7E8C6C2A"},
	{wire.TypeHTTPS, `1 . alpn="h2,h3" ipv4hint="192.0.2.1"`},
	{wire.TypeSVCB, `16 foo.example. alpn="h2" port="53"`},
	{wire.TypeLOC, "37 46 46.000 N 122 23 35.000 W 0.00m 100m 0.00m 0.00m"},
	{wire.TypeMX, "10 mail.example.org."},
	{wire.TypeMX, "0 ."},
	{wire.TypeNAPTR, `100 50 "s" "SIP+D2U" "" _sip._udp.example.org.`},
	{wire.TypeNS, "ns1.example.org."},
	{wire.TypeOPENPGPKEY, "AQIDBAUG"},
	{wire.TypePTR, "host.example.org."},
	{wire.TypeSMIMEA, "3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971"},
	{wire.TypeSOA, "ns1.example.org. hostmaster.example.org. 1 2 3 4 5"},
	{wire.TypeSRV, "10 20 5060 sip.example.org."},
	{wire.TypeSSHFP, "4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789"},
	{wire.TypeTLSA, "3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971"},
	{wire.TypeTXT, `"one" "two \"quoted\" \\ \000\255"`},
	{wire.TypeURI, `10 1 "https://www.example.org/path"`},
	{wire.TypeDNAME, "other.example."},
	{wire.TypeRP, "admin.example.org. txt.example.org."},
	{wire.TypeHINFO, `"cpu" "os"`},
	{wire.TypeAFSDB, "1 db.example.org."},
	{wire.TypeAPL, "1:192.0.2.0/24 !2:2001:db8::/32"},
	{wire.TypeCSYNC, "66 3 A NS AAAA"},
	{wire.TypeCDS, "0 0 0 00"},
	{wire.TypeCDNSKEY, "0 3 0 AA=="},
	{wire.TypeEUI48, "00-00-5e-00-53-2a"},
	{wire.TypeEUI64, "00-00-5e-ef-10-00-00-2a"},
	{wire.Type(65280), `\# 3 0A0B0C`},
	{wire.Type(65280), `\# 0`},
}

func TestDataRoundTrip(t *testing.T) {
	t.Parallel()
	for _, tt := range samples {
		data, err := rr.ParseData(tt.t, tt.text, origin)
		if err != nil {
			t.Errorf("%s %s: %v", tt.t, tt.text, err)
			continue
		}
		if err := rr.Valid(tt.t, data); err != nil {
			t.Errorf("%s %s: %v", tt.t, tt.text, err)
		}
		text := rr.FormatData(tt.t, data)
		again, err := rr.ParseData(tt.t, text, origin)
		if err != nil || !bytes.Equal(data, again) {
			t.Errorf("%s %s: formats as %s, which reads as %x, %v", tt.t, tt.text, text, again, err)
		}
		if !strings.EqualFold(text, tt.text) && tt.t != wire.TypeLOC && tt.t != wire.TypeAAAA {
			t.Errorf("%s formats as\n%s, want\n%s", tt.t, text, tt.text)
		}
	}
}

func TestTXTWithEveryOctet(t *testing.T) {
	t.Parallel()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	data := rr.JoinTXT(string(all))
	got, err := rr.ParseData(wire.TypeTXT, rr.FormatData(wire.TypeTXT, data), origin)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%x, %v", got, err)
	}
}

func TestBadData(t *testing.T) {
	t.Parallel()
	tests := []struct {
		t    wire.Type
		text string
	}{
		{wire.TypeA, "1.2.3"},
		{wire.TypeA, "01.2.3.4"},
		{wire.TypeA, "2001:db8::1"},
		{wire.TypeA, ""},
		{wire.TypeA, "192.0.2.1 x"},
		{wire.TypeAAAA, "192.0.2.1"},
		{wire.TypeAAAA, "fe80::1%eth0"},
		{wire.TypeMX, "mail"},
		{wire.TypeMX, "70000 mail"},
		{wire.TypeTXT, ""},
		{wire.TypeTXT, `"open`},
		{wire.TypeTXT, `"` + strings.Repeat("x", 256) + `"`},
		{wire.TypeTXT, `\25`},
		{wire.TypeTXT, "a\nb IN A 192.0.2.1"},
		{wire.TypeTXT, "a ; lost"},
		{wire.TypeCAA, `0 issue "x" ( `},
		{wire.TypeCNAME, "a..b"},
		{wire.TypeCNAME, strings.Repeat("x", 64) + "."},
		{wire.TypeSRV, "1 2 host"},
		{wire.TypeLOC, "north"},
		{wire.TypeHTTPS, `1 . alpn="h2" alpn="h3"`},
		{wire.TypeANY, `\# 0`},
		{wire.TypeOPT, `\# 0`},
		{wire.Type(65280), "text"},
		{wire.TypeA, `\# 3 010203`},
		{wire.TypeNAPTR, "1 2"},
		{wire.TypeTLSA, "3 1 1 zz"},
		{wire.TypeSSHFP, "4"},
	}
	for _, tt := range tests {
		if data, err := rr.ParseData(tt.t, tt.text, origin); err == nil {
			t.Errorf("%s %q reads as %x", tt.t, tt.text, data)
		}
	}
}

func TestNamesAreCanonicalAndRelative(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		t          wire.Type
		text, want string
	}{
		{wire.TypeCNAME, "WWW", "www.example.org."},
		{wire.TypeNS, "@", "example.org."},
		{wire.TypeMX, "5 Mail.Example.NET.", "5 mail.example.net."},
		{wire.TypeSOA, "NS1 Host.Master 1 2 3 4 5", "ns1.example.org. host.master.example.org. 1 2 3 4 5"},
		{wire.TypeNAPTR, `1 1 "" "" "" Down`, `1 1 "" "" "" down.example.org.`},
		{wire.TypeCNAME, `a\.b`, `a\.b.example.org.`},
	} {
		data, err := rr.ParseData(tt.t, tt.text, origin)
		if got := rr.FormatData(tt.t, data); err != nil || got != tt.want {
			t.Errorf("%s %s: %s, %v; want %s", tt.t, tt.text, got, err, tt.want)
		}
	}
}

const file = `$TTL 1h
@ IN SOA ns1 hostmaster ( 1 ; serial
	7200 3600 1209600
	300 )
	NS ns1
ns1 300 IN A 192.0.2.1 ; the first
    IN 60 AAAA 2001:db8::1
$ORIGIN sub
txt TXT "a;b" "c (d)"
* CNAME @
odd TYPE65280 \# 2 abcd
$GENERATE 1-3/2 h$ A 192.0.2.${10}
`

func readAll(t *testing.T, in string) (entries []rr.Entry, errs []string) {
	t.Helper()
	r := rr.NewReader(strings.NewReader(in), origin)
	for {
		e, err := r.Next()
		var le *rr.LineError
		switch {
		case errors.Is(err, io.EOF):
			return entries, errs
		case errors.As(err, &le):
			errs = append(errs, err.Error())
		case err != nil:
			t.Fatal(err)
		default:
			entries = append(entries, e)
		}
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	// $ORIGIN without a final dot is relative to the one before.
	entries, errs := readAll(t, file)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var b bytes.Buffer
	w := rr.NewWriter(&b)
	for _, e := range entries {
		data, err := e.Data()
		if err != nil {
			t.Fatalf("line %d: %v", e.Line, err)
		}
		if err := w.Write(e.Owner, e.Type, e.TTL, data, e.Comment); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"example.org.\t3600\tIN\tSOA\tns1.example.org. hostmaster.example.org. 1 7200 3600 1209600 300 ; serial",
		"example.org.\t3600\tIN\tNS\tns1.example.org.",
		"ns1.example.org.\t300\tIN\tA\t192.0.2.1 ; the first",
		"ns1.example.org.\t60\tIN\tAAAA\t2001:db8::1",
		"txt.sub.example.org.\t3600\tIN\tTXT\t\"a;b\" \"c (d)\"",
		"*.sub.example.org.\t3600\tIN\tCNAME\tsub.example.org.",
		"odd.sub.example.org.\t3600\tIN\tTYPE65280\t\\# 2 ABCD",
		"h1.sub.example.org.\t3600\tIN\tA\t192.0.2.11",
		"h3.sub.example.org.\t3600\tIN\tA\t192.0.2.13",
	}, "\n") + "\n"
	if diff := testkit.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestReaderErrorsNameLinesAndGoOn(t *testing.T) {
	t.Parallel()
	entries, errs := readAll(t, "$INCLUDE /etc/passwd\na A 192.0.2.1\nb CH TXT x\nc NOTYPE x\nd A \"open\n"+
		"$GENERATE 1-9999999 x A 192.0.2.1\n)\ne A 192.0.2.2\n$BOGUS\n")
	if len(entries) != 2 {
		t.Errorf("%d entries", len(entries))
	}
	want := []int{1, 3, 4, 5, 6, 7, 9}
	if len(errs) != len(want) {
		t.Fatalf("%q", errs)
	}
	if !strings.Contains(errs[0], "line 1: $INCLUDE directive not allowed") {
		t.Error(errs[0])
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"WWW.Example": "www.example", "bücher.example": "xn--bcher-kva.example", "_dmarc.x": "_dmarc.x", "*.Bücher.de.": "*.xn--bcher-kva.de.",
	} {
		if got, err := rr.ToASCII(in); err != nil || got != want {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	if got := rr.ToUnicode("xn--bcher-kva.example"); got != "bücher.example" {
		t.Error(got)
	}
}

// The servers that follow us load what we write.
func TestPeersLoadEveryType(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("example.org. 300 IN SOA ns1.example.org. h.example.org. 1 2 3 4 5\nexample.org. 300 IN NS ns1.example.org.\n")
	b.WriteString("ns1.example.org. 300 IN A 192.0.2.1\n")
	for i, s := range samples {
		if s.t == wire.TypeSOA || s.t == wire.TypeNS || s.t == wire.TypeDS {
			continue
		}
		data, err := rr.ParseData(s.t, s.text, origin)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("n" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + ".example.org. 300 IN " + s.t.String() + " " + rr.FormatData(s.t, data) + "\n")
	}
	path := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, check := range [][]string{{"named-checkzone", "-k", "ignore", "-i", "none"}, {"nsd-checkzone"}} {
		args := append(check[1:], "example.org", path)
		out, err := exec.CommandContext(t.Context(), check[0], args...).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s\n%s", check[0], err, out, b.String())
		}
	}
}

func FuzzParseData(f *testing.F) {
	for _, s := range samples {
		f.Add(uint16(s.t), s.text)
	}
	f.Fuzz(func(t *testing.T, typ uint16, text string) {
		data, err := rr.ParseData(wire.Type(typ), text, origin)
		if err != nil {
			return
		}
		out := rr.FormatData(wire.Type(typ), data)
		again, err := rr.ParseData(wire.Type(typ), out, wire.Root)
		if err != nil || !bytes.Equal(data, again) {
			t.Fatalf("%s %q: %q reads as %x, not %x: %v", wire.Type(typ), text, out, again, data, err)
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add(file)
	f.Fuzz(func(t *testing.T, in string) {
		if strings.Contains(in, "$") && len(in) > 200 {
			return // $GENERATE may make many records of a short line; bounded, but slow to fuzz
		}
		r := rr.NewReader(strings.NewReader(in), origin)
		for range 10000 {
			if _, err := r.Next(); errors.Is(err, io.EOF) {
				return
			}
		}
	})
}
