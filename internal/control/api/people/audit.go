package people

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/record"
	"github.com/headwaterdns/headwater/internal/control/api/transfer"
	"github.com/headwaterdns/headwater/internal/control/api/zone"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// auditRoutes take turns: whoever filters a log has all of it read until a page is full.
func auditRoutes() []api.Route {
	const account = api.Client + "/accounts/{account_id}"
	return []api.Route{
		api.NewRoute(http.MethodGet, account+"/audit_logs", api.ScopeAccount, api.AccSetRead, api.Lengthy(listAuditV1)),
		api.NewRoute(http.MethodGet, account+"/logs/audit", api.ScopeAccount, api.AccSetRead, api.Lengthy(listAuditV2)),
		api.NewRoute(http.MethodGet, api.Own+"/user/audit_logs", api.ScopeUser, []string{"User Details Read", "User Details Write"}, api.Lengthy(listUserAudit)),
		api.NewRoute(http.MethodGet, api.Own+"/audit_logs", api.ScopeServer, nil, api.Lengthy(listServerAudit)),
	}
}

// Described gives the JSON of what an entry holds of an object: as the API answers it, without any secret. What was written by
// an earlier version is that already.
func Described(v any, when time.Time) json.RawMessage {
	switch v := v.(type) {
	case nil:
		return nil
	case model.AuditText:
		return json.RawMessage(v)
	case model.AuditFacts:
		return describeFacts(v)
	}
	b, err := api.Marshal(describe(v, when))
	if err != nil {
		return nil
	}
	return b
}

func describe(v any, when time.Time) any {
	switch v := v.(type) {
	case model.TSIG:
		return transfer.RenderAuditedTSIG(&v)
	case model.Peer:
		return transfer.RenderAudited(&v)
	case model.ACL:
		return transfer.RenderACL(&v)
	case model.Account:
		return describeAccount(&v)
	case model.Zone:
		return describeZone(&v)
	case model.Record:
		return record.ToJSON(&model.Zone{}, &v)
	case model.User:
		return describeUser(&v)
	case model.AuditMember:
		return renderMember(&model.Member{ID: v.ID, Role: v.Role, Status: v.Status, Zones: v.Zones}, &v.User)
	case model.Token:
		return renderToken(when, &v)
	}
	return nil
}

// describeFacts is an object with the facts as its members, in their order.
func describeFacts(list model.AuditFacts) json.RawMessage {
	b := []byte{'{'}
	for i, f := range list {
		if i > 0 {
			b = append(b, ',')
		}
		name, _ := api.Marshal(f.Name) // a text, as the next
		b = append(append(b, name...), ':')
		if f.Text == "" {
			b = strconv.AppendInt(b, f.Number, 10)
			continue
		}
		text, _ := api.Marshal(f.Text)
		b = append(b, text...)
	}
	return append(b, '}')
}

// zoneDescription is a zone with its settings and links, for the audit log.
type zoneDescription struct {
	ID          model.ID             `json:"id"`
	Name        string               `json:"name"`
	Type        string               `json:"type"`
	Status      string               `json:"status"`
	Paused      bool                 `json:"paused"`
	NameServers []string             `json:"name_servers"`
	VanityNS    []string             `json:"vanity_name_servers"`
	Settings    zone.DnsSettingsJSON `json:"dns_settings"`
	Mode        model.TransferMode   `json:"transfer_mode"`
	Entitled    *bool                `json:"outgoing_transfers"`
	Outgoing    *outgoingDescription `json:"outgoing"`
	DNSSEC      *zone.DNSSECWish     `json:"dnssec,omitempty"`
	FourEyes    *fourEyesDescription `json:"four_eyes,omitempty"`
}

type fourEyesDescription struct {
	Enabled bool       `json:"enabled"`
	Except  []model.ID `json:"except"`
}

type outgoingDescription struct {
	Name    string     `json:"name"`
	Peers   []model.ID `json:"peers"`
	Enabled bool       `json:"enabled"`
}

func describeZone(z *model.Zone) zoneDescription {
	out := zoneDescription{
		ID: z.ID, Name: z.Name.Host(), Type: z.Type, Status: z.Status, Paused: z.Paused,
		NameServers: api.OrEmpty(z.NameServers), VanityNS: api.OrEmpty(z.VanityNS), Settings: zone.RenderSettings(&z.Settings, ""),
		Mode: z.Mode, Entitled: z.OutgoingTransfers,
	}
	if o := z.Outgoing; o != nil {
		out.Outgoing = &outgoingDescription{o.Name, o.Peers, o.Enabled}
	}
	if z.DNSSEC != (model.DNSSEC{}) {
		out.DNSSEC = zone.RenderWish(&z.DNSSEC)
	}
	if z.FourEyes != nil {
		out.FourEyes = &fourEyesDescription{true, append([]model.ID{}, z.FourEyes.Except...)}
	}
	return out
}

// accountDescription is an account with all that can be set on it.
type accountDescription struct {
	accountJSON
	OutgoingTransfers bool                 `json:"outgoing_transfers"`
	ZoneDefaults      zone.DnsSettingsJSON `json:"zone_defaults"`
	EnforceDNSOnly    bool                 `json:"enforce_dns_only"`
	EdgeAddresses     []string             `json:"edge_addresses"`
	SharedNames       []model.ID           `json:"shared_names"`
	Mode              model.TransferMode   `json:"transfer_mode"`
	StrictReview      bool                 `json:"strict_review"`
	KeyEach           bool                 `json:"tsig_per_peer"`
	Suspended         bool                 `json:"suspended"`
}

