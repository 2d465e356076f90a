package record

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"unicode"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// recdata is what a record's content or data comes to.
type recdata struct {
	content  string
	priority *uint16
	rdata    []byte
}

// ParseType reads a record's type.
func ParseType(text string) (wire.Type, error) {
	t, err := wire.ParseType(text)
	if err != nil {
		t = 0 // no type of any record
	}
	return t, rules.Type(t)
}

// parseContent reads a record's content. priority is the top-level member, nil when absent. It gives the content as
// answers have it, the priority to keep (nil for types without one), and canonical RDATA. The zone stands in for "@" as
// a target. The error is a *model.Invalid.
func parseContent(t wire.Type, content string, priority *uint16, zone wire.Name) (canonicalContent string, prio *uint16, rdata []byte, err error) {
	d, err := contentData(t, content, priority, zone)
	if err != nil {
		return "", nil, nil, invalidData(t, err, "/content")
	}
	return d.content, d.priority, d.rdata, nil
}

// parseData is parseContent for the data object of a type that has one; members of other types are passed over.
func parseData(t wire.Type, data map[string]json.RawMessage, priority *uint16, zone wire.Name) (content string, prio *uint16, rdata []byte, err error) {
	d, err := memberData(t, data, priority, zone)
	if err != nil {
		return "", nil, nil, invalidData(t, err, "/data")
	}
	return d.content, d.priority, d.rdata, nil
}

// From is parseContent for RDATA that came from elsewhere (an import). The RDATA that it gives is what a client
// would have got, which may differ in the case of a target.
func From(t wire.Type, rdata []byte, zone wire.Name) (content string, prio *uint16, canonical []byte, err error) {
	return parseContent(t, formatData(t, rdata), nil, zone)
}

// formatData writes RDATA as parseContent reads it: names of hosts, unlike those in files, have their punctuation escaped.
func formatData(t wire.Type, rdata []byte) string {
	text := rr.FormatData(t, rdata)
	switch t {
	case wire.TypeCNAME, wire.TypeNS, wire.TypePTR, wire.TypeMX, wire.TypeSRV, wire.TypeNAPTR:
		return escapePunctuation(text)
	case wire.TypeHTTPS, wire.TypeSVCB:
		if f := strings.SplitN(text, " ", 3); len(f) > 1 && !strings.HasPrefix(text, `\#`) {
			f[1] = escapePunctuation(f[1])
			return strings.Join(f, " ")
		}
	}
	return text
}

// escapePunctuation puts a backslash before what parseHost wants escaped, outside of quotes.
func escapePunctuation(text string) string {
	if !strings.ContainsAny(text, api.Punctuation) {
		return text
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text):
			b.WriteByte(c)
			i++
			c = text[i]
		case c == '"':
			quoted = !quoted
		case !quoted && strings.IndexByte(api.Punctuation, c) >= 0:
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}

func contentData(t wire.Type, content string, priority *uint16, zone wire.Name) (recdata, error) {
	if strings.IndexByte(content, 0) >= 0 {
		return recdata{}, api.Faulty("", "it has a NUL, which can be written as \\000 in quotes only")
	}
	if t == wire.TypeTXT {
		return checked(t)(textData(content))
	}
	content = api.Trim(content)
	if content == "" {
		return recdata{}, api.Faulty("", "it is empty")
	}
	if strings.HasPrefix(content, `\#`) {
		return unknownForm(t, content, priority, zone)
	}
	switch t {
	case wire.TypeA, wire.TypeAAAA:
		return addressData(t, content)
	case wire.TypeCNAME, wire.TypeNS, wire.TypePTR:
		return hostData(content, zone)
	case wire.TypeMX:
		return exchangeData(content, priority, zone)
	case wire.TypeOPENPGPKEY:
		return checked(t)(keyData(content))
	case wire.TypeLOC:
		return checked(t)(locContent(content))
	}
	if l := layoutOf(t); l != nil {
		v, prio, err := l.split(content, priority)
		if err != nil {
			return recdata{}, err
		}
		return checked(t)(l.encode(t, v, prio, zone))
	}
	rdata, err := rr.ParseData(t, content, wire.Root)
	return checked(t)(recdata{content: rr.FormatData(t, rdata), rdata: rdata}, err)
}

// checked holds RDATA that was put together here against its type and the limit.
func checked(t wire.Type) func(recdata, error) (recdata, error) {
	return func(d recdata, err error) (recdata, error) {
		if err != nil {
			return d, err
		}
		return d, rules.Data(t, d.rdata)
	}
}

