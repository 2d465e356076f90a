package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func TestParseData(t *testing.T) {
	t.Parallel()
	tests := []struct {
		t, data  string
		priority int
		content  string
		wantPrio int
		answer   string
	}{
		{"CAA", `{"flags":0,"tag":"issue","value":"letsencrypt.org"}`, -1, `0 issue "letsencrypt.org"`, -1, `{"flags":0,"tag":"issue","value":"letsencrypt.org"}`},
		{"CAA", `{"flags":"128","tag":"issue","value":"a.example; x=\"y\""}`, -1, `128 issue "a.example; x=\"y\""`, -1, `{"flags":128,"tag":"issue","value":"a.example; x=\"y\""}`},
		{"CAA", `{"tag":"iodef","value":"mailto:<a&b>@c.example"}`, -1, `0 iodef "mailto:<a&b>@c.example"`, -1, `{"flags":0,"tag":"iodef","value":"mailto:<a&b>@c.example"}`},
		{"CERT", `{"type":1,"key_tag":2,"algorithm":3,"certificate":"AQID"}`, -1, "1 2 3 AQID", -1, `{"algorithm":3,"certificate":"AQID","key_tag":2,"type":1}`},
		{"DNSKEY", `{"flags":257,"protocol":3,"algorithm":13,"public_key":"AQID\nBAUG"}`, -1, "257 3 13 AQIDBAUG", -1, `{"algorithm":13,"flags":257,"protocol":3,"public_key":"AQIDBAUG"}`},
		{"DS", `{"key_tag":1.0,"algorithm":"13","digest_type":2,"digest":"` + digest32 + `"}`, -1, "1 13 2 " + digest32, -1, `{"algorithm":13,"digest":"` + digest32 + `","digest_type":2,"key_tag":1}`},
		{"HTTPS", `{"priority":1,"target":".","value":"alpn=\"h3,h2\" ipv4hint=192.0.2.1"}`, -1, `1 . alpn="h3,h2" ipv4hint=192.0.2.1`, -1, `{"priority":1,"target":".","value":"alpn=\"h3,h2\" ipv4hint=192.0.2.1"}`},
		{"HTTPS", `{"priority":1,"target":".","value":""}`, 9, "1 .", -1, `{"priority":1,"target":".","value":""}`},
		{"HTTPS", `{"target":"pool.example"}`, -1, "0 pool.example", -1, `{"priority":0,"target":"pool.example","value":""}`},
		{"SVCB", `{"priority":2,"target":"Foo.example.","value":"port=53"}`, -1, "2 Foo.example. port=53", -1, `{"priority":2,"target":"Foo.example.","value":"port=53"}`},
		{"NAPTR", `{"order":30,"preference":100,"flags":"S","service":"SIP+D2T","regex":"","replacement":"_sip._tls.unit.tests."}`, -1, `30 100 "S" "SIP+D2T" "" _sip._tls.unit.tests.`, -1, `{"flags":"S","order":30,"preference":100,"regex":"","replacement":"_sip._tls.unit.tests.","service":"SIP+D2T"}`},
		{"NAPTR", `{"order":1,"preference":2,"flags":"U","service":"E2U+sip","regex":"!^(.*)$!sip:\\1@x!"}`, -1, `1 2 "U" "E2U+sip" "!^(.*)$!sip:\\1@x!" .`, -1, `{"flags":"U","order":1,"preference":2,"regex":"!^(.*)$!sip:\\1@x!","replacement":".","service":"E2U+sip"}`},
		{"SMIMEA", `{"usage":3,"selector":0,"matching_type":0,"certificate":"abCD"}`, -1, "3 0 0 abCD", -1, `{"certificate":"abCD","matching_type":0,"selector":0,"usage":3}`},
		{"TLSA", `{"usage":0,"selector":1,"matching_type":1,"certificate":"` + digest32 + `"}`, -1, "0 1 1 " + digest32, -1, `{"certificate":"` + digest32 + `","matching_type":1,"selector":1,"usage":0}`},
		{"SSHFP", `{"algorithm":4,"type":2,"fingerprint":"` + digest32 + `"}`, -1, "4 2 " + digest32, -1, `{"algorithm":4,"fingerprint":"` + digest32 + `","type":2}`},
		{"SRV", `{"priority":10,"weight":20,"port":5060,"target":"sip.example."}`, -1, "20 5060 sip.example", 10, `{"port":5060,"priority":10,"target":"sip.example","weight":20}`},
		{"SRV", `{"priority":10,"weight":20,"port":5060,"target":"sip.example"}`, 99, "20 5060 sip.example", 10, `{"port":5060,"priority":10,"target":"sip.example","weight":20}`},
		{"SRV", `{"weight":20,"port":5060,"target":"."}`, 7, "20 5060 .", 7, `{"port":5060,"priority":7,"target":".","weight":20}`},
		{"URI", `{"weight":1,"target":"https://example.com/?a=b&c"}`, 10, `10 1 "https://example.com/?a=b&c"`, 10, `{"target":"https://example.com/?a=b&c","weight":1}`},
		{"URI", `{"weight":1,"target":"https://example.com/","priority":3}`, 10, `10 1 "https://example.com/"`, 10, `{"target":"https://example.com/","weight":1}`},
		{"LOC", `{"lat_degrees":37,"lat_minutes":46,"lat_seconds":46,"lat_direction":"N","long_degrees":122,"long_minutes":23,"long_seconds":35,"long_direction":"W","altitude":0,"size":100,"precision_horz":0,"precision_vert":0}`, -1, "37 46 46.000 N 122 23 35.000 W 0.00 100.00 0.00 0.00", -1, `{"altitude":0,"lat_degrees":37,"lat_direction":"N","lat_minutes":46,"lat_seconds":46,"long_degrees":122,"long_direction":"W","long_minutes":23,"long_seconds":35,"precision_horz":0,"precision_vert":0,"size":100}`},
		{"LOC", `{"lat_degrees":1,"lat_direction":"S","long_degrees":"2","long_direction":"e","long_seconds":1.5,"altitude":-1.25}`, -1, "1 0 0.000 S 2 0 1.500 E -1.25 0.00 0.00 0.00", -1, `{"altitude":-1.25,"lat_degrees":1,"lat_direction":"S","lat_minutes":0,"lat_seconds":0,"long_degrees":2,"long_direction":"E","long_minutes":0,"long_seconds":1.5,"precision_horz":0,"precision_vert":0,"size":0}`},
	}
	for _, tt := range tests {
		typ := typeOf(t, tt.t)
		if !hasMembers(typ, object(t, tt.data)) {
			t.Errorf("%s %s: no members seen", tt.t, tt.data)
		}
		content, prio, rdata, err := parseData(typ, object(t, tt.data), pointer(tt.priority), unitTests)
		if err != nil || content != tt.content || value(prio) != tt.wantPrio {
			t.Errorf("%s %s: %q %d %v, want %q %d", tt.t, tt.data, content, value(prio), err, tt.content, tt.wantPrio)
			continue
		}
		if got := recordData(&model.Record{Type: typ, Content: content, Priority: prio}); string(got) != tt.answer {
			t.Errorf("%s %s: answers\n%s, want\n%s", tt.t, tt.data, got, tt.answer)
		}
		checkStable(t, typ, content, prio, rdata)
	}
}

func TestParseDataErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		t, data  string
		priority int
		code     int
		pointer  string
	}{
		{"A", `{"value":"192.0.2.1"}`, -1, model.CodeContentA, "/data"},
		{"CAA", `{"flags":0,"value":"x"}`, -1, model.CodeContentInvalid, "/data/tag"},
		{"CAA", `{"flags":256,"tag":"issue","value":"x"}`, -1, model.CodeContentInvalid, "/data/flags"},
		{"CAA", `{"flags":1.5,"tag":"issue","value":"x"}`, -1, model.CodeContentInvalid, "/data/flags"},
		{"CAA", `{"flags":-1,"tag":"issue","value":"x"}`, -1, model.CodeContentInvalid, "/data/flags"},
		{"CAA", `{"flags":true,"tag":"issue","value":"x"}`, -1, model.CodeContentInvalid, "/data/flags"},
		{"CAA", `{"flags":[0],"tag":"issue","value":"x"}`, -1, model.CodeContentInvalid, "/data/flags"},
		{"CAA", `{"flags":0,"tag":"is sue","value":"x"}`, -1, model.CodeContentInvalid, "/data/tag"},
		{"CAA", `{"flags":0,"tag":"issue","value":"a\u0000b"}`, -1, model.CodeContentInvalid, "/data/value"},
		{"CAA", `{"flags":0,"tag":"issue","value":{"a":1}}`, -1, model.CodeContentInvalid, "/data/value"},
		{"CERT", `{"type":1,"key_tag":2,"algorithm":3}`, -1, model.CodeContentInvalid, "/data/certificate"},
		{"CERT", `{"type":1,"key_tag":2,"algorithm":300,"certificate":"AQID"}`, -1, model.CodeContentInvalid, "/data/algorithm"},
		{"DNSKEY", `{"flags":257,"protocol":3,"algorithm":13,"public_key":"%"}`, -1, model.CodeContentInvalid, "/data/public_key"},
		{"DS", `{"algorithm":13,"digest_type":2,"digest":"` + digest32 + `"}`, -1, model.CodeContentInvalid, "/data/key_tag"},
		{"DS", `{"key_tag":1,"algorithm":13,"digest_type":2,"digest":"abcd"}`, -1, model.CodeContentInvalid, "/data"},
		{"HTTPS", `{"priority":1,"value":"alpn=h2"}`, -1, model.CodeContentInvalid, "/data/target"},
		{"HTTPS", `{"priority":1,"target":"a b","value":"alpn=h2"}`, -1, model.CodeContentInvalid, "/data/target"},
		{"HTTPS", `{"priority":1,"target":".","value":"alpn=h2\n. 1 IN A 192.0.2.1"}`, -1, model.CodeContentInvalid, "/data"},
		{"HTTPS", `{"priority":70000,"target":"."}`, -1, model.CodeContentInvalid, "/data/priority"},
		{"LOC", `{"lat_degrees":37,"lat_direction":"N","long_degrees":122}`, -1, model.CodeContentInvalid, "/data/long_direction"},
		{"LOC", `{"lat_degrees":37,"lat_direction":"E","long_degrees":122,"long_direction":"W"}`, -1, model.CodeContentInvalid, "/data/lat_direction"},
		{"LOC", `{"lat_degrees":91,"lat_direction":"N","long_degrees":122,"long_direction":"W"}`, -1, model.CodeContentInvalid, "/data/lat_degrees"},
		{"LOC", `{"lat_degrees":1.5,"lat_direction":"N","long_degrees":122,"long_direction":"W"}`, -1, model.CodeContentInvalid, "/data/lat_degrees"},
		{"LOC", `{"lat_degrees":1,"lat_seconds":60,"lat_direction":"N","long_degrees":122,"long_direction":"W"}`, -1, model.CodeContentInvalid, "/data/lat_seconds"},
		{"LOC", `{"lat_degrees":1,"lat_direction":"N","long_degrees":122,"long_direction":"W","size":90000001}`, -1, model.CodeContentInvalid, "/data/size"},
		{"LOC", `{"lat_degrees":1,"lat_direction":"N","long_degrees":122,"long_direction":"W","altitude":"high"}`, -1, model.CodeContentInvalid, "/data/altitude"},
		{"NAPTR", `{"order":1,"flags":"U"}`, -1, model.CodeContentInvalid, "/data/preference"},
		{"TLSA", `{"usage":3,"selector":1,"matching_type":1,"certificate":""}`, -1, model.CodeContentInvalid, "/data/certificate"},
		{"TLSA", `{"selector":1,"matching_type":1,"certificate":"abcd"}`, -1, model.CodeContentInvalid, "/data/usage"},
		{"SRV", `{"priority":1,"weight":2,"port":3}`, -1, model.CodeContentInvalid, "/data/target"},
		{"SRV", `{"priority":1,"weight":2,"port":3,"target":""}`, -1, model.CodeContentInvalid, "/data/target"},
		{"SRV", `{"priority":65536,"weight":2,"port":3,"target":"a"}`, -1, model.CodeContentInvalid, "/data/priority"},
		{"SRV", `{"priority":1,"weight":2,"port":65536,"target":"a"}`, -1, model.CodeContentInvalid, "/data/port"},
		{"SRV", `{"priority":1,"weight":2,"port":3,"target":"192.0.2.1"}`, -1, model.CodeContentInvalid, "/data/target"},
		{"SSHFP", `{"algorithm":4,"type":2,"fingerprint":"xx"}`, -1, model.CodeContentInvalid, "/data/fingerprint"},
		{"URI", `{"weight":1,"target":"https://example.com/"}`, -1, model.CodePriority, "/priority"},
		{"URI", `{"weight":1}`, 10, model.CodeContentInvalid, "/data/target"},
		{"URI", `{"target":"https://example.com/"}`, 10, model.CodeContentInvalid, "/data/weight"},
	}
	for _, tt := range tests {
		content, _, _, err := parseData(typeOf(t, tt.t), object(t, tt.data), pointer(tt.priority), unitTests)
		var v *model.Invalid
		if !errors.As(err, &v) || v.Code != tt.code || v.Pointer != tt.pointer {
			t.Errorf("%s %s: %q, %+v; want %d at %s", tt.t, tt.data, content, err, tt.code, tt.pointer)
		}
	}
}

