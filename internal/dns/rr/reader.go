package rr

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Entry is one record of a zone file.
type Entry struct {
	Line    int // where it begins, from 1
	Owner   wire.Name
	Type    wire.Type
	TTL     uint32
	HasTTL  bool   // the file gave a ttl, on the record or by $TTL
	Text    string // the data as it was written, names relative to Origin
	Origin  wire.Name
	Comment string // what follows the first semicolon on its last line, without surrounding spaces
}

// Data parses the entry's text.
func (e *Entry) Data() ([]byte, error) { return ParseData(e.Type, e.Text, e.Origin) }

// LineError is an error at a line of a zone file.
type LineError struct {
	Line int
	Err  error
}

func (e *LineError) Error() string { return "line " + strconv.Itoa(e.Line) + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *LineError) Unwrap() error { return e.Err }

// Errors of zone files.
var (
	ErrInclude  = errors.New("$INCLUDE directive not allowed")
	ErrClass    = errors.New("only class IN is served")
	ErrNoOwner  = errors.New("the first record has no owner")
	ErrTooLong  = errors.New("the record is too long")
	ErrGenerate = errors.New("bad $GENERATE directive")
)

// maxRecord bounds the text of one record: the longest RDATA in escaped form, and some.
const maxRecord = 1 << 19

// Reader reads a zone file (RFC 1035 section 5) record by record: $ORIGIN, $TTL and $GENERATE are understood, $INCLUDE is
// refused. A record with an error is reported and passed over; the reader goes on behind it.
type Reader struct {
	in      *bufio.Reader
	line    int
	origin  wire.Name
	ttl     uint32
	hasTTL  bool
	owner   wire.Name
	pending []Entry // of $GENERATE
	left    int     // how many records $GENERATE may still make
	last    uint32  // the last ttl that a record gave, where there is no $TTL (RFC 1035 section 5.1)
	hasLast bool
	fields  []string
	long    []byte // a line longer than the buffer
}

// NewReader reads from r with an origin for relative names.
func NewReader(r io.Reader, origin wire.Name) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, 1<<16), origin: origin, left: maxGenerated}
}

// Next gives the next record. The error is io.EOF at the end, a *LineError for a record that cannot be read (Next may be
// called again), or that of the underlying reader.
func (r *Reader) Next() (Entry, error) {
	for {
		if len(r.pending) > 0 {
			e := r.pending[0]
			r.pending = r.pending[1:]
			return e, nil
		}
		start, blank, comment, err := r.logical()
		if err != nil {
			return Entry{}, err
		}
		if len(r.fields) == 0 {
			continue
		}
		if strings.HasPrefix(r.fields[0], "$") && !blank {
			if err := r.directive(); err != nil {
				return Entry{}, &LineError{start, err}
			}
			for i := range r.pending {
				r.pending[i].Line = start
			}
			continue
		}
		e, err := r.record(blank)
		if err != nil {
			return Entry{}, &LineError{start, err}
		}
		e.Line, e.Comment = start, comment
		return e, nil
	}
}

// logical reads one logical line into fields: parentheses join lines, quotes keep blanks. blank says that it began
// with white space, so that its owner is the last one.
func (r *Reader) logical() (start int, blank bool, comment string, err error) {
	start = r.line + 1
	s := scan{fields: r.fields[:0]}
	r.fields = s.fields
	for {
		line, err := r.physical()
		switch {
		case errors.Is(err, ErrTooLong):
			return start, false, "", &LineError{start, err}
		case errors.Is(err, io.EOF) && s.depth > 0:
			return start, false, "", &LineError{start, fmt.Errorf("%w: a parenthesis is not closed", ErrSyntax)}
		case err != nil:
			return start, false, "", err
		}
		if r.line++; r.line == start {
			blank = line[0] == ' ' || line[0] == '\t'
		}
		if err := s.line(line); err != nil {
			return start, false, "", &LineError{r.line, err}
		}
		if s.size += len(line); s.size > maxRecord {
			return start, false, "", &LineError{start, ErrTooLong}
		}
		if s.depth == 0 {
			r.fields = s.fields
			return start, blank, s.comment, nil
		}
	}
}

