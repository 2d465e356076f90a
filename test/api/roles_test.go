package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/rooms"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/events"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// zonePerson makes a member who has a role in a zone and nothing beside, and gives his key.
func (s *server) zonePerson(email, role string, zones ...string) (who as, member string) {
	s.t.Helper()
	member = s.must("POST", "/headwater/v1/accounts/"+string(s.account)+"/members", map[string]any{
		"email": email, "role": "by_zone", "status": "accepted", "zone_roles": []any{map[string]any{"role": role, "zones": zones}},
	}).id(s.t)
	return keyed(email, s.keyOf(email)), member
}

// Routes of a zone by what they are. One that is in none of these sets, or in two, fails the test: whoever adds one says here whose it is.
var (
	challengeRoutes = []string{
		"GET /client/v4/zones/{zone_id}", "GET /client/v4/zones/{zone_id}/dns_records",
		"GET /headwater/v1/accounts/{account_id}/zones/{zone_name}/dns_records",
		"POST /client/v4/zones/{zone_id}/dns_records", "GET /client/v4/zones/{zone_id}/dns_records/{dns_record_id}",
		"PATCH /client/v4/zones/{zone_id}/dns_records/{dns_record_id}", "PUT /client/v4/zones/{zone_id}/dns_records/{dns_record_id}",
		"DELETE /client/v4/zones/{zone_id}/dns_records/{dns_record_id}", "POST /client/v4/zones/{zone_id}/dns_records/batch",
	}
	editorRoutes = []string{
		"POST /client/v4/zones/{zone_id}/dns_records/import", "POST /headwater/v1/zones/{zone_id}/import", "POST /headwater/v1/zones/{zone_id}/revert",
		"POST /headwater/v1/zones/{zone_id}/drafts", "PATCH /headwater/v1/zones/{zone_id}/drafts/{draft_id}",
		"DELETE /headwater/v1/zones/{zone_id}/drafts/{draft_id}", "DELETE /headwater/v1/zones/{zone_id}/drafts/{draft_id}/parts/{part_id}",
		"POST /headwater/v1/zones/{zone_id}/drafts/{draft_id}/approve", "DELETE /headwater/v1/zones/{zone_id}/drafts/{draft_id}/approval",
		"POST /headwater/v1/zones/{zone_id}/drafts/{draft_id}/apply", "DELETE /headwater/v1/zones/{zone_id}/drafts/{draft_id}/schedule",
	}
	// What a question is asked by, though it is no GET, and what a GET is that shows secrets.
	readByPost = []string{"POST /headwater/v1/zones/{zone_id}/access_check"}
	secretGets = []string{"GET /headwater/v1/zones/{zone_id}/dnssec/keys/{key_id}/export"}
)

// mayByRole is which routes of a zone a role opens.
func mayByRole(role string, r *api.Route) bool {
	op := operation(r)
	reads := r.Method == http.MethodGet && !slices.Contains(secretGets, op) || slices.Contains(readByPost, op)
	switch role {
	case auth.ZoneAdministrator:
		return true
	case auth.ZoneEditor:
		return reads || slices.Contains(editorRoutes, op) || slices.Contains(challengeRoutes, op)
	case auth.ZoneReader:
		return reads
	}
	return slices.Contains(challengeRoutes, op)
}

// TestRolesByZone asks every route of the API by each role by zone: in the zone that it is for it opens what the role says and no more, in
// no other zone anything, and nothing of the account or the server.
func TestRolesByZone(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	cells := 0
	for _, role := range auth.ZoneRoles() {
		who, _ := m.zonePerson(role+"@example.com", role, m.zone)
		elsewhere, _ := m.zonePerson(role+"@example.net", role, m.foreign)
		everywhere, _ := m.zonePerson(role+"@example.org", role, "*")
		for _, r := range api.Routes(rooms.Routes()) {
			if r.Scope != api.ScopeZone && r.Scope != api.ScopeAccount && r.Scope != api.ScopeServer {
				continue
			}
			inside, outside := verdict{403, 9109}, forbidden(&r)
			if r.Scope == api.ScopeZone {
				inside = outside
				if mayByRole(role, &r) {
					inside = letIn
				}
			}
			if !deletesZone(&r) { // of a zone made for it, which nobody has a role in
				m.check(&r, role, who, inside)
			}
			m.check(&r, role+" of another zone", elsewhere, outside)
			m.check(&r, role+" of all zones", everywhere, inside)
			cells += 3
		}
	}
	t.Logf("%d cells", cells)
}

