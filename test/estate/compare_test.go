package estate_test

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// TestWholeContents: the file of an NSD is edited by hand under our serial, one record of some hundreds each time, so that samples would hardly
// find it. The whole transfer does, and names it; a copy that is right is told to be.
func TestWholeContents(t *testing.T) {
	t.Parallel()
	const apex, records = "whole.example", 300
	n := node.Must(t, "--probe-interval", "300ms", "--notify-interval", "100ms", "--compare-interval", "1s")
	listen, err := peers.Free(peers.NSD)
	if err != nil {
		t.Fatal(err)
	}
	var peer object // without a key, for NSD lets unsigned requests have the zone here
	n.Call(t, "POST", "/accounts/"+n.Account+"/secondary_dns/peers", map[string]any{"name": "nsd", "ip": listen.Addr().String(), "port": listen.Port()}, &peer)
	zone := newZone(t, n, apex, peer.ID)
	n.Call(t, "POST", "/accounts/"+n.Account+"/secondary_dns/acls", map[string]any{"name": "dig", "ip_range": "127.0.0.1/32"}, nil)
	posts := make([]map[string]any, records)
	for i := range posts {
		posts[i] = map[string]any{"type": "A", "name": fmt.Sprint("h", i), "content": fmt.Sprintf("192.0.2.%d", i%250), "ttl": 300}
	}
	n.Call(t, "POST", "/zones/"+zone+"/dns_records/batch", map[string]any{"posts": posts}, nil)
	sec := peers.Run(t, peers.Config{
		Program: peers.NSD, Listen: listen, Primary: n.DNS, Notifier: netip.MustParseAddr("127.0.0.1"), Zones: []wire.Name{wire.MustName(apex)},
		Refresh: time.Hour, // it leaves the file alone
	})
	type compared struct {
		On         time.Time
		Whole      bool
		Questions  int
		Difference string
		Serial     uint32
	}
	// await waits for a comparison that began after a moment and says what is wanted.
	await := func(since time.Time, want string) {
		t.Helper()
		var last string
		for deadline := time.Now().Add(2 * time.Minute); ; <-time.After(100 * time.Millisecond) {
			var standing struct {
				Peers []struct {
					State    string
					Compared *compared
				}
			}
			n.Call(t, "GET", "/headwater/v1/zones/"+zone+"/secondaries", nil, &standing)
			p := standing.Peers[0]
			if c := p.Compared; c != nil && c.On.After(since) && c.Whole {
				if last = c.Difference; (last == want || want != "" && strings.Contains(last, want)) && (p.State == "differs") == (want != "") {
					if c.Questions < records {
						t.Errorf("%s after %d records", p.State, c.Questions)
					}
					return
				}
			}
			if time.Now().After(deadline) {
				t.Fatalf("%+v %+v, not %q", p, p.Compared, want)
			}
		}
	}
	await(time.Time{}, "")
	text, err := exec.CommandContext(t.Context(), "dig", "+onesoa", "+nocomments", "+nocmd", "+nostats", "@"+n.DNS.Addr().String(), "-p", fmt.Sprint(n.DNS.Port()), apex, "AXFR").Output()
	if err != nil || strings.Count(string(text), "\n") < records {
		t.Fatalf("%v: %s", err, text)
	}
	whole := string(text)
	altered := func(from, to string) string {
		t.Helper()
		lines := strings.Split(whole, "\n")
		for i, l := range lines {
			if strings.HasPrefix(l, from) {
				lines[i] = to
				return strings.Join(lines, "\n")
			}
		}
		t.Fatalf("no line begins with %q", from)
		return ""
	}
	for _, tt := range []struct{ file, want string }{
		{altered("h150."+apex+".", "h150."+apex+". 300 IN A 198.51.100.1"), "it has h150.whole.example. 300 A 198.51.100.1"},
		{whole, ""},
		{altered("h7."+apex+".", ""), "it has no h7.whole.example. A 192.0.2.7"},
		{altered("h299."+apex+".", "h299."+apex+". 301 IN A 192.0.2.49"), "it has h299.whole.example. 301 A"},
		{whole + "more." + apex + ". 60 IN TXT \"more\"\n", "it has more.whole.example. 60 TXT"},
		{whole, ""},
	} {
		if err := sec.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := sec.PutZoneFile(0, tt.file); err != nil {
			t.Fatal(err)
		}
		since := time.Now()
		if err := sec.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		await(since, tt.want)
	}
}
