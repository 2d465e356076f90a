package zone

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
)

// Errors of contents that cannot be a zone version, or of deltas that do not fit theirs.
var (
	ErrOutside = errors.New("the owner is not in the zone")
	ErrSOA     = errors.New("the apex must have exactly one SOA record")
	ErrDelta   = errors.New("the delta does not fit the version")
	ErrSize    = errors.New("an RRset has more than 65535 records, or one of more than 65535 octets")
	ErrData    = errors.New("record data does not have the shape of its type")
)

// Version is one immutable state of a zone's contents: a sorted sequence of packed pages under a small tree. Readers hold
// it for as long as they like; Apply shares with the new version whatever a delta does not touch.
type Version struct {
	apex    wire.Name
	tree    page.Tree
	size    int
	records uint32
	serial  uint32
	soa     uint32   // where the SOA RRset begins in the first entry
	dname   bool     // there is a DNAME at the apex: every name below is another's
	signing *signing // nil: the version has no signatures
}

// signing is what a version with signatures has beside its names.
type signing struct {
	sigs   int        // signatures among the records
	hashed *page.Tree // NSEC3 records and their signatures, which are at no names of the zone; nil for none
	denial denial     // how absence is proved

	// What denials have in common, each record with its signatures: the SOA under the time that it may be kept for (RFC 2308 section 5),
	// which its signatures have as well (RFC 9077 section 3), and the NSEC of the apex, which covers the wildcard there.
	soa, nsec wire.Ready
}

// Apex is the zone's name.
func (v *Version) Apex() wire.Name { return v.apex }

// Serial is the SOA's serial.
func (v *Version) Serial() uint32 { return v.serial }

// Records is the number of records.
func (v *Version) Records() int { return int(v.records) }

// Size is the length of all pages, in octets.
func (v *Version) Size() int { return v.size }

// SOA returns the apex SOA's RDATA in full and its ttl.
func (v *Version) SOA() (rdata []byte, ttl uint32) {
	soa := v.SOASet()
	it := soa.Iter()
	it.Next()
	return it.AppendFull(nil), soa.TTL
}

// SOASet is the SOA RRset itself: what negative answers and transfers write.
func (v *Version) SOASet() RRset { return page.MakeSet(v.tree.Apex()[v.soa:], v.apex) }

// SignedSOA is what negative answers of a version with signatures have of its SOA.
func (v *Version) SignedSOA() *wire.Ready { return &v.signing.soa }

// ApexSignatures are the signatures at the apex; none where there are none.
func (v *Version) ApexSignatures() RRset {
	s, _ := v.tree.Apex().Set(wire.TypeRRSIG, v.apex)
	return s
}

// seal fills in what readers want to have at hand, and wants the one SOA.
func (v *Version) seal() (*Version, error) {
	e := v.tree.Apex()
	at, ok := e.Find(wire.TypeSOA)
	if !ok || e.KeyLen() != 0 || page.MakeSet(e[at:], v.apex).Len() != 1 {
		return nil, ErrSOA
	}
	v.soa = uint32(at)
	rdata, _ := v.SOA()
	serial, err := wire.SOASerial(rdata)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSOA, err)
	}
	v.serial = serial
	_, v.dname = e.Find(wire.TypeDNAME)
	if v.signing != nil {
		if v.signing.sigs == 0 && v.signing.hashed == nil {
			v.signing = nil
			return v, nil
		}
		v.signing.denial = v.denialOf(e)
		v.prepare(e)
	}
	return v, nil
}

// prepare writes what denials have in common.
func (v *Version) prepare(apex page.Entry) {
	s := v.SOASet()
	s.TTL = s.NegativeTTL()
	v.signing.soa, v.signing.nsec = v.ready(apex, s), wire.Ready{}
	if nsec, ok := apex.Set(wire.TypeNSEC, v.apex); ok {
		v.signing.nsec = v.ready(apex, nsec)
	}
}

