package server

import (
	"context"
	"io"
	"log/slog"

	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Transfers answers AXFR and IXFR queries; it decides who may have them and reports what it does.
type Transfers interface {
	// Datagram appends the response to a query over UDP to dst, signed if the request was.
	Datagram(dst []byte, r *wire.Request) []byte
	// Stream writes the response to a query over TCP through w, which takes whole messages behind their lengths. An
	// error closes the connection: the client must not take what it got for a whole transfer.
	Stream(ctx context.Context, w io.Writer, r *wire.Request) error
	// Denied hears of queries of any type that were refused before anything else because their signature did not verify, with the
	// error: BADKEY, BADSIG, BADTIME, BADTRUNC, or FORMERR.
	Denied(r *wire.Request, code wire.Rcode)
	// May says whether who asks may have the zone that a name is in.
	May(r *wire.Request) bool
	// Verified hears of queries that are no transfers and whose signature verified.
	Verified(r *wire.Request)
}

var (
	_ Transfers = (*xfr.Server)(nil)
	_ Responder = (*answer.Responder)(nil)
)

// dispatch answers requests that take more than a look into the zones, by their opcode and type: c is the connection they came by, nil for UDP.
func (h *handler) dispatch(ctx context.Context, dst []byte, c *conn) ([]byte, error) {
	if h.r.EDNS.Version != 0 {
		return h.fail(dst, wire.RcodeBadVers), nil
	}
	session, out := h.verify(dst)
	if out != nil {
		return out, nil
	}
	if session != nil {
		h.r.Signer = session
		h.r.Size -= session.Overhead()
		if h.s.cfg.Transfers != nil && h.r.Opcode == wire.OpcodeQuery && !h.r.IsTransfer() {
			h.s.cfg.Transfers.Verified(h.r)
		}
	}
	switch {
	case h.r.Opcode == wire.OpcodeNotify:
		out = h.notify(dst)
	case h.isStrangers():
		out = h.stranger(dst)
	case h.r.Opcode == wire.OpcodeUpdate:
		out = h.connUpdate(ctx, dst)
	case h.r.IsTransfer():
		if h.s.cfg.Transfers == nil || h.r.Class != wire.ClassIN {
			out = h.fail(dst, wire.RcodeRefused)
			break
		}
		return h.transfer(ctx, dst, c)
	default:
		out = h.plain(dst, wire.ParseOK)
	}
	return h.sign(session, out, len(dst)), nil
}

// verify verifies the TSIG of a signed request. A non-nil out is the refusal to be sent.
func (h *handler) verify(dst []byte) (s *tsig.Server, out []byte) {
	if h.r.TSIGAt == 0 {
		return nil, nil
	}
	s, code := tsig.Verify(h.r.Msg, h.r.TSIGAt, h.s.keysOf(h.r.Name), h.s.cfg.Now())
	if code == wire.RcodeNoError {
		return s, nil
	}
	if h.s.cfg.Transfers != nil && h.r.Opcode == wire.OpcodeQuery {
		if s != nil {
			h.r.Signer = s
		}
		h.s.cfg.Transfers.Denied(h.r, code)
	}
	if h.s.cfg.Updates != nil && h.r.Opcode == wire.OpcodeUpdate {
		if s != nil {
			h.r.Signer = s
		}
		h.s.cfg.Updates.Denied(h.r, code, "")
	}
	if code == wire.RcodeFormErr {
		return nil, h.fail(dst, code)
	}
	return nil, h.sign(s, h.fail(dst, wire.RcodeNotAuth), len(dst))
}

// keysOf are the keys of the account whose zone name is in: which of them the zone's transfers demand is for xfr to
// judge.
func keysOf(db *zone.DB) func(name []byte) []*tsig.Key {
	return func(name []byte) []*tsig.Key {
		if db == nil {
			return nil
		}
		z := db.Find(name)
		if z == nil {
			return nil
		}
		return z.Keys()
	}
}

// sign signs the message at buf[at:]. If that cannot be done there is no answer: an unsigned one would be refused.
func (h *handler) sign(s *tsig.Server, buf []byte, at int) []byte {
	if s == nil || len(buf) == at {
		return buf
	}
	out, err := s.Sign(buf, at, h.s.cfg.Now())
	if err != nil {
		h.s.cfg.Log.Error("cannot sign a response", slog.Any("error", err))
		return buf[:at]
	}
	return out
}

// notify answers a NOTIFY: we are nobody's secondary (RFC 1996 section 3.10 leaves the code open). Where we are the
// primary the sender is mistaken, elsewhere it asks the wrong server.
func (h *handler) notify(dst []byte) []byte {
	code := wire.RcodeNotAuth
	name, err := wire.NameFromWire(h.r.Name)
	if err == nil && h.s.cfg.DB != nil && h.s.cfg.DB.Get(name) != nil {
		code = wire.RcodeRefused
	}
	h.s.cfg.Log.Debug("refused a NOTIFY", slog.String("peer", h.r.Source.String()), slog.String("zone", name.String()))
	return h.fail(dst, code)
}

// transfer hands a transfer over. On a connection, earlier answers leave first, and what the transfer writes follows.
func (h *handler) transfer(ctx context.Context, dst []byte, c *conn) ([]byte, error) {
	if c == nil {
		return h.s.cfg.Transfers.Datagram(dst, h.r), nil
	}
	if err := c.flush(); err != nil {
		return dst, err
	}
	return dst, h.s.cfg.Transfers.Stream(ctx, streamWriter{c}, h.r)
}

// streamWriter gives a transfer the connection, with a deadline for every write.
type streamWriter struct{ c *conn }

func (w streamWriter) Write(b []byte) (int, error) {
	if err := w.c.write(b); err != nil {
		return 0, err
	}
	return len(b), nil
}
