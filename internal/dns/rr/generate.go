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

// Bounds of $GENERATE: records that one makes, and all of a file together; octets of an owner in a template.
const (
	maxGenerate  = 65536
	maxGenerated = 4 * maxGenerate
	maxTemplate  = 2048
)

// generator makes the records of one $GENERATE, each when it is asked for.
type generator struct {
	r              *Reader
	line           int
	comment        string
	at, stop, step int
	owner, data    string // templates
	head           head
	origin         known[wire.Name]
}

// generate reads what BIND reads behind $GENERATE: start-stop[/step] owner [ttl] [class] type data. The data is one field,
// quoted where it has blanks; what the quotes hold is taken for data as if it stood in the file. Everything is made once
// to find errors, so that a directive is read whole or not at all.
func (r *Reader) generate(f []string) error {
	if len(f) < 4 {
		return fmt.Errorf("%w: range, owner, type and data are wanted", ErrGenerate)
	}
	g := &generator{r: r, line: r.lex.start, comment: r.lex.comment, origin: r.origin, owner: f[1]}
	var err error
	if g.at, g.stop, g.step, err = parseRange(f[0]); err != nil {
		return err
	}
	if isQuoted(f[1]) {
		return fmt.Errorf("%w: the owner is quoted", ErrGenerate)
	}
	if g.head, err = r.head(f[2:]); err != nil {
		return fmt.Errorf("%w: %w", ErrGenerate, err)
	}
	if len(g.head.rest) != 1 || r.lex.inside {
		return fmt.Errorf("%w: the data must be one field, outside of parentheses; quotes keep blanks", ErrGenerate)
	}
	if g.data = g.head.rest[0]; isQuoted(g.data) {
		g.data = strings.ReplaceAll(unquoted(g.data), `\"`, `"`)
	}
	n := (g.stop-g.at)/g.step + 1
	if n > r.left {
		return fmt.Errorf("%w: more than %d records in the file", ErrGenerate, maxGenerated)
	}
	for try := *g; ; {
		if _, err := try.next(); errors.Is(err, io.EOF) {
			break
		} else if bad, ok := errors.AsType[*LineError](err); ok {
			return bad.Err
		}
	}
	r.left -= n
	r.making = g
	return nil
}

// next makes one record; io.EOF behind the last.
func (g *generator) next() (Entry, error) {
	if g.at > g.stop {
		return Entry{}, io.EOF
	}
	e, err := g.make(g.at)
	g.at += g.step
	if err != nil {
		return Entry{}, &LineError{g.line, fmt.Errorf("%w: %w", ErrGenerate, err)}
	}
	return e, nil
}

func (g *generator) make(n int) (Entry, error) {
	owner, err := expand(g.owner, n)
	if err != nil {
		return Entry{}, err
	}
	if len(owner) >= maxTemplate {
		return Entry{}, errors.New("the owner is too long")
	}
	name, err := g.r.name(owner)
	if err != nil {
		return Entry{}, fmt.Errorf("owner %q: %w", owner, err)
	}
	data, err := expand(g.data, n)
	if err != nil {
		return Entry{}, err
	}
	e := g.head.entry(name, g.origin)
	e.Line, e.Comment = g.line, g.comment
	e.Text, err = fieldsOf(data)
	return e, err
}

// fieldsOf takes data apart as a line of a file.
func fieldsOf(data string) (string, error) {
	x := lexer{in: bufio.NewReaderSize(strings.NewReader(data), len(data)), line: 1}
	if err := x.next(); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	text, err := strings.Join(x.fields, " "), x.err
	if err == nil && !errors.Is(x.next(), io.EOF) {
		err = errors.New("the data goes over its line")
	}
	return text, err
}

// parseRange reads start-stop[/step]; like BIND it does not look at what stands behind.
func parseRange(s string) (start, stop, step int, err error) {
	bad := fmt.Errorf("%w: range %q", ErrGenerate, s)
	start, rest, ok := leadingNumber(s)
	if !ok || !strings.HasPrefix(rest, "-") {
		return 0, 0, 0, bad
	}
	stop, rest, ok = leadingNumber(rest[1:])
	if !ok || stop < start {
		return 0, 0, 0, bad
	}
	step = 1
	if by, stepped := strings.CutPrefix(rest, "/"); stepped {
		if step, _, ok = leadingNumber(by); !ok || step == 0 {
			return 0, 0, 0, bad
		}
	}
	if (stop-start)/step >= maxGenerate {
		return 0, 0, 0, fmt.Errorf("%w: more than %d records", ErrGenerate, maxGenerate)
	}
	return start, stop, step, nil
}

