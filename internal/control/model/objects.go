package model

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// ID names an object: 32 lower-case hexadecimal digits.
type ID string

// Account owns zones, keys, peers and ACLs.
type Account struct {
	ID      ID
	Name    string
	Type    string // "standard" or "enterprise"
	Created time.Time
	// EnforceTwoFactor closes the account to members without a second factor, whatever they come with.
	EnforceTwoFactor bool
	// OutgoingTransfers is the entitlement; a zone's own value, when set, beats it.
	OutgoingTransfers bool
	// ZoneDefaults are the DNS settings that new zones start with.
	ZoneDefaults Settings
	// EnforceDNSOnly answers every record of the account as DNS only.
	EnforceDNSOnly bool
	// EdgeAddresses replace the server's pool when not empty.
	EdgeAddresses []netip.Addr
	// TransferMode is what new zones start with.
	TransferMode TransferMode
	// SharesNames are accounts that may have zones above and below those of this one, if they say the same of it.
	SharesNames []ID
	// StrictReview lets enable refuse what no secondary can load.
	StrictReview bool
	// KeyEach lets peers of one zone have keys of their own; else all of them share one, which is the upstream's rule.
	KeyEach bool `json:",omitempty"`
	// Suspended closes the account to its members and tokens. Its zones are answered and transferred as before.
	Suspended bool
	// HistoryDays is how long the history of the account's zones is kept; 0: DefaultHistoryDays.
	HistoryDays int `json:",omitempty"`
	// Quotas are those in which the account differs from the server's.
	Quotas Quotas `json:",omitempty"`
}

// DefaultHistoryDays is how long history is kept where an account says nothing else, HistoryDaysMost the most that one may say.
const (
	DefaultHistoryDays = 90
	HistoryDaysMost    = 3650
)

// HistoryKept is how long the history of the account's zones is kept.
func (a *Account) HistoryKept() time.Duration {
	days := a.HistoryDays
	if days == 0 {
		days = DefaultHistoryDays
	}
	return time.Duration(days) * 24 * time.Hour
}

// Relative is a zone of another account above or below a name.
type Relative struct {
	Account ID
	Zone    wire.Name
}

// TransferMode chooses the transfer face: what secondaries get.
type TransferMode string

// The two transfer modes; the zero value reads as ModeOrigin.
const (
	ModeOrigin TransferMode = "origin"
	ModeEdge   TransferMode = "edge"
)

// Settings are a zone's DNS settings, or an account's defaults for them.
type Settings struct {
	NSType             string // "cloudflare.standard", …
	NSSet              int    // 1 to 5
	FoundationDNS      bool
	MultiProvider      bool // the older use_apex_ns, the same stored value
	SOA                SOA
	NSTTL              uint32
	FlattenAll         bool
	SecondaryOverrides bool
	ReferenceZone      ID     // internal_dns.reference_zone_id, kept without effect
	ZoneMode           string // "standard", "cdn_only", "dns_only"
}

// SOA holds the operator's part of a zone's SOA record; times are in seconds. An empty MName means the first assigned
// name server. MName and RName are kept as sent.
type SOA struct {
	MName, RName                        string
	Refresh, Retry, Expire, MinTTL, TTL uint32
}

// DefaultSettings are what a zone has when its account says nothing else (contract section 6).
func DefaultSettings() Settings {
	return Settings{
		NSType: "cloudflare.standard", NSSet: 1, NSTTL: 86400, ZoneMode: "standard",
		SOA: SOA{Refresh: 10000, Retry: 2400, Expire: 604800, MinTTL: 1800, TTL: 3600},
	}
}

// StatusActive is what every zone is from its creation on. Delegation is shown and never waited for, so that there is no
// other.
const StatusActive = "active"

// StatusCatalog is what a catalog zone is (RFC 9432): one that this server keeps by itself for a peer, and shows to nobody else.
const StatusCatalog = "catalog"

// Catalog says whether the zone is a catalog; it is linked to one peer, whose it is.
func (z *Zone) Catalog() bool { return z.Status == StatusCatalog }

