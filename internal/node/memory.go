package node

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
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

	// The first collection is at so much. Each looks through everything that the libraries have made at their beginning, which takes
	// as long as all else of a start with few zones.
	gcFirst = 32 << 20
	gcFloor = 4 << 20 // at which the runtime has it with 100 percent
)

// heap sets the percentage of the process's collector of garbage, which there is one of. GOGC, when set, is left alone;
// GOMEMLIMIT holds in any case.
type heap struct {
	chosen  bool // by GOGC
	mu      sync.Mutex
	percent int
	begun   bool // the first collection is over
}

// newHeap puts the first collection off.
func newHeap() *heap {
	_, chosen := os.LookupEnv("GOGC")
	h := &heap{chosen: chosen}
	h.set(gcFirst / gcFloor * gcMost)
	// The first thing that is collected tells of the collection, after which the heap may only double.
	runtime.AddCleanup(new(struct{ *heap }), func(*heap) { h.begin() }, nil)
	return h
}

func (h *heap) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.begun {
		h.begun = true
		h.set(gcMost)
	}
}

func (h *heap) set(percent int) {
	if h.percent = percent; !h.chosen {
		debug.SetGCPercent(percent)
	}
}

// tune gives back to the system what loading has left behind, a moment after it is over, for the first questions come then; and keeps
// the percentage in step with what is alive, until ctx ends.
func (h *heap) tune(ctx context.Context, loaded <-chan struct{}) error {
	select {
	case <-loaded:
	case <-ctx.Done():
		return nil
	}
	tick := time.NewTicker(gcLookAgain)
	defer tick.Stop()
	for free := true; ; free = false {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if free {
			debug.FreeOSMemory()
			h.begin()
		}
		h.follow(gcPercent(liveHeap()))
	}
}

// follow takes a percentage that differs by enough.
func (h *heap) follow(p int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p-h.percent >= gcStep || h.percent-p >= gcStep {
		h.set(p)
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
