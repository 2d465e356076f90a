package rules

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Bounds of policies for updates by messages (RFC 2136).
const (
	MaxUpdatePolicies = 64 // of a zone
	MaxUpdateNames    = 20 // of a policy
	MaxUpdateTypes    = 50 // of a policy
	maxUpdateComment  = 100
)

// UpdateNamed says whether a type can be changed by messages only where a policy names it: what decides who is authoritative, who signs,
// and the zone's own SOA.
func UpdateNamed(t wire.Type) bool {
	switch t {
	case wire.TypeNS, wire.TypeSOA, wire.TypeDS, wire.TypeDNSKEY, wire.TypeCDS, wire.TypeCDNSKEY, wire.TypeCSYNC, wire.TypeNSEC3PARAM:
		return true
	default:
		return false
	}
}

// UpdatePolicy holds a policy against what can be meant by one.
func UpdatePolicy(apex wire.Name, p *model.UpdatePolicy) error {
	if n := len(p.Names); n == 0 || n > MaxUpdateNames {
		return invalid(model.CodeUpdateNames, "/names", "A policy has 1 to %d names.", MaxUpdateNames)
	}
	for i, n := range p.Names {
		if err := updateName(apex, &n, "/names/"+strconv.Itoa(i)); err != nil {
			return err
		}
	}
	if len(p.Types) > 0 && len(p.Except) > 0 {
		return invalid(model.CodeUpdateTypes, "/types_except", "A policy names the types that may be changed, or those that may not, not both.")
	}
	if err := updateTypes(p.Types, "/types"); err != nil {
		return err
	}
	if err := updateTypes(p.Except, "/types_except"); err != nil {
		return err
	}
	if !isLine(p.Comment) || utf8.RuneCountInString(p.Comment) > maxUpdateComment {
		return invalid(model.CodeUpdateComment, "/comment", "The comment must be at most %d characters on one line.", maxUpdateComment)
	}
	return nil
}

func updateName(apex wire.Name, n *model.UpdateName, at string) error {
	name, err := wire.ParseName(n.Name)
	if err != nil && n.Match != model.MatchSelf {
		return invalid(model.CodeUpdateNames, at+"/name", "The name is not a domain name: %v.", err)
	}
	switch n.Match {
	case model.MatchSelf:
		if n.Name != "" {
			return invalid(model.CodeUpdateNames, at+"/name", "The match self is about the key's own name, and takes no other.")
		}
		return nil
	case model.MatchExact, model.MatchSubtree:
		if !name.Within(apex) {
			return invalid(model.CodeUpdateNames, at+"/name", "%s is not in the zone %s.", name.Host(), apex.Host())
		}
		return nil
	case model.MatchWildcard:
		return updateWildcard(apex, name, at)
	}
	return invalid(model.CodeUpdateNames, at+"/match", "The match must be exact, subtree, wildcard or self.")
}

// updateWildcard: what stands behind the asterisk must be able to end a name of the zone.
func updateWildcard(apex, name wire.Name, at string) error {
	stars := 0
	for label := range name.Labels() {
		if label == "*" {
			stars++
		}
	}
	_, tail := aroundStar(name)
	if stars != 1 {
		return invalid(model.CodeUpdateNames, at+"/name", "A wildcard has one label that is an asterisk, such as _acme-challenge.*.")
	}
	if !tail.Within(apex) && !apex.Within(tail) {
		return invalid(model.CodeUpdateNames, at+"/name", "No name of the zone %s ends in %s.", apex.Host(), tail.Host())
	}
	return nil
}

func updateTypes(list []wire.Type, at string) error {
	if len(list) > MaxUpdateTypes {
		return invalid(model.CodeUpdateTypes, at, "A policy names at most %d types.", MaxUpdateTypes)
	}
	for i, t := range list {
		where := at + "/" + strconv.Itoa(i)
		if err := Type(t); err != nil && t != wire.TypeSOA {
			return invalid(model.CodeUpdateTypes, where, "It is no type of records that can be changed.")
		}
		if slices.Contains(list[:i], t) {
			return invalid(model.CodeUpdateTypes, where, "%s is named twice.", t)
		}
	}
	return nil
}

// Updates says whether a policy lets the key of a name change records of a type at a name of the zone.
func Updates(p *model.UpdatePolicy, key, owner wire.Name, t wire.Type) bool {
	switch {
	case len(p.Types) > 0:
		if !slices.Contains(p.Types, t) {
			return false
		}
	case UpdateNamed(t) || slices.Contains(p.Except, t):
		return false
	}
	return slices.ContainsFunc(p.Names, func(n model.UpdateName) bool { return updates(&n, key, owner) })
}

func updates(n *model.UpdateName, key, owner wire.Name) bool {
	name, err := wire.ParseName(n.Name)
	if err != nil && n.Match != model.MatchSelf {
		return false // UpdatePolicy has let no such name in
	}
	switch n.Match {
	case model.MatchSelf:
		return owner == key
	case model.MatchExact:
		return owner == name
	case model.MatchSubtree:
		return owner.Within(name)
	case model.MatchWildcard:
		head, tail := aroundStar(name)
		rest, ok := strings.CutPrefix(string(owner), string(head)) // whole labels, for so both names begin
		return ok && wire.Name(rest).Within(tail) && len(rest) > len(tail)
	}
	return false
}

// aroundStar is what stands before the asterisk of a wildcard, without the root that ends a name, and what stands behind it.
func aroundStar(name wire.Name) (head, tail wire.Name) {
	for n := name; len(n) > 1; n = n.Parent() {
		if n.IsWildcard() {
			return name[:len(name)-len(n)], n.Parent()
		}
	}
	return name, name
}