// TestZoneRolesInLists: lists show what one may see, and their counts tell of nothing else.
func TestZoneRolesInLists(t *testing.T) {
	t.Parallel()
	s := newServer(t, watched(&api.Secondaries{}, &model.Review{}))
	mine, id := s.zone("example.com")
	_, other := s.zone("example.net")
	s.must("DELETE", "/zones/"+func() string { _, id := s.zone("gone.example"); return id }(), nil)
	for i := range 3 {
		s.record(mine, fmt.Sprintf(`{"type":"A","name":"a%d","content":"192.0.2.1"}`, i))
	}
	txt := s.record(mine, `{"type":"TXT","name":"_acme-challenge.www","content":"\"one\""}`)
	s.record(mine, `{"type":"CNAME","name":"_acme-challenge.cname","content":"x.example.net"}`)
	s.record(mine, `{"type":"TXT","name":"x._acme-challenge","content":"\"no\""}`)
	s.record(mine, `{"type":"TXT","name":"_acme-challengeb","content":"\"no\""}`)
	for _, role := range auth.ZoneRoles() {
		who, _ := s.zonePerson(role+"@example.com", role, id)
		ids := func(path string) []string {
			r := s.must("GET", path, nil, who)
			list := pluck(r.list(t), "id")
			if n := len(list); r.Info.TotalCount != n || r.Info.Count != n {
				t.Errorf("%s, %s: %d objects and %v", role, path, n, r.Info)
			}
			return list
		}
		if d := cmp.Diff([]string{id}, ids("/zones")); d != "" {
			t.Errorf("%s: zones %s", role, d)
		}
		if d := cmp.Diff([]string{string(s.account)}, ids("/accounts")); d != "" {
			t.Errorf("%s: accounts %s", role, d)
		}
		if r := s.must("GET", "/zones?name=example.net", nil, who); len(r.list(t)) != 0 {
			t.Errorf("%s sees another zone: %s", role, r.Raw)
		}
		s.fails(403, 9109, "GET", "/zones/"+other, nil, who)
		if got := len(ids("/headwater/v1/accounts/" + string(s.account) + "/deleted_zones")); got != 0 {
			t.Errorf("%s sees %d deleted zones", role, got)
		}
		want := 7
		if role == auth.ZoneACME {
			want = 1
		}
		for query, most := range map[string]int{"": 7, "?type=TXT": 3, "?match=any&type=A&name.contains=x": 7, "?search=x": 7} {
			if got := ids(mine + "/dns_records" + query); role == auth.ZoneACME && (len(got) > want || slices.ContainsFunc(got, func(id string) bool { return id != txt })) || len(got) > most {
				t.Errorf("%s sees %d records by %q", role, len(got), query)
			} else if query == "" && len(got) != want {
				t.Errorf("%s sees %d records, want %d", role, len(got), want)
			}
		}
		standings := 1
		if role == auth.ZoneACME {
			standings = 0
		}
		if got := len(ids("/headwater/v1/zones")); got != standings {
			t.Errorf("%s sees the standing of %d zones", role, got)
		}
	}
}

