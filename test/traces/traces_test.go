// Package traces reads the traces of changes as a receiver of OpenTelemetry does.
package traces

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/headwaterdns/headwater/test/node"
)

// receiver takes spans as a collector does.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	spans  []*trace.Span
	bodies [][]byte
	tokens map[string]bool
	more   chan struct{}
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{more: make(chan struct{}, 1), tokens: map[string]bool{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		var in collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &in)
		}
		if err != nil || q.URL.Path != "/v1/traces" || q.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s %v: %v", q.URL, q.Header, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, rs := range in.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				r.spans = append(r.spans, ss.Spans...)
			}
		}
		r.bodies = append(r.bodies, body)
		r.tokens[q.Header.Get("X-Receiver-Token")] = true
		w.Header().Set("Content-Type", "application/x-protobuf")
		select {
		case r.more <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// of gives what has come of a trace.
func (r *receiver) of(id string) (out []*trace.Span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if hex.EncodeToString(s.TraceId) == id {
			out = append(out, s)
		}
	}
	return out
}

// wait waits until a trace has as many spans.
func (r *receiver) wait(t *testing.T, id string, n int) []*trace.Span {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		all := r.of(id)
		if len(all) >= n {
			return all
		}
		select {
		case <-r.more:
		case <-ctx.Done():
			t.Fatalf("%d spans of %d: %v", len(all), n, all)
		}
	}
}

func named(all []*trace.Span, name string) (out []*trace.Span) {
	for _, s := range all {
		if s.Name == name {
			out = append(out, s)
		}
	}
	return out
}

func events(s *trace.Span) (out []string) {
	for _, e := range s.Events {
		out = append(out, e.Name)
	}
	return out
}

// secondary hears NOTIFYs, and acknowledges those from the nth on.
func secondary(t *testing.T, from int) (port int) {
	t.Helper()
	secrets := map[string]string{tsigName: tsigSecret}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	heard := 0
	srv := &dns.Server{PacketConn: pc, TsigSecret: secrets, MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Opcode == dns.OpcodeNotify {
			if heard++; heard < from {
				return
			}
		} else {
			m.Rcode = dns.RcodeRefused
		}
		if ts := q.IsTsig(); ts != nil && w.TsigStatus() == nil {
			m.SetTsig(tsigName, dns.HmacSHA256, 300, time.Now().Unix())
		}
		_ = w.WriteMsg(m)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.ActivateAndServe() }()
	t.Cleanup(func() { _ = pc.Close(); <-done })
	return pc.LocalAddr().(*net.UDPAddr).Port
}

const (
	tsigName   = "transfer.traces.example."
	tsigSecret = "dHJhY2VzIGhhdmUgbm8gc2VjcmV0cyBpbiB0aGVt"
	said       = "what-a-record-says"
	note       = "what-is-noted"
)

