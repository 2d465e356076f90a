package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		wire wire.Name
		text string
		err  error
	}{
		{".", "\x00", ".", nil},
		{"a", "\x01a\x00", "a.", nil},
		{"A.Example.", "\x01a\x07example\x00", "a.example.", nil},
		{`a\.b.c`, "\x03a.b\x01c\x00", `a\.b.c.`, nil},
		{`\065\255\000.x`, "\x03a\xff\x00\x01x\x00", `a\255\000.x.`, nil},
		{"*.x", "\x01*\x01x\x00", "*.x.", nil},
		{"", "", "", wire.ErrLabelEmpty},
		{"a..b", "", "", wire.ErrLabelEmpty},
		{".a", "", "", wire.ErrLabelEmpty},
		{"..", "", "", wire.ErrLabelEmpty},
		{`a\`, "", "", wire.ErrEscape},
		{`a\25`, "", "", wire.ErrEscape},
		{`a\256`, "", "", wire.ErrEscape},
		{`a\2x5`, "", "", wire.ErrEscape},
		{strings.Repeat("a", 63), wire.Name("\x3f" + strings.Repeat("a", 63) + "\x00"), strings.Repeat("a", 63) + ".", nil},
		{strings.Repeat("a", 64), "", "", wire.ErrLabelTooLong},
		{strings.Repeat("a.", 127), wire.Name(strings.Repeat("\x01a", 127) + "\x00"), strings.Repeat("a.", 127), nil},
		{strings.Repeat("a.", 128), "", "", wire.ErrNameTooLong},
	}
	for _, tt := range tests {
		got, err := wire.ParseName(tt.in)
		if got != tt.wire || !errors.Is(err, tt.err) {
			t.Errorf("ParseName(%q) = %q, %v", tt.in, got, err)
		}
		if got.String() != tt.text {
			t.Errorf("%q.String() = %q", tt.in, got.String())
		}
		if err == nil {
			if back, err := wire.NameFromWire([]byte(tt.wire)); err != nil || back != got {
				t.Errorf("NameFromWire(%q) = %q, %v", tt.wire, back, err)
			}
		}
	}
}

func TestNameFromWireErrors(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]error{
		"":                                     wire.ErrShort,
		"\x01":                                 wire.ErrShort,
		"\x01a":                                wire.ErrShort,
		"\x00\x00":                             wire.ErrTrailing,
		"\xc0\x0c":                             wire.ErrLabelTooLong,
		"\x40":                                 wire.ErrLabelTooLong,
		strings.Repeat("\x01a", 128) + "\x00":  wire.ErrNameTooLong,
		strings.Repeat("\x01a", 127) + "\x01b": wire.ErrNameTooLong,
	} {
		if _, err := wire.NameFromWire([]byte(in)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", in, err, want)
		}
	}
}

// The example of RFC 4034 section 6.1, and cases where octets and label lengths pull apart.
func TestCompare(t *testing.T) {
	t.Parallel()
	order := []string{
		".", "example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.", "z.example.",
		`\001.z.example.`, "*.z.example.", `\200.z.example.`, "examplf.",
	}
	for i, a := range order {
		for j, b := range order {
			got := wire.Compare(wire.MustName(a), wire.MustName(b))
			if got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("Compare(%s, %s) = %d", a, b, got)
			}
		}
	}
}

func TestNameRelations(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, zone string
		within     bool
	}{
		{"a.b.", "b.", true},
		{"b.", "b.", true},
		{"b.", "a.b.", false},
		{"ab.", "b.", false},
		{"a.", ".", true},
		{`x\003abc.`, "abc.", false},
	}
	for _, tt := range tests {
		if got := wire.MustName(tt.name).Within(wire.MustName(tt.zone)); got != tt.within {
			t.Errorf("%s within %s = %v", tt.name, tt.zone, got)
		}
	}
	n, err := wire.MustName("example.").Child("WWW")
	if err != nil || n != wire.MustName("www.example.") || n.Parent() != wire.MustName("example.") || n.CountLabels() != 2 {
		t.Errorf("Child = %v, %v", n, err)
	}
	if _, err := wire.MustName(strings.Repeat("a.", 126)).Child("bb"); !errors.Is(err, wire.ErrNameTooLong) {
		t.Errorf("Child beyond 255: %v", err)
	}
	if !wire.MustName("*.a.").IsWildcard() || wire.MustName("*a.a.").IsWildcard() || wire.MustName("a.*.").IsWildcard() {
		t.Error("IsWildcard")
	}
	if wire.MustName("a.b.").Host() != "a.b" || wire.Root.Host() != "." {
		t.Error("Host")
	}
}

func TestFoldName(t *testing.T) {
	t.Parallel()
	in := make([]byte, 256)
	for i := range in {
		in[i] = byte(i)
	}
	for n := range in { // every length, so that the whole words and the tail both see every octet
		b := append([]byte(nil), in[n:]...)
		wire.FoldName(b)
		for i, c := range b {
			want := in[n+i]
			if want >= 'A' && want <= 'Z' {
				want += 'a' - 'A'
			}
			if c != want {
				t.Fatalf("octet %d of tail %d becomes %d", want, n, c)
			}
		}
	}
}

func TestMnemonics(t *testing.T) {
	t.Parallel()
	for s := range strings.FieldsSeq("A AAAA CAA CERT CNAME DNSKEY DS HTTPS LOC MX NAPTR NS OPENPGPKEY PTR SMIMEA SOA SRV SSHFP SVCB TLSA TXT URI TYPE65280") {
		typ, err := wire.ParseType(strings.ToLower(s))
		if err != nil || typ.String() != s {
			t.Errorf("%s: %v, %v", s, typ, err)
		}
	}
	for _, s := range []string{"", "TYPE", "TYPE65536", "TYPE-1", "BOGUS"} {
		if _, err := wire.ParseType(s); !errors.Is(err, wire.ErrMnemonic) {
			t.Errorf("%q: %v", s, err)
		}
	}
	if wire.TypeA.IsMeta() || !wire.TypeAXFR.IsMeta() || !wire.TypeOPT.IsMeta() || wire.TypeURI.IsMeta() {
		t.Error("IsMeta")
	}
	got := []string{
		wire.ClassIN.String(), wire.Class(9).String(), wire.OpcodeNotify.String(), wire.Opcode(2).String(),
		wire.RcodeBadSig.ErrorString(), wire.RcodeBadVers.String(), wire.RcodeBadKey.ErrorString(), wire.Rcode(77).String(),
	}
	want := "IN CLASS9 NOTIFY OPCODE2 BADSIG BADVERS BADKEY RCODE77"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v", got)
	}
}

func TestSerials(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b uint32
		want bool
	}{
		{1, 0, true},
		{0, 1, false},
		{5, 5, false},
		{0, 1<<32 - 1, true},
		{1 << 31, 0, false},
		{0, 1 << 31, false},
		{1<<31 - 1, 0, true},
		{44, 100, false},
		{100, 44, true}, // RFC 1982 section 5
	}
	for _, tt := range tests {
		if got := wire.SerialNewer(tt.a, tt.b); got != tt.want {
			t.Errorf("SerialNewer(%d, %d) = %v", tt.a, tt.b, got)
		}
	}
	soa := append(append(name("m.x."), name("r.x.")...), numbers...)
	if s, err := wire.SOASerial(soa); err != nil || s != 7 {
		t.Errorf("SOASerial = %d, %v", s, err)
	}
	wire.SetSOASerial(soa, 8)
	if s, _ := wire.SOASerial(soa); s != 8 {
		t.Errorf("after SetSOASerial: %d", s)
	}
	if _, err := wire.SOASerial(soa[:len(soa)-1]); err == nil {
		t.Error("a short SOA has a serial")
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{".", "a.b.", `\.\000x.`, "*.example.com"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := wire.ParseName(s)
		if err != nil {
			return
		}
		if back, err := wire.ParseName(n.String()); err != nil || back != n {
			t.Fatalf("%q: %q reads back as %q, %v", s, n.String(), back, err)
		}
		if back, err := wire.NameFromWire([]byte(n)); err != nil || back != n {
			t.Fatalf("%q: %q is no wire name: %v", s, n, err)
		}
	})
}

func BenchmarkQueryParse(b *testing.B) {
	m := msg(1, 0, [4]uint16{1, 0, 0, 1}, "@www.some.example.org.", typeA, optHead, "\x00\x00")
	var q wire.Query
	for b.Loop() {
		q.Parse(m)
	}
}

func BenchmarkBuilder(b *testing.B) {
	var q wire.Query
	q.Parse(msg(1, 0, [4]uint16{1}, "@www.some.example.org.", typeA))
	owner, buf := name("ns1.example.org."), make([]byte, 0, 1500)
	var bd wire.Builder
	o := wire.OPT{UDPSize: 1232}
	for b.Loop() {
		bd.Start(buf, 1232, q.ID, wire.FlagQR)
		bd.Echo(&q)
		bd.Append(q.Name, wire.TypeA, wire.ClassIN, 1, owner[:4])
		bd.Append(owner, wire.TypeA, wire.ClassIN, 1, owner[:4])
		bd.OPT(&o)
		bd.Finish()
	}
}
