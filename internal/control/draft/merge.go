package draft

import (
	"reflect"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// member is something of a zone that operators set.
type member struct {
	name string
	at   any // pointer
}

// members are all that a draft can hold of a zone's settings. What the server sets by itself is none of them.
func members(z *model.Zone) []member {
	s, d := &z.Settings, &z.DNSSEC
	return []member{
		{"paused", &z.Paused},
		{"vanity_name_servers", &z.VanityNS},
		{"transfer_mode", &z.Mode},
		{"outgoing_transfers", &z.OutgoingTransfers},
		{"outgoing", &z.Outgoing},
		{"four_eyes", &z.FourEyes},
		{"digest", &z.Digest},
		{"ns_type", &s.NSType},
		{"ns_set", &s.NSSet},
		{"foundation_dns", &s.FoundationDNS},
		{"multi_provider", &s.MultiProvider},
		{"soa", &s.SOA},
		{"ns_ttl", &s.NSTTL},
		{"flatten_all_cnames", &s.FlattenAll},
		{"secondary_overrides", &s.SecondaryOverrides},
		{"reference_zone_id", &s.ReferenceZone},
		{"zone_mode", &s.ZoneMode},
		{"dnssec status", &d.Status},
		{"dnssec_multi_signer", &d.MultiSigner},
		{"dnssec_presigned", &d.Presigned},
		{"dnssec_use_nsec3", &d.NSEC3},
		{"dnssec algorithm", &d.Algorithm},
		{"zsk_roll_days", &d.ZSKDays},
		{"ksk_roll", &d.KSKDays},
		{"cds", &d.CDS},
	}
}

// merge has a zone take over what differs between two states of it. What somebody else has changed since the first of them clashes.
func merge(before, after, now *model.Zone) error {
	is, was, shall := members(now), members(before), members(after)
	for i := range is {
		old, next, at := reflect.ValueOf(was[i].at).Elem(), reflect.ValueOf(shall[i].at).Elem(), reflect.ValueOf(is[i].at).Elem()
		if same(old, next) {
			continue
		}
		if !same(at, old) {
			return clash(is[i].name + " was changed since.")
		}
		at.Set(next)
	}
	return nil
}

// same compares values; lists of none are alike.
func same(a, b reflect.Value) bool {
	if a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}