func TestHasMembers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		t, data string
		want    bool
	}{
		{"CAA", `{"tag":""}`, false}, // libdns, whose CAA comes as content
		{"CAA", `{}`, false},
		{"CAA", `null`, false},
		{"CAA", `{"tag":null,"value":null}`, false},
		{"CAA", `{"flags":0}`, true},
		{"CAA", `{"target":"x","weight":1}`, false},
		{"SRV", `{"service":"_sip","proto":"_tcp","name":"unit.tests"}`, false},
		{"SRV", `{"target":"."}`, true},
		{"SRV", `{"priority":0}`, true},
		{"URI", `{"priority":0}`, false},
		{"LOC", `{"size":0}`, true},
		{"A", `{"value":"x"}`, false},
		{"TXT", `{"value":"x"}`, false},
		{"MX", `{"priority":1,"target":"x"}`, false},
		{"DNAME", `{"target":"x"}`, false},
	} {
		if got := hasMembers(typeOf(t, tt.t), object(t, tt.data)); got != tt.want {
			t.Errorf("%s %s: %v", tt.t, tt.data, got)
		}
	}
}

func TestNoDataForContentTypes(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"A", "AAAA", "CNAME", "MX", "NS", "PTR", "TXT", "OPENPGPKEY", "DNAME"} {
		if got := recordData(&model.Record{Type: typeOf(t, s), Content: "x"}); got != nil {
			t.Errorf("%s: %s", s, got)
		}
	}
}

