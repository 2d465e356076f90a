package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/rooms"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// dry asks for a plan.
func dry(h http.Header) { h.Set("Headwater-Dry-Run", "1") }

// wouldDo is what a plan says.
type wouldDo struct {
	DryRun  bool `json:"dry_run"`
	Counts  struct{ Added, Changed, Removed int }
	Objects []struct {
		Action, Resource, ID string
		Before, After        map[string]any
	}
	Zones []struct {
		ID, Name         string
		Serial           struct{ Before, After uint32 }
		Created, Deleted bool
		Transfers        bool
		Notified         []string
		Agree            bool `json:"faces_agree"`
		Served           wouldFace
		Transferred      wouldFace
		Review           struct{ New, Gone []struct{ Reason string } }
		RefusedBy        []string `json:"refused_by"`
	}
	Answer json.RawMessage
}

type wouldFace struct {
	Count  int
	RRsets []struct {
		Name, Type    string
		Before, After *struct {
			TTL  uint32
			Data []string
		}
	}
}

// recipe makes a request of an operation that does something: what has to be there first, and the body.
type recipe struct {
	prepare func()
	body    func() any
	idle    bool // nothing can be had of it here but an error, or it changes nothing
}

func text(body string) recipe { return recipe{body: func() any { return body }} }

// recipes are those of all operations that write and can be planned. One that is missing fails the test: whoever adds an operation says here
// how it is called.
func (m *matrix) recipes() map[string]recipe {
	const (
		zones   = "/client/v4/zones"
		one     = zones + "/{zone_id}"
		records = one + "/dns_records"
		account = "/client/v4/accounts/{account_id}"
		second  = account + "/secondary_dns"
		out     = one + "/secondary_dns/outgoing"
		ours    = "/headwater/v1/zones/{zone_id}"
		own     = "/headwater/v1/accounts/{account_id}"
	)
	none := recipe{}
	idle := recipe{idle: true}
	peers := []string{m.peer("one", "192.0.2.53", ""), m.peer("two", "192.0.2.54", "")}
	outgoing := func() any { return map[string]any{"name": "example.com", "peers": peers} }
	off := func() { m.do("DELETE", "/zones/"+m.zone+"/secondary_dns/outgoing", nil) }
	on := func() {
		m.do("POST", "/zones/"+m.zone+"/secondary_dns/outgoing", outgoing())
		m.do("POST", "/zones/"+m.zone+"/secondary_dns/outgoing/enable", `{}`)
	}
	unsigned := func() { m.do("PATCH", "/zones/"+m.zone+"/dnssec", `{"status":"disabled"}`) }
	signed := func() { m.do("PATCH", "/zones/"+m.zone+"/dnssec", `{"status":"active"}`) }
	n := 0
	fresh := func(format string) recipe {
		return recipe{body: func() any { n++; return fmt.Sprintf(format, n) }}
	}
	file := recipe{body: func() any { return "new A 192.0.2.77\nnew AAAA 2001:db8::77\nwww.new CNAME new\n" }}
	tsig := `{"name":"k%d.example","algo":"hmac-sha256.","secret":"` + strings.Repeat("c2VjcmV0", 5) + `"}`
	return map[string]recipe{
		"POST " + zones:                               fresh(`{"name":"new%d.example","account":{"id":"` + string(m.account) + `"}}`),
		"PATCH " + one:                                text(`{"paused":true}`),
		"DELETE " + one:                               none,
		"PUT " + one + "/activation_check":            idle,
		"PUT " + one + "/custom_ns":                   text(`{"ns_set":3}`),
		"PATCH " + one + "/dnssec":                    {prepare: unsigned, body: func() any { return `{"status":"active"}` }},
		"DELETE " + one + "/dnssec":                   idle,
		"PATCH " + one + "/dns_settings":              text(`{"ns_ttl":7200,"soa":{"mname":"ns9.example.net","rname":"host.example.net","refresh":9000,"retry":3000,"expire":700000,"min_ttl":900,"ttl":1800}}`),
		"PATCH " + one + "/dns_settings/use_apex_ns":  text(`{"value":true}`),
		"PATCH " + one + "/settings/cname_flattening": text(`{"value":"flatten_all"}`),
		"PATCH " + account + "/dns_settings":          text(`{"zone_defaults":{"ns_ttl":7200}}`),

		"POST " + records:                        fresh(`{"type":"A","name":"a%d","content":"192.0.2.9","proxied":true}`),
		"PATCH " + records + "/{dns_record_id}":  text(`{"ttl":600}`),
		"PUT " + records + "/{dns_record_id}":    fresh(`{"type":"A","name":"p%d","content":"192.0.2.10","ttl":120}`),
		"DELETE " + records + "/{dns_record_id}": none,
		"POST " + records + "/batch":             fresh(`{"posts":[{"type":"TXT","name":"b%[1]d","content":"one"},{"type":"MX","name":"b%[1]d","content":"mx.example.net","priority":10}]}`),
		"POST " + records + "/import":            file,
		"POST " + ours + "/import":               file,

		"POST " + second + "/tsigs":                        fresh(tsig),
		"PUT " + second + "/tsigs/{tsig_id}":               fresh(tsig),
		"DELETE " + second + "/tsigs/{tsig_id}":            none,
		"POST " + second + "/peers":                        text(`{"name":"new","ip":"192.0.2.60"}`),
		"PUT " + second + "/peers/{peer_id}":               text(`{"name":"renamed","ip":"192.0.2.61","port":5353}`),
		"DELETE " + second + "/peers/{peer_id}":            none,
		"POST " + second + "/acls":                         text(`{"name":"new","ip_range":"192.0.2.0/26"}`),
		"PUT " + second + "/acls/{acl_id}":                 text(`{"name":"renamed","ip_range":"192.0.2.0/27"}`),
		"DELETE " + second + "/acls/{acl_id}":              none,
		"PUT " + own + "/peers/{peer_id}/transport":        text(`{"transport":"tls"}`),
		"PUT " + own + "/peers/{peer_id}/catalog":          text(`{}`),
		"DELETE " + own + "/peers/{peer_id}/catalog":       idle,
		"POST " + own + "/peers/{peer_id}/catalog/confirm": idle,
		"PUT " + own + "/tsigs/{tsig_id}/rotation":         {body: func() any { n++; return fmt.Sprintf(`{"successor_id":%q}`, m.tsig(fmt.Sprintf("next%d.example", n))) }},
		"POST " + own + "/tsigs/{tsig_id}/rotation/retire": idle,
		"PATCH " + own + "/transfer_settings":              text(`{"mode":"edge","strict_review":true}`),
		"PATCH " + own + "/shared_names":                   text(`{"accounts":["` + string(m.other) + `"]}`),
		"PATCH " + own + "/edge_addresses":                 text(`{"addresses":["203.0.113.1","2001:db8:e::1"]}`),

		"POST " + out:                   {prepare: off, body: outgoing},
		"PUT " + out:                    {prepare: on, body: func() any { return map[string]any{"name": "example.com", "peers": peers[:1]} }},
		"DELETE " + out:                 {prepare: on},
		"POST " + out + "/enable":       {prepare: func() { off(); m.do("POST", "/zones/"+m.zone+"/secondary_dns/outgoing", outgoing()) }},
		"POST " + out + "/disable":      {prepare: on},
		"POST " + out + "/force_notify": {prepare: on},
		"PATCH " + ours + "/transfer_settings": {prepare: func() {
			m.do("POST", "/zones/"+m.zone+"/dns_records", `{"type":"A","name":"hidden","content":"192.0.2.9","proxied":true}`)
		}, body: func() any { return `{"mode":"edge"}` }},
		"POST " + ours + "/serial":                 {body: func() any { return fmt.Sprintf(`{"at_least":%d}`, m.serial(m.zone)+1000) }},
		"PUT " + ours + "/catalog_groups":          {prepare: on, body: func() any { return `{"groups":{}}` }, idle: true},
		"POST " + ours + "/access_check":           idle,
		"POST " + ours + "/access_allow":           text(`{"address":"198.51.100.77"}`),
		"PATCH " + ours + "/dnssec":                {prepare: signed, body: func() any { return `{"policy":{"zsk_roll_days":60}}` }},
		"POST " + ours + "/dnssec/roll":            {prepare: signed, body: func() any { return `{"role":"zsk"}` }, idle: true},
		"POST " + ours + "/dnssec/ds_seen":         idle,
		"POST " + ours + "/dnssec/keys":            idle,
		"DELETE " + ours + "/dnssec/keys/{key_id}": idle,

		"POST " + ours + "/update_policies": {body: func() any {
			n++
			return fmt.Sprintf(`{"tsig_id":%q,"names":[{"match":"self"}]}`, m.tsig(fmt.Sprintf("update%d.example", n)))
		}},
		"PUT " + ours + "/update_policies/{policy_id}":    idle,
		"PATCH " + ours + "/update_policies/{policy_id}":  idle,
		"DELETE " + ours + "/update_policies/{policy_id}": idle,
		"PUT " + ours + "/four_eyes":                      {body: func() any { return `{"enabled":false}` }, idle: true},
		"POST " + ours + "/revert":                        idle,
		"PATCH " + own + "/history":                       text(`{"days":30}`),
		"PUT " + ours + "/zonemd":                         {body: func() any { return `{"enabled":true}` }},
		"POST /headwater/v1/accounts":                     fresh(`{"name":"Account %d"}`),
		"PATCH " + own:                                    text(`{"suspended":true}`),
		"PATCH " + own + "/entitlements":                  text(`{"outgoing_transfers":false}`),
		"PATCH " + ours + "/entitlements":                 text(`{"outgoing_transfers":true}`),
		"PUT " + own + "/second_factor":                   {body: func() any { return `{"enforced":false}` }, idle: true},
		"PATCH " + own + "/quotas":                        text(`{"zones":500}`),
	}
}

