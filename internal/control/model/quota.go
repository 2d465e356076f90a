package model

import (
	"fmt"
	"maps"
)

// Quota names something that an account may hold so much of.
type Quota string

// What there are quotas of.
const (
	QuotaZones       Quota = "zones"
	QuotaRecords     Quota = "records"          // of all zones together
	QuotaZoneRecords Quota = "records_per_zone" // of each zone
	QuotaOctets      Quota = "octets"           // of records: RDATA, content, comment and tags (Record.Size)
	QuotaMembers     Quota = "members"
	QuotaTokens      Quota = "tokens"
	QuotaTSIGs       Quota = "tsigs"
	QuotaPeers       Quota = "peers"
	QuotaACLs        Quota = "acls"
	QuotaFlattened   Quota = "flattened_targets" // different targets of flattened CNAMEs, as far as this node knows them
)

// quotaNouns are what a refusal calls them, in the order in which they are listed.
//
//nolint:gochecknoglobals // table
var quotaNouns = []struct {
	quota Quota
	noun  string
}{
	{QuotaZones, "zones"},
	{QuotaRecords, "records"},
	{QuotaZoneRecords, "records in a zone"},
	{QuotaOctets, "octets of records"},
	{QuotaMembers, "members"},
	{QuotaTokens, "API tokens"},
	{QuotaTSIGs, "TSIGs"},
	{QuotaPeers, "peers"},
	{QuotaACLs, "ACLs"},
	{QuotaFlattened, "different targets of flattened CNAMEs"},
}

// AllQuotas lists every Quota.
func AllQuotas() []Quota {
	out := make([]Quota, 0, len(quotaNouns))
	for _, q := range quotaNouns {
		out = append(out, q.quota)
	}
	return out
}

// Quotas are limits by their names; what is not in it is not bounded.
type Quotas map[Quota]int64

// For gives the quotas of an account: the server's, but for those that the account has of its own.
func (q Quotas) For(a *Account) Quotas {
	if len(a.Quotas) == 0 {
		return q
	}
	out := maps.Clone(q)
	if out == nil {
		out = Quotas{}
	}
	maps.Copy(out, a.Quotas)
	return out
}

// Allow says whether something of which there are so many may grow by more; the error is an Invalid. What is over its
// quota already, because the quota has been lowered, may stay and shrink.
func (q Quotas) Allow(which Quota, have, more int64) error {
	limit, bounded := q[which]
	if !bounded || more <= 0 || have+more <= limit {
		return nil
	}
	if which == QuotaRecords || which == QuotaZoneRecords {
		return &Invalid{Code: CodeQuota, Message: "Record quota exceeded."}
	}
	noun := string(which)
	for _, n := range quotaNouns {
		if n.quota == which {
			noun = n.noun
		}
	}
	return &Invalid{Code: CodeQuotaExceeded, Message: fmt.Sprintf("The account may have at most %d %s.", limit, noun)}
}

// Usage is how much of what has to be counted an account, or a zone, holds.
type Usage struct {
	Zones, Records, Octets int64
}

// Of is the number of what has a Quota.
func (u Usage) Of(q Quota) int64 {
	switch q {
	case QuotaZones:
		return u.Zones
	case QuotaRecords, QuotaZoneRecords:
		return u.Records
	case QuotaOctets:
		return u.Octets
	default:
		return 0
	}
}

// Plus is the sum of both.
func (u Usage) Plus(v Usage) Usage {
	return Usage{u.Zones + v.Zones, u.Records + v.Records, u.Octets + v.Octets}
}

// Times is u, n times.
func (u Usage) Times(n int64) Usage { return Usage{u.Zones * n, u.Records * n, u.Octets * n} }

// Size is what a record counts for in QuotaOctets.
func (r *Record) Size() int64 {
	n := len(r.RData) + len(r.Content) + len(r.Comment)
	for i, tag := range r.Tags {
		n += len(tag)
		if i > 0 {
			n++
		}
	}
	return int64(n)
}
