package peers_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// changesPerZone is how many random changes each zone of the interop suite sees through the API.
const changesPerZone = 300

// operated is a zone on a real Headwater, changed through its API.
type operated struct {
	n      *node.Node
	apex   wire.Name
	id     string
	key    *tsig.Key
	w      *peers.Workload
	r      *rand.Rand
	ids    map[peers.Record]string
	follow []*peers.Secondary
}

type object struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// TestInterop is the main job, end to end: one Headwater process, and BIND, NSD, Knot and PowerDNS as secondaries of a plain
// zone and of one with a TSIG, through random changes by the API.
func TestInterop(t *testing.T) {
	t.Parallel()
	s := seed(t)
	n := node.Must(t, "--notify-interval", "100ms")
	acc := "/accounts/" + n.Account + "/secondary_dns"
	n.Call(t, "POST", acc+"/acls", map[string]any{"name": "tests", "ip_range": "127.1.1.1/32"}, nil)
	var wg sync.WaitGroup
	var zones []*operated
	for i, name := range []string{"plain.example", "signed.example"} {
		z := &operated{
			n: n, apex: wire.MustName(name), w: peers.NewWorkload(s+uint64(i), wire.MustName(name)), ids: map[peers.Record]string{},
			r: rand.New(rand.NewPCG(s, uint64(i))),
		}
		zones = append(zones, z)
		tsigID := ""
		if i == 1 {
			var k object
			n.Call(t, "POST", acc+"/tsigs", map[string]any{"name": "Interop.Key", "algo": "hmac-sha256."}, &k)
			var err error
			if z.key, err = tsig.NewKey("Interop.Key", "hmac-sha256", k.Secret, false); err != nil {
				t.Fatal(err)
			}
			tsigID = k.ID
		}
		z.set(t, acc, tsigID)
	}
	for _, z := range zones {
		wg.Go(func() { z.run(t) })
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for _, z := range zones {
		z.checkIXFR(t)
	}
}

// set makes the zone and its peers, switches transfers on, and only then starts the secondaries: BIND waits long before it
// asks again where it was refused once.
func (z *operated) set(t *testing.T, acc, tsigID string) {
	t.Helper()
	var made object
	z.n.Call(t, "POST", "/zones", map[string]any{"name": z.apex.Host(), "account": map[string]any{"id": z.n.Account}}, &made)
	z.id = made.ID
	listen := map[peers.Program]netip.AddrPort{}
	var linked []string
	for _, prog := range peers.Programs() {
		a, err := peers.Free(prog)
		if err != nil {
			t.Fatal(err)
		}
		listen[prog] = a
		var p object
		body := map[string]any{"name": string(prog), "ip": a.Addr().String(), "port": a.Port(), "ixfr_enable": true}
		if tsigID != "" {
			body["tsig_id"] = tsigID
		}
		z.n.Call(t, "POST", acc+"/peers", body, &p)
		z.n.Call(t, "PUT", acc+"/peers/"+p.ID, body, nil)
		linked = append(linked, p.ID)
	}
	z.n.Call(t, "POST", "/zones/"+z.id+"/secondary_dns/outgoing", map[string]any{"name": z.apex.Host(), "peers": linked}, nil)
	z.n.Call(t, "POST", "/zones/"+z.id+"/secondary_dns/outgoing/enable", map[string]any{}, nil)
	for _, prog := range peers.Programs() {
		z.follow = append(z.follow, peers.Run(t, peers.Config{
			Program: prog, Listen: listen[prog], Primary: z.n.DNS, Notifier: netip.MustParseAddr("127.0.0.1"),
			Zones: []wire.Name{z.apex}, Key: z.key, Refresh: time.Hour, NoIXFR: z.noIXFR(prog),
		}))
	}
}

// noIXFR lets PowerDNS go its two ways: by AXFR as it does unless told, and by IXFR.
func (z *operated) noIXFR(p peers.Program) bool { return p == peers.PowerDNS && z.key != nil }

func (z *operated) run(t *testing.T) {
	t.Helper()
	for i := range changesPerZone {
		z.change(t, z.w.Next())
		if i == changesPerZone/2 {
			z.batch(t, z.w.Big())
		}
		if z.r.IntN(25) == 0 || i == changesPerZone-1 {
			z.settle(t)
		}
		if t.Failed() {
			return
		}
	}
}

// body is a record as the API takes it.
func body(r *peers.Record) map[string]any {
	return map[string]any{"name": r.Name.Host(), "type": r.Type.String(), "content": r.Data, "ttl": r.TTL, "proxied": false}
}

// change makes one change: an edit goes by PUT or PATCH, with what changed alone.
func (z *operated) change(t *testing.T, c peers.Change) {
	t.Helper()
	records := "/zones/" + z.id + "/dns_records"
	var got object
	switch {
	case c.Old == nil:
		z.n.Call(t, "POST", records, body(c.New), &got)
		z.ids[*c.New] = got.ID
	case c.New == nil:
		z.n.Call(t, "DELETE", records+"/"+z.ids[*c.Old], nil, nil)
		delete(z.ids, *c.Old)
	default:
		id := z.ids[*c.Old]
		method, b := "PUT", body(c.New)
		if z.r.IntN(2) == 0 {
			method = "PATCH"
			b = map[string]any{"content": c.New.Data, "ttl": c.New.TTL}
		}
		z.n.Call(t, method, records+"/"+id, b, &got)
		delete(z.ids, *c.Old)
		z.ids[*c.New] = id
	}
}

// batch adds many records at once.
func (z *operated) batch(t *testing.T, changes []peers.Change) {
	t.Helper()
	var posts []map[string]any
	for _, c := range changes {
		posts = append(posts, body(c.New))
	}
	var got struct {
		Posts []object `json:"posts"`
	}
	z.n.Call(t, "POST", "/zones/"+z.id+"/dns_records/batch", map[string]any{"posts": posts}, &got)
	for i, c := range changes {
		z.ids[*c.New] = got.Posts[i].ID
	}
}

// settle waits until every secondary holds what we do, record for record, and that is what the workload made.
func (z *operated) settle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	want, err := xfr.Fetch(ctx, xfr.Source{Server: z.n.DNS, Zone: z.apex, Key: z.key, Local: netip.MustParseAddr("127.1.1.1")})
	if err != nil {
		t.Error(err)
		return
	}
	z.checkWorkload(t, want)
	var wg sync.WaitGroup
	for _, s := range z.follow {
		wg.Go(func() {
			if err := s.WaitSerial(ctx, z.apex, want.Serial); err != nil {
				t.Error(err)
				return
			}
			got, err := s.TransferAt(ctx, z.apex, want.Serial)
			if err != nil {
				t.Error(err)
				return
			}
			if diff, err := peers.Diff(want.Records, got.Records); err != nil || diff != "" {
				t.Errorf("%s differs at serial %d: %v\n%s", s.Program(), want.Serial, err, diff)
			}
		})
	}
	wg.Wait()
}

