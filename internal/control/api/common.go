package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// AccountRef names an account in other documents.
type AccountRef struct {
	ID   model.ID `json:"id"`
	Name string   `json:"name"`
}

// OrEmpty gives an empty list for none, which JSON tells apart.
func OrEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// Offset is where a page begins; pages are bounded so that this does not overflow.
func Offset(page, per int) int { return (page - 1) * per }

// MatchAny reads how filters are joined.
func MatchAny(v url.Values, name string) (bool, error) {
	switch strings.ToLower(Last(v, name)) {
	case "", "all":
		return false, nil
	case "any":
		return true, nil
	}
	return false, Invalid(model.CodePaging, "", name+" must be all or any.")
}

// NotHere answers what this server was started without.
func NotHere() error {
	return &Failed{Status: http.StatusNotFound, Code: codeNoPath, Message: "This server does not keep that."}
}

// LabelText says whether s can name a peer or an ACL: some visible text on one line.
func LabelText(s string) bool {
	return strings.TrimSpace(s) != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxLabelText &&
		!strings.ContainsFunc(s, unicode.IsControl)
}

// maxLabelText bounds the names of peers and ACLs, in characters.
const maxLabelText = 100

// LoadAccount reads the account in the path; one that is not there is no route.
func (q *Request) LoadAccount() (model.Account, error) {
	acc, err := q.API.Store.Account(q.Ctx(), q.Account)
	return acc, OrMissing(err, model.CodeAccountInvalid, "There is no such account.")
}

// EditAccount commits a change of the account in the path.
func (q *Request) EditAccount(action string, edit func(*model.Account)) (*model.Account, error) {
	res, err := q.Change(model.EditAccount{Action: action, Apply: func(acc model.Account) (model.Account, error) {
		edit(&acc)
		return acc, nil
	}})
	if err != nil {
		return nil, OrMissing(err, model.CodeAccountInvalid, "There is no such account.")
	}
	return res.Outcomes[0].Account, nil
}

// ParseRange reads CIDR, or a bare address as a range of its own. Host bits are kept.
func ParseRange(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p, true
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

// IsASCII says whether a text is ASCII alone.
func IsASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// ParseHost reads a name as a target: absolute with or without its final dot, "@" for the zone. text is the name as
// answers have it: no final dot, A-labels, otherwise spelled as it came; "." is the root.
func ParseHost(s string, zone wire.Name) (text string, name wire.Name, err error) {
	if s == "@" {
		return zone.Host(), zone, nil
	}
	if needsEscape(s) {
		return "", "", Faulty("", "%s has a character that host names do not have", strconv.Quote(s))
	}
	text = s
	if !IsASCII(s) {
		if text, err = rr.ToASCII(s); err != nil {
			return "", "", Faulty("", "%s is not a host name", strconv.Quote(s))
		}
	}
	if name, err = wire.ParseName(text); err != nil {
		return "", "", Faulty("", "%w", err)
	}
	if _, err := netip.ParseAddr(name.Host()); err == nil {
		return "", "", Faulty("", "%s is an address, not a host name", s)
	}
	// A dot at the end of a name is never escaped, or the name would not have ended there.
	if text != "." && EndsInDot(text) {
		text = text[:len(text)-1]
	}
	return text, name, nil
}

// Fault says what is wrong with which member; invalidData gives it the code of its type.
type Fault struct {
	Member string // of data, or "" for the content as a whole
	reason string
}

func (f *Fault) Error() string { return f.reason }

// Faulty makes a Fault of a member, or with none of the content as a whole.
func Faulty(member, format string, args ...any) error {
	return &Fault{member, fmt.Errorf(format, args...).Error()}
}

// needsEscape finds what a name in text does not hold as it is: two words, a comment, a quoted string, punctuation.
func needsEscape(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c <= ' ' || c == 0x7f || strings.IndexByte(`"();@$`+Punctuation, c) >= 0:
			return true
		}
	}
	return false
}

// EndsInDot says whether the last character is a dot that is not escaped.
func EndsInDot(s string) bool {
	body, ok := strings.CutSuffix(s, ".")
	return ok && !escapes(body)
}

// escapes says whether a text ends in a backslash that takes what follows for a character like any other.
func escapes(s string) bool { return (len(s)-len(strings.TrimRight(s, `\`)))%2 == 1 }

// Trim takes blanks off both ends of a text in presentation format (RFC 1035, section 5.1). One that a backslash stands before
// belongs to the text.
func Trim(s string) string {
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	text := strings.TrimRightFunc(s, unicode.IsSpace)
	if len(text) < len(s) && escapes(text) {
		_, n := utf8.DecodeRuneInString(s[len(text):])
		text = s[:len(text)+n]
	}
	return text
}

// Punctuation is what a URL, an address with a port, or a list has. A name may have it, too, but then it has to say so with a
// backslash: without, it is taken for what it looks like.
const Punctuation = ":,<>"

// QuoteJSON leaves <, > and & alone, which occur in URIs.
func QuoteJSON(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""` // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// At is the value of a key, nil where there is none.
func At[K comparable](m map[K]int64, key K) *int64 {
	if v, ok := m[key]; ok {
		return &v
	}
	return nil
}
