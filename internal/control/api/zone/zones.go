package zone

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
)

// Routes are the operations of zones and their settings.
func Routes() []api.Route {
	return slices.Concat(zoneRoutes(), settingRoutes(), dnssecRoutes(), signingRoutes(), extraRoutes())
}

func zoneRoutes() []api.Route {
	const zones, one = api.Client + "/zones", api.Client + "/zones/{zone_id}"
	onlyZone := []string{"Zone Read", "Zone Write"}
	return []api.Route{
		api.NewRoute(http.MethodGet, zones, api.ScopeAny, api.ZoneFind, listZones),
		api.NewRoute(http.MethodPost, zones, api.ScopeAny, api.ZoneWrite, createZone),
		api.NewRoute(http.MethodGet, one, api.ScopeZone, api.ZoneFind, getZone),
		api.NewRoute(http.MethodPatch, one, api.ScopeZone, api.ZoneWrite, editZone),
		api.NewRoute(http.MethodDelete, one, api.ScopeZone, api.ZoneWrite, deleteZone),
		api.NewRoute(http.MethodPut, one+"/activation_check", api.ScopeZone, api.ZoneWrite, checkActivation),
		api.NewRoute(http.MethodGet, one+"/available_plans", api.ScopeZone, onlyZone, listPlans),
		api.NewRoute(http.MethodGet, one+"/pagerules", api.ScopeZone, onlyZone, listPageRules),
		api.NewRoute(http.MethodGet, one+"/custom_ns", api.ScopeZone, onlyZone, getCustomNS),
		api.NewRoute(http.MethodPut, one+"/custom_ns", api.ScopeZone, api.ZoneWrite, putCustomNS),
		api.NewRoute(http.MethodGet, one+"/dns_analytics/report", api.ScopeZone, []string{"Analytics Read"}, reportAnalytics),
	}
}

// zoneJSON is a zone as clients see it (contract section 4.1). The order of its members matters: id is first, and name
// comes before any nested name.
type zoneJSON struct {
	ID                  model.ID       `json:"id"`
	Name                string         `json:"name"`
	Status              string         `json:"status"`
	Paused              bool           `json:"paused"`
	Type                string         `json:"type"`
	DevelopmentMode     int            `json:"development_mode"`
	NameServers         []string       `json:"name_servers"`
	OriginalNameServers []string       `json:"original_name_servers"`
	OriginalRegistrar   *string        `json:"original_registrar"`
	OriginalDNSHost     *string        `json:"original_dnshost"`
	ModifiedOn          api.Stamp      `json:"modified_on"`
	CreatedOn           api.Stamp      `json:"created_on"`
	ActivatedOn         api.Stamp      `json:"activated_on"`
	VanityNameServers   []string       `json:"vanity_name_servers"`
	Meta                zoneMeta       `json:"meta"`
	Owner               zoneOwner      `json:"owner"`
	Account             api.AccountRef `json:"account"`
	Tenant              tenantRef      `json:"tenant"`
	TenantUnit          unitRef        `json:"tenant_unit"`
	Permissions         []string       `json:"permissions"`
	Plan                planJSON       `json:"plan"`
}

type zoneMeta struct {
	Step                   int  `json:"step"`
	CustomCertificateQuota int  `json:"custom_certificate_quota"`
	PageRuleQuota          int  `json:"page_rule_quota"`
	PhishingDetected       bool `json:"phishing_detected"`
	FoundationDNS          bool `json:"foundation_dns"`
	CDNOnly                bool `json:"cdn_only"`
	DNSOnly                bool `json:"dns_only"`
}

type zoneOwner struct {
	ID    model.ID `json:"id"`
	Type  string   `json:"type"`
	Name  string   `json:"name"`
	Email *string  `json:"email"`
}

type tenantRef struct {
	ID   *string `json:"id"`
	Name *string `json:"name"`
}

type unitRef struct {
	ID *string `json:"id"`
}

// renderZone gives the JSON of a zone for who asks: permissions tells what they may do with it.
func renderZone(z *model.Zone, account string, who *auth.Identity) zoneJSON {
	return zoneJSON{
		ID: z.ID, Name: rr.ToUnicode(z.Name.Host()), Status: z.Status, Paused: z.Paused, Type: z.Type,
		NameServers: api.OrEmpty(z.NameServers), VanityNameServers: api.OrEmpty(z.VanityNS),
		ModifiedOn: api.Stamp(z.Modified), CreatedOn: api.Stamp(z.Created), ActivatedOn: api.Stamp(z.Activated),
		Meta: zoneMeta{
			Step: 2, FoundationDNS: z.Settings.FoundationDNS,
			CDNOnly: z.Settings.ZoneMode == modeCDN, DNSOnly: z.Settings.ZoneMode == modeDNS,
		},
		Owner:       zoneOwner{ID: z.Account, Type: "organization", Name: account},
		Account:     api.AccountRef{ID: z.Account, Name: account},
		Permissions: zonePermissions(who, z), Plan: thePlan,
	}
}

