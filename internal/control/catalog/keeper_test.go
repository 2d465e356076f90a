package catalog_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/catalog"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

var apex = wire.MustName("catalog.example")

// world is a store and a memory that agree at once, and keepers over them.
type world struct {
	t  *testing.T
	db *zone.DB

	mu      sync.Mutex
	seq     uint64
	names   map[wire.Name][]model.Record
	changes int
	fails   int
	damaged map[model.ID]bool
	mayLose string
	keepers []*catalog.Keeper
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, db: zone.NewDB(0), names: map[wire.Name][]model.Record{}, damaged: map[model.ID]bool{}}
	w.db.SetAccount(&zone.Account{ID: "acc", Peers: map[string]zone.Peer{"p": {ID: "p"}, "q": {ID: "q"}}})
	w.names[wire.MustName("version.catalog.example")] = catalog.First(apex)[0].(model.ReplaceAt).Records
	w.publish()
	return w
}

// publish puts what the rows say into memory. The lock is held, or nobody else is there.
func (w *world) publish() {
	w.seq++
	data := append([]byte("\x07invalid\x00\x07invalid\x00"), make([]byte, 20)...)
	binary.BigEndian.PutUint32(data[len(data)-20:], uint32(w.seq))
	sets := []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{data}}}
	for _, owner := range slices.Sorted(maps.Keys(w.names)) {
		for _, r := range w.names[owner] {
			sets = append(sets, rr.Set{Owner: owner, Type: r.Type, TTL: r.TTL, Data: [][]byte{r.RData}})
		}
	}
	v, err := zone.Build(apex, sets)
	if err != nil {
		w.t.Fatal(err)
	}
	w.db.Reset("cat", "acc", w.seq, v, v, zone.Links{Enabled: true, Hidden: true, Peers: []string{"p"}}, nil)
}

func (w *world) change(_ context.Context, c model.Change) (model.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fails > 0 {
		w.fails--
		return model.Result{}, errors.New("no database")
	}
	w.changes++
	for _, e := range c.Edits {
		e := e.(model.ReplaceAt)
		if delete(w.names, e.Name); len(e.Records) > 0 {
			w.names[e.Name] = e.Records
		}
	}
	w.publish()
	return model.Result{}, nil
}

// linked lists what the feed would.
func (w *world) linked(model.ID) (out []*zone.Zone) {
	w.db.All(func(z *zone.Zone) bool { out = append(out, z); return true })
	return out
}

// run starts a node's keeper, and ends it with the test.
func (w *world) run(ctx context.Context) {
	k := catalog.New(catalog.Config{
		DB: w.db, Linked: w.linked, Change: w.change,
		Peer: func(context.Context, model.ID, model.ID) (model.Peer, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return model.Peer{ID: "p", MayLose: w.mayLose}, nil
		},
		Exists: func(_ context.Context, id model.ID) (bool, error) { return w.damaged[id], nil },
	})
	w.keepers = append(w.keepers, k)
	go func() {
		if err := k.Run(ctx); err != nil {
			w.t.Error(err)
		}
	}()
}

func (w *world) link(name string, l zone.Links) {
	v, err := zone.Build(wire.MustName(name), []rr.Set{{
		Owner: wire.MustName(name), Type: wire.TypeSOA, TTL: 60, Data: [][]byte{append([]byte("\x01a\x00\x01b\x00"), make([]byte, 20)...)},
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	z := w.db.Reset("id-"+name, "acc", 1, v, v, l, nil)
	for _, k := range w.keepers {
		k.Touched(z)
	}
}

func (w *world) drop(name string) {
	z := w.db.ByID("id-" + name)
	w.db.Remove(z.ID)
	for _, k := range w.keepers {
		k.Gone(z)
	}
}

// lists waits, and says what the catalog lists then, and how many changes it took.
func (w *world) lists(after time.Duration) string {
	time.Sleep(after)
	synctest.Wait()
	var out []string
	for _, m := range catalog.Members(w.db.ByID("cat").State().Transfer) {
		word := m.Zone.Host()
		if m.Group != "" {
			word += "=" + m.Group
		}
		out = append(out, word)
	}
	slices.Sort(out)
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprint(strings.Join(out, " "), " ", w.changes)
}

func (w *world) is(after time.Duration, want string) {
	w.t.Helper()
	if got := w.lists(after); got != want {
		w.t.Errorf("after %v: %q, want %q", after, got, want)
	}
}

var on = zone.Links{Enabled: true, Peers: []string{"q", "p"}}

// A catalog follows the links: at once where zones come, after a while of rest where they go, and not without a word where many do.
func TestKeeper(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer func() { cancel(); synctest.Wait() }()
		w := newWorld(t)
		w.link("was.there", on) // before the start
		w.run(ctx)
		w.is(time.Second, "was.there 1")
		w.link("one", on)
		w.link("off", zone.Links{Peers: []string{"p"}})
		w.link("others", zone.Links{Enabled: true, Peers: []string{"q"}})
		w.link("two", zone.Links{Enabled: true, Peers: []string{"q", "p"}, Groups: []string{"not.ours", "gold"}})
		w.is(time.Second, "one two=gold was.there 2")
		w.link("two", on)
		w.is(time.Second, "one two was.there 3")
		w.drop("two")
		w.is(time.Second, "one two was.there 3")
		w.is(3*time.Second, "one was.there 4")
		w.fails = 1
		w.link("three", on)
		w.is(time.Second, "one was.there 4")
		w.is(time.Minute, "one three was.there 5")
		w.link("four", on)
		w.is(time.Second, "four one three was.there 6")

		// One by one, a second apart, is many at once.
		for _, name := range []string{"one", "three", "four", "was.there"} {
			w.drop(name)
			time.Sleep(time.Second)
		}
		w.is(time.Minute, "four one three was.there 6")
		w.link("new", on)
		w.is(time.Second, "four new one three was.there 7")
		w.drop("new") // not among what is confirmed
		z := w.db.ByID("cat")
		w.mu.Lock()
		w.mayLose = catalog.StandingOf(z, nil).Losses
		w.mu.Unlock()
		w.keepers[0].Touched(z)
		w.is(time.Minute, " 8")
	})
}

// Two that keep one catalog do nothing twice; and a zone that memory has lost, but not the store, is no loss.
func TestKeepersAgree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer func() { cancel(); synctest.Wait() }()
		w := newWorld(t)
		w.run(ctx)
		w.run(ctx)
		synctest.Wait()
		w.link("one", on)
		w.link("two", on)
		if got := w.lists(time.Minute); !strings.HasPrefix(got, "one two ") {
			t.Error(got)
		}
		before := len(w.names)
		w.keepers[1].Review()
		if time.Sleep(time.Hour); len(w.names) != before || w.changes > 2 {
			t.Errorf("%d names after %d changes", len(w.names), w.changes)
		}
		w.damaged["id-two"] = true
		w.drop("two")
		if got := w.lists(time.Minute); !strings.HasPrefix(got, "one two ") {
			t.Error(got)
		}
	})
}
