package xfr

import (
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Kind is the form of an answer.
type Kind string

// The forms of RFC 5936 and RFC 1995.
const (
	AXFR     Kind = "AXFR"
	IXFR     Kind = "IXFR"
	Full     Kind = "AXFR-style IXFR" // RFC 1995 section 4: the whole zone instead of differences
	UpToDate Kind = "SOA"             // the client has the newest serial, or one that is ahead of ours
	TooLarge Kind = "SOA over UDP"    // the answer does not fit a datagram: try TCP
	noAnswer Kind = ""
)

// Cause is why a request was refused: a short word for counters, the same for all of its kind.
type Cause string

// The causes. Those from CauseUnsigned to CauseTime concern the key.
const (
	CauseOff        Cause = "off"
	CauseAddress    Cause = "address"
	CauseUnsigned   Cause = "unsigned"
	CauseOtherKey   Cause = "other_key"
	CauseUnknownKey Cause = "unknown_key"
	CauseSignature  Cause = "signature"
	CauseTruncated  Cause = "truncated"
	CauseTime       Cause = "time"
	CauseNoZone     Cause = "no_zone"
	CauseForm       Cause = "form"
	CauseBusy       Cause = "busy"
	CauseALPN       Cause = "alpn"
	CauseClear      Cause = "clear"
	CauseClient     Cause = "client"
)

// reasons are the causes in words.
//
//nolint:gochecknoglobals // a table
var reasons = map[Cause]string{
	CauseOff:        "outgoing transfers of the zone are off",
	CauseAddress:    "the address is neither a linked peer's nor in an ACL",
	CauseUnsigned:   "the request is not signed, and the zone's links have a TSIG",
	CauseOtherKey:   "the request is signed with a key that is not the links'",
	CauseUnknownKey: "the signed request names a key that the account does not have, or has with another algorithm (BADKEY)",
	CauseSignature:  "the signed request does not verify: the secret differs (BADSIG)",
	CauseTruncated:  "the signed request's signature is cut short (BADTRUNC)",
	CauseTime:       "the signed request's time is off: the clocks differ (BADTIME)",
	CauseNoZone:     "no such zone is served here",
	CauseForm:       "the request is malformed",
	CauseBusy:       "too many transfers are running",
	CauseALPN:       "the client did not ask for the protocol \"dot\" of TLS (ALPN), which transfers demand",
	CauseClear:      "the request came in clear, and the peer's transfers come by TLS alone",
	CauseClient:     "the client of TLS has not shown a certificate with a key or a name of the peer's that is good now",
}

// AboutKey says whether a cause lies in how the request was signed.
func (c Cause) AboutKey() bool {
	switch c {
	case CauseUnsigned, CauseOtherKey, CauseUnknownKey, CauseSignature, CauseTruncated, CauseTime:
		return true
	default:
		return false
	}
}

// causeOf translates what the verification of a signature gave.
func causeOf(code wire.Rcode) Cause {
	switch code {
	case wire.RcodeBadKey:
		return CauseUnknownKey
	case wire.RcodeBadSig:
		return CauseSignature
	case wire.RcodeBadTime:
		return CauseTime
	case wire.RcodeBadTrunc:
		return CauseTruncated
	default:
		return CauseForm
	}
}

// Report is what happened to a request: the facts of its line in the log.
type Report struct {
	Zone, ZoneID string
	Client       Client // nobody for one that is allowed by an ACL, or a stranger
	Source       netip.AddrPort
	Asked        wire.Type
	TCP          bool
	TLS          *wire.TLS // nil: it came in clear
	Kind         Kind
	From, To     uint32 // serials; From is what the client has, for IXFR
	Records      int
	Messages     int
	Bytes        int64
	Duration     time.Duration
	Key          string // that the request named, verified or not
	Rcode        wire.Rcode
	Cause        Cause  // of a refusal
	Reason       string // of a refusal or a failure, in words; empty after success
}

// Refused says whether there was no answer but a response code.
func (r *Report) Refused() bool { return r.Kind == noAnswer }

// Holds is the serial that the client has after a request, if the request tells. A datagram without a signature tells
// nothing: anybody can send it in another's name.
func (r *Report) Holds() (serial uint32, known bool) {
	switch {
	case r.Refused() || r.Reason != "" || r.Kind == TooLarge || !r.TCP && r.Key == "":
		return 0, false
	case r.Kind == UpToDate:
		return r.From, true // which may be ahead of ours
	}
	return r.To, true
}
