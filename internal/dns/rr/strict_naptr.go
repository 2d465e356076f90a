package rr

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strconv"
	"strings"
)

// checkSubstitution: RFC 3402 section 3.2, a delimiter, an extended regular expression, a replacement, and a flag.
func checkSubstitution(s []byte) error {
	if len(s) == 0 {
		return nil
	}
	bad := func(what string) error { return fmt.Errorf("%w: the regular expression %s", ErrSyntax, what) }
	delim := s[0]
	if delim == 0 || delim >= '0' && delim <= '9' || delim == '\\' || delim == 'i' || delim >= 0x80 {
		return bad("has no delimiter")
	}
	part := [3][]byte{}
	n := 0
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == 0:
			return bad("has a NUL")
		case c == delim:
			if n++; n > 2 {
				return bad("has too many parts")
			}
		case c == '\\' && n < 2 && i+1 < len(s):
			if s[i+1] == 0 {
				return bad("has a NUL")
			}
			if s[i+1] != delim {
				part[n] = append(part[n], c)
			}
			i++
			part[n] = append(part[n], s[i])
		default:
			part[n] = append(part[n], c)
		}
	}
	switch {
	case n < 2:
		return bad("has too few parts")
	case len(part[2]) > 0 && string(part[2]) != "i":
		return bad("has an unknown flag")
	}
	groups, err := countGroups(string(part[0]))
	if err != nil {
		return bad("does not parse: " + err.Error())
	}
	for i := 0; i+1 < len(part[1]); i++ {
		if part[1][i] != '\\' {
			continue
		}
		i++
		if d := part[1][i]; d == '0' || d > '0' && d <= '9' && int(d-'0') > groups {
			return bad("has no such group as its replacement wants")
		}
	}
	return nil
}

// countGroups parses a POSIX extended regular expression (RFC 3402 section 3.2) and counts its groups. The parser of the
// standard library takes more than POSIX defines, such as an empty alternative or a quantifier of a quantifier, that
// others refuse; checkOperators goes before it.
func countGroups(expr string) (int, error) {
	if err := checkOperators(expr); err != nil {
		return 0, err
	}
	re, err := syntax.Parse(expr, syntax.POSIX)
	if err != nil {
		return 0, err
	}
	return re.MaxCap(), nil
}

// errOperator is the error of an operator without its operand, and of an escape or a bound that POSIX does not have.
var errOperator = errors.New("an operator lacks its operand")

// checkOperators walks over the expression and wants an operand wherever an operator takes one.
func checkOperators(expr string) error {
	const (
		none   = iota // at the start of a branch
		anchor        // something that is not repeated
		atom
	)
	last := none
	for i := 0; i < len(expr); {
		n := 1
		switch expr[i] {
		case '\\':
			if n = 2; i+1 == len(expr) || expr[i+1] >= '0' && expr[i+1] <= '9' {
				return errOperator
			}
			last = atom
		case '[':
			if n = bracketLen(expr[i:]); n == 0 {
				return errOperator
			}
			last = atom
		case '(':
			last = none
		case ')':
			if last == none {
				return errOperator
			}
			last = atom
		case '|':
			if last == none {
				return errOperator
			}
			last = none
		case '*', '+', '?', '{':
			if last != atom {
				return errOperator
			}
			if expr[i] == '{' {
				if n = boundLen(expr[i:]); n == 0 {
					return errOperator
				}
			}
			last = anchor
		case '}':
			return errOperator
		case '^', '$':
			last = anchor
		default:
			last = atom
		}
		i += n
	}
	if last == none {
		return errOperator
	}
	return nil
}

// bracketLen is the length of the bracket expression that s begins with, 0 if it does not end.
func bracketLen(s string) int {
	i := 1
	if strings.HasPrefix(s[i:], "^") {
		i++
	}
	if strings.HasPrefix(s[i:], "]") {
		i++
	}
	for i < len(s) {
		switch {
		case s[i] == ']':
			return i + 1
		case s[i] == '[' && i+1 < len(s) && strings.IndexByte(":.=", s[i+1]) >= 0:
			end := strings.Index(s[i+2:], s[i+1:i+2]+"]")
			if end < 0 {
				return 0
			}
			i += 2 + end + 2
		default:
			i++
		}
	}
	return 0
}

// boundLen is the length of the bound, {n}, {n,} or {n,m}, that s begins with, 0 if it is none.
func boundLen(s string) int {
	end := strings.IndexByte(s, '}')
	if end < 0 {
		return 0
	}
	low, high, ranged := strings.Cut(s[1:end], ",")
	const most = 255 // RE_DUP_MAX of POSIX
	a, err := strconv.ParseUint(low, 10, 16)
	if err != nil || a > most {
		return 0
	}
	if ranged && high != "" {
		if b, err := strconv.ParseUint(high, 10, 16); err != nil || b > most || b < a {
			return 0
		}
	}
	return end + 1
}
