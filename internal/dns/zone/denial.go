package zone

import (
	"crypto/sha1" // the only hash of NSEC3 (RFC 5155 section 11)
	"encoding/base32"
	"encoding/binary"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
)

// denial is how a version proves that something is not there: by NSEC, by NSEC3, or not at all.
type denial struct {
	kind       denialKind
	iterations int
	salt       []byte
}

type denialKind uint8

const (
	unproved denialKind = iota
	byName
	byHash
)

// maxIterations bounds the work of one answer. Validators take a zone with more for unsigned, or fail (RFC 9276 section 3.2);
// so nothing is lost by leaving the proof out.
const maxIterations = 150

// denialOf reads from the apex how absence is proved. An NSEC3PARAM says that the chain is whole (RFC 5155 section 4); with
// flags it is not yet.
func (v *Version) denialOf(apex page.Entry) denial {
	if v.signing.sigs == 0 {
		return denial{}
	}
	if params, ok := apex.Set(wire.TypeNSEC3PARAM, v.apex); ok && v.signing.hashed != nil {
		for it := params.Iter(); it.Next(); {
			d, _ := it.Raw()
			if len(d) < 5 || d[0] != 1 || d[1] != 0 || len(d) != 5+int(d[4]) {
				continue
			}
			if n := int(binary.BigEndian.Uint16(d[2:])); n <= maxIterations {
				return denial{kind: byHash, iterations: n, salt: d[5:]}
			}
		}
	}
	if _, ok := apex.Find(wire.TypeNSEC); ok {
		return denial{kind: byName}
	}
	return denial{}
}

// Proves says whether the version can prove that something is not there, and Hashes whether it does so by NSEC3.
func (v *Version) Proves() bool { return v.signing != nil && v.signing.denial.kind != unproved }

// Hashes says whether proofs are NSEC3 records.
func (v *Version) Hashes() bool { return v.signing != nil && v.signing.denial.kind == byHash }

// Proof is an NSEC or NSEC3 record. It is meant to be reused, and holds views into the version.
type Proof struct {
	Set RRset
	// Ready is the record with its signatures as it stands in messages, if it is the NSEC of the apex; nil elsewhere.
	Ready *wire.Ready

	e    page.Entry
	apex wire.Name
	path page.Path
	name [wire.MaxName + 255]byte // a name and the salt
}

// AppendOwner appends the record's owner.
func (p *Proof) AppendOwner(dst []byte) []byte { return page.AppendName(dst, p.e.Key(), p.apex) }

// Signatures are those at the record's owner.
func (p *Proof) Signatures() RRset {
	s, _ := p.e.Set(wire.TypeRRSIG, p.apex)
	return s
}

// ID tells records of one version apart.
func (p *Proof) ID() *byte { return &p.e[0] }

// Missing is Before for the name that m says is not there, or not with the type asked for, without another search.
func (p *Proof) Missing(v *Version, m *Match) bool { return p.from(v, m.before, m.beforeAt) }

// MissingWildcard is Missing for the wildcard below m's closest encloser.
func (p *Proof) MissingWildcard(v *Version, m *Match) bool { return p.from(v, m.star, m.starAt) }

// Before finds the NSEC record of name, or the last one before it, which covers it. name is in the zone, in lower case.
func (p *Proof) Before(v *Version, name []byte) bool {
	p.path.Set(name, len(name)-len(v.apex))
	e, at, _ := v.tree.Locate(p.path.Key[:], p.path.N)
	return p.from(v, e, at)
}

// from finds the NSEC record of an entry, which stands at a position, or the last one before it.
func (p *Proof) from(v *Version, e page.Entry, at page.Position) bool {
	p.apex = v.apex
	if p.take(v, e) {
		return true
	}
	// Names without a record of their own: empty non-terminals, of which there are a few in a row at most, and what is below
	// a delegation, of which there may be much, so that one goes to the delegation at once.
	if cut := e.Cut(); cut > 0 && cut < e.KeyLen() {
		e, at, _ = v.tree.Get(e.Key()[:cut])
		if p.take(v, e) {
			return true
		}
	}
	found := false
	v.tree.Before(at, func(e page.Entry) bool {
		if cut := e.Cut(); cut > 0 && cut < e.KeyLen() {
			e, _, _ = v.tree.Get(e.Key()[:cut])
		}
		found = p.take(v, e)
		return !found
	})
	return found
}

// take takes an entry's NSEC.
func (p *Proof) take(v *Version, e page.Entry) (ok bool) {
	if cut := e.Cut(); cut > 0 && cut < e.KeyLen() {
		return false
	}
	if p.Set, ok = e.Set(wire.TypeNSEC, v.apex); !ok {
		return false
	}
	if p.e, p.Ready = e, nil; e.KeyLen() == 0 {
		p.Ready = &v.signing.nsec
	}
	return true
}

//nolint:gochecknoglobals // a constant in all but name
var base32hex = base32.HexEncoding.WithPadding(base32.NoPadding)

// Hash finds the NSEC3 record that matches name, or the one that covers its hash, and says which. name is in lower case.
func (p *Proof) Hash(v *Version, name []byte) (matches, ok bool) {
	d := &v.signing.denial
	n := copy(p.name[:], name)
	n += copy(p.name[n:], d.salt)
	h := sha1.Sum(p.name[:n])
	for range d.iterations {
		n = copy(p.name[:], h[:])
		n += copy(p.name[n:], d.salt)
		h = sha1.Sum(p.name[:n])
	}
	var label [32]byte
	base32hex.Encode(label[:], h[:])
	for i, c := range label {
		if c >= 'A' {
			label[i] = c | 0x20
		}
	}
	copy(p.path.Key[:], label[:])
	clear(p.path.Key[len(label) : len(label)+9])
	p.path.N = len(label) + 1
	e, _, exact := v.signing.hashed.Locate(p.path.Key[:], p.path.N)
	if e.KeyLen() == 0 {
		e = v.signing.hashed.Last() // the chain is a ring
	}
	p.e, p.apex, p.Ready = e, v.apex, nil
	p.Set, ok = e.Set(wire.TypeNSEC3, v.apex)
	return exact && ok, ok
}
