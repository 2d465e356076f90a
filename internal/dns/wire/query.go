package wire

import "encoding/binary"

// Outcome is what Query.Parse made of a message.
type Outcome uint8

// Outcomes. Only ParseOK leaves all fields meaningful; the fields up to QuestionEnd, and EDNS as far as it was read,
// may be used to answer the others.
const (
	ParseOK      Outcome = iota
	ParseDrop            // too short for a header, or a response: must not be answered
	ParseFormErr         // malformed: answer FORMERR
	ParseNotImp          // an opcode other than QUERY, NOTIFY and UPDATE: answer NOTIMP (RFC 1035 section 4.1.1)
)

// Query is a view over one request. It is meant to be reused: Parse overwrites all of it and allocates nothing. It
// must not be copied, because Name points into it. Slices are valid until the next Parse or until Msg's buffer is
// used again.
type Query struct {
	Msg    []byte // the request as it came
	ID     uint16
	Flags  Flags
	Opcode Opcode

	// Name is the question's name in lower case; eight zero octets follow it in its array, so that a reader may load
	// whole words. The client's own spelling is at Msg[HeaderLen:].
	Name  []byte
	Type  Type
	Class Class
	// QuestionEnd is the offset after the question; HeaderLen where no question could be read.
	QuestionEnd int

	EDNS EDNS

	// TSIGAt is the offset of the TSIG record, which is the last of the message (RFC 8945 section 5.1), or 0.
	TSIGAt int

	// Serial is that of the SOA which belongs to the question: in the authority section of an IXFR query (RFC 1995
	// section 3), in the answer section of a NOTIFY (RFC 1996 section 3.7). BadSOA says that one is there but is
	// malformed, of another owner, or not alone.
	Serial    uint32
	HasSerial bool
	BadSOA    bool

	buf [MaxName + 9]byte
}

// EDNS is what a request's OPT record says (RFC 6891). Options are read for version 0 only.
type EDNS struct {
	Present     bool
	Version     uint8
	UDPSize     uint16 // as sent; values below 512 mean 512 (RFC 6891 section 6.2.3)
	DO          bool   // RFC 3225
	NSID        bool   // RFC 5001
	Keepalive   bool   // RFC 7828
	Padding     bool   // RFC 7830
	Expire      bool   // RFC 7314
	ZoneVersion bool   // ZONEVERSION, RFC 9660
	Flags       uint16 // all 16 flag bits
	Cookie      []byte // RFC 7873: 8 octets of the client, then 0 or 8-32 of the server; points into Msg; nil if absent
}

// Size is the response size that the client accepts over UDP: at least 512 octets, and 512 without EDNS.
func (e *EDNS) Size() int { return max(512, int(e.UDPSize)) }

// Parse reads msg, which q then refers to. Any octets give one of the outcomes.
func (q *Query) Parse(msg []byte) Outcome {
	q.Msg = msg
	q.Name, q.Type, q.Class, q.QuestionEnd = q.buf[:0], 0, 0, HeaderLen
	q.EDNS = EDNS{}
	q.TSIGAt, q.Serial, q.HasSerial, q.BadSOA = 0, 0, false, false
	if len(msg) < HeaderLen {
		return ParseDrop
	}
	q.ID, q.Flags = ID(msg), HeaderFlags(msg)
	q.Opcode = q.Flags.Opcode()
	if q.Flags&FlagQR != 0 {
		return ParseDrop
	}
	if q.Opcode != OpcodeQuery && q.Opcode != OpcodeNotify && q.Opcode != OpcodeUpdate {
		return ParseNotImp
	}
	// One question exactly, whatever RFC 1035 once allowed (RFC 9619).
	if Count(msg, SectionQuestion) != 1 || !q.question() || !q.records() {
		return ParseFormErr
	}
	return ParseOK
}

// IsTransfer says whether a zone transfer is asked for.
func (q *Query) IsTransfer() bool {
	return q.Opcode == OpcodeQuery && (q.Type == TypeAXFR || q.Type == TypeIXFR)
}

