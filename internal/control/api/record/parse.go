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
	return b.parseObject(&s) && s.end()
}

func (b *recordBody) parseObject(s *scan) bool {
	return s.object(func(name []byte) bool { return b.parseMember(name, s) })
}

// operationsRead bounds those of a batch that are read here: a short text may have very many that are empty.
const operationsRead = 4096

// parse reads a batch of which every operation is a record as recordBody.parse reads it.
func (b *batchBody) parse(text []byte) bool {
	s, all := scan{text: text}, 0
	return s.object(func(name []byte) bool {
		for i, known := range batchLists() {
			if string(name) == known {
				return b.read[i] == nil && b.parseList(i, &s, &all)
			}
		}
		return false
	}) && s.end()
}

func (b *batchBody) parseList(list int, s *scan, all *int) bool {
	b.read[list] = make([]recordBody, 0, min(bytes.Count(s.text[s.at:], []byte{'{'}), 128))
	return s.array(func() bool {
		*all++
		b.read[list] = append(b.read[list], recordBody{})
		return *all <= operationsRead && b.read[list][len(b.read[list])-1].parseObject(s)
	})
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
	case "id":
		return scanString(&b.ID, s)
	case "tags":
		return scanStrings(&b.Tags, s)
	case "proxied":
		on, ok := s.bool()
		set := !b.Proxied.Set
		b.Proxied = api.Optional[bool]{Set: true, Value: on}
		return ok && set
	}
	return false
}

func scanString[T ~string](o *api.Optional[T], s *scan) bool {
	v, ok := s.string()
	set := !o.Set
	*o = api.Optional[T]{Set: true, Value: T(v)}
	return ok && set
}

func scanStrings(o *api.Optional[[]string], s *scan) bool {
	set, list := !o.Set, []string{}
	ok := s.array(func() bool {
		v, ok := s.string()
		list = append(list, string(v))
		return ok
	})
	*o = api.Optional[[]string]{Set: true, Value: list}
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

// object reads an object: member is called at the value of each, to read it.
func (s *scan) object(member func(name []byte) bool) bool {
	return s.list('{', '}', func() bool {
		name, ok := s.string()
		return ok && s.take(':') && member(name)
	})
}

// array reads an array: item is called to read each.
func (s *scan) array(item func() bool) bool { return s.list('[', ']', item) }

func (s *scan) list(open, shut byte, item func() bool) bool {
	if !s.take(open) {
		return false
	}
	if s.take(shut) {
		return true
	}
	for item() {
		if s.take(shut) {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
	return false
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

// ParseQuick reads a batch of such records.
func (b *batchBody) ParseQuick(raw []byte) bool {
	if b.parse(raw) {
		return true
	}
	*b = batchBody{}
	return false
}
