package compat_test

import (
	"encoding/json"
	"net/http"
	"net/http/httputil"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/test/node"
)

// Shell clients read answers with regular expressions. What follows are the requests they send, in order, and their
// expressions on the octets that come back.

// curl sends a request as a shell client does, with the global key, and returns the body.
func (s *server) curl(t *testing.T, method, path, body string) string {
	t.Helper()
	_, text, _ := strings.Cut(s.raw(t, method, path, body), "\r\n\r\n")
	return text
}

// raw is curl, with the head of the answer before the body.
func (s *server) raw(t *testing.T, method, path, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	check(t, err)
	r.Header.Set("X-Auth-Email", node.Email)
	r.Header.Set("X-Auth-Key", node.Key)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	check(t, err)
	defer res.Body.Close()
	text, err := httputil.DumpResponse(res, true)
	check(t, err)
	return string(text)
}

// first is the first match of an expression, less quotes and what is before the last colon.
func first(t *testing.T, expr, text string) string {
	t.Helper()
	m := regexp.MustCompile(expr).FindString(text)
	if m == "" {
		t.Fatalf("no %s in %s", expr, text)
	}
	f := strings.Split(m, ":")
	return strings.Trim(f[1], `" `)
}

func wantSuccess(t *testing.T, text string) {
	t.Helper()
	equal(t, "success", strings.Contains(strings.ReplaceAll(text, " ", ""), `"success":true`), true)
}

// TestAcmeSh follows dnsapi/dns_cf.sh.
func TestAcmeSh(t *testing.T) {
	t.Parallel()
	s := open(t)
	zone := zoneName(t)
	var z struct{ ID string }
	s.Call(t, http.MethodPost, "/zones", map[string]any{"name": zone}, &z)
	full, value := "_acme-challenge.www."+zone, "XKrxpRBosdIKFzxW_CT3KLZNf6q0HG9i01zxXp5CPBs"
	for _, account := range []string{"", "&account.id=" + s.Account} {
		for _, guess := range []string{full, "www." + zone} {
			text := s.curl(t, "GET", "/zones?name="+guess+account, "")
			equal(t, "a zone for a name below it", strings.Contains(text, `"name":"`+guess+`"`) || strings.Contains(text, `"total_count":1`), false)
		}
		text := s.curl(t, "GET", "/zones?name="+zone+account, "")
		equal(t, "total_count", strings.Contains(text, `"total_count":1`), true)
		equal(t, "zone's id", first(t, `\[."id": *"[^"]*"`, text), z.ID)
	}
	text := s.curl(t, "GET", "/zones/"+z.ID, "")
	wantSuccess(t, text)
	equal(t, "first name", first(t, `"name": *"[^"]*"`, text), zone)

	list := "/zones/" + z.ID + "/dns_records?type=TXT&name=" + full
	wantSuccess(t, s.curl(t, "GET", list, ""))
	add := `{"type":"TXT","name":"` + full + `","content":"` + value + `","ttl":120}`
	text = s.curl(t, "POST", "/zones/"+z.ID+"/dns_records", add)
	equal(t, "answer holds the value", strings.Contains(text, value), true)
	equal(t, "served", strings.Join(texts(t, s, full), " "), value)
	text = s.curl(t, "POST", "/zones/"+z.ID+"/dns_records", add)
	equal(t, "identical record", strings.Contains(text, "An identical record already exists."), true)
	equal(t, "identical record's code", strings.Contains(text, `"code":81058`), true)

	text = s.curl(t, "GET", list+"&content="+value, "")
	wantSuccess(t, text)
	equal(t, "count", first(t, `"count": *[^,]*`, text), "1")
	id := first(t, `"id": *"[^"]*"`, text)
	wantSuccess(t, s.curl(t, "DELETE", "/zones/"+z.ID+"/dns_records/"+id, ""))
	text = s.curl(t, "GET", list+"&content="+value, "")
	equal(t, "count after removal", first(t, `"count": *[^,]*`, text), "0")
	equal(t, "empty list", strings.Contains(text, `"count":0,`) && strings.Contains(text, `"total_count":0`), true)
}

// braces is ddclient's expression, which finds the JSON in an answer with its head: the first braces that are balanced. It
// recurses, as Go's expressions cannot.
const braces = `{(?:[^{}]*|(?R))*}`

// ddclient sends a request as ddclient does, and reads what its expression makes of the answer into v.
func (s *server) ddclient(t *testing.T, method, path, body string, v any) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "perl", "-0777", "-ne", "print $& if /"+braces+"/m")
	answer := s.raw(t, method, path, body)
	cmd.Stdin = strings.NewReader(answer)
	match, err := cmd.Output()
	check(t, err)
	if err := json.Unmarshal(match, v); err != nil {
		t.Fatalf("%v: %q of %s", err, match, answer)
	}
}

// TestDdclient follows nic_cloudflare_update.
func TestDdclient(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("perl"); err != nil {
		t.Skip("perl is not installed")
	}
	s := open(t)
	for ascii, zone := range map[string]string{"ddclient.example": "ddclient.example", "xn--bcher-kva.example": "bücher.example"} {
		var z struct{ ID string }
		s.Call(t, http.MethodPost, "/zones", map[string]any{"name": zone}, &z)
		for typ, addr := range map[string][2]string{"A": {"192.0.2.1", "192.0.2.2"}, "AAAA": {"2001:db8::1", "2001:db8::2"}} {
			s.Call(t, http.MethodPost, "/zones/"+z.ID+"/dns_records", map[string]any{
				"type": typ, "name": "home", "content": addr[0], "comment": "kept {in braces}", "tags": []string{"a:{b}"}, "ttl": 120,
			}, nil)
			zoneID := s.named(t, "/zones/?name="+zone, zone)
			equal(t, "zone's id", zoneID, z.ID)
			host := "home." + ascii
			id := s.named(t, "/zones/"+zoneID+"/dns_records?type="+typ+"&name="+host, host)
			var a struct {
				Success bool
				Result  struct {
					Content, Comment string
					TTL              int
				}
			}
			s.ddclient(t, "PATCH", "/zones/"+zoneID+"/dns_records/"+id, `{"content":"`+addr[1]+`"}`, &a)
			equal(t, "success", a.Success, true)
			equal(t, "content", a.Result.Content, addr[1])
			equal(t, "comment", a.Result.Comment, "kept {in braces}")
			equal(t, "ttl", a.Result.TTL, 120)
		}
	}
}

// named is the id of the one result with a name.
func (s *server) named(t *testing.T, path, name string) string {
	t.Helper()
	var a struct{ Result []struct{ ID, Name string } }
	s.ddclient(t, "GET", path, "", &a)
	equal(t, "results for "+name, len(a.Result), 1)
	equal(t, "name", a.Result[0].Name, name)
	return a.Result[0].ID
}
