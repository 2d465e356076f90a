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

// Nested says whether an account may have a zone above or below one of another account: if both say so.
func Nested(name wire.Name, owner, other *model.Account) error {
	if slices.Contains(owner.SharesNames, other.ID) && slices.Contains(other.SharesNames, owner.ID) {
		return nil
	}
	return invalid(model.CodeZoneNested, "/name", "%s lies above or below a zone of another account. Both accounts must allow each "+
		"other to share names, or an administrator of this server makes the zone.", name.Host())
}
