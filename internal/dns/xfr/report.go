package xfr

import (
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Kind is the form of an answer.
type Kind string

// The forms of RFC 5936 and RFC 1995.
const (
	AXFR     Kind = "AXFR"
	IXFR     Kind = "IXFR"
	Full     Kind = "AXFR-style IXFR" // RFC 1995 section 4: the whole zone instead of differences
	UpToDate Kind = "SOA"             // the client has the newest serial
	TooLarge Kind = "SOA over UDP"    // the answer does not fit a datagram: try TCP
	noAnswer Kind = ""
)

// Report is what happened to a request: the facts of its line in the log.
type Report struct {
	Zone, ZoneID string
	Peer         zone.Peer // zero for a client that is allowed by an ACL, or refused
	Source       netip.AddrPort
	Asked        wire.Type
	TCP          bool
	Kind         Kind
	From, To     uint32 // serials; From is what the client has, for IXFR
	Records      int
	Messages     int
	Bytes        int64
	Duration     time.Duration
	Key          string
	Rcode        wire.Rcode
	Reason       string // of a refusal or a failure, in words; empty after success
}
