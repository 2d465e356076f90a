package server

import (
	"net/netip"
	"slices"
)

// job is a datagram that was taken off the hot path, with its way back.
type job struct {
	request      []byte
	source       netip.AddrPort
	transferOnly bool
	send         func(msg []byte) error
}

// slowPool is a bounded queue; the workers are goroutines of Server.Run.
type slowPool struct{ queue chan *job }

// job copies a request for the slow pool, or counts and drops it when the pool has no room: whoever floods us with
// slow work must not cost us memory for it.
func (h *handler) job(request []byte, source netip.AddrPort) *job {
	h.count.slow.Add(1)
	if len(h.s.slow.queue) == cap(h.s.slow.queue) {
		h.count.dropped.Add(1)
		return nil
	}
	return &job{request: slices.Clone(request), source: source, transferOnly: h.transferOnly}
}

// push queues j unless other threads have filled the queue meanwhile.
func (h *handler) push(j *job) {
	select {
	case h.s.slow.queue <- j:
	default:
		h.count.dropped.Add(1)
	}
}
