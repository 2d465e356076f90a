package record

import (
	"bytes"
	"unicode/utf8"

	"github.com/headwaterdns/headwater/internal/control/api"
)

// parse reads what nearly every record looks like: one flat object, its members named as they are documented and at most
// once, strings of plain ASCII, whole numbers, true and false. It says no to everything else, and may have written to the
// body by then: the decoder, which knows all, has the last word.
func (b *recordBody) parse(text []byte) bool {
	s := scan{text: text}
	if !s.take('{') {
		return false
	}
	if s.take('}') {
		return s.end()
	}
	for {
		name, ok := s.string()
		if !ok || !s.take(':') || !b.parseMember(name, &s) {
			return false
		}
		if s.take('}') {
			return s.end()
		}
		if !s.take(',') {
			return false
		}
	}
}

func (b *recordBody) parseMember(name []byte, s *scan) bool {
	switch string(name) {
	case "type":
		return scanString(&b.Type, s)
	case "name":
		return scanString(&b.Name, s)
	case "content":
		return scanString(&b.Content, s)
	case "comment":
		return scanString(&b.Comment, s)
	case "ttl":
		return scanNumber(&b.TTL, s)
	case "priority":
		return scanNumber(&b.Priority, s)
	case "proxied":
		on, ok := s.bool()
		set := !b.Proxied.Set
		b.Proxied = api.Optional[bool]{Set: true, Value: on}
		return ok && set
	}
	return false
}

func scanString(o *api.Optional[string], s *scan) bool {
	v, ok := s.string()
	set := !o.Set
	*o = api.Optional[string]{Set: true, Value: string(v)}
	return ok && set
}

func scanNumber(o *api.Optional[flexible], s *scan) bool {
	v, ok := s.number()
	set := !o.Set
	*o = api.Optional[flexible]{Set: true, Value: flexible(v)}
	return ok && set
}

// scan reads tokens of JSON and passes over the space in front of each.
type scan struct {
	text []byte
	at   int
}

func (s *scan) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// take passes over c if it comes next.
func (s *scan) take(c byte) bool {
	s.space()
	if s.at == len(s.text) || s.text[s.at] != c {
		return false
	}
	s.at++
	return true
}

func (s *scan) end() bool {
	s.space()
	return s.at == len(s.text)
}

// string reads a string of ASCII in which nothing is escaped.
func (s *scan) string() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	for i := s.at; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			v := s.text[s.at:i]
			s.at = i + 1
			return v, true
		case c == '\\' || c < ' ' || c >= utf8.RuneSelf:
			return nil, false
		}
	}
	return nil, false
}

// numberDigits bounds numbers that are read here: all of so many digits fit.
const numberDigits = 9

// number reads a whole number without sign, fraction and exponent.
func (s *scan) number() (int64, bool) {
	s.space()
	from, v := s.at, int64(0)
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		v = v*10 + int64(s.text[s.at]-'0')
		s.at++
		if s.at-from > numberDigits {
			return 0, false
		}
	}
	n := s.at - from
	return v, n == 1 || n > 1 && s.text[from] != '0'
}

func (s *scan) bool() (on, ok bool) {
	s.space()
	rest := s.text[s.at:]
	switch {
	case bytes.HasPrefix(rest, []byte("true")):
		s.at += len("true")
		return true, true
	case bytes.HasPrefix(rest, []byte("false")):
		s.at += len("false")
		return false, true
	}
	return false, false
}

// ParseQuick reads a record of the usual form; what is of another form leaves the body empty.
func (b *recordBody) ParseQuick(raw []byte) bool {
	if b.parse(raw) {
		return true
	}
	*b = recordBody{}
	return false
}
