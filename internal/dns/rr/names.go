package rr

import (
	"fmt"
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

// AbsoluteName reads a name as zone files write it: @ is the origin, and what has no final dot is below the origin.
// Characters that are not ASCII are mapped to A-labels. Without an origin a relative name is an error.
func AbsoluteName(text string, origin wire.Name) (wire.Name, error) {
	if text == "@" && origin != "" {
		return origin, nil
	}
	if hasBareQuote(text) {
		return "", wire.ErrEscape
	}
	if !isASCII(text) {
		var err error
		if text, err = ToASCII(text); err != nil {
			return "", err
		}
	}
	n, err := wire.ParseName(text)
	switch {
	case err != nil || absolute(text):
		return n, err
	case origin == "":
		return "", errRelative
	case len(n)-1+len(origin) > wire.MaxName:
		return "", wire.ErrNameTooLong
	}
	return n[:len(n)-1] + origin, nil
}

// hasBareQuote finds a quote that is not escaped: the text is a string then, not a name.
func hasBareQuote(text string) bool {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return true
		}
	}
	return false
}

// absolute says whether text ends in a dot that is not escaped.
func absolute(text string) bool {
	if !strings.HasSuffix(text, ".") {
		return false
	}
	slashes := 0
	for i := len(text) - 2; i >= 0 && text[i] == '\\'; i-- {
		slashes++
	}
	return slashes%2 == 0
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
