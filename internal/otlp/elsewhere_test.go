package otlp_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/otlp"
	"github.com/headwaterdns/headwater/internal/trace"
)

// TestElsewhere: what names a span to another process lets that one go on below it, in the same trace; what names none, or one that
// is not recorded, does not, and nothing is recorded twice.
func TestElsewhere(t *testing.T) {
	r := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer r.Close()
	begin := func() *otlp.Exporter {
		e, err := otlp.New(t.Context(), &otlp.Config{To: r.URL, Sample: 0, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	one, two := begin(), begin()
	told := one.Begin("request", time.Now(), "00-"+id+"-00f067aa0ba902b7-01").Traceparent()
	if !strings.HasPrefix(told, "00-"+id+"-") || !strings.HasSuffix(told, "-01") || strings.Contains(told, "00f067aa0ba902b7") {
		t.Fatalf("it is told as %q", told)
	}
	span := two.Elsewhere(told)
	if span == nil || span.Traceparent() != told {
		t.Fatalf("%v", span)
	}
	below := span.Child("NOTIFY", trace.Client, time.Now())
	if got := below.Traceparent(); !strings.HasPrefix(got, "00-"+id+"-") || got == told {
		t.Errorf("below it is %q", got)
	}
	below.End(time.Now(), "")
	span.Event("nothing", time.Now())
	span.Set(trace.Text("a", "b"))
	span.End(time.Now(), "")
	for _, e := range []*otlp.Exporter{one, two} {
		if err := e.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if got := two.Stats(); got.Ended != 1 {
		t.Errorf("%+v: it records its own span alone", got)
	}
	for _, name := range []string{"", "rubbish", "00-" + id + "-00f067aa0ba902b7-00", "00-" + id + "-0000000000000000-01"} {
		if two.Elsewhere(name) != nil {
			t.Errorf("%q is a span", name)
		}
	}
}
