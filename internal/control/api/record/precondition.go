package record

import (
	"net/http"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// tag is a record's entity tag (RFC 9110 section 8.8.3): its modified_on, which clients have from every list, in quotes.
func tag(r *model.Record) string { return string(api.Stamp(r.Modified).Append(nil)) }

// editRecord commits an edit where the record still is what If-Match says (RFC 9110 section 13.1.1); of two who change what
// they both saw, the second is told instead of wiping out the first. The header is compared inside the write transaction:
// anywhere else, two would still pass at once.
func editRecord(q *api.Request, e model.EditRecord) error {
	sent := q.R.Header.Values("If-Match")
	if len(sent) == 0 {
		return recordChange(q, e)
	}
	tags := strings.Split(strings.Join(sent, ","), ",")
	for i := range tags {
		tags[i] = strings.TrimSpace(tags[i])
	}
	apply := e.Apply
	e.Apply = func(r model.Record) (model.Record, error) {
		if !slices.Contains(tags, "*") && !slices.Contains(tags, tag(&r)) {
			return r, &model.Invalid{
				Code: model.CodeRecordChanged, Status: http.StatusPreconditionFailed,
				Message: "The record was changed since; If-Match names another version of it.",
			}
		}
		return apply(r)
	}
	return recordChange(q, e)
}
