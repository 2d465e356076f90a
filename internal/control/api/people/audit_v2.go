package people

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// auditV2JSON is an entry in the newer form.
type auditV2JSON struct {
	ID       model.ID        `json:"id"`
	Account  api.AccountRef  `json:"account"`
	Zone     *api.AccountRef `json:"zone,omitempty"`
	Action   auditV2Action   `json:"action"`
	Actor    auditV2Actor    `json:"actor"`
	Raw      auditV2Raw      `json:"raw"`
	Resource auditV2Resource `json:"resource"`
}

type auditV2Action struct {
	Type        string    `json:"type"`
	Result      string    `json:"result"`
	Description string    `json:"description"`
	Time        api.Stamp `json:"time"`
}

type auditV2Actor struct {
	ID      model.ID `json:"id,omitempty"`
	Type    string   `json:"type"`
	Context string   `json:"context,omitempty"`
	Email   string   `json:"email,omitempty"`
	IP      string   `json:"ip_address,omitempty"`
	Token   model.ID `json:"token_id,omitempty"`
}

type auditV2Raw struct {
	Request string `json:"cf_ray_id,omitempty"`
	Note    string `json:"headwater_note,omitempty"`
}

type auditV2Resource struct {
	ID       model.ID        `json:"id"`
	Type     string          `json:"type"`
	Product  string          `json:"product"`
	Scope    string          `json:"scope"`
	Request  json.RawMessage `json:"request,omitempty"`
	Response json.RawMessage `json:"response,omitempty"`
}

// auditProduct is what entries have in common; a filter on it matches all of the log or nothing of it.
const auditProduct = "dns"

func auditResult(a *model.AuditLine) string {
	if a.Legacy == api.RefusedAction {
		return "failure"
	}
	return "success"
}

func renderAuditV2(a *model.AuditLine, account string) auditV2JSON {
	out := auditV2JSON{
		ID: a.ID, Account: api.AccountRef{ID: a.Account, Name: account},
		Action: auditV2Action{a.Action, auditResult(a), a.Legacy, api.Stamp(a.When)},
		Actor: auditV2Actor{
			ID: a.Actor.User, Type: actorType(&a.Actor), Email: a.Actor.Email, IP: addressText(a), Token: a.Actor.Token,
		},
		Raw:      auditV2Raw{a.Actor.Request, a.Actor.Note},
		Resource: auditV2Resource{a.ResourceID, a.Resource, auditProduct, auditScope(a), Described(a.After, a.When), Described(a.Before, a.When)},
	}
	switch a.Actor.Context {
	case "system", model.ContextUpdate: // which the upstream has no words for
	default:
		out.Actor.Context = a.Actor.Context
	}
	if a.Zone != "" {
		out.Zone = &api.AccountRef{ID: a.Zone, Name: a.ZoneName}
	}
	return out
}

func actorType(a *model.Actor) string {
	switch {
	case a.User != "":
		return "user"
	case a.Token != "":
		return "account"
	}
	return "system"
}

func auditScope(a *model.AuditLine) string {
	if a.Zone != "" {
		return "zones"
	}
	return "accounts"
}

// auditV2Fields are the filters that the store answers.
//
//nolint:gochecknoglobals // table
var auditV2Fields = map[string]string{
	"id": "id", "action_type": "action", "actor_email": "actor.email", "actor_id": "actor.id",
	"actor_ip_address": "actor.ip", "resource_id": "resource.id", "resource_type": "resource.type", "zone_id": "zone.id",
	"zone_name": "zone.name",
}

// auditV2Checks are the filters on what the store does not look into; each reads its value from a rendered entry.
//
//nolint:gochecknoglobals // table
var auditV2Checks = map[string]func(*auditV2JSON) string{
	"account_name":     func(a *auditV2JSON) string { return a.Account.Name },
	"action_result":    func(a *auditV2JSON) string { return a.Action.Result },
	"actor_context":    func(a *auditV2JSON) string { return a.Actor.Context },
	"actor_token_id":   func(a *auditV2JSON) string { return string(a.Actor.Token) },
	"actor_token_name": func(*auditV2JSON) string { return "" },
	"actor_type":       func(a *auditV2JSON) string { return a.Actor.Type },
	"raw_cf_ray_id":    func(a *auditV2JSON) string { return a.Raw.Request },
	"raw_method":       func(*auditV2JSON) string { return "" },
	"raw_status_code":  func(*auditV2JSON) string { return "" },
	"raw_uri":          func(*auditV2JSON) string { return "" },
	"resource_product": func(a *auditV2JSON) string { return a.Resource.Product },
	"resource_scope":   func(a *auditV2JSON) string { return a.Resource.Scope },
}

