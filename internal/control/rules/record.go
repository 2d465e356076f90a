package rules

import (
	"bytes"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Bounds of a record.
const (
	// MaxData is the most octets that a record's RDATA may have unless limits say otherwise.
	MaxData = 4096
	// AutomaticTTL is the TTL that stands for the server's choice.
	AutomaticTTL = 1
	// LeastTTL and MostTTL bound every other, in seconds.
	LeastTTL = 30
	MostTTL  = 86400
)

// Types that nobody may use any more: MD and MF are to be refused in zone files (RFC 1035 sections 3.3.4 and 3.3.5), NXT is
// what NSEC was before RFC 3755.
const (
	typeMD  wire.Type = 3
	typeMF  wire.Type = 4
	typeNXT wire.Type = 30
)

// Type says whether records of a type may be made. Those that the server makes itself, those for queries only, and those that
// are obsolete, are no types of records here; 0 stands for one that nobody knows.
func Type(t wire.Type) error {
	switch t {
	case typeMD, typeMF, typeNXT, wire.TypeSOA, wire.TypeSIG, wire.TypeRRSIG, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeNSEC3PARAM:
	default:
		if !rr.IsMeta(t) {
			return nil
		}
	}
	if t == 0 {
		return invalid(model.CodeTypeInvalid, "/type", "DNS record type is invalid.")
	}
	return invalid(model.CodeTypeInvalid, "/type", "DNS record type %s is invalid.", t)
}

// TTL says whether a TTL may be set, in seconds.
func TTL(ttl int64) error {
	if ttl == AutomaticTTL || ttl >= LeastTTL && ttl <= MostTTL {
		return nil
	}
	return invalid(model.CodeTTL, "/ttl", "TTL must be between 60 and 86400 seconds, or 1 for Automatic.")
}

// LongestTTL is the longest that anything of a zone of these settings may be cached, in seconds.
func LongestTTL(s *model.Settings) uint32 { return max(MostTTL, s.NSTTL, s.SOA.TTL, s.SOA.MinTTL) }

// Lasting is what signatures are made to outlive: for how long secondaries go on without us, and caches after that.
func Lasting(s *model.Settings) (expire, longest uint32) {
	return model.HeldOf(s).Expire, LongestTTL(s)
}

// NegativeTTL is the TTL of negative answers and of the records that prove them (RFC 9077 section 3).
func NegativeTTL(s *model.Settings) uint32 {
	h := model.HeldOf(s)
	return min(h.TTL, h.MinTTL)
}

// Data says whether RDATA is what its type demands (rr.Valid). The error is no *model.Invalid unless the data is too long:
// who parses content has codes of its own for it.
func Data(t wire.Type, data []byte) error {
	if err := dataSize(data, MaxData); err != nil {
		return err
	}
	return rr.Valid(t, data)
}

func dataSize(data []byte, most int) error {
	if len(data) > most {
		return invalid(model.CodeRecordTooLarge, "", "The record takes %d octets; at most %d are allowed.", len(data), most)
	}
	return nil
}

// Record holds a record against every rule that can be told from the record alone.
func Record(apex wire.Name, r *model.Record) error {
	if err := Standing(apex, r.Name, r.Type, r.RData); err != nil {
		return err
	}
	if err := TTL(int64(r.TTL)); err != nil && !r.Proxied {
		return err
	}
	if err := switches(r); err != nil {
		return err
	}
	return Text(r)
}

// Standing holds a record's name, type and data against each other.
func Standing(apex, owner wire.Name, t wire.Type, data []byte) error {
	if !owner.Within(apex) {
		return invalid(model.CodeNameInvalid, "/name", "DNS name is invalid: %s is not in the zone %s.", owner.Host(), apex.Host())
	}
	if err := Type(t); err != nil {
		return err
	}
	if err := rr.Valid(t, data); err != nil {
		return invalid(model.CodeContentInvalid, "/content", "Content for %s record is invalid: %v.", t, err)
	}
	switch {
	case t == wire.TypeCNAME && string(data) == string(owner):
		return invalid(model.CodeCNAMESelf, "/content", "CNAME content cannot reference itself.")
	case t == wire.TypeDS && owner == apex: // RFC 4035 section 2.4
		return invalid(model.CodeDSAtApex, "/name", "DS records of a zone belong into its parent; they cannot stand at the apex.")
	}
	return nil
}

// Same says whether two states of a record differ in nothing that a client can set. Times are not looked at: they follow.
func Same(a, b *model.Record) bool {
	return sameStanding(a, b) && sameSwitches(a, b) && a.Content == b.Content && a.TTL == b.TTL && a.Comment == b.Comment &&
		slices.Equal(a.Tags, b.Tags) && samePriority(a.Priority, b.Priority)
}

func sameStanding(a, b *model.Record) bool {
	return a.Name == b.Name && a.Type == b.Type && bytes.Equal(a.RData, b.RData)
}

func sameSwitches(a, b *model.Record) bool { return a.Proxied == b.Proxied && a.Settings == b.Settings }

func samePriority(a, b *uint16) bool { return a == b || a != nil && b != nil && *a == *b }
