package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/draft"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// into puts a call into a draft.
func into(id string) as { return func(h http.Header) { h.Set("Headwater-Draft", id) } }

// team is a zone with people who work on it.
type team struct {
	*server
	zone, id      string // path and id
	drafts        string
	ann, ben, eva as
}

func newTeam(t *testing.T, s *server) *team {
	t.Helper()
	d := &team{server: s}
	d.zone, d.id = s.zone("example.com")
	d.drafts = "/headwater/v1/zones/" + d.id + "/drafts"
	for email, who := range map[string]*as{"ann@example.com": &d.ann, "ben@example.com": &d.ben, "eva@example.com": &d.eva} {
		s.addMember(s.account, email, auth.RoleAdministrator)
		*who = keyed(email, s.keyOf(email))
	}
	return d
}

func (d *team) draft(name string, who as) string {
	d.t.Helper()
	return d.must("POST", d.drafts, map[string]any{"name": name}, who).id(d.t)
}

// names are the records of the zone, by name.
func (d *team) names() map[string]string {
	d.t.Helper()
	out := map[string]string{}
	for _, r := range d.must("GET", d.zone+"/dns_records?per_page=100", nil).list(d.t) {
		out[strings.TrimSuffix(r["name"].(string), ".example.com")] = r["content"].(string)
	}
	return out
}

func (d *team) version(id string) int {
	d.t.Helper()
	var v struct{ Version int }
	decode(d.t, d.must("GET", d.drafts+"/"+id, nil).Result, &v)
	return v.Version
}

func at(version int) map[string]any { return map[string]any{"version": version} }

// TestDraftOfTwo: two people fill a draft, each call of theirs seen on top of those before it; nothing of it is there until it is applied,
// and then all of it is, under one serial.
func TestDraftOfTwo(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		t.Helper()
		d := newTeam(t, s)
		old := d.record(d.zone, `{"type":"A","name":"old","content":"192.0.2.1"}`)
		www := d.record(d.zone, `{"type":"A","name":"www","content":"192.0.2.2"}`)
		serial := d.serial(d.id)
		id := d.draft("move www", d.ann)
		one := d.drafts + "/" + id
		plan := d.must("POST", d.zone+"/dns_records", `{"type":"A","name":"new","content":"192.0.2.3"}`, d.ann, into(id))
		if p := planOf(t, plan); p.Counts.Added != 1 || p.Zones[0].Serial.After != serial+1 || plan.object(t)["draft_id"] != id || plan.Header.Get("Headwater-Draft") != id {
			t.Errorf("%s", plan.Raw)
		}
		// Ben builds on what Ann has put into it, and cannot do twice what is there.
		d.fails(400, model.CodeIdentical, "POST", d.zone+"/dns_records", `{"type":"A","name":"new","content":"192.0.2.3"}`, d.ben, into(id))
		d.must("PATCH", d.zone+"/dns_records/"+www, `{"content":"192.0.2.4","comment":"moved"}`, d.ben, into(id))
		d.must("POST", d.zone+"/dns_records/batch", map[string]any{
			"deletes": []any{map[string]any{"id": old}}, "posts": []any{map[string]any{"type": "CNAME", "name": "old", "content": "new.example.com"}},
		}, d.ben, into(id))
		d.must("PATCH", "/headwater/v1"+d.zone+"/transfer_settings", `{"mode":"edge"}`, d.ann, into(id))
		d.must("PATCH", d.zone+"/dns_settings", `{"ns_ttl":7200}`, d.ann, into(id))
		// What the draft would do, and that nothing is done yet.
		p := planOf(t, d.must("GET", one+"/plan", nil, d.eva))
		if p.Counts.Added != 2 || p.Counts.Changed != 2 || p.Counts.Removed != 1 || p.Zones[0].Served.Count != 5 {
			t.Errorf("%+v", p)
		}
		if got := fmt.Sprint(d.names()); got != fmt.Sprint(map[string]string{"old": "192.0.2.1", "www": "192.0.2.2"}) || d.serial(d.id) != serial {
			t.Errorf("the draft is done already: %s", got)
		}
		whole := d.must("GET", one, nil).object(t)
		if n := len(whole["parts"].([]any)); n != 6 || len(whole["authors"].([]any)) != 2 || whole["version"] != num(6) || whole["state"] != "open" {
			t.Errorf("%d parts: %v", n, whole)
		}
		d.fails(409, model.CodeDraftState, "POST", one+"/apply", at(5))
		done := d.must("POST", one+"/apply", at(6), d.eva).object(t)
		if done["state"] != "applied" || done["serial"] != num(int(serial+1)) || d.serial(d.id) != serial+1 {
			t.Errorf("%v, at serial %d", done, d.serial(d.id))
		}
		want := map[string]string{"old": "new.example.com", "www": "192.0.2.4", "new": "192.0.2.3"}
		if got := d.names(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v", got)
		}
		if z, _ := d.store.Zone(t.Context(), model.ID(d.id)); z.Mode != model.ModeEdge || z.Settings.NSTTL != 7200 {
			t.Errorf("settings %+v", z)
		}
		d.fails(409, model.CodeDraftState, "POST", one+"/apply", at(6))
		d.fails(409, model.CodeDraftState, "PATCH", d.zone+"/dns_records/"+www, `{"content":"192.0.2.9"}`, into(id))
		if got := d.must("GET", one, nil).object(t); got["serial"] != num(int(serial+1)) {
			t.Errorf("%v", got)
		}
		if n := len(d.must("GET", d.drafts+"?state=applied", nil).list(t)); n != 1 {
			t.Errorf("%d drafts are applied", n)
		}
		d.must("DELETE", one, nil)
		d.fails(404, model.CodeDraftMissing, "GET", one, nil)
		d.fails(404, model.CodeDraftMissing, "DELETE", one, nil)
		d.fails(404, model.CodeDraftMissing, "POST", d.zone+"/dns_records", `{"type":"A","name":"x","content":"192.0.2.3"}`, into(id))
	})
}

