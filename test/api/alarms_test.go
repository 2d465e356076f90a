package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/alarms"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

// withAlarms has a server keep alarms.
func withAlarms(c *api.Config) { c.Alarms, c.Mails = c.Store.(*store.Store), true }

func (s *server) raise(zone, peer string, raised bool) {
	s.t.Helper()
	_, err := s.store.ChangeAlarms(s.t.Context(), []model.AlarmChange{{
		AlarmKey: model.AlarmKey{Account: s.account, Rule: model.AlarmSilent, Zone: model.ID(zone), Object: model.ID(peer)}, Raised: raised,
		Severity: model.AlarmCritical, ZoneName: "example.com", Subject: "one", Text: "one does not answer", At: s.clock.time(),
	}}, auth.NewID)
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestAlarms lists alarms, notes who looks after them and who is not to be told, and refuses what cannot be said of them.
func TestAlarms(t *testing.T) {
	t.Parallel()
	s := newServer(t, withAlarms)
	_, zone := s.zone("example.com")
	path := "/headwater/v1/accounts/" + string(s.account) + "/alarms"
	s.raise(zone, "a0000000000000000000000000000001", true)
	s.raise(zone, "a0000000000000000000000000000002", true)
	s.raise(zone, "a0000000000000000000000000000002", false)
	list := s.must("GET", path, nil)
	if got := list.list(t); len(got) != 1 || got[0]["state"] != "raised" || got[0]["peer_id"] != "a0000000000000000000000000000001" || list.Info.TotalCount != 1 {
		t.Fatalf("%v", got)
	}
	for query, want := range map[string]int{
		"?state=all": 2, "?state=cleared": 1, "?state=all&rule=secondary_ahead": 0, "?state=all&zone_id=" + zone: 2, "?state=all&per_page=1": 1,
		"?zone_id=f0000000000000000000000000000001": 0,
	} {
		if got := s.must("GET", path+query, nil).list(t); len(got) != want {
			t.Errorf("%s: %d, want %d", query, len(got), want)
		}
	}
	for _, bad := range []string{"?state=x", "?zone_id=x"} {
		s.fails(400, model.CodeRequestInvalid, "GET", path+bad, nil)
	}
	one := path + "/" + list.list(t)[0]["id"].(string)
	if got := s.must("GET", one, nil).object(t); got["severity"] != "critical" || got["acknowledged_on"] != nil {
		t.Errorf("%v", got)
	}
	got := s.must("PATCH", one, `{"acknowledged":true,"silenced_until":"2026-03-05T00:00:00Z"}`).object(t)
	if got["acknowledged_by"] != "admin@example.com" || got["silenced_by"] != "admin@example.com" || got["silenced_until"] != "2026-03-05T00:00:00.000000Z" {
		t.Errorf("%v", got)
	}
	if got = s.must("PATCH", one, `{"silenced_until":null}`).object(t); got["silenced_until"] != nil || got["silenced_by"] != "" || got["acknowledged_on"] == nil {
		t.Errorf("%v", got)
	}
	s.must("PATCH", one, `{"acknowledged":false}`)
	cleared := path + "/" + s.must("GET", path+"?state=cleared", nil).list(t)[0]["id"].(string)
	s.fails(400, model.CodeAlarmInvalid, "PATCH", cleared, `{"acknowledged":true}`)
	for _, bad := range []string{"soon", "2099-01-01T00:00:00Z"} {
		s.fails(400, model.CodeAlarmInvalid, "PATCH", one, map[string]any{"silenced_until": bad})
	}
	for _, m := range []string{"GET", "PATCH"} {
		s.fails(404, model.CodeAlarmNotFound, m, path+"/f0000000000000000000000000000001", map[string]any{})
	}
	newServer(t).fails(404, 10404, "GET", strings.Replace(path, string(s.account), string(s.account), 1), nil)
}

// TestAlarmRules changes rules member by member, back to what they are by default, and leaves them as they were where one of them is wrong.
func TestAlarmRules(t *testing.T) {
	t.Parallel()
	s := newServer(t, withAlarms)
	path := "/headwater/v1/accounts/" + string(s.account) + "/alarm_rules"
	rule := func(r *reply, name string) map[string]any {
		t.Helper()
		for _, v := range r.object(t)["rules"].([]any) {
			if m := v.(map[string]any); m["rule"] == name {
				return m
			}
		}
		t.Fatalf("no rule %s in %s", name, r.Raw)
		return nil
	}
	before := s.must("GET", path, nil)
	if got := rule(before, "secondary_behind"); got["after"] != num(300) || got["versions"] != num(0) || got["default"] != true || got["before"] != nil {
		t.Errorf("%v", got)
	}
	edit := `{"rules":[{"rule":"secondary_behind","after":120,"versions":5},{"rule":"secondary_expires","before":3600,"enabled":false,"severity":"warning","clear_after":0}]}`
	after := s.must("PATCH", path, edit)
	if got := rule(after, "secondary_behind"); got["after"] != num(120) || got["versions"] != num(5) || got["severity"] != "warning" || got["default"] != false {
		t.Errorf("%v", got)
	}
	if got := rule(s.must("GET", path, nil), "secondary_expires"); got["before"] != num(3600) || got["enabled"] != false || got["clear_after"] != num(0) {
		t.Errorf("%v", got)
	}
	for _, bad := range []string{
		`{"rule":"x"}`, `{"rule":"secondary_ahead","after":-1}`, `{"rule":"secondary_ahead","after":2592001}`, `{"rule":"secondary_ahead","severity":"loud"}`,
		`{"rule":"secondary_behind","versions":-1}`,
	} {
		s.fails(400, model.CodeAlarmInvalid, "PATCH", path, `{"rules":[{"rule":"secondary_silent","after":1},`+bad+`]}`)
	}
	if got := rule(s.must("GET", path, nil), "secondary_silent"); got["after"] != num(600) {
		t.Errorf("half of an edit was taken: %v", got)
	}
	s.must("PATCH", path, `{"rules":[{"rule":"secondary_behind","default":true},{"rule":"secondary_expires","default":true}]}`)
	if got := s.must("GET", path, nil); got.Raw != before.Raw {
		t.Errorf("%s\n%s", got.Raw, before.Raw)
	}
	if log := s.must("GET", s.auditPath(false)+always, nil); !strings.Contains(log.Raw, "alarm_rules") {
		t.Error("the audit log tells nothing of it")
	}
}

// TestWebhooks makes, tries, changes and removes webhooks; their secrets are shown once; mail goes to members alone.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	s := newServer(t, withAlarms)
	tenant := s.tenant("tenant")
	path := "/headwater/v1/accounts/" + string(tenant.id) + "/webhooks"
	made := s.must("POST", path, `{"kind":"https","name":"ops","url":"https://hooks.example.net/hw"}`, tenant.by).object(t)
	one := path + "/" + made["id"].(string)
	secret := made["secret"].(string)
	if !strings.HasPrefix(secret, "whsec_") || made["enabled"] != true || len(made["severities"].([]any)) != 2 {
		t.Errorf("%v", made)
	}
	for _, r := range []*reply{s.must("GET", one, nil, tenant.by), s.must("GET", path, nil, tenant.by), s.must("PATCH", one, `{"name":"night","severities":["critical"]}`, tenant.by)} {
		if strings.Contains(r.Raw, "whsec_") {
			t.Errorf("the secret is told again: %s", r.Raw)
		}
	}
	if got := s.must("PATCH", one, `{"rotate_secret":true}`, tenant.by).object(t); got["secret"] == secret || got["secret"] == nil || got["name"] != "night" || got["url"] != made["url"] {
		t.Errorf("%v", got)
	}
	s.must("POST", path, `{"kind":"email","name":"me","email":"TENANT@example.com"}`, tenant.by)
	s.must("POST", path, `{"kind":"email","name":"other","email":"someone@example.net"}`) // an administrator of the server
	for _, bad := range []string{
		`{}`, `{"kind":"sms"}`, `{"kind":"https"}`, `{"kind":"https","name":"x"}`, `{"kind":"https","name":"x","url":"http://a.example/"}`,
		`{"kind":"https","name":"x","url":"https://u:p@a.example/"}`, `{"kind":"https","name":"x","url":"https:///x"}`, `{"kind":"https","name":"x","url":"https://a.example/#f"}`,
		`{"kind":"https","name":"x","url":"https://a.example/","severities":["loud"]}`, `{"kind":"email","name":"x","email":"victim@example.net"}`,
		`{"kind":"email","name":"x","email":"a@b\r\nBcc: c@d"}`, `{"kind":"email","name":"x"}`,
	} {
		s.fails(400, model.CodeWebhook, "POST", path, bad, tenant.by)
	}
	s.fails(400, model.CodeWebhook, "PATCH", one, `{"kind":"email"}`, tenant.by)
	id := s.must("POST", one+"/test", nil, tenant.by).object(t)["delivery_id"]
	log := s.must("GET", one+"/deliveries", nil, tenant.by).list(t)
	if len(log) != 1 || log[0]["id"] != id || log[0]["type"] != "test" || log[0]["state"] != "waiting" || log[0]["status"] != nil {
		t.Errorf("%v", log)
	}
	if got := s.must("GET", one, nil, tenant.by).object(t)["last_delivery"]; got == nil {
		t.Error("the last delivery is not told")
	}
	for _, m := range []string{"GET", "PATCH", "DELETE"} {
		s.fails(404, model.CodeWebhookNotFound, m, path+"/f0000000000000000000000000000001", map[string]any{}, tenant.by)
	}
	s.fails(404, model.CodeWebhookNotFound, "POST", path+"/f0000000000000000000000000000001/test", nil, tenant.by)
	s.fails(404, model.CodeWebhookNotFound, "GET", path+"/f0000000000000000000000000000001/deliveries", nil, tenant.by)
	s.fails(http.StatusForbidden, 9109, "GET", "/headwater/v1/accounts/"+string(s.account)+"/webhooks", nil, tenant.by)
	s.must("DELETE", one, nil, tenant.by)
	for n := range 18 {
		s.must("POST", path, map[string]any{"kind": "https", "name": fmt.Sprint(n), "url": "https://a.example/"}, tenant.by)
	}
	s.fails(400, model.CodeWebhook, "POST", path, `{"kind":"https","name":"x","url":"https://a.example/"}`, tenant.by)
}

// TestPayload is what a webhook gets.
func TestPayload(t *testing.T) {
	t.Parallel()
	b, err := alarms.Payload(&model.Delivery{Account: "a", Alarms: []model.Alarm{{ID: "x", Raised: true, Text: "<>"}}})
	var got struct {
		Type string
		Data struct {
			Account string `json:"account_id"`
			Alarms  []struct{ ID, State, Text string }
		}
	}
	if err == nil {
		err = json.Unmarshal(b, &got)
	}
	if err != nil || got.Type != "alarms" || got.Data.Account != "a" || got.Data.Alarms[0].State != "raised" || got.Data.Alarms[0].Text != "<>" {
		t.Errorf("%s, %v", b, err)
	}
	if b, _ = alarms.Payload(&model.Delivery{Test: true}); !strings.Contains(string(b), `"type":"test"`) || !strings.Contains(string(b), `"alarms":[]`) {
		t.Errorf("%s", b)
	}
}
