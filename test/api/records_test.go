package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// everyType has a record of every type, as a client sends it and as it reads back.
var everyType = []struct {
	name, send string
	content    string
	priority   string // "" for none
	data       string // "" for none
}{
	{name: "A", send: `{"name":"a","type":"A","content":"192.0.2.1"}`, content: "192.0.2.1"},
	{name: "AAAA", send: `{"name":"a","type":"AAAA","content":"2001:DB8:0:0::1"}`, content: "2001:db8::1"},
	{name: "CNAME", send: `{"name":"c","type":"CNAME","content":"Target.Example.NET."}`, content: "Target.Example.NET"},
	{name: "MX", send: `{"name":"m","type":"MX","content":"mail.example.net","priority":10}`, content: "mail.example.net", priority: "10"},
	{name: "null MX", send: `{"name":"nomail","type":"MX","content":".","priority":0}`, content: ".", priority: "0"},
	{name: "NS", send: `{"name":"sub","type":"NS","content":"ns.example.net"}`, content: "ns.example.net"},
	{name: "PTR", send: `{"name":"1","type":"PTR","content":"host.example.net"}`, content: "host.example.net"},
	{name: "TXT bare", send: `{"name":"t","type":"TXT","content":"v=spf1 -all"}`, content: "v=spf1 -all"},
	{name: "TXT quoted", send: `{"name":"t2","type":"TXT","content":"\"v=spf1 -all\""}`, content: `"v=spf1 -all"`},
	{name: "OPENPGPKEY", send: `{"name":"k","type":"OPENPGPKEY","content":"AQID"}`, content: "AQID"},
	{
		name: "CAA", send: `{"name":"@","type":"CAA","data":{"flags":"0","tag":"issue","value":"letsencrypt.org"}}`,
		content: `0 issue "letsencrypt.org"`, data: `{"flags":0,"tag":"issue","value":"letsencrypt.org"}`,
	},
	{
		name: "CERT", send: `{"name":"cert","type":"CERT","data":{"type":1,"key_tag":2,"algorithm":3,"certificate":"AQID"}}`,
		content: "1 2 3 AQID", data: `{"algorithm":3,"certificate":"AQID","key_tag":2,"type":1}`,
	},
	{
		name: "DNSKEY", send: `{"name":"dk","type":"DNSKEY","data":{"flags":257,"protocol":3,"algorithm":13,"public_key":"` + pk + `"}}`,
		content: "257 3 13 " + pk, data: `{"algorithm":13,"flags":257,"protocol":3,"public_key":"` + pk + `"}`,
	},
	{
		name: "DS", send: `{"name":"sub","type":"DS","data":{"key_tag":1,"algorithm":13,"digest_type":2,"digest":"` + sha + `"}}`,
		content: "1 13 2 " + sha, data: `{"algorithm":13,"digest":"` + sha + `","digest_type":2,"key_tag":1}`,
	},
	{
		name: "HTTPS", send: `{"name":"h","type":"HTTPS","data":{"priority":1,"target":".","value":"alpn=\"h2\""}}`,
		content: `1 . alpn="h2"`, data: `{"priority":1,"target":".","value":"alpn=\"h2\""}`,
	},
	{
		name: "SVCB", send: `{"name":"_s","type":"SVCB","data":{"priority":1,"target":"svc.example.net.","value":"port=\"8443\""}}`,
		content: `1 svc.example.net. port="8443"`, data: `{"priority":1,"target":"svc.example.net.","value":"port=\"8443\""}`,
	},
	{
		name: "LOC", send: `{"name":"l","type":"LOC","data":{"lat_degrees":37,"lat_minutes":46,"lat_seconds":46,"lat_direction":"N",` +
			`"long_degrees":122,"long_minutes":23,"long_seconds":35,"long_direction":"W","altitude":0,"size":100,"precision_horz":0,"precision_vert":0}}`,
		content: "37 46 46.000 N 122 23 35.000 W 0.00 100.00 0.00 0.00",
		data: `{"altitude":0,"lat_degrees":37,"lat_direction":"N","lat_minutes":46,"lat_seconds":46,"long_degrees":122,` +
			`"long_direction":"W","long_minutes":23,"long_seconds":35,"precision_horz":0,"precision_vert":0,"size":100}`,
	},
	{
		name: "NAPTR", send: `{"name":"n","type":"NAPTR","data":{"order":30,"preference":100,"flags":"S","service":"SIP+D2T","regex":"","replacement":"_sip._tls.unit.tests."}}`,
		content: `30 100 "S" "SIP+D2T" "" _sip._tls.unit.tests.`,
		data:    `{"flags":"S","order":30,"preference":100,"regex":"","replacement":"_sip._tls.unit.tests.","service":"SIP+D2T"}`,
	},
	{
		name: "SMIMEA", send: `{"name":"sm","type":"SMIMEA","data":{"usage":3,"selector":1,"matching_type":1,"certificate":"` + sha + `"}}`,
		content: "3 1 1 " + sha, data: `{"certificate":"` + sha + `","matching_type":1,"selector":1,"usage":3}`,
	},
	{
		name: "TLSA", send: `{"name":"_443._tcp","type":"TLSA","data":{"usage":3,"selector":1,"matching_type":1,"certificate":"` + sha + `"}}`,
		content: "3 1 1 " + sha, data: `{"certificate":"` + sha + `","matching_type":1,"selector":1,"usage":3}`,
	},
	{
		name: "SRV", send: `{"name":"_sip._tcp","type":"SRV","data":{"priority":1,"weight":5,"port":5060,"target":"sip.example.net"}}`,
		content: "5 5060 sip.example.net", priority: "1", data: `{"port":5060,"priority":1,"target":"sip.example.net","weight":5}`,
	},
	{
		name: "SSHFP", send: `{"name":"s","type":"SSHFP","data":{"algorithm":4,"type":2,"fingerprint":"` + sha + `"}}`,
		content: "4 2 " + sha, data: `{"algorithm":4,"fingerprint":"` + sha + `","type":2}`,
	},
	{
		name: "URI", send: `{"name":"u","type":"URI","priority":7,"data":{"weight":1,"target":"https://example.net/<&>"}}`,
		content: `7 1 "https://example.net/<&>"`, priority: "7", data: `{"target":"https://example.net/<&>","weight":1}`,
	},
	{name: "DNAME", send: `{"name":"dn","type":"DNAME","content":"other.example.net."}`, content: "other.example.net."},
	{name: "RP", send: `{"name":"rp","type":"RP","content":"mbox.example.net. txt.example.net."}`, content: "mbox.example.net. txt.example.net."},
	{name: "HINFO", send: `{"name":"hi","type":"HINFO","content":"\"PC\" \"Linux\""}`, content: `"PC" "Linux"`},
	{name: "EUI48", send: `{"name":"eui","type":"EUI48","content":"00-00-5e-00-53-2a"}`, content: "00-00-5e-00-53-2a"},
	{name: "unknown", send: `{"name":"unk","type":"TYPE65280","content":"\\# 3 010203"}`, content: `\# 3 010203`},
}