// question reads the question. A compressed name is refused: there is nothing before it to point at.
func (q *Query) question() bool {
	msg := q.Msg
	off := HeaderLen
	for off < len(msg) && msg[off] != 0 {
		if msg[off] > MaxLabel {
			return false
		}
		off += int(msg[off]) + 1
	}
	off++
	n := off - HeaderLen
	if n > MaxName || off+4 > len(msg) {
		return false
	}
	copy(q.buf[:], msg[HeaderLen:off])
	binary.LittleEndian.PutUint64(q.buf[n:], 0)
	q.Name = q.buf[:n]
	FoldName(q.Name)
	q.Type = Type(binary.BigEndian.Uint16(msg[off:]))
	q.Class = Class(binary.BigEndian.Uint16(msg[off+2:]))
	q.QuestionEnd = off + 4
	return true
}

// records walks what follows the question. Nothing may follow the last record.
func (q *Query) records() bool {
	an, ns, ar := Count(q.Msg, SectionAnswer), Count(q.Msg, SectionAuthority), Count(q.Msg, SectionAdditional)
	off, all := q.QuestionEnd, an+ns+ar
	for i := range all {
		h, ok := header(q.Msg, off)
		if !ok {
			return false
		}
		switch {
		case h.typ == TypeOPT:
			ok = i >= an+ns && !q.EDNS.Present && q.opt(h)
		case h.typ == TypeTSIG:
			ok = i >= an+ns && i == all-1
			q.TSIGAt = off
		case h.typ == TypeSOA && q.ownsSOA(i, an, ns):
			q.soa(h)
		}
		if !ok {
			return false
		}
		off = h.end
	}
	return off == len(q.Msg)
}

// rrHead is the fixed part of a record at start, its data at rdata up to end.
type rrHead struct {
	start, rdata, end int
	typ               Type
	class             Class
	ttl               uint32
}

func header(msg []byte, off int) (h rrHead, ok bool) {
	h.start = off
	off, ok = skipName(msg, off)
	if !ok || off+10 > len(msg) {
		return h, false
	}
	h.typ = Type(binary.BigEndian.Uint16(msg[off:]))
	h.class = Class(binary.BigEndian.Uint16(msg[off+2:]))
	h.ttl = binary.BigEndian.Uint32(msg[off+4:])
	h.rdata = off + 10
	h.end = h.rdata + int(binary.BigEndian.Uint16(msg[off+8:]))
	return h, h.end <= len(msg)
}

// ownsSOA says whether an SOA that is record i stands where the request's own serial is expected.
func (q *Query) ownsSOA(i, an, ns int) bool {
	if q.Opcode == OpcodeNotify {
		return i < an
	}
	return q.Type == TypeIXFR && i >= an && i < an+ns
}

func (q *Query) soa(h rrHead) {
	if q.HasSerial || q.BadSOA || h.class != q.Class || !matchName(q.Msg, h.start, q.Name) {
		q.BadSOA, q.HasSerial = true, false
		return
	}
	off, ok := skipName(q.Msg, h.rdata)
	if ok {
		off, ok = skipName(q.Msg, off)
	}
	if !ok || off+20 != h.end {
		q.BadSOA = true
		return
	}
	q.Serial, q.HasSerial = binary.BigEndian.Uint32(q.Msg[off:]), true
}

// opt reads the OPT record (RFC 6891 section 6.1); false means malformed.
func (q *Query) opt(h rrHead) bool {
	e := &q.EDNS
	if q.Msg[h.start] != 0 {
		return false
	}
	e.Present, e.UDPSize = true, uint16(h.class)
	e.Version = uint8(h.ttl >> 16)
	e.Flags = uint16(h.ttl)
	e.DO = e.Flags&0x8000 != 0
	if e.Version != 0 {
		return true
	}
	for b := q.Msg[h.rdata:h.end]; len(b) > 0; {
		if len(b) < 4 {
			return false
		}
		code, n := OptionCode(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b)-4 || !e.option(code, b[4:4+n:4+n]) {
			return false
		}
		b = b[4+n:]
	}
	return true
}

// option takes note of an option; unknown ones are ignored (RFC 6891 section 6.1.2).
func (e *EDNS) option(code OptionCode, data []byte) bool {
	switch code {
	case OptionNSID:
		e.NSID = true
	case OptionKeepalive:
		e.Keepalive = true
	case OptionPadding:
		e.Padding = true
	case OptionExpire:
		e.Expire = true
	case OptionVersion:
		e.ZoneVersion = len(data) == 0
	case OptionCookie:
		if n := len(data); n != 8 && (n < 16 || n > 40) {
			return false // RFC 7873 section 5.2.2
		}
		if e.Cookie == nil {
			e.Cookie = data
		}
	default:
	}
	return true
}
