package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestUpdatePolicies goes through the life of a policy, and of the key that it names.
func TestUpdatePolicies(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *api.Config) {
		c.KeyUses = func(context.Context, model.ID, []model.ID, wire.Name, wire.Name) ([]api.KeyUse, error) {
			return nil, nil
		}
	})
	key, next := s.tsig("one."), s.tsig("two.")
	_, id := s.zone("updates.example")
	at := "/headwater/v1/zones/" + id + "/update_policies"
	if got := string(s.must("GET", at, nil).Result); got != "[]" {
		t.Errorf("a new zone has %s", got)
	}
	body := `{"tsig_id":"` + key + `","names":[{"match":"wildcard","name":"_acme-challenge.*"},{"match":"subtree","name":"@"},{"match":"self"}],"types":["TXT","TYPE65280"],"comment":"one"}`
	var made struct {
		ID    string
		Names []struct{ Match, Name string }
		Types []string
		Key   string `json:"tsig_name"`
	}
	if err := json.Unmarshal(s.must("POST", at, body).Result, &made); err != nil {
		t.Fatal(err)
	}
	if made.Key != "one." || made.Names[1].Name != "updates.example" || strings.Join(made.Types, " ") != "TXT TYPE65280" {
		t.Errorf("%+v", made)
	}
	one := at + "/" + made.ID
	if got := string(s.must("GET", one, nil).Result); !strings.Contains(got, `"comment":"one"`) || strings.Contains(got, "secret") {
		t.Error(got)
	}
	got := string(s.must("PUT", one, `{"tsig_id":"`+key+`","names":[{"match":"exact","name":"WWW.updates.example."}],"types":null,"types_except":["MX"]}`).Result)
	if !strings.Contains(got, `"types":null,"types_except":["MX"]`) || !strings.Contains(got, `"name":"www.updates.example"`) || !strings.Contains(got, made.ID) {
		t.Error(got)
	}
	if got := s.fails(400, model.CodeTSIGInUse, "DELETE", s.secondaryDNS()+"/tsigs/"+key, nil); !strings.Contains(got.Errors[0].Message, "updates.example") {
		t.Errorf("%+v", got.Errors)
	}
	rotation := "/headwater/v1/accounts/" + string(s.account) + "/tsigs/" + key + "/rotation"
	s.must("PUT", rotation, `{"successor_id":"`+next+`"}`)
	s.must("POST", rotation+"/retire", `{}`)
	if got := string(s.must("GET", one, nil).Result); !strings.Contains(got, `"tsig_name":"two."`) {
		t.Errorf("after its key was retired the policy is %s", got)
	}
	s.must("DELETE", one, nil)
	s.fails(404, model.CodeUpdateMissing, "GET", one, nil)
	s.fails(404, model.CodeUpdateMissing, "DELETE", one, nil)
	s.fails(404, model.CodeUpdateMissing, "PUT", one, `{"tsig_id":"`+next+`","names":[{"match":"self"}]}`)
	s.must("DELETE", s.secondaryDNS()+"/tsigs/"+next, nil)
	log := string(s.must("GET", "/accounts/"+string(s.account)+"/logs/audit?since=2020-01-01T00:00:00Z&before=2099-01-01T00:00:00Z", nil).Result)
	for _, want := range []string{`"type":"zone.update_policy"`, `"names":"wildcard _acme-challenge.*, subtree updates.example, self"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the audit log has no %s", want)
		}
	}
}

// TestUpdatePolicyIsWrong: what cannot be meant is refused, and says where.
func TestUpdatePolicyIsWrong(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	key := s.tsig("one.")
	_, id := s.zone("updates.example")
	at := "/headwater/v1/zones/" + id + "/update_policies"
	long := strings.Repeat("x", 101)
	for _, c := range []struct {
		code          int
		pointer, body string
	}{
		{model.CodeUpdateTSIG, "/tsig_id", `{"tsig_id":"nobody","names":[{"match":"self"}]}`},
		{model.CodeUpdateTSIG, "/tsig_id", `{"tsig_id":"00000000000000000000000000000000","names":[{"match":"self"}]}`},
		{model.CodeUpdateNames, "/names", `{"tsig_id":"` + key + `","names":[]}`},
		{model.CodeUpdateNames, "/names/1/name", `{"tsig_id":"` + key + `","names":[{"match":"self"},{"match":"exact","name":"other.example"}]}`},
		{model.CodeUpdateNames, "/names/0/name", `{"tsig_id":"` + key + `","names":[{"match":"exact","name":"a..b"}]}`},
		{model.CodeUpdateNames, "/names/0/name", `{"tsig_id":"` + key + `","names":[{"match":"self","name":"a.updates.example"}]}`},
		{model.CodeUpdateNames, "/names/0/match", `{"tsig_id":"` + key + `","names":[{"match":"regex","name":"a.updates.example"}]}`},
		{model.CodeUpdateNames, "/names/0/name", `{"tsig_id":"` + key + `","names":[{"match":"wildcard","name":"a.updates.example"}]}`},
		{model.CodeUpdateNames, "/names/0/name", `{"tsig_id":"` + key + `","names":[{"match":"wildcard","name":"*.a.*"}]}`},
		{model.CodeUpdateNames, "/names/0/name", `{"tsig_id":"` + key + `","names":[{"match":"wildcard","name":"*.other.example"}]}`},
		{model.CodeUpdateTypes, "/types", `{"tsig_id":"` + key + `","names":[{"match":"self"}],"types":[]}`},
		{model.CodeUpdateTypes, "/types/1", `{"tsig_id":"` + key + `","names":[{"match":"self"}],"types":["A","NONSENSE"]}`},
		{model.CodeUpdateTypes, "/types/0", `{"tsig_id":"` + key + `","names":[{"match":"self"}],"types":["NSEC"]}`},
		{model.CodeUpdateTypes, "/types/1", `{"tsig_id":"` + key + `","names":[{"match":"self"}],"types":["A","A"]}`},
		{model.CodeUpdateTypes, "/types_except", `{"tsig_id":"` + key + `","names":[{"match":"self"}],"types":["A"],"types_except":["MX"]}`},
		{model.CodeUpdateComment, "/comment", `{"tsig_id":"` + key + `","names":[{"match":"self"}],"comment":"` + long + `"}`},
	} {
		if got := s.fails(400, c.code, "POST", at, c.body); got.Errors[0].Source.Pointer != c.pointer {
			t.Errorf("%s: points at %q", c.body, got.Errors[0].Source.Pointer)
		}
	}
	for range 64 {
		s.must("POST", at, `{"tsig_id":"`+key+`","names":[{"match":"self"}]}`)
	}
	s.fails(400, model.CodeUpdateMost, "POST", at, `{"tsig_id":"`+key+`","names":[{"match":"self"}]}`)
}

// TestTwoEditsOfAPolicy: of two who change a policy that they both saw, the second is told what it is now; what each sends alone, both have.
// What is done to policies stands in the zone's history, and each change can be taken back: a policy that was deleted comes back.
func TestTwoEditsOfAPolicy(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	ifMatch := func(v string) as { return func(h http.Header) { h.Set("If-Match", v) } }
	key, other := p.tsig("one."), p.tsig("two.")
	at := p.history + "/update_policies"
	type policy struct {
		ID       string
		TSIG     string `json:"tsig_id"`
		Types    []string
		Except   []string `json:"types_except"`
		Comment  string
		Modified string `json:"modified_on"`
	}
	read := func(r *reply) (out policy) {
		t.Helper()
		if err := json.Unmarshal(r.Result, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	made := read(p.made("POST", at, `{"tsig_id":"`+key+`","names":[{"match":"subtree","name":"@"}],"types":["TXT"],"comment":"one"}`))
	one := at + "/" + made.ID
	p.made("PATCH", one, `{"types":["TXT","A"]}`, ifMatch(`"`+made.Modified+`"`))
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		var body any = `{"tsig_id":"` + key + `","names":[{"match":"self"}]}`
		if method == "DELETE" {
			body = nil
		}
		got := p.fails(http.StatusPreconditionFailed, model.CodeUpdateChanged, method, one, body, ifMatch(`"`+made.Modified+`"`))
		if !strings.Contains(got.Errors[0].Message, "types TXT, A") {
			t.Errorf("%s: %s", method, got.Raw)
		}
	}
	now := read(p.made("PATCH", one, `{"comment":"two"}`, ifMatch("*")))
	if strings.Join(now.Types, " ") != "TXT A" || now.Comment != "two" || now.TSIG != key {
		t.Errorf("%+v", now)
	}
	now = read(p.made("PATCH", one, `{"tsig_id":"`+other+`","types":null,"types_except":["MX"]}`, ifMatch(`"`+now.Modified+`"`)))
	if now.Types != nil || strings.Join(now.Except, " ") != "MX" || now.TSIG != other {
		t.Errorf("%+v", now)
	}
	p.fails(400, model.CodeUpdateNames, "PATCH", one, `{"names":[]}`)
	p.fails(400, model.CodeUpdateTSIG, "PATCH", one, `{"tsig_id":"nobody"}`)
	p.made("DELETE", one, nil, ifMatch(`"`+now.Modified+`"`))

	list := p.must("GET", p.history+"/history", nil).list(t)
	if len(list) < 5 {
		t.Fatalf("%d changes", len(list))
	}
	for i, c := range list[:5] {
		if c["what"] != "update_policy" || c["undo"] != "yes" || !strings.Contains(fmt.Sprint(c["first"]), "names subtree example.com") {
			t.Errorf("change %d: %v", i, c)
		}
	}
	whole := p.must("GET", p.history+"/history/"+list[1]["id"].(string), nil).object(t)
	o := whole["objects"].([]any)[0].(map[string]any)
	if o["action"] != "update" || o["before"].(map[string]any)["types"] != "TXT, A" || o["after"].(map[string]any)["types_except"] != "MX" {
		t.Errorf("%v", o)
	}
	revert := func(i int, dry bool) map[string]any {
		t.Helper()
		return p.made("POST", p.history+"/revert", map[string]any{"change": list[i]["id"], "dry_run": dry}).object(t)
	}
	// An edit of what is gone clashes and names the policy; the deletion comes back first.
	if got := p.fails(409, model.CodeUndoSetting, "POST", p.history+"/revert", map[string]any{"change": list[1]["id"]}); !strings.Contains(got.Raw, "/update_policies/"+made.ID) {
		t.Error(got.Raw)
	}
	if tried := revert(0, true); fmt.Sprint(tried["update_policies"].([]any)[0].(map[string]any)["action"]) != "create" {
		t.Errorf("%v", tried)
	}
	p.fails(404, model.CodeUpdateMissing, "GET", one, nil)
	records := ""
	for _, g := range auth.Groups() {
		if g.Name == auth.GroupRecords {
			records = string(g.ID)
		}
	}
	few := p.must("POST", "/accounts/"+string(p.account)+"/tokens", map[string]any{"name": "few", "policies": []any{map[string]any{
		"effect": "allow", "resources": map[string]any{"com.cloudflare.api.account.zone." + p.id: "*"}, "permission_groups": []any{map[string]any{"id": records}},
	}}}).object(t)["value"].(string)
	if got := p.do("POST", p.history+"/revert", map[string]any{"change": list[0]["id"]}, bearer(few)); got.Status != http.StatusForbidden {
		t.Errorf("who may change records alone lets a key in: %s", got.Raw)
	}
	revert(0, false)
	if now := read(p.must("GET", one, nil)); strings.Join(now.Except, " ") != "MX" || now.TSIG != other || now.Comment != "two" {
		t.Errorf("it came back as %+v", now)
	}
	revert(1, false)
	if now := read(p.must("GET", one, nil)); strings.Join(now.Types, " ") != "TXT A" || now.TSIG != key {
		t.Errorf("it went back to %+v", now)
	}
	if c := p.must("GET", p.history+"/history", nil).list(t)[0]; c["what"] != "revert" || c["undo"] != "yes" {
		t.Errorf("%v", c)
	}
	// Where the key is gone meanwhile, it cannot come back.
	p.made("DELETE", one, nil)
	deleted := p.must("GET", p.history+"/history", nil).list(t)[0]["id"]
	p.made("DELETE", p.secondaryDNS()+"/tsigs/"+key, nil)
	if got := p.fails(409, model.CodeUpdateTSIG, "POST", p.history+"/revert", map[string]any{"change": deleted}); !strings.Contains(got.Raw, "/update_policies/"+made.ID) {
		t.Error(got.Raw)
	}
}
