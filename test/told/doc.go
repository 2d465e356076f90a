// Package told is the other end of what Headwater tells: a webhook's receiver that behaves as badly as it is told to, and a listener to
// the stream of events.
package told