func planOf(t *testing.T, r *reply) (p wouldDo) {
	t.Helper()
	decode(t, r.Result, &p)
	return p
}

// TestDraftClashes: what others have changed since is named part by part, and nothing is done; what they have changed elsewhere, and
// members of settings that no part speaks of, are no matter.
func TestDraftClashes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		t.Helper()
		d := newTeam(t, s)
		ids := map[string]string{}
		for _, n := range []string{"changed", "gone", "same", "there"} {
			ids[n] = d.record(d.zone, `{"type":"A","name":"`+n+`","content":"192.0.2.1"}`)
		}
		id := d.draft("clashes", d.ann)
		rec := func(n string) string { return d.zone + "/dns_records/" + ids[n] }
		d.must("PATCH", rec("changed"), `{"ttl":600}`, d.ann, into(id))
		d.must("DELETE", rec("gone"), nil, d.ann, into(id))
		d.must("PATCH", rec("same"), `{"ttl":600}`, d.ben, into(id))
		d.must("POST", d.zone+"/dns_records", `{"type":"A","name":"taken","content":"192.0.2.5"}`, d.ben, into(id))
		d.must("PATCH", d.zone+"/dns_settings", `{"ns_ttl":7200}`, d.ben, into(id))
		// Others go on.
		d.must("PATCH", rec("changed"), `{"content":"192.0.2.7"}`)
		d.must("DELETE", rec("gone"), nil)
		d.must("PATCH", rec("same"), `{"ttl":900}`)
		d.must("PATCH", rec("same"), `{"ttl":1}`)
		d.must("PATCH", rec("there"), `{"content":"192.0.2.8"}`)
		d.must("POST", d.zone+"/dns_records", `{"type":"CNAME","name":"taken","content":"example.net"}`)
		d.must("PATCH", d.zone+"/dns_settings", `{"ns_ttl":9000,"multi_provider":true}`)
		before := fmt.Sprint(d.names(), d.serial(d.id))
		r := d.fails(409, model.CodeDraftClash, "POST", d.drafts+"/"+id+"/apply", at(d.version(id)))
		var told []string
		for _, e := range r.Errors[1:] {
			told = append(told, e.Source.Pointer+" "+e.Message)
		}
		want := []string{
			"/parts/0 A changed.example.com: somebody has changed it since.", "/parts/1 A gone.example.com: it is gone.",
			"/parts/3 A taken.example.com: ", "/parts/4 settings: ns_ttl was changed since.",
		}
		if len(told) != len(want) {
			t.Fatalf("clashes %q", told)
		}
		for i := range want {
			if !strings.HasPrefix(told[i], want[i]) {
				t.Errorf("clash %q, want %q", told[i], want[i])
			}
		}
		if after := fmt.Sprint(d.names(), d.serial(d.id)); after != before {
			t.Errorf("something was done: %s, %s", before, after)
		}
		var p struct{ Clashes []struct{ Part int } }
		decode(t, d.must("GET", d.drafts+"/"+id+"/plan", nil).Result, &p)
		if fmt.Sprint(p.Clashes) != "[{0} {1} {3} {4}]" {
			t.Errorf("%v", p)
		}
		// Without those it goes.
		parts := d.must("GET", d.drafts+"/"+id, nil).object(t)["parts"].([]any)
		for _, n := range []int{4, 3, 1, 0} {
			d.must("DELETE", d.drafts+"/"+id+"/parts/"+parts[n].(map[string]any)["id"].(string), nil)
		}
		d.fails(404, model.CodeDraftMissing, "DELETE", d.drafts+"/"+id+"/parts/"+parts[0].(map[string]any)["id"].(string), nil)
		d.must("POST", d.drafts+"/"+id+"/apply", at(d.version(id)))
		if got := d.must("GET", rec("same"), nil).object(t); got["ttl"] != num(600) {
			t.Errorf("%v", got)
		}
	})
}

