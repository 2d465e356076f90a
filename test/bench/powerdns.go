//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const pdnsKey = "benchkey"

// powerdns answers from SQLite through its caches, which it is given room and time to fill, and writes durably.
func powerdns(b *bench) (*contestant, error) {
	c, err := b.newContestant(namePDNS, database)
	if err != nil {
		return nil, err
	}
	out, err := exec.Command("pdns_server", "--version").CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("%w; make deps installs it", err)
	}
	c.version = pdnsVersion(out)
	dir := filepath.Join(b.dir, "pdns")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	web := freePort()
	c.settings = fmt.Sprintf(`launch=gsqlite3
gsqlite3-database=%s/db
gsqlite3-pragma-synchronous=2
gsqlite3-pragma-journal-mode=WAL
local-address=%s
local-port=%d
socket-dir=%[1]s
guardian=no
daemon=no
disable-syslog=yes
loglevel=3
security-poll-suffix=
receiver-threads=1
signing-threads=1
distributor-threads=1
reuseport=yes
cache-ttl=86400
query-cache-ttl=86400
negquery-cache-ttl=86400
zone-metadata-cache-ttl=86400
max-cache-entries=4000000
max-packet-cache-entries=4000000
max-tcp-connections=200
default-api-rectify=no
api=yes
api-key=%[4]s
webserver=yes
webserver-address=%[2]s
webserver-port=%[5]d
webserver-loglevel=none
`, dir, c.addr.Addr(), c.addr.Port(), pdnsKey, web.Port())
	if err := os.WriteFile(filepath.Join(dir, "pdns.conf"), []byte(c.settings), 0o644); err != nil {
		return nil, err
	}
	c.argv = []string{"pdns_server", "--config-dir=" + dir}
	c.right = b.rightLarge(c)
	c.setup = func(ctx context.Context) error {
		_, err := loadPowerDNS(ctx, dir, filepath.Join(b.dir, "zone"))
		return err
	}
	c.warm = func(ctx context.Context) error { return b.fillCaches(ctx, c) }
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	c.pdns = &pdnsAdder{"http://" + web.String(), client}
	c.adder = func() (adder, error) { return c.pdns, nil }
	return c, nil
}

// fillCaches asks for everything that will be asked for: answers over UDP and TCP are cached apart.
func (b *bench) fillCaches(ctx context.Context, c *contestant) error {
	if !b.wants(rowWide, rowHot, rowRateP99, rowRateCPU, rowTCP) {
		return nil
	}
	for _, flags := range [][]string{nil, overTCP} {
		if _, err := b.ask(ctx, c, "wide", max(5*b.duration/2, 3*time.Second), flags...); err != nil {
			return err
		}
	}
	return nil
}

func pdnsVersion(out []byte) string {
	for line := range bytes.Lines(out) {
		if _, rest, ok := bytes.Cut(line, []byte("PowerDNS ")); ok {
			return "PowerDNS " + string(bytes.TrimSpace(rest))
		}
	}
	return "PowerDNS"
}

// loadPowerDNS makes the database and loads a zone file with PowerDNS's own tool, which it gives when it is done; durability
// can wait until it serves.
func loadPowerDNS(ctx context.Context, dir, zone string) (*os.ProcessState, error) {
	tables, err := os.Open("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
	if err != nil {
		return nil, fmt.Errorf("%w; make deps installs it", err)
	}
	defer tables.Close()
	create := exec.CommandContext(ctx, "sqlite3", filepath.Join(dir, "db"))
	create.Stdin = tables
	load := exec.CommandContext(ctx, "pdnsutil", "--config-dir="+dir, "load-zone", zoneName, zone)
	for _, cmd := range []*exec.Cmd{create, load} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", cmd.Path, err, out)
		}
	}
	return load.ProcessState, nil
}

// pdnsAdder adds through PowerDNS's HTTP API: each request is a transaction of SQLite.
type pdnsAdder struct {
	base   string
	client *http.Client
}

type pdnsSet struct {
	Name       string       `json:"name"`
	Type       string       `json:"type"`
	TTL        int          `json:"ttl"`
	ChangeType string       `json:"changetype"`
	Records    []pdnsRecord `json:"records"`
}

type pdnsRecord struct {
	Content string `json:"content"`
}

func (a *pdnsAdder) add(ctx context.Context, first, n int) error {
	sets := make([]pdnsSet, n)
	for i := range sets {
		sets[i] = pdnsSet{Name: added(first+i) + ".", Type: "A", TTL: 300, ChangeType: "REPLACE", Records: []pdnsRecord{{addedAddress}}}
	}
	raw, err := json.Marshal(map[string]any{"rrsets": sets})
	if err != nil {
		return err
	}
	// Where others write to the database at the moment, the answer is 500, and it is for the client to try again.
	for err = errBusy; errors.Is(err, errBusy); {
		err = a.patch(ctx, raw)
	}
	return err
}

var errBusy = errors.New("the database is busy")

func (a *pdnsAdder) patch(ctx context.Context, raw []byte) error {
	return a.call(ctx, http.MethodPatch, "/zones/"+zoneName+".", raw, http.StatusNoContent)
}

// call asks the API for something at its one server.
func (a *pdnsAdder) call(ctx context.Context, method, path string, body []byte, want int) error {
	req, err := http.NewRequestWithContext(ctx, method, a.base+"/api/v1/servers/localhost"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-API-Key", pdnsKey)
	req.Header.Set("Content-Type", "application/json")
	res, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode == http.StatusInternalServerError {
		return errBusy
	}
	if res.StatusCode != want {
		return fmt.Errorf("%w: %s: %.300s", errRefused, res.Status, text)
	}
	return nil
}

func (a *pdnsAdder) close() {}
