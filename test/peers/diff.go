package peers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// diffLines bounds what Diff says.
const diffLines = 20

// Diff compares two zones given as records in uncompressed wire form, in any order (xfr.Result.Records). Equal ones give
// the empty string, others lines of records with a minus (in want alone) or a plus (in got alone).
func Diff(want, got []byte) (string, error) {
	a, err := sorted(want)
	if err != nil {
		return "", err
	}
	b, err := sorted(got)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	n := 0
	line := func(sign, raw string) {
		if n++; n <= diffLines {
			fmt.Fprintf(&out, "%s %s\n", sign, text(raw))
		}
	}
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			line("-", a[0])
			a = a[1:]
		case len(a) == 0 || b[0] < a[0]:
			line("+", b[0])
			b = b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	if n > diffLines {
		fmt.Fprintf(&out, "and %d more\n", n-diffLines)
	}
	return out.String(), nil
}

func sorted(b []byte) ([]string, error) {
	var out []string
	for len(b) > 0 {
		_, rest, err := wire.NextRR(b)
		if err != nil {
			return nil, err
		}
		out = append(out, string(b[:len(b)-len(rest)]))
		b = rest
	}
	slices.Sort(out)
	return out, nil
}

// text shows a record as a zone file would, shortened.
func text(raw string) string {
	r, _, err := wire.NextRR([]byte(raw))
	if err != nil {
		return fmt.Sprintf("%x", raw)
	}
	data := rr.FormatData(r.Type, r.RData)
	if len(data) > 200 {
		data = fmt.Sprintf("%s… (%d octets of data)", data[:200], len(r.RData))
	}
	return fmt.Sprintf("%s %d %s %s", wire.Name(r.Owner), r.TTL, r.Type, data)
}
