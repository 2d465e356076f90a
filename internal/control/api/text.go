package api

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// The one rule for text is model.IsText. Here is where a request's text comes in: body, address and headers. The decoders of
// both JSON and addresses put other characters in the place of what is no text, or drop it, so they are not asked.

// checkJSON holds all strings of a JSON body against the rule, members' names included.
func checkJSON(b []byte) error {
	at := NotText(b)
	if at < 0 {
		return nil
	}
	return Invalid(model.CodeBodyInvalid, "", fmt.Sprintf(
		"The body has something at octet %d that is no text: U+0000, half of a surrogate pair, or octets that are not UTF-8.", at,
	))
}

// NotText is where JSON first has what is no text, or -1.
func NotText(b []byte) int {
	if !utf8.Valid(b) {
		return firstInvalid(b)
	}
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '\\')
		if n < 0 {
			return -1
		}
		if i += n; i+1 >= len(b) || b[i+1] != 'u' {
			i = min(i+2, len(b))
			continue
		}
		c, ok := escaped(b[i:])
		switch low, more := escaped(b[min(i+escapeLen, len(b)):]); {
		case !ok: // the decoder says what is wrong
			i += 2
		case c == 0:
			return i
		case !utf16.IsSurrogate(c):
			i += escapeLen
		case !more || utf16.DecodeRune(c, low) == utf8.RuneError:
			return i
		default:
			i += 2 * escapeLen
		}
	}
}

const escapeLen = len(`\u0000`)

// escaped reads the four digits of an escape that b begins with.
func escaped(b []byte) (rune, bool) {
	if len(b) < escapeLen || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:escapeLen]), 16, 16)
	return rune(n), err == nil
}

func firstInvalid(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// checkAddress holds the address and the headers that are read as text against the rule. A query that does not parse would be
// read without the parts that do not.
func checkAddress(r *http.Request) error {
	bad := func(what string) error {
		return Invalid(model.CodeRequestInvalid, "", what+" has U+0000 or octets that are not UTF-8.")
	}
	if !model.IsText(r.URL.Path) {
		return bad("The path")
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return Invalid(model.CodeRequestInvalid, "", "The query is malformed: "+err.Error()+".")
	}
	for name, values := range query {
		for _, v := range append(values, name) {
			if !model.IsText(v) {
				return bad("The query")
			}
		}
	}
	for _, name := range []string{"Authorization", "X-Auth-Email", "X-Auth-Key", changeHeader, CSRFHeader, "Cookie"} {
		for _, v := range r.Header.Values(name) {
			if !model.IsText(v) {
				return bad("The header " + name)
			}
		}
	}
	return nil
}
