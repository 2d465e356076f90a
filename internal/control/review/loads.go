package review

import (
	"fmt"
	"iter"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// What other servers take.
const (
	// BINDRecords is the most records of an RRset that BIND loads unless its max-records-per-type says otherwise.
	BINDRecords = 100
	// NSDRecord is the longest message in which NSD hands a record on by AXFR; with a longer record it never finishes.
	NSDRecord = 16383
	// recordAround is what stands around the RDATA of a record that is alone in a message of a transfer, owner and the
	// question's name left out: header, QTYPE and QCLASS, a compression pointer, type, class, TTL and length.
	recordAround = 12 + 4 + 2 + 10
)

// Texts of what secondaries do. test/peers holds the servers against them.
const (
	apexText = "Secondaries get a CNAME beside the SOA of the apex. BIND and Knot refuse the whole zone. NSD and PowerDNS " +
		"load it and mis-serve it: NSD answers with the CNAME for every type that the apex lacks, PowerDNS for every type " +
		"but SOA, so that even NS and MX are gone. Choose transfer mode edge, or replace the CNAME by addresses."
	besideText = "A CNAME stands beside other records. BIND and Knot refuse the whole zone. NSD and PowerDNS load it and " +
		"mis-serve it: PowerDNS answers the CNAME alone."
	manyText = "There are %d records of this name and type. BIND refuses the whole zone, unless its option " +
		"max-records-per-type allows more than 100; NSD, Knot and PowerDNS take them."
	signedText = "The record takes %d octets: with the TSIG of a linked peer it does not fit into a message, and the zone " +
		"cannot be transferred."
	forbiddenText = "It was made before that was a rule; secondaries may refuse the whole zone."
	addressText   = "The name server %s lies in this zone and has no address in it, or is an alias: nobody finds what it serves. " +
		"BIND refuses such a zone as a file."
	longText = "The record takes %d octets. Every secondary takes it and answers with it, but NSD cannot hand it on to " +
		"secondaries of its own."
)

// Loads looks at a transfer face for what one secondary or another does not load, or cannot pass on. Overhead is how many
// octets the longest TSIG of the linked peers takes in a message, 0 without one (see Overhead). Names for which skip says
// so are passed over; nil passes none. Record and faces are left empty in what is yielded.
func Loads(v *zone.Version, overhead int, skip func(owner wire.Name) bool, yield func(model.Finding)) {
	l := loader{apex: v.Apex(), overhead: overhead, yield: yield, face: v}
	v.Walk(func(owner []byte, s zone.RRset) bool {
		if s.Type.IsDNSSEC() || skip != nil && skip(wire.Name(owner)) {
			return true // what the server has made to sign the zone is no matter of rules
		}
		it := s.Iter()
		l.set(owner, s.Type, s.Len(), func(yield func([]byte) bool) {
			for it.Next() {
				l.buf = it.AppendFull(l.buf[:0])
				if !yield(l.buf) {
					return
				}
			}
		})
		return true
	})
	l.nameEnds()
}

// LoadsSets is Loads for the RRsets of one name, as they shall be transferred.
func LoadsSets(apex, owner wire.Name, sets []rr.Set, overhead int, yield func(model.Finding)) {
	l := loader{apex: apex, overhead: overhead, yield: yield}
	if owner == apex { // the SOA goes with the serial
		l.set([]byte(owner), wire.TypeSOA, 1, slices.Values([][]byte{}))
	}
	for i := range sets {
		l.set([]byte(owner), sets[i].Type, len(sets[i].Data), slices.Values(sets[i].Data))
	}
	l.nameEnds()
}

// Overhead is how many octets a TSIG of a key takes at the end of a message (RFC 8945 section 4.2), given as the names of
// key and algorithm in wire form, with the longest MAC and other data there is.
func Overhead(key, algorithm wire.Name) int { return len(key) + 10 + len(algorithm) + 16 + 64 + 6 }

// loader takes a face's RRsets one by one, those of a name in a row, names in canonical order.
type loader struct {
	apex     wire.Name
	overhead int
	yield    func(model.Finding)
	face     *zone.Version // nil where there is none to look into
	owner    []byte
	types    []wire.Type // met at owner
	dname    wire.Name   // the last owner of a DNAME, until names leave what is below it
	keys     keys        // of the apex
	buf      []byte
}

// set looks at the records of one name and type.
func (l *loader) set(owner []byte, t wire.Type, count int, records iter.Seq[[]byte]) {
	if string(owner) != string(l.owner) {
		l.nameEnds()
		l.owner = append(l.owner[:0], owner...)
		l.below(t)
	}
	name := wire.Name(l.owner)
	l.types = append(l.types, t)
	longest, forbidden, refusal := 0, "", ""
	for data := range records {
		longest = max(longest, len(data))
		err := rules.Standing(l.apex, name, t, data)
		if err != nil && t != wire.TypeSOA && forbidden == "" {
			forbidden = err.Error()
		}
		if refusal == "" {
			refusal = refused(name, t, data)
		}
		if name == l.apex && err == nil {
			l.keys.learn(t, data)
		}
		if t == wire.TypeNS && l.face != nil {
			l.nameServer(wire.Name(data))
		}
	}
	if count > 1 && rules.Neighbour(l.apex, name, t, t) != nil {
		forbidden = fmt.Sprintf("There are %d %s records at a name that may have one.", count, t)
	}
	if forbidden != "" {
		l.add(model.ReasonForbidden, model.SeverityCritical, t, forbidden+" "+forbiddenText)
	}
	if refusal != "" {
		l.add(model.ReasonRefused, model.SeverityCritical, t, refusal)
	}
	l.sizes(t, count, recordAround+len(owner)+longest, longest) // the apex in the question is no longer than what the owner has of it
}

func (l *loader) sizes(t wire.Type, count, size, longest int) {
	switch {
	case l.overhead > 0 && size+l.overhead > wire.MaxMessage:
		l.add(model.ReasonTooLarge, model.SeverityCritical, t, fmt.Sprintf(signedText, longest))
	case size > NSDRecord:
		l.add(model.ReasonTooLarge, model.SeverityInfo, t, fmt.Sprintf(longText, longest))
	}
	if count > BINDRecords {
		l.add(model.ReasonTooLarge, model.SeverityCritical, t, fmt.Sprintf(manyText, count))
	}
}

// below tells of a name that stands below a DNAME; canonical order has such names right behind it.
func (l *loader) below(t wire.Type) {
	if l.dname == "" {
		return
	}
	if !wire.Name(l.owner).Within(l.dname) {
		l.dname = ""
		return
	}
	l.add(model.ReasonForbidden, model.SeverityCritical, t, rules.Below(l.dname).Error()+" "+forbiddenText)
}

// nameServer tells of one whose address ought to be in the zone and is not. A name below a cut has its address at itself,
// as glue, and where another zone answers for it nothing is wanted here.
func (l *loader) nameServer(host wire.Name) {
	if !host.Within(l.apex) {
		return
	}
	var m zone.Match
	for _, t := range []wire.Type{wire.TypeA, wire.TypeAAAA} {
		l.face.Find([]byte(host), t, &m)
		if m.Kind == zone.Hit {
			return
		}
		if m.Kind != zone.Delegation {
			continue
		}
		if m.Owner != len(host)-len(l.owner) || !host.Within(wire.Name(l.owner)) {
			return // below another cut
		}
		if l.face.At([]byte(host), &m) {
			if _, ok := m.RRset(t); ok {
				return
			}
		}
	}
	l.add(model.ReasonNoAddress, model.SeverityCritical, wire.TypeNS, fmt.Sprintf(addressText, host.Host()))
}

func (l *loader) nameEnds() {
	name := wire.Name(l.owner)
	if slices.Contains(l.types, wire.TypeDNAME) && l.dname == "" {
		l.dname = name
	}
	if name == l.apex {
		l.children()
	}
	switch {
	case len(l.types) < 2:
	case !slices.Contains(l.types, wire.TypeCNAME):
		l.neighbours(name)
	case name == l.apex:
		l.add(model.ReasonApexCNAME, model.SeverityCritical, wire.TypeCNAME, apexText)
	default:
		l.add(model.ReasonNeighbours, model.SeverityCritical, wire.TypeCNAME, besideText)
	}
	l.types = l.types[:0]
}

// neighbours tells of types that no rule lets stand together.
func (l *loader) neighbours(name wire.Name) {
	for i, t := range l.types {
		for _, other := range l.types[:i] {
			if err := rules.Neighbour(l.apex, name, other, t); err != nil {
				l.add(model.ReasonForbidden, model.SeverityCritical, t, err.Error()+" "+forbiddenText)
			}
		}
	}
}

func (l *loader) add(reason model.Reason, s model.Severity, t wire.Type, text string) {
	l.yield(model.Finding{Reason: reason, Severity: s, Message: text, Name: wire.Name(l.owner), Type: t})
}
