package api_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// secondaryDNS is the path of the account's transfer objects.
func (s *server) secondaryDNS() string { return "/accounts/" + string(s.account) + "/secondary_dns" }

func (r *reply) id(t *testing.T) string {
	t.Helper()
	id, ok := r.object(t)["id"].(string)
	if !ok {
		t.Fatalf("no id in %s", r.Raw)
	}
	return id
}

func (r *reply) text(t *testing.T) string {
	t.Helper()
	var s string
	decode(t, r.Result, &s)
	return s
}

func (r *reply) pointer() string {
	if len(r.Errors) == 0 {
		return ""
	}
	return r.Errors[0].Source.Pointer
}

func (s *server) tsig(name string) string {
	s.t.Helper()
	return s.must("POST", s.secondaryDNS()+"/tsigs", map[string]any{"name": name, "algo": "hmac-sha256."}).id(s.t)
}

func (s *server) peer(name, ip, tsig string) string {
	s.t.Helper()
	body := map[string]any{"name": name, "ip": ip}
	if tsig != "" {
		body["tsig_id"] = tsig
	}
	return s.must("POST", s.secondaryDNS()+"/peers", body).id(s.t)
}

func TestTSIGLife(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	path := s.secondaryDNS() + "/tsigs"
	secret := strings.Repeat("0123456789abcdef", 8) // 128 hexadecimal digits are base64, too
	made := s.must("POST", path, map[string]any{"name": "Tsig.Customer.cf.", "algo": "hmac-sha512.", "secret": secret, "id": "ignored"})
	id := made.id(t)
	want := map[string]any{"id": id, "name": "Tsig.Customer.cf.", "algo": "hmac-sha512.", "secret": secret}
	for _, r := range []*reply{made, s.must("GET", path+"/"+id, nil)} {
		if d := cmp.Diff(want, r.object(t)); d != "" {
			t.Error(d)
		}
	}
	list := s.must("GET", path, nil)
	if d := cmp.Diff([]map[string]any{want}, list.list(t)); d != "" || list.Info.TotalCount != 1 || list.Info.Count != 1 {
		t.Errorf("list: %s %+v", d, list.Info)
	}
	put := s.must("PUT", path+"/"+id, map[string]any{"name": "other.example", "algo": "hmac-sha384"})
	want = map[string]any{"id": id, "name": "other.example", "algo": "hmac-sha384", "secret": secret}
	if d := cmp.Diff(want, put.object(t)); d != "" {
		t.Errorf("a rename changed more: %s", d)
	}
	if got := s.must("DELETE", path+"/"+id, nil).object(t); got["id"] != id || len(got) != 1 {
		t.Errorf("delete answers %v", got)
	}
	for _, m := range []string{"GET", "DELETE"} {
		s.fails(404, model.CodeTSIGNotFound, m, path+"/"+id, nil)
	}
	s.fails(404, model.CodeTSIGNotFound, "PUT", path+"/"+id, map[string]any{"name": "a.example", "algo": "hmac-sha256"})
}

func TestTSIGDrawnSecrets(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	seen := map[string]bool{}
	for algo, octets := range map[string]int{
		"hmac-sha1.": 20, "hmac-sha224": 28, "HMAC-SHA256.": 32, "hmac-sha384.": 48, "hmac-sha512": 64,
	} {
		for i, none := range []any{nil, ""} {
			body := map[string]any{"name": "k.example.", "algo": algo, "secret": none}
			if i == 1 {
				delete(body, "secret")
			}
			got := s.must("POST", s.secondaryDNS()+"/tsigs", body).object(t)
			secret, _ := got["secret"].(string)
			raw, err := base64.StdEncoding.DecodeString(secret)
			if err != nil || len(raw) != octets || seen[secret] || got["algo"] != algo {
				t.Errorf("%s: secret of %d octets, %v", algo, len(raw), err)
			}
			seen[secret] = true
		}
	}
}

func TestTransferObjectsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	stranger := strings.Repeat("e", 32)
	long := strings.Repeat("x", 101)
	tests := []struct {
		kind, body string
		code       int
		pointer    string
	}{
		{"tsigs", `{"algo":"hmac-sha256."}`, model.CodeTSIGName, "/name"},
		{"tsigs", `{"name":"","algo":"hmac-sha256."}`, model.CodeTSIGName, "/name"},
		{"tsigs", `{"name":".","algo":"hmac-sha256."}`, model.CodeTSIGName, "/name"},
		{"tsigs", `{"name":"a..b","algo":"hmac-sha256."}`, model.CodeTSIGName, "/name"},
		{"tsigs", `{"name":"a b.example","algo":"hmac-sha256."}`, model.CodeTSIGName, "/name"},
		{"tsigs", `{"name":"bücher.example","algo":"hmac-sha256."}`, model.CodeTSIGName, "/name"},
		{"tsigs", `{"name":"` + strings.Repeat("a", 64) + `.example","algo":"hmac-sha256."}`, model.CodeTSIGName, "/name"},
		{"tsigs", `{"name":"` + strings.Repeat("abcdefgh.", 30) + `","algo":"hmac-sha256."}`, model.CodeTSIGName, "/name"},
		{"tsigs", `{"name":"k.example"}`, model.CodeTSIGAlgo, "/algo"},
		{"tsigs", `{"name":"k.example","algo":"sha256"}`, model.CodeTSIGAlgo, "/algo"},
		{"tsigs", `{"name":"k.example","algo":"hmac-md5.sig-alg.reg.int."}`, model.CodeTSIGAlgo, "/algo"},
		{"tsigs", `{"name":"k.example","algo":"hmac-sha256","secret":"not base64!"}`, model.CodeTSIGSecret, "/secret"},
		{"tsigs", `{"name":"k.example","algo":"hmac-sha256","secret":"c2VjcmV0\n"}`, model.CodeTSIGSecret, "/secret"},
		{"tsigs", `{"name":"k.example","algo":"hmac-sha256","secret":"abc"}`, model.CodeTSIGSecret, "/secret"},
		{"tsigs", `{"name":"k.example","algo":"hmac-sha256","secret":"` + strings.Repeat("AAAA", 200) + `"}`, model.CodeTSIGSecret, "/secret"},
		{"tsigs", `{"name":5,"algo":"hmac-sha256"}`, model.CodeBodyInvalid, "/name"},
		{"tsigs", `[]`, model.CodeBodyInvalid, ""},
		{"tsigs", `{"name":`, model.CodeBodyInvalid, ""},
		{"tsigs", ``, model.CodeBodyInvalid, ""},

		{"peers", `{}`, model.CodePeerName, "/name"},
		{"peers", `{"name":"  "}`, model.CodePeerName, "/name"},
		{"peers", `{"name":"` + long + `"}`, model.CodePeerName, "/name"},
		{"peers", `{"name":"two\nlines"}`, model.CodePeerName, "/name"},
		{"peers", `{"name":"p","ip":"192.0.2"}`, model.CodePeerIP, "/ip"},
		{"peers", `{"name":"p","ip":"192.0.2.0/24"}`, model.CodePeerIP, "/ip"},
		{"peers", `{"name":"p","ip":"ns1.example"}`, model.CodePeerIP, "/ip"},
		{"peers", `{"name":"p","ip":"fe80::1%eth0"}`, model.CodePeerIP, "/ip"},
		{"peers", `{"name":"p","ip":"0.0.0.0"}`, model.CodePeerIP, "/ip"},
		{"peers", `{"name":"p","ip":"224.0.0.1"}`, model.CodePeerIP, "/ip"},
		{"peers", `{"name":"p","port":0}`, model.CodePeerPort, "/port"},
		{"peers", `{"name":"p","port":65536}`, model.CodePeerPort, "/port"},
		{"peers", `{"name":"p","port":-1}`, model.CodePeerPort, "/port"},
		{"peers", `{"name":"p","port":5.5}`, model.CodeBodyInvalid, "/port"},
		{"peers", `{"name":"p","ixfr_enable":"yes"}`, model.CodeBodyInvalid, "/ixfr_enable"},
		{"peers", `{"name":"p","tsig_id":"nonsense"}`, model.CodePeerTSIG, "/tsig_id"},
		{"peers", `{"name":"p","tsig_id":"` + stranger + `"}`, model.CodePeerTSIG, "/tsig_id"},

		{"acls", `{"ip_range":"192.0.2.0/24"}`, model.CodeACLName, "/name"},
		{"acls", `{"name":"` + long + `","ip_range":"192.0.2.0/24"}`, model.CodeACLName, "/name"},
		{"acls", `{"name":"a"}`, model.CodeACLRange, "/ip_range"},
		{"acls", `{"name":"a","ip_range":"192.0.2.0/33"}`, model.CodeACLRange, "/ip_range"},
		{"acls", `{"name":"a","ip_range":"192.0.2.0-192.0.2.9"}`, model.CodeACLRange, "/ip_range"},
		{"acls", `{"name":"a","ip_range":"fe80::1%eth0"}`, model.CodeACLRange, "/ip_range"},
		{"acls", `{"name":"a","ip_range":"192.0.2.0/23"}`, model.CodeACLTooWide, "/ip_range"},
		{"acls", `{"name":"a","ip_range":"0.0.0.0/0"}`, model.CodeACLTooWide, "/ip_range"},
		{"acls", `{"name":"a","ip_range":"2001:db8::/63"}`, model.CodeACLTooWide, "/ip_range"},
		{"acls", `{"name":"a","ip_range":"::ffff:192.0.2.0/119"}`, model.CodeACLTooWide, "/ip_range"},
	}
	ids := map[string]string{
		"tsigs": s.tsig("there.example"), "peers": s.peer("there", "192.0.2.1", ""),
		"acls": s.must("POST", s.secondaryDNS()+"/acls", `{"name":"there","ip_range":"192.0.2.0/24"}`).id(t),
	}
	before := s.must("GET", s.secondaryDNS()+"/tsigs", nil).Raw + s.must("GET", s.secondaryDNS()+"/peers", nil).Raw
	for _, tt := range tests {
		path := s.secondaryDNS() + "/" + tt.kind
		for _, r := range []*reply{
			s.fails(400, tt.code, "POST", path, tt.body), s.fails(400, tt.code, "PUT", path+"/"+ids[tt.kind], tt.body),
		} {
			if r.pointer() != tt.pointer {
				t.Errorf("%s %s: pointer %q, want %q", tt.kind, tt.body, r.pointer(), tt.pointer)
			}
		}
	}
	if after := s.must("GET", s.secondaryDNS()+"/tsigs", nil).Raw + s.must("GET", s.secondaryDNS()+"/peers", nil).Raw; after != before {
		t.Errorf("refusals changed something:\n%s\n%s", before, after)
	}
	for kind, code := range map[string]int{
		"tsigs": model.CodeTSIGNotFound, "peers": model.CodePeerNotFound, "acls": model.CodeACLNotFound,
	} {
		path := s.secondaryDNS() + "/" + kind + "/"
		s.fails(404, code, "GET", path+stranger, nil)
		s.fails(404, code, "DELETE", path+stranger, nil)
		s.fails(404, 7003, "GET", path+"nonsense", nil)
	}
	s.fails(404, model.CodePeerNotFound, "PUT", s.secondaryDNS()+"/peers/"+stranger, `{"name":"p"}`)
	s.fails(404, model.CodeACLNotFound, "PUT", s.secondaryDNS()+"/acls/"+stranger, `{"name":"a","ip_range":"192.0.2.1"}`)
}

