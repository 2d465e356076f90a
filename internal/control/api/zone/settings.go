package zone

import (
	"errors"
	"net/http"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func settingRoutes() []api.Route {
	const (
		zone    = api.Client + "/zones/{zone_id}/dns_settings"
		flatten = api.Client + "/zones/{zone_id}/settings/cname_flattening"
		account = api.Client + "/accounts/{account_id}/dns_settings"
	)
	return []api.Route{
		api.NewRoute(http.MethodGet, zone, api.ScopeZone, api.SettingsRead, getSettings),
		api.NewRoute(http.MethodPatch, zone, api.ScopeZone, api.SettingsWrite, editSettings),
		api.NewRoute(http.MethodGet, zone+"/use_apex_ns", api.ScopeZone, api.SettingsRead, getApexNS),
		api.NewRoute(http.MethodPatch, zone+"/use_apex_ns", api.ScopeZone, api.SettingsWrite, editApexNS),
		api.NewRoute(http.MethodGet, flatten, api.ScopeZone, api.ZoneSetRead, getFlattening),
		api.NewRoute(http.MethodPatch, flatten, api.ScopeZone, api.ZoneSetWrite, editFlattening),
		api.NewRoute(http.MethodGet, account, api.ScopeAccount, api.AccDNSRead, getAccountSettings),
		api.NewRoute(http.MethodPatch, account, api.ScopeAccount, api.AccDNSWrite, editAccountSettings),
	}
}

// Values of the settings that are spelled in several places.
const (
	nsStandard = "cloudflare.standard"
	nsAdvanced = "cloudflare.advanced"
	nsRandom   = "cloudflare.standard.random" // of an account's defaults only
	nsZone     = "custom.zone"                // of zones only
	nsSetMost  = 5

	modeStandard = "standard"
	modeCDN      = "cdn_only"
	modeDNS      = "dns_only"
)

// DnsSettingsJSON are a zone's DNS settings in answers: all nine members, always (contract section 6).
type DnsSettingsJSON struct {
	FlattenAll         bool            `json:"flatten_all_cnames"`
	FoundationDNS      bool            `json:"foundation_dns"`
	InternalDNS        internalDNSJSON `json:"internal_dns"`
	MultiProvider      bool            `json:"multi_provider"`
	NameServers        nameServersJSON `json:"nameservers"`
	NSTTL              uint32          `json:"ns_ttl"`
	SecondaryOverrides bool            `json:"secondary_overrides"`
	SOA                soaJSON         `json:"soa"`
	ZoneMode           string          `json:"zone_mode"`
}

type internalDNSJSON struct {
	ReferenceZone *model.ID `json:"reference_zone_id"`
}

type nameServersJSON struct {
	Type  string `json:"type"`
	NSSet int    `json:"ns_set,omitempty"`
}

type soaJSON struct {
	MName   *string `json:"mname"`
	RName   string  `json:"rname,omitempty"` // an account may leave it to each zone
	Refresh uint32  `json:"refresh"`
	Retry   uint32  `json:"retry"`
	Expire  uint32  `json:"expire"`
	MinTTL  uint32  `json:"min_ttl"`
	TTL     uint32  `json:"ttl"`
}

// RenderSettings gives the JSON of settings. rname stands in where none is set.
func RenderSettings(s *model.Settings, rname string) DnsSettingsJSON {
	out := DnsSettingsJSON{
		FlattenAll: s.FlattenAll, FoundationDNS: s.FoundationDNS, MultiProvider: s.MultiProvider,
		NameServers: nameServersJSON{s.NSType, s.NSSet}, NSTTL: s.NSTTL, SecondaryOverrides: s.SecondaryOverrides,
		SOA: soaJSON{
			RName: OrWord(s.SOA.RName, rname), Refresh: s.SOA.Refresh, Retry: s.SOA.Retry, Expire: s.SOA.Expire,
			MinTTL: s.SOA.MinTTL, TTL: s.SOA.TTL,
		},
		ZoneMode: s.ZoneMode,
	}
	if s.SOA.MName != "" {
		mname := s.SOA.MName
		out.SOA.MName = &mname
	}
	if s.ReferenceZone != "" {
		id := s.ReferenceZone
		out.InternalDNS.ReferenceZone = &id
	}
	return out
}

// Hostmaster is the mailbox that a zone's SOA names when nobody set another.
func Hostmaster(z *model.Zone) string { return "hostmaster." + z.Name.Host() }

// dnsSettingsBody is a PATCH of settings: what is absent stays, at every level.
type dnsSettingsBody struct {
	FlattenAll         api.Optional[bool]            `json:"flatten_all_cnames"`
	FoundationDNS      api.Optional[bool]            `json:"foundation_dns"`
	InternalDNS        api.Optional[internalDNSBody] `json:"internal_dns"`
	MultiProvider      api.Optional[bool]            `json:"multi_provider"`
	NameServers        api.Optional[nameServersBody] `json:"nameservers"`
	NSTTL              api.Optional[int64]           `json:"ns_ttl"`
	SecondaryOverrides api.Optional[bool]            `json:"secondary_overrides"`
	SOA                api.Optional[soaBody]         `json:"soa"`
	ZoneMode           api.Optional[string]          `json:"zone_mode"`
}

type internalDNSBody struct {
	ReferenceZone api.Optional[model.ID] `json:"reference_zone_id"`
}

type nameServersBody struct {
	Type  api.Optional[string] `json:"type"`
	NSSet api.Optional[int]    `json:"ns_set"`
}

type soaBody struct {
	MName   api.Optional[string] `json:"mname"`
	RName   api.Optional[string] `json:"rname"`
	Refresh api.Optional[int64]  `json:"refresh"`
	Retry   api.Optional[int64]  `json:"retry"`
	Expire  api.Optional[int64]  `json:"expire"`
	MinTTL  api.Optional[int64]  `json:"min_ttl"`
	TTL     api.Optional[int64]  `json:"ttl"`
}

// merge lays what was sent over s and checks the outcome. at is where the settings stand in the request. account says
// that they are an account's defaults, which know other kinds of name servers.
func (b *dnsSettingsBody) merge(s *model.Settings, at string, account bool) error {
	for _, m := range []struct {
		from *api.Optional[bool]
		to   *bool
	}{
		{&b.FlattenAll, &s.FlattenAll},
		{&b.MultiProvider, &s.MultiProvider},
		{&b.SecondaryOverrides, &s.SecondaryOverrides},
	} {
		if m.from.Given() {
			*m.to = m.from.Value
		}
	}
	if err := b.mergeNameServers(s, at, account); err != nil {
		return err
	}
	if err := bounded(&b.NSTTL, &s.NSTTL, at+"/ns_ttl", 30, 86400); err != nil {
		return err
	}
	if b.ZoneMode.Given() {
		switch b.ZoneMode.Value {
		case modeStandard, modeCDN, modeDNS:
			s.ZoneMode = b.ZoneMode.Value
		default:
			return badSetting(at+"/zone_mode", "zone_mode must be standard, cdn_only or dns_only.")
		}
	}
	if ref := b.InternalDNS.Value.ReferenceZone; ref.Set {
		if ref.Given() && ref.Value != "" && !api.ValidID(string(ref.Value)) {
			return badSetting(at+"/internal_dns/reference_zone_id", "reference_zone_id must be the id of a zone.")
		}
		s.ReferenceZone = ref.Value
	}
	return b.SOA.Value.merge(&s.SOA, at+"/soa")
}

// mergeNameServers keeps foundation_dns and the type cloudflare.advanced in step: they are two names of one thing.
func (b *dnsSettingsBody) mergeNameServers(s *model.Settings, at string, account bool) error {
	ns := &b.NameServers.Value
	if ns.Type.Given() {
		if !knownNS(ns.Type.Value, account) {
			return badSetting(at+"/nameservers/type", "There are no name servers of type "+api.QuoteJSON(ns.Type.Value)+".")
		}
		s.NSType = ns.Type.Value
		if !b.FoundationDNS.Given() {
			s.FoundationDNS = s.NSType == nsAdvanced
		}
	}
	if b.FoundationDNS.Given() {
		s.FoundationDNS = b.FoundationDNS.Value
		switch {
		case ns.Type.Given() && s.FoundationDNS != (s.NSType == nsAdvanced):
			return badSetting(at+"/foundation_dns", "foundation_dns must match the Advanced Nameservers nameserver type")
		case s.FoundationDNS:
			s.NSType = nsAdvanced
		case s.NSType == nsAdvanced:
			s.NSType = nsStandard
		}
	}
	if !ns.NSSet.Given() {
		return nil
	}
	if ns.NSSet.Value < 1 || ns.NSSet.Value > nsSetMost {
		return badSetting(at+"/nameservers/ns_set", "ns_set must be between 1 and 5.")
	}
	s.NSSet = ns.NSSet.Value
	return nil
}

func knownNS(t string, account bool) bool {
	switch t {
	case nsStandard, nsAdvanced, nsCustomAccount, "custom.tenant":
		return true
	case nsZone:
		return !account
	case nsRandom:
		return account
	}
	return false
}

// merge lays the SOA's members over s.
func (b *soaBody) merge(s *model.SOA, at string) error {
	if b.MName.Set {
		if b.MName.Given() && b.MName.Value != "" && !hostText(b.MName.Value) {
			return badSetting(at+"/mname", "mname must be a host name.")
		}
		s.MName = b.MName.Value
	}
	if b.RName.Given() {
		if !mailboxText(b.RName.Value) {
			return badSetting(at+"/rname", "rname must be a mailbox in the form of a domain name, such as hostmaster.example.com.")
		}
		s.RName = b.RName.Value
	}
	given := [...]*api.Optional[int64]{&b.Refresh, &b.Retry, &b.Expire, &b.MinTTL, &b.TTL}
	for i, m := range rules.SOABounds {
		if err := bounded(given[i], m.Of(s), at+"/"+m.Name, int64(m.Least), int64(m.Most)); err != nil {
			return err
		}
	}
	var bad *model.Invalid
	if err := rules.SOA(s, s); errors.As(err, &bad) {
		return badSetting(at+bad.Pointer, bad.Message)
	}
	return nil
}

// hostText says whether s is a name that can stand in an SOA.
func hostText(s string) bool {
	_, n, err := api.ParseHost(s, wire.Root)
	return err == nil && n != wire.Root && api.IsASCII(s)
}

// mailboxText says whether s is a mailbox in the form of a name (RFC 1035 section 8): dots of its local part are escaped, which is
// all that such a name has and a host name has not.
func mailboxText(s string) bool {
	_, err := wire.ParseName(s)
	return err == nil && hostText(strings.ReplaceAll(s, `\.`, "-"))
}

// bounded takes a whole number within bounds.
func bounded(from *api.Optional[int64], to *uint32, at string, least, most int64) error {
	if !from.Given() {
		return nil
	}
	if from.Value < least || from.Value > most {
		name := at[strings.LastIndexByte(at, '/')+1:]
		return badSetting(at, name+" must be between "+itoa(least)+" and "+itoa(most)+".")
	}
	*to = uint32(from.Value)
	return nil
}

func badSetting(at, message string) error { return api.Invalid(model.CodeSettingsInvalid, at, message) }
