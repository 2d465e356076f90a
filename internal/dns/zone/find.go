package zone

import (
	"bytes"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
)

// Kind is how a name and type stand in a version: the outcomes of RFC 1034 section 4.3.2, a closed set.
type Kind uint8

// The outcomes of Find.
const (
	NXDomain   Kind = iota // the name does not exist
	NoData                 // the name exists (or a wildcard matches) without that type
	Hit                    // Set answers
	CNAME                  // Set is the name's CNAME, which is not the type asked for
	DNAME                  // the name is below the owner of the DNAME in Set
	Delegation             // the name is at or below the cut whose NS RRset is in Set
	Fail                   // the name's addresses are asked for, and not known now: answer SERVFAIL
)

// Match is what Find found. It is meant to be reused, and holds views into the version.
type Match struct {
	Kind Kind
	Set  RRset
	// Owner is where, in the name asked for, the owner of Set begins if that is an ancestor: the cut, or the DNAME's
	// owner; for NXDomain and wildcards the closest encloser.
	Owner int
	// Wildcard says that a wildcard made the match.
	Wildcard bool

	p    page.Path
	e    page.Entry // of the owner of Set, or of the name or wildcard without it
	apex wire.Name

	// Where the name, which is not there, and the wildcard would stand in a version with signatures: the last entries in front of them,
	// or the wildcard's own. A proof begins there. They are of use where Kind or Wildcard say that a search failed.
	before, star     page.Entry
	beforeAt, starAt page.Position

	search page.Search // of the name
	begun  *Version    // where that is on its way; nil: it is not
}

// Begin is the first step of Find, and Near the second, for who has something else to do while memory is read. Find need not come, but
// if it does, it is for the same name, which must be as it was.
func (v *Version) Begin(name []byte, m *Match) {
	m.begun = v
	m.p.Set(name, len(name)-len(v.apex))
	m.search.Begin(&v.tree, m.p.Key[:], m.p.N)
}

// Near is described with Begin.
func (m *Match) Near() {
	if m.begun != nil {
		m.search.Near(m.p.Key[:], m.p.N)
	}
}

// any takes the first RRset for a question of type ANY (RFC 8482 section 4.1): one of the zone's own, rather than what a
// signer added.
func (m *Match) any(apex wire.Name) {
	m.Kind = NoData
	m.e.Each(apex, func(s RRset) bool {
		if s.Type == TypeMark || m.Kind == Hit && s.Type.IsDNSSEC() {
			return true
		}
		m.Set, m.Kind = s, Hit
		return s.Type.IsDNSSEC()
	})
}

// Leave forgets what Begin has begun.
func (m *Match) Leave() { m.begun = nil }

// Find says how name (lower-case wire form, at or below the apex) and type t stand in the version. It allocates nothing.
func (v *Version) Find(name []byte, t wire.Type, m *Match) {
	m.Set, m.Owner, m.Wildcard, m.apex = RRset{}, 0, false, v.apex
	if m.begun != v {
		v.Begin(name, m)
	}
	m.begun = nil
	if v.dname && m.p.N > 0 {
		m.Kind, m.Owner = DNAME, len(name)-len(v.apex)
		m.e, m.apex = v.tree.Apex(), v.apex
		m.Set, _ = m.e.Set(wire.TypeDNAME, v.apex)
		return
	}
	e, at, exact := m.search.End(m.p.Key[:], m.p.N)
	if v.signing != nil {
		m.before, m.beforeAt = e, at
	}
	if exact {
		cut := e.Cut()
		if cut == 0 || cut == m.p.N && (t == wire.TypeDS || !v.delegated(e)) {
			m.e = e
			m.typed(v, t)
			return
		}
		v.below(cut, m)
		return
	}
	n, labels := m.p.Common(e.Key())
	if cut := e.Cut(); cut > 0 && cut <= n {
		v.below(cut, m)
		return
	}
	m.Owner = v.offset(name, &m.p, labels)
	v.wild(t, n, m)
}

// offset is where in the name its ancestor with that many labels below the apex begins.
func (v *Version) offset(name []byte, p *page.Path, labels int) int {
	if labels == 0 {
		return len(name) - len(v.apex)
	}
	return int(p.At[labels-1])
}

func (v *Version) delegated(e page.Entry) bool {
	_, ok := e.Set(wire.TypeNS, v.apex)
	return ok
}

// typed chooses among the RRsets of m.e.
func (m *Match) typed(v *Version, t wire.Type) {
	e := m.e
	if e.Sets() == 0 {
		m.Kind = NoData
		return
	}
	if s, ok := e.Set(t, v.apex); ok && t != TypeMark {
		m.Set, m.Kind = s, Hit
		return
	}
	if t == wire.TypeA || t == wire.TypeAAAA || t == wire.TypeANY {
		if s, ok := e.Set(TypeMark, v.apex); ok && s.Fails() {
			m.Kind = Fail
			return
		}
	}
	if s, ok := e.Set(wire.TypeCNAME, v.apex); ok && t != wire.TypeANY {
		m.Set, m.Kind = s, CNAME
		return
	}
	if t == wire.TypeANY {
		m.any(v.apex)
		return
	}
	m.Kind = NoData
}

// below fills m for a name at or below a cut: a delegation, or strictly below a DNAME.
func (v *Version) below(cut int, m *Match) {
	labels := 0
	for int(m.p.Ends[labels]) != cut {
		labels++
	}
	m.Owner = int(m.p.At[labels])
	e, _ := v.seek(&m.p, cut)
	m.e = e
	if s, ok := e.Set(wire.TypeNS, v.apex); ok {
		m.Set, m.Kind = s, Delegation
		return
	}
	m.Set, _ = e.Set(wire.TypeDNAME, v.apex)
	m.Kind = DNAME
}

// seek finds the entry of the path's first n octets.
func (v *Version) seek(p *page.Path, n int) (page.Entry, bool) {
	saved := [8]byte(p.Key[n : n+8])
	clear(p.Key[n : n+8])
	e, _, exact := v.tree.Locate(p.Key[:], n)
	copy(p.Key[n:], saved[:])
	return e, exact
}

// wild looks for a wildcard below the closest encloser, whose key is the path's first n octets (RFC 4592 section 3.3.1).
func (v *Version) wild(t wire.Type, n int, m *Match) {
	saved := [10]byte(m.p.Key[n : n+10])
	clear(m.p.Key[n : n+10])
	m.p.Key[n] = '*'
	var e page.Entry
	var at page.Position
	var exact, known bool
	if bytes.Compare(m.p.Key[n:n+2], saved[:2]) < 0 {
		e, at, exact, known = m.search.Aside(m.p.Key[:], n+2, n)
	}
	if !known {
		e, at, exact = v.tree.Locate(m.p.Key[:], n+2)
	}
	copy(m.p.Key[n:], saved[:])
	if v.signing != nil {
		m.star, m.starAt = e, at
	}
	if !exact {
		m.Kind = NXDomain
		return
	}
	m.e, m.Wildcard = e, true
	m.typed(v, t)
}

// At finds exactly name (lower-case wire form, at or below the apex), whatever cut it is below: what glue and additional
// addresses need. RRset then looks among its RRsets.
func (v *Version) At(name []byte, m *Match) bool {
	m.p.Set(name, len(name)-len(v.apex))
	e, _, exact := v.tree.Locate(m.p.Key[:], m.p.N)
	m.e, m.apex = e, v.apex
	return exact
}

// RRset gives another RRset of the owner of Set: signatures, or a delegation's DS. After At, it is one of the name found.
func (m *Match) RRset(t wire.Type) (RRset, bool) { return m.e.Set(t, m.apex) }
