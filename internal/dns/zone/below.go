package zone

import (
	"bytes"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
)

// Below yields the names strictly below owner that have RRsets, in canonical order, until yield says no. A name is valid
// during the call only.
func (v *Version) Below(owner wire.Name, yield func(name []byte) bool) {
	if !owner.Within(v.apex) {
		return
	}
	var p page.Path
	p.Set([]byte(owner), len(owner)-len(v.apex))
	var buf [wire.MaxName]byte
	_, at, _ := v.tree.Locate(p.Key[:], p.N)
	v.tree.After(at, func(e page.Entry) bool {
		if !bytes.HasPrefix(e.Key(), p.Bytes()) {
			return false
		}
		return e.Sets() == 0 || yield(page.AppendName(buf[:0], e.Key(), v.apex))
	})
}
