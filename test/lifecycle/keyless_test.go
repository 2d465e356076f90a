package lifecycle

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/test/node"
)

// keyless is a node with a zone of each kind, whose key is taken away and given back.
type keyless struct {
	*node.Node
	plain, signed, keyed, tsig string
}

// A node that is let start without its key, or with another, serves what it can and refuses the rest; it overwrites nothing, and with the
// key all is as before, and what was changed meanwhile is there.
func TestWithoutSecretKey(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			n, dir, flags := onEngine(t, engine)
			k := &keyless{Node: n}
			k.fill(t)
			file := filepath.Join(dir, "secret.key")
			must(t, n.Stop())
			key, err := os.ReadFile(file)
			must(t, err)
			flags = append(flags, "--without-secret-key")

			must(t, os.Remove(file))
			k.Node, err = node.Start(dir, flags...)
			must(t, err)
			k.closed(t, "lost")
			if _, err := os.Stat(file); err == nil {
				t.Error("a key was made in the place of the lost one")
			}
			must(t, k.Stop())

			other := []byte("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
			must(t, os.WriteFile(file, other, 0o600))
			k.Node, err = node.Start(dir, flags...)
			must(t, err)
			k.closed(t, "wrong")
			if now, _ := os.ReadFile(file); !bytes.Equal(now, other) {
				t.Error("the file was written")
			}
			must(t, k.Stop())

			must(t, os.WriteFile(file, key, 0o600))
			k.Node, err = node.Start(dir, flags...)
			must(t, err)
			t.Cleanup(k.Kill)
			k.open(t)
		})
	}
}

// A new store wants a key.
func TestNewStoreWantsKey(t *testing.T) {
	t.Parallel()
	if n, err := node.Start(t.TempDir(), "--without-secret-key"); err == nil {
		n.Kill()
		t.Error("a new store without a key")
	} else if !strings.Contains(err.Error(), "there is no store here") {
		t.Error(err)
	}
}

func (k *keyless) fill(t *testing.T) {
	t.Helper()
	id := func(path string, body any) string {
		var v struct{ ID string }
		k.Call(t, http.MethodPost, path, body, &v)
		return v.ID
	}
	account := "/accounts/" + k.Account + "/secondary_dns/"
	k.tsig = id(account+"tsigs", map[string]any{"name": "k.example.", "algo": "hmac-sha256.", "secret": tsigSecret})
	open := id(account+"peers", map[string]any{"name": "open"})
	k.Call(t, http.MethodPut, account+"peers/"+open, map[string]any{"name": "open", "ip": "127.0.0.1", "port": 9}, nil)
	peer := id(account+"peers", map[string]any{"name": "keyed"})
	k.Call(t, http.MethodPut, account+"peers/"+peer, map[string]any{"name": "keyed", "ip": "127.0.0.1", "port": 9, "tsig_id": k.tsig}, nil)
	for name, at := range map[string]*string{"plain.example": &k.plain, "signed.example": &k.signed, "keyed.example": &k.keyed} {
		*at = "/zones/" + id("/zones", map[string]any{"name": name})
		k.Call(t, http.MethodPost, *at+"/dns_records", map[string]any{"type": "A", "name": "a", "content": "192.0.2.1"}, nil)
		by := open
		if name == "keyed.example" {
			by = peer
		}
		k.Call(t, http.MethodPost, *at+"/secondary_dns/outgoing", map[string]any{"name": name, "peers": []string{by}}, nil)
		k.Call(t, http.MethodPost, *at+"/secondary_dns/outgoing/enable", nil, nil)
	}
	k.Call(t, http.MethodPatch, k.signed+"/dnssec", map[string]any{"status": "active"}, nil)
}

// add adds a record, and gives status and code.
func (k *keyless) add(t *testing.T, zone, name string) (status, code int) {
	t.Helper()
	return k.try(t, http.MethodPost, zone+"/dns_records", map[string]any{"type": "A", "name": name, "content": "192.0.2.2"})
}

func (k *keyless) try(t *testing.T, method, path string, body any) (status, code int) {
	t.Helper()
	a, err := k.Do(t.Context(), method, path, body)
	must(t, err)
	if len(a.Errors) > 0 {
		code = a.Errors[0].Code
	}
	return a.Status, code
}