// Zone is one zone as its operator sees it.
type Zone struct {
	ID          ID
	Account     ID
	Name        wire.Name
	Type        string // "full", …
	Status      string // StatusActive
	Paused      bool
	Created     time.Time
	Modified    time.Time
	Activated   time.Time
	NameServers []string // assigned, host form without final dot
	VanityNS    []string // instead of the assigned ones, likewise; empty for none
	Settings    Settings
	Mode        TransferMode
	// OutgoingTransfers is the zone's own entitlement; nil leaves it to the account.
	OutgoingTransfers *bool
	Outgoing          *Outgoing // nil until configured
	// Serial is the SOA serial of the newest committed transfer face.
	Serial uint32
	// Seq is the newest journal entry of the zone; a change is guarded by it.
	Seq Seq
	// DNSSEC is what is wanted of the zone's signatures.
	DNSSEC DNSSEC
	// Updates are the policies by which keys may change records by messages (RFC 2136); none: no messages are taken.
	Updates []UpdatePolicy
	// Digest has the zone carry a digest of itself (ZONEMD, RFC 8976).
	Digest bool
	// Told is where the newest entry of the zone's history stands.
	Told Place
	// FourEyes has the zone changed by approved drafts alone; nil: as anybody may who may write.
	FourEyes *FourEyes
	// Importing says that an import is on its way into the zone: until it is over, its records cannot be changed.
	Importing bool
}

// DeletedKept is how long a deleted zone can come back.
const DeletedKept = 14 * 24 * time.Hour

// DeletedZone is a zone that was deleted and can come back until then: as it was, its serial the last that it had.
type DeletedZone struct {
	Zone

	Records, Octets int64
	Deleted, Until  time.Time
}

// NS are the names of the zone's own name servers, as the apex and the SOA have them: its vanity ones, else those that it
// was assigned.
func (z *Zone) NS() []string {
	if len(z.VanityNS) > 0 {
		return z.VanityNS
	}
	return z.NameServers
}

// Outgoing is a zone's outgoing transfer configuration: its links to peers and the switch.
type Outgoing struct {
	Name     string // as sent
	Peers    []ID   // in the order sent
	Enabled  bool
	Groups   map[ID]string `json:",omitempty"` // of the zone in the catalogs of linked peers (RFC 9432 section 4.3.2)
	Created  time.Time
	Modified time.Time
}

// Record is one record as the API stores it.
type Record struct {
	ID   ID
	Zone ID
	Name wire.Name
	Type wire.Type
	// Content is what the API answers as content, spelled as the client sent it where the contract says so.
	Content string
	// Priority is the API's top-level member; meant for MX, SRV and URI, and kept nil elsewhere.
	Priority *uint16
	// RData is the record's RDATA in canonical, uncompressed wire form: what is served and what is compared.
	RData    []byte
	TTL      uint32 // 1 is "automatic", served as 300
	Proxied  bool
	Settings RecordSettings
	Comment  string
	Tags     []string // in the order sent
	Created  time.Time
	Modified time.Time
	// CommentModified and TagsModified are zero while there is no comment, no tag.
	CommentModified time.Time
	TagsModified    time.Time
}

// RecordSettings are the per-record switches.
type RecordSettings struct {
	FlattenCNAME, IPv4Only, IPv6Only bool
}

// TSIG is a transfer key of an account.
type TSIG struct {
	ID      ID
	Account ID
	Name    string // as sent; compared as a domain name
	Algo    string // as sent; compared as a domain name
	Secret  string // base64, as sent
	// Successor is the key that follows this one, while both open the zones of the peers that have this one; empty for none.
	Successor ID `json:",omitempty"`
}

// Peer is a secondary DNS server of an account.
type Peer struct {
	ID      ID
	Account ID
	Name    string
	IP      netip.Addr // invalid when not set: no NOTIFY goes out and nothing is allowed by it
	IPText  string     // as sent
	Port    uint16     // of NOTIFY; 53 when not sent
	IXFR    Switch     // stored for clients; a primary always accepts IXFR
	TSIG    ID         // empty for none

	Transport  Transport // what its transfers may come by
	ClientKeys string    // digests that ClientKeys reads, separated by spaces; empty: any client. They need TransportTLS
	// ClientNames are names, separated by spaces, of which a certificate of its clients must have one, signed by Authority; empty: any
	// client. They need TransportTLS and an Authority.
	ClientNames string   `json:",omitempty"`
	Authority   string   `json:",omitempty"` // certificates, in PEM, that the peer's are signed by
	Notify      NotifyBy `json:",omitzero"`
	// Stripped says that it signs zones itself, and gets them without our signatures and keys.
	Stripped bool `json:",omitempty"`
	// Catalog is the zone that is its catalog; empty for none. MayLose are losses of it that somebody has confirmed, as package
	// catalog names them.
	Catalog ID     `json:",omitempty"`
	MayLose string `json:",omitempty"`
}

