package page

import (
	"bytes"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// A key is a name's place in its zone: the labels below the apex from the right to the left, each ended by a zero octet.
// Inside labels 0 is written 01 01 and 1 is written 01 02, so that the order of keys as octets is the canonical order of
// names (RFC 4034 section 6.1), "is an ancestor of" is "is a prefix of", and a subtree is a contiguous range. The apex is
// the empty key.

// maxKey bounds a key: each of at most 254 octets below the apex may be written as two.
const maxKey = 2 * wire.MaxName

// Path is a name as a key, with the places where its labels end, from the apex outward.
type Path struct {
	Key    [maxKey + 8]byte // eight zero octets follow the key, so that heads are read without a length check
	N      int
	labels int
	Ends   [128]uint16 // ends[i]: where label i ends in the key
	At     [128]uint8  // at[i]: where label i begins in the name
}

// Set makes the key of name, which is rel octets of labels in front of its zone's apex.
func (p *Path) Set(name []byte, rel int) {
	p.N, p.labels = 0, 0
	count := 0
	for i := 0; i < rel; i += int(name[i]) + 1 {
		p.At[count] = uint8(i)
		count++
	}
	for i, j := 0, count-1; i < j; i, j = i+1, j-1 {
		p.At[i], p.At[j] = p.At[j], p.At[i]
	}
	k := 0
	for i := range count {
		off := int(p.At[i])
		for _, c := range name[off+1 : off+1+int(name[off])] {
			if c <= 1 {
				p.Key[k] = 1
				k++
				c++
			}
			p.Key[k] = c
			k++
		}
		p.Key[k] = 0
		k++
		p.Ends[i] = uint16(k)
	}
	p.N, p.labels = k, count
	clear(p.Key[k : k+8])
}

// Bytes is the key.
func (p *Path) Bytes() []byte { return p.Key[:p.N] }

// Common is the longest run of whole labels that the path shares with key, in octets and in labels.
func (p *Path) Common(key []byte) (n, labels int) {
	m := min(p.N, len(key))
	i := 0
	for i < m && p.Key[i] == key[i] {
		i++
	}
	for labels < p.labels && int(p.Ends[labels]) <= i {
		n = int(p.Ends[labels])
		labels++
	}
	return n, labels
}

// AppendKey appends the key of name, which must be at or below apex.
func AppendKey(dst []byte, name, apex wire.Name) []byte {
	var p Path
	p.Set([]byte(name), len(name)-len(apex))
	return append(dst, p.Bytes()...)
}

// AppendName appends the name of a key in wire form.
func AppendName(dst, key []byte, apex wire.Name) []byte {
	for end := len(key); end > 0; {
		start := bytes.LastIndexByte(key[:end-1], 0) + 1
		at := len(dst)
		dst = append(dst, 0)
		for i := start; i < end-1; i++ {
			c := key[i]
			if c == 1 {
				i++
				c = key[i] - 1
			}
			dst = append(dst, c)
		}
		dst[at] = byte(len(dst) - at - 1)
		end = start
	}
	return append(dst, apex...)
}

// validKey says whether key is one that appendKey could have made, and whether its name fits beside the apex.
func validKey(key []byte, apex wire.Name) bool {
	octets, label, labels := len(apex), 0, 0
	for i := 0; i < len(key); i++ {
		switch c := key[i]; c {
		case 0:
			if label == 0 || label > wire.MaxLabel {
				return false
			}
			octets += label + 1
			label = 0
			labels++
			continue
		case 1:
			if i++; i == len(key) || key[i] != 1 && key[i] != 2 {
				return false
			}
		}
		label++
	}
	return label == 0 && octets <= wire.MaxName && labels < 128
}

// Parent is the key of the name above.
func Parent(key []byte) []byte {
	if len(key) == 0 {
		return nil
	}
	return key[:bytes.LastIndexByte(key[:len(key)-1], 0)+1]
}