// TestACMEChallenges: a member and a token that may answer challenges do so by every call, and reach no other record by any.
func TestACMEChallenges(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		t.Helper()
		mine, id := s.zone("example.com")
		person, _ := s.zonePerson("acme@example.com", auth.ZoneACME, id)
		value := s.must("POST", "/accounts/"+string(s.account)+"/tokens", tokenBody(map[string]any{
			"effect": "allow", "permission_groups": []any{map[string]any{"id": groupID(t, auth.GroupACME)}},
			"resources": map[string]any{"com.cloudflare.api.account.zone." + id: "*"},
		})).object(t)["value"].(string)
		foreign := map[string]string{
			"A":     s.record(mine, `{"type":"A","name":"www","content":"192.0.2.1"}`),
			"CNAME": s.record(mine, `{"type":"CNAME","name":"_acme-challenge.old","content":"x.example.net"}`),
			"TXT":   s.record(mine, `{"type":"TXT","name":"www","content":"\"v=spf1 -all\""}`),
		}
		records := mine + "/dns_records"
		for name, who := range map[string]as{"member": person, "token": bearer(value)} {
			one := s.must("POST", records, `{"type":"TXT","name":"_acme-challenge.`+name+`","content":"\"a\"","ttl":60}`, who).id(t)
			s.must("POST", records, `{"type":"TXT","name":"_acme-challenge","content":"\"`+name+`\""}`, who)
			s.must("PATCH", records+"/"+one, `{"content":"\"b\""}`, who)
			s.must("PUT", records+"/"+one, `{"type":"TXT","name":"_acme-challenge.`+name+`","content":"\"c\""}`, who)
			s.must("GET", records+"/"+one, nil, who)
			s.must("POST", records+"/batch", `{"posts":[{"type":"TXT","name":"_acme-challenge.b`+name+`","content":"\"d\""}],"deletes":[{"id":"`+one+`"}]}`, who)
			before := s.dumpRecords(mine)
			for _, body := range []string{
				`{"type":"A","name":"_acme-challenge.x","content":"192.0.2.1"}`, `{"type":"TXT","name":"x","content":"\"a\""}`,
				`{"type":"TXT","name":"a._acme-challenge","content":"\"a\""}`, `{"type":"CNAME","name":"_acme-challenge.y","content":"evil.example.net"}`,
				`{"type":"TXT","name":"_acme-challenge\\.x","content":"\"a\""}`, `{"type":"TXT","name":"@","content":"\"a\""}`,
				`{"type":"NS","name":"_acme-challenge.z","content":"ns.example.net"}`,
			} {
				s.fails(403, model.CodeOnlyChallenges, "POST", records, body, who)
				s.fails(403, model.CodeOnlyChallenges, "POST", records+"/batch", `{"posts":[{"type":"TXT","name":"_acme-challenge.ok","content":"\"a\""},`+body+`]}`, who)
			}
			for _, r := range foreign {
				s.fails(404, model.CodeRecordNotFound, "GET", records+"/"+r, nil, who)
				s.fails(404, model.CodeRecordNotFound, "PATCH", records+"/"+r, `{"type":"TXT","name":"_acme-challenge.q","content":"\"a\""}`, who)
				s.fails(404, model.CodeRecordNotFound, "PUT", records+"/"+r, `{"type":"TXT","name":"_acme-challenge.q","content":"\"a\""}`, who)
				s.fails(404, model.CodeRecordNotFound, "DELETE", records+"/"+r, nil, who)
				for _, list := range []string{`"deletes":[{"id":"` + r + `"}]`, `"patches":[{"id":"` + r + `","ttl":60}]`, `"puts":[{"id":"` + r + `","type":"TXT","name":"_acme-challenge.q","content":"\"a\""}]`} {
					s.fails(404, model.CodeRecordNotFound, "POST", records+"/batch", `{`+list+`}`, who)
				}
			}
			here := pluck(s.must("GET", records, nil, who).list(t), "id")[0]
			s.fails(403, model.CodeOnlyChallenges, "PATCH", records+"/"+here, `{"name":"www2"}`, who)
			s.fails(403, model.CodeOnlyChallenges, "PUT", records+"/"+here, `{"type":"A","name":"_acme-challenge.p","content":"192.0.2.1"}`, who)
			for header, v := range map[string]string{"Headwater-Dry-Run": "1", "Headwater-Draft": strings.Repeat("a", 32), "Headwater-Wait": "live"} {
				s.fails(400, model.CodeNoPlan, "PATCH", records+"/"+here, `{"ttl":60}`, who, func(h http.Header) { h.Set(header, v) })
			}
			if d := cmp.Diff(before, s.dumpRecords(mine)); d != "" {
				t.Error(d)
			}
		}
	})
}

