package otlp_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/otlp"
	"github.com/headwaterdns/headwater/internal/trace"
)

// TestSettings: what cannot be used is refused with the name of the setting, and without what is secret in it.
func TestSettings(t *testing.T) {
	headers := func(text string) string {
		file := t.TempDir() + "/headers"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for _, tt := range []struct {
		name string
		c    otlp.Config
		env  map[string]string
		on   bool
		says string
	}{
		{"nothing", otlp.Config{}, nil, false, ""},
		{"ours", otlp.Config{To: "http://[::1]:4318"}, nil, true, ""},
		{"the environment's", otlp.Config{}, map[string]string{endpoint: "https://collector"}, true, ""},
		{"for traces", otlp.Config{}, map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://collector/v1/traces"}, true, ""},
		{"disabled", otlp.Config{}, map[string]string{endpoint: "https://collector", "OTEL_SDK_DISABLED": "TRUE"}, false, ""},
		{"no exporter", otlp.Config{}, map[string]string{endpoint: "https://collector", "OTEL_TRACES_EXPORTER": "none"}, false, ""},
		{"ours though disabled", otlp.Config{To: "https://collector"}, map[string]string{"OTEL_SDK_DISABLED": "true"}, true, ""},
		{"grpc", otlp.Config{}, map[string]string{endpoint: "http://collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, true, "OTEL_EXPORTER_OTLP_PROTOCOL"},
		{"grpc of others", otlp.Config{}, map[string]string{endpoint: "http://collector", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, true, ""},
		{"grpc where nothing is sent", otlp.Config{}, map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, ""},
		{"no URL", otlp.Config{To: "collector:4318"}, nil, true, "--traces-to"},
		{"a password", otlp.Config{To: "https://me:s3cret@collector"}, nil, true, "--traces-headers-file"},
		{"a broken one", otlp.Config{To: "https://me:s3cret@coll%ector"}, nil, true, "--traces-to"},
		{"of the environment", otlp.Config{}, map[string]string{endpoint: "collector"}, true, endpoint},
		{"too many", otlp.Config{Sample: 101}, nil, false, "--traces-sample"},
		{"too few", otlp.Config{Sample: -1}, nil, false, "--traces-sample"},
		{"headers for nobody", otlp.Config{HeadersFile: headers("a: b")}, nil, false, "--traces-headers-file"},
		{"headers", otlp.Config{To: "http://c", HeadersFile: headers("# a\n\nAuthorization: Bearer s3cret:s\n")}, nil, true, ""},
		{"no headers", otlp.Config{To: "http://c", HeadersFile: headers("Authorization Bearer s3cret")}, nil, true, "line 1"},
		{"no file", otlp.Config{To: "http://c", HeadersFile: "/nowhere/at/all"}, nil, true, "--traces-headers-file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []string{endpoint, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
				t.Setenv(name, tt.env[name])
			}
			err := tt.c.Valid()
			if tt.c.On() != tt.on || (err == nil) != (tt.says == "") || err != nil && (!strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("on %v: %v", tt.c.On(), err)
			}
		})
	}
}

// TestSampling: without a traceparent one in so many is recorded; with one, what it says; one that is none counts as none.
func TestSampling(t *testing.T) {
	r := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer r.Close()
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"
	for _, tt := range []struct {
		sample float64
		parent string
		want   bool
	}{
		{100, "", true},
		{0, "", false},
		{0, parent + "01", true},
		{100, parent + "00", false},
		{0, parent + "03", true},
		{0, "rubbish", false},
		{100, "rubbish", true},
		{0, strings.Repeat("0", 1<<16), false},
		{100, "00-00000000000000000000000000000000-00f067aa0ba902b7-00", true}, // of no trace
	} {
		e, err := otlp.New(t.Context(), &otlp.Config{To: r.URL, Sample: tt.sample, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		s := e.Begin("request", time.Now(), tt.parent)
		if (s != nil) != tt.want {
			t.Errorf("%v %.60q: %v", tt.sample, tt.parent, s)
		}
		if err := e.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if s != nil { // after the end nothing is recorded, and nothing breaks
			s.Child("late", trace.Internal, time.Now()).End(time.Now(), "")
			s.End(time.Now(), "")
		}
	}
}

// TestAwayAndBack: while the receiver is away nothing is kept beyond the queue, whoever ends spans waits for nobody, the log gets a
// line and not one for each batch, and what ends later is sent.
func TestAwayAndBack(t *testing.T) {
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "32")
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	var away atomic.Bool
	away.Store(true)
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if away.Load() {
			w.WriteHeader(http.StatusBadRequest) // which is not tried again
		}
	}))
	defer r.Close()
	var lines lineCount
	e, err := otlp.New(t.Context(), &otlp.Config{To: r.URL, Sample: 100, Now: time.Now, Log: slog.New(&lines)})
	if err != nil {
		t.Fatal(err)
	}
	end := func(n int) {
		for range n {
			e.Begin("request", time.Now(), "").End(time.Now(), "")
		}
	}
	until := func(what string, is func(otlp.Stats) bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !is(e.Stats()); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %+v", what, e.Stats())
			}
		}
	}
	for range 100 {
		end(10)
	}
	until("failing", func(s otlp.Stats) bool { return s.Failed >= 16 && s.Ended == 1000 })
	away.Store(false)
	until("back", func(s otlp.Stats) bool { end(1); return s.Sent > 0 })
	if err := e.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if n := lines.warn.Load(); n != 1 || lines.info.Load() != 1 {
		t.Errorf("%d warnings, %d lines", n, lines.info.Load())
	}
}

// lineCount is a log that counts its lines.
type lineCount struct{ warn, info atomic.Int64 }

func (*lineCount) Enabled(context.Context, slog.Level) bool { return true }
func (l *lineCount) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn {
		l.warn.Add(1)
	} else {
		l.info.Add(1)
	}
	return nil
}
func (l *lineCount) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *lineCount) WithGroup(string) slog.Handler      { return l }
