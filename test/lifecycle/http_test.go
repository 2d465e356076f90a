package lifecycle

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/test/node"
)

func get(t *testing.T, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func file(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(at, mode); err != nil {
		t.Fatal(err)
	}
	return at
}

// Metrics can have an address of their own, and ask for a token.
func TestMetricsOfTheirOwn(t *testing.T) {
	t.Parallel()
	open := node.Must(t)
	if res, body := get(t, open.HTTP+"/metrics"); res.StatusCode != http.StatusOK || !strings.Contains(body, "headwater_http_connections ") {
		t.Errorf("by default: %d", res.StatusCode)
	}
	n := node.Must(t, "--metrics-listen", "127.0.0.1:0", "--metrics-token-file", file(t, "token", "let-me-scrape\n", 0o600))
	if res, body := get(t, n.HTTP+"/metrics"); res.StatusCode != http.StatusNotFound || strings.Contains(body, "headwater_") {
		t.Errorf("beside the API: %d", res.StatusCode)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	line, err := n.Log().Wait(ctx, 0, "msg=metrics", "address=")
	if err != nil {
		t.Fatal(err)
	}
	_, url, _ := strings.Cut(line, "address=")
	for credential, want := range map[string]int{"": 401, "Bearer wrong": 401, "Bearer let-me-scrape": 200} {
		if res, body := get(t, url+"/metrics", "Authorization", credential); res.StatusCode != want || strings.Contains(body, "headwater_zones ") != (want == 200) {
			t.Errorf("credential %q: %d", credential, res.StatusCode)
		}
	}
}

// A program does not start with a key that others can read.
func TestExposedSecretsAreRefused(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--secret-key-file", "--metrics-token-file", "--admin-password-file"} {
		n, err := node.Start(t.TempDir(), flag, file(t, "secret", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 0o644))
		if err == nil {
			n.Kill()
			t.Errorf("%s: a file that others can read was taken", flag)
		} else if !strings.Contains(err.Error(), "others can read it") {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

// A position that nobody has committed is refused at once.
func TestFuturePositionHoldsNothing(t *testing.T) {
	t.Parallel()
	n := node.Must(t)
	a, err := n.Do(t.Context(), http.MethodGet, "/zones", nil, [2]string{"Headwater-Seq", "4000000000"})
	if err != nil {
		t.Fatal(err)
	}
	if a.Status != http.StatusBadRequest { // who waited for it in vain would be answered with 503
		t.Errorf("status %d: %s", a.Status, a.Body)
	}
}

// Behind a proxy that is trusted, cookies are secure where the client spoke TLS, and the audit log has the client's address; a
// client that only says so gains nothing.
func TestBehindAProxy(t *testing.T) {
	t.Parallel()
	for trusted, want := range map[bool]struct{ addr string }{true: {"192.0.2.77"}, false: {"127.0.0.1"}} {
		var flags []string
		if trusted {
			flags = []string{"--trusted-proxies", "127.0.0.0/8"}
		}
		n := node.Must(t, flags...)
		body := fmt.Sprintf(`{"email":%q,"password":%q}`, node.Email, node.Pass)
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, n.HTTP+"/headwater/v1/session", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Forwarded-For", "192.0.2.77")
		req.Header.Set("X-Forwarded-Proto", "https")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if len(res.Cookies()) == 0 || res.Cookies()[0].Secure != trusted {
			t.Errorf("trusted %t: status %d, cookies %v", trusted, res.StatusCode, res.Cookies())
		}
		if _, err := n.Do(t.Context(), http.MethodPost, "/zones", `{"name":"example.com"}`, [2]string{"X-Forwarded-For", "192.0.2.77"}); err != nil {
			t.Fatal(err)
		}
		var log []struct {
			Actor struct {
				IP string `json:"ip"`
			} `json:"actor"`
		}
		n.Call(t, http.MethodGet, "/accounts/"+n.Account+"/audit_logs", nil, &log)
		if len(log) == 0 || log[0].Actor.IP != want.addr {
			t.Errorf("trusted %t: audit log %+v, want %s", trusted, log, want.addr)
		}
	}
}

// What strangers leave unfinished is cut and costs little: slow sign-ins, slow bodies with and without a credential, and exports
// that nobody reads. Others go on meanwhile.
func TestUnfinishedRequestsCostLittle(t *testing.T) {
	t.Parallel()
	n := node.Must(t)
	n.Call(t, http.MethodGet, "/zones", nil, nil)
	before := resident(t, n.Pid())
	for i := range 12 {
		c := dial(t, n.HTTP)
		send(t, c, "POST /headwater/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 16000000\r\n\r\n{\"email\":\"")
		go func() { _, _ = c.Write([]byte(strings.Repeat(strconv.Itoa(i%10), 15<<20))) }()
	}
	for range 200 {
		send(t, dial(t, n.HTTP), "POST /client/v4/zones HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer nobody\r\nContent-Length: 100000\r\n\r\n{")
	}
	n.Call(t, http.MethodGet, "/zones", nil, nil)
	if grown := resident(t, n.Pid()) - before; grown > 64<<20 {
		t.Errorf("unfinished requests cost %d MiB", grown>>20)
	} else {
		t.Logf("%d MiB for 212 unfinished requests", grown>>20)
	}
	until(t, "all of them to be cut", func() bool {
		_, body := get(t, n.HTTP+"/metrics")
		for line := range strings.SplitSeq(body, "\n") {
			if v, ok := strings.CutPrefix(line, "headwater_http_connections "); ok {
				open, _ := strconv.Atoi(v)
				return open < 8
			}
		}
		return false
	})
}

// resident is the memory of a process, in octets.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(v)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
