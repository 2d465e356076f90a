package audit

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	mathbits "math/bits"
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// values are the members of an object by their tags; nil for one that is not there.
type values [64][]byte

// told are the members of an object on their way into an entry.
type told struct {
	values
	set  uint64 // a bit for each tag that is there; values of others are left from the object before
	room []byte // for what was made for this object
}

// put sets a member to what nobody may change before the entry is packed.
func (v *told) put(tag int, b []byte) {
	v.values[tag] = b
	v.set |= 1 << tag
}

// made sets a member to what was appended to the room.
func (v *told) made(tag int, room []byte) {
	v.put(tag, room[len(v.room):len(room):len(room)])
	v.room = room
}

func (v *told) text(tag int, s string) {
	if s != "" {
		v.made(tag, append(v.room, s...))
	}
}

func (v *told) octets(tag int, b []byte) {
	if b != nil {
		v.put(tag, b)
	}
}

func (v *told) number(tag int, n uint64) {
	if n != 0 {
		v.made(tag, binary.AppendUvarint(v.room, n))
	}
}

func (v *told) id(tag int, id model.ID) {
	if id != "" {
		v.made(tag, appendID(v.room, id))
	}
}

func (v *told) addr(tag int, a netip.Addr) {
	if a.IsValid() {
		v.put(tag, a.AsSlice())
	}
}

func (v *told) texts(tag int, list []string) {
	if list == nil {
		return
	}
	b := binary.AppendUvarint(v.room, uint64(len(list)))
	for _, s := range list {
		b = appendOctets(b, []byte(s))
	}
	v.made(tag, b)
}

func (v *values) getID(tag int) model.ID {
	r := reader{b: v[tag]}
	if v[tag] == nil {
		return ""
	}
	return r.id()
}

func (v *values) getNumber(tag int) uint64 {
	if v[tag] == nil {
		return 0
	}
	r := reader{b: v[tag]}
	return r.uvarint()
}

func (v *values) getTexts(tag int) []string {
	if v[tag] == nil {
		return nil
	}
	r := reader{b: v[tag]}
	n := r.uvarint()
	out := make([]string, 0, min(n, uint64(len(r.b))))
	for range n {
		s := r.octets()
		if r.bad {
			return out
		}
		out = append(out, string(s))
	}
	return out
}

// appendDelta writes what leads from one set of values to another: the tags that are gone, then those that are new or have
// another value, each with it.
func appendDelta(dst []byte, from, to *told) []byte {
	count := len(dst)
	dst = append(dst, 0) // there are fewer tags than the first octet of a number has room for
	for gone := from.set &^ to.set; gone != 0; gone &= gone - 1 {
		dst = append(dst, byte(mathbits.TrailingZeros64(gone)))
		dst[count]++
	}
	count = len(dst)
	dst = append(dst, 0)
	for left := to.set; left != 0; left &= left - 1 {
		tag := mathbits.TrailingZeros64(left)
		if from.set>>tag&1 == 0 || !bytes.Equal(from.values[tag], to.values[tag]) {
			dst = appendOctets(append(dst, byte(tag)), to.values[tag])
			dst[count]++
		}
	}
	return dst
}

func appendOctets(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// appendID writes 0 for no id, 1 and 16 octets for one as they are, 2 and a text for any other.
func appendID(dst []byte, id model.ID) []byte {
	if id == "" {
		return append(dst, 0)
	}
	if octets, ok := idOctets(id); ok {
		return append(append(dst, 1), octets[:]...)
	}
	return appendOctets(append(dst, 2), []byte(id))
}

// idOctets reads the hexadecimal digits of an id, lower case.
func idOctets(id model.ID) (out [16]byte, ok bool) {
	var text [2 * len(out)]byte
	if len(id) != len(text) {
		return out, false
	}
	copy(text[:], id)
	if _, err := hex.Decode(out[:], text[:]); err != nil {
		return out, false
	}
	hex.Encode(text[:], out[:])
	return out, string(text[:]) == string(id)
}

// reader takes octets from the front. After the first that do not fit it is bad and gives nothing more.
type reader struct {
	b      []byte
	bad    bool
	when   time.Time
	origin []byte
	self   model.ID
	last   map[uint64]*values
}

func (r *reader) fail() {
	r.bad, r.b = true, nil
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) varint() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) || n > math.MaxInt32 {
		r.fail()
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) octets() []byte { return r.take(r.uvarint()) }

func (r *reader) id() model.ID {
	switch kind := r.take(1); {
	case r.bad:
		return ""
	case kind[0] == 0:
		return ""
	case kind[0] == 1:
		return model.ID(hex.EncodeToString(r.take(16)))
	case kind[0] == 2:
		return model.ID(r.octets())
	}
	r.fail()
	return ""
}

// delta is the other side of appendDelta.
func (r *reader) delta(from *values) *values {
	to := *from
	for range r.uvarint() {
		tag := r.tag()
		if r.bad {
			return &to
		}
		to[tag] = nil
	}
	for range r.uvarint() {
		tag := r.tag()
		v := r.octets()
		if r.bad {
			return &to
		}
		to[tag] = v
	}
	return &to
}

func (r *reader) tag() byte {
	b := r.take(1)
	if r.bad || b[0] == 0 || int(b[0]) >= len(values{}) {
		r.fail()
		return 0
	}
	return b[0]
}
