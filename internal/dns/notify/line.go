package notify

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/trust"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// A line is a connection with TLS to a peer that is told over it, under the rules of transfers (RFC 9103 section 7): TLS 1.3, the
// protocol "dot", the peer verified as its operator says. Messages for many zones share it, and answers come in any order. It is made
// for the first message and ends when nothing was sent for a while. The loop never waits for one: each has a goroutine that does.

const (
	lineMost = 256              // lines at once: who names peers where nobody answers must not hold more,
	lineEach = 64               // and one account not all of them
	lineWait = 1024             // messages that wait for a line
	lineDial = 5 * time.Second  // until TLS has come about
	lineIdle = 10 * time.Second // without a message to send
)

// Errors of messages that get no line.
var (
	errLines    = errors.New("too many peers are told by TLS at the moment")
	errLineFull = errors.New("too many messages wait for the peer")
	errHungUp   = errors.New("the peer hangs up")
)

// lineKey is what messages must have in common to share a line.
type lineKey struct {
	account string
	to      netip.AddrPort
	from    netip.Addr
	who     trust.Server
	own     bool // from is the peer's own
}

type lines struct {
	s     *Sender
	socks *sockets
	ctx   context.Context //nolint:containedctx // of Run, which ends all lines
	stop  context.CancelFunc
	wg    sync.WaitGroup

	mu   sync.Mutex
	of   map[lineKey]chan message
	each map[string]int // by account
}

func (l *lines) open(ctx context.Context, s *Sender, socks *sockets) {
	l.ctx, l.stop = context.WithCancel(ctx)
	l.s, l.socks, l.of, l.each = s, socks, map[lineKey]chan message{}, map[string]int{}
}

func (l *lines) close() {
	l.stop()
	l.wg.Wait()
}

// send hands a message to the peer's line. It returns at once.
func (l *lines) send(m *message) error {
	key := lineKey{"", m.to, l.s.From(m.to.Addr(), &m.by), m.by.Who, m.by.From(m.to.Addr()).IsValid()}
	if z := l.s.cfg.DB.ByID(m.task.zone); z != nil {
		key.account = z.AccountID()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := l.of[key]
	if queue == nil {
		if len(l.of) >= lineMost || l.each[key.account] >= lineEach {
			return errLines
		}
		l.each[key.account]++
		queue = make(chan message, lineWait)
		l.of[key] = queue
		l.wg.Go(func() { l.run(key, queue) })
	}
	select {
	case queue <- *m:
		return nil
	default:
		return errLineFull
	}
}

// end takes a line's queue away if nothing is in it any more: whoever sends from then on gets another.
func (l *lines) end(key lineKey, queue chan message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(queue) > 0 {
		return false
	}
	delete(l.of, key)
	if l.each[key.account]--; l.each[key.account] == 0 {
		delete(l.each, key.account)
	}
	return true
}

// run makes connections for as long as there is something to send. What TLS does not come about for fails, all of it at once.
func (l *lines) run(key lineKey, queue chan message) {
	for {
		c, err := l.dial(key)
		if err == nil && !l.talk(c, key.to, queue) {
			err = errHungUp
		}
		for failed := err; failed != nil; {
			select {
			case m := <-queue:
				l.unsent(&m, failed)
			default:
				failed = nil
			}
		}
		if l.end(key, queue) || l.ctx.Err() != nil {
			return
		}
	}
}

func (l *lines) dial(key lineKey) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(l.ctx, lineDial)
	defer cancel()
	d := net.Dialer{}
	if key.from.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(key.from, 0))
	}
	c, err := d.DialContext(ctx, "tcp", key.to.String())
	if err != nil && key.own {
		return nil, because(key.from, err)
	}
	if err != nil {
		return nil, err
	}
	secure := tls.Client(c, key.who.Config(l.s.cfg.Own))
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return secure, nil
}

// talk sends what comes until nothing does for a while, or the peer hangs up. What was sent and not answered then is sent again when
// its time comes, as after a datagram that was lost. It is false where the peer has taken nothing.
func (l *lines) talk(c net.Conn, from netip.AddrPort, queue chan message) (taken bool) {
	gone := make(chan struct{})
	go func() { // it ends with the connection
		defer close(gone)
		l.hear(c, from)
	}()
	defer func() {
		_ = c.Close()
		<-gone
	}()
	idle := time.NewTimer(lineIdle)
	defer idle.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return true
		case <-gone:
			return taken
		case <-idle.C:
			return true
		case m := <-queue:
			idle.Reset(lineIdle)
			_ = c.SetWriteDeadline(time.Now().Add(lineDial))
			framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(m.msg))), m.msg...)
			if _, err := c.Write(framed); err != nil {
				l.unsent(&m, err)
				return true
			}
			taken = true
		}
	}
}

// hear takes answers.
func (l *lines) hear(c net.Conn, from netip.AddrPort) {
	buf := make([]byte, wire.MaxMessage)
	for {
		if _, err := io.ReadFull(c, buf[:2]); err != nil {
			return
		}
		msg := buf[:binary.BigEndian.Uint16(buf)]
		if _, err := io.ReadFull(c, msg); err != nil {
			return
		}
		l.s.answer(msg, from)
	}
}

// unsent tells of a message that TLS has not come about for, or sends it in clear where that will do.
func (l *lines) unsent(m *message, err error) {
	if m.by.Clear && l.ctx.Err() == nil && l.s.clears(m) {
		err = l.socks.send(m.msg, m.to, &m.by)
	}
	if err != nil && l.ctx.Err() == nil {
		l.s.failed(m, err)
	}
}

// clears has a message go in clear, if its answer is still waited for.
func (s *Sender) clears(m *message) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := m.task
	if t.exchange != (exchange{to: m.to, id: m.id}) {
		return false
	}
	id := t.exchange.id
	s.land(t)
	t.exchange = exchange{to: t.inClear(), id: id}
	if s.inFlight[t.exchange] != nil {
		t.exchange = exchange{} // its number is taken there: it is sent again in a while
		return false
	}
	s.inFlight[t.exchange], t.status.TLS = t, false
	m.to, m.by.TLS = t.exchange.to, false
	return true
}
