package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/events"
	"github.com/headwaterdns/headwater/internal/control/history"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/oidc"
	"github.com/headwaterdns/headwater/internal/control/passkey"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/trace"
)

// Changer is the one way into zones and what belongs to them: commit.Committer.
type Changer interface {
	Change(ctx context.Context, c model.Change) (model.Result, error)
	// Plan tells what a change would do, and does nothing.
	Plan(ctx context.Context, c model.Change) (model.Result, *model.Plan, error)
	Import(ctx context.Context, in *model.Import) (model.Imported, error)
}

// Store is what the API reads, and the few things that it writes besides changes. Each resource uses its own part.
type Store interface {
	zoneStore
	recordStore
	transferStore
	AccountStore
	peopleStore
	auth.Store
}

type zoneStore interface {
	Zone(ctx context.Context, id model.ID) (model.Zone, error)
	Zones(ctx context.Context, q model.ZoneQuery) ([]model.Zone, int, error)
	ZoneKeys(ctx context.Context, zone model.ID) ([]model.ZoneKey, error)
	Draft(ctx context.Context, zone, id model.ID) (model.Draft, error)
	Drafts(ctx context.Context, zone model.ID) ([]model.Draft, error)
}

type recordStore interface {
	Record(ctx context.Context, zone, id model.ID) (model.Record, error)
	Records(ctx context.Context, zone model.ID, q model.RecordQuery, yield func(*model.Record) error) error
	PageRecords(ctx context.Context, zone model.ID, q model.RecordQuery, yield func(*model.Record) error) (total int, err error)
	CountRecords(ctx context.Context, zone model.ID, q model.RecordQuery) (int, error)
	CountAccountRecords(ctx context.Context, account model.ID) (int, error)
	Usage(ctx context.Context, account model.ID) (map[model.Quota]int64, error)
}

type transferStore interface {
	TSIG(ctx context.Context, account, id model.ID) (model.TSIG, error)
	TSIGs(ctx context.Context, account model.ID) ([]model.TSIG, error)
	Peer(ctx context.Context, account, id model.ID) (model.Peer, error)
	Peers(ctx context.Context, account model.ID) ([]model.Peer, error)
	PeerUses(ctx context.Context, account model.ID) ([]model.PeerUse, error)
	ACL(ctx context.Context, account, id model.ID) (model.ACL, error)
	ACLs(ctx context.Context, account model.ID) ([]model.ACL, error)
}

// AccountStore is what is read of accounts and their people.
type AccountStore interface {
	Account(ctx context.Context, id model.ID) (model.Account, error)
	Accounts(ctx context.Context, ids []model.ID, name string, desc bool, offset, limit int) ([]model.Account, int, error)
	AuditLog(ctx context.Context, q model.AuditQuery) ([]model.AuditLine, error)
	Users(ctx context.Context, offset, limit int) ([]model.User, int, error)
}

// AlarmStore keeps alarms and where they are told.
type AlarmStore interface {
	Alarms(ctx context.Context, q model.AlarmQuery) ([]model.Alarm, int, error)
	Alarm(ctx context.Context, account, id model.ID) (model.Alarm, error)
	EditAlarm(ctx context.Context, account, id model.ID, now time.Time, edit func(*model.Alarm) error) (model.Alarm, error)
	AlarmSettings(ctx context.Context, account model.ID) (model.AlarmSettings, error)
	Webhooks(ctx context.Context, account model.ID) ([]model.Webhook, error)
	Webhook(ctx context.Context, account, id model.ID) (model.Webhook, error)
	Deliveries(ctx context.Context, account, webhook model.ID, offset, limit int) ([]model.Delivery, int, error)
	// EditAlarms runs f in a transaction about the account's rules and webhooks, and again after a lost race.
	EditAlarms(ctx context.Context, account model.ID, f func(model.AlarmTx) error) error
}

// DeletedStore is what the API reads of zones that were deleted and can come back.
type DeletedStore interface {
	DeletedZones(ctx context.Context, account model.ID) ([]model.DeletedZone, error)
	ForgetDeleted(ctx context.Context, account, zone model.ID) error
}

