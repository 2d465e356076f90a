package peers

import (
	"fmt"
	"os"
	"strings"
)

// nsdConfig is for NSD 4. It reloads at once after a transfer, and keeps zones in memory alone.
func (s *Secondary) nsdConfig() string {
	var b strings.Builder
	c := &s.cfg
	refresh := seconds(c.Refresh)
	key := "NOKEY"
	fmt.Fprintf(&b, "server:\n\tip-address: %s@%d\n", c.Listen.Addr(), c.Listen.Port())
	fmt.Fprintf(&b, "\tusername: \"\"\n\tchroot: \"\"\n\tdatabase: \"\"\n\tpidfile: %q\n\tzonesdir: %q\n", s.file("nsd.pid"), s.dir)
	fmt.Fprintf(&b, "\tzonelistfile: %q\n\txfrdfile: %q\n\txfrdir: %q\n", s.file("zone.list"), s.file("xfrd.state"), s.dir)
	b.WriteString("\tserver-count: 1\n\tverbosity: 2\n\txfrd-reload-timeout: 0\n")
	b.WriteString("remote-control:\n\tcontrol-enable: no\n")
	if c.Key != nil {
		name, algorithm, secret := keyParts(c.Key)
		fmt.Fprintf(&b, "key:\n\tname: %q\n\talgorithm: %s\n\tsecret: %q\n", name, algorithm, secret)
		key = name
	}
	axfr := ""
	if c.NoIXFR {
		axfr = "AXFR "
	}
	b.WriteString("pattern:\n\tname: \"follows\"\n")
	fmt.Fprintf(&b, "\tallow-notify: %s %s\n", c.Notifier, key)
	fmt.Fprintf(&b, "\trequest-xfr: %s%s@%d %s\n", axfr, c.Primary.Addr(), c.Primary.Port(), key)
	fmt.Fprintf(&b, "\toutgoing-interface: %s\n\tprovide-xfr: 0.0.0.0/0 NOKEY\n\tprovide-xfr: ::0/0 NOKEY\n", c.Listen.Addr())
	fmt.Fprintf(&b, "\tmin-refresh-time: 1\n\tmax-refresh-time: %d\n\tmin-retry-time: 1\n\tmax-retry-time: 1\n", refresh)
	for i, z := range c.Zones {
		fmt.Fprintf(&b, "zone:\n\tname: %q\n\tzonefile: \"zone%d\"\n\tinclude-pattern: \"follows\"\n", z.String(), i)
	}
	return b.String()
}

// PutZoneFile has an NSD that is stopped load a zone from a file the next time, as if somebody had edited it; an empty text takes the file
// away.
func (s *Secondary) PutZoneFile(zone int, text string) error {
	if text == "" {
		return os.Remove(s.file(fmt.Sprintf("zone%d", zone)))
	}
	return s.write(fmt.Sprintf("zone%d", zone), text)
}
