package cluster

import (
	"bytes"
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// server is the PostgreSQL of all tests that do it no harm, started by the first that needs it.
var server = struct {
	once sync.Once
	*pgtest.Server
	err error
}{}

func TestMain(m *testing.M) {
	// The tests wait for other processes most of the time. What the command line says goes before this.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	code := m.Run()
	if server.Server != nil {
		server.Close()
		if n := server.Deadlocks(); n > 0 {
			fmt.Println(n, "deadlocks: locks have been taken in two orders")
			code = 1
		}
	}
	os.Exit(code)
}

// cluster is nodes on one database, each behind a proxy of its own.
type cluster struct {
	pg      *pgtest.Server
	url     string
	key     string // file
	nodes   []*node.Node
	proxies []*proxy
}

// through is the database's address by way of a proxy.
func through(tb testing.TB, address string, p *proxy) string {
	tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	u.Host = p.addr()
	return u.String()
}

func host(tb testing.TB, address string) string {
	tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	return u.Host
}

// start makes a database and starts so many nodes on it, all at the same moment.
func start(tb testing.TB, count int, flags ...string) *cluster {
	tb.Helper()
	return startOn(tb, shared(tb), count, "", flags...)
}

func shared(tb testing.TB) *pgtest.Server {
	tb.Helper()
	server.once.Do(func() { server.Server, server.err = pgtest.New() })
	if server.err != nil {
		tb.Fatal(server.err)
	}
	return server.Server
}

// startOn is start on a server, with further parameters for the nodes' database sessions.
func startOn(tb testing.TB, pg *pgtest.Server, count int, parameters string, flags ...string) *cluster {
	tb.Helper()
	c := newCluster(tb, pg)
	c.run(tb, count, parameters, flags...)
	return c
}

// secretKey is that of all clusters.
var secretKey = [32]byte{7, 7, 7}

// newCluster makes an empty database.
func newCluster(tb testing.TB, pg *pgtest.Server) *cluster {
	tb.Helper()
	c := &cluster{pg: pg, key: filepath.Join(tb.TempDir(), "key")}
	c.url = c.pg.Database(tb)
	if err := os.WriteFile(c.key, []byte(base64.StdEncoding.EncodeToString(secretKey[:])), 0o600); err != nil {
		tb.Fatal(err)
	}
	return c
}

// run starts so many nodes at the same moment.
func (c *cluster) run(tb testing.TB, count int, parameters string, flags ...string) {
	tb.Helper()
	if _, err := node.Binary(); err != nil {
		tb.Fatal(err)
	}
	c.nodes, c.proxies = make([]*node.Node, count), make([]*proxy, count)
	errs := make([]error, count)
	var all sync.WaitGroup
	for i := range count {
		c.proxies[i] = newProxy(tb, host(tb, c.url))
		dir, args := tb.TempDir(), append([]string{
			"--database", through(tb, c.url, c.proxies[i]) + parameters, "--secret-key-file", c.key, "--notify-interval", "20ms",
		}, flags...)
		all.Go(func() { c.nodes[i], errs[i] = node.Start(dir, args...) })
	}
	all.Wait()
	for i, n := range c.nodes {
		if errs[i] != nil {
			tb.Fatalf("node %d: %v", i, errs[i])
		}
		tb.Cleanup(n.Kill)
		tb.Cleanup(func() {
			if dir := os.Getenv("HEADWATER_CHAOS_LOGS"); dir != "" {
				_ = os.WriteFile(filepath.Join(dir, fmt.Sprint("node", i)), []byte(n.Log().String()), 0o600)
			}
			if tb.Failed() {
				tb.Logf("node %d said at last:\n%s", i, last(untold(n.Log().String()), 6000))
			}
		})
	}
}

// untold leaves out the lines of transfers, of which there are too many to read.
func untold(log string) string {
	var out strings.Builder
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "msg=transfer ") {
			out.WriteString(line)
		}
	}
	return out.String()
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }

// zone makes a zone with transfers on to peers.
func (c *cluster) zone(tb testing.TB, name string, peerIDs []string) (id string) {
	tb.Helper()
	var made struct{ ID string }
	c.nodes[0].Call(tb, http.MethodPost, "/zones", map[string]any{"name": name, "account": map[string]any{"id": c.nodes[0].Account}}, &made)
	out := "/zones/" + made.ID + "/secondary_dns/outgoing"
	c.nodes[0].Call(tb, http.MethodPost, out, map[string]any{"name": name, "peers": append([]string{}, peerIDs...)}, nil)
	c.nodes[0].Call(tb, http.MethodPost, out+"/enable", nil, nil)
	return made.ID
}

// peer makes a peer, and gives its id.
func (c *cluster) peer(tb testing.TB, name string, at netip.AddrPort, tsigID string) string {
	tb.Helper()
	var made struct{ ID string }
	body := map[string]any{"name": name, "ip": at.Addr().String(), "port": at.Port()}
	if tsigID != "" {
		body["tsig_id"] = tsigID
	}
	c.nodes[0].Call(tb, http.MethodPost, "/accounts/"+c.nodes[0].Account+"/secondary_dns/peers", body, &made)
	return made.ID
}

func (c *cluster) allowLoopback(tb testing.TB) {
	tb.Helper()
	acl := map[string]any{"name": "test", "ip_range": "127.0.0.1/32"}
	c.nodes[0].Call(tb, http.MethodPost, "/accounts/"+c.nodes[0].Account+"/secondary_dns/acls", acl, nil)
}

