package big

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/test/node"
)

// TestOthersDuringAnImport imports so many lines as HEADWATER_IMPORT says, or a few, while somebody adds records to another
// zone one after the other. Told how many, it is on a machine that does nothing else, of two cores, and what is promised of an
// import holds.
func TestOthersDuringAnImport(t *testing.T) {
	size, alone := 20_000, false
	if n, err := strconv.Atoi(os.Getenv("HEADWATER_IMPORT")); err == nil {
		size, alone = n, true
	}
	n := node.Must(t)
	var zone, other struct{ ID string }
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": apex.Host()}, &zone)
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": "other.example"}, &other)
	records := n.HTTP + "/client/v4/zones/"
	add := func(i int) time.Duration {
		start := time.Now()
		body := fmt.Sprintf(`{"name":"a%d","type":"A","content":"192.0.2.1"}`, i)
		res := send(t, http.MethodPost, records+other.ID+"/dns_records", "application/json", strings.NewReader(body))
		if res.StatusCode != http.StatusOK {
			t.Errorf("an addition beside the import: %s", res.Status)
		}
		_ = res.Body.Close()
		return time.Since(start)
	}
	add(0)
	before := serial(t, n)
	idle := memory(t, n, "VmRSS")
	done := make(chan time.Duration)
	go func() {
		start := time.Now()
		if added := upload(t, records+zone.ID+"/dns_records/import", size); added != size {
			t.Errorf("%d records added", added)
		}
		done <- time.Since(start)
	}()
	var waits []time.Duration
	took := time.Duration(0)
	for i := 1; took == 0; i++ {
		waits = append(waits, add(i))
		select {
		case took = <-done:
		default:
		}
	}
	slices.Sort(waits)
	at := func(share float64) time.Duration {
		return waits[int(share*float64(len(waits)-1))].Round(time.Microsecond)
	}
	t.Logf("%d lines in %v; meanwhile %d additions elsewhere, waits %v at the median, %v at p99, %v at most; memory came from %d to %d MiB",
		size, took.Round(time.Millisecond), len(waits), at(0.5), at(0.99), at(1), idle>>20, memory(t, n, "VmHWM")>>20)
	switch over := memory(t, n, "VmHWM") - idle; {
	case !alone && at(1) > max(5*time.Second, took/2): // where all takes long, none waits for all of it
		t.Errorf("an addition in another zone waited for %v", at(1))
	case alone && (at(0.5) > 50*time.Millisecond || at(0.99) > 500*time.Millisecond):
		t.Error("additions in another zone wait for too long")
	case alone && over > 600<<20:
		t.Errorf("the import took %d MiB", over>>20)
	case alone && took > 12*time.Second*time.Duration(max(size, 1_000_000))/1_000_000:
		t.Errorf("the import took %v", took)
	}
	if now := serial(t, n); now != before+1 {
		t.Errorf("the import took the serial from %d to %d", before, now)
	}
}
