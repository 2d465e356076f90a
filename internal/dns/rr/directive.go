package rr

import (
	"fmt"
	"strings"
)

// directive reads a line that begins with a dollar sign (RFC 1035 section 5.1, RFC 2308 section 4).
func (r *Reader) directive(f []string) error {
	name := strings.ToUpper(unquoted(f[0]))
	switch name {
	case "$ORIGIN":
		if len(f) != 2 || isQuoted(f[1]) {
			return fmt.Errorf("%w: $ORIGIN wants a name", ErrSyntax)
		}
		origin, err := r.name(f[1])
		if err != nil {
			return fmt.Errorf("$ORIGIN: %w", err)
		}
		r.origin.to(origin)
		return nil
	case "$TTL":
		if len(f) == 2 {
			if ttl, ok := parseTTL(f[1]); ok {
				r.ttl.to(ttl)
				return nil
			}
		}
		return fmt.Errorf("%w: $TTL wants a time", ErrSyntax)
	case "$DATE": // of signed zones; nothing here depends on it
		if len(f) == 2 && len(f[1]) == len("20060102150405") && strings.Trim(f[1], "0123456789") == "" {
			return nil
		}
		return fmt.Errorf("%w: $DATE wants 14 digits", ErrSyntax)
	case "$INCLUDE":
		return ErrInclude
	case "$GENERATE":
		return r.generate(f[1:])
	}
	return fmt.Errorf("%w: unknown directive %s", ErrSyntax, f[0])
}

func isQuoted(field string) bool { return strings.HasPrefix(field, `"`) }

// loseDirective forgets what a directive that was passed over would have set. One that nobody knows may be any other,
// misspelt.
func (r *Reader) loseDirective(f []string) {
	at := r.lex.start
	switch strings.ToUpper(unquoted(f[0])) {
	case "$ORIGIN":
		r.origin.lose(at)
	case "$TTL":
		r.ttl.lose(at)
	case "$GENERATE":
		if len(f) < 2 {
			return
		}
		if _, err := r.head(f[min(len(f), 3):]); err != nil && r.last.set {
			r.last.lose(at)
		}
	case "$DATE", "$INCLUDE": // who is told of an $INCLUDE cannot take the file
	default:
		r.ttl.lose(at)
		r.origin.lose(at)
	}
}
