package rr

import (
	"fmt"
	"strings"

	"golang.org/x/net/idna"
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

// ToUnicode shows a name in A-labels to people; a label that does not decode stays as it is.
func ToUnicode(name string) string {
	if !strings.Contains(name, "xn--") {
		return name
	}
	profile := idna.New(idna.StrictDomainName(false))
	labels := strings.Split(name, ".")
	for i, l := range labels {
		if u, err := profile.ToUnicode(l); err == nil {
			labels[i] = u
		}
	}
	return strings.Join(labels, ".")
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