func describeAccount(a *model.Account) accountDescription {
	return accountDescription{
		accountJSON: renderAccount(a), OutgoingTransfers: a.OutgoingTransfers, ZoneDefaults: zone.RenderSettings(&a.ZoneDefaults, ""),
		EnforceDNSOnly: a.EnforceDNSOnly, EdgeAddresses: transfer.AddressTexts(a.EdgeAddresses), SharedNames: append([]model.ID{}, a.SharesNames...), Mode: a.TransferMode, StrictReview: a.StrictReview,
		KeyEach: a.KeyEach, Suspended: a.Suspended,
	}
}

// Page sizes of audit logs.
const (
	usualAudit = 100
	mostAudit  = 1000
)

// auditV1JSON is an entry in the older form.
type auditV1JSON struct {
	ID           model.ID        `json:"id"`
	When         api.Stamp       `json:"when"`
	Action       auditV1Action   `json:"action"`
	Actor        auditV1Actor    `json:"actor"`
	Interface    string          `json:"interface"`
	Metadata     json.RawMessage `json:"metadata"`
	NewValue     string          `json:"newValue"`
	OldValue     string          `json:"oldValue"`
	NewValueJSON json.RawMessage `json:"newValueJson"`
	OldValueJSON json.RawMessage `json:"oldValueJson"`
	Owner        auditOwner      `json:"owner"`
	Resource     auditV1Resource `json:"resource"`
}

type auditV1Action struct {
	Type   string `json:"type"`
	Result bool   `json:"result"`
}

type auditV1Actor struct {
	ID    model.ID `json:"id,omitempty"`
	Email string   `json:"email,omitempty"`
	IP    string   `json:"ip,omitempty"`
	Type  string   `json:"type"`
}

type auditOwner struct {
	ID model.ID `json:"id"`
}

type auditV1Resource struct {
	ID   model.ID `json:"id"`
	Type string   `json:"type"`
}

func renderAuditV1(a *model.AuditLine) auditV1JSON {
	before, after := Described(a.Before, a.When), Described(a.After, a.When)
	out := auditV1JSON{
		ID: a.ID, When: api.Stamp(a.When), Action: auditV1Action{a.Legacy, a.Legacy != api.RefusedAction}, Interface: "API",
		Actor: auditV1Actor{ID: a.Actor.User, Email: a.Actor.Email, IP: addressText(a), Type: "user"},
		Owner: auditOwner{a.Account}, Resource: auditV1Resource{a.ResourceID, a.Resource},
		NewValue: string(after), OldValue: string(before), NewValueJSON: after, OldValueJSON: before,
	}
	if a.Actor.Context == auth.ContextSession {
		out.Interface = "UI"
	}
	if a.ZoneName != "" {
		out.Metadata, _ = api.Marshal(map[string]string{"zone_name": a.ZoneName}) // a map of strings
	}
	return out
}

func addressText(a *model.AuditLine) string {
	if !a.Actor.IP.IsValid() {
		return ""
	}
	return a.Actor.IP.String()
}

// listAuditV1 pages by number. The log is not counted for that: one entry more is read, and total_count tells what is
// known to be there.
func listAuditV1(a *api.API, q *api.Request) error { return listAudit(q, q.Account) }

// listUserAudit shows the log of the identity's own user, listServerAudit what belongs to no account.
func listUserAudit(a *api.API, q *api.Request) error { return listAudit(q, q.Who.User.ID) }

func listServerAudit(a *api.API, q *api.Request) error { return listAudit(q, "") }

func listAudit(q *api.Request, owner model.ID) error {
	v := q.R.URL.Query()
	page, per, err := q.Page(usualAudit, mostAudit)
	if err != nil {
		return err
	}
	query := model.AuditQuery{Account: owner, Offset: api.Offset(page, per), Limit: per + 1}
	if query.Ascending, err = ascending(q); err != nil {
		return err
	}
	if err := auditSpan(v, &query); err != nil {
		return err
	}
	for param, field := range map[string]string{
		"id": "id", "action.type": "action.legacy", "actor.ip": "actor.ip", "actor.email": "actor.email", "zone.name": "zone.name",
	} {
		for _, s := range v[param] {
			query.Filters = append(query.Filters, model.Filter{Field: field, Value: s})
		}
	}
	list, err := q.API.Store.AuditLog(q.Ctx(), query)
	if err != nil {
		return err
	}
	total := query.Offset + len(list)
	if len(list) > per {
		list = list[:per]
	}
	if len(list) == 0 {
		total = 0
	}
	return q.List(api.Each(list, renderAuditV1), api.Info(page, per, len(list), total))
}

// ascending reads the direction of audit logs: newest first unless told otherwise.
func ascending(q *api.Request) (bool, error) {
	if _, err := q.Direction(); err != nil {
		return false, err
	}
	return strings.EqualFold(api.Last(q.R.URL.Query(), "direction"), "asc"), nil
}

// auditSpan reads since and before: dates, or times of RFC 3339.
func auditSpan(v url.Values, q *model.AuditQuery) error {
	for name, to := range map[string]*int64{"since": &q.Since, "before": &q.Before} {
		s := api.Last(v, name)
		if s == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t, err = time.Parse(time.DateOnly, s)
		}
		if err != nil {
			return api.Invalid(model.CodeAuditQuery, "", name+" must be a date or a time as RFC 3339 says.")
		}
		*to = t.UnixMicro()
	}
	return nil
}
