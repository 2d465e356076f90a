package certmanager_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	cmapi "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/cert-manager/cert-manager/pkg/issuer/acme/dns/cloudflare"
	"github.com/cert-manager/cert-manager/pkg/issuer/acme/dns/rfc2136"
	"github.com/cert-manager/cert-manager/pkg/issuer/acme/dns/util"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/yaml"

	"github.com/headwaterdns/headwater/test/node"
)

const (
	zone       = "example.com"
	challenged = "_acme-challenge." + zone + "."
)

// TestMain runs the tests from the repository's root, where the documents are.
func TestMain(m *testing.M) {
	if err := os.Chdir("../../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// printed gives the Issuer and the Secret that docs/updates.md prints, read as cert-manager and Kubernetes read them.
func printed(t *testing.T) (issuer cmapi.Issuer, secret corev1.Secret) {
	t.Helper()
	doc, err := os.ReadFile("docs/updates.md")
	check(t, err)
	m := regexp.MustCompile("(?s)\ncert-manager[^\n]*:\n\n```yaml\n(.*?)\n---\n(.*?)```").FindStringSubmatch(string(doc))
	if m == nil {
		t.Fatal("docs/updates.md prints no Secret and Issuer for cert-manager")
	}
	check(t, yaml.UnmarshalStrict([]byte(m[1]), &secret))
	check(t, yaml.UnmarshalStrict([]byte(m[2]), &issuer))
	secret.Namespace, secret.Data = "default", map[string][]byte{}
	for name, v := range secret.StringData { // what an API server makes of it
		secret.Data[name] = []byte(v)
	}
	return issuer, secret
}

// TestRFC2136 presents two challenges as the Issuer of the documents says, finds them as cert-manager's controller does before it tells the
// authority, and cleans up. The key's policy lets in challenges alone.
func TestRFC2136(t *testing.T) {
	issuer, secret := printed(t)
	how := issuer.Spec.ACME.Solvers[0].DNS01.RFC2136
	n := node.Must(t)
	var made, key struct{ ID string }
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": zone}, &made)
	n.Call(t, http.MethodPost, "/accounts/"+n.Account+"/secondary_dns/tsigs", map[string]any{
		"name": how.TSIGKeyName, "algo": "hmac-sha256.", "secret": string(secret.Data[how.TSIGSecret.Key]),
	}, &key)
	n.Call(t, http.MethodPost, "/headwater/v1/zones/"+made.ID+"/update_policies", map[string]any{
		"tsig_id": key.ID, "names": []any{map[string]any{"match": "wildcard", "name": "_acme-challenge.*"}}, "types": []string{"TXT"},
	}, nil)
	how.Nameserver = n.DNS.String() // the documents' port is somebody else's, perhaps
	config, err := json.Marshal(how)
	check(t, err)
	secrets := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	check(t, secrets.Add(&secret))
	solver := rfc2136.New(rfc2136.WithSecretsLister(corelisters.NewSecretLister(secrets)))

	servers := []string{n.DNS.String()}
	found, err := util.FindZoneByFqdn(t.Context(), challenged, servers)
	if err != nil || found != zone+"." {
		t.Fatalf("the zone is %q (%v)", found, err)
	}
	request := func(value string) *whapi.ChallengeRequest {
		return &whapi.ChallengeRequest{
			Type: "dns-01", DNSName: zone, ResolvedFQDN: challenged, ResolvedZone: found, Key: value, ResourceNamespace: "default", Config: &apiextensionsv1.JSON{Raw: config},
		}
	}
	// The name and its wildcard have challenges of their own, at one name.
	values := []string{"of-the-name", "of-the-wildcard"}
	for _, v := range values {
		check(t, solver.Present(request(v)))
		check(t, solver.Present(request(v))) // a controller that starts again presents again
	}
	for _, v := range values {
		seen(t, servers, v, true)
	}
	other := request("elsewhere")
	other.ResolvedFQDN = "www." + zone + "."
	if err := solver.Present(other); err == nil || !strings.Contains(err.Error(), "REFUSED") {
		t.Errorf("at a name that is no challenge's: %v", err)
	}
	check(t, solver.CleanUp(request(values[0])))
	seen(t, servers, values[0], false)
	seen(t, servers, values[1], true)
	check(t, solver.CleanUp(request(values[1])))
	seen(t, servers, values[1], false)
}

// seen wants cert-manager's own look to find a challenge, or not.
func seen(t *testing.T, servers []string, value string, want bool) {
	t.Helper()
	got, err := util.PreCheckDNS(t.Context(), challenged, value, servers, false)
	if err != nil || got != want {
		t.Errorf("%s is found: %t (%v), not %t", value, got, err, want)
	}
}

// TestCloudflare has the solver for Cloudflare, whose address is fixed, come here by the two variables of docs/clients.md. They are read once in
// a process, so it runs in one of its own.
func TestCloudflare(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "connect.pem"), filepath.Join(dir, "connect.key")
	out, err := exec.CommandContext(t.Context(), "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "825",
		"-subj", "/CN=headwater-clients", "-addext", "subjectAltName=DNS:api.cloudflare.com", "-keyout", key, "-out", cert).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	n := node.Must(t, "--connect-name", "api.cloudflare.com", "--connect-cert", cert, "--connect-key", key)
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": zone}, nil)
	self, err := os.Executable()
	check(t, err)
	for _, step := range []string{"present", "present", "cleanup"} {
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestInsideCloudflare$")
		cmd.Dir = filepath.Join("test", "compat", "certmanager")
		cmd.Env = append(os.Environ(), insideCloudflare+"="+step, "HTTPS_PROXY="+n.HTTP, "SSL_CERT_FILE="+cert)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", step, err, out)
		}
		seen(t, []string{n.DNS.String()}, "by-the-api", step == "present")
	}
}

const insideCloudflare = "CERTMANAGER_INSIDE_CLOUDFLARE"

// TestInsideCloudflare is TestCloudflare's other half.
func TestInsideCloudflare(t *testing.T) {
	p, err := cloudflare.NewDNSProviderCredentials("", "", node.Token, nil, "cert-manager")
	check(t, err)
	switch os.Getenv(insideCloudflare) {
	case "present":
		check(t, p.Present(t.Context(), zone, challenged, "by-the-api"))
	case "cleanup":
		check(t, p.CleanUp(t.Context(), zone, challenged, "by-the-api"))
	default:
		t.Skip("this is a part of TestCloudflare")
	}
}
