package peers

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
)

// seconds are whole ones, at least one.
func seconds(d time.Duration) int { return max(1, int(d/time.Second)) }

// keyParts are a key as configurations write it: name without the final dot, algorithm's short name, secret in base64.
func keyParts(k *tsig.Key) (name, algorithm, secret string) {
	algorithm, _, _ = strings.Cut(k.Algorithm.String(), ".")
	return k.Name.Host(), algorithm, base64.StdEncoding.EncodeToString(k.Secret)
}

// bindConfig is for BIND 9.18 and newer. Unless AsShipped, RRsets of any size are taken: newer releases refuse more than
// 100 records.
func (s *Secondary) bindConfig() string {
	var b strings.Builder
	c := &s.cfg
	family, other := "", "-v6"
	if c.Listen.Addr().Is6() {
		family, other = "-v6", ""
	}
	refresh := seconds(c.Refresh)
	ip := c.Listen.Addr()
	key := ""
	if c.Key != nil {
		name, algorithm, secret := keyParts(c.Key)
		fmt.Fprintf(&b, "key %q { algorithm %s; secret %q; };\n", name, algorithm, secret)
		key = fmt.Sprintf(" key %q", name)
	}
	fmt.Fprintf(&b, "options {\n\tdirectory %q;\n", s.dir)
	fmt.Fprintf(&b, "\tlisten-on%s port %d { %s; };\n\tlisten-on%s { none; };\n", family, c.Listen.Port(), ip, other)
	fmt.Fprintf(&b, "\ttransfer-source%s %s;\n\tquery-source%s address %s;\n", family, ip, family, ip)
	b.WriteString("\tpid-file none;\n\tsession-keyfile none;\n\tlock-file none;\n\trecursion no;\n\tdnssec-validation no;\n")
	b.WriteString("\tnotify no;\n\tallow-query { any; };\n\tallow-transfer { any; };\n\tcheck-names secondary ignore;\n")
	if !c.AsShipped {
		b.WriteString("\tmax-records-per-type 0;\n\tmax-types-per-name 0;\n")
	}
	b.WriteString("\tserial-query-rate 1000;\n")
	b.WriteString("\ttransfers-in 100;\n\ttransfers-per-ns 100;\n")
	fmt.Fprintf(&b, "\tmin-refresh-time 1;\n\tmax-refresh-time %d;\n\tmin-retry-time 1;\n\tmax-retry-time 1;\n", refresh)
	fmt.Fprintf(&b, "\trequest-ixfr %s;\n", yes(!c.NoIXFR))
	zones := c.Zones
	if c.Catalog != "" {
		fmt.Fprintf(&b, "\tcatalog-zones { zone %q default-primaries { %s port %d%s; } in-memory yes min-update-interval 1; };\n",
			c.Catalog.Host(), c.Primary.Addr(), c.Primary.Port(), key)
		fmt.Fprintf(&b, "\tallow-notify { %s; };\n", c.Notifier)
		zones = append(slices.Clip(zones), c.Catalog)
	}
	b.WriteString("};\ncontrols { };\n")
	for i, z := range zones {
		fmt.Fprintf(&b, "zone %q {\n\ttype secondary;\n\tfile \"zone%d\";\n", z.String(), i)
		fmt.Fprintf(&b, "\tprimaries { %s port %d%s; };\n", c.Primary.Addr(), c.Primary.Port(), key)
		if c.Sign {
			fmt.Fprintf(&b, "\tinline-signing yes;\n\tdnssec-policy default;\n\tkey-directory %q;\n", s.dir)
		}
		fmt.Fprintf(&b, "\tallow-notify { %s; };\n};\n", c.Notifier)
	}
	return b.String()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