func TestPeerLife(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	path := s.secondaryDNS() + "/peers"
	key := s.tsig("k.example.")
	bare := s.must("POST", path, `{"name":"only a name"}`)
	id := bare.id(t)
	want := map[string]any{"id": id, "name": "only a name", "ip": nil, "port": nil, "tsig_id": nil}
	if d := cmp.Diff(want, bare.object(t)); d != "" {
		t.Error(d)
	}
	full := `{"name":"full","ip":"2001:DB8::0:53","port":5353,"ixfr_enable":true,"tsig_id":"` + key + `"}`
	want = map[string]any{
		"id": id, "name": "full", "ip": "2001:DB8::0:53", "port": num(5353), "ixfr_enable": true, "tsig_id": key,
	}
	for _, r := range []*reply{s.must("PUT", path+"/"+id, full), s.must("GET", path+"/"+id, nil)} {
		if d := cmp.Diff(want, r.object(t)); d != "" {
			t.Error(d)
		}
	}
	in := s.fails(400, model.CodeTSIGInUse, "DELETE", s.secondaryDNS()+"/tsigs/"+key, nil)
	if !strings.Contains(in.Raw, "full") {
		t.Errorf("the refusal does not name the user: %s", in.Raw)
	}
	s.must("PUT", path+"/"+id, `{"name":"full","ip":null,"port":null,"tsig_id":""}`)
	s.must("DELETE", s.secondaryDNS()+"/tsigs/"+key, nil)
	s.must("DELETE", path+"/"+id, nil)
	if n := s.must("GET", path, nil).Info.TotalCount; n != 0 {
		t.Errorf("%d peers left", n)
	}
}

func TestACLForms(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	path := s.secondaryDNS() + "/acls"
	id := s.must("POST", path, `{"name":"a","ip_range":"192.0.2.53/28"}`).id(t)
	for _, text := range []string{
		"192.0.2.53/28", "192.0.2.0/24", "192.0.2.1", "192.0.2.1/32", "2001:db8::/64", "2001:db8::53", "2001:db8::1/128",
		"::ffff:192.0.2.0/120",
	} {
		made := s.must("POST", path, map[string]any{"name": "a", "ip_range": text})
		if got := s.must("GET", path+"/"+made.id(t), nil).object(t)["ip_range"]; got != text {
			t.Errorf("%s reads back as %v", text, got)
		}
	}
	put := s.must("PUT", path+"/"+id, `{"name":"b","ip_range":"198.51.100.7"}`).object(t)
	if put["name"] != "b" || put["ip_range"] != "198.51.100.7" {
		t.Errorf("put answers %v", put)
	}
	acls, err := s.store.ACLs(t.Context(), s.account)
	if err != nil {
		t.Fatal(err)
	}
	prefixes := map[string]string{}
	for _, a := range acls {
		prefixes[a.Range] = a.Prefix.String()
	}
	for text, want := range map[string]string{
		"192.0.2.0/24": "192.0.2.0/24", "198.51.100.7": "198.51.100.7/32", "2001:db8::53": "2001:db8::53/128",
		"::ffff:192.0.2.0/120": "192.0.2.0/24",
	} {
		if prefixes[text] != want {
			t.Errorf("%s means %s, want %s", text, prefixes[text], want)
		}
	}
	s.must("DELETE", path+"/"+id, nil)
}

