package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/rooms"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// estate is one of everything that has an id, in one account and one zone of it.
type estate struct {
	account, zone string
	ids           map[string]string // by their names in paths
	lists         []string          // where they are all shown
}

// estate makes one for the member of an account who has an e-mail address.
func (s *server) estate(account model.ID, email, zone string) *estate {
	s.t.Helper()
	who := keyed(email, s.keyOf(email))
	acc, own := "/accounts/"+string(account), "/headwater/v1/accounts/"+string(account)
	e := &estate{account: string(account), ids: map[string]string{}}
	e.zone = s.must("POST", "/zones", map[string]any{"name": zone, "account": map[string]any{"id": account}}, who).id(s.t)
	z, of := "/zones/"+e.zone, "/headwater/v1/zones/"+e.zone
	make := func(name, path string, body any, more ...as) string {
		e.ids[name] = s.must("POST", path, body, append(more, who)...).id(s.t)
		return e.ids[name]
	}
	make("dns_record_id", z+"/dns_records", `{"type":"A","name":"a","content":"192.0.2.1"}`)
	key := make("tsig_id", acc+"/secondary_dns/tsigs", map[string]any{"name": "k." + zone, "algo": "hmac-sha256."})
	make("peer_id", acc+"/secondary_dns/peers", map[string]any{"name": "p", "ip": "192.0.2.53"})
	make("acl_id", acc+"/secondary_dns/acls", map[string]any{"name": "a", "ip_range": "192.0.2.0/24"})
	make("webhook_id", own+"/webhooks", `{"kind":"https","name":"ops","url":"https://hooks.example.net/hw"}`)
	make("policy_id", of+"/update_policies", map[string]any{"tsig_id": key, "names": []any{map[string]any{"match": "self"}}})
	make("token_id", acc+"/tokens", tokenBody(s.policy("allow", "com.cloudflare.api.account.zone."+e.zone, "DNS Read")))
	make("draft_id", of+"/drafts", `{"name":"d"}`)
	s.must("POST", z+"/dns_records", `{"type":"A","name":"drafted","content":"192.0.2.1"}`, into(e.ids["draft_id"]), who)
	e.ids["part_id"] = s.must("GET", of+"/drafts/"+e.ids["draft_id"], nil, who).object(s.t)["parts"].([]any)[0].(map[string]any)["id"].(string)
	s.must("PATCH", z+"/dnssec", `{"status":"active"}`, who)
	e.ids["key_id"] = s.must("GET", of+"/dnssec", nil, who).object(s.t)["keys"].([]any)[0].(map[string]any)["id"].(string)
	e.ids["change"] = s.must("GET", of+"/history", nil, who).list(s.t)[0]["id"].(string)
	e.ids["member_id"], _ = s.addMember(account, "member@"+zone, auth.RoleReadOnly)
	gone := s.must("POST", "/zones", map[string]any{"name": "gone." + zone, "account": map[string]any{"id": account}}, who).id(s.t)
	s.must("DELETE", "/zones/"+gone, nil, who)
	e.ids["deleted zone"] = gone
	e.lists = []string{
		z, z + "/dns_records", z + "/dnssec", z + "/dns_settings", of + "/update_policies", of + "/drafts", of + "/drafts/" + e.ids["draft_id"], of + "/dnssec",
		acc + "/secondary_dns/tsigs", acc + "/secondary_dns/peers", acc + "/secondary_dns/acls", acc + "/tokens", own + "/webhooks", own + "/members", own + "/deleted_zones",
		own + "/tsig_rotations", own + "/peer_transports",
	}
	return e
}

// shows is everything of an estate.
func (e *estate) shows(s *server) map[string]any {
	s.t.Helper()
	out := map[string]any{}
	for _, path := range e.lists {
		var v any
		if err := json.Unmarshal(s.must("GET", path, nil).Result, &v); err != nil {
			s.t.Fatal(err)
		}
		out[path] = v
	}
	return out
}

