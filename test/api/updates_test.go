package api_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/api"
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
