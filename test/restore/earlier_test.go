package restore

import (
	"compress/gzip"
	"database/sql"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/test/node"
)

// earlierKey is the secret key of the stores in testdata, earlierSecret that of the TSIG in them.
const (
	earlierKey    = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
	earlierSecret = "c2VjcmV0IG9mIGFuIGVhcmxpZXIgcHJvZ3JhbSBoZXJl"
)

// TestBackupsOfEarlierPrograms restores what an earlier program has backed up, with a table in it that is no more (schema 91), on either
// engine: then it is as with databases.
func TestBackupsOfEarlierPrograms(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			signed := earlier(t, engine, func(_, _ string, data []string) {
				text := unzipped(t, filepath.Join("testdata", "v91.hwb.gz"))
				if out, failed := verb(t, text, append([]string{"restore", "-"}, data...)...); failed {
					t.Fatal(out)
				}
			})
			if !signed {
				t.Error("the signed zone has no key")
			}
		})
	}
}

// TestStoresOfEarlierPrograms starts on databases that earlier programs have left, dumped by the tools of either database: one of the
// first schema that had zones (3) and one of the last before marks (88), whose second zone is signed. All is there, served and
// transferred under the old key, it takes changes, and check finds nothing.
func TestStoresOfEarlierPrograms(t *testing.T) {
	for _, schema := range []string{"v3", "v88"} {
		for _, engine := range []string{"sqlite", "postgres"} {
			t.Run(schema+"/"+engine, func(t *testing.T) {
				t.Parallel()
				signed := earlier(t, engine, func(driver, dsn string, _ []string) {
					load(t, driver, dsn, filepath.Join("testdata", schema+"."+engine+".sql.gz"))
				})
				if schema != "v3" && !signed {
					t.Error("the signed zone has no key")
				}
			})
		}
	}
}

// earlier fills a store, starts on it, and says whether the zone that was signed is.
func earlier(t *testing.T, engine string, fill func(driver, dsn string, data []string)) (signed bool) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "secret.key"), []byte(earlierKey+"\n"), 0o600))
	driver, dsn := "sqlite", filepath.Join(dir, "headwater.db")
	data := []string{"--data", dir}
	if engine == "postgres" {
		pg, err := pgtest.New()
		must(t, err)
		t.Cleanup(pg.Close)
		driver, dsn = "pgx", pg.Database(t)
		data = append(data, "--database", dsn)
	}
	fill(driver, dsn, data)
	n, err := node.Start(dir, data[2:]...)
	must(t, err)
	t.Cleanup(n.Kill)

	type record struct {
		Type, Name, Content, Comment string
		TTL                          int
		Tags                         []string
	}
	var zones []struct{ ID, Name string }
	n.Call(t, http.MethodGet, "/zones", nil, &zones)
	if len(zones) != 2 {
		t.Fatalf("zones: %+v", zones)
	}
	for _, z := range zones {
		var list []record
		n.Call(t, http.MethodGet, "/zones/"+z.ID+"/dns_records?per_page=100", nil, &list)
		at := slices.IndexFunc(list, func(r record) bool { return r.Type == "TXT" })
		if len(list) != 11 || at < 0 || list[at].Comment != "said before" || !slices.Equal(list[at].Tags, []string{"env:old"}) {
			t.Errorf("%s: %+v", z.Name, list)
		}
		if got := ask(t, n, "n3."+z.Name, dns.TypeA); len(got) != 1 || got[0].(*dns.A).A.String() != "198.51.100.3" {
			t.Errorf("%s: %v", z.Name, got)
		}
		before := ask(t, n, z.Name, dns.TypeSOA)[0].(*dns.SOA).Serial
		n.Call(t, http.MethodPost, "/zones/"+z.ID+"/dns_records", map[string]any{"type": "A", "name": "later", "content": "192.0.2.7"}, nil)
		if after := ask(t, n, z.Name, dns.TypeSOA)[0].(*dns.SOA).Serial; int32(after-before) <= 0 {
			t.Errorf("%s: serial %d after %d", z.Name, after, before)
		}
	}
	signed = len(ask(t, n, "other.example", dns.TypeDNSKEY)) > 0
	transferred(t, n)
	must(t, n.Stop())
	if lines, status := check(t, append(data, "--edge-addresses", "none")...); status != 0 {
		t.Errorf("check: %d, %+v", status, lines)
	}
	run(t, append(append([]string{"backup"}, data...), filepath.Join(t.TempDir(), "after.hwb"))...)
	return signed
}

// load has a database take a dump.
func load(t *testing.T, driver, dsn, file string) {
	t.Helper()
	text := unzipped(t, file)
	db, err := sql.Open(driver, dsn)
	must(t, err)
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(t.Context(), string(text))
	must(t, err)
	must(t, db.Close())
	if driver == "sqlite" {
		must(t, os.Chmod(dsn, 0o600))
	}
}

func unzipped(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	text, err := io.ReadAll(z)
	must(t, err)
	return text
}

func ask(t *testing.T, n *node.Node, name string, typ uint16) []dns.RR {
	t.Helper()
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), typ)
	out, _, err := (&dns.Client{Net: "tcp", Timeout: 30 * time.Second}).ExchangeContext(t.Context(), m, n.DNS.String())
	must(t, err)
	if len(out.Answer) == 0 && typ == dns.TypeSOA {
		t.Fatalf("no SOA of %s: %s", name, out)
	}
	return out.Answer
}

// transferred takes the zone by AXFR under the key that the earlier program kept.
func transferred(t *testing.T, n *node.Node) {
	t.Helper()
	m := new(dns.Msg).SetAxfr("kept.example.")
	m.SetTsig("old-key.example.", dns.HmacSHA256, 300, time.Now().Unix())
	c, err := net.DialTimeout("tcp", n.DNS.String(), 30*time.Second)
	must(t, err)
	defer c.Close()
	tr := &dns.Transfer{Conn: &dns.Conn{Conn: c}, TsigSecret: map[string]string{"old-key.example.": earlierSecret}}
	in, err := tr.In(m, n.DNS.String())
	must(t, err)
	records := 0
	for e := range in {
		must(t, e.Error)
		records += len(e.RR)
	}
	if records < 14 { // two SOA, NS, and what there was
		t.Errorf("%d records were transferred", records)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
