package api_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// TestRecordFilters asks every filter of contract section 5.10.
func TestRecordFilters(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("example.com")
	for _, body := range []string{
		`{"name":"www","type":"A","content":"192.0.2.1","proxied":true,"comment":"Web server","tags":["Env:Prod","team"]}`,
		`{"name":"www","type":"AAAA","content":"2001:db8::1","comment":"web SERVER six","tags":["env:test"]}`,
		`{"name":"mail","type":"MX","content":"Mail.Example.NET","priority":10}`,
		`{"name":"_sip._tcp","type":"SRV","data":{"priority":1,"weight":5,"port":5060,"target":"sip.example.net"}}`,
		`{"name":"h","type":"HTTPS","data":{"priority":1,"target":".","value":"alpn=\"h2\""}}`,
		`{"name":"txt","type":"TXT","content":"100% of_this","comment":"odd"}`,
		`{"name":"quoted","type":"TXT","content":"\"say \\\"hi\\\"\""}`,
		`{"name":"bücher","type":"CNAME","content":"www.example.com","ttl":600}`,
		`{"name":"@","type":"TXT","content":"v=spf1 -all","tags":["team:dns"]}`,
	} {
		s.record(z, body)
	}
	for query, want := range map[string]int{
		"": 9, "name=www.example.com": 2, "name=WWW.example.com.": 2, "name.exact=www.example.com": 2, "name=www": 0,
		"name=" + url.QueryEscape("bücher.example.com"): 1, "name=xn--bcher-kva.example.com": 1, "name=@": 1, "name=example.com": 1,
		"name.contains=CHER": 1, "name.startswith=_sip": 1, "name.endswith=.example.com": 8, "name.contains=%25": 0,
		"content=192.0.2.1": 1, "content.exact=mail.example.net": 1, "type=MX&content=mail.example.net.": 1,
		"content.exact=" + url.QueryEscape(`1 . alpn="h2"`): 1, "content.exact=5+5060+sip.example.net": 1, "type=SRV&content.exact=5+5060+sip.example.net.": 1,
		"content.contains=%25+of_": 1, "content.contains=of%25this": 0, "content.contains=of-this": 0, "content.startswith=2001": 1, "content.endswith=-ALL": 1,
		"content=" + url.QueryEscape("100% of_this"): 1,
		"type=TXT": 3, "type=txt": 3, "type=PTR": 0, "type=DNAME": 0, "proxied=true": 1, "proxied=false": 8,
		"comment=web+server": 1, "comment.exact=WEB+SERVER": 1, "comment.contains=server": 2, "comment.startswith=web": 2, "comment.endswith=six": 1,
		"comment.present": 3, "comment.present=false": 3, "comment.absent=": 6,
		"tag=env": 2, "tag=ENV:prod": 1, "tag=env:nope": 0, "tag=team": 2, "tag.present=team": 2, "tag.absent=env": 7,
		"tag.exact=env:PROD": 1, "tag.contains=env:es": 1, "tag.startswith=env:pr": 1, "tag.endswith=team:ns": 1,
		"tag=env&tag=team": 1, "tag=env:test&tag.present=team&tag_match=any": 3, "tag=env:test&tag.present=team&tag-match=any": 3,
		"type=A&name=mail.example.com": 0, "type=A&name=mail.example.com&match=any": 2, "type=A&name=www.example.com&match=all": 1,
		"search=server": 2, "search=PROD": 1, "search=example.net": 2, "search=www&type=A": 1, "search=www&match=any&type=A": 1,
		"per_page=0": -1,
	} {
		if want < 0 {
			s.fails(400, model.CodePaging, "GET", z+"/dns_records?"+query, nil)
			continue
		}
		r := s.must("GET", z+"/dns_records?"+query, nil)
		if len(r.list(t)) != want || r.Info.TotalCount != want {
			t.Errorf("%s finds %d (total_count %d), want %d", query, len(r.list(t)), r.Info.TotalCount, want)
		}
	}
}