// ready writes an RRset of the apex and its signatures.
func (v *Version) ready(apex page.Entry, s RRset) (to wire.Ready) {
	for it := s.Iter(); it.Next(); {
		to.Add(s.Type, wire.ClassIN, s.TTL, it.AppendFull(nil))
	}
	sigs, _ := apex.Set(wire.TypeRRSIG, v.apex)
	for it := sigs.Iter(); it.Next(); {
		if raw, _ := it.Raw(); wire.SigCovers(raw) == s.Type {
			to.Add(wire.TypeRRSIG, wire.ClassIN, s.TTL, it.AppendFull(nil))
		}
	}
	return to
}

// Build makes a version from RRsets in any order; sets of one owner and type are merged under the lowest ttl. There must
// be one SOA at the apex.
func Build(apex wire.Name, sets []rr.Set) (*Version, error) {
	own, chain := partSets(sets)
	v := &Version{apex: apex, signing: &signing{}}
	named, err := place(own, apex)
	if err != nil {
		return nil, err
	}
	if len(named) == 0 || len(named[0].key) > 0 {
		return nil, ErrSOA
	}
	pages, err := v.pack(named)
	if err != nil {
		return nil, err
	}
	var hashed []page.Page
	if len(chain) > 0 {
		if named, err = place(chain, apex); err != nil {
			return nil, err
		}
		if hashed, err = v.pack(append([]owned{{}}, named...)); err != nil {
			return nil, err
		}
	}
	return finish(v, pages, hashed)
}

// place gives each set its key, in order of keys and types; empty sets are left out.
func place(sets []rr.Set, apex wire.Name) ([]owned, error) {
	named := make([]owned, 0, len(sets))
	arena := make([]byte, 0, 32*len(sets))
	for i := range sets {
		s := &sets[i]
		if !s.Owner.Within(apex) {
			return nil, fmt.Errorf("%w: %s", ErrOutside, s.Owner)
		}
		if len(s.Data) == 0 {
			continue
		}
		at := len(arena)
		arena = page.AppendKey(arena, s.Owner, apex)
		named = append(named, owned{key: arena[at:len(arena):len(arena)], set: s})
	}
	slices.SortFunc(named, func(a, b owned) int {
		if c := bytes.Compare(a.key, b.key); c != 0 {
			return c
		}
		return int(a.set.Type) - int(b.set.Type)
	})
	return named, nil
}

// pack makes pages of sets in order.
func (v *Version) pack(named []owned) ([]page.Page, error) {
	b := builder{v: v, packer: page.NewPacker()}
	for len(named) > 0 {
		n := 1
		for n < len(named) && bytes.Equal(named[n].key, named[0].key) {
			n++
		}
		if err := b.add(named[0].key, merge(named[:n])); err != nil {
			return nil, err
		}
		named = named[n:]
	}
	return b.packer.Whole(), nil
}

// owned is a set with its place; without one it is a name that has none.
type owned struct {
	key []byte
	set *rr.Set
}

// finish makes the trees over pages.
func finish(v *Version, pages, hashed []page.Page) (*Version, error) {
	v.size = page.Total(pages) + page.Total(hashed)
	v.tree = page.TreeOf(pages, v.Signed())
	if len(hashed) > 0 {
		t := page.TreeOf(hashed, v.Signed())
		v.signing.hashed = &t
	}
	return v.seal()
}

// merge joins the sets of one owner by type; they come in order of type.
func merge(named []owned) []rr.Set {
	out := make([]rr.Set, 0, len(named))
	for _, o := range named {
		if o.set == nil {
			continue
		}
		if n := len(out); n > 0 && out[n-1].Type == o.set.Type {
			out[n-1].TTL = min(out[n-1].TTL, o.set.TTL)
			out[n-1].Data = append(slices.Clip(out[n-1].Data), o.set.Data...)
			out[n-1].Normalize()
			continue
		}
		s := *o.set
		if s.Type == wire.TypeRRSIG {
			s.TTL = 0 // each has its own
		}
		if !slices.IsSortedFunc(s.Data, rr.Compare) || len(s.Data) > 1 {
			s.Data = slices.Clone(s.Data)
			s.Normalize()
		}
		out = append(out, s)
	}
	return out
}

