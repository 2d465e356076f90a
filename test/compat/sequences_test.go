package compat_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/test/node"
)

// Clients in other languages, as the requests that they send and what they insist on in the answers.

// asks sends a request with a bearer token and decodes the answer, whatever its status.
func (s *server) asks(t *testing.T, method, path, body string, v any) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	check(t, err)
	r.Header.Set("Authorization", "Bearer "+node.Token)
	r.Header.Set("X-Auth-Email", node.Email) // cert-manager sends it beside a token
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(r)
	check(t, err)
	defer res.Body.Close()
	check(t, json.NewDecoder(res.Body).Decode(v))
	return res.StatusCode
}

type listed struct {
	Result []struct {
		ID, Name, Type, Content string
		TTL                     int
	}
	Info struct {
		Page, Count int
		PerPage     int `json:"per_page"`
		TotalPages  int `json:"total_pages"`
		TotalCount  int `json:"total_count"`
	} `json:"result_info"`
	Errors []string // ddns-updater reads them as strings
}

type single struct {
	Result struct {
		ID, Name, Content string
		TTL               int
		Proxied           bool
	}
	Errors []struct {
		Code    int
		Message string
	}
}

func openZone(t *testing.T) (s *server, zone, id string) {
	t.Helper()
	s, zone = open(t), zoneName(t)
	var z struct{ ID string }
	s.Call(t, http.MethodPost, "/zones", map[string]any{"name": zone}, &z)
	return s, zone, z.ID
}

// TestOctoDNS makes a zone without an account, pages while a page is full, and needs an answer for page rules.
func TestOctoDNS(t *testing.T) {
	t.Parallel()
	s := open(t)
	var z single
	equal(t, "status", s.asks(t, "POST", "/zones", `{"name":"octo.example","jump_start":false}`, &z), http.StatusOK)
	path := "/zones/" + z.Result.ID + "/dns_records"
	for i := range 100 {
		var r single
		s.asks(t, "POST", path, fmt.Sprintf(`{"name":"h%d.octo.example","type":"A","ttl":300,"content":"192.0.2.1"}`, i), &r)
	}
	srv := `{"name":"_s._tcp.octo.example","type":"SRV","ttl":300,"data":{"service":"_s","name":"octo.example.","proto":"_tcp",` +
		`"priority":1,"weight":2,"port":3,"target":"t.example.net"}}`
	var r single
	equal(t, "SRV", s.asks(t, "POST", path, srv, &r), http.StatusOK)
	seen := 0
	for page := 1; ; page++ {
		var l listed
		equal(t, "status", s.asks(t, "GET", path+fmt.Sprintf("?page=%d&per_page=100", page), "", &l), http.StatusOK)
		equal(t, "count", l.Info.Count, len(l.Result))
		seen += len(l.Result)
		if l.Info.Count < l.Info.PerPage {
			break
		}
	}
	equal(t, "records", seen, 101)
	var rules struct{ Result []any }
	equal(t, "page rules", s.asks(t, "GET", "/zones/"+z.Result.ID+"/pagerules?status=active", "", &rules), http.StatusOK)
	equal(t, "rules", len(rules.Result), 0)
	var plans struct{ Result []any }
	equal(t, "plans", s.asks(t, "GET", "/zones/"+z.Result.ID+"/available_plans", "", &plans), http.StatusOK)
}

// TestCertbot walks up the labels with one zone a page, and finds its bare text again.
func TestCertbot(t *testing.T) {
	t.Parallel()
	s, zone, id := openZone(t)
	var l listed
	for _, guess := range []string{"www." + zone, zone} {
		l = listed{}
		equal(t, "status", s.asks(t, "GET", "/zones?per_page=1&name="+guess, "", &l), http.StatusOK)
	}
	equal(t, "zone", l.Result[0].ID, id)
	name, value := "_acme-challenge.www."+zone, "9jnhQsEYzy8lzBHEnE_oCqKjTvLCOKFQ1O-VhVpVbVc"
	var r single
	s.asks(t, "POST", "/zones/"+id+"/dns_records", `{"type":"TXT","name":"`+name+`","content":"`+value+`","ttl":120}`, &r)
	q := url.Values{"type": {"TXT"}, "name.exact": {name}, "content.exact": {value}, "per_page": {"1"}}
	l = listed{}
	s.asks(t, "GET", "/zones/"+id+"/dns_records?"+q.Encode(), "", &l)
	equal(t, "found", len(l.Result), 1)
	equal(t, "id", l.Result[0].ID, r.Result.ID)
	equal(t, "delete", s.asks(t, "DELETE", "/zones/"+id+"/dns_records/"+l.Result[0].ID, "", &r), http.StatusOK)
}

