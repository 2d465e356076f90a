package ask

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Errors of questions to many.
var (
	// ErrSilent is that nobody has answered in time.
	ErrSilent = errors.New("no answer in time")
	// ErrDoubtful is that something came that only the server's own word over TCP can settle: a response to the right identifier whose
	// question is missing, or spelled in another way.
	ErrDoubtful = errors.New("the response does not carry the question")
	// ErrOver is that nobody asks any more.
	ErrOver = errors.New("nobody asks any more")
	// errCrowded is that all identifiers of an address seem to be out.
	errCrowded = errors.New("too many questions are out to that address")
	errFamily  = errors.New("there is no such family here")
)

// Question is one of many.
type Question struct {
	Name wire.Name
	Type wire.Type
	To   netip.AddrPort
	// Done is called once, with the response or an error. The message is the callee's until it returns, which must be at once.
	Done func(msg []byte, err error)
}

// Many asks very many servers by UDP, from one socket of each family and in batches: a socket for every question, and a goroutine that
// waits for it, cost ten times as much. What a fresh socket gives against forgers (RFC 5452) is made up for: a response counts only
// from the address that was asked, at the socket that it was asked from, with the identifier and the spelling of the question, both of
// them random for each; and sockets, so ports, last a minute. Whoever is asked, and so knows the port, has to guess the identifier and
// the spelling of what another is asked, some 26 bits for a name with ten letters, within the milliseconds until that one answers. Who
// hits the identifier alone has the server asked over TCP.
//
// A question is sent once more where it finds no answer in a third of the time, and holds no more than its own memory: who asks bounds
// how many there are.
type Many struct {
	timeout time.Duration
	clock   func() time.Time
	open    func(six bool) (Packets, error)
	bell    chan struct{}
	readers sync.WaitGroup

	mu    sync.Mutex
	over  bool // or not begun
	out   [2][]*asked
	now   [2]*mouth // that new questions leave from, by family
	fly   map[flight]*asked
	young fifo // sent once, in order of time
	old   fifo // sent twice
}

const (
	// mouthLife is how long questions leave from one socket.
	mouthLife = time.Minute
	// idTries is how often an identifier that is free is looked for.
	idTries = 64
	// gather is how long what times out may wait for others that do.
	gather = 20 * time.Millisecond
)

// flight is what tells responses apart.
type flight struct {
	to netip.AddrPort
	id uint16
}

// asked is a question that is waiting to be sent, or for its answer.
type asked struct {
	Question
	flight
	coins uint64 // the spelling
	mouth *mouth // that it left from; nil: it has not
	sent  time.Time
	again bool // it was sent twice
	over  bool
	addr  net.UDPAddr
	octet [16]byte // of addr
}

type fifo []*asked

// NewMany returns a Many that waits so long for each answer, by a clock that must be monotonic.
func NewMany(timeout time.Duration, clock func() time.Time) *Many {
	return &Many{timeout: timeout, clock: clock, open: openMouth, bell: make(chan struct{}, 1), over: true, fly: map[flight]*asked{}}
}

// Ask asks all of these, at once. Outside of Run they find ErrOver. Done may be called before it returns.
func (m *Many) Ask(list []Question) {
	m.mu.Lock()
	if m.over {
		m.mu.Unlock()
		for i := range list {
			list[i].Done(nil, ErrOver)
		}
		return
	}
	for i := range list {
		q := &asked{Question: list[i], coins: rand.Uint64()}
		a := q.To.Addr().Unmap()
		q.to = netip.AddrPortFrom(a.WithZone(""), q.To.Port())
		q.octet = a.As16()
		q.addr = net.UDPAddr{IP: q.octet[:], Port: int(q.To.Port()), Zone: a.Zone()}
		six := 1
		if a.Is4() {
			q.addr.IP, six = q.octet[12:], 0
		}
		m.out[six] = append(m.out[six], q)
	}
	m.mu.Unlock()
	m.ring()
}

func (m *Many) ring() {
	select {
	case m.bell <- struct{}{}:
	default:
	}
}

// Run sends what is asked until ctx ends.
func (m *Many) Run(ctx context.Context) {
	m.mu.Lock()
	m.over = false
	m.mu.Unlock()
	defer m.end()
	l := newLetters()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(m.step(l))
		select {
		case <-ctx.Done():
			return
		case <-m.bell:
		case <-timer.C:
		}
	}
}

// step sends what is to be sent, gives up what nobody answers, and says when to come back.
func (m *Many) step(l *letters) time.Duration {
	for {
		failed, wait := m.expire(m.clock())
		for _, q := range failed {
			q.Done(nil, ErrSilent)
		}
		sent := false
		for six := range m.out {
			for m.send(l, six) {
				sent = true
			}
		}
		if !sent {
			return wait
		}
	}
}

