package otlp_test

import (
	"compress/gzip"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/headwaterdns/headwater/internal/otlp"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// TestMain has spans sent at once, and not with the end, which waits for a second at most.
func TestMain(m *testing.M) {
	_ = os.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1") // ms; without it tests are slow, or fail on a slow machine
	os.Exit(m.Run())
}

// sent has one span sent as a configuration and the environment say, and gives the counts after the end.
func sent(t *testing.T, c otlp.Config) otlp.Stats {
	t.Helper()
	c.Sample, c.Now, c.Log, c.Version = 100, time.Now, slog.New(slog.DiscardHandler), "1.2.3"
	e, err := otlp.New(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	e.Begin("request", time.Now(), "").End(time.Now(), "")
	testkit.Until(t, func() string {
		if s := e.Stats(); s.Sent+s.Failed == 0 {
			return fmt.Sprintf("nothing has become of it: %+v", s)
		}
		return ""
	})
	if err := e.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	return e.Stats()
}

// TestEnvironment: what the environment says of the receiver, its headers, compression and certificate is what is done, and our own
// settings go before it.
func TestEnvironment(t *testing.T) {
	var got *http.Request
	var data spans.TracesData
	r := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		got = q
		body := io.Reader(q.Body)
		if q.Header.Get("Content-Encoding") == "gzip" {
			var err error
			if body, err = gzip.NewReader(body); err != nil {
				t.Error(err)
				return
			}
		}
		text, err := io.ReadAll(body)
		if err == nil {
			err = proto.Unmarshal(text, &data)
		}
		if err != nil {
			t.Error(err)
		}
	}))
	defer r.Close()
	ca, headers := t.TempDir()+"/ca.pem", t.TempDir()+"/headers"
	for file, text := range map[string][]byte{ca: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}), headers: []byte("x-from: file\n")} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const env = "OTEL_EXPORTER_OTLP_"
	for _, tt := range []struct {
		name              string
		c                 otlp.Config
		env               map[string]string
		path, from, coded string
	}{
		{"ours", otlp.Config{To: r.URL}, nil, "/v1/traces", "", ""},
		{"ours with a path", otlp.Config{To: r.URL + "/in"}, map[string]string{env + "ENDPOINT": "https://elsewhere"}, "/in", "", ""},
		{"everything's", otlp.Config{}, map[string]string{env + "ENDPOINT": r.URL + "/all/", env + "HEADERS": "x-from=the%20list, other=1"}, "/all/v1/traces", "the list", ""},
		{"that for traces", otlp.Config{}, map[string]string{env + "ENDPOINT": "https://elsewhere", env + "TRACES_ENDPOINT": r.URL}, "/", "", ""},
		{"its headers", otlp.Config{To: r.URL}, map[string]string{env + "HEADERS": "x-from=all", env + "TRACES_HEADERS": "x-from=traces"}, "/v1/traces", "traces", ""},
		{"the file's", otlp.Config{To: r.URL, HeadersFile: headers}, map[string]string{env + "HEADERS": "x-from=all"}, "/v1/traces", "file", ""},
		{"packed", otlp.Config{To: r.URL}, map[string]string{env + "COMPRESSION": "gzip"}, "/v1/traces", "", "gzip"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []string{"ENDPOINT", "TRACES_ENDPOINT", "HEADERS", "TRACES_HEADERS", "COMPRESSION"} {
				t.Setenv(env+name, tt.env[env+name])
			}
			t.Setenv(env+"CERTIFICATE", ca)
			got, data = nil, spans.TracesData{}
			if s := sent(t, tt.c); s.Sent != 1 || got == nil {
				t.Fatalf("%+v", s)
			}
			if got.URL.Path != tt.path || got.Header.Get("X-From") != tt.from || got.Header.Get("Content-Encoding") != tt.coded ||
				got.Header.Get("User-Agent") != "headwater/1.2.3" || got.Header.Get("Content-Type") != "application/x-protobuf" {
				t.Errorf("%s %v", got.URL.Path, got.Header)
			}
			if all := data.GetResourceSpans(); len(all) != 1 || all[0].GetScopeSpans()[0].GetSpans()[0].GetName() != "request" {
				t.Errorf("%v", all)
			}
		})
	}
	t.Setenv(env+"CERTIFICATE", "")
	if s := sent(t, otlp.Config{To: r.URL}); s.Failed != 1 {
		t.Errorf("a certificate that nobody knows: %+v", s)
	}
}

// TestUnusable: variables that cannot be used are no start, and what may be secret in them is not repeated.
func TestUnusable(t *testing.T) {
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_HEADERS": "s3cret", "OTEL_EXPORTER_OTLP_TIMEOUT": "10s", "OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere", "OTEL_EXPORTER_OTLP_CLIENT_KEY": "/nowhere",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			_, err := otlp.New(t.Context(), &otlp.Config{To: "http://127.0.0.1:1", Sample: 100, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
			if err == nil || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestTaken counts what a receiver has taken: not what it refuses in part, or wants later than there is time for.
func TestTaken(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		kind   string
		answer string
		taken  bool
	}{
		"taken":       {200, "application/x-protobuf", "", true},
		"with a word": {200, "application/x-protobuf", "\x0a\x06\x12\x04slow", true},
		"in part":     {200, "application/x-protobuf", "\x0a\x08\x08\x01\x12\x04full", false},
		"no message":  {200, "application/x-protobuf", "\xff\xff\xff", true},
		"half a one":  {200, "application/x-protobuf", "\x0a\x7f\x08", true},
		"other":       {202, "text/plain", "fine", true},
		"refused":     {400, "text/plain", "no", false},
		"later":       {503, "text/plain", "", false},
		"not here":    {404, "text/html", "<html>", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.kind)
				w.Header().Set("Retry-After", "3600")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.answer)
			}))
			t.Cleanup(r.Close)
			if s := sent(t, otlp.Config{To: r.URL}); (s.Sent == 1) != tt.taken || s.Sent+s.Failed > 1 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestAgain: who is busy is asked again when he said, with the same batch.
func TestAgain(t *testing.T) {
	t.Parallel()
	tries := make(chan int64, 10)
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if tries <- q.ContentLength; len(tries) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(r.Close)
	c := otlp.Config{To: r.URL, Sample: 100, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	e, err := otlp.New(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	e.Begin("request", time.Now(), "").End(time.Now(), "")
	for end := time.Now().Add(time.Minute); e.Stats().Sent == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%+v after %d tries", e.Stats(), len(tries))
		}
	}
	if a, b := <-tries, <-tries; a != b || a == 0 {
		t.Errorf("%d and %d octets", a, b)
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
