package zone

import (
	"bytes"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
)

// What stands next to a name, for who signs a version. Names without RRsets, which exist only because of others below them,
// are passed over.

// Before gives the last name with RRsets before owner in canonical order; there is none before the apex.
func (v *Version) Before(owner wire.Name) (name wire.Name, ok bool) {
	if !owner.Within(v.apex) || owner == v.apex {
		return "", false
	}
	key := page.AppendKey(nil, owner, v.apex)
	e, at, exact := v.tree.Get(key)
	found := func(e page.Entry) bool {
		if ok = e.Sets() > 0; ok {
			name = v.name(e)
		}
		return !ok
	}
	if exact || found(e) {
		v.tree.Before(at, found)
	}
	return name, ok
}

// After gives the first name with RRsets behind owner, and if past is set, behind all names below owner as well.
func (v *Version) After(owner wire.Name, past bool) (name wire.Name, ok bool) {
	if !owner.Within(v.apex) {
		return "", false
	}
	key := page.AppendKey(nil, owner, v.apex)
	seek := key
	if past && len(key) > 0 {
		seek = append(bytes.Clone(key[:len(key)-1]), 1) // no key, behind all that begin with key, and before all others that follow
	}
	_, at, _ := v.tree.Get(seek)
	v.tree.After(at, func(e page.Entry) bool {
		if past && bytes.HasPrefix(e.Key(), key) {
			return true
		}
		if ok = e.Sets() > 0; ok {
			name = v.name(e)
		}
		return !ok
	})
	return name, ok
}

// Cut gives the delegation or DNAME nearest to the apex that owner is strictly below.
func (v *Version) Cut(owner wire.Name) (cut wire.Name, ok bool) {
	if !owner.Within(v.apex) {
		return "", false
	}
	key := page.AppendKey(nil, owner, v.apex)
	e, _, _ := v.tree.Get(key)
	n := e.CutAbove(key)
	if n == 0 {
		return "", false
	}
	return wire.Name(page.AppendName(nil, key[:n], v.apex)), true
}

// Scan yields the names with RRsets from one on in canonical order, their RRsets as Own gives them, and whether they are below a Cut.
func (v *Version) Scan(from wire.Name, yield func(owner wire.Name, sets []rr.Set, hidden bool) bool) {
	if !from.Within(v.apex) {
		return
	}
	visit := func(e page.Entry) bool {
		if e.Sets() == 0 {
			return true
		}
		owner := v.name(e)
		return yield(owner, e.Unpack(owner, v.apex), e.CutAbove(e.Key()) > 0)
	}
	if e, at, exact := v.tree.Get(page.AppendKey(nil, from, v.apex)); !exact || visit(e) {
		v.tree.After(at, visit)
	}
}

func (v *Version) name(e page.Entry) wire.Name {
	return wire.Name(page.AppendName(nil, e.Key(), v.apex))
}
