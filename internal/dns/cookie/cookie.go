// Package cookie makes and checks the server's half of DNS cookies (RFC 7873), in the form that all servers share (RFC 9018): whoever
// has the secrets, another node or another program, takes what one of them has made. A cookie that holds shows that its bearer receives
// what is sent to its address, no more. The package knows octets; it must not know where secrets come from, or what a cookie is good for.
package cookie

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/dchest/siphash"
)

// Secret is what makes cookies.
type Secret [16]byte

// Keys are the secrets that hold at one time. New cookies are made with Current; those made with one of Others are good, too: who
// shares the secrets may be a step ahead or behind.
type Keys struct {
	Current Secret
	Others  []Secret
}

// Sizes in octets: of the client's half, and of a whole cookie.
const (
	ClientLen = 8
	Len       = 24
)

const version = 1

// How old a cookie may be, how far its time may be ahead of ours, and at what age it is made anew, in seconds (RFC 9018 section 4.3).
const (
	oldest, ahead = 3600, 300
	renew         = 1800
)

// Answer appends the cookie that answers a client's, whose length the wire has checked: the client's half and ours. good says that
// the client's had our half and that it holds. now is in seconds of Unix time. It is on the hot path.
func (k *Keys) Answer(dst, cookie []byte, from netip.Addr, now uint32) (out []byte, good bool) {
	fresh := false
	if len(cookie) == Len && cookie[ClientLen] == version {
		age := int32(now - binary.BigEndian.Uint32(cookie[12:]))
		if age <= oldest && age >= -ahead {
			good, fresh = k.made(cookie, from)
			fresh = fresh && age < renew && age >= 0
		}
	}
	at := len(dst)
	if fresh {
		return append(dst, cookie...), true
	}
	dst = append(dst, cookie[:ClientLen]...)
	dst = append(dst, version, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, now)
	sum := k.Current.hash(dst[at:], from)
	return append(dst, sum[:]...), good
}

// made says whether one of the secrets has made a cookie, and whether it is the current one.
func (k *Keys) made(cookie []byte, from netip.Addr) (good, current bool) {
	if sum := k.Current.hash(cookie, from); bytes.Equal(sum[:], cookie[16:]) {
		return true, true
	}
	for i := range k.Others {
		if sum := k.Others[i].hash(cookie, from); bytes.Equal(sum[:], cookie[16:]) {
			return true, false
		}
	}
	return false, false
}

// hash is SipHash-2-4 of a cookie up to its hash, and of the client's address (RFC 9018 section 4.4).
func (s *Secret) hash(cookie []byte, from netip.Addr) (sum [8]byte) {
	var in [32]byte
	n := copy(in[:], cookie[:16])
	if from = from.Unmap(); from.Is4() {
		a := from.As4()
		n += copy(in[n:], a[:])
	} else {
		a := from.As16()
		n += copy(in[n:], a[:])
	}
	h := siphash.Hash(binary.LittleEndian.Uint64(s[:8]), binary.LittleEndian.Uint64(s[8:]), in[:n])
	binary.LittleEndian.PutUint64(sum[:], h)
	return sum
}