// TestCertManager compares names and bare contents exactly and takes a token beside an e-mail address.
func TestCertManager(t *testing.T) {
	t.Parallel()
	s, zone, id := openZone(t)
	name := "_acme-challenge." + zone
	var r single
	s.asks(t, "POST", "/zones/"+id+"/dns_records", `{"type":"TXT","name":"`+name+`","content":"bare_text","ttl":60}`, &r)
	equal(t, "ttl", r.Result.TTL, 60)
	var l listed
	s.asks(t, "GET", "/zones/"+id+"/dns_records?per_page=100&type=TXT&name="+name, "", &l)
	equal(t, "found", fmt.Sprintln(len(l.Result), l.Result[0].Name, l.Result[0].Content), fmt.Sprintln(1, name, "bare_text"))
}

// TestDNSControl names records by labels and "@", switches the proxy on by PATCH, and sends a data that holds every member
// of every type.
func TestDNSControl(t *testing.T) {
	t.Parallel()
	s, zone, id := openZone(t)
	path := "/zones/" + id + "/dns_records"
	data := `"data":{"name":"","proto":"","service":"","flags":0,"tag":"","value":"","usage":0,"selector":0,"matching_type":0,` +
		`"certificate":"","algorithm":0,"type":0,"fingerprint":"","priority":0,"weight":0,"port":0,"target":"","key_tag":0,"digest_type":0,"digest":""}`
	var r single
	equal(t, "A", s.asks(t, "POST", path, `{"name":"@","type":"A","ttl":1,"content":"9.9.9.9","priority":0,`+data+`}`, &r), http.StatusOK)
	equal(t, "name", r.Result.Name, zone)
	equal(t, "proxy", s.asks(t, "PATCH", path+"/"+r.Result.ID, `{"id":"`+r.Result.ID+`","proxied":true,"name":"@","type":"A","content":"9.9.9.9","ttl":1}`, &r), http.StatusOK)
	equal(t, "proxied", r.Result.Proxied, true)
	r = single{}
	equal(t, "TXT", s.asks(t, "POST", path, `{"name":"txt","type":"TXT","ttl":300,"content":"\"a \\\"quoted\\\" text\" \"and more\""}`, &r), http.StatusOK)
	equal(t, "TXT", r.Result.Content, `"a \"quoted\" text" "and more"`)
}

// TestLexicon pages through all zones, sends data:null, and counts 81057 and 81058 as success.
func TestLexicon(t *testing.T) {
	t.Parallel()
	s, zone, id := openZone(t)
	var l listed
	s.asks(t, "GET", "/zones?page=1&per_page=100", "", &l)
	equal(t, "pages", fmt.Sprintln(l.Info.Page, l.Info.TotalPages, l.Result[0].Name), fmt.Sprintln(1, 1, zone))
	path := "/zones/" + id + "/dns_records"
	body := `{"type":"TXT","name":"fqdn.` + zone + `","content":"challenge","ttl":3600,"data":null}`
	var r, again single
	equal(t, "create", s.asks(t, "POST", path, body, &r), http.StatusOK)
	equal(t, "again", s.asks(t, "POST", path, body, &again), http.StatusBadRequest)
	equal(t, "code", again.Errors[0].Code, 81058)
	equal(t, "update", s.asks(t, "PUT", path+"/"+r.Result.ID, `{"type":"TXT","name":"fqdn.`+zone+`","content":"changed"}`, &r), http.StatusOK)
	equal(t, "ttl after a PUT without one", r.Result.TTL, 1)
	l = listed{}
	s.asks(t, "GET", path+"?per_page=100&type=TXT&name=fqdn."+zone+"&content=changed", "", &l)
	equal(t, "found", len(l.Result), 1)
}

// TestDDNSUpdater takes one record a page and puts it back whole.
func TestDDNSUpdater(t *testing.T) {
	t.Parallel()
	s, zone, id := openZone(t)
	path := "/zones/" + id + "/dns_records"
	var l listed
	find := path + "?type=A&name=home." + zone + "&page=1&per_page=1"
	equal(t, "status", s.asks(t, "GET", find, "", &l), http.StatusOK)
	equal(t, "found before", len(l.Result), 0)
	var r single
	s.asks(t, "POST", path, `{"type":"A","name":"home.`+zone+`","content":"192.0.2.1","proxied":false,"ttl":1}`, &r)
	s.asks(t, "GET", find, "", &l)
	equal(t, "found", len(l.Result), 1)
	s.asks(t, "PUT", path+"/"+l.Result[0].ID, `{"type":"A","name":"home.`+zone+`","content":"192.0.2.2","proxied":false,"ttl":1}`, &r)
	equal(t, "content", r.Result.Content, "192.0.2.2")
}
