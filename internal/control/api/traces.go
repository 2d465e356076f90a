package api

import (
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// Traces are what sign-ins and refused credentials leave: counters by reason, a log line now and then, and entries in the
// audit log of the one whose credential it was. Each is bounded, whatever strangers send. The zero value is ready.
type Traces struct {
	mu      sync.Mutex
	counts  map[string]uint64
	lines   *rate.Limiter
	unsaid  int // lines left out since the last
	told    map[model.ID]*rate.Limiter
	forgets time.Time // when told is emptied
}

// Bounds of traces.
const (
	linesEvery  = time.Second
	linesBurst  = 10
	toldEvery   = 10 * time.Minute // audit entries of refusals, for each user or account
	toldBurst   = 5
	toldMost    = 10_000
	toldForgets = time.Hour
)

// SignIns is the name under which sign-ins are counted.
const SignIns = "sign_in"

// Counts says how many sign-ins there were, under SignIns, and how many refusals by their reasons.
func (t *Traces) Counts() map[string]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}

func (t *Traces) count(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]uint64{}
	}
	t.counts[what]++
}

// SignedIn leaves the traces of a sign-in.
func (t *Traces) SignedIn(q *Request, who *auth.Identity) {
	t.count(SignIns)
	t.say(q, slog.String("outcome", "signed in"), slog.String("owner", string(who.User.ID)))
	q.Who = who
	owner := who.User.ID
	if owner == "" {
		owner = who.Token.Account
	}
	e := q.Told(owner, "create", "session", owner, nil, nil)
	e.Parts[0].Legacy = "login"
	t.write(q, e)
}

// refused leaves those of credentials that did not do.
func (t *Traces) refused(q *Request, f *auth.Failure) {
	t.count(f.Why)
	if f.Why == auth.WhyNothing || f.Why == auth.WhyCodeNeeded {
		return // whoever looks what is there, and half a sign-in
	}
	t.say(q, slog.String("outcome", "refused"), slog.String("reason", f.Why), slog.String("owner", string(f.Owner)))
	if f.Owner == "" || f.Why == auth.WhyForbidden || !t.mayTell(f.Owner, q.Now()) {
		return
	}
	t.write(q, model.Audit{
		AuditHead: model.AuditHead{
			ID: auth.NewID(), Account: f.Owner, Actor: model.Actor{IP: q.Addr(), Request: q.Id, Context: "system"}, When: q.Now(),
		},
		Parts: []model.AuditPart{{
			Action: "view", Legacy: RefusedAction, Resource: "session", ResourceID: f.Owner, After: model.AuditFacts{{Name: "reason", Text: f.Why}},
		}},
	})
}

// RefusedAction is how the audit log names a credential that was refused.
const RefusedAction = "login_refused"

// say writes a log line, and left-out ones as a number.
func (t *Traces) say(q *Request, attrs ...any) {
	t.mu.Lock()
	if t.lines == nil {
		t.lines = rate.NewLimiter(rate.Every(linesEvery), linesBurst)
	}
	if !t.lines.Allow() {
		t.unsaid++
		t.mu.Unlock()
		return
	}
	unsaid := t.unsaid
	t.unsaid = 0
	t.mu.Unlock()
	if unsaid > 0 {
		attrs = append(attrs, slog.Int("left_out", unsaid))
	}
	attrs = append(attrs, slog.String("source", q.Addr().String()), slog.String("request", q.Id))
	q.API.Log.Info("credentials", attrs...)
}

// mayTell bounds what refusals write for one user or account.
func (t *Traces) mayTell(owner model.ID, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.told == nil || len(t.told) >= toldMost || !now.Before(t.forgets) {
		t.told, t.forgets = map[model.ID]*rate.Limiter{}, now.Add(toldForgets)
	}
	l := t.told[owner]
	if l == nil {
		l = rate.NewLimiter(rate.Every(toldEvery), toldBurst)
		t.told[owner] = l
	}
	return l.AllowN(now, 1)
}

// write adds an entry to the audit log. That it cannot is no reason to refuse what it is about.
func (t *Traces) write(q *Request, e model.Audit) {
	err := q.API.Store.EditPeople(q.Ctx(), func(tx model.PeopleTx) error { return tx.Audit(q.Ctx(), e) })
	if err != nil && !errors.Is(err, model.ErrUnavailable) {
		q.API.Log.Warn("sign-in not written to the audit log", "request", q.Id, "error", err)
	}
}
