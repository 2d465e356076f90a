package store_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/audit"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

// testAudit is an entry of one part.
func testAudit(account model.ID, n int) model.Audit {
	return model.Audit{
		AuditHead: model.AuditHead{ID: newID(), Account: account, When: at(n)},
		Parts:     []model.AuditPart{{Action: "update", Resource: "zone", ResourceID: newID()}},
	}
}

// auditLog is six lines in a log, two of each second, told by their legacy action; the last two are of one entry.
func auditLog(account, zone, user model.ID) (all []model.Audit, lines []model.AuditLine) {
	for i := range 6 {
		a := testAudit(account, i/2)
		p := &a.Parts[0]
		p.Legacy, p.Before, p.After = fmt.Sprint("legacy", i), model.AuditText(`{"a":1}`), model.AuditText(`{"a":2}`)
		a.Actor = model.Actor{User: newID(), Email: "Bob@example.com", Token: newID(), Context: "dash", Request: fmt.Sprint(i)}
		switch i {
		case 1:
			a.Zone, a.ZoneName, p.Resource, p.Action = zone, "a.test", "dns.record", "create"
		case 3:
			a.Zone, a.Actor = zone, model.Actor{User: user, IP: netip.MustParseAddr("2001:db8::1"), Email: "ann@example.com"}
		case 4:
			p.Before, p.After, p.Action = nil, nil, "delete"
		case 5:
			p.Before, p.After = model.AuditText("no object"), model.AuditText(`{"neither":`)
			last := &all[len(all)-1]
			last.Parts = append(last.Parts, *p)
			audit.Spread(last)
			continue
		}
		all = append(all, a)
	}
	for i := range all {
		lines = append(lines, audit.Lines(&all[i])...)
	}
	return all, lines
}

func TestAudit(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		account, user := newAccount(), newAccount()
		zone := w.addZone(t, account, "audit.test.").ID
		all, lines := auditLog(account, zone, user)
		other := testAudit(newID(), 1)
		w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.Audit(t.Context(), append(all, other, model.Audit{})))
			return nil
		})
		got, err := w.AuditLog(t.Context(), model.AuditQuery{Account: account, Ascending: true})
		must(t, err)
		equal(t, "audit log", got, lines)
		filter := func(pairs ...string) (out []model.Filter) {
			for i := 0; i < len(pairs); i += 2 {
				out = append(out, model.Filter{Field: pairs[i], Value: pairs[i+1]})
			}
			return out
		}
		not := filter("action", "UPDATE")
		not[0].Op = model.OpNotEqual
		nots := filter("id", string(lines[4].ID), "zone.id", string(zone))
		nots[0].Op, nots[1].Op = model.OpNotEqual, model.OpNotEqual
		for i, tt := range []struct {
			q    model.AuditQuery
			want string
		}{
			{model.AuditQuery{}, "543210"},
			{model.AuditQuery{Limit: 2, Offset: 1}, "43"},
			{model.AuditQuery{After: store.AuditCursor(&lines[5]), Limit: 3}, "432"},
			{model.AuditQuery{After: store.AuditCursor(&lines[4]), Limit: 3}, "321"},
			{model.AuditQuery{After: store.AuditCursor(&lines[4]), Ascending: true}, "5"},
			{model.AuditQuery{After: store.AuditCursor(&lines[5]), Ascending: true}, ""},
			{model.AuditQuery{After: store.AuditCursor(&lines[2]), Ascending: true}, "345"},
			{model.AuditQuery{After: store.AuditCursor(&lines[0])}, ""},
			{model.AuditQuery{Zone: zone}, "31"},
			{model.AuditQuery{Since: at(1).UnixMicro()}, "5432"},
			{model.AuditQuery{Before: at(1).UnixMicro()}, "10"},
			{model.AuditQuery{Since: at(1).UnixMicro(), Before: at(2).UnixMicro()}, "32"},
			{model.AuditQuery{Filters: filter("actor.email", "ANN@example.com")}, "3"},
			{model.AuditQuery{Filters: filter("actor.id", string(user))}, "3"},
			{model.AuditQuery{Filters: filter("actor.ip", "2001:db8::1")}, "3"},
			{model.AuditQuery{Filters: filter("action", "create", "action", "delete")}, "41"},
			{model.AuditQuery{Filters: filter("action", "create", "resource.type", "zone")}, ""},
			{model.AuditQuery{Filters: filter("resource.type", "dns.record")}, "1"},
			{model.AuditQuery{Filters: filter("resource.id", string(lines[2].ResourceID))}, "2"},
			{model.AuditQuery{Filters: filter("zone.name", "a.test")}, "1"},
			{model.AuditQuery{Filters: filter("zone.id", string(zone))}, "31"},
			{model.AuditQuery{Filters: filter("zone.id", string(zone), "zone.id", "")}, "543210"},
			{model.AuditQuery{Filters: filter("id", string(lines[0].ID))}, "0"},
			{model.AuditQuery{Filters: filter("id", strings.ToUpper(string(lines[5].ID)))}, "5"},
			{model.AuditQuery{Filters: filter("id", string(lines[5].ID), "id", string(lines[1].ID))}, "51"},
			{model.AuditQuery{Filters: filter("id", "nonsense")}, ""},
			{model.AuditQuery{Filters: filter("action.legacy", "legacy5")}, "5"},
			{model.AuditQuery{Filters: not}, "41"},
			{model.AuditQuery{Filters: nots}, "520"},
		} {
			tt.q.Account = account
			list, err := w.AuditLog(t.Context(), tt.q)
			must(t, err)
			if got := legacies(list); got != tt.want {
				t.Errorf("%d: %+v: %s, want %s", i, tt.q, got, tt.want)
			}
		}
		var invalid *model.Invalid
		for _, cursor := range []string{"x", "1", "1_2", "_" + string(account)} {
			if _, err := w.AuditLog(t.Context(), model.AuditQuery{Account: account, After: cursor}); !errors.As(err, &invalid) {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
		if _, err := w.AuditLog(t.Context(), model.AuditQuery{Account: account, Filters: filter("color", "red")}); err == nil {
			t.Error("an unknown field is no error")
		}
	})
}

