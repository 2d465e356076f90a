package updates

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// run runs a program of others with some input, and gives what it said.
func run(t *testing.T, input, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = strings.NewReader(input)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func needs(t *testing.T, path, pkg string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Skipf("there is no %s (package %s)", path, pkg)
	}
}

// TestNsupdate: BIND's client, over UDP and TCP, with prerequisites, and with a key that is not let in.
func TestNsupdate(t *testing.T) {
	t.Parallel()
	needs(t, "/usr/bin/nsupdate", "bind9-dnsutils")
	w := begin(t)
	nsupdate := func(name, script string, flags ...string) (string, error) {
		head := fmt.Sprintf("server %s %d\nzone %s\n", w.DNS.Addr(), w.DNS.Port(), apex)
		return run(t, head+script+"send\n", "/usr/bin/nsupdate", append([]string{"-y", "hmac-sha256:" + name + ":" + secret}, flags...)...)
	}
	for _, flags := range [][]string{nil, {"-v"}} {
		if out, err := nsupdate(keyName, "update add host.example.com. 300 A 192.0.2.1\nupdate add host.example.com. 300 TXT \"made by nsupdate\"\n", flags...); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got := answer(t, w.DNS, "host.example.com.", dns.TypeA); !slices.Equal(got, []string{"192.0.2.1"}) {
			t.Fatalf("%q", got)
		}
		if out, err := nsupdate(keyName, "prereq nxdomain host.example.com.\nupdate add host.example.com. 300 A 192.0.2.2\n", flags...); err == nil || !strings.Contains(out, "YXDOMAIN") {
			t.Fatalf("%v\n%s", err, out)
		}
		if out, err := nsupdate(keyName, "prereq yxrrset host.example.com. A\nupdate delete host.example.com.\n", flags...); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got := answer(t, w.DNS, "host.example.com.", dns.TypeA); len(got) > 0 {
			t.Fatalf("%q", got)
		}
		if out, err := nsupdate(other, "update add host.example.com. 300 A 192.0.2.3\n", flags...); err == nil || !strings.Contains(out, "REFUSED") {
			t.Fatalf("%v\n%s", err, out)
		}
		if out, err := nsupdate("nobody.", "update add host.example.com. 300 A 192.0.2.3\n", flags...); err == nil || !strings.Contains(out, "BADKEY") {
			t.Fatalf("%v\n%s", err, out)
		}
	}
}

// TestDnspython: the library of Python, with a prerequisite of every kind.
func TestDnspython(t *testing.T) {
	t.Parallel()
	needs(t, "/usr/lib/python3/dist-packages/dns/update.py", "python3-dnspython")
	w := begin(t)
	script := fmt.Sprintf(`
import dns.update, dns.query, dns.rcode, dns.tsigkeyring
ring = dns.tsigkeyring.from_text({%q: %q})
def send(fill, how):
    u = dns.update.Update("example.com", keyring=ring, keyalgorithm="hmac-sha256")
    fill(u)
    print(dns.rcode.to_text(how(u, %q, port=%d, timeout=20).rcode()))
for how in (dns.query.udp, dns.query.tcp):
    send(lambda u: (u.absent("py"), u.add("py", 300, "A", "192.0.2.1")), how)
    send(lambda u: (u.absent("py"), u.add("py", 300, "A", "192.0.2.2")), how)
    send(lambda u: (u.present("py", "A", "192.0.2.1"), u.replace("py", 300, "A", "192.0.2.2", )), how)
    send(lambda u: (u.present("py", "A", "192.0.2.1"), u.replace("py", 300, "A", "192.0.2.3")), how)
    send(lambda u: (u.absent("py", "AAAA"), u.present("py"), u.present("py", "A"), u.delete("py", "A", "192.0.2.2")), how)
    send(lambda u: u.delete("py"), how)
`, keyName, secret, w.DNS.Addr(), w.DNS.Port())
	out, err := run(t, script, "/usr/bin/python3", "-")
	if want := strings.Repeat("NOERROR\nYXDOMAIN\nNOERROR\nNXRRSET\nNOERROR\nNOERROR\n", 2); err != nil || out != want {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestCertbot: the plugin's own client adds a challenge's record and takes it away, with a key that may do that and nothing else.
func TestCertbot(t *testing.T) {
	t.Parallel()
	needs(t, "/usr/lib/python3/dist-packages/certbot_dns_rfc2136/__init__.py", "python3-certbot-dns-rfc2136")
	w := begin(t)
	var list []struct{ ID string }
	w.Call(t, http.MethodGet, w.own("/update_policies"), nil, &list)
	for _, p := range list {
		w.Call(t, http.MethodDelete, w.own("/update_policies/"+p.ID), nil, nil)
	}
	w.allow(t, map[string]any{"names": []any{map[string]any{"match": "wildcard", "name": "_acme-challenge.*"}}, "types": []string{"TXT"}})
	script := func(domain, verb string) string {
		return fmt.Sprintf(`
from certbot_dns_rfc2136._internal import dns_rfc2136 as plugin
import dns.tsig
c = plugin._RFC2136Client(%q, %d, %q, %q, dns.tsig.HMAC_SHA256)
c.%s
`, w.DNS.Addr(), w.DNS.Port(), keyName, secret, fmt.Sprintf(verb, domain))
	}
	const add, del = `add_txt_record(%q, "token-of-acme", 120)`, `del_txt_record(%q, "token-of-acme")`
	for _, domain := range []string{"_acme-challenge.example.com", "_acme-challenge.www.example.com"} {
		if out, err := run(t, script(domain, add), "/usr/bin/python3", "-"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got := answer(t, w.DNS, domain+".", dns.TypeTXT); !slices.Equal(got, []string{`"token-of-acme"`}) {
			t.Fatalf("%s: %q", domain, got)
		}
		if out, err := run(t, script(domain, del), "/usr/bin/python3", "-"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got := answer(t, w.DNS, domain+".", dns.TypeTXT); len(got) > 0 {
			t.Fatalf("%s: %q", domain, got)
		}
	}
	if out, err := run(t, script("www.example.com", add), "/usr/bin/python3", "-"); err == nil || !strings.Contains(out, "REFUSED") {
		t.Fatalf("%v\n%s", err, out)
	}
}
