package notify

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/headwaterdns/headwater/internal/dns/ask"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/trace"
)

// errSealed is a peer whose messages nobody can sign here. One with a signature that is none would be refused, and look like a wrong key.
var errSealed = errors.New("the secret of the peer's TSIG cannot be opened: this node has no secret key")

// compose writes a task's NOTIFY: the SOA is in the answer section, so that a peer sees the serial at once. It is nil where the key is
// closed.
func compose(t *task, key *tsig.Key, now time.Time) []byte {
	var b wire.Builder
	b.Start(nil, wire.MaxMessage, t.exchange.id, wire.FlagAA.WithOpcode(wire.OpcodeNotify))
	b.Question([]byte(t.name), wire.TypeSOA, wire.ClassIN)
	b.Append([]byte(t.name), wire.TypeSOA, wire.ClassIN, t.ttl, t.soa)
	msg := b.Finish()
	t.client = nil
	switch {
	case key == nil:
	case len(key.Secret) == 0:
		return nil
	default:
		t.client = tsig.NewClient(key)
		msg = t.client.Sign(msg, 0, now)
	}
	return msg
}

// sockets are one for each family, and one more where a source serves for loopback alone.
type sockets struct {
	v4, v6     *net.UDPConn
	far4, far6 *net.UDPConn // for peers beyond loopback, where v4 or v6 cannot reach them
	own        sources      // of peers that are told from addresses of their own
	once       sync.Once
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
	err := errors.Join(open("udp4", from4, &k.v4, &k.far4), open("udp6", from6, &k.v6, &k.far6))
	if err != nil {
		k.close()
		return nil, err
	}
	return &k, nil
}

// From is the address that NOTIFYs to a peer leave from; invalid where the system chooses.
func (s *Sender) From(to netip.Addr, by *zone.Notify) netip.Addr {
	if own := by.From(to); own.IsValid() {
		return own
	}
	to = to.Unmap()
	for _, a := range s.cfg.Sources {
		if a = a.Unmap(); a.Is4() == to.Is4() && (!a.IsLoopback() || to.IsLoopback()) {
			return a
		}
	}
	return netip.Addr{}
}

// open binds a family's socket to a source. A family that the machine does not have is left out, unless a source of it
// was asked for.
func open(network string, from netip.Addr, at, far **net.UDPConn) (err error) {
	*at, err = net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)))
	switch {
	case err != nil && from.IsUnspecified():
		return nil
	case err != nil:
		return fmt.Errorf("send NOTIFYs from %s: %w", from, err)
	case from.IsLoopback():
		*far, err = net.ListenUDP(network, nil)
	}
	return err
}

func (k *sockets) all() []*net.UDPConn {
	return slices.DeleteFunc([]*net.UDPConn{k.v4, k.v6, k.far4, k.far6}, func(c *net.UDPConn) bool { return c == nil })
}

func (k *sockets) close() {
	k.once.Do(func() {
		for _, c := range k.all() {
			_ = c.Close()
		}
		k.own.close()
	})
}

// Errors of a peer whose family the machine does not have.
var (
	errNo4 = errors.New("there is no IPv4 here")
	errNo6 = errors.New("there is no IPv6 here")
)

func (k *sockets) send(msg []byte, to netip.AddrPort, by *zone.Notify) error {
	if own := by.From(to.Addr()); own.IsValid() {
		return k.own.send(msg, to, own)
	}
	c, err := k.from(to)
	if err != nil {
		return err
	}
	_, err = c.WriteToUDPAddrPort(msg, to)
	return err
}

// sendAll sends messages to peers that are told from the addresses of all, by the batch.
func (k *sockets) sendAll(list []*message, failed func(m *message, err error)) {
	by := map[*net.UDPConn][]*message{}
	for _, m := range list {
		c, err := k.from(m.to)
		if err != nil {
			failed(m, err)
			continue
		}
		by[c] = append(by[c], m)
	}
	for c, list := range by {
		out := make([]ipv4.Message, len(list))
		for i, m := range list {
			out[i] = ipv4.Message{Buffers: [][]byte{m.msg}, Addr: net.UDPAddrFromAddrPort(m.to)}
		}
		ask.Send(ask.Batched(c), out, func(i int, err error) { failed(list[i], err) })
	}
}

