package compat_test

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/certcrypto"
	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge"
	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/lego"
	"github.com/go-acme/lego/v5/providers/dns/cloudflare"
	legoexec "github.com/go-acme/lego/v5/providers/dns/exec"
	"github.com/go-acme/lego/v5/registration"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

const (
	acmeZone   = "acme.example"
	challenged = "_acme-challenge." + acmeZone + "."
)

// TestACME has certificates made by an ACME server (Pebble) that looks at a secondary (BIND) alone. The secondary cannot fetch before the
// test lets it: whoever does not wait for it is refused, as is shown first, and the hook that the documents print waits, be it run by lego
// or by certbot. It sets the environment and lego's resolver, so it does not run beside others.
func TestACME(t *testing.T) {
	w := newACME(t)
	old := dns01.DefaultClient()
	dns01.SetDefaultClient(dns01.NewClient(&dns01.Options{RecursiveNameservers: []string{w.sec.Addr().String()}, Timeout: 10 * time.Second}))
	t.Cleanup(func() { dns01.SetDefaultClient(old) })
	nobodyLooks := []dns01.ChallengeOption{dns01.DisableAuthoritativeNssPropagationRequirement(), dns01.DisableRecursiveNSsPropagationRequirement()}
	byAPI := cloudflare.NewDefaultConfig()
	byAPI.BaseURL, byAPI.AuthToken, byAPI.PollingInterval = w.URL, node.Token, 50*time.Millisecond

	t.Run("without waiting", func(t *testing.T) {
		defer w.hold(t)()
		p, err := cloudflare.NewDNSProviderConfig(byAPI)
		check(t, err)
		_, err = w.lego(t, p, nobodyLooks...)
		if err == nil || !strings.Contains(err.Error(), "_acme-challenge."+acmeZone) {
			t.Errorf("the secondary had nothing, and the authority said: %v", err)
		}
	})
	t.Run("lego looks", func(t *testing.T) {
		p, err := cloudflare.NewDNSProviderConfig(byAPI)
		check(t, err)
		chain, err := w.lego(t, p, dns01.DisableAuthoritativeNssPropagationRequirement())
		check(t, err)
		w.issued(t, chain)
	})
	hook := w.hook(t)
	t.Run("lego and the hook", func(t *testing.T) {
		p, err := legoexec.NewDNSProviderConfig(&legoexec.Config{Program: hook, PropagationTimeout: time.Minute, PollingInterval: 50 * time.Millisecond})
		check(t, err)
		w.issued(t, w.afterWaiting(t, func() ([]byte, error) { return w.lego(t, p, nobodyLooks...) }))
	})
	t.Run("certbot and the hook", func(t *testing.T) {
		if _, err := exec.LookPath("certbot"); err != nil {
			t.Skip("certbot is not installed")
		}
		w.issued(t, w.afterWaiting(t, func() ([]byte, error) { return w.certbot(t, hook) }))
	})
}

// acmeWorld is a node, a secondary behind a gate, and an authority that asks the secondary.
type acmeWorld struct {
	*server
	zone string
	gate *gate
	sec  *peers.Secondary
	ca   *authority
}

func newACME(t *testing.T) *acmeWorld {
	t.Helper()
	w := &acmeWorld{server: open(t, "--notify-interval", "100ms")}
	w.gate = newGate(t, w.DNS)
	listen, err := peers.Free(peers.BIND)
	check(t, err)
	key, err := tsig.NewKey("acme.", "hmac-sha256", secret, false)
	check(t, err)
	var k, p, z struct{ ID string }
	w.Call(t, http.MethodPost, "/accounts/"+w.Account+"/secondary_dns/tsigs", map[string]any{"name": "acme.", "algo": "hmac-sha256.", "secret": secret}, &k)
	w.Call(t, http.MethodPost, "/accounts/"+w.Account+"/secondary_dns/peers", map[string]any{
		"name": "bind", "ip": listen.Addr().String(), "port": listen.Port(), "tsig_id": k.ID,
	}, &p)
	w.Call(t, http.MethodPost, "/zones", map[string]any{"name": acmeZone}, &z)
	w.zone = z.ID
	w.Call(t, http.MethodPost, "/zones/"+z.ID+"/secondary_dns/outgoing", map[string]any{"name": acmeZone, "peers": []string{p.ID}}, nil)
	w.Call(t, http.MethodPost, "/zones/"+z.ID+"/secondary_dns/outgoing/enable", map[string]any{}, nil)
	w.sec = peers.Run(t, peers.Config{
		Program: peers.BIND, Listen: listen, Primary: w.gate.addr, Notifier: netip.MustParseAddr("127.0.0.1"), Zones: []wire.Name{wire.MustName(acmeZone)}, Key: key,
	})
	w.live(t)
	w.ca = newAuthority(t, w.sec.Addr(), func() {
		// Each time somebody has the authority look, the secondary has what the primary has.
		if at, want := ask(w.sec.Addr()), ask(w.DNS); w.gate.shut() || !slices.Equal(at, want) {
			w.ca.early.Add(1)
		}
	})
	return w
}