// leadingNumber reads a number of 31 bits without a minus sign, and what follows it.
func leadingNumber(s string) (n int, rest string, ok bool) {
	s = strings.TrimLeft(s, " \t")
	s = strings.TrimPrefix(s, "+")
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	v, err := strconv.ParseUint(s[:end], 10, 31)
	return int(v), s[end:], err == nil
}

// expand puts n into a template: $, or ${offset[,width[,base]]} with base d, o, x, X, n or N; $$ is the sign itself, and
// what a backslash stands before stays as it is. As in BIND an offset holds for later signs of the template.
func expand(t string, n int) (string, error) {
	var b strings.Builder
	offset := 0
	for i := 0; i < len(t); i++ {
		switch {
		case t[i] == '\\' && i+1 < len(t):
			b.WriteString(t[i : i+2])
			i++
		case t[i] != '$':
			b.WriteByte(t[i])
		case i+1 < len(t) && t[i+1] == '$':
			b.WriteByte('$')
			i++
		case i+1 < len(t) && t[i+1] == '{':
			end := strings.IndexByte(t[i:], '}')
			if end < 0 {
				return "", fmt.Errorf("%q has no closing brace", t)
			}
			m, err := parseModifier(t[i+2 : i+end])
			if err != nil {
				return "", err
			}
			offset = m.offset
			s, err := m.format(n + offset)
			if err != nil {
				return "", err
			}
			b.WriteString(s)
			i += end
		default:
			b.WriteString(strconv.Itoa(n + offset))
		}
	}
	return b.String(), nil
}

// modifier is what braces hold.
type modifier struct {
	spec          string
	offset, width int
	base          byte
}

func parseModifier(spec string) (modifier, error) {
	m := modifier{spec: spec, base: 'd'}
	bad := fmt.Errorf("bad modifier ${%s}", spec)
	p := strings.Split(spec, ",")
	text, minus := strings.CutPrefix(strings.TrimLeft(p[0], " \t"), "-")
	offset, rest, ok := leadingNumber(text)
	if !ok || rest != "" || len(p) > 3 || minus && strings.HasPrefix(text, "+") {
		return m, bad
	}
	if m.offset = offset; minus {
		m.offset = -offset
	}
	if len(p) > 1 {
		if m.width, rest, ok = leadingNumber(p[1]); !ok || rest != "" {
			return m, bad
		}
	}
	if len(p) > 2 {
		if len(p[2]) != 1 || !strings.Contains("doxXnN", p[2]) {
			return m, bad
		}
		m.base = p[2][0]
	}
	return m, nil
}

// longestNumber bounds what a number is written with.
const longestNumber = 127

func (m *modifier) format(v int) (s string, err error) {
	switch {
	case v > 1<<31-1 || m.width > longestNumber:
		err = fmt.Errorf("${%s} is out of range", m.spec)
	case m.base == 'n' || m.base == 'N':
		if v < 0 {
			return "", fmt.Errorf("${%s} has no digits of a negative number", m.spec)
		}
		s = nibbles(v, m.width, m.base == 'N')
	case m.base == 'd':
		s = fmt.Sprintf("%0*d", m.width, v)
	default:
		s = fmt.Sprintf("%0*"+string(m.base), m.width, uint32(v)) // of a negative number its two's complement
	}
	if len(s) > longestNumber {
		err = fmt.Errorf("${%s} is too long", m.spec)
	}
	return s, err
}

// nibbles writes the hexadecimal digits of v from the last on, with dots between them, as names below ip6.arpa have them.
// width counts both.
func nibbles(v, width int, upper bool) string {
	digits := "0123456789abcdef"
	if upper {
		digits = "0123456789ABCDEF"
	}
	var b strings.Builder
	for {
		b.WriteByte(digits[v&15])
		v >>= 4
		if width--; width > 0 || v != 0 {
			b.WriteByte('.')
			width--
		}
		if v == 0 && width <= 0 {
			return b.String()
		}
	}
}
