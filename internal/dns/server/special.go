package server

import (
	"context"
	"log/slog"
	"net/netip"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Request is a transfer query that came through the door.
type Request struct {
	Query   *wire.Query
	Source  netip.AddrPort // IPv4-mapped addresses are IPv4 here
	Limits  Limits
	Session *tsig.Server // the verified signature, which signs what is sent; nil for an unsigned request
}

// Transfers answers AXFR and IXFR queries; it decides who may have them and logs what it does.
type Transfers interface {
	// Datagram appends the response to a query over UDP to dst, signed if the request was.
	Datagram(dst []byte, r *Request) []byte
	// Stream writes the response to a query over TCP through w, which takes whole messages behind their lengths. An
	// error closes the connection: the client must not take what it got for a whole transfer.
	Stream(ctx context.Context, w Writer, r *Request) error
}

// Writer takes octets of a TCP connection; each Write has a deadline of its own.
type Writer interface{ Write(b []byte) (int, error) }

// special answers odd requests: c is the connection they came by, nil for UDP.
func (h *handler) special(ctx context.Context, dst []byte, source netip.AddrPort, l Limits, c *conn) ([]byte, error) {
	if h.q.EDNS.Version != 0 {
		return h.fail(dst, wire.RcodeBadVers), nil
	}
	session, out := h.door(dst, source, l.TCP)
	if out != nil {
		return out, nil
	}
	if session != nil {
		l.Size -= session.Overhead()
	}
	switch {
	case h.q.Opcode == wire.OpcodeNotify:
		out = h.notify(dst, source)
	case h.q.IsTransfer():
		if h.s.cfg.Transfers == nil || h.q.Class != wire.ClassIN {
			out = h.fail(dst, wire.RcodeRefused)
			break
		}
		return h.transfer(ctx, dst, &Request{Query: &h.q, Source: source, Limits: l, Session: session}, c)
	default:
		out = h.plain(dst, wire.ParseOK, l)
	}
	return h.sign(session, out, len(dst)), nil
}

// door verifies a signed request. A non-nil out is the refusal to be sent.
func (h *handler) door(dst []byte, source netip.AddrPort, tcp bool) (s *tsig.Server, out []byte) {
	if h.q.TSIGAt == 0 {
		return nil, nil
	}
	s, code := tsig.Verify(h.q.Msg, h.q.TSIGAt, h.s.keysOf(h.q.Name), h.s.cfg.Now())
	switch code {
	case wire.RcodeNoError:
		return s, nil
	case wire.RcodeFormErr:
		return nil, h.fail(dst, code)
	default:
	}
	name, _ := wire.NameFromWire(h.q.Name)
	h.s.cfg.Log.Info("refused a signed request", slog.String("peer", source.String()), slog.String("zone", name.String()),
		slog.String("type", h.q.Type.String()), slog.Bool("tcp", tcp), slog.String("reason", code.ErrorString()))
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
		return z.Access().Keys
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
func (h *handler) notify(dst []byte, source netip.AddrPort) []byte {
	code := wire.RcodeNotAuth
	name, err := wire.NameFromWire(h.q.Name)
	if err == nil && h.s.cfg.DB != nil && h.s.cfg.DB.Get(name) != nil {
		code = wire.RcodeRefused
	}
	h.s.cfg.Log.Debug("refused a NOTIFY", slog.String("peer", source.String()), slog.String("zone", name.String()))
	return h.fail(dst, code)
}

// transfer hands a transfer over. On a connection, earlier answers leave first, and what the transfer writes follows.
func (h *handler) transfer(ctx context.Context, dst []byte, r *Request, c *conn) ([]byte, error) {
	if c == nil {
		return h.s.cfg.Transfers.Datagram(dst, r), nil
	}
	if err := c.flush(); err != nil {
		return dst, err
	}
	return dst, h.s.cfg.Transfers.Stream(ctx, streamWriter{c}, r)
}

// streamWriter gives a transfer the connection, with a deadline for every write.
type streamWriter struct{ c *conn }

func (w streamWriter) Write(b []byte) (int, error) {
	if err := w.c.write(b); err != nil {
		return 0, err
	}
	return len(b), nil
}
