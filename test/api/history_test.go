package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// past is a zone whose clock goes on with each call.
type past struct {
	*server

	t                 *testing.T
	zone, id, history string
}

func newPast(t *testing.T, opts ...option) *past {
	t.Helper()
	p := &past{server: newServer(t, opts...), t: t}
	p.zone, p.id = p.server.zone("example.com")
	p.history = "/headwater/v1/zones/" + p.id
	return p
}

// made makes a call a second later.
func (p *past) made(method, path string, body any, headers ...as) *reply {
	p.t.Helper()
	p.clock.pass(time.Second)
	r := p.do(method, path, body, headers...)
	if !r.Success {
		p.t.Fatalf("%s %s: %s", method, path, r.Raw)
	}
	return r
}

func (p *past) put(name, content string) string {
	p.t.Helper()
	return p.made("POST", p.zone+"/dns_records", map[string]any{"type": "A", "name": name, "content": content}).id(p.t)
}

func (p *past) imports(file string) {
	p.t.Helper()
	p.clock.pass(time.Second)
	if r := p.importFile(p.zone+"/dns_records/import", "file", file); !r.Success {
		p.t.Fatal(r.Raw)
	}
}

func (p *past) serial() uint32 {
	p.t.Helper()
	z, err := p.store.Zone(p.t.Context(), model.ID(p.id))
	if err != nil {
		p.t.Fatal(err)
	}
	return z.Serial
}

func (p *past) contents() string {
	p.t.Helper()
	var out []string
	for _, r := range p.must("GET", p.zone+"/dns_records?order=name&per_page=1000", nil).list(p.t) {
		out = append(out, fmt.Sprint(r["id"], r["name"], r["content"]))
	}
	return strings.Join(out, "\n")
}

func note(s string) as { return func(h http.Header) { h.Set("Headwater-Note", s) } }