// TestChange: a change with two secondaries is one trace, the caller's, from the request to both acknowledgements.
func TestChange(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	headers := t.TempDir() + "/headers"
	if err := os.WriteFile(headers, []byte("# for the receiver\nX-Receiver-Token: receivers-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := start(t, nil, "--traces-to", r.URL, "--traces-sample", "0", "--traces-headers-file", headers, "--probe-interval", "0")
	zone := zoneWith(t, n, secondary(t, 1), secondary(t, 2))

	const id, caller = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	do := func(flags, token string) int {
		a, err := n.Do(t.Context(), http.MethodPost, "/zones/"+zone+"/dns_records",
			map[string]any{"type": "TXT", "name": "t" + flags + token, "content": `"` + said + `"`},
			[2]string{"Traceparent", "00-" + id + "-" + caller + "-" + flags}, [2]string{"Authorization", "Bearer " + token}, [2]string{"Headwater-Note", note})
		if err != nil {
			t.Fatal(err)
		}
		return a.Status
	}
	// Neither what is not to be recorded nor what a stranger says is.
	if got := do("00", node.Token); got != http.StatusOK {
		t.Fatal(got)
	}
	if got := do("01", "of-a-stranger"); got < 400 {
		t.Fatal(got)
	}
	if got := do("01", node.Token); got != http.StatusOK {
		t.Fatal(got)
	}
	all := r.wait(t, id, 10)
	if len(all) != 10 {
		t.Errorf("%d spans", len(all))
	}
	request := named(all, "POST /client/v4/zones/{zone_id}/dns_records")
	if len(request) != 1 || hex.EncodeToString(request[0].ParentSpanId) != caller || request[0].Kind != trace.Span_SPAN_KIND_SERVER {
		t.Fatalf("%v", request)
	}
	group := named(all, "commit group")
	if len(group) != 1 || !bytes.Equal(group[0].ParentSpanId, request[0].SpanId) {
		t.Fatalf("%v", group)
	}
	var stages []string
	last := uint64(0)
	slices.SortStableFunc(all, func(a, b *trace.Span) int { return int(a.StartTimeUnixNano) - int(b.StartTimeUnixNano) })
	for _, s := range all {
		if !bytes.Equal(s.ParentSpanId, group[0].SpanId) {
			continue
		}
		stages = append(stages, s.Name)
		if s.StartTimeUnixNano < last || s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%s begins before the stage before has ended: %v", s.Name, s)
		}
		last = s.EndTimeUnixNano
	}
	slices.Sort(stages)
	if got := strings.Join(stages, " "); got != "commit lock plan publish queue write" {
		t.Errorf("stages: %s", got)
	}
	told := named(all, "NOTIFY")
	if len(told) != 2 {
		t.Fatalf("%v", told)
	}
	for _, s := range told {
		got := events(s)
		if !bytes.Equal(s.ParentSpanId, request[0].SpanId) || s.Kind != trace.Span_SPAN_KIND_CLIENT || s.Status.GetCode() == trace.Status_STATUS_CODE_ERROR ||
			got[0] != "sent" || got[len(got)-1] != "acknowledged" {
			t.Errorf("%v", s)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.tokens["receivers-token"] || len(r.tokens) != 1 {
		t.Errorf("%v", r.tokens)
	}
	for _, s := range r.spans {
		if hex.EncodeToString(s.TraceId) != id {
			t.Errorf("recorded, and nobody asked for it: %v", s)
		}
	}
	for _, secret := range []string{node.Token, node.Key, node.Pass, tsigSecret, tsigName, said, note, "of-a-stranger", "receivers-token"} {
		for _, b := range r.bodies {
			if bytes.Contains(b, []byte(strings.TrimSuffix(secret, "."))) {
				t.Errorf("%q left", secret)
			}
		}
	}
}

// TestHangingReceiver: a receiver that never answers keeps nobody waiting, has no more kept for it than the queue holds, and
// does not hold up the end.
func TestHangingReceiver(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	r := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(r.Close)
	t.Cleanup(func() { close(hang) })
	n := start(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + r.URL, "OTEL_BSP_MAX_QUEUE_SIZE=64", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=16"})
	zone := zoneWith(t, n)
	const changes = 100
	for i := range changes {
		n.Call(t, http.MethodPost, "/zones/"+zone+"/dns_records", map[string]any{"type": "A", "name": "h" + string(rune('a'+i%26)) + string(rune('a'+i/26)), "content": "192.0.2.1"}, nil)
	}
	res, err := http.Get(n.HTTP + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `headwater_trace_spans_total{outcome="sent"} 0`) || !strings.Contains(string(text), `headwater_trace_spans_total{outcome="ended"} `) {
		t.Error("spans were sent to nobody")
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if log := n.Log().String(); !strings.Contains(log, "traces not sent at the end") || strings.Contains(log, "did not stop in time") {
		t.Errorf("%s", log)
	}
}

// start starts a node that sends what it has at once.
func start(t *testing.T, env []string, flags ...string) *node.Node {
	t.Helper()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.StartAs(bin, append(env, "OTEL_BSP_SCHEDULE_DELAY=20"), t.TempDir(), flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	return n
}

// zoneWith makes a zone with secondaries at ports of loopback.
func zoneWith(t *testing.T, n *node.Node, ports ...int) (zone string) {
	t.Helper()
	type made struct{ ID string }
	var z, key made
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": "traces.example", "account": map[string]any{"id": n.Account}}, &z)
	own := "/accounts/" + n.Account + "/secondary_dns"
	n.Call(t, http.MethodPost, own+"/tsigs", map[string]any{"name": tsigName, "algo": "hmac-sha256.", "secret": tsigSecret}, &key)
	peers := []string{}
	for _, port := range ports {
		var p made
		n.Call(t, http.MethodPost, own+"/peers", map[string]any{"name": "a secondary", "ip": "127.0.0.1", "port": port, "tsig_id": key.ID}, &p)
		peers = append(peers, p.ID)
	}
	if len(peers) > 0 {
		n.Call(t, http.MethodPost, "/zones/"+z.ID+"/secondary_dns/outgoing", map[string]any{"name": "traces.example", "peers": peers}, nil)
		n.Call(t, http.MethodPost, "/zones/"+z.ID+"/secondary_dns/outgoing/enable", map[string]any{}, nil)
	}
	return z.ID
}