// checkWorkload compares what we transfer with what was asked for, the SOA and our own name servers aside.
func (z *operated) checkWorkload(t *testing.T, got *xfr.Result) {
	t.Helper()
	var want, have []byte
	for _, s := range z.w.Sets() {
		want = s.AppendWire(want)
	}
	for b := got.Records; len(b) > 0; {
		r, rest, err := wire.NextRR(b)
		if err != nil {
			t.Error(err)
			return
		}
		apex := string(r.Owner) == string(z.apex)
		if !apex || r.Type != wire.TypeSOA && r.Type != wire.TypeNS {
			have = append(have, b[:len(b)-len(rest)]...)
		}
		b = rest
	}
	if diff, err := peers.Diff(want, have); err != nil || diff != "" {
		t.Errorf("%s does not hold what was asked for: %v\n%s", z.apex, err, diff)
	}
}

// checkIXFR sees in the log that those who speak IXFR used it.
func (z *operated) checkIXFR(t *testing.T) {
	t.Helper()
	lines := strings.Split(z.n.Log().String(), "\n")
	for _, s := range z.follow {
		kinds := map[string]int{}
		for _, l := range lines {
			if !strings.Contains(l, "msg=transfer ") || !strings.Contains(l, "zone="+z.apex.String()+" ") ||
				!strings.Contains(l, "source="+s.Addr().Addr().String()+":") {
				continue
			}
			_, kind, _ := strings.Cut(l, " kind=")
			kind, _, _ = strings.Cut(kind, " serial=")
			kinds[kind]++
		}
		t.Logf("%s %s: %s", z.apex, s.Version(), fmt.Sprint(kinds))
		if kinds["IXFR"] == 0 && !z.noIXFR(s.Program()) {
			t.Errorf("%s never got an IXFR of %s", s.Program(), z.apex)
		}
	}
}
