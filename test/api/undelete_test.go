package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// TestUndelete deletes a zone with everything, and brings it back: its id, records with theirs, settings, links, keys and history are what
// they were, and its serial is newer.
func TestUndelete(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	account, deleted := "/accounts/"+string(p.account), "/headwater/v1/accounts/"+string(p.account)+"/deleted_zones"
	peer := func(n int) string {
		return p.must("POST", account+"/secondary_dns/peers", fmt.Sprintf(`{"name":"p%d","ip":"192.0.2.%d"}`, n, n)).id(t)
	}
	stays, goes := peer(1), peer(2)
	p.must("POST", p.zone+"/secondary_dns/outgoing", map[string]any{"name": "example.com", "peers": []string{stays, goes}})
	p.must("PATCH", p.zone+"/dns_settings", `{"ns_ttl":300}`)
	p.must("PATCH", p.zone+"/dnssec", `{"status":"active"}`)
	p.put("www", "192.0.2.1")
	for i := range 5 {
		p.put(fmt.Sprint("h", i), "192.0.2.1")
	}
	contents, settings := p.contents(), p.must("GET", p.zone+"/dns_settings", nil).Raw
	ds := p.must("GET", p.zone+"/dnssec", nil).object(t)["ds"]
	history := len(p.must("GET", p.history+"/history", nil).list(t))
	serial := p.serial()
	other, _ := p.server.zone("other.example")
	p.must("DELETE", other, nil)
	if r := p.do("POST", deleted+"/"+p.id+"/undelete", `{}`); r.code() != model.CodeNotDeleted || r.Status != 404 {
		t.Errorf("a zone that is there: %s", r.Raw)
	}
	p.made("DELETE", p.zone, nil, note("by mistake"))
	if r := p.do("GET", p.zone, nil); r.Status != 404 {
		t.Errorf("a deleted zone: %s", r.Raw)
	}
	p.must("DELETE", account+"/secondary_dns/peers/"+goes, nil)

	list := p.must("GET", deleted, nil).list(t)
	if len(list) != 2 || list[0]["name"] != "example.com" || fmt.Sprintln(list[0]["records"], list[0]["peers"], list[0]["dnssec"], list[0]["note"]) != "6 2 active by mistake\n" ||
		list[0]["actor"].(map[string]any)["email"] != "admin@example.com" {
		t.Errorf("deleted zones: %v", list)
	}
	path := deleted + "/" + p.id + "/undelete"
	again, _ := p.server.zone("example.com")
	p.must("POST", again+"/dns_records", `{"type":"A","name":"new","content":"192.0.2.3"}`)
	for _, dry := range []bool{true, false} {
		if r := p.do("POST", path, map[string]any{"dry_run": dry}); r.code() != model.CodeZoneExists || r.Status != 409 {
			t.Errorf("where there is a zone of that name: %s", r.Raw)
		}
	}
	p.must("DELETE", again, nil)
	newest := p.must("GET", deleted, nil).list(t)[0]
	if r := p.made("POST", path, `{"dry_run":true}`); p.do("GET", p.zone, nil).Status != 404 || r.object(t)["name"] != "example.com" {
		t.Errorf("tried: %s", r.Raw)
	}
	back := p.made("POST", path, `{}`, note("of course"))
	if len(back.Messages) != 1 || back.Messages[0].Code != model.CodeLinkGone || !strings.Contains(back.Messages[0].Message, goes) {
		t.Errorf("messages: %v", back.Messages)
	}
	if back.object(t)["id"] != p.id || p.contents() != contents || p.must("GET", p.zone+"/dns_settings", nil).Raw != settings {
		t.Errorf("back: %s\n%s\nwant\n%s", back.Raw, p.contents(), contents)
	}
	if now := p.must("GET", p.zone+"/dnssec", nil).object(t)["ds"]; now != ds {
		t.Errorf("the DS record was %v and is %v", ds, now)
	}
	if now := p.serial(); now <= serial || int64(now) <= int64FromJSON(t, newest["serial"]) {
		t.Errorf("serial %d, then %v, and now %d", serial, newest["serial"], now)
	}
	links := p.must("GET", p.zone+"/secondary_dns/outgoing", nil).object(t)
	if fmt.Sprint(links["peers"]) != fmt.Sprintf("[%s]", stays) {
		t.Errorf("links: %v", links)
	}
	changes := p.must("GET", p.history+"/history", nil).list(t)
	if len(changes) != history+2 || changes[0]["what"] != "undelete" || changes[0]["note"] != "of course" || changes[1]["what"] != "delete" {
		t.Errorf("%d changes where there were %d, the last: %v", len(changes), history, changes[0])
	}
	// It lives: it changes, is reverted to what it was before it was deleted, and can be deleted again.
	p.put("after", "192.0.2.9")
	p.made("POST", p.history+"/revert", fmt.Sprintf(`{"serial":%d}`, serial))
	if p.contents() != contents {
		t.Errorf("reverted to before the deletion:\n%s", p.contents())
	}
	p.made("DELETE", p.zone, nil)
	p.made("POST", path, `{}`)
	p.made("DELETE", p.zone, nil)
	p.must("DELETE", deleted+"/"+p.id, nil)
	if r := p.do("POST", path, `{}`); r.code() != model.CodeNotDeleted {
		t.Errorf("forgotten: %s", r.Raw)
	}
	p.clock.pass(model.DeletedKept + time.Second)
	if list := p.must("GET", deleted, nil).list(t); len(list) != 0 {
		t.Errorf("after two weeks: %v", list)
	}
}