func (s *server) dumpRecords(zone string) map[string]string {
	s.t.Helper()
	out := map[string]string{}
	for _, r := range s.must("GET", zone+"/dns_records?per_page=1000", nil).list(s.t) {
		out[r["id"].(string)] = fmt.Sprint(r["type"], r["name"], r["content"], r["ttl"])
	}
	return out
}

// TestEditorsDrafts: who may change records alone approves and applies drafts of records, and none that changes settings.
func TestEditorsDrafts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	zone, id := s.zone("example.com")
	who, _ := s.zonePerson("editor@example.com", auth.ZoneEditor, id)
	drafts := "/headwater/v1/zones/" + id + "/drafts"
	make := func() string { return s.must("POST", drafts, `{"name":"d"}`).id(t) }
	version := func(draft string) map[string]any {
		n, err := s.must("GET", drafts+"/"+draft, nil).object(t)["version"].(json.Number).Int64()
		if err != nil {
			t.Fatal(err)
		}
		return at(int(n))
	}
	settings := make()
	s.must("PATCH", zone+"/dns_settings", `{"ns_ttl":7200}`, into(settings))
	for _, verb := range []string{"/approve", "/apply"} {
		s.fails(403, 9109, "POST", drafts+"/"+settings+verb, version(settings), who)
	}
	s.fails(403, 9109, "PATCH", zone+"/dns_settings", `{"ns_ttl":7200}`, into(settings), who)
	records := make()
	s.must("POST", zone+"/dns_records", `{"type":"A","name":"a","content":"192.0.2.1"}`, into(records), who)
	s.must("POST", drafts+"/"+records+"/apply", version(records), who)
	// A revert brings settings back only by who may change them.
	serial := s.serial(id)
	s.must("PATCH", zone+"/dns_settings", `{"ns_ttl":7200}`)
	s.fails(403, 9109, "POST", "/headwater/v1/zones/"+id+"/revert", fmt.Sprintf(`{"serial":%d}`, serial), who)
}

