package rr_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// sample is valid RDATA and what we write for it.
type sample struct {
	t    wire.Type
	data []byte
	text string
}

// samples reads the file that package rr makes and is held to.
func samples(t *testing.T) (out []sample) {
	t.Helper()
	b, err := os.ReadFile("../../../internal/dns/rr/testdata/texts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		typ, err := wire.ParseType(f[0])
		data, bad := hex.DecodeString(f[1])
		if err != nil || bad != nil {
			t.Fatalf("%q: %v, %v", line, err, bad)
		}
		out = append(out, sample{typ, data, f[2]})
	}
	return out
}

// unlike are types that the library does not know as they are: it loses a relay, rounds locations, and masks prefixes.
var unlike = strings.Fields("LOC APL NULL X25 ISDN GPOS NXT AMTRELAY A6")

// isCommon says whether the library reads and writes such a record as it is. It does not know some types and the names of
// some in bit maps, nor ohttp by its number.
func isCommon(s sample) bool {
	if slices.Contains(unlike, s.t.String()) || strings.HasPrefix(s.text, `\#`) {
		return false
	}
	if s.t == wire.TypeRRSIG || s.t == wire.TypeSIG {
		return s.data[0] != 0 || s.data[1] != 0
	}
	_, known := dns.StringToType[s.t.String()]
	return known && !strings.Contains(s.text, "key8=") && !strings.Contains(s.text, "::ffff:") &&
		!slices.ContainsFunc(strings.Fields(s.text), func(f string) bool { return f == "WKS" || f == "NSAP" || f == "A6" })
}

// A DNS library of others reads what we write, and we what it writes.
func TestTextsOfAnotherLibrary(t *testing.T) {
	t.Parallel()
	held := map[wire.Type]bool{}
	for _, s := range samples(t) {
		if !isCommon(s) {
			continue
		}
		held[s.t] = true
		record, err := dns.NewRR(". 1 IN " + s.t.String() + " " + s.text)
		if err != nil {
			t.Errorf("%s: %v: %s", s.t, err, s.text)
			continue
		}
		buf := make([]byte, 1<<17)
		end, err := dns.PackRR(record, buf, 0, nil, false)
		if err != nil || !bytes.Equal(buf[11:end], s.data) {
			t.Errorf("%s %s: it reads %x, not %x, %v", s.t, s.text, buf[11:max(end, 11)], s.data, err)
			continue
		}
		text := strings.TrimPrefix(record.String(), record.Header().String())
		if data, err := rr.ParseData(s.t, text, wire.Root); err != nil || !bytes.Equal(data, s.data) {
			t.Errorf("%s: it writes %s, which we read as %x, not %x, %v", s.t, text, data, s.data, err)
		}
	}
	if len(held) < 45 {
		t.Errorf("only %d types were held against it", len(held))
	}
}
