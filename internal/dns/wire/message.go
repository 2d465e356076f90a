package wire

import (
	"encoding/binary"
	"errors"
)

// HeaderLen is the length of a message header (RFC 1035 section 4.1.1), in octets.
const HeaderLen = 12

// MaxMessage is the longest message that a TCP length prefix can tell (RFC 1035 section 4.2.2).
const MaxMessage = 65535

// Flags are the second word of the header: bits, opcode and the low four bits of the response code.
type Flags uint16

// Header bits (RFC 1035 section 4.1.1; AD and CD: RFC 4035 section 3.1.6).
const (
	FlagQR Flags = 1 << 15
	FlagAA Flags = 1 << 10
	FlagTC Flags = 1 << 9
	FlagRD Flags = 1 << 8
	FlagRA Flags = 1 << 7
	FlagAD Flags = 1 << 5
	FlagCD Flags = 1 << 4
)

// Opcode is the kind of message.
func (f Flags) Opcode() Opcode { return Opcode(f >> 11 & 0xf) }

// Rcode is the header's part of the response code; OPT may hold more of it.
func (f Flags) Rcode() Rcode { return Rcode(f & 0xf) }

// WithOpcode replaces the opcode.
func (f Flags) WithOpcode(o Opcode) Flags { return f&^(0xf<<11) | Flags(o&0xf)<<11 }

// WithRcode replaces the low four bits of the response code.
func (f Flags) WithRcode(r Rcode) Flags { return f&^0xf | Flags(r&0xf) }

// Section is a part of a message.
type Section uint8

// The sections in the order in which they stand; their numbers index the header's counts.
const (
	SectionQuestion Section = iota
	SectionAnswer
	SectionAuthority
	SectionAdditional
)

// Errors of messages and records read from bytes.
var (
	ErrShort    = errors.New("message ends early")
	ErrPointer  = errors.New("name has a bad compression pointer")
	ErrTrailing = errors.New("message has octets after its last record")
	ErrRData    = errors.New("record data does not fit its type")
)

// ID reads the identifier of a message of at least HeaderLen octets; so do the functions below it.
func ID(msg []byte) uint16 { return binary.BigEndian.Uint16(msg) }

// SetID writes the identifier.
func SetID(msg []byte, id uint16) { binary.BigEndian.PutUint16(msg, id) }

// HeaderFlags reads the flags.
func HeaderFlags(msg []byte) Flags { return Flags(binary.BigEndian.Uint16(msg[2:])) }

// SetHeaderFlags writes the flags.
func SetHeaderFlags(msg []byte, f Flags) { binary.BigEndian.PutUint16(msg[2:], uint16(f)) }

// Count reads how many records the header announces for a section.
func Count(msg []byte, s Section) int { return int(binary.BigEndian.Uint16(msg[4+2*int(s):])) }

// SetCount writes a section's count: what who appends a TSIG record by hand needs.
func SetCount(msg []byte, s Section, n int) { binary.BigEndian.PutUint16(msg[4+2*int(s):], uint16(n)) }

// skipName finds the end of the name at off without following it. A pointer must lead to before the name it ends:
// names compress to prior ones only (RFC 1035 section 4.1.4), and so every chain of pointers comes to an end.
func skipName(msg []byte, off int) (next int, ok bool) {
	start := off
	for off < len(msg) && off-start < MaxName {
		c := int(msg[off])
		switch {
		case c == 0:
			return off + 1, true
		case c <= MaxLabel:
			off += c + 1
		case c >= 0xc0:
			return off + 2, off+1 < len(msg) && pointer(msg, off) < start && pointer(msg, off) >= HeaderLen
		default:
			return 0, false // RFC 6891 section 5: the other label types are obsolete
		}
	}
	return 0, false
}

func pointer(msg []byte, off int) int { return int(binary.BigEndian.Uint16(msg[off:]) & 0x3fff) }

// matchName says whether the name at off in msg equals name, whose letters are lower-case. Pointers are followed
// downwards only, so that it ends on any input.
func matchName(msg []byte, off int, name []byte) bool {
	floor := off
	for i := 0; i < len(name) && off < len(msg); {
		c := int(msg[off])
		if c >= 0xc0 {
			if off+1 >= len(msg) || pointer(msg, off) >= floor {
				return false
			}
			off = pointer(msg, off)
			floor = off
			continue
		}
		if c != int(name[i]) || off+c >= len(msg) || i+c >= len(name) {
			return false
		}
		if c == 0 {
			return i+1 == len(name)
		}
		for k := 1; k <= c; k++ {
			if lower(msg[off+k]) != name[i+k] {
				return false
			}
		}
		off, i = off+c+1, i+c+1
	}
	return false
}

// UnpackName appends the name at msg[off:] to dst, uncompressed and folded to lower case, and says where the message
// goes on. Every length, the 255 octets of the whole, and the direction of pointers are checked.
func UnpackName(dst, msg []byte, off int) (out []byte, next int, err error) {
	out, next, err = unpackName(dst, msg, off)
	if err == nil {
		FoldName(out[len(dst):])
	}
	return out, next, err
}

// unpackName is UnpackName with the letters as they came.
func unpackName(dst, msg []byte, off int) (out []byte, next int, err error) {
	base, floor := len(dst), off
	for off >= 0 && off < len(msg) {
		c := int(msg[off])
		switch {
		case c > MaxLabel && c < 0xc0:
			return dst, 0, ErrLabelTooLong
		case c >= 0xc0:
			if off+1 >= len(msg) {
				return dst, 0, ErrShort
			}
			to := pointer(msg, off)
			if to >= floor || to < HeaderLen {
				return dst, 0, ErrPointer
			}
			if next == 0 {
				next = off + 2
			}
			off, floor = to, to
			continue
		case off+c >= len(msg):
			return dst, 0, ErrShort
		case len(dst)-base+c+1 > MaxName:
			return dst, 0, ErrNameTooLong
		}
		dst = append(dst, msg[off:off+c+1]...)
		off += c + 1
		if c != 0 {
			continue
		}
		if next == 0 {
			next = off
		}
		return dst, next, nil
	}
	return dst, 0, ErrShort
}

// FoldName lowers the letters of an uncompressed name in place. Length octets are below 64 and no letters, so the
// whole can be treated alike, eight octets at a time.
func FoldName(b []byte) {
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		binary.LittleEndian.PutUint64(b, foldWord(w))
		b = b[8:]
	}
	for i, c := range b {
		b[i] = lower(c)
	}
}

// foldWord lowers eight ASCII octets at once: adding carries into an octet's top bit exactly when its low seven bits
// reach 'A', or pass 'Z'; where only the former is so, and the octet was ASCII, bit 5 is set.
func foldWord(w uint64) uint64 {
	const ones = 0x0101010101010101
	low := w & (0x7f * ones)
	upper := (low + (0x80-'A')*ones) &^ (low + (0x7f-'Z')*ones) &^ w & (0x80 * ones)
	return w | upper>>2
}
