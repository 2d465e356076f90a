package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// TestLive hands on what is waited for, says who is missing when it took too long, refuses what cannot be waited for, and has no account
// wait more than its share.
func TestLive(t *testing.T) {
	t.Parallel()
	serial := uint32(7)
	var mu sync.Mutex
	var asked api.LiveWanted
	var left []time.Duration
	answer := api.Liveness{Live: true, Serial: 9, Servers: []api.LiveServer{
		{Name: "one", Peer: true, Address: "192.0.2.1:53", State: api.SecondaryInStep, Serial: &serial, Live: true},
		{Name: "ns.example.com", Address: "192.0.2.2", State: api.SecondaryUnreachable, Cause: "no answer in time"},
		{Name: "ns.example.com", Address: "192.0.2.3", State: api.SecondaryUnknown},
	}}
	var fails error
	entered, gone := make(chan struct{}, 8), make(chan struct{}, 8)
	hold := false
	s := newServer(t, func(c *api.Config) {
		c.Limits.WaitsEach, c.Limits.Waits = 2, 3
		c.Live = func(ctx context.Context, _ *model.Zone, want api.LiveWanted) (api.Liveness, error) {
			mu.Lock()
			end, _ := ctx.Deadline()
			asked, left = want, append(left, time.Until(end))
			held := hold
			mu.Unlock()
			if held {
				entered <- struct{}{}
				<-ctx.Done()
				gone <- struct{}{}
			}
			return answer, fails
		}
	})
	zone, id := s.zone("example.com")
	path := "/headwater/v1" + zone + "/live"
	got := s.must("GET", path, nil).object(t)
	if got["zone_id"] != id || got["live"] != true || got["serial"] != num(int(s.serial(id))) || got["zone_serial"] != num(9) || fmt.Sprint(got["missing"]) != "[ns.example.com]" || len(got["servers"].([]any)) != 3 {
		t.Errorf("%v", got)
	}
	if one := got["servers"].([]any)[0].(map[string]any); one["kind"] != "peer" || one["serial"] != num(7) || one["seen_on"] != nil {
		t.Errorf("%v", one)
	}
	if asked.Serial != s.serial(id) || asked.Quorum != 0 || left[0] > 30*time.Second || left[0] < 15*time.Second {
		t.Errorf("by default: %+v for %s", asked, left[0])
	}
	answer.Live = false
	if got := s.must("GET", path+"?serial=4294967295&wait=5m&quorum=2", nil).object(t); got["live"] != false || got["serial"].(fmt.Stringer).String() != "4294967295" {
		t.Errorf("%v", got)
	}
	if asked.Serial != 4294967295 || asked.Quorum != 2 || left[1] < 4*time.Minute {
		t.Errorf("%+v for %s", asked, left[1])
	}
	for _, query := range []string{
		"serial=-1", "serial=4294967296", "serial=x", "wait=5m1s", "wait=-1s", "wait=30", "wait=NaNs", "quorum=0", "quorum=-1", "quorum=1001", "quorum=most",
	} {
		s.fails(400, model.CodeRequestInvalid, "GET", path+"?"+query, nil)
	}
	s.must("GET", path+"?wait=0s&quorum=all", nil)
	fails = model.ErrNotFound
	s.fails(404, model.CodeZoneInvalid, "GET", path, nil)
	fails = nil
	bare := newServer(t, func(c *api.Config) { c.Live = nil })
	other, _ := bare.zone("example.com")
	bare.fails(404, 10404, "GET", "/headwater/v1"+other+"/live", nil)

	// Two of an account wait, a third is told to come again; with its client, a waiter gives its place back.
	mu.Lock()
	hold = true
	mu.Unlock()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var clients sync.WaitGroup
	for range 2 {
		clients.Go(func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path+"?wait=5m", http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Authorization", "Bearer "+s.token)
			res, err := s.client.Do(req)
			if err == nil {
				res.Body.Close()
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		})
		<-entered
	}
	if r := s.fails(http.StatusTooManyRequests, 10100, "GET", path, nil); r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.must("GET", zone, nil) // what does not wait goes on
	leave()
	clients.Wait()
	<-gone
	<-gone
	mu.Lock()
	hold = false
	mu.Unlock()
	s.must("GET", path, nil)
}