func (k *keyless) closed(t *testing.T, record string) {
	t.Helper()
	if got := k.ask(t, "a.signed.example."); len(got) != 2 {
		t.Errorf("a signed answer: %v", got)
	}
	if status, code := k.add(t, k.plain, record); status != http.StatusOK {
		t.Errorf("a change to an unsigned zone: %d, %d", status, code)
	}
	if got := k.ask(t, record+".plain.example."); len(got) != 1 {
		t.Errorf("what was added: %v", got)
	}
	account := "/accounts/" + k.Account + "/secondary_dns/"
	for what, want := range map[string]struct {
		method, path string
		body         any
		status, code int
	}{
		"a change to a signed zone": {http.MethodPost, k.signed + "/dns_records", map[string]any{"type": "A", "name": "x", "content": "192.0.2.2"}, 500, 13086},
		"to sign a zone":            {http.MethodPatch, k.plain + "/dnssec", map[string]any{"status": "active"}, 503, 13180},
		"a TSIG":                    {http.MethodGet, account + "tsigs/" + k.tsig, nil, 503, 13180},
		"another secret":            {http.MethodPut, account + "tsigs/" + k.tsig, map[string]any{"name": "k.example.", "algo": "hmac-sha256.", "secret": tsigSecret}, 503, 13180},
		"a new TSIG":                {http.MethodPost, account + "tsigs", map[string]any{"name": "l.example.", "algo": "hmac-sha256.", "secret": tsigSecret}, 503, 13180},
	} {
		if status, code := k.try(t, want.method, want.path, want.body); status != want.status || code != want.code {
			t.Errorf("%s: %d, %d, want %d, %d", what, status, code, want.status, want.code)
		}
	}
	if n := k.transferred(t, "plain.example.", false); n < 4 {
		t.Errorf("an unsigned transfer: %d records", n)
	}
	if n := k.transferred(t, "keyed.example.", false); n != 0 {
		t.Errorf("a transfer that needs a key, without: %d records", n)
	}
	for path, want := range map[string]string{"/readyz": "no secret key", "/metrics": "headwater_secret_key_missing 1\n"} {
		if text := k.get(t, path); !strings.Contains(text, want) {
			t.Errorf("%s does not say %q: %s", path, want, text)
		}
	}
	if !strings.Contains(k.Log().String(), "running without the secret key") {
		t.Error("the log does not say it")
	}
	if out, code := tool(t, "status", "--server", k.HTTP); code != 1 || !strings.Contains(out, "no secret key") {
		t.Errorf("status: %d, %s", code, out)
	}
}

func (k *keyless) open(t *testing.T) {
	t.Helper()
	var got struct{ Secret string }
	k.Call(t, http.MethodGet, "/accounts/"+k.Account+"/secondary_dns/tsigs/"+k.tsig, nil, &got)
	if got.Secret != tsigSecret {
		t.Errorf("the secret is %q", got.Secret)
	}
	for _, name := range []string{"lost.plain.example.", "wrong.plain.example."} {
		if len(k.ask(t, name)) != 1 {
			t.Errorf("%s is gone", name)
		}
	}
	if status, code := k.add(t, k.signed, "x"); status != http.StatusOK {
		t.Errorf("a change to a signed zone: %d, %d", status, code)
	}
	if n := k.transferred(t, "keyed.example.", true); n < 4 {
		t.Errorf("a signed transfer: %d records", n)
	}
	if text := k.get(t, "/readyz"); strings.Contains(text, "secret key") {
		t.Error(text)
	}
}

func (k *keyless) get(t *testing.T, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, k.HTTP+path, nil)
	must(t, err)
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	return string(text)
}

func (k *keyless) ask(t *testing.T, name string) []dns.RR {
	t.Helper()
	m := new(dns.Msg).SetQuestion(name, dns.TypeA).SetEdns0(1232, true)
	out, _, err := (&dns.Client{Net: "tcp", Timeout: 30 * time.Second}).ExchangeContext(t.Context(), m, k.DNS.String())
	must(t, err)
	return out.Answer
}

// transferred is how many records AXFR gives.
func (k *keyless) transferred(t *testing.T, zone string, signed bool) (records int) {
	t.Helper()
	m := new(dns.Msg).SetAxfr(zone)
	tr := &dns.Transfer{}
	if signed {
		tr.TsigSecret = map[string]string{"k.example.": tsigSecret}
		m.SetTsig("k.example.", dns.HmacSHA256, 300, time.Now().Unix())
	}
	c, err := net.DialTimeout("tcp", k.DNS.String(), 30*time.Second)
	must(t, err)
	defer c.Close()
	tr.Conn = &dns.Conn{Conn: c}
	in, err := tr.In(m, k.DNS.String())
	must(t, err)
	for e := range in {
		if e.Error != nil {
			t.Logf("transfer of %s: %v", zone, e.Error)
		}
		records += len(e.RR)
	}
	return records
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