func TestMergeData(t *testing.T) {
	t.Parallel()
	srv := &model.Record{Type: wire.TypeSRV, Content: "20 5060 sip.example", Priority: pointer(10)}
	for _, tt := range []struct {
		r        *model.Record
		patch    string
		priority int
		content  string
		prio     int
	}{
		{srv, `{"port":443}`, -1, "20 443 sip.example", 10},
		{srv, `{"target":"b.example."}`, 5, "20 5060 b.example", 5},
		{srv, `{"priority":3}`, 5, "20 5060 sip.example", 3},
		{&model.Record{Type: wire.TypeCAA, Content: `0 issue "a"`}, `{"value":"b"}`, -1, `0 issue "b"`, -1},
		{&model.Record{Type: wire.TypeLOC, Content: "1 0 0.000 S 2 0 1.500 E -1.25 0.00 0.00 0.00"}, `{"size":3,"lat_direction":"N"}`, -1, "1 0 0.000 N 2 0 1.500 E -1.25 3.00 0.00 0.00", -1},
		{&model.Record{Type: wire.TypeURI, Content: `4 1 "a:b"`, Priority: pointer(4)}, `{"weight":9}`, 4, `4 9 "a:b"`, 4},
		{&model.Record{Type: wire.TypeURI, Content: `4 1 "a:b"`, Priority: pointer(4)}, `{"weight":9}`, 5, `5 9 "a:b"`, 5},
	} {
		content, prio, _, err := parseData(tt.r.Type, mergeData(tt.r, object(t, tt.patch), pointer(tt.priority)), pointer(tt.priority), unitTests)
		if err != nil || content != tt.content || value(prio) != tt.prio {
			t.Errorf("%s and %s: %q %d %v", tt.r.Content, tt.patch, content, value(prio), err)
		}
	}
}

// sent is the part of a client's record that counts here.
type sent struct {
	Type     string                     `json:"type"`
	Content  string                     `json:"content"`
	Priority *uint16                    `json:"priority"`
	Data     map[string]json.RawMessage `json:"data"`
}

