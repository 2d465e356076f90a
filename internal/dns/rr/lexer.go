package rr

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Bounds of one logical line, in octets: of its fields, which hold the longest RDATA in escaped form and some, and of
// what is kept of its comment.
const (
	maxRecord  = 1 << 19
	maxComment = 1 << 15
)

// lexer takes a zone file apart (RFC 1035 section 5.1): one logical line at a time, in which parentheses join lines and
// quotes keep blanks. It reads what BIND reads: a line ends with LF, CRLF or CR, a comment with LF alone, and a quoted
// string does not go over the end of its line unless that is escaped.
//
// A line with an error is read to its end, closing parentheses included, so that no part of it is taken for another line.
type lexer struct {
	in   *bufio.Reader
	rest []byte // of what was read last
	line int    // that rest begins in, from 1
	cr   bool   // the octet before rest was a CR that ended a line

	// The logical line read last.
	start   int      // where it begins
	blank   bool     // it begins with white space, so that its owner is the last one
	fields  []string // with their quotes and escapes; of a line with an error those before it
	comment string   // the last of its comments, without surrounding space
	joined  bool     // it has parentheses
	inside  bool     // its last field stands in them
	err     error

	mode    mode
	depth   int
	size    int
	part    []byte // of the field or comment at hand
	quoted  bool
	escaped bool
}

// mode is what the lexer is in the middle of.
type mode uint8

const (
	between mode = iota
	inField
	inComment
)

// next reads a logical line. The error is io.EOF behind the last one, or that of the underlying reader; what is wrong with
// the line itself is in err.
func (x *lexer) next() error {
	x.start, x.fields, x.comment, x.joined, x.err = x.line, x.fields[:0], "", false, nil
	x.mode, x.depth, x.size, x.part, x.quoted, x.escaped = between, 0, 0, x.part[:0], false, false
	for begun := false; ; {
		if len(x.rest) == 0 {
			if err := x.fill(); err != nil {
				if errors.Is(err, io.EOF) && begun {
					x.finish()
					return nil
				}
				return err
			}
		}
		if !begun && x.skipLF() {
			continue
		}
		if !begun {
			begun, x.blank = true, x.rest[0] == ' ' || x.rest[0] == '\t'
		}
		if x.step() {
			return nil
		}
	}
}

func (x *lexer) fill() error {
	b, err := x.in.ReadSlice('\n')
	if len(b) > 0 || errors.Is(err, bufio.ErrBufferFull) {
		err = nil
	}
	x.rest = b
	return err
}

// skipLF passes over the second half of a CRLF.
func (x *lexer) skipLF() bool {
	half := x.cr && x.rest[0] == '\n'
	if x.cr = false; half {
		x.rest = x.rest[1:]
	}
	return half
}

// finish ends a line at the end of the file.
func (x *lexer) finish() {
	if x.mode == inField {
		if x.quoted {
			x.fail(errQuote)
		}
		x.endField()
	}
	if x.mode == inComment {
		x.endComment()
	}
	if x.depth > 0 {
		x.fail(fmt.Errorf("%w: a parenthesis is not closed", ErrSyntax))
	}
}

// fail keeps the first error of a line.
func (x *lexer) fail(err error) {
	if x.err == nil {
		x.err = err
	}
}

var (
	errQuote = fmt.Errorf("%w: a quote is not closed on its line", ErrSyntax)
	errNUL   = fmt.Errorf("%w: it has a NUL", ErrSyntax)
)

// step works on rest until that is used up or the logical line is over.
func (x *lexer) step() (over bool) {
	for len(x.rest) > 0 {
		switch x.mode {
		case inField:
			x.takeField()
		case inComment:
			x.takeComment()
		default:
			if x.takeOther() {
				return true
			}
		}
	}
	return false
}

