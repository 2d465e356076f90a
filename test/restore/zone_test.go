package restore

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/test/node"
)

// verb runs the program, and gives what it says.
func verb(t *testing.T, stdin []byte, args ...string) (out string, failed bool) {
	t.Helper()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, args...)
	cmd.Stdin = strings.NewReader(string(stdin))
	b, err := cmd.CombinedOutput()
	return string(b), err != nil
}

// record is what a record of a zone is, without what the server adds.
func (p *primary) records(t *testing.T, zone string) (texts []string, ids map[string]string) {
	t.Helper()
	var list []struct{ ID, Name, Type, Content, Comment string }
	p.Call(t, http.MethodGet, "/zones/"+zone+"/dns_records?per_page=1000&order=name", nil, &list)
	ids = map[string]string{}
	for _, r := range list {
		text := strings.Join([]string{r.Name, r.Type, r.Content, r.Comment}, " ")
		texts = append(texts, text)
		ids[text] = r.ID
	}
	return texts, ids
}

// A zone alone comes out of a backup into the server that runs: one that is gone is made again, with what it needs to be transferred;
// one that is there is left as it is, or made what it was, by one change that leaves alone what is the same.
func TestZoneOutOfABackup(t *testing.T) {
	p := &primary{dir: t.TempDir(), zones: map[string]string{}}
	var err error
	if p.Node, err = node.Start(p.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	peer := p.id(t, "/accounts/"+p.Account+"/secondary_dns/peers", map[string]any{"name": "s", "ip": "192.0.2.53", "port": 53})
	for _, name := range []string{"gone.example", "there.example"} {
		zone := p.id(t, "/zones", map[string]any{"name": name})
		p.zones[name] = zone
		for _, r := range []map[string]any{
			{"type": "A", "name": "a", "content": "192.0.2.1", "comment": "of a"},
			{"type": "TXT", "name": "t", "content": `"x" "y"`, "ttl": 120},
			{"type": "SRV", "name": "_s._tcp", "data": map[string]any{"priority": 1, "weight": 2, "port": 3, "target": "a." + name}},
			{"type": "MX", "name": "@", "content": "a." + name, "priority": 10},
			{"type": "CNAME", "name": "p", "content": "a." + name, "comment": "of p"},
		} {
			p.id(t, "/zones/"+zone+"/dns_records", r)
		}
	}
	p.Call(t, http.MethodPost, "/zones/"+p.zones["gone.example"]+"/secondary_dns/outgoing", map[string]any{"name": "gone.example", "peers": []string{peer}}, nil)
	gone, _ := p.records(t, p.zones["gone.example"])
	there, ids := p.records(t, p.zones["there.example"])
	saved := filepath.Join(t.TempDir(), "saved.hwb")
	run(t, "backup", "--data", p.dir, saved)
	key := filepath.Join(p.dir, "secret.key")

	p.Call(t, http.MethodDelete, "/zones/"+p.zones["gone.example"], nil, nil)
	a := p.zones["there.example"]
	p.Call(t, http.MethodDelete, "/zones/"+a+"/dns_records/"+ids["t.there.example TXT \"x\" \"y\" "], nil, nil)
	p.id(t, "/zones/"+a+"/dns_records", map[string]any{"type": "A", "name": "new", "content": "192.0.2.9"})
	changed, _ := p.records(t, a)

	restore := func(more ...string) (string, bool) {
		return verb(t, nil, append(append([]string{"restore", "--secret-key-file", key, "--server", p.HTTP, "--token", node.Token}, more...), saved)...)
	}
	before := p.serial(t, "there.example")
	for what, more := range map[string][]string{
		"a zone that is there":          {"--zone", "there.example"},
		"a zone that is nowhere":        {"--zone", "nowhere.example"},
		"nothing but a wish to replace": {"--replace"},
		"a dry run":                     {"--zone", "there.example", "--replace", "--dry-run"},
	} {
		out, failed := restore(more...)
		if failed == (what == "a dry run") {
			t.Errorf("%s: %s", what, out)
		}
		if now, _ := p.records(t, a); strings.Join(now, "\n") != strings.Join(changed, "\n") || p.serial(t, "there.example") != before {
			t.Errorf("%s changed the zone: %q", what, now)
		}
	}
	if out, failed := restore("--zone", "gone.example", "--zone", "there.example", "--replace"); failed {
		t.Fatal(out)
	}
	if now, again := p.records(t, a); strings.Join(now, "\n") != strings.Join(there, "\n") || p.serial(t, "there.example") != before+1 {
		t.Errorf("replaced: %q, serial %d, before %d", now, p.serial(t, "there.example"), before)
	} else if again["a.there.example A 192.0.2.1 of a"] != ids["a.there.example A 192.0.2.1 of a"] {
		t.Error("a record that was the same is another one now")
	}
	var zones []struct{ ID string }
	p.Call(t, http.MethodGet, "/zones?name=gone.example", nil, &zones)
	if len(zones) != 1 {
		t.Fatalf("%d zones", len(zones))
	}
	if now, _ := p.records(t, zones[0].ID); strings.Join(now, "\n") != strings.Join(gone, "\n") {
		t.Errorf("made again: %q, was %q", now, gone)
	}
	var out struct{ Peers []string }
	p.Call(t, http.MethodGet, "/zones/"+zones[0].ID+"/secondary_dns/outgoing", nil, &out)
	if len(out.Peers) != 1 || out.Peers[0] != peer {
		t.Errorf("linked: %+v", out)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "headwater-restore-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// Backups are verified and listed without a database, and go through pipes.
func TestBackupsAreVerified(t *testing.T) {
	dir := t.TempDir()
	n, err := node.Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	p := &primary{Node: n, dir: dir}
	zone := p.id(t, "/zones", map[string]any{"name": "kept.example"})
	p.id(t, "/zones/"+zone+"/dns_records", map[string]any{"type": "A", "name": "a", "content": "192.0.2.1"})
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	saved, err := exec.Command(bin, "backup", "--data", dir, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	own, foreign := filepath.Join(dir, "secret.key"), filepath.Join(t.TempDir(), "secret.key")
	if err := os.WriteFile(foreign, []byte(strings.Repeat("A", 43)+"=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), saved...)
	flipped[len(flipped)/2] ^= 1
	for what, c := range map[string]struct {
		in   []byte
		args []string
		says string
		ok   bool
	}{
		"whole":              {saved, nil, "is whole: 1 zones, 1 records", true},
		"with its key":       {saved, []string{"--secret-key-file", own}, "the secret key opens it", true},
		"with another key":   {saved, []string{"--secret-key-file", foreign}, "the secret key is not the one", false},
		"cut short":          {saved[:len(saved)-40], nil, "ends early", false},
		"an octet changed":   {flipped, nil, "not a whole backup", false},
		"with something on":  {append(append([]byte(nil), saved...), 'x'), nil, "something follows its end", false},
		"nothing":            {nil, nil, "not a whole backup", false},
		"a zone file":        {[]byte("$ORIGIN example.\n"), nil, "not a whole backup", false},
		"listed":             {saved, []string{"list"}, "kept.example", true},
		"listed, cut short":  {saved[:len(saved)/2], []string{"list"}, "ends early", false},
		"listed, of nothing": {nil, []string{"list"}, "not a whole backup", false},
	} {
		args := append([]string{"backup", "verify"}, c.args...)
		if len(c.args) > 0 && c.args[0] == "list" {
			args = []string{"backup", "list"}
		}
		if out, failed := verb(t, c.in, append(args, "-")...); failed == c.ok || !strings.Contains(out, c.says) {
			t.Errorf("%s: %s", what, out)
		}
	}
	to := t.TempDir()
	raw, err := os.ReadFile(own)
	if err == nil {
		err = os.WriteFile(filepath.Join(to, "secret.key"), raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, failed := verb(t, saved, "restore", "--data", to, "-"); failed || !strings.Contains(out, "1 zones, 1 records") {
		t.Errorf("from a pipe: %s", out)
	}
}
