package tsig

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Fudge is the permitted clock difference that we write into records, in seconds (RFC 8945 section 10).
const Fudge = 300

// ErrRecord is the error of a TSIG record that cannot be read.
var ErrRecord = errors.New("malformed TSIG record")

// maxMAC is the longest digest of the known algorithms.
const maxMAC = 64

// record is a TSIG record (RFC 8945 section 4.2); its slices point into the message.
type record struct {
	name      wire.Name
	algorithm Algorithm
	time      uint64 // 48 bits, seconds
	fudge     uint16
	mac       []byte
	id        uint16 // the original one
	code      wire.Rcode
	other     []byte
}

// parseRecord reads the TSIG record at msg[at:], which must be the last of the message.
func parseRecord(msg []byte, at int) (r record, err error) {
	var nameBuf, algoBuf [wire.MaxName]byte
	name, off, err := wire.UnpackName(nameBuf[:0], msg, at)
	if err != nil || off+10 > len(msg) {
		return r, ErrRecord
	}
	head := msg[off:]
	if wire.Type(binary.BigEndian.Uint16(head)) != wire.TypeTSIG ||
		wire.Class(binary.BigEndian.Uint16(head[2:])) != wire.ClassANY || binary.BigEndian.Uint32(head[4:]) != 0 {
		return r, ErrRecord
	}
	if off+10+int(binary.BigEndian.Uint16(head[8:])) != len(msg) {
		return r, ErrRecord
	}
	algo, off, err := wire.UnpackName(algoBuf[:0], msg, off+10)
	if err != nil || off+10 > len(msg) {
		return r, ErrRecord
	}
	r.name, r.algorithm = wire.Name(name), Algorithm(algo)
	b := msg[off:]
	r.time = uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
	r.fudge = binary.BigEndian.Uint16(b[6:])
	n := int(binary.BigEndian.Uint16(b[8:]))
	if b = b[10:]; len(b) < n+6 {
		return r, ErrRecord
	}
	r.mac, b = b[:n], b[n:]
	r.id = binary.BigEndian.Uint16(b)
	r.code = wire.Rcode(binary.BigEndian.Uint16(b[2:]))
	if n = int(binary.BigEndian.Uint16(b[4:])); len(b) != 6+n {
		return r, ErrRecord
	}
	r.other = b[6:]
	return r, nil
}

// append writes the record at the end of buf and counts it in the message that starts at buf[at:].
func (r *record) append(buf []byte, at int) []byte {
	rdata := len(r.algorithm) + 16 + len(r.mac) + len(r.other)
	buf = append(buf, r.name...)
	buf = binary.BigEndian.AppendUint16(buf, uint16(wire.TypeTSIG))
	buf = binary.BigEndian.AppendUint16(buf, uint16(wire.ClassANY))
	buf = binary.BigEndian.AppendUint32(buf, 0)
	buf = binary.BigEndian.AppendUint16(buf, uint16(rdata))
	buf = append(buf, r.algorithm...)
	buf = appendTime(buf, r.time)
	buf = binary.BigEndian.AppendUint16(buf, r.fudge)
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(r.mac)))
	buf = append(buf, r.mac...)
	buf = binary.BigEndian.AppendUint16(buf, r.id)
	buf = binary.BigEndian.AppendUint16(buf, uint16(r.code))
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(r.other)))
	buf = append(buf, r.other...)
	msg := buf[at:]
	wire.SetCount(msg, wire.SectionAdditional, wire.Count(msg, wire.SectionAdditional)+1)
	return buf
}

// overhead is how many octets append adds for a key: what a message must leave room for. Other data of BADTIME counts.
func overhead(name wire.Name, a Algorithm) int {
	return len(name) + 10 + len(a) + 16 + maxMAC + 6
}

func appendTime(b []byte, t uint64) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(t>>32))
	return binary.BigEndian.AppendUint32(b, uint32(t))
}

// inTime says whether the record's time is within its fudge of now.
func (r *record) inTime(now time.Time) bool {
	diff := now.Unix() - int64(r.time)
	return diff <= int64(r.fudge) && -diff <= int64(r.fudge)
}
