package auth_test

import (
	"testing"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func (f *fakeStore) mustIdentity(t *testing.T, c auth.Credentials) *auth.Identity {
	t.Helper()
	id, err := f.authenticator().Authenticate(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestCan(t *testing.T) {
	t.Parallel()
	f := peopled()
	f.users[guest] = model.User{ID: guest, Email: "guest@example.com", KeyHash: auth.Digest(ownerKey)}
	token := func(user, account model.ID, p ...model.Policy) auth.Credentials {
		v := f.addToken(model.Token{User: user, Account: account, Status: "active", Policies: p})
		return auth.Credentials{Authorization: "Bearer " + v}
	}
	all := model.Scope{Kind: "zone", ID: "*"}
	dns := []string{"DNS Write"}
	read := []string{"DNS Read", "DNS Write"}
	settings := []string{"Account Settings Write"}
	adminKeyC := auth.Credentials{Email: "root@example.com", Key: adminKey}
	ownerKeyC := auth.Credentials{Email: "owner@example.com", Key: ownerKey}
	guestKeyC := auth.Credentials{Email: "guest@example.com", Key: ownerKey}
	tests := []struct {
		name          string
		c             auth.Credentials
		groups        []string
		account, zone model.ID
		want          bool
	}{
		{"admin anywhere", adminKeyC, dns, accB, zoneB, true},
		{"admin of the server", adminKeyC, []string{auth.GroupServerAdmin}, "", "", true},
		{"no groups, even for the admin", adminKeyC, nil, accB, zoneB, false},
		{"unknown group", adminKeyC, []string{"Everything"}, accB, zoneB, false},
		{"owner in own account", ownerKeyC, dns, accA, zoneA, true},
		{"owner, account settings", ownerKeyC, settings, accA, "", true},
		{"owner in foreign account", ownerKeyC, dns, accB, zoneB, false},
		{"owner is no server admin", ownerKeyC, []string{auth.GroupServerAdmin}, "", "", false},
		{"owner, own user", ownerKeyC, []string{"User Details Read"}, "", "", true},
		{"guest reads", guestKeyC, read, accA, zoneA, true},
		{"guest does not write", guestKeyC, dns, accA, zoneA, false},
		{"guest does not write settings", guestKeyC, settings, accA, "", false},

		{"token without policies", token(owner, ""), read, accA, zoneA, false},
		{"token for all zones", token(owner, "", policy("allow", all, "DNS Write")), dns, accA, zoneA, true},
		{"token for all zones stops at its user", token(owner, "", policy("allow", all, "DNS Write")), dns, accB, zoneB, false},
		{"token of the admin for all zones", token(admin, "", policy("allow", all, "DNS Write")), dns, accB, zoneB, true},
		{"token of the guest stops at the role", token(guest, "", policy("allow", all, "DNS Write")), dns, accA, zoneA, false},
		{"write group opens reading", token(owner, "", policy("allow", all, "DNS Write")), read, accA, zoneA, true},
		{"read group opens no writing", token(owner, "", policy("allow", all, "DNS Read")), dns, accA, zoneA, false},
		{"zone groups do not open dns_records", token(owner, "", policy("allow", all, "Zone Write")), read, accA, zoneA, false},
		{
			"one zone", token(owner, "", policy("allow", model.Scope{Kind: "zone", ID: string(zoneA)}, "DNS Write")),
			dns, accA, zoneA, true,
		},
		{
			"another zone", token(owner, "", policy("allow", model.Scope{Kind: "zone", ID: string(zone2)}, "DNS Write")),
			dns, accA, zoneA, false,
		},
		{
			"nested all zones of the account", token(admin, "", policy("allow", model.Scope{Kind: "zone", ID: "*", Account: accA}, "DNS Write")),
			dns, accA, zone2, true,
		},
		{
			"nested all zones of another", token(admin, "", policy("allow", model.Scope{Kind: "zone", ID: "*", Account: accA}, "DNS Write")),
			dns, accB, zoneB, false,
		},
		{
			"account contains zones", token(owner, "", policy("allow", model.Scope{Kind: "account", ID: string(accA)}, "DNS Write")),
			dns, accA, zoneA, true,
		},
		{
			"zone resource opens no account", token(owner, "", policy("allow", all, "Account Settings Write")),
			settings, accA, "", false,
		},
		{
			"denial beats", token(owner, "", policy("allow", all, "DNS Write"),
				policy("deny", model.Scope{Kind: "zone", ID: string(zoneA)}, "DNS Write")), dns, accA, zoneA, false,
		},
		{
			"denial of one zone leaves others", token(owner, "", policy("allow", all, "DNS Write"),
				policy("deny", model.Scope{Kind: "zone", ID: string(zoneA)}, "DNS Write")), dns, accA, zone2, true,
		},
		{
			"other user", token(owner, "", policy("allow", model.Scope{Kind: "user", ID: string(guest)}, "API Tokens Write")),
			[]string{"API Tokens Write"},
			"", "", false,
		},
		{
			"own user", token(owner, "", policy("allow", model.Scope{Kind: "user", ID: string(owner)}, "API Tokens Write")),
			[]string{"API Tokens Write"},
			"", "", true,
		},
		{
			"admin's token without the server group", token(admin, "", policy("allow", all, "DNS Write")),
			[]string{auth.GroupServerAdmin},
			"", "", false,
		},
		{"account's token", token("", accA, policy("allow", all, "DNS Write")), dns, accA, zoneA, true},
		{"account's token stops at its account", token("", accA, policy("allow", all, "DNS Write")), dns, accB, zoneB, false},
		{
			"account's token has no user", token("", accA, policy("allow", model.Scope{Kind: "user", ID: "*"}, "User Details Read")),
			[]string{"User Details Read"},
			"", "", false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := f.mustIdentity(t, tt.c).Can(tt.groups, tt.account, tt.zone); got != tt.want {
				t.Errorf("Can = %v, want %v", got, tt.want)
			}
		})
	}
}

// TestBoundsAgreeWithCan: a list shows exactly what asking one by one allows.
func TestBoundsAgreeWithCan(t *testing.T) {
	t.Parallel()
	f := peopled()
	scopes := []model.Scope{
		{Kind: "zone", ID: "*"},
		{Kind: "zone", ID: string(zoneA)},
		{Kind: "zone", ID: string(zoneB)},
		{Kind: "zone", ID: "*", Account: accA},
		{Kind: "zone", ID: string(zoneB), Account: accA},
		{Kind: "account", ID: string(accB)},
		{Kind: "account", ID: string(accA)},
		{Kind: "account", ID: "*"},
		{Kind: "user", ID: string(owner)},
	}
	groups := []string{"Zone Read", "DNS Read", "Zone Write"}
	accGroups := []string{"Account Settings Read", "Account Settings Write"}
	check := func(id *auth.Identity, what string) {
		t.Helper()
		var q model.ZoneQuery
		if err := id.BoundZones(t.Context(), f, groups, &q); err != nil {
			t.Fatal(err)
		}
		if q.IDs == nil || q.Accounts == nil {
			t.Errorf("%s: open bounds %+v", what, q)
		}
		got, _, _ := f.Zones(t.Context(), q)
		for _, z := range f.zones {
			if saw, may := hasZone(got, z.ID), id.Can(groups, z.Account, z.ID); saw != may {
				t.Errorf("%s: zone %s listed %v, allowed %v", what, z.ID, saw, may)
			}
		}
		accs, err := id.BoundAccounts(t.Context(), f, accGroups)
		if err != nil {
			t.Fatal(err)
		}
		for _, acc := range []model.ID{accA, accB} {
			if saw, may := accs == nil || has(accs, acc), id.Can(accGroups, acc, ""); saw != may {
				t.Errorf("%s: account %s listed %v, allowed %v", what, acc, saw, may)
			}
		}
	}
	all := []string{"Zone Read", "Account Settings Read"}
	for _, who := range []model.Token{{User: admin}, {User: owner}, {User: guest}, {Account: accA}} {
		for i, s := range scopes {
			for j, d := range scopes {
				tok := who
				tok.Status = "active"
				tok.Policies = []model.Policy{policy("allow", s, all...)}
				if i != j {
					tok.Policies = append(tok.Policies, policy("deny", d, all...))
				}
				id := f.mustIdentity(t, auth.Credentials{Authorization: "Bearer " + f.addToken(tok)})
				check(id, testkit.Diff(model.Token{}, tok))
			}
		}
	}
	check(f.mustIdentity(t, auth.Credentials{Email: "root@example.com", Key: adminKey}), "admin's key")
	check(f.mustIdentity(t, auth.Credentials{Email: "owner@example.com", Key: ownerKey}), "owner's key")
}

func hasZone(zones []model.Zone, id model.ID) bool {
	for _, z := range zones {
		if z.ID == id {
			return true
		}
	}
	return false
}

func TestGroupIDsAreUniqueAndStable(t *testing.T) {
	t.Parallel()
	seen := map[model.ID]string{}
	for _, g := range auth.Groups() {
		if len(g.ID) != 32 || seen[g.ID] != "" {
			t.Errorf("group %s: id %s, also of %q", g.Name, g.ID, seen[g.ID])
		}
		seen[g.ID] = g.Name
		if got, ok := auth.GroupByID(g.ID); !ok || got != g {
			t.Errorf("GroupByID(%s) = %v", g.ID, got)
		}
	}
	if groupID("DNS Write") != "4755a26eedb94da69e1066d98aa820be" {
		t.Error("the id of DNS Write moved")
	}
}
