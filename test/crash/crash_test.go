package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

const writers = 4

var apex = wire.MustName("crash.example")

// zone is a zone on a node, with a linked secondary.
type zone struct {
	n    *node.Node
	id   string
	peer *peers.Secondary
}

func open(t *testing.T, program peers.Program, flags ...string) *zone {
	t.Helper()
	z := &zone{n: node.Must(t, append(flags, "--notify-interval", "10ms")...)}
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

// ledger is what the node must hold: what it acknowledged, and of what was in flight when it died all or nothing.
type ledger struct {
	sync.Mutex
	records map[string]record // by id, as acknowledged
	flights []flight          // changes without an answer, or with one that leaves it open
	told    map[string]record // the records after the round before
}

type record struct{ Name, Content string }

// flight is a change of which nobody knows whether it was made.
type flight struct {
	added   []record // records that it adds, all or none
	id      string   // or the record that it changes
	becomes *record  // to this; nil: it is deleted
}

// settle takes note of an answer: acknowledged, refused, or in doubt.
func (l *ledger) settle(f flight, a *node.Answer, err error) {
	l.Lock()
	defer l.Unlock()
	switch {
	case err != nil || a.Status >= http.StatusInternalServerError:
		l.flights = append(l.flights, f)
	case a.Status != http.StatusOK: // refused: nothing of it may be there
	case f.id != "" && f.becomes == nil:
		delete(l.records, f.id)
	case f.id != "":
		l.records[f.id] = *f.becomes
	default:
		for _, made := range created(a.Result) {
			l.records[made.ID] = record{made.Name, made.Content}
		}
	}
}

type madeRecord struct{ ID, Name, Content string }

// created are the records that an answer tells of: one, or those of a batch.
func created(result json.RawMessage) []madeRecord {
	var one madeRecord
	var batch struct{ Posts []madeRecord }
	if json.Unmarshal(result, &batch) == nil && len(batch.Posts) > 0 {
		return batch.Posts
	}
	if json.Unmarshal(result, &one) != nil {
		return nil
	}
	return []madeRecord{one}
}

// write adds, edits and deletes records, alone and several at once, until ctx ends or the node dies. Each writer has records
// of its own, and one change in flight.
func (z *zone) write(ctx context.Context, r *rand.Rand, round, w int, l *ledger) {
	path := "/zones/" + z.id + "/dns_records"
	mine := map[string]record{}
	for i := 0; ctx.Err() == nil; i++ {
		fresh := func(k int) record {
			return record{fmt.Sprintf("w%d-%d.%s", w, r.IntN(30), apex.Host()), fmt.Sprintf("\"r%d-w%d-%d-%d\"", round, w, i, k)}
		}
		var f flight
		method, at, body := http.MethodPost, path, any(nil)
		one := fresh(0)
		switch id := anyOf(r, mine); {
		case len(mine) > 3 && r.IntN(4) == 0:
			f = flight{id: id}
			method, at = http.MethodDelete, path+"/"+id
		case len(mine) > 3 && r.IntN(3) == 0:
			one.Name = mine[id].Name
			f = flight{id: id, becomes: &one}
			method, at, body = http.MethodPatch, path+"/"+id, map[string]any{"content": one.Content}
		case r.IntN(3) == 0:
			f = flight{added: []record{one, fresh(1), fresh(2)}}
			var posts []map[string]any
			for _, a := range f.added {
				posts = append(posts, map[string]any{"type": "TXT", "name": a.Name, "content": a.Content})
			}
			at, body = path+"/batch", map[string]any{"posts": posts}
		default:
			f = flight{added: []record{one}}
			body = map[string]any{"type": "TXT", "name": one.Name, "content": one.Content}
		}
		res, err := z.n.Do(ctx, method, at, body)
		l.settle(f, res, err)
		if err != nil {
			return
		}
		if res.Status != http.StatusOK {
			continue
		}
		switch {
		case f.id != "" && f.becomes == nil:
			delete(mine, f.id)
		case f.id != "":
			mine[f.id] = *f.becomes
		default:
			for _, made := range created(res.Result) {
				mine[made.ID] = record{made.Name, made.Content}
			}
		}
	}
}

// anyOf is one of the ids, or none.
func anyOf(r *rand.Rand, m map[string]record) string {
	ids := slices.Sorted(maps.Keys(m))
	if len(ids) == 0 {
		return ""
	}
	return ids[r.IntN(len(ids))]
}

// check holds what the API lists against the ledger: what was acknowledged is there, what was in flight wholly or not at all,
// and nothing else.
func (z *zone) check(t testing.TB, l *ledger) (doubts int) {
	t.Helper()
	var list []madeRecord
	z.n.Call(t, http.MethodGet, "/zones/"+z.id+"/dns_records?per_page=5000000", nil, &list)
	have := map[string]record{}
	for _, m := range list {
		have[m.ID] = record{m.Name, m.Content}
	}
	for _, f := range l.flights {
		if f.id != "" {
			l.resolve(t, f, have)
		} else {
			l.adopt(t, f, have)
		}
	}
	for id, want := range l.records {
		if have[id] != want {
			t.Errorf("acknowledged record %s is %+v, want %+v", id, have[id], want)
		}
	}
	for id, r := range have {
		if _, known := l.records[id]; !known {
			t.Errorf("record %s, %+v, was refused, deleted or never sent, and is there", id, r)
		}
	}
	doubts, l.flights = len(l.flights), nil
	return doubts
}

// resolve takes over what became of a record that a change in flight concerned: it is as before, or as it was to become.
func (l *ledger) resolve(t testing.TB, f flight, have map[string]record) {
	t.Helper()
	got, there := have[f.id]
	switch {
	case there && got == l.records[f.id]:
	case f.becomes == nil && !there:
		delete(l.records, f.id)
	case f.becomes != nil && there && got == *f.becomes:
		l.records[f.id] = got
	default:
		t.Errorf("record %s was %+v when a change of it was in flight, and is %+v (there: %v)", f.id, l.records[f.id], got, there)
	}
}

// adopt takes over the records that a change in flight has made: all of them, once, or none.
func (l *ledger) adopt(t testing.TB, f flight, have map[string]record) {
	t.Helper()
	var found []string
	for _, want := range f.added {
		for id, got := range have {
			if got == want {
				found = append(found, id)
			}
		}
	}
	if len(found) != 0 && len(found) != len(f.added) {
		t.Errorf("of a change in flight, %+v, %d of %d records are there", f.added, len(found), len(f.added))
	}
	for _, id := range found {
		l.records[id] = have[id]
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

// tells holds history against what the round has led to: from the serial of the round before it leads to what is there now, and the newest
// change that is told is the newest that was published.
func (z *zone) tells(t testing.TB, l *ledger, from, to uint32) {
	t.Helper()
	defer func() {
		l.told = maps.Clone(l.records)
	}()
	own := "/headwater/v1/zones/" + z.id
	var newest []struct {
		To uint32 `json:"to_serial"`
	}
	z.n.Call(t, http.MethodGet, own+"/history?limit=1", nil, &newest)
	if len(newest) != 1 || newest[0].To != to {
		t.Errorf("history ends with %+v, and the zone is at %d", newest, to)
	}
	if l.told == nil {
		return
	}
	var diff struct {
		Records struct {
			Added, Removed []madeRecord
			Changed        []struct{ After madeRecord }
			Truncated      bool
		}
	}
	z.n.Call(t, http.MethodGet, fmt.Sprintf("%s/diff?from=%d&to=%d&limit=10000", own, from, to), nil, &diff)
	for _, r := range diff.Records.Removed {
		delete(l.told, r.ID)
	}
	for _, r := range diff.Records.Added {
		l.told[r.ID] = record{r.Name, r.Content}
	}
	for _, r := range diff.Records.Changed {
		l.told[r.After.ID] = record{r.After.Name, r.After.Content}
	}
	if diff.Records.Truncated || !maps.Equal(l.told, l.records) {
		t.Errorf("from %d to %d history leads to %d records, and there are %d, or others", from, to, len(l.told), len(l.records))
	}
}

// TestKillUnderWrites kills the node at random moments while several clients write: between what a change does to rows, journal and history,
// and its publication. What each of them tells afterwards is the same story. HEADWATER_KILLS is how many rounds there are on each database.
func TestKillUnderWrites(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		rounds int
		flags  func(t *testing.T) []string
	}{
		{"sqlite", 50, func(*testing.T) []string { return nil }},
		{"postgres", 6, func(t *testing.T) []string {
			t.Helper()
			return []string{"--database", pgtest.Start(t).Database(t)}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rounds := tt.rounds
			if n, err := strconv.Atoi(os.Getenv("HEADWATER_KILLS")); err == nil {
				rounds = n
			}
			killUnderWrites(t, rounds, tt.flags(t)...)
		})
	}
}

func killUnderWrites(t *testing.T, rounds int, flags ...string) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("HEADWATER_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("HEADWATER_SEED=%d", seed)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Duration(rounds)*10*time.Second)
	defer cancel()
	z := open(t, peers.Knot, flags...)
	l, doubts := &ledger{records: map[string]record{}}, 0
	r := rand.New(rand.NewPCG(seed, 0))
	serial := uint32(0)
	for round := range rounds {
		var wg sync.WaitGroup
		writing, stop := context.WithCancel(ctx)
		for w := range writers {
			own := rand.New(rand.NewPCG(seed, uint64(round*writers+w+1)))
			wg.Go(func() { z.write(writing, own, round, w, l) })
		}
		// The moment of death is the point: an event to wait for would make it the same one each time.
		<-time.After(time.Duration(20+r.IntN(150)) * time.Millisecond)
		z.n.Kill()
		stop()
		wg.Wait()
		if err := z.n.Run(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		doubts += z.check(t, l)
		now, err := peers.Serial(ctx, z.n.DNS, apex)
		if err != nil {
			t.Fatal(err)
		}
		if serial != 0 && wire.SerialNewer(serial, now) {
			t.Fatalf("round %d: the serial went from %d back to %d", round, serial, now)
		}
		z.tells(t, l, serial, now)
		serial = now
		z.follow(ctx, t)
		if t.Failed() {
			t.Fatalf("round %d failed", round)
		}
	}
	t.Logf("%d rounds, %d records, %d changes in flight when the node died", rounds, len(l.records), doubts)
	if doubts < rounds {
		t.Errorf("only %d changes were in flight in %d deaths: this proves little", doubts, rounds)
	}
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
