package ask

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// mouth is a socket that questions leave from, and its part in them. Many's lock guards it.
type mouth struct {
	conn    Packets
	born    time.Time
	flying  int  // questions that wait for an answer at it
	retired bool // it closes with the last of them
}

// receiveBuffer holds the answers to some thousand questions, which may come all at once.
const receiveBuffer = 1 << 20

func openMouth(six bool) (Packets, error) {
	network := "udp4"
	if six {
		network = "udp6"
	}
	c, err := net.ListenUDP(network, nil)
	if err != nil {
		return nil, errors.Join(errFamily, err)
	}
	_ = c.SetReadBuffer(receiveBuffer)
	return Batched(c), nil
}

// mouth is the socket that a family's questions leave from now. The lock is held.
func (m *Many) mouth(six int, now time.Time) (*mouth, error) {
	if at := m.now[six]; at != nil && now.Sub(at.born) < mouthLife {
		return at, nil
	}
	c, err := m.open(six == 1)
	if err != nil {
		return nil, err
	}
	m.retire(six)
	at := &mouth{conn: c, born: now}
	m.now[six] = at
	m.readers.Go(func() { m.hear(at) })
	return at, nil
}

// retire has a family's socket end when nothing is out any more. The lock is held.
func (m *Many) retire(six int) {
	at := m.now[six]
	if at == nil {
		return
	}
	m.now[six], at.retired = nil, true
	if at.flying == 0 {
		_ = at.conn.Close()
	}
}

// hear takes a socket's answers until it is closed.
func (m *Many) hear(at *mouth) {
	Receive(at.conn, udpSize, func(from netip.AddrPort, msg []byte) { m.answer(at, from, msg) })
}

// letters are the messages of one batch, written into the same memory each time.
type letters struct {
	b    wire.Builder
	out  []ipv4.Message
	room []byte
}

// letterMost is the longest question: a header, a name, type and class.
const letterMost = wire.HeaderLen + wire.MaxName + 4

func newLetters() *letters {
	l := &letters{out: make([]ipv4.Message, BatchMost), room: make([]byte, BatchMost*letterMost)}
	for i := range l.out {
		l.out[i].Buffers = make([][]byte, 1)
	}
	return l
}

// write writes the i-th message.
func (l *letters) write(i int, q *asked) {
	l.b.Start(l.room[i*letterMost:][:0:letterMost], letterMost, q.id, 0)
	l.b.Question([]byte(q.Name), q.Type, wire.ClassIN)
	msg := l.b.Finish()
	spell(msg, len(q.Name), q.coins)
	l.out[i].Buffers[0], l.out[i].Addr = msg, &q.addr
}

// spell has the letters of a message's question in the case that coins say.
func spell(msg []byte, name int, coins uint64) {
	for i, octet := range msg[wire.HeaderLen:][:name] {
		msg[wire.HeaderLen+i] = spelled(octet, coins, i)
	}
}

func spelled(octet byte, coins uint64, i int) byte {
	if octet >= 'a' && octet <= 'z' && coins>>(i%64)&1 == 1 {
		return octet - 'a' + 'A'
	}
	return octet
}
