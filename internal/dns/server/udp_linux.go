//nolint:gosec // the batched system calls take structures by address; each use stands beside what it points to
package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headwaterdns/headwater/internal/dns/tap"
)

// controlSize holds one packet information message of either family.
const controlSize = 64

// mmsghdr is the kernel's struct mmsghdr; Go pads it as C does.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// fastSocket is a UDP socket served by one locked thread with recvmmsg and sendmmsg. The thread blocks in the kernel:
// no poller, no channel. All memory that the kernel sees is allocated once and kept reachable through its fields; the
// Go heap does not move.
type fastSocket struct {
	fd      int
	local   netip.AddrPort
	closing atomic.Bool
	h       *handler
	answer  int // capacity of one answer slab

	requests, answers []byte
	in, out           [batch]mmsghdr
	inVec, outVec     [batch]unix.Iovec
	from              [batch]unix.RawSockaddrInet6 // room for IPv4 as well
	control           [batch][controlSize]byte
}

// hasFast says that openFast works here.
const hasFast = true

// openFast opens a socket for e that others may share, for the kernel to spread the clients over them.
func openFast(s *Server, e endpoint, shared bool) (udpSocket, error) {
	family := unix.AF_INET6
	if e.host.Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := setUp(fd, e, shared, s.cfg.ReceiveBuffer); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return newFast(s, e, fd)
}

// inheritFast takes sockets over that somebody else has opened, who need not have thought of what we need.
func inheritFast(s *Server, e endpoint, files []*os.File) ([]udpSocket, error) {
	var socks []udpSocket
	for _, file := range files {
		fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			closeAll(socks)
			return nil, os.NewSyscallError("dup", err)
		}
		sock, err := prepared(s, e, fd)
		if err != nil {
			closeAll(socks)
			return nil, err
		}
		socks = append(socks, sock)
	}
	return socks, nil
}

// prepared is newFast for a socket of somebody else's.
func prepared(s *Server, e endpoint, fd int) (udpSocket, error) {
	local, err := localAddr(fd)
	if err == nil {
		err = unix.SetNonblock(fd, false) // its thread waits in the kernel
	}
	if err == nil {
		e.host = local.Addr()
		err = setOptions(fd, e, s.cfg.ReceiveBuffer)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return newFast(s, e, fd)
}

// newFast makes a thread's part of a socket that is bound; the descriptor is its own from here on.
func newFast(s *Server, e endpoint, fd int) (udpSocket, error) {
	local, err := localAddr(fd)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	f := &fastSocket{fd: fd, local: local}
	f.h = s.newThread(e.transferOnly, func(i int) netip.Addr { return addressOf(&f.from[i]) })
	f.allocate(s.cfg.MaxUDP + slack)
	return f, nil
}

// setUp sets the socket's options and binds it. Only what correctness needs may fail.
func setUp(fd int, e endpoint, shared bool, receiveBuffer int) error {
	if shared {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return os.NewSyscallError("SO_REUSEPORT", err)
		}
	}
	if e.host.Is6() {
		only := 1
		if e.dual {
			only = 0
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); err != nil {
			return os.NewSyscallError("IPV6_V6ONLY", err)
		}
	}
	if err := setOptions(fd, e, receiveBuffer); err != nil {
		return err
	}
	var sa unix.Sockaddr = &unix.SockaddrInet6{Port: int(e.port), Addr: e.host.As16(), ZoneId: zoneID(e.host)}
	if e.host.Is4() {
		sa = &unix.SockaddrInet4{Port: int(e.port), Addr: e.host.As4()}
	}
	return os.NewSyscallError("bind", unix.Bind(fd, sa))
}

// setOptions sets what a socket may also be told when it is bound already. Only what correctness needs may fail.
func setOptions(fd int, e endpoint, receiveBuffer int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	// A forged ICMP message must not talk us into fragments (draft-ietf-dnsop-avoid-fragmentation).
	if e.host.Is4() {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT)
	} else {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT)
	}
	if e.host.IsUnspecified() {
		level, option := unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
		if e.host.Is4() {
			level, option = unix.IPPROTO_IP, unix.IP_PKTINFO
		}
		if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
			return os.NewSyscallError("packet information", err)
		}
	}
	return nil
}

