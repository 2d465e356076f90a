package api

import (
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
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
		{http.MethodGet, records + "/export", ScopeZone, dnsRead, heavy(exportRecords)},
		{http.MethodPost, records + "/import", ScopeZone, dnsWrite, importRecords},
		{http.MethodGet, records + "/usage", ScopeZone, dnsRead, recordUsage},
		{http.MethodGet, client + "/accounts/{account_id}/dns_records/usage", ScopeAccount, accSetRead, accountUsage},
	}
}

var errNoRecord = &model.Invalid{Code: model.CodeRecordNotFound, Message: "Record does not exist.", Status: http.StatusNotFound}

func createRecord(_ *api, q *request) error {
	var body recordBody
	if err := q.decode(&body); err != nil {
		return err
	}
	e, err := body.post(&q.zone)
	if err != nil {
		return err
	}
	return q.recordChange(e)
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

// post makes a record. What breaks a rule by itself is refused before the committer is troubled.
func (b *recordBody) post(z *model.Zone) (model.AddRecord, error) {
	r, err := b.build(z)
	if err == nil {
		err = rules.Record(z.Name, &r)
	}
	return model.AddRecord{Record: r}, err
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
	RecordQuota *int64 `json:"record_quota"`
	RecordUsage int    `json:"record_usage"`
}

// quota is what holds of a quota in the request's account; nil is no limit.
func (q *request) quota(name model.Quota) (*int64, error) {
	acc, err := q.loadAccount()
	return at(q.api.Quotas.For(&acc), name), err
}

func recordUsage(a *api, q *request) error {
	n, err := a.Store.CountRecords(q.ctx(), q.zone.ID, model.RecordQuery{})
	if err != nil {
		return err
	}
	quota, err := q.quota(model.QuotaZoneRecords)
	if err != nil {
		return err
	}
	return q.ok(usageJSON{quota, n})
}

func accountUsage(a *api, q *request) error {
	n, err := a.Store.CountAccountRecords(q.ctx(), q.account)
	if err != nil {
		return err
	}
	quota, err := q.quota(model.QuotaRecords)
	if err != nil {
		return err
	}
	return q.ok(usageJSON{quota, n})
}
