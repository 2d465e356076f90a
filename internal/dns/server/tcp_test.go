package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func TestPipelined(t *testing.T) {
	t.Parallel()
	s := run(t, server.Config{})
	c := dial(t, "tcp", s.Addrs().DNS[0])
	const n = 2000
	var all []byte
	for i := range n {
		m := question("a.test.", wire.TypeA)
		wire.SetID(m, uint16(i))
		all = append(all, framed(m)...)
	}
	sent := make(chan error, 1)
	go func() {
		for len(all) > 0 { // in pieces that respect no boundary
			k := min(997, len(all))
			if _, err := c.Write(all[:k]); err != nil {
				sent <- err
				return
			}
			all = all[k:]
		}
		sent <- nil
	}()
	for i := range n {
		if got := readTCP(t, c); got == nil || wire.ID(got) != uint16(i) {
			t.Fatalf("answer %d: %x", i, got)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

// A request that comes octet by octet, and one of the greatest length, are requests like others.
func TestStreamFraming(t *testing.T) {
	t.Parallel()
	s := run(t, server.Config{})
	c := dial(t, "tcp", s.Addrs().DNS[0])
	for _, b := range framed(question("slow.test.", wire.TypeA)) {
		if _, err := c.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if readTCP(t, c) == nil {
		t.Fatal("no answer to a request in pieces")
	}
	long := append(question("a.test.", wire.TypeA), make([]byte, wire.MaxMessage)...)[:wire.MaxMessage]
	if got := exchangeTCP(t, c, long); got == nil || wire.HeaderFlags(got).Rcode() != wire.RcodeFormErr {
		t.Errorf("65,535 octets: %x", got)
	}
	if got := exchangeTCP(t, c, question("a.test.", wire.TypeA)); got == nil {
		t.Error("no answer after the long one")
	}
	if got := exchangeTCP(t, c, nil); got != nil {
		t.Errorf("an empty message is answered: %x", got)
	}
}

func TestTCPLimits(t *testing.T) {
	t.Parallel()
	ask := question("a.test.", wire.TypeA)
	tests := []struct {
		name   string
		limits server.TCPLimits
		try    func(t *testing.T, s *server.Server)
	}{
		{"idle", server.TCPLimits{Idle: 50 * time.Millisecond}, func(t *testing.T, s *server.Server) {
			t.Helper()
			expectEnd(t, dial(t, "tcp", s.Addrs().DNS[0]))
		}},
		{"slow request", server.TCPLimits{Read: 50 * time.Millisecond}, func(t *testing.T, s *server.Server) {
			t.Helper()
			c := dial(t, "tcp", s.Addrs().DNS[0])
			if _, err := c.Write([]byte{0}); err != nil {
				t.Fatal(err)
			}
			expectEnd(t, c)
		}},
		{"lifetime", server.TCPLimits{Lifetime: time.Nanosecond}, func(t *testing.T, s *server.Server) {
			t.Helper()
			expectEnd(t, dial(t, "tcp", s.Addrs().DNS[0]))
		}},
		{"requests", server.TCPLimits{MaxRequests: 2}, func(t *testing.T, s *server.Server) {
			t.Helper()
			c := dial(t, "tcp", s.Addrs().DNS[0])
			if _, err := c.Write(bytes.Repeat(framed(ask), 3)); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if readTCP(t, c) == nil {
					t.Fatal("fewer than two answers")
				}
			}
			expectEnd(t, c)
		}},
		{"per source", server.TCPLimits{PerSource: 1}, func(t *testing.T, s *server.Server) {
			t.Helper()
			first := dial(t, "tcp", s.Addrs().DNS[0])
			if exchangeTCP(t, first, ask) == nil {
				t.Fatal("no answer to the first")
			}
			expectEnd(t, dial(t, "tcp", s.Addrs().DNS[0]))
			if exchangeTCP(t, first, ask) == nil {
				t.Error("the first was cut off, too")
			}
			if st := s.Stats(); st.TCPOpen != 1 || st.TCPRefused != 1 {
				t.Errorf("open %d, refused %d", st.TCPOpen, st.TCPRefused)
			}
		}},
		{"in all", server.TCPLimits{Conns: 1}, func(t *testing.T, s *server.Server) {
			t.Helper()
			first := dial(t, "tcp", s.Addrs().DNS[0])
			if exchangeTCP(t, first, ask) == nil {
				t.Fatal("no answer to the first")
			}
			expectEnd(t, dial(t, "tcp", s.Addrs().DNS[0]))
		}},
		{"never reads", server.TCPLimits{Write: 50 * time.Millisecond}, func(t *testing.T, s *server.Server) {
			t.Helper()
			c := dial(t, "tcp", s.Addrs().DNS[0])
			m := bytes.Repeat(framed(question("big.test.", wire.TypeA)), 64)
			for {
				if _, err := c.Write(m); err != nil {
					if !isReset(err) {
						t.Errorf("the server waits for us: %v", err)
					}
					return
				}
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.try(t, run(t, server.Config{TCP: tt.limits}))
		})
	}
}

// expectEnd waits for the server to close the connection.
func expectEnd(t *testing.T, c net.Conn) {
	t.Helper()
	n, err := c.Read(make([]byte, 1))
	if n != 0 || !errors.Is(err, io.EOF) && !isReset(err) {
		t.Errorf("read %d octets, %v; want the end", n, err)
	}
}

func TestKeepalive(t *testing.T) {
	t.Parallel()
	s := run(t, server.Config{TCP: server.TCPLimits{Idle: 7 * time.Second}})
	m := withOPT(question("a.test.", wire.TypeA), "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x04\x00\x0b\x00\x00")
	got := exchange(t, "tcp", s.Addrs().DNS[0], m)
	if want := []byte("\x00\x0b\x00\x02\x00\x46"); !bytes.HasSuffix(got, want) { // 70 x 100 ms
		t.Errorf("answer %x, want the option %x", got, want)
	}
	if got := exchange(t, "udp", s.Addrs().DNS[0], m); len(got) == 0 || bytes.Contains(got, []byte("\x00\x0b\x00\x02")) {
		t.Errorf("over UDP (RFC 7828 section 3.2.2): %x", got)
	}
}

// fakeTransfers sends three messages, or waits until it is let go.
type fakeTransfers struct {
	started chan struct{}
	release chan struct{}
}

func (f *fakeTransfers) Denied(*wire.Request, wire.Rcode) {}

func (f *fakeTransfers) Verified(*wire.Request) {}

func (f *fakeTransfers) May(*wire.Request) bool { return false }

func (f *fakeTransfers) Datagram(dst []byte, r *wire.Request) []byte {
	return append(dst, r.Msg...)
}

func (f *fakeTransfers) Stream(ctx context.Context, w io.Writer, r *wire.Request) error {
	if f.started != nil {
		close(f.started)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.release:
		}
	}
	for range 3 {
		if _, err := w.Write(framed(r.Msg)); err != nil {
			return err
		}
	}
	return nil
}

// A transfer keeps its place among pipelined requests, and the connection goes on after it.
func TestTransferInPipeline(t *testing.T) {
	t.Parallel()
	s := run(t, server.Config{Transfers: &fakeTransfers{}})
	c := dial(t, "tcp", s.Addrs().DNS[0])
	var all []byte
	for i, typ := range []wire.Type{wire.TypeA, wire.TypeAXFR, wire.TypeA} {
		m := question("a.test.", typ)
		wire.SetID(m, uint16(i))
		all = append(all, framed(m)...)
	}
	if _, err := c.Write(all); err != nil {
		t.Fatal(err)
	}
	for _, want := range []uint16{0, 1, 1, 1, 2} {
		if got := readTCP(t, c); got == nil || wire.ID(got) != want {
			t.Fatalf("answer %x, want ID %d", got, want)
		}
	}
	if exchangeTCP(t, c, question("a.test.", wire.TypeA)) == nil {
		t.Error("the connection ends after a transfer")
	}
}

func TestOddDatagrams(t *testing.T) {
	t.Parallel()
	notify := question("a.test.", wire.TypeSOA)
	wire.SetHeaderFlags(notify, wire.Flags(0).WithOpcode(wire.OpcodeNotify))
	signed := withOPT(question("a.test.", wire.TypeA), "\x01k\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00")
	chaos := question("a.test.", wire.TypeAXFR)
	chaos[len(chaos)-1] = 3
	for path, portable := range paths {
		for _, listen := range []string{"127.0.0.1:0", ":0"} {
			s := run(t, server.Config{Portable: portable, Transfers: &fakeTransfers{}, DNS: []string{listen}})
			for _, tt := range []struct {
				name string
				msg  []byte
				want wire.Rcode
			}{
				{"NOTIFY", notify, wire.RcodeNotAuth},
				{"TSIG that cannot be read", signed, wire.RcodeFormErr},
				{"IXFR", question("a.test.", wire.TypeIXFR), wire.RcodeNoError},
				{"AXFR of class CH", chaos, wire.RcodeRefused},
			} {
				c := dial(t, "udp", localhost(s))
				if _, err := c.Write(tt.msg); err != nil {
					t.Fatal(err)
				}
				b := make([]byte, 512)
				n, err := c.Read(b)
				if err != nil || n < wire.HeaderLen || wire.HeaderFlags(b).Rcode() != tt.want || wire.ID(b) != wire.ID(tt.msg) {
					t.Errorf("%s, %s: %x, %v", path, tt.name, b[:n], err)
				}
			}
			if st := s.Stats(); st.Slow != 4 || st.Dropped != 0 {
				t.Errorf("%s: slow %d, dropped %d", path, st.Slow, st.Dropped)
			}
		}
	}
}

// Run waits for a transfer that ends in time, and cuts off one that does not.
func TestDrain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		drain time.Duration
		ends  bool
	}{{"ends", time.Minute, true}, {"hangs", time.Millisecond, false}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := &fakeTransfers{started: make(chan struct{}), release: make(chan struct{})}
			s := server.New(server.Config{
				DNS: []string{"127.0.0.1:0"}, NewResponder: newEcho, Transfers: f, Drain: tt.drain,
			})
			if err := s.Listen(); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- s.Run(ctx) }()
			idle := dial(t, "tcp", s.Addrs().DNS[0])
			if exchangeTCP(t, idle, question("a.test.", wire.TypeA)) == nil {
				t.Fatal("no answer")
			}
			c := dial(t, "tcp", s.Addrs().DNS[0])
			if _, err := c.Write(framed(question("a.test.", wire.TypeAXFR))); err != nil {
				t.Fatal(err)
			}
			<-f.started
			stop()
			expectEnd(t, idle)
			if tt.ends {
				close(f.release)
				for range 3 {
					if readTCP(t, c) == nil {
						t.Fatal("the transfer was cut off")
					}
				}
			}
			expectEnd(t, c)
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
			if err := s.Run(t.Context()); err == nil {
				t.Error("a second Run succeeds")
			}
		})
	}
}
