package xfr

import (
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// ErrRecord is the error of a record that no message can hold.
var ErrRecord = errors.New("a record does not fit into a message")

// Sizes in octets, chosen by measurement: compression pointers reach 16 KiB, and every owner begins within it, because only
// a record that has its message to itself may go beyond; and few large writes beat many small ones.
const (
	messageSize = 16 << 10
	writeSize   = 128 << 10
	bufferSize  = writeSize + wire.MaxMessage + 1024
	condensed   = 64 << 10       // history up to this size is condensed
	optLen      = 11             // of an OPT record without options
	apexAt      = wire.HeaderLen // where the question's name, the apex, stands in every message
)

// signer signs the messages of an answer in turn; *tsig.Server is one.
type signer interface {
	Overhead() int
	Sign(buf []byte, at int, now time.Time) ([]byte, error)
}

// packer packs records into messages behind their TCP lengths, and writes them in large pieces. Every message repeats the
// question, so that the apex is always at the same offset.
type packer struct {
	w       io.Writer
	sign    signer
	now     func() time.Time
	hand    func() // hands the core on
	q       *wire.Query
	apex    wire.Name
	apexEnd []byte // what a name in the zone ends in: a pointer to the apex, or the root, to which no pointer leads
	opt     bool   // the first message has an OPT record, as the request had
	limit   int    // of a message, without what the signature needs

	buf   []byte
	piece int // how much comes together before it is written
	at    int // where the current message begins in buf, behind its length
	count int // records in it

	owner  [wire.MaxName]byte // the owner of the delta's record written last
	ownerN int
	starts [128]uint16 // offsets in the message of its labels; 0 where a pointer cannot reach
	labels int

	names names // the owner of the zone's record written last

	records, messages int
	bytes             int64
}

// newPacker takes a packer from the pool, for one answer; free gives it back.
func (s *Server) newPacker(w io.Writer, r *Request, apex wire.Name, sign signer) *packer {
	p, _ := s.packers.Get().(*packer)
	if p == nil {
		p = &packer{buf: make([]byte, 0, bufferSize)}
	}
	*p = packer{
		w: w, q: r.Query, apex: apex, sign: sign, now: s.cfg.Now, hand: s.cfg.Yield, opt: r.Query.EDNS.Present, limit: wire.MaxMessage,
		buf: p.buf[:0], piece: messageSize / 2,
	}
	p.apexEnd = []byte{0xc0, apexAt}
	if len(apex) == 1 {
		p.apexEnd = []byte{0}
	}
	if sign != nil {
		p.limit -= sign.Overhead()
	}
	if p.opt {
		p.limit -= optLen
	}
	p.begin()
	return p
}

func (s *Server) free(p *packer) {
	if cap(p.buf) == bufferSize { // a longer one was made for an odd answer
		*p = packer{buf: p.buf}
		s.packers.Put(p)
	}
}

// begin starts a message.
func (p *packer) begin() {
	p.buf = append(p.buf, 0, 0)
	p.at, p.count, p.ownerN, p.labels = len(p.buf), 0, 0, 0
	p.names.forget()
	flags := wire.FlagQR | wire.FlagAA | p.q.Flags&wire.FlagRD
	p.buf = append(p.buf, byte(p.q.ID>>8), byte(p.q.ID), byte(flags>>8), byte(flags), 0, 1, 0, 0, 0, 0, 0, 0)
	p.buf = append(p.buf, p.q.Msg[wire.HeaderLen:p.q.QuestionEnd]...)
}

// end finishes the message, writes when enough has come together, and hands the core on: queries, and clients that connect,
// wait no longer than a message takes.
func (p *packer) end() error {
	wire.SetCount(p.buf[p.at:], wire.SectionAnswer, p.count)
	if p.opt {
		p.opt = false
		p.limit += optLen
		p.buf = append(p.buf, 0, 0, byte(wire.TypeOPT), 4, 208, 0, 0, 0, 0, 0, 0) // size 1232, RFC 6891 section 6.1.2
		wire.SetCount(p.buf[p.at:], wire.SectionAdditional, 1)
	}
	if p.sign != nil {
		buf, err := p.sign.Sign(p.buf, p.at, p.now())
		if err != nil {
			return err
		}
		p.buf = buf
	}
	binary.BigEndian.PutUint16(p.buf[p.at-2:], uint16(len(p.buf)-p.at))
	p.messages++
	var err error
	if len(p.buf) >= p.piece {
		err = p.flush()
	}
	p.hand()
	return err
}

// flush writes what has come together. The first piece is one message, so that a client soon has something to work on; each
// later one is twice as long, up to what pays. In between, other transfers have their turn.
func (p *packer) flush() error {
	n, err := p.w.Write(p.buf)
	p.bytes += int64(n)
	p.buf = p.buf[:0]
	p.piece = min(2*p.piece, writeSize)
	runtime.Gosched()
	return err
}

// finish ends the last message and writes what is left.
func (p *packer) finish() error {
	if err := p.end(); err != nil {
		return err
	}
	return p.flush()
}

// raw packs a record of a delta.
func (p *packer) raw(rr wire.RawRR) error {
	mark, count := len(p.buf), p.count
	p.rawRR(rr)
	if !p.full(count) {
		return nil
	}
	if err := p.next(mark); err != nil {
		return err
	}
	p.rawRR(rr)
	if len(p.buf)-p.at > p.limit {
		return ErrRecord
	}
	return nil
}

func (p *packer) rawRR(rr wire.RawRR) {
	p.head(rr.Owner, rr.Type, rr.TTL)
	n := len(rr.RData)
	switch rr.Type {
	case wire.TypeNS, wire.TypeCNAME, wire.TypePTR:
		if len(p.apex) > 1 && wire.Name(rr.RData).Within(p.apex) {
			n -= len(p.apex)
			p.buf = append(p.buf, byte((n+2)>>8), byte(n+2))
			p.buf = append(append(p.buf, rr.RData[:n]...), 0xc0, apexAt)
			return
		}
	}
	p.buf = append(p.buf, byte(n>>8), byte(n))
	p.buf = append(p.buf, rr.RData...)
}

// full says that the record just written must go into a message of its own or the next one. count is how many there were
// before: a single record may be as long as a message can be.
func (p *packer) full(count int) bool {
	n := len(p.buf) - p.at
	return n > p.limit || n > messageSize && count > 0
}

// next takes back what was written from mark on and begins another message.
func (p *packer) next(mark int) error {
	p.buf = p.buf[:mark]
	p.count--
	p.records--
	if p.count == 0 {
		return ErrRecord
	}
	if err := p.end(); err != nil {
		return err
	}
	p.begin()
	return nil
}

// head writes owner, type, class and ttl.
func (p *packer) head(owner []byte, t wire.Type, ttl uint32) {
	p.name(owner)
	p.buf = append(p.buf, byte(t>>8), byte(t), 0, byte(wire.ClassIN), byte(ttl>>24), byte(ttl>>16), byte(ttl>>8), byte(ttl))
	p.count++
	p.records++
}

// name writes an owner, compressed against the apex and the owner before: in canonical order they share most.
func (p *packer) name(owner []byte) {
	if p.ownerN > 0 && string(owner) == string(p.owner[:p.ownerN]) && p.starts[0] != 0 {
		p.buf = append(p.buf, byte(p.starts[0]>>8)|0xc0, byte(p.starts[0]))
		return
	}
	if len(owner) == 1 {
		p.buf = append(p.buf, 0)
		return
	}
	var at [128]uint8
	n := 0
	end := len(owner) - len(p.apex)
	for i := 0; i < end; i += int(owner[i]) + 1 {
		at[n] = uint8(i)
		n++
	}
	// Labels from the right that the owner before has too, and whose offsets a pointer can tell.
	shared := 0
	for shared < min(n, p.labels) {
		a, b := at[n-1-shared], p.starts[p.labels-1-shared]
		if b == 0 || !p.sameLabel(owner[a:], p.labels-1-shared) {
			break
		}
		shared++
	}
	var starts [128]uint16
	for i := range shared {
		starts[n-1-i] = p.starts[p.labels-1-i]
	}
	for i := range n - shared {
		if off := len(p.buf) - p.at; off <= 0x3fff {
			starts[i] = uint16(off)
		}
		from := int(at[i])
		p.buf = append(p.buf, owner[from:from+1+int(owner[from])]...)
	}
	target := uint16(apexAt)
	if shared > 0 {
		target = starts[n-shared]
	}
	if len(p.apex) == 1 && shared == 0 {
		p.buf = append(p.buf, 0)
	} else {
		p.buf = append(p.buf, byte(target>>8)|0xc0, byte(target))
	}
	if n == 0 {
		starts[0] = apexAt
	}
	p.ownerN = copy(p.owner[:], owner)
	p.labels = n
	copy(p.starts[:max(n, 1)], starts[:max(n, 1)])
}

// sameLabel compares the label at owner with label i of the owner before.
func (p *packer) sameLabel(owner []byte, i int) bool {
	at := 0
	for range i {
		at += int(p.owner[at]) + 1
	}
	n := int(owner[0]) + 1
	return string(owner[:n]) == string(p.owner[at:at+n])
}