// NotifyBy is how a peer is told of changes. The zero value is a datagram in clear.
type NotifyBy struct {
	TLS    bool   `json:",omitempty"`
	Clear  bool   `json:",omitempty"` // with TLS: whoever is there will do, and where TLS does not come about it is told in clear
	Port   uint16 `json:",omitempty"` // of TLS; 853 when 0
	Server string `json:",omitempty"` // name that the peer's certificate must have; empty: any
	Keys   string `json:",omitempty"` // digests of keys of which it must have one, separated by spaces; empty: any
	// Sources are addresses that it is told from, one of a family at most, separated by a space; the server's for a family that has none.
	Sources string `json:",omitempty"`
}

// Transport is what transfers of a peer may come by.
type Transport uint8

// The transports of a peer.
const (
	TransportAny Transport = iota
	TransportTLS           // TLS alone (RFC 9103)
)

// Switch is a choice that may never have been made. Clients that compare what they read with what they sent tell that from
// off.
type Switch uint8

// The states of a Switch.
const (
	SwitchUnset Switch = iota
	SwitchOff
	SwitchOn
)

// ACL allows transfers of all zones of its account from a range of addresses.
type ACL struct {
	ID      ID
	Account ID
	Name    string
	Range   string // as sent, host bits kept
	Prefix  netip.Prefix
}

// User is a person or a robot that signs in.
type User struct {
	ID           ID
	Email        string
	FirstName    string
	LastName     string
	Admin        bool   // server administrator: may everything, in every account
	PasswordHash string // argon2id, PHC string form; empty: no password sign-in
	KeyHash      []byte // SHA-256 of the global API key; empty for none
	Created      time.Time
	Modified     time.Time
	Suspended    bool // may not come in, by whatever credential
	// Sessions is a random value that all open sessions of the user hang on: another one ends them.
	Sessions []byte
	// TwoFactor is since when signing in takes a code, too; zero: it does not.
	TwoFactor time.Time `json:",omitzero"`
}

// SecondFactor is what a user signs in with beside the password: an authenticator's secret (TOTP, RFC 6238) and recovery codes.
type SecondFactor struct {
	User     ID
	Since    time.Time
	Step     int64     // the last that was used; it and those before open nothing any more
	Recovery [][]byte  // digests of the codes that are left
	Guessed  time.Time // when wrong codes will be forgotten
	// PendingSince is when the secret was drawn that waits to be confirmed.
	PendingSince time.Time
	// Secret counts, Pending will once it is confirmed. They are encrypted where they are kept.
	Secret, Pending []byte `json:"-"`
}

// Login is as whom a provider of sign-ins (OpenID Connect) knows a user. ID is a digest of issuer and subject.
type Login struct {
	ID, User        ID
	Issuer, Subject string
	Email           string // that the provider told when it was linked
	Created         time.Time
}

// Passkey is a key pair of a user's (WebAuthn), of which this server has the public half. ID is a digest of the credential's own id.
type Passkey struct {
	ID, User ID
	Name     string
	Created  time.Time
	Used     time.Time `json:",omitzero"` // when it last let somebody in
	// Credential is what has to be known to check what the authenticator signs: JSON that package passkey alone reads.
	Credential []byte
}

// Session is somebody signed in to the dashboard. Its cookie names it; without its row it is over.
type Session struct {
	ID    ID     // issued is its first half: Unix seconds
	Owner ID     // the user, or the account of a token that is an account's
	Token ID     // by which it was opened; empty for a user's own
	Way   string // how it was opened: one of auth's ways
	From  netip.Addr
	Agent string // what the browser says of itself
	// Print is a fingerprint of what the session hangs on: of the user's password and sessions value, or of the token.
	Print []byte

	// Used and Last are when and from where it was last used, to the minute: written a while after.
	Used time.Time  `json:"-"`
	Last netip.Addr `json:"-"`
}

// Member ties a user to an account with a role.
type Member struct {
	ID      ID
	Account ID
	User    ID
	Role    string     // "administrator" (all of the account), "read_only", or "by_zone": Zones alone
	Zones   []ZoneRole `json:",omitempty"` // what he may in single zones beside that; in order of zone and role, each once
	Status  string     // "pending" until the user has accepted the invitation, then "accepted"
	Created time.Time
	// ByGroups says that a provider's groups have made the membership: they change it and take it away, too.
	ByGroups bool `json:",omitempty"`
	// Suspended says whether the account is, as it was when the membership was read. It is no part of the membership.
	Suspended bool `json:"-"`
	// Strict is the account's EnforceTwoFactor, likewise.
	Strict bool `json:"-"`
}

