package rr

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Bounds of how many records one $GENERATE makes, and all of a file together.
const (
	maxGenerate  = 65536
	maxGenerated = 4 * maxGenerate
)

func (r *Reader) directive() error {
	f := r.fields
	switch strings.ToUpper(f[0]) {
	case "$ORIGIN":
		if len(f) != 2 {
			return fmt.Errorf("%w: $ORIGIN wants a name", ErrSyntax)
		}
		origin, err := AbsoluteName(f[1], r.origin)
		if err != nil {
			return fmt.Errorf("$ORIGIN: %w", err)
		}
		r.origin = origin
		return nil
	case "$TTL":
		if len(f) == 2 {
			if ttl, ok := parseTTL(f[1]); ok {
				r.ttl, r.hasTTL = ttl, true
				return nil
			}
		}
		return fmt.Errorf("%w: $TTL wants a time", ErrSyntax)
	case "$INCLUDE":
		return ErrInclude
	case "$GENERATE":
		return r.generate(f[1:])
	}
	return fmt.Errorf("%w: unknown directive %s", ErrSyntax, f[0])
}

// generate makes records of a range and templates, as BIND does: start-stop[/step] owner [ttl] [class] type data.
func (r *Reader) generate(f []string) error {
	if len(f) < 4 {
		return fmt.Errorf("%w: range, owner, type and data are wanted", ErrGenerate)
	}
	start, stop, step, err := parseRange(f[0])
	if err != nil {
		return err
	}
	if r.left -= (stop-start)/step + 1; r.left < 0 {
		return fmt.Errorf("%w: more than %d records in the file", ErrGenerate, maxGenerated)
	}
	template := append([]string(nil), f[1:]...)
	owner := r.owner
	defer func() { r.owner = owner }()
	for n := start; n <= stop; n += step {
		r.fields = r.fields[:0]
		for _, t := range template {
			s, err := expand(t, n)
			if err != nil {
				return err
			}
			r.fields = append(r.fields, s)
		}
		e, err := r.record(false)
		if err != nil {
			r.pending = nil
			return fmt.Errorf("%w: %w", ErrGenerate, err)
		}
		r.pending = append(r.pending, e)
	}
	return nil
}

func parseRange(s string) (start, stop, step int, err error) {
	span, by, stepped := strings.Cut(s, "/")
	from, to, ok := strings.Cut(span, "-")
	a, err1 := strconv.ParseUint(from, 10, 31)
	b, err2 := strconv.ParseUint(to, 10, 31)
	c := uint64(1)
	var err3 error
	if stepped {
		c, err3 = strconv.ParseUint(by, 10, 31)
	}
	if !ok || err1 != nil || err2 != nil || err3 != nil || c == 0 || b < a {
		return 0, 0, 0, fmt.Errorf("%w: range %q", ErrGenerate, s)
	}
	if (b-a)/c >= maxGenerate {
		return 0, 0, 0, fmt.Errorf("%w: more than %d records", ErrGenerate, maxGenerate)
	}
	return int(a), int(b), int(c), nil
}

// expand puts n into a template: $ or ${offset[,width[,base]]}, \$ for the sign itself.
func expand(t string, n int) (string, error) {
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		switch {
		case t[i] == '\\' && i+1 < len(t) && t[i+1] == '$':
			b.WriteByte('$')
			i++
		case t[i] != '$':
			b.WriteByte(t[i])
		case i+1 < len(t) && t[i+1] == '{':
			end := strings.IndexByte(t[i:], '}')
			if end < 0 {
				return "", fmt.Errorf("%w: %q", ErrGenerate, t)
			}
			s, err := modified(t[i+2:i+end], n)
			if err != nil {
				return "", err
			}
			b.WriteString(s)
			i += end
		default:
			b.WriteString(strconv.Itoa(n))
		}
	}
	return b.String(), nil
}

func modified(spec string, n int) (string, error) {
	p := strings.Split(spec, ",")
	offset, err := strconv.Atoi(p[0])
	width := 0
	if err == nil && len(p) > 1 {
		width, err = strconv.Atoi(p[1])
	}
	verb := "d"
	if len(p) > 2 {
		verb = p[2]
	}
	if err != nil || len(p) > 3 || width < 0 || width > wire.MaxName || !strings.Contains("doxX", verb) || len(verb) != 1 {
		return "", fmt.Errorf("%w: ${%s}", ErrGenerate, spec)
	}
	return fmt.Sprintf("%0*"+verb, width, n+offset), nil
}
