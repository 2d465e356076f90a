package api

import (
	"encoding/json"
	"math"
	"net/http"
	"reflect"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func recordRoutes() []Route {
	const records = client + "/zones/{zone_id}/dns_records"
	return []Route{
		{http.MethodGet, records, ScopeZone, dnsRead, listRecords},
		{http.MethodPost, records, ScopeZone, dnsWrite, createRecord},
		{http.MethodGet, records + "/{dns_record_id}", ScopeZone, dnsRead, getRecord},
		{http.MethodPatch, records + "/{dns_record_id}", ScopeZone, dnsWrite, patchRecord},
		{http.MethodPut, records + "/{dns_record_id}", ScopeZone, dnsWrite, putRecord},
		{http.MethodDelete, records + "/{dns_record_id}", ScopeZone, dnsWrite, deleteRecord},
		{http.MethodPost, records + "/batch", ScopeZone, dnsWrite, batchRecords},
		{http.MethodGet, records + "/export", ScopeZone, dnsRead, exportRecords},
		{http.MethodPost, records + "/import", ScopeZone, dnsWrite, importRecords},
		{http.MethodGet, records + "/usage", ScopeZone, dnsRead, recordUsage},
		{http.MethodGet, client + "/accounts/{account_id}/dns_records/usage", ScopeAccount, accSetRead, accountUsage},
	}
}

// recordJSON is a record in answers; the order is that of contract section 5.2.
type recordJSON struct {
	ID              model.ID        `json:"id"`
	Name            string          `json:"name"`
	Type            string          `json:"type"`
	Content         string          `json:"content"`
	Proxiable       bool            `json:"proxiable"`
	Proxied         bool            `json:"proxied"`
	TTL             uint32          `json:"ttl"`
	Settings        settingsJSON    `json:"settings"`
	Meta            metaJSON        `json:"meta"`
	Comment         *string         `json:"comment"`
	Tags            []string        `json:"tags"`
	CreatedOn       stamp           `json:"created_on"`
	ModifiedOn      stamp           `json:"modified_on"`
	Priority        *uint16         `json:"priority,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"`
	CommentModified *stamp          `json:"comment_modified_on,omitempty"`
	TagsModified    *stamp          `json:"tags_modified_on,omitempty"`
}

type metaJSON struct {
	// Ignored marks a record that is kept but neither answered nor transferred: NS at the apex without multi_provider.
	Ignored bool `json:"headwater_ignored,omitempty"`
}

type settingsJSON struct {
	FlattenCNAME bool `json:"flatten_cname,omitempty"`
	IPv4Only     bool `json:"ipv4_only,omitempty"`
	IPv6Only     bool `json:"ipv6_only,omitempty"`
}

func toJSON(z *model.Zone, r *model.Record) recordJSON {
	out := recordJSON{
		ID: r.ID, Name: r.Name.Host(), Type: r.Type.String(), Content: r.Content, Proxiable: proxiable(r.Type, r.Content),
		Proxied: r.Proxied, TTL: r.TTL, Settings: settingsJSON(r.Settings), Tags: orEmpty(r.Tags),
		CreatedOn: stamp(r.Created), ModifiedOn: stamp(r.Modified), Priority: r.Priority, Data: recordData(r),
		Meta: metaJSON{Ignored: r.Type == wire.TypeNS && r.Name == z.Name && !z.Settings.MultiProvider},
	}
	if r.Comment != "" {
		out.Comment = &r.Comment
		out.CommentModified = (*stamp)(&r.CommentModified)
	}
	if len(r.Tags) > 0 {
		out.TagsModified = (*stamp)(&r.TagsModified)
	}
	return out
}

// recordName reads a record's name (contract section 5.1): relative or absolute, @ or the zone's name for the apex.
func recordName(s string, zone wire.Name) (wire.Name, error) {
	bad := invalid(model.CodeNameInvalid, "/name", "DNS name is invalid.")
	s = strings.TrimSpace(s)
	if s == "" {
		return "", bad
	}
	if s == "@" {
		return zone, nil
	}
	ascii, err := rr.ToASCII(s)
	if err != nil || strings.ContainsAny(ascii, " \t\r\n") {
		return "", bad
	}
	n, err := wire.ParseName(ascii)
	if err != nil || n == wire.Root {
		return "", bad
	}
	if n.Within(zone) {
		return n, nil
	}
	if strings.HasSuffix(ascii, ".") && !strings.HasSuffix(ascii, `\.`) {
		return "", bad // absolute, and of another zone
	}
	if len(n)-1+len(zone) > wire.MaxName {
		return "", bad
	}
	return n[:len(n)-1] + zone, nil
}

// recordBody is what clients send. Members that are not here are ignored (contract section 5.2).
type recordBody struct {
	ID       optional[model.ID]                   `json:"id"`
	Name     optional[string]                     `json:"name"`
	Type     optional[string]                     `json:"type"`
	Content  optional[string]                     `json:"content"`
	Data     optional[map[string]json.RawMessage] `json:"data"`
	Priority optional[flexible]                   `json:"priority"`
	TTL      optional[flexible]                   `json:"ttl"`
	Proxied  optional[bool]                       `json:"proxied"`
	Comment  optional[string]                     `json:"comment"`
	Tags     optional[[]string]                   `json:"tags"`
	Settings optional[settingsBody]               `json:"settings"`
}

type settingsBody struct {
	FlattenCNAME optional[bool] `json:"flatten_cname"`
	IPv4Only     optional[bool] `json:"ipv4_only"`
	IPv6Only     optional[bool] `json:"ipv6_only"`
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
	r := model.Record{Zone: z.ID, TTL: ttlAutomatic}
	if !b.Name.given() {
		return r, invalid(model.CodeNameInvalid, "/name", "DNS name is invalid.")
	}
	if !b.Type.given() {
		return r, invalid(model.CodeTypeInvalid, "/type", "DNS record type is invalid.")
	}
	err := b.merge(z, &r, true)
	return r, err
}

// merge lays what was sent over a record, which is checked as a whole then. fresh says that nothing stood before.
func (b *recordBody) merge(z *model.Zone, r *model.Record, fresh bool) error {
	if err := b.mergeName(z, r, fresh); err != nil {
		return err
	}
	if err := b.mergeData(z, r, fresh); err != nil {
		return err
	}
	if err := b.mergeRest(r); err != nil {
		return err
	}
	return checkRecord(r)
}

func (b *recordBody) mergeName(z *model.Zone, r *model.Record, fresh bool) error {
	if b.Name.given() {
		name, err := recordName(b.Name.Value, z.Name)
		if err != nil {
			return err
		}
		r.Name = name
	}
	if !b.Type.given() {
		return nil
	}
	t, err := parseType(strings.ToUpper(b.Type.Value))
	if err != nil {
		return err
	}
	if !fresh && t != r.Type {
		return invalid(model.CodeTypeChange, "/type", "The type of a record cannot be changed. Delete the record and create another.")
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
	case b.Data.given() && isDataType(r.Type) && hasMembers(r.Type, b.Data.Value):
		data := b.Data.Value
		if !fresh {
			var sent *uint16
			if b.Priority.given() {
				sent = prio
			}
			data = mergeData(r, data, sent)
		}
		r.Content, r.Priority, r.RData, err = parseData(r.Type, data, prio, z.Name)
	case b.Content.given():
		r.Content, r.Priority, r.RData, err = parseContent(r.Type, b.Content.Value, prio, z.Name)
	case fresh:
		r.Content, r.Priority, r.RData, err = parseContent(r.Type, "", prio, z.Name)
	case b.Priority.given() && r.Priority != nil:
		r.Content, r.Priority, r.RData, err = parseContent(r.Type, r.Content, prio, z.Name)
	}
	if err != nil {
		return err
	}
	return checkSelf(r.Name, r.Type, r.RData)
}

// priority is the one sent, or the one that stands.
func (b *recordBody) priority(r *model.Record) (*uint16, error) {
	if !b.Priority.given() {
		return r.Priority, nil
	}
	if b.Priority.Value < 0 || b.Priority.Value > 65535 {
		return nil, invalid(model.CodePriority, "/priority", "Priority must be between 0 and 65535.")
	}
	p := uint16(b.Priority.Value)
	return &p, nil
}

func (b *recordBody) mergeRest(r *model.Record) error {
	if b.Proxied.given() {
		r.Proxied = b.Proxied.Value
	}
	if b.TTL.given() {
		if err := checkTTL(int64(b.TTL.Value)); err != nil {
			return err
		}
		r.TTL = uint32(b.TTL.Value)
	}
	if b.Comment.Set {
		r.Comment = b.Comment.Value
	}
	if b.Tags.given() {
		r.Tags = b.Tags.Value
	}
	if b.Settings.given() {
		s := &b.Settings.Value
		for _, m := range []struct {
			from *optional[bool]
			to   *bool
		}{{&s.FlattenCNAME, &r.Settings.FlattenCNAME}, {&s.IPv4Only, &r.Settings.IPv4Only}, {&s.IPv6Only, &r.Settings.IPv6Only}} {
			if m.from.Set {
				*m.to = m.from.Value
			}
		}
	}
	return nil
}

var errNoRecord = &model.Invalid{Code: model.CodeRecordNotFound, Message: "Record does not exist.", Status: http.StatusNotFound}

func createRecord(_ *api, q *request) error {
	var body recordBody
	if err := q.decode(&body); err != nil {
		return err
	}
	r, err := body.build(&q.zone)
	if err != nil {
		return err
	}
	return q.recordChange(model.AddRecord{Record: r})
}

// recordChange commits one edit of a record and answers the record.
func (q *request) recordChange(e model.Edit) error {
	res, err := q.change(e)
	if err != nil {
		return orMissing(err, errNoRecord.Code, errNoRecord.Message)
	}
	return q.ok(toJSON(&q.zone, res.Outcomes[0].Record))
}

func getRecord(a *api, q *request) error {
	r, err := a.Store.Record(q.ctx(), q.zone.ID, q.pathID("dns_record_id"))
	if err != nil {
		return orMissing(err, errNoRecord.Code, errNoRecord.Message)
	}
	return q.ok(toJSON(&q.zone, &r))
}

func patchRecord(_ *api, q *request) error {
	var body recordBody
	if err := q.decode(&body); err != nil {
		return err
	}
	return q.recordChange(body.patch(&q.zone, q.pathID("dns_record_id")))
}

func putRecord(_ *api, q *request) error {
	var body recordBody
	if err := q.decode(&body); err != nil {
		return err
	}
	e, err := body.put(&q.zone, q.pathID("dns_record_id"))
	if err != nil {
		return err
	}
	return q.recordChange(e)
}

// patch changes what was sent; the rest stays.
func (b *recordBody) patch(z *model.Zone, id model.ID) model.EditRecord {
	return model.EditRecord{ID: id, Apply: func(r model.Record) (model.Record, error) {
		err := b.merge(z, &r, false)
		return r, err
	}}
}

// put replaces the record; what is absent falls back to its default.
func (b *recordBody) put(z *model.Zone, id model.ID) (model.EditRecord, error) {
	fresh, err := b.build(z)
	if err != nil {
		return model.EditRecord{}, err
	}
	return model.EditRecord{ID: id, Apply: func(r model.Record) (model.Record, error) {
		if r.Type != fresh.Type {
			return r, invalid(model.CodeTypeChange, "/type", "The type of a record cannot be changed. Delete the record and create another.")
		}
		next := fresh
		next.ID, next.Zone, next.Created, next.Modified = r.ID, r.Zone, r.Created, r.Modified
		next.CommentModified, next.TagsModified = r.CommentModified, r.TagsModified
		return next, nil
	}}, nil
}

func deleteRecord(_ *api, q *request) error {
	id := q.pathID("dns_record_id")
	if _, err := q.change(model.DeleteRecord{ID: id}); err != nil {
		return orMissing(err, errNoRecord.Code, errNoRecord.Message)
	}
	return q.ok(idOnly{id})
}

type usageJSON struct {
	RecordQuota *int `json:"record_quota"`
	RecordUsage int  `json:"record_usage"`
}

func recordUsage(a *api, q *request) error {
	n, err := a.Store.CountRecords(q.ctx(), q.zone.ID, model.RecordQuery{})
	if err != nil {
		return err
	}
	return q.ok(usageJSON{RecordUsage: n})
}

func accountUsage(a *api, q *request) error {
	n, err := a.Store.CountAccountRecords(q.ctx(), q.account)
	if err != nil {
		return err
	}
	return q.ok(usageJSON{RecordUsage: n})
}