// TestOutgoingLife is the mission's steps: link, switch on, tell, switch off, remove.
func TestOutgoingLife(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	zone, id := s.zone("example.com")
	path := zone + "/secondary_dns/outgoing"
	for _, m := range []string{"GET", "DELETE"} {
		s.fails(404, model.CodeOutgoingMissing, m, path, nil)
	}
	s.fails(404, model.CodeOutgoingMissing, "PUT", path, `{"peers":[]}`)
	for _, v := range []string{"enable", "disable", "force_notify"} {
		s.fails(404, model.CodeOutgoingMissing, "POST", path+"/"+v, nil)
	}
	s.fails(404, model.CodeOutgoingMissing, "GET", path+"/status", nil)

	one, two := s.peer("one", "192.0.2.1", ""), s.peer("two", "192.0.2.2", "")
	made := s.must("POST", path, map[string]any{"name": "Example.COM", "peers": []string{two, one}}).object(t)
	z, err := s.store.Zone(t.Context(), model.ID(id))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"id": id, "name": "Example.COM", "peers": []any{two, one}, "soa_serial": num(int(z.Serial)),
		"created_time": "2026-03-04T05:06:07.000000Z", "checked_time": nil, "last_transferred_time": nil,
	}
	if d := cmp.Diff(want, made); d != "" {
		t.Error(d)
	}
	s.fails(400, model.CodeOutgoingExists, "POST", path, map[string]any{"peers": []string{}})
	s.status(path, "Disabled")
	s.fails(400, model.CodeOutgoingOff, "POST", path+"/force_notify", nil)
	for _, body := range []any{nil, `{}`, `[]`, `nonsense`} { // bodies of the switches are not looked at
		if got := s.must("POST", path+"/enable", body, plain).text(t); got != "Enabled" {
			t.Errorf("enable answers %q", got)
		}
	}
	s.status(path, "Enabled")
	if got := s.must("POST", path+"/force_notify", `{}`).text(t); got != "OK" {
		t.Errorf("force_notify answers %q", got)
	}
	access := s.db.ByID(id).Access()
	if !access.Enabled || len(access.Peers) != 2 || access.Peers[0].Name != "two" {
		t.Errorf("the fast half knows %+v", access)
	}
	put := s.must("PUT", path, map[string]any{"peers": []string{}}).object(t)
	if put["name"] != "Example.COM" || len(put["peers"].([]any)) != 0 {
		t.Errorf("put answers %v", put)
	}
	s.status(path, "Enabled")
	for range 2 {
		if got := s.must("POST", path+"/disable", nil).text(t); got != "Disabled" {
			t.Errorf("disable answers %q", got)
		}
	}
	s.must("PUT", path, map[string]any{"name": "example.com.", "peers": []string{one}})
	uses := s.must("GET", "/headwater/v1/accounts/"+string(s.account)+"/peer_uses", nil).list(t)
	if len(uses) != 1 || uses[0]["peer_id"] != one || uses[0]["zones"] != num(1) || uses[0]["first_zone"] != "example.com" {
		t.Errorf("uses: %v", uses)
	}
	refused := s.fails(400, model.CodePeerInUse, "DELETE", s.secondaryDNS()+"/peers/"+one, nil)
	if !strings.Contains(refused.Raw, "example.com") {
		t.Errorf("the refusal does not name the zone: %s", refused.Raw)
	}
	if got := s.must("DELETE", path, nil).object(t); got["id"] != id || len(got) != 1 {
		t.Errorf("delete answers %v", got)
	}
	s.fails(404, model.CodeOutgoingMissing, "GET", path, nil)
	s.must("DELETE", s.secondaryDNS()+"/peers/"+one, nil)
}

// plain drops the Content-Type.
func plain(h http.Header) { h.Del("Content-Type") }

func (s *server) status(path, want string) {
	s.t.Helper()
	if got := s.must("GET", path+"/status", nil).text(s.t); got != want {
		s.t.Errorf("status %q, want %q", got, want)
	}
}

func TestOutgoingRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	zone, _ := s.zone("bücher.example")
	path := zone + "/secondary_dns/outgoing"
	first, second := s.tsig("one.example."), s.tsig("two.example.")
	bare := s.peer("bare", "192.0.2.1", "")
	keyed, other, same := s.peer("keyed", "192.0.2.2", first), s.peer("other", "192.0.2.3", second), s.peer("same", "192.0.2.4", first)
	var many []string
	for i := range 31 {
		many = append(many, s.peer(fmt.Sprint("p", i), "198.51.100.1", ""))
	}
	peers := func(ids ...string) map[string]any { return map[string]any{"peers": ids} }
	tests := []struct {
		body    any
		code    int
		pointer string
	}{
		{`{}`, model.CodeOutgoingPeers, "/peers"},
		{`{"peers":null}`, model.CodeOutgoingPeers, "/peers"},
		{`{"peers":["nonsense"]}`, model.CodeOutgoingPeers, "/peers"},
		{`{"peers":[null]}`, model.CodeOutgoingPeers, "/peers"},
		{`{"peers":"` + bare + `"}`, model.CodeBodyInvalid, "/peers"},
		{peers(strings.Repeat("e", 32)), model.CodeOutgoingPeers, "/peers"},
		{peers(bare, bare), model.CodeOutgoingPeers, "/peers"},
		{peers(many...), model.CodeOutgoingTooMany, "/peers"},
		{peers(bare, keyed), model.CodePeersTSIGDiffer, "/peers"},
		{peers(keyed, other), model.CodePeersTSIGDiffer, "/peers"},
		{`{"name":"other.example","peers":[]}`, model.CodeOutgoingName, "/name"},
		{`{"name":"..","peers":[]}`, model.CodeOutgoingName, "/name"},
	}
	for _, tt := range tests {
		if r := s.fails(400, tt.code, "POST", path, tt.body); r.pointer() != tt.pointer {
			t.Errorf("%v: pointer %q, want %q", tt.body, r.pointer(), tt.pointer)
		}
	}
	s.must("POST", path, map[string]any{"name": "bücher.example", "peers": many[:30]})
	for _, tt := range tests {
		s.fails(400, tt.code, "PUT", path, tt.body)
	}
	s.must("PUT", path, map[string]any{"name": "xn--bcher-kva.example", "peers": []string{keyed, same}})
	r := s.fails(400, model.CodePeersTSIGDiffer, "PUT", s.secondaryDNS()+"/peers/"+same,
		map[string]any{"name": "same", "ip": "192.0.2.4", "tsig_id": second})
	if r.pointer() != "/tsig_id" {
		t.Errorf("pointer %q", r.pointer())
	}
	s.fails(400, model.CodeTSIGInUse, "DELETE", s.secondaryDNS()+"/tsigs/"+first, nil)
}

