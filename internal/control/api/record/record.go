package record

import (
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
)

// Routes are the operations of records.
func Routes() []api.Route { return recordRoutes() }

func recordRoutes() []api.Route {
	const records = api.Client + "/zones/{zone_id}/dns_records"
	return []api.Route{
		api.NewRoute(http.MethodGet, records, api.ScopeZone, api.ChallengeRead, listRecords),
		api.NewRoute(http.MethodGet, api.Own+"/accounts/{account_id}/zones/{zone_name}/dns_records", api.ScopeZone, api.ChallengeRead, listRecords),
		api.NewRoute(http.MethodPost, records, api.ScopeZone, api.ChallengeWrite, createRecord),
		api.NewRoute(http.MethodGet, records+"/{dns_record_id}", api.ScopeZone, api.ChallengeRead, getRecord),
		api.NewRoute(http.MethodPatch, records+"/{dns_record_id}", api.ScopeZone, api.ChallengeWrite, patchRecord),
		api.NewRoute(http.MethodPut, records+"/{dns_record_id}", api.ScopeZone, api.ChallengeWrite, putRecord),
		api.NewRoute(http.MethodDelete, records+"/{dns_record_id}", api.ScopeZone, api.ChallengeWrite, deleteRecord),
		api.NewRoute(http.MethodPost, records+"/batch", api.ScopeZone, api.ChallengeWrite, batchRecords),
		api.NewRoute(http.MethodGet, records+"/usage", api.ScopeZone, api.DNSRead, recordUsage),
		api.NewRoute(http.MethodGet, api.Client+"/accounts/{account_id}/dns_records/usage", api.ScopeAccount, api.AccSetRead, accountUsage),
	}
}

var errNoRecord = &model.Invalid{Code: model.CodeRecordNotFound, Message: "Record does not exist.", Status: http.StatusNotFound}

func createRecord(_ *api.API, q *api.Request) error {
	var body recordBody
	if err := q.Decode(&body); err != nil {
		return err
	}
	e, err := body.post(&q.Zone)
	if err != nil {
		return err
	}
	return recordChange(q, e)
}

// recordChange commits one edit of a record and answers the record.
func recordChange(q *api.Request, e model.Edit) error {
	res, err := q.Change(e)
	if err != nil {
		return api.OrMissing(err, errNoRecord.Code, errNoRecord.Message)
	}
	q.W.Header().Set("ETag", tag(res.Outcomes[0].Record))
	return q.OK(ToJSON(&q.Zone, res.Outcomes[0].Record))
}

func getRecord(a *api.API, q *api.Request) error {
	r, err := a.Store.Record(q.Ctx(), q.Zone.ID, q.PathID("dns_record_id"))
	if err == nil && q.Challenges() && !auth.IsChallenge(&r) {
		return errNoRecord
	}
	if err != nil {
		return api.OrMissing(err, errNoRecord.Code, errNoRecord.Message)
	}
	q.W.Header().Set("ETag", tag(&r))
	return q.OK(ToJSON(&q.Zone, &r))
}

func patchRecord(_ *api.API, q *api.Request) error {
	var body recordBody
	if err := q.Decode(&body); err != nil {
		return err
	}
	return editRecord(q, body.patch(&q.Zone, q.PathID("dns_record_id")))
}

func putRecord(_ *api.API, q *api.Request) error {
	var body recordBody
	if err := q.Decode(&body); err != nil {
		return err
	}
	e, err := body.put(&q.Zone, q.PathID("dns_record_id"))
	if err != nil {
		return err
	}
	return editRecord(q, e)
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

func deleteRecord(_ *api.API, q *api.Request) error {
	id := q.PathID("dns_record_id")
	if _, err := q.Change(model.DeleteRecord{ID: id}); err != nil {
		return api.OrMissing(err, errNoRecord.Code, errNoRecord.Message)
	}
	return q.OK(api.IDOnly{ID: id})
}

type usageJSON struct {
	RecordQuota *int64 `json:"record_quota"`
	RecordUsage int    `json:"record_usage"`
}

// quota is what holds of a quota in the request's account; nil is no limit.
func quota(q *api.Request, name model.Quota) (*int64, error) {
	acc, err := q.LoadAccount()
	return api.At(q.API.Quotas.For(&acc), name), err
}

func recordUsage(a *api.API, q *api.Request) error {
	n, err := a.Store.CountRecords(q.Ctx(), q.Zone.ID, model.RecordQuery{})
	if err != nil {
		return err
	}
	quota, err := quota(q, model.QuotaZoneRecords)
	if err != nil {
		return err
	}
	return q.OK(usageJSON{quota, n})
}

func accountUsage(a *api.API, q *api.Request) error {
	n, err := a.Store.CountAccountRecords(q.Ctx(), q.Account)
	if err != nil {
		return err
	}
	quota, err := quota(q, model.QuotaRecords)
	if err != nil {
		return err
	}
	return q.OK(usageJSON{quota, n})
}
