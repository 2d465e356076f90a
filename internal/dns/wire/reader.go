package wire

import "encoding/binary"

// Reader reads a message record by record: the answers of others, and in tests our own. Use:
//
//	r, err := NewReader(msg)
//	for rec := (Record{}); r.Next(&rec); { ... }
//	if r.Err() != nil { ... }
type Reader struct {
	msg   []byte
	off   int
	left  [4]int
	asked Question
	err   error
}

// Question is an entry of the question section.
type Question struct {
	Name  Name
	Type  Type
	Class Class
}

// Record is one record of a message. RData is as it came, names in it may be compressed: see Reader.Expand.
type Record struct {
	Section Section
	Owner   Name
	Type    Type
	Class   Class
	TTL     uint32
	RData   []byte
	At      int // offset of the owner in the message
	RDataAt int // offset of the rdata
}

// NewReader starts reading msg: the header, and the question section whole. A message without a question is in order
// (later messages of a transfer have none, RFC 5936 section 2.2.1); Question then returns the zero value. One of
// several keeps the first.
func NewReader(msg []byte) (*Reader, error) {
	if len(msg) < HeaderLen {
		return nil, ErrShort
	}
	r := &Reader{msg: msg, off: HeaderLen}
	for s := range r.left {
		r.left[s] = Count(msg, Section(s))
	}
	for i := range r.left[SectionQuestion] {
		q, err := r.question()
		if err != nil {
			return nil, err
		}
		if i == 0 {
			r.asked = q
		}
	}
	return r, nil
}

func (r *Reader) question() (Question, error) {
	var buf [MaxName]byte
	name, off, err := UnpackName(buf[:0], r.msg, r.off)
	if err != nil {
		return Question{}, err
	}
	if off+4 > len(r.msg) {
		return Question{}, ErrShort
	}
	r.off = off + 4
	return Question{
		Name:  Name(name),
		Type:  Type(binary.BigEndian.Uint16(r.msg[off:])),
		Class: Class(binary.BigEndian.Uint16(r.msg[off+2:])),
	}, nil
}

// ID is the message's identifier.
func (r *Reader) ID() uint16 { return ID(r.msg) }

// Flags are the header's flags.
func (r *Reader) Flags() Flags { return HeaderFlags(r.msg) }

// Rcode is the header's response code without what OPT adds to it.
func (r *Reader) Rcode() Rcode { return r.Flags().Rcode() }

// Question is the message's first question; the zero value if there is none.
func (r *Reader) Question() Question { return r.asked }

// Count is what the header announces for a section.
func (r *Reader) Count(s Section) int { return Count(r.msg, s) }

// Next reads the next record into rec and says whether there was one. After the last it checks that the message ends
// there. An owner equal to rec's former one costs no allocation.
func (r *Reader) Next(rec *Record) bool {
	if r.err != nil {
		return false
	}
	s := SectionAnswer
	for r.left[s] == 0 {
		if s == SectionAdditional {
			if r.off != len(r.msg) {
				r.err = ErrTrailing
			}
			return false
		}
		s++
	}
	r.left[s]--
	r.err = r.read(rec)
	rec.Section = s
	return r.err == nil
}

func (r *Reader) read(rec *Record) error {
	var buf [MaxName]byte
	name, _, err := UnpackName(buf[:0], r.msg, r.off)
	if err != nil {
		return err
	}
	h, ok := header(r.msg, r.off)
	if !ok {
		return ErrShort
	}
	if string(name) != string(rec.Owner) {
		rec.Owner = Name(name)
	}
	rec.Type, rec.Class, rec.TTL = h.typ, h.class, h.ttl
	rec.At, rec.RDataAt = h.start, h.rdata
	rec.RData = r.msg[h.rdata:h.end:h.end]
	r.off = h.end
	return nil
}

// Err is what ended Next early, nil after a whole and well-formed message.
func (r *Reader) Err() error { return r.err }

// Expand appends the record's rdata in canonical, uncompressed form (RFC 4034 section 6.2) to dst. The record must
// have come from this Reader. Types without names are copied as they are; those with names must have their shape.
func (r *Reader) Expand(dst []byte, rec *Record) ([]byte, error) {
	return expand(dst, r.msg, rec.Type, rec.RDataAt, rec.RDataAt+len(rec.RData))
}

// AppendRR appends the whole record in uncompressed, canonical wire form, as a delta holds it.
func (r *Reader) AppendRR(dst []byte, rec *Record) ([]byte, error) {
	dst = append(dst, rec.Owner...)
	dst = appendFixed(dst, rec.Type, rec.Class, rec.TTL)
	at := len(dst)
	dst, err := r.Expand(append(dst, 0, 0), rec)
	if err != nil {
		return dst, err
	}
	n := len(dst) - at - 2
	if n > MaxMessage {
		return dst, ErrRData
	}
	binary.BigEndian.PutUint16(dst[at:], uint16(n))
	return dst, nil
}
