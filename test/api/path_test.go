package api_test

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/rooms"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// tricks are what may stand in an identifier's place so that somebody between client and store takes it for another path.
// ID is the identifier of an object that is there.
var tricks = []string{
	".", "..", "%2e", "%2E%2e", ".%2e", "%2e.", "%252e%252e", "../ID", "./ID", "ID/.", "ID/..", "ID/./", "ID/../",
	"%2e%2e%2fID", "..%2fID", "ID%2f", "ID%2F", "%2fID", "%2FID", "ID%2f..", "ID%2f.", "ID%2f%2e%2e", "ID%2Fx%2F..",
	"", "/ID", "ID/", "//ID", "ID//", "%00", "ID%00", "%00ID", `ID\`, `\ID`, `..\ID`, "ID%5c", "%5cID", "%5c..%5cID",
	"ID%5C..", "ID;", "ID;x=y", "ID%3b", "ID%20", "%20ID", "ID%0a", "ID%0d%0a", "ID%09", "ID.", "ID%2e", "ID%23", "ID%3f",
	"%C0%AE%C0%AE", "%E2%80%A4%E2%80%A4", "%EF%BC%8FID", "ID%EF%BC%8F", "ID%ff", "ID%c0%af..", "*", "~", "ID*", "ID,ID",
}

// unknownID stands for objects that oneOfEach does not make.
const unknownID = "0123456789abcdef0123456789abcdef"

var parameter = regexp.MustCompile(`\{[a-z_]+\}`)

// TestPathTricks sends every route with every trick in every parameter's place, by every method. None of them may succeed,
// be redirected, or change anything.
func TestPathTricks(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ids := s.oneOfEach()
	state := func() [sha256.Size]byte {
		var b bytes.Buffer
		if err := s.store.Dump(t.Context(), &b, nil); err != nil {
			t.Fatal(err)
		}
		return sha256.Sum256(b.Bytes())
	}
	s.awaitUse() // the last use of a token is written some seconds later
	before := state()
	sent := 0
	for path, methods := range routesByPath() {
		for _, at := range parameter.FindAllStringIndex(path, -1) {
			front, name, rest := path[:at[0]], path[at[0]:at[1]], path[at[1]:]
			idOf := func(p string) string { return cmp.Or(ids[p], unknownID) }
			fill := func(s string) string { return parameter.ReplaceAllStringFunc(s, idOf) }
			for _, trick := range tricks {
				if trick == "ID/" && rest == "" {
					continue // a slash at the end is like none
				}
				target := fill(front) + strings.ReplaceAll(trick, "ID", idOf(name)) + fill(rest)
				if trick == "" && rest == "" {
					target += "/" // else it is the list's own path
				}
				for _, method := range methods {
					s.refusesPath(method, target)
					sent++
				}
			}
			if after := state(); after != before {
				t.Fatalf("something sent to %s with a trick as %s changed the store", path, name)
			}
		}
	}
	t.Logf("%d requests", sent)
}

// awaitUse waits until the store has written that the first token was used, which it does once while the clock stands still.
func (s *server) awaitUse() {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		list, _, err := s.store.Tokens(s.t.Context(), s.user, "", false, 0, 0)
		if err != nil || time.Now().After(deadline) {
			s.t.Fatalf("the use of the token is not written: %v", err)
		}
		if slices.ContainsFunc(list, func(t model.Token) bool { return !t.LastUsed.IsZero() }) {
			return
		}
	}
}

// refusesPath sends a request line exactly as it is given and wants it refused.
func (s *server) refusesPath(method, target string) {
	s.t.Helper()
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: headwater\r\nAuthorization: Bearer %s\r\nContent-Length: 2\r\n\r\n{}", method, target, s.token)
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		return // net/http answers 400 itself
	}
	r.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code < 400 || w.Code >= 500 || w.Header().Get("Location") != "" {
		s.t.Errorf("%s %s: %d %s%s", method, target, w.Code, w.Header().Get("Location"), w.Body)
	}
}

// routesByPath is the table of operations, with the methods of each path and two that it has not.
func routesByPath() map[string][]string {
	out := map[string][]string{}
	for _, r := range api.Routes(rooms.Routes()) {
		if out[r.Path] == nil {
			out[r.Path] = []string{http.MethodHead, http.MethodOptions}
		}
		out[r.Path] = append(out[r.Path], r.Method)
	}
	return out
}

// oneOfEach makes an object of every kind and gives their identifiers by the name that routes have for them.
func (s *server) oneOfEach() map[string]string {
	s.t.Helper()
	account := "/accounts/" + string(s.account)
	id := func(path string, body any) string { return s.must("POST", path, body).object(s.t)["id"].(string) }
	z, zid := s.zone("paths.example")
	tsig := id(account+"/secondary_dns/tsigs", `{"name":"k.example.","algo":"hmac-sha256."}`)
	peer := id(account+"/secondary_dns/peers", `{"name":"p","ip":"192.0.2.7"}`)
	s.must("POST", z+"/secondary_dns/outgoing", map[string]any{"name": "paths.example", "peers": []string{peer}})
	return map[string]string{
		"{account_id}": string(s.account), "{zone_id}": zid, "{zone_name}": "paths.example", "{tsig_id}": tsig, "{peer_id}": peer, "{user_id}": string(s.user),
		"{dns_record_id}": s.record(z, `{"type":"A","name":"www","content":"192.0.2.1"}`),
		"{acl_id}":        id(account+"/secondary_dns/acls", `{"name":"a","ip_range":"192.0.2.0/28"}`),
		"{member_id}":     s.must("GET", "/headwater/v1"+account+"/members", nil).list(s.t)[0]["id"].(string),
		"{token_id}": id("/user/tokens", `{"name":"t","policies":[{"effect":"allow","permission_groups":`+
			`[{"id":"82e64a83756745bbbb1c9c2701bf816b"}],"resources":{"com.cloudflare.api.account.zone.*":"*"}}]}`),
	}
}

// TestPathsBeforeMux looks at what stands in front of a mux of other things, too: nothing of the API is ever redirected,
// and the rest is left alone.
func TestPathsBeforeMux(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/client/v4/", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	front := api.Paths(mux)
	for target, want := range map[string]int{
		"/client/v4/zones": 200, "/client/v4/zones/": 200, "/assets/a%20b.js": 418, "/": 418,
		"//client/v4/zones": 404, "/client//v4/zones": 404, "/client/v4//zones": 404, "/x/../client/v4/zones": 404,
		"/client/v4/../v4/zones": 404, "/client/v4/../../assets/x": 404, "/%2e%2e/client/v4/zones": 404,
		"/client%2fv4/zones": 404, `/client\v4/zones`: 404, "/./headwater/v1/users": 404, "/headwater/v1/.": 404,
	} {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		front.ServeHTTP(w, &http.Request{Method: http.MethodPost, URL: u, Host: "headwater"})
		if w.Code != want {
			t.Errorf("POST %s: %d %s, want %d", target, w.Code, w.Header().Get("Location"), want)
		}
	}
}
