package wire

import "encoding/binary"

// RawRR is a record in uncompressed wire form, as deltas hold it. Owner and RData point into what it was read from.
type RawRR struct {
	Owner []byte
	Type  Type
	Class Class
	TTL   uint32
	RData []byte
}

// AppendRR appends a record in uncompressed wire form: owner, type, class, ttl, rdlength, rdata. RData must be shorter
// than 65,536 octets.
func AppendRR(dst []byte, owner Name, t Type, c Class, ttl uint32, rdata []byte) []byte {
	dst = append(dst, owner...)
	dst = appendFixed(dst, t, c, ttl)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(rdata)))
	return append(dst, rdata...)
}

// Append is AppendRR for a RawRR.
func (r RawRR) Append(dst []byte) []byte {
	dst = append(dst, r.Owner...)
	dst = appendFixed(dst, r.Type, r.Class, r.TTL)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(r.RData)))
	return append(dst, r.RData...)
}

// Len is the record's length in uncompressed wire form.
func (r RawRR) Len() int { return len(r.Owner) + 10 + len(r.RData) }

func appendFixed(dst []byte, t Type, c Class, ttl uint32) []byte {
	return append(dst, byte(t>>8), byte(t), byte(c>>8), byte(c),
		byte(ttl>>24), byte(ttl>>16), byte(ttl>>8), byte(ttl))
}

// NextRR takes the first record off b, which holds uncompressed records one after another. It checks the owner's
// labels and all lengths, and allocates nothing. Owners are taken as they are: their letters are not folded.
func NextRR(b []byte) (rr RawRR, rest []byte, err error) {
	n, err := NameLen(b)
	if err != nil {
		return RawRR{}, b, err
	}
	if len(b) < n+10 {
		return RawRR{}, b, ErrShort
	}
	f := b[n : n+10]
	end := n + 10 + int(binary.BigEndian.Uint16(f[8:]))
	if len(b) < end {
		return RawRR{}, b, ErrShort
	}
	return RawRR{
		Owner: b[:n:n],
		Type:  Type(binary.BigEndian.Uint16(f)),
		Class: Class(binary.BigEndian.Uint16(f[2:])),
		TTL:   binary.BigEndian.Uint32(f[4:]),
		RData: b[n+10 : end : end],
	}, b[end:], nil
}

// SOASerial reads the serial from SOA rdata in uncompressed form.
func SOASerial(rdata []byte) (uint32, error) {
	n, err := NameLen(rdata)
	if err != nil {
		return 0, err
	}
	m, err := NameLen(rdata[n:])
	if err != nil {
		return 0, err
	}
	if len(rdata) != n+m+20 {
		return 0, ErrRData
	}
	return binary.BigEndian.Uint32(rdata[n+m:]), nil
}

// SetSOASerial writes the serial into SOA rdata in uncompressed form that SOASerial can read.
func SetSOASerial(rdata []byte, serial uint32) {
	binary.BigEndian.PutUint32(rdata[len(rdata)-20:], serial)
}

// A layout spells how rdata is built: 'N' a name, 'S' a character-string, a digit so many octets, '*' all the rest.
// compress says that names may be sent compressed: only the types of RFC 1035 (RFC 3597 section 4).
type layout struct {
	form     string
	compress bool
	keepCase bool
}

// layouts lists the types whose rdata holds names. Names fold in canonical form as RFC 4034 section 6.2 lists, less
// NSEC (RFC 6840 section 5.1) and what came later; receivers decompress them all.
//
//nolint:gochecknoglobals // table
var layouts = [...]layout{
	TypeNS:    {form: "N", compress: true},
	3:         {form: "N", compress: true}, // MD
	4:         {form: "N", compress: true}, // MF
	TypeCNAME: {form: "N", compress: true},
	TypeSOA:   {form: "NN992", compress: true},
	7:         {form: "N", compress: true}, // MB
	8:         {form: "N", compress: true}, // MG
	9:         {form: "N", compress: true}, // MR
	TypePTR:   {form: "N", compress: true},
	14:        {form: "NN", compress: true}, // MINFO
	TypeMX:    {form: "2N", compress: true},
	TypeRP:    {form: "NN"},
	TypeAFSDB: {form: "2N"},
	21:        {form: "2N"}, // RT
	TypeSIG:   {form: "99N*"},
	26:        {form: "2NN"}, // PX
	30:        {form: "N*"},  // NXT
	TypeSRV:   {form: "6N"},
	TypeNAPTR: {form: "4SSSN"},
	TypeKX:    {form: "2N"},
	TypeDNAME: {form: "N"},
	TypeRRSIG: {form: "99N*"},
	TypeNSEC:  {form: "N*", keepCase: true},
	TypeSVCB:  {form: "2N*", keepCase: true},
	TypeHTTPS: {form: "2N*", keepCase: true},
}

// layoutOf is the layout of a type; an empty form stands for rdata without names.
func layoutOf(t Type) layout {
	if int(t) >= len(layouts) {
		return layout{}
	}
	return layouts[t]
}

// Canonical folds the names in uncompressed rdata as RFC 4034 section 6.2 asks, in place, and checks that the rdata
// of a type with names has the shape of its type.
func Canonical(t Type, rdata []byte) error {
	l := layoutOf(t)
	if l.form == "" {
		return nil
	}
	off := 0
	for i := range len(l.form) {
		n, err := fieldLen(l.form[i], rdata[off:])
		if err != nil {
			return err
		}
		if l.form[i] == 'N' && !l.keepCase {
			FoldName(rdata[off : off+n])
		}
		off += n
	}
	if off != len(rdata) {
		return ErrRData
	}
	return nil
}

// fieldLen is the length of the field f at the start of uncompressed rdata b.
func fieldLen(f byte, b []byte) (int, error) {
	n := len(b)
	switch f {
	case '*':
		return n, nil
	case 'N':
		return NameLen(b)
	case 'S':
		if n == 0 {
			return 0, ErrRData
		}
		n = int(b[0]) + 1
	default:
		n = int(f - '0')
	}
	if n > len(b) {
		return 0, ErrRData
	}
	return n, nil
}

// expand appends the rdata at msg[off:end] with its names uncompressed and, where canonical form asks, folded.
func expand(dst, msg []byte, t Type, off, end int) ([]byte, error) {
	l := layoutOf(t)
	msg = msg[:end]
	for i := range len(l.form) {
		if l.form[i] != 'N' {
			n, err := fieldLen(l.form[i], msg[off:])
			if err != nil {
				return dst, err
			}
			dst = append(dst, msg[off:off+n]...)
			off += n
			continue
		}
		at := len(dst)
		var err error
		if dst, off, err = unpackName(dst, msg, off); err != nil {
			return dst, err
		}
		if !l.keepCase {
			FoldName(dst[at:])
		}
	}
	if l.form == "" {
		return append(dst, msg[off:]...), nil
	}
	if off != end {
		return dst, ErrRData
	}
	return dst, nil
}
