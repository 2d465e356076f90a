package update

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	message "github.com/headwaterdns/headwater/internal/dns/update"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Config is what a Server needs; all but Log and Done is required.
type Config struct {
	DB *zone.DB
	// Zone, Account and TSIGs read a zone, its account, and that one's keys, as committed.
	Zone    func(ctx context.Context, id model.ID) (model.Zone, error)
	Account func(ctx context.Context, id model.ID) (model.Account, error)
	TSIGs   func(ctx context.Context, account model.ID) ([]model.TSIG, error)
	// Change commits.
	Change func(ctx context.Context, c model.Change) (model.Result, error)
	// Form gives RDATA the form that a client of the API would have given it: content, priority, and canonical RDATA.
	Form  func(t wire.Type, data []byte, apex wire.Name) (content string, priority *uint16, canonical []byte, err error)
	Clock func() time.Time
	Log   *slog.Logger
	Done  func(Report) // hears of every message; must return at once
	// PerSecond is how many messages of one key are done in a second, over a while; twice as many may come at once. 0: any number.
	PerSecond int
}

// patience bounds how long a message is worked on. Clients do not wait longer, and ask again.
const patience = 15 * time.Second

// Report is what became of a message: the facts of its line in the log.
type Report struct {
	Zone     string
	ZoneID   string
	Source   netip.AddrPort
	TCP      bool
	TLS      *wire.TLS
	Key      string // that the message named
	Verified bool   // and was signed with
	Rcode    wire.Rcode
	Reason   string // of a refusal, in words
	Repeated bool   // the answer is that of the same message before
	Edits    int    // records that came, went or changed
	Serial   uint32
	Duration time.Duration
}

// Server does updates. It is safe for many callers.
type Server struct {
	cfg    Config
	keys   keyBounds
	recent recent
	counts counts
}

// New makes a Server.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Done == nil {
		cfg.Done = func(Report) {}
	}
	s := &Server{cfg: cfg}
	s.keys.perSecond = float64(cfg.PerSecond)
	return s
}

// Stats are counters since the start.
type Stats struct {
	Rcodes   [16]uint64 // messages that were signed, by response code
	Repeated uint64     // of them answered as the same message before
	Edits    uint64     // records that came, went or changed
}

type counts struct {
	rcodes          [16]atomic.Uint64
	repeated, edits atomic.Uint64
}

// Stats returns the counters.
func (s *Server) Stats() (out Stats) {
	for i := range s.counts.rcodes {
		out.Rcodes[i] = s.counts.rcodes[i].Load()
	}
	out.Repeated, out.Edits = s.counts.repeated.Load(), s.counts.edits.Load()
	return out
}

func reportOf(r *wire.Request) Report {
	rep := Report{Source: r.Source, TCP: r.TCP, TLS: r.TLS}
	if n, err := wire.NameFromWire(r.Name); err == nil {
		rep.Zone = n.Host()
	}
	if r.Signer != nil {
		rep.Key = r.Signer.KeyName().Host()
	}
	return rep
}

// Denied hears of messages that were refused before they came here.
func (s *Server) Denied(r *wire.Request, code wire.Rcode, why string) {
	rep := reportOf(r)
	if rep.Rcode, rep.Reason = code, why; why == "" {
		rep.Reason = "its signature does not verify (" + code.String() + ")"
	}
	if code > 15 {
		rep.Rcode = wire.RcodeNotAuth
	}
	s.finish(&rep)
}

func (s *Server) finish(rep *Report) {
	s.counts.rcodes[rep.Rcode&15].Add(1)
	s.counts.edits.Add(uint64(rep.Edits))
	if rep.Repeated {
		s.counts.repeated.Add(1)
	}
	s.cfg.Done(*rep)
}

// Update does what a message asks for whose signature has verified, and whose zone is one of ours. It returns when all of that is durable
// and answered from, or nothing of it is done.
func (s *Server) Update(ctx context.Context, r *wire.Request) (wire.Rcode, string) {
	began := s.cfg.Clock()
	rep := reportOf(r)
	z := s.cfg.DB.Find(r.Name)
	signer, ok := r.Signer.(*tsig.Server)
	if !ok || signer.Key() == nil || z == nil {
		rep.Rcode, rep.Reason = wire.RcodeRefused, "the message is not signed"
		s.finish(&rep)
		return rep.Rcode, rep.Reason
	}
	rep.ZoneID, rep.Verified = z.ID, true
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	u := &request{s: s, key: signer.Key(), zone: model.ID(z.ID), account: z.AccountID(), source: r.Source.Addr(), rep: &rep}
	u.id = u.changeID(signer.MAC())
	out, repeated := u.once(ctx, began, r.Msg)
	rep.Rcode, rep.Reason, rep.Repeated = out.code, out.why, repeated || rep.Repeated
	rep.Duration = s.cfg.Clock().Sub(began)
	s.finish(&rep)
	return out.code, out.why
}

// request is one message on its way.
type request struct {
	s       *Server
	id      model.ID // of its change
	key     *tsig.Key
	zone    model.ID
	account string
	source  netip.Addr
	rep     *Report

	m       *message.Message
	tsigs   []model.ID       // that the key is, or follows
	failure *message.Failure // of the plan that was made last
}

