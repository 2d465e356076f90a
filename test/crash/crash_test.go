package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

const (
	rounds  = 50
	writers = 4
)

var apex = wire.MustName("crash.example")

// zone is a zone on a node, with a linked secondary.
type zone struct {
	n    *node.Node
	id   string
	peer *peers.Secondary
}

func open(t *testing.T, program peers.Program) *zone {
	t.Helper()
	z := &zone{n: node.Must(t, "--notify-interval", "10ms")}
	var made struct {
		ID      string
		Account struct{ ID string }
	}
	z.n.Call(t, http.MethodPost, "/zones", map[string]any{"name": apex.Host()}, &made)
	z.id = made.ID
	listen, err := peers.Free(program)
	if err != nil {
		t.Fatal(err)
	}
	var peer struct{ ID string }
	base := "/accounts/" + made.Account.ID + "/secondary_dns"
	z.n.Call(t, http.MethodPost, base+"/peers", map[string]any{"name": "p", "ip": listen.Addr().String(), "port": listen.Port()}, &peer)
	z.n.Call(t, http.MethodPost, base+"/acls", map[string]any{"name": "test", "ip_range": "127.0.0.1/32"}, nil)
	out := "/zones/" + z.id + "/secondary_dns/outgoing"
	z.n.Call(t, http.MethodPost, out, map[string]any{"name": apex.Host(), "peers": []string{peer.ID}}, nil)
	z.n.Call(t, http.MethodPost, out+"/enable", nil, nil)
	z.peer = peers.Run(t, peers.Config{Program: program, Listen: listen, Primary: z.n.DNS, Zones: []wire.Name{apex}})
	return z
}

// acked is what the API acknowledged: record id to its content; an empty content is an acknowledged deletion.
type acked struct {
	sync.Mutex
	records map[string]string
	maybe   map[string]bool // contents sent whose answer never came
}

// write adds, edits and deletes records until ctx ends or the node dies.
func (z *zone) write(ctx context.Context, r *rand.Rand, round, w int, a *acked) {
	path := "/zones/" + z.id + "/dns_records"
	var mine []string
	for i := 0; ctx.Err() == nil; i++ {
		content := fmt.Sprintf("r%d-w%d-%d", round, w, i)
		method, at, id := http.MethodPost, path, ""
		body := map[string]any{"type": "TXT", "name": fmt.Sprintf("w%d-%d", w, r.IntN(30)), "content": content}
		if len(mine) > 3 && r.IntN(3) == 0 {
			id = mine[r.IntN(len(mine))]
			method, at = http.MethodPatch, path+"/"+id
			body = map[string]any{"content": content}
			if r.IntN(3) == 0 {
				method, body, content = http.MethodDelete, nil, ""
			}
		}
		a.Lock()
		a.maybe[content] = true
		if id != "" {
			delete(a.records, id) // between two truths until the answer comes
		}
		a.Unlock()
		res, err := z.n.Do(ctx, method, at, any(body))
		if err != nil {
			return
		}
		if res.Status != http.StatusOK {
			continue
		}
		var got struct{ ID string }
		if json.Unmarshal(res.Result, &got) != nil {
			return
		}
		a.Lock()
		a.records[got.ID] = content
		a.Unlock()
		if method == http.MethodPost {
			mine = append(mine, got.ID)
		}
		if content == "" {
			for k, m := range mine {
				if m == got.ID {
					mine = append(mine[:k], mine[k+1:]...)
					break
				}
			}
		}
	}
}

// check compares what the API lists with what it acknowledged.
func (z *zone) check(t *testing.T, a *acked) {
	t.Helper()
	var list []struct{ ID, Content string }
	z.n.Call(t, http.MethodGet, "/zones/"+z.id+"/dns_records?per_page=5000000", nil, &list)
	have := map[string]string{}
	for _, r := range list {
		have[r.ID] = r.Content
		if want, ok := a.records[r.ID]; !ok && !a.maybe[r.Content] || ok && want == "" {
			t.Errorf("record %s with %q is there", r.ID, r.Content)
		}
	}
	for id, content := range a.records {
		if content != "" && have[id] != content {
			t.Errorf("acknowledged record %s has %q, want %q", id, have[id], content)
		}
	}
	// What the node knows after the crash is the truth of the next round.
	for id := range a.records {
		if a.records[id] != "" {
			a.records[id] = have[id]
		}
	}
}

// follow waits until the secondary holds exactly what the node hands out.
func (z *zone) follow(ctx context.Context, t *testing.T) {
	t.Helper()
	ours, err := xfr.Fetch(ctx, xfr.Source{Server: z.n.DNS, Zone: apex, Local: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	if err := z.peer.WaitSerial(ctx, apex, ours.Serial); err != nil {
		t.Fatalf("%v\n%s\n%s", err, z.peer.Log(), z.n.Log())
	}
	theirs, err := z.peer.TransferAt(ctx, apex, ours.Serial)
	if err != nil {
		t.Fatal(err)
	}
	diff, err := peers.Diff(ours.Records, theirs.Records)
	if err != nil || diff != "" {
		t.Fatalf("the secondary differs: %v\n%s", err, diff)
	}
}

// TestKillUnderWrites kills the node at random moments while several clients write.
func TestKillUnderWrites(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("HEADWATER_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("HEADWATER_SEED=%d", seed)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	z := open(t, peers.Knot)
	a := &acked{records: map[string]string{}, maybe: map[string]bool{}}
	r := rand.New(rand.NewPCG(seed, 0))
	serial := uint32(0)
	for round := range rounds {
		var wg sync.WaitGroup
		writing, stop := context.WithCancel(ctx)
		for w := range writers {
			own := rand.New(rand.NewPCG(seed, uint64(round*writers+w+1)))
			wg.Go(func() { z.write(writing, own, round, w, a) })
		}
		// The moment of death is the point: an event to wait for would make it the same one each time.
		<-time.After(time.Duration(20+r.IntN(150)) * time.Millisecond)
		z.n.Kill()
		stop()
		wg.Wait()
		if err := z.n.Run(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		z.check(t, a)
		now, err := peers.Serial(ctx, z.n.DNS, apex)
		if err != nil {
			t.Fatal(err)
		}
		if serial != 0 && wire.SerialNewer(serial, now) {
			t.Fatalf("round %d: the serial went from %d back to %d", round, serial, now)
		}
		serial = now
		z.follow(ctx, t)
		if t.Failed() {
			t.Fatalf("round %d failed", round)
		}
	}
	t.Logf("%d rounds, %d records acknowledged", rounds, len(a.records))
}

// TestTermination ends a node as an operator would: status 0, and nothing is lost either.
func TestTermination(t *testing.T) {
	t.Parallel()
	n, err := node.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	n.Check(t)
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": "term.example"}, nil)
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := n.Run(); err != nil {
		t.Fatal(err)
	}
	var zones []struct{ Name string }
	n.Call(t, http.MethodGet, "/zones", nil, &zones)
	if len(zones) != 1 {
		t.Errorf("%v", zones)
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
}
