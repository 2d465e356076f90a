package face

import (
	"cmp"
	"hash/fnv"
	"net/netip"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// edgePerFamily is how many edge addresses of each family stand in for a proxied record.
const edgePerFamily = 2

// proxied says whether the address records of a name act proxied: one that is makes all of them so. Without any edge
// address (the operator took the pool away after the records were made) they are answered as they are, because a name
// without an answer would be worse.
func (c *Context) proxied(rows []*model.Record) bool {
	if c.DNSOnly || len(c.Pool) == 0 {
		return false
	}
	return slices.ContainsFunc(rows, func(r *model.Record) bool { return r.Proxied })
}

// hidden renders proxied address records.
func (c *Context) hidden(n *Name, rest []rr.Set, addrs []*model.Record) Faces {
	shown := with(rest, c.edge(n.Owner, addrs)...)
	if c.Zone.Mode == model.ModeEdge {
		return Faces{shown, shown}
	}
	origin := sets(n.Owner, addrs)
	for i := range origin {
		origin[i].TTL = autoTTL
	}
	return Faces{Served: shown, Transfer: with(rest, origin...)}
}

// edge chooses the addresses that stand in for the proxied records of a name. Each address of the pool is weighed with
// the name and the heaviest win (rendezvous hashing): the choice is the same on every node, and when the pool changes
// only names that lose an address move.
func (c *Context) edge(owner wire.Name, rows []*model.Record) []rr.Set {
	only4, only6 := false, false
	for _, r := range rows {
		if r.Proxied {
			only4 = only4 || r.Settings.IPv4Only
			only6 = only6 || r.Settings.IPv6Only
		}
	}
	v4, v6 := c.weigh(owner)
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

func (c *Context) weigh(owner wire.Name) (v4, v6 []weighed) {
	for _, a := range c.Pool {
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