func legacies(list []model.AuditLine) (out string) {
	for _, a := range list {
		out += a.Legacy[len("legacy"):]
	}
	return out
}

// TestAuditPages goes through a log of entries of many parts, page by page and by cursor, in both directions: every line comes
// once, whatever the size of a page.
func TestAuditPages(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		account := newAccount()
		w.people(t, func(tx model.PeopleTx) error {
			var all []model.Audit
			for i, parts := range []int{1, 300, 1, 2, 1500, 7} {
				a := testAudit(account, i/2)
				a.ID = idOf(uint64(i+1) << 32)
				for len(a.Parts) < parts {
					a.Parts = append(a.Parts, model.AuditPart{Action: "update", ResourceID: newID()})
				}
				audit.Spread(&a)
				all = append(all, a)
			}
			return tx.Audit(t.Context(), all...)
		})
		whole, err := w.AuditLog(t.Context(), model.AuditQuery{Account: account})
		must(t, err)
		equal(t, "lines", len(whole), 1811)
		for _, ascending := range []bool{false, true} {
			want := slices.Clone(whole)
			if ascending {
				slices.Reverse(want)
			}
			for _, size := range []int{1811, 1000, 97} {
				var byCursor, byNumber []model.AuditLine
				for cursor := ""; ; {
					list, err := w.AuditLog(t.Context(), model.AuditQuery{Account: account, Ascending: ascending, Limit: size, After: cursor})
					must(t, err)
					if len(list) == 0 {
						break
					}
					byCursor, cursor = append(byCursor, list...), store.AuditCursor(&list[len(list)-1])
				}
				for len(byNumber) < len(want) {
					list, err := w.AuditLog(t.Context(), model.AuditQuery{Account: account, Ascending: ascending, Limit: size, Offset: len(byNumber)})
					must(t, err)
					if byNumber = append(byNumber, list...); len(list) == 0 {
						break
					}
				}
				equal(t, fmt.Sprint("by cursor, pages of ", size), byCursor, want)
				equal(t, fmt.Sprint("by number, pages of ", size), byNumber, want)
			}
		}
	})
}

// earlierRows are what an earlier version has stored: the columns of its table, and the entry that each is.
func earlierRows(account model.ID) (rows [][]any, lines []model.AuditLine) {
	octets := func(id model.ID) []byte { b, _ := hex.DecodeString(string(id)); return b }
	zone, user, token := newID(), newID(), newID()
	heads := []model.AuditHead{
		{ID: newID(), Account: account, Zone: zone, ZoneName: "a.test", When: at(1), Actor: model.Actor{
			User: user, Email: `a"b\\ünï@example.com`, IP: netip.MustParseAddr("2001:db8::1"), Token: token, Context: "api_token", Request: "r1",
		}},
		{ID: newID(), Account: account, When: at(2), Actor: model.Actor{Context: "system"}},
	}
	parts := []model.AuditPart{
		{
			Action: "update", Legacy: "rec_set", Resource: "dns.record", ResourceID: newID(),
			Before: model.AuditText(`{"id":"x","content":"192.0.2.1","comment":"a \"quoted\" <ünï>"}`), After: model.AuditText(`{"id":"x","content":"192.0.2.2"}`),
		},
		{Action: "create", Legacy: "add", Resource: "account", ResourceID: account, After: model.AuditText("no object")},
	}
	docs := []string{
		`{"Token":"` + string(token) + `","Context":"api_token","Request":"r1","Before":{"id":"x","content":"192.0.2.1","comment":"a \"quoted\" <ünï>"},` +
			`"After":{"id":"x","content":"192.0.2.2"}}`,
		`{"Token":"","Context":"system","Request":"","Before":null,"After":"bm8gb2JqZWN0"}`,
	}
	for i, h := range heads {
		ip := ""
		if h.Actor.IP.IsValid() {
			ip = h.Actor.IP.String()
		}
		p := parts[i]
		rows = append(rows, []any{
			octets(h.Account), h.When.UnixMicro(), octets(h.ID), octets(h.Zone), h.ZoneName, octets(h.Actor.User), h.Actor.Email, ip, p.Action, p.Legacy, p.Resource,
			octets(p.ResourceID), docs[i],
		})
		lines = append(lines, model.AuditLine{AuditHead: h, AuditPart: p})
	}
	return rows, lines
}

