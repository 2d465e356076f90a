package primary

import (
	"cmp"
	"hash/fnv"
	"net/netip"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// edgePerFamily is how many edge addresses of each family stand in for a proxied record.
const edgePerFamily = 2

// proxied says whether the address records of a name act proxied: one that is makes all of them so. Without any edge
// address (the operator took the pool away after the records were made) they are answered as they are, because a name
// without an answer would be worse.
func (s *scene) proxied(rows []*model.Record) bool {
	if s.dnsOnly || len(s.pool) == 0 {
		return false
	}
	return slices.ContainsFunc(rows, func(r *model.Record) bool { return r.Proxied })
}

// hidden renders proxied address records.
func (s *scene) hidden(n *name, rest []rr.Set, addrs []*model.Record) faces {
	shown := with(rest, s.edge(n.owner, addrs)...)
	if s.zone.Mode == model.ModeEdge {
		return faces{shown, shown}
	}
	origin := sets(n.owner, addrs)
	for i := range origin {
		origin[i].TTL = autoTTL
	}
	return faces{served: shown, transfer: with(rest, origin...)}
}

// alias renders a CNAME.
func (s *scene) alias(n *name, rest []rr.Set, cname *model.Record, apex bool) faces {
	self := sets(n.owner, []*model.Record{cname})
	if apex {
		self = with(rest, self...)
	}
	edgeMode := s.zone.Mode == model.ModeEdge
	switch {
	case s.proxied([]*model.Record{cname}):
		shown := with(rest, s.edge(n.owner, []*model.Record{cname})...)
		if edgeMode {
			return faces{shown, shown}
		}
		return faces{served: shown, transfer: self}
	case !s.flattens(cname):
		return faces{self, self}
	}
	known := s.look(n.owner, cname)
	f := faces{served: with(rest, flattenServed(n, cname, &known)...), transfer: self}
	if edgeMode && (apex || s.zone.Settings.FlattenAll) {
		f.transfer = flattenTransfer(n, cname, &known, rest)
	}
	return f
}

// look asks what is known of a CNAME's target, and tells that it is wanted.
func (s *scene) look(owner wire.Name, cname *model.Record) model.Flattened {
	target := wire.Name(cname.RData)
	s.want(owner, target)
	return s.lookup(target)
}

// flattenServed is what is answered in a CNAME's place: its target's addresses, or a mark that there is none, or that they
// are not known now. The name exists in any case, so that no wildcard takes its place.
func flattenServed(n *name, cname *model.Record, known *model.Flattened) []rr.Set {
	switch known.State {
	case model.FlattenKnown:
		return orMark(n.owner, addressSets(n.owner, known.Addrs, flattenTTL(cname, known.TTL)))
	case model.FlattenUnknown:
		// After a start nothing has been looked up; what is answered already is the last good answer, be it that there is
		// no address.
		if n.kept && !failing(n.served) {
			return orMark(n.owner, flattenedSets(n.served, cname))
		}
	case model.FlattenFailed:
	}
	return standIn(n.owner, zone.MarkFail)
}

// flattenTransfer is what secondaries get for a flattened name, in mode edge: the target's addresses, as long as they are
// known. Without them it is the CNAME, by which resolvers find out for themselves, and the name exists. Where that cannot
// stand, at the apex and beside others, secondaries have the name anyhow, and it is nothing if there is no address, and
// the last addresses while the target cannot be looked up: a zone cannot tell of a failure.
func flattenTransfer(n *name, cname *model.Record, known *model.Flattened, rest []rr.Set) []rr.Set {
	alone := len(rest) == 0 // at the apex the zone's own name servers stand beside
	addrs := addressSets(n.owner, known.Held, flattenTTL(cname, known.HeldTTL))
	if len(addrs) == 0 && known.HeldState != model.FlattenKnown && n.kept {
		addrs = flattenedSets(n.transfer, cname)
	}
	if alone && (len(addrs) == 0 || known.HeldState == model.FlattenFailed) {
		return sets(n.owner, []*model.Record{cname})
	}
	return with(rest, addrs...)
}

// flattenTTL is the lower of the target's and the CNAME's own.
func flattenTTL(cname *model.Record, ttl uint32) uint32 { return min(max(ttl, 1), ttlOf(cname)) }

// standIn is what stands at a name in the served face where no address does.
func standIn(owner wire.Name, mark string) []rr.Set {
	return []rr.Set{{Owner: owner, Type: zone.TypeMark, Data: [][]byte{[]byte(mark)}}}
}

func orMark(owner wire.Name, addrs []rr.Set) []rr.Set {
	if len(addrs) == 0 {
		return standIn(owner, zone.MarkNone)
	}
	return addrs
}

// failing says whether a name is answered with SERVFAIL.
func failing(sets []rr.Set) bool {
	return slices.ContainsFunc(sets, func(s rr.Set) bool { return zone.Fails(&s) })
}

// flattenedSets picks the addresses that an earlier flattening has put at a CNAME's place.
func flattenedSets(sets []rr.Set, cname *model.Record) []rr.Set {
	var out []rr.Set
	for _, set := range sets {
		if isAddress(set.Type) {
			set.TTL = flattenTTL(cname, set.TTL)
			out = append(out, set)
		}
	}
	return out
}

// edge chooses the addresses that stand in for the proxied records of a name. Each address of the pool is weighed with
// the name and the heaviest win (rendezvous hashing): the choice is the same on every node, and when the pool changes
// only names that lose an address move.
func (s *scene) edge(owner wire.Name, rows []*model.Record) []rr.Set {
	only4, only6 := false, false
	for _, r := range rows {
		if r.Proxied {
			only4 = only4 || r.Settings.IPv4Only
			only6 = only6 || r.Settings.IPv6Only
		}
	}
	v4, v6 := s.weigh(owner)
	switch { // a family that the pool lacks cannot be all there is: a name without an answer would be worse
	case only4 && !only6 && len(v4) > 0:
		v6 = nil
	case only6 && !only4 && len(v6) > 0:
		v4 = nil
	}
	var chosen []netip.Addr
	for _, family := range [][]weighed{v4, v6} {
		slices.SortFunc(family, func(a, b weighed) int {
			return cmp.Or(cmp.Compare(b.weight, a.weight), a.addr.Compare(b.addr))
		})
		for _, w := range family[:min(edgePerFamily, len(family))] {
			chosen = append(chosen, w.addr)
		}
	}
	return addressSets(owner, chosen, autoTTL)
}

// weighed is an edge address with its weight for one name.
type weighed struct {
	addr   netip.Addr
	weight uint64
}

func (s *scene) weigh(owner wire.Name) (v4, v6 []weighed) {
	for _, a := range s.pool {
		h := fnv.New64a()
		_, _ = h.Write([]byte(owner)) // a hash never fails
		_, _ = h.Write(a.AsSlice())
		w := weighed{a, h.Sum64()}
		if a.Is4() {
			v4 = append(v4, w)
		} else {
			v6 = append(v6, w)
		}
	}
	return v4, v6
}

// addressSets makes the A and AAAA RRsets of a name.
func addressSets(owner wire.Name, addrs []netip.Addr, ttl uint32) []rr.Set {
	v4 := rr.Set{Owner: owner, Type: wire.TypeA, TTL: ttl}
	v6 := rr.Set{Owner: owner, Type: wire.TypeAAAA, TTL: ttl}
	for _, a := range addrs {
		if a.Is4() {
			v4.Data = append(v4.Data, a.AsSlice())
			continue
		}
		v6.Data = append(v6.Data, a.AsSlice())
	}
	var out []rr.Set
	for _, set := range []rr.Set{v4, v6} {
		if len(set.Data) > 0 {
			set.Data = canonical(set.Data)
			out = append(out, set)
		}
	}
	return out
}
