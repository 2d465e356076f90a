package rr

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// ToASCII maps a name as people write it to A-labels, in lower case (IDNA2008 with the mappings of UTS 46). Labels that
// are plain ASCII, underscores and wildcards included, are only folded: DNS names need not be host names.
func ToASCII(name string) (string, error) {
	if isASCII(name) {
		return strings.ToLower(name), nil
	}
	profile := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false))
	// Empty labels stay, for they are errors that the name's parser shall see.
	labels := strings.Split(strings.Map(toDot, name), ".")
	for i, l := range labels {
		if isASCII(l) {
			labels[i] = strings.ToLower(l)
			continue
		}
		a, err := profile.ToASCII(l)
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrSyntax, err)
		}
		// The mapping takes some signs apart into a blank and an accent, and others into ASCII punctuation.
		if strings.Trim(a, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", fmt.Errorf("%w: %q has a sign that names do not have", ErrSyntax, l)
		}
		labels[i] = a
	}
	return strings.Join(labels, "."), nil
}

// ToUnicode shows a name in A-labels to people. A label stays as it is unless what is shown would be read back as the same:
// so nobody sees signs that names cannot have, or two names that look alike to this program.
func ToUnicode(name string) string {
	if !strings.Contains(name, "xn--") {
		return name
	}
	profile := idna.New(idna.StrictDomainName(false))
	labels := strings.Split(name, ".")
	for i, l := range labels {
		u, err := profile.ToUnicode(l)
		if err != nil {
			continue
		}
		if back, err := ToASCII(u); err == nil && back == l {
			labels[i] = u
		}
	}
	return strings.Join(labels, ".")
}

// nameFields tells which fields of the text of a type's data are names; those of quick are not here.
//
//nolint:gochecknoglobals // a table
var nameFields = map[wire.Type][]int{
	wire.TypeSOA: {0, 1}, wire.TypeSVCB: {1}, wire.TypeHTTPS: {1}, wire.TypeNSEC: {0}, wire.TypeSIG: {7}, wire.TypeRRSIG: {7},
	3: {0}, 4: {0}, 7: {0}, 8: {0}, 9: {0},
}

// absoluteNames writes the names in a record's text absolute, in A-labels and with escapes that are in order.
func absoluteNames(t wire.Type, text string, origin wire.Name) (string, error) {
	if nameFields[t] == nil {
		return text, nil
	}
	var out strings.Builder
	for i, rest := 0, text; ; i++ {
		blanks := len(rest) - len(strings.TrimLeft(rest, " \t"))
		out.WriteString(rest[:blanks])
		if rest = rest[blanks:]; rest == "" {
			return out.String(), nil
		}
		n := fieldLen(rest)
		f := rest[:n]
		if slices.Contains(nameFields[t], i) {
			name, err := AbsoluteName(f, origin)
			if err != nil {
				return "", fmt.Errorf("%w: %w", ErrSyntax, err)
			}
			f = name.String()
		}
		out.WriteString(f)
		rest = rest[n:]
	}
}

// toDot maps the dots of other scripts (UTS 46 section 2.3).
func toDot(r rune) rune {
	switch r {
	case '。', '．', '｡':
		return '.'
	}
	return r
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
