package primary

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// autoTTL is what a TTL of 1, and everything proxied, is answered with.
const autoTTL = 300

// scene is what the rendering of a zone depends on besides the rows.
type scene struct {
	zone    *model.Zone
	dnsOnly bool         // nothing acts as proxied
	pool    []netip.Addr // edge addresses, of both families
	lookup  func(target wire.Name) model.Flattened
	want    func(owner, target wire.Name)
}

// name is one owner to render: its rows, and what the two faces hold there now, for flattened names whose target nobody
// has looked up since the start. kept is false when the CNAME itself has changed.
type name struct {
	owner            wire.Name
	rows             []*model.Record
	served, transfer []rr.Set
	kept             bool
}

// faces are the RRsets of one owner as answered and as transferred, the SOA left out.
type faces struct{ served, transfer []rr.Set }

// render turns the rows at one name into RRsets.
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
func (s *scene) render(n *name) faces {
	apex := n.owner == s.zone.Name
	rest, addrs, cname := s.split(n, apex)
	switch {
	case cname != nil:
		return s.alias(n, rest, cname, apex)
	case s.proxied(addrs):
		return s.hidden(n, rest, addrs)
	}
	both := append(rest, sets(n.owner, addrs)...)
	return faces{both, both}
}

// split parts the rows of a name: RRsets that look the same in both faces, address records, and the CNAME.
func (s *scene) split(n *name, apex bool) (rest []rr.Set, addrs []*model.Record, cname *model.Record) {
	var others []*model.Record
	for _, r := range n.rows {
		switch {
		case r.Type == wire.TypeCNAME:
			cname = r
		case isAddress(r.Type):
			addrs = append(addrs, r)
		case r.Type == wire.TypeNS && apex && !s.zone.Settings.MultiProvider:
			// kept in the rows, ignored in the DNS
		default:
			others = append(others, r)
		}
	}
	rest = sets(n.owner, others)
	if apex {
		rest = s.assigned(rest)
	}
	return rest, addrs, cname
}

// assigned adds the zone's own name servers to the apex NS.
func (s *scene) assigned(sets []rr.Set) []rr.Set {
	own := rr.Set{Owner: s.zone.Name, Type: wire.TypeNS, TTL: s.zone.Settings.NSTTL}
	if own.TTL == 0 {
		own.TTL = model.DefaultSettings().NSTTL
	}
	for _, host := range s.zone.NS() {
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