// TestFourEyes: a zone that asks for it is changed by nobody alone, by whatever call, but for the tokens that it names; drafts need the word of
// somebody who has no part in them, and lose it with every edit; and four eyes are switched off in the same way.
func TestFourEyes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		t.Helper()
		d := newTeam(t, s)
		m := &matrix{server: s}
		groups := []string{"DNS Write", "Zone Write", "Zone Settings Write", "DNS Read"}
		onZone := model.Scope{Kind: auth.KindZone, ID: d.id}
		acme := m.tokenOf(model.Token{Account: s.account}, groups, onZone)
		tokens, _, err := s.store.Tokens(t.Context(), "", s.account, false, 0, 100)
		if err != nil || len(tokens) != 1 {
			t.Fatalf("%d tokens, %v", len(tokens), err)
		}
		user := func(email string) model.ID { u, _ := s.store.UserByEmail(t.Context(), email); return u.ID }
		annsToken := m.tokenOf(model.Token{User: user("ann@example.com")}, groups, onZone)
		robot := m.tokenOf(model.Token{Account: s.account, Maker: model.Maker{User: user("ann@example.com")}}, groups, onZone)
		www := d.record(d.zone, `{"type":"A","name":"www","content":"192.0.2.1"}`)
		eyes := "/headwater/v1/zones/" + d.id + "/four_eyes"
		d.must("PUT", eyes, map[string]any{"enabled": true, "except": []model.ID{tokens[0].ID}}, d.ann)
		// Nobody alone.
		for _, call := range []struct {
			method, path string
			body         any
		}{
			{"POST", d.zone + "/dns_records", `{"type":"A","name":"a","content":"192.0.2.1"}`},
			{"PATCH", d.zone + "/dns_records/" + www, `{"ttl":600}`},
			{"DELETE", d.zone + "/dns_records/" + www, nil},
			{"POST", d.zone + "/dns_records/batch", `{"posts":[{"type":"A","name":"b","content":"192.0.2.1"}]}`},
			{"PATCH", d.zone + "/dns_settings", `{"ns_ttl":7200}`},
			{"PATCH", d.zone, `{"paused":true}`},
			{"PATCH", d.zone + "/dnssec", `{"status":"active"}`},
			{"POST", d.zone + "/secondary_dns/outgoing", `{"name":"example.com","peers":[]}`},
			{"POST", "/headwater/v1" + d.zone + "/serial", `{"at_least":3000000000}`},
			{"PUT", eyes, `{"enabled":false}`},
			{"PUT", eyes, `{"enabled":true,"except":[]}`},
			{"DELETE", d.zone, nil},
		} {
			for name, who := range map[string]as{"ann": d.ann, "ann's token": annsToken, "a token": robot} {
				if r := d.do(call.method, call.path, call.body, who); r.Status != 403 || r.code() != model.CodeFourEyes {
					t.Errorf("%s: %s %s: %d %s", name, call.method, call.path, r.Status, r.Raw)
				}
			}
		}
		if r := d.importFile(d.zone+"/dns_records/import", "file", "c A 192.0.2.1\n"); r.code() != model.CodeFourEyes {
			t.Errorf("import: %s", r.Raw)
		}
		d.must("POST", d.zone+"/dns_records", `{"type":"TXT","name":"_acme-challenge","content":"x"}`, acme)
		// A draft of Ann's and of a token that she has made.
		id := d.draft("www", d.ann)
		one := d.drafts + "/" + id
		d.fails(409, model.CodeDraftState, "POST", one+"/approve", at(1), d.eva)
		d.must("PATCH", d.zone+"/dns_records/"+www, `{"ttl":600}`, d.ann, into(id))
		d.must("POST", d.zone+"/dns_records", `{"type":"A","name":"a","content":"192.0.2.1"}`, robot, into(id))
		d.fails(403, model.CodeFourEyes, "POST", one+"/apply", at(3), d.ann)
		for name, who := range map[string]as{"the author": d.ann, "the author's token": annsToken, "a token of the account": robot, "another one": acme} {
			if r := d.do("POST", one+"/approve", at(3), who); r.Status != 403 || r.code() != model.CodeDraftAuthor {
				t.Errorf("%s approves: %d %s", name, r.Status, r.Raw)
			}
		}
		d.fails(409, model.CodeDraftState, "POST", one+"/approve", at(2), d.eva)
		if got := d.must("POST", one+"/approve", at(3), d.eva).object(t); got["state"] != "approved" || got["may_apply"] != true || got["needs_approval"] != true {
			t.Errorf("%v", got)
		}
		// An edit voids it, whoever makes it; who has approved may take it back.
		d.must("POST", d.zone+"/dns_records", `{"type":"A","name":"b","content":"192.0.2.1"}`, d.ben, into(id))
		d.fails(403, model.CodeFourEyes, "POST", one+"/apply", at(4), d.ann)
		d.must("POST", one+"/approve", at(4), d.eva)
		d.must("DELETE", one+"/approval", nil, d.eva)
		d.fails(409, model.CodeDraftState, "DELETE", one+"/approval", nil, d.eva)
		d.fails(403, model.CodeFourEyes, "POST", one+"/apply", at(4), d.ann)
		d.must("POST", one+"/approve", at(4), d.eva)
		d.must("POST", one+"/apply", at(4), d.ann)
		if got := d.names(); got["a"] == "" || got["b"] == "" {
			t.Errorf("%v", got)
		}
		// Whoever takes a part of somebody else's out has had a hand in what is left; of one's own it is as if it had not been.
		cut := d.draft("cut", d.ann)
		d.must("PATCH", d.zone+"/dns_records/"+www, `{"ttl":1200}`, d.ann, into(cut))
		d.must("POST", d.zone+"/dns_records", `{"type":"A","name":"e","content":"192.0.2.1"}`, d.ann, into(cut))
		d.must("POST", d.zone+"/dns_records", `{"type":"A","name":"f","content":"192.0.2.1"}`, d.ben, into(cut))
		parts := d.must("GET", d.drafts+"/"+cut, nil, d.eva).object(t)["parts"].([]any)
		d.must("DELETE", d.drafts+"/"+cut+"/parts/"+parts[1].(map[string]any)["id"].(string), nil, d.eva)
		d.must("DELETE", d.drafts+"/"+cut+"/parts/"+parts[2].(map[string]any)["id"].(string), nil, d.ben)
		if got := d.must("GET", d.drafts+"/"+cut, nil, d.eva).object(t); got["may_approve"] != false {
			t.Errorf("who has taken a part out: %v", got)
		}
		d.fails(403, model.CodeDraftAuthor, "POST", d.drafts+"/"+cut+"/approve", at(6), d.eva)
		d.must("POST", d.drafts+"/"+cut+"/approve", at(6), d.ben)
		d.must("DELETE", d.drafts+"/"+cut, nil, d.ann)
		// Off by two, too.
		off := d.draft("off", d.ann)
		d.must("PUT", eyes, `{"enabled":false}`, d.ann, into(off))
		d.fails(403, model.CodeDraftAuthor, "POST", d.drafts+"/"+off+"/approve", at(2), d.ann)
		d.must("POST", d.drafts+"/"+off+"/approve", at(2), d.ben)
		d.must("POST", d.drafts+"/"+off+"/apply", at(2), d.ann)
		d.must("PATCH", d.zone+"/dns_records/"+www, `{"ttl":900}`, d.ann)
		d.must("PUT", eyes, `{"enabled":true}`, d.ann)
		d.fails(403, model.CodeFourEyes, "PATCH", d.zone+"/dns_records/"+www, `{"ttl":700}`, d.ann)
		d.must("PUT", eyes, `{"enabled":false}`) // the server's administrator, where one of two is gone
		d.must("PATCH", d.zone+"/dns_records/"+www, `{"ttl":700}`, d.ann)
	})
}

