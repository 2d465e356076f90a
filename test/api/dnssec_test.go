package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// signed is a zone of a test, by the paths of both halves of the API.
type signed struct {
	s         *server
	name, id  string
	path, own string // …/dnssec
	zonePath  string
}

func (s *server) signed(name string) *signed {
	s.t.Helper()
	path, id := s.zone(name)
	z := &signed{s, name, id, path + "/dnssec", "/headwater/v1" + path + "/dnssec", path}
	s.must("PATCH", z.path, `{"status":"active"}`)
	return z
}

// keep looks after the zone's keys, as somebody does who has seen all secondaries with the newest version, and the parent's DS
// records where there says so.
func (z *signed) keep(there bool) {
	z.s.t.Helper()
	_, err := z.s.change(z.s.t.Context(), model.Change{Zone: model.ID(z.id), Edits: []model.Edit{model.KeepDNSSEC{
		Behind: func(uint32, bool) []string { return nil },
		DS:     func(*model.ZoneKey) (everywhere, somewhere, known bool) { return there, there, true },
		Names:  100,
	}}})
	if err != nil {
		z.s.t.Fatal(err)
	}
}

// settle lets days pass until no key waits for anything.
func (z *signed) settle() {
	z.s.t.Helper()
	for range 20 {
		z.keep(true)
		z.s.clock.pass(25 * time.Hour)
	}
}

func (z *signed) state() map[string]any { return z.s.must("GET", z.own, nil).object(z.s.t) }

// key gives a key of the role that stays.
func (z *signed) key(role string) map[string]any {
	z.s.t.Helper()
	for _, k := range z.state()["keys"].([]any) {
		if k := k.(map[string]any); k["role"] == role && k["state"] != "leaving" && k["origin"] != "foreign" {
			return k
		}
	}
	z.s.t.Fatalf("no %s: %v", role, z.state())
	return nil
}

func waitTexts(k map[string]any) string {
	var b strings.Builder
	for _, w := range k["waits"].([]any) {
		fmt.Fprintln(&b, w.(map[string]any)["for"], w.(map[string]any)["text"])
	}
	return b.String()
}

// A zone is signed, known to its parent, rolled, and withdrawn; at each step the API says what is waited for, and who must act.
func TestSigningLife(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z := s.signed("example.com")
	first := z.state()
	if first["status"] != "pending" || first["signed"] != true || first["denial"] != "nsec" || first["trouble"] != nil || len(first["keys"].([]any)) != 2 {
		t.Errorf("enabled: %v", first)
	}
	ksk, zsk := z.key("ksk"), z.key("zsk")
	if len(ksk["ds"].([]any)) != 2 || len(zsk["ds"].([]any)) != 0 || zsk["state"] != "signing" || ksk["bits"] != json.Number("256") || ksk["ds_seen"] != "unknown" {
		t.Errorf("keys: %v, %v", ksk, zsk)
	}
	for range 4 {
		z.keep(false)
		s.clock.pass(25 * time.Hour) // what was before is forgotten
	}
	if got := waitTexts(z.key("ksk")); !strings.Contains(got, "parent") || !strings.Contains(got, "registrar") {
		t.Errorf("the KSK waits for %q", got)
	}
	s.must("POST", z.own+"/ds_seen", map[string]any{"key_id": ksk["id"], "seen": true})
	if got := s.must("GET", z.path, nil).object(t)["status"]; got != "active" {
		t.Errorf("somebody has seen the DS: %v", got)
	}
	z.settle()
	if got := waitTexts(z.key("ksk")) + waitTexts(z.key("zsk")); got != "" {
		t.Errorf("settled, and waiting: %s", got)
	}
	s.must("PATCH", z.own, `{"policy":{"zsk_roll_days":90}}`)
	if got := waitTexts(z.key("zsk")); !strings.Contains(got, "clock") || !strings.Contains(got, "Nobody has to act") {
		t.Errorf("a ZSK of 90 days waits for %q", got)
	}
	s.must("POST", z.own+"/roll", `{"role":"zsk"}`)
	states := map[any]int{}
	for _, k := range z.state()["keys"].([]any) {
		states[k.(map[string]any)["state"]]++
	}
	if !maps.Equal(states, map[any]int{"signing": 1, "leaving": 1, "published": 1}) {
		t.Errorf("a ZSK rolls: %v", states)
	}
	z.settle()
	if again := z.key("zsk"); again["id"] == zsk["id"] || len(z.state()["keys"].([]any)) != 2 {
		t.Errorf("rolled: %v", z.state()["keys"])
	}
	s.must("PATCH", z.own, `{"denial":"nsec3"}`)
	if z.state()["denial"] != "nsec3" || s.must("GET", z.path, nil).object(t)["dnssec_use_nsec3"] != true {
		t.Error("NSEC3 is not shown")
	}
	s.must("PATCH", z.own, `{"policy":{"algorithm":15}}`)
	z.settle()
	if k := z.key("ksk"); k["algorithm"] != json.Number("15") || k["algorithm_name"] != "ED25519" {
		t.Errorf("another algorithm: %v", k)
	}
	if got := s.must("PATCH", z.path, `{"status":"disabled"}`).object(t)["status"]; got != "pending-disabled" {
		t.Errorf("disabled with a DS at the parent: %v", got)
	}
	z.keep(false)
	if got := s.must("GET", z.path, nil).object(t)["status"]; got != "disabled" {
		t.Errorf("the DS is gone: %v", got)
	}
}