func TestRecordOrderAndPages(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("example.com")
	var posts []string
	for i := range 57 {
		posts = append(posts, fmt.Sprintf(`{"name":"n%02d","type":"%s","content":"192.0.2.%d","ttl":%d,"proxied":%t}`,
			i*31%57, "A", i%7, 60+i%5, i%3 == 0), fmt.Sprintf(`{"name":"n%02d","type":"TXT","content":"text %d"}`, i, i%4))
	}
	s.must("POST", z+"/dns_records/batch", `{"posts":[`+strings.Join(posts, ",")+`]}`)
	for _, order := range []string{"", "type", "name", "content", "ttl", "proxied"} {
		query := "?order=" + order + "&"
		if order == "" {
			query = "?"
		}
		var up, down, ids []string
		for page := 1; ; page++ {
			r := s.must("GET", fmt.Sprintf("%s/dns_records%sper_page=10&page=%d", z, query, page), nil)
			list := r.list(t)
			if r.Info.TotalCount != 114 || r.Info.TotalPages != 12 || r.Info.Count != len(list) || r.Info.PerPage != 10 {
				t.Fatalf("order %q: info %+v", order, r.Info)
			}
			if len(list) == 0 {
				break
			}
			for _, o := range list {
				ids = append(ids, o["id"].(string))
				up = append(up, fmt.Sprint(o[map[string]string{"": "type"}[order]+order]))
			}
		}
		for _, o := range s.must("GET", z+"/dns_records"+query+"direction=desc&per_page=5000000", nil).list(t) {
			down = append(down, o["id"].(string))
		}
		slices.Reverse(down)
		if !slices.Equal(ids, down) || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 114 {
			t.Errorf("order %q: the order is not the same both ways, or not total", order)
		}
		if !slices.IsSorted(up) && order != "ttl" {
			t.Errorf("order %q gives %v", order, up)
		}
	}
}

// TestErrorCodes provokes the codes of contract section 3.2 with their texts.
func TestErrorTexts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("example.com")
	s.record(z, `{"name":"www","type":"A","content":"192.0.2.1"}`)
	s.record(z, `{"name":"alias","type":"CNAME","content":"t.example.net"}`)
	s.record(z, `{"name":"sub","type":"NS","content":"ns.example.net"}`)
	for _, tt := range []struct {
		body    string
		code    int
		message string
	}{
		{`{"name":"www","type":"A","content":"192.0.2.1","ttl":77}`, 81058, "An identical record already exists."},
		{`{"name":"www","type":"CNAME","content":"t.example.net"}`, 81053, "An A, AAAA, or CNAME record with that host already exists."},
		{`{"name":"alias","type":"A","content":"192.0.2.1"}`, 81054, "A CNAME record with that host already exists."},
		{`{"name":"www","type":"NS","content":"ns.example.net"}`, 81055, "Non-NS records with that host already exist."},
		{`{"name":"sub","type":"A","content":"192.0.2.1"}`, 81056, "NS records with that host already exist."},
		{`{"name":"x","type":"A","content":"x"}`, 9005, "Content for A record must be a valid IPv4 address."},
		{`{"name":"x","type":"AAAA","content":"x"}`, 9006, "Content for AAAA record must be a valid IPv6 address."},
		{`{"name":"x","type":"CNAME","content":"192.0.2.1"}`, 9007, "Content for CNAME record is invalid."},
		{`{"name":"x","type":"MX","content":"192.0.2.1","priority":1}`, 9009, "Content for MX record must be a hostname."},
		{`{"name":"x","type":"A","content":"192.0.2.1","ttl":5}`, 9021, "TTL must be between 60 and 86400 seconds, or 1 for Automatic."},
		{`{"name":"x","type":"CNAME","content":"x.example.com"}`, 9039, "CNAME content cannot reference itself."},
		{`{"name":"x","type":"A","content":"10.1.2.3","proxied":true}`, 9003, "Target 10.1.2.3 is not allowed for a proxied record."},
		{`{"name":"x","type":"TXT","content":"x","proxied":true}`, 9004, "This record type cannot be proxied."},
		{`{"name":"x","type":"NOPE","content":"x"}`, 9002, "DNS record type is invalid."},
		{`{"name":"x..y","type":"A","content":"192.0.2.1"}`, 9000, "DNS name is invalid."},
	} {
		if r := s.fails(400, tt.code, "POST", z+"/dns_records", tt.body); r.Errors[0].Message != tt.message {
			t.Errorf("%d says %q", tt.code, r.Errors[0].Message)
		}
	}
	if r := s.fails(404, 81044, "GET", z+"/dns_records/"+long("0", 32), nil); r.Errors[0].Message != "Record does not exist." {
		t.Errorf("81044 says %q", r.Errors[0].Message)
	}
	if r := s.fails(400, 1061, "POST", "/zones", `{"name":"example.com"}`); r.Errors[0].Message != "example.com already exists" {
		t.Errorf("1061 says %q", r.Errors[0].Message)
	}
	r := s.fails(404, 7003, "GET", "/zones/short/dns_records", nil)
	if len(r.Errors) != 2 || r.Errors[1].Code != 7000 || r.Errors[0].Message != "Could not route to /zones/short/dns_records, perhaps your object identifier is invalid?" {
		t.Errorf("7003: %s", r.Raw)
	}
}
