package wire

import (
	"bytes"
	"encoding/binary"
)

// Builder writes one message onto the end of a caller's buffer. It compresses names against the question and against
// what it wrote before, keeps to a limit, and allocates nothing as long as the buffer's capacity suffices. It is meant
// to be reused: Start begins anew. The order of calls is Start, Question or Echo, then records with Section before the
// first of each section, then OPT, then Finish.
//
// A record that does not fit leaves the message as it was; what to do about it (drop it, set TC, send and start the
// next message) is the caller's decision.
type Builder struct {
	buf     []byte
	base    int
	limit   int
	reserve int
	flags   Flags
	section Section
	counts  [4]uint16
	rcode   Rcode

	asked  []byte // the question's name in lower case; its spelling in the message is at HeaderLen
	gen    uint32
	suffix [compressSlots]suffixEntry
}

// compressSlots is a power of two: suffixes live in the slot of their hash, a newer one displaces an older one.
const compressSlots = 128

// suffixEntry remembers that a name with this hash stands at offset at. Entries of other generations are void, so
// that Start need not clear the table.
type suffixEntry struct {
	gen  uint32
	hash uint32
	at   uint16
}

// maxPointer is the last offset a compression pointer can tell (RFC 1035 section 4.1.4).
const maxPointer = 0x3fff

// Start begins a message at the end of dst with its header. limit bounds the message (not dst) in octets.
func (b *Builder) Start(dst []byte, limit int, id uint16, flags Flags) {
	b.base = len(dst)
	b.buf = append(dst, byte(id>>8), byte(id), byte(flags>>8), byte(flags), 0, 0, 0, 0, 0, 0, 0, 0)
	b.limit, b.reserve = min(limit, MaxMessage), 0
	b.flags, b.rcode = flags, flags.Rcode()
	b.section, b.counts = SectionQuestion, [4]uint16{}
	b.asked = nil
	if b.gen++; b.gen == 0 {
		b.suffix, b.gen = [compressSlots]suffixEntry{}, 1
	}
}

// Echo writes the request's question as the client spelled it, if it could be read. The Query must stay as it is until
// the message is finished. It moves to the answer section.
func (b *Builder) Echo(q *Query) {
	b.section = SectionAnswer
	if q.QuestionEnd == HeaderLen {
		return
	}
	b.buf = append(b.buf, q.Msg[HeaderLen:q.QuestionEnd]...)
	b.asked = q.Name
	b.counts[SectionQuestion] = 1
}

// Question writes a question and moves to the answer section. name is lower-case uncompressed wire form and must stay
// as it is until the message is finished.
func (b *Builder) Question(name []byte, t Type, c Class) {
	b.buf = append(b.buf, name...)
	b.buf = append(b.buf, byte(t>>8), byte(t), byte(c>>8), byte(c))
	b.asked = name
	b.counts[SectionQuestion] = 1
	b.section = SectionAnswer
}

// Section says where the next records belong. Sections only go forward.
func (b *Builder) Section(s Section) { b.section = s }

// Reserve keeps n more octets of the limit free of records: room for OPT (which gives its own room back) and TSIG
// (which is appended after Finish).
func (b *Builder) Reserve(n int) { b.reserve += n }

// SetFlags sets header bits, e.g. FlagTC or FlagAA; ClearFlags clears them.
func (b *Builder) SetFlags(f Flags) { b.flags |= f }

// ClearFlags clears header bits.
func (b *Builder) ClearFlags(f Flags) { b.flags &^= f }

// Flags are the header bits set so far.
func (b *Builder) Flags() Flags { return b.flags }

// SetRcode sets the response code; codes above 15 reach the client only if OPT is called.
func (b *Builder) SetRcode(r Rcode) { b.rcode = r }

// Rcode is the response code set so far.
func (b *Builder) Rcode() Rcode { return b.rcode }

// Len is the message's length so far; Room is how many octets of records still fit.
func (b *Builder) Len() int { return len(b.buf) - b.base }

// Room is how many more octets of records fit before the limit and what is reserved.
func (b *Builder) Room() int { return b.limit - b.reserve - b.Len() }

// Count is the number of records in a section so far.
func (b *Builder) Count(s Section) int { return int(b.counts[s]) }

// Mark is a state of a message to go back to.
type Mark struct {
	len     int
	section Section
	counts  [4]uint16
}

// Mark notes the message's state; Rewind goes back to it: an RRset is in a message whole or not at all (RFC 2181
// section 5.2 and 9).
func (b *Builder) Mark() Mark { return Mark{len: len(b.buf), section: b.section, counts: b.counts} }

// Rewind takes the message back to m. Suffixes remembered since then stay in the table: they are compared with the
// message's octets before use, so a stale one can only be useless.
func (b *Builder) Rewind(m Mark) {
	b.buf, b.section, b.counts = b.buf[:m.len], m.section, m.counts
}

// Append writes a record. owner is lower-case uncompressed wire form, rdata uncompressed and well-formed; names in it
// are compressed for the types that allow it (RFC 3597 section 4). False means that it did not fit.
func (b *Builder) Append(owner []byte, t Type, c Class, ttl uint32, rdata []byte) bool {
	if len(rdata) > b.Room() && !layoutOf(t).compress {
		return false // before it makes the buffer grow
	}
	m := b.Mark()
	b.BeginRR(owner, t, c, ttl)
	at := len(b.buf)
	b.buf = append(b.buf, 0, 0)
	b.rdata(t, rdata)
	if n := len(b.buf) - at - 2; n <= MaxMessage {
		binary.BigEndian.PutUint16(b.buf[at:], uint16(n))
	}
	return b.commit(m)
}

