package estate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

const (
	waiters = 200
	soon    = 100 * time.Millisecond
	rounds  = 5 // for each program, where others have the machine at that moment
)

// ask asks who serves a zone, and tells when the question has been sent.
func ask(t *testing.T, n *node.Node, path string, sent func()) (is liveness) {
	t.Helper()
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent() }})
	a, err := n.Do(ctx, http.MethodGet, path, nil)
	if err != nil || a.Status != http.StatusOK {
		t.Errorf("%s: %v, %+v", path, err, a)
		return is
	}
	if err := json.Unmarshal(a.Result, &is); err != nil {
		t.Error(err)
	}
	return is
}

// askAll has as many ask as wait, and gives when each had its answer, from the first to the last. Sent is called when all questions are on their way.
func askAll(t *testing.T, n *node.Node, path string, sent func()) (answered []time.Time) {
	t.Helper()
	var mu sync.Mutex
	var asked, told sync.WaitGroup
	asked.Add(waiters)
	for range waiters {
		told.Go(func() {
			once := sync.OnceFunc(asked.Done)
			defer once()
			is := ask(t, n, path, once)
			now := time.Now()
			mu.Lock()
			defer mu.Unlock()
			if answered = append(answered, now); !is.Live {
				t.Errorf("%s: %+v", path, is)
			}
		})
	}
	asked.Wait()
	sent()
	told.Wait()
	slices.SortFunc(answered, time.Time.Compare)
	return answered
}

// returns has a secondary stop, the zone change, all others follow, 200 wait, and the secondary come back; and measures when the last of them is answered, beside
// the first answer of the secondary to a query of our own that has the change. The machine is somebody else's, too: a round counts in
// which it can answer as many who need not wait within half of that time, and does not hold the test itself up.
func returns(t *testing.T, n *node.Node, zone string, sec *peers.Secondary, change func() uint32) {
	t.Helper()
	apex := wire.MustName("live.example")
	var late, control, gap time.Duration
	for round := range rounds {
		if err := sec.Stop(); err != nil {
			t.Fatal(err)
		}
		serial := change()
		path := fmt.Sprintf("/headwater/v1/zones/%s/live?serial=%d", zone, serial)
		if is := ask(t, n, fmt.Sprint(path, "&wait=1m&quorum=", len(peers.Programs())-1), func() {}); !is.Live || !slices.Equal(is.Missing, []string{string(sec.Program())}) {
			t.Fatalf("%s is stopped: %+v", sec.Program(), is)
		}
		var serves time.Time
		gap = 0
		seen := make(chan struct{})
		answered := askAll(t, n, path+"&wait=2m", func() {
			go func() {
				defer close(seen)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				for last := time.Now(); ctx.Err() == nil; last = time.Now() {
					time.Sleep(2 * time.Millisecond)
					gap = max(gap, time.Since(last))
					if got, err := peers.Serial(ctx, sec.Addr(), apex); err == nil && (got == serial || wire.SerialNewer(got, serial)) {
						serves = time.Now()
						return
					}
				}
			}()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := sec.Restart(ctx); err != nil {
				t.Error(err)
			}
		})
		if <-seen; serves.IsZero() || len(answered) != waiters {
			t.Fatalf("%s did not come back, or %d were answered\n%s", sec.Program(), len(answered), sec.Log())
		}
		late = answered[waiters-1].Sub(serves)
		begin := time.Now()
		now := askAll(t, n, path+"&wait=0s", func() {})
		control = now[waiters-1].Sub(begin)
		t.Logf("%s, round %d: the first of %d is told %.1f ms after it serves the change, the last %.1f ms; who need not wait, all in %.1f ms; our own query was held up %.1f ms",
			sec.Program(), round, waiters, ms(answered[0].Sub(serves)), ms(late), ms(control), ms(gap))
		if late <= soon {
			return
		}
		if control <= soon/2 && gap <= soon/2 {
			break
		}
	}
	if late > soon+control+gap {
		t.Errorf("%s: the last is told %s after it serves the change; the machine needs %s for as many who need not wait, and held us up %s", sec.Program(), late, control, gap)
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
