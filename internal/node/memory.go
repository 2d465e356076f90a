package node

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Room that the collector leaves the heap to grow before it runs, where GOGC does not say: a share of what is alive,
// smaller the more that is. Zones are made once and kept, in pages that it need not look into, so running more often over
// a large heap costs little, and doubling it for the sake of garbage would cost all that memory.
const (
	gcRoom      = 64 << 20 // octets, at least where that is not above gcMost
	gcLeast     = 25       // percent
	gcMost      = 100
	gcStep      = 5           // smaller differences are not worth stopping for
	gcLookAgain = time.Second // an import may fill in a few
)

// tuneMemory gives back to the system what loading has left behind, once it is over, and then keeps the collector's
// percentage in step with what is alive, until ctx ends. GOGC, when set, is left alone; GOMEMLIMIT holds in any case.
func tuneMemory(ctx context.Context, loaded <-chan struct{}) error {
	select {
	case <-loaded:
	case <-ctx.Done():
		return nil
	}
	_, chosen := os.LookupEnv("GOGC")
	current := gcMost
	set := func() {
		if p := gcPercent(liveHeap()); !chosen && (p-current >= gcStep || current-p >= gcStep) {
			debug.SetGCPercent(p)
			current = p
		}
	}
	debug.FreeOSMemory()
	set()
	tick := time.NewTicker(gcLookAgain)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			set()
		}
	}
}

// gcPercent is the room for a heap of which so many octets are alive.
func gcPercent(live uint64) int {
	if live <= gcRoom {
		return gcMost
	}
	return max(gcLeast, int(gcRoom*100/live))
}

// liveHeap is what the last collection found alive.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}

// importMost is what all imports together may hold where nobody says otherwise.
const importMost = 1 << 30

// importMemory is what imports may hold: what was asked for, or else a quarter of the memory that the process may use, so that
// collecting garbage does not become all that it does.
func importMemory(asked, limit int64) int64 {
	if asked > 0 {
		return asked
	}
	return min(limit/4, importMost)
}
