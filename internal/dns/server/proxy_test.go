package server_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// whoAsks answers with the source of the query, as an address record.
type whoAsks struct{ b wire.Builder }

func (w *whoAsks) Respond(dst []byte, q *wire.Request) []byte {
	w.b.Start(dst, q.Size, q.ID, wire.FlagQR)
	w.b.Echo(&q.Query)
	typ := wire.TypeAAAA
	if q.Source.Addr().Is4() {
		typ = wire.TypeA
	}
	w.b.Append(q.Name, typ, wire.ClassIN, 0, q.Source.Addr().AsSlice())
	return w.b.Finish()
}

// TestProxies: whom a proxy names is who asks, and counts; a proxy that names nobody is not heard, and neither is whoever is no
// proxy and names somebody.
func TestProxies(t *testing.T) {
	t.Parallel()
	s := run(t, server.Config{
		DNS: []string{"127.0.0.1:0"}, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		NewResponder: func() server.Responder { return new(whoAsks) },
		TCP:          server.TCPLimits{PerSource: 2, Read: 2 * time.Second},
	})
	header := func(version byte, client string) *proxyproto.Header {
		h := &proxyproto.Header{
			Version: version, Command: proxyproto.PROXY, TransportProtocol: proxyproto.TCPv4,
			SourceAddr: &net.TCPAddr{IP: net.ParseIP(client), Port: 4711}, DestinationAddr: &net.TCPAddr{IP: net.ParseIP("192.0.2.53"), Port: 53},
		}
		if net.ParseIP(client).To4() == nil {
			h.TransportProtocol, h.DestinationAddr = proxyproto.TCPv6, &net.TCPAddr{IP: net.ParseIP("2001:db8::53"), Port: 53}
		}
		return h
	}
	ask := func(from string, h *proxyproto.Header) (net.Conn, string) {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c, err := d.DialContext(t.Context(), "tcp", s.Addrs().DNS[0].String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if h != nil {
			if _, err := h.WriteTo(c); err != nil {
				t.Fatal(err)
			}
		}
		q := question("a.test.", wire.TypeA)
		_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...))
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return c, ""
		}
		msg := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, msg); err != nil {
			return c, ""
		}
		r, err := wire.NewReader(msg)
		var rec wire.Record
		if err != nil || !r.Next(&rec) {
			t.Fatalf("%x", msg)
		}
		a, _ := netip.AddrFromSlice(rec.RData)
		return c, a.String()
	}
	for _, tt := range []struct {
		name, from string
		header     *proxyproto.Header
		want       string
	}{
		{"a proxy's client", "127.0.0.1", header(2, "198.51.100.7"), "198.51.100.7"},
		{"one of IPv6", "127.0.0.1", header(2, "2001:db8::7"), "2001:db8::7"},
		{"by the older version", "127.0.0.1", header(1, "198.51.100.8"), "198.51.100.8"},
		{"the proxy itself", "127.0.0.1", &proxyproto.Header{Version: 2, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}, "127.0.0.1"},
		{"a proxy that does not say", "127.0.0.1", nil, ""},
		{"nobody's proxy", "127.0.0.2", nil, "127.0.0.2"},
		{"nobody's proxy that says something", "127.0.0.2", header(2, "198.51.100.7"), ""},
	} {
		if _, got := ask(tt.from, tt.header); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	// Each client has its places, whoever speaks for it.
	for i, want := range []string{"203.0.113.1", "203.0.113.1", ""} {
		if _, got := ask("127.0.0.1", header(2, "203.0.113.1")); got != want {
			t.Errorf("connection %d: %q, want %q", i, got, want)
		}
	}
	if _, got := ask("127.0.0.1", header(2, "203.0.113.2")); got != "203.0.113.2" {
		t.Errorf("another client: %q", got)
	}
}
