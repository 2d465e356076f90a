package face

import (
	"bytes"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// autoTTL is what a TTL of 1, and everything proxied, is answered with.
const autoTTL = 300

// Render turns the rows at one name into RRsets.
//
//	                          served                  transfer, origin          transfer, edge
//	plain                     as is                   as is                     as is
//	proxied address           edge addresses          the origin's, ttl 300     edge addresses
//	proxied CNAME             edge addresses          the CNAME, ttl 300        edge addresses
//	CNAME at apex             target's addresses      the CNAME                 target's addresses
//	CNAME, flatten_all        target's addresses      the CNAME                 target's addresses or the CNAME
//	CNAME, flatten_cname      target's addresses      the CNAME                 the CNAME
//
// Where a face shows a CNAME below the apex it shows nothing else at the name: RFC 2181 section 10.1 allows no neighbours,
// and secondaries refuse a zone that has them. At the apex SOA and NS cannot be left out, so nothing else is either.
func (c *Context) Render(n *Name) Faces {
	apex := n.Owner == c.Zone.Name
	if len(n.Rows) == 1 && !apex && isAddress(n.Rows[0].Type) && !c.proxied(n.Rows) { // as nearly all
		one := sets(n.Owner, n.Rows)
		return Faces{one, one}
	}
	rest, addrs, cname := c.split(n, apex)
	switch {
	case cname != nil:
		return c.alias(n, rest, cname, apex)
	case c.proxied(addrs):
		return c.hidden(n, rest, addrs)
	}
	both := append(rest, sets(n.Owner, addrs)...)
	return Faces{both, both}
}

// split parts the rows of a name: RRsets that look the same in both faces, address records, and the CNAME.
func (c *Context) split(n *Name, apex bool) (rest []rr.Set, addrs []*model.Record, cname *model.Record) {
	var others []*model.Record
	for _, r := range n.Rows {
		switch {
		case r.Type == wire.TypeCNAME:
			cname = r
		case isAddress(r.Type):
			addrs = append(addrs, r)
		case r.Type == wire.TypeNS && apex && !c.Zone.Settings.MultiProvider:
			// kept in the rows, ignored in the DNS
		default:
			others = append(others, r)
		}
	}
	rest = sets(n.Owner, others)
	if apex {
		rest = c.digested(n.Transfer, c.keys(c.assigned(rest)))
	}
	return rest, addrs, cname
}

// assigned adds the zone's own name servers to the apex NS.
func (c *Context) assigned(sets []rr.Set) []rr.Set {
	own := rr.Set{Owner: c.Zone.Name, Type: wire.TypeNS, TTL: or(c.Zone.InForce().NSTTL, model.DefaultSettings().NSTTL)}
	for _, host := range c.Zone.NS() {
		if n, err := wire.ParseName(host); err == nil { // checkSettings has let no other in
			own.Data = append(own.Data, []byte(n))
		}
	}
	for i := range sets {
		if sets[i].Type == wire.TypeNS {
			sets[i].TTL = min(sets[i].TTL, own.TTL)
			sets[i].Data = canonical(append(sets[i].Data, own.Data...))
			return sets
		}
	}
	own.Data = canonical(own.Data)
	return append(sets, own)
}

// sets groups records of one owner into RRsets with the lowest TTL of each (RFC 2181 section 5.2).
func sets(owner wire.Name, rows []*model.Record) []rr.Set {
	if len(rows) == 1 {
		r, one := rows[0], new(struct {
			set  [1]rr.Set
			data [1][]byte
		})
		one.data[0] = r.RData
		one.set[0] = rr.Set{Owner: owner, Type: r.Type, TTL: ttlOf(r), Data: one.data[:]}
		return one.set[:]
	}
	var out []rr.Set
	for _, r := range rows {
		i := slices.IndexFunc(out, func(s rr.Set) bool { return s.Type == r.Type })
		if i < 0 {
			i = len(out)
			out = append(out, rr.Set{Owner: owner, Type: r.Type, TTL: ttlOf(r)})
		}
		out[i].TTL = min(out[i].TTL, ttlOf(r))
		out[i].Data = append(out[i].Data, r.RData)
	}
	for i := range out {
		out[i].Data = canonical(out[i].Data)
	}
	return out
}

func isAddress(t wire.Type) bool { return t == wire.TypeA || t == wire.TypeAAAA }

func ttlOf(r *model.Record) uint32 {
	if r.TTL <= 1 {
		return autoTTL
	}
	return r.TTL
}

// canonical sorts RDATA as RFC 4034 section 6.3 says and leaves out duplicates.
func canonical(data [][]byte) [][]byte {
	slices.SortFunc(data, bytes.Compare)
	return slices.CompactFunc(data, bytes.Equal)
}

// with appends to a copy, so that the faces never share a slice that one of them grows.
func with(sets []rr.Set, more ...rr.Set) []rr.Set {
	return append(slices.Clip(sets), more...)
}
