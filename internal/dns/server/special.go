package server

import (
	"context"
	"net/netip"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Request is a transfer query that came through the door.
type Request struct {
	Query  *wire.Query
	Source netip.AddrPort
	Limits Limits
}

// Transfers answers AXFR and IXFR queries; it decides who may have them and logs what it does.
type Transfers interface {
	// Datagram appends the response to a query over UDP.
	Datagram(dst []byte, r *Request) []byte
	// Stream writes the response to a query over TCP through w, which takes whole messages behind their lengths. An
	// error closes the connection.
	Stream(ctx context.Context, w Writer, r *Request) error
}

// Writer takes octets of a TCP connection; each Write has a deadline of its own.
type Writer interface{ Write(b []byte) (int, error) }

// special answers odd requests: c is the connection they came by, nil for UDP.
func (h *handler) special(ctx context.Context, dst []byte, source netip.AddrPort, l Limits, c *conn) ([]byte, error) {
	return h.fail(dst, wire.RcodeRefused), nil
}
