package programs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/test/node"
)

// TestAnsible runs a playbook of Debian's community.general.cloudflare_dns twice, the second time without a change but of the
// SRV record, whose data this version wants to read with the members service, proto and name, which upstream has dropped
// from answers; and then one that takes everything away.
func TestAnsible(t *testing.T) {
	t.Parallel()
	s := open(t)
	f := s.fixed(t)
	records := []string{
		"record: www, type: A, value: 192.0.2.1, ttl: 300",
		"record: www, type: AAAA, value: '2001:db8::1'",
		"record: alias, type: CNAME, value: www.example.net",
		"record: '@', type: MX, value: mail.example.net, priority: 10",
		"record: txt, type: TXT, value: 'v=spf1 include:a.test -all'",
		"service: sip, proto: tcp, type: SRV, value: sip.example.net, port: 5060, priority: 10, weight: 5",
		"port: 443, proto: tcp, type: TLSA, record: tls, cert_usage: 3, selector: 1, hash_type: 1, value: " + strings.Repeat("ab", 32),
		"record: host, type: SSHFP, algorithm: 4, hash_type: 2, value: " + strings.Repeat("cd", 32),
	}
	play := func(state string) string {
		var b strings.Builder
		b.WriteString("- hosts: localhost\n  gather_facts: false\n  connection: local\n  tasks:\n")
		for i, r := range records {
			fmt.Fprintf(&b, "  - name: record %d\n    community.general.cloudflare_dns: {zone: %s, account_email: %s, account_api_key: '%s', state: %s, %s}\n",
				i, s.zone, node.Email, node.Key, state, r)
		}
		file := filepath.Join(f.dir, state+".yml")
		check(t, os.WriteFile(file, []byte(b.String()), 0o600))
		return f.run(t, "/usr/bin/ansible-playbook", "-i", "localhost,", "-e", "ansible_python_interpreter=/usr/bin/python3", file)
	}
	for _, step := range []struct {
		state   string
		changed int
	}{{"present", len(records)}, {"present", 1}, {"absent", len(records)}, {"absent", 0}} {
		out := play(step.state)
		if want := fmt.Sprintf("changed=%d ", step.changed); !strings.Contains(out, want) {
			t.Errorf("%s: no %q in\n%s", step.state, want, out)
		}
		if step.state == "present" {
			if got := s.contents(t, "SRV")["_sip._tcp."+s.zone]; got != "5 5060 sip.example.net" {
				t.Errorf("SRV is %q", got)
			}
		}
	}
}