type peopleStore interface {
	Tokens(ctx context.Context, user, account model.ID, desc bool, offset, limit int) ([]model.Token, int, error)
	SecondFactor(ctx context.Context, user model.ID) (model.SecondFactor, error)
	Logins(ctx context.Context, user model.ID) ([]model.Login, error)
	Passkeys(ctx context.Context, user model.ID) ([]model.Passkey, error)
	Passkey(ctx context.Context, id model.ID) (model.Passkey, error)
	// EditPeople runs f in the one transaction about users, members and tokens, and again after a lost race.
	EditPeople(ctx context.Context, f func(model.PeopleTx) error) error
}

// Config is what the API needs. Store, Changer, Auth and RenderPlan are required.
type Config struct {
	// Routes are the operations of the rooms below this package (package rooms lists them all).
	Routes  []Route
	Store   Store
	Changer Changer
	Auth    *auth.Authenticator
	// RenderPlan makes JSON of a plan, and of what the call would have answered (rooms.RenderPlan).
	RenderPlan func(q *Request, p *model.Plan, answer any) any
	// Sessions sign people in to the dashboard; nil: no sign-in.
	Sessions *auth.Sessions
	// Provider signs people in by OpenID Connect, under a name for people; nil: none does.
	Provider     *oidc.Provider
	ProviderName string
	// Passkeys says what authenticators are asked; nil: nobody has any.
	Passkeys *passkey.Party
	// WaitSeq waits until this node shows a journal position (Headwater-Seq); nil: it always does.
	WaitSeq func(ctx context.Context, seq model.Seq) error
	// EdgeAddresses is the server's pool, for /ips.
	EdgeAddresses []netip.Addr
	// Secondaries tells how the linked peers of a zone fare, Review what they will hold that we do not answer; nil: 404.
	Secondaries func(ctx context.Context, z model.Zone) (Secondaries, error)
	Review      func(ctx context.Context, z model.Zone) (model.Review, error)
	// Events has what happens; nil: 404. ZoneName names a zone, as far as it is in memory here, and says whether it is one to be told of.
	Events   *events.Hub
	ZoneName func(zone model.ID) (name string, told bool)
	// Alarms keeps alarms and where they are told; nil: 404. Mails says whether mail leaves from here.
	Alarms AlarmStore
	Mails  bool
	// Live waits until a zone is served as wanted, or the context ends, which is no error; nil: 404.
	Live func(ctx context.Context, z *model.Zone, want LiveWanted) (Liveness, error)
	// Curve tells what happened to a zone or, without one, to an account; Queries that and what was asked most; Course how a zone's
	// secondaries fared; nil: 404.
	Curve          func(ctx context.Context, account, zone model.ID, p Period) (Curve, error)
	ZoneQueries    func(ctx context.Context, account, zone model.ID, p Period) (Queries, error)
	AccountQueries func(ctx context.Context, account model.ID, p Period) (Queries, error)
	Course         func(z *model.Zone) Course
	// Delegation asks a zone's parent for its name servers; nil: 404.
	Delegation func(ctx context.Context, z *model.Zone) (Delegation, error)
	// KeyUses tells, of every zone of an account that is transferred to one of the peers, which key its requests are signed with; nil:
	// nobody knows.
	KeyUses func(ctx context.Context, account model.ID, peers []model.ID, old, next wire.Name) ([]KeyUse, error)
	// Signing tells what this node knows of a zone's signatures; nil: nothing.
	Signing func(z *model.Zone) SigningFacts
	// CheckAccess decides on a request for a zone as the server would; false: the zone is not in memory here. Nil: nobody does.
	CheckAccess func(zone model.ID, q AccessQuestion) (AccessDecision, bool)
	// Catalog tells what a catalog zone lists; false: it is not in memory here. Nil: nobody knows.
	Catalog func(zone model.ID) (Catalog, bool)
	// ZoneDigest tells of a zone's digest as it is in memory; false: the zone is not there. ErrorReports and ForgetReports are what
	// resolvers reported of a zone to this node. Nil: 404.
	ZoneDigest    func(zone model.ID) (ZoneDigest, bool)
	ErrorReports  func(zone model.ID) ErrorReports
	ForgetReports func(zone model.ID) int
	// History reads what became of zones; nil: 404.
	History *history.Reader
	// Undelete brings deleted zones back, Deleted lists them and has them go for good; nil: 404.
	Undelete func(ctx context.Context, in *model.Undelete) (model.Undeleted, error)
	Deleted  DeletedStore
	// Server tells what this server can do; nil: 404.
	Server func() ServerFacts
	// Flattened counts an account's targets of flattened CNAMEs; nil: nobody knows.
	Flattened func(account model.ID) int64
	// PeerAllowed says whether members of an account may name an address as a peer; nil: any. Administrators of the server
	// may.
	PeerAllowed func(netip.Addr) bool
	// NotifySource says whether they may have NOTIFY to a peer leave from an address of this server; nil: from any.
	NotifySource func(netip.Addr) bool
	// CopyZone copies a zone from another server; nil: 404. CopySources are the addresses from which members of an account
	// may copy; administrators of the server may copy from any.
	CopyZone    CopyZoneFunc
	CopySources []string
	// Traces count sign-ins and refusals; nil: nobody asks for the numbers.
	Traces *Traces
	// Tracer records what is done for a request as spans; nil: nobody does.
	Tracer trace.Tracer
	Clock  func() time.Time
	Log    *slog.Logger
	Limits Limits
	// Quotas are what accounts may hold that have none of their own, as the committer has them.
	Quotas model.Quotas
}