// zonePermissions are the older names of rights, which flarectl and dnscontrol print.
func zonePermissions(who *auth.Identity, z *model.Zone) []string {
	out := []string{}
	for _, p := range []struct {
		name   string
		groups []string
	}{
		{"#dns_records:edit", api.RecordsWrite},
		{"#dns_records:read", api.DNSRead},
		{"#zone:edit", api.ZoneWrite},
		{"#zone:read", api.ZoneRead},
		{"#zone_settings:edit", api.ZoneSetWrite},
		{"#zone_settings:read", api.ZoneSetRead},
	} {
		if who.Can(p.groups, z.Account, z.ID) {
			out = append(out, p.name)
		}
	}
	return out
}

// accountNames looks each account up once.
type accountNames struct {
	store api.AccountStore
	known map[model.ID]string
}

func (n *accountNames) of(ctx context.Context, id model.ID) (string, error) {
	if name, ok := n.known[id]; ok {
		return name, nil
	}
	acc, err := n.store.Account(ctx, id)
	if err != nil {
		return "", err
	}
	if n.known == nil {
		n.known = map[model.ID]string{}
	}
	n.known[id] = acc.Name
	return acc.Name, nil
}

// okZone answers with one zone.
func okZone(q *api.Request, z *model.Zone) error { return Show(q, z) }

func getZone(a *api.API, q *api.Request) error { return okZone(q, &q.Zone) }

// Show answers with one zone, and says something beside it.
func Show(q *api.Request, z *model.Zone, messages ...api.Message) error {
	names := accountNames{store: q.API.Store}
	name, err := names.of(q.Ctx(), z.Account)
	if err != nil {
		return err
	}
	return q.OK(renderZone(z, name, q.Who), messages...)
}

// Page sizes of zones. The upstream stops at 50 a page; more are served in full because the classic clients ask for it.
const (
	zonesUsual = 20
	zonesMost  = 1000
)

// listZones shows the zones that the identity reaches; others are missing, not forbidden (contract section 2.3).
func listZones(a *api.API, q *api.Request) error {
	query, err := zoneQuery(q.R.URL.Query())
	if err != nil {
		return err
	}
	page, per, err := q.Page(zonesUsual, zonesMost)
	if err != nil {
		return err
	}
	if query.Desc, err = q.Direction(); err != nil {
		return err
	}
	if err := q.Who.BoundZones(q.Ctx(), a.Store, api.ZoneFind, &query); err != nil {
		return err
	}
	query.Offset, query.Limit = api.Offset(page, per), per
	zones, total, err := a.Store.Zones(q.Ctx(), query)
	if err != nil {
		return err
	}
	out := make([]zoneJSON, 0, len(zones))
	names := accountNames{store: a.Store}
	for i := range zones {
		name, err := names.of(q.Ctx(), zones[i].Account)
		if err != nil {
			return err
		}
		out = append(out, renderZone(&zones[i], name, q.Who))
	}
	return q.List(out, api.Info(page, per, len(out), total))
}

// zoneQuery reads the filters of GET /zones (contract section 4.2).
func zoneQuery(v url.Values) (model.ZoneQuery, error) {
	var out model.ZoneQuery
	for _, field := range []string{"name", "account.name"} {
		s := api.Last(v, field)
		if s == "" {
			continue
		}
		op, value := zoneOp(s)
		if field == "name" {
			value = zoneNameFilter(value, op)
		}
		out.Filters = append(out.Filters, model.Filter{Field: field, Op: op, Value: value})
	}
	for _, field := range []string{"status", "account.id"} {
		if s := api.Last(v, field); s != "" {
			out.Filters = append(out.Filters, model.Filter{Field: field, Value: s})
		}
	}
	out.Search = zoneNameFilter(strings.TrimSpace(api.Last(v, "search")), model.OpContains)
	var err error
	if out.Any, err = api.MatchAny(v, "match"); err != nil {
		return out, err
	}
	switch out.Order = api.Last(v, "order"); out.Order {
	case "", "name", "status", "account.id", "account.name":
		return out, nil
	}
	return out, api.Invalid(model.CodePaging, "", "order must be name, status, account.id or account.name.")
}

// zoneOps are the words that may stand before a colon in a filter's value.
//
//nolint:gochecknoglobals // table
var zoneOps = map[string]model.Op{
	"equal": model.OpExact, "not_equal": model.OpNotEqual, "contains": model.OpContains,
	"starts_with": model.OpStartsWith, "ends_with": model.OpEndsWith,
	"equal_case_sensitive": model.OpExactCase, "not_equal_case_sensitive": model.OpNotEqualCase,
	"contains_case_sensitive": model.OpContainsCase, "starts_with_case_sensitive": model.OpStartsWithCase,
	"ends_with_case_sensitive": model.OpEndsWithCase,
}

func zoneOp(s string) (model.Op, string) {
	word, value, ok := strings.Cut(s, ":")
	if op, known := zoneOps[word]; ok && known {
		return op, value
	}
	return model.OpExact, s
}

// zoneNameFilter brings what a client knows of a name to how the store has it: A-labels, and without final dot where the
// name's end is meant. A part of a name that does not map stays as it is, and matches nothing.
func zoneNameFilter(s string, op model.Op) string {
	switch op {
	case model.OpContains, model.OpContainsCase, model.OpStartsWith, model.OpStartsWithCase: // a dot is one inside the name
	default:
		if len(s) > 1 {
			s = strings.TrimSuffix(s, ".")
		}
	}
	if a, err := rr.ToASCII(s); err == nil && !api.IsASCII(s) {
		return a
	}
	return s
}
