package zone

import (
	"bytes"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Below yields the names strictly below owner that have RRsets, in canonical order, until yield says no. A name is valid
// during the call only.
func (v *Version) Below(owner wire.Name, yield func(name []byte) bool) {
	if !owner.Within(v.apex) {
		return
	}
	var p path
	p.set([]byte(owner), len(owner)-len(v.apex))
	var buf [wire.MaxName]byte
	_, at, _ := v.tree.locate(p.key[:], p.n)
	v.tree.after(at, func(e entry) bool {
		if !bytes.HasPrefix(e.key(), p.bytes()) {
			return false
		}
		return e.sets() == 0 || yield(appendName(buf[:0], e.key(), v.apex))
	})
}