// changeID is the same for the same message, and for no other: its signature is over all of it, its time and its number, and nobody
// makes another message that has it. So a message that is sent again, by a client that got no answer, or by somebody who has seen it,
// is not done again, on this node or another.
func (u *request) changeID(mac []byte) model.ID {
	h := sha256.New()
	for _, b := range [][]byte{[]byte("dns update "), []byte(u.zone), []byte(u.key.Name), mac} {
		_, _ = h.Write(b) // a hash never fails
	}
	return model.ID(hex.EncodeToString(h.Sum(nil)[:16]))
}

// once does the message within the bounds of its key, or gives the answer that it has had. Who waits for the same message to be done is
// under way, too: else copies of one message would take up the places of everybody.
func (u *request) once(ctx context.Context, now time.Time, msg []byte) (out outcome, repeated bool) {
	crowded := outcome{wire.RcodeServFail, "the key, or its account, sends more updates than it may"}
	leave, ok := u.s.keys.enter(u.account, string(u.key.Name), now)
	if !ok {
		return crowded, false
	}
	defer leave()
	return u.s.recent.once(ctx, u.id, now, func() outcome {
		if !u.s.keys.pay(u.account, string(u.key.Name), now) {
			return crowded
		}
		return u.outcome(u.commit(ctx, msg))
	})
}

// commit reads the message, and looks at what can be refused without disturbing anybody, before it becomes a change.
func (u *request) commit(ctx context.Context, msg []byte) error {
	var err error
	if u.m, err = message.Parse(msg); err != nil {
		return err
	}
	row, err := u.s.cfg.Zone(ctx, u.zone)
	if err != nil {
		return err
	}
	account, err := u.s.cfg.Account(ctx, row.Account)
	if err != nil {
		return err
	}
	if account.Suspended { // its keys open no more than its tokens do
		return &message.Failure{Code: wire.RcodeRefused, Reason: "the account is suspended"}
	}
	if u.tsigs, err = u.identify(ctx, row.Account); err != nil {
		return err
	}
	if err := u.m.Prescan(u.policy(&row)); err != nil {
		return err
	}
	u.shape(row.Name)
	res, err := u.s.cfg.Change(ctx, model.Change{
		ID: u.id, Account: row.Account, Zone: u.zone,
		Actor: model.Actor{Context: model.ContextUpdate, Email: u.key.Name.Host(), Token: u.tsig(), IP: u.source},
		Edits: []model.Edit{model.Rewrite{Names: u.m.Names(), Plan: u.plan}},
	})
	u.rep.Serial = res.Serial
	return err
}

// tsig is the id of the key, by which a zone of four eyes may except it; empty where it is none of the account's.
func (u *request) tsig() model.ID {
	if len(u.tsigs) == 0 {
		return ""
	}
	return u.tsigs[0]
}

// identify finds which of the account's TSIGs the message is signed with. A key that follows another is let in by that one's policies.
func (u *request) identify(ctx context.Context, account model.ID) (ids []model.ID, err error) {
	list, err := u.s.cfg.TSIGs(ctx, account)
	if err != nil {
		return nil, err
	}
	is := func(k *model.TSIG) bool {
		n, err := wire.ParseName(k.Name)
		if err != nil {
			return false
		}
		algo, err := wire.ParseName(k.Algo)
		if err != nil {
			return false
		}
		secret, err := k.Octets()
		return err == nil && u.key.Equal(&tsig.Key{Name: n, Algorithm: tsig.Algorithm(algo), Secret: secret})
	}
	for i := range list {
		if is(&list[i]) {
			ids = append(ids, list[i].ID)
		}
	}
	for i := range list {
		if slices.Contains(ids, list[i].Successor) {
			ids = append(ids, list[i].ID)
		}
	}
	return ids, nil
}

// policy is what the key may change in a zone.
func (u *request) policy(z *model.Zone) message.Policy {
	var mine []*model.UpdatePolicy
	for i := range z.Updates {
		if slices.Contains(u.tsigs, z.Updates[i].TSIG) {
			mine = append(mine, &z.Updates[i])
		}
	}
	if len(mine) == 0 || z.Catalog() {
		return nil
	}
	return func(owner wire.Name, t wire.Type) bool {
		return slices.ContainsFunc(mine, func(p *model.UpdatePolicy) bool { return rules.Updates(p, u.key.Name, owner, t) })
	}
}

// ours is the status from which on a refusal is no fault of whoever is refused.
const ours = 500

// outcome translates what became of the change.
func (u *request) outcome(err error) outcome {
	var failed *message.Failure
	var invalid *model.Invalid
	switch {
	case err == nil:
		return outcome{code: wire.RcodeNoError}
	case errors.Is(err, model.ErrDuplicateChange):
		u.rep.Repeated = true
		return outcome{code: wire.RcodeNoError}
	case errors.As(err, &failed):
		return outcome{failed.Code, failed.Reason}
	case errors.As(err, &invalid) && u.failure != nil:
		return outcome{u.failure.Code, u.failure.Reason}
	case errors.As(err, &invalid) && invalid.Status < ours:
		return outcome{wire.RcodeRefused, invalid.Message}
	case errors.Is(err, model.ErrNotFound):
		return outcome{wire.RcodeNotAuth, "the zone is not here any more"}
	}
	u.s.cfg.Log.Warn("an update failed", "zone", u.rep.Zone, "key", u.rep.Key, "source", u.source.String(), "error", err)
	return outcome{wire.RcodeServFail, "the update could not be made durable"}
}