// allocate lays the slabs and points the headers at them, once for all.
func (f *fastSocket) allocate(answer int) {
	f.answer = answer
	f.requests = make([]byte, batch*maxRequest)
	f.answers = make([]byte, batch*answer)
	for i := range batch {
		f.inVec[i].Base = &f.requests[i*maxRequest]
		f.inVec[i].SetLen(maxRequest)
		h := &f.in[i].hdr
		h.Name = (*byte)(unsafe.Pointer(&f.from[i]))
		h.Iov = &f.inVec[i]
		h.SetIovlen(1)
		h.Control = &f.control[i][0]
		f.out[i].hdr.Iov = &f.outVec[i]
		f.out[i].hdr.SetIovlen(1)
	}
}

func (f *fastSocket) serve() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	shortSlice()
	turn := newTurn(time.Now())
	for {
		n, err := f.receive()
		if err == nil {
			f.send(f.process(n)) // what was received is answered, whoever has to go
		}
		turn.end(time.Now())
		if f.closing.Load() {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive on %s: %w", f.local, err)
		}
	}
}

// shortSlice asks the kernel to run the calling thread in short slices, and therefore soon when it wakes up: datagrams that
// arrive beside a transfer or an import must not wait for the end of its slice. Kernels before 6.12 do not know that, and
// nothing depends on it.
func shortSlice() {
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil || attr.Policy != unix.SCHED_NORMAL {
		return // somebody has chosen already
	}
	attr.Runtime = 100_000 // ns, the shortest
	_ = unix.SchedSetAttr(0, attr, 0)
}

// YieldCore lets another thread have the core; whoever computes for long calls it every quarter of a millisecond or so. The
// kernel would let the UDP thread wait for a tick (4 ms at 250 Hz) after it has had its fair share, and the thread that
// polls the network for as long.
func YieldCore() { _, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// receive waits for datagrams and takes those that are there. Errors that concern one peer are no errors of ours.
func (f *fastSocket) receive() (int, error) {
	for i := range batch {
		f.in[i].hdr.Namelen = unix.SizeofSockaddrInet6
		f.in[i].hdr.SetControllen(controlSize)
	}
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(f.fd), uintptr(unsafe.Pointer(&f.in[0])), batch,
			unix.MSG_WAITFORONE, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EBADF, unix.ENOTSOCK, unix.EFAULT, unix.EINVAL:
			return 0, os.NewSyscallError("recvmmsg", errno)
		default:
		}
		if f.closing.Load() {
			return 0, nil
		}
	}
}

// process answers the first n requests and returns how many answers stand in out.
func (f *fastSocket) process(n int) int {
	replies := 0
	f.h.guard.begin()
	// Each is begun, approached and finished while its neighbours are: what it has to wait for in memory comes meanwhile.
	for i := range n + 2 {
		if i < n {
			f.h.begin(f.request(i), i)
		}
		if i > 0 && i <= n {
			f.h.approach(i - 1)
		}
		if i > 1 && f.reply(i-2, replies) {
			replies++
		}
	}
	return replies
}

// request is the i-th datagram; one that was cut is none.
func (f *fastSocket) request(i int) []byte {
	in := &f.in[i]
	if in.hdr.Flags&unix.MSG_TRUNC != 0 {
		return nil
	}
	return f.requests[i*maxRequest:][:in.n]
}

// reply answers the i-th datagram with the at-th answer, unless there is none.
func (f *fastSocket) reply(i, at int) bool {
	msg, v := f.h.finish(f.answers[at*f.answer:][:0:f.answer], i)
	switch v {
	case drop:
		return false
	case slow:
		f.toSlow(i, f.request(i))
		return false
	case reply:
	}
	if f.h.tap.Hit() {
		f.h.tap.Show(tap.UDP, sourceOf(&f.from[i]), f.local, f.request(i), msg)
	}
	f.outVec[at].Base = unsafe.SliceData(msg)
	f.outVec[at].SetLen(len(msg))
	f.address(&f.out[at].hdr, i)
	return true
}

// address makes h go back to where request i came from, and leave from the address that it came to.
func (f *fastSocket) address(h *unix.Msghdr, i int) {
	in := &f.in[i].hdr
	h.Name, h.Namelen = in.Name, in.Namelen
	h.Control, h.Controllen = nil, 0
	if in.Controllen != 0 {
		clearInterface(f.control[i][:in.Controllen])
		h.Control, h.Controllen = in.Control, in.Controllen
	}
}

// clearInterface leaves the choice of the interface to the routes: packet information tells on which one the request
// came, which need not lead back. The index is the first word of IPv4's in_pktinfo and the last of IPv6's.
func clearInterface(control []byte) {
	if len(control) < unix.SizeofCmsghdr {
		return
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(unsafe.SliceData(control)))
	data := control[unix.CmsgLen(0):]
	switch {
	case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
		clear(data[:4])
	case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
		clear(data[16:20])
	}
}

