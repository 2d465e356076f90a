package estate_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
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
	serves := func(at netip.AddrPort, name string) bool {
		out, err := exec.CommandContext(t.Context(), "dig", "+short", "+time=5", "@"+at.Addr().String(), "-p", fmt.Sprint(at.Port()), name, "TXT").Output()
		return err == nil && strings.Contains(string(out), "change")
	}
	for i := range 5 {
		name := change(i)
		is := live("wait=1m")
		if !is.Live {
			t.Fatalf("%+v\n%s", is, n.Log())
		}
		t.Logf("live after %.3f s", is.Waited)
		for i, at := range listen {
			if !serves(at, name) {
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
	hook(t, n, zone, bin)
	for i, at := range listen {
		if !serves(at, "_acme-challenge.live.example") {
			t.Errorf("%s does not serve the challenge", programs[i])
		}
	}
	if err := secs[0].Stop(); err != nil {
		t.Fatal(err)
	}
	name := change(9)
	want := []string{string(programs[0])}
	if is := live("wait=3s"); is.Live || !slices.Equal(is.Missing, want) || is.Waited < 3 {
		t.Errorf("without %s: %+v", programs[0], is)
	}
	if is := live(fmt.Sprint("wait=1m&quorum=", len(programs)-1)); !is.Live {
		t.Errorf("all but one: %+v", is)
	}
	if out, code := terminal("1s"); code != 1 || !strings.Contains(out, "missing  "+want[0]) || strings.Contains(out, "missing  "+string(programs[1])) {
		t.Errorf("status %d: %s", code, out)
	}
	var waiting sync.WaitGroup
	for range 50 {
		waiting.Go(func() {
			var is liveness
			if n.Call(t, "GET", "/headwater/v1/zones/"+zone+"/live?wait=2m", nil, &is); !is.Live {
				t.Errorf("it is back: %+v", is)
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := secs[0].Restart(ctx); err != nil {
		t.Fatal(err)
	}
	waiting.Wait()
	if !serves(listen[0], name) {
		t.Errorf("%s does not serve %s, which is live", programs[0], name)
	}
	if out, code := terminal("1m"); code != 0 || !strings.Contains(out, fmt.Sprintf("is live on %d of %d", len(programs), len(programs))) {
		t.Errorf("status %d: %s", code, out)
	}
}

// hook runs the hook of docs/operations.md as certbot does.
func hook(t *testing.T, n *node.Node, zone, bin string) {
	t.Helper()
	root, err := node.Root()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join(root, "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, there := strings.Cut(string(doc), "```sh\n#!/bin/sh\n# auth-hook")
	script, _, ends := strings.Cut(text, "```")
	if !there || !ends {
		t.Fatal("docs/operations.md has no hook")
	}
	dir := t.TempDir()
	if err := os.Symlink(bin, filepath.Join(dir, "headwater")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "#"+script)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "ZONE=live.example", "ZONE_ID="+zone, "SERVER="+n.HTTP,
		"HEADWATER_TOKEN="+node.Token, "CERTBOT_DOMAIN=live.example", "CERTBOT_VALIDATION=change")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "is live on") {
		t.Errorf("the hook: %v: %s", err, out)
	}
}