// Bodies as clients send them (contract section 11), and what each must read back.
func TestClients(t *testing.T) {
	t.Parallel()
	const everything = `"name":"","target":"","service":"","proto":"","priority":0,"weight":0,"port":0,"tag":"","flags":0,"value":"",` +
		`"usage":0,"selector":0,"matching_type":0,"certificate":"","algorithm":0,"type":0,"fingerprint":"","key_tag":0,"digest_type":0,"digest":""`
	tests := []struct {
		client, body, content string
		priority              int
		data                  string
	}{
		{"acme.sh", `{"type":"TXT","content":"XKrxpRBosdIKFzxW_CT3KLZNf6q0HG9i01zxXp5CPBs","ttl":120}`, "XKrxpRBosdIKFzxW_CT3KLZNf6q0HG9i01zxXp5CPBs", -1, ""},
		{"lego", `{"type":"TXT","content":"\"XKrxpRBosdIKFzxW\"","ttl":120}`, `"XKrxpRBosdIKFzxW"`, -1, ""},
		{"libdns", `{"type":"TXT","content":"\"a b\"","data":{"tag":""}}`, `"a b"`, -1, ""},
		{"libdns", `{"type":"MX","content":"10 mail.example.","data":{"tag":""}}`, "mail.example", 10, ""},
		{"libdns", `{"type":"CAA","content":"0 issue \"letsencrypt.org\"","data":{"tag":""}}`, `0 issue "letsencrypt.org"`, -1, `{"flags":0,"tag":"issue","value":"letsencrypt.org"}`},
		{"libdns", `{"type":"SRV","content":"0 0 5060 sip.example.","data":{"service":"_sip","proto":"_tcp","name":"x","port":5060,"target":"sip.example.","tag":""}}`, "0 5060 sip.example", 0, `{"port":5060,"priority":0,"target":"sip.example","weight":0}`},
		{"libdns", `{"type":"HTTPS","content":"1 . alpn=\"h2\"","data":{"priority":1,"target":".","value":"alpn=h2","tag":""}}`, "1 . alpn=h2", -1, `{"priority":1,"target":".","value":"alpn=h2"}`},
		{"libdns", `{"type":"LOC","content":"1 N 2 E 3m","data":{"tag":""}}`, "1 0 0.000 N 2 0 0.000 E 3.00 1.00 10000.00 10.00", -1, `{"altitude":3,"lat_degrees":1,"lat_direction":"N","lat_minutes":0,"lat_seconds":0,"long_degrees":2,"long_direction":"E","long_minutes":0,"long_seconds":0,"precision_horz":10000,"precision_vert":10,"size":1}`},
		{"dnscontrol", `{"type":"A","content":"192.0.2.1","priority":0,"data":null}`, "192.0.2.1", -1, ""},
		{"dnscontrol", `{"type":"TXT","content":"\"a\" \"b\"","priority":0}`, `"a" "b"`, -1, ""},
		{"dnscontrol", `{"type":"MX","content":".","priority":0}`, ".", 0, ""},
		{"dnscontrol", `{"type":"LOC","content":"37 46 46.000 N 122 23 35.000 W 0.00m 100.00m 0.00m 0.00m","priority":0}`, "37 46 46.000 N 122 23 35.000 W 0.00 100.00 0.00 0.00", -1, `{"altitude":0,"lat_degrees":37,"lat_direction":"N","lat_minutes":46,"lat_seconds":46,"long_degrees":122,"long_direction":"W","long_minutes":23,"long_seconds":35,"precision_horz":0,"precision_vert":0,"size":100}`},
		{"dnscontrol", `{"type":"SSHFP","content":"` + digest32 + `","priority":0,"data":{` + everything + `,"algorithm":4,"type":2,"fingerprint":"` + digest32 + `"}}`, "4 2 " + digest32, -1, `{"algorithm":4,"fingerprint":"` + digest32 + `","type":2}`},
		{"dnscontrol", `{"type":"TLSA","content":"` + digest32 + `","priority":0,"data":{` + everything + `,"usage":3,"selector":1,"matching_type":1,"certificate":"` + digest32 + `"}}`, "3 1 1 " + digest32, -1, `{"certificate":"` + digest32 + `","matching_type":1,"selector":1,"usage":3}`},
		{"dnscontrol", `{"type":"SRV","content":"sip.example.","priority":0,"data":{` + everything + `,"service":"_sip","proto":"_tcp","name":"unit.tests","priority":1,"weight":2,"port":3,"target":"sip.example"}}`, "2 3 sip.example", 1, `{"port":3,"priority":1,"target":"sip.example","weight":2}`},
		{"dnscontrol", `{"type":"CAA","content":"","priority":0,"data":{` + everything + `,"tag":"issue","value":"a.example"}}`, `0 issue "a.example"`, -1, `{"flags":0,"tag":"issue","value":"a.example"}`},
		{"octoDNS", `{"type":"CNAME","content":"unit.tests.","proxied":false}`, "unit.tests", -1, ""},
		{"octoDNS", `{"type":"MX","content":"smtp-1.unit.tests.","priority":10}`, "smtp-1.unit.tests", 10, ""},
		{"octoDNS", `{"type":"SRV","data":{"service":"_srv","proto":"_tcp","name":"unit.tests","priority":10,"weight":20,"port":30,"target":"foo-1.unit.tests"}}`, "20 30 foo-1.unit.tests", 10, `{"port":30,"priority":10,"target":"foo-1.unit.tests","weight":20}`},
		{"octoDNS", `{"type":"LOC","data":{"lat_degrees":31,"lat_minutes":58,"lat_seconds":52.1,"lat_direction":"S","long_degrees":115,"long_minutes":49,"long_seconds":11.7,"long_direction":"E","altitude":20,"size":10,"precision_horz":10,"precision_vert":2}}`, "31 58 52.100 S 115 49 11.700 E 20.00 10.00 10.00 2.00", -1, `{"altitude":20,"lat_degrees":31,"lat_direction":"S","lat_minutes":58,"lat_seconds":52.1,"long_degrees":115,"long_direction":"E","long_minutes":49,"long_seconds":11.7,"precision_horz":10,"precision_vert":2,"size":10}`},
		{"octoDNS", `{"type":"TXT","content":"v=DKIM1;k=rsa;s=email;h=sha256;p=A/kinda+of/long"}`, "v=DKIM1;k=rsa;s=email;h=sha256;p=A/kinda+of/long", -1, ""},
		{"external-dns", `{"type":"TXT","content":"\"heritage=external-dns,external-dns/owner=default\"","ttl":1}`, `"heritage=external-dns,external-dns/owner=default"`, -1, ""},
		{"external-dns", `{"type":"SRV","data":{"priority":10,"weight":5,"port":443,"target":"a.example"}}`, "5 443 a.example", 10, `{"port":443,"priority":10,"target":"a.example","weight":5}`},
		{"terraform", `{"type":"CAA","data":{"flags":"0","tag":"issue","value":"letsencrypt.org"},"settings":{},"tags":[]}`, `0 issue "letsencrypt.org"`, -1, `{"flags":0,"tag":"issue","value":"letsencrypt.org"}`},
		{"terraform", `{"type":"URI","priority":10,"data":{"weight":1,"target":"https://example.com/x"}}`, `10 1 "https://example.com/x"`, 10, `{"target":"https://example.com/x","weight":1}`},
		{"lexicon", `{"type":"TXT","content":"challengetoken","data":null}`, "challengetoken", -1, ""},
	}
	for _, tt := range tests {
		var s sent
		if err := json.Unmarshal([]byte(tt.body), &s); err != nil {
			t.Fatalf("%s: %v", tt.body, err)
		}
		typ := typeOf(t, s.Type)
		var content string
		var prio *uint16
		var rdata []byte
		var err error
		if hasMembers(typ, s.Data) {
			content, prio, rdata, err = parseData(typ, s.Data, s.Priority, unitTests)
		} else {
			content, prio, rdata, err = parseContent(typ, s.Content, s.Priority, unitTests)
		}
		if err != nil || content != tt.content || value(prio) != tt.priority {
			t.Errorf("%s %s: %q %d %v, want %q %d", tt.client, tt.body, content, value(prio), err, tt.content, tt.priority)
			continue
		}
		data := recordData(&model.Record{Type: typ, Content: content, Priority: prio})
		if !bytes.Equal(data, []byte(tt.data)) {
			t.Errorf("%s %s: data\n%s, want\n%s", tt.client, tt.body, data, tt.data)
		}
		checkStable(t, typ, content, prio, rdata)
	}
}
