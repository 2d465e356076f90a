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
	part, n, ok := splitParts(s[1:], delim)
	switch {
	case !ok:
		return bad("has a NUL or too many parts")
	case n < 2:
		return bad("has too few parts")
	case len(part[2]) > 0 && string(part[2]) != "i":
		return bad("has an unknown flag")
	}
	groups, err := countGroups(string(part[0]))
	if err != nil {
		return bad("does not parse: " + err.Error())
	}
	if !groupsExist(part[1], groups) {
		return bad("has no such group as its replacement wants")
	}
	return nil
}

// splitParts cuts at the delimiter, n times; one that is escaped belongs to its part without the backslash.
func splitParts(s []byte, delim byte) (part [3][]byte, n int, ok bool) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == 0:
			return part, n, false
		case c == delim:
			if n++; n > 2 {
				return part, n, false
			}
		case c == '\\' && n < 2 && i+1 < len(s):
			if s[i+1] == 0 {
				return part, n, false
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
	return part, n, true
}

// groupsExist looks up the groups that a replacement names by \1 to \9.
func groupsExist(replacement []byte, groups int) bool {
	for i := 0; i+1 < len(replacement); i++ {
		if replacement[i] != '\\' {
			continue
		}
		i++
		if d := replacement[i]; d == '0' || d > '0' && d <= '9' && int(d-'0') > groups {
			return false
		}
	}
	return true
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

// What the last thing of an expression was to checkOperators.
const (
	lastNone   = iota // nothing: the start of a branch
	lastAnchor        // something that is not repeated
	lastAtom
)

// checkOperators walks over the expression and wants an operand wherever an operator takes one.
func checkOperators(expr string) error {
	last := lastNone
	for i := 0; i < len(expr); {
		n := tokenLen(expr[i:])
		c := expr[i]
		needsAny, needsAtom := c == ')' || c == '|', strings.IndexByte("*+?{", c) >= 0
		if n == 0 || needsAny && last == lastNone || needsAtom && last != lastAtom {
			return errOperator
		}
		switch {
		case c == '(' || c == '|':
			last = lastNone
		case needsAtom || c == '^' || c == '$':
			last = lastAnchor
		default:
			last = lastAtom
		}
		i += n
	}
	if last == lastNone {
		return errOperator
	}
	return nil
}

// tokenLen is the length of the escape, bracket, bound or character that s begins with, 0 where it is malformed.
func tokenLen(s string) int {
	switch s[0] {
	case '\\':
		if len(s) == 1 || s[1] >= '0' && s[1] <= '9' {
			return 0
		}
		return 2
	case '[':
		return bracketLen(s)
	case '{':
		return boundLen(s)
	case '}':
		return 0
	}
	return 1
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
