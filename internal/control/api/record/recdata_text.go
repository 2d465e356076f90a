package record

import (
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// textData reads TXT content (contract section 5.7). What begins and ends with a quote is a list of character-strings
// with escapes, and comes back quoted: as sent if every string fits into 255 octets, else cut. Anything else is bare
// text: it comes back as it is and is cut on the wire alone.
func textData(content string) (recdata, error) {
	trimmed := strings.TrimSpace(content)
	if len(trimmed) < 2 || trimmed[0] != '"' || trimmed[len(trimmed)-1] != '"' {
		if content == "" {
			return recdata{}, api.Faulty("", "it is empty")
		}
		return recdata{content: content, rdata: rr.JoinTXT(content)}, nil
	}
	list, err := cutFields(trimmed, -1)
	if err != nil {
		return recdata{}, err
	}
	d := recdata{content: trimmed}
	long, octets := false, 0
	for i := range list {
		s, err := list[i].octets()
		if err != nil {
			return recdata{}, err
		}
		long = long || len(s) > 255
		octets += len(s)
		d.rdata = append(d.rdata, rr.JoinTXT(s)...)
	}
	if octets == 0 {
		return recdata{}, api.Faulty("", "it is empty")
	}
	if long {
		d.content = rr.FormatData(wire.TypeTXT, d.rdata)
	}
	return d, nil
}

// word is one field of content: a quoted string without its quotes, or a bare word; both with escapes as written.
type word struct{ text string }

// octets undoes the escapes. Names are not for it: they keep theirs until they are parsed.
func (w word) octets() (string, error) {
	if strings.IndexByte(w.text, '\\') < 0 {
		return w.text, nil
	}
	var b strings.Builder
	for i := 0; i < len(w.text); i++ {
		c := w.text[i]
		if c == '\\' {
			var n int
			var err error
			if c, n, err = unescape(w.text[i+1:]); err != nil {
				return "", err
			}
			i += n
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

// cutFields takes content apart at blanks. With limit ≥ 0 only so many fields are read, and what follows them is one
// more, as written.
func cutFields(content string, limit int) ([]word, error) {
	var out []word
	for {
		content = strings.TrimLeft(content, " \t")
		if content == "" {
			return out, nil
		}
		if len(out) == limit {
			return append(out, word{content}), nil
		}
		w, rest, err := cutField(content)
		if err != nil {
			return nil, err
		}
		out, content = append(out, w), rest
	}
}

// cutField reads the first field of s (RFC 1035 section 5.1).
func cutField(s string) (w word, rest string, err error) {
	quoted := s[0] == '"'
	start := 0
	if quoted {
		start = 1
	}
	for i := start; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\r' || c == '\n':
			return w, "", api.Faulty("", "it has a line break")
		case c == '\\':
			i++
		case c == '"' && quoted:
			return word{s[1:i]}, s[i+1:], nil
		case c == '"':
			return w, "", api.Faulty("", "it has a quote in a bare word")
		case (c == ' ' || c == '\t') && !quoted:
			return word{s[:i]}, s[i:], nil
		}
	}
	if quoted {
		return w, "", api.Faulty("", "a quote is not closed")
	}
	return word{s}, "", nil
}

// unescape reads what follows a backslash: the octet and how many characters spelled it.
func unescape(s string) (octet byte, n int, err error) {
	if s == "" {
		return 0, 0, api.Faulty("", "it ends in a backslash")
	}
	if s[0] < '0' || s[0] > '9' {
		return s[0], 1, nil
	}
	if len(s) >= 3 {
		if v, err := strconv.ParseUint(s[:3], 10, 8); err == nil {
			return byte(v), 3, nil
		}
	}
	return 0, 0, api.Faulty("", "it has a bad escape")
}

// stripBlanks takes blanks out of hexadecimal and base64, which zone files wrap at will.
func stripBlanks(s string) string { return strings.Join(strings.Fields(s), "") }
