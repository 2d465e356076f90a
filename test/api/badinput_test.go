package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// badCase is a request that must be refused: with this status and code, at this place, and without any effect.
type badCase struct {
	method, path, body string
	status, code       int
	pointer            string
}

// bad is short for a case of status 400.
func bad(method, path, body string, code int, pointer string) badCase {
	return badCase{method, path, body, 400, code, pointer}
}

func long(c string, n int) string { return strings.Repeat(c, n) }

// badBodies are bodies that no operation takes.
func badBodies() (out []badCase) {
	for _, op := range []string{
		"POST /zones", "PATCH {z}", "POST {r}", "PATCH {r}/{www}", "PUT {r}/{www}", "POST {r}/batch", "PATCH {z}/dns_settings",
		"PATCH {z}/dns_settings/use_apex_ns", "PATCH {z}/settings/cname_flattening", "PATCH {a}/dns_settings",
		"POST {a}/secondary_dns/tsigs", "POST {a}/secondary_dns/peers", "POST {a}/secondary_dns/acls",
		"PUT {z}/secondary_dns/outgoing",
	} {
		method, path, _ := strings.Cut(op, " ")
		for _, body := range []string{"", "null", "[]", `"text"`, "{", `{"name":}`, `{"name":"x"} trailing`} {
			out = append(out, bad(method, path, body, model.CodeBodyInvalid, ""))
		}
	}
	deep := long(`{"x":`, 40) + "1" + long("}", 40)
	return append(out,
		bad("POST", "{r}", deep, model.CodeBodyInvalid, ""),
		badCase{"POST", "{r}", `{"name":"` + long("x", 70000) + `"}`, 413, model.CodeBodyInvalid, ""},
	)
}

// badKinds send a value of the wrong kind.
func badKinds() (out []badCase) {
	for member, values := range map[string][]string{
		"name": {"1", "true", "{}", "[]"}, "type": {"1", "{}"}, "content": {"1", "{}", `["192.0.2.1"]`},
		"ttl": {`"abc"`, "true", "{}", "60.5"}, "proxied": {`"yes"`, "1"}, "comment": {"1", "{}"}, "tags": {`"a"`, "{}", "[1]"},
		"settings": {"1", `[]`}, "data": {"1", `"x"`, "[]"}, "priority": {`"x"`, "{}", "1.5"},
	} {
		for _, v := range values {
			full := map[string]string{"name": `"x"`, "type": `"A"`, "content": `"192.0.2.1"`}
			full[member] = v
			var members []string
			for m, v := range full {
				members = append(members, `"`+m+`":`+v)
			}
			out = append(out, bad("POST", "{r}", "{"+strings.Join(members, ",")+"}", model.CodeBodyInvalid, "/"+member))
			out = append(out, bad("PATCH", "{r}/{www}", `{"`+member+`":`+v+"}", model.CodeBodyInvalid, "/"+member))
		}
	}
	return append(out,
		bad("POST", "{r}", `{"name":"x","type":"CNAME","content":"t.test","settings":{"flatten_cname":"yes"}}`, model.CodeBodyInvalid, "/settings/flatten_cname"),
		bad("PATCH", "{z}", `{"paused":"yes"}`, model.CodeBodyInvalid, "/paused"),
		bad("PATCH", "{z}", `{"type":1}`, model.CodeBodyInvalid, "/type"),
		bad("POST", "/zones", `{"name":1}`, model.CodeBodyInvalid, "/name"),
		bad("POST", "/zones", `{"name":"new.test","account":"x"}`, model.CodeBodyInvalid, "/account"),
		bad("PATCH", "{z}/dns_settings", `{"ns_ttl":"x"}`, model.CodeBodyInvalid, "/ns_ttl"),
		bad("PATCH", "{z}/dns_settings", `{"soa":{"refresh":"x"}}`, model.CodeBodyInvalid, "/soa/refresh"),
		bad("PATCH", "{z}/dns_settings", `{"soa":[]}`, model.CodeBodyInvalid, "/soa"),
		bad("PATCH", "{z}/dns_settings", `{"multi_provider":1}`, model.CodeBodyInvalid, "/multi_provider"),
		bad("POST", "{r}/batch", `{"posts":{}}`, model.CodeBodyInvalid, "/posts"),
		bad("POST", "{r}/batch", `{"posts":[1]}`, model.CodeBodyInvalid, "/posts/0"),
		bad("POST", "{r}/batch", `{"puts":[{"id":"{www}","name":7}]}`, model.CodeBodyInvalid, "/puts/0/name"),
	)
}

