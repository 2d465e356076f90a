// Package trace is how parts of the program say what they did for whom, as spans of a trace (W3C Trace Context), whoever
// records them.
//
// It knows the stages that changes go through together (Group), and which secondaries are to be told of what a change has
// led to (Book, Tellings), here or on another node (Book.News). It must not know how spans are kept or where they are sent, nor what a change is. Where nobody
// traces there is no Tracer, no Span and no Book: all of them are nil, and nothing here is called, or it returns at once.
package trace

import (
	"context"
	"time"
)

// Kind says on which side of an exchange a span stands.
type Kind int

// The kinds.
const (
	Internal Kind = iota // work of our own
	Server               // a request that came in
	Client               // a request that we sent
)

// Attr is what is told of a span: text, or, where that is empty, a number. Neither is ever a secret, nor what a record says.
type Attr struct {
	Key    string
	Text   string
	Number int64
}

// Text is an attribute of text.
func Text(key, value string) Attr { return Attr{Key: key, Text: value} }

// Number is an attribute of a number.
func Number(key string, value int64) Attr { return Attr{Key: key, Number: value} }

// Keys of attributes that more than one place tells.
const (
	KeyZone   = "headwater.zone.id"
	KeySerial = "headwater.serial"
)

// Span is something under way that is recorded. It is safe for many callers; none of its methods waits for anybody.
type Span interface {
	// Child begins a span below this one, which may be over by then.
	Child(name string, kind Kind, at time.Time, attrs ...Attr) Span
	Event(name string, at time.Time, attrs ...Attr)
	Set(attrs ...Attr)
	// Traceparent names the span to other processes (W3C Trace Context level 1).
	Traceparent() string
	// End is the last call; failed says of what it failed, and is empty where it did not.
	End(at time.Time, failed string)
}

// Tracer begins traces.
type Tracer interface {
	// Begin begins a request's span, below the one that parent names if that is a traceparent (W3C Trace Context level 1), and
	// gives nil where this one is not recorded.
	Begin(name string, at time.Time, parent string, attrs ...Attr) Span
	// Elsewhere is the span of another process that a traceparent names, of which only what is below it is recorded here; nil
	// where it is not recorded.
	Elsewhere(traceparent string) Span
}

type key struct{}

// With is a context in which work is done for a span.
func With(ctx context.Context, s Span) context.Context { return context.WithValue(ctx, key{}, s) }

// Of is the span that work is done for; nil where there is none.
func Of(ctx context.Context) Span {
	s, _ := ctx.Value(key{}).(Span)
	return s
}
