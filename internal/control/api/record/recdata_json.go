package record

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// isDataType says whether records of the type have a data object.
func isDataType(t wire.Type) bool { return t == wire.TypeLOC || layoutOf(t) != nil }

// hasMembers says whether data holds something for the type, so that it is used rather than content. An empty string
// or a null does not count: libdns sends {"tag":""} with every record. Nor do the members of SRV that moved into the
// name.
func hasMembers(t wire.Type, data map[string]json.RawMessage) bool {
	for _, m := range members(t) {
		if raw := bytes.TrimSpace(data[m]); len(raw) > 0 && string(raw) != "null" && string(raw) != `""` {
			return true
		}
	}
	return false
}

// members lists the names of a data type's members in alphabetical order, which is that of answers.
func members(t wire.Type) []string {
	var out []string
	if t == wire.TypeLOC {
		for i := range locMembers {
			out = append(out, locMembers[i].member)
		}
		return out
	}
	l := layoutOf(t)
	if l == nil {
		return nil
	}
	for i := range l.fields {
		out = append(out, l.fields[i].member)
	}
	if l.mirrored {
		out = append(out, "priority")
	}
	slices.Sort(out)
	return out
}

func memberData(t wire.Type, data map[string]json.RawMessage, priority *uint16, zone wire.Name) (recdata, error) {
	if t == wire.TypeLOC {
		return checked(t)(locData(data))
	}
	l := layoutOf(t)
	if l == nil {
		return recdata{}, api.Faulty("", "the type has no data")
	}
	if l.mirrored {
		var err error
		if priority, err = mirroredPriority(data, priority); err != nil {
			return recdata{}, err
		}
	}
	values := make([]string, len(l.fields))
	for i := range l.fields {
		var err error
		if values[i], err = l.fields[i].value(data); err != nil {
			return recdata{}, err
		}
	}
	return checked(t)(l.encode(t, values, priority, zone))
}

// mirroredPriority is that of data, else the record's, else 0, which libdns leaves out.
func mirroredPriority(data map[string]json.RawMessage, priority *uint16) (*uint16, error) {
	f := field{member: "priority", kind: kindNumber, optional: true}
	s, err := f.value(data)
	if err != nil {
		return nil, err
	}
	if s == "" && priority != nil {
		return priority, nil
	}
	if s == "" {
		s = "0"
	}
	n, err := parseNumber(s, 16, nil)
	if err != nil {
		return nil, api.Faulty("priority", "priority: %w", err)
	}
	p := uint16(n)
	return &p, nil
}

// value gives a member's plain text: strings as they are, numbers as JSON writes them.
func (f *field) value(data map[string]json.RawMessage) (string, error) {
	raw := bytes.TrimSpace(data[f.member])
	if len(raw) == 0 || string(raw) == "null" {
		if f.optional {
			return f.preset, nil
		}
		return "", api.Faulty(f.member, "%s is missing", f.member)
	}
	switch c := raw[0]; {
	case c == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return "", api.Faulty(f.member, "%s is not a string", f.member)
		}
		if s == "" && f.optional {
			return f.preset, nil
		}
		return s, nil
	case c == '-' || c >= '0' && c <= '9':
		return string(raw), nil
	}
	return "", api.Faulty(f.member, "%s must be a number or a string", f.member)
}

// recordData is the data object of a record as answers have it, derived from content and priority; nil for types without
// one.
func recordData(r *model.Record) json.RawMessage {
	values := objectMembers(r)
	if values == nil {
		return nil
	}
	var b strings.Builder
	for i, m := range members(r.Type) {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(`"` + m + `":` + values[m])
	}
	b.WriteByte('}')
	return json.RawMessage(b.String())
}

// objectMembers gives each member's JSON.
func objectMembers(r *model.Record) map[string]string {
	if r.Type == wire.TypeLOC {
		return locObject(r.Content)
	}
	l := layoutOf(r.Type)
	if l == nil {
		return nil
	}
	values, prio, err := l.split(r.Content, r.Priority)
	if err != nil {
		return nil // content of a data type was written by encode; nothing else comes here
	}
	out := make(map[string]string, len(values)+1)
	for i := range l.fields {
		f := &l.fields[i]
		if f.kind == kindByte || f.kind == kindNumber {
			out[f.member] = values[i]
			continue
		}
		out[f.member] = api.QuoteJSON(values[i])
	}
	if l.mirrored && prio != nil {
		out["priority"] = strconv.Itoa(int(*prio))
	}
	return out
}

// mergeData lays the members of a PATCH, and its priority where data mirrors that, over what the record has.
func mergeData(r *model.Record, patch map[string]json.RawMessage, priority *uint16) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for m, v := range objectMembers(r) {
		out[m] = json.RawMessage(v)
	}
	if l := layoutOf(r.Type); l != nil && l.mirrored && priority != nil {
		out["priority"] = json.RawMessage(strconv.Itoa(int(*priority)))
	}
	maps.Copy(out, patch)
	return out
}
