package watch_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
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
