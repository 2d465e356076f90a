package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/test/peers"
)

const (
	chaosNodes = 3
	chaosZones = 3
	chaosTime  = 6 * time.Second // unless HEADWATER_CHAOS says otherwise
)

// TestChaos has clients write through all nodes while nodes and the database server are killed, stopped and cut off.
// Afterwards every node and secondary holds the same, every acknowledged change is there once, serials have only risen,
// and no peer was told of a serial more than twice.
func TestChaos(t *testing.T) {
	t.Parallel()
	seed, length := uint64(time.Now().UnixNano()), chaosTime
	if s := os.Getenv("HEADWATER_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	if s := os.Getenv("HEADWATER_CHAOS"); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("HEADWATER_SEED=%d HEADWATER_CHAOS=%s", seed, length)
	w := newChaos(t, seed)
	ctx, cancel := context.WithTimeout(t.Context(), length+2*time.Minute)
	defer cancel()

	stop, calm := make(chan struct{}), make(chan struct{})
	var writers, watchers sync.WaitGroup
	for n := range 2 * chaosNodes {
		wr := &writer{t: t, n: n, r: rand.New(rand.NewPCG(seed, uint64(n+1))), nodes: w.nodes, zones: w.ids, book: w.book}
		writers.Go(func() { wr.run(ctx, stop) })
	}
	for i := range w.nodes {
		watchers.Go(func() { w.observe(ctx, i, calm) })
	}
	w.harm(ctx, length)
	close(stop)
	writers.Wait()
	close(calm)
	watchers.Wait()
	if t.Failed() || ctx.Err() != nil {
		t.Fatalf("it did not come to its end: %v", ctx.Err())
	}
	w.check()
}

type chaos struct {
	*cluster
	t         *testing.T
	r         *rand.Rand
	names     []wire.Name
	ids       []string
	book      *book
	ear       *listener
	followers []*peers.Secondary

	mu  sync.Mutex
	sum map[string][sha256.Size]byte // what was transferred under a zone and serial
}

func newChaos(t *testing.T, seed uint64) *chaos {
	t.Helper()
	w := &chaos{
		cluster: startOn(t, pgtest.Start(t), chaosNodes, "", "--log-level", "debug"), t: t, r: rand.New(rand.NewPCG(seed, 0)), ear: newListener(t),
		book: &book{there: map[string]string{}, maybe: map[string]bool{}}, sum: map[string][sha256.Size]byte{},
	}
	w.allowLoopback(t)
	knotAt, nsdAt := free(t, peers.Knot), free(t, peers.NSD)
	linked := []string{w.peer(t, "knot", knotAt, ""), w.peer(t, "nsd", nsdAt, ""), w.peer(t, "ear", w.ear.addr, "")}
	for i := range chaosZones {
		name := fmt.Sprintf("chaos%d.example", i)
		w.names = append(w.names, wire.MustName(name))
		w.ids = append(w.ids, w.zone(t, name, linked))
	}
	w.followers = []*peers.Secondary{
		follower(t, peers.Knot, w.nodes[0], knotAt, w.names...), follower(t, peers.NSD, w.nodes[1], nsdAt, w.names...),
	}
	return w
}

// pause is a time of the seed's choice: what is done to whom at which moment is what this test is about.
func (w *chaos) pause(ctx context.Context, least, most time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(least + time.Duration(w.r.Int64N(int64(most-least)))):
	}
}

// harm does one harm after the other for a time, and mends each before the next.
func (w *chaos) harm(ctx context.Context, length time.Duration) {
	harms := []struct {
		name string
		do   func(ctx context.Context, i int)
	}{
		{"kill node", w.killNode},
		{"crash PostgreSQL", w.crashServer},
		{"stop node", w.stopNode},
		{"cut off node", w.cutNode},
		{"break connections of node", w.breakNode},
		{"hold up octets of node", w.holdNode},
		{"restart PostgreSQL", w.restartServer},
	}
	begin := time.Now()
	order := w.r.Perm(len(harms))
	for n := 0; time.Since(begin) < length && ctx.Err() == nil; n++ {
		if n > 0 && n%len(harms) == 0 {
			order = w.r.Perm(len(harms))
		}
		h, i := harms[order[n%len(harms)]], w.r.IntN(len(w.nodes))
		w.t.Logf("%6.2fs %s %d", time.Since(begin).Seconds(), h.name, i)
		h.do(ctx, i)
		w.pause(ctx, 300*time.Millisecond, 2500*time.Millisecond)
	}
	w.t.Logf("%6.2fs calm", time.Since(begin).Seconds())
}

func (w *chaos) killNode(ctx context.Context, i int) {
	w.nodes[i].Kill()
	w.pause(ctx, time.Millisecond, 4*time.Second)
	if err := w.nodes[i].Run(); err != nil {
		w.t.Errorf("node %d does not start again: %v", i, err)
	}
}

func (w *chaos) crashServer(ctx context.Context, _ int)   { w.pg.Kill(); w.serverUp(ctx) }
func (w *chaos) restartServer(ctx context.Context, _ int) { w.pg.Down(); w.serverUp(ctx) }

func (w *chaos) serverUp(ctx context.Context) {
	w.pause(ctx, time.Millisecond, 3*time.Second)
	if err := w.pg.Up(); err != nil {
		w.t.Errorf("PostgreSQL does not start again: %v", err)
	}
}