// live waits until the secondary has all that the primary has.
func (w *acmeWorld) live(t *testing.T) {
	t.Helper()
	var is struct{ Live bool }
	w.Call(t, http.MethodGet, "/headwater/v1/zones/"+w.zone+"/live?wait=2m", nil, &is)
	equal(t, "live", is.Live, true)
}

// hold keeps the secondary from fetching until release.
func (w *acmeWorld) hold(t *testing.T) (release func()) {
	w.gate.close()
	return func() {
		w.gate.open()
		w.live(t)
	}
}

// afterWaiting opens the gate when the hook that run runs is seen to wait, and wants that nobody had the authority look before.
func (w *acmeWorld) afterWaiting(t *testing.T, run func() ([]byte, error)) []byte {
	t.Helper()
	w.requests("")
	w.ca.early.Store(0)
	w.gate.close()
	defer w.gate.open()
	type outcome struct {
		chain []byte
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		chain, err := run()
		done <- outcome{chain, err}
	}()
	testkit.Until(t, func() string {
		select {
		case o := <-done:
			t.Fatalf("it ended before the secondary had anything: %v", o.err)
		default:
		}
		if len(w.requests("GET /headwater/v1/zones/"+w.zone+"/live")) == 0 {
			return "the hook does not wait"
		}
		return ""
	})
	w.gate.open()
	o := <-done
	check(t, o.err)
	equal(t, "challenges that were looked at too early", w.ca.early.Load(), 0)
	return o.chain
}

// issued wants a certificate for the zone and all below it, in time, and no challenge left.
func (w *acmeWorld) issued(t *testing.T, chain []byte) {
	t.Helper()
	block, rest := pem.Decode(chain)
	if block == nil {
		t.Fatalf("no certificate: %q", chain)
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	check(t, err)
	between := x509.NewCertPool()
	between.AppendCertsFromPEM(rest)
	for _, name := range []string{acmeZone, "www." + acmeZone} {
		_, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: w.ca.roots, Intermediates: between})
		check(t, err)
	}
	equal(t, "challenges that are left", len(ask(w.DNS)), 0)
	w.live(t)
}

type acmeUser struct {
	key crypto.Signer
	reg *acme.ExtendedAccount
}

func (*acmeUser) GetEmail() string                         { return "" }
func (u *acmeUser) GetRegistration() *acme.ExtendedAccount { return u.reg }
func (u *acmeUser) GetPrivateKey() crypto.Signer           { return u.key }

// lego has lego get a certificate, by a new account.
func (w *acmeWorld) lego(t *testing.T, p challenge.Provider, opts ...dns01.ChallengeOption) ([]byte, error) {
	key, err := certcrypto.GeneratePrivateKey(certcrypto.EC256)
	if err != nil {
		return nil, err
	}
	user := &acmeUser{key: key}
	config := lego.NewConfig(user)
	config.CADirURL, config.HTTPClient = w.ca.directory, w.ca.client
	client, err := lego.NewClient(config)
	if err != nil {
		return nil, err
	}
	if err := client.Challenge.SetDNS01Provider(p, opts...); err != nil {
		return nil, err
	}
	if user.reg, err = client.Registration.Register(t.Context(), registration.RegisterOptions{TermsOfServiceAgreed: true}); err != nil {
		return nil, err
	}
	got, err := client.Certificate.Obtain(t.Context(), certificate.ObtainRequest{
		Domains: []string{acmeZone, "*." + acmeZone}, KeyType: certcrypto.EC256, Bundle: true,
	})
	if err != nil {
		return nil, err
	}
	return got.Certificate, nil
}

// certbot has certbot get a certificate.
func (w *acmeWorld) certbot(t *testing.T, hook string) ([]byte, error) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "certbot", "certonly", "--manual", "--preferred-challenges", "dns", "--manual-auth-hook", hook,
		"--manual-cleanup-hook", hook+" cleanup", "-d", acmeZone, "-d", "*."+acmeZone, "--server", w.ca.directory, "--key-type", "ecdsa",
		"--agree-tos", "--register-unsafely-without-email", "--non-interactive", "--config-dir", dir, "--work-dir", dir, "--logs-dir", dir)
	cmd.Env = append(os.Environ(), "REQUESTS_CA_BUNDLE="+w.ca.bundle, "HOME="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("certbot said: %s", out)
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "live", acmeZone, "fullchain.pem"))
}

// hook writes the hook of docs/operations.md to a file, and sets what it needs.
func (w *acmeWorld) hook(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("docs/operations.md")
	check(t, err)
	const head = "#!/bin/sh\n# auth-hook"
	_, text, there := strings.Cut(string(doc), "```sh\n"+head)
	script, _, ends := strings.Cut(text, "```")
	equal(t, "docs/operations.md has a hook", there && ends, true)
	bin, err := node.Binary()
	check(t, err)
	dir := t.TempDir()
	check(t, os.Symlink(bin, filepath.Join(dir, "headwater")))
	file := filepath.Join(dir, "auth-hook")
	check(t, os.WriteFile(file, []byte(head+script), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("ZONE", acmeZone)
	t.Setenv("ZONE_ID", w.zone)
	t.Setenv("SERVER", strings.TrimSuffix(w.URL, "/client/v4"))
	t.Setenv("HEADWATER_TOKEN", node.Token)
	return file
}