// TestDryRunsOfAllCalls: with the header no call of the whole table changes anything, in any table of either engine. Those that can be
// planned answer as the call itself does that follows, and what the plan says is what then happens; the others are refused.
func TestDryRunsOfAllCalls(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		t.Helper()
		m := &matrix{server: s, ids: map[string]string{}}
		m.other = model.ID(m.must("POST", "/headwater/v1/accounts", `{"name":"Other"}`).id(t))
		_, m.zone = m.server.zone("example.com")
		recipes := m.recipes()
		m.awaitUse()
		planned := 0
		for _, r := range api.Routes(rooms.Routes()) {
			if r.Method == http.MethodGet {
				continue
			}
			op := operation(&r)
			recipe, known := recipes[op]
			delete(recipes, op)
			if recipe.prepare != nil {
				recipe.prepare()
			}
			var body any
			if recipe.body != nil {
				body = recipe.body()
			}
			path := m.fill(&r)
			would := m.tryOut(&r, path, body)
			if would.code() == model.CodeNoPlan {
				if known {
					t.Errorf("%s cannot be planned: %s", op, would.Raw)
				}
				continue
			}
			if !known {
				t.Errorf("%s can be planned, and no recipe tells how it is called", op)
				continue
			}
			m.compare(op, &recipe, would, func() *reply { return m.tell(&r, path, body) })
			planned++
		}
		if len(recipes) > 0 || planned < 50 {
			t.Errorf("%d planned; no operation is called %q", planned, slices.Sorted(maps.Keys(recipes)))
		}
	}, func(c *api.Config) {
		c.Catalog = func(model.ID) (api.Catalog, bool) { return api.Catalog{}, true }
		c.ZoneDigest = func(model.ID) (api.ZoneDigest, bool) { return api.ZoneDigest{}, true }
		c.KeyUses = func(context.Context, model.ID, []model.ID, wire.Name, wire.Name) ([]api.KeyUse, error) {
			return nil, nil
		}
	})
}