// expire has those sent again that found no answer the first time, and gives those that found none the second time.
func (m *Many) expire(now time.Time) (failed []*asked, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wait = time.Hour
	for len(m.young) > 0 {
		q := m.young[0]
		if left := m.timeout/3 - now.Sub(q.sent); !q.over && left > 0 {
			wait = left
			break
		}
		if m.young.pop(); !q.over {
			six := 1
			if q.to.Addr().Is4() {
				six = 0
			}
			q.again = true
			m.out[six] = append(m.out[six], q)
		}
	}
	for len(m.old) > 0 {
		q := m.old[0]
		if left := m.timeout*2/3 - now.Sub(q.sent); !q.over && left > 0 {
			wait = min(wait, left)
			break
		}
		if m.old.pop(); !q.over {
			m.land(q)
			failed = append(failed, q)
		}
	}
	return failed, max(wait, gather)
}

func (f *fifo) pop() {
	(*f)[0] = nil
	if *f = (*f)[1:]; len(*f) == 0 {
		*f = nil
	}
}

// send sends some of what is to leave from one socket, and says whether there was any.
func (m *Many) send(l *letters, six int) bool {
	from, batch, failed, err := m.take(l, six)
	for _, q := range failed {
		q.Done(nil, err)
	}
	if len(batch) > 0 {
		Send(from.conn, l.out[:len(batch)], func(i int, err error) {
			if q := batch[i]; m.lost(q) {
				q.Done(nil, err)
			}
		})
	}
	return len(batch)+len(failed) > 0
}

// take writes the next batch. Those that cannot be sent come back with why.
func (m *Many) take(l *letters, six int) (from *mouth, batch, failed []*asked, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	queue, now := m.out[six], m.clock()
	n := 0
	for ; n < len(queue) && len(batch) < BatchMost; n++ {
		q := queue[n]
		if q.over {
			continue
		}
		if q.mouth == nil {
			if failed, err = m.depart(q, six, now); err != nil {
				n++
				break
			}
		}
		if from == nil {
			from = q.mouth
		}
		if q.mouth != from {
			break
		}
		q.sent = now
		if q.again {
			m.old = append(m.old, q)
		} else {
			m.young = append(m.young, q)
		}
		l.write(len(batch), q)
		batch = append(batch, q)
	}
	clear(queue[:n])
	if m.out[six] = queue[n:]; len(m.out[six]) == 0 {
		m.out[six] = nil
	}
	return from, batch, failed, err
}

// depart gives a question its socket and its identifier. The lock is held.
func (m *Many) depart(q *asked, six int, now time.Time) ([]*asked, error) {
	from, err := m.mouth(six, now)
	for tries := 0; err == nil; tries++ {
		q.id = uint16(rand.Uint32())
		if m.fly[q.flight] == nil {
			m.fly[q.flight], q.mouth = q, from
			from.flying++
			return nil, nil
		}
		if tries == idTries {
			err = errCrowded
		}
	}
	q.over = true
	return []*asked{q}, err
}

// lost takes back a question that could not be sent; false: it has been answered.
func (m *Many) lost(q *asked) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if q.over {
		return false
	}
	m.land(q)
	return true
}

// land takes a question from those that are out. The lock is held.
func (m *Many) land(q *asked) {
	q.over = true
	delete(m.fly, q.flight)
	if q.mouth.flying--; q.mouth.flying == 0 && q.mouth.retired {
		_ = q.mouth.conn.Close()
	}
}

// answer takes a datagram.
func (m *Many) answer(at *mouth, from netip.AddrPort, msg []byte) {
	if len(msg) < wire.HeaderLen {
		return
	}
	from = netip.AddrPortFrom(from.Addr().WithZone(""), from.Port())
	m.mu.Lock()
	q := m.fly[flight{from, wire.ID(msg)}]
	if q == nil || q.mouth != at || wire.HeaderFlags(msg)&wire.FlagQR == 0 {
		m.mu.Unlock()
		return
	}
	m.land(q)
	m.mu.Unlock()
	if !q.carriedBy(msg) {
		q.Done(nil, ErrDoubtful)
		return
	}
	q.Done(msg, nil)
}

// carriedBy says whether a response has the question, as it was spelled.
func (q *asked) carriedBy(msg []byte) bool {
	end := wire.HeaderLen + len(q.Name)
	if len(msg) < end+4 || wire.Count(msg, wire.SectionQuestion) != 1 || wire.HeaderFlags(msg).Opcode() != wire.OpcodeQuery {
		return false
	}
	for i := range len(q.Name) {
		if msg[wire.HeaderLen+i] != spelled(q.Name[i], q.coins, i) {
			return false
		}
	}
	return msg[end] == byte(q.Type>>8) && msg[end+1] == byte(q.Type) && msg[end+2] == 0 && msg[end+3] == byte(wire.ClassIN)
}

// end gives up all that is out.
func (m *Many) end() {
	m.mu.Lock()
	m.over = true
	var left []*asked
	for _, q := range m.fly {
		left = append(left, q)
	}
	for _, q := range left {
		m.land(q)
	}
	for six, queue := range m.out {
		for _, q := range queue {
			if !q.over {
				q.over = true
				left = append(left, q)
			}
		}
		m.out[six] = nil
		m.retire(six)
	}
	m.young, m.old = nil, nil
	m.mu.Unlock()
	for _, q := range left {
		q.Done(nil, ErrOver)
	}
	m.readers.Wait()
}
