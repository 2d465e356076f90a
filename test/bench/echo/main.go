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
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batch      = 64 // as in internal/dns/server
	maxRequest = 4096
	headerLen  = 12
)

type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// echo is the socket and the memory that the kernel reads and writes.
type echo struct {
	fd    int
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
	flag.Parse()
	failed := make(chan error, 2)
	go func() { failed <- serve(*listen) }()
	if *web != "" {
		go func() { failed <- serveHTTP(*web, *file) }()
	}
	fmt.Fprintln(os.Stderr, "echo:", <-failed)
	os.Exit(1)
}

func serve(listen string) error {
	addr, err := netip.ParseAddrPort(listen)
	if err != nil {
		return err
	}
	e, err := open(addr)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	for {
		n, err := e.receive()
		if err != nil {
			return err
		}
		if err := e.send(e.turn(n)); err != nil {
			return err
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
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(e.fd), uintptr(unsafe.Pointer(&e.in[0])), batch, unix.MSG_WAITFORONE, 0, 0)
		if errno == 0 {
			return int(n), nil
		}
		if errno != unix.EINTR {
			return 0, os.NewSyscallError("recvmmsg", errno)
		}
	}
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
		sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(e.fd), uintptr(unsafe.Pointer(&e.out[at])), uintptr(n-at), 0, 0, 0)
		switch errno {
		case 0:
			at += int(sent)
		case unix.EINTR:
		default:
			return os.NewSyscallError("sendmmsg", errno)
		}
	}
	return nil
}
