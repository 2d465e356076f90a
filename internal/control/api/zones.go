package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
)

func zoneRoutes() []Route {
	const zones, one = client + "/zones", client + "/zones/{zone_id}"
	onlyZone := []string{"Zone Read", "Zone Write"}
	return []Route{
		{http.MethodGet, zones, ScopeAny, zoneRead, (*api).listZones},
		{http.MethodPost, zones, ScopeAny, zoneWrite, (*api).createZone},
		{http.MethodGet, one, ScopeZone, zoneRead, (*api).getZone},
		{http.MethodPatch, one, ScopeZone, zoneWrite, (*api).editZone},
		{http.MethodDelete, one, ScopeZone, zoneWrite, (*api).deleteZone},
		{http.MethodPut, one + "/activation_check", ScopeZone, zoneWrite, (*api).checkActivation},
		{http.MethodGet, one + "/available_plans", ScopeZone, onlyZone, (*api).listPlans},
		{http.MethodGet, one + "/pagerules", ScopeZone, onlyZone, (*api).listPageRules},
		{http.MethodGet, one + "/custom_ns", ScopeZone, onlyZone, (*api).getCustomNS},
		{http.MethodPut, one + "/custom_ns", ScopeZone, zoneWrite, (*api).putCustomNS},
		{http.MethodGet, one + "/dns_analytics/report", ScopeZone, []string{"Analytics Read"}, (*api).reportAnalytics},
	}
}

// zoneJSON is a zone as clients see it (contract section 4.1). The order of its members matters: id is first, and name
// comes before any nested name.
type zoneJSON struct {
	ID                  model.ID   `json:"id"`
	Name                string     `json:"name"`
	Status              string     `json:"status"`
	Paused              bool       `json:"paused"`
	Type                string     `json:"type"`
	DevelopmentMode     int        `json:"development_mode"`
	NameServers         []string   `json:"name_servers"`
	OriginalNameServers []string   `json:"original_name_servers"`
	OriginalRegistrar   *string    `json:"original_registrar"`
	OriginalDNSHost     *string    `json:"original_dnshost"`
	ModifiedOn          stamp      `json:"modified_on"`
	CreatedOn           stamp      `json:"created_on"`
	ActivatedOn         stamp      `json:"activated_on"`
	VanityNameServers   []string   `json:"vanity_name_servers"`
	Meta                zoneMeta   `json:"meta"`
	Owner               zoneOwner  `json:"owner"`
	Account             accountRef `json:"account"`
	Tenant              tenantRef  `json:"tenant"`
	TenantUnit          unitRef    `json:"tenant_unit"`
	Permissions         []string   `json:"permissions"`
	Plan                planJSON   `json:"plan"`
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

type accountRef struct {
	ID   model.ID `json:"id"`
	Name string   `json:"name"`
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
		NameServers: orEmpty(z.NameServers), VanityNameServers: orEmpty(z.VanityNS),
		ModifiedOn: stamp(z.Modified), CreatedOn: stamp(z.Created), ActivatedOn: stamp(z.Activated),
		Meta: zoneMeta{
			Step: 2, FoundationDNS: z.Settings.FoundationDNS,
			CDNOnly: z.Settings.ZoneMode == modeCDN, DNSOnly: z.Settings.ZoneMode == modeDNS,
		},
		Owner:       zoneOwner{ID: z.Account, Type: "organization", Name: account},
		Account:     accountRef{z.Account, account},
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
		{"#dns_records:edit", dnsWrite},
		{"#dns_records:read", dnsRead},
		{"#zone:edit", zoneWrite},
		{"#zone:read", zoneRead},
		{"#zone_settings:edit", zoneSetWrite},
		{"#zone_settings:read", zoneSetRead},
	} {
		if who.Can(p.groups, z.Account, z.ID) {
			out = append(out, p.name)
		}
	}
	return out
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// accountNames looks each account up once.
type accountNames struct {
	store accountStore
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
func (q *request) okZone(z *model.Zone) error {
	names := accountNames{store: q.api.Store}
	name, err := names.of(q.ctx(), z.Account)
	if err != nil {
		return err
	}
	return q.ok(renderZone(z, name, q.who))
}

func (a *api) getZone(q *request) error { return q.okZone(&q.zone) }

// Page sizes of zones. The upstream stops at 50 a page; more are served in full because the classic clients ask for it.
const (
	zonesUsual = 20
	zonesMost  = 1000
)

// listZones shows the zones that the identity reaches; others are missing, not forbidden (contract section 2.3).
func (a *api) listZones(q *request) error {
	query, err := zoneQuery(q.r.URL.Query())
	if err != nil {
		return err
	}
	page, per, err := q.page(zonesUsual, zonesMost)
	if err != nil {
		return err
	}
	if query.Desc, err = q.direction(); err != nil {
		return err
	}
	if err := q.who.BoundZones(q.ctx(), a.Store, zoneRead, &query); err != nil {
		return err
	}
	query.Offset, query.Limit = offset(page, per), per
	zones, total, err := a.Store.Zones(q.ctx(), query)
	if err != nil {
		return err
	}
	out := make([]zoneJSON, 0, len(zones))
	names := accountNames{store: a.Store}
	for i := range zones {
		name, err := names.of(q.ctx(), zones[i].Account)
		if err != nil {
			return err
		}
		out = append(out, renderZone(&zones[i], name, q.who))
	}
	return q.list(out, info(page, per, len(out), total))
}

// offset is where a page begins; pages are bounded so that this does not overflow.
func offset(page, per int) int { return (page - 1) * per }

// zoneQuery reads the filters of GET /zones (contract section 4.2).
func zoneQuery(v url.Values) (model.ZoneQuery, error) {
	var out model.ZoneQuery
	for _, field := range []string{"name", "account.name"} {
		s := last(v, field)
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
		if s := last(v, field); s != "" {
			out.Filters = append(out.Filters, model.Filter{Field: field, Value: s})
		}
	}
	out.Search = strings.TrimSpace(last(v, "search"))
	var err error
	if out.Any, err = matchAny(v, "match"); err != nil {
		return out, err
	}
	switch out.Order = last(v, "order"); out.Order {
	case "", "name", "status", "account.id", "account.name":
		return out, nil
	}
	return out, invalid(model.CodePaging, "", "order must be name, status, account.id or account.name.")
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
	if a, err := rr.ToASCII(s); err == nil && !isASCII(s) {
		return a
	}
	return s
}

// matchAny reads how filters are joined.
func matchAny(v url.Values, name string) (bool, error) {
	switch strings.ToLower(last(v, name)) {
	case "", "all":
		return false, nil
	case "any":
		return true, nil
	}
	return false, invalid(model.CodePaging, "", name+" must be all or any.")
}
