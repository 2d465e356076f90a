package zone

import (
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// DecodeUnsummed is Decode for a fuzzer that cannot guess checksums.
func DecodeUnsummed(b []byte) (*Version, error) {
	if len(b) < len(imageMagic)+1+imageTrailer {
		return nil, ErrCodec
	}
	return decodeBody(b[len(imageMagic):len(b)-imageTrailer], b[3] == 2)
}

// Probes is how many slots a look for a name's zone and for its id pass, the one that ends it included.
func (db *DB) Probes(name wire.Name, id string) (byName, byID int) {
	t := db.table.Load()
	mask := uint64(len(t.slots) - 1)
	for i := t.hash([]byte(name)) & mask; ; i = (i + 1) & mask {
		byName++
		if z := t.slots[i].Load(); z == nil || z.Name == name {
			break
		}
	}
	ids := db.byID.Load()
	mask = uint64(len(ids.slots) - 1)
	for i := ids.hash(id) & mask; ; i = (i + 1) & mask {
		byID++
		if z := ids.slots[i].Load(); z == nil || z.ID == id {
			return byName, byID
		}
	}
}