// putEarlier writes rows as a program of an earlier version does.
func (w *world) putEarlier(tb testing.TB, rows [][]any) {
	tb.Helper()
	db := w.raw(tb)
	for _, r := range rows {
		marks := make([]string, len(r))
		for i := range marks {
			if marks[i] = "?"; w.Shared() {
				marks[i] = fmt.Sprintf("$%d", i+1)
			}
		}
		_, err := db.ExecContext(tb.Context(), "INSERT INTO audits (account, at, id, zone, zone_name, actor, email, ip, action, legacy, resource, resource_id, doc) "+
			"VALUES ("+strings.Join(marks, ", ")+")", r...)
		must(tb, err)
	}
	must(tb, db.Close())
}

// TestEarlierAudits: what an earlier version has written is read as it was, beside what is new, and goes in its time.
func TestEarlierAudits(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		account := newAccount()
		rows, lines := earlierRows(account)
		w.putEarlier(t, rows)
		fresh := testAudit(account, 3)
		w.people(t, func(tx model.PeopleTx) error { return tx.Audit(t.Context(), fresh) })
		got, err := w.AuditLog(t.Context(), model.AuditQuery{Account: account, Ascending: true})
		must(t, err)
		equal(t, "log", got, append(lines, audit.Lines(&fresh)...))
		got, err = w.AuditLog(t.Context(), model.AuditQuery{Account: account, After: store.AuditCursor(&lines[1])})
		must(t, err)
		equal(t, "behind a cursor of an earlier version", got, lines[:1])
		got, err = w.AuditLog(t.Context(), model.AuditQuery{Account: account, Filters: []model.Filter{{Field: "actor.ip", Value: "2001:db8::1"}}})
		must(t, err)
		equal(t, "filtered", got, lines[:1])
		w.now = at(2)
		must(t, w.PruneAudits(t.Context(), time.Microsecond, noHistory))
		got, err = w.AuditLog(t.Context(), model.AuditQuery{Account: account, Ascending: true})
		must(t, err)
		equal(t, "kept", got, append(lines[1:], audit.Lines(&fresh)...))
	})
}

// noHistory is of logs in which no zone's history is kept.
func noHistory(context.Context, model.ID) (time.Duration, error) { return 0, nil }

// TestPruneAudits: entries go when they are as old as the flag says, of every log, in more than one transaction, and none
// before.
func TestPruneAudits(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		const day, many = 24 * time.Hour, 1100
		logs := []model.ID{"", newID(), newID(), newID()} // the server's, and of accounts and users
		w.people(t, func(tx model.PeopleTx) error {
			var all []model.Audit
			for i, owner := range logs[:3] {
				for n := range many {
					a := testAudit(owner, 0)
					a.When = w.now.Add(-400*day - time.Second).Add(time.Duration(n-many) * time.Minute)
					all = append(all, a)
				}
				kept := testAudit(owner, 0)
				kept.When = w.now.Add(-400 * day).Add(time.Duration(i) * time.Second)
				all = append(all, kept)
			}
			return tx.Audit(t.Context(), append(all, testAudit(logs[3], 0))...)
		})
		count := func() (n []int) {
			for _, owner := range logs {
				list, err := w.AuditLog(t.Context(), model.AuditQuery{Account: owner})
				must(t, err)
				n = append(n, len(list))
			}
			return n
		}
		equal(t, "entries", count(), []int{many + 1, many + 1, many + 1, 1})
		must(t, w.PruneAudits(t.Context(), 0, noHistory)) // for ever
		equal(t, "entries kept for ever", count(), []int{many + 1, many + 1, many + 1, 1})
		must(t, w.PruneAudits(t.Context(), 400*day, func(_ context.Context, log model.ID) (time.Duration, error) {
			if log == logs[1] {
				return 500 * day, nil
			}
			return 0, nil
		}))
		equal(t, "entries of a log that is kept longer", count(), []int{1, many + 1, 1, 1})
		must(t, w.PruneAudits(t.Context(), 400*day, noHistory))
		equal(t, "entries left", count(), []int{1, 1, 1, 1})
	})
}
