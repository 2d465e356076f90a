package estate_test

import (
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

type liveness struct {
	Live    bool
	Serial  uint32
	Waited  float64
	Missing []string
}

// TestLive: a change is said to be live when all secondaries answer with it and not before; one that is stopped is named, to those who
// wait by the API and in a terminal; all who wait are answered when it is back. Nobody is asked at any time but while somebody waits.
func TestLive(t *testing.T) {
	t.Parallel()
	n := node.Must(t, "--probe-interval", "0s", "--notify-interval", "100ms")
	id, key := newKey(t, n, "live.example.")
	programs := peers.Programs()
	listen := make([]netip.AddrPort, len(programs))
	var linked []string
	for i, prog := range programs {
		var err error
		if listen[i], err = peers.Free(prog); err != nil {
			t.Fatal(err)
		}
		linked = append(linked, newPeer(t, n, string(prog), listen[i], id))
	}
	zone := newZone(t, n, "live.example", linked...)
	secs := make([]*peers.Secondary, len(programs))
	for i, prog := range programs {
		secs[i] = peers.Run(t, peers.Config{
			Program: prog, Listen: listen[i], Primary: n.DNS, Notifier: netip.MustParseAddr("127.0.0.1"), Zones: []wire.Name{wire.MustName("live.example")},
			Key: key, Refresh: 2 * time.Second, NoIXFR: !prog.AnswersAfterIXFR(),
		})
	}
	live := func(query string) (is liveness) {
		n.Call(t, "GET", "/headwater/v1/zones/"+zone+"/live?"+query, nil, &is)
		return is
	}
	if is := live("wait=1m"); !is.Live || len(is.Missing) > 0 {
		t.Fatalf("at first: %+v\n%s", is, n.Log())
	}
	change := func(i int) string {
		text := fmt.Sprint("change", i)
		n.Call(t, "POST", "/zones/"+zone+"/dns_records", map[string]any{"type": "TXT", "name": text, "content": `"` + text + `"`}, nil)
		return text + ".live.example"
	}
	serves := func(i int, name string) bool {
		at := listen[i]
		for patient := time.Now().Add(testkit.Patience); ; {
			out, err := exec.CommandContext(t.Context(), "dig", "+short", "+time=20", "@"+at.Addr().String(), "-p", fmt.Sprint(at.Port()), name, "TXT").Output()
			if err == nil && strings.Contains(string(out), "change") || programs[i] != peers.NSD {
				return err == nil && strings.Contains(string(out), "change")
			}
			// While NSD changes over, its old process may take a question after the new one has answered another.
			if time.Sleep(20 * time.Millisecond); time.Now().After(patient) {
				return false
			}
		}
	}
	for i := range 5 {
		name := change(i)
		is := live("wait=1m")
		if !is.Live {
			t.Fatalf("%+v\n%s", is, n.Log())
		}
		t.Logf("live after %.3f s", is.Waited)
		for i := range programs {
			if !serves(i, name) {
				t.Errorf("%s does not serve %s, which is live", programs[i], name)
			}
		}
	}

	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	terminal := func(timeout string) (string, int) {
		cmd := exec.CommandContext(t.Context(), bin, "zone", "wait", "live.example", "--server", n.HTTP, "--token", node.Token, "--timeout", timeout)
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	if err := secs[0].Stop(); err != nil {
		t.Fatal(err)
	}
	name := change(9)
	want := []string{string(programs[0])}
	if is := live(fmt.Sprint("wait=1m&quorum=", len(programs)-1)); !is.Live {
		t.Errorf("all but one: %+v", is)
	}
	if is := live("wait=3s"); is.Live || !slices.Equal(is.Missing, want) || is.Waited < 3 {
		t.Errorf("without %s: %+v", programs[0], is)
	}
	if out, code := terminal("1s"); code != 1 || !strings.Contains(out, "missing  "+want[0]) || strings.Contains(out, "missing  "+string(programs[1])) {
		t.Errorf("status %d: %s", code, out)
	}
	if err := secs[0].Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if is := live("wait=1m"); !is.Live || !serves(0, name) {
		t.Fatalf("%s is back: %+v", programs[0], is)
	}
	more := 10
	for _, sec := range secs {
		returns(t, n, zone, sec, func() uint32 {
			change(more)
			more++
			return live("wait=0s").Serial
		})
	}
	if out, code := terminal("1m"); code != 0 || !strings.Contains(out, fmt.Sprintf("is live on %d of %d", len(programs), len(programs))) {
		t.Errorf("status %d: %s", code, out)
	}
}
