package model

import (
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Change is what somebody asked for: edits that are done together or not at all. All edits concern one zone, or, when
// Zone is empty, things of the account.
type Change struct {
	// ID makes a change idempotent: a second commit under the same ID is answered with ErrDuplicateChange. A change
	// without one is not remembered.
	ID      ID
	Account ID
	Zone    ID
	Actor   Actor
	Edits   []Edit
	// Only, where there is one, says which records may be touched: others are not there for this change, nothing may become one of
	// them, and nothing but records may be changed.
	Only func(*Record) bool
}

// Edit is one step of a Change. The set is closed: the types of this file.
type Edit interface{ edit() }

// AddRecord adds a record. ID, Created and Modified are set by commit. With SkipIdentical a record that is there
// already is passed over without an error (imports). With SkipRefused one that breaks a rule is passed over, too, and
// Outcome.Refused says which.
type AddRecord struct {
	Record        Record
	SkipIdentical bool
	SkipRefused   bool
}

// EditRecord changes a record. Apply gets the current row and returns what it shall become; it runs inside the write
// transaction, so it must be quick and must not block. PATCH and PUT are both this.
type EditRecord struct {
	ID    ID
	Apply func(Record) (Record, error)
}

// DeleteRecord removes a record by id.
type DeleteRecord struct{ ID ID }

// ReplaceAt makes the records at a name those given and no others; those that are there already stay as they are. It is for
// what this server keeps by itself: the audit log does not tell it.
type ReplaceAt struct {
	Name    wire.Name
	Records []Record
}

// CreateZone makes a zone. ID, times, name servers, serial and settings are set by commit where zero. Anywhere says that a
// server administrator asks for it, who may make zones inside those of other accounts, and such as com.
type CreateZone struct {
	Zone     Zone
	Anywhere bool
}

// EditZone changes a zone's own members, its settings or its outgoing configuration; Apply as in EditRecord. Action names
// the edit for the audit log, e.g. "outgoing.enable"; empty is a plain update.
type EditZone struct {
	Action string
	Apply  func(Zone) (Zone, error)
	// Alone says that who asks may change a zone of four eyes by himself: an administrator of the server, who switches that off.
	Alone bool
}

// DeleteZone removes the zone with all its records, links and history.
type DeleteZone struct{}

// NotifyZone asks for a NOTIFY to every linked peer of the zone though nothing changed.
type NotifyZone struct{}

// RaiseSerial gives the zone a version whose serial is at least AtLeast (RFC 1982), so that secondaries that hold a later
// serial than ours follow again. A zone that is there already stays as it is. What one step cannot reach is refused.
type RaiseSerial struct{ AtLeast uint32 }

// AddTSIG makes a key. Its ID and account are set by commit.
type AddTSIG struct{ TSIG TSIG }

// EditTSIG changes a key; Apply as in EditRecord. The ID and the account stay.
type EditTSIG struct {
	ID    ID
	Apply func(TSIG) (TSIG, error)
}

// RetireTSIG ends a key that has a successor: its peers have the successor from then on, and the key is gone.
type RetireTSIG struct{ ID ID }

// EditPeer changes what a peer's transfers may come by, and hold; Apply as in EditRecord. Nothing else of what it gives counts.
type EditPeer struct {
	ID    ID
	Apply func(Peer) (Peer, error)
	// Allowed says whether who asks may have this server connect to an address, Sources whether NOTIFY may leave from one; nil: any.
	Allowed, Sources func(netip.Addr) bool
}

// The edits that create an object (ID empty) or replace all of it (ID set; ErrNotFound when there is none).
type (
	// PutPeer is that for a peer. Allowed says whether who asks may name an address; nil: any. A peer keeps the address and
	// port that it has, and its transport, of which programs that put peers know nothing. Stripped says what DNSSEC
	// has to be said to it; unset: what it was.
	PutPeer struct {
		Peer     Peer
		Stripped Switch
		Allowed  func(netip.Addr) bool
	}
	// PutACL is that for a range of addresses.
	PutACL struct{ ACL ACL }
)

// The edits that remove an object; one that is in use is refused with an Invalid.
type (
	// DeleteTSIG removes a key.
	DeleteTSIG struct{ ID ID }
	// DeletePeer removes a peer.
	DeletePeer struct{ ID ID }
	// DeleteACL removes a range of addresses.
	DeleteACL struct{ ID ID }
)

// CreateAccount makes an account.
type CreateAccount struct{ Account Account }

// EditAccount changes an account; Apply as in EditRecord.
type EditAccount struct {
	Action string
	Apply  func(Account) (Account, error)
}

// Revert brings a zone back to what it was: with ordinary edits, under a new serial. Base is the newest entry of the zone's history when the
// rest was worked out; if another has come since, nothing is done and the error has CodeUndoMoved. All records go first and come then,
// so they may change places; those that come have the ids that they had. Whatever breaks a rule is told, record by record, by Clashes.
type Revert struct {
	Base    Place
	Facts   AuditFacts // what is brought back, for the audit log
	Records []RevertRecord
	// Settings gives the zone its settings of then; nil leaves them.
	Settings func(Zone) (Zone, error)
	Policies []RevertPolicy
}

// RevertPolicy is what a policy of updates shall be; nil for none.
type RevertPolicy struct {
	ID ID
	To *UpdatePolicy
}

// RevertRecord is what a record shall be; nil for none.
type RevertRecord struct {
	ID ID
	At wire.Name // where it stands now; empty for nowhere
	To *Record
}

// Clashes are the reasons why a revert was not made: all of them, and never none.
type Clashes struct{ List []Clash }

// Clash is one of them: of a record, a setting, a policy of updates, or nothing of these.
type Clash struct {
	ID      ID
	Setting string
	Policy  ID
	Err     *Invalid
}

func (c *Clashes) Error() string { return c.List[0].Err.Message }

// Unwrap gives the first.
func (c *Clashes) Unwrap() error { return c.List[0].Err }

// Relearn re-renders names of the zone because something outside the rows changed: a flattened target's addresses, or
// the edge pool. Nil Names means every name that depends on such things.
type Relearn struct{ Names []string }

func (AddRecord) edit()     {}
func (EditRecord) edit()    {}
func (DeleteRecord) edit()  {}
func (ReplaceAt) edit()     {}
func (CreateZone) edit()    {}
func (EditZone) edit()      {}
func (DeleteZone) edit()    {}
func (NotifyZone) edit()    {}
func (RaiseSerial) edit()   {}
func (AddTSIG) edit()       {}
func (EditTSIG) edit()      {}
func (RetireTSIG) edit()    {}
func (EditPeer) edit()      {}
func (PutPeer) edit()       {}
func (PutACL) edit()        {}
func (DeleteTSIG) edit()    {}
func (DeletePeer) edit()    {}
func (DeleteACL) edit()     {}
func (CreateAccount) edit() {}
func (EditAccount) edit()   {}
func (Relearn) edit()       {}
func (Revert) edit()        {}

// Import asks for many records to be added to a zone together, or none of them. Their IDs and times are set by commit, which
// keeps them: the caller must not touch them any more.
type Import struct {
	ID      ID // as of a Change
	Account ID
	Zone    ID
	Actor   Actor
	Records *Pack
	// Lenient passes over records that break a rule; otherwise the first of them is the error, an EditError.
	Lenient bool
}

// Undelete asks for a deleted zone to come back.
type Undelete struct {
	Account ID
	Zone    ID
	Actor   Actor
	// Anywhere says that a server administrator asks for it (CreateZone).
	Anywhere bool
	Trial    bool // as of a Change
}

// Undeleted answers an Undelete. Gone are peers to which the zone had links that it has not any more: they are not there, or do not go
// together with the others; and keys that are not there, and had policies of updates.
type Undeleted struct {
	Zone Zone
	Seq  Seq
	Gone []ID
}

// Imported answers an Import. Notes are of records that were passed over, in order.
type Imported struct {
	Added  int
	Notes  []ImportNote
	Seq    Seq
	Serial uint32
}

// ImportNote is a record that was passed over: an identical one is there, or it breaks a rule.
type ImportNote struct {
	Index   int      // in Import.Records
	Refused *Invalid // nil for an identical one
}

// Outcome is what one Edit led to: the object as it is now (for deletions, as it was). The member of the edit's kind is
// set.
type Outcome struct {
	Record  *Record
	Zone    *Zone
	TSIG    *TSIG
	Peer    *Peer
	ACL     *ACL
	Account *Account
	Kept    *Kept
	Draft   *Draft
	// UpdatePolicy is that of PutUpdatePolicy, EditUpdatePolicy and DeleteUpdatePolicy.
	UpdatePolicy *UpdatePolicy
	Skipped      bool // AddRecord with SkipIdentical found it there
	// Refused says why AddRecord with SkipRefused added nothing.
	Refused *Invalid
}

// Result answers a Change: one outcome an edit, in order, and the journal position from which it can be seen.
type Result struct {
	Outcomes []Outcome
	Seq      Seq
	Serial   uint32
}

// Seq is a position in the journal. Positions rise by one, in commit order, across all zones; 0 is before the first.
type Seq uint64

// EntryKind tells what a journal entry does to a node's memory.
type EntryKind uint8

// The kinds of journal entries.
const (
	// EntryDelta applies Body, an encoded zone.Delta pair, to the zone.
	EntryDelta EntryKind = 1
	// EntryReset loads the zone's image anew (it stands in the store at this Seq or later).
	EntryReset EntryKind = 2
	// EntryAccess replaces what the fast half knows of who may transfer and whom to notify: of a zone when Zone is set,
	// of an account otherwise.
	EntryAccess EntryKind = 3
	// EntryGone removes the zone.
	EntryGone EntryKind = 4
	// EntryNotify asks for a NOTIFY though nothing changed.
	EntryNotify EntryKind = 5
)

// Entry is one row of the journal. Body is opaque to the store. Secret is, too, but the store encrypts it at rest.
type Entry struct {
	Seq     Seq
	Kind    EntryKind
	Account ID
	Zone    ID
	Serial  uint32 // of the zone after this entry
	At      time.Time
	Body    []byte
	Secret  []byte
	Sealed  bool // there is a secret, and this node has no key to open it
}

// Image is a zone's contents as of Seq, exactly as served. Served and Transfer are encoded zone versions (opaque to the
// store); an empty Transfer means that the faces are the same.
type Image struct {
	Zone     ID
	Account  ID
	Name     string // wire.Name of the apex, as bytes
	Seq      Seq
	Serial   uint32
	Served   []byte
	Transfer []byte
}
