package rr

import (
	"bufio"
	"bytes"
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
	HasTTL  bool      // the file gave a ttl, on the record or before it
	Text    string    // the data as it was written, names relative to Origin
	Origin  wire.Name // "" behind an $ORIGIN that could not be read
	Comment string    // what follows the semicolon on the last of its lines that has one, without surrounding spaces

	lostOrigin int
}

// Data parses the entry's text.
func (e *Entry) Data() ([]byte, error) {
	data, err := ParseData(e.Type, e.Text, e.Origin)
	if err != nil && e.lostOrigin > 0 {
		if _, other := ParseData(e.Type, e.Text, wire.Root); other == nil {
			return nil, depends("a name in its data is relative to the $ORIGIN", e.lostOrigin)
		}
	}
	return data, err
}

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
	// ErrDepends is a line that says nothing certain without an earlier one that was in error.
	ErrDepends = errors.New("it depends on a line that was passed over")
)

func depends(how string, line int) error {
	return fmt.Errorf("%w: %s of line %d", ErrDepends, how, line)
}

// Reader reads a zone file (RFC 1035 section 5) record by record: $ORIGIN, $TTL and $GENERATE are understood, $INCLUDE is
// refused. Where the RFC leaves room it takes a file as BIND does, but for names that are not ASCII, which become A-labels.
//
// A line with an error is reported and passed over. So is each later line that depends on it, because its owner, its names
// or its ttl would be those of another: a record never lands where the file does not say.
type Reader struct {
	lex    lexer
	begun  bool
	owner  known[wire.Name]
	origin known[wire.Name]
	ttl    known[uint32] // of $TTL
	last   known[uint32] // that a record gave, where there is no $TTL (RFC 1035 section 5.1)
	left   int           // how many records $GENERATE may still make
	making *generator
}

// known is what lines leave for those behind them: a value, none yet, or, behind a line that was passed over, nobody knows.
type known[T any] struct {
	value T
	set   bool
	lost  int // the line that would have told
}

func (k *known[T]) to(v T)        { *k = known[T]{value: v, set: true} }
func (k *known[T]) lose(line int) { *k = known[T]{lost: line} }

// NewReader reads from r with an origin for relative names. A byte-order mark at the start is passed over.
func NewReader(r io.Reader, origin wire.Name) *Reader {
	out := &Reader{lex: lexer{in: bufio.NewReaderSize(r, 1<<16), line: 1}, left: maxGenerated}
	out.origin.to(origin)
	return out
}

// Next gives the next record. The error is io.EOF at the end, a *LineError for a line that cannot be read (Next may be
// called again), or that of the underlying reader.
func (r *Reader) Next() (Entry, error) {
	if !r.begun {
		r.begun = true
		if mark, _ := r.lex.in.Peek(len(byteOrderMark)); bytes.Equal(mark, byteOrderMark) {
			_, _ = r.lex.in.Discard(len(byteOrderMark))
		}
	}
	for {
		if r.making != nil {
			if e, err := r.making.next(); !errors.Is(err, io.EOF) {
				return e, err
			}
			r.making = nil
		}
		if err := r.lex.next(); err != nil {
			return Entry{}, err
		}
		e, found, err := r.line()
		if err != nil {
			return Entry{}, &LineError{r.lex.start, err}
		}
		if found {
			return e, nil
		}
	}
}

//nolint:gochecknoglobals // a constant
var byteOrderMark = []byte("\ufeff")

// line reads the logical line that the lexer holds; found says whether it is a record.
func (r *Reader) line() (e Entry, found bool, err error) {
	x := &r.lex
	switch {
	case x.err != nil:
		r.broken()
		return e, false, x.err
	case len(x.fields) == 0:
		return e, false, nil
	case r.isDirective():
		if err := r.directive(x.fields); err != nil {
			r.loseDirective(x.fields)
			return e, false, err
		}
		return e, false, nil
	}
	e, err = r.record(x.fields)
	e.Line, e.Comment = x.start, x.comment
	return e, err == nil, err
}

func (r *Reader) isDirective() bool {
	f := r.lex.fields
	return !r.lex.blank && len(f) > 0 && strings.HasPrefix(unquoted(f[0]), "$")
}

// broken forgets what a line that could not be taken apart may have said.
func (r *Reader) broken() {
	x := &r.lex
	if r.isDirective() {
		r.loseDirective(x.fields)
		return
	}
	f := x.fields
	if !x.blank && len(f) > 0 {
		f = f[1:]
	}
	if _, err := r.head(f); err != nil && r.last.set {
		r.last.lose(x.start)
	}
	if !x.blank || x.joined {
		r.owner.lose(x.start)
	}
}

