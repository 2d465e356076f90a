//go:build linux

package main

import (
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batch    = 32
	slotSize = 4096
)

type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// udpClient asks over one connected socket from one locked thread, in batches. It costs about as much as the server
// that it asks: give it a core of its own. Go's scheduler does not hear of its calls, of which none lasts: its monitor, at the same
// real-time priority on the same core, would take turns with it and be charged to the server.
type udpClient struct {
	o     options
	qs    *queries
	next  int
	fd    int
	slots *slots

	requests, answers []byte
	in, out           [batch]mmsghdr
	inVec, outVec     [batch]unix.Iovec
}

func newUDP(o options, qs *queries, first int) (*udpClient, error) {
	family := unix.AF_INET6
	var sa unix.Sockaddr = &unix.SockaddrInet6{Port: int(o.server.Port()), Addr: o.server.Addr().As16()}
	if o.server.Addr().Is4() {
		family, sa = unix.AF_INET, &unix.SockaddrInet4{Port: int(o.server.Port()), Addr: o.server.Addr().As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20)
	if err := unix.Connect(fd, sa); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	c := &udpClient{o: o, qs: qs, next: first, fd: fd, slots: newSlots(o.window)}
	if o.rate > 0 {
		c.slots.max = maxWindow // the rate decides, not the answers
	}
	c.requests, c.answers = make([]byte, batch*512), make([]byte, batch*slotSize)
	for i := range batch {
		c.inVec[i].Base = &c.answers[i*slotSize]
		c.inVec[i].SetLen(slotSize)
		c.outVec[i].Base = &c.requests[i*512]
		c.in[i].hdr.Iov, c.out[i].hdr.Iov = &c.inVec[i], &c.outVec[i]
		c.in[i].hdr.SetIovlen(1)
		c.out[i].hdr.SetIovlen(1)
	}
	return c, nil
}

// run sends what may be sent, takes what is there, and waits only when neither is possible.
func (c *udpClient) run(p *phase) (*tally, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer func() { _ = unix.Close(c.fd) }()
	// Waits of some ten microseconds shall not take fifty more.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	t := new(tally)
	sweep := time.Duration(0)
	var due uint64 // queries due so far, at a fixed rate
	for now := p.now(); !p.over(now); now = p.now() {
		n := min(batch, c.slots.free())
		if c.o.rate > 0 {
			n = min(n, c.behind(now, due))
		}
		if n > 0 {
			sent, err := c.send(t, p, n, now, due)
			if err != nil {
				return nil, err
			}
			due += uint64(sent)
		}
		got, err := c.receive(t, p)
		if err != nil {
			return nil, err
		}
		if now-sweep > 50*time.Millisecond {
			c.slots.expire(t, p, now, c.o.timeout)
			sweep = now
		}
		if got == 0 {
			c.wait(p, due)
		}
	}
	c.slots.expire(t, p, p.until, c.o.timeout)
	return t, nil
}

// interval is the time between two queries of this thread.
func (c *udpClient) interval() float64 { return float64(time.Second) * float64(c.o.threads) / c.o.rate }

// behind is how many queries are due and not sent.
func (c *udpClient) behind(now time.Duration, sent uint64) int {
	return max(0, int(float64(now)/c.interval())+1-int(sent))
}

func (c *udpClient) dueAt(k uint64) time.Duration { return time.Duration(float64(k) * c.interval()) }

// send asks the next n queries, of which the first is number k since the start. What the socket does not take is
// taken back.
func (c *udpClient) send(t *tally, p *phase, n int, now time.Duration, k uint64) (int, error) {
	var ids [batch]uint16
	for i := range n {
		q := (c.next + i) % c.qs.len()
		b := c.requests[i*512:][:copy(c.requests[i*512:][:512], c.qs.message(q))]
		due := now
		if c.o.rate > 0 {
			due = c.dueAt(k + uint64(i))
		}
		ids[i] = c.slots.take(q, now, due)
		b[0], b[1] = byte(ids[i]>>8), byte(ids[i])
		c.outVec[i].SetLen(len(b))
	}
	sent, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(c.fd), uintptr(unsafe.Pointer(&c.out[0])), uintptr(n), 0, 0, 0)
	if errno != 0 {
		sent = 0
	}
	for _, id := range ids[sent:n] {
		c.slots.all[id].used = false
		c.slots.out--
	}
	c.next = (c.next + int(sent)) % c.qs.len()
	if now >= p.from {
		t.sent += uint64(sent)
	}
	if errno != 0 && !passing(errno) {
		return 0, os.NewSyscallError("sendmmsg", errno)
	}
	return int(sent), nil
}

// passing says whether an error is of the moment: full buffers, signals, or a port that is not open yet.
func passing(e unix.Errno) bool {
	return e == unix.EAGAIN || e == unix.EINTR || e == unix.ECONNREFUSED || e == unix.ENOBUFS
}

func (c *udpClient) receive(t *tally, p *phase) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(c.fd), uintptr(unsafe.Pointer(&c.in[0])), batch, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		if passing(errno) {
			return 0, nil
		}
		return 0, os.NewSyscallError("recvmmsg", errno)
	}
	now := p.now()
	for i := range int(n) {
		c.slots.answer(t, p, c.qs, c.answers[i*slotSize:][:c.in[i].n], now)
	}
	return int(n), nil
}

// wait sleeps until an answer comes or the next query is due.
func (c *udpClient) wait(p *phase, due uint64) {
	patience := 10 * time.Millisecond
	if c.o.rate > 0 {
		patience = min(patience, c.dueAt(due)-p.now())
	} else if c.slots.free() > 0 {
		return
	}
	if patience <= 0 {
		return
	}
	ts := unix.NsecToTimespec(int64(patience))
	ready := unix.PollFd{Fd: int32(c.fd), Events: unix.POLLIN}
	_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&ready)), 1, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
}
