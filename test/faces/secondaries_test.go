package faces_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// followed are a node's zones with all four secondaries on each of them, and a PowerDNS that asks by IXFR on top.
type followed struct {
	n    *node.Node
	secs []*peers.Secondary
	ixfr *peers.Secondary
	ids  map[string]string // of zones, by name
	recs map[string][]record
}

// follow makes the zones, links the secondaries to them, and starts those.
func follow(t *testing.T, n *node.Node, zones map[string][]record, prepare func(zone, id string)) *followed {
	t.Helper()
	f := &followed{n: n, ids: map[string]string{}, recs: zones}
	programs := append(peers.Programs(), peers.PowerDNS)
	listen := make([]netip.AddrPort, len(programs))
	var linked []string
	for i, prog := range programs {
		var err error
		if listen[i], err = peers.Free(prog); err != nil {
			t.Fatal(err)
		}
		var p object
		body := map[string]any{"name": fmt.Sprint(prog, i), "ip": listen[i].Addr().String(), "port": listen[i].Port(), "ixfr_enable": true}
		path := "/accounts/" + n.Account + "/secondary_dns/peers"
		n.Call(t, "POST", path, body, &p)
		n.Call(t, "PUT", path+"/"+p.ID, body, nil)
		linked = append(linked, p.ID)
	}
	var apexes []wire.Name
	for _, name := range slices.Sorted(maps.Keys(zones)) {
		f.ids[name] = makeZone(t, n, name, zones[name], linked...)
		prepare(name, f.ids[name])
		apexes = append(apexes, wire.MustName(name))
		resolved(t, n, names(name, zones[name]), "")
	}
	for i, prog := range programs {
		s := peers.Run(t, peers.Config{
			Program: prog, Listen: listen[i], Primary: n.DNS, Notifier: netip.MustParseAddr("127.0.0.1"), Zones: apexes,
			Refresh: time.Hour, NoIXFR: prog == peers.PowerDNS && i < len(programs)-1,
		})
		if i == len(programs)-1 {
			f.ixfr = s
			break
		}
		f.secs = append(f.secs, s)
	}
	return f
}