// in fills a path with an account and a zone of one estate, and the objects of another.
func (e *estate) in(path string, objects *estate) (filled string, foreign bool) {
	if strings.Contains(path, "/deleted_zones/{zone_id}") {
		return strings.NewReplacer("{account_id}", e.account, "{zone_id}", objects.ids["deleted zone"]).Replace(path), true
	}
	filled = parameter.ReplaceAllStringFunc(path, func(p string) string {
		switch name := p[1 : len(p)-1]; {
		case name == "account_id":
			return e.account
		case name == "zone_id":
			return e.zone
		case objects.ids[name] != "":
			foreign = true
			return objects.ids[name]
		default:
			return p
		}
	})
	return filled, foreign
}

// bodies are what routes are asked with whose object's own JSON does not do.
var bodies = map[string]any{
	"/rotation":   `{"successor_id":null,"force":true}`,
	"/retire":     `{"force":true}`,
	"/transport":  `{"transport":"tls"}`,
	"/approve":    at(1),
	"/apply":      at(1),
	"/schedule":   at(1),
	"/catalog":    `{"enabled":true}`,
	"/confirm":    `{}`,
	"/undelete":   `{}`,
	"{draft_id}":  `{"name":"mine"}`,
	"{member_id}": `{"role":"administrator"}`,
}

// TestObjectsOfOthers asks every route that names an object, in a place where whoever asks may do everything, for the object of another place:
// of another account, and of another zone of the same. It is not there, whatever is done with it, and stays as it is.
func TestObjectsOfOthers(t *testing.T) {
	t.Parallel()
	s := newServer(t, watched(&api.Secondaries{}, &model.Review{}), withAlarms)
	s.addMember(s.account, ownerEmail, auth.RoleAdministrator)
	other := model.ID(s.must("POST", "/headwater/v1/accounts", `{"name":"Other"}`).id(t))
	s.addMember(other, tenantEmail, auth.RoleAdministrator)
	mine, beside, theirs := s.estate(s.account, ownerEmail, "example.com"), s.estate(s.account, ownerEmail, "example.net"), s.estate(other, tenantEmail, "example.org")
	was, near := theirs.shows(s), beside.shows(s)
	who := keyed(ownerEmail, s.keyOf(ownerEmail))
	asked := 0
	for _, r := range api.Routes(rooms.Routes()) {
		if r.Scope != api.ScopeZone && r.Scope != api.ScopeAccount {
			continue
		}
		for from, objects := range map[string]*estate{"another account": theirs, "another zone": beside} {
			path, foreign := mine.in(r.Path, objects)
			if !foreign || objects == beside && r.Scope != api.ScopeZone {
				continue
			}
			if strings.Contains(path, "{") {
				t.Errorf("%s: nothing stands for %s", operation(&r), path)
				continue
			}
			body := any(`{}`)
			if got := s.do("GET", objects.path(r.Path), nil); got.Status == http.StatusOK && got.Result != nil {
				body = string(got.Result)
			}
			for end, b := range bodies {
				if strings.HasSuffix(r.Path, end) {
					body = b
				}
			}
			if r.Method == http.MethodGet || r.Method == http.MethodDelete {
				body = nil
			}
			asked++
			if got := s.do(r.Method, strings.TrimPrefix(path, "/client/v4"), body, who); got.Status != http.StatusNotFound {
				t.Errorf("%s for that of %s: %d %s", operation(&r), from, got.Status, got.Raw)
			}
		}
	}
	// Part of a draft of the own zone that is another draft's.
	own := "/headwater/v1/zones/" + mine.zone + "/drafts/" + mine.ids["draft_id"]
	for _, objects := range []*estate{beside, theirs} {
		s.fails(404, model.CodeDraftMissing, "DELETE", own+"/parts/"+objects.ids["part_id"], nil, who)
	}
	if d := cmp.Diff(was, theirs.shows(s)); d != "" {
		t.Errorf("another account has changed: %s", d)
	}
	if d := cmp.Diff(near, beside.shows(s)); d != "" {
		t.Errorf("another zone has changed: %s", d)
	}
	t.Logf("%d questions", asked)
}