// TestScheduledDraft: it is applied at its time, by one of several that try at once, and once; one that clashes says why; one that was edited, or
// whose approval was taken back, is not scheduled any more.
func TestScheduledDraft(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		t.Helper()
		d := newTeam(t, s)
		serial := d.serial(d.id)
		in := func(after time.Duration) string { return s.clock.time().Add(after).Format(time.RFC3339) }
		var made []string
		for _, n := range []string{"good", "bad", "edited"} {
			id := d.draft(n, d.ann)
			d.must("POST", d.zone+"/dns_records", `{"type":"A","name":"`+n+`","content":"192.0.2.1"}`, d.ann, into(id))
			d.fails(400, model.CodeDraftInvalid, "POST", d.drafts+"/"+id+"/apply", map[string]any{"version": 2, "at": in(-time.Second)})
			got := d.must("POST", d.drafts+"/"+id+"/apply", map[string]any{"version": 2, "at": in(time.Hour)}).object(t)
			if got["state"] != "scheduled" || got["scheduled_by"] == nil {
				t.Errorf("%v", got)
			}
			made = append(made, id)
		}
		d.must("POST", d.zone+"/dns_records", `{"type":"A","name":"edited2","content":"192.0.2.1"}`, d.ann, into(made[2]))
		d.must("POST", d.zone+"/dns_records", `{"type":"CNAME","name":"bad","content":"example.net"}`)
		again := d.draft("taken back", d.ann)
		d.must("POST", d.zone+"/dns_records", `{"type":"A","name":"taken-back","content":"192.0.2.1"}`, d.ann, into(again))
		d.must("POST", d.drafts+"/"+again+"/apply", map[string]any{"version": 2, "at": in(time.Hour)})
		d.must("DELETE", d.drafts+"/"+again+"/schedule", nil)
		d.fails(409, model.CodeDraftState, "DELETE", d.drafts+"/"+again+"/schedule", nil)
		run := func() {
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					_ = draft.NewScheduler(draft.Config{Due: s.store.DueDrafts, Change: s.change, Clock: s.clock.time}).Run(ctx)
				})
			}
			for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				list, err := s.store.DueDrafts(t.Context(), s.clock.time(), model.DraftPlace{}, 10)
				if err != nil {
					t.Error(err)
				}
				if len(list) == 0 {
					break
				}
			}
			cancel()
			all.Wait()
		}
		run()
		if got := d.names(); len(got) != 1 {
			t.Errorf("before their time: %v", got)
		}
		s.clock.pass(2 * time.Hour)
		run()
		states := map[string]string{}
		for _, one := range d.must("GET", d.drafts, nil).list(t) {
			states[one["name"].(string)] = fmt.Sprint(one["state"], " ", one["failure"])
		}
		if states["good"] != "applied " || !strings.HasPrefix(states["bad"], "failed ") || states["edited"] != "open " || states["taken back"] != "open " {
			t.Errorf("%q", states)
		}
		if got := d.names(); len(got) != 2 || got["good"] == "" || d.serial(d.id) != serial+2 {
			t.Errorf("%v, serial %d after %d", got, d.serial(d.id), serial)
		}
		lines, err := s.store.AuditLog(t.Context(), model.AuditQuery{Account: s.account, Zone: model.ID(d.id), Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		applied := 0
		for _, l := range lines {
			if facts, ok := l.After.(model.AuditFacts); ok && l.Resource == "zone.draft" && l.ResourceID == model.ID(made[0]) {
				for _, f := range facts {
					if f.Name == "state" && f.Text == "applied" {
						applied++
					}
				}
			}
		}
		if applied != 1 {
			t.Errorf("the log tells %d times that it was applied", applied)
		}
	})
}

