package programs_test

import (
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/test/node"
)

// TestLexicon makes, lists, changes and deletes records with Debian's lexicon, which asks for active zones.
func TestLexicon(t *testing.T) {
	t.Parallel()
	s := open(t)
	f := s.fixed(t)
	run := func(args ...string) string {
		return f.run(t, "/usr/bin/lexicon", append([]string{"cloudflare"}, args...)...)
	}
	run("create", s.zone, "TXT", "--name", "_acme-challenge."+s.zone, "--content", "token one")
	run("create", s.zone, "A", "--name", "www", "--content", "192.0.2.1", "--ttl", "300")
	run("create", s.zone, "SRV", "--name", "_sip._tcp", "--content", "10 5 5060 sip.example.net.")
	if got := s.contents(t, "TXT")["_acme-challenge."+s.zone]; strings.Trim(got, `"`) != "token one" {
		t.Errorf("the challenge is %q", got)
	}
	if out := run("list", s.zone, "TXT", "--name", "_acme-challenge."+s.zone, "--content", "token one", "--output", "JSON"); !strings.Contains(out, "token one") {
		t.Errorf("list prints %s", out)
	}
	run("update", s.zone, "A", "--name", "www", "--content", "192.0.2.2")
	if got := s.contents(t, "A")["www."+s.zone]; got != "192.0.2.2" {
		t.Errorf("the address is %q", got)
	}
	run("delete", s.zone, "TXT", "--name", "_acme-challenge."+s.zone, "--content", "token one")
	run("delete", s.zone, "A", "--name", "www")
	if txt, a := s.contents(t, "TXT"), s.contents(t, "A"); len(txt)+len(a) > 0 {
		t.Errorf("deleted, and there: %v %v", txt, a)
	}
}

// TestTunnel has curl and lexicon come to a node itself by the two variables that docs/clients.md names: no proxy, no hosts file and
// no root beside it. The node leads them nowhere else.
func TestTunnel(t *testing.T) {
	t.Parallel()
	f, s := tunnelled(t)
	if out := f.run(t, "curl", "-sS", "https://"+fixedHost+"/client/v4/zones?name="+s.zone, "-H", "Authorization: Bearer "+node.Token); !strings.Contains(out, s.id) {
		t.Errorf("curl got %s", out)
	}
	f.run(t, "/usr/bin/lexicon", "cloudflare", "create", s.zone, "TXT", "--name", "_acme-challenge."+s.zone, "--content", "token one")
	if got := s.contents(t, "TXT")["_acme-challenge."+s.zone]; strings.Trim(got, `"`) != "token one" {
		t.Errorf("the challenge is %q", got)
	}
	if _, said, err := f.try(t, "curl", "-sS", "https://elsewhere.example/"); err == nil || !strings.Contains(said, "403") {
		t.Errorf("another name: %v, %s", err, said)
	}
}