func TestEntitlements(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	zone, id := s.zone("example.com")
	path := zone + "/secondary_dns/outgoing"
	ofZone, ofAccount := "/headwater/v1"+zone+"/entitlements", "/headwater/v1/accounts/"+string(s.account)+"/entitlements"
	s.must("POST", path, `{"peers":[]}`)
	s.must("POST", path+"/enable", nil)

	if got := s.must("GET", ofAccount, nil).object(t)["outgoing_transfers"]; got != true {
		t.Errorf("a new account is entitled: %v", got)
	}
	if got := s.must("PATCH", ofAccount, `{"outgoing_transfers":false}`).object(t)["outgoing_transfers"]; got != false {
		t.Errorf("switched off: %v", got)
	}
	s.status(path, "Disabled")
	if s.db.ByID(id).Access().Enabled {
		t.Error("transfers go on without the entitlement")
	}
	s.fails(400, model.CodeNotEntitled, "POST", path+"/enable", nil)
	s.must("POST", path+"/disable", nil)
	s.fails(400, model.CodeNotEntitled, "POST", path+"/enable", nil)

	got := s.must("PATCH", ofZone, `{"outgoing_transfers":true}`).object(t)
	want := map[string]any{"outgoing_transfers": true, "effective": map[string]any{"outgoing_transfers": true}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	s.must("POST", path+"/enable", nil)
	s.status(path, "Enabled")
	got = s.must("PATCH", ofZone, `{"outgoing_transfers":null}`).object(t)
	want = map[string]any{"outgoing_transfers": nil, "effective": map[string]any{"outgoing_transfers": false}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want, s.must("GET", ofZone, nil).object(t)); d != "" {
		t.Error(d)
	}
	s.status(path, "Disabled")
	for _, body := range []string{`{}`, `{"outgoing_transfers":null}`} {
		s.fails(400, model.CodeEntitlement, "PATCH", ofAccount, body)
	}
	s.fails(400, model.CodeEntitlement, "PATCH", ofZone, `{}`)
	s.fails(400, model.CodeBodyInvalid, "PATCH", ofZone, `{"outgoing_transfers":"yes"}`)
	none := strings.Repeat("e", 32)
	s.fails(404, model.CodeAccountInvalid, "GET", "/headwater/v1/accounts/"+none+"/entitlements", nil)
	s.fails(404, model.CodeAccountInvalid, "PATCH", "/headwater/v1/accounts/"+none+"/entitlements", `{"outgoing_transfers":true}`)
	s.fails(404, model.CodeZoneInvalid, "GET", "/headwater/v1/zones/"+none+"/entitlements", nil)
}

func TestTransferSettings(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	zone, _ := s.zone("example.com")
	ofZone, ofAccount := "/headwater/v1"+zone+"/transfer_settings", "/headwater/v1/accounts/"+string(s.account)+"/transfer_settings"
	mode := func(r *reply) any { return r.object(t)["mode"] }
	if got := mode(s.must("GET", ofZone, nil)); got != "origin" {
		t.Errorf("mode %v", got)
	}
	if got := mode(s.must("PATCH", ofZone, `{"mode":"edge"}`)); got != "edge" {
		t.Errorf("mode %v", got)
	}
	if got := mode(s.must("PATCH", ofZone, `{}`)); got != "edge" {
		t.Errorf("mode %v", got)
	}
	for _, bad := range []string{`{"mode":"both"}`, `{"mode":""}`, `{"mode":null}`} {
		s.fails(400, model.CodeTransferMode, "PATCH", ofZone, bad)
		s.fails(400, model.CodeTransferMode, "PATCH", ofAccount, bad)
	}
	s.fails(400, model.CodeTransferMode, "PATCH", ofAccount, `{"strict_review":null}`)
	if d := cmp.Diff(map[string]any{"mode": "origin", "strict_review": false, "tsig_per_peer": false}, s.must("GET", ofAccount, nil).object(t)); d != "" {
		t.Error(d)
	}
	got := s.must("PATCH", ofAccount, `{"mode":"edge","strict_review":true}`).object(t)
	if d := cmp.Diff(map[string]any{"mode": "edge", "strict_review": true, "tsig_per_peer": false}, got); d != "" {
		t.Error(d)
	}
	fresh, _ := s.zone("example.net")
	if got := mode(s.must("GET", "/headwater/v1"+fresh+"/transfer_settings", nil)); got != "edge" {
		t.Errorf("a new zone starts with %v", got)
	}
	s.must("PATCH", "/headwater/v1"+fresh+"/transfer_settings", `{"mode":"origin"}`)
	s.record(fresh, `{"type":"CNAME","name":"@","content":"target.example"}`)
	s.must("POST", fresh+"/secondary_dns/outgoing", `{"peers":[]}`)
	s.fails(400, model.CodeReviewBlocks, "POST", fresh+"/secondary_dns/outgoing/enable", nil)
}

func TestEdgeAddresses(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	path := "/headwater/v1/accounts/" + string(s.account) + "/edge_addresses"
	servers := []any{"198.51.100.1", "198.51.100.2", "2001:db8:ed::1", "2001:db8:ed::2"}
	if d := cmp.Diff(map[string]any{"addresses": []any{}, "effective": servers}, s.must("GET", path, nil).object(t)); d != "" {
		t.Error(d)
	}
	own := []any{"203.0.113.1", "2001:db8::1"}
	got := s.must("PATCH", path, map[string]any{"addresses": []string{"::ffff:203.0.113.1", "2001:DB8::1"}}).object(t)
	if d := cmp.Diff(map[string]any{"addresses": own, "effective": own}, got); d != "" {
		t.Error(d)
	}
	s.must("PATCH", path, `{"addresses":[]}`)
	for _, bad := range []string{`{}`, `{"addresses":null}`, `{"addresses":["x"]}`, `{"addresses":["192.0.2.0/24"]}`, `{"addresses":["::"]}`} {
		s.fails(400, model.CodeTransferMode, "PATCH", path, bad)
	}
	ips := s.must("GET", "/ips", nil, func(h http.Header) { h.Del("Authorization") }).object(t)
	if d := cmp.Diff([]any{"198.51.100.1/32", "198.51.100.2/32"}, ips["ipv4_cidrs"]); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]any{"2001:db8:ed::1/128", "2001:db8:ed::2/128"}, ips["ipv6_cidrs"]); d != "" {
		t.Error(d)
	}
}

