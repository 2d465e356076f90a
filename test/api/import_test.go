package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// form makes an import's body; fields are name and value in turn.
func form(t *testing.T, fields ...string) (body []byte, header as) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		if fields[i] != "file" {
			if err := w.WriteField(fields[i], fields[i+1]); err != nil {
				t.Fatal(err)
			}
			continue
		}
		part, err := w.CreateFormFile("file", "zone.txt")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(fields[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	kind := w.FormDataContentType()
	return b.Bytes(), func(h http.Header) { h.Set("Content-Type", kind) }
}

func (s *server) importFile(path string, fields ...string) *reply {
	s.t.Helper()
	body, header := form(s.t, fields...)
	return s.do("POST", path, body, header)
}

func (r *reply) imported(t *testing.T) (added, parsed int) {
	t.Helper()
	var v struct {
		Added  int `json:"recs_added"`
		Parsed int `json:"total_records_parsed"`
	}
	decode(t, r.Result, &v)
	return v.Added, v.Parsed
}

// TestExportImport takes a zone with everything out and in again: nothing but ids and times differs.
func TestExportImport(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("example.com")
	for _, tt := range everyType {
		s.must("POST", z+"/dns_records", tt.send)
	}
	for i, body := range []string{
		`"content":"192.0.2.1","proxied":true,"comment":"plain"`,
		`"content":"192.0.2.1","ttl":86400,"comment":"semi;colon (and) \"quotes\" \\ ü","tags":["a:b","c"]`,
		`"content":"192.0.2.1","comment":"has cf_tags=inside","tags":[]`,
		`"content":"192.0.2.1","comment":"has cf_tags=inside","tags":["x"]`,
		`"content":"192.0.2.1","comment":" edges ","tags":["a:with \"quote\", comma = and \\ cf_tags=y","b: lead","tab:\tx"]`,
		`"content":"192.0.2.1","proxied":true,"settings":{"ipv4_only":true}`,
		`"content":"192.0.2.1","proxied":true,"settings":{"ipv6_only":true}`,
		`"content":"192.0.2.1","comment":"cf_tags=","tags":["Env:Prod"]`,
	} {
		s.record(z, fmt.Sprintf(`{"name":"p%d","type":"A",%s}`, i, body))
	}
	s.record(z, `{"name":"flat","type":"CNAME","content":"t.example.net","settings":{"flatten_cname":true}}`)
	s.record(z, `{"name":"@","type":"NS","content":"ns.other.example","ttl":600}`)
	s.record(z, `{"name":"octets","type":"TXT","content":"\"\\000\\001\\127\\255\" \"two\" \"\""}`)
	s.record(z, `{"name":"sp\\032ace","type":"TXT","content":"\"`+long("x", 255)+`\" \"`+long("y", 200)+`\""}`)

	file := s.must("GET", z+"/dns_records/export", nil)
	if ct := file.Header.Get("Content-Type"); !strings.HasPrefix(ct, "text/plain") {
		t.Errorf("content type %q", ct)
	}
	for _, want := range []string{";; A Records\n", "example.com.\t3600\tIN\tSOA\tns1.headwater.test.", "p0.example.com.\t1\tIN\tA\t192.0.2.1 ; plain cf_tags=cf-proxied:true\n"} {
		if !strings.Contains(file.Raw, want) {
			t.Errorf("the file lacks %q:\n%s", want, file.Raw)
		}
	}
	before := s.contents(z)
	s.must("DELETE", z, nil)
	z, zid := s.zone("example.com")
	first := s.serial(zid)
	r := s.importFile(z+"/dns_records/import", "file", file.Raw)
	if r.Status != 200 || !strings.Contains(r.Raw, `"timing":{"start_time":"`) {
		t.Fatalf("import: %d %s", r.Status, r.Raw)
	}
	added, parsed := r.imported(t)
	if added != len(before) || parsed != added+3 || len(r.Messages) != 3 {
		t.Errorf("added %d of %d, parsed %d, said %v", added, len(before), parsed, r.Messages)
	}
	if diff := cmp.Diff(before, s.contents(z)); diff != "" {
		t.Errorf("the round trip (-before +after):\n%s", diff)
	}
	if got := s.serial(zid); got != first+1 {
		t.Errorf("the import moved the serial from %d to %d", first, got)
	}
	again := s.importFile(z+"/dns_records/import", "file", file.Raw)
	if added, _ := again.imported(t); added != 0 || len(again.Messages) != parsed || s.serial(zid) != first+1 {
		t.Errorf("a second import: %s", again.Raw)
	}
}

// contents are the zone's records without what the server gives them, by name, type and content. Spelling that a file does
// not keep is folded: the case of targets, and quotes around TXT.
func (s *server) contents(z string) map[string]string {
	s.t.Helper()
	out := map[string]string{}
	for _, o := range s.must("GET", z+"/dns_records?per_page=100000", nil).list(s.t) {
		for _, m := range []string{"id", "zone_id", "created_on", "modified_on", "comment_modified_on", "tags_modified_on"} {
			delete(o, m)
		}
		content := o["content"].(string)
		switch o["type"] {
		case "CNAME":
			content = strings.ToLower(content)
		case "TXT":
			if !strings.HasPrefix(content, `"`) {
				content = `"` + content + `"`
			}
		}
		o["content"] = content
		b, err := json.Marshal(o)
		if err != nil {
			s.t.Fatal(err)
		}
		out[o["name"].(string)+" "+o["type"].(string)+" "+content] = string(b)
	}
	return out
}

func TestImportForms(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, zid := s.zone("example.com")
	const file = "$ORIGIN example.com.\n$TTL 1h\n@ IN SOA ns. host. 1 2 3 4 5\n@ NS ns.old.test.\nwww A 192.0.2.1\n\tAAAA 2001:db8::1\n" +
		"mail 300 IN MX 10 mx\nlong TXT ( \"one\"\n \"two\" ) ; a comment\n$GENERATE 1-3 h$ A 192.0.2.$\nprivate A 10.0.0.1 ; cf_tags=cf-proxied:false\n"
	r := s.importFile(z+"/dns_records/import", "file", file, "proxied", "true")
	if added, parsed := r.imported(t); r.Status != 200 || added != 8 || parsed != 10 {
		t.Fatalf("import: %d %s", r.Status, r.Raw)
	}
	for query, want := range map[string]int{"proxied=true": 5, "proxied=false": 3, "name=h2.example.com": 1, "content=mx.example.com": 1, "comment=a+comment": 1} {
		if got := s.must("GET", z+"/dns_records?"+query, nil).Info.TotalCount; got != want {
			t.Errorf("%s finds %d, want %d", query, got, want)
		}
	}
	// The classic library: bare line feeds, an empty file, no proxied part.
	body := "--bound\nContent-Disposition: form-data; name=\"file\"; filename=\"bind.txt\"\nContent-Type: application/octet-stream\n\n%s\n--bound\n" +
		"Content-Disposition: form-data; name=\"proxied\"\n\nfalse\n--bound--\n"
	kind := func(h http.Header) { h.Set("Content-Type", "multipart/form-data; boundary=bound") }
	r = s.do("POST", z+"/dns_records/import", fmt.Sprintf(body, "lf IN A 192.0.2.9"), kind)
	if added, _ := r.imported(t); r.Status != 200 || added != 1 {
		t.Errorf("bare line feeds: %d %s", r.Status, r.Raw)
	}
	r = s.do("POST", z+"/dns_records/import", fmt.Sprintf(body, ""), kind)
	if added, parsed := r.imported(t); r.Status != 200 || added != 0 || parsed != 0 {
		t.Errorf("an empty file: %d %s", r.Status, r.Raw)
	}
	serial := s.serial(zid)
	for _, tt := range []struct {
		name, file string
		code       int
		message    string
	}{
		{"include", "$INCLUDE other\n", model.CodeImport, "Line 1: $INCLUDE directive not allowed"},
		{"syntax", "ok A 192.0.2.1\nbad A\n", 9005, "Line 2: "},
		{"foreign", "ok A 192.0.2.1\nother.test. A 192.0.2.1\n", 9000, "Line 2: "},
		{"conflict", "a A 192.0.2.1\nb A 192.0.2.1\nwww CNAME t.test.\n", 81053, "Line 3: "},
		{"type", "a SOA a. b. 1 2 3 4 5\n", 9002, "Line 1: DNS record type SOA is invalid."},
		{"obsolete type", "a A 192.0.2.1\nb NXT c.example. A\n", 9002, "Line 2: DNS record type NXT is invalid."},
		{"unknown type", "a A 192.0.2.1\nb FOO c\n", model.CodeImport, `Line 2: bad record data: "FOO" is no record type`},
		{"two DNAMEs", "d DNAME a.test.\nd DNAME b.test.\n", model.CodeDNAMEConflict, "Line 2: "},
		{"below a DNAME", "x.d A 192.0.2.1\nd DNAME b.test.\n", model.CodeBelowDNAME, "Line 2: "},
		{"short data", "s TYPE258 \\# 0\n", model.CodeImport, "Line 1: "},
	} {
		r := s.importFile(z+"/dns_records/import", "file", tt.file)
		if r.Status != 400 || len(r.Errors) == 0 || !strings.HasPrefix(r.Errors[0].Message, tt.message) {
			t.Errorf("%s: %d %s", tt.name, r.Status, r.Raw)
		}
		if tt.name != "syntax" && r.code() != tt.code {
			t.Errorf("%s: code %d, want %d", tt.name, r.code(), tt.code)
		}
	}
	if s.serial(zid) != serial {
		t.Error("a refused import moved the serial")
	}
	r = s.importFile(z+"/dns_records/import", "file", "colon PTR k:k.test.\nlist MX 10 a,b\n") // as other servers write names
	if added, _ := r.imported(t); added != 2 {
		t.Errorf("names with punctuation: %d %s", r.Status, r.Raw)
	}
	for query, want := range map[string]string{"type=PTR": `k\:k.test`, "name=list.example.com": `a\,b.example.com`} {
		if got := s.must("GET", z+"/dns_records?"+query, nil).list(t); len(got) != 1 || got[0]["content"] != want {
			t.Errorf("%s finds %v, want %s", query, got, want)
		}
	}
	mixed := "new A 192.0.2.1\nbad A nope\nwww CNAME t.test.\nother.test. A 192.0.2.1\nnew A 192.0.2.1\nfine TXT x\n"
	r = s.importFile(z+"/dns_records/import?skip_invalid=true", "file", mixed)
	if added, _ := r.imported(t); r.Status != 200 || added != 2 || len(r.Messages) != 4 {
		t.Errorf("a lenient import: %d %s", r.Status, r.Raw)
	}
	for i, want := range []string{"Line 2: ", "Line 4: ", "Line 3: An A, AAAA, or CNAME", "Line 5: An identical"} {
		if !strings.HasPrefix(r.Messages[i].Message, want) {
			t.Errorf("message %d is %q, want %q", i, r.Messages[i].Message, want)
		}
	}
}

func TestImportLimits(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *apiConfig) { c.Limits.Import = 1 << 10 })
	z, _ := s.zone("example.com")
	if r := s.importFile(z+"/dns_records/import", "file", strings.Repeat("a A 192.0.2.1\n", 200)); r.Status != 413 || r.code() != model.CodeImport {
		t.Errorf("too large: %d %s", r.Status, r.Raw)
	}
	if r := s.importFile(z+"/dns_records/import", "proxied", "true"); r.Status != 400 || r.code() != model.CodeImport {
		t.Errorf("no file: %d %s", r.Status, r.Raw)
	}
	cut := func(h http.Header) { h.Set("Content-Type", "multipart/form-data; boundary=b") }
	s.fails(400, model.CodeImport, "POST", z+"/dns_records/import", "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\na A 192.0.2.1\r\n", cut)
	s.fails(400, model.CodeImport, "POST", z+"/dns_records/import", "", func(h http.Header) { h.Set("Content-Type", "multipart/form-data") })
	if n := s.must("GET", z+"/dns_records/usage", nil).object(t)["record_usage"]; n != json.Number("0") {
		t.Errorf("refused imports left %v records", n)
	}
}
