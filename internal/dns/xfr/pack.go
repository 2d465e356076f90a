package xfr

import (
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
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
	apexAt      = wire.HeaderLen // where the question's name, the apex, stands in the first message
)

// packer packs records into messages behind their TCP lengths, and writes them in large pieces. The first message alone has the
// question (RFC 5936 section 2.2.1): a client that asked by IXFR and gets the whole zone finds a question of the wrong type in the others.
type packer struct {
	w       io.Writer
	sign    wire.Signer
	now     func() time.Time
	hand    func()    // hands the core on
	handed  time.Time // when it last did
	q       *wire.Query
	apex    wire.Name
	whole   []byte // the apex in full
	apexEnd []byte // what a name in the zone ends in: a pointer to the apex, the apex, or the root, to which no pointer leads
	spell   bool   // the apex is not in the message yet: the next name has it in full
	pointer [2]byte
	opt     bool   // the first message has an OPT record, as the request had
	cookie  []byte // which answers the client's; nil: none
	expire  bool   // which says for how long the zone's data may live (RFC 7314)
	lasts   uint32 // how long that is, in seconds
	strip   bool   // what signing has made is left out
	limit   int    // of a message, without what the signature needs

	buf   []byte
	piece int // how much comes together before it is written
	at    int // where the current message begins in buf, behind its length
	count int // records in it

	names names        // the owner written last
	paths [2]page.Path // owners of a delta's records, this one and the one before
	turn  int

	records, messages int
	bytes             int64
}

// newPacker takes a packer from the pool, for one answer; free gives it back.
func (s *Server) newPacker(w io.Writer, r *wire.Request, v *zone.Version, sign wire.Signer, strip bool) *packer {
	p, _ := s.packers.Get().(*packer)
	if p == nil {
		p = &packer{buf: make([]byte, 0, bufferSize)}
	}
	*p = packer{
		w: w, q: &r.Query, apex: v.Apex(), sign: sign, now: s.cfg.Now, hand: s.cfg.Yield, opt: r.EDNS.Present, expire: r.EDNS.Expire, strip: strip, cookie: r.Cookie, limit: wire.MaxMessage,
		whole: []byte(v.Apex()), buf: p.buf[:0], piece: messageSize / 2,
	}
	if sign != nil {
		p.limit -= sign.Overhead()
	}
	if p.opt {
		p.limit -= p.optLen()
	}
	if p.expire {
		now := s.cfg.Now()
		if strip {
			now = time.Time{} // no signature is sent that could end before the SOA says
		}
		p.lasts = v.Lasts(now)
	}
	p.begin()
	return p
}

// optLen is how long the OPT record is.
func (p *packer) optLen() int {
	n := optLen
	if p.expire {
		n += wire.ExpireLen
	}
	if p.cookie != nil {
		n += wire.CookieLen
	}
	return n
}

func (s *Server) free(p *packer) {
	if cap(p.buf) == bufferSize { // a longer one was made for a longer answer
		*p = packer{buf: p.buf}
		s.packers.Put(p)
	}
}

// begin starts a message.
func (p *packer) begin() {
	p.buf = append(p.buf, 0, 0)
	p.at, p.count = len(p.buf), 0
	p.names.forget()
	flags := wire.FlagQR | wire.FlagAA | p.q.Flags&wire.FlagRD
	p.buf = append(p.buf, byte(p.q.ID>>8), byte(p.q.ID), byte(flags>>8), byte(flags), 0, 0, 0, 0, 0, 0, 0, 0)
	p.apexEnd, p.spell = p.whole, len(p.apex) > 1
	if p.messages == 0 {
		wire.SetCount(p.buf[p.at:], wire.SectionQuestion, 1)
		p.buf = append(p.buf, p.q.Msg[wire.HeaderLen:p.q.QuestionEnd]...)
		p.apexStands(apexAt)
	}
}

// apexStands says where in the message the apex is.
func (p *packer) apexStands(at int) {
	if p.spell {
		p.pointer = [2]byte{byte(at>>8) | 0xc0, byte(at)}
		p.apexEnd, p.spell = p.pointer[:], false
	}
}

// handEvery is how long others may wait for the core, if it is not for a message or a write that takes longer.
const handEvery = 100 * time.Microsecond

// end finishes the message, writes when enough has come together, and hands the core on now and then: queries, and clients that connect,
// wait no longer than that.
func (p *packer) end() error {
	wire.SetCount(p.buf[p.at:], wire.SectionAnswer, p.count)
	if p.opt {
		p.opt = false
		p.limit += p.optLen()
		p.buf = append(p.buf, 0, 0, byte(wire.TypeOPT), 4, 208, 0, 0, 0, 0, 0, byte(p.optLen()-optLen)) // size 1232, RFC 6891 section 6.1.2
		if p.expire {
			p.buf = wire.AppendExpire(p.buf, p.lasts)
		}
		if p.cookie != nil {
			p.buf = wire.AppendCookie(p.buf, p.cookie)
		}
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
	if now := p.now(); now.Sub(p.handed) >= handEvery {
		p.handed = now
		p.hand()
	}
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

// raw packs a record of a delta: its owner becomes a key first, so that both ways write names by one packer.
func (p *packer) raw(r wire.RawRR) error {
	// Two paths in turn: the owner written before is still compared with this one.
	p.turn = 1 - p.turn
	path := &p.paths[p.turn]
	path.Set(r.Owner, len(r.Owner)-len(p.apex))
	rdata, inZone := page.Shorten(r.Type, r.RData, p.apex)
	return p.record(path.Bytes(), r.Type, r.TTL, rdata, inZone)
}
