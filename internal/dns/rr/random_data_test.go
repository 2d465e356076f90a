package rr_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// randomRData makes valid RDATA of a type by its parts, nil if chance made none.
func randomRData(rng *rand.Rand, t wire.Type) []byte {
	for range 50 {
		var data []byte
		switch t {
		case typeX25: // digits
			data = withLength([]byte("1234567")[:4+rng.IntN(4)])
		case typeA6: // it has as much of an address as the prefix leaves, and a name for a prefix
			prefix := rng.IntN(129)
			data = append([]byte{byte(prefix)}, make([]byte, (128-prefix+7)/8)...)
			if prefix > 0 {
				data = append(data, randomName(rng)...)
			}
		}
		if data != nil {
			return data
		}
		for _, letter := range []byte(rr.Form(t)) {
			data = append(data, randomPart(rng, letter, data)...)
		}
		if rr.Valid(t, data) == nil {
			return data
		}
	}
	return nil
}

func octets(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	plain := rng.IntN(2) == 0
	for i := range b {
		if b[i] = byte(rng.IntN(256)); plain {
			b[i] = `abcXYZ019 ";\,=()-.@$/`[rng.IntN(22)]
		}
	}
	return b
}

func withLength(b []byte) []byte { return append([]byte{byte(len(b))}, b...) }

// randomName makes a name in canonical form, now and then with octets that have to be escaped.
func randomName(rng *rand.Rand) []byte {
	var b []byte
	for range rng.IntN(4) {
		label := []byte("abc-_*09")[:1+rng.IntN(8)]
		if rng.IntN(6) == 0 {
			label = octets(rng, 1+rng.IntN(9))
		}
		b = append(b, withLength(label)...)
	}
	b = append(b, 0)
	wire.FoldName(b)
	return b
}

// randomPart makes a part of a kind; of those with a head that says what it is, in keeping with it.
func randomPart(rng *rand.Rand, letter byte, head []byte) []byte {
	any, some := octets(rng, rng.IntN(20)), octets(rng, 1+rng.IntN(48))
	switch letter {
	case '1', 'k', 'K', 'N':
		return []byte{[]byte{0, 1, 2, 3, 5, 8, 13, 15, byte(rng.IntN(256))}[rng.IntN(9)]}
	case '2', 'c', 'y':
		return binary.BigEndian.AppendUint16(nil, []uint16{0, 1, 2, 3, 254, 257, uint16(rng.Uint32())}[rng.IntN(7)])
	case '4', 't', 'd', 'a':
		return binary.BigEndian.AppendUint32(nil, rng.Uint32()>>rng.IntN(32))
	case 'e':
		return octets(rng, 6)
	case 'E', 'l':
		return octets(rng, 8)
	case 'A':
		return randomAddress6(rng)
	case 'L':
		b := []byte{0, randomSize(rng), randomSize(rng), randomSize(rng)}
		b = binary.BigEndian.AppendUint32(b, uint32(1<<31+rng.Int64N(2*rr.MaxLatitude)-rr.MaxLatitude))
		b = binary.BigEndian.AppendUint32(b, uint32(1<<31+rng.Int64N(2*rr.MaxLongitude)-rr.MaxLongitude))
		return binary.BigEndian.AppendUint32(b, rng.Uint32())
	case 'n':
		return randomName(rng)
	case 's', 'x':
		return withLength(any)
	case 'o':
		return withLength(octets(rng, 20))
	case 'u':
		return [][]byte{nil, withLength(any)}[rng.IntN(2)]
	case 'S':
		return bytes.Join(slices.Repeat([][]byte{withLength(any)}, 1+rng.IntN(3)), nil)
	case 'g':
		return withLength([]byte("issueWild0")[:1+rng.IntN(10)])
	case 'Q', 'B', '*':
		return any
	case 'm', 'M':
		return randomBitmap(rng)
	case 'p':
		return randomParams(rng)
	case '!':
		return randomPrefixes(rng)
	case 'I':
		return append(randomEndpoint(rng, head[1]), any...)
	case 'R':
		kind := byte(rng.IntN(4))
		return append([]byte{kind | byte(rng.IntN(2))<<7}, randomEndpoint(rng, kind)...)
	case 'H':
		b := append([]byte{byte(len(some)), byte(rng.IntN(256)), 0, byte(len(some))}, some...)
		return append(append(b, some...), bytes.Join(slices.Repeat([][]byte{randomName(rng)}, rng.IntN(3)), nil)...)
	default:
		return some
	}
}

func randomSize(rng *rand.Rand) byte {
	if n := rng.IntN(10); n > 0 {
		return byte(n<<4 | rng.IntN(10))
	}
	return 0
}

func randomAddress6(rng *rand.Rand) []byte {
	b := make([]byte, 16)
	for i := range 16 {
		if rng.IntN(3) == 0 {
			b[i] = byte(rng.IntN(256))
		}
	}
	if rng.IntN(4) == 0 {
		copy(b, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff")
	}
	return b
}

func randomEndpoint(rng *rand.Rand, kind byte) []byte {
	switch kind {
	case 1:
		return octets(rng, 4)
	case 2:
		return randomAddress6(rng)
	case 3:
		return randomName(rng)
	}
	return nil
}

func randomBitmap(rng *rand.Rand) []byte {
	var b []byte
	for w := 0; w < 256; w += 1 + rng.IntN(255) {
		bits := octets(rng, 1+rng.IntN(32))
		bits[len(bits)-1] |= 1
		if w == 0 {
			bits[0] &= 0x7f // there is no type 0
		}
		b = append(append(b, byte(w)), withLength(bits)...)
		if rng.IntN(2) == 0 {
			break
		}
	}
	return b
}

func randomParams(rng *rand.Rand) []byte {
	var b []byte
	for key := range 9 {
		if rng.IntN(3) > 0 {
			continue
		}
		v := [][]byte{
			{0, 7},
			append(withLength(octets(rng, 1+rng.IntN(5))), withLength([]byte("h2"))...), nil, octets(rng, 2), octets(rng, 4+4*rng.IntN(2)),
			octets(rng, 1+rng.IntN(9)), randomAddress6(rng), []byte("/q{?dns}"), nil,
		}[key]
		b = binary.BigEndian.AppendUint16(b, uint16(key))
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(v))), v...)
	}
	if rng.IntN(3) == 0 {
		v := octets(rng, rng.IntN(9))
		b = append(b, byte(1+rng.IntN(254)), byte(rng.IntN(256)), 0, byte(len(v)))
		b = append(b, v...)
	}
	return b
}

func randomPrefixes(rng *rand.Rand) []byte {
	var b []byte
	for range 1 + rng.IntN(3) {
		family := 1 + rng.IntN(2)
		most := []int{4, 16}[family-1]
		address := bytes.TrimRight(octets(rng, rng.IntN(most+1)), "\x00")
		b = append(b, 0, byte(family), byte(rng.IntN(8*most+1)), byte(len(address)|rng.IntN(2)<<7))
		b = append(b, address...)
	}
	return b
}