const (
	sha = "d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971"
	pk  = "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="
)

// TestEveryTypeLives creates, reads, patches, puts and deletes a record of every type.
func TestEveryTypeLives(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("example.com")
	for _, tt := range everyType {
		made := s.must("POST", z+"/dns_records", tt.send)
		o := made.object(t)
		if o["content"] != tt.content {
			t.Errorf("%s: content %q, want %q", tt.name, o["content"], tt.content)
		}
		if p, _ := o["priority"].(json.Number); p.String() != tt.priority {
			t.Errorf("%s: priority %q, want %q", tt.name, p, tt.priority)
		}
		data := ""
		if o["data"] != nil {
			data = made.Raw[strings.Index(made.Raw, `"data":`)+len(`"data":`):]
			data = data[:strings.LastIndex(data, `},"success"`)]
		}
		if data != tt.data {
			t.Errorf("%s: data %s, want %s", tt.name, data, tt.data)
		}
		path := z + "/dns_records/" + o["id"].(string)
		first := s.must("GET", path, nil)
		if string(first.Result) != string(made.Result) {
			t.Errorf("%s: GET answers %s, POST %s", tt.name, first.Raw, made.Raw)
		}
		s.clock.pass(time.Minute)
		if again := s.must("PUT", path, tt.send); string(again.Result) != string(made.Result) {
			t.Errorf("%s: a PUT of the same changed %s to %s", tt.name, made.Raw, again.Raw)
		}
		if again := s.must("PUT", path, string(made.Result)); string(again.Result) != string(made.Result) {
			t.Errorf("%s: a PUT of the answer changed %s to %s", tt.name, made.Raw, again.Raw)
		}
		if again := s.must("PATCH", path, `{"comment":null,"tags":null}`); string(again.Result) != string(made.Result) {
			t.Errorf("%s: an empty PATCH changed %s to %s", tt.name, made.Raw, again.Raw)
		}
		patched := s.must("PATCH", path, `{"ttl":120}`).object(t)
		o["ttl"], o["modified_on"] = json.Number("120"), patched["modified_on"]
		if diff := cmp.Diff(o, patched); diff != "" {
			t.Errorf("%s: a PATCH of the ttl changed more (-want +got):\n%s", tt.name, diff)
		}
	}
	list := s.must("GET", z+"/dns_records?per_page=1000", nil)
	if list.Info.TotalCount != len(everyType) || len(list.list(t)) != len(everyType) {
		t.Errorf("the list has %d of %d records", list.Info.TotalCount, len(everyType))
	}
	// A DS needs its NS: they go in the order in which they came, backwards.
	var ops []string
	for _, r := range list.list(t) {
		ops = append(ops, `{"id":"`+r["id"].(string)+`"}`)
	}
	gone := s.must("POST", z+"/dns_records/batch", `{"deletes":[`+strings.Join(ops, ",")+`]}`)
	var out struct{ Deletes []map[string]any }
	decode(t, gone.Result, &out)
	if len(out.Deletes) != len(everyType) || out.Deletes[0]["content"] == nil {
		t.Errorf("the batch answered %s", gone.Raw)
	}
	if n := s.must("GET", z+"/dns_records/usage", nil).object(t)["record_usage"]; n != json.Number("0") {
		t.Errorf("%v records are left", n)
	}
}

