package zone

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// zoneBody is what POST and PATCH of a zone may hold. organization is the classic spelling of account.
type zoneBody struct {
	Name         string                 `json:"name"`
	Account      *objectRef             `json:"account"`
	Organization *objectRef             `json:"organization"`
	Type         *string                `json:"type"`
	Paused       api.Optional[bool]     `json:"paused"`
	Vanity       api.Optional[[]string] `json:"vanity_name_servers"`
}

type objectRef struct {
	ID string `json:"id"`
}

// createZone makes a zone. No registry is asked: whoever may write zones in an account may have any name that is free.
func createZone(a *api.API, q *api.Request) error {
	var b zoneBody
	if err := q.Decode(&b); err != nil {
		return err
	}
	name, err := ParseName(b.Name)
	if err != nil {
		return err
	}
	vanity, err := vanityNames(b.Vanity.Value)
	if err != nil {
		return err
	}
	z := model.Zone{Name: name, VanityNS: vanity}
	if b.Type != nil {
		z.Type = *b.Type
	}
	if err := checkZoneType(z.Type, ""); err != nil {
		return err
	}
	if z.Account, err = accountFor(q, &b); err != nil {
		return err
	}
	q.Account = z.Account
	res, err := q.Change(model.CreateZone{Zone: z, Anywhere: q.Who.ServerAdmin()})
	if err != nil {
		return zoneExists(err, name)
	}
	return okZone(q, res.Outcomes[0].Zone)
}

// zoneExists writes the name as the client knows it.
func zoneExists(err error, name wire.Name) error {
	var bad *model.Invalid
	if errors.As(err, &bad) && bad.Code == model.CodeZoneExists {
		return api.Invalid(model.CodeZoneExists, "/name", rr.ToUnicode(name.Host())+" already exists")
	}
	return err
}

// ParseName reads a new zone's name: any case, Unicode or A-labels, with or without final dot.
func ParseName(s string) (wire.Name, error) {
	bad := func(why string) error {
		return api.Invalid(model.CodeNameInvalid, "/name", "DNS name is invalid: "+why+".")
	}
	if s == "" {
		return "", bad("it is missing")
	}
	if s == "@" || strings.ContainsAny(s, `\*`) {
		return "", bad("it has a character that zone names do not have")
	}
	_, name, err := api.ParseHost(s, wire.Root)
	if err != nil {
		return "", bad(err.Error())
	}
	if name == wire.Root {
		return "", bad("the root cannot be a zone here")
	}
	return name, nil
}

// checkZoneType takes the one type that a primary has, and the old one of a zone that a client sends back.
func checkZoneType(t, old string) error {
	switch t {
	case "", "full", old:
		return nil
	case "partial", "secondary", "internal":
		return api.Invalid(model.CodeZoneSetting, "/type", "Zones of type "+t+" are not available on this server.")
	}
	return api.Invalid(model.CodeZoneSetting, "/type", "The type of a zone must be full.")
}

// accountFor finds the account of a new zone: the one that is named, else the only one in which the identity may make
// zones (contract section 4.2).
func accountFor(q *api.Request, b *zoneBody) (model.ID, error) {
	ref := b.Account
	if ref == nil || ref.ID == "" {
		ref = b.Organization
	}
	wrong := api.Invalid(model.CodeAccountInvalid, "/account/id", "Invalid account identifier passed in your organization variable")
	if ref != nil && ref.ID != "" {
		id := model.ID(ref.ID)
		if !api.ValidID(ref.ID) {
			return "", wrong
		}
		if !CanCreate(q, id) {
			return "", auth.Forbidden(false)
		}
		if _, err := q.API.Store.Account(q.Ctx(), id); errors.Is(err, model.ErrNotFound) {
			return "", wrong
		} else if err != nil {
			return "", err
		}
		return id, nil
	}
	return onlyAccount(q, wrong)
}

func onlyAccount(q *api.Request, none error) (model.ID, error) {
	all, _, err := q.API.Store.Accounts(q.Ctx(), nil, "", false, 0, 0)
	if err != nil {
		return "", err
	}
	all = slices.DeleteFunc(all, func(a model.Account) bool { return !CanCreate(q, a.ID) })
	switch {
	case len(all) == 1:
		return all[0].ID, nil
	case len(all) == 0:
		return "", auth.Forbidden(false)
	}
	return "", none
}

