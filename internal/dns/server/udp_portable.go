package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/headwaterdns/headwater/internal/dns/tap"
)

// portableSocket serves a UDP socket through package net, one datagram at a time.
type portableSocket struct {
	conn    *net.UDPConn
	closing atomic.Bool
	h       *handler
	answer  []byte
	request []byte
	control []byte // nil where the socket is bound to one address
	v4      bool
	from    netip.Addr // of the datagram that is answered
}

// openPortable opens one socket for e that n goroutines read. With port 0 e takes the port it got.
func openPortable(s *Server, e *endpoint, n int) ([]udpSocket, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(context.Background(), e.network("udp"), e.addrPort().String())
	if err != nil {
		return nil, err
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		return nil, fmt.Errorf("%T is no UDP socket", pc)
	}
	_ = conn.SetReadBuffer(s.cfg.ReceiveBuffer)
	if err := askDestination(conn, *e); err != nil {
		_ = conn.Close()
		return nil, err
	}
	socks := newPortable(s, *e, conn, n)
	e.port = socks[0].addr().Port()
	return socks, nil
}

// inheritPortable takes over the one socket that there is, whose opener need not have thought of what we need.
func inheritPortable(s *Server, e endpoint, files []*os.File) ([]udpSocket, error) {
	pc, err := net.FilePacketConn(files[0])
	if err != nil {
		return nil, err
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		_ = pc.Close()
		return nil, fmt.Errorf("%T is no UDP socket", pc)
	}
	_ = conn.SetReadBuffer(s.cfg.ReceiveBuffer)
	if err := askDestination(conn, e); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return newPortable(s, e, conn, s.cfg.Threads), nil
}

func newPortable(s *Server, e endpoint, conn *net.UDPConn, n int) []udpSocket {
	socks := make([]udpSocket, n)
	for i := range socks {
		p := &portableSocket{
			conn: conn, v4: e.host.Is4(),
			request: make([]byte, maxRequest), answer: make([]byte, s.cfg.MaxUDP+slack),
		}
		p.h = s.newThread(e.transferOnly, func(int) netip.Addr { return p.from })
		if e.host.IsUnspecified() {
			p.control = make([]byte, 128)
		}
		socks[i] = p
	}
	return socks
}

// askDestination has a wildcard socket tell to which address a datagram came.
func askDestination(conn *net.UDPConn, e endpoint) error {
	switch {
	case !e.host.IsUnspecified():
		return nil
	case e.host.Is4():
		return ipv4.NewPacketConn(conn).SetControlMessage(ipv4.FlagDst, true)
	}
	return ipv6.NewPacketConn(conn).SetControlMessage(ipv6.FlagDst, true)
}

func (p *portableSocket) serve() error {
	for {
		n, nc, _, from, err := p.conn.ReadMsgUDPAddrPort(p.request, p.control)
		if err == nil && n < maxRequest { // errors are of one peer, what is longer was cut
			p.one(p.request[:n], p.returnControl(nc), from)
		}
		if p.closing.Load() {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("receive on %s: %w", p.addr(), err)
		}
	}
}

func (p *portableSocket) one(request, control []byte, from netip.AddrPort) {
	p.from = from.Addr().Unmap()
	p.h.guard.begin()
	msg, v := p.h.datagram(p.answer[:0], request)
	switch v {
	case drop:
	case reply:
		if _, _, err := p.conn.WriteMsgUDPAddrPort(msg, control, from); err != nil {
			p.h.count.errors.Add(1)
		}
		if p.h.tap.Hit() {
			p.h.tap.Show(tap.UDP, netip.AddrPortFrom(p.from, from.Port()), p.addr(), request, msg)
		}
	case slow:
		if j := p.h.job(request, netip.AddrPortFrom(from.Addr().Unmap(), from.Port())); j != nil {
			j.send = func(msg []byte) error {
				_, _, err := p.conn.WriteMsgUDPAddrPort(msg, control, from)
				return err
			}
			p.h.push(j)
		}
	}
}

// returnControl makes the answer leave from the address that the request came to.
func (p *portableSocket) returnControl(n int) []byte {
	if n == 0 {
		return nil
	}
	if p.v4 {
		var cm ipv4.ControlMessage
		if cm.Parse(p.control[:n]) != nil || cm.Dst == nil {
			return nil
		}
		return (&ipv4.ControlMessage{Src: cm.Dst}).Marshal()
	}
	var cm ipv6.ControlMessage
	if cm.Parse(p.control[:n]) != nil || cm.Dst == nil {
		return nil
	}
	if v4 := cm.Dst.To4(); v4 != nil { // came as IPv4, leaves as IPv4
		return (&ipv4.ControlMessage{Src: v4}).Marshal()
	}
	return (&ipv6.ControlMessage{Src: cm.Dst}).Marshal()
}

func (p *portableSocket) interrupt() {
	p.closing.Store(true)
	_ = p.conn.SetReadDeadline(time.Unix(1, 0))
}

// retire is the same: deadlines are this process's alone.
func (p *portableSocket) retire() { p.interrupt() }

// sweep leaves them to who comes next, who passes over them.
func (p *portableSocket) sweep() {}

// pulse cannot tell what waits.
func (p *portableSocket) pulse() (done uint64, waits bool) { return p.h.count.done(), false }

func (p *portableSocket) file() (*os.File, error) { return p.conn.File() }

func (p *portableSocket) addr() netip.AddrPort {
	if a, ok := p.conn.LocalAddr().(*net.UDPAddr); ok {
		return a.AddrPort()
	}
	return netip.AddrPort{}
}

func (p *portableSocket) close() { _ = p.conn.Close() }
