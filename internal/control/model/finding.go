package model

import "github.com/headwaterdns/headwater/internal/dns/wire"

// Severity ranks a finding of a review.
type Severity string

// The severities. A critical finding is something because of which BIND, NSD, Knot or PowerDNS, as they are shipped, does
// not load the zone or does not answer it as a zone; a warning, that secondaries answer otherwise than we do in a way that
// matters; an info, what else an operator should know.
const (
	SeverityInfo     Severity = "info"
	SeverityWarning  Severity = "warning"
	SeverityCritical Severity = "critical"
)

// Reason says what a finding is about.
type Reason string

// The reasons, as api/openapi.yaml lists them.
const (
	ReasonOrigin     Reason = "origin_exposed"      // secondaries tell the origin of a proxied record
	ReasonEdge       Reason = "edge_addresses"      // secondaries get edge addresses in a proxied record's place
	ReasonApexCNAME  Reason = "apex_cname"          // a CNAME beside the SOA is transferred
	ReasonFlattened  Reason = "flattened"           // secondaries get a CNAME where we answer addresses
	ReasonApexNS     Reason = "apex_ns_ignored"     // an NS record at the apex is kept, not answered, not transferred
	ReasonNeighbours Reason = "cname_neighbours"    // records beside a CNAME
	ReasonTooLarge   Reason = "record_too_large"    // a record or an RRset is larger than peers take
	ReasonNotInNS    Reason = "secondary_not_in_ns" // resolvers are not told of a linked peer
	ReasonUnresolved Reason = "unresolved"          // a flattened CNAME whose target cannot be looked up
	ReasonForbidden  Reason = "forbidden"           // a rule says that it must not stand there; it was made before the rule
	ReasonRefused    Reason = "refused"             // allowed, and a server refuses it or misreads it
	ReasonHidden     Reason = "hidden_by_zone"      // another zone of this server answers for names of this one
	ReasonFaceTypes  Reason = "types_differ"        // signed faces have other types at a name
	ReasonTTL        Reason = "ttl_too_long"        // longer than signatures are made for
	ReasonNoDS       Reason = "ds_missing"          // the parent zone is here and has no DS record of the zone
	ReasonLate       Reason = "secondary_late"      // a secondary hands out signatures that are not renewed
	ReasonForeignNS  Reason = "ns_not_ours"         // a name server that does not have the zone from us
	ReasonNoAddress  Reason = "ns_without_address"  // a name server in the zone that has no address there
)

// Finding is one difference between what we answer and what secondaries will hold, or a reason why one of them will not
// take the zone. Served and Transferred are what the two faces hold at Name, in presentation form.
type Finding struct {
	Reason              Reason
	Severity            Severity
	Message             string
	Name                wire.Name
	Type                wire.Type
	Record              ID // the record behind it; empty when there is no single one
	Served, Transferred []string
}

// Review is what an operator should know before transfers of a zone are switched on: findings, gravest first, at most so
// many of each severity as an answer can hold; Total counts all, Critical the critical ones.
type Review struct {
	Findings        []Finding
	Total, Critical int
}