func TestRecordNames(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("example.com")
	for i, tt := range []struct{ send, want string }{
		{"@", "example.com"},
		{"example.com", "example.com"},
		{"EXAMPLE.com.", "example.com"},
		{"www", "www.example.com"},
		{"WwW.Example.com", "www.example.com"},
		{"www.example.com.", "www.example.com"},
		{"a.b", "a.b.example.com"},
		{"other.net", "other.net.example.com"},
		{"bücher", "xn--bcher-kva.example.com"},
		{"xn--bcher-kva", "xn--bcher-kva.example.com"},
		{"*", "*.example.com"},
		{"*.sub", "*.sub.example.com"},
		{"a.*.b", "a.*.b.example.com"},
		{"_dmarc", "_dmarc.example.com"},
		{"0/25", "0/25.example.com"},
		{`a\.b`, `a\.b.example.com`},
		{`sp\032ace`, `sp\032ace.example.com`},
		{"notexample.com", "notexample.com.example.com"},
	} {
		body := map[string]any{"name": tt.send, "type": "TXT", "content": "t" + string(rune('a'+i))}
		if got := s.must("POST", z+"/dns_records", body).object(t)["name"]; got != tt.want {
			t.Errorf("%q became %q, want %q", tt.send, got, tt.want)
		}
	}
}

