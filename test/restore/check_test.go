package restore

import (
	"bufio"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// damages are what becomes of a zone in the tables, and what a check calls it. %no is the zone's number, %id its id.
var damages = []struct{ zone, sql, kind string }{
	{"garbled.example", `UPDATE images SET body = %octets WHERE part / 65536 = %no`, "image"},
	{"short.example", `UPDATE images SET size = size + 1 WHERE part / 65536 = %no`, "image"},
	{"long.example", `UPDATE images SET size = size - 1 WHERE part / 65536 = %no`, "image"},
	{"imageless.example", `DELETE FROM images WHERE part / 65536 = %no`, "image"},
	{"unread.example", `UPDATE journal SET body = %octets WHERE seq = (SELECT max(seq) FROM journal WHERE zone = %id AND kind = 1)`, "journal"},
	{"gap.example", `DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal WHERE zone = %id AND kind = 1)`, "links"},
	{"rowless.example", `DELETE FROM records WHERE zone = %no AND name LIKE 'a.%'`, "contents"},
	{"other.example", `UPDATE records SET rdata = %address WHERE zone = %no AND name LIKE 'a.%'`, "contents"},
	{"counted.example", `UPDATE zones SET records = 77 WHERE no = %no`, "count"},
	{"behind.example", `UPDATE zones SET serial = serial - 1 WHERE no = %no`, "serial"},
	{"signed.example", `DELETE FROM images WHERE part / 65536 = %no`, "image"},
	{"well.example", ``, ""},
}

type checked struct {
	Zone     string
	Serial   uint32
	Faults   []struct{ Kind, Detail string }
	Repaired uint32 `json:"repaired_to"`
	Whole    *bool
	Damaged  int
	Indexes  bool `json:"indexes_checked"`
}

// check runs the verb, and gives what it says line by line, with its status.
func check(t *testing.T, args ...string) (lines []checked, status int) {
	t.Helper()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(bin, append([]string{"check", "--json"}, args...)...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status = exit.ExitCode()
		if len(exit.Stderr) > 0 {
			t.Logf("check: %s", exit.Stderr)
		}
	} else if err != nil {
		t.Fatal(err)
	}
	for sc := bufio.NewScanner(strings.NewReader(string(out))); sc.Scan(); {
		var c checked
		if err := json.Unmarshal(sc.Bytes(), &c); err != nil {
			t.Fatalf("%s: %v", sc.Text(), err)
		}
		lines = append(lines, c)
	}
	return lines, status
}

// TestCheckAndRepair damages rows, image and journal of zones, each in its own way: every one is named, and no other; a server goes on, or
// starts, with the others; made anew they are whole, and a secondary follows them to what their rows say.
func TestCheckAndRepair(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) { checkAndRepair(t, engine == "postgres") })
	}
}

