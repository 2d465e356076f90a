package peers

import (
	"fmt"
	"strings"
)

// knotConfig is for Knot DNS 3.2 and newer. Zones are kept in the journal, no zone files are written.
func (s *Secondary) knotConfig() string {
	var b strings.Builder
	c := &s.cfg
	refresh := max(2, seconds(c.Refresh)) // the least that it takes
	key := ""
	fmt.Fprintf(&b, "server:\n  rundir: %q\n  listen: %s@%d\n", s.dir, c.Listen.Addr(), c.Listen.Port())
	b.WriteString("  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 2\n")
	b.WriteString("log:\n  - target: stderr\n    any: info\n")
	fmt.Fprintf(&b, "database:\n  storage: %q\n  journal-db-max-size: 2G\n", s.file("db"))
	if c.Key != nil {
		name, algorithm, secret := keyParts(c.Key)
		fmt.Fprintf(&b, "key:\n  - id: %q\n    algorithm: %s\n    secret: %q\n", name, algorithm, secret)
		key = fmt.Sprintf("    key: %q\n", name)
	}
	fmt.Fprintf(&b, "remote:\n  - id: primary\n    address: %s@%d\n    via: %s\n%s", c.Primary.Addr(), c.Primary.Port(), c.Listen.Addr(), key)
	fmt.Fprintf(&b, "acl:\n  - id: notify\n    address: %s\n    action: notify\n%s", c.Notifier, key)
	b.WriteString("  - id: out\n    address: [0.0.0.0/0, \"::/0\"]\n    action: transfer\n")
	b.WriteString("template:\n")
	templates := append([]string{"default"}, c.Groups...)
	for _, id := range templates {
		fmt.Fprintf(&b, "  - id: %s\n    storage: %q\n    master: primary\n    acl: [notify, out]\n", id, s.dir)
		b.WriteString("    zonefile-sync: -1\n    zonefile-load: none\n    journal-content: all\n    journal-max-usage: 1G\n")
		fmt.Fprintf(&b, "    refresh-min-interval: 2\n    refresh-max-interval: %d\n", refresh)
		b.WriteString("    retry-min-interval: 1\n    retry-max-interval: 1\n")
		if c.Validate {
			b.WriteString("    dnssec-validation: on\n")
		}
		if c.Digest {
			b.WriteString("    zonemd-verify: on\n")
		}
		if c.Sign {
			b.WriteString("    dnssec-signing: on\n")
		}
	}
	b.WriteString("zone:\n")
	if c.Catalog != "" {
		fmt.Fprintf(&b, "  - domain: %q\n    catalog-role: interpret\n    catalog-template: [%s]\n", c.Catalog.String(), strings.Join(templates, ", "))
	}
	for _, z := range c.Zones {
		fmt.Fprintf(&b, "  - domain: %q\n", z.String())
	}
	return b.String()
}