// TestHistory follows a zone over the API: who changed what and why, differences, files of the past, and the way back.
func TestHistory(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	www := p.put("www", "192.0.2.1")
	first, was := p.serial(), p.contents()
	p.made("PATCH", p.zone+"/dns_records/"+www, `{"content":"192.0.2.2"}`, note("UTF-8''f%C3%BCr%20morgen"))
	p.made("DELETE", p.zone+"/dns_records/"+www, nil)
	p.put("other", "192.0.2.9")
	p.made("PATCH", p.zone+"/dns_settings", `{"ns_ttl":300}`)
	p.imports("a 300 IN A 192.0.2.3\nb 300 IN A 192.0.2.4\n")
	p.made("POST", p.history+"/serial", fmt.Sprintf(`{"at_least":%d}`, p.serial()+100))
	if r := p.do("PATCH", p.zone+"/dns_settings", `{"ns_ttl":400}`, note(strings.Repeat("x", 501))); r.code() != model.CodeNote {
		t.Errorf("a note that is too long: %s", r.Raw)
	}

	list := p.must("GET", p.history+"/history", nil).list(t)
	var kinds []string
	for _, c := range list {
		kinds = append(kinds, fmt.Sprint(c["what"]))
	}
	if got := strings.Join(kinds, " "); got != "serial import settings records records records records create" {
		t.Errorf("changes: %s", got)
	}
	edit := list[5]
	if edit["note"] != "für morgen" || fmt.Sprint(edit["first"]) != "[A www.example.com 192.0.2.1]" || edit["undo"] != "yes" {
		t.Errorf("the edit: %v", edit)
	}
	if actor := edit["actor"].(map[string]any); actor["email"] != "admin@example.com" || actor["token_id"] == "" || actor["ip"] != "127.0.0.1" {
		t.Errorf("who: %v", actor)
	}
	for i := 1; i < len(list); i++ {
		if fmt.Sprint(list[i]["to_serial"]) != fmt.Sprint(list[i-1]["from_serial"]) {
			t.Errorf("change %d led to %v, the next began at %v", i, list[i]["to_serial"], list[i-1]["from_serial"])
		}
	}
	// Page by page it is the same.
	var paged []string
	for cursor := ""; ; {
		r := p.must("GET", p.history+"/history?limit=3&cursor="+cursor, nil)
		for _, c := range r.list(t) {
			paged = append(paged, fmt.Sprint(c["what"]))
		}
		var info struct {
			Info struct {
				Cursors struct{ After string } `json:"cursors"`
			} `json:"result_info"`
		}
		if err := json.Unmarshal([]byte(r.Raw), &info); err != nil {
			t.Fatal(err)
		}
		if cursor = info.Info.Cursors.After; cursor == "" {
			break
		}
	}
	if strings.Join(paged, " ") != strings.Join(kinds, " ") {
		t.Errorf("by pages: %v", paged)
	}
	whole := p.must("GET", p.history+"/history/"+fmt.Sprint(edit["id"]), nil).object(t)
	if c := whole["changes"].([]any)[0].(map[string]any); c["before"].(map[string]any)["content"] != "192.0.2.1" || c["after"].(map[string]any)["content"] != "192.0.2.2" {
		t.Errorf("the edit in full: %v", whole)
	}

	d := p.must("GET", fmt.Sprintf("%s/diff?from=%d", p.history, first), nil).object(t)
	if got := fmt.Sprint(d["transfer"].(map[string]any)["added"]); !strings.Contains(got, "a.example.com. 300 IN A 192.0.2.3") || strings.Contains(got, "www") {
		t.Errorf("the difference: %v", d)
	}
	if got := fmt.Sprint(d["settings"]); got != "[map[after:300 before:86400 setting:ns_ttl]]" {
		t.Errorf("settings: %s", got)
	}
	file := p.do("GET", fmt.Sprintf("%s/at/%d", p.history, first), nil)
	if !strings.Contains(file.Raw, "www.example.com.\t") && !strings.Contains(file.Raw, "www.example.com. ") || strings.Contains(file.Raw, "192.0.2.3") || !strings.Contains(file.Raw, fmt.Sprint(" ", first, " ")) {
		t.Errorf("the file of then:\n%s", file.Raw)
	}

	before := p.serial()
	tried := p.made("POST", p.history+"/revert", fmt.Sprintf(`{"serial":%d,"dry_run":true}`, first)).object(t)
	if p.serial() != before || tried["change"] != "" || fmt.Sprint(tried["to_serial"]) != fmt.Sprint(before+1) {
		t.Errorf("tried: %v", tried)
	}
	done := p.made("POST", p.history+"/revert", fmt.Sprintf(`{"serial":%d}`, first), note("back")).object(t)
	if p.contents() != was || p.serial() != before+1 || fmt.Sprint(done["settings"]) != "[map[after:86400 before:300 setting:ns_ttl]]" {
		t.Errorf("reverted to\n%s\nnot\n%s: %v", p.contents(), was, done)
	}
	if again := p.made("POST", p.history+"/revert", fmt.Sprintf(`{"serial":%d}`, first)).object(t); again["change"] != "" || p.serial() != before+1 {
		t.Errorf("reverted twice: %v", again)
	}
	top := p.must("GET", p.history+"/history?limit=1", nil).list(t)[0]
	if top["id"] != done["change"] || top["what"] != "revert" || top["note"] != "back" || fmt.Sprint(top["reverts"]) != fmt.Sprintf("map[serial:%d]", first) {
		t.Errorf("the revert in the history: %v", top)
	}
	// The revert is a change like others, and can be taken back itself.
	p.made("POST", p.history+"/revert", map[string]any{"change": done["change"]})
	if got := p.contents(); !strings.Contains(got, "192.0.2.3") || strings.Contains(got, "www") {
		t.Errorf("the revert undone: %s", got)
	}
}