// TestIgnoredMembers sends what clients send needlessly (contract section 5.2).
func TestIgnoredMembers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, zid := s.zone("example.com")
	body := `{"id":"","zone_id":"` + zid + `","zone_name":"example.com","name":"www","type":"A","content":"192.0.2.1","priority":10,` +
		`"proxiable":true,"proxied":false,"locked":false,"meta":{"auto_added":true},"created_on":"0001-01-01T00:00:00Z",` +
		`"modified_on":"0001-01-01T00:00:00Z","settings":{},"tags":null,"data":{"tag":""},"comment":"","private_routing":false}`
	o := s.must("POST", z+"/dns_records", body).object(t)
	for _, m := range []string{"locked", "priority", "data", "comment_modified_on", "tags_modified_on"} {
		if _, there := o[m]; there {
			t.Errorf("the answer has %s", m)
		}
	}
	if o["created_on"] != "2026-03-04T05:06:07.000000Z" || o["comment"] != nil {
		t.Errorf("got %v", o)
	}
	every := `{"name":"_x._tcp","type":"SRV","data":{"service":"_x","proto":"_tcp","name":"example.com","priority":1,"weight":2,"port":3,"target":"t.example.net",` +
		`"flags":0,"tag":"","value":"","algorithm":0,"certificate":"","key_tag":0,"type":0,"usage":0}}`
	if got := s.must("POST", z+"/dns_records", every).object(t)["content"]; got != "2 3 t.example.net" {
		t.Errorf("content of an SRV with every member: %v", got)
	}
	if got := s.must("POST", z+"/dns_records", `{"name":"c","type":"CAA","content":"0 issue \"ca.example\"","data":null}`).object(t); got["data"] == nil {
		t.Errorf("a data type by its content has no data: %v", got)
	}
}

func TestPatchAndPut(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("example.com")
	id := s.record(z, `{"name":"_sip._tcp","type":"SRV","ttl":300,"comment":"first","tags":["a:b","c"],`+
		`"data":{"priority":1,"weight":5,"port":5060,"target":"sip.example.net"}}`)
	path := z + "/dns_records/" + id
	s.clock.pass(time.Hour)
	o := s.must("PATCH", path, `{"data":{"port":5061}}`).object(t)
	if o["content"] != "5 5061 sip.example.net" || o["priority"] != json.Number("1") || o["comment"] != "first" {
		t.Errorf("after a PATCH of the port: %v", o)
	}
	if o["modified_on"] != "2026-03-04T06:06:07.000000Z" || o["comment_modified_on"] != "2026-03-04T05:06:07.000000Z" {
		t.Errorf("times after a PATCH: %v", o)
	}
	if o = s.must("PATCH", path, `{"priority":9}`).object(t); o["priority"] != json.Number("9") || o["data"].(map[string]any)["priority"] != json.Number("9") {
		t.Errorf("after a PATCH of the priority: %v", o)
	}
	if o = s.must("PATCH", path, `{"content":"1 2 new.example.net"}`).object(t); o["content"] != "1 2 new.example.net" || o["priority"] != json.Number("9") {
		t.Errorf("after a PATCH of the content: %v", o)
	}
	if o = s.must("PATCH", path, `{"tags":null,"comment":"second"}`).object(t); len(o["tags"].([]any)) != 2 || o["comment"] != "second" {
		t.Errorf("tags null in a PATCH: %v", o)
	}
	if o = s.must("PATCH", path, `{"tags":[],"comment":""}`).object(t); len(o["tags"].([]any)) != 0 || o["comment"] != nil {
		t.Errorf("tags cleared: %v", o)
	}
	s.fails(400, model.CodeTypeChange, "PATCH", path, `{"type":"A","content":"192.0.2.1"}`)
	s.fails(400, model.CodeTypeChange, "PUT", path, `{"name":"x","type":"A","content":"192.0.2.1"}`)

	a := s.record(z, `{"name":"www","type":"A","content":"192.0.2.1","ttl":600,"proxied":true,"comment":"c","tags":["t"]}`)
	path = z + "/dns_records/" + a
	if o = s.must("GET", path, nil).object(t); o["ttl"] != json.Number("1") || o["proxied"] != true {
		t.Errorf("a proxied record: %v", o)
	}
	o = s.must("PUT", path, `{"type":"A","name":"www","content":"192.0.2.2"}`).object(t)
	if o["proxied"] != false || o["comment"] != nil || len(o["tags"].([]any)) != 0 || o["id"] != a {
		t.Errorf("a PUT with the least: %v", o)
	}
	if o = s.must("PATCH", path, `{"proxied":true}`).object(t); o["proxied"] != true || o["content"] != "192.0.2.2" {
		t.Errorf("a PATCH of proxied: %v", o)
	}
	s.record(z, `{"name":"www","type":"A","content":"192.0.2.9"}`)
	s.fails(400, model.CodeIdentical, "PATCH", path, `{"content":"192.0.2.9"}`)
}