// tryOut sends a call with the header and holds everything against what it was before. That a token has been used is noted now and then,
// whoever uses it: what such a moment spoils is tried again.
func (m *matrix) tryOut(r *api.Route, path string, body any) (would *reply) {
	m.t.Helper()
	diff := ""
	for range 40 {
		before := m.everything()
		would = m.tell(r, path, body, dry)
		if diff = cmp.Diff(before, m.everything()); diff == "" {
			return would
		}
	}
	m.t.Errorf("%s: the dry run has changed something:\n%s", operation(r), diff)
	return would
}

// tell calls an operation.
func (m *matrix) tell(r *api.Route, path string, body any, headers ...as) *reply {
	m.t.Helper()
	path = strings.TrimPrefix(path, "/client/v4")
	if strings.HasSuffix(r.Path, "/import") {
		file, header := form(m.t, "file", body.(string))
		return m.do(r.Method, path, file, append(headers, header)...)
	}
	return m.do(r.Method, path, body, headers...)
}

// everything is all that the store holds, and memory shows.
func (m *matrix) everything() map[string]string {
	m.t.Helper()
	var b bytes.Buffer
	if err := m.store.Dump(m.t.Context(), &b, nil); err != nil {
		m.t.Fatal(err)
	}
	out := map[string]string{"rows": m.dump(), "tables": fmt.Sprintf("%d octets, %x", b.Len(), sha256.Sum256(b.Bytes()))}
	m.db.All(func(z *zone.Zone) bool {
		s := z.State()
		out[z.ID] = fmt.Sprintf("%d %p %p %+v", s.Seq, s.Served, s.Transfer, s.Links)
		return true
	})
	return out
}