func TestSecondariesAndReview(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC)
	serial, behind, seconds := uint32(7), 2, int64(60)
	known := api.Secondaries{
		Peers: []api.SecondaryPeer{
			{Peer: model.ID(strings.Repeat("1", 32)), Name: "idle", State: api.SecondaryUnknown},
			{
				Peer: model.ID(strings.Repeat("2", 32)), Name: "busy", Address: "192.0.2.1:53", State: api.SecondaryBehind,
				Serial: &serial, VersionsBehind: &behind, SecondsBehind: &seconds, Seen: at,
				LastNotify:   &api.NotifyEvent{On: at, Serial: 9, Attempts: 1, Answer: "NOERROR", Transport: "tls"},
				LastTransfer: &api.TransferEvent{On: at.Add(-time.Minute), Kind: "AXFR", Serial: 7, Records: 3, Bytes: 300, Took: time.Second, Outcome: "sent", Transport: "tls", TLS: "TLS 1.3", Client: "busy.example"},
				LastRefusal:  &api.RefusalEvent{On: at, Address: "192.0.2.9:1", Cause: "unsigned", Reason: "no TSIG", OneOf: []string{"busy", "idle"}},
				History:      []api.SecondaryEvent{{On: at, Since: at, Count: 1, Event: "notify", Serial: &serial, Text: "answered"}},
			},
		},
		Strangers:   []api.Stranger{{Address: "198.51.100.1", Cause: "address", Reason: "neither peer nor ACL", Since: at, On: at, Count: 3}},
		NameServers: []api.SecondaryNS{{Name: "ns1.example", Address: "192.0.2.1", State: api.SecondaryUnreachable, Error: "timeout"}},
	}
	found := model.Review{Total: 2000, Critical: 1, Findings: []model.Finding{
		{
			Reason: model.ReasonApexCNAME, Severity: model.SeverityCritical, Message: "m", Name: wire.MustName("example.com"),
			Type: wire.TypeCNAME, Served: []string{"a"}, Transferred: []string{"b"},
		},
		{Reason: model.ReasonOrigin, Severity: model.SeverityWarning, Message: "m", Name: wire.MustName("www.example.com"), Type: wire.TypeA},
		{Reason: model.ReasonApexNS, Severity: model.SeverityWarning, Message: "m", Name: wire.MustName("example.com"), Type: wire.TypeNS},
		{Reason: model.ReasonTooLarge, Severity: model.SeverityInfo, Message: "m", Name: wire.MustName("www.example.com"), Type: wire.TypeTXT},
	}}
	ahead := serial + 1
	for _, state := range []api.SecondaryState{
		api.SecondaryAhead, api.SecondaryRefuses, api.SecondaryWrongKey, api.SecondaryNoZone, api.SecondaryUnreachable, api.SecondaryNoAddress,
	} {
		known.Peers = append(known.Peers, api.SecondaryPeer{Peer: known.Peers[0].Peer, State: state, Cause: "words", RaiseTo: &ahead})
	}
	s := newServer(t, watched(&known, &found))
	zone, id := s.zone("example.com")
	got := s.must("GET", "/headwater/v1"+zone+"/secondaries", nil).object(t)
	peers, _ := got["peers"].([]any)
	if got["zone_id"] != id || got["enabled"] != false || len(peers) != 8 || len(got["strangers"].([]any)) != 1 {
		t.Fatalf("secondaries: %v", got)
	}
	busy, _ := peers[1].(map[string]any)
	if busy["state"] != "behind" || busy["last_transfer"].(map[string]any)["milliseconds"] != num(1000) ||
		busy["last_transfer"].(map[string]any)["client"] != "busy.example" || busy["last_notify"].(map[string]any)["transport"] != "tls" {
		t.Errorf("busy: %v", busy)
	}
	s.must("POST", zone+"/secondary_dns/outgoing", `{"peers":[]}`)
	out := s.must("GET", zone+"/secondary_dns/outgoing", nil).object(t)
	if out["checked_time"] != "2026-03-04T05:06:00.000000Z" || out["last_transferred_time"] != "2026-03-04T05:05:00.000000Z" {
		t.Errorf("outgoing: %v", out)
	}
	review := s.must("GET", "/headwater/v1"+zone+"/transfer_review", nil).object(t)
	if review["blocking"] != false || review["total"] != num(2000) || review["mode"] != "origin" {
		t.Errorf("review: %v", review)
	}
	list, _ := review["findings"].([]any)
	base := "/" + string(s.account) + "/example.com/dns/"
	for i, want := range []string{base + "settings", base + "settings", base + "settings", base + "records"} {
		if got := list[i].(map[string]any)["fix"].(map[string]any)["path"]; got != want {
			t.Errorf("finding %d is mended at %v, want %s", i, got, want)
		}
	}
	s.must("PATCH", "/headwater/v1/accounts/"+string(s.account)+"/transfer_settings", `{"strict_review":true}`)
	if got := s.must("GET", "/headwater/v1"+zone+"/transfer_review", nil).object(t)["blocking"]; got != true {
		t.Errorf("a strict account is not blocked: %v", got)
	}
	bare := newServer(t, func(c *api.Config) { c.Secondaries, c.Review = nil, nil })
	other, _ := bare.zone("example.com")
	bare.fails(404, 10404, "GET", "/headwater/v1"+other+"/secondaries", nil)
	bare.fails(404, 10404, "GET", "/headwater/v1"+other+"/transfer_review", nil)
}

