package server_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestMain(m *testing.M) { testkit.VerifyTestMain(m) }

// echo answers every question with one A record of its own name, and big.test. with as many as fit.
type echo struct{ b wire.Builder }

func newEcho() server.Responder { return new(echo) }

func (e *echo) Respond(dst []byte, q *wire.Request) []byte {
	e.b.Start(dst, q.Size, q.ID, wire.FlagQR|wire.FlagAA)
	e.b.Echo(&q.Query)
	o := wire.OPT{UDPSize: 1232, Block: q.Block}
	if q.Keepalive > 0 {
		o.HasKeepalive, o.Keepalive = true, uint16(q.Keepalive/(100*time.Millisecond))
	}
	e.b.Reserve(o.Len())
	e.b.Append(q.Name, wire.TypeA, wire.ClassIN, 60, []byte{192, 0, 2, 1})
	if string(q.Name) == string(wire.MustName("big.test.")) {
		for e.b.Append(q.Name, wire.TypeA, wire.ClassIN, 60, []byte{192, 0, 2, 1}) {
		}
		e.b.SetFlags(wire.FlagTC)
	}
	if q.EDNS.Present {
		e.b.OPT(&o)
	}
	return e.b.Finish()
}

// run starts a server and stops it with the test.
func run(tb testing.TB, cfg server.Config) *server.Server {
	tb.Helper()
	if cfg.NewResponder == nil {
		cfg.NewResponder = newEcho
	}
	if cfg.DNS == nil {
		cfg.DNS = []string{"127.0.0.1:0"}
	}
	if cfg.Portable {
		cfg.Threads = 1 // they share a socket, and exchange wants to hear answers in the order of its questions
	}
	s := server.New(cfg)
	if err := s.Listen(); err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	tb.Cleanup(func() {
		stop()
		select {
		case err := <-done:
			if err != nil {
				tb.Errorf("Run: %v", err)
			}
		case <-time.After(testkit.Patience):
			tb.Error("Run does not end")
		}
	})
	return s
}

// question is a query message.
func question(name string, typ wire.Type) []byte {
	b := []byte{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	b = append(b, wire.MustName(name)...)
	return append(b, byte(typ>>8), byte(typ), 0, 1)
}

// manyRecords is a version of example.org with so many addresses beside its SOA.
func manyRecords(tb testing.TB, n int) *zone.Version {
	tb.Helper()
	apex := wire.MustName("example.org.")
	sets := []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{append([]byte(apex+apex), make([]byte, 20)...)}}}
	for i := range n {
		owner := wire.MustName(fmt.Sprintf("host-%d.example.org.", i))
		sets = append(sets, rr.Set{Owner: owner, Type: wire.TypeA, TTL: 60, Data: [][]byte{{192, 0, byte(i >> 8), byte(i)}}})
	}
	v, err := zone.Build(apex, sets)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

const opt = "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"

// withOPT adds an OPT record.
func withOPT(b []byte, record string) []byte {
	wire.SetCount(b, wire.SectionAdditional, 1)
	return append(b, record...)
}

func dial(tb testing.TB, network string, addr netip.AddrPort) net.Conn {
	tb.Helper()
	var d net.Dialer
	c, err := d.DialContext(tb.Context(), network, addr.String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(testkit.Patience))
	return c
}