// TestScheduledDraftsOfOthers: more drafts than one list holds are due of one account, and cannot be applied; one of another account, due
// after all of them, is. What cannot be applied may be refused or take forever.
func TestScheduledDraftsOfOthers(t *testing.T) {
	t.Parallel()
	refused := func(context.Context) error {
		return &model.Invalid{Code: model.CodeImporting, Message: "An import is on its way."}
	}
	stuck := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, undo := range map[string]func(context.Context) error{"refused": refused, "stuck": stuck} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, s *server) {
				t.Helper()
				d := newTeam(t, s)
				at := s.clock.time().Add(time.Hour)
				hog := model.ID(s.must("POST", "/headwater/v1/accounts", `{"name":"Other"}`).id(t))
				for n := range 11 {
					zone := s.must("POST", "/zones", map[string]any{"name": fmt.Sprintf("z%d.example", n), "account": map[string]any{"id": hog}}).id(t)
					if _, err := s.change(t.Context(), model.Change{Account: hog, Zone: model.ID(zone), Edits: []model.Edit{scheduledDrafts(at.Add(-time.Minute))}}); err != nil {
						t.Fatal(err)
					}
				}
				mine := d.draft("mine", d.ann)
				d.must("POST", d.zone+"/dns_records", `{"type":"A","name":"mine","content":"192.0.2.1"}`, d.ann, into(mine))
				d.must("POST", d.drafts+"/"+mine+"/apply", map[string]any{"version": 2, "at": at.Format(time.RFC3339)})
				s.clock.pass(2 * time.Hour)
				due, err := s.store.DueDrafts(t.Context(), s.clock.time(), model.DraftPlace{}, 2000)
				if err != nil || len(due) != 1101 || due[1100].ID != model.ID(mine) {
					t.Fatalf("%d drafts are due (%v)", len(due), err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
				defer cancel()
				applied := false
				err = draft.NewScheduler(draft.Config{Due: s.store.DueDrafts, Clock: s.clock.time, Change: func(ctx context.Context, c model.Change) (model.Result, error) {
					if c.Account == hog {
						return model.Result{}, undo(ctx)
					}
					defer cancel()
					r, err := s.change(ctx, c)
					applied = err == nil
					return r, err
				}}).Run(ctx)
				if err != nil || !applied || d.names()["mine"] == "" {
					t.Errorf("the other account's draft was not applied (%v)", err)
				}
			})
		})
	}
}

