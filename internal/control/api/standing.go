package api

import (
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// SecondaryState says how a secondary stands to us, by cause.
type SecondaryState string

// The states of secondaries.
const (
	SecondaryInStep      SecondaryState = "in_step"     // holds our serial
	SecondaryBehind      SecondaryState = "behind"      // holds an older one
	SecondaryAhead       SecondaryState = "ahead"       // holds a newer one, and takes nothing from us
	SecondaryRefuses     SecondaryState = "refuses"     // answers with an error
	SecondaryWrongKey    SecondaryState = "wrong_key"   // signs, or wants us to sign, otherwise than agreed
	SecondaryNoZone      SecondaryState = "no_zone"     // answers, but does not have the zone
	SecondaryUnreachable SecondaryState = "unreachable" // does not answer
	SecondaryNoAddress   SecondaryState = "no_address"  // cannot be asked
	SecondaryUnknown     SecondaryState = "unknown"     // was never heard of
	SecondaryDiffers     SecondaryState = "differs"     // holds our serial, and other contents
)

// Secondaries is what is known of a zone's secondaries: its linked peers, and the names of its NS RRset as seen from
// outside; and who else was refused the zone. Serial and Enabled are filled in by the API.
type Secondaries struct {
	Peers       []SecondaryPeer
	NameServers []SecondaryNS
	Strangers   []Stranger
}

// SecondaryPeer is one linked peer. Zero times mean never; nil pointers mean unknown.
type SecondaryPeer struct {
	Peer           model.ID
	Name           string
	Address        string // address and port of NOTIFY; empty without
	State          SecondaryState
	NotifySource   string  // address that NOTIFY leaves from; empty where the system chooses
	Cause          string  // why it is not in step, in words; empty where that is all that is known
	Serial         *uint32 // newest that it is known to hold
	RaiseTo        *uint32 // of one that is ahead: the serial that it would take
	VersionsBehind *int
	SecondsBehind  *int64
	Seen           time.Time // last SOA query, transfer or answer to a NOTIFY
	Key            string    // that it last signed a request with; empty where it was not seen to
	KeyOn          time.Time // when that was
	LastNotify     *NotifyEvent
	LastTransfer   *TransferEvent
	LastRefusal    *RefusalEvent
	History        []SecondaryEvent // newest first
	Compared       *Compared        // nil: never
}

// Compared is what came of comparing a secondary's contents with ours.
type Compared struct {
	On         time.Time
	Serial     uint32 // that both served
	Whole      bool   // all of it; else some answers
	Questions  int    // answers, or records
	Difference string // the first, in words; empty: none
}

// Stranger is an address that was refused the zone and is no linked peer's.
type Stranger struct {
	Address   string
	Cause     string // as in RefusalEvent
	Reason    string
	Key       string
	Since, On time.Time
	Count     int
}

// NotifyEvent is a NOTIFY as it went: Answer is an rcode's name, or what went wrong in words.
type NotifyEvent struct {
	On       time.Time
	Serial   uint32
	Attempts int
	Answer   string

	Transport string // "udp" or "tls"
}

// TransferEvent is a transfer that was served. From is nil for AXFR.
type TransferEvent struct {
	On      time.Time
	Kind    string // "AXFR", "IXFR" or "AXFR-style IXFR"
	From    *uint32
	Serial  uint32
	Records int
	Bytes   int64
	Took    time.Duration
	Key     string // name of the TSIG; empty for none
	Outcome string
	OneOf   []string // names of the peers that it may have been, where it is not certain that it was this one

	Transport         string // "udp", "tcp" or "tls"
	TLS               string // its version; empty in clear
	Client, ClientKey string // what the client's certificate calls it, and the digest of its key; empty without one
}

// RefusalEvent is a request of the peer that was refused.
type RefusalEvent struct {
	On      time.Time
	Address string
	Cause   string // a word: "signature", "unknown_key", "unsigned", "off", …
	Reason  string // the same in words
	Key     string // that the request named
	OneOf   []string
}

// SecondaryEvent is one point of a peer's timeline.
type SecondaryEvent struct {
	On     time.Time // the last time
	Since  time.Time // the first
	Count  int       // how often in a row; of a NOTIFY, how many messages
	Event  string    // "notify", "transfer", "refusal", "probe" or "state"
	Serial *uint32
	Text   string
}

// SecondaryNS is one name of the zone's NS RRset, asked from outside.
type SecondaryNS struct {
	Name, Address string
	State         SecondaryState
	Serial        *uint32
	Seen          time.Time
	Error         string
}

// KeyUse says which of two keys a peer uses for a zone, one of which follows the other.
type KeyUse struct {
	Peer model.ID
	Zone string // host form
	Use  string // "old", "new", "unsure" (perhaps it was another peer at its address) or "unseen"
	On   time.Time
}

// SigningFacts is what a node knows of a zone's signatures beside the zone's rows. Zero times are unknown.
type SigningFacts struct {
	Expires  time.Time // the earliest end of a signature that secondaries get
	Progress *SigningProgress
	Trouble  string // why signatures are not made, in words; empty if they are
}

// SigningProgress is work on a whole zone: of Total records, Done are signed.
type SigningProgress struct {
	What        string
	Done, Total int
	Since       time.Time
}

// Catalog is what a catalog zone lists. Lost are members that should not be listed any more; if Held, they stay until somebody
// confirms it, by the name Losses.
type Catalog struct {
	Serial        uint32
	Members, Lost []CatalogMember
	Held          bool
	Losses        string
}

// CatalogMember is a zone of a catalog.
type CatalogMember struct {
	Zone  model.ID
	Name  string // host form
	Group string
}

// ZoneDigest is a zone's digest (ZONEMD, RFC 8976) as it is published, and how large zones may be that have one, in octets.
type ZoneDigest struct {
	Octets, Limit int
	Data          []byte // of the record; nil for none
}

// ErrorReports is what resolvers reported of a zone (RFC 9567) to one node.
type ErrorReports struct {
	Agent          string // domain that they report to; empty: they are told of none
	Ready          bool   // questions below it are answered
	Node           string // its NSID
	Total, Dropped uint64 // reports, and kinds of them that are not kept
	Reports        []ErrorReport
}

// ErrorReport is what was reported of one name, type and error.
type ErrorReport struct {
	Name, Type  string
	Code        int // RFC 8914
	Count       uint64
	First, Last time.Time
	From        string // address of the resolver that reported it last
}

// AccessQuestion is a request of a secondary.
type AccessQuestion struct {
	Address   netip.Addr
	Type      wire.Type // AXFR, IXFR or SOA
	TCP, TLS  bool
	Key       wire.Name // of the TSIG; empty: unsigned
	ClientKey string    // digest of the public key of the client's certificate; empty for none
	// ClientName is a name that the certificate has, under the authority of whichever peer has it; empty for none.
	ClientName string
}

// AccessDecision is what becomes of it. Peer or Range is the rule that decides: that of a linked peer, or an ACL; neither, if none of
// them says anything. OneOf are the names of the peers that it may come from.
type AccessDecision struct {
	Rcode, Cause, Reason string // Cause and Reason are empty where it is answered
	Peer                 model.ID
	PeerName             string
	Range                netip.Prefix
	OneOf                []string
}

// LiveWanted is what somebody waits for: a serial, or a later one, at so many servers; 0: at all.
type LiveWanted struct {
	Serial uint32
	Quorum int
}

// Liveness is who serves that. Serial is the zone's.
type Liveness struct {
	Live    bool
	Serial  uint32
	Servers []LiveServer
}

// LiveServer is a linked peer, or an address of a name of the NS RRset. Nil and zero are unknown and never.
type LiveServer struct {
	Name, Address string
	Peer          bool
	State         SecondaryState
	Cause         string
	Serial        *uint32 // that it answered with last
	Seen          time.Time
	Live          bool
}
