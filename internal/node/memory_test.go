package node

import (
	"math"
	"runtime"
	"slices"
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
	if live := metric("/gc/heap/live:bytes"); live == 0 || live > 1<<40 {
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

// Memory is given back when a large work is over: at the third calm look, once, and not again for a minute.
func TestLeavings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		looks []int // MiB that were allocated since the look before
		want  []int // at which looks memory is given back
	}{
		{"nothing large", []int{0, 100, 0, 0, 0, 0}, nil},
		{"one large work", []int{0, 200, 0, 0, 0, 0, 0}, []int{4}},
		{"in pieces", []int{50, 50, 0, 50, 4, 4, 4, 4}, []int{6}},
		{"still at it", []int{200, 0, 0, 200, 0, 0, 200, 0, 0}, nil},
		{"a little all the time", slices.Repeat([]int{4}, 200), nil},
		{"twice within a minute", slices.Concat([]int{200, 0, 0, 0, 200}, make([]int, 80)), []int{3, 63}},
	} {
		var l leavings
		var got []int
		at := uint64(0)
		for i, look := range tt.looks {
			at += uint64(look) << 20
			if l.over(at) {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: given back at looks %v, want %v", tt.name, got, tt.want)
		}
	}
}