func badZones() []badCase {
	post := func(body string, code int, pointer string) badCase { return bad("POST", "/zones", body, code, pointer) }
	return []badCase{
		post(`{}`, model.CodeNameInvalid, "/name"),
		post(`{"name":""}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"."}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"@"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"a..b"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":".test"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"white space.test"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"*.test"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"192.0.2.1"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"https://example.net"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"`+long("x", 64)+`.test"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"`+long("abcdefg.", 32)+`test"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"example.com"}`, model.CodeZoneExists, "/name"),
		post(`{"name":"EXAMPLE.com."}`, model.CodeZoneExists, "/name"),
		post(`{"name":"new.test","type":"secondary"}`, model.CodeZoneSetting, "/type"),
		post(`{"name":"new.test","type":"primary"}`, model.CodeZoneSetting, "/type"),
		post(`{"name":"new.test","account":{"id":"nope"}}`, model.CodeAccountInvalid, "/account/id"),
		post(`{"name":"new.test","account":{"id":"{none}"}}`, model.CodeAccountInvalid, "/account/id"),
		bad("PATCH", "{z}", `{"type":"partial"}`, model.CodeZoneSetting, "/type"),
		bad("PATCH", "{z}", `{"vanity_name_servers":["ns1.example.com","not a name"]}`, model.CodeZoneSetting, "/vanity_name_servers/1"),
		bad("PUT", "{z}/custom_ns", `{"ns_set":6}`, model.CodeSettingsInvalid, "/ns_set"),
		{"GET", "/zones/{none}", "", 404, model.CodeZoneInvalid, ""},
		{"PATCH", "/zones/{none}", `{"paused":true}`, 404, model.CodeZoneInvalid, ""},
		{"DELETE", "/zones/{none}", "", 404, model.CodeZoneInvalid, ""},
		{"GET", "/zones/nope", "", 404, 7003, ""},
		{"GET", "/zones/{NONE}", "", 404, 7003, ""},
		{"GET", "/nothing", "", 404, 10404, ""},
		{"GET", "{z}/nothing", "", 404, 7003, ""},
		{"POST", "{z}", `{}`, 405, 10405, ""},
		bad("GET", "/zones?page=0", "", model.CodePaging, ""),
		bad("GET", "/zones?page=x", "", model.CodePaging, ""),
		bad("GET", "/zones?per_page=-1", "", model.CodePaging, ""),
		bad("GET", "/zones?match=some", "", model.CodePaging, ""),
		bad("GET", "/zones?order=colour", "", model.CodePaging, ""),
		bad("GET", "/zones?direction=up", "", model.CodePaging, ""),
	}
}

