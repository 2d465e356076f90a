package update

import (
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// set is an RRset that has to be there just so.
type set struct {
	owner wire.Name
	typ   wire.Type
}

// Check holds the zone against the prerequisites (RFC 2136 section 3.2), one after the other: the first that is malformed or not met is
// the *Failure. RRsets that must have certain data (section 2.4.2) are told by several records and come last.
func (m *Message) Check(z *Zone) error {
	exact, order := map[set]*Set{}, []set(nil)
	for i := range m.Prerequisites {
		p := &m.Prerequisites[i]
		if p.TTL != 0 {
			return fail(wire.RcodeFormErr, "the prerequisite %s %s has a TTL", p.Owner, p.Type)
		}
		if !p.Owner.Within(z.Apex) {
			return fail(wire.RcodeNotZone, "the prerequisite %s is not in the zone", p.Owner)
		}
		if !p.known() {
			return fail(wire.RcodeFormErr, "the prerequisite %s %s has the class %d", p.Owner, p.Type, p.Class)
		}
		if p.Class != wire.ClassIN {
			if err := p.check(z); err != nil {
				return err
			}
			continue
		}
		key := set{p.Owner, p.Type}
		if exact[key] == nil {
			order = append(order, key)
			exact[key] = &Set{}
		}
		if !exact[key].Has(p.Data) {
			exact[key].put(p.Data)
		}
	}
	for _, key := range order {
		node, err := z.At(key.owner)
		if err != nil {
			return err
		}
		if !equal(node[key.typ], exact[key]) {
			return fail(wire.RcodeNXRRSet, "%s %s has other data", key.owner, key.typ)
		}
	}
	return nil
}

func equal(s, want *Set) bool {
	if s == nil || len(s.Data) != len(want.Data) {
		return false
	}
	for _, d := range want.Data {
		if !s.Has(d) {
			return false
		}
	}
	return true
}

// check holds the zone against a prerequisite about a name, or about an RRset whatever its data (sections 2.4.1, and 2.4.3 to 2.4.5).
func (p *RR) check(z *Zone) error {
	if len(p.Data) > 0 {
		return fail(wire.RcodeFormErr, "the prerequisite %s %s has data", p.Owner, p.Type)
	}
	node, err := z.At(p.Owner)
	if err != nil {
		return err
	}
	there, must := node[p.Type] != nil, p.Class == wire.ClassANY
	if p.Type == wire.TypeANY {
		there = node.used()
	}
	switch {
	case there == must:
		return nil
	case p.Type == wire.TypeANY && must:
		return fail(wire.RcodeNXDomain, "%s is not in use", p.Owner)
	case p.Type == wire.TypeANY:
		return fail(wire.RcodeYXDomain, "%s is in use", p.Owner)
	case must:
		return fail(wire.RcodeNXRRSet, "there is no %s %s", p.Owner, p.Type)
	}
	return fail(wire.RcodeYXRRSet, "there is %s %s", p.Owner, p.Type)
}