func checkAndRepair(t *testing.T, shared bool) {
	listen, err := peers.Free(peers.NSD)
	if err != nil {
		t.Fatal(err)
	}
	p := &primary{dir: t.TempDir(), zones: map[string]string{}}
	driver, dsn, data := "sqlite", filepath.Join(p.dir, "headwater.db"), []string{"--data", p.dir}
	flags := []string{"--probe-interval", "300ms"}
	if shared {
		pg, err := pgtest.New()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pg.Close)
		driver, dsn = "pgx", pg.Database(t)
		flags, data = append(flags, "--database", dsn), append(data, "--database", dsn)
	}
	if p.Node, err = node.Start(p.dir, flags...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() })
	peer := p.id(t, "/accounts/"+p.Account+"/secondary_dns/peers", map[string]any{"name": "nsd", "ip": listen.Addr().String(), "port": listen.Port()})
	var apexes []wire.Name
	for _, d := range damages {
		p.zones[d.zone] = p.id(t, "/zones", map[string]any{"name": d.zone})
		apexes = append(apexes, wire.MustName(d.zone))
		out := "/zones/" + p.zones[d.zone] + "/secondary_dns/outgoing"
		p.Call(t, http.MethodPost, out, map[string]any{"name": d.zone, "peers": []string{peer}}, nil)
		p.Call(t, http.MethodPost, out+"/enable", nil, nil)
		for _, name := range []string{"a", "b", "c"} {
			p.Call(t, http.MethodPost, "/zones/"+p.zones[d.zone]+"/dns_records", map[string]any{"type": "A", "name": name, "content": "192.0.2.1"}, nil)
		}
	}
	p.Call(t, http.MethodPatch, "/zones/"+p.zones["signed.example"]+"/dnssec", map[string]any{"status": "active"}, nil)
	testkit.Until(t, func() string {
		if z := dig(t, p.DNS, "a.signed.example", "A", "+dnssec"); !strings.Contains(z, "RRSIG") {
			return "never signed: " + z
		}
		return ""
	})
	nsd := peers.Run(t, peers.Config{Program: peers.NSD, Listen: listen, Primary: p.DNS, Zones: apexes, Refresh: time.Hour})
	published := map[string]uint32{}
	for _, d := range damages {
		published[d.zone] = p.serial(t, d.zone)
		waitSerial(t, nsd, d.zone, published[d.zone])
	}
	if lines, status := check(t, data...); status != 0 || len(lines) != 1 || !*lines[0].Whole || lines[0].Indexes == shared {
		t.Fatalf("a whole store, beside the server: %d %+v", status, lines)
	}
	if !shared {
		p.Kill()
	}
	spoil(t, driver, dsn)
	lines, status := check(t, data...)
	if status != 3 {
		t.Errorf("status %d", status)
	}
	damaged := named(t, lines, true)
	if !shared { // it starts with all that can be used
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		p.serial(t, "well.example")
		if out, failed := verb(t, nil, append([]string{"check", "--repair"}, append(data, damaged...)...)...); !failed || !strings.Contains(out, "a server runs") {
			t.Errorf("repaired beside a server: %s", out)
		}
		p.Kill()
	}
	lines, status = check(t, append(append([]string{"--repair"}, data...), damaged...)...)
	if status != 0 {
		t.Errorf("repair: status %d, %+v", status, lines)
	}
	if !shared {
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range damages {
		var to uint32
		for _, l := range lines {
			if l.Zone == d.zone && l.Repaired != 0 {
				to = l.Repaired
			}
		}
		if d.kind == "" {
			continue
		}
		if !wire.SerialNewer(to, published[d.zone]) {
			t.Errorf("%s was at %d and is made anew under %d", d.zone, published[d.zone], to)
		}
		waitSerial(t, nsd, d.zone, to)
		for _, at := range []string{"a", "b"} {
			want := "192.0.2.1"
			switch {
			case at == "a" && d.zone == "rowless.example":
				want = ""
			case at == "a" && d.zone == "other.example":
				want = "198.51.100.7"
			}
			testkit.Until(t, func() string { // while NSD changes over, the process before it may still answer
				if got := dig(t, listen, at+"."+d.zone, "A", "+short"); got != want {
					return fmt.Sprintf("the secondary answers %q for %s.%s, want %q", got, at, d.zone, want)
				}
				return ""
			})
		}
		if d.zone == "signed.example" {
			testkit.Until(t, func() string {
				if z := dig(t, listen, "a."+d.zone, "A", "+dnssec"); !strings.Contains(z, "RRSIG") {
					return "no signatures any more: " + z
				}
				return ""
			})
		}
		waitSerial(t, nsd, d.zone, p.change(t, d.zone))
	}
	if lines, status := check(t, data...); status != 0 {
		t.Errorf("afterwards: %d %+v", status, lines)
	}
}

// dig asks a server.
func dig(t *testing.T, server netip.AddrPort, name, kind string, options ...string) string {
	t.Helper()
	args := append([]string{"@" + server.Addr().String(), "-p", strconv.Itoa(int(server.Port())), name, kind}, options...)
	out, err := exec.CommandContext(t.Context(), "dig", args...).Output()
	if err != nil {
		t.Fatalf("dig %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// spoil damages the zones in the tables.
func spoil(t *testing.T, driver, dsn string) {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	octets := func(b []byte) string {
		if driver == "pgx" {
			return `decode('` + hex.EncodeToString(b) + `', 'hex')`
		}
		return `x'` + hex.EncodeToString(b) + `'`
	}
	for _, d := range damages {
		if d.sql == "" {
			continue
		}
		var no string
		var id []byte
		if err := db.QueryRow(`SELECT no, id FROM zones WHERE name = '`+d.zone+`'`).Scan(&no, &id); err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer("%no", no, "%id", octets(id), "%octets", octets([]byte("no octets of ours")), "%address", octets([]byte{198, 51, 100, 7})).Replace(d.sql)
		if out, err := db.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		} else if n, _ := out.RowsAffected(); n == 0 {
			t.Fatalf("%s: touches nothing", text)
		}
	}
}

// named holds what a check names against what was damaged.
func named(t *testing.T, lines []checked, all bool) (zones []string) {
	t.Helper()
	for _, d := range damages {
		i := slices.IndexFunc(lines, func(c checked) bool { return c.Zone == d.zone })
		switch {
		case d.kind == "" && i >= 0:
			t.Errorf("%s is well, and is called %+v", d.zone, lines[i].Faults)
		case d.kind == "":
		case i < 0:
			t.Errorf("%s is not named", d.zone)
		case all && !slices.ContainsFunc(lines[i].Faults, func(f struct{ Kind, Detail string }) bool { return f.Kind == d.kind }):
			t.Errorf("%s is called %+v, want %s", d.zone, lines[i].Faults, d.kind)
		}
		if d.kind != "" {
			zones = append(zones, d.zone)
		}
	}
	return zones
}
