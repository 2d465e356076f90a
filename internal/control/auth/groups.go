package auth

import (
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// The scopes of permission groups: the kind of resource a group speaks of.
const (
	ScopeAccount = "com.cloudflare.api.account"
	ScopeZone    = "com.cloudflare.api.account.zone"
	ScopeUser    = "com.cloudflare.api.user"
)

// GroupServerAdmin opens what only administrators of the whole server may do. It is ours, not the upstream's.
const GroupServerAdmin = "Server Administration"

// Groups of ours that open less of a zone than the upstream's DNS Write, which is keys, settings and transfers as well.
const (
	GroupRecords = "DNS Records Write"    // records, and drafts of them
	GroupACME    = "ACME Challenge Write" // see IsChallenge
)

// Group is a permission group: a named right that token policies grant or deny. IDs are constants that people pin in
// their code, so they never change.
type Group struct {
	ID    model.ID
	Name  string
	Scope string // one of the Scope constants
	Write bool   // false: reading only, which read-only members may do
}

// Groups returns every permission group, in a fixed order.
func Groups() []Group { return slices.Clone(groups) }

// GroupByID finds a permission group.
func GroupByID(id model.ID) (Group, bool) {
	g, ok := groupIDs[id]
	return g, ok
}

var groups = []Group{
	{"82e64a83756745bbbb1c9c2701bf816b", "DNS Read", ScopeZone, false},
	{"4755a26eedb94da69e1066d98aa820be", "DNS Write", ScopeZone, true},
	{"6b2f0d1c7e3a4f58b9d41e60a7c85f3d", GroupRecords, ScopeZone, true},
	{"d05e8a3f94b14c6fa2c7736be1905d84", GroupACME, ScopeZone, true},
	{"c8fed203ed3043cba015a93ad1616f1f", "Zone Read", ScopeZone, false},
	{"e6d2666161e84845a636613608cee8d5", "Zone Write", ScopeZone, true},
	{"517b21aee92c4d89936c976ba6e4be55", "Zone Settings Read", ScopeZone, false},
	{"3030687196b94b638145a3953da2b699", "Zone Settings Write", ScopeZone, true},
	{"0a6cfe8cd3ed445e918579e2fb13087b", "Zone DNS Settings Read", ScopeZone, false},
	{"c4df38be41c247b3b4b7702e76eadae0", "Zone DNS Settings Write", ScopeZone, true},
	{"9c88f9c5bce24ce7af9a958ba9c504db", "Analytics Read", ScopeZone, false},
	{"c1fde68c7bcc44588cbb6ddbc16d6480", "Account Settings Read", ScopeAccount, false},
	{"1af1fa2adc104452b74a9a3364202f20", "Account Settings Write", ScopeAccount, true},
	{"cfa964bcdafc4ab39704e7476154e41b", "Account DNS Settings Read", ScopeAccount, false},
	{"dc44f27f48ab405392a5f69fe822bd01", "Account DNS Settings Write", ScopeAccount, true},
	{"eb56a6953c034b9d97dd838155666f06", "Account API Tokens Read", ScopeAccount, false},
	{"5bc3f8b21c554832afc660159ab75fa4", "Account API Tokens Write", ScopeAccount, true},
	{"0cc3a61731504c89b99ec1be78b77aa0", "API Tokens Read", ScopeUser, false},
	{"686d18d5ac6c441c867cbf6771e58a0a", "API Tokens Write", ScopeUser, true},
	{"8acbe5bb0d54464ab867149d7f7cf8ac", "User Details Read", ScopeUser, false},
	{"55a5e17cc99e4a3fa1f3432d262f2e55", "User Details Write", ScopeUser, true},
	{"3518d0f75557482e952c6762d3e64903", "Memberships Read", ScopeUser, false},
	{"9201bc6f42d440968aaab0c6f17ebb1d", "Memberships Write", ScopeUser, true},
	{"4a1c5f0e9d2b4c7786e3b0f5d8a96c21", GroupServerAdmin, ScopeUser, true},
}

// within names groups that open all that another does, and more. Policies speak of what they include, too: who has the more may give the
// less, and who is denied the more is denied the less.
var within = map[string][]string{
	GroupRecords: {"DNS Write"},
	GroupACME:    {"DNS Write", GroupRecords},
}

var groupNames, groupIDs = indexGroups()

func indexGroups() (map[string]Group, map[model.ID]Group) {
	names := make(map[string]Group, len(groups))
	ids := make(map[model.ID]Group, len(groups))
	for _, g := range groups {
		names[g.Name], ids[g.ID] = g, g
	}
	return names, ids
}
