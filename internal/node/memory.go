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

// tune gives back to the system what loading has left behind, a moment after it is over, for the first questions come then, and what any
// large work leaves later; and keeps the percentage in step with what is alive, until ctx ends.
func (h *heap) tune(ctx context.Context, loaded <-chan struct{}) error {
	select {
	case <-loaded:
	case <-ctx.Done():
		return nil
	}
	tick := time.NewTicker(gcLookAgain)
	defer tick.Stop()
	left := leavings{last: metric("/gc/heap/allocs:bytes")}
	for free := true; ; free = false {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if over := left.over(metric("/gc/heap/allocs:bytes")); free || over {
			debug.FreeOSMemory()
			h.begin()
		}
		h.follow(gcPercent(metric("/gc/heap/live:bytes")))
	}
}

// Large works (a zone signed for the first time, an import, a batch of thousands) leave garbage that nobody collects while little happens, for
// it fits into what the heap may grow to, and memory that the runtime gives back slowly: some hundreds of megabytes, for minutes.
const (
	workLeast  = 128 << 20 // octets that a work has allocated for it to be large
	calmMost   = 4 << 20   // octets a look while nothing large is at work
	calmLooks  = 3         // after which it is over
	freePauses = 60        // looks between two times: memory that is given back costs time when it is wanted again
)

// leavings knows from how much was ever allocated when a large work is over.
type leavings struct {
	last  uint64 // octets, at the last look
	work  uint64 // octets since memory was given back, but for those of calm looks
	calm  int    // looks, one after the other
	pause int    // looks that have to go by
}

// over takes a look, and says whether memory is to be given back now.
func (l *leavings) over(allocated uint64) bool {
	more := allocated - l.last
	l.last = allocated
	l.calm, l.pause = l.calm+1, l.pause-1
	if more > calmMost {
		l.calm = 0
		l.work += more
	}
	if l.calm < calmLooks || l.pause > 0 || l.work < workLeast {
		return false
	}
	l.work, l.pause = 0, freePauses
	return true
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

// metric is a number of octets that the runtime counts; 0 if it does not.
func metric(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
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
