package record

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// recordBody is what clients send. Members that are not here are ignored (contract section 5.2).
type recordBody struct {
	ID       api.Optional[model.ID]                   `json:"id"`
	Name     api.Optional[string]                     `json:"name"`
	Type     api.Optional[string]                     `json:"type"`
	Content  api.Optional[string]                     `json:"content"`
	Data     api.Optional[map[string]json.RawMessage] `json:"data"`
	Priority api.Optional[flexible]                   `json:"priority"`
	TTL      api.Optional[flexible]                   `json:"ttl"`
	Proxied  api.Optional[bool]                       `json:"proxied"`
	Comment  api.Optional[string]                     `json:"comment"`
	Tags     api.Optional[[]string]                   `json:"tags"`
	Settings api.Optional[settingsBody]               `json:"settings"`
}

type settingsBody struct {
	FlattenCNAME api.Optional[bool] `json:"flatten_cname"`
	IPv4Only     api.Optional[bool] `json:"ipv4_only"`
	IPv6Only     api.Optional[bool] `json:"ipv6_only"`
}

// flexible is a whole number that may come as a string or with a fraction of zeros.
type flexible int64

// UnmarshalJSON reads 300, 300.0 and "300".
func (f *flexible) UnmarshalJSON(b []byte) error {
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return notWhole(string(b))
	}
	if i, err := n.Int64(); err == nil {
		*f = flexible(i)
		return nil
	}
	v, err := n.Float64()
	if err != nil || v != math.Trunc(v) || math.Abs(v) > 1<<53 {
		return notWhole(n.String())
	}
	*f = flexible(v)
	return nil
}

// notWhole is the error that the decoder completes with the member's name.
func notWhole(value string) error {
	return &json.UnmarshalTypeError{Value: "value such as " + value[:min(len(value), 40)], Type: reflect.TypeFor[int64]()}
}

// build makes a whole record of a POST or PUT: what is absent has its default.
func (b *recordBody) build(z *model.Zone) (model.Record, error) {
	r := model.Record{Zone: z.ID, TTL: rules.AutomaticTTL}
	b.nameService()
	if !b.Name.Given() {
		return r, badName()
	}
	if !b.Type.Given() {
		return r, api.Invalid(model.CodeTypeInvalid, "/type", "DNS record type is invalid.")
	}
	err := b.merge(z, &r, true)
	return r, err
}

// nameService names an SRV record that comes without a name from the members of its data that tell it, as clients did before
// the name was one of its own (contract section 5.2).
func (b *recordBody) nameService() {
	if b.Name.Given() && b.Name.Value != "" || !strings.EqualFold(b.Type.Value, "SRV") || !b.Data.Given() {
		return
	}
	var labels []string
	for _, member := range []string{"service", "proto", "name"} {
		var label string
		if raw := b.Data.Value[member]; len(raw) > 0 && json.Unmarshal(raw, &label) != nil {
			return
		}
		if member == "name" && (label == "" || label == "@") {
			continue
		}
		labels = append(labels, label)
	}
	if slices.Contains(labels, "") {
		return
	}
	b.Name = api.Optional[string]{Set: true, Value: strings.Join(labels, ".")}
}

// merge lays what was sent over a record. fresh says that nothing stood before.
func (b *recordBody) merge(z *model.Zone, r *model.Record, fresh bool) error {
	if err := b.mergeName(z, r, fresh); err != nil {
		return err
	}
	if err := b.mergeData(z, r, fresh); err != nil {
		return err
	}
	return b.mergeRest(r)
}

func (b *recordBody) mergeName(z *model.Zone, r *model.Record, fresh bool) error {
	if b.Name.Given() {
		name, err := recordName(b.Name.Value, z.Name)
		if err != nil {
			return err
		}
		r.Name = name
	}
	if !b.Type.Given() {
		return nil
	}
	t, err := ParseType(strings.ToUpper(b.Type.Value))
	if err != nil {
		return err
	}
	if !fresh && t != r.Type {
		return api.Invalid(model.CodeTypeChange, "/type", "The type of a record cannot be changed. Delete the record and create another.")
	}
	r.Type = t
	return nil
}

// mergeData chooses between data and content: data where it has at least one member of the type.
func (b *recordBody) mergeData(z *model.Zone, r *model.Record, fresh bool) error {
	prio, err := b.priority(r)
	if err != nil {
		return err
	}
	switch {
	case b.Data.Given() && isDataType(r.Type) && hasMembers(r.Type, b.Data.Value):
		data := b.Data.Value
		if !fresh {
			var sent *uint16
			if b.Priority.Given() {
				sent = prio
			}
			data = mergeData(r, data, sent)
		}
		r.Content, r.Priority, r.RData, err = parseData(r.Type, data, prio, z.Name)
	case b.Content.Given():
		if !b.Priority.Given() && leadsWithPriority(r.Type, b.Content.Value) {
			prio = nil // what stands gives way to what was sent
		}
		r.Content, r.Priority, r.RData, err = parseContent(r.Type, b.Content.Value, prio, z.Name)
	case fresh:
		r.Content, r.Priority, r.RData, err = parseContent(r.Type, "", prio, z.Name)
	case b.Priority.Given() && r.Priority != nil:
		r.Content, r.Priority, r.RData, err = parseContent(r.Type, r.Content, prio, z.Name)
	}
	return err
}

// priority is the one sent, or the one that stands.
func (b *recordBody) priority(r *model.Record) (*uint16, error) {
	if !b.Priority.Given() {
		return r.Priority, nil
	}
	if b.Priority.Value < 0 || b.Priority.Value > 65535 {
		return nil, api.Invalid(model.CodePriority, "/priority", "Priority must be between 0 and 65535.")
	}
	p := uint16(b.Priority.Value)
	return &p, nil
}

func (b *recordBody) mergeRest(r *model.Record) error {
	if b.Proxied.Given() {
		r.Proxied = b.Proxied.Value
	}
	if b.TTL.Given() {
		if err := rules.TTL(int64(b.TTL.Value)); err != nil {
			return err
		}
		r.TTL = uint32(b.TTL.Value)
	}
	if b.Comment.Set {
		r.Comment = b.Comment.Value
	}
	if b.Tags.Given() {
		r.Tags = b.Tags.Value
	}
	if b.Settings.Given() {
		s := &b.Settings.Value
		for _, m := range []struct {
			from *api.Optional[bool]
			to   *bool
		}{{&s.FlattenCNAME, &r.Settings.FlattenCNAME}, {&s.IPv4Only, &r.Settings.IPv4Only}, {&s.IPv6Only, &r.Settings.IPv6Only}} {
			if m.from.Set {
				*m.to = m.from.Value
			}
		}
	}
	return nil
}

// recordName reads a record's name (contract section 5.1): relative or absolute, @ or the zone's name for the apex.
func recordName(s string, zone wire.Name) (wire.Name, error) {
	s = api.Trim(s)
	if s == "" {
		return "", badName()
	}
	if s == "@" {
		return zone, nil
	}
	ascii, err := rr.ToASCII(s)
	if err != nil || strings.ContainsAny(ascii, " \t\r\n") {
		return "", badName()
	}
	n, err := wire.ParseName(ascii)
	if err != nil || n == wire.Root {
		return "", badName()
	}
	if n.Within(zone) {
		return n, nil
	}
	if api.EndsInDot(ascii) {
		return "", badName() // absolute, and of another zone
	}
	if len(n)-1+len(zone) > wire.MaxName {
		return "", badName()
	}
	return n[:len(n)-1] + zone, nil
}

func badName() error { return api.Invalid(model.CodeNameInvalid, "/name", "DNS name is invalid.") }