func TestDNSSECIsOff(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	zone, _ := s.zone("example.com")
	path := zone + "/dnssec"
	off := s.must("GET", path, nil)
	for k, v := range off.object(t) {
		if k == "status" && v != "disabled" || k != "status" && v != nil {
			t.Errorf("%s is %v", k, v)
		}
	}
	for _, body := range []string{`{"status":"disabled"}`, `{}`, `{"dnssec_multi_signer":null}`} {
		if got := s.must("PATCH", path, body); got.Raw != off.Raw {
			t.Errorf("%s answers %s", body, got.Raw)
		}
	}
	for body, pointer := range map[string]string{
		`{"dnssec_presigned":true}`: "/dnssec_presigned", `{"status":"active","dnssec_presigned":true,"dnssec_use_nsec3":true}`: "/dnssec_presigned",
	} {
		if r := s.fails(400, model.CodeDNSSECState, "PATCH", path, body); r.pointer() != pointer {
			t.Errorf("%s: pointer %q", body, r.pointer())
		}
	}
	for _, body := range []string{`{"status":"pending"}`, `{"status":""}`} {
		if r := s.fails(400, model.CodeDNSSECStatus, "PATCH", path, body); r.Errors[0].Message != `Invalid or missing "status"` {
			t.Errorf("%s: %s", body, r.Raw)
		}
	}
	if got := s.must("DELETE", path, nil).text(t); got != "" {
		t.Errorf("delete answers %q", got)
	}
	if n := s.must("GET", path+"/zsk", nil).Info.TotalCount; n != 0 {
		t.Errorf("%d signing keys", n)
	}
	if got := s.must("GET", path, nil); got.Raw != off.Raw {
		t.Errorf("after all that was refused or changes nothing: %s", got.Raw)
	}
}

// TestDNSSECCycle goes the way of Terraform's zone_dnssec: enabled, read, disabled without a DS ever seen, deleted.
func TestDNSSECCycle(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	zone, _ := s.zone("example.com")
	path := zone + "/dnssec"
	off := s.must("GET", path, nil)
	on := s.must("PATCH", path, `{"status":"active"}`)
	got := on.object(t)
	for k, want := range map[string]any{
		"status": "pending", "flags": json.Number("257"), "algorithm": "13", "key_type": "ECDSAP256SHA256", "digest_type": "2", "digest_algorithm": "SHA256",
	} {
		if got[k] != want {
			t.Errorf("%s is %v, want %v", k, got[k], want)
		}
	}
	ds, err := dns.NewRR(got["ds"].(string))
	if err != nil {
		t.Fatalf("%v: %v", got["ds"], err)
	}
	key, err := dns.NewRR("example.com. 3600 IN DNSKEY 257 3 13 " + got["public_key"].(string))
	if err != nil {
		t.Fatal(err)
	}
	want := key.(*dns.DNSKEY).ToDS(dns.SHA256)
	if d := ds.(*dns.DS); d.KeyTag != want.KeyTag || !strings.EqualFold(d.Digest, want.Digest) || got["key_tag"] != json.Number(strconv.Itoa(int(want.KeyTag))) ||
		!strings.EqualFold(got["digest"].(string), want.Digest) {
		t.Errorf("DS %s, want %s", ds, want)
	}
	for _, absent := range []string{"dnssec_multi_signer", "dnssec_presigned", "dnssec_use_nsec3"} {
		if _, there := got[absent]; there {
			t.Errorf("%s was never set, and is there", absent)
		}
	}
	if got["modified_on"] == nil {
		t.Error("enabled, and never modified")
	}
	if again := s.must("PATCH", path, `{"status":"active"}`); again.Raw != on.Raw {
		t.Errorf("enabled again: %s", again.Raw)
	}
	if set := s.must("PATCH", path, `{"dnssec_use_nsec3":false}`).object(t); set["dnssec_use_nsec3"] != false {
		t.Errorf("a switch that was set off: %v", set)
	}
	if _, there := s.must("PATCH", path, `{"dnssec_use_nsec3":null}`).object(t)["dnssec_use_nsec3"]; there {
		t.Error("a switch that was unset is there")
	}
	zsk := s.must("GET", path+"/zsk", nil)
	if zsk.Info.TotalCount != 1 || !strings.Contains(zsk.Raw, `"Tag":"active"`) || !strings.Contains(zsk.Raw, `"SigningKey":{}`) {
		t.Errorf("signing keys: %s", zsk.Raw)
	}
	if n := s.must("GET", zone+"/dns_records", nil).Info.TotalCount; n != 0 {
		t.Errorf("what the server makes stands among the records: %d", n)
	}
	s.fails(400, model.CodeDNSSECState, "DELETE", path, nil)
	if got := s.must("PATCH", path, `{"status":"disabled"}`).object(t); got["status"] != "disabled" || got["public_key"] == nil || got["modified_on"] == nil {
		t.Errorf("disabled without a DS ever seen: %v", got)
	}
	if got := s.must("DELETE", path, nil).text(t); got != "" {
		t.Errorf("delete answers %q", got)
	}
	if got := s.must("GET", path, nil); got.Raw != off.Raw {
		t.Errorf("deleted: %s, before: %s", got.Raw, off.Raw)
	}
}

