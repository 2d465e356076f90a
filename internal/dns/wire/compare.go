package wire

import "bytes"

// NameFromWire reads a name that b holds wholly, uncompressed, and folds it.
func NameFromWire(b []byte) (Name, error) {
	n, err := NameLen(b)
	if err != nil {
		return "", err
	}
	if n != len(b) {
		return "", ErrTrailing
	}
	var buf [MaxName]byte
	FoldName(buf[:copy(buf[:], b)])
	return Name(buf[:n]), nil
}

// NameLen is the length of the uncompressed name at the start of b, in octets with its root label. A name that ends early, or a
// label or name that is too long, is an error.
func NameLen(b []byte) (int, error) {
	off := 0
	for off < len(b) {
		c := int(b[off])
		if c > MaxLabel {
			return 0, ErrLabelTooLong
		}
		off += c + 1
		if off > MaxName {
			return 0, ErrNameTooLong
		}
		if c == 0 {
			return off, nil
		}
	}
	return 0, ErrShort
}

// Compare gives the canonical order of names (RFC 4034 section 6.1): by labels from the root, each as octets, an
// ancestor before what is below it. The result is negative, zero or positive.
func Compare(a, b Name) int {
	var ia, ib [MaxName/2 + 1]uint8
	na, nb := labelStarts(a, &ia), labelStarts(b, &ib)
	for k := 1; k <= na && k <= nb; k++ {
		la, lb := label(a, ia[na-k]), label(b, ib[nb-k])
		if la != lb {
			return bytes.Compare([]byte(la), []byte(lb))
		}
	}
	return na - nb
}

func label(n Name, at uint8) Name { return n[int(at)+1 : int(at)+1+int(n[at])] }

// labelStarts fills the offsets of the labels, the root's left out.
func labelStarts(n Name, at *[MaxName/2 + 1]uint8) int {
	c := 0
	for i := 0; i < len(n) && n[i] != 0; i += int(n[i]) + 1 {
		at[c] = uint8(i)
		c++
	}
	return c
}

// Child puts a label before n: what a template or a synthesised name needs. The label's letters are folded.
func (n Name) Child(label string) (Name, error) {
	switch {
	case label == "":
		return "", ErrLabelEmpty
	case len(label) > MaxLabel:
		return "", ErrLabelTooLong
	case len(n)+len(label)+1 > MaxName:
		return "", ErrNameTooLong
	}
	b := make([]byte, 0, len(n)+len(label)+1)
	b = append(b, byte(len(label)))
	b = append(b, label...)
	b = append(b, n...)
	FoldName(b)
	return Name(b), nil
}
