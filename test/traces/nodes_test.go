package traces

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/test/node"
)

// TestOtherNodeTells: whichever node takes a change, its trace ends at the secondary, which one node tells of it.
func TestOtherNodeTells(t *testing.T) {
	t.Parallel()
	pg, err := pgtest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	for _, tt := range []struct {
		name  string
		roles [2]string // of the nodes
		takes []int     // the nodes that changes are sent to
	}{
		{"alike", [2]string{"api,dns,notify", "api,dns,notify"}, []int{0, 1}},
		{"one takes, one tells", [2]string{"api", "notify"}, []int{0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			nodes := startOn(t, pg, r, tt.roles)
			if tt.roles[0] == tt.roles[1] {
				// The duty has gone to whom it falls: a node that takes it over does not know whom its predecessor has told within the minute
				// before, and tells of that once more.
				for _, n := range nodes {
					knows(t, n, len(nodes))
				}
			}
			zone := zoneWith(t, nodes[0], secondary(t, 1))
			var all sync.WaitGroup
			for _, at := range tt.takes {
				all.Go(func() {
					for i := range changes {
						change(t, nodes[at], zone, at, i)
					}
				})
			}
			all.Wait()
			for _, at := range tt.takes {
				for i := range changes {
					toldOnce(t, r, traceOf(at, i))
				}
			}
		})
	}
}

// knows waits until a node shares the zones with so many.
func knows(t *testing.T, n *node.Node, nodes int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for body := ""; !strings.Contains(body, fmt.Sprintf("\nnodes %d\n", nodes)); {
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("a node is alone: %s", body)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.HTTP+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		body = string(raw)
	}
}

// changes are how many a node takes, one after the other.
const changes = 10

// traceOf is the id of a change's trace.
func traceOf(at, i int) string { return fmt.Sprintf("4bf92f3577b34da6a3ce929d0e0%05x", at<<16|i) }

// change sends a change that is to be traced to a node.
func change(t *testing.T, n *node.Node, zone string, at, i int) {
	a, err := n.Do(t.Context(), http.MethodPost, "/zones/"+zone+"/dns_records",
		map[string]any{"type": "A", "name": fmt.Sprintf("n%d-%d", at, i), "content": "192.0.2.1"},
		[2]string{"Traceparent", "00-" + traceOf(at, i) + "-00f067aa0ba902b7-01"})
	if err != nil || a.Status != http.StatusOK {
		t.Errorf("%v, %v", a, err)
	}
}

// toldOnce waits for the whole trace of a change: the request, its group with six stages, and one NOTIFY.
func toldOnce(t *testing.T, r *receiver, id string) {
	t.Helper()
	spans := r.wait(t, id, 9)
	told := named(spans, "NOTIFY")
	if len(spans) != 9 || len(told) != 1 {
		t.Fatalf("%d spans, told %v", len(spans), told)
	}
	if got := events(told[0]); len(got) == 0 || got[len(got)-1] != "acknowledged" {
		t.Errorf("%v", told[0])
	}
	request := named(spans, "POST /client/v4/zones/{zone_id}/dns_records")
	if len(request) != 1 || string(request[0].SpanId) != string(told[0].ParentSpanId) {
		t.Errorf("NOTIFY is below %x, the request %v", told[0].ParentSpanId, request)
	}
}

// startOn starts two nodes at once on a new database of a server.
func startOn(t *testing.T, pg *pgtest.Server, r *receiver, roles [2]string) (nodes [2]*node.Node) {
	t.Helper()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))), 0o600); err != nil {
		t.Fatal(err)
	}
	url := pg.Database(t)
	var (
		all  sync.WaitGroup
		errs [2]error
	)
	for i := range nodes {
		dir := t.TempDir()
		all.Go(func() {
			nodes[i], errs[i] = node.StartAs(bin, []string{"OTEL_BSP_SCHEDULE_DELAY=20"}, dir, "--database", url, "--secret-key-file", key, "--roles", roles[i],
				"--notify-interval", "20ms", "--traces-to", r.URL, "--traces-sample", "0", "--probe-interval", "0")
		})
	}
	all.Wait()
	for i, n := range nodes {
		if errs[i] != nil {
			t.Fatalf("node %d: %v", i, errs[i])
		}
		t.Cleanup(n.Kill)
	}
	return nodes
}
