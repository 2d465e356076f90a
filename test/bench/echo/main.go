//go:build linux

// Command echo sends every datagram back with the response bit set: what a DNS server in Go costs that does no DNS. It
// moves datagrams as internal/dns/server does, in batches of the same size on one locked thread, and so bounds from below
// what that server can need for a query. Over HTTP it sends every body back once it is on the disk.
package main

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batch      = 64 // as in internal/dns/server
	maxRequest = 4096
	headerLen  = 12
	turnLength = 8 * time.Millisecond // as in internal/dns/server
)

type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// echo is the socket and the memory that the kernel reads and writes.
type echo struct {
	fd    int
	plain bool
	slabs []byte
	in    [batch]mmsghdr
	out   [batch]mmsghdr
	inVec [batch]unix.Iovec
	oVec  [batch]unix.Iovec
	from  [batch]unix.RawSockaddrInet6
}

func main() {
	listen := flag.String("listen", "127.0.0.1:5300", "IPv4 address and port")
	web := flag.String("http", "", "address and port of the HTTP server; empty: none")
	file := flag.String("log", "", "file that the HTTP server writes to")
	plain := flag.Bool("plain", false, "take what is there and wait by poll where nothing is")
	flag.Parse()
	failed := make(chan error, 2)
	go func() { failed <- serve(*listen, *plain) }()
	if *web != "" {
		go func() { failed <- serveHTTP(*web, *file) }()
	}
	fmt.Fprintln(os.Stderr, "echo:", <-failed)
	os.Exit(1)
}

func serve(listen string, plain bool) error {
	addr, err := netip.ParseAddrPort(listen)
	if err != nil {
		return err
	}
	e, err := open(addr)
	if err != nil {
		return err
	}
	e.plain = plain
	runtime.LockOSThread()
	began := time.Now()
	for {
		n, err := e.receive()
		if err != nil {
			return err
		}
		if err := e.send(e.turn(n)); err != nil {
			return err
		}
		if now := time.Now(); !plain && now.Sub(began) > turnLength {
			runtime.Gosched() // as internal/dns/server does, and says why
			began = now
		}
	}
}

func open(addr netip.AddrPort) (*echo, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	e := &echo{fd: fd, slabs: make([]byte, batch*maxRequest)}
	for i := range batch {
		e.inVec[i].Base = &e.slabs[i*maxRequest]
		e.inVec[i].SetLen(maxRequest)
		e.in[i].hdr.Name = (*byte)(unsafe.Pointer(&e.from[i]))
		e.in[i].hdr.Iov, e.out[i].hdr.Iov = &e.inVec[i], &e.oVec[i]
		e.in[i].hdr.SetIovlen(1)
		e.out[i].hdr.SetIovlen(1)
	}
	return e, nil
}

func (e *echo) receive() (int, error) {
	for i := range batch {
		e.in[i].hdr.Namelen = unix.SizeofSockaddrInet6
	}
	flags := uintptr(unix.MSG_WAITFORONE)
	if e.plain {
		flags = unix.MSG_DONTWAIT
	}
	for {
		n, errno := e.call(unix.SYS_RECVMMSG, unsafe.Pointer(&e.in[0]), batch, flags)
		switch errno {
		case 0:
			return n, nil
		case unix.EINTR:
		case unix.EAGAIN:
			ready := unix.PollFd{Fd: int32(e.fd), Events: unix.POLLIN}
			_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&ready)), 1, 0, 0, 0, 0)
		default:
			return 0, os.NewSyscallError("recvmmsg", errno)
		}
	}
}

// call is recvmmsg or sendmmsg of n messages.
func (e *echo) call(trap uintptr, at unsafe.Pointer, n int, flags uintptr) (int, unix.Errno) {
	if e.plain {
		done, _, errno := unix.RawSyscall6(trap, uintptr(e.fd), uintptr(at), uintptr(n), flags, 0, 0)
		return int(done), errno
	}
	done, _, errno := unix.Syscall6(trap, uintptr(e.fd), uintptr(at), uintptr(n), flags, 0, 0)
	return int(done), errno
}

// turn makes responses of the first n datagrams and says how many there are.
func (e *echo) turn(n int) int {
	replies := 0
	for i := range n {
		msg := e.slabs[i*maxRequest:][:e.in[i].n]
		if len(msg) < headerLen {
			continue
		}
		msg[2] |= 0x80
		e.oVec[replies].Base = unsafe.SliceData(msg)
		e.oVec[replies].SetLen(len(msg))
		e.out[replies].hdr.Name, e.out[replies].hdr.Namelen = e.in[i].hdr.Name, e.in[i].hdr.Namelen
		replies++
	}
	return replies
}

func (e *echo) send(n int) error {
	for at := 0; at < n; {
		sent, errno := e.call(unix.SYS_SENDMMSG, unsafe.Pointer(&e.out[at]), n-at, 0)
		switch errno {
		case 0:
			at += sent
		case unix.EINTR:
		default:
			return os.NewSyscallError("sendmmsg", errno)
		}
	}
	return nil
}
