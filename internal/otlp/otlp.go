package otlp

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	otel "go.opentelemetry.io/otel/trace"

	"github.com/headwaterdns/headwater/internal/trace"
)

// Bounds of what one span may hold, whatever is told of it.
const (
	valueMost  = 256 // octets of an attribute
	attrsMost  = 32
	eventsMost = 32
)

// stopWithin is how long the end of the program waits for the receiver.
const stopWithin = time.Second

// Exporter records spans and sends them, in batches, beside everything else. It is a trace.Tracer.
type Exporter struct {
	provider *sdk.TracerProvider
	tracer   otel.Tracer
	out      sender
	ended    atomic.Uint64
}

// New begins to send as a valid configuration says; Stop ends it.
func New(ctx context.Context, c *Config) (*Exporter, error) {
	p, err := newPoster(c)
	if err != nil {
		return nil, err
	}
	e := &Exporter{}
	e.out.cfg = c
	if e.out.SpanExporter, err = otlptrace.New(ctx, p); err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", "headwater"), attribute.String("service.version", c.Version), attribute.String("host.name", c.Host),
	), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	limits := sdk.NewSpanLimits()
	limits.AttributeValueLengthLimit, limits.AttributeCountLimit, limits.EventCountLimit = valueMost, attrsMost, eventsMost
	opts := []sdk.TracerProviderOption{
		sdk.WithResource(about), sdk.WithRawSpanLimits(limits), sdk.WithSpanProcessor(counting{e}), sdk.WithBatcher(&e.out),
	}
	if c.Sample != 100 || os.Getenv(envSampler) == "" {
		opts = append(opts, sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(c.Sample/100))))
	}
	e.provider = sdk.NewTracerProvider(opts...)
	e.tracer = e.provider.Tracer("github.com/headwaterdns/headwater")
	return e, nil
}

// Stop sends what has ended, for as long as that is allowed to take.
func (e *Exporter) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	if err := e.provider.Shutdown(ctx); err != nil {
		e.out.cfg.Log.Info("traces not sent at the end", "error", err)
	}
	return nil
}

// Stats counts spans: those that ended, were taken by the receiver, and were given up because it did not. What is in none of the
// last two waits, or was dropped because the queue was full.
type Stats struct{ Ended, Sent, Failed uint64 }

// Stats gives the counts so far.
func (e *Exporter) Stats() Stats {
	return Stats{Ended: e.ended.Load(), Sent: e.out.sent.Load(), Failed: e.out.failed.Load()}
}

// Begin is trace.Tracer's.
func (e *Exporter) Begin(name string, at time.Time, parent string, attrs ...trace.Attr) trace.Span {
	return e.begin(below(parent), name, trace.Server, at, attrs)
}

// carried is where the SDK looks for what names a span.
const carried = "traceparent"

// below is a context below the span that a traceparent names, if it names one.
func below(parent string) context.Context {
	if parent == "" {
		return context.Background()
	}
	return propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{carried: parent})
}

// Elsewhere is trace.Tracer's.
func (e *Exporter) Elsewhere(traceparent string) trace.Span {
	if s := otel.SpanFromContext(below(traceparent)); s.SpanContext().IsSampled() {
		return span{e, s}
	}
	return nil
}

// begin is nil, and not a span that nobody records, for who need not go on then.
func (e *Exporter) begin(ctx context.Context, name string, kind trace.Kind, at time.Time, attrs []trace.Attr) trace.Span {
	kinds := [...]otel.SpanKind{trace.Internal: otel.SpanKindInternal, trace.Server: otel.SpanKindServer, trace.Client: otel.SpanKindClient}
	_, s := e.tracer.Start(ctx, name, otel.WithTimestamp(at), otel.WithSpanKind(kinds[kind]), otel.WithAttributes(values(attrs)...))
	if !s.IsRecording() {
		return nil
	}
	return span{e, s}
}

// span is one of the SDK's.
type span struct {
	e *Exporter
	s otel.Span
}

// Child is trace.Span's. Below a span that is recorded all are, so that it is never nil.
func (s span) Child(name string, kind trace.Kind, at time.Time, attrs ...trace.Attr) trace.Span {
	if c := s.e.begin(otel.ContextWithSpan(context.Background(), s.s), name, kind, at, attrs); c != nil {
		return c
	}
	return span{s.e, otel.SpanFromContext(context.Background())} // after the end: it records nothing
}

// Event is trace.Span's.
func (s span) Event(name string, at time.Time, attrs ...trace.Attr) {
	s.s.AddEvent(name, otel.WithTimestamp(at), otel.WithAttributes(values(attrs)...))
}

// Set is trace.Span's.
func (s span) Set(attrs ...trace.Attr) { s.s.SetAttributes(values(attrs)...) }

// End is trace.Span's.
func (s span) End(at time.Time, failed string) {
	if failed != "" {
		s.s.SetStatus(codes.Error, failed)
	}
	s.s.End(otel.WithTimestamp(at))
}

// Traceparent is trace.Span's.
func (s span) Traceparent() string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(otel.ContextWithSpan(context.Background(), s.s), carrier)
	return carrier[carried]
}

func values(attrs []trace.Attr) []attribute.KeyValue {
	out := make([]attribute.KeyValue, len(attrs))
	for i, a := range attrs {
		if out[i] = attribute.Int64(a.Key, a.Number); a.Text != "" {
			out[i] = attribute.String(a.Key, a.Text)
		}
	}
	return out
}

// counting counts spans that end.
type counting struct{ e *Exporter }

func (counting) OnStart(context.Context, sdk.ReadWriteSpan) {}
func (c counting) OnEnd(sdk.ReadOnlySpan)                   { c.e.ended.Add(1) }
func (counting) Shutdown(context.Context) error             { return nil }
func (counting) ForceFlush(context.Context) error           { return nil }

// complainEvery is the least time between two lines in the log about a receiver.
const complainEvery = time.Minute

// sender counts what becomes of batches, and says when something does; the SDK would write each failure to standard error.
type sender struct {
	sdk.SpanExporter

	cfg          *Config
	sent, failed atomic.Uint64

	mu      sync.Mutex
	said    time.Time
	failing bool
}

// ExportSpans is the SDK's.
func (s *sender) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := s.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		s.sent.Add(uint64(len(spans)))
	} else {
		s.failed.Add(uint64(len(spans)))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil && s.failing:
		s.cfg.Log.Info("traces are sent again")
		s.failing, s.said = false, time.Time{}
	case err != nil:
		s.failing = true
		if now := s.cfg.Now(); now.Sub(s.said) >= complainEvery {
			s.cfg.Log.Warn("traces cannot be sent", "spans", len(spans), "error", err)
			s.said = now
		}
	}
	return nil
}
