package stranger

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/testkit/scripted"
	"github.com/headwaterdns/headwater/test/node"
)

// world is a process with an honest account and that of a tenant who means no good.
type world struct {
	n        *node.Node
	pid      int
	confined bool   // by the kernel
	zone     string // of the honest account
	tenant   tenant

	mu     sync.Mutex
	counts map[string]int
}

// tenant is what the other account has.
type tenant struct {
	account, token, zone string
}

// exported is how many records the zone holds whose exports nobody reads.
const exported = 20_000

func newWorld(t *testing.T) *world {
	t.Helper()
	// A resolver that never answers: each flattened name costs the server all its patience.
	resolver := scripted.Serve(t, func(string, net.Addr, []byte) [][]byte { return nil })
	t.Setenv("GOMEMLIMIT", strconv.Itoa(most/100*80)) // as deploy/ sets it beside a container's limit
	w := &world{counts: map[string]int{}}
	w.n = node.Must(t, "--resolver", resolver)
	w.pid = w.n.Pid()
	w.confine(t)

	var made struct{ ID string }
	w.n.Call(t, http.MethodPost, "/zones", map[string]any{"name": "honest.example"}, &made)
	w.zone = made.ID
	w.n.Call(t, http.MethodPost, "/zones/"+w.zone+"/dns_records", map[string]any{"type": "A", "name": "www", "content": "192.0.2.1"}, nil)

	w.n.Call(t, http.MethodPost, "/headwater/v1/accounts", map[string]any{"name": "Mallory"}, &made)
	w.tenant.account = made.ID
	w.n.Call(t, http.MethodPost, "/zones", map[string]any{"name": "mallory.example", "account": map[string]any{"id": made.ID}}, &made)
	w.tenant.zone = made.ID
	w.tenant.token = w.everything(t)
	var batch []string
	for i := range exported {
		batch = append(batch, fmt.Sprintf(`{"type":"TXT","name":"t%d","content":"%s"}`, i, strings.Repeat("x", 200)))
		if len(batch) == 10_000 || i == exported-1 {
			w.n.Call(t, http.MethodPost, "/zones/"+w.tenant.zone+"/dns_records/batch", `{"posts":[`+strings.Join(batch, ",")+`]}`, nil)
			batch = batch[:0]
		}
	}
	return w
}

// everything makes a token that may do all that can be done in the tenant's account.
func (w *world) everything(t *testing.T) string {
	t.Helper()
	base := "/accounts/" + w.tenant.account + "/tokens"
	var groups []struct {
		ID     string   `json:"id"`
		Name   string   `json:"name"`
		Scopes []string `json:"scopes"`
	}
	w.n.Call(t, http.MethodGet, base+"/permission_groups", nil, &groups)
	refs := map[bool][]map[string]any{}
	for _, g := range groups {
		zone := len(g.Scopes) > 0 && strings.HasSuffix(g.Scopes[0], ".zone")
		refs[zone] = append(refs[zone], map[string]any{"id": g.ID})
	}
	var made struct{ Value string }
	w.n.Call(t, http.MethodPost, base, map[string]any{"name": "all", "policies": []any{
		map[string]any{"effect": "allow", "permission_groups": refs[false], "resources": map[string]any{
			"com.cloudflare.api.account." + w.tenant.account: "*",
		}},
		map[string]any{"effect": "allow", "permission_groups": refs[true], "resources": map[string]any{
			"com.cloudflare.api.account." + w.tenant.account: map[string]any{"com.cloudflare.api.account.zone.*": "*"},
		}},
	}}, &made)
	return made.Value
}

func (w *world) counted(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[name]++
}

func (w *world) count(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[name]
}

// confine has the kernel kill the process when it uses more than it may. Where it cannot be asked, check looks at the most
// that it used.
func (w *world) confine(t *testing.T) {
	t.Helper()
	release, ok := w.n.Confine(most, 0)
	t.Cleanup(func() { w.n.Kill(); release() })
	if w.confined = ok; ok {
		return
	}
	t.Log("no memory controller can be used here: the most that the process used is looked at in the end")
}

// check looks whether the process is the one that was started and within its memory.
func (w *world) check(t *testing.T) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.pid))
	if err != nil {
		t.Fatalf("the process is gone: %v\n%s", err, tail(w.n.Log().String()))
	}
	var hwm int64
	for line := range strings.SplitSeq(string(status), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			hwm, _ = strconv.ParseInt(f[1], 10, 64)
		}
	}
	t.Logf("memory: at most %d MiB resident, held by the kernel %v; log: %d octets", hwm>>10, w.confined, w.n.Log().Len())
	if hwm<<10 > most {
		t.Errorf("the process came to %d MiB", hwm>>10)
	}
	if lines := strings.Count(w.n.Log().String(), "\n"); lines > logMost {
		t.Errorf("strangers wrote %d lines to the log", lines)
	}
	if strings.Contains(w.n.Log().String(), "panic") {
		t.Errorf("it panicked:\n%s", tail(w.n.Log().String()))
	}
}

// logMost bounds the lines of the log for a run, however long: what strangers do is counted, and told now and then.
const logMost = 3000

func tail(s string) string { return s[max(0, len(s)-4000):] }

// importFile imports a zone file, as whoever has the token.
func (w *world) importFile(ctx context.Context, zone, token, file string) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "zone")
	if err != nil {
		return err
	}
	_, _ = part.Write([]byte(file)) // into memory
	_ = form.Close()
	return w.fetch(ctx, http.MethodPost, "/client/v4/zones/"+zone+"/dns_records/import", token, form.FormDataContentType(), &body)
}

// fetch sends a request and reads its answer to the end; another status than 200 is an error.
func (w *world) fetch(ctx context.Context, method, path, token, kind string, body io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, method, w.n.HTTP+path, body)
	if err != nil {
		return err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %d %.300s", method, path, res.StatusCode, answer)
	}
	return err
}