// physical reads one line, its end included; the last may lack it. It is never empty, and valid until the next call.
func (r *Reader) physical() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		r.long = r.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) {
			if r.long = append(r.long, line...); len(r.long) > maxRecord {
				return nil, ErrTooLong
			}
			line, err = r.in.ReadSlice('\n')
		}
		r.long = append(r.long, line...)
		line = r.long
	}
	if errors.Is(err, io.EOF) && len(line) > 0 {
		return line, nil
	}
	return line, err
}

// scan splits lines into fields; quoted fields keep their quotes.
type scan struct {
	fields  []string
	comment string
	depth   int
	size    int
}

func (s *scan) line(b []byte) error {
	b = trimEOL(b)
	for i := 0; i < len(b); {
		switch c := b[i]; c {
		case ' ', '\t', '\r':
			i++
		case ';':
			s.comment = strings.TrimSpace(string(b[i+1:]))
			return nil
		case '(':
			s.depth++
			i++
		case ')':
			if s.depth--; s.depth < 0 {
				s.depth = 0
				return fmt.Errorf("%w: a parenthesis is closed that was not opened", ErrSyntax)
			}
			i++
		default:
			n, err := field(b[i:])
			if err != nil {
				return err
			}
			s.fields = append(s.fields, string(b[i:i+n]))
			i += n
		}
	}
	return nil
}

func trimEOL(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	return b
}

// field is the length of the field that b begins with; quotes may stand inside it, as in alpn="h2".
func field[T string | []byte](b T) (int, error) {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ' ' || c == '\t' || c == ';' || c == '(' || c == ')':
			return i, nil
		}
	}
	if quoted {
		return 0, fmt.Errorf("%w: a quote is not closed on its line", ErrSyntax)
	}
	return len(b), nil
}

// record takes owner, ttl and class in either order, and type off the fields (RFC 1035 section 5.1).
func (r *Reader) record(blank bool) (Entry, error) {
	f := r.fields
	if !blank {
		owner, err := AbsoluteName(f[0], r.origin)
		if err != nil {
			return Entry{}, fmt.Errorf("owner %q: %w", f[0], err)
		}
		r.owner, f = owner, f[1:]
	}
	if r.owner == "" {
		return Entry{}, ErrNoOwner
	}
	e := Entry{Owner: r.owner, TTL: r.ttl, HasTTL: r.hasTTL, Origin: r.origin}
	if !r.hasTTL {
		e.TTL, e.HasTTL = r.last, r.hasLast
	}
	for len(f) > 0 {
		if strings.EqualFold(f[0], "IN") || strings.EqualFold(f[0], "CLASS1") {
			f = f[1:]
			continue
		}
		if ttl, ok := parseTTL(f[0]); ok {
			e.TTL, e.HasTTL, f = ttl, true, f[1:]
			r.last, r.hasLast = ttl, true
			continue
		}
		break
	}
	if len(f) == 0 {
		return e, fmt.Errorf("%w: no type", ErrSyntax)
	}
	switch strings.ToUpper(f[0]) {
	case "CH", "HS", "CS", "CHAOS", "HESIOD":
		return e, ErrClass
	}
	t, err := wire.ParseType(f[0])
	if err != nil || IsMeta(t) {
		return e, fmt.Errorf("%w: %q is no record type", ErrSyntax, f[0])
	}
	e.Type, e.Text = t, strings.Join(f[1:], " ")
	return e, nil
}

// parseTTL reads seconds, or BIND's 1h30m form.
func parseTTL(s string) (uint32, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	var total, n uint64
	for i := range len(s) {
		c := s[i]
		unit := uint64(0)
		switch c | 0x20 {
		case 's':
			unit = 1
		case 'm':
			unit = 60
		case 'h':
			unit = 3600
		case 'd':
			unit = 86400
		case 'w':
			unit = 604800
		}
		switch {
		case c >= '0' && c <= '9':
			n = n*10 + uint64(c-'0')
		case unit > 0:
			total, n = total+n*unit, 0
		default:
			return 0, false
		}
		if n > 1<<32 || total > 1<<32 {
			return 0, false
		}
	}
	total += n
	return uint32(total), total < 1<<31 // RFC 2181 section 8
}