func (w *chaos) stopNode(ctx context.Context, i int) {
	if err := w.nodes[i].Pause(); err != nil {
		w.t.Error(err)
	}
	w.pause(ctx, 100*time.Millisecond, 8*time.Second)
	if err := w.nodes[i].Resume(); err != nil {
		w.t.Error(err)
	}
}

func (w *chaos) cutNode(ctx context.Context, i int) {
	w.proxies[i].breakAll(true)
	w.pause(ctx, 100*time.Millisecond, 6*time.Second)
	w.proxies[i].restore()
}

func (w *chaos) breakNode(_ context.Context, i int) { w.proxies[i].breakAll(false) }

func (w *chaos) holdNode(ctx context.Context, i int) {
	w.proxies[i].hold()
	w.pause(ctx, 100*time.Millisecond, 8*time.Second)
	w.proxies[i].goOn()
}

// observe asks a node for its serials again and again: they never fall, and what is transferred under one never differs.
func (w *chaos) observe(ctx context.Context, i int, calm <-chan struct{}) {
	newest := make([]uint32, len(w.names))
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-calm:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for k, name := range w.names {
			limit, cancel := context.WithTimeout(ctx, time.Second)
			s, err := peers.Serial(limit, w.nodes[i].DNS, name)
			cancel()
			if err != nil {
				continue // it is dead at the moment, or stopped
			}
			if newest[k] != 0 && wire.SerialNewer(newest[k], s) {
				w.t.Errorf("node %d: %s went from serial %d back to %d", i, name, newest[k], s)
			}
			newest[k] = s
		}
		if n%10 == 0 {
			w.transfer(ctx, i, w.names[n/10%len(w.names)])
		}
	}
}

func (w *chaos) transfer(ctx context.Context, i int, name wire.Name) {
	limit, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := axfr(limit, w.nodes[i], name)
	if err != nil {
		return
	}
	key, sum := fmt.Sprint(name, r.Serial), sha256.Sum256(r.Records)
	w.mu.Lock()
	defer w.mu.Unlock()
	if old, ok := w.sum[key]; ok && old != sum {
		w.t.Errorf("node %d transfers another %s at serial %d", i, name, r.Serial)
	}
	w.sum[key] = sum
}

// check compares everything, now that all is calm.
func (w *chaos) check() {
	t := w.t
	for _, name := range w.names {
		end := w.alike(t, name, w.followers...)
		eventually(t, "the last serial was not told", func() bool { return w.ear.heard(name, end) > 0 })
	}
	for k, id := range w.ids {
		w.checkRecords(id)
		w.checkJournal(w.names[k], id)
	}
	most, what, serials := w.ear.oftenest()
	if most > 2 {
		t.Errorf("%s was told %d times", what, most)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	t.Logf("%d changes acknowledged, %d of them found made when they were sent again, %d tries without an answer, %d given up; %d serials told, at most %d times; %d versions compared",
		w.book.made, w.book.again, w.book.tries, len(w.book.maybe), serials, most, len(w.sum))
}

// checkRecords: every acknowledged record is there once, one without an answer at most once, and no other.
func (w *chaos) checkRecords(id string) {
	var list []struct{ Type, Content string }
	w.nodes[0].Call(w.t, http.MethodGet, "/zones/"+id+"/dns_records?per_page=5000000", nil, &list)
	count := map[string]int{}
	for _, r := range list {
		var text string
		if json.Unmarshal([]byte(r.Content), &text) != nil {
			text = r.Content
		}
		if count[text]++; count[text] > 1 {
			w.t.Errorf("%s is there twice", text)
		}
		if w.book.there[text] != id && !w.book.maybe[text] {
			w.t.Errorf("%s is there, and should not be", text)
		}
	}
	for content, zone := range w.book.there {
		if zone == id && count[content] == 0 {
			w.t.Errorf("%s was acknowledged, and is lost", content)
		}
	}
}

// checkJournal: the versions of a zone follow one another, as far back as the journal goes, and serials rise.
func (w *chaos) checkJournal(name wire.Name, id string) {
	db := w.sql(w.t)
	defer db.Close(w.t.Context())
	rows, err := db.Query(w.t.Context(), "SELECT seq, kind, serial, body FROM journal WHERE zone = decode($1, 'hex') ORDER BY seq", id)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	last, n := uint32(0), 0
	for rows.Next() {
		var seq, kind, serial int64
		var body []byte
		if err := rows.Scan(&seq, &kind, &serial, &body); err != nil {
			w.t.Fatal(err)
		}
		if kind != 1 { // no delta
			last = uint32(serial)
			continue
		}
		step, err := zone.DecodeStep(body)
		if err != nil {
			w.t.Fatal(err)
		}
		d := step.Transfer
		if last != 0 && d.From != last || !wire.SerialNewer(d.To, d.From) || uint32(serial) != d.To {
			w.t.Errorf("%s: entry %d leads from %d to %d after %d", name, seq, d.From, d.To, last)
		}
		last = d.To
		n++
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	if s, err := peers.Serial(w.t.Context(), w.nodes[0].DNS, name); err != nil || s != last || n == 0 {
		w.t.Errorf("%s: %d entries lead to %d, the node has %d: %v", name, n, last, s, err)
	}
}