// unknownForm takes RFC 3597's form for any type, and content as usual from what it means.
func unknownForm(t wire.Type, content string, priority *uint16, zone wire.Name) (recdata, error) {
	rdata, err := rr.ParseData(t, content, wire.Root)
	if err != nil {
		return recdata{}, err
	}
	text := formatData(t, rdata)
	if !strings.HasPrefix(text, `\#`) {
		return contentData(t, text, priority, zone)
	}
	if layoutOf(t) != nil || hasOwnForm(t) {
		return recdata{}, api.Faulty("", "it is not in the form of its type")
	}
	return checked(t)(recdata{content: text, rdata: rdata}, nil)
}

// hasOwnForm says whether contentData has code for the type besides the layouts.
func hasOwnForm(t wire.Type) bool {
	switch t {
	case wire.TypeA, wire.TypeAAAA, wire.TypeCNAME, wire.TypeNS, wire.TypePTR, wire.TypeMX, wire.TypeOPENPGPKEY,
		wire.TypeLOC, wire.TypeTXT:
		return true
	default:
		return false
	}
}

// addressData takes no short forms and no leading zeros; an IPv6 address comes back as RFC 5952 writes it.
func addressData(t wire.Type, content string) (recdata, error) {
	a, err := netip.ParseAddr(content)
	if err != nil || a.Zone() != "" || (t == wire.TypeA) != a.Is4() {
		return recdata{}, api.Faulty("", "it is not an address of its family")
	}
	return recdata{content: a.String(), rdata: a.AsSlice()}, nil
}

func hostData(content string, zone wire.Name) (recdata, error) {
	text, name, err := api.ParseHost(content, zone)
	if err != nil {
		return recdata{}, err
	}
	if name == wire.Root {
		return recdata{}, api.Faulty("", "it is the root")
	}
	return recdata{content: text, rdata: []byte(name)}, nil
}

// exchangeData reads an MX. A priority may stand before the host, where libdns sends it, and wins over the member then, as
// in the other types with a priority.
func exchangeData(content string, priority *uint16, zone wire.Name) (recdata, error) {
	if i := strings.IndexFunc(content, unicode.IsSpace); i >= 0 {
		if n, err := parseNumber(content[:i], 16, nil); err == nil {
			p := uint16(n)
			content, priority = api.Trim(content[i:]), &p
		}
	}
	text, name, err := api.ParseHost(content, zone)
	if err != nil {
		return recdata{}, err
	}
	if priority == nil {
		return recdata{}, missingPriority(wire.TypeMX)
	}
	rdata := append([]byte{byte(*priority >> 8), byte(*priority)}, name...)
	return recdata{content: text, priority: priority, rdata: rdata}, nil
}

func keyData(content string) (recdata, error) {
	text := stripBlanks(content)
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) == 0 {
		return recdata{}, api.Faulty("", "it is not base64")
	}
	return recdata{content: text, rdata: key}, nil
}

func missingPriority(t wire.Type) error {
	return &model.Invalid{
		Code: model.CodePriority, Message: "Priority is required for " + t.String() + " records.", Pointer: "/priority",
	}
}

// invalidData turns an error into the API's: code and text of the contract where it has one for the type.
func invalidData(t wire.Type, err error, pointer string) error {
	var v *model.Invalid
	if errors.As(err, &v) {
		if v.Pointer == "" {
			v.Pointer = pointer
		}
		return v
	}
	var f *api.Fault
	if errors.As(err, &f) && f.Member != "" {
		pointer = "/data/" + f.Member
	}
	v = &model.Invalid{Pointer: pointer}
	switch t {
	case wire.TypeA:
		v.Code, v.Message = model.CodeContentA, "Content for A record must be a valid IPv4 address."
	case wire.TypeAAAA:
		v.Code, v.Message = model.CodeContentAAAA, "Content for AAAA record must be a valid IPv6 address."
	case wire.TypeCNAME:
		v.Code, v.Message = model.CodeContentCNAME, "Content for CNAME record is invalid."
	case wire.TypeMX:
		v.Code, v.Message = model.CodeContentMX, "Content for MX record must be a hostname."
	default:
		v.Code, v.Message = model.CodeContentInvalid, "Content for "+t.String()+" record is invalid: "+err.Error()+"."
	}
	return v
}
