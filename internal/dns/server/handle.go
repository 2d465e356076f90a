package server

import (
	"context"
	"errors"
	"net/netip"

	"github.com/headwaterdns/headwater/internal/dns/ratelimit"
	"github.com/headwaterdns/headwater/internal/dns/tap"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// verdict is what becomes of a datagram.
type verdict uint8

const (
	drop  verdict = iota // no answer
	reply                // the answer is written
	slow                 // work for the slow pool
)

// handler answers requests, one at a time. A UDP thread and a slow worker have their own; a connection borrows one
// while it works. Nothing in it outlives a request.
type handler struct {
	s            *Server
	respond      Responder
	foresee      Foresighted // respond, if it is one
	transferOnly bool
	count        *counters
	tap          *tap.Sampler // nil: nothing is shown

	r     *wire.Request // in hand: one of those in line
	line  [wire.InLine]wire.Request
	read  [wire.InLine]wire.Outcome // of their messages
	begun [wire.InLine]bool         // respond has been told of them, and not yet asked
	b     wire.Builder
	guard guard
}

func (s *Server) newHandler(transferOnly bool, count *counters) *handler {
	h := &handler{s: s, transferOnly: transferOnly, count: count, tap: s.cfg.Tap.Sampler(), respond: s.cfg.NewResponder()}
	h.foresee, _ = h.respond.(Foresighted)
	for i := range h.line {
		h.line[i].Place = i
	}
	h.r = &h.line[0]
	return h
}

// newThread makes a handler for datagrams; from gives the source of the i-th of a batch, and is asked where that counts.
func (s *Server) newThread(transferOnly bool, from func(i int) netip.Addr) *handler {
	h := s.newHandler(transferOnly, s.counts.add(UDP))
	h.guard.from = from
	if l := &s.cfg.RateLimit; l.PerSecond > 0 {
		// The kernel spreads an address's ports over the threads.
		h.guard.limit = ratelimit.New(float64(l.PerSecond)/float64(s.cfg.Threads), places)
	}
	return h
}

// The hot path is in three steps, begin, approach and finish, between which others of the batch may be in hand: wire.InLine at once. None
// of them locks or allocates.

// begin reads msg, the i-th datagram of its batch.
func (h *handler) begin(msg []byte, i int) {
	if h.guard.limit != nil {
		h.guard.at[i%wire.InLine] = h.guard.limit.Seek(h.guard.from(i))
	}
	i %= wire.InLine
	r := &h.line[i]
	h.read[i] = r.Receive(msg, netip.AddrPort{}, false)
	if h.begun[i] = h.foresee != nil && h.read[i] == wire.ParseOK && !needsMore(r); h.begun[i] {
		h.foresee.Begin(r)
	}
}

// approach goes on with the i-th datagram, which was begun a while ago.
func (h *handler) approach(i int) {
	if i %= wire.InLine; h.begun[i] {
		h.foresee.Near(&h.line[i])
	}
}

// datagram begins and finishes a datagram that is a batch by itself.
func (h *handler) datagram(dst, msg []byte) ([]byte, verdict) {
	h.begin(msg, 0)
	return h.finish(dst, 0)
}

// finish appends the response to the i-th datagram, which was begun, to dst, unless the verdict says otherwise.
func (h *handler) finish(dst []byte, i int) ([]byte, verdict) {
	outcome := h.read[i%wire.InLine]
	h.r = &h.line[i%wire.InLine]
	if outcome == wire.ParseDrop {
		h.count.ignored.Add(1)
		return dst, drop
	}
	h.r.Size = h.udpSize()
	if h.guard.good = false; h.r.EDNS.Cookie != nil {
		h.bake(h.guard.from(i), h.clock())
	}
	if h.guard.limit != nil && !h.allowed(i) {
		if out, v, yes := h.limited(dst, outcome, i); yes {
			h.leave()
			return out, v
		}
	}
	if outcome == wire.ParseOK && needsMore(h.r) {
		if h.isStrangers() {
			return h.stranger(dst), reply
		}
		return dst, slow
	}
	if h.s.cfg.Reports != nil && h.isReport(outcome) {
		h.leave()
		if !h.guard.good {
			return h.short(dst, wire.RcodeNoError, wire.FlagTC), reply // RFC 9567 section 6.3
		}
		return dst, slow
	}
	out := h.plain(dst, outcome)
	if h.r.Hidden {
		return dst, slow // where it is known who asks
	}
	return out, reply
}

// udpSize bounds a response over UDP: what both sides can take.
func (h *handler) udpSize() int {
	if !h.r.EDNS.Present {
		return 512
	}
	return min(h.r.EDNS.Size(), h.s.cfg.MaxUDP)
}

// needsMore classifies: it says whether a well-formed request takes more than a look into the zones: a transfer, a signature, a NOTIFY, an update.
func needsMore(r *wire.Request) bool {
	return r.TSIGAt != 0 || r.Opcode != wire.OpcodeQuery || r.IsTransfer()
}

// leave has respond forget the request in hand, if it was told of it.
func (h *handler) leave() {
	if h.begun[h.r.Place] {
		h.begun[h.r.Place] = false
		h.foresee.Leave(h.r)
	}
}

// isReport says whether a request reports an error.
func (h *handler) isReport(outcome wire.Outcome) bool {
	return outcome == wire.ParseOK && h.r.Class == wire.ClassIN && h.r.Opcode == wire.OpcodeQuery && h.s.cfg.Reports.Takes(h.r.Name, h.r.Type)
}

// reported takes a report from who is where it says, and leaves the answer to others.
func (h *handler) reported(outcome wire.Outcome, from netip.Addr) {
	if h.s.cfg.Reports != nil && !h.transferOnly && h.isReport(outcome) {
		h.s.cfg.Reports.Take(h.r.Name, from)
	}
}

// plain answers what is malformed, refused, or to be looked up, and counts the answer.
func (h *handler) plain(dst []byte, outcome wire.Outcome) []byte {
	switch q := &h.r.Query; {
	case outcome == wire.ParseFormErr:
		return h.fail(dst, wire.RcodeFormErr)
	case outcome == wire.ParseNotImp:
		return h.fail(dst, wire.RcodeNotImp)
	case q.EDNS.Version != 0:
		return h.fail(dst, wire.RcodeBadVers) // RFC 6891 section 6.1.3
	case h.transferOnly && (q.Type != wire.TypeSOA || q.Class != wire.ClassIN):
		return h.fail(dst, wire.RcodeRefused)
	}
	h.begun[h.r.Place] = false
	out := h.respond.Respond(dst, h.r)
	if h.r.Hidden {
		if !h.r.Source.IsValid() {
			return dst
		}
		if t := h.s.cfg.Transfers; t != nil && t.May(h.r) {
			h.r.Admitted = true
			out = h.respond.Respond(dst, h.r)
		}
	}
	if len(out) > len(dst) {
		h.count.answered(wire.HeaderFlags(out[len(dst):]).Rcode())
	}
	return out
}

// echoedFlags are what a response has from its request: the opcode, and two that clients look at.
const echoedFlags = wire.Flags(0xf<<11) | wire.FlagRD | wire.FlagCD

// fail answers with a response code and nothing else.
func (h *handler) fail(dst []byte, code wire.Rcode) []byte { return h.short(dst, code, 0) }

// short answers with a response code, flags and nothing else.
func (h *handler) short(dst []byte, code wire.Rcode, flags wire.Flags) []byte {
	h.leave()
	h.b.Start(dst, 512, h.r.ID, wire.FlagQR|flags|h.r.Flags&echoedFlags)
	h.b.Echo(&h.r.Query)
	h.b.SetRcode(code)
	if h.r.EDNS.Present {
		h.b.OPT(&wire.OPT{UDPSize: uint16(h.s.cfg.MaxUDP), Block: h.r.Block, Cookie: h.r.Cookie})
	}
	h.count.answered(code)
	return h.b.Finish()
}

// errMalformed closes a connection on which no further request can be expected.
var errMalformed = errors.New("no DNS message")

// stream answers a request of a connection: it appends the response to dst, or nothing. A transfer goes to c itself.
func (h *handler) stream(ctx context.Context, c *conn, dst, msg []byte) ([]byte, error) {
	outcome := h.r.Receive(msg, c.source, true)
	if outcome == wire.ParseDrop {
		h.count.ignored.Add(1)
		return dst, errMalformed
	}
	h.r.Size = wire.MaxMessage
	if h.r.EDNS.Cookie != nil {
		h.bake(c.source.Addr(), h.s.cfg.Now().UnixNano())
	}
	if h.r.EDNS.Keepalive {
		h.r.Keepalive = c.s.tcp.idle()
	}
	if h.r.TLS = c.tls; h.r.EDNS.Padding && c.tls != nil {
		h.r.Block = paddingBlock
	}
	h.reported(outcome, c.source.Addr())
	if outcome != wire.ParseOK || !needsMore(h.r) {
		return h.plain(dst, outcome), nil
	}
	return h.dispatch(ctx, dst, c)
}

// work is a slow worker: it answers their datagrams until the queue is closed.
func (s *Server) work(ctx context.Context) {
	h := s.newHandler(false, s.counts.add(UDP))
	var buf []byte
	for j := range s.slow.queue {
		h.transferOnly = j.transferOnly
		if !h.take(j) {
			continue // it was well-formed when it was queued
		}
		if h.r.Opcode == wire.OpcodeUpdate && h.r.EDNS.Version == 0 {
			signer, out := h.verify(buf[:0])
			if signer != nil && out == nil {
				s.aside(ctx, j, signer, h.count)
			}
			h.answer(j, out)
			continue
		}
		if h.guard.good {
			h.reported(wire.ParseOK, j.source.Addr())
		}
		out, err := h.dispatch(ctx, buf[:0], nil)
		if err == nil {
			h.answer(j, out)
		}
		buf = out
	}
}

// take takes up a datagram of the slow pool.
func (h *handler) take(j *job) bool {
	ok := h.r.Receive(j.request, j.source, false) == wire.ParseOK
	h.r.Size = h.udpSize()
	if h.guard.good = false; h.r.EDNS.Cookie != nil {
		h.bake(j.source.Addr(), h.s.cfg.Now().UnixNano())
	}
	return ok
}

// answer sends what answers it, if there is anything.
func (h *handler) answer(j *job, out []byte) {
	if len(out) == 0 {
		return
	}
	if err := j.send(out); err != nil {
		h.count.errors.Add(1)
	}
	if h.tap.Hit() {
		h.tap.Show(tap.UDP, j.source, netip.AddrPort{}, j.request, out)
	}
}
