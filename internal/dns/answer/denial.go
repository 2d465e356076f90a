package answer

import (
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// maxProofs bounds the proofs of one answer: one for each alias that a wildcard made, and three at its end.
const maxProofs = maxChain + 4

// expansion is a name that a wildcard answered for: where in it its closest encloser begins.
type expansion struct {
	name     []byte
	encloser int
}

// signed writes the RRset of a match and, where they are wanted, its signatures; false means that not all fit, and nothing
// was written. A question for signatures gets those of one type (RFC 8482 section 7: as for ANY).
func (r *Responder) signed(owner place, m *zone.Match) bool {
	s := &m.Set
	if s.Type == wire.TypeRRSIG {
		it := s.Iter()
		it.Next()
		first, _ := it.Raw()
		return r.signatures(owner, wire.SigCovers(first), it.TTL(), *s)
	}
	before := r.b.Mark()
	if !r.set(owner, s) {
		return false
	}
	if !r.do {
		return true
	}
	if sigs, ok := m.RRset(wire.TypeRRSIG); ok && !r.signatures(owner, s.Type, s.TTL, sigs) {
		r.b.Rewind(before)
		return false
	}
	return true
}

// signatures writes the signatures that cover a type, under the TTL of what they cover; false means that they did not all
// fit and none was written.
func (r *Responder) signatures(owner place, covers wire.Type, ttl uint32, sigs zone.RRset) bool {
	before := r.b.Mark()
	for it := sigs.Iter(); it.Next(); {
		if raw, _ := it.Raw(); wire.SigCovers(raw) != covers {
			continue
		}
		buf := r.b.BeginAt(owner.labels, owner.at, wire.TypeRRSIG, wire.ClassIN, ttl)
		if !r.b.EndRR(before, it.AppendRData(buf, r.apex)) { // takes all of them back
			return false
		}
	}
	return true
}

// expanded notes that a wildcard made a part of the answer.
func (r *Responder) expanded(name []byte) {
	if r.do && r.m.Wildcard && (r.m.Kind == zone.Hit || r.m.Kind == zone.CNAME) {
		r.wild[r.nWild] = expansion{name: name, encloser: r.m.Owner}
		r.nWild++
	}
}

// expansions proves of each name that a wildcard answered for that nothing matches it better (RFC 4035 section 3.1.3.3, RFC
// 5155 section 7.2.6). Where the last RRset has its data is not forgotten by it.
func (r *Responder) expansions(v *zone.Version) bool {
	if r.nWild == 0 || !v.Proves() {
		return true
	}
	places := r.rdata
	r.b.Section(wire.SectionAuthority)
	for _, x := range r.wild[:r.nWild] {
		if v.Hashes() {
			if !r.byHash(v, x.name[labelBefore(x.name, x.encloser):]) {
				return false
			}
		} else if !r.byName(v, x.name) {
			return false
		}
	}
	r.nWild, r.rdata = 0, places
	return true
}

// deny proves what r.m says of name: that it is not there, or not with that type.
func (r *Responder) deny(v *zone.Version, name []byte) bool {
	if !v.Proves() {
		return true
	}
	m := r.m
	switch {
	case !v.Hashes() && m.Kind == zone.NXDomain, !v.Hashes() && m.Wildcard:
		// Nothing matches better than the wildcard; and that is not there either, or not with the type.
		tooLong := len(name)-m.Owner+wildcardLen > wire.MaxName
		return r.missing(r.proof.Missing(v, m)) && (tooLong || r.missing(r.proof.MissingWildcard(v, m)))
	case !v.Hashes():
		return r.missing(r.proof.Missing(v, m))
	case m.Kind == zone.NXDomain, m.Wildcard:
		encloser, ok := r.closest(v, name, m.Owner)
		return ok && r.byHash(v, r.wildcard(encloser))
	default:
		return r.absent(v, name)
	}
}

// delegated adds what tells whether a delegation is signed: its DS, or the proof that it has none.
func (r *Responder) delegated(v *zone.Version, cut []byte, owner place) bool {
	if ds, ok := r.m.RRset(wire.TypeDS); ok {
		sigs, _ := r.m.RRset(wire.TypeRRSIG)
		return r.set(owner, &ds) && r.signatures(owner, ds.Type, ds.TTL, sigs)
	}
	switch {
	case !v.Proves():
		return true
	case v.Hashes():
		return r.absent(v, cut)
	}
	return r.byName(v, cut)
}

// absent proves by hashes that an existing name does not have a type. A delegation that is left out of the chain, and what is
// empty above such, is covered instead (RFC 5155 section 7.2.4).
func (r *Responder) absent(v *zone.Version, name []byte) bool {
	if matches, _ := r.proof.Hash(v, name); matches {
		return r.show()
	}
	if len(name) == len(r.zone) {
		return true
	}
	_, ok := r.closest(v, name, int(name[0])+1)
	return ok
}

// closest proves by hashes which ancestor of name is the closest that is known, and that the name below it is not (RFC 5155
// section 7.2.1). at is where that ancestor begins; it may be one further up where the chain leaves delegations out.
func (r *Responder) closest(v *zone.Version, name []byte, at int) (encloser []byte, ok bool) {
	for {
		if matches, _ := r.proof.Hash(v, name[at:]); matches {
			break
		}
		if len(name)-at <= len(r.zone) {
			return name[at:], true // a chain without its apex: there is nothing to prove with
		}
		at += int(name[at]) + 1
	}
	return name[at:], r.show() && (at == 0 || r.byHash(v, name[labelBefore(name, at):]))
}

// labelBefore is where the label in front of an ancestor begins.
func labelBefore(name []byte, ancestor int) int {
	at := 0
	for at+int(name[at])+1 < ancestor {
		at += int(name[at]) + 1
	}
	return at
}

// wildcardLen is by how much a wildcard is longer than the name that it stands below.
const wildcardLen = 2

// wildcard gives the wildcard below a name.
func (r *Responder) wildcard(encloser []byte) []byte {
	return append(append(r.hosts[1][:0], 1, '*'), encloser...)
}

// byName shows the NSEC at or before a name.
func (r *Responder) byName(v *zone.Version, name []byte) bool {
	return len(name) > wire.MaxName || !r.proof.Before(v, name) || r.show()
}

// missing shows r.proof if one was found.
func (r *Responder) missing(found bool) bool { return !found || r.show() }

// byHash shows the NSEC3 that matches or covers a name.
func (r *Responder) byHash(v *zone.Version, name []byte) bool {
	_, ok := r.proof.Hash(v, name)
	return !ok || r.show()
}

// show writes r.proof with its signatures, once; false means that it did not fit.
func (r *Responder) show() bool {
	id := r.proof.ID()
	if slices.Contains(r.shown[:r.nShown], id) {
		return true
	}
	if r.nShown < maxProofs {
		r.shown[r.nShown] = id
		r.nShown++
	}
	if r.proof.Ready != nil && r.apex != 0 {
		return r.b.Ready(r.proof.Ready, r.apex)
	}
	owner := r.place(r.proof.AppendOwner(r.hosts[0][:0]), maxPointer+1)
	s := &r.proof.Set
	return r.set(owner, s) && r.signatures(owner, s.Type, s.TTL, r.proof.Signatures())
}
