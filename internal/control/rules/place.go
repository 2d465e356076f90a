package rules

import (
	"bytes"
	"net/netip"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Limits bound records and RRsets, in octets.
type Limits struct {
	Data int // RDATA of one record
	Set  int // one RRset as an answer, all of the message counted
}

// Place is where a record stands or shall stand.
type Place struct {
	Apex wire.Name
	// Rows are the records at the name. The record's own former state among them is passed over.
	Rows []*model.Record
	// DNAME is the owner of a DNAME above the name, empty for none.
	DNAME wire.Name
	// Below says that there are records below the name. Nobody needs to look for a type of which LooksBelow is false.
	Below bool
	// Pool are the addresses that stand in for proxied records.
	Pool   []netip.Addr
	Limits Limits
	// Signers is what the zone is signed with. Nobody needs to look for a record of which OfSigners is false, or below the apex.
	Signers *Signers
}

// LooksBelow says whether records of a type mind what stands below their name.
func LooksBelow(t wire.Type) bool { return t == wire.TypeDNAME }

// Identical finds a record that differs from r in nothing the DNS can see but the TTL: same name, type and RDATA.
func Identical(rows []*model.Record, r *model.Record) *model.Record {
	for _, other := range rows {
		if other.ID != r.ID && other.Type == r.Type && bytes.Equal(other.RData, r.RData) {
			return other
		}
	}
	return nil
}

// Added holds a new record against every rule.
func Added(p *Place, r *model.Record) error {
	if err := Record(p.Apex, r); err != nil {
		return err
	}
	return beside(p, r)
}

// Edited holds what a record becomes against the rules on what has changed of it. A record that was made when a rule did
// not stand yet keeps its comment, TTL and switches in its owner's hands.
func Edited(p *Place, old, r *model.Record) error {
	if r.Type != old.Type {
		return invalid(model.CodeTypeChange, "/type", "The type of a record cannot be changed. Delete the record and create another.")
	}
	if !sameStanding(old, r) {
		return Added(p, r)
	}
	if old.TTL != r.TTL && !r.Proxied {
		if err := TTL(int64(r.TTL)); err != nil {
			return err
		}
	}
	if !sameSwitches(old, r) || old.Content != r.Content {
		if err := switches(r); err != nil {
			return err
		}
		if err := edge(p.Pool, r); err != nil {
			return err
		}
	}
	return Text(r)
}

// beside are the rules on a record among others.
func beside(p *Place, r *model.Record) error {
	if Identical(p.Rows, r) != nil {
		return invalid(model.CodeIdentical, "", "An identical record already exists.")
	}
	if err := edge(p.Pool, r); err != nil {
		return err
	}
	for _, other := range p.Rows {
		if other.ID == r.ID {
			continue
		}
		if err := Neighbour(p.Apex, r.Name, other.Type, r.Type); err != nil {
			return err
		}
	}
	if err := redirected(p, r); err != nil {
		return err
	}
	if err := Signer(p, r); err != nil {
		return err
	}
	return sizes(p, r)
}

// Neighbour says whether a record of type t may stand at a name beside one of another type, or of the same (contract section
// 5.6).
//
// A CNAME may have neighbours of most types: they are answered beside it where the CNAME is flattened or proxied, and kept
// but not answered where it stands as itself, because RFC 2181 section 10.1 lets nothing else exist at such a name. Below
// the apex NS stands with NS and DS alone, so also without DNAME (RFC 6672 section 2.3). A DNAME stands beside no CNAME and
// no other DNAME (RFC 6672 section 2.4).
func Neighbour(apex, owner wire.Name, other, t wire.Type) error {
	switch {
	case t == wire.TypeCNAME && (other == wire.TypeCNAME || isAddress(other)):
		return invalid(model.CodeCNAMEConflict, "", "An A, AAAA, or CNAME record with that host already exists.")
	case isAddress(t) && other == wire.TypeCNAME:
		return invalid(model.CodeAddressConflict, "", "A CNAME record with that host already exists.")
	case t == wire.TypeDNAME && (other == wire.TypeDNAME || other == wire.TypeCNAME):
		return invalid(model.CodeDNAMEConflict, "", "A DNAME or CNAME record with that host already exists.")
	case t == wire.TypeCNAME && other == wire.TypeDNAME:
		return invalid(model.CodeDNAMEConflict, "", "A DNAME record with that host already exists.")
	case owner == apex:
		return nil
	case t == wire.TypeNS && other != wire.TypeNS && other != wire.TypeDS:
		return invalid(model.CodeNSOntoOthers, "", "Non-NS records with that host already exist.")
	case other == wire.TypeNS && t != wire.TypeNS && t != wire.TypeDS:
		return invalid(model.CodeOthersOntoNS, "", "NS records with that host already exist.")
	}
	return nil
}

func isAddress(t wire.Type) bool { return t == wire.TypeA || t == wire.TypeAAAA }

// Below is the rule that nothing stands below a DNAME (RFC 6672 section 2.4).
func Below(dname wire.Name) error {
	return invalid(model.CodeBelowDNAME, "/name", "A DNAME record at %s takes the place of all names below it.", dname.Host())
}

// redirected looks for that in both directions.
func redirected(p *Place, r *model.Record) error {
	switch {
	case p.DNAME != "":
		return Below(p.DNAME)
	case r.Type == wire.TypeDNAME && p.Below:
		return invalid(model.CodeBelowDNAME, "/name", "A DNAME record takes the place of all names below its own, and there are records.")
	}
	return nil
}

// Octets around an RRset in an answer: the header, QTYPE and QCLASS, an OPT record, and for each record a compressed
// owner, type, class, TTL and length (RFC 1035 section 4.1, RFC 6891 section 6.1).
const (
	answerOverhead = 12 + 4 + 11
	recordOverhead = 2 + 2 + 2 + 4 + 2
)

// sizes keeps every RRset small enough to be answered in one message.
func sizes(p *Place, r *model.Record) error {
	if err := dataSize(r.RData, p.Limits.Data); err != nil {
		return err
	}
	size := answerOverhead + len(r.Name) + recordOverhead + len(r.RData)
	for _, other := range p.Rows {
		if other.Type == r.Type && other.ID != r.ID {
			size += recordOverhead + len(other.RData)
		}
	}
	if size > p.Limits.Set {
		return invalid(model.CodeSetTooLarge, "",
			"All records of this name and type together would take %d octets in an answer; at most %d are allowed.", size, p.Limits.Set)
	}
	return nil
}

// Cut holds the records at a name at a change's end against the rule that a DS record stands at a delegation (RFC 4035
// section 2.4). Within a change NS and DS may come and go in any order.
func Cut(owner wire.Name, rows []*model.Record) error {
	ns, ds := false, false
	for _, r := range rows {
		ns = ns || r.Type == wire.TypeNS
		ds = ds || r.Type == wire.TypeDS
	}
	if ds && !ns {
		return invalid(model.CodeDSWithoutNS, "", "DS records at %s need NS records at the same name.", owner.Host())
	}
	return nil
}

// Quota holds the number of a zone's records against what it may have; 0 is no limit.
func Quota(records, most int) error {
	if most > 0 && records >= most {
		return invalid(model.CodeQuota, "", "Record quota exceeded.")
	}
	return nil
}
