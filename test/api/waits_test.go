package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// wait has a call wait.
func wait(what string) as { return func(h http.Header) { h.Set("Headwater-Wait", what) } }

// TestWaitLive: a call that waits has done what it does, whatever comes of the waiting, and tells who serves it; what cannot be waited for is
// refused before anything is done, and so is one waiter too many.
func TestWaitLive(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []api.LiveWanted
	var left []time.Duration
	serial := uint32(7)
	answer := api.Liveness{Live: true, Serial: 9, Servers: []api.LiveServer{{Name: "one", Peer: true, Serial: &serial, State: api.SecondaryInStep, Live: true}, {Name: "two", Peer: true, State: api.SecondaryBehind}}}
	var fails error
	entered := make(chan struct{}, 8)
	hold := make(chan struct{})
	close(hold)
	s := newServer(t, func(c *api.Config) {
		c.Limits.WaitsEach, c.Limits.Waits, c.Limits.Batch = 2, 3, 3
		c.Live = func(ctx context.Context, z *model.Zone, want api.LiveWanted) (api.Liveness, error) {
			mu.Lock()
			end, _ := ctx.Deadline()
			asked, left = append(asked, want), append(left, time.Until(end))
			held, err := hold, fails
			mu.Unlock()
			entered <- struct{}{}
			select {
			case <-held:
			case <-ctx.Done():
			}
			return answer, err
		}
	})
	zone, id := s.zone("example.com")
	add := func(name string) string { return `{"type":"A","name":"` + name + `","content":"192.0.2.1"}` }
	last := func() (api.LiveWanted, time.Duration) {
		<-entered
		mu.Lock()
		defer mu.Unlock()
		return asked[len(asked)-1], left[len(left)-1]
	}
	live := func(r *reply) map[string]any {
		t.Helper()
		var v struct{ Live map[string]any }
		decode(t, []byte(r.Raw), &v)
		return v.Live
	}
	r := s.must("POST", zone+"/dns_records", add("a"), wait("live"))
	if got := live(r); got["live"] != true || got["serial"] != num(int(s.serial(id))) || fmt.Sprint(got["missing"]) != "[two]" || !strings.HasSuffix(r.Raw, "}}") {
		t.Errorf("%s", r.Raw)
	}
	if want, left := last(); want.Serial != s.serial(id) || want.Quorum != 0 || left > 30*time.Second || left < 10*time.Second {
		t.Errorf("by default: %+v for %s", want, left)
	}
	s.must("POST", zone+"/dns_records/batch", `{"posts":[`+add("b")+`]}`, wait("live; quorum=2; timeout=2m"))
	if want, left := last(); want.Serial != s.serial(id) || want.Quorum != 2 || left < 100*time.Second || left > 2*time.Minute {
		t.Errorf("%+v for %s", want, left)
	}
	s.must("PATCH", zone+"/dns_settings", `{"ns_ttl":7200}`, wait("live;quorum=all"))
	last()
	if r := s.must("GET", zone+"/dns_records", nil, wait("nonsense")); live(r) != nil {
		t.Errorf("a call that reads has waited: %s", r.Raw)
	}
	// Nobody knows who has it: it is done all the same.
	mu.Lock()
	fails = errors.New("no idea")
	mu.Unlock()
	if got := live(s.must("POST", zone+"/dns_records", add("c"), wait("live"))); got["live"] != false || got["trouble"] == nil {
		t.Errorf("%v", got)
	}
	last()
	mu.Lock()
	fails, answer.Live = nil, false
	mu.Unlock()
	if got := live(s.must("POST", zone+"/dns_records", add("d"), wait("live; timeout=0s"))); got["live"] != false || got["trouble"] != nil {
		t.Errorf("%v", got)
	}
	last()
	// What is refused does not wait, and what cannot be waited for is not done.
	s.fails(400, model.CodeIdentical, "POST", zone+"/dns_records", add("d"), wait("live"))
	before := s.dump()
	for _, bad := range []string{"all", "live; quorum=0", "live; quorum=1001", "live; timeout=6m", "live; timeout=x", "live; patience=1", "live;;", "live quorum=1"} {
		s.fails(400, model.CodeNoWait, "POST", zone+"/dns_records", add("e"), wait(bad))
	}
	s.fails(400, model.CodeNoWait, "POST", zone+"/dns_records", add("e"), wait("live"), dry)
	s.fails(400, model.CodeNoWait, "POST", "/zones", `{"name":"example.net"}`, wait("live"))
	s.fails(400, model.CodeNoWait, "DELETE", zone, nil, wait("live"))
	s.fails(400, model.CodeNoWait, "POST", s.secondaryDNS()+"/peers", `{"name":"p","ip":"192.0.2.1"}`, wait("live"))
	// The same of plans.
	for _, bad := range []string{"2", "yes", "on"} {
		s.fails(400, model.CodeNoPlan, "POST", zone+"/dns_records", add("e"), func(h http.Header) { h.Set("Headwater-Dry-Run", bad) })
	}
	s.fails(400, model.CodeNoPlan, "POST", "/user/tokens", `{"name":"t","policies":[]}`, dry)
	s.fails(400, model.CodeNoPlan, "POST", "/headwater/v1/session", `{"email":"admin@example.com","password":"correct horse battery staple"}`, dry, nobody)
	s.fails(400, model.CodeNoPlan, "POST", zone+"/dns_records", add("e"), into(strings.Repeat("e", 32)), dry)
	s.fails(400, model.CodeNoPlan, "POST", zone+"/dns_records", add("e"), into("no-id"))
	s.fails(400, model.CodeNoPlan, "POST", s.secondaryDNS()+"/peers", `{"name":"p","ip":"192.0.2.1"}`, into(strings.Repeat("e", 32)))
	file, kind := form(t, "file", "a1 A 192.0.2.1\na2 A 192.0.2.1\na3 A 192.0.2.1\na4 A 192.0.2.1\n")
	s.fails(400, model.CodePlanTooLarge, "POST", zone+"/dns_records/import", file, kind, dry)
	if s.dump() != before {
		t.Error("what was refused was done")
	}
	// Two of an account wait; a third is told to come again, before anything was done.
	mu.Lock()
	hold = make(chan struct{})
	mu.Unlock()
	var all sync.WaitGroup
	for _, n := range []string{"e", "f"} {
		all.Go(func() {
			s.send("POST", zone+"/dns_records", map[string]any{"type": "A", "name": n, "content": "192.0.2.1"}, wait("live"))
		})
		<-entered
	}
	if r := s.do("POST", zone+"/dns_records", add("g"), wait("live")); r.Status != 429 || r.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", r.Status, r.Raw)
	}
	close(hold)
	all.Wait()
	names := s.must("GET", zone+"/dns_records?per_page=100", nil).list(t)
	if len(names) != 6 {
		t.Errorf("%d records", len(names))
	}
	bare := newServer(t, func(c *api.Config) { c.Live = nil })
	other, _ := bare.zone("example.com")
	bare.fails(400, model.CodeNoWait, "POST", other+"/dns_records", add("a"), wait("live"))
}

// TestPlansAreBounded: a plan counts everything and tells the first of it.
func TestPlansAreBounded(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	zone, id := s.zone("example.com")
	var file strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&file, "h%d A 192.0.2.1\n", i)
	}
	body, kind := form(t, "file", file.String())
	serial := s.serial(id)
	p := planOf(t, s.must("POST", zone+"/dns_records/import", body, kind, dry))
	if z := p.Zones[0]; p.Counts.Added != 3000 || len(p.Objects) != 200 || z.Served.Count != 3000 || len(z.Served.RRsets) != 200 || z.Serial.After != serial+1 || s.serial(id) != serial {
		t.Errorf("%+v, %d objects, %d sets", p.Counts, len(p.Objects), z.Served.Count)
	}
}
