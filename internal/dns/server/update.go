package server

import (
	"context"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Updates does what messages of opcode UPDATE ask for (RFC 2136).
type Updates interface {
	// Update does what a request asks for whose signature has verified and whose zone is there. It returns when all of that is durable
	// and answered from, or nothing of it is done: with the response code, and with words for a client that can read them (RFC 8914).
	Update(ctx context.Context, r *wire.Request) (code wire.Rcode, why string)
	// Denied hears of signed requests that were refused before: because their signature did not verify, or because they are too many.
	Denied(r *wire.Request, code wire.Rcode, why string)
}

// updatesRunning bounds the updates under way. Each waits for a disk; what is beyond is dropped, as the network might have done, or over
// TCP told to come again.
const updatesRunning = 128

// isStrangers says whether a well-formed request is an update that nobody has signed. What becomes of it depends on nothing but the zones in
// memory, and so it is answered where it came in: strangers can send as many of them as they like.
func (h *handler) isStrangers() bool { return h.r.Opcode == wire.OpcodeUpdate && h.r.TSIGAt == 0 }

// stranger answers an update that nobody has signed.
func (h *handler) stranger(dst []byte) []byte {
	code := wire.RcodeRefused
	switch {
	case h.r.EDNS.Version != 0:
		code = wire.RcodeBadVers
	default:
		if c := h.zoneSection(); c != wire.RcodeNoError {
			code = c
		}
	}
	h.count.unsigned.Add(1)
	return h.fail(dst, code)
}

// zoneSection is section 3.1 of RFC 2136: what is wrong with the zone that a message names. It neither locks nor allocates.
func (h *handler) zoneSection() wire.Rcode {
	if h.r.Type != wire.TypeSOA {
		return wire.RcodeFormErr
	}
	if h.s.cfg.DB == nil || h.r.Class != wire.ClassIN {
		return wire.RcodeNotAuth
	}
	if z := h.s.cfg.DB.Find(h.r.Name); z == nil || len(z.Name) != len(h.r.Name) || z.State().Links.Hidden {
		return wire.RcodeNotAuth
	}
	return wire.RcodeNoError
}

// update answers an update whose signature has verified.
func (h *handler) update(ctx context.Context, dst []byte) []byte {
	if code := h.zoneSection(); code != wire.RcodeNoError {
		return h.fail(dst, code)
	}
	if h.s.cfg.Updates == nil || h.transferOnly {
		return h.explain(dst, wire.RcodeRefused, "no updates are taken here")
	}
	code, why := h.s.cfg.Updates.Update(ctx, h.r)
	return h.explain(dst, code, why)
}

// explain is fail with a reason.
func (h *handler) explain(dst []byte, code wire.Rcode, why string) []byte {
	if why == "" || !h.r.EDNS.Present {
		return h.fail(dst, code)
	}
	info := wire.InfoOther
	if code == wire.RcodeRefused {
		info = wire.InfoProhibited
	}
	h.b.Start(dst, h.r.Size, h.r.ID, wire.FlagQR|h.r.Flags&echoedFlags)
	h.b.Echo(&h.r.Query)
	h.b.SetRcode(code)
	h.b.OPT(&wire.OPT{UDPSize: uint16(h.s.cfg.MaxUDP), Block: h.r.Block, Cookie: h.r.Cookie, HasInfo: true, Info: info, Text: clip(why)})
	h.count.answered(code)
	return h.b.Finish()
}

// clip bounds a reason, in octets, and leaves whole characters.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	n := 0
	for i := range s {
		if i > most {
			break
		}
		n = i
	}
	return s[:n]
}

// connUpdate answers an update that came over a connection, which waits for it.
func (h *handler) connUpdate(ctx context.Context, dst []byte) []byte {
	select {
	case h.s.updating <- struct{}{}:
	default:
		return h.tooMany(dst)
	}
	defer func() { <-h.s.updating }()
	return h.update(ctx, dst)
}

func (h *handler) tooMany(dst []byte) []byte {
	h.count.crowded.Add(1)
	return h.explain(dst, wire.RcodeServFail, "too many updates are under way")
}

// aside does an update that came in a datagram and has verified, beside everything else: it takes as long as a disk, and the workers of
// the slow pool have transfers to answer.
func (s *Server) aside(ctx context.Context, j *job, signer *tsig.Server, count *counters) {
	select {
	case s.updating <- struct{}{}:
	default:
		count.crowded.Add(1)
		return
	}
	s.workers.Go(func() {
		defer func() { <-s.updating }()
		space, ok := s.spaces.Get().(*workspace)
		if !ok {
			return
		}
		defer s.spaces.Put(space)
		h := space.h
		h.transferOnly, h.count = j.transferOnly, count
		h.take(j)
		h.r.Signer = signer
		h.r.Size -= signer.Overhead()
		h.answer(j, h.sign(signer, h.update(ctx, space.out[:0]), 0))
	})
}