// scheduledDrafts makes as many scheduled drafts as a zone may have.
func scheduledDrafts(at time.Time) model.Edit {
	return model.Within{Do: func(_ context.Context, desk model.Desk) error {
		z := desk.Zone()
		for range draft.MostDrafts {
			desk.PutDraft(model.Draft{
				ID: desk.NewID(), Account: z.Account, Zone: z.ID, Name: "due", State: model.DraftScheduled, Version: 1, Created: desk.Now(), Modified: desk.Now(), ApplyAt: at,
			})
		}
		desk.Tell(model.AuditPart{Action: "create", Legacy: "add", Resource: "zone.draft"})
		return nil
	}}
}

// TestDraftBounds: names, notes, what can go into a draft, and how many there are, are bounded.
func TestDraftBounds(t *testing.T) {
	t.Parallel()
	d := newTeam(t, newServer(t))
	for pointer, body := range map[string]any{
		"/name": map[string]any{"name": " "}, "/note": map[string]any{"name": "n", "note": strings.Repeat("x", 2001)},
	} {
		if r := d.fails(400, model.CodeDraftInvalid, "POST", d.drafts, body); r.pointer() != pointer {
			t.Errorf("%s", r.Raw)
		}
	}
	d.fails(400, model.CodeDraftInvalid, "POST", d.drafts, map[string]any{"name": strings.Repeat("x", 101)})
	d.fails(400, model.CodeDraftInvalid, "POST", d.drafts, map[string]any{"name": "two\nlines"})
	id := d.draft("first", d.ann)
	if got := d.must("PATCH", d.drafts+"/"+id, `{"note":"why"}`).object(t); got["name"] != "first" || got["note"] != "why" || got["version"] != num(1) {
		t.Errorf("%v", got)
	}
	d.fails(400, model.CodeDraftInvalid, "DELETE", d.zone, nil, into(id))
	d.fails(400, model.CodeDraftInvalid, "POST", "/headwater/v1"+d.zone+"/serial", `{"at_least":3000000000}`, into(id))
	d.fails(409, model.CodeDraftState, "POST", d.drafts+"/"+id+"/apply", at(1))
	d.fails(400, model.CodeDraftInvalid, "POST", d.drafts+"/"+id+"/apply", `{}`)
	d.fails(400, model.CodeDraftInvalid, "POST", d.drafts+"/"+id+"/apply", `{"version":1,"at":"tomorrow"}`)
	// What changes nothing adds nothing.
	www := d.record(d.zone, `{"type":"A","name":"www","content":"192.0.2.1"}`)
	d.must("PATCH", d.zone+"/dns_records/"+www, `{"content":"192.0.2.1"}`, into(id))
	if v := d.version(id); v != 1 {
		t.Errorf("version %d", v)
	}
	d.must("PATCH", d.zone+"/dns_records/"+www, `{"content":"192.0.2.2"}`, into(id))
	d.must("POST", d.drafts+"/"+id+"/apply", at(2))
	eyes := "/headwater/v1/zones/" + d.id + "/four_eyes"
	for _, body := range []string{`{}`, `{"enabled":true,"except":["x"]}`, `{"enabled":true,"except":["` + strings.Join(slices.Repeat([]string{strings.Repeat("e", 32)}, 21), `","`) + `"]}`} {
		d.fails(400, model.CodeDraftInvalid, "PUT", eyes, body)
	}
	if got := d.must("GET", eyes, nil).object(t); got["enabled"] != false {
		t.Errorf("%v", got)
	}
	// The one that is done makes room, those that are open do not.
	for i := range draft.MostDrafts {
		d.draft(fmt.Sprint("draft ", i), d.ann)
	}
	d.fails(404, model.CodeDraftMissing, "GET", d.drafts+"/"+id, nil)
	d.fails(400, model.CodeDraftLimit, "POST", d.drafts, `{"name":"one more"}`)
	// The zone takes its drafts along, for good when it is forgotten.
	d.must("DELETE", d.zone, nil)
	d.must("DELETE", "/headwater/v1/accounts/"+string(d.account)+"/deleted_zones/"+d.id, nil)
	if left, err := d.store.Drafts(t.Context(), model.ID(d.id)); err != nil || len(left) != 0 {
		t.Errorf("%d drafts are left, %v", len(left), err)
	}
}
