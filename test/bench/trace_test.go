//go:build linux

package main

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestDissect(t *testing.T) {
	t.Parallel()
	us, knot := netip.MustParseAddrPort("127.0.0.1:5300"), netip.MustParseAddrPort("127.9.9.9:5301")
	asks := netip.MustParseAddrPort("127.9.9.9:40000")
	zero := time.Unix(1000, 0)
	at := func(n int) time.Time { return zero.Add(time.Duration(n) * time.Millisecond) }
	all := []packet{
		{at: at(0), src: asks, dst: us, payload: []byte("early")},
		{at: at(1), udp: true, src: us, dst: knot, payload: []byte{0, 1, 0}}, // a query
		{at: at(2), udp: true, src: us, dst: knot, payload: []byte{0, 1, opcodeNotify << 3}},
		{at: at(5), src: asks, dst: us, payload: []byte("soa?")},
		{at: at(6), src: us, dst: asks, payload: []byte("soa")},
		{at: at(10), src: asks, dst: us, payload: []byte("ixfr?")},
		{at: at(12), src: us, dst: asks, payload: []byte("one")},
		{at: at(13), src: us, dst: asks, payload: []byte("two")},
	}
	s, err := dissect(all, us, knot)
	if err != nil || s.notify != at(2) || s.asked != at(5) || s.sent != at(13) || s.ours != 4*time.Millisecond {
		t.Errorf("%+v, %v", s, err)
	}
	for n := range 4 {
		if s, err := dissect(all[:n+1], us, knot); err == nil {
			t.Errorf("%d packets are enough: %+v", n+1, s)
		}
	}
}

// TestCapture sees a datagram and octets of a connection on the loopback interface, where it may listen there.
func TestCapture(t *testing.T) {
	t.Parallel()
	tr, err := capture()
	if err != nil {
		t.Skip("this user may not capture packets: ", err)
	}
	defer tr.close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	to := l.Addr().(*net.TCPAddr).AddrPort()
	tr.begin()
	began := time.Now()
	for _, network := range []string{"udp", "tcp"} {
		c, err := net.Dial(network, to.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte("octets")); err != nil {
			t.Fatal(err)
		}
	}
	got := slices.DeleteFunc(tr.end(), func(p packet) bool { return p.dst != to })
	if len(got) != 2 || !got[0].udp || got[1].udp {
		t.Fatalf("%+v", got)
	}
	for _, p := range got {
		if string(p.payload) != "octets" || p.at.Before(began.Add(-time.Second)) || p.at.After(time.Now()) {
			t.Errorf("%+v", p)
		}
	}
}
