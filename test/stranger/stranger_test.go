package stranger

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	usual = 8 * time.Second // how long it lasts unless HEADWATER_STRANGER says otherwise
	most  = 512 << 20       // octets of memory that the process may use, kept by the kernel where it can be asked to
	slow  = 250 * time.Millisecond

	slowLong = 5 * time.Second
)

// TestStranger: no honest request fails, whatever strangers and the other tenant do, the process lives on and stays within
// its memory; run for long (make stranger), the honest tenant's additions are quick, too.
func TestStranger(t *testing.T) {
	length, long := usual, false
	if s := os.Getenv("HEADWATER_STRANGER"); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
		long = true
	}
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var harm, good sync.WaitGroup
	only := os.Getenv("HEADWATER_HARM") // some of them alone, with commas between, to see what they cost
	for _, h := range harms() {
		if only != "" && !slices.Contains(strings.Split(only, ","), h.name) {
			continue
		}
		for n := range h.copies {
			harm.Go(func() { h.do(ctx, w, n) })
		}
	}
	honest := &honest{w: w}
	good.Go(func() { honest.add(ctx) })
	good.Go(func() { honest.ask(ctx) })
	good.Go(func() { honest.carry(ctx) })
	good.Wait()
	cancel()
	harm.Wait()

	w.check(t)
	for _, err := range honest.failures {
		t.Errorf("an honest request failed: %v", err)
	}
	slices.Sort(honest.took)
	if len(honest.took) == 0 || honest.asked == 0 {
		t.Fatalf("%d additions, %d queries", len(honest.took), honest.asked)
	}
	p50, p99 := honest.took[len(honest.took)/2], honest.took[len(honest.took)*99/100]
	t.Logf("honest: %d additions, median %v, p99 %v, slowest %v; %d queries", len(honest.took),
		p50, p99, honest.took[len(honest.took)-1], honest.asked)
	if len(honest.long) == 0 {
		t.Fatal("not one import and export came to an end")
	}
	longest := slices.Max(honest.long)
	t.Logf("honest: %d imports of 3,000 lines with an export of all, slowest %v", len(honest.long), longest)
	if long && longest >= slowLong {
		t.Errorf("the honest tenant's import and export took %v", longest)
	}
	for _, h := range harms() {
		t.Logf("%s: %d times", h.name, w.count(h.name))
	}
	if long && p99 >= slow {
		t.Errorf("the honest tenant's additions took %v at p99", p99)
	}
}
