package zone

import (
	"net/netip"
	"sync/atomic"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Version is one immutable state of a zone's contents.
type Version struct{}

// Build makes a version from RRsets in any order; sets of one owner and type are merged. It must find one SOA at apex.
func Build(apex wire.Name, sets []rr.Set) (*Version, error) { panic("stub") }

// Apply gives the version that d leads to; what d does not touch is shared. A removed record that is not there or an
// added one that is, and a wrong From serial, are errors and leave v as it is.
func (v *Version) Apply(d *Delta) (*Version, error) { panic("stub") }

// Apex, Serial, Records (number of RRs) and Size (bytes of all pages) describe the version.
func (v *Version) Apex() wire.Name { panic("stub") }
func (v *Version) Serial() uint32  { panic("stub") }
func (v *Version) Records() int    { panic("stub") }
func (v *Version) Size() int       { panic("stub") }

// Sets returns the RRsets at owner, uncompressed, nil if there are none: what primary diffs against. Not for the hot path.
func (v *Version) Sets(owner wire.Name) []rr.Set { panic("stub") }

// SOA returns the apex SOA's rdata uncompressed and its ttl.
func (v *Version) SOA() (rdata []byte, ttl uint32) { panic("stub") }

// Walk yields every RRset in canonical order of owners, the apex SOA included where it stands in order. owner is valid
// during the call only.
func (v *Version) Walk(yield func(owner []byte, set RRset) bool) { panic("stub") }

// Append encodes the version (docs/formats/image.md); Decode is its inverse and checks what it reads.
func (v *Version) Append(dst []byte) []byte { panic("stub") }

// Decode reads what Append wrote; it keeps no reference to b.
func Decode(b []byte) (*Version, error) { panic("stub") }

// RRset is a view of one RRset in a page.
type RRset struct {
	Type wire.Type
	TTL  uint32
}

// Len is the number of records.
func (s RRset) Len() int { panic("stub") }

// AppendRData appends RDLENGTH and RDATA of record i. Names that end in the apex and may be compressed (RFC 3597
// section 4: only NS, CNAME, SOA, PTR, MX and their kind) end in a pointer to apexPtr, the offset of the apex in the
// message; with apexPtr 0 they are written in full.
func (s RRset) AppendRData(dst []byte, i int, apexPtr uint16) []byte { panic("stub") }

// Delta leads from one version to the next. Removed and Added are RRs in uncompressed wire form, one after another:
// owner, type, class, ttl, rdlength, rdata. Where the serial changes (From != To) the first RR of Removed is the old
// SOA and the first of Added the new one, so that IXFR (RFC 1995) sends the two in turn as they are.
type Delta struct {
	From, To       uint32
	Removed, Added []byte
}

// Step is what a journal entry does to a zone: a delta for each face. A nil Served means the served face changes just
// as the transfer face. A Transfer with From == To and nothing in it leaves the transfer face (and serial) alone.
type Step struct {
	Transfer Delta
	Served   *Delta
}

// Append encodes the step (docs/formats/journal.md); DecodeStep is its inverse: bounded, checking every length.
func (s *Step) Append(dst []byte) []byte { panic("stub") }

// DecodeStep reads what Step.Append wrote. The result points into b.
func DecodeStep(b []byte) (*Step, error) { panic("stub") }

// Peer is a linked secondary. Addr is invalid when the peer has no address.
type Peer struct {
	ID   string
	Name string
	Addr netip.AddrPort
	Key  *tsig.Key // nil for none
}

// Account is what the fast half knows of an account; immutable, replaced as a whole.
type Account struct {
	ID    string
	ACL   []netip.Prefix
	Keys  []*tsig.Key
	Peers map[string]Peer // by id
}

// Links are a zone's part of access: which of the account's peers it is linked to, and whether transfers are on
// (switched on and entitled).
type Links struct {
	Enabled bool
	Peers   []string // ids
}

// Access is who may transfer a zone and whom to notify, resolved from Links and Account.
type Access struct {
	Enabled bool
	Peers   []Peer
	ACL     []netip.Prefix
	Key     *tsig.Key   // what the links demand; nil when no linked peer has a key
	Keys    []*tsig.Key // all keys of the account: to tell "wrong key for this zone" from "unknown key"
}

// State is all of a zone that readers see at one moment: one pointer load gives it whole. It is immutable.
type State struct {
	Seq      uint64 // journal position of the newest entry in it
	Served   *Version
	Transfer *Version // the same pointer as Served where the faces agree
	History  History  // deltas of the transfer face that lead to Transfer's serial
	Links    Links
}

// History is a chain of recent deltas of the transfer face, immutable, bounded in bytes by its zone.
type History struct{}

// Since returns the deltas that lead from serial to the newest version, oldest first, and whether the history reaches
// back that far. From the newest serial itself it returns an empty chain and true.
func (h History) Since(serial uint32) ([]*Delta, bool) { panic("stub") }

// Zone is one zone of the database. Its state changes by whole pointers.
type Zone struct {
	ID    string
	Name  wire.Name
	state atomic.Pointer[State]
}

// State loads the current state; never nil for a zone found in a DB.
func (z *Zone) State() *State { return z.state.Load() }

// Access resolves the zone's links against its account as both are now. Not for the query path: it allocates.
func (z *Zone) Access() Access { panic("stub") }

// DB is every zone that this node serves: the only bridge between the careful half, which writes it through one
// goroutine (feed), and the fast half, which reads it without locks.
type DB struct{}

// NewDB returns an empty database. historyBytes bounds each zone's history (0: a default).
func NewDB(historyBytes int) *DB { panic("stub") }

// Find returns the zone with the longest apex that name (lower-case wire form) is in, or nil. No lock, no allocation.
func (db *DB) Find(name []byte) *Zone { panic("stub") }

// FindParent is Find for the names above name: who answers a DS query at an apex (RFC 4035 section 3.1.4.1).
func (db *DB) FindParent(name []byte) *Zone { panic("stub") }

// Get returns the zone with exactly this apex, or nil; ByID by its id.
func (db *DB) Get(apex wire.Name) *Zone { panic("stub") }
func (db *DB) ByID(id string) *Zone     { panic("stub") }

// Len is the number of zones; All yields them in no particular order.
func (db *DB) Len() int                   { panic("stub") }
func (db *DB) All(yield func(*Zone) bool) { panic("stub") }

// Reset puts a zone's contents in whole (first load, or a reset entry), keeping links and history where given.
func (db *DB) Reset(id string, account string, seq uint64, served, transfer *Version, links Links, history []*Delta) *Zone {
	panic("stub")
}

// Step applies a journal step to a zone and publishes the result.
func (db *DB) Step(id string, seq uint64, s *Step) (*Zone, error) { panic("stub") }

// SetLinks and SetAccount replace access data; SetAccount returns nothing because zones resolve it lazily.
func (db *DB) SetLinks(id string, seq uint64, l Links) *Zone { panic("stub") }
func (db *DB) SetAccount(a *Account)                         { panic("stub") }

// Remove takes a zone out.
func (db *DB) Remove(id string) { panic("stub") }
