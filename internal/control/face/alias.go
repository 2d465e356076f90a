package face

import (
	"net/netip"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Flattens says whether the addresses of a CNAME's target are answered in its place.
func (c *Context) Flattens(r *model.Record) bool {
	return r.Type == wire.TypeCNAME && !c.proxied([]*model.Record{r}) &&
		(r.Name == c.Zone.Name || r.Settings.FlattenCNAME || c.Zone.Settings.FlattenAll)
}

// alias renders a CNAME.
func (c *Context) alias(n *Name, rest []rr.Set, cname *model.Record, apex bool) Faces {
	self := sets(n.Owner, []*model.Record{cname})
	if apex {
		self = with(rest, self...)
	}
	edgeMode := c.Zone.Mode == model.ModeEdge
	switch {
	case c.proxied([]*model.Record{cname}):
		shown := with(rest, c.edge(n.Owner, []*model.Record{cname})...)
		if edgeMode {
			return Faces{shown, shown}
		}
		return Faces{Served: shown, Transfer: self}
	case !c.Flattens(cname):
		return Faces{self, self}
	}
	known := c.look(n.Owner, cname)
	f := Faces{Served: with(rest, flattenServed(n, cname, &known)...), Transfer: self}
	if edgeMode && (apex || c.Zone.Settings.FlattenAll) {
		f.Transfer = flattenTransfer(n, cname, &known, rest)
	}
	return f
}

// look asks what is known of a CNAME's target, and tells that it is wanted.
func (c *Context) look(owner wire.Name, cname *model.Record) model.Flattened {
	target := wire.Name(cname.RData)
	c.Want(owner, target)
	return c.Lookup(target)
}

// flattenServed is what is answered in a CNAME's place: its target's addresses, or a mark that there is none, or that they
// are not known now. The name exists in any case, so that no wildcard takes its place.
func flattenServed(n *Name, cname *model.Record, known *model.Flattened) []rr.Set {
	switch known.State {
	case model.FlattenKnown:
		return orMark(n.Owner, addressSets(n.Owner, known.Addrs, flattenTTL(cname, known.TTL)))
	case model.FlattenUnknown:
		// After a start nothing has been looked up; what is answered already is the last good answer, be it that there is
		// no address.
		if n.Kept && !failing(n.Served) {
			return orMark(n.Owner, flattenedSets(n.Served, cname))
		}
	case model.FlattenFailed:
	}
	return standIn(n.Owner, zone.MarkFail)
}

// flattenTransfer is what secondaries get for a flattened name, in mode edge: the target's addresses, as long as they are
// known. Without them it is the CNAME, by which resolvers find out for themselves, and the name exists. Where that cannot
// stand, at the apex and beside others, secondaries have the name anyhow, and it is nothing if there is no address, and
// the last addresses while the target cannot be looked up: a zone cannot tell of a failure.
func flattenTransfer(n *Name, cname *model.Record, known *model.Flattened, rest []rr.Set) []rr.Set {
	alone := len(rest) == 0 // at the apex the zone's own name servers stand beside
	addrs := addressSets(n.Owner, known.Held, flattenTTL(cname, known.HeldTTL))
	if len(addrs) == 0 && known.HeldState != model.FlattenKnown && n.Kept {
		addrs = flattenedSets(n.Transfer, cname)
	}
	if alone && (len(addrs) == 0 || known.HeldState == model.FlattenFailed) {
		return sets(n.Owner, []*model.Record{cname})
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

// Remembered is what versions tell of the target that a name was flattened to: its addresses, or nothing.
func Remembered(v Versions, owner wire.Name) (f model.Flattened) {
	f.Addrs, f.TTL = addresses(v.Served.Data(owner))
	f.Held, f.HeldTTL = addresses(v.Transfer.Data(owner))
	if len(f.Addrs) > 0 {
		f.State = model.FlattenKnown
	}
	if len(f.Held) > 0 {
		f.HeldState = model.FlattenKnown
	}
	return f
}

// addresses are those of RRsets, with the lowest TTL of them.
func addresses(sets []rr.Set) (out []netip.Addr, ttl uint32) {
	for _, s := range sets {
		if !isAddress(s.Type) {
			continue
		}
		if ttl == 0 || s.TTL < ttl {
			ttl = s.TTL
		}
		for _, d := range s.Data {
			if a, ok := netip.AddrFromSlice(d); ok {
				out = append(out, a)
			}
		}
	}
	return out, ttl
}