// path is where an object of the estate is.
func (e *estate) path(route string) string {
	path, _ := e.in(route, e)
	return strings.TrimPrefix(path, "/client/v4")
}

// TestNamesOfOthersInBodies: what a body or a header names is of the same account, and of the same zone where it is one's.
func TestNamesOfOthersInBodies(t *testing.T) {
	t.Parallel()
	s := newServer(t, withAlarms)
	s.addMember(s.account, ownerEmail, auth.RoleAdministrator)
	other := model.ID(s.must("POST", "/headwater/v1/accounts", `{"name":"Other"}`).id(t))
	s.addMember(other, tenantEmail, auth.RoleAdministrator)
	mine, beside, theirs := s.estate(s.account, ownerEmail, "example.com"), s.estate(s.account, ownerEmail, "example.net"), s.estate(other, tenantEmail, "example.org")
	was, before, near := theirs.shows(s), mine.shows(s), beside.shows(s)
	who := keyed(ownerEmail, s.keyOf(ownerEmail))
	z, of := "/zones/"+mine.zone, "/headwater/v1/zones/"+mine.zone
	acc, own := "/accounts/"+mine.account, "/headwater/v1/accounts/"+mine.account
	type question struct {
		method, path string
		body         any
		as           []as
	}
	var list []question
	ask := func(method, path string, body any, more ...as) {
		list = append(list, question{method, path, body, more})
	}
	key, peer := theirs.ids["tsig_id"], theirs.ids["peer_id"]
	ask("POST", acc+"/secondary_dns/peers", map[string]any{"name": "q", "ip": "192.0.2.54", "tsig_id": key})
	ask("PUT", acc+"/secondary_dns/peers/"+mine.ids["peer_id"], map[string]any{"name": "p", "ip": "192.0.2.53", "tsig_id": key})
	ask("PUT", own+"/tsigs/"+mine.ids["tsig_id"]+"/rotation", map[string]any{"successor_id": key})
	ask("POST", of+"/update_policies", map[string]any{"tsig_id": key, "names": []any{map[string]any{"match": "self"}}})
	ask("PUT", of+"/update_policies/"+mine.ids["policy_id"], map[string]any{"tsig_id": key, "names": []any{map[string]any{"match": "self"}}})
	ask("POST", z+"/secondary_dns/outgoing", map[string]any{"name": "example.com.", "peers": []any{peer}})
	for _, objects := range []*estate{beside, theirs} {
		record, draft := objects.ids["dns_record_id"], objects.ids["draft_id"]
		ask("POST", z+"/dns_records", `{"type":"A","name":"b","content":"192.0.2.1"}`, into(draft))
		ask("PATCH", z+"/dns_settings", `{"ns_ttl":7200}`, into(draft))
		ask("POST", of+"/revert", map[string]any{"change": objects.ids["change"]})
		for _, verb := range []string{"deletes", "patches", "puts"} {
			ask("POST", z+"/dns_records/batch", map[string]any{verb: []any{map[string]any{"id": record, "type": "A", "name": "a.example.com", "content": "192.0.2.9", "ttl": 60}}})
		}
	}
	ask("POST", own+"/members", map[string]any{"email": "x@example.com", "role": "by_zone", "zone_roles": []any{map[string]any{"role": auth.ZoneReader, "zones": []string{theirs.zone}}}})
	ask("POST", "/zones", map[string]any{"name": "mine.example", "account": map[string]any{"id": other}})
	for _, q := range list {
		got := s.do(q.method, q.path, q.body, append(slices.Clone(q.as), who)...)
		if got.Status < 400 || got.Status >= 500 || strings.Contains(got.Raw, "example.org") {
			t.Errorf("%s %s %v: %d %s", q.method, q.path, fmt.Sprint(q.body), got.Status, got.Raw)
		}
	}
	for name, e := range map[string]struct {
		of  *estate
		was map[string]any
	}{"the other account": {theirs, was}, "the own zone": {mine, before}, "the other zone": {beside, near}} {
		if d := cmp.Diff(e.was, e.of.shows(s)); d != "" {
			t.Errorf("%s has changed: %s", name, d)
		}
	}
}