func badRecords() []badCase {
	post := func(body string, code int, pointer string) badCase { return bad("POST", "{r}", body, code, pointer) }
	typed := func(t, content string, code int) badCase {
		return post(`{"name":"x","type":"`+t+`","content":`+quote(content)+`}`, code, "/content")
	}
	data := func(t, data string, code int, pointer string) badCase {
		return post(`{"name":"x","type":"`+t+`","data":`+data+`}`, code, pointer)
	}
	a := func(members string, code int, pointer string) badCase {
		return post(`{"name":"x","type":"A","content":"203.0.113.7",`+members+`}`, code, pointer)
	}
	return []badCase{
		post(`{}`, model.CodeNameInvalid, "/name"),
		post(`{"type":"A","content":"192.0.2.1"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"","type":"A","content":"192.0.2.1"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"a..b","type":"A","content":"192.0.2.1"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"other.net.","type":"A","content":"192.0.2.1"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":".","type":"A","content":"192.0.2.1"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"two words","type":"A","content":"192.0.2.1"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"`+long("x", 64)+`","type":"A","content":"192.0.2.1"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"`+long("abcdefg.", 31)+`x","type":"A","content":"192.0.2.1"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"bad\\","type":"A","content":"192.0.2.1"}`, model.CodeNameInvalid, "/name"),
		post(`{"name":"x","content":"192.0.2.1"}`, model.CodeTypeInvalid, "/type"),
		typed("WHAT", "x", model.CodeTypeInvalid).at("/type"),
		typed("ANY", "x", model.CodeTypeInvalid).at("/type"),
		typed("SOA", "a. b. 1 2 3 4 5", model.CodeTypeInvalid).at("/type"),
		typed("RRSIG", "x", model.CodeTypeInvalid).at("/type"),
		typed("TYPE65536", "x", model.CodeTypeInvalid).at("/type"),
		typed("A", "", model.CodeContentA), typed("A", "300.0.0.1", model.CodeContentA), typed("A", "192.0.2", model.CodeContentA),
		typed("A", "192.000.002.001", model.CodeContentA), typed("A", "2001:db8::1", model.CodeContentA),
		typed("A", "example.com", model.CodeContentA), typed("A", "192.0.2.1 192.0.2.2", model.CodeContentA),
		typed("AAAA", "192.0.2.1", model.CodeContentAAAA), typed("AAAA", "2001:db8:::1", model.CodeContentAAAA),
		typed("AAAA", "fe80::1%eth0", model.CodeContentAAAA),
		typed("CNAME", "", model.CodeContentCNAME), typed("CNAME", "192.0.2.1", model.CodeContentCNAME),
		typed("CNAME", "https://x.test/", model.CodeContentCNAME), typed("CNAME", "a..b", model.CodeContentCNAME),
		typed("CNAME", "x.example.com", model.CodeCNAMESelf), typed("CNAME", "two words", model.CodeContentCNAME),
		post(`{"name":"x","type":"MX","content":"mail.test"}`, model.CodePriority, "/priority"),
		post(`{"name":"x","type":"MX","content":"192.0.2.1","priority":1}`, model.CodeContentMX, "/content"),
		post(`{"name":"x","type":"MX","content":"mail.test","priority":70000}`, model.CodePriority, "/priority"),
		post(`{"name":"x","type":"MX","content":"mail.test","priority":-1}`, model.CodePriority, "/priority"),
		typed("TXT", "", model.CodeContentInvalid),
		typed("TXT", long("x", 5000), model.CodeRecordTooLarge),
		typed("NS", "192.0.2.1", model.CodeContentInvalid), typed("PTR", "", model.CodeContentInvalid),
		typed("OPENPGPKEY", "not base64!", model.CodeContentInvalid),
		typed("CAA", "0 issue", model.CodeContentInvalid), typed("SRV", "1 2 3", model.CodePriority).at("/priority"),
		typed("TLSA", "3 1 1 xyz", model.CodeContentInvalid).at("*"), typed("DS", "1 13 2", model.CodeContentInvalid),
		typed("LOC", "nowhere", model.CodeContentInvalid), typed("NAPTR", "1", model.CodeContentInvalid),
		typed("HTTPS", "1", model.CodeContentInvalid), typed("SSHFP", "4 2 zz", model.CodeContentInvalid).at("*"),
		typed("CERT", "1 2 3", model.CodeContentInvalid), typed("DNSKEY", "257 3 13", model.CodeContentInvalid),
		typed("DNAME", "two words", model.CodeContentInvalid), typed("TYPE65280", "x", model.CodeContentInvalid),
		data("CAA", `{"flags":256,"tag":"issue","value":"x"}`, model.CodeContentInvalid, "/data/flags"),
		data("CAA", `{"flags":0,"value":"x"}`, model.CodeContentInvalid, "/data/tag"),
		data("SRV", `{"priority":1,"weight":1,"port":70000,"target":"x.test"}`, model.CodeContentInvalid, "/data/port"),
		data("SRV", `{"priority":1,"weight":1,"port":1}`, model.CodeContentInvalid, "/data/target"),
		data("TLSA", `{"usage":3,"selector":1,"matching_type":1}`, model.CodeContentInvalid, "/data/certificate"),
		data("DS", `{"key_tag":1,"algorithm":13,"digest_type":2,"digest":"abc"}`, model.CodeContentInvalid, "/data/digest"),
		data("URI", `{"weight":1,"target":"https://x.test/"}`, model.CodePriority, "/priority"),
		data("LOC", `{"lat_degrees":91,"lat_direction":"N","long_degrees":1,"long_direction":"W"}`, model.CodeContentInvalid, "*"),
		a(`"ttl":0`, model.CodeTTL, "/ttl"), a(`"ttl":29`, model.CodeTTL, "/ttl"), a(`"ttl":86401`, model.CodeTTL, "/ttl"),
		a(`"ttl":-1`, model.CodeTTL, "/ttl"), a(`"ttl":2`, model.CodeTTL, "/ttl"),
		a(`"comment":"`+long("x", 501)+`"`, model.CodeCommentInvalid, "/comment"),
		a(`"comment":"two\nlines"`, model.CodeCommentInvalid, "/comment"),
		a(`"tags":["cf-own:x"]`, model.CodeTagInvalid, "/tags/0"), a(`"tags":["ok","sp ace"]`, model.CodeTagInvalid, "/tags/1"),
		a(`"tags":[""]`, model.CodeTagInvalid, "/tags/0"), a(`"tags":["a:b","A:b"]`, model.CodeTagInvalid, "/tags/1"),
		a(`"tags":["a:two\nlines"]`, model.CodeTagInvalid, "/tags/0"),
		a(`"tags":["t1","t2","t3","t4","t5","t6","t7","t8","t9","t10","t11","t12","t13","t14","t15","t16","t17","t18","t19","t20","t21"]`, model.CodeTags, "/tags"),
		a(`"settings":{"flatten_cname":true}`, model.CodeFlattenInvalid, "/settings/flatten_cname"),
		a(`"proxied":true,"settings":{"ipv4_only":true,"ipv6_only":true}`, model.CodeFlattenInvalid, "/settings"),
		post(`{"name":"x","type":"TXT","content":"x","settings":{"ipv4_only":true}}`, model.CodeFlattenInvalid, "/settings"),
		post(`{"name":"x","type":"CNAME","content":"t.test","proxied":true,"settings":{"flatten_cname":true}}`, model.CodeFlattenInvalid, "/settings/flatten_cname"),
		post(`{"name":"x","type":"A","content":"10.0.0.1","proxied":true}`, model.CodeProxyTarget, "/content"),
		post(`{"name":"x","type":"A","content":"127.0.0.1","proxied":true}`, model.CodeProxyTarget, "/content"),
		post(`{"name":"x","type":"AAAA","content":"fd00::1","proxied":true}`, model.CodeProxyTarget, "/content"),
		post(`{"name":"x","type":"CNAME","content":"dkim.amazonses.com","proxied":true}`, model.CodeProxyTarget, "/content"),
		post(`{"name":"x","type":"CNAME","content":"a.b.onmicrosoft.com","proxied":true}`, model.CodeProxyTarget, "/content"),
		post(`{"name":"x","type":"TXT","content":"x","proxied":true}`, model.CodeProxyType, "/proxied"),
		post(`{"name":"x","type":"MX","content":"m.test","priority":1,"proxied":true}`, model.CodeProxyType, "/proxied"),
		post(`{"name":"www","type":"A","content":"192.0.2.1","ttl":900}`, model.CodeIdentical, ""),
		post(`{"name":"www","type":"CNAME","content":"t.test"}`, model.CodeCNAMEConflict, ""),
		post(`{"name":"alias","type":"CNAME","content":"t.test"}`, model.CodeCNAMEConflict, ""),
		post(`{"name":"alias","type":"A","content":"192.0.2.1"}`, model.CodeAddressConflict, ""),
		post(`{"name":"alias","type":"AAAA","content":"2001:db8::1"}`, model.CodeAddressConflict, ""),
		post(`{"name":"www","type":"NS","content":"ns.test"}`, model.CodeNSOntoOthers, ""),
		post(`{"name":"sub","type":"TXT","content":"x"}`, model.CodeOthersOntoNS, ""),
		post(`{"name":"nods","type":"DS","content":"1 13 2 `+sha+`"}`, model.CodeDSWithoutNS, ""),
		post(`{"name":"@","type":"DS","content":"1 13 2 `+sha+`"}`, model.CodeDSAtApex, "/name"),
		post(`{"name":"alias","type":"DNAME","content":"t.test"}`, model.CodeDNAMEConflict, ""),
		post(`{"name":"@","type":"DNAME","content":"t.test"}`, model.CodeBelowDNAME, "/name"),
		bad("PATCH", "{r}/{www}", `{"content":"nope"}`, model.CodeContentA, "/content"),
		bad("PATCH", "{r}/{www}", `{"ttl":5}`, model.CodeTTL, "/ttl"),
		bad("PATCH", "{r}/{www}", `{"name":"alias"}`, model.CodeAddressConflict, ""),
		bad("PATCH", "{r}/{www}", `{"type":"AAAA"}`, model.CodeTypeChange, "/type"),
		bad("PATCH", "{r}/{txt}", `{"proxied":true}`, model.CodeProxyType, "/proxied"),
		bad("PATCH", "{r}/{txt}", `{"content":""}`, model.CodeContentInvalid, "/content"),
		bad("PUT", "{r}/{www}", `{"name":"www","type":"TXT","content":"x"}`, model.CodeTypeChange, "/type"),
		bad("PUT", "{r}/{www}", `{"content":"192.0.2.9"}`, model.CodeNameInvalid, "/name"),
		{"GET", "{r}/{none}", "", 404, model.CodeRecordNotFound, ""},
		{"PATCH", "{r}/{none}", `{"ttl":60}`, 404, model.CodeRecordNotFound, ""},
		{"PUT", "{r}/{none}", `{"name":"x","type":"A","content":"192.0.2.1"}`, 404, model.CodeRecordNotFound, ""},
		{"DELETE", "{r}/{none}", "", 404, model.CodeRecordNotFound, ""},
		{"GET", "{r}/nope", "", 404, 7003, ""},
		bad("GET", "{r}?type=WHAT", "", model.CodeTypeInvalid, ""),
		bad("GET", "{r}?proxied=maybe", "", model.CodePaging, ""),
		bad("GET", "{r}?order=id", "", model.CodePaging, ""),
		bad("GET", "{r}?match=both", "", model.CodePaging, ""),
		bad("GET", "{r}?tag_match=both", "", model.CodePaging, ""),
		bad("GET", "{r}?page=1.5", "", model.CodePaging, ""),
		bad("GET", "{r}?per_page=none", "", model.CodePaging, ""),
		bad("POST", "{r}/batch", `{"deletes":[{}]}`, model.CodeRequestInvalid, "/deletes/0/id"),
		bad("POST", "{r}/batch", `{"patches":[{"ttl":60}]}`, model.CodeRequestInvalid, "/patches/0/id"),
		bad("POST", "{r}/batch", `{"puts":[{"name":"x","type":"A","content":"192.0.2.1"}]}`, model.CodeRequestInvalid, "/puts/0/id"),
		bad("POST", "{r}/batch", `{"posts":[{"name":"ok","type":"A","content":"192.0.2.1"},{"name":"www","type":"A","content":"192.0.2.1"}]}`, model.CodeIdentical, "/posts/1"),
		bad("POST", "{r}/batch", `{"posts":[{"name":"ok","type":"A","content":"192.0.2.1"}],"patches":[{"id":"{www}","ttl":3}]}`, model.CodeTTL, "/patches/0/ttl"),
		{"POST", "{r}/batch", `{"deletes":[{"id":"{www}"},{"id":"{none}"}]}`, 404, model.CodeRecordNotFound, "/deletes/1"},
		bad("POST", "{r}/import", `{}`, model.CodeImport, ""),
	}
}