// What the node knows of signatures is shown beside the keys: when they end, work under way, and what each secondary holds.
func TestSigningFacts(t *testing.T) {
	t.Parallel()
	facts := api.SigningFacts{}
	serial := uint32(7)
	s := newServer(t, func(c *api.Config) {
		c.Signing = func(*model.Zone) api.SigningFacts { return facts }
		c.Secondaries = func(context.Context, model.Zone) (api.Secondaries, error) {
			return api.Secondaries{Peers: []api.SecondaryPeer{
				{Peer: model.ID(strings.Repeat("a", 32)), Name: "one", State: api.SecondaryInStep, Serial: &serial},
				{Peer: model.ID(strings.Repeat("b", 32)), Name: "two", State: api.SecondaryBehind},
			}}, nil
		}
	})
	off, _ := s.zone("off.example")
	if got := s.must("GET", "/headwater/v1"+off+"/dnssec", nil).object(t); got["expires"] != nil || got["progress"] != nil || len(got["secondaries"].([]any)) != 0 {
		t.Errorf("unsigned: %v", got)
	}
	z := s.signed("example.com")
	now := s.clock.time()
	facts = api.SigningFacts{
		Expires: now.Add(21 * 24 * time.Hour), Trouble: "The store is full.",
		Progress: &api.SigningProgress{What: "first signing", Done: 5, Total: 9, Since: now},
	}
	got := z.state()
	if got["expires"] != "2026-03-25T05:06:07.000000Z" || got["renews"] != "2026-03-16T05:06:07.000000Z" || got["trouble"] != "The store is full." {
		t.Errorf("signatures: %v %v %v", got["expires"], got["renews"], got["trouble"])
	}
	if p := got["progress"].(map[string]any); p["what"] != "first signing" || p["done"] != num(5) || p["total"] != num(9) {
		t.Errorf("progress: %v", p)
	}
	peers := got["secondaries"].([]any)
	one, two := peers[0].(map[string]any), peers[1].(map[string]any)
	if one["expires"] != got["expires"] || one["serial"] != num(7) || two["expires"] != nil || two["state"] != "behind" {
		t.Errorf("secondaries: %v", peers)
	}
}

// Keys leave in BIND's form and come in again; who may not administer the account sees none, and the log tells of each.
func TestKeysLeaveAndCome(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z := s.signed("example.com")
	k := z.key("ksk")
	path := z.own + "/keys/" + k["id"].(string)
	weak := bearer(s.must("POST", "/user/tokens", tokenBody(s.policy(auth.EffectAllow, "com.cloudflare.api.account.zone.*", "DNS Write"))).object(t)["value"].(string))
	s.fails(403, 9109, "GET", path+"/export", nil, weak)
	out := s.must("GET", path+"/export", nil).object(t)
	whole, times, err := dnssec.ParseBIND(wire.MustName("example.com"), out["key"].(string), out["private"].(string))
	if err != nil || fmt.Sprint(whole.Tag()) != fmt.Sprint(k["tag"]) || times.Created.IsZero() || times.Publish.IsZero() ||
		out["name"] != fmt.Sprintf("Kexample.com.+013+%05d", whole.Tag()) {
		t.Errorf("exported: %v, %v", out["name"], err)
	}
	if log := s.must("GET", "/accounts/"+string(s.account)+"/logs/audit?since=2026-01-01&before=2027-01-01", nil).Raw; strings.Count(log, `"dnssec_export"`) != 1 ||
		strings.Contains(log, "PrivateKey") {
		t.Errorf("the audit log: %s", log)
	}
	s.fails(400, model.CodeDNSSECState, "DELETE", path, nil)

	plain, id := s.zone("example.net")
	other := &signed{s, "example.net", id, plain + "/dnssec", "/headwater/v1" + plain + "/dnssec", plain}
	files := bindFiles(t, "example.net", dnssec.ECDSAP256SHA256, 257)
	s.fails(403, 9109, "POST", other.own+"/keys", files, weak)
	r := s.do("POST", other.own+"/keys", files)
	if r.Status != 201 {
		t.Fatalf("import: %s", r.Raw)
	}
	made := other.key("ksk")
	if made["origin"] != "imported" || made["state"] != "new" {
		t.Errorf("imported: %v", made)
	}
	if got := s.must("GET", other.path, nil).object(t)["status"]; got != "disabled" {
		t.Errorf("a key has come, and the zone is %v", got)
	}
	s.must("PATCH", other.path, `{"status":"active"}`)
	if got := other.key("ksk"); got["id"] != made["id"] || got["state"] != "signing" {
		t.Errorf("the imported key does not sign: %v", got)
	}
	// One that was never used goes at once.
	third, tid := s.zone("example.org")
	s.do("POST", "/headwater/v1"+third+"/dnssec/keys", bindFiles(t, "example.org", dnssec.ED25519, 257))
	unused := (&signed{s: s, own: "/headwater/v1" + third + "/dnssec", id: tid}).key("ksk")
	left := s.must("DELETE", "/headwater/v1"+third+"/dnssec/keys/"+unused["id"].(string), nil).object(t)
	if len(left["keys"].([]any)) != 0 {
		t.Errorf("a key that was dropped is there: %v", left)
	}
}

