package node

import (
	"math"
	"runtime"
	"testing"
	"time"
)

func TestGCPercent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		live uint64
		want int
	}{{0, 100}, {10 << 20, 100}, {64 << 20, 100}, {128 << 20, 50}, {1 << 30, 25}, {1 << 40, 25}} {
		if got := gcPercent(tt.live); got != tt.want {
			t.Errorf("%d octets: %d percent, want %d", tt.live, got, tt.want)
		}
	}
	runtime.GC()
	if live := liveHeap(); live == 0 || live > 1<<40 {
		t.Errorf("%d octets are alive", live)
	}
}

// The first collection is put off, and whatever comes of it: from it on the heap may only double.
func TestFirstCollection(t *testing.T) { //nolint:paralleltest // there is one collector
	h := newHeap()
	if h.percent != 800 {
		t.Errorf("%d percent before", h.percent)
	}
	percent := func() int {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.percent
	}
	for end := time.Now().Add(10 * time.Second); percent() != gcMost; runtime.Gosched() {
		if runtime.GC(); time.Now().After(end) {
			t.Fatalf("%d percent after", percent())
		}
	}
	h.follow(gcMost / 2)
	h.begin()
	if percent() != gcMost/2 {
		t.Error("the first collection counts twice")
	}
	h.follow(gcMost)
}

func TestImportMemory(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ asked, limit, want int64 }{
		{0, math.MaxInt64, 1 << 30}, {0, 400 << 20, 100 << 20}, {5 << 20, 400 << 20, 5 << 20},
	} {
		if got := importMemory(tt.asked, tt.limit); got != tt.want {
			t.Errorf("asked for %d of %d: %d, want %d", tt.asked, tt.limit, got, tt.want)
		}
	}
}