func badSettings() []badCase {
	zone := func(body, pointer string) badCase {
		return bad("PATCH", "{z}/dns_settings", body, model.CodeSettingsInvalid, pointer)
	}
	acc := func(body, pointer string) badCase {
		return bad("PATCH", "{a}/dns_settings", body, model.CodeSettingsInvalid, pointer)
	}
	return []badCase{
		zone(`{"ns_ttl":29}`, "/ns_ttl"), zone(`{"ns_ttl":86401}`, "/ns_ttl"),
		zone(`{"zone_mode":"fast"}`, "/zone_mode"),
		zone(`{"nameservers":{"type":"mine"}}`, "/nameservers/type"),
		zone(`{"nameservers":{"type":"cloudflare.standard.random"}}`, "/nameservers/type"),
		zone(`{"nameservers":{"ns_set":0}}`, "/nameservers/ns_set"), zone(`{"nameservers":{"ns_set":6}}`, "/nameservers/ns_set"),
		zone(`{"foundation_dns":true,"nameservers":{"type":"cloudflare.standard"}}`, "/foundation_dns"),
		zone(`{"soa":{"refresh":599}}`, "/soa/refresh"), zone(`{"soa":{"refresh":86401}}`, "/soa/refresh"),
		zone(`{"soa":{"retry":599}}`, "/soa/retry"), zone(`{"soa":{"retry":10001}}`, "/soa/retry"),
		zone(`{"soa":{"expire":86399}}`, "/soa/expire"), zone(`{"soa":{"expire":2419201}}`, "/soa/expire"),
		zone(`{"soa":{"min_ttl":59}}`, "/soa/min_ttl"), zone(`{"soa":{"ttl":299}}`, "/soa/ttl"), zone(`{"soa":{"ttl":86401}}`, "/soa/ttl"),
		zone(`{"soa":{"mname":"two words"}}`, "/soa/mname"), zone(`{"soa":{"rname":"admin@example.com"}}`, "/soa/rname"),
		zone(`{"soa":{"rname":""}}`, "/soa/rname"), zone(`{"internal_dns":{"reference_zone_id":"x"}}`, "/internal_dns/reference_zone_id"),
		acc(`{"zone_defaults":{"ns_ttl":1}}`, "/zone_defaults/ns_ttl"),
		acc(`{"zone_defaults":{"nameservers":{"type":"custom.zone"}}}`, "/zone_defaults/nameservers/type"),
		acc(`{"zone_defaults":{"soa":{"expire":1}},"enforce_dns_only":true}`, "/zone_defaults/soa/expire"),
		bad("PATCH", "{z}/dns_settings/use_apex_ns", `{}`, model.CodeSettingsInvalid, "/value"),
		bad("PATCH", "{z}/dns_settings/use_apex_ns", `{"id":"other","value":true}`, model.CodeSettingsInvalid, "/id"),
		bad("PATCH", "{z}/settings/cname_flattening", `{"value":"flat"}`, model.CodeSettingsInvalid, "/value"),
		bad("PATCH", "{z}/settings/cname_flattening", `{}`, model.CodeSettingsInvalid, "/value"),
	}
}

