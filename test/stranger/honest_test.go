package stranger

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// honest is a tenant who adds records one at a time, and resolvers that ask for them.
type honest struct {
	w     *world
	took  []time.Duration // of each addition
	long  []time.Duration // of each import with an export of all behind it
	asked int

	mu       sync.Mutex
	failures []error
}

// How often, so that the honest are no load of their own.
const (
	addEvery = 25 * time.Millisecond
	askEvery = 5 * time.Millisecond

	carryEvery = 4 * time.Second
)

// failed remembers a failure; enough of them are enough.
func (h *honest) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.failures) < 20 {
		h.failures = append(h.failures, err)
	}
}

func (h *honest) add(ctx context.Context) {
	tick := time.NewTicker(addEvery)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := h.addOne(context.WithoutCancel(ctx), i); err != nil {
			h.failed(err)
		}
	}
}

// addOne adds a record and asks for it: what was acknowledged is there.
func (h *honest) addOne(ctx context.Context, i int) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	host := fmt.Sprintf("h%d.honest.example", i)
	start := time.Now()
	a, err := h.w.n.Do(ctx, http.MethodPost, "/zones/"+h.w.zone+"/dns_records", map[string]any{
		"type": "A", "name": host, "content": "192.0.2.7",
	})
	if err != nil {
		return err
	}
	h.took = append(h.took, time.Since(start))
	if a.Status != http.StatusOK {
		return fmt.Errorf("add %s: %d %.300s", host, a.Status, a.Body)
	}
	return h.look(ctx, host)
}

// carry imports a file now and then, and exports the zone: work that takes turns with what strangers have this server do.
func (h *honest) carry(ctx context.Context) {
	tick := time.NewTicker(carryEvery)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		start := time.Now()
		if err := h.carryOne(context.WithoutCancel(ctx), i); err != nil {
			h.failed(err)
		}
		h.long = append(h.long, time.Since(start))
	}
}

func (h *honest) carryOne(ctx context.Context, i int) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	var file strings.Builder
	for k := range 3000 {
		fmt.Fprintf(&file, "i%d-%d.honest.example. 300 IN A 192.0.2.8\n", i, k)
	}
	if err := h.w.importFile(ctx, h.w.zone, node.Token, file.String()); err != nil {
		return err
	}
	return h.w.fetch(ctx, http.MethodGet, "/client/v4/zones/"+h.w.zone+"/dns_records/export", node.Token, "", nil)
}

func (h *honest) ask(ctx context.Context) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := h.look(context.WithoutCancel(ctx), "www.honest.example"); err != nil {
			h.failed(err)
		}
		h.asked++
	}
}

// look asks again, as resolvers do, when a datagram was lost, and gives up after ten seconds, as they do.
func (h *honest) look(ctx context.Context, host string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	msg, err := peers.Ask(ctx, "udp", h.w.n.DNS, wire.MustName(host), wire.TypeA)
	if err != nil {
		return err
	}
	if f := wire.HeaderFlags(msg); f.Rcode() != wire.RcodeNoError || msg[7] == 0 {
		return fmt.Errorf("%s: %s with %d answers", host, f.Rcode(), msg[7])
	}
	return nil
}