// record takes owner, ttl, class and type off the fields.
func (r *Reader) record(f []string) (Entry, error) {
	var owner error
	if !r.lex.blank {
		n, err := r.name(unquoted(f[0]))
		if r.owner.to(n); err != nil {
			r.owner.lose(r.lex.start)
			owner = fmt.Errorf("owner %q: %w", f[0], err)
		}
		f = f[1:]
	}
	h, err := r.head(f) // of a bad owner, too, for the sake of its ttl
	switch {
	case owner != nil:
		return Entry{}, owner
	case r.owner.lost > 0:
		return Entry{}, depends("its owner is that", r.owner.lost)
	case !r.owner.set:
		return Entry{}, ErrNoOwner
	case err != nil:
		return Entry{}, err
	}
	e := h.entry(r.owner.value, r.origin)
	e.Text = strings.Join(h.rest, " ")
	return e, nil
}

// name reads an owner or an origin.
func (r *Reader) name(text string) (wire.Name, error) {
	n, err := AbsoluteName(text, r.origin.value)
	if errors.Is(err, errRelative) && r.origin.lost > 0 {
		err = depends("it is relative to the $ORIGIN", r.origin.lost)
	}
	return n, err
}

// head is what stands between a record's owner and its data.
type head struct {
	ttl    uint32
	hasTTL bool
	kind   wire.Type
	rest   []string
}

func (h *head) entry(owner wire.Name, origin known[wire.Name]) Entry {
	return Entry{
		Owner: owner, Type: h.kind, TTL: h.ttl, HasTTL: h.hasTTL, Origin: origin.value, lostOrigin: origin.lost,
	}
}

// head reads ttl and class, each at most once and in either order, and the type (RFC 1035 section 5.1).
func (r *Reader) head(f []string) (h head, err error) {
	class, explicit := "", false
	if len(f) > 0 && isClass(f[0]) {
		class, f = f[0], f[1:]
	}
	if len(f) > 0 {
		if h.ttl, explicit = parseTTL(f[0]); explicit {
			r.last.to(h.ttl)
			f = f[1:]
		}
	}
	if class == "" && len(f) > 0 && isClass(f[0]) {
		class, f = f[0], f[1:]
	}
	if len(f) == 0 {
		return h, fmt.Errorf("%w: no type", ErrSyntax)
	}
	h.kind, err = wire.ParseType(f[0])
	switch {
	case err != nil || IsMeta(h.kind):
		if !explicit && f[0] != "" && f[0][0] >= '0' && f[0][0] <= '9' {
			r.last.lose(r.lex.start) // it may have been meant as a ttl
		}
		return h, fmt.Errorf("%w: %q is no record type", ErrSyntax, f[0])
	case class != "" && !strings.EqualFold(class, "IN") && !strings.EqualFold(class, "CLASS1"):
		return h, ErrClass
	}
	h.rest = f[1:]
	if explicit {
		h.hasTTL = true
		return h, nil
	}
	return h, r.inherit(&h)
}

// inherit gives a record without a ttl that of $TTL, or of the record before. An SOA with neither gives its own minimum,
// and all that follows.
func (r *Reader) inherit(h *head) error {
	from := r.ttl
	if !from.set && from.lost == 0 {
		from = r.last
	}
	if h.kind == wire.TypeSOA && !from.set && len(h.rest) > 0 {
		if minimum, ok := parseTTL(h.rest[len(h.rest)-1]); ok {
			r.ttl.to(minimum)
			from = r.ttl
		}
	}
	if from.lost > 0 {
		return depends("its ttl is that", from.lost)
	}
	h.ttl, h.hasTTL = from.value, from.set
	return nil
}

// isClass says whether a field is the mnemonic of a class.
func isClass(s string) bool {
	switch u := strings.ToUpper(s); u {
	case "IN", "CH", "CHAOS", "HS", "HESIOD", "CS", "NONE", "ANY", "RESERVED0":
		return true
	default:
		num, ok := strings.CutPrefix(u, "CLASS")
		_, err := strconv.ParseUint(num, 10, 16)
		return ok && err == nil
	}
}

// parseTTL is parseSeconds, but that what is over the most that a ttl can be is 0 (RFC 2181 section 8).
func parseTTL(s string) (uint32, bool) {
	n, ok := parseSeconds(s)
	if n > 1<<31-1 {
		n = 0
	}
	return n, ok
}

// parseSeconds reads seconds, or BIND's form with units, 1h30m.
func parseSeconds(s string) (uint32, bool) {
	const longest = 63
	if len(s) > longest {
		return 0, false
	}
	total, units := uint64(0), false
	for {
		end := 0
		for end < len(s) && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		n, err := strconv.ParseUint(s[:end], 10, 32)
		if err != nil {
			return 0, false
		}
		if end == len(s) && !units {
			total = n
			break
		}
		unit := uint64(0)
		if end < len(s) {
			unit = ttlUnit(s[end])
		}
		if unit == 0 {
			return 0, false
		}
		total, units, s = total+n*unit, true, s[end+1:]
		if s == "" {
			break
		}
	}
	return uint32(total), total <= 1<<32-1
}

func ttlUnit(c byte) uint64 {
	switch c | 0x20 {
	case 's':
		return 1
	case 'm':
		return 60
	case 'h':
		return 3600
	case 'd':
		return 86400
	case 'w':
		return 604800
	}
	return 0
}