// AppendRaw is Append for a record of a delta.
func (b *Builder) AppendRaw(rr RawRR) bool {
	return b.Append(rr.Owner, rr.Type, rr.Class, rr.TTL, rr.RData)
}

// BeginRR writes a record's head up to the ttl and returns the buffer, to which the caller appends RDLENGTH and RDATA
// and which it hands to EndRR. The way for those who have rdata ready in wire form.
func (b *Builder) BeginRR(owner []byte, t Type, c Class, ttl uint32) []byte {
	b.name(owner)
	b.buf = appendFixed(b.buf, t, c, ttl)
	return b.buf
}

// BeginAt is BeginRR for an owner whose last labels the caller knows to stand at an offset of the message: labels are
// the octets in front of them. With offset 0 labels are the whole name. Nothing is searched or remembered.
func (b *Builder) BeginAt(labels []byte, at uint16, t Type, c Class, ttl uint32) []byte {
	b.buf = append(b.buf, labels...)
	if at != 0 {
		b.buf = append(b.buf, byte(at>>8)|0xc0, byte(at))
	}
	b.buf = appendFixed(b.buf, t, c, ttl)
	return b.buf
}

// EndRR takes back what BeginRR gave. m is the state before BeginRR, to which the message returns if the record does
// not fit.
func (b *Builder) EndRR(m Mark, buf []byte) bool {
	b.buf = buf
	return b.commit(m)
}

func (b *Builder) commit(m Mark) bool {
	if b.Len() > b.limit-b.reserve || b.counts[b.section] == 0xffff {
		b.Rewind(m)
		return false
	}
	b.counts[b.section]++
	return true
}

// OPT writes the OPT record, padded if that is asked for, and gives its reserved room back. It must be the last record; see
// Reserve.
func (b *Builder) OPT(o *OPT) bool {
	m := b.Mark()
	b.section = SectionAdditional
	b.reserve = max(0, b.reserve-o.Len())
	b.buf = o.append(b.buf, uint8(b.rcode>>4), o.padding(b.Len()+o.Len(), b.limit-b.reserve))
	return b.commit(m)
}

// Finish patches header and counts and returns the buffer with the whole message at its end.
func (b *Builder) Finish() []byte {
	h := b.buf[b.base:]
	SetHeaderFlags(h, b.flags.WithRcode(b.rcode))
	for s, n := range b.counts {
		SetCount(h, Section(s), int(n))
	}
	return b.buf
}

// Pointer returns the offset at which name (lower-case, uncompressed) can be pointed to as the question's name or one
// of its ancestors, or 0.
func (b *Builder) Pointer(name []byte) uint16 {
	skip := len(b.asked) - len(name)
	if skip < 0 || len(name) < 2 || !bytes.Equal(b.asked[skip:], name) {
		return 0
	}
	at := 0
	for at < skip {
		at += int(b.asked[at]) + 1
	}
	if at != skip {
		return 0
	}
	return uint16(HeaderLen + at)
}

// name writes a name, compressed.
func (b *Builder) name(n []byte) {
	if p := b.Pointer(n); p != 0 {
		b.buf = append(b.buf, byte(p>>8)|0xc0, byte(p))
		return
	}
	b.compress(n)
}

// compress writes the labels of n up to the first suffix that stands in the message already, and remembers the
// suffixes that it writes.
func (b *Builder) compress(n []byte) {
	var starts [MaxName/2 + 1]uint8
	count := 0
	for i := 0; n[i] != 0; i += int(n[i]) + 1 {
		starts[count] = uint8(i)
		count++
	}
	var hashes [MaxName/2 + 1]uint32
	h, end := uint32(2166136261), len(n)-1
	for k := count - 1; k >= 0; k-- {
		h = hashLabel(h, n[starts[k]:end])
		hashes[k], end = h, int(starts[k])
	}
	for k := range count {
		s := n[starts[k]:]
		p := b.Pointer(s)
		if p == 0 {
			p = b.remembered(hashes[k], s)
		}
		if p != 0 {
			b.buf = append(b.buf, byte(p>>8)|0xc0, byte(p))
			return
		}
		if at := b.Len(); at <= maxPointer {
			b.suffix[hashes[k]%compressSlots] = suffixEntry{gen: b.gen, hash: hashes[k], at: uint16(at)}
		}
		b.buf = append(b.buf, s[:int(s[0])+1]...)
	}
	b.buf = append(b.buf, 0)
}

// remembered looks a suffix up; what the table says is compared with the message itself.
func (b *Builder) remembered(hash uint32, name []byte) uint16 {
	e := &b.suffix[hash%compressSlots]
	if e.gen != b.gen || e.hash != hash || !matchName(b.buf[b.base:], int(e.at), name) {
		return 0
	}
	return e.at
}

// hashLabel extends the hash of a suffix by the label before it (FNV-1a, mixed for the low bits).
func hashLabel(h uint32, label []byte) uint32 {
	for _, c := range label {
		h = (h ^ uint32(c)) * 16777619
	}
	return h ^ h>>15
}

// rdata writes rdata with its names compressed where that is allowed.
func (b *Builder) rdata(t Type, rdata []byte) {
	l := layoutOf(t)
	for i := 0; l.compress && i < len(l.form); i++ {
		n, err := fieldLen(l.form[i], rdata)
		if err != nil {
			break
		}
		if l.form[i] == 'N' {
			b.name(rdata[:n])
		} else {
			b.buf = append(b.buf, rdata[:n]...)
		}
		rdata = rdata[n:]
	}
	b.buf = append(b.buf, rdata...)
}
