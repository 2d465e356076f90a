package restore

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// primary is a server, and two zones of it that a secondary follows.
type primary struct {
	*node.Node
	dir   string
	zones map[string]string // ids by name
}

func (p *primary) id(t *testing.T, path string, body any) string {
	t.Helper()
	var v struct{ ID string }
	p.Call(t, http.MethodPost, path, body, &v)
	return v.ID
}

// change adds a record and gives the serial that has it.
func (p *primary) change(t *testing.T, zone string) uint32 {
	t.Helper()
	p.Call(t, http.MethodPost, "/zones/"+p.zones[zone]+"/dns_records", map[string]any{
		"type": "TXT", "name": "r", "content": fmt.Sprintf(`"%d"`, time.Now().UnixNano()),
	}, nil)
	return p.serial(t, zone)
}

func (p *primary) serial(t *testing.T, zone string) uint32 {
	t.Helper()
	serial, err := peers.Serial(t.Context(), p.DNS, wire.MustName(zone))
	if err != nil {
		t.Fatal(err)
	}
	return serial
}

type peerState struct {
	State   string
	Serial  uint32
	RaiseTo *uint32 `json:"raise_to"`
}

// await waits until the zone's one peer stands in a state.
func (p *primary) await(t *testing.T, zone, state string) peerState {
	t.Helper()
	var known struct{ Peers []peerState }
	testkit.Until(t, func() string {
		known.Peers = nil
		p.Call(t, http.MethodGet, "/headwater/v1/zones/"+p.zones[zone]+"/secondaries", nil, &known)
		if len(known.Peers) == 1 && known.Peers[0].State == state {
			return ""
		}
		return fmt.Sprintf("%s is never %s: %+v\n%s", zone, state, known, p.Log())
	})
	return known.Peers[0]
}

func run(t *testing.T, args ...string) {
	t.Helper()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(bin, args...).CombinedOutput(); err != nil {
		t.Fatalf("headwater %v: %v\n%s", args, err, out)
	}
}

// restored starts a server on what a backup holds, where the lost one was.
func (p *primary) restored(t *testing.T, backup string) *primary {
	t.Helper()
	dir := t.TempDir()
	key, err := os.ReadFile(filepath.Join(p.dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secret.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "restore", "--data", dir, backup)
	n, err := node.Start(dir, "--dns-listen", p.DNS.String(), "--probe-interval", "300ms")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	return &primary{Node: n, dir: dir, zones: p.zones}
}

// Serials had outrun the clock, changes after the backup were published, and a secondary holds them. After the restore it is shown
// as ahead; a change, or the remedy, takes it along; and no serial comes twice, however often the backup is restored.
func TestSerialsAfterARestore(t *testing.T) {
	listen, err := peers.Free(peers.NSD)
	if err != nil {
		t.Fatal(err)
	}
	p := &primary{dir: t.TempDir(), zones: map[string]string{}}
	if p.Node, err = node.Start(p.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	names := []string{"changed.example", "raised.example"}
	peer := p.id(t, "/accounts/"+p.Account+"/secondary_dns/peers", map[string]any{"name": "nsd", "ip": listen.Addr().String(), "port": listen.Port()})
	var apexes []wire.Name
	for _, name := range names {
		p.zones[name] = p.id(t, "/zones", map[string]any{"name": name})
		apexes = append(apexes, wire.MustName(name))
		out := "/zones/" + p.zones[name] + "/secondary_dns/outgoing"
		p.Call(t, http.MethodPost, out, map[string]any{"name": name, "peers": []string{peer}}, nil)
		p.Call(t, http.MethodPost, out+"/enable", nil, nil)
		p.Call(t, http.MethodPost, "/headwater/v1/zones/"+p.zones[name]+"/serial", map[string]any{"at_least": time.Now().Unix() + 100_000}, nil)
	}
	nsd := peers.Run(t, peers.Config{Program: peers.NSD, Listen: listen, Primary: p.DNS, Zones: apexes, Refresh: time.Hour})
	backup := filepath.Join(t.TempDir(), "saved.hwb")
	run(t, "backup", "--data", p.dir, backup)
	published := map[string]uint32{}
	for _, name := range names {
		for range 20 {
			published[name] = p.change(t, name)
		}
		waitSerial(t, nsd, name, published[name])
	}
	old := p.DNS
	p.Kill()

	for range 2 { // the same backup twice
		p.DNS = old
		p = p.restored(t, backup)
		for _, name := range names {
			if got := p.await(t, name, "ahead"); got.Serial != published[name] || got.RaiseTo == nil || *got.RaiseTo != published[name]+1 {
				t.Errorf("%s: %+v, published %d", name, got, published[name])
			}
		}
		before := published["changed.example"]
		if published["changed.example"] = p.change(t, "changed.example"); !wire.SerialNewer(published["changed.example"], before) {
			t.Fatalf("serial %d after %d was published", published["changed.example"], before)
		}
		var raised struct{ Serial uint32 }
		p.Call(t, http.MethodPost, "/headwater/v1/zones/"+p.zones["raised.example"]+"/serial",
			map[string]any{"at_least": published["raised.example"] + 1}, &raised)
		if !wire.SerialNewer(raised.Serial, published["raised.example"]) {
			t.Fatalf("raised to %d, published %d", raised.Serial, published["raised.example"])
		}
		published["raised.example"] = raised.Serial
		for _, name := range names {
			p.await(t, name, "in_step")
			for range 10 {
				published[name] = p.change(t, name)
			}
			waitSerial(t, nsd, name, published[name])
		}
		p.Kill()
	}
}

func waitSerial(t *testing.T, s *peers.Secondary, zone string, serial uint32) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := s.WaitSerial(ctx, wire.MustName(zone), serial); err != nil {
		t.Fatal(err)
	}
}
