package dnssec_test

import (
	"bytes"
	"encoding/base32"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/btree"

	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// model is a version of a zone, as plain as can be: what signing sees of one, and what deltas are applied to.
type model struct {
	apex   wire.Name
	names  *btree.BTreeG[*node]
	hashed *btree.BTreeG[*node] // by owner: base32hex keeps the order of hashes
	// messy models have names below DNAMEs, which the rules on records do not let in.
	messy bool
}

type node struct {
	owner wire.Name
	sets  []rr.Set // in order of type
}

func newModel(apex wire.Name) *model {
	less := func(a, b *node) bool { return wire.Compare(a.owner, b.owner) < 0 }
	return &model{apex: apex, names: btree.NewBTreeG(less), hashed: btree.NewBTreeG(less)}
}

func (m *model) clone() *model {
	return &model{apex: m.apex, names: m.names.Copy(), hashed: m.hashed.Copy(), messy: m.messy}
}

func (m *model) Apex() wire.Name { return m.apex }

func (m *model) Sets(owner wire.Name) []rr.Set {
	if n, ok := m.names.Get(&node{owner: owner}); ok {
		return n.sets
	}
	return nil
}

func (m *model) Before(owner wire.Name) (name wire.Name, ok bool) {
	m.names.Descend(&node{owner: owner}, func(n *node) bool {
		if n.owner == owner {
			return true
		}
		name, ok = n.owner, true
		return false
	})
	return name, ok
}

func (m *model) After(owner wire.Name, past bool) (name wire.Name, ok bool) {
	m.names.Ascend(&node{owner: owner}, func(n *node) bool {
		if n.owner == owner || past && n.owner.Within(owner) {
			return true
		}
		name, ok = n.owner, true
		return false
	})
	return name, ok
}

func (m *model) Cut(owner wire.Name) (cut wire.Name, ok bool) {
	for n := owner; n != m.apex; {
		if n = n.Parent(); n == m.apex {
			break
		}
		for _, s := range m.Sets(n) {
			if s.Type == wire.TypeNS || s.Type == wire.TypeDNAME {
				cut, ok = n, true
			}
		}
	}
	return cut, ok
}

var base32hex = base32.HexEncoding.WithPadding(base32.NoPadding)

// hashOwner is the owner of a hash's NSEC3 record.
func hashOwner(apex wire.Name, h dnssec.Hash) wire.Name {
	n, _ := apex.Child(base32hex.EncodeToString(h[:]))
	return n
}

// hashOf is the hash in the owner of an NSEC3 record.
func hashOf(owner wire.Name) (h dnssec.Hash) {
	b, _ := base32hex.DecodeString(strings.ToUpper(string(owner[1:33])))
	return dnssec.Hash(b)
}

func (m *model) HashedSets(h dnssec.Hash) []rr.Set {
	if n, ok := m.hashed.Get(&node{owner: hashOwner(m.apex, h)}); ok {
		return n.sets
	}
	return nil
}

func (m *model) HashedBefore(h dnssec.Hash) (out dnssec.Hash, ok bool) {
	owner := hashOwner(m.apex, h)
	m.hashed.Descend(&node{owner: owner}, func(n *node) bool {
		if n.owner == owner {
			return true
		}
		out, ok = hashOf(n.owner), true
		return false
	})
	return out, ok
}

func (m *model) HashedAfter(h dnssec.Hash) (out dnssec.Hash, ok bool) {
	owner := hashOwner(m.apex, h)
	m.hashed.Ascend(&node{owner: owner}, func(n *node) bool {
		if n.owner == owner {
			return true
		}
		out, ok = hashOf(n.owner), true
		return false
	})
	return out, ok
}

// apply does a delta, strictly: what is removed must be there, and what is added must not.
func (m *model) apply(t *testing.T, d *dnssec.Delta) {
	t.Helper()
	for i, part := range [][]byte{d.Removed, d.Added} {
		for len(part) > 0 {
			raw, rest, err := wire.NextRR(part)
			if err != nil {
				t.Fatal(err)
			}
			part = rest
			m.change(t, raw, i == 1)
		}
	}
}

func (m *model) change(t *testing.T, raw wire.RawRR, add bool) {
	t.Helper()
	owner, tree := wire.Name(raw.Owner), m.names
	covers := wire.Type(0)
	if raw.Type == wire.TypeRRSIG {
		r, _ := dnssec.ParseRRSIG(raw.RData)
		covers = r.Covers()
		if r.TTL() != raw.TTL {
			t.Fatalf("%s RRSIG of %s has TTL %d, the RRset %d", owner, covers, raw.TTL, r.TTL())
		}
		raw.TTL = 0
	}
	if raw.Type == wire.TypeNSEC3 || covers == wire.TypeNSEC3 {
		tree = m.hashed
	}
	next := &node{owner: owner}
	if n, ok := tree.Get(next); ok {
		for _, s := range n.sets {
			s.Data = slices.Clone(s.Data)
			next.sets = append(next.sets, s)
		}
	}
	i, found := slices.BinarySearchFunc(next.sets, raw.Type, func(s rr.Set, t wire.Type) int { return int(s.Type) - int(t) })
	if !found {
		next.sets = slices.Insert(next.sets, i, rr.Set{Owner: owner, Type: raw.Type, TTL: raw.TTL})
	}
	s := &next.sets[i]
	j, have := slices.BinarySearchFunc(s.Data, raw.RData, rr.Compare)
	switch {
	case s.TTL != raw.TTL && len(s.Data) > 0, have == add:
		t.Fatalf("%s %s: added %v, there %v, ttl %d and %d", owner, raw.Type, add, have, raw.TTL, s.TTL)
	case add:
		s.TTL = raw.TTL
		s.Data = slices.Insert(s.Data, j, bytes.Clone(raw.RData))
	default:
		s.Data = slices.Delete(s.Data, j, j+1)
	}
	if len(s.Data) == 0 {
		next.sets = slices.Delete(next.sets, i, i+1)
	}
	if len(next.sets) == 0 {
		tree.Delete(next)
		return
	}
	tree.Set(next)
}

// put replaces an RRset; no data takes it away.
func (m *model) put(owner wire.Name, typ wire.Type, ttl uint32, data ...[]byte) {
	next := &node{owner: owner}
	for _, s := range m.Sets(owner) {
		if s.Type != typ {
			next.sets = append(next.sets, s)
		}
	}
	if len(data) > 0 {
		s := rr.Set{Owner: owner, Type: typ, TTL: ttl, Data: data}
		s.Normalize()
		next.sets = append(next.sets, s)
	}
	slices.SortFunc(next.sets, func(a, b rr.Set) int { return int(a.Type) - int(b.Type) })
	if len(next.sets) == 0 {
		m.names.Delete(next)
		return
	}
	m.names.Set(next)
}

// data is the model without what signing has added.
func (m *model) data() *model {
	out := newModel(m.apex)
	m.names.Scan(func(n *node) bool {
		for _, s := range n.sets {
			switch s.Type {
			case wire.TypeRRSIG, wire.TypeNSEC, wire.TypeNSEC3PARAM:
			default:
				out.put(n.owner, s.Type, s.TTL, s.Data...)
			}
		}
		return true
	})
	return out
}

// octets writes all of the model's records in order.
func (m *model) octets() []byte {
	var out []byte
	for _, tree := range []*btree.BTreeG[*node]{m.names, m.hashed} {
		tree.Scan(func(n *node) bool {
			for i := range n.sets {
				out = n.sets[i].AppendWire(out)
			}
			return true
		})
	}
	return out
}

// text writes the model as a zone file.
func (m *model) text() string {
	var out strings.Builder
	for _, tree := range []*btree.BTreeG[*node]{m.names, m.hashed} {
		tree.Scan(func(n *node) bool {
			for _, s := range n.sets {
				for _, d := range s.Data {
					ttl := s.TTL
					if s.Type == wire.TypeRRSIG {
						r, _ := dnssec.ParseRRSIG(d)
						ttl = r.TTL()
					}
					fmt.Fprintf(&out, "%s %d IN %s %s\n", n.owner, ttl, s.Type, rr.FormatData(s.Type, d))
				}
			}
			return true
		})
	}
	return out.String()
}

// bump raises the serial and gives the change's owners, of which the apex now is one.
func (m *model) bump() {
	for _, s := range m.Sets(m.apex) {
		if s.Type == wire.TypeSOA {
			d := bytes.Clone(s.Data[0])
			serial, _ := wire.SOASerial(d)
			wire.SetSOASerial(d, serial+1)
			m.put(m.apex, wire.TypeSOA, s.TTL, d)
		}
	}
}

var apex = wire.MustName("example.org")

// seeded is a small zone with what the keys are to be told of.
func seeded(t *testing.T, keys ...*dnssec.Key) *model {
	t.Helper()
	m := newModel(apex)
	m.put(apex, wire.TypeSOA, 3600, data(t, wire.TypeSOA, "ns.example.org. h.example.org. 1 7200 3600 604800 300"))
	m.put(apex, wire.TypeNS, 3600, data(t, wire.TypeNS, "ns.other.example."))
	m.put(wire.MustName("ns.example.org"), wire.TypeA, 60, []byte{192, 0, 2, 1})
	m.publish(keys...)
	return m
}

// publish makes the RRsets of keys.
func (m *model) publish(keys ...*dnssec.Key) {
	var dnskey, cds, cdnskey [][]byte
	for _, k := range keys {
		dnskey = append(dnskey, k.RData())
		if k.SEP() {
			cds, cdnskey = append(cds, k.DS(apex, dnssec.SHA256)), append(cdnskey, k.RData())
		}
	}
	m.put(apex, wire.TypeDNSKEY, 3600, dnskey...)
	m.put(apex, wire.TypeCDS, 3600, cds...)
	m.put(apex, wire.TypeCDNSKEY, 3600, cdnskey...)
}

// labels are few, so that names meet, and some are awkward. Only messy models have the last: Knot 3.2 sorts it wrongly.
var labels = []string{"a", "b", "c", "w", "*", "ns", "zz", `\000`, `\001`, `x\.y`, "_tcp", `b\000`}

// change makes one random change and gives the owners whose RRsets it touches.
func (m *model) random(t *testing.T, r *rand.Rand) []wire.Name {
	t.Helper()
	var touched []wire.Name
	for range 1 + r.IntN(3) {
		name := apex
		for range 1 + r.IntN(3) {
			choice := labels[:len(labels)-1]
			if m.messy {
				choice = labels
			}
			child, err := name.Child(strings.NewReplacer(`\000`, "\x00", `\001`, "\x01", `\.`, ".").Replace(choice[r.IntN(len(choice))]))
			if err != nil {
				t.Fatal(err)
			}
			name = child
		}
		if r.IntN(20) == 0 {
			name = apex
		}
		touched = append(touched, m.edit(t, r, name)...)
	}
	return touched
}

func (m *model) edit(t *testing.T, r *rand.Rand, name wire.Name) []wire.Name {
	t.Helper()
	ttl := []uint32{60, 300, 3600}[r.IntN(3)]
	addr := []byte{192, 0, 2, byte(r.IntN(4))}
	has := func(typ wire.Type) bool {
		return slices.ContainsFunc(m.Sets(name), func(s rr.Set) bool { return s.Type == typ })
	}
	if m.redirected(name) && !m.messy {
		return nil
	}
	special := has(wire.TypeNS) || has(wire.TypeCNAME) || has(wire.TypeDNAME)
	switch k := r.IntN(12); {
	case k < 2 && name != apex: // all of a name
		m.clear(name)
	case k == 2 && name != apex: // all of a subtree
		touched := []wire.Name{name}
		for n, ok := m.After(name, false); ok && n.Within(name); n, ok = m.After(n, false) {
			touched = append(touched, n)
		}
		for _, n := range touched {
			m.clear(n)
		}
		return touched
	case k == 3 && name != apex && !name.IsWildcard():
		m.clear(name)
		m.put(name, wire.TypeNS, ttl, data(t, wire.TypeNS, "ns.other.example."))
		if r.IntN(2) == 0 {
			m.put(name, wire.TypeDS, ttl, append([]byte{0, 1, 13, 2}, make([]byte, 32)...))
		}
	case k == 4 && has(wire.TypeNS) && name != apex:
		m.put(name, wire.TypeDS, ttl)
		if r.IntN(2) == 0 {
			m.put(name, wire.TypeDS, ttl, append([]byte{0, byte(r.IntN(9)), 13, 2}, make([]byte, 32)...))
		}
	case k == 5 && name != apex && !name.IsWildcard(): // nothing may be below a DNAME: kzonecheck minds
		touched := []wire.Name{name}
		for n, ok := m.After(name, false); ok && n.Within(name); n, ok = m.After(n, false) {
			touched = append(touched, n)
		}
		for _, n := range touched {
			if !m.messy || n == name {
				m.clear(n)
			}
		}
		m.put(name, wire.TypeDNAME, ttl, data(t, wire.TypeDNAME, "other.example."))
		return touched
	case k == 6 && name != apex:
		m.clear(name)
		m.put(name, wire.TypeCNAME, ttl, data(t, wire.TypeCNAME, "c.example.org."))
	case name != apex && special:
		return nil
	case k == 7:
		m.put(name, wire.TypeTXT, ttl, data(t, wire.TypeTXT, fmt.Sprintf(`"%d" "x"`, r.IntN(5))), data(t, wire.TypeTXT, `"y"`))
	case k == 8:
		m.put(name, wire.TypeMX, ttl, data(t, wire.TypeMX, "10 b.example.org."))
	case k == 9:
		m.put(name, 1234, ttl, []byte{byte(r.IntN(3))})
	case k == 10:
		m.put(name, wire.TypeCAA, ttl, data(t, wire.TypeCAA, `0 issue "ca.example"`))
	default:
		m.put(name, wire.TypeA, ttl, addr)
	}
	return []wire.Name{name}
}

// redirected says that there is a DNAME above.
func (m *model) redirected(name wire.Name) bool {
	for n := name; n != apex; {
		n = n.Parent()
		for _, s := range m.Sets(n) {
			if s.Type == wire.TypeDNAME {
				return true
			}
		}
	}
	return false
}

// clear takes away all but what signing has added.
func (m *model) clear(name wire.Name) {
	for _, s := range slices.Clone(m.Sets(name)) {
		switch s.Type {
		case wire.TypeRRSIG, wire.TypeNSEC:
		default:
			m.put(name, s.Type, 0)
		}
	}
}