// compare makes the call that was planned, and holds what it does against the plan.
func (m *matrix) compare(op string, recipe *recipe, would *reply, call func() *reply) {
	t := m.t
	t.Helper()
	old := map[string]*zone.State{}
	m.db.All(func(z *zone.Zone) bool { old[z.ID] = z.State(); return true })
	logged := m.lines()
	did := call()
	if did.Status != would.Status || did.code() != would.code() {
		t.Errorf("%s: planned %d %s, done %d %s", op, would.Status, would.Raw, did.Status, did.Raw)
		return
	}
	if did.Status != http.StatusOK {
		if !recipe.idle {
			t.Errorf("%s: %d %s", op, did.Status, did.Raw)
		}
		return
	}
	if would.Header.Get("Headwater-Dry-Run") != "1" {
		t.Errorf("%s: the answer does not say that it is a plan", op)
	}
	var p wouldDo
	decode(t, would.Result, &p)
	// Objects, by what the audit log tells of them.
	var told, tells []string
	for _, o := range p.Objects {
		told = append(told, o.Resource)
	}
	tells = append(tells, m.lines()[len(logged):]...)
	slices.Sort(told)
	slices.Sort(tells)
	if told, tells = slices.Compact(told), slices.Compact(tells); !recipe.idle && !strings.HasSuffix(op, "/accounts") && !strings.HasSuffix(op, "/force_notify") && !slices.Equal(told, tells) {
		t.Errorf("%s: objects %q were planned, %q changed: %s", op, told, tells, would.Raw)
	}
	// Zones: serials, and every RRset of both faces.
	byName := map[string]int{}
	for i := range p.Zones {
		byName[p.Zones[i].Name] = i
	}
	seen := 0
	m.db.All(func(z *zone.Zone) bool {
		now, was := z.State(), old[z.ID]
		if was != nil && now.Served == was.Served && now.Transfer == was.Transfer {
			return true
		}
		seen++
		i, ok := byName[z.Name.Host()]
		if !ok {
			t.Errorf("%s: the zone %s changed, which was not planned", op, z.Name.Host())
			return true
		}
		pz := &p.Zones[i]
		if pz.Serial.After != now.Transfer.Serial() || was != nil && pz.Serial.Before != was.Transfer.Serial() {
			if was != nil || now.Transfer.Serial()-pz.Serial.After > 2 { // the first serial is the time
				t.Errorf("%s: serials %+v were planned, it is %d", op, pz.Serial, now.Transfer.Serial())
			}
		}
		served, transferred := pz.Served, pz.Transferred
		if pz.Agree {
			transferred = served
		}
		var was0 zone.State
		if was != nil {
			was0 = *was
		}
		m.face(op+" served", &served, was0.Served, now.Served)
		m.face(op+" transferred", &transferred, was0.Transfer, now.Transfer)
		return true
	})
	for i := range p.Zones {
		if z := &p.Zones[i]; z.Served.Count+z.Transferred.Count > 0 && m.db.ByID(z.ID) != nil && seen == 0 {
			t.Errorf("%s: %s was to change and did not", op, z.Name)
		}
	}
}