// Limits bound what a request may hold. Zero values mean the defaults stated.
type Limits struct {
	Body      int64   // octets of a JSON body; default 16 MiB
	Import    int64   // octets of an import; default 512 MiB
	Memory    int64   // octets that all imports together may hold in memory; default 1 GiB
	Depth     int     // of JSON; default 32
	Batch     int     // operations of a batch; default 10,000
	PerSecond float64 // requests a second and credential; default 0: no limit
	Heavy     int     // exports, long lists and reviews at once; default 32
	HeavyEach int     // of them for one account; default 8
	Waits     int     // requests that wait for a zone to be live at once; default 1024
	WaitsEach int     // of them for one account; default 256
	Burst     int     // of them at once; default ten seconds' worth

	Streams     int // of events at once; default 512
	StreamsEach int // of them for one account; default 64
}

func (l *Limits) setDefaults() {
	if l.Body <= 0 {
		l.Body = 16 << 20
	}
	if l.Import <= 0 {
		l.Import = 512 << 20
	}
	if l.Memory <= 0 {
		l.Memory = 1 << 30
	}
	if l.Depth <= 0 {
		l.Depth = 32
	}
	if l.Batch <= 0 {
		l.Batch = 10_000
	}
	if l.Heavy <= 0 {
		l.Heavy = 32
	}
	if l.HeavyEach <= 0 {
		l.HeavyEach = 8
	}
	if l.Waits <= 0 {
		l.Waits = 1024
	}
	if l.WaitsEach <= 0 {
		l.WaitsEach = 256
	}
	if l.Streams <= 0 {
		l.Streams = 512
	}
	if l.StreamsEach <= 0 {
		l.StreamsEach = 64
	}
	if l.Burst <= 0 {
		l.Burst = max(1, int(l.PerSecond*10))
	}
}

// API holds what handlers share; nothing in it changes after New.
type API struct {
	Config
	limits *limiter
	places *places
	waits  *places

	streams *places
	Memory  *memory
	room    sync.Pool // of *[]byte: what answers are written in
}

// New returns the handler of /client/v4 and /headwater/v1.
func New(cfg Config) http.Handler {
	cfg.Limits.setDefaults()
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Traces == nil {
		cfg.Traces = &Traces{}
	}
	a := &API{Config: cfg, Memory: newMemory(cfg.Limits.Memory), limits: newLimiter(cfg.Limits), places: newPlaces(cfg.Limits.HeavyEach, cfg.Limits.Heavy), waits: newPlaces(cfg.Limits.WaitsEach, cfg.Limits.Waits), streams: newPlaces(cfg.Limits.StreamsEach, cfg.Limits.Streams)}
	return a.handler()
}