func badSecondary() []badCase {
	const t, p, l, o = "{a}/secondary_dns/tsigs", "{a}/secondary_dns/peers", "{a}/secondary_dns/acls", "{z}/secondary_dns/outgoing"
	return []badCase{
		bad("POST", t, `{"algo":"hmac-sha256."}`, model.CodeTSIGName, "*"),
		bad("POST", t, `{"name":"two words","algo":"hmac-sha256."}`, model.CodeTSIGName, "*"),
		bad("POST", t, `{"name":"k.","algo":"hmac-what."}`, model.CodeTSIGAlgo, "*"),
		bad("POST", t, `{"name":"k.","algo":"hmac-sha256.","secret":"!"}`, model.CodeTSIGSecret, "*"),
		bad("POST", p, `{}`, model.CodePeerName, "*"),
		bad("POST", p, `{"name":"p","ip":"nope"}`, model.CodePeerIP, "*"),
		bad("POST", p, `{"name":"p","ip":"192.0.2.1","port":70000}`, model.CodePeerPort, "*"),
		bad("POST", p, `{"name":"p","tsig_id":"{none}"}`, model.CodePeerTSIG, "*"),
		bad("POST", l, `{"name":"l","ip_range":"nope"}`, model.CodeACLRange, "*"),
		bad("POST", l, `{"name":"l","ip_range":"192.0.0.0/16"}`, model.CodeACLTooWide, "*"),
		bad("POST", l, `{"name":"l","ip_range":"2001:db8::/32"}`, model.CodeACLTooWide, "*"),
		bad("PUT", o, `{"name":"other.test","peers":[]}`, model.CodeOutgoingName, "*"),
		bad("PUT", o, `{"name":"example.com","peers":["{none}"]}`, model.CodeOutgoingPeers, "*"),
		bad("PUT", o, `{"name":"example.com","peers":["{peer}","{peer}"]}`, model.CodeOutgoingPeers, "*"),
		bad("POST", o, `{"name":"example.com","peers":[]}`, model.CodeOutgoingExists, "*"),
		bad("POST", o+"/force_notify", `{}`, model.CodeOutgoingOff, "*"),
		{"GET", t + "/{none}", "", 404, model.CodeTSIGNotFound, "*"},
		{"GET", p + "/{none}", "", 404, model.CodePeerNotFound, "*"},
		{"GET", l + "/{none}", "", 404, model.CodeACLNotFound, "*"},
		{"DELETE", t + "/{none}", "", 404, model.CodeTSIGNotFound, "*"},
		bad("DELETE", t+"/{tsig}", "", model.CodeTSIGInUse, "*"),
		bad("DELETE", p+"/{peer}", "", model.CodePeerInUse, "*"),
	}
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// at is the case with another pointer.
func (c badCase) at(pointer string) badCase { c.pointer = pointer; return c }

// TestBadInput sends what must be refused, and looks at all that is stored before and after.
func TestBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *apiConfig) { c.Limits.Body = 64 << 10 })
	fill := s.badFixture()
	before := s.dump()
	cases := 0
	for _, list := range [][]badCase{badBodies(), badKinds(), badZones(), badRecords(), badSettings(), badSecondary()} {
		for _, c := range list {
			cases++
			var body any
			if c.body != "" || c.method != "GET" && c.method != "DELETE" {
				body = fill.Replace(c.body)
			}
			r := s.do(c.method, fill.Replace(c.path), body)
			name := fmt.Sprintf("%s %s %.150s", c.method, c.path, c.body)
			if r.Status != c.status || r.code() != c.code || r.Success || string(r.Result) != "null" {
				t.Errorf("%s: got %d %.300s, want %d with code %d", name, r.Status, r.Raw, c.status, c.code)
				continue
			}
			if got := r.Errors[0].Source.Pointer; got != c.pointer && c.pointer != "*" {
				t.Errorf("%s: the error points at %q, want %q", name, got, c.pointer)
			}
			if r.Header.Get("Headwater-Seq") != "" {
				t.Errorf("%s: a refusal tells a journal position", name)
			}
		}
	}
	if cases < 150 {
		t.Errorf("only %d cases", cases)
	}
	t.Logf("%d cases", cases)
	if after := s.dump(); after != before {
		t.Errorf("refused requests changed what is stored\nbefore: %s\nafter:  %s", before, after)
	}
}

