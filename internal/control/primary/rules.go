package primary

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// identical finds a record that differs from r in nothing the DNS can see but the TTL: same name, type and RDATA.
func identical(rows []*model.Record, r *model.Record) *model.Record {
	for _, other := range rows {
		if other.ID != r.ID && other.Type == r.Type && bytes.Equal(other.RData, r.RData) {
			return other
		}
	}
	return nil
}

// checkRecord holds a record against the zone and against the others at its name (a record's own former state among
// rows is passed over).
func (p *plan) checkRecord(z *zoneWork, rows []*model.Record, r *model.Record) error {
	if !r.Name.Within(z.row.Name) {
		return invalid(model.CodeNameInvalid, "DNS name is invalid: %s is not in the zone %s.", r.Name.Host(), z.row.Name.Host())
	}
	if identical(rows, r) != nil {
		return invalid(model.CodeIdentical, "An identical record already exists.")
	}
	if err := checkEdge(p.pool(z), r); err != nil {
		return err
	}
	for _, other := range rows {
		if other.ID == r.ID {
			continue
		}
		if err := checkNeighbour(z, other.Type, r); err != nil {
			return err
		}
	}
	return p.checkSize(rows, r)
}

// checkEdge says whether the pool has what a proxied record is answered with.
func checkEdge(pool []netip.Addr, r *model.Record) error {
	v4 := slices.ContainsFunc(pool, netip.Addr.Is4)
	v6 := slices.ContainsFunc(pool, netip.Addr.Is6)
	switch {
	case !r.Proxied:
		return nil
	case len(pool) == 0:
		return invalid(model.CodeNoEdge, "A record cannot be proxied while no edge address is configured.")
	case r.Settings.IPv4Only && !v4:
		return invalid(model.CodeNoEdge, "A record with ipv4_only cannot be proxied while no IPv4 edge address is configured.")
	case r.Settings.IPv6Only && !v6:
		return invalid(model.CodeNoEdge, "A record with ipv6_only cannot be proxied while no IPv6 edge address is configured.")
	}
	return nil
}

// checkNeighbour says whether r may stand beside a record of another's type (contract section 5.6).
//
// A CNAME may have neighbours of other types than A, AAAA and CNAME: they are answered beside it where the CNAME is
// flattened or proxied, and kept but not answered where it stands as itself (render.go), because RFC 2181 section 10.1
// lets nothing else exist at such a name. Below the apex NS stands with NS and DS alone.
func checkNeighbour(z *zoneWork, other wire.Type, r *model.Record) error {
	switch {
	case r.Type == wire.TypeCNAME && (other == wire.TypeCNAME || isAddress(other)):
		return invalid(model.CodeCNAMEConflict, "An A, AAAA, or CNAME record with that host already exists.")
	case isAddress(r.Type) && other == wire.TypeCNAME:
		return invalid(model.CodeAddressConflict, "A CNAME record with that host already exists.")
	case r.Name == z.row.Name:
		return nil
	case r.Type == wire.TypeNS && other != wire.TypeNS && other != wire.TypeDS:
		return invalid(model.CodeNSOntoOthers, "Non-NS records with that host already exist.")
	case other == wire.TypeNS && r.Type != wire.TypeNS && r.Type != wire.TypeDS:
		return invalid(model.CodeOthersOntoNS, "NS records with that host already exist.")
	}
	return nil
}

func isAddress(t wire.Type) bool { return t == wire.TypeA || t == wire.TypeAAAA }

// Octets around an RRset in an answer: the header, QTYPE and QCLASS, an OPT record, and for each record a compressed
// owner, type, class, TTL and length (RFC 1035 section 4.1, RFC 6891 section 6.1).
const (
	answerOverhead = 12 + 4 + 11
	recordOverhead = 2 + 2 + 2 + 4 + 2
)

// checkSize keeps every RRset small enough to be answered in one message.
func (p *plan) checkSize(rows []*model.Record, r *model.Record) error {
	limit := p.cfg.Limits
	if limit.RecordBytes > 0 && len(r.RData) > limit.RecordBytes {
		return invalid(model.CodeRecordTooLarge, "The record takes %d octets; at most %d are allowed.",
			len(r.RData), limit.RecordBytes)
	}
	size := answerOverhead + len(r.Name) + recordOverhead + len(r.RData)
	for _, other := range rows {
		if other.Type == r.Type && other.ID != r.ID {
			size += recordOverhead + len(other.RData)
		}
	}
	if size > limit.SetBytes {
		return invalid(model.CodeSetTooLarge,
			"All records of this name and type together would take %d octets in an answer; at most %d are allowed.",
			size, limit.SetBytes)
	}
	return nil
}

func (p *plan) checkQuota(z *zoneWork) error {
	if quota := p.cfg.Limits.RecordsPerZone; quota > 0 && z.count >= quota {
		return invalid(model.CodeQuota, "Record quota exceeded.")
	}
	return nil
}

// checkCuts holds the change's end against the rule that a DS record stands at a delegation (RFC 4035 section 2.4).
func (p *plan) checkCuts() error {
	for n := range p.cuts {
		ns, ds := false, false
		for _, r := range p.zw.rows[n] {
			ns = ns || r.Type == wire.TypeNS
			ds = ds || r.Type == wire.TypeDS
		}
		if ds && !ns {
			return invalid(model.CodeDSWithoutNS, "DS records at %s need NS records at the same name.", n.Host())
		}
	}
	return nil
}