// bindFiles makes a key of a zone, as a request to import it.
func bindFiles(t *testing.T, zone string, a dnssec.Algorithm, flags uint16) map[string]any {
	t.Helper()
	k, err := dnssec.Generate(a, flags, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, public, private, err := k.BIND(wire.MustName(zone), dnssec.Times{})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"public": public, "private": private}
}

// foreign is a DNSKEY record of another signer, as content.
func foreign(t *testing.T, a dnssec.Algorithm, flags uint16) (content string, k *dnssec.DNSKEY) {
	t.Helper()
	made, err := dnssec.Generate(a, flags, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rr.FormatData(wire.TypeDNSKEY, made.RData()), &made.DNSKEY
}

// dnskey is a body of a record at the apex.
func apexRecord(zone, typ, content string) map[string]any {
	return map[string]any{"name": zone, "type": typ, "content": content}
}

// Two signers sign one zone (RFC 8901, model 2): the other's keys stand among the records, are published and signed with ours, and the
// API says what is missing to join it and to leave it.
func TestMultiSigner(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z := s.signed("example.com")
	z.settle()
	records := z.zonePath + "/dns_records"
	zsk, _ := foreign(t, dnssec.ECDSAP256SHA256, 256)
	ksk, public := foreign(t, dnssec.ECDSAP256SHA256, 257)
	s.fails(400, model.CodeDNSSECState, "POST", records, apexRecord(z.name, "DNSKEY", zsk))
	if got := s.must("PATCH", z.path, `{"dnssec_multi_signer":true}`).object(t)["dnssec_multi_signer"]; got != true {
		t.Fatalf("multi-signer is %v", got)
	}
	if steps := z.state()["multi_signer_steps"].([]any); len(steps) != 4 || steps[0].(map[string]any)["done"] != false {
		t.Errorf("steps to join: %v", steps)
	}
	var ids []string
	for _, content := range []string{zsk, ksk} {
		ids = append(ids, s.must("POST", records, apexRecord(z.name, "DNSKEY", content)).object(t)["id"].(string))
	}
	counts := func() map[wire.Type]int {
		out := map[wire.Type]int{}
		for _, set := range s.db.ByID(z.id).State().Transfer.Sets(wire.MustName(z.name)) {
			out[set.Type] = len(set.Data)
		}
		return out
	}
	got := counts()
	if got[wire.TypeDNSKEY] != 4 || got[wire.TypeCDS] != 2 || got[wire.TypeCDNSKEY] != 2 {
		t.Errorf("%d DNSKEY, %d CDS, %d CDNSKEY", got[wire.TypeDNSKEY], got[wire.TypeCDS], got[wire.TypeCDNSKEY])
	}
	state := z.state()
	if len(state["keys"].([]any)) != 4 || len(state["multi_signer_steps"].([]any)) != 7 || state["multi_signer_steps"].([]any)[0].(map[string]any)["done"] != true {
		t.Errorf("joined: %v", state)
	}
	if raw, _ := json.Marshal(state); !strings.Contains(string(raw), `"origin":"foreign"`) {
		t.Error("the foreign keys are not shown")
	}
	// What the server makes is no record; what it has made, and comes back in a file, is passed over.
	if n := s.must("GET", records, nil).Info.TotalCount; n != 2 {
		t.Errorf("%d records", n)
	}
	file := s.must("GET", records+"/export", nil).Raw + "\n" + z.key("ksk")["dnskey"].(string) + "\n" +
		"example.com. 3600 IN CDS " + rr.FormatData(wire.TypeCDS, public.DS(wire.MustName(z.name), dnssec.SHA384)) + "\n" +
		"www.example.com. 300 IN RRSIG A 13 3 300 20300101000000 20200101000000 1 example.com. AAAA\n" +
		"www.example.com. 300 IN NSEC example.com. A RRSIG NSEC\n"
	r := s.importFile(records+"/import", "file", file)
	if added := r.object(t)["recs_added"]; added != num(1) {
		t.Errorf("an import of the whole zone adds %v: %s", added, r.Raw)
	}
	for _, typ := range []string{"RRSIG", "NSEC", "DNSKEY"} {
		if !slices.ContainsFunc(r.Messages, func(m struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		},
		) bool {
			return strings.Contains(m.Message, typ+" is skipped")
		}) {
			t.Errorf("no note of %s: %s", typ, r.Raw)
		}
	}
	// A CDS record of the other signer's own digest stands beside those that are made of its key.
	if n := counts()[wire.TypeCDS]; n != 3 {
		t.Errorf("%d CDS", n)
	}
	for _, body := range []string{`{"dnssec_multi_signer":false}`, `{"dnssec_multi_signer":null}`} {
		s.fails(400, model.CodeDNSSECState, "PATCH", z.path, body)
	}
	for _, rec := range s.must("GET", records, nil).list(t) {
		s.must("DELETE", records+"/"+rec["id"].(string), nil)
	}
	s.must("PATCH", z.path, `{"dnssec_multi_signer":false}`)
	if got := counts(); got[wire.TypeDNSKEY] != 2 || got[wire.TypeCDS] != 1 {
		t.Errorf("left: %d DNSKEY, %d CDS", got[wire.TypeDNSKEY], got[wire.TypeCDS])
	}
	if len(ids) != 2 || len(z.state()["multi_signer_steps"].([]any)) != 0 {
		t.Error("steps of what is over")
	}
}

