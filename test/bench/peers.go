//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The key that signed transfers are made with, everywhere the same.
const (
	keyName   = "bench-key.example"
	keySecret = "YmVuY2htYXJrIGtleSBvZiAzMiBvY3RldHMgLi4uLi4="
)

// contents are the zones that a server reads from zone files.
type contents struct {
	dir   string // a directory of the server's own, below the run's
	zones func(yield func(name, file string) bool)
	right func(c *contestant) func(ctx context.Context) bool
	tls   bool // they are to be had over TLS as well; for BIND alone
	fixed bool // zones share files, which nobody may write to then
}

// large is the one large zone.
func (b *bench) large(server string) contents {
	return contents{
		dir:   filepath.Join(b.dir, server),
		zones: func(yield func(name, file string) bool) { yield(zoneName, filepath.Join(b.dir, "zone")) },
		right: b.rightLarge,
	}
}

func (b *bench) rightLarge(c *contestant) func(ctx context.Context) bool {
	q := b.probe
	return func(ctx context.Context) bool { return q.ask(ctx, c.addr) }
}

func nsd(b *bench) (*contestant, error)  { return b.newNSD(b.large("nsd")) }
func knot(b *bench) (*contestant, error) { return b.newKnot(b.large("knot")) }

// bind gets a copy of the zone file: it writes a journal beside it.
func bind(b *bench) (*contestant, error) {
	in := b.large("bind")
	file := filepath.Join(in.dir, "zone")
	if err := os.MkdirAll(in.dir, 0o755); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(b.dir, "zone"))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		return nil, err
	}
	in.zones = func(yield func(name, file string) bool) { yield(zoneName, file) }
	in.tls = true
	return b.newBIND(in)
}

// configure writes a configuration: a head, which the results show, and an entry for each zone, of which they show one.
func (c *contestant) configure(in contents, head, entry string) (path string, err error) {
	if err := os.MkdirAll(in.dir, 0o755); err != nil {
		return "", err
	}
	path = filepath.Join(in.dir, "server.conf")
	var all strings.Builder
	all.WriteString(head)
	n := 0
	in.zones(func(name, file string) bool {
		line := strings.NewReplacer("NAME", name, "FILE", file).Replace(entry)
		if all.WriteString(line); n == 0 {
			c.settings = strings.ReplaceAll(head+line, in.dir, "DIR")
		}
		n++
		return true
	})
	c.right = in.right(c)
	return path, os.WriteFile(path, []byte(all.String()), 0o644)
}

// newNSD runs one server process, for there is one core.
func (b *bench) newNSD(in contents) (*contestant, error) {
	c, err := b.newContestant(nameNSD, primary, "nsd", "-v")
	if err != nil {
		return nil, err
	}
	conf, err := c.configure(in, fmt.Sprintf(`server:
    ip-address: %s@%d
    server-count: 1
    username: ""
    database: ""
    pidfile: ""
    zonesdir: %[3]q
    xfrdfile: "%[3]s/xfrd.state"
    zonelistfile: "%[3]s/zone.list"
    tcp-count: 200
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
key:
    name: %[4]s
    algorithm: hmac-sha256
    secret: %[5]s
`, c.addr.Addr(), c.addr.Port(), in.dir, keyName, keySecret), `zone:
    name: NAME
    zonefile: FILE
    provide-xfr: 0.0.0.0/0 NOKEY
    provide-xfr: 0.0.0.0/0 `+keyName+"\n")
	c.argv = []string{"nsd", "-d", "-c", conf}
	return c, err
}

func (b *bench) newKnot(in contents) (*contestant, error) {
	c, err := b.newContestant(nameKnot, primary, "knotd", "--version")
	if err != nil {
		return nil, err
	}
	conf, err := c.configure(in, fmt.Sprintf(`server:
  listen: %s@%d
  rundir: %[3]s
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: error
database:
  storage: %[3]s
key:
  - id: %[4]s
    algorithm: hmac-sha256
    secret: %[5]s
acl:
  - id: all
    address: 127.0.0.0/8
    action: transfer
  - id: signed
    address: 127.0.0.0/8
    key: %[4]s
    action: transfer
template:
  - id: default
    storage: %[3]s
    acl: [all, signed]
    zonefile-sync: -1
    journal-content: none
zone:
`, c.addr.Addr(), c.addr.Port(), in.dir, keyName, keySecret), "  - domain: NAME\n    file: FILE\n")
	c.argv = []string{"knotd", "-c", conf}
	return c, err
}

func (b *bench) newBIND(in contents) (*contestant, error) {
	c, err := b.newContestant(nameBIND, primary, "named", "-v")
	if err != nil {
		return nil, err
	}
	updates := " allow-update { any; };"
	if in.fixed {
		updates = ""
	}
	secure, listen := "", ""
	if in.tls {
		cert, key, err := b.certificate()
		if err != nil {
			return nil, err
		}
		c.tls = freePort()
		secure = fmt.Sprintf("tls bench { cert-file %q; key-file %q; protocols { TLSv1.3; }; };\n", cert, key)
		listen = fmt.Sprintf(" listen-on port %d tls bench { %s; };", c.tls.Port(), c.tls.Addr())
	}
	conf, err := c.configure(in, secure+fmt.Sprintf(`options {
	directory %q; listen-on port %d { %s; };%s listen-on-v6 { none; };
	recursion no; dnssec-validation no; notify no; pid-file none; session-keyfile none; lock-file none;
	allow-transfer { any; }; tcp-clients 200; transfers-out 100;
};
controls { };
key %q { algorithm hmac-sha256; secret %q; };
`, in.dir, c.addr.Port(), c.addr.Addr(), listen, keyName, keySecret),
		"zone \"NAME\" { type primary; file \"FILE\";"+updates+" };\n")
	c.argv = []string{"named", "-g", "-n", "1", "-c", conf}
	c.adder = func() (adder, error) { return dialUpdate(c.addr) }
	return c, err
}

// echo is no name server: what it costs is the least that a query, or a durable change through an HTTP API, can cost us.
func echo(b *bench) (*contestant, error) {
	c, err := b.newContestant(nameEcho, nothing)
	if err != nil {
		return nil, err
	}
	c.version = "test/bench/echo, recvmmsg and sendmmsg as our server does them"
	c.right = func(ctx context.Context) bool { return question{name: zoneName + ".", qtype: 1}.ask(ctx, c.addr) }
	listen := freePort().String()
	c.argv = []string{b.echo, "-listen", c.addr.String(), "-http", listen, "-log", filepath.Join(b.dir, "echo.log")}
	c.settings = "echo -listen ADDRESS -http ADDRESS -log FILE"
	bare := newAPI("http://" + listen)
	c.adder = func() (adder, error) { return &apiAdder{bare, "none"}, nil }
	return c, nil
}

// plainEcho is the echo without a way of waiting that ours has, too: what the two system calls cost anybody.
func plainEcho(b *bench) (*contestant, error) {
	c, err := b.newContestant(namePlain, nothing)
	if err != nil {
		return nil, err
	}
	c.version = "test/bench/echo -plain, recvmmsg that does not wait, and sendmmsg"
	c.right = func(ctx context.Context) bool { return question{name: zoneName + ".", qtype: 1}.ask(ctx, c.addr) }
	c.argv = []string{b.echo, "-plain", "-listen", c.addr.String()}
	c.settings = "echo -plain -listen ADDRESS"
	return c, nil
}
