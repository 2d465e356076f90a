package xfr

import (
	"errors"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// form is a decided answer.
type form struct {
	kind  Kind
	state *zone.State
	chain []*zone.Delta
}

// stripped says whether a client is to have zones as they are without signing. Where it may be any of several peers all of them
// must want that: who signs nothing, and gets no signatures, answers what validators refuse.
func (c *Client) stripped() bool {
	peers := c.Peers()
	return len(peers) > 0 && !slices.ContainsFunc(peers, func(p zone.Peer) bool { return !p.Stripped })
}

// signing says whether a record is one that signing makes. Which ones are must not depend on a version: AXFR leaves them out, and
// so does IXFR, of versions and of all that lies between them.
func signing(t wire.Type, apex bool) bool {
	switch t {
	case wire.TypeRRSIG, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeNSEC3PARAM:
		return true
	case wire.TypeDNSKEY, wire.TypeCDS, wire.TypeCDNSKEY, wire.TypeZONEMD: // a digest is of the whole zone, signatures among it
		return apex
	}
	return false
}

// choose picks the form of the answer, before its first octet.
func choose(q *wire.Query, st *zone.State) form {
	f := form{kind: AXFR, state: st}
	if q.Type != wire.TypeIXFR {
		return f
	}
	serial := st.Transfer.Serial()
	if q.Serial == serial || wire.SerialNewer(q.Serial, serial) {
		f.kind = UpToDate
		return f
	}
	chain, ok := st.History.Since(q.Serial)
	if ok {
		chain = shorten(chain)
	}
	if !ok || sizeOf(chain) > st.Transfer.Size()+4096 {
		f.kind = Full // no history that far, or more of it than the zone itself
		return f
	}
	f.kind, f.chain = IXFR, chain
	return f
}

// shorten makes one delta of a chain that is small enough to be held twice.
func shorten(chain []*zone.Delta) []*zone.Delta {
	if len(chain) < 2 || sizeOf(chain) > condensed {
		return chain
	}
	one, err := zone.Condense(chain)
	if err != nil || one.Size() > sizeOf(chain) {
		return chain
	}
	return []*zone.Delta{one}
}

func sizeOf(chain []*zone.Delta) int {
	n := 0
	for _, d := range chain {
		n += d.Size()
	}
	return n
}

// pack writes the whole answer. The closing SOA comes last, so that nothing that fails before looks whole.
func (f *form) pack(p *packer) error {
	v := f.state.Transfer
	if err := p.soa(v); err != nil {
		return err
	}
	switch f.kind {
	case UpToDate, TooLarge:
		return p.finish()
	case IXFR:
		for _, d := range f.chain {
			if err := p.part(d.Removed); err != nil {
				return err
			}
			if err := p.part(d.Added); err != nil {
				return err
			}
		}
	default:
		if err := p.zone(v); err != nil {
			return err
		}
	}
	if err := p.soa(v); err != nil {
		return err
	}
	return p.finish()
}

// zone packs all of a version but its SOA.
func (p *packer) zone(v *zone.Version) error {
	for w := v.Walker(); w.Next(); {
		if w.Type == zone.TypeMark || w.Type == wire.TypeSOA && len(w.Key) == 0 {
			continue
		}
		if p.strip && signing(w.Type, len(w.Key) == 0) {
			continue
		}
		if err := p.record(w.Key, w.Type, w.TTL, w.RData, w.InZone); err != nil {
			return err
		}
	}
	return nil
}

// soa packs the SOA, which begins and ends what is sent.
func (p *packer) soa(v *zone.Version) error {
	s := v.SOASet()
	it := s.Iter()
	it.Next()
	rdata, inZone := it.Raw()
	return p.record(nil, s.Type, s.TTL, rdata, inZone)
}

// part packs one half of a delta.
func (p *packer) part(b []byte) error {
	for len(b) > 0 {
		raw, rest, err := wire.NextRR(b)
		if err != nil {
			return err
		}
		b = rest
		if p.strip && signing(raw.Type, len(raw.Owner) == len(p.apex)) {
			continue
		}
		if err := p.raw(raw); err != nil {
			return err
		}
	}
	return nil
}

// errDatagram ends packing that goes beyond one datagram.
var errDatagram = errors.New("the answer does not fit a datagram")

// one packs the answer into a single message of at most size octets, unsigned: what does not fit must not have been
// signed, for a signature is made from those before it.
func (f *form) one(p *packer, size int) ([]byte, error) {
	if f.kind == IXFR && sizeOf(f.chain) > 2*size {
		return nil, errDatagram // compression cannot halve it; and packing must not cost more than a datagram is worth
	}
	var whole collector
	p.w = &whole
	if err := f.pack(p); err != nil {
		return nil, err
	}
	if p.messages != 1 || len(whole)-2 > size {
		return nil, errDatagram
	}
	return whole[2:], nil
}

// collector keeps what is written.
type collector []byte

// Write never fails.
func (c *collector) Write(b []byte) (int, error) {
	*c = append(*c, b...)
	return len(b), nil
}