// takeOther takes one octet between fields and says whether the line is over.
func (x *lexer) takeOther() (over bool) {
	c := x.rest[0]
	switch c {
	case ' ', '\t':
	case '\n':
		x.line++
		over = x.depth == 0
	case '\r':
		if over = x.depth == 0; over {
			x.line++
			x.cr = true
		}
	case ';':
		x.mode = inComment
	case '(':
		x.depth++
		x.joined = true
	case ')':
		if x.joined = true; x.depth == 0 {
			x.fail(fmt.Errorf("%w: a parenthesis is closed that was not opened", ErrSyntax))
			break
		}
		x.depth--
	case 0:
		x.fail(errNUL)
	default:
		x.mode = inField
		return false
	}
	x.rest = x.rest[1:]
	return over
}

// takeField takes octets of a field. Quotes may stand inside one behind an equals sign, as in alpn="h2"; elsewhere they
// begin another.
func (x *lexer) takeField() {
	for i, c := range x.rest {
		switch {
		case !x.quoted && (c == '\n' || c == '\r'):
			x.cut(i)
			return
		case c == 0:
			x.fail(errNUL)
		case x.escaped:
			if x.escaped = false; c == '\n' {
				x.line++
			}
		case c == '\\':
			x.escaped = true
		case c == '"' && x.quoted:
			x.quoted = false
			if x.first(i) == '"' {
				x.cut(i + 1)
				return
			}
		case c == '"':
			if last, ok := x.last(i); ok && last != '=' {
				x.cut(i)
				return
			}
			x.quoted = true
		case x.quoted && c == '\n':
			x.fail(errQuote)
			x.cut(i)
			return
		case !x.quoted && (c == ' ' || c == '\t' || c == ';' || c == '(' || c == ')'):
			x.cut(i)
			return
		}
	}
	x.keep(len(x.rest))
}

// first is the first octet of the field at hand, of which n octets are in rest.
func (x *lexer) first(n int) byte {
	if len(x.part) > 0 {
		return x.part[0]
	}
	return x.rest[:n+1][0]
}

// last is the octet before the nth of rest, if the field has one.
func (x *lexer) last(n int) (c byte, ok bool) {
	switch {
	case n > 0:
		return x.rest[n-1], true
	case len(x.part) > 0:
		return x.part[len(x.part)-1], true
	}
	return 0, false
}

// keep takes n octets of a field that goes on.
func (x *lexer) keep(n int) {
	if x.size += n; x.size > maxRecord {
		x.fail(ErrTooLong)
	}
	if x.err == nil {
		x.part = append(x.part, x.rest[:n]...)
	}
	x.rest = x.rest[n:]
}

// cut ends a field with n octets of rest.
func (x *lexer) cut(n int) {
	x.keep(n)
	x.endField()
}

func (x *lexer) endField() {
	if x.err == nil {
		x.fields, x.inside = append(x.fields, string(x.part)), x.depth > 0
	}
	x.mode, x.part, x.quoted, x.escaped = between, x.part[:0], false, false
}

// takeComment takes octets of a comment, semicolon first.
func (x *lexer) takeComment() {
	n := len(x.rest)
	end := x.rest[n-1] == '\n' // nothing behind it was read with it
	if end {
		n--
	}
	x.part = append(x.part, x.rest[:min(n, maxComment-min(maxComment, len(x.part)))]...)
	x.rest = x.rest[n:]
	if end {
		x.endComment()
	}
}

func (x *lexer) endComment() {
	p := x.part
	for len(x.part) == maxComment && len(p) > maxComment-utf8.UTFMax {
		if r, n := utf8.DecodeLastRune(p); r != utf8.RuneError || n > 1 {
			break
		}
		p = p[:len(p)-1] // of a character that was cut
	}
	x.comment = strings.TrimSpace(string(p))
	x.mode, x.part = between, x.part[:0]
}

// unquoted gives what a field holds: a quoted one without its quotes; escapes stay.
func unquoted(field string) string {
	if len(field) >= 2 && field[0] == '"' && field[len(field)-1] == '"' {
		return field[1 : len(field)-1]
	}
	return field
}