// CanCreate asks for the right on a zone that does not exist yet: only grants that reach all zones of the account do.
func CanCreate(q *api.Request, account model.ID) bool {
	return q.Who.Can(api.ZoneWrite, account, newZone)
}

// newZone stands for the id of a zone to come; no policy can name it.
const newZone model.ID = "new"

// editZone changes what can be changed of a zone. Terraform sends the whole object back: name, account, plan and what
// else the server decides are passed over.
func editZone(a *api.API, q *api.Request) error {
	var b zoneBody
	if err := q.Decode(&b); err != nil {
		return err
	}
	if b.Type != nil {
		if err := checkZoneType(*b.Type, q.Zone.Type); err != nil {
			return err
		}
	}
	vanity, err := vanityNames(b.Vanity.Value)
	if err != nil {
		return err
	}
	res, err := q.Change(model.EditZone{Action: "zone", Apply: func(z model.Zone) (model.Zone, error) {
		if b.Paused.Given() {
			z.Paused = b.Paused.Value
		}
		if b.Vanity.Set && !slices.Equal(z.VanityNS, vanity) {
			z.VanityNS = slices.Clone(vanity)
		}
		return z, nil
	}})
	if err != nil {
		return err
	}
	return okZone(q, res.Outcomes[0].Zone)
}

// vanityMost bounds a zone's own name servers: with more, answers to a resolver's first question are cut.
const vanityMost = 13

// notOfHosts says whether a name of a host has no such character (RFC 1123 section 2.1, and the low line that many use).
func notOfHosts(c rune) bool {
	return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_'
}

// vanityNames checks names of name servers, which stand in place of the assigned ones, and brings them to A-labels. None
// at all leaves the assigned ones.
func vanityNames(in []string) ([]string, error) {
	if len(in) > vanityMost {
		return nil, api.Invalid(model.CodeZoneSetting, "/vanity_name_servers", "A zone can have at most 13 vanity name servers.")
	}
	out := make([]string, 0, len(in))
	for i, s := range in {
		_, name, err := api.ParseHost(s, wire.Root)
		if err != nil || name == wire.Root || strings.ContainsFunc(name.Host(), notOfHosts) {
			return nil, api.Invalid(model.CodeZoneSetting, "/vanity_name_servers/"+itoa(i), "Vanity name servers must be host names.")
		}
		if slices.Contains(out, name.Host()) {
			return nil, api.Invalid(model.CodeZoneSetting, "/vanity_name_servers/"+itoa(i), "A vanity name server is named twice.")
		}
		out = append(out, name.Host())
	}
	return out, nil
}

func deleteZone(a *api.API, q *api.Request) error {
	if _, err := q.Change(model.DeleteZone{}); err != nil {
		return api.OrMissing(err, model.CodeZoneInvalid, "Invalid zone identifier")
	}
	return q.OK(api.IDOnly{ID: q.Zone.ID})
}

// checkActivation answers at once: delegation is a fact to display here, never a gate.
// The message is one that flarectl prints.
func checkActivation(a *api.API, q *api.Request) error {
	return q.OK(api.IDOnly{ID: q.Zone.ID}, api.Message{Code: codeActive, Message: "The zone is active. Delegation is not waited for."})
}

// codeActive comes with the answer to a request for what every zone has from its creation on.
const codeActive = 13091

// planJSON is a plan. Price is an integer because libdns reads it as one.
type planJSON struct {
	ID                string `json:"id"`
	Name              string `json:"name"`
	Price             int    `json:"price"`
	Currency          string `json:"currency"`
	Frequency         string `json:"frequency"`
	IsSubscribed      bool   `json:"is_subscribed"`
	CanSubscribe      bool   `json:"can_subscribe"`
	LegacyID          string `json:"legacy_id"`
	LegacyDiscount    bool   `json:"legacy_discount"`
	ExternallyManaged bool   `json:"externally_managed"`
}

// thePlan is the only one: clients allow longer comments and tags when it is a paid one.
//
//nolint:gochecknoglobals // table
var thePlan = planJSON{
	ID: "94f3b7b768b0458b56d2cac4fe5ec0f9", Name: "Enterprise Website", Currency: "USD", IsSubscribed: true,
	LegacyID: "enterprise",
}

