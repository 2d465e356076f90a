package server

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Leaving is an end after which others go on with the sockets: those who serve them already.
type Leaving struct {
	// Transfers is how long those that are under way may go on. When Hurry ends, they have Config.Drain left.
	Transfers time.Duration
	Hurry     <-chan struct{}
	// Last says that nobody else reads the sockets: a service manager has them, and starts who comes next when something is in one.
	Last bool
	// Left is called when nobody gets an answer any more but by a transfer that is under way.
	Left func()
}

// How long a connection without a request is waited for, and one that goes on asking. Who is asked to leave has memory that nobody
// keeps in step any more, so it must not be long; a client whose request is under way must not be cut off, so it must not be short.
const (
	quietTime    = time.Second
	leaveTime    = 2 * time.Second
	leaveLook    = 5 * time.Millisecond
	wakeTime     = 2 * time.Second
	wakePause    = time.Millisecond
	wakesAtATime = 4 // for each socket
)

// Leave says, before the ctx of Run ends, what kind of end that will be. Sockets are not closed for those who share them, nothing
// that was taken from one is left unanswered, and what nobody has taken is left to the others.
func (s *Server) Leave(l Leaving) { s.leaving.Store(&l) }

// Stay takes back what Leave has said: nobody shares the sockets any more.
func (s *Server) Stay() { s.leaving.Store(nil) }

// leave ends reading, and connections but for their transfers.
func (s *Server) leave(l *Leaving, readers *sync.WaitGroup, abandon context.CancelFunc) {
	out := make(chan struct{})
	go func() {
		readers.Wait()
		close(out)
	}()
	for _, u := range s.udp {
		u.retire()
	}
	s.wake(out)
	s.tcp.retire(quietTime, leaveTime)
	l.Left()
	s.tcp.drain(l.Transfers, l.Hurry, s.cfg.Drain, abandon)
	<-out
	for _, u := range s.udp {
		if l.Last { // nobody else takes what wake has sent too much of
			u.sweep()
		}
	}
}

// wake sends empty datagrams to our own addresses until all threads are out. A thread that waits in the kernel sees that it should
// leave when it has received something; shutdown, which would wake it, shuts the socket for those who share it as well. Which
// socket of a group gets a datagram, and who of those who wait for it, is the kernel's choice, so there are many, from many ports.
// Nobody answers them. Where something stops them on their way, threads leave with the next datagram of somebody else's.
func (s *Server) wake(out <-chan struct{}) {
	late := time.NewTimer(wakeTime)
	defer late.Stop()
	for {
		select {
		case <-out:
			return
		case <-late.C:
			s.cfg.Log.Warn("a thread still waits for datagrams: it answers those that it gets, and leaves")
			return
		case <-time.After(wakePause):
		}
		for _, u := range s.udp {
			for range wakesAtATime {
				sendEmpty(u.addr())
			}
		}
	}
}

func sendEmpty(to netip.AddrPort) {
	targets := []netip.AddrPort{to}
	if a := to.Addr(); a.IsUnspecified() {
		targets = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), to.Port())}
		if a.Is6() {
			targets = append(targets, netip.AddrPortFrom(netip.IPv6Loopback(), to.Port()))
		}
	}
	for _, t := range targets {
		if c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(t)); err == nil {
			_, _ = c.Write(nil)
			_ = c.Close()
		}
	}
}

// retire lets connections end of themselves: those that say nothing for a while, and all but transfers within most.
func (t *tcpTable) retire(quiet, most time.Duration) {
	end := time.Now().Add(most)
	t.mu.Lock()
	t.limits.Idle = min(t.limits.Idle, quiet)
	for nc := range t.open {
		_ = nc.SetReadDeadline(time.Now().Add(quiet))
	}
	for len(t.open) > 0 && time.Now().Before(end) {
		t.mu.Unlock()
		time.Sleep(leaveLook)
		t.mu.Lock()
	}
	t.mu.Unlock()
}
