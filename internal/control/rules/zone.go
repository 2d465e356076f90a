package rules

import (
	"slices"

	"golang.org/x/net/publicsuffix"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Suffix says whether a name is one below which people register names of their own, such as com, co.uk or github.io: whoever
// had it as a zone could answer for all others. Names of one label that are no such suffix today count as well. It is
// asked where a server has more than one account.
func Suffix(name wire.Name) error {
	host := name.Host()
	if suffix, _ := publicsuffix.PublicSuffix(host); suffix == host {
		return invalid(model.CodePublicSuffix, "/name", "%s is a public suffix. Only administrators of this server make such a zone.", host)
	}
	return nil
}

// SOABound is what one of the numbers of an SOA may be, in seconds.
type SOABound struct {
	Name        string
	Of          func(*model.SOA) *uint32
	Least, Most uint32
}

// SOABounds are all of them.
//
//nolint:gochecknoglobals // table
var SOABounds = []SOABound{
	{"refresh", func(s *model.SOA) *uint32 { return &s.Refresh }, 600, 86400},
	{"retry", func(s *model.SOA) *uint32 { return &s.Retry }, 600, 86400},
	{"expire", func(s *model.SOA) *uint32 { return &s.Expire }, 86400, 2419200},
	{"min_ttl", func(s *model.SOA) *uint32 { return &s.MinTTL }, 60, 86400},
	{"ttl", func(s *model.SOA) *uint32 { return &s.TTL }, 300, 86400},
}

// SOA holds what has changed of an SOA's numbers against their bounds, and all of them against each other: the two relations are what
// secondaries need (RFC 1912 section 2.2).
func SOA(was, is *model.SOA) error {
	for _, b := range SOABounds {
		if v := *b.Of(is); v != *b.Of(was) && (v < b.Least || v > b.Most) {
			return invalid(model.CodeSettingsInvalid, "/"+b.Name, "%s must be between %d and %d.", b.Name, b.Least, b.Most)
		}
	}
	if is.Retry > is.Refresh {
		return invalid(model.CodeSettingsInvalid, "/retry", "retry must not be more than refresh.")
	}
	if is.Expire < is.Refresh {
		return invalid(model.CodeSettingsInvalid, "/expire", "expire must not be less than refresh.")
	}
	return nil
}

// Nested says whether an account may have a zone above or below one of another account: if both say so.
func Nested(name wire.Name, owner, other *model.Account) error {
	if slices.Contains(owner.SharesNames, other.ID) && slices.Contains(other.SharesNames, owner.ID) {
		return nil
	}
	return invalid(model.CodeZoneNested, "/name", "%s lies above or below a zone of another account. Both accounts must allow each "+
		"other to share names, or an administrator of this server makes the zone.", name.Host())
}
