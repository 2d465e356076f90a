package review

import (
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
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
	longText = "The record takes %d octets. Every secondary takes it and answers with it, but NSD cannot hand it on to " +
		"secondaries of its own."
)

// Loads looks at a transfer face for what one secondary or another does not load, or cannot pass on. Overhead is how many
// octets the longest TSIG of the linked peers takes in a message, 0 without one (see Overhead). Names for which skip says
// so are passed over; nil passes none. Record and faces are left empty in what is yielded.
func Loads(v *zone.Version, overhead int, skip func(owner wire.Name) bool, yield func(model.Finding)) {
	l := loader{apex: v.Apex(), overhead: overhead, yield: yield}
	v.Walk(func(owner []byte, s zone.RRset) bool {
		if skip != nil && skip(wire.Name(owner)) {
			return true
		}
		longest := 0
		for it := s.Iter(); it.Next(); {
			data, inZone := it.Raw()
			n := len(data)
			if inZone {
				n += len(l.apex)
			}
			longest = max(longest, n)
		}
		l.set(owner, s.Type, s.Len(), longest)
		return true
	})
	l.nameEnds()
}

// LoadsSets is Loads for the RRsets of one name, as they shall be transferred.
func LoadsSets(apex, owner wire.Name, sets []rr.Set, overhead int, yield func(model.Finding)) {
	l := loader{apex: apex, overhead: overhead, yield: yield}
	if owner == apex { // the SOA goes with the serial
		l.set([]byte(owner), wire.TypeSOA, 1, 0)
	}
	for i := range sets {
		longest := 0
		for _, d := range sets[i].Data {
			longest = max(longest, len(d))
		}
		l.set([]byte(owner), sets[i].Type, len(sets[i].Data), longest)
	}
	l.nameEnds()
}

// Overhead is how many octets a TSIG of a key takes at the end of a message (RFC 8945 section 4.2), given as the names of
// key and algorithm in wire form, with the longest MAC and other data there is.
func Overhead(key, algorithm wire.Name) int { return len(key) + 10 + len(algorithm) + 16 + 64 + 6 }

// loader takes a face's RRsets one by one, those of a name in a row.
type loader struct {
	apex     wire.Name
	overhead int
	yield    func(model.Finding)
	owner    []byte
	types    int
	cname    bool
}

func (l *loader) set(owner []byte, t wire.Type, count, longest int) {
	if string(owner) != string(l.owner) {
		l.nameEnds()
		l.owner = append(l.owner[:0], owner...)
	}
	l.types++
	l.cname = l.cname || t == wire.TypeCNAME
	size := recordAround + len(owner) + longest // the apex in the question is no longer than what the owner has of it
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

func (l *loader) nameEnds() {
	if l.cname && l.types > 1 {
		if string(l.owner) == string(l.apex) {
			l.add(model.ReasonApexCNAME, model.SeverityCritical, wire.TypeCNAME, apexText)
		} else {
			l.add(model.ReasonNeighbours, model.SeverityCritical, wire.TypeCNAME, besideText)
		}
	}
	l.types, l.cname = 0, false
}

func (l *loader) add(reason model.Reason, s model.Severity, t wire.Type, text string) {
	l.yield(model.Finding{Reason: reason, Severity: s, Message: text, Name: wire.Name(l.owner), Type: t})
}