// send sends the first n answers. One that the kernel refuses is skipped: the client asks again.
func (f *fastSocket) send(n int) {
	for at := 0; at < n; {
		sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(f.fd), uintptr(unsafe.Pointer(&f.out[at])),
			uintptr(n-at), 0, 0, 0)
		switch {
		case errno == unix.EINTR:
		case errno != 0:
			f.h.count.errors.Add(1)
			at++
		default:
			at += int(sent)
		}
	}
	runtime.KeepAlive(f)
}

// toSlow copies request i for the slow pool.
func (f *fastSocket) toSlow(i int, request []byte) {
	j := f.h.job(request, sourceOf(&f.from[i]))
	if j == nil {
		return
	}
	in := &f.in[i].hdr
	ret := &fastReturn{f: f, name: f.from[i], nameLen: in.Namelen}
	if in.Controllen != 0 {
		clearInterface(f.control[i][:in.Controllen])
		ret.control = append(ret.control, f.control[i][:in.Controllen]...)
	}
	j.send = ret.send
	f.h.push(j)
}

// fastReturn is the way back of one request of the slow pool.
type fastReturn struct {
	f       *fastSocket
	name    unix.RawSockaddrInet6
	nameLen uint32
	control []byte
}

func (r *fastReturn) send(msg []byte) error {
	vec := unix.Iovec{Base: unsafe.SliceData(msg)}
	vec.SetLen(len(msg))
	h := unix.Msghdr{Name: (*byte)(unsafe.Pointer(&r.name)), Namelen: r.nameLen, Iov: &vec}
	h.SetIovlen(1)
	if len(r.control) > 0 {
		h.Control = &r.control[0]
		h.SetControllen(len(r.control))
	}
	_, _, errno := unix.Syscall(unix.SYS_SENDMSG, uintptr(r.f.fd), uintptr(unsafe.Pointer(&h)), 0)
	runtime.KeepAlive(r)
	if errno != 0 {
		return os.NewSyscallError("sendmsg", errno)
	}
	return nil
}

// interrupt wakes the blocked thread: shutting down a socket that is not connected reports ENOTCONN, but does so.
func (f *fastSocket) interrupt() {
	f.closing.Store(true)
	if err := unix.Shutdown(f.fd, unix.SHUT_RD); err != nil && !errors.Is(err, unix.ENOTCONN) {
		f.h.s.cfg.Log.Error("cannot interrupt a socket", "address", f.local, "error", err)
	}
}

func (f *fastSocket) retire() { f.closing.Store(true) }

func (f *fastSocket) sweep() {
	var b [1]byte
	for {
		n, _, err := unix.Recvfrom(f.fd, b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n > 0 {
			return
		}
		_, _, _ = unix.Recvfrom(f.fd, b[:], unix.MSG_DONTWAIT)
	}
}

// pulse asks how long the next datagram is. Empty ones, which are those of wake, are not seen.
func (f *fastSocket) pulse() (done uint64, waits bool) {
	n, err := unix.IoctlGetInt(f.fd, unix.TIOCINQ)
	return f.h.count.done(), err == nil && n > 0 && !f.closing.Load()
}

func (f *fastSocket) file() (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(f.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	return os.NewFile(uintptr(fd), f.local.String()), nil
}

func (f *fastSocket) addr() netip.AddrPort { return f.local }

func (f *fastSocket) close() { _ = unix.Close(f.fd) }

// sourceOf reads the peer's address; an IPv4-mapped one becomes IPv4.
func sourceOf(sa *unix.RawSockaddrInet6) netip.AddrPort {
	port := (*[2]byte)(unsafe.Pointer(&sa.Port))
	return netip.AddrPortFrom(addressOf(sa), binary.BigEndian.Uint16(port[:])) // the port of IPv4 is at the same place
}

func addressOf(sa *unix.RawSockaddrInet6) netip.Addr {
	if sa.Family == unix.AF_INET {
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(sa)).Addr)
	}
	return netip.AddrFrom16(sa.Addr).Unmap()
}

func localAddr(fd int) (netip.AddrPort, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockname", err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port)), nil
	}
	return netip.AddrPort{}, os.NewSyscallError("getsockname", syscall.EAFNOSUPPORT)
}

// zoneID is the index of the interface that a link-local address names, 0 for other addresses.
func zoneID(a netip.Addr) uint32 {
	if a.Zone() == "" {
		return 0
	}
	if i, err := net.InterfaceByName(a.Zone()); err == nil {
		return uint32(i.Index)
	}
	n, _ := strconv.ParseUint(a.Zone(), 10, 32)
	return uint32(n)
}