// from is the socket that a peer is told from.
func (k *sockets) from(to netip.AddrPort) (*net.UDPConn, error) {
	near, far, none := k.v6, k.far6, errNo6
	if to.Addr().Is4() {
		near, far, none = k.v4, k.far4, errNo4
	}
	c := near
	if far != nil && !to.Addr().IsLoopback() {
		c = far
	}
	if c == nil {
		return nil, none
	}
	return c, nil
}

// receive reads answers until the sockets are closed.
func (k *sockets) receive(wg *sync.WaitGroup, s *Sender) {
	for _, c := range k.all() {
		wg.Go(func() { s.hear(c) })
	}
	k.own.receive = func(c *net.UDPConn) { wg.Go(func() { s.hear(c) }) }
}

// hear reads a socket's answers until it is closed.
func (s *Sender) hear(c *net.UDPConn) {
	ask.Receive(ask.Batched(c), 2048, func(from netip.AddrPort, msg []byte) { s.answer(msg, from) })
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
	t := s.inFlight[exchange{to: from, id: r.ID()}]
	if t == nil {
		return
	}
	if q := r.Question(); q.Name != "" && q.Name != t.name {
		return
	}
	now := s.cfg.Now()
	before := t.status.Answer
	var says *tsig.PeerError
	switch err := verify(t, msg, tsigAt, now); {
	case errors.As(err, &says):
		// The answer is not signed because the peer could not verify ours, and it will not the next time.
		s.rejected(t, now, r.Rcode().String()+" ("+says.Code.ErrorString()+")", BadKey)
	case errors.Is(err, tsig.ErrUnsigned) && r.Rcode() != wire.RcodeNoError:
		// As some servers refuse a zone that they do not have; anybody can write it, so it changes no pace.
		s.stats.Refused++
		t.status.Answer, t.status.Outcome = r.Rcode().String()+", unsigned", outcomeOf(r.Rcode())
	case err != nil:
		s.stats.Bad++
		t.status.Answer, t.status.Outcome = err.Error(), BadKey
	case r.Rcode() == wire.RcodeNoError:
		s.accepted(t, now)
	default:
		s.rejected(t, now, r.Rcode().String(), outcomeOf(r.Rcode()))
	}
	if t.status.Outcome != Accepted && t.status.Answer != before {
		s.cfg.Log.Warn("a secondary refuses NOTIFY", slog.String("zone", t.name.String()),
			slog.String("peer", t.peer.Addr.String()), slog.String("answer", t.status.Answer))
	}
	s.cfg.Answered(t.zone, t.status)
}

func outcomeOf(code wire.Rcode) Outcome {
	if code == wire.RcodeNotAuth {
		return NoZone
	}
	return Refused
}

// verify checks the signature of an answer, if it must have one.
func verify(t *task, msg []byte, tsigAt int, now time.Time) error {
	if t.client == nil {
		return nil
	}
	return t.client.Verify(msg, tsigAt, true, now)
}

// accepted takes an answer that acknowledges what was sent last.
func (s *Sender) accepted(t *task, now time.Time) {
	s.stats.Acked++
	s.land(t)
	waited := t.inDoubt // not if the peer was seen with the serial before its answer came
	t.inDoubt, t.refused, t.tries = false, false, 0
	t.status.Answered, t.status.Answer, t.status.Outcome = now, wire.RcodeNoError.String(), Accepted
	t.took, t.tookOn = t.status.Key, now
	s.ack(t, t.sent)
	if waited && (t.sent != t.serial || t.forced) && !t.slotted {
		s.queue.at(t, latest(now, t.status.Sent.Add(s.cfg.Interval)))
		s.ring()
	}
}

// rejected takes an answer with an error: the peer will hardly change its mind soon. But where there are two keys, it may take the other.
func (s *Sender) rejected(t *task, now time.Time, answer string, o Outcome) {
	s.stats.Refused++
	t.status.Answered, t.status.Answer, t.status.Outcome = now, answer, o
	t.told.Event("refused", now, trace.Text("headwater.outcome", string(o)))
	if t.inDoubt {
		t.refused = true
		if t.peer.Next != nil && t.tries%2 == 1 {
			s.queue.at(t, now)
			s.ring()
			return
		}
		s.queue.at(t, now.Add(s.cfg.pause(t.tries, true)))
	}
}
