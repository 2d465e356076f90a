// Package scripted serves DNS messages of a test's own making on real sockets.
package scripted

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Answer gives the messages to send for one that has come over "udp" or "tcp". Over TCP it may take its time.
type Answer func(network string, from net.Addr, msg []byte) [][]byte

// Serve answers until the test ends, over UDP and TCP on one free port of loopback, which it returns.
func Serve(t testing.TB, answer Answer) (addr string) {
	t.Helper()
	lis, pc := listen(t, "127.0.0.1:0")
	serve(t, lis, pc, answer)
	return lis.Addr().String()
}

// ServeEach answers until the test ends at several addresses of loopback, all on the port of the first.
func ServeEach(t testing.TB, at map[netip.Addr]Answer) (port uint16) {
	t.Helper()
	for a, answer := range at {
		lis, pc := listen(t, netip.AddrPortFrom(a, port).String())
		port = lis.Addr().(*net.TCPAddr).AddrPort().Port()
		serve(t, lis, pc, answer)
	}
	return port
}

func serve(t testing.TB, lis net.Listener, pc net.PacketConn, answer Answer) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() { datagrams(pc, answer) })
	wg.Go(func() { connections(lis, answer, &wg) })
	t.Cleanup(func() { pc.Close(); lis.Close(); wg.Wait() })
}

// listen finds a port that is free for both, or takes the one of addr.
func listen(t testing.TB, addr string) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 20 {
		lis, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		pc, err := net.ListenPacket("udp", lis.Addr().String())
		if err == nil {
			return lis, pc
		}
		lis.Close()
	}
	t.Fatal("no port is free for UDP and TCP")
	return nil, nil
}

func datagrams(pc net.PacketConn, answer Answer) {
	buf := make([]byte, wire.MaxMessage)
	for {
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		for _, msg := range answer("udp", from, buf[:n]) {
			_, _ = pc.WriteTo(msg, from)
		}
	}
}

func connections(lis net.Listener, answer Answer, wg *sync.WaitGroup) {
	for {
		conn, err := lis.Accept()
		if err != nil {
			return
		}
		wg.Go(func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			var size [2]byte
			if _, err := io.ReadFull(conn, size[:]); err != nil {
				return
			}
			msg := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(conn, msg); err != nil {
				return
			}
			for _, out := range answer("tcp", conn.RemoteAddr(), msg) {
				_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
			}
		})
	}
}