// settle waits until every secondary holds a zone as we transfer it, record for record, and returns that. A zone that moves on
// meanwhile, as one does whose target changes one family after the other, is compared anew.
func (f *followed) settle(t *testing.T, zone string) (want *xfr.Result) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	apex := wire.MustName(zone)
	testkit.Until(t, func() string {
		want = transfer(t, f.n, zone)
		var moved atomic.Bool
		var wg sync.WaitGroup
		for _, s := range append(slices.Clone(f.secs), f.ixfr) {
			wg.Go(func() {
				if err := s.WaitSerial(ctx, apex, want.Serial); err != nil {
					t.Error(err)
					return
				}
				got, err := s.TransferAt(ctx, apex, want.Serial)
				if err != nil {
					t.Error(err)
					return
				}
				if got.Serial != want.Serial {
					moved.Store(true)
				} else if diff, err := peers.Diff(want.Records, got.Records); err != nil || diff != "" {
					t.Errorf("%s holds another %s at serial %d: %v\n%s", s.Program(), zone, want.Serial, err, diff)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			t.FailNow()
		}
		if moved.Load() {
			return fmt.Sprintf("%s moves on from serial %d", zone, want.Serial)
		}
		return ""
	})
	return want
}

// answers are what a server says of a zone's names, all types, over UDP.
func (f *followed) answers(t *testing.T, server netip.AddrPort, zone string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range names(zone, f.recs[zone]) {
		for _, typ := range types() {
			out[name+" "+typ.String()] = said(t, "udp", server, wire.MustName(name), typ)
		}
	}
	return out
}

// reviewed are the names that the review says secondaries answer otherwise, a wildcard's by a name that it stands for.
func (f *followed) reviewed(t *testing.T, zone string) map[string]bool {
	t.Helper()
	var r struct {
		Findings []struct{ Reason, Name string }
	}
	f.n.Call(t, "GET", "/headwater/v1/zones/"+f.ids[zone]+"/transfer_review", nil, &r)
	out := map[string]bool{}
	for _, finding := range r.Findings {
		switch finding.Reason {
		case "origin_exposed", "flattened", "cname_neighbours", "unresolved", "apex_cname":
			out[strings.Replace(finding.Name, "*", "any", 1)] = true
		}
	}
	return out
}

// checkAnswers has every secondary answer as we do but for the names that the review tells.
func (f *followed) checkAnswers(t *testing.T, zone string) {
	t.Helper()
	expected, ours := f.reviewed(t, zone), f.answers(t, f.n.DNS, zone)
	for _, s := range f.secs {
		theirs, differ := f.answers(t, s.Addr(), zone), map[string]bool{}
		for question, answer := range ours {
			if answer == theirs[question] {
				continue
			}
			name, _, _ := strings.Cut(question, " ")
			if differ[name] = true; !expected[name] {
				t.Errorf("not told by the review: %s: we say %s, %s says %s", question, answer, s.Program(), theirs[question])
			}
		}
		for name := range expected {
			if !differ[name] {
				t.Errorf("%s answers %s as we do, the review says otherwise", s.Program(), name)
			}
		}
		t.Logf("%s, %s: %d questions, %d names differ as the review says", zone, s.Program(), len(ours), len(differ))
	}
}

// TestSecondaries follows zones of both modes with BIND, NSD, Knot and PowerDNS.
//
//	edge.test    edge, everything flattened: all secondaries answer as we do, for every name
//	partly.test  edge, flatten_cname here and there: those names are transferred as CNAMEs, the rest is the same
//	origin.test  origin: proxied and flattened names differ, as the review says, and no more
func TestSecondaries(t *testing.T) {
	t.Parallel()
	s, n := world(t, 4, "--flatten-damping", "0")
	// The zone whose mode changes is large, so that the change is smaller than the zone.
	many := slices.Concat(apexes()["addresses-proxied"], below())
	for i := range 120 {
		many = append(many, record{name: fmt.Sprint("pad", i%6), typ: "TXT", content: fmt.Sprintf("\"%d\"", i)})
	}
	partly := append(below(), record{typ: "CNAME", content: "www.served.test"})
	f := follow(t, n, map[string][]record{
		"edge.test": slices.Concat(apexes()["cname"], below()), "partly.test": partly, "origin.test": many,
	}, func(zone, id string) {
		if zone == "edge.test" {
			n.Call(t, "PATCH", "/zones/"+id+"/dns_settings", map[string]any{"flatten_all_cnames": true}, nil)
		}
		if zone != "origin.test" {
			setMode(t, n, id, "edge")
		}
	})
	for _, zone := range []string{"edge.test", "partly.test", "origin.test"} {
		f.settle(t, zone)
		f.checkAnswers(t, zone)
	}
	if told := f.reviewed(t, "edge.test"); len(told) != 0 {
		t.Errorf("edge.test should be answered alike everywhere, but for %v", told)
	}
	f.checkSwitch(t, "origin.test")
	f.checkTarget(t, s)
	f.checkPool(t)
}

// checkSwitch changes a zone's mode and back: by IXFR the secondaries get exactly the other face.
func (f *followed) checkSwitch(t *testing.T, zone string) {
	t.Helper()
	first := lines(t, f.settle(t, zone).Records)
	setMode(t, f.n, f.ids[zone], "edge")
	other := f.settle(t, zone)
	if slices.Equal(first, lines(t, other.Records)) {
		t.Error("both modes transfer the same")
	}
	for name := range f.reviewed(t, zone) {
		if !strings.HasPrefix(name, "flat") && !strings.HasPrefix(name, "any.flat") {
			t.Errorf("in edge mode %s should be answered alike", name)
		}
	}
	f.checkAnswers(t, zone)
	f.checkIXFR(t, zone, other.Serial)
	setMode(t, f.n, f.ids[zone], "origin")
	back := f.settle(t, zone)
	if !slices.Equal(first, lines(t, back.Records)) {
		t.Error("there and back is not where it began")
	}
	f.checkAnswers(t, zone)
	f.checkIXFR(t, zone, back.Serial)
}

// checkIXFR finds in our log that a version was taken by IXFR, by all who ask so.
func (f *followed) checkIXFR(t *testing.T, zone string, serial uint32) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	for _, s := range append(slices.Clone(f.secs), f.ixfr) {
		kind := "kind=IXFR "
		if s.Program() == peers.PowerDNS && s != f.ixfr {
			kind = "kind=AXFR "
		}
		line, err := f.n.Log().Wait(ctx, 0, "msg=transfer ", "zone="+zone+". ", "source="+s.Addr().Addr().String()+":", kind, "serial="+itoa(serial)+" ")
		if err != nil {
			t.Errorf("%s took %s at serial %d not with %s", s.Program(), zone, serial, kind)
			continue
		}
		_, line, _ = strings.Cut(line, "asked=")
		t.Logf("%s to serial %d, %s: asked=%s", zone, serial, s.Program(), line)
	}
}

// checkTarget changes what the resolver says: edge.test gets a version and secondaries hold it; origin.test gets none.
func (f *followed) checkTarget(t *testing.T, s *resolver) {
	t.Helper()
	origin := transfer(t, f.n, "origin.test").Serial
	const fresh = "192.0.2.99"
	s.set("target.test", fresh, "2001:db8:7::99")
	start := time.Now()
	for _, sec := range f.secs { // whose zone's refresh is an hour
		testkit.Until(t, func() string {
			got := said(t, "udp", sec.Addr(), wire.MustName("edge.test"), wire.TypeA)
			if !strings.Contains(got, fresh) || strings.Contains(got, "192.0.2.80") {
				return fmt.Sprintf("%s says %s", sec.Program(), got)
			}
			return ""
		})
		t.Logf("%s holds the target's new addresses after %v (TTL 4 s)", sec.Program(), time.Since(start).Round(time.Millisecond))
	}
	f.settle(t, "edge.test")
	testkit.Until(t, func() string {
		if got := said(t, "udp", f.n.DNS, wire.MustName("flat.origin.test"), wire.TypeA); !strings.Contains(got, fresh) {
			return got
		}
		return ""
	})
	if got := transfer(t, f.n, "origin.test").Serial; got != origin {
		t.Errorf("in origin mode the change of a target made a version: serial %d, was %d", got, origin)
	}
}

// checkPool gives the account other edge addresses: in edge mode that is a version for secondaries, in origin mode none.
func (f *followed) checkPool(t *testing.T) {
	t.Helper()
	origin := transfer(t, f.n, "origin.test").Serial
	edge := transfer(t, f.n, "edge.test").Serial
	f.n.Call(t, "PATCH", "/headwater/v1/accounts/"+f.n.Account+"/edge_addresses", map[string]any{"addresses": []string{"203.0.113.77"}}, nil)
	got := f.settle(t, "edge.test")
	if got.Serial == edge || !slices.Contains(lines(t, got.Records), "a-proxied.edge.test. 300 A 203.0.113.77") {
		t.Errorf("secondaries hold another pool at serial %d:\n%s", got.Serial, strings.Join(lines(t, got.Records), "\n"))
	}
	f.checkIXFR(t, "edge.test", got.Serial)
	f.checkAnswers(t, "edge.test")
	if now := transfer(t, f.n, "origin.test").Serial; now != origin {
		t.Errorf("in origin mode another pool made a version: serial %d, was %d", now, origin)
	}
	var mode struct{ Mode string }
	f.n.Call(t, "PATCH", "/headwater/v1/accounts/"+f.n.Account+"/transfer_settings", map[string]any{"mode": "edge"}, nil)
	id := makeZone(t, f.n, "later.test", nil)
	f.n.Call(t, "GET", "/headwater/v1/zones/"+id+"/transfer_settings", nil, &mode)
	if mode.Mode != "edge" {
		t.Errorf("a new zone does not take the account's mode: %q", mode.Mode)
	}
}

// TestStrictReview has an account refuse to switch on what BIND would not load, and nothing else.
func TestStrictReview(t *testing.T) {
	t.Parallel()
	_, n := world(t, 60)
	n.Call(t, "PATCH", "/headwater/v1/accounts/"+n.Account+"/transfer_settings", map[string]any{"strict_review": true}, nil)
	for name, tt := range map[string]struct {
		records []record
		mode    string
		blocks  bool
	}{
		"apex.test":    {apexes()["cname"], "origin", true},
		"edge.test":    {apexes()["cname"], "edge", false},
		"proxied.test": {apexes()["addresses-proxied"], "origin", false},
	} {
		var z object
		n.Call(t, "POST", "/zones", map[string]any{"name": name, "account": map[string]any{"id": n.Account}}, &z)
		for _, r := range tt.records {
			n.Call(t, "POST", "/zones/"+z.ID+"/dns_records", r.body(name), nil)
		}
		setMode(t, n, z.ID, tt.mode)
		out := "/zones/" + z.ID + "/secondary_dns/outgoing"
		n.Call(t, "POST", out, map[string]any{"peers": []string{}}, nil)
		var review struct {
			Blocking bool
			Findings []json.RawMessage
		}
		n.Call(t, "GET", "/headwater/v1/zones/"+z.ID+"/transfer_review", nil, &review)
		a, err := n.Do(t.Context(), "POST", out+"/enable", map[string]any{})
		if err != nil {
			t.Fatal(err)
		}
		if review.Blocking != tt.blocks || a.Success == tt.blocks {
			t.Errorf("%s: the review says blocking %v, enable answers %s", name, review.Blocking, a.Body)
		}
		if tt.blocks && (len(a.Errors) != 1 || a.Errors[0].Code != 13037 || !strings.Contains(a.Errors[0].Message, "BIND and Knot")) {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
}
