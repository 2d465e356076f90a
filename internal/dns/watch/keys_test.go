package watch_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// A peer uses the new key once it was seen with it for certain, and not with the old one since. That outlives the process, and
// what two nodes have seen is told together.
func TestWhichKeyIsUsed(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	clock := func() time.Time { now = now.Add(time.Second); return now }
	var saved []watch.Memory
	db := database(t, 5, netip.MustParseAddrPort("192.0.2.1:53"))
	made := func() *watch.Watcher {
		return watch.New(watch.Config{DB: db, Now: clock, Save: func(_ context.Context, list []watch.Memory) error {
			saved = append(saved, list...)
			return nil
		}})
	}
	w := made()
	asked := func(key string, who ...string) func(*watch.Watcher) {
		return func(w *watch.Watcher) { w.Asked("z", client(who...), wire.MustName(key)) }
	}
	took := func(key string, who ...string) func(*watch.Watcher) {
		return func(w *watch.Watcher) {
			w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client(who...), Kind: xfr.IXFR, To: 5, Key: key})
		}
	}
	refused := func(w *watch.Watcher) {
		w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("p"), Cause: xfr.CauseSignature, Key: "old."})
	}
	is := func(w *watch.Watcher, want watch.KeyUse) {
		t.Helper()
		if got, on := w.KeyUses("z", "p", "old.", "new."); got != want || on.IsZero() != (want == watch.UseUnseen) {
			t.Errorf("%s on %v, want %s", got, on, want)
		}
	}
	is(w, watch.UseUnseen)
	for _, step := range []struct {
		do   func(*watch.Watcher)
		want watch.KeyUse
	}{
		{asked("another", "p"), watch.UseUnseen},
		{asked("new", "p", "neighbour"), watch.UseUnsure},
		{took("old.", "p"), watch.UsesOld},
		{asked("new", "p", "neighbour"), watch.UsesOld},
		{asked("new", "p"), watch.UsesNew},
		{took("old.", "p", "neighbour"), watch.UsesOld},
		{took("new.", "p"), watch.UsesNew},
		{refused, watch.UsesNew}, // anybody can name a key
	} {
		step.do(w)
		is(w, step.want)
	}
	if name, _ := w.KeyOf("z", "p"); name != "new." {
		t.Errorf("last seen with %s", name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Run(ctx); err != nil || len(saved) != 1 {
		t.Fatalf("%v, saved %d", err, len(saved))
	}
	next, other := made(), made()
	next.Load(saved)
	is(next, watch.UsesNew)
	asked("old", "p")(other)
	other.Load(saved)
	is(other, watch.UsesOld)
}

// A node that loads what another saved does not pass for one that saw it: the peer asks here with the old key still, though it asks there with
// the new one, and whoever retires the old key hears so at every node. Nor is what was loaded told to others as seen here.
func TestKeysThatOthersSaw(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	var saved []watch.Memory
	db := database(t, 5, netip.MustParseAddrPort("192.0.2.1:53"))
	keyed := func(name string) *tsig.Key {
		k, err := tsig.NewKey(name, "hmac-sha256", "c2VjcmV0", false)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	db.SetAccount(&zone.Account{ID: "acc", Peers: map[string]zone.Peer{"p": {ID: "p", Name: "peer", Addr: netip.MustParseAddrPort("192.0.2.1:53"), Key: keyed("old."), Next: keyed("new.")}}})
	made := func(node string) *watch.Watcher {
		return watch.New(watch.Config{DB: db, Shared: true, Here: node, Now: func() time.Time { now = now.Add(time.Second); return now }, Save: func(_ context.Context, list []watch.Memory) error {
			saved = append(saved, list...)
			return nil
		}})
	}
	here, there := made("here"), made("there")
	asked := func(w *watch.Watcher, key string) { w.Asked("z", client("p"), wire.MustName(key)) }
	var told []watch.Sighting // as the database has it
	tell := func(w *watch.Watcher, node string) {
		for _, s := range w.Sightings() {
			s.Node = node
			told = append(told, s)
		}
	}
	asked(there, "new")
	tell(there, "there")
	asked(here, "old")
	tell(here, "here")
	asked(there, "new")
	tell(there, "there")
	if len(told) != 3 {
		t.Fatalf("told %+v", told)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := there.Run(ctx); err != nil || len(saved) != 1 {
		t.Fatalf("%v, saved %d", err, len(saved))
	}
	again := made("here") // which was here, and died
	for node, w := range map[string]*watch.Watcher{"here": again, "there": there} {
		w.Load(saved)
		if list := w.Sightings(); len(list) > 0 {
			t.Errorf("%s tells what it did not see: %+v", node, list)
		}
		if got, _ := watch.Uses(append(slices.Clone(told), w.Seen("z", "p")...), "old.", "new."); got != watch.UsesOld {
			t.Errorf("%s says that it uses the %s key", node, got)
		}
	}
	saved = nil
	if err := here.Run(ctx); err != nil || len(saved) != 1 { // what it saved before it died outlives what it saw
		t.Fatalf("%v, saved %d", err, len(saved))
	}
	there.Load(saved)
	asked(again, "new")
	tell(again, "here")
	for node, w := range map[string]*watch.Watcher{"here": again, "there": there} {
		if got, _ := watch.Uses(append(slices.Clone(told), w.Seen("z", "p")...), "old.", "new."); got != watch.UsesNew {
			t.Errorf("%s says that it uses the %s key", node, got)
		}
	}
}
