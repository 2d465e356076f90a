package model

import (
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Plan is what a change would do. Objects are those that come, change or go, as the audit log tells them, each once; Zones are those in
// which secondaries, resolvers or permissions would see something of it.
type Plan struct {
	Objects []PlannedObject
	Zones   []PlannedZone
	// Counts and AllZones count them, for there may be more than are told.
	Counts   PlannedCounts
	AllZones int
}

// PlannedCounts count objects by what becomes of them.
type PlannedCounts struct{ Added, Changed, Removed int }

// PlannedObject is an object before the change and after it; nil for none. Zone is the one that it is in, if it is in one.
type PlannedObject struct {
	Zone     ID
	Resource string
	ID       ID
	Before   any // as of an AuditPart
	After    any
}

// PlannedZone is what becomes of a zone. Where the serials are equal, secondaries get nothing new.
type PlannedZone struct {
	ID, Account      ID
	Name             wire.Name
	Created, Deleted bool
	Before, After    uint32 // serials
	Access           bool   // who may transfer, or whom we notify, changes
	Notified         []string
	Agree            bool // both faces change alike; Served speaks for both
	Served           PlannedFace
	Transferred      PlannedFace
	Signatures       int // records of signatures and denials that come or go in the transfer face
	Review           PlannedReview
}

// PlannedFace is what changes in a face: so many RRsets, the first of them told.
type PlannedFace struct {
	Count int
	Sets  []PlannedSet
}

// PlannedSet is an RRset before and after; nil for none.
type PlannedSet struct {
	Name          wire.Name
	Type          wire.Type
	Before, After *rr.Set
}

// PlannedReview is what a review finds after the change and not before, and the other way round. It is complete unless the zone is
// large: then only what stands at the names that change was looked at.
type PlannedReview struct {
	Complete        bool
	New, Gone       []Finding
	AllNew, AllGone int
	RefusedBy       []string // servers that refuse the zone for something new, by name
}