// TestUndoNames: what stands in the way of taking a change back is named, record by record and setting by setting, and nothing is changed.
func TestUndoNames(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	newest := func() string {
		t.Helper()
		return fmt.Sprint(p.must("GET", p.history+"/history?limit=1", nil).list(t)[0]["id"])
	}
	www := p.put("www", "192.0.2.1")
	add := newest()
	p.made("PATCH", p.zone+"/dns_records/"+www, `{"content":"192.0.2.2"}`)
	edit := newest()
	p.made("PATCH", p.zone+"/dns_settings", `{"ns_ttl":300}`)
	setting := newest()
	p.made("PATCH", p.zone+"/dns_settings", `{"ns_ttl":400}`)
	p.imports("a 300 IN A 192.0.2.3\nb 300 IN A 192.0.2.4\n")
	imported := newest()
	for _, r := range p.must("GET", p.zone+"/dns_records?name=a.example.com", nil).list(t) {
		p.made("DELETE", p.zone+"/dns_records/"+fmt.Sprint(r["id"]), nil)
	}
	other := p.put("other", "192.0.2.7")
	p.made("DELETE", p.zone+"/dns_records/"+other, nil)
	gone := newest()
	p.made("POST", p.zone+"/dns_records", `{"type":"CNAME","name":"other","content":"www.example.com"}`)
	serial, was := p.serial(), p.contents()
	for _, tt := range []struct {
		body    map[string]any
		status  int
		code    int
		pointer string
		says    string
	}{
		{map[string]any{"change": add}, 409, model.CodeUndoRecord, "/records/" + www, "A www.example.com 192.0.2.1 has been changed since by the change " + edit},
		{map[string]any{"change": setting}, 409, model.CodeUndoSetting, "/settings/ns_ttl", "ns_ttl has been changed since"},
		{map[string]any{"change": imported}, 409, model.CodeUndoRecord, "", "A a.example.com 192.0.2.3 has been removed since"},
		{map[string]any{"change": gone}, 409, model.CodeAddressConflict, "/records/" + other, "A CNAME record with that host already exists"},
		{map[string]any{"change": "1_00000000000000000000000000000000"}, 404, model.CodeNoChange, "", "no such change"},
		{map[string]any{"change": "x"}, 404, model.CodeNoChange, "", "no such change"},
		{map[string]any{"serial": serial + 1}, 404, model.CodeNoVersion, "", "the zone is at"},
		{map[string]any{"serial": 1}, 404, model.CodeNoVersion, "", "never had the serial 1"},
		{map[string]any{"time": "2001-01-01T00:00:00Z"}, 404, model.CodeNoVersion, "", "was not there"},
		{map[string]any{"time": "yesterday"}, 400, model.CodeHistoryQuery, "/time", "time must be"},
		{map[string]any{}, 400, model.CodeHistoryQuery, "", "Say one of"},
		{map[string]any{"serial": 1, "time": "2001-01-01T00:00:00Z"}, 400, model.CodeHistoryQuery, "", "Say one of"},
	} {
		r := p.do("POST", p.history+"/revert", tt.body)
		if r.Status != tt.status || r.code() != tt.code || !strings.Contains(r.Errors[0].Message, tt.says) || tt.pointer != "" && r.Errors[0].Source.Pointer != tt.pointer {
			t.Errorf("%v: status %d %s", tt.body, r.Status, r.Raw)
		}
	}
	if p.serial() != serial || p.contents() != was {
		t.Error("a refused revert has changed something")
	}
	create := p.must("GET", p.history+"/history", nil).list(t)
	if r := p.do("POST", p.history+"/revert", map[string]any{"change": create[len(create)-1]["id"]}); r.code() != model.CodeNothingToUndo {
		t.Errorf("undoing the creation: %s", r.Raw)
	}
	for path, code := range map[string]int{
		"/history?cursor=x": model.CodeHistoryQuery, "/history?since=x": model.CodeHistoryQuery, "/history?before=x": model.CodeHistoryQuery,
		"/history?limit=0": model.CodeHistoryQuery, "/history/x": model.CodeNoChange, "/diff?from=x": model.CodeHistoryQuery, "/diff?from=1&to=x": model.CodeHistoryQuery,
		"/diff?from=1": model.CodeNoVersion, "/at/1": model.CodeNoVersion, "/at/x": model.CodeHistoryQuery,
	} {
		if r := p.do("GET", p.history+path, nil); r.code() != code {
			t.Errorf("%s: %s", path, r.Raw)
		}
	}
}