// badFixture makes the objects that the table speaks of.
func (s *server) badFixture() *strings.Replacer {
	s.t.Helper()
	z, _ := s.zone("example.com")
	www := s.record(z, `{"name":"www","type":"A","content":"192.0.2.1"}`)
	s.record(z, `{"name":"alias","type":"CNAME","content":"t.example.net"}`)
	s.record(z, `{"name":"sub","type":"NS","content":"ns.example.net"}`)
	txt := s.record(z, `{"name":"t","type":"TXT","content":"text"}`)
	acc := "/accounts/" + string(s.account)
	id := func(path, body string) string { return s.must("POST", acc+path, body).object(s.t)["id"].(string) }
	tsig := id("/secondary_dns/tsigs", `{"name":"key.example.","algo":"hmac-sha256."}`)
	peer := id("/secondary_dns/peers", `{"name":"peer","ip":"192.0.2.53","tsig_id":"`+tsig+`"}`)
	acl := id("/secondary_dns/acls", `{"name":"acl","ip_range":"192.0.2.0/28"}`)
	s.must("POST", z+"/secondary_dns/outgoing", `{"name":"example.com","peers":["`+peer+`"]}`)
	return strings.NewReplacer("{z}", z, "{r}", z+"/dns_records", "{a}", acc, "{www}", www, "{txt}", txt, "{tsig}", tsig,
		"{peer}", peer, "{acl}", acl, "{none}", long("0", 32), "{NONE}", long("A", 32))
}

// dump is all that is stored, as text, and how far the journal is.
func (s *server) dump() string {
	s.t.Helper()
	ctx := s.t.Context()
	check := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	var out []any
	zones, _, err := s.store.Zones(ctx, model.ZoneQuery{All: true})
	check(err)
	accounts, _, err := s.store.Accounts(ctx, nil, "", false, 0, 0)
	check(err)
	out = append(out, zones, accounts, s.store.Stats().JournalRows)
	for _, z := range zones {
		check(s.store.Records(ctx, z.ID, model.RecordQuery{}, func(r *model.Record) error {
			out = append(out, *r)
			return nil
		}))
	}
	for _, a := range accounts {
		keys, err := s.store.TSIGs(ctx, a.ID)
		check(err)
		peers, err := s.store.Peers(ctx, a.ID)
		check(err)
		acls, err := s.store.ACLs(ctx, a.ID)
		check(err)
		audit, err := s.store.AuditLog(ctx, model.AuditQuery{Account: a.ID})
		check(err)
		for _, k := range keys {
			out = append(out, k.ID, k.Name, k.Algo)
		}
		out = append(out, peers, acls, len(audit))
	}
	b, err := json.Marshal(out)
	check(err)
	return string(b)
}