// lines are the resources of the audit log's entries, the oldest first.
func (m *matrix) lines() (out []string) {
	m.t.Helper()
	lines, err := m.store.AuditLog(m.t.Context(), model.AuditQuery{Account: m.account, Ascending: true, Limit: 100_000})
	if err != nil {
		m.t.Fatal(err)
	}
	for i := range lines {
		out = append(out, lines[i].Resource)
	}
	return out
}

// face holds the RRsets that differ between two versions against those of a plan. Keys and signatures of a zone that is signed anew are others
// each time.
func (m *matrix) face(what string, would *wouldFace, was, now *zone.Version) {
	t := m.t
	t.Helper()
	show := func(v *zone.Version, name wire.Name, kind wire.Type) string {
		if v == nil {
			return ""
		}
		for _, s := range v.Sets(name) {
			if s.Type == kind {
				return setText(s.TTL, each(s.Data, func(d []byte) string { return rr.FormatData(kind, d) }))
			}
		}
		return ""
	}
	got, want := map[string]string{}, map[string]string{}
	see := func(name wire.Name, kind wire.Type) {
		switch {
		case kind.IsDNSSEC() || kind == zone.TypeMark:
		case kind == wire.TypeDNSKEY || kind == 59 || kind == 60:
			got[name.Host()+" "+kind.String()] = "keys"
		case kind == wire.TypeSOA:
			before, after := strings.Fields(show(was, name, kind)), strings.Fields(show(now, name, kind))
			if was == nil || !slices.Equal(slices.Delete(before, 3, 4), slices.Delete(after, 3, 4)) {
				got[name.Host()+" SOA"] = show(was, name, kind) + " -> " + show(now, name, kind)
			}
		default:
			got[name.Host()+" "+kind.String()] = show(was, name, kind) + " -> " + show(now, name, kind)
		}
	}
	if was == nil {
		now.Walk(func(owner []byte, s zone.RRset) bool { see(wire.Name(owner), s.Type); return true })
	} else {
		d := zone.Diff(was, now)
		for _, part := range [][]byte{d.Removed, d.Added} {
			for len(part) > 0 {
				raw, rest, err := wire.NextRR(part)
				if err != nil {
					t.Fatal(err)
				}
				see(wire.Name(raw.Owner), raw.Type)
				part = rest
			}
		}
	}
	for _, s := range would.RRsets {
		key := s.Name + " " + s.Type
		if s.Type == "DNSKEY" || s.Type == "CDS" || s.Type == "CDNSKEY" {
			want[key] = "keys"
			continue
		}
		var before, after string
		if s.Before != nil {
			before = setText(s.Before.TTL, s.Before.Data)
		}
		if s.After != nil {
			after = setText(s.After.TTL, s.After.Data)
		}
		want[key] = before + " -> " + after
	}
	if diff := cmp.Diff(want, got); diff != "" || would.Count != len(got) {
		t.Errorf("%s: planned (-) and done (+), %d and %d:\n%s", what, would.Count, len(got), diff)
	}
}

func setText(ttl uint32, data []string) string { return fmt.Sprint(ttl, " ", strings.Join(data, ", ")) }

func each[T, V any](list []T, f func(T) V) (out []V) {
	for _, v := range list {
		out = append(out, f(v))
	}
	return out
}