// TestHistoryDays: what is older than the account keeps is not told any more.
func TestHistoryDays(t *testing.T) {
	t.Parallel()
	p := newPast(t)
	days := "/headwater/v1/accounts/" + string(p.account) + "/history"
	if got := p.must("GET", days, nil).object(t)["days"]; fmt.Sprint(got) != "90" {
		t.Errorf("%v days", got)
	}
	p.put("www", "192.0.2.1")
	early := p.serial()
	change := fmt.Sprint(p.must("GET", p.history+"/history?limit=1", nil).list(t)[0]["id"])
	p.clock.pass(48 * time.Hour)
	p.put("late", "192.0.2.2")
	p.put("later", "192.0.2.2")
	p.must("PATCH", days, `{"days":1}`)
	for _, b := range []string{`{"days":0}`, `{"days":4000}`, `{}`} {
		if r := p.do("PATCH", days, b); r.code() != model.CodeHistoryDays {
			t.Errorf("%s: %s", b, r.Raw)
		}
	}
	if n := len(p.must("GET", p.history+"/history", nil).list(t)); n != 2 {
		t.Errorf("%d changes of the last day", n)
	}
	if r := p.do("GET", p.history+"/history/"+change, nil); r.code() != model.CodeNoChange {
		t.Errorf("an old change: %s", r.Raw)
	}
	p.must("GET", fmt.Sprintf("%s/at/%d", p.history, early), nil)
	if r := p.do("GET", fmt.Sprintf("%s/at/%d", p.history, early-1), nil); r.code() != model.CodeHistoryGone || r.Status != 410 {
		t.Errorf("a version of long ago: %s", r.Raw)
	}
}

// TestRevertBounds: a revert that would change too much, and one that never catches up with its zone, do nothing.
func TestRevertBounds(t *testing.T) {
	t.Parallel()
	p := newPast(t, func(c *api.Config) { c.Changer = moving{c.Changer} })
	p.put("www", "192.0.2.1")
	first := p.serial()
	p.put("two", "192.0.2.1")
	if r := p.do("POST", p.history+"/revert", fmt.Sprintf(`{"serial":%d}`, first)); r.code() != model.CodeUndoMoved || r.Status != 409 {
		t.Errorf("a zone that moves on: %s", r.Raw)
	}
	var b strings.Builder
	for i := range 20_001 {
		fmt.Fprintf(&b, "h%d 300 IN A 192.0.2.1\n", i)
	}
	p.imports(b.String())
	if r := p.do("POST", p.history+"/revert", fmt.Sprintf(`{"serial":%d}`, first)); r.code() != model.CodeHistoryTooMuch {
		t.Errorf("too much: %s", r.Raw)
	}
	change := p.must("GET", p.history+"/history?limit=1", nil).list(t)[0]["id"]
	if r := p.do("POST", p.history+"/revert", map[string]any{"change": change}); r.code() != model.CodeHistoryTooMuch {
		t.Errorf("too much: %s", r.Raw)
	}
}

// moving is a committer that finds every revert to be late.
type moving struct{ api.Changer }

func (m moving) Change(ctx context.Context, c model.Change) (model.Result, error) {
	for _, e := range c.Edits {
		if _, revert := e.(model.Revert); revert {
			return model.Result{}, &model.Invalid{Code: model.CodeUndoMoved, Status: 409, Message: "The zone has been changed meanwhile. Try again."}
		}
	}
	return m.Changer.Change(ctx, c)
}