func TestRaiseSerial(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	zone, _ := s.zone("example.com")
	path := "/headwater/v1" + zone + "/serial"
	serial := func(r *reply) int64 { n, _ := r.object(t)["serial"].(json.Number).Int64(); return n }
	at := serial(s.must("POST", path, `{"at_least":0}`))
	for range 2 {
		if got := serial(s.must("POST", path, map[string]any{"at_least": at + 1000})); got != at+1000 {
			t.Errorf("raised from %d to %d", at, got)
		}
	}
	s.fails(400, model.CodeSerial, "POST", path, map[string]any{"at_least": at + 1000 + 1<<31})
	for _, bad := range []string{`{}`, `{"at_least":null}`, `{"at_least":"5"}`, `{"at_least":-1}`, `{"at_least":4294967296}`, `{"at_least":1.5}`, `{"at_least":[1]}`} {
		s.fails(400, model.CodeSerial, "POST", path, bad)
	}
}

// TestPeerNeverGiven keeps what was never given of a peer apart from what was given, in answers, through changes of others
// of its members, and in the store.
func TestPeerNeverGiven(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	all := "/accounts/" + string(s.account) + "/secondary_dns/peers"
	for body, want := range map[string]map[string]any{
		`{"name":"bare"}`: {"ip": nil, "port": nil, "tsig_id": nil},
		`{"name":"nulls","ip":null,"port":null,"ixfr_enable":null,"tsig_id":null}`: {"ip": nil, "port": nil, "tsig_id": nil},
		`{"name":"off","ixfr_enable":false}`:                                       {"ip": nil, "port": nil, "tsig_id": nil, "ixfr_enable": false},
		`{"name":"on","ip":"192.0.2.1","ixfr_enable":true,"port":53}`:              {"ip": "192.0.2.1", "port": json.Number("53"), "tsig_id": nil, "ixfr_enable": true},
	} {
		made := s.must("POST", all, body)
		o := made.object(t)
		one := all + "/" + o["id"].(string)
		for _, r := range []*reply{made, s.must("GET", one, nil), s.must("PUT", one, body)} {
			got := r.object(t)
			delete(got, "id")
			delete(got, "name")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", body, diff)
			}
		}
		s.must("PUT", one, `{"name":"x","ixfr_enable":true}`)
		if got := s.must("PUT", one, `{"name":"x"}`).object(t); got["ixfr_enable"] != nil {
			t.Errorf("a PUT without ixfr_enable leaves %v", got)
		}
	}
}

// TestReadersSeeNoSecret: a secret is shown when it is made, and later only to who may write and could replace it.
func TestReadersSeeNoSecret(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	path := s.secondaryDNS() + "/tsigs"
	made := s.must("POST", path, `{"name":"k.example","algo":"hmac-sha256"}`).object(t)
	secret, one := made["secret"].(string), path+"/"+made["id"].(string)
	s.addMember(s.account, guestEmail, auth.RoleReadOnly)
	reads := s.policy("allow", "com.cloudflare.api.account."+string(s.account), "Account Settings Read")
	writes := s.policy("allow", "com.cloudflare.api.account."+string(s.account), "Account Settings Write")
	token := func(p map[string]any) as {
		return bearer(s.must("POST", "/user/tokens", tokenBody(p)).object(t)["value"].(string))
	}
	for title, who := range map[string]as{"read_only member": keyed(guestEmail, s.keyOf(guestEmail)), "read token": token(reads)} {
		for _, p := range []string{path, one} {
			if r := s.must("GET", p, nil, who); strings.Contains(r.Raw, secret) || !strings.Contains(r.Raw, `"secret":""`) {
				t.Errorf("%s: %s", title, r.Raw)
			}
		}
	}
	for title, who := range map[string]as{"administrator": keyed(s.email, s.key), "write token": token(writes)} {
		if r := s.must("GET", one, nil, who); !strings.Contains(r.Raw, secret) {
			t.Errorf("%s: %s", title, r.Raw)
		}
	}
}