// builder adds names in order, with the empty non-terminals and cuts between them.
type builder struct {
	v      *Version
	packer *page.Packer
	last   []byte // the key before
	cut    []byte // the delegation or DNAME that we are at or below, nil for none
}

func (b *builder) add(key []byte, sets []rr.Set) error {
	for i := range b.gaps(key) {
		b.put(page.MakeEntry(key[:i], b.cutOf(key[:i]), nil, b.v.apex))
	}
	for i := range sets {
		b.v.records += uint32(len(sets[i].Data))
		if sets[i].Type == wire.TypeRRSIG {
			b.v.signing.sigs += len(sets[i].Data)
		}
		if err := checkSet(&sets[i]); err != nil {
			return err
		}
	}
	cut := b.cutOf(key)
	e := page.MakeEntry(key, cut, sets, b.v.apex)
	if cut == 0 && page.Entry(e).IsCut() {
		b.cut = key
		page.Entry(e).SetCut(len(key))
	}
	b.put(e)
	b.last = key
	return nil
}

func (b *builder) put(e []byte) { b.packer.Add(e) }

func (b *builder) cutOf(key []byte) int {
	if b.cut != nil && bytes.HasPrefix(key, b.cut) {
		return len(b.cut)
	}
	return 0
}

// gaps yields the lengths of key's ancestors below the apex that have no entry yet: those that the key before does not
// share.
func (b *builder) gaps(key []byte) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range len(key) - min(1, len(key)) {
			if key[i] == 0 && !bytes.HasPrefix(b.last, key[:i+1]) && !yield(i+1) {
				return
			}
		}
	}
}

// checkSet holds a set against what an entry and a message can tell, and its records against the shape of their type.
func checkSet(s *rr.Set) error {
	if len(s.Data) > 0xffff {
		return fmt.Errorf("%w: %s %s", ErrSize, s.Owner, s.Type)
	}
	for _, d := range s.Data {
		if err := checkData(s.Type, d); err != nil {
			return fmt.Errorf("%w: %s %s", err, s.Owner, s.Type)
		}
	}
	return nil
}

// checkData wants RDATA of a type with names to have the shape of its type (other types may hold anything), so that what
// answers with it need not check.
func checkData(t wire.Type, d []byte) error {
	if len(d) > 0xffff || t == wire.TypeRRSIG && len(d) > 0x7fff { // a page marks a signature's length
		return ErrSize
	}
	var scratch [2 * wire.MaxName]byte // Canonical folds in place, and d is not ours
	if err := wire.Canonical(t, append(scratch[:0], d...)); err != nil {
		return fmt.Errorf("%w: %w", ErrData, err)
	}
	return nil
}

// Walker returns a Walker that stands before the first record.
func (v *Version) Walker() *Walker { return v.tree.Walker(v.hashed()) }

// Walk yields every RRset in canonical order of owners, the SOA where it stands in that order, and then the chain of NSEC3.
// owner is valid during the call only. The pseudo type TypeMark is yielded like any other.
func (v *Version) Walk(yield func(owner []byte, set RRset) bool) {
	if walkTree(&v.tree, v.apex, yield) && v.hashed() != nil {
		walkTree(v.hashed(), v.apex, yield)
	}
}

func walkTree(t *page.Tree, apex wire.Name, yield func(owner []byte, set RRset) bool) bool {
	var buf [wire.MaxName]byte
	for p := range t.Pages {
		for i := range p.Count() {
			e := p.Entry(i)
			if e.Sets() == 0 {
				continue
			}
			owner := page.AppendName(buf[:0], e.Key(), apex)
			if !e.Each(apex, func(s RRset) bool { return yield(owner, s) }) {
				return false
			}
		}
	}
	return true
}
