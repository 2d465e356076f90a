package estate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// manyMembers names the variable that says how many zones there are (make catalogs).
const manyMembers = "HEADWATER_CATALOG_ZONES"

// consumer is a secondary that knows nothing but its catalog.
type consumer struct {
	*peers.Secondary
	peer, path string
	catalog    wire.Name
}

type catalogState struct {
	Enabled bool
	Name    string
	Count   int `json:"member_count"`
	Members []struct {
		Zone  string `json:"zone_id"`
		Name  string
		Group string
	}
	Losing  int `json:"loss_count"`
	Held    bool
	Confirm string
}

// members asks for what the catalog lists.
func (c *consumer) members(t *testing.T, n *node.Node) (out catalogState) {
	t.Helper()
	n.Call(t, "GET", c.path, nil, &out)
	return out
}

// serves says whether the consumer answers for a zone with its contents. Several are asked at once.
func (c *consumer) serves(ctx context.Context, zone string) bool {
	_, err := c.Serial(ctx, wire.MustName(zone))
	return err == nil
}

// exactly waits until consumers serve these zones, and none of the others. By themselves (make catalogs) they have five seconds, beside other
// tests two minutes.
func exactly(t *testing.T, n *node.Node, of []*consumer, zones, others []string) {
	t.Helper()
	begin := time.Now()
	var wg sync.WaitGroup
	for _, c := range of {
		wg.Go(func() {
			limit := 2 * time.Minute
			if os.Getenv(manyMembers) != "" {
				limit = 5 * time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			for _, want := range []bool{true, false} {
				list := zones
				if !want {
					list = others
				}
				for _, z := range list {
					for c.serves(ctx, z) != want {
						if ctx.Err() != nil {
							t.Errorf("%s serves %s: %v", c.Program(), z, !want)
							return
						}
						time.Sleep(20 * time.Millisecond)
					}
				}
			}
			t.Logf("%s serves %d zones and %d no more after %v", c.Program(), len(zones), len(others), time.Since(begin).Round(time.Millisecond))
		})
	}
	wg.Wait()
	if t.Failed() {
		t.Fatal(n.Log())
	}
}

// Consumers of catalogs serve exactly the zones that are linked to them, without anybody's visit, whatever happens to these.
func TestCatalogs(t *testing.T) {
	t.Parallel()
	many := 200
	if env, err := strconv.Atoi(os.Getenv(manyMembers)); err == nil {
		many = env // make catalogs
	}
	n := node.Must(t, "--notify-interval", "100ms")
	n.Call(t, "PATCH", "/headwater/v1/accounts/"+n.Account+"/transfer_settings", map[string]any{"tsig_per_peer": true}, nil)
	var of []*consumer
	var linked []string
	for _, prog := range []peers.Program{peers.BIND, peers.Knot, peers.PowerDNS} {
		id, key := newKey(t, n, strings.ToLower(string(prog))+".catalog.example.")
		if prog == peers.PowerDNS { // what it finds in a catalog it asks for unsigned
			id, key = "", nil
		}
		of = append(of, consume(t, n, prog, id, key))
		linked = append(linked, of[len(of)-1].peer)
	}
	first := newZone(t, n, "first.example", linked...)
	exactly(t, n, of, []string{"first.example"}, []string{"none.example"})

	ids := map[string]string{"first.example": first}
	names := make([]string, many)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := worker; i < many; i += 4 {
				name := fmt.Sprintf("z%d.example", i)
				z := newZone(t, n, name, linked...)
				mu.Lock()
				ids[name], names[i] = z, name
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	exactly(t, n, of, append(slices.Clone(names), "first.example"), nil)
	shown := of[0].members(t, n)
	if shown.Count != many+1 || shown.Losing != 0 {
		t.Errorf("%d members, %d lost", shown.Count, shown.Losing)
	}
	for _, m := range shown.Members {
		if ids[m.Name] != m.Zone {
			t.Errorf("%s is listed as %s, its zone is %s", m.Name, m.Zone, ids[m.Name])
		}
	}

	// A group moves a zone to another template; one that goes, and one that is linked no more, go alone.
	n.Call(t, "PUT", "/headwater/v1/zones/"+ids["z1.example"]+"/catalog_groups", map[string]any{"groups": map[string]any{linked[1]: "gold"}}, nil)
	n.Call(t, "DELETE", "/zones/"+ids["z0.example"], nil, nil)
	n.Call(t, "PUT", "/zones/"+ids["z2.example"]+"/secondary_dns/outgoing", map[string]any{"name": "z2.example", "peers": linked[1:]}, nil)
	exactly(t, n, of, []string{"z1.example", "z3.example"}, []string{"z0.example"})
	exactly(t, n, of[:1], nil, []string{"z2.example"})
	exactly(t, n, of[1:], []string{"z2.example"}, nil)
	if at := slices.IndexFunc(of[1].members(t, n).Members, func(m struct {
		Zone  string `json:"zone_id"`
		Name  string
		Group string
	},
	) bool {
		return m.Group == "gold" && m.Name == "z1.example"
	}); at < 0 {
		t.Error("the group is not in Knot's catalog")
	}
	// Another zone of that name is another member; renaming is this, with another name.
	n.Call(t, "DELETE", "/zones/"+ids["z3.example"], nil, nil)
	ids["z3.example"] = newZone(t, n, "z3.example", linked...)
	ids["z0.example"] = newZone(t, n, "renamed.example", linked...)
	exactly(t, n, of, []string{"z3.example", "renamed.example"}, nil)

	// The process ends and begins again: no member has another label, and nobody drops a zone.
	// A loss takes two seconds more than what comes, and the old zone of that name is served until then.
	var before catalogState
	testkit.Until(t, func() string {
		before = of[1].members(t, n)
		for _, m := range before.Members {
			if m.Name == "z3.example" && m.Zone != ids[m.Name] {
				return "the zone that is gone is in the catalog"
			}
		}
		if before.Losing > 0 || before.Held {
			return fmt.Sprintf("%d losses are to come, held %v", before.Losing, before.Held)
		}
		return ""
	})
	n.Kill()
	if err := n.Run(); err != nil {
		t.Fatal(err)
	}
	after := of[1].members(t, n)
	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("another catalog after a restart:\n%v\n%v", before, after)
	}

	// Many at once are held back; who confirms them confirms these.
	lose := names[4 : 4+many/2]
	for _, name := range lose {
		n.Call(t, "POST", "/zones/"+ids[name]+"/secondary_dns/outgoing/disable", map[string]any{}, nil)
	}
	for _, c := range of { // each has a catalog of its own
		testkit.Until(t, func() string {
			if held := c.members(t, n); !held.Held || held.Losing != len(lose) {
				return fmt.Sprintf("held %v, %d lost of %d\n%s", held.Held, held.Losing, len(lose), n.Log())
			}
			return ""
		})
	}
	if a, err := n.Do(t.Context(), "POST", of[0].path+"/confirm", map[string]any{"confirm": "others"}); err != nil || a.Status != 400 {
		t.Errorf("%v: %s", err, a.Body)
	}
	extra := newZone(t, n, "meanwhile.example", linked...)
	exactly(t, n, of, append([]string{"meanwhile.example"}, lose...), nil)
	for _, c := range of {
		n.Call(t, "POST", c.path+"/confirm", map[string]any{"confirm": c.members(t, n).Confirm}, nil)
	}
	exactly(t, n, of, []string{"meanwhile.example", "z1.example"}, lose)

	// The last one goes, too.
	for name, z := range ids {
		if name != "first.example" {
			n.Call(t, "DELETE", "/zones/"+z, nil, nil)
		}
	}
	n.Call(t, "DELETE", "/zones/"+extra, nil, nil)
	for _, c := range of {
		c.confirmed(t, n)
	}
	n.Call(t, "DELETE", "/zones/"+first, nil, nil)
	exactly(t, n, of, nil, append(names, "first.example", "meanwhile.example", "renamed.example"))

	// What is a peer's is nobody else's.
	if a, err := n.Do(t.Context(), "GET", "/zones", nil); err != nil || string(a.Result) != "[]" {
		t.Errorf("%v: %s", err, a.Result)
	}
	if _, err := peers.Serial(t.Context(), n.DNS, of[0].catalog); err == nil {
		t.Error("a stranger is answered for a catalog")
	}
}

// confirmed says of a catalog's losses that they are meant, until the first zone alone is left. A word is heard at once, and not with the
// next round that keepers make by themselves, which is a minute away at most.
func (c *consumer) confirmed(t *testing.T, n *node.Node) {
	t.Helper()
	deadline := time.Now().Add(40 * time.Second)
	for is := c.members(t, n); is.Count > 1; is = c.members(t, n) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: %d members, %d lost, held %v, long after they were confirmed\n%s", c.Program(), is.Count, is.Losing, is.Held, n.Log())
		}
		if is.Held {
			_, _ = n.Do(t.Context(), "POST", c.path+"/confirm", map[string]any{"confirm": is.Confirm})
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// consume makes a peer with a catalog, and starts the secondary that has it.
func consume(t *testing.T, n *node.Node, prog peers.Program, id string, key *tsig.Key) *consumer {
	t.Helper()
	listen, err := peers.Free(prog)
	if err != nil {
		t.Fatal(err)
	}
	c := &consumer{peer: newPeer(t, n, string(prog), listen, id)}
	c.path = "/headwater/v1/accounts/" + n.Account + "/peers/" + c.peer + "/catalog"
	var state catalogState
	n.Call(t, "PUT", c.path, json.RawMessage(`{}`), &state)
	c.catalog = wire.MustName(state.Name)
	c.Secondary = peers.Run(t, peers.Config{
		Program: prog, Listen: listen, Primary: n.DNS, Notifier: netip.MustParseAddr("127.0.0.1"), Key: key, Catalog: c.catalog,
		Groups: []string{"gold"}, Refresh: time.Hour, NoIXFR: !prog.AnswersAfterIXFR(),
	})
	return c
}
