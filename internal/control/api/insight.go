package api

import (
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Period is how far back queries are shown.
type Period string

// The periods.
const (
	PeriodHour  Period = "hour"  // by minute
	PeriodDay   Period = "day"   // by quarter of an hour
	PeriodMonth Period = "month" // by six hours, 31 days
)

// QueryClasses are what queries are told apart by, in the order of QueryCounts.
var QueryClasses = [...]string{"noerror", "nxdomain", "servfail", "refused", "other"} //nolint:gochecknoglobals // a table

// QueryCounts are queries by what came of them.
type QueryCounts [len(QueryClasses)]uint64

// Curve is a series of what happened. The last cell ends at End, which lies ahead.
type Curve struct {
	Since time.Time // nothing was counted before
	End   time.Time
	Step  time.Duration
	Cells []CurveCell // oldest first
}

// CurveCell is what happened in some time: queries, transfers, and how long versions took to be with peers.
type CurveCell struct {
	Queries        QueryCounts
	Transfers      CourseHour
	Arrivals       uint64        // versions that a peer was first seen with
	LagSum, LagMax time.Duration // until then: of all of them together, and the longest
}

// Queries is what was asked, and what else happened meanwhile.
type Queries struct {
	Curve
	Total   QueryCounts
	Names   []QueryName // of a zone: asked most, of samples
	Sampled uint64      // how many samples there are
	Zones   []QueryZone // of an account: asked most
}

// QueryName is a question and in how many samples it was.
type QueryName struct {
	Name, Type, Class string // host form, mnemonic
	Count             uint64
}

// QueryZone is how often a zone was asked.
type QueryZone struct {
	Zone   model.ID
	Name   string // host form
	Counts QueryCounts
}

// Course is how a zone's secondaries fared over the last day, as this node has seen it.
type Course struct {
	Since     time.Time // nothing is known from before
	Watched   bool      // this node asks the zone's secondaries
	StripEnd  time.Time
	StripStep time.Duration
	Strips    []CourseStrip
	Versions  []CourseVersion // newest first
	Hours     []CourseHour    // oldest first, the last is that of now
	HourEnd   time.Time
	Converged []time.Duration // how long versions took until all linked peers had them, newest first
}

// CourseStrip are the states of a linked peer, one for each cell, the worst of it; empty is not known.
type CourseStrip struct {
	Peer   model.ID
	Name   string
	States []SecondaryState
}

// CourseVersion is a version and when each peer had it.
type CourseVersion struct {
	Serial uint32
	On     time.Time
	Taken  map[model.ID]time.Duration
}

// CourseHour is what was transferred in an hour: whole zones and differences, each with octets.
type CourseHour struct {
	Full, Steps, Refused, Failed uint64
	FullOctets, StepOctets       uint64
}

// Delegation is what a zone's parent names as its servers, as each of the parent's servers says.
type Delegation struct {
	Parent  string   // host form
	Wanted  []string // the names that the zone itself has
	Servers []DelegationServer
}

// DelegationServer is what one address says.
type DelegationServer struct {
	Server string // host form; empty for this server's own version of the parent
	Addr   netip.Addr
	Names  []string // host form, sorted
	Error  string   // why it says nothing
}