// badDNSSEC is a request that is refused.
type badDNSSEC struct {
	name, method, path string
	body               any
	status, code       int
	pointer            string
	as                 []as
}

// TestBadDNSSEC: whatever is wrong gets a clear error that says where, and nothing is changed.
func TestBadDNSSEC(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	off, offID := s.zone("off.example")
	plain := &signed{s, "off.example", offID, off + "/dnssec", "/headwater/v1" + off + "/dnssec", off}
	quiet, rolling, multi, both := s.signed("quiet.example"), s.signed("rolling.example"), s.signed("multi.example"), s.signed("ed.example")
	both.settle()
	s.must("PATCH", both.own, `{"policy":{"algorithm":15}}`)
	for _, z := range []*signed{quiet, rolling, multi, both} {
		z.settle()
	}
	s.must("POST", rolling.own+"/roll", `{"role":"zsk"}`)
	s.must("PATCH", multi.path, `{"dnssec_multi_signer":true}`)
	theirs, _ := foreign(t, dnssec.ECDSAP256SHA256, 257)
	s.must("POST", multi.zonePath+"/dns_records", apexRecord(multi.name, "DNSKEY", theirs))
	s.must("PATCH", both.path, `{"dnssec_multi_signer":true}`)
	ending := s.signed("ending.example")
	ending.settle()
	s.must("PATCH", ending.path, `{"status":"disabled"}`)
	waiting := s.signed("waiting.example")
	lost := s.signed("lost.example")
	lost.settle()
	lost.lose()
	s.must("PATCH", quiet.own, `{"policy":{"ksk_roll":"cds"}}`)
	weak := bearer(s.must("POST", "/user/tokens", tokenBody(s.policy(auth.EffectAllow, "com.cloudflare.api.account.zone.*", "DNS Write"))).object(t)["value"].(string))

	cases := slices.Concat(
		badStates(quiet, multi, ending, waiting), badPolicies(quiet, rolling), badRolls(plain, quiet, rolling, ending, waiting, multi),
		badSightings(quiet, rolling), badImports(t, quiet, rolling, weak), badKeyPaths(quiet, rolling, lost, weak), badSignerRecords(t, quiet, multi, both, lost),
	)
	if len(cases) < 100 {
		t.Errorf("%d cases", len(cases))
	}
	all := func() string {
		var b strings.Builder
		for _, z := range []*signed{plain, quiet, rolling, multi, both, ending, waiting, lost} {
			fmt.Fprintln(&b, s.must("GET", z.own, nil).Raw, s.must("GET", z.path, nil).Raw, s.must("GET", z.zonePath+"/dns_records", nil).Raw, s.serial(z.id))
			keys, err := s.store.ZoneKeys(t.Context(), model.ID(z.id))
			if err != nil {
				t.Fatal(err)
			}
			raw, err := json.Marshal(keys)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&b, string(raw))
			for i := range keys {
				fmt.Fprintf(&b, "%x\n", sha256.Sum256(keys[i].Private))
			}
		}
		return b.String()
	}
	before := all()
	for _, c := range cases {
		if c.status == 0 {
			c.status = 400
		}
		r := s.fails(c.status, c.code, c.method, c.path, c.body, c.as...)
		if r.Status == c.status && (r.pointer() != c.pointer || len(r.Errors) > 0 && len(r.Errors[0].Message) < 10) {
			t.Errorf("%s: pointer %q, want %q: %s", c.name, r.pointer(), c.pointer, r.Raw)
		}
		if after := all(); after != before {
			t.Fatalf("%s: it was refused and has changed something:\n%s", c.name, cmp.Diff(before, after))
		}
	}
	t.Logf("%d cases", len(cases))
}

