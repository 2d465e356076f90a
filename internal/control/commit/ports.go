package commit

import (
	"context"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Tx is the store's write transaction as commit uses it. What it has locked stays as it is until the end.
type Tx interface {
	// Lock is called once, before anything is read. What is written or relied upon later without it is a *model.UnlockedError.
	Lock(ctx context.Context, l model.Locks) error
	// LockFree is Lock for those of the zones that nobody else holds; it gives them in order.
	LockFree(ctx context.Context, zones []model.ID) ([]model.ID, error)
	accountTx
	zoneTx
	recordTx
	keyTx
	transferTx
	endTx
}

type accountTx interface {
	Account(ctx context.Context, id model.ID) (model.Account, error)
	PutAccount(ctx context.Context, a model.Account) error
	ManyAccounts(ctx context.Context) (bool, error)
	AccountZones(ctx context.Context, account model.ID, yield func(model.ID) error) error
}

type zoneTx interface {
	Zone(ctx context.Context, id model.ID) (model.Zone, error)
	ZoneByName(ctx context.Context, n wire.Name) (model.Zone, error)
	// Relatives are zones of other accounts above and below a name, one for each account, as committed; Commit is stale when
	// another account has got one since.
	Relatives(ctx context.Context, n wire.Name, account model.ID) ([]model.Relative, error)
	PutZone(ctx context.Context, z model.Zone) error
	// DeleteZone keeps what Undelete, with the zone as it shall be, makes a zone again; model.ErrStale where that is gone.
	DeleteZone(ctx context.Context, id model.ID) error
	Undelete(ctx context.Context, z *model.Zone) error
	// Usage and ZoneUsage are what an account and one of its zones hold, as committed. GrowZone adds to a zone's octets; its
	// records the store counts itself.
	Usage(ctx context.Context, account model.ID) (model.Usage, error)
	ZoneUsage(ctx context.Context, zone model.ID) (model.Usage, error)
	GrowZone(ctx context.Context, zone model.ID, octets int64) error
	LastSerial(ctx context.Context, n wire.Name) (uint32, error)
}

type recordTx interface {
	RecordsAt(ctx context.Context, zone model.ID, names []wire.Name) ([]model.Record, error)
	Record(ctx context.Context, zone, id model.ID) (model.Record, error)
	Dependent(ctx context.Context, zone model.ID) ([]wire.Name, error)
	// AddRecords writes records whose ids are new; PutRecords also replaces.
	AddRecords(ctx context.Context, r []model.Record) error
	PutRecords(ctx context.Context, r []model.Record) error
	DeleteRecords(ctx context.Context, zone model.ID, ids []model.ID) error
	CountRecords(ctx context.Context, zone model.ID) (int, error)
}

type keyTx interface {
	ZoneKeys(ctx context.Context, zone model.ID) ([]model.ZoneKey, error)
	PutZoneKey(ctx context.Context, k model.ZoneKey) error
	DeleteZoneKey(ctx context.Context, zone, key model.ID) error
}

type transferTx interface {
	TSIGs(ctx context.Context, account model.ID) ([]model.TSIG, error)
	PutTSIG(ctx context.Context, k model.TSIG) error
	DeleteTSIG(ctx context.Context, account, id model.ID) error
	Peers(ctx context.Context, account model.ID) ([]model.Peer, error)
	PutPeer(ctx context.Context, p model.Peer) error
	DeletePeer(ctx context.Context, account, id model.ID) error
	ACLs(ctx context.Context, account model.ID) ([]model.ACL, error)
	PutACL(ctx context.Context, a model.ACL) error
	DeleteACL(ctx context.Context, account, id model.ID) error
	ZonesLinking(ctx context.Context, peer model.ID, limit int) ([]model.Zone, error)
}

type endTx interface {
	Restored(ctx context.Context) (model.Restored, error)
	// Expect names changes that SeenChange will be asked about, before Lock.
	Expect(changes []model.ID)
	SeenChange(ctx context.Context, id model.ID) (model.Seq, bool, error)
	MarkChange(ctx context.Context, id model.ID) error
	PutImage(ctx context.Context, img model.Image) error
	Audit(ctx context.Context, a []model.Audit) error
	// OnCommit has f called once the commit is durable, before those hear of it who wait for the journal.
	OnCommit(f func())
	Commit(ctx context.Context, entries []model.Entry) (model.Seq, error)
	Rollback()
}