// exchange sends a message and returns the answer, nil when a probe sent after it is answered first.
func exchange(t *testing.T, network string, addr netip.AddrPort, msg []byte) []byte {
	t.Helper()
	c := dial(t, network, addr)
	if network == "tcp" {
		return exchangeTCP(t, c, msg)
	}
	probe := question("probe.", wire.TypeTXT)
	wire.SetID(probe, 0xffff)
	buf := make([]byte, 4096)
	for _, m := range [][]byte{msg, probe} {
		if _, err := c.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if wire.ID(buf) == 0xffff {
		return nil
	}
	return buf[:n]
}

func exchangeTCP(t *testing.T, c net.Conn, msg []byte) []byte {
	t.Helper()
	if _, err := c.Write(framed(msg)); err != nil {
		t.Fatal(err)
	}
	return readTCP(t, c)
}

func framed(msg []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
}

// readTCP reads one message, nil at the connection's end.
func readTCP(t *testing.T, c net.Conn) []byte {
	t.Helper()
	var n [2]byte
	if _, err := io.ReadFull(c, n[:]); err != nil {
		if errors.Is(err, io.EOF) || isReset(err) {
			return nil
		}
		t.Fatal(err)
	}
	b := make([]byte, binary.BigEndian.Uint16(n[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatal(err)
	}
	return b
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout()
}

// localhost is the first DNS address, with the loopback for a wildcard.
func localhost(s *server.Server) netip.AddrPort {
	a := s.Addrs().DNS[0]
	if a.Addr().IsUnspecified() {
		return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), a.Port())
	}
	return a
}

var paths = map[string]bool{"fast": false, "portable": true}

// Malformed and odd packets over real sockets: each row is one datagram and what must come back.
func TestPackets(t *testing.T) {
	update := question("a.test.", wire.TypeSOA)
	wire.SetHeaderFlags(update, wire.Flags(0).WithOpcode(wire.OpcodeUpdate))
	response := question("a.test.", wire.TypeA)
	wire.SetHeaderFlags(response, wire.FlagQR)
	two := question("a.test.", wire.TypeA)
	wire.SetCount(two, wire.SectionQuestion, 2)
	tests := []struct {
		name     string
		msg      []byte
		silent   bool
		rcode    wire.Rcode
		question bool
	}{
		{"empty", []byte{}, true, 0, false},
		{"one octet", []byte{0}, true, 0, false},
		{"header cut", question("a.test.", wire.TypeA)[:11], true, 0, false},
		{"response", response, true, 0, false},
		{"header alone", make([]byte, 12), false, wire.RcodeFormErr, false},
		{"question cut", question("a.test.", wire.TypeA)[:16], false, wire.RcodeFormErr, false},
		{"two questions announced", two, false, wire.RcodeFormErr, false},
		{"octets behind", append(question("a.test.", wire.TypeA), 1), false, wire.RcodeFormErr, true},
		{"update that nobody has signed", update, false, wire.RcodeNotAuth, true},
		{"plain", question("A.tEst.", wire.TypeA), false, wire.RcodeNoError, true},
		{"EDNS", withOPT(question("a.test.", wire.TypeA), opt), false, wire.RcodeNoError, true},
		{"EDNS version 1", withOPT(question("a.test.", wire.TypeA), "\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x00"), false, wire.RcodeNoError, true},
		{"OPT cut", withOPT(question("a.test.", wire.TypeA), opt[:8]), false, wire.RcodeFormErr, true},
	}
	for path, portable := range paths {
		s := run(t, server.Config{Portable: portable})
		for _, tt := range tests {
			for _, network := range []string{"udp", "tcp"} {
				t.Run(path+"/"+network+"/"+tt.name, func(t *testing.T) {
					got := exchange(t, network, s.Addrs().DNS[0], tt.msg)
					if tt.silent != (got == nil) {
						t.Fatalf("answer %x, want silence %v", got, tt.silent)
					}
					if got != nil {
						check(t, tt.msg, got, tt.rcode, tt.question)
					}
				})
			}
		}
	}
}

// check compares an answer's header and question with the request.
func check(t *testing.T, msg, got []byte, rcode wire.Rcode, question bool) {
	t.Helper()
	r, err := wire.NewReader(got)
	if err != nil {
		t.Fatal(err)
	}
	for rec := (wire.Record{}); r.Next(&rec); {
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	f := r.Flags()
	if r.ID() != wire.ID(msg) || f&wire.FlagQR == 0 || f.Opcode() != wire.HeaderFlags(msg).Opcode() || r.Rcode() != rcode {
		t.Errorf("ID %x, flags %x, rcode %v, want %v", r.ID(), f, r.Rcode(), rcode)
	}
	if n := r.Count(wire.SectionQuestion); (n == 1) != question {
		t.Errorf("%d questions", n)
	}
	if end := wire.HeaderLen + 12; question && string(got[wire.HeaderLen:end]) != string(msg[wire.HeaderLen:end]) {
		t.Errorf("question %q, want the client's own spelling", got[wire.HeaderLen:end])
	}
}

// Wildcard sockets answer from the address that was asked, or a connected client would not hear them.
func TestWildcard(t *testing.T) {
	for path, portable := range paths {
		for _, tt := range []struct{ listen, ask string }{
			{"0.0.0.0:0", "127.0.0.2"}, {":0", "127.0.0.3"}, {":0", "::1"}, {"[::]:0", "::1"}, {"127.0.0.1:0", "127.0.0.1"},
		} {
			t.Run(path+"/"+tt.listen+"/"+tt.ask, func(t *testing.T) {
				if netip.MustParseAddr(tt.ask).Is6() && !hasIPv6() {
					t.Skip("this machine has no IPv6")
				}
				s := run(t, server.Config{Portable: portable, DNS: []string{tt.listen}})
				at := netip.AddrPortFrom(netip.MustParseAddr(tt.ask), s.Addrs().DNS[0].Port())
				for _, network := range []string{"udp", "tcp"} {
					if got := exchange(t, network, at, question("a.test.", wire.TypeA)); got == nil {
						t.Errorf("%s: no answer", network)
					}
				}
			})
		}
	}
}

func hasIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

func TestUDPSize(t *testing.T) {
	t.Parallel()
	big := func(size uint16) []byte {
		return withOPT(question("big.test.", wire.TypeA), "\x00\x00\x29"+string([]byte{byte(size >> 8), byte(size)})+opt[5:])
	}
	for path, portable := range paths {
		s := run(t, server.Config{Portable: portable})
		for _, tt := range []struct {
			name     string
			msg      []byte
			min, max int
		}{
			{"without EDNS 512", question("big.test.", wire.TypeA), 490, 512},
			{"512 at least", big(100), 490, 512},
			{"as the client says", big(900), 880, 900},
			{"as we say", big(4096), 1210, 1232},
		} {
			got := exchange(t, "udp", s.Addrs().DNS[0], tt.msg)
			if len(got) < tt.min || len(got) > tt.max || wire.HeaderFlags(got)&wire.FlagTC == 0 {
				t.Errorf("%s, %s: %d octets", path, tt.name, len(got))
			}
		}
		if got := exchange(t, "tcp", s.Addrs().DNS[0], big(512)); len(got) < 65000 {
			t.Errorf("%s: TCP answer of %d octets", path, len(got))
		}
	}
}

func TestTransferAddress(t *testing.T) {
	t.Parallel()
	s := run(t, server.Config{Transfer: []string{"127.0.0.1:0"}})
	for _, network := range []string{"udp", "tcp"} {
		for typ, want := range map[wire.Type]wire.Rcode{
			wire.TypeSOA: wire.RcodeNoError, wire.TypeA: wire.RcodeRefused, wire.TypeANY: wire.RcodeRefused,
		} {
			got := exchange(t, network, s.Addrs().Transfer[0], question("a.test.", typ))
			if got == nil || wire.HeaderFlags(got).Rcode() != want {
				t.Errorf("%s %v: %x, want %v", network, typ, got, want)
			}
		}
	}
}

func TestStats(t *testing.T) {
	t.Parallel()
	s := run(t, server.Config{})
	at := s.Addrs().DNS[0]
	exchange(t, "udp", at, question("a.test.", wire.TypeA)) // and a probe, whose answer may still be under way
	exchange(t, "udp", at, []byte{1})
	exchange(t, "tcp", at, make([]byte, 12))
	exchange(t, "tcp", at, withOPT(question("a.test.", wire.TypeA), "\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x00"))
	st := s.Stats()
	if st.Answers[server.UDP][wire.RcodeNoError] < 2 || st.Ignored[server.UDP] != 1 {
		t.Errorf("UDP: %v, ignored %d", st.Answers[server.UDP], st.Ignored[server.UDP])
	}
	if st.Answers[server.TCP][wire.RcodeFormErr] != 1 || st.Answers[server.TCP][wire.RcodeBadVers] != 1 || st.TCPAccepted != 2 {
		t.Errorf("TCP: %v, accepted %d", st.Answers[server.TCP], st.TCPAccepted)
	}
}

func TestListenErrors(t *testing.T) {
	t.Parallel()
	for _, a := range []string{"", "nonsense", "localhost:53", "127.0.0.1", "127.0.0.1:99999", "192.0.2.1:0"} {
		s := server.New(server.Config{DNS: []string{"127.0.0.1:0", a}, NewResponder: newEcho})
		if err := s.Listen(); err == nil {
			t.Errorf("Listen on %q succeeds", a)
			s.Close()
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := server.New(server.Config{DNS: []string{l.Addr().String()}, NewResponder: newEcho})
	if err := s.Listen(); err == nil {
		t.Error("Listen on a port in use succeeds")
		s.Close()
	}
}
