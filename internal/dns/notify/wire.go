package notify

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// message writes a task's NOTIFY: the SOA is in the answer section, so that a peer sees the serial at once.
func message(t *task, now time.Time) []byte {
	var b wire.Builder
	b.Start(nil, wire.MaxMessage, t.flight.id, wire.FlagAA.WithOpcode(wire.OpcodeNotify))
	b.Question([]byte(t.name), wire.TypeSOA, wire.ClassIN)
	b.Append([]byte(t.name), wire.TypeSOA, wire.ClassIN, t.ttl, t.soa)
	msg := b.Finish()
	if t.client = t.sign(); t.client != nil {
		msg = t.client.Sign(msg, 0, now)
	}
	return msg
}

// sockets are one for each family.
type sockets struct {
	v4, v6 *net.UDPConn
	once   sync.Once
}

func (s *Sender) listen() (*sockets, error) {
	from4, from6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	for _, a := range s.cfg.Sources {
		if a.Unmap().Is4() {
			from4 = a.Unmap()
		} else {
			from6 = a
		}
	}
	var k sockets
	var err error
	k.v4, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from4, 0)))
	if err != nil {
		return nil, fmt.Errorf("send NOTIFYs from %s: %w", from4, err)
	}
	k.v6, err = net.ListenUDP("udp6", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from6, 0)))
	if err != nil {
		if from6 != netip.IPv6Unspecified() {
			k.close()
			return nil, fmt.Errorf("send NOTIFYs from %s: %w", from6, err)
		}
		k.v6 = nil // a machine without IPv6
	}
	return &k, nil
}

func (k *sockets) close() {
	k.once.Do(func() {
		for _, c := range []*net.UDPConn{k.v4, k.v6} {
			if c != nil {
				_ = c.Close()
			}
		}
	})
}

var errFamily = errors.New("no socket of the address's family")

func (k *sockets) send(msg []byte, to netip.AddrPort) error {
	c := k.v6
	if to.Addr().Is4() {
		c = k.v4
	}
	if c == nil {
		return errFamily
	}
	_, err := c.WriteToUDPAddrPort(msg, to)
	return err
}

// receive reads answers until the sockets are closed.
func (k *sockets) receive(wg *sync.WaitGroup, s *Sender) {
	for _, c := range []*net.UDPConn{k.v4, k.v6} {
		if c == nil {
			continue
		}
		wg.Go(func() {
			buf := make([]byte, 2048)
			for {
				n, from, err := c.ReadFromUDPAddrPort(buf)
				if errors.Is(err, net.ErrClosed) {
					return
				}
				if err == nil {
					s.answer(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
				}
			}
		})
	}
}

// answer takes a datagram that may answer one of our NOTIFYs.
func (s *Sender) answer(msg []byte, from netip.AddrPort) {
	r, err := wire.NewReader(msg)
	if err != nil || r.Flags()&wire.FlagQR == 0 || r.Flags().Opcode() != wire.OpcodeNotify {
		return
	}
	tsigAt := 0
	for rec := (wire.Record{}); r.Next(&rec); {
		if rec.Type == wire.TypeTSIG && rec.Section == wire.SectionAdditional {
			tsigAt = rec.At
		}
	}
	if r.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// From whom we did not ask is an answer to nobody, or a forgery.
	t := s.flights[flight{to: from, id: r.ID()}]
	if t == nil {
		return
	}
	if q := r.Question(); q.Name != "" && q.Name != t.name {
		return
	}
	now := s.cfg.Now()
	if t.client != nil {
		if err := t.client.Verify(msg, tsigAt, true, now); err != nil {
			s.stats.Bad++
			t.status.Answer = err.Error()
			s.cfg.Answered(t.zone, t.status)
			return
		}
	}
	t.status.Answered, t.status.Answer = now, r.Rcode().String()
	if r.Rcode() == wire.RcodeNoError {
		s.accepted(t, now)
	} else {
		s.rejected(t, now)
	}
	s.cfg.Answered(t.zone, t.status)
}

// accepted takes an answer that acknowledges what was sent last.
func (s *Sender) accepted(t *task, now time.Time) {
	s.stats.Acked++
	s.land(t)
	waited := t.inDoubt // not if the peer was seen with the serial before its answer came
	t.inDoubt, t.refused, t.status.Tries = false, false, 0
	s.ack(t, t.sent)
	if waited && (t.sent != t.serial || t.forced) && !t.slotted {
		s.queue.at(t, latest(now, t.status.Sent.Add(s.cfg.Interval)))
		s.ring()
	}
}

// rejected takes an answer with an error: the peer will hardly change its mind soon.
func (s *Sender) rejected(t *task, now time.Time) {
	s.stats.Refused++
	if !t.inDoubt {
		return
	}
	t.refused = true
	s.queue.at(t, now.Add(s.cfg.pause(t.status.Tries, true)))
	s.cfg.Log.Warn("a secondary refuses NOTIFY", slog.String("zone", t.name.String()),
		slog.String("peer", t.peer.Addr.String()), slog.String("answer", t.status.Answer))
}