// cursorInfo is the result_info of lists with a cursor: both spellings of it.
type cursorInfo struct {
	Count   int          `json:"count"`
	Cursor  string       `json:"cursor,omitempty"`
	Cursors *cursorAfter `json:"cursors,omitempty"`
}

type cursorAfter struct {
	After string `json:"after"`
}

// listWithCursor answers part of a list that is gone through by cursor; an empty cursor is the end of it.
func listWithCursor(q *api.Request, result any, count int, cursor string) error {
	page := cursorInfo{Count: count, Cursor: cursor}
	if cursor != "" {
		page.Cursors = &cursorAfter{cursor}
	}
	b, err := api.Marshal(struct {
		Result     any             `json:"result"`
		Success    bool            `json:"success"`
		Errors     []api.ErrorJSON `json:"errors"`
		Messages   []api.Message   `json:"messages"`
		ResultInfo cursorInfo      `json:"result_info"`
	}{result, true, []api.ErrorJSON{}, []api.Message{}, page})
	if err != nil {
		return err
	}
	q.Head(http.StatusOK, "application/json")
	_, err = q.W.Write(b)
	return q.Gone(err)
}

// maxAuditRead bounds how many entries one request looks through for filters that the store does not answer.
const maxAuditRead = 20_000

func listAuditV2(a *api.API, q *api.Request) error {
	v := q.R.URL.Query()
	query, limit, err := auditV2Query(q, v)
	if err != nil {
		return err
	}
	acc, err := q.LoadAccount()
	if err != nil {
		return err
	}
	out, cursor, err := readAuditV2(q, query, limit, acc.Name)
	if err != nil {
		return err
	}
	return listWithCursor(q, out, len(out), cursor)
}

// readAuditV2 gathers entries that pass the filters, and the cursor to go on with.
func readAuditV2(q *api.Request, query model.AuditQuery, limit int, account string) (out []auditV2JSON, cursor string, err error) {
	out = []auditV2JSON{}
	for read := 0; read < maxAuditRead; read += query.Limit {
		list, err := q.API.Store.AuditLog(q.Ctx(), query)
		if err != nil {
			return nil, "", err
		}
		for i := range list {
			if len(out) == limit {
				return out, query.After, nil
			}
			query.After = fmt.Sprintf("%d_%s", list[i].When.UnixMicro(), list[i].ID)
			if e := renderAuditV2(&list[i], account); auditPasses(q.R.URL.Query(), &e) {
				out = append(out, e)
			}
		}
		if len(list) < query.Limit {
			return out, "", nil
		}
	}
	return out, query.After, nil
}

func auditV2Query(q *api.Request, v url.Values) (query model.AuditQuery, limit int, err error) {
	query = model.AuditQuery{Account: q.Account, After: api.Last(v, "cursor")}
	if query.Ascending, err = ascending(q); err != nil {
		return query, 0, err
	}
	for _, name := range []string{"since", "before"} {
		if api.Last(v, name) == "" {
			return query, 0, api.Invalid(model.CodeAuditQuery, "", name+" is required.")
		}
	}
	if err := auditSpan(v, &query); err != nil {
		return query, 0, err
	}
	if limit, err = auditLimit(api.Last(v, "limit")); err != nil {
		return query, 0, err
	}
	for param, field := range auditV2Fields {
		for suffix, op := range map[string]model.Op{"": model.OpExact, ".not": model.OpNotEqual} {
			for _, s := range v[param+suffix] {
				query.Filters = append(query.Filters, model.Filter{Field: field, Op: op, Value: s})
			}
		}
	}
	query.Limit = limit + 1
	return query, limit, nil
}

func auditLimit(s string) (int, error) {
	if s == "" {
		return usualAudit, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, api.Invalid(model.CodePaging, "", "limit must be a positive number.")
	}
	return min(n, mostAudit), nil
}

func auditPasses(v url.Values, e *auditV2JSON) bool {
	for param, value := range auditV2Checks {
		fold := func(s string) bool { return strings.EqualFold(s, value(e)) }
		if list := v[param]; len(list) > 0 && !slices.ContainsFunc(list, fold) {
			return false
		}
		if slices.ContainsFunc(v[param+".not"], fold) {
			return false
		}
	}
	return true
}
