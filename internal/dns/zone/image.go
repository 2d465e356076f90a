package zone

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
)

// Images of zones without signatures are of version 1, which has no second tree; all older images are.
const (
	imageMagic   = "HWZ\x01"
	signedMagic  = "HWZ\x02"
	imageTrailer = 4
)

// castagnoli is the CRC that processors compute by themselves.
var castagnoli = crc32.MakeTable(crc32.Castagnoli) //nolint:gochecknoglobals // a table

// Append encodes the version (docs/formats/image.md): a head, the pages as they are in memory, and a checksum.
func (v *Version) Append(dst []byte) []byte {
	at := len(dst)
	magic := imageMagic
	if v.signing != nil {
		magic = signedMagic
	}
	dst = append(dst, magic...)
	dst = append(dst, byte(len(v.apex)))
	dst = append(dst, v.apex...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(v.records))
	dst = appendPages(dst, &v.tree, v.size)
	switch {
	case v.hashed() != nil:
		dst = appendPages(dst, v.hashed(), 0)
	case magic == signedMagic:
		dst = binary.BigEndian.AppendUint32(dst, 0)
	}
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[at:], castagnoli))
}

// appendPages appends a tree's pages behind their number; size is how many octets are expected.
func appendPages(dst []byte, t *page.Tree, size int) []byte {
	count := 0
	for range t.Pages {
		count++
	}
	dst = slices.Grow(dst, 4+size+4*count+imageTrailer)
	dst = binary.BigEndian.AppendUint32(dst, uint32(count))
	for p := range t.Pages {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(p)))
		dst = append(dst, p...)
	}
	return dst
}

// Decode reads what Append wrote. It checks the sum and every page, so that a version that it returns can be searched
// without a check; it keeps no reference to b.
func Decode(b []byte) (*Version, error) {
	if len(b) < len(imageMagic)+1+imageTrailer || string(b[:len(imageMagic)-1]) != imageMagic[:3] || b[3] < 1 || b[3] > 2 {
		return nil, fmt.Errorf("%w: no image", page.ErrCodec)
	}
	body := b[:len(b)-imageTrailer]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(b[len(body):]) {
		return nil, fmt.Errorf("%w: the checksum does not fit", page.ErrCodec)
	}
	return decodeBody(body[len(imageMagic):], b[3] == 2)
}

// decodeBody is Decode without the checksum, the part that is fuzzed.
func decodeBody(b []byte, signed bool) (*Version, error) {
	n := int(b[0])
	if len(b) < 1+n+12 {
		return nil, page.Malformed("it ends early")
	}
	apex, err := wire.NameFromWire(b[1 : 1+n])
	if err != nil {
		return nil, fmt.Errorf("%w: apex: %w", ErrCodec, err)
	}
	b = b[1+n:]
	v := &Version{apex: apex, signing: &signing{}}
	records := binary.BigEndian.Uint64(b)
	holds := page.Any
	if signed {
		holds = page.Names
	}
	pages, b, err := v.decodePages(b[8:], holds)
	if err != nil {
		return nil, err
	}
	if len(pages) == 0 {
		return nil, page.Malformed("page count")
	}
	var hashed []page.Page
	if signed {
		if hashed, b, err = v.decodePages(b, page.Chain); err != nil {
			return nil, err
		}
	}
	if len(b) > 0 || uint64(v.records) != records {
		return nil, page.Malformed("record count or end")
	}
	return finish(v, pages, hashed)
}

// decodePages reads what appendPages wrote, and counts the records.
func (v *Version) decodePages(b []byte, holds page.Holds) (pages []page.Page, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, page.Malformed("it ends early")
	}
	count := int(binary.BigEndian.Uint32(b))
	b = b[4:]
	if count == 0 {
		return nil, b, nil
	}
	if count > len(b)/(4+page.HeadSize) {
		return nil, nil, page.Malformed("page count")
	}
	pages = make([]page.Page, 0, count)
	c := page.NewChecker(v.apex, holds)
	for range count {
		if len(b) < 4 || uint64(len(b)-4) < uint64(binary.BigEndian.Uint32(b)) {
			return nil, nil, page.Malformed("it ends early")
		}
		size := binary.BigEndian.Uint32(b)
		p := page.Page(bytes.Clone(b[4 : 4+size]))
		b = b[4+size:]
		if err := c.Page(p); err != nil {
			return nil, nil, err
		}
		pages = append(pages, p)
	}
	records, sigs, err := c.Finish()
	v.records += uint32(records)
	v.signing.sigs += sigs
	return pages, b, err
}