func TestBatchOrder(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *apiConfig) { c.Limits.Batch = 5 })
	z, zid := s.zone("example.com")
	a := s.record(z, `{"name":"www","type":"A","content":"192.0.2.1"}`)
	b := s.record(z, `{"name":"b","type":"A","content":"192.0.2.1"}`)
	c := s.record(z, `{"name":"c","type":"TXT","content":"c"}`)
	before := s.serial(zid)
	r := s.must("POST", z+"/dns_records/batch", `{"posts":[{"name":"www","type":"CNAME","content":"b.example.com"}],`+
		`"puts":[{"id":"`+c+`","name":"c","type":"TXT","content":"cc"}],"patches":[{"id":"`+b+`","ttl":60}],"deletes":[{"id":"`+a+`"}]}`)
	if got := s.serial(zid); got != before+1 {
		t.Errorf("the serial went from %d to %d", before, got)
	}
	var out map[string][]map[string]any
	decode(t, r.Result, &out)
	if out["deletes"][0]["content"] != "192.0.2.1" || out["patches"][0]["ttl"] != json.Number("60") ||
		out["puts"][0]["content"] != "cc" || out["posts"][0]["type"] != "CNAME" {
		t.Errorf("the batch answered %s", r.Raw)
	}
	s.must("POST", z+"/dns_records/batch", `{"posts":null,"puts":null,"patches":null,"deletes":null}`)
	s.must("POST", z+"/dns_records/batch", `{}`)
	del := `{"id":"` + c + `"}`
	s.fails(400, model.CodeBatchTooLarge, "POST", z+"/dns_records/batch", `{"deletes":[`+strings.Repeat(del+",", 5)+del+`]}`)
	bad := s.fails(400, model.CodeContentA, "POST", z+"/dns_records/batch",
		`{"deletes":[`+del+`],"posts":[{"name":"x","type":"A","content":"192.0.2.3"},{"name":"y","type":"A","content":"no"}]}`)
	if got := bad.Errors[0].Source.Pointer; got != "/posts/1/content" {
		t.Errorf("the error points at %q", got)
	}
	s.fails(404, model.CodeRecordNotFound, "POST", z+"/dns_records/batch", `{"deletes":[`+del+`,`+del+`]}`)
	s.must("GET", z+"/dns_records/"+c, nil)
}