// TestMembersRolesByZone: how they are given, read back in both forms, told in the audit log, and refused.
func TestMembersRolesByZone(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	_, id := s.zone("example.com")
	_, second := s.zone("example.net")
	members := "/headwater/v1/accounts/" + string(s.account) + "/members"
	_, member := s.zonePerson("ann@example.com", auth.ZoneEditor, second, id, id)
	zones := []any{id, second}
	slices.SortFunc(zones, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	roles := func() any { return pluckMember(t, s.must("GET", members, nil).list(t), member)["zone_roles"] }
	if d := cmp.Diff([]any{map[string]any{"role": "zone_editor", "zones": zones}}, roles()); d != "" {
		t.Error(d)
	}
	up := s.must("GET", "/accounts/"+string(s.account)+"/members/"+member, nil).object(t)
	policy := up["policies"].([]any)[0].(map[string]any)
	if got := policy["permission_groups"].([]any)[0].(map[string]any)["name"]; len(up["roles"].([]any)) != 1 || got != "Domain DNS" {
		t.Errorf("in the upstream's form: %v", up)
	}
	objects := policy["resource_groups"].([]any)[0].(map[string]any)["scope"].([]any)[0].(map[string]any)["objects"].([]any)
	if d := cmp.Diff(map[string]any{"key": "com.cloudflare.api.account.zone." + zones[0].(string)}, objects[0]); d != "" || len(objects) != 2 {
		t.Error(d, objects)
	}
	one := members + "/" + member
	s.must("PATCH", one, `{"role":"read_only"}`)
	if d := cmp.Diff([]any{map[string]any{"role": "zone_editor", "zones": zones}}, roles()); d != "" {
		t.Errorf("what was not sent is gone: %s", d)
	}
	s.must("PATCH", one, `{"role":"administrator"}`)
	if d := cmp.Diff([]any{}, roles()); d != "" {
		t.Errorf("an administrator: %s", d)
	}
	log := s.must("GET", "/accounts/"+string(s.account)+"/audit_logs", nil)
	if !strings.Contains(log.Raw, `"zone_roles":[{"role":"zone_editor"`) {
		t.Errorf("the audit log does not tell of roles by zone: %s", log.Raw)
	}
	for body, at := range map[string]string{
		`{"role":"by_zone","zone_roles":[]}`:                                                                   "/zone_roles",
		`{"role":"administrator","zone_roles":[{"role":"zone_reader","zones":["*"]}]}`:                         "/zone_roles",
		`{"role":"by_zone","zone_roles":[{"role":"king","zones":["*"]}]}`:                                      "/zone_roles/0/role",
		`{"role":"by_zone","zone_roles":[{"role":"zone_reader","zones":[]}]}`:                                  "/zone_roles/0/zones",
		`{"role":"by_zone","zone_roles":[{"role":"zone_reader","zones":["example.com"]}]}`:                     "/zone_roles/0/zones/0",
		`{"role":"by_zone","zone_roles":[{"role":"zone_reader","zones":["` + strings.Repeat("e", 32) + `"]}]}`: "/zone_roles",
	} {
		if r := s.fails(400, model.CodeZoneRole, "PATCH", one, body); !strings.Contains(r.Raw, `"`+at+`"`) {
			t.Errorf("%s: %s", body, r.Raw)
		}
	}
	s.fails(400, model.CodeMemberInvalid, "PATCH", one, `{"role":"owner"}`)
}

func pluckMember(t *testing.T, list []map[string]any, id string) map[string]any {
	t.Helper()
	at := slices.IndexFunc(list, func(m map[string]any) bool { return m["id"] == id })
	if at < 0 {
		t.Fatalf("no member %s", id)
	}
	return list[at]
}

// TestNobodyRaisesAnybody: nobody gives himself or others more than he has: not a member with roles by zone, by any call, and not a token that
// may change members, in zones or in all.
func TestNobodyRaisesAnybody(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	_, id := s.zone("example.com")
	_, other := s.zone("example.net")
	members := "/headwater/v1/accounts/" + string(s.account) + "/members"
	who, member := s.zonePerson("ann@example.com", auth.ZoneAdministrator, id)
	for _, body := range []string{`{"role":"administrator"}`, `{"zone_roles":[{"role":"zone_reader","zones":["` + other + `"]}]}`} {
		s.fails(403, 9109, "PATCH", members+"/"+member, body, who)
	}
	s.fails(403, 9109, "POST", members, `{"email":"x@example.com","role":"administrator"}`, who)
	// A token of his is bounded by what he is, whatever it says.
	value := s.must("POST", "/user/tokens", tokenBody(map[string]any{
		"effect": "allow", "permission_groups": []any{map[string]any{"id": groupID(t, "DNS Write")}, map[string]any{"id": groupID(t, "Account Settings Write")}},
		"resources": map[string]any{"com.cloudflare.api.account." + string(s.account): "*", "com.cloudflare.api.account.zone.*": "*"},
	}), who).object(t)["value"].(string)
	s.must("GET", "/zones/"+id+"/dns_records", nil, bearer(value))
	s.fails(403, 10000, "GET", "/zones/"+other+"/dns_records", nil, bearer(value))
	s.fails(403, 9109, "PATCH", members+"/"+member, `{"role":"administrator"}`, bearer(value))
	if got := pluck(s.must("GET", "/zones", nil, bearer(value)).list(t), "id"); !slices.Equal(got, []string{id}) {
		t.Errorf("the token of a member by zone sees the zones %v", got)
	}
	// One that changes members gives what it has itself: ACME challenges by DNS Write, and no reading of settings.
	giver := s.must("POST", "/accounts/"+string(s.account)+"/tokens", tokenBody(map[string]any{
		"effect": "allow", "permission_groups": []any{map[string]any{"id": groupID(t, "DNS Write")}, map[string]any{"id": groupID(t, "Account Settings Write")}},
		"resources": map[string]any{"com.cloudflare.api.account." + string(s.account): "*"},
	})).object(t)["value"].(string)
	invite := func(role, zone string) map[string]any {
		return map[string]any{"email": string(auth.NewID()) + "@example.com", "role": "by_zone", "zone_roles": []any{map[string]any{"role": role, "zones": []string{zone}}}}
	}
	s.must("POST", members, invite(auth.ZoneACME, id), bearer(giver))
	s.must("POST", members, invite(auth.ZoneACME, "*"), bearer(giver))
	for _, role := range []string{auth.ZoneAdministrator, auth.ZoneEditor, auth.ZoneReader} {
		s.fails(403, model.CodeTokenBeyond, "POST", members, invite(role, id), bearer(giver))
	}
	s.fails(403, model.CodeTokenBeyond, "PATCH", members+"/"+member, `{"zone_roles":[{"role":"zone_acme","zones":["`+id+`"]}]}`, bearer(giver))
}

// TestRolesTakenAwayHoldAtOnce: who loses his role in a zone hears of no event of it any more, and the next request is refused.
func TestRolesTakenAwayHoldAtOnce(t *testing.T) {
	t.Parallel()
	var hub *events.Hub
	s := newServer(t, withEvents(t, &hub))
	mine, id := s.zone("example.com")
	_, other := s.zone("example.net")
	who, member := s.zonePerson("ann@example.com", auth.ZoneReader, id)
	blind, acme := s.zonePerson("acme@example.com", auth.ZoneACME, id)
	still, _ := s.zonePerson("still@example.com", auth.ZoneACME, id)
	l, deaf, mute := s.listen("", who), s.listen("", blind), s.listen("", still)
	l.want("open")
	deaf.want("open")
	mute.want("open")
	var seq atomic.Uint64
	happens := func(zone string) {
		hub.Journal(&model.Entry{Seq: model.Seq(seq.Add(1)), Kind: model.EntryDelta, Account: s.account, Zone: model.ID(zone), Serial: 7, At: s.clock.time()})
	}
	happens(other)
	happens(id)
	l.want("zone", id) // and not the one before
	s.must("PATCH", "/headwater/v1/accounts/"+string(s.account)+"/members/"+member, `{"zone_roles":[{"role":"zone_reader","zones":["`+other+`"]}]}`)
	happens(id)
	happens(other)
	l.want("zone", other)
	s.fails(403, 10000, "GET", mine+"/dns_records", nil, who)
	s.must("PATCH", "/headwater/v1/accounts/"+string(s.account)+"/members/"+acme, `{"zone_roles":[{"role":"zone_reader","zones":["`+id+`"]}]}`)
	happens(id)
	// What has not been looked at yet is looked at with the rights of now, so that one before may come along: of this zone.
	for last := false; !last; {
		name, data := deaf.next()
		if name != "zone" || !strings.Contains(data, id) {
			t.Fatalf("%q %s", name, data)
		}
		last = strings.Contains(data, `"seq":5`)
	}
	hub.Close()
	if name, why := mute.next(); name != "" || why != io.EOF.Error() {
		t.Errorf("who may see nothing heard %q %s", name, why)
	}
}