func listPlans(a *api.API, q *api.Request) error { return api.OnePage(q, []planJSON{thePlan}) }

// listPageRules answers octoDNS, which stops when there is no such list.
func listPageRules(a *api.API, q *api.Request) error { return api.OnePage(q, []json.RawMessage{}) }

// customNS is the older spelling of the DNS settings' nameservers.
type customNS struct {
	Enabled *bool `json:"enabled"`
	NSSet   *int  `json:"ns_set"`
}

const nsCustomAccount = "custom.account"

func renderCustomNS(z *model.Zone) customNS {
	on := strings.HasPrefix(z.Settings.NSType, "custom.")
	return customNS{&on, &z.Settings.NSSet}
}

func getCustomNS(a *api.API, q *api.Request) error { return okCustomNS(q, &q.Zone) }

// customNSEnvelope is the schema's odd shape: the values stand beside an empty result.
type customNSEnvelope struct {
	Result   []string        `json:"result"`
	Success  bool            `json:"success"`
	Errors   []api.ErrorJSON `json:"errors"`
	Messages []api.Message   `json:"messages"`
	customNS
}

func okCustomNS(q *api.Request, z *model.Zone) error {
	b, err := api.Marshal(customNSEnvelope{[]string{}, true, []api.ErrorJSON{}, []api.Message{}, renderCustomNS(z)})
	if err != nil {
		return err
	}
	q.Head(http.StatusOK, "application/json")
	_, err = q.W.Write(b)
	return q.Gone(err)
}

func putCustomNS(a *api.API, q *api.Request) error {
	var b customNS
	if err := q.Decode(&b); err != nil {
		return err
	}
	if b.NSSet != nil && (*b.NSSet < 1 || *b.NSSet > nsSetMost) {
		return api.Invalid(model.CodeSettingsInvalid, "/ns_set", "ns_set must be between 1 and 5.")
	}
	_, err := q.Change(model.EditZone{Action: "dns_settings", Apply: func(z model.Zone) (model.Zone, error) {
		custom := strings.HasPrefix(z.Settings.NSType, "custom.")
		switch {
		case b.Enabled == nil || *b.Enabled == custom:
		case *b.Enabled:
			z.Settings.NSType, z.Settings.FoundationDNS = nsCustomAccount, false
		default:
			z.Settings.NSType = nsStandard
		}
		if b.NSSet != nil {
			z.Settings.NSSet = *b.NSSet
		}
		return z, nil
	}})
	if err != nil {
		return err
	}
	return q.OK([]string{})
}

// analyticsReport is the report of a server that keeps no count of queries by zone; query echoes what was asked.
type analyticsReport struct {
	Rows    int            `json:"rows"`
	Totals  struct{}       `json:"totals"`
	Min     struct{}       `json:"min"`
	Max     struct{}       `json:"max"`
	DataLag int            `json:"data_lag"`
	Query   analyticsQuery `json:"query"`
	Data    []struct{}     `json:"data"`
}

type analyticsQuery struct {
	Dimensions []string `json:"dimensions"`
	Metrics    []string `json:"metrics"`
	Since      string   `json:"since"`
	Until      string   `json:"until"`
	Limit      int      `json:"limit"`
}

func reportAnalytics(a *api.API, q *api.Request) error {
	v := q.R.URL.Query()
	now := q.Now().UTC().Format("2006-01-02T15:04:05Z")
	out := analyticsReport{Data: []struct{}{}, Query: analyticsQuery{
		Dimensions: words(api.Last(v, "dimensions")), Metrics: words(api.Last(v, "metrics")),
		Since: OrWord(api.Last(v, "since"), now), Until: OrWord(api.Last(v, "until"), now), Limit: 100_000,
	}}
	return q.OK(out, api.Message{Code: codeNoData, Message: "This server keeps no query counts by zone; the report is empty."})
}

// codeNoData marks an answer that has nothing in it because nothing is kept.
const codeNoData = 13090

func words(s string) []string {
	if s == "" {
		return []string{}
	}
	return strings.Split(s, ",")
}

// OrWord is a text, or another where it is empty.
func OrWord(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func itoa[T ~int | ~int64](n T) string { return strconv.FormatInt(int64(n), 10) }