// TestURIPriority: the content of a URI leads with the priority, which is a member of its own besides. Whichever of them a
// request sends is heard, and the member wins where both are sent.
func TestURIPriority(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("example.com")
	id := s.record(z, `{"name":"u","type":"URI","content":"10 1 \"ftp://a.test/\""}`)
	path := z + "/dns_records/" + id
	for _, tt := range []struct{ method, body, content, priority string }{
		{"GET", ``, `10 1 "ftp://a.test/"`, "10"},
		{"PATCH", `{"priority":20}`, `20 1 "ftp://a.test/"`, "20"},
		{"PATCH", `{"content":"5 2 \"ftp://b.test/\""}`, `5 2 "ftp://b.test/"`, "5"},
		{"PATCH", `{"content":"3 \"ftp://c.test/\""}`, `5 3 "ftp://c.test/"`, "5"},
		{"PATCH", `{"data":{"weight":4}}`, `5 4 "ftp://c.test/"`, "5"},
		{"PATCH", `{"priority":6,"content":"5 4 \"ftp://c.test/\""}`, `6 4 "ftp://c.test/"`, "6"},
		{"PUT", `{"name":"u","type":"URI","priority":7,"content":"6 4 \"ftp://c.test/\""}`, `7 4 "ftp://c.test/"`, "7"},
		{"PUT", `{"name":"u","type":"URI","priority":8,"content":"4 \"ftp://c.test/\""}`, `8 4 "ftp://c.test/"`, "8"},
	} {
		var body any
		if tt.body != "" {
			body = tt.body
		}
		got := s.must(tt.method, path, body).object(t)
		if got["content"] != tt.content || fmt.Sprint(got["priority"]) != tt.priority {
			t.Errorf("%s %s: content %v, priority %v", tt.method, tt.body, got["content"], got["priority"])
		}
	}
	if n := s.must("GET", z+"/dns_records?content.exact="+url.QueryEscape(`8 4 "ftp://c.test/"`), nil).Info.TotalCount; n != 1 {
		t.Errorf("the content that was answered finds %d records", n)
	}
}

// TestNamelessSRV makes SRV records as clients did when their name was told by members of their data.
func TestNamelessSRV(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, zid := s.zone("example.com")
	const data = `"priority":1,"weight":2,"port":5060,"target":"sip.example.net"`
	for body, want := range map[string]string{
		`{"type":"SRV","data":{"service":"_sip","proto":"_tcp","name":"example.com",` + data + `}}`:                  "_sip._tcp.example.com",
		`{"type":"srv","name":"","data":{"service":"_sip","proto":"_udp","name":"@",` + data + `}}`:                  "_sip._udp.example.com",
		`{"type":"SRV","name":null,"data":{"service":"_xmpp","proto":"_tcp",` + data + `}}`:                          "_xmpp._tcp.example.com",
		`{"type":"SRV","data":{"service":"_sip","proto":"_tls","name":"voice",` + data + `}}`:                        "_sip._tls.voice.example.com",
		`{"type":"SRV","data":{"service":"_sip","proto":"_tls","name":"voice2.example.com.",` + data + `}}`:          "_sip._tls.voice2.example.com",
		`{"type":"SRV","name":"_a._tcp","data":{"service":"_sip","proto":"_tcp","name":"example.com",` + data + `}}`: "_a._tcp.example.com",
		`{"type":"SRV","data":{"proto":"_tcp","name":"example.com",` + data + `}}`:                                   "",
		`{"type":"SRV","data":{"service":7,"proto":"_tcp","name":"example.com",` + data + `}}`:                       "",
		`{"type":"SRV","data":{"service":"_sip","proto":"_tcp","name":"other.test.",` + data + `}}`:                  "",
		`{"type":"TXT","content":"x","data":{"service":"_sip","proto":"_tcp","name":"example.com"}}`:                 "",
	} {
		if want == "" {
			s.fails(400, model.CodeNameInvalid, "POST", z+"/dns_records", body)
			continue
		}
		o := s.must("POST", z+"/dns_records", body).object(t)
		if o["name"] != want {
			t.Errorf("%s makes %v", body, o["name"])
		}
		if o["zone_id"] != zid || o["zone_name"] != "example.com" {
			t.Errorf("the record's zone is %v %v", o["zone_id"], o["zone_name"])
		}
	}
}
