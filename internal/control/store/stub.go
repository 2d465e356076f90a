// Package store is the durable truth and the only place that knows SQL: SQLite embedded, PostgreSQL for many nodes.
package store

import (
	"context"
	"log/slog"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Config opens a store.
type Config struct {
	URL       string   // "sqlite:/path/file.db" or "postgres://…"
	SecretKey [32]byte // encrypts secrets at rest
	Clock     func() time.Time
	Log       *slog.Logger
}

type Store struct{}

// Open connects, migrates and returns the store.
func Open(ctx context.Context, cfg Config) (*Store, error) { panic("stub") }
func (s *Store) Close() error                              { panic("stub") }

// Ping says whether the store can be reached (readiness).
func (s *Store) Ping(ctx context.Context) error { panic("stub") }

// Stats are counters for metrics: commits, commit seconds, journal rows and bytes, WAL size.
func (s *Store) Stats() Stats { panic("stub") }

type Stats struct{ Commits, CommitNanos, JournalRows uint64 }

// ---- the write transaction: what primary sees -----------------------------------------------------------------

// Tx is the one write transaction of a group of changes. On SQLite there is one at a time; on PostgreSQL rows read through
// it are locked until the end.
type Tx struct{}

// Begin waits for the writer's place.
func (s *Store) Begin(ctx context.Context) (*Tx, error) { panic("stub") }

// SeenChange says whether a change of this ID was committed, and its seq. Commit remembers the ids given by MarkChange.
func (t *Tx) SeenChange(ctx context.Context, id model.ID) (model.Seq, bool, error) { panic("stub") }
func (t *Tx) MarkChange(ctx context.Context, id model.ID) error                    { panic("stub") }

func (t *Tx) Account(ctx context.Context, id model.ID) (model.Account, error) { panic("stub") }
func (t *Tx) PutAccount(ctx context.Context, a model.Account) error           { panic("stub") }
func (t *Tx) Zone(ctx context.Context, id model.ID) (model.Zone, error)       { panic("stub") }
func (t *Tx) ZoneByName(ctx context.Context, n wire.Name) (model.Zone, error) { panic("stub") }

// PutZone writes all members; Serial and Seq are set by Commit from the zone's last entry.
func (t *Tx) PutZone(ctx context.Context, z model.Zone) error { panic("stub") }

// DeleteZone removes the zone, its records, image, links, journal, and remembers its serial by name for LastSerial.
func (t *Tx) DeleteZone(ctx context.Context, id model.ID) error { panic("stub") }

// LastSerial is the serial a deleted zone of this name had; ErrNotFound if there was none.
func (t *Tx) LastSerial(ctx context.Context, n wire.Name) (uint32, error) { panic("stub") }

// AccountZones yields zone ids of an account in order of id.
func (t *Tx) AccountZones(ctx context.Context, account model.ID, yield func(model.ID) error) error {
	panic("stub")
}

// RecordsAt returns every record at the names, ordered by name, type, created, id.
func (t *Tx) RecordsAt(ctx context.Context, zone model.ID, names []wire.Name) ([]model.Record, error) {
	panic("stub")
}
func (t *Tx) Record(ctx context.Context, zone, id model.ID) (model.Record, error) { panic("stub") }

// Dependent returns the owner names that render depends on outside things for: those with a proxied record or a CNAME.
func (t *Tx) Dependent(ctx context.Context, zone model.ID) ([]wire.Name, error) { panic("stub") }

// EachRecord yields all records of a zone grouped by owner, ordered by name: for full renders and imports.
func (t *Tx) EachRecord(ctx context.Context, zone model.ID, yield func(*model.Record) error) error {
	panic("stub")
}

// PutRecords inserts or replaces rows by id; many at once go through multi-row statements.
func (t *Tx) PutRecords(ctx context.Context, r []model.Record) error                 { panic("stub") }
func (t *Tx) DeleteRecords(ctx context.Context, zone model.ID, ids []model.ID) error { panic("stub") }

// CountRecords is the number of records in the zone.
func (t *Tx) CountRecords(ctx context.Context, zone model.ID) (int, error) { panic("stub") }

func (t *Tx) TSIG(ctx context.Context, account, id model.ID) (model.TSIG, error) { panic("stub") }
func (t *Tx) TSIGs(ctx context.Context, account model.ID) ([]model.TSIG, error)  { panic("stub") }
func (t *Tx) PutTSIG(ctx context.Context, k model.TSIG) error                    { panic("stub") }
func (t *Tx) DeleteTSIG(ctx context.Context, account, id model.ID) error         { panic("stub") }
func (t *Tx) Peer(ctx context.Context, account, id model.ID) (model.Peer, error) { panic("stub") }
func (t *Tx) Peers(ctx context.Context, account model.ID) ([]model.Peer, error)  { panic("stub") }
func (t *Tx) PutPeer(ctx context.Context, p model.Peer) error                    { panic("stub") }
func (t *Tx) DeletePeer(ctx context.Context, account, id model.ID) error         { panic("stub") }
func (t *Tx) ACLs(ctx context.Context, account model.ID) ([]model.ACL, error)    { panic("stub") }
func (t *Tx) ACL(ctx context.Context, account, id model.ID) (model.ACL, error)   { panic("stub") }
func (t *Tx) PutACL(ctx context.Context, a model.ACL) error                      { panic("stub") }
func (t *Tx) DeleteACL(ctx context.Context, account, id model.ID) error          { panic("stub") }

// ZonesLinking returns the zones whose outgoing configuration names the peer, at most limit of them.
func (t *Tx) ZonesLinking(ctx context.Context, peer model.ID, limit int) ([]model.Zone, error) {
	panic("stub")
}

// PutImage replaces a zone's image; its Seq is set by Commit when zero (the seq of the zone's last entry in this tx).
func (t *Tx) PutImage(ctx context.Context, img model.Image) error { panic("stub") }

// Audit adds audit entries.
func (t *Tx) Audit(ctx context.Context, a []model.Audit) error { panic("stub") }

// Commit appends the entries to the journal, sets their Seq in place, records zones' new Serial and Seq, keeps the newest
// access entry of each zone and account as state beside the images, makes all durable and returns the last Seq. After
// it, or Rollback, the Tx is over. A lost race is ErrStale (wrapped).
func (t *Tx) Commit(ctx context.Context, entries []model.Entry) (model.Seq, error) { panic("stub") }
func (t *Tx) Rollback()                                                            {}

// ---- the feed's source ----------------------------------------------------------------------------------------

// Load yields, from one consistent snapshot: every account's access state (as an EntryAccess), then for every zone its
// image, then its access state. It returns the Seq the snapshot stands at.
// Then the caller reads Entries after 0 up to there: those at or before an image's Seq are history, later ones apply.
func (s *Store) Load(ctx context.Context, image func(model.Image) error, access func(model.Entry) error) (model.Seq, error) {
	panic("stub")
}

// Image loads one zone's image (for a reset entry).
func (s *Store) Image(ctx context.Context, zone model.ID) (model.Image, error) { panic("stub") }

// Entries yields journal entries after seq in order. ErrStale when entries after seq were pruned already.
func (s *Store) Entries(ctx context.Context, after model.Seq, yield func(model.Entry) error) error {
	panic("stub")
}

// Wait returns when an entry after seq may exist, or ctx ends. On SQLite commits of this process wake it; on PostgreSQL LISTEN.
func (s *Store) Wait(ctx context.Context, after model.Seq) error { panic("stub") }

// Checkpoint replaces a zone's image outside any change (the image must be of a seq the journal has) and prunes the
// zone's journal entries at or before keep.
func (s *Store) Checkpoint(ctx context.Context, img model.Image, keep model.Seq) error { panic("stub") }

// ---- what the API reads and writes besides changes ------------------------------------------------------------

func (s *Store) Account(ctx context.Context, id model.ID) (model.Account, error) { panic("stub") }

// Accounts lists accounts ordered by name; ids nil means all.
func (s *Store) Accounts(ctx context.Context, ids []model.ID, name string, desc bool, offset, limit int) ([]model.Account, int, error) {
	panic("stub")
}
func (s *Store) Zone(ctx context.Context, id model.ID) (model.Zone, error) { panic("stub") }
func (s *Store) Zones(ctx context.Context, q model.ZoneQuery) (zones []model.Zone, total int, err error) {
	panic("stub")
}
func (s *Store) Record(ctx context.Context, zone, id model.ID) (model.Record, error) { panic("stub") }

// Records streams; the pointer is valid during the call only. CountRecords counts what the query selects (offset, limit ignored).
func (s *Store) Records(ctx context.Context, zone model.ID, q model.RecordQuery, yield func(*model.Record) error) error {
	panic("stub")
}
func (s *Store) CountRecords(ctx context.Context, zone model.ID, q model.RecordQuery) (int, error) {
	panic("stub")
}
func (s *Store) CountAccountRecords(ctx context.Context, account model.ID) (int, error) {
	panic("stub")
}
func (s *Store) TSIG(ctx context.Context, account, id model.ID) (model.TSIG, error) { panic("stub") }
func (s *Store) TSIGs(ctx context.Context, account model.ID) ([]model.TSIG, error)  { panic("stub") }
func (s *Store) Peer(ctx context.Context, account, id model.ID) (model.Peer, error) { panic("stub") }
func (s *Store) Peers(ctx context.Context, account model.ID) ([]model.Peer, error)  { panic("stub") }
func (s *Store) ACL(ctx context.Context, account, id model.ID) (model.ACL, error)   { panic("stub") }
func (s *Store) ACLs(ctx context.Context, account model.ID) ([]model.ACL, error)    { panic("stub") }
func (s *Store) AuditLog(ctx context.Context, q model.AuditQuery) ([]model.Audit, error) {
	panic("stub")
}

func (s *Store) User(ctx context.Context, id model.ID) (model.User, error)         { panic("stub") }
func (s *Store) UserByEmail(ctx context.Context, email string) (model.User, error) { panic("stub") } // without case
func (s *Store) PutUser(ctx context.Context, u model.User, a ...model.Audit) error { panic("stub") }
func (s *Store) Members(ctx context.Context, account, user model.ID) ([]model.Member, error) {
	panic("stub")
}                                                                                      // either may be empty
func (s *Store) PutMember(ctx context.Context, m model.Member, a ...model.Audit) error { panic("stub") }
func (s *Store) DeleteMember(ctx context.Context, account, id model.ID, a ...model.Audit) error {
	panic("stub")
}
func (s *Store) Token(ctx context.Context, id model.ID) (model.Token, error)       { panic("stub") }
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (model.Token, error) { panic("stub") }

// Tokens lists a user's (account empty) or an account's tokens, newest first.
func (s *Store) Tokens(ctx context.Context, user, account model.ID, desc bool, offset, limit int) ([]model.Token, int, error) {
	panic("stub")
}
func (s *Store) PutToken(ctx context.Context, t model.Token, a ...model.Audit) error  { panic("stub") }
func (s *Store) DeleteToken(ctx context.Context, id model.ID, a ...model.Audit) error { panic("stub") }

// TouchToken records the last use, lazily and without durability.
func (s *Store) TouchToken(id model.ID, at time.Time) { panic("stub") }

// PeerState is what is known of one linked peer of one zone: JSON-free, opaque Data is the caller's (history, timings).
type PeerState struct {
	Zone, Peer model.ID
	Serial     uint32 // newest serial that the peer has acknowledged or was seen with
	Known      bool
	Data       []byte
}

// PeerStates yields all states (zone empty) or those of a zone; PutPeerStates upserts in one lazily durable transaction.
func (s *Store) PeerStates(ctx context.Context, zone model.ID, yield func(PeerState) error) error {
	panic("stub")
}
func (s *Store) PutPeerStates(ctx context.Context, st []PeerState) error { panic("stub") }

// Meta is a small key-value table (first-start marks, server ids).
func (s *Store) Meta(ctx context.Context, key string) ([]byte, error)    { panic("stub") } // ErrNotFound
func (s *Store) PutMeta(ctx context.Context, key string, v []byte) error { panic("stub") }