// lose takes the private halves of a zone's keys away, as a restore without the secret key does.
func (z *signed) lose() {
	t := z.s.t
	t.Helper()
	tx, err := z.s.store.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if err := tx.Lock(t.Context(), model.Locks{Zones: []model.ID{model.ID(z.id)}}); err != nil {
		t.Fatal(err)
	}
	keys, err := tx.ZoneKeys(t.Context(), model.ID(z.id))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		k.Private = nil
		if err := tx.PutZoneKey(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	row, err := tx.Zone(t.Context(), model.ID(z.id))
	if err == nil {
		row.DNSSEC.Keys = auth.NewID()
		err = tx.PutZone(t.Context(), row)
	}
	if err == nil {
		_, err = tx.Commit(t.Context(), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func badStates(quiet, multi, ending, waiting *signed) (out []badDNSSEC) {
	const state = model.CodeDNSSECState
	for _, c := range []struct {
		body, pointer string
		code          int
	}{
		{`{"status":"on"}`, "/status", model.CodeDNSSECStatus},
		{`{"status":""}`, "/status", model.CodeDNSSECStatus},
		{`{"status":"pending"}`, "/status", model.CodeDNSSECStatus},
		{`{"status":5}`, "/status", model.CodeBodyInvalid},
		{`{"dnssec_presigned":true}`, "/dnssec_presigned", state},
		{`{"dnssec_presigned":true,"dnssec_use_nsec3":true}`, "/dnssec_presigned", state},
		{`{"dnssec_presigned":true,"dnssec_multi_signer":true}`, "/dnssec_presigned", state},
		{`{"status":"active","dnssec_presigned":true}`, "/dnssec_presigned", state},
		{`{"dnssec_multi_signer":"yes"}`, "/dnssec_multi_signer", model.CodeBodyInvalid},
		{`{"dnssec_use_nsec3":1}`, "/dnssec_use_nsec3", model.CodeBodyInvalid},
		{`{"status":`, "", model.CodeBodyInvalid},
		{`[]`, "", model.CodeBodyInvalid},
		{`"active"`, "", model.CodeBodyInvalid},
	} {
		out = append(out, badDNSSEC{name: c.body, method: "PATCH", path: quiet.path, body: c.body, code: c.code, pointer: c.pointer})
	}
	for _, body := range []string{`{"dnssec_multi_signer":false}`, `{"dnssec_multi_signer":null}`} {
		out = append(out, badDNSSEC{name: "keys of others", method: "PATCH", path: multi.path, body: body, code: state, pointer: "/dnssec_multi_signer"})
	}
	for _, z := range []*signed{quiet, ending, waiting} {
		out = append(out, badDNSSEC{name: "delete " + z.name, method: "DELETE", path: z.path, code: state})
	}
	return out
}

func badPolicies(quiet, rolling *signed) (out []badDNSSEC) {
	const policy = model.CodeDNSSECPolicy
	for _, c := range []struct {
		body, pointer string
		code          int
	}{
		{`{"policy":{"algorithm":7}}`, "/policy/algorithm", policy},
		{`{"policy":{"algorithm":16}}`, "/policy/algorithm", policy},
		{`{"policy":{"algorithm":0}}`, "/policy/algorithm", policy},
		{`{"policy":{"algorithm":-1}}`, "/policy/algorithm", policy},
		{`{"policy":{"algorithm":269}}`, "/policy/algorithm", policy},
		{`{"policy":{"algorithm":null}}`, "/policy/algorithm", policy},
		{`{"policy":{"algorithm":"13"}}`, "/policy/algorithm", model.CodeBodyInvalid},
		{`{"policy":{"zsk_roll_days":-1}}`, "/policy/zsk_roll_days", policy},
		{`{"policy":{"zsk_roll_days":3}}`, "/policy/zsk_roll_days", policy},
		{`{"policy":{"zsk_roll_days":4000}}`, "/policy/zsk_roll_days", policy},
		{`{"policy":{"zsk_roll_days":1.5}}`, "/policy/zsk_roll_days", model.CodeBodyInvalid},
		{`{"policy":{"ksk_roll":"yearly"}}`, "/policy/ksk_roll", policy},
		{`{"policy":{"ksk_roll":null}}`, "/policy/ksk_roll", policy},
		{`{"policy":{"cds":false}}`, "/policy/ksk_roll", policy}, // its KSKs roll by CDS
		{`{"policy":{"ksk_roll":"cds","cds":false}}`, "/policy/ksk_roll", policy},
		{`{"policy":{"cds":"no"}}`, "/policy/cds", model.CodeBodyInvalid},
		{`{"policy":5}`, "/policy", model.CodeBodyInvalid},
		{`{"denial":"nsec5"}`, "/denial", policy},
		{`{"denial":""}`, "/denial", policy},
		{`{"denial":3}`, "/denial", model.CodeBodyInvalid},
	} {
		out = append(out, badDNSSEC{name: c.body, method: "PATCH", path: quiet.own, body: c.body, code: c.code, pointer: c.pointer})
	}
	return append(out, badDNSSEC{
		name: "another algorithm during a roll", method: "PATCH", path: rolling.own, body: `{"policy":{"algorithm":15,"zsk_roll_days":30}}`, code: model.CodeDNSSECState,
		pointer: "/policy/algorithm",
	})
}

func badRolls(plain, quiet, rolling, ending, waiting, multi *signed) (out []badDNSSEC) {
	const policy, state = model.CodeDNSSECPolicy, model.CodeDNSSECState
	for _, c := range []struct {
		zone          *signed
		body, pointer string
		code          int
	}{
		{quiet, `{}`, "", policy},
		{quiet, `{"role":"zsk","algorithm":15}`, "", policy},
		{quiet, `{"role":"all"}`, "/role", policy},
		{quiet, `{"role":null}`, "/role", policy},
		{quiet, `{"role":1}`, "/role", model.CodeBodyInvalid},
		{quiet, `{"algorithm":5}`, "/algorithm", policy},
		{quiet, `{"algorithm":13}`, "/algorithm", state}, // it has that
		{quiet, `{"role":"csk"}`, "/role", state},        // it has none
		{plain, `{"role":"zsk"}`, "/role", state},
		{plain, `{"algorithm":15}`, "/algorithm", state},
		{ending, `{"role":"zsk"}`, "/role", state},
		{ending, `{"role":"ksk"}`, "/role", state},
		{rolling, `{"role":"zsk"}`, "/role", state},
		{rolling, `{"role":"ksk"}`, "/role", state},
		{rolling, `{"algorithm":15}`, "/algorithm", state},
		{waiting, `{"role":"zsk"}`, "/role", state}, // it is being signed for the first time
		{multi, `{"algorithm":15}`, "/algorithm", state},
	} {
		out = append(out, badDNSSEC{name: c.zone.name + c.body, method: "POST", path: c.zone.own + "/roll", body: c.body, code: c.code, pointer: c.pointer})
	}
	return out
}

func badSightings(quiet, rolling *signed) (out []badDNSSEC) {
	const policy = model.CodeDNSSECPolicy
	id := func(z *signed, role string) string { return z.key(role)["id"].(string) }
	for _, c := range []struct {
		body, pointer string
		status, code  int
	}{
		{`{}`, "/key_id", 0, policy},
		{`{"key_id":"x","seen":true}`, "/key_id", 0, policy},
		{`{"key_id":"` + id(quiet, "ksk") + `"}`, "/seen", 0, policy},
		{`{"key_id":"` + id(quiet, "ksk") + `","seen":null}`, "/seen", 0, policy},
		{`{"key_id":"` + id(quiet, "ksk") + `","seen":"yes"}`, "/seen", 0, model.CodeBodyInvalid},
		{`{"key_id":"` + strings.Repeat("e", 32) + `","seen":true}`, "/key_id", 404, model.CodeDNSSECNoKey},
		{`{"key_id":"` + id(rolling, "ksk") + `","seen":true}`, "/key_id", 404, model.CodeDNSSECNoKey},
		{`{"key_id":"` + id(quiet, "zsk") + `","seen":true}`, "/key_id", 0, model.CodeDNSSECState},
	} {
		out = append(out, badDNSSEC{name: c.body, method: "POST", path: quiet.own + "/ds_seen", body: c.body, status: c.status, code: c.code, pointer: c.pointer})
	}
	return out
}

func badImports(t *testing.T, quiet, rolling *signed, weak as) (out []badDNSSEC) {
	t.Helper()
	const key = model.CodeDNSSECKey
	a := dnssec.ECDSAP256SHA256
	good, next := bindFiles(t, quiet.name, a, 257), bindFiles(t, quiet.name, a, 256)
	ed := bindFiles(t, quiet.name, dnssec.ED25519, 257)
	public, private := good["public"].(string), good["private"].(string)
	own := quiet.s.must("GET", quiet.own+"/keys/"+quiet.key("ksk")["id"].(string)+"/export", nil).object(t)
	files := func(public, private any) map[string]any { return map[string]any{"public": public, "private": private} }
	for name, c := range map[string]struct {
		body    map[string]any
		code    int
		pointer string
	}{
		"nothing":           {map[string]any{}, key, "/public"},
		"garbage":           {files("\x01garbage", "garbage"), key, "/public"},
		"another zone":      {bindFiles(t, rolling.name, a, 257), key, "/public"},
		"no private half":   {files(public, ""), key, "/public"},
		"private garbage":   {files(public, "Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: ?\n"), key, "/public"},
		"another's half":    {files(public, next["private"]), key, "/private"},
		"another algorithm": {files(public, ed["private"]), key, "/private"},
		"SHA-1":             {files(strings.Replace(public, "257 3 13", "257 3 7", 1), private), key, "/public"},
		"Ed448":             {files(strings.Replace(public, "257 3 13", "257 3 16", 1), private), key, "/public"},
		"revoked":           {files(strings.Replace(public, "257 3 13", "385 3 13", 1), private), key, "/public"},
		"no zone key":       {files(strings.Replace(public, "257 3 13", "1 3 13", 1), private), key, "/public"},
		"protocol":          {files(strings.Replace(public, "257 3 13", "257 2 13", 1), private), key, "/public"},
		"two records":       {files(public+public, private), key, "/public"},
		"huge":              {files(strings.Repeat("\n", 1<<15)+public, private), key, "/public"},
		"not the zone's":    {ed, model.CodeDNSSECState, "/public"},
		"there already":     {files(own["key"], own["private"]), model.CodeDNSSECState, "/public"},
		"role of a KSK":     {map[string]any{"public": public, "private": private, "role": "zsk"}, model.CodeDNSSECPolicy, "/role"},
		"role of a ZSK":     {map[string]any{"public": next["public"], "private": next["private"], "role": "csk"}, model.CodeDNSSECPolicy, "/role"},
		"no role":           {map[string]any{"public": public, "private": private, "role": "master"}, model.CodeDNSSECPolicy, "/role"},
		"role of a kind":    {map[string]any{"public": public, "private": private, "role": 1}, model.CodeBodyInvalid, "/role"},
		"public of a kind":  {map[string]any{"public": 1, "private": private}, model.CodeBodyInvalid, "/public"},
	} {
		out = append(out, badDNSSEC{name: "import: " + name, method: "POST", path: quiet.own + "/keys", body: c.body, code: c.code, pointer: c.pointer})
	}
	return append(out,
		badDNSSEC{
			name: "import during a roll", method: "POST", path: rolling.own + "/keys", body: bindFiles(t, rolling.name, a, 256), code: model.CodeDNSSECState,
			pointer: "/public",
		},
		badDNSSEC{name: "import by whom", method: "POST", path: quiet.own + "/keys", body: good, status: 403, code: 9109, as: []as{weak}},
	)
}

func badKeyPaths(quiet, rolling, lost *signed, weak as) []badDNSSEC {
	nobody := strings.Repeat("e", 32)
	of := func(z *signed, role string) string { return z.key(role)["id"].(string) }
	at := func(z *signed, id string) string { return z.own + "/keys/" + id }
	const no, state = model.CodeDNSSECNoKey, model.CodeDNSSECState
	return []badDNSSEC{
		{name: "drop a KSK that signs", method: "DELETE", path: at(quiet, of(quiet, "ksk")), code: state},
		{name: "drop a ZSK that signs", method: "DELETE", path: at(quiet, of(quiet, "zsk")), code: state},
		{name: "drop what is published", method: "DELETE", path: at(rolling, of(rolling, "zsk")), code: state},
		{name: "drop nothing", method: "DELETE", path: at(quiet, nobody), status: 404, code: no},
		{name: "drop another's", method: "DELETE", path: at(quiet, of(rolling, "ksk")), status: 404, code: no},
		{name: "drop by a tag", method: "DELETE", path: at(quiet, "12345"), status: 404, code: 7003},
		{name: "export nothing", method: "GET", path: at(quiet, nobody) + "/export", status: 404, code: no},
		{name: "export another's", method: "GET", path: at(quiet, of(rolling, "ksk")) + "/export", status: 404, code: no},
		{name: "export by whom", method: "GET", path: at(quiet, of(quiet, "ksk")) + "/export", status: 403, code: 9109, as: []as{weak}},
		{name: "export what is lost", method: "GET", path: at(lost, of(lost, "ksk")) + "/export", status: 500, code: model.CodeDNSSECKeys},
		{
			name: "a change where keys are lost", method: "POST", path: lost.zonePath + "/dns_records", body: `{"name":"www","type":"A","content":"192.0.2.1"}`,
			status: 500, code: model.CodeDNSSECKeys,
		},
		{name: "a roll where keys are lost", method: "POST", path: lost.own + "/roll", body: `{"role":"zsk"}`, status: 500, code: model.CodeDNSSECKeys},
	}
}

// badSignerRecords are records that only a signer makes, and keys of others that cannot stand beside ours.
func badSignerRecords(t *testing.T, quiet, multi, ed, lost *signed) (out []badDNSSEC) {
	t.Helper()
	theirs, _ := foreign(t, dnssec.ECDSAP256SHA256, 256)
	other, otherKey := foreign(t, dnssec.ED25519, 257)
	own := strings.SplitN(multi.key("ksk")["dnskey"].(string), " DNSKEY ", 2)[1]
	ds := rr.FormatData(wire.TypeCDS, otherKey.DS(wire.MustName(multi.name), dnssec.SHA256))
	short := base64.StdEncoding.EncodeToString(make([]byte, 64))
	const key, state = model.CodeDNSSECKey, model.CodeDNSSECState
	for _, c := range []struct {
		zone         *signed
		typ, content string
		code         int
		pointer      string
		ttl          int
	}{
		{quiet, "RRSIG", "A 13 2 300 20300101000000 20200101000000 1 quiet.example. AAAA", model.CodeTypeInvalid, "/type", 0},
		{quiet, "NSEC", "quiet.example. A", model.CodeTypeInvalid, "/type", 0},
		{quiet, "NSEC3", "1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A", model.CodeTypeInvalid, "/type", 0},
		{quiet, "NSEC3PARAM", "1 0 0 -", model.CodeTypeInvalid, "/type", 0},
		{quiet, "DNSKEY", theirs, state, "/type", 0},
		{quiet, "CDS", "0 0 0 00", state, "/type", 0},
		{quiet, "CDNSKEY", "0 3 0 AA==", state, "/type", 0},
		{multi, "DNSKEY", own, key, "/content", 0},
		{multi, "DNSKEY", other, key, "/content", 0},
		{multi, "DNSKEY", strings.Replace(theirs, "256 3", "256 2", 1), key, "/content", 0},
		{multi, "DNSKEY", strings.Replace(theirs, "256 3", "384 3", 1), key, "/content", 0},
		{multi, "DNSKEY", strings.Replace(theirs, "256 3", "0 3", 1), key, "/content", 0},
		{multi, "DNSKEY", strings.Replace(theirs, "256 3", "258 3", 1), key, "/content", 0},
		{multi, "DNSKEY", "256 3 13 " + short, key, "/content", 0},
		{multi, "CDS", ds, key, "/content", 0},
		{multi, "CDS", "0 0 0 00", key, "/content", 0},
		{multi, "CDNSKEY", other, key, "/content", 0},
		{multi, "CDNSKEY", "0 3 0 AA==", key, "/content", 0},
		{ed, "DNSKEY", twin(ed.key("zsk")["dnskey"].(string)), key, "/content", 0}, // the same tag
		{quiet, "A", "192.0.2.1", model.CodeTTL, "/ttl", 90000},                    // longer than signatures are good for
	} {
		body := apexRecord(c.zone.name, c.typ, c.content)
		if c.ttl != 0 {
			body["ttl"] = c.ttl
		}
		out = append(out, badDNSSEC{
			name: c.zone.name + " " + c.typ + " " + c.content, method: "POST", path: c.zone.zonePath + "/dns_records", body: body, code: c.code, pointer: c.pointer,
		})
	}
	return append(out, badDNSSEC{
		name: "an SOA that outlives signatures", method: "PATCH", path: quiet.zonePath + "/dns_settings", body: `{"soa":{"expire":9000000}}`, code: model.CodeSettingsInvalid,
		pointer: "/soa/expire",
	})
}

// twin is another Ed25519 key with the tag of one: two octets that count alike for the tag have changed places.
func twin(dnskey string) string {
	content := strings.SplitN(dnskey, " DNSKEY ", 2)[1]
	f := strings.Fields(content)
	b, err := base64.StdEncoding.DecodeString(f[3])
	if err != nil || len(b) != 32 {
		panic(dnskey)
	}
	for i := 0; i+2 < len(b); i++ {
		if b[i] != b[i+2] {
			b[i], b[i+2] = b[i+2], b[i]
			break
		}
	}
	return strings.Join([]string{f[0], f[1], f[2], base64.StdEncoding.EncodeToString(b)}, " ")
}
