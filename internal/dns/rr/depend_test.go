package rr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// What depends on a line that was passed over is passed over, too, and told: a record never lands where another was.
func TestDependentLinesArePassedOver(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, file, want string }{
		{"owner", "a..b A 192.0.2.1\n A 192.0.2.2\nc A 192.0.2.3\n A 192.0.2.4", "1! 2! c:3 c:4"},
		{"label", strings.Repeat("x", 64) + " A 192.0.2.1\n\tA 192.0.2.2\n; c\n\n  A 192.0.2.3\n@ A 192.0.2.4", "1! 2! 5! @:6"},
		{"escape", `\999 A 192.0.2.1` + "\n A 192.0.2.2\nc A 192.0.2.3", "1! 2! c:3"},
		{"quote", "b TXT \"open\n A 192.0.2.2\nc A 192.0.2.3", "1! 2! c:3"},
		{"quote of the last owner", " TXT \"open\n A 192.0.2.2", "1! @:2"},
		{"quote in parentheses", "b TXT ( \"open\n d A 192.0.2.9 )\n A 192.0.2.2\nc A 192.0.2.3", "1! 3! c:4"},
		{"parenthesis too many", "b A 192.0.2.1 )\n A 192.0.2.2\nc A 192.0.2.3", "1! 2! c:3"},
		{"parenthesis too many, no owner", " A 192.0.2.1 )\n A 192.0.2.2\nc A 192.0.2.3", "1! 2! c:3"},
		{"parenthesis open", "b A ( 192.0.2.1\n A 192.0.2.2\nc A 192.0.2.3", "1!"},
		{"too long", "b TXT (" + strings.Repeat(" \"x\"\n", 1<<18) + "\nd A 192.0.2.1 )\n A 192.0.2.2\nc A 192.0.2.3", "1! 262147! c:262148"},
		{"too long a line", "b TXT " + strings.Repeat("x", 1<<20) + "\n A 192.0.2.2\nc A 192.0.2.3", "1! 2! c:3"},
		{"NUL", "b\x00 A 192.0.2.1\n A 192.0.2.2\nc A 192.0.2.3", "1! 2! c:3"},
		{"type", "b BOGUS x\n A 192.0.2.2", "1! b:2"},
		{"data", "b A 192.0.2.999\n A 192.0.2.2", "1! b:2"},
		{
			"origin", "$ORIGIN a..b\nc A 192.0.2.1\n@ A 192.0.2.2\n A 192.0.2.3\nd.x. A 192.0.2.4\n A 192.0.2.5\n$ORIGIN sub\ne A 192.0.2.6\n$ORIGIN y.x.\nf A 192.0.2.7",
			"1! 2! 3! 4! d.x.:5 d.x.:6 7! 8! f.y.x.:10",
		},
		{"origin in data", "$ORIGIN a..b\nc.x. CNAME d\nc.x. MX 10 d.x.\nc.x. MX 10 @\nc.x. TXT d\nc.x. RP d. d", "1! 2! c.x.:3 4! c.x.:5 6!"},
		{"origin in quotes", "$ORIGIN \"open\nc A 192.0.2.1", "1! 2!"},
		{"misspelt", "$ORIGN sub\nc 1 A 192.0.2.1\nc.x. A 192.0.2.1", "1! 2! 3!"},
		{"ttl", "$TTL soon\na A 192.0.2.1\n A 192.0.2.2\n 60 A 192.0.2.3\n$TTL 5\n A 192.0.2.4", "1! 2! 3! a/60:4 a/5:6"},
		{"last ttl", "$TTL 5\na 60x A 192.0.2.1\nb A 192.0.2.2", "2! b/5:3"},
		{
			"generate", "$GENERATE 1-2 a$ BOGUS $\n A 192.0.2.1\n$GENERATE 1-2 b..$ A 192.0.2.$\n$GENERATE 1-2 c$ A 192.0.2.$\n A 192.0.2.1",
			"1! @:2 3! c1:4 c2:4 @:5",
		},
		{"generate with no origin", "$ORIGIN a..b\n$GENERATE 1-2 a$ A 192.0.2.$\n$GENERATE 1-2 a$.x. A 192.0.2.$\n$GENERATE 1-2 a$.x. CNAME b$", "1! 2! a1.x.:3 a2.x.:3 4! 4!"},
	} {
		in := "@ TXT first\n"
		if tt.name == "ttl" || tt.name == "last ttl" {
			in = "@ 7 TXT first\n"
		}
		if got := digest(t, in+tt.file); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	// Without $TTL a record has the ttl of the one before, which nobody knows behind a line that may have given another.
	if got, want := digest(t, "@ 7 TXT first\na 60x A 192.0.2.1\n\"b\nc A 192.0.2.2\nd 8 A 192.0.2.3\ne A 192.0.2.4"), "1! 2! 3! d/8:4 e/8:5"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// Neither is there a ttl to be known in a file that gives none.
	if got, want := digest(t, "@ TXT first\na..b A 192.0.2.1\n\"b\n)\nc A 192.0.2.2"), "1! 2! 3! c:4"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// digest tells the records and errors of a file in few words: owner/ttl:line, and line! for an error. Its first line is not
// counted.
func digest(t *testing.T, in string) string {
	t.Helper()
	entries, errs := readAll(t, in)
	type at struct {
		line int
		text string
	}
	var all []at
	for _, e := range entries[1:] {
		name := strings.TrimSuffix(e.Owner.String(), "."+origin.String())
		if e.Owner == origin {
			name = "@"
		}
		if e.HasTTL {
			name += fmt.Sprintf("/%d", e.TTL)
		}
		text := fmt.Sprintf("%s:%d", name, e.Line-1)
		if _, err := e.Data(); err != nil {
			text = fmt.Sprintf("%d!", e.Line-1)
		}
		all = append(all, at{e.Line, text})
	}
	for _, e := range errs {
		var line int
		if _, err := fmt.Sscanf(e, "line %d:", &line); err != nil {
			t.Fatal(e)
		}
		all = append(all, at{line, fmt.Sprintf("%d!", line-1)})
	}
	var out []string
	for n := 0; len(out) < len(all); n++ {
		for _, a := range all {
			if a.line == n {
				out = append(out, a.text)
			}
		}
	}
	return strings.Join(out, " ")
}

// Names that are not ASCII become A-labels wherever names stand, a byte-order mark is no part of the first one, and texts keep
// their octets.
func TestFilesInUnicode(t *testing.T) {
	t.Parallel()
	in := "\ufeffbücher 1 CNAME Größe\nBÜCHER。Example.org. 1 MX 10 ü.\n\"ö\" 1 RP ä. ß\n@ 1 SVCB 1 é. alpn=\"h2\"\n@ 1 NAPTR 1 1 \"\" \"ü\" \"\" ö\n" +
		"@ 1 TXT ü \"ö\"\n$ORIGIN straße\n@ 1 HINFO ü ö\nx\xff 1 A 192.0.2.1\n´é 1 A 192.0.2.1\nx 1 PTR \xed\xa0\x80\n\\195\\188 1 A 192.0.2.1\n"
	entries, errs := readAll(t, in)
	var got []string
	for _, e := range entries {
		data, err := e.Data()
		if err != nil {
			errs = append(errs, fmt.Sprintf("line %d: %v", e.Line, err))
			continue
		}
		got = append(got, e.Owner.String()+" "+e.Type.String()+" "+rr.FormatData(e.Type, data))
	}
	want := []string{
		"xn--bcher-kva.example.org. CNAME xn--gre-6ka8i.example.org.",
		"xn--bcher-kva.example.org. MX 10 xn--tda.",
		"xn--nda.example.org. RP xn--4ca. xn--zca.example.org.",
		`example.org. SVCB 1 xn--9ca. alpn="h2"`,
		`example.org. NAPTR 1 1 "" "\195\188" "" xn--nda.example.org.`,
		`example.org. TXT "\195\188" "\195\182"`,
		`xn--strae-oqa.example.org. HINFO "\195\188" "\195\182"`,
		`\195\188.xn--strae-oqa.example.org. A 192.0.2.1`,
	}
	if diff := testkit.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(errs) != 3 {
		t.Errorf("%q", errs)
	}
}

// What is shown of an A-label reads back as it, or the A-label is shown.
func TestALabelsThatDoNotMapBack(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"xn--bcher-kva.example": "bücher.example", "xn--a.example": "xn--a.example", "xn--.example": "xn--.example", "xn--abc-.example": "xn--abc-.example",
		"xn--a-qin.example": "xn--a-qin.example", "xn--a-ugn": "xn--a-ugn", // U+202E, U+200D
		"xn--xn--bcher-kva-.example": "xn--xn--bcher-kva-.example", "xn--Bcher-kva": "xn--Bcher-kva",
	} {
		if got := rr.ToUnicode(in); got != want {
			t.Errorf("%s is shown as %q, want %q", in, got, want)
		}
	}
}

// An SOA without a ttl has its minimum, and so has all that follows.
func TestSOAGivesTheTTL(t *testing.T) {
	t.Parallel()
	entries, errs := readAll(t, "@ SOA a b ( 1 2 3 4\n 5m )\na A 192.0.2.1\nb 60 A 192.0.2.1\nc A 192.0.2.1\n")
	var got []uint32
	for _, e := range entries {
		got = append(got, e.TTL)
	}
	if diff := testkit.Diff([]uint32{300, 300, 60, 300}, got); diff != "" || len(errs) > 0 {
		t.Error(diff, errs)
	}
}
