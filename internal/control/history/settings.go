package history

import (
	"reflect"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// setting is a member of a zone that its operator sets, by the name that people are told.
type setting struct {
	name string
	of   func(z *model.Zone) any
	// take gives one zone what another has; nil for what no revert touches: who may transfer the zone, and how it is signed. A
	// signature that goes while the parent has a DS makes a zone unreachable, and a link that comes back opens it.
	take func(z, from *model.Zone)
}

// text, number and flag are settings of these kinds.
func plain[T comparable](name string, at func(z *model.Zone) *T) setting {
	return setting{name, func(z *model.Zone) any { return *at(z) }, func(z, from *model.Zone) { *at(z) = *at(from) }}
}

// settings are all of them, in the order in which they are told.
//
//nolint:gochecknoglobals // table
var settings = []setting{
	plain("paused", func(z *model.Zone) *bool { return &z.Paused }),
	plain("transfer_mode", func(z *model.Zone) *model.TransferMode { return &z.Mode }),
	{
		"vanity_name_servers",
		func(z *model.Zone) any { return append([]string{}, z.VanityNS...) },
		func(z, from *model.Zone) { z.VanityNS = slices.Clone(from.VanityNS) },
	},
	plain("nameservers.type", func(z *model.Zone) *string { return &z.Settings.NSType }),
	plain("nameservers.ns_set", func(z *model.Zone) *int { return &z.Settings.NSSet }),
	plain("foundation_dns", func(z *model.Zone) *bool { return &z.Settings.FoundationDNS }),
	plain("multi_provider", func(z *model.Zone) *bool { return &z.Settings.MultiProvider }),
	plain("soa.mname", func(z *model.Zone) *string { return &z.Settings.SOA.MName }),
	plain("soa.rname", func(z *model.Zone) *string { return &z.Settings.SOA.RName }),
	plain("soa.refresh", func(z *model.Zone) *uint32 { return &z.Settings.SOA.Refresh }),
	plain("soa.retry", func(z *model.Zone) *uint32 { return &z.Settings.SOA.Retry }),
	plain("soa.expire", func(z *model.Zone) *uint32 { return &z.Settings.SOA.Expire }),
	plain("soa.min_ttl", func(z *model.Zone) *uint32 { return &z.Settings.SOA.MinTTL }),
	plain("soa.ttl", func(z *model.Zone) *uint32 { return &z.Settings.SOA.TTL }),
	plain("ns_ttl", func(z *model.Zone) *uint32 { return &z.Settings.NSTTL }),
	plain("flatten_all_cnames", func(z *model.Zone) *bool { return &z.Settings.FlattenAll }),
	plain("secondary_overrides", func(z *model.Zone) *bool { return &z.Settings.SecondaryOverrides }),
	plain("internal_dns.reference_zone_id", func(z *model.Zone) *model.ID { return &z.Settings.ReferenceZone }),
	plain("zone_mode", func(z *model.Zone) *string { return &z.Settings.ZoneMode }),
	plain("digest", func(z *model.Zone) *bool { return &z.Digest }),
	{"outgoing", outgoing, nil},
	{"outgoing_transfers", func(z *model.Zone) any { return z.OutgoingTransfers != nil && *z.OutgoingTransfers }, nil},
	{"dnssec", signing, nil},
	{"four_eyes", fourEyes, nil},
}

// FourEyes is what is told of a zone whose changes two people see.
type FourEyes struct {
	Except []model.ID `json:"except"`
}

func fourEyes(z *model.Zone) any {
	if z.FourEyes == nil {
		return nil
	}
	return FourEyes{append([]model.ID{}, z.FourEyes.Except...)}
}

// Outgoing is what is told of a zone's links to secondaries.
type Outgoing struct {
	Name    string     `json:"name"`
	Enabled bool       `json:"enabled"`
	Peers   []model.ID `json:"peers"`
}

func outgoing(z *model.Zone) any {
	if z.Outgoing == nil {
		return nil
	}
	return Outgoing{z.Outgoing.Name, z.Outgoing.Enabled, append([]model.ID{}, z.Outgoing.Peers...)}
}

// Signing is what is told of how a zone is wanted signed.
type Signing struct {
	Status    string `json:"status"`
	NSEC3     bool   `json:"nsec3"`
	Presigned bool   `json:"presigned"`
	Multi     bool   `json:"multi_signer"`
	Algorithm uint8  `json:"algorithm"`
	ZSKDays   int    `json:"zsk_days"`
	KSKDays   int    `json:"ksk_days"`
}

func signing(z *model.Zone) any {
	d, on := &z.DNSSEC, model.SwitchOn
	return Signing{d.Status, d.NSEC3 == on, d.Presigned == on, d.MultiSigner == on, uint8(d.Algorithm), d.ZSKDays, d.KSKDays}
}

// takeMembers gives a zone what an entry of the audit log tells of it.
func takeMembers(z, told *model.Zone) {
	for _, s := range settings {
		if s.take != nil {
			s.take(z, told)
		}
	}
	z.NameServers, z.OutgoingTransfers, z.Outgoing, z.FourEyes = told.NameServers, told.OutgoingTransfers, told.Outgoing, told.FourEyes
	d, t := &z.DNSSEC, &told.DNSSEC
	d.Status, d.NSEC3, d.Presigned, d.MultiSigner, d.CDS = t.Status, t.NSEC3, t.Presigned, t.MultiSigner, t.CDS
	d.Algorithm, d.ZSKDays, d.KSKDays = t.Algorithm, t.ZSKDays, t.KSKDays
}

// SettingChange is a setting that two states of a zone differ in.
type SettingChange struct {
	Name          string
	Before, After any
	// Undone says that a revert brings it back.
	Undone bool
}

// settingsBetween are those in which two states of a zone differ.
func settingsBetween(a, b *model.Zone) (out []SettingChange) {
	for _, s := range settings {
		if was, is := s.of(a), s.of(b); !reflect.DeepEqual(was, is) {
			out = append(out, SettingChange{s.name, was, is, s.take != nil})
		}
	}
	return out
}
