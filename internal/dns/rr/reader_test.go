package rr_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Where there is no $TTL a record without one has that of the record before it (RFC 1035 section 5.1).
func TestTTLIsInherited(t *testing.T) {
	t.Parallel()
	entries, errs := readAll(t, "a A 192.0.2.1\nb 60 CLASS1 A 192.0.2.1\nc IN A 192.0.2.1\n$TTL 300\nd A 192.0.2.1\ne 1h5m A 192.0.2.1\nf A 192.0.2.1\n")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%d %v", e.TTL, e.HasTTL))
	}
	if want := "0 false, 60 true, 60 true, 300 true, 3900 true, 300 true"; strings.Join(got, ", ") != want {
		t.Errorf("%s, want %s", strings.Join(got, ", "), want)
	}
}

func TestComments(t *testing.T) {
	t.Parallel()
	entries, errs := readAll(t, "; a file\n@ 1 IN A 192.0.2.1 ; note cf_tags=a:b,cf-proxied:true\n\n@ 1 IN TXT \"a;b\" c\\;d;note\n")
	if len(errs) > 0 || len(entries) != 2 || entries[0].Comment != "note cf_tags=a:b,cf-proxied:true" || entries[1].Comment != "note" {
		t.Errorf("%+v %v", entries, errs)
	}
}

// An error names its line, and the reader goes on behind it.
func TestErrorsNameTheirLines(t *testing.T) {
	t.Parallel()
	in := "a 1 A 192.0.2.1\n$INCLUDE /etc/passwd\nb 1 CH TXT x\nc 1 BOGUS x\nd 1 TXT \"open\n$TTL soon\n$ORIGIN a..b\ne.x. 1 A 192.0.2.5\n" +
		"f..g 1 A 192.0.2.1\n$GENERATE 1-99999999 h$ A 192.0.2.1\n$GENERATE 5-1 h$ A 192.0.2.1\n$FOO\n) \ng 1 ANY x\nh 1 A (\n"
	entries, errs := readAll(t, in)
	var lines []string
	for _, e := range errs {
		lines = append(lines, strings.TrimPrefix(e[:strings.Index(e, ":")], "line "))
	}
	if got, want := strings.Join(lines, " "), "2 3 4 5 6 7 9 10 11 12 13 14 15"; got != want || len(entries) != 2 || entries[1].Line != 8 {
		t.Errorf("lines %s, want %s; %d records\n%s", got, want, len(entries), strings.Join(errs, "\n"))
	}
}

// A short file must not become a million records.
func TestGenerateIsBounded(t *testing.T) {
	t.Parallel()
	r := rr.NewReader(strings.NewReader(strings.Repeat("$GENERATE 0-65535 h$ 1 A 192.0.2.1\n", 100)), origin)
	records, refused := 0, 0
	for {
		_, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, rr.ErrGenerate) {
			refused++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		records++
	}
	if records != 4*65536 || refused != 96 {
		t.Errorf("%d records, %d refused", records, refused)
	}
}

func TestQuotesAndEscapesInNames(t *testing.T) {
	t.Parallel()
	data, err := rr.ParseData(wire.TypeMX, `5 a\ b\".example.`, origin)
	if got := rr.FormatData(wire.TypeMX, data); err != nil || got != `5 a\032b\".example.` {
		t.Errorf("%s, %v", got, err)
	}
	for _, text := range []string{`5 "mail"`, `5 ma"il"`} {
		if data, err := rr.ParseData(wire.TypeMX, text, origin); err == nil {
			t.Errorf("%s reads as %x", text, data)
		}
	}
}

func TestNamesKeepTheirErrors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bücher..example", ".bücher", "bücher。。example"} {
		a, err := rr.ToASCII(name)
		if err == nil {
			_, err = wire.ParseName(a)
		}
		if err == nil {
			t.Errorf("%s becomes %s", name, a)
		}
	}
	if a, err := rr.ToASCII("Bücher。Example."); err != nil || a != "xn--bcher-kva.example." {
		t.Errorf("%s, %v", a, err)
	}
	if a, err := rr.ToASCII("´é.example"); err == nil {
		t.Errorf("a blank comes in: %q", a)
	}
	if a, err := rr.ToASCII("אa.example"); err == nil {
		t.Errorf("a label of two directions becomes %s", a)
	}
}

func FuzzValid(f *testing.F) {
	for _, s := range wireSamples {
		if typ, err := wire.ParseType(s.t); err == nil {
			f.Add(uint16(typ), []byte(s.data))
		}
	}
	f.Fuzz(func(t *testing.T, typ uint16, data []byte) {
		if rr.IsMeta(wire.Type(typ)) || rr.Valid(wire.Type(typ), data) != nil {
			return
		}
		if err := rr.Canonical(wire.Type(typ), data); err != nil {
			t.Fatalf("%s %x is valid, but: %v", wire.Type(typ), data, err)
		}
		text := rr.FormatData(wire.Type(typ), data)
		again, err := rr.ParseData(wire.Type(typ), text, wire.Root)
		if err != nil || string(again) != string(data) {
			t.Fatalf("%s %x: %s reads as %x, %v", wire.Type(typ), data, text, again, err)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	var s strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&s, "host%d.example.org.\t300\tIN\tA\t192.0.2.%d\n", i, i%256)
	}
	b.SetBytes(int64(s.Len()))
	for b.Loop() {
		r := rr.NewReader(strings.NewReader(s.String()), origin)
		for {
			e, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if _, err = e.Data(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
