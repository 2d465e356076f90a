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

const (
	imageMagic   = "HWZ\x01"
	imageTrailer = 4
)

// castagnoli is the CRC that processors compute by themselves.
var castagnoli = crc32.MakeTable(crc32.Castagnoli) //nolint:gochecknoglobals // a table

// Append encodes the version (docs/formats/image.md): a head, the pages as they are in memory, and a checksum.
func (v *Version) Append(dst []byte) []byte {
	at := len(dst)
	dst = append(dst, imageMagic...)
	dst = append(dst, byte(len(v.apex)))
	dst = append(dst, v.apex...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(v.records))
	count := 0
	for range v.tree.Pages {
		count++
	}
	dst = slices.Grow(dst, 4+v.size+4*count+imageTrailer)
	dst = binary.BigEndian.AppendUint32(dst, uint32(count))
	for p := range v.tree.Pages {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(p)))
		dst = append(dst, p...)
	}
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[at:], castagnoli))
}

// Decode reads what Append wrote. It checks the sum and every page, so that a version that it returns can be searched
// without a check; it keeps no reference to b.
func Decode(b []byte) (*Version, error) {
	if len(b) < len(imageMagic)+1+imageTrailer || string(b[:len(imageMagic)]) != imageMagic {
		return nil, fmt.Errorf("%w: no image", page.ErrCodec)
	}
	body := b[:len(b)-imageTrailer]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(b[len(body):]) {
		return nil, fmt.Errorf("%w: the checksum does not fit", page.ErrCodec)
	}
	return decodeBody(body[len(imageMagic):])
}

// decodeBody is Decode without the checksum, the part that is fuzzed.
func decodeBody(b []byte) (*Version, error) {
	n := int(b[0])
	if len(b) < 1+n+12 {
		return nil, page.Malformed("it ends early")
	}
	apex, err := wire.NameFromWire(b[1 : 1+n])
	if err != nil {
		return nil, fmt.Errorf("%w: apex: %w", page.ErrCodec, err)
	}
	b = b[1+n:]
	v := &Version{apex: apex, records: int(binary.BigEndian.Uint64(b))}
	count := int(binary.BigEndian.Uint32(b[8:]))
	b = b[12:]
	if count == 0 || count > len(b)/(4+page.HeadSize) {
		return nil, page.Malformed("page count")
	}
	pages := make([]page.Page, 0, count)
	c := page.NewChecker(apex)
	for range count {
		if len(b) < 4 || uint64(len(b)-4) < uint64(binary.BigEndian.Uint32(b)) {
			return nil, page.Malformed("it ends early")
		}
		size := binary.BigEndian.Uint32(b)
		p := page.Page(bytes.Clone(b[4 : 4+size]))
		b = b[4+size:]
		if err := c.Page(p); err != nil {
			return nil, err
		}
		pages = append(pages, p)
	}
	records, err := c.Finish()
	switch {
	case err != nil:
		return nil, err
	case len(b) > 0 || records != v.records:
		return nil, page.Malformed("record count or end")
	}
	return finish(v, pages)
}
