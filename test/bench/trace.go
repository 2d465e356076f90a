//go:build linux

package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// tracer takes the packets off the loopback interface, with the kernel's time of each.
type tracer struct {
	fd      int
	done    chan struct{}
	mu      sync.Mutex
	keeping bool
	mark    []byte        // the payload that ends a capture
	marked  chan struct{} // closed when it has come by
	packets []packet
}

// packet is an IPv4 packet over UDP or TCP that carried octets.
type packet struct {
	at       time.Time
	udp      bool
	src, dst netip.AddrPort
	payload  []byte // its beginning
}

func capture() (*tracer, error) {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return nil, err
	}
	// Bound to IPv4, the socket sees packets as they arrive, and none twice.
	proto := int(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_IP)))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return nil, os.NewSyscallError("packet socket", err)
	}
	t := &tracer{fd: fd, done: make(chan struct{})}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)
	patience := unix.NsecToTimeval(int64(50 * time.Millisecond))
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(proto), Ifindex: lo.Index}),
	)
	if err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("packet socket", err)
	}
	go t.read()
	return t, nil
}

// begin forgets what was captured and starts to keep; end gives what was kept since.
func (t *tracer) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keeping, t.packets = true, nil
}

func (t *tracer) end() []packet {
	t.await()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keeping = false
	return t.packets
}

// await waits until what the kernel has captured was read: packets come in order, so that one of our own comes last. Where that one is
// lost, what was lost with it will not come either.
func (t *tracer) await() {
	mark := []byte(rand.Text())
	marked := make(chan struct{})
	t.mu.Lock()
	t.mark, t.marked = mark, marked
	t.mu.Unlock()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return
	}
	defer c.Close() //nolint:errcheck // nothing is lost with it
	if _, err := c.WriteTo(mark, c.LocalAddr()); err != nil {
		return
	}
	select {
	case <-marked:
	case <-time.After(5 * time.Second):
	}
}

func (t *tracer) close() {
	close(t.done)
	_ = unix.Shutdown(t.fd, unix.SHUT_RD)
}

func (t *tracer) read() {
	defer func() { _ = unix.Close(t.fd) }()
	buf, control := make([]byte, 128), make([]byte, 256)
	for {
		select {
		case <-t.done:
			return
		default:
		}
		n, cn, _, _, err := unix.Recvmsg(t.fd, buf, control, 0)
		if err != nil {
			continue // its patience is over
		}
		p, ok := dissectIP(buf[:n])
		if !ok {
			continue
		}
		p.at = stamp(control[:cn])
		t.mu.Lock()
		switch {
		case t.mark != nil && bytes.Equal(p.payload, t.mark):
			t.mark = nil
			close(t.marked)
		case t.keeping:
			t.packets = append(t.packets, p)
		}
		t.mu.Unlock()
	}
}

// stamp reads the time from a control message.
func stamp(control []byte) time.Time {
	list, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Now()
	}
	for _, m := range list {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		}
	}
	return time.Now()
}

// dissectIP reads the headers of a packet that may be cut behind them.
func dissectIP(b []byte) (p packet, ok bool) {
	if len(b) < 28 || b[0]>>4 != 4 {
		return p, false
	}
	head := int(b[0]&15) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if len(b) < head+8 {
		return p, false
	}
	rest := b[head:]
	skip := 8
	switch b[9] {
	case unix.IPPROTO_UDP:
		p.udp = true
	case unix.IPPROTO_TCP:
		if len(rest) < 20 {
			return p, false
		}
		skip = int(rest[12]>>4) * 4
	default:
		return p, false
	}
	p.src = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:16])), binary.BigEndian.Uint16(rest))
	p.dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[16:20])), binary.BigEndian.Uint16(rest[2:]))
	if len(rest) >= skip {
		p.payload = append(p.payload, rest[skip:]...)
	}
	return p, total > head+skip
}

// steps are a change's way to a secondary.
type steps struct {
	notify time.Time     // our NOTIFY arrived
	asked  time.Time     // the secondary's first question after it arrived
	sent   time.Time     // the last octet of our last answer arrived
	ours   time.Duration // time between its questions and our answers to them
}

var errTrace = errors.New("the trace is not whole")

// dissect finds the steps in the packets of one change, in the order of time.
func dissect(packets []packet, us, secondary netip.AddrPort) (s steps, err error) {
	var since time.Time
	for _, p := range packets {
		fromIt, toIt := p.src.Addr() == secondary.Addr(), p.dst.Addr() == secondary.Addr()
		switch {
		case s.notify.IsZero():
			if p.udp && p.dst == secondary && len(p.payload) > 2 && p.payload[2]>>3&15 == opcodeNotify {
				s.notify = p.at
			}
		case fromIt && p.dst == us:
			if since = p.at; s.asked.IsZero() {
				s.asked = p.at
			}
		case toIt && p.src == us && !since.IsZero():
			s.ours += p.at.Sub(since)
			since, s.sent = p.at, p.at
		}
	}
	if s.sent.IsZero() {
		return s, errTrace
	}
	return s, nil
}

const opcodeNotify = 4