// add makes a TXT record through a node and gives the position from which it is seen.
func add(tb testing.TB, n *node.Node, zoneID, name, content string) (seq string) {
	tb.Helper()
	a, err := n.Do(tb.Context(), http.MethodPost, "/zones/"+zoneID+"/dns_records", map[string]any{"type": "TXT", "name": name, "content": content})
	if err != nil {
		tb.Fatal(err)
	}
	if a.Status != http.StatusOK {
		tb.Fatalf("status %d: %s", a.Status, a.Body)
	}
	return a.Header.Get("Headwater-Seq")
}

// await has a node wait until it shows a position.
func await(tb testing.TB, n *node.Node, seq string) {
	tb.Helper()
	a, err := n.Do(tb.Context(), http.MethodGet, "/zones", nil, [2]string{"Headwater-Seq", seq})
	if err != nil {
		tb.Fatal(err)
	}
	if a.Status != http.StatusOK {
		tb.Fatalf("waiting for %s: status %d: %s", seq, a.Status, a.Body)
	}
}

// get reads a page that is no JSON.
func get(tb testing.TB, n *node.Node, path string) (status int, body string) {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, n.HTTP+path, nil)
	if err != nil {
		tb.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

// axfr fetches a zone from a node, from the address that the ACL names.
func axfr(ctx context.Context, n *node.Node, zone wire.Name) (*xfr.Result, error) {
	return xfr.Fetch(ctx, xfr.Source{Server: n.DNS, Zone: zone, Local: netip.MustParseAddr("127.0.0.1")})
}

// ixfr fetches what came after a serial.
func ixfr(ctx context.Context, n *node.Node, zone wire.Name, serial uint32) (*xfr.Result, error) {
	return xfr.Fetch(ctx, xfr.Source{Server: n.DNS, Zone: zone, Local: netip.MustParseAddr("127.0.0.1"), Serial: &serial})
}

// eventually waits until done says yes: what is waited for announces itself to nobody.
func eventually(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	testkit.Until(tb, func() string {
		if done() {
			return ""
		}
		return what
	})
}

// alike waits until all nodes and secondaries hold the same zone, octet for octet, and gives its serial. A zone that moves on
// meanwhile, as one does whose signatures are renewed, is compared anew: it counts when all hold one version of it.
func (c *cluster) alike(tb testing.TB, zone wire.Name, followers ...*peers.Secondary) uint32 {
	tb.Helper()
	var ours *xfr.Result
	testkit.Until(tb, func() (missing string) {
		if ours, missing = c.agreed(tb, zone); missing != "" {
			return missing
		}
		ctx, cancel := context.WithTimeout(tb.Context(), testkit.Patience)
		defer cancel()
		for _, s := range followers {
			if err := s.WaitSerial(ctx, zone, ours.Serial); err != nil {
				tb.Fatal(err)
			}
			got, err := s.TransferAt(ctx, zone, ours.Serial)
			if err != nil {
				tb.Fatal(err)
			}
			if got.Serial != ours.Serial {
				return fmt.Sprintf("%s is at serial %d of %s, the nodes were at %d", s.Program(), got.Serial, zone, ours.Serial)
			}
			if diff, err := peers.Diff(ours.Records, got.Records); err != nil || diff != "" {
				tb.Fatalf("%s of %s differs at serial %d: %v\n%s", zone, s.Program(), got.Serial, err, diff)
			}
		}
		return ""
	})
	return ours.Serial
}

// agreed is a zone as all nodes hand it out, or what they do not agree in. Under one serial there is one zone.
func (c *cluster) agreed(tb testing.TB, zone wire.Name) (first *xfr.Result, differ string) {
	tb.Helper()
	for i, n := range c.nodes {
		r, err := axfr(tb.Context(), n, zone)
		switch {
		case err != nil:
			return nil, fmt.Sprintf("node %d: %v", i, err)
		case first == nil:
			first = r
		case r.Serial != first.Serial:
			return nil, fmt.Sprintf("node %d has serial %d of %s, node 0 has %d", i, r.Serial, zone, first.Serial)
		case !bytes.Equal(r.Records, first.Records):
			tb.Fatalf("%s at serial %d is another zone on node %d", zone, r.Serial, i)
		}
	}
	return first, ""
}

// follower starts a secondary of a node.
func follower(tb testing.TB, program peers.Program, of *node.Node, at netip.AddrPort, zones ...wire.Name) *peers.Secondary {
	tb.Helper()
	return peers.Run(tb, peers.Config{Program: program, Listen: at, Primary: of.DNS, Zones: zones})
}

func free(tb testing.TB, program peers.Program) netip.AddrPort {
	tb.Helper()
	at, err := peers.Free(program)
	if err != nil {
		tb.Fatal(err)
	}
	return at
}

// asReader makes a database user who may SELECT and nothing else, and gives the address for it.
func (c *cluster) asReader(tb testing.TB) string {
	tb.Helper()
	_, database, _ := strings.Cut(c.url[strings.LastIndex(c.url, "@"):], "/")
	database, _, _ = strings.Cut(database, "?")
	role := "reader_of_" + database // roles are the server's, which runs for all tests
	c.exec(tb, "CREATE ROLE "+role+" LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+role)
	return strings.Replace(c.url, "headwater@", role+"@", 1)
}
