package server

import (
	"slices"
	"testing"
)

// Who is asked seldom has the scheduler told of nearly all waits, and who is asked much of none.
func TestWaitsThatNobodyHearsOf(t *testing.T) {
	t.Parallel()
	var f fastSocket
	told := func(waits int, comes func(n int) bool) (told []int) {
		run := 0
		for n := range waits {
			if !f.mayWait() {
				run++
				continue
			}
			told, run = append(told, run), 0
			f.waited(comes(n))
		}
		return told
	}
	never := func(int) bool { return false }
	always := func(int) bool { return true }
	if got, want := told(200, never), []int{0, 1, 3, 7, 15, 31, 63}; !slices.Equal(got[:len(want)], want) {
		t.Errorf("where nothing comes, told of %v waits in between, want %v", got, want)
	}
	for f.failed != passesMost {
		told(1, never)
	}
	told(passesMost+1, always)
	if got := told(50, always); len(got) != 50 || slices.Max(got) != 0 {
		t.Errorf("where much comes, told of %v waits in between", got)
	}
}