func int64FromJSON(t *testing.T, v any) (n int64) {
	t.Helper()
	if _, err := fmt.Sscan(fmt.Sprint(v), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestUndeletedDrafts: drafts come back with their zone. One that was to be applied at a time is not, while nobody has the zone and not afterwards
// either; it is open, and can be applied. Those of a zone that does not come back are gone.
func TestUndeletedDrafts(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	p.put("www", "192.0.2.1")
	drafts, deleted := p.history+"/drafts", "/headwater/v1/accounts/"+string(p.account)+"/deleted_zones/"+p.id
	open, due := p.must("POST", drafts, `{"name":"open"}`).id(t), p.must("POST", drafts, `{"name":"at a time"}`).id(t)
	for _, id := range []string{open, due} {
		p.made("POST", p.zone+"/dns_records", `{"type":"TXT","name":"`+id+`","content":"x"}`, into(id))
	}
	p.must("POST", drafts+"/"+due+"/apply", map[string]any{"version": 2, "at": p.clock.time().Add(time.Hour).Format(time.RFC3339)})
	p.must("DELETE", p.zone, nil)
	p.clock.pass(2 * time.Hour)
	if list, err := p.store.DueDrafts(t.Context(), p.clock.time(), model.DraftPlace{}, 10); err != nil || len(list) != 0 {
		t.Errorf("due of a deleted zone: %v, %v", list, err)
	}
	p.must("POST", deleted+"/undelete", `{}`)
	states := map[string]any{}
	for _, d := range p.must("GET", drafts, nil).list(t) {
		states[d["id"].(string)] = d["state"]
	}
	if len(states) != 2 || states[open] != "open" || states[due] != "open" {
		t.Errorf("drafts are %v", states)
	}
	p.must("POST", drafts+"/"+due+"/apply", map[string]any{"version": p.must("GET", drafts+"/"+due, nil).object(t)["version"]})
	if c := p.contents(); !strings.Contains(c, due) || strings.Contains(c, open) {
		t.Errorf("applied: %s", c)
	}
	p.must("DELETE", p.zone, nil)
	p.must("DELETE", deleted, nil)
	if list, err := p.store.Drafts(t.Context(), model.ID(p.id)); err != nil || len(list) != 0 {
		t.Errorf("of a zone that does not come back: %v, %v", list, err)
	}
}