// AllZones stands for every zone of an account, those to come too.
const AllZones ID = "*"

// ZoneRole is what a member may in a zone: Role is one of auth's roles by zone, Zone an id or AllZones.
type ZoneRole struct {
	Zone ID
	Role string
}

// Token is an API token of a user (Account empty) or of an account (User empty).
type Token struct {
	ID                 ID
	Name               string
	User               ID
	Account            ID
	Hash               []byte // SHA-256 of the token's value
	Status             string // "active", "disabled"; "expired" follows from Expires
	Issued             time.Time
	Modified           time.Time
	LastUsed           time.Time
	NotBefore, Expires time.Time // zero for no bound
	Policies           []Policy
	// Condition is the client's condition object, byte for byte, so that it reads back as sent; empty for none. In and
	// NotIn are what it says about the address.
	Condition []byte
	In, NotIn []netip.Prefix
	Maker     Maker
}

// Maker says who made a token: the user, and the token that the user came by, each empty where there was none.
type Maker struct{ User, Token ID }

// Policy is one of a token's grants or denials.
type Policy struct {
	ID     ID
	Effect string // "allow" or "deny"
	Groups []ID   // permission groups
	// Resources is the client's resources object, byte for byte; Scopes is what it means.
	Resources []byte
	Scopes    []Scope
}

// Scope is one resource a policy reaches. An ID of "*" means all; Account bounds a nested "all zones of the account".
type Scope struct {
	Kind    string // "account", "zone", "user"
	ID      string
	Account ID
}

// BySystem is the context of what this server does by itself.
const BySystem = "system"

// Actor says who acts, for the audit log.
type Actor struct {
	User    ID
	Email   string
	Token   ID
	Context string // "api_key", "api_token", "dash", "system"
	IP      netip.Addr
	Request string // request id
	Note    string // what who acts has to say of it
}

// AuditHead is what an entry of the audit log says of everything that it tells: where it stands, who did it, and when.
type AuditHead struct {
	ID       ID
	Account  ID // in whose log it stands: an account, or a user; empty for the server's own
	Zone     ID // empty when the object is of the account
	ZoneName string
	Actor    Actor
	When     time.Time
	// From and To are the zone's serial before the commit that the change came with, and after it: 0 before there was the zone. They are
	// equal where secondaries got nothing new.
	From, To uint32
}

// Place is where an entry stands in its log; the zero Place is none.
type Place struct {
	At int64 // microseconds since 1970
	ID ID
}

// Place is where the entry stands.
func (h *AuditHead) Place() Place { return Place{h.When.UnixMicro(), h.ID} }

// AuditPart is what happened to one object. Before and After are it as values of this package, without its secrets: a Record (or,
// where it is written, a pointer to one that does not change any more), Zone, Account, TSIG, Peer, ACL, User, AuditMember or Token, or
// else AuditFacts or AuditText; nil for none.
type AuditPart struct {
	Action        string // "create", "update", "delete"
	Legacy        string // the action of audit log v1: "rec_add", …
	Resource      string // "dns.record", "zone", "secondary_dns.tsig", …
	ResourceID    ID
	Before, After any
}

// Audit is what one change leaves in one log.
type Audit struct {
	AuditHead
	Parts []AuditPart
}

// AuditLine is one part of an entry as the log is read. Its ID is its own.
type AuditLine struct {
	AuditHead
	AuditPart
}

// AuditMember is a member together with the user as he was then.
type AuditMember struct {
	ID           ID
	Role, Status string
	Zones        []ZoneRole
	User         User
}

// AuditFacts is what there is to say where no object tells it, such as how many records an import brought.
type AuditFacts []AuditFact

// Words are all of them in a line.
func (f AuditFacts) Words() string {
	out := make([]string, 0, len(f))
	for _, one := range f {
		text := one.Text
		if text == "" {
			text = strconv.FormatInt(one.Number, 10)
		}
		out = append(out, one.Name+" "+text)
	}
	return strings.Join(out, "; ")
}

// Facts that are told of an import: how many records it brought, and the instant in which all of them were made, in microseconds.
const (
	FactImported = "imported"
	FactStamp    = "created_micros"
)

// AuditFact is a text or, if that is empty, a number.
type AuditFact struct {
	Name   string
	Text   string
	Number int64
}

// AuditText is a JSON object that an earlier version has written.
type AuditText []byte
