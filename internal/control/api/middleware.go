package api

import (
	"context"
	"errors"
	"hash/maphash"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// outer wraps the mux: a request id, no panic beyond here, no path but those that routes can have, and a trailing slash
// like none.
func (a *API) outer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := newRequestID()
		w.Header().Set(requestHeader, id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			a.Log.Error("panic", "request", id, "path", r.URL.Path, "value", v, "stack", string(debug.Stack()))
			a.newRequest(w, r).fail(errors.New("panic"))
		}()
		if !plainPath(r.URL) {
			refusePath(w, r)
			return
		}
		if p, slashed := strings.CutSuffix(r.URL.Path, "/"); slashed && p != "" {
			r = r.Clone(r.Context())
			r.URL.Path = p
		}
		next.ServeHTTP(w, r)
	})
}

// serve runs one route: credentials, rate, position, permission, handler.
func (a *API) serve(w http.ResponseWriter, r *http.Request, route *Route) {
	q := a.newRequest(w, r)
	q.route = route
	start := a.Clock()
	err := checkAddress(r)
	if err == nil {
		err = q.admit(route)
	}
	if a.Tracer != nil {
		if span := q.span(start); span != nil {
			defer q.endSpan(span)
		}
	}
	if err == nil {
		err = q.readNote()
	}
	if err == nil {
		err = q.modes(route)
	}
	if q.wait != nil {
		defer q.wait.end()
	}
	if err == nil {
		err = q.ended(route.handle(a, q))
	}
	if err != nil {
		q.fail(err)
	}
	a.Log.Debug("request", "request", q.Id, "method", r.Method, "path", r.URL.Path, "status", q.status, "took", a.Clock().Sub(start))
}

func (q *Request) admit(route *Route) error {
	if route.Scope == ScopePublic {
		return nil
	}
	if err := q.authenticate(route); err != nil {
		return err
	}
	if err := q.await(); err != nil {
		return err
	}
	for _, name := range pathIDs(route.Path) {
		if !ValidID(q.R.PathValue(name)) {
			return noRoute(strings.TrimPrefix(q.R.URL.Path, Client))
		}
	}
	return q.permit(route)
}

// pathIDs lists the identifiers in a route's path.
func pathIDs(path string) []string {
	var out []string
	for part := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(part, "{") && strings.HasSuffix(part, "_id}") {
			out = append(out, part[1:len(part)-1])
		}
	}
	return out
}

// credentials are what the request shows.
func (q *Request) credentials(route *Route) auth.Credentials {
	h := q.R.Header
	c := auth.Credentials{
		Authorization: h.Get("Authorization"), Email: h.Get("X-Auth-Email"), Key: h.Get("X-Auth-Key"),
		CSRF: h.Get(CSRFHeader), Writes: q.R.Method != http.MethodGet && q.R.Method != http.MethodHead,
		Account: strings.HasPrefix(route.Path, Client+"/accounts/{account_id}"), Addr: q.Addr(),
	}
	if cookie, err := q.R.Cookie(SessionCookie); err == nil {
		c.Session = cookie.Value
	}
	return c
}

// Again finds out who asks once more, for who stays long enough that his rights may have changed; an error: he may not come any more.
func (q *Request) Again() error {
	who, err := q.API.Auth.Authenticate(q.Ctx(), q.credentials(q.route))
	if err == nil {
		q.Who = who
	}
	return err
}

func (q *Request) authenticate(route *Route) error {
	c := q.credentials(route)
	if !q.API.limits.allow(c.Authorization + "\x00" + c.Key + "\x00" + c.Session) {
		q.retryAfter(1)
		return &Failed{
			Status: http.StatusTooManyRequests, Code: codeRate,
			Message: "More than " + strconv.FormatFloat(q.API.Limits.PerSecond, 'f', -1, 64) + " requests per second reached. Please wait and consider throttling your request speed",
		}
	}
	who, err := q.API.Auth.Authenticate(q.Ctx(), c)
	if err != nil {
		return err
	}
	q.Who = who
	return nil
}

func (q *Request) retryAfter(seconds int) { q.W.Header().Set("Retry-After", strconv.Itoa(seconds)) }

// awaitMost bounds how long a request waits for a position that another node told of.
const awaitMost = 10 * time.Second

// await waits until this node has what the client has seen elsewhere.
func (q *Request) await() error {
	s := q.R.Header.Get(seqHeader)
	if s == "" || q.API.WaitSeq == nil {
		return nil
	}
	seq, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return Invalid(model.CodeRequestInvalid, "", seqHeader+" must be a number.")
	}
	ctx, cancel := context.WithTimeout(q.Ctx(), awaitMost)
	defer cancel()
	return q.API.WaitSeq(ctx, model.Seq(seq))
}

// permit looks up what the path names and asks whether the identity may.
func (q *Request) permit(route *Route) error {
	switch route.Scope {
	case ScopeAny, ScopePublic:
		return nil
	case ScopeServer:
		if !q.Who.ServerAdmin() {
			return auth.Forbidden(false)
		}
		return q.loadServerScope()
	case ScopeUser:
		if !q.Who.Can(route.Groups, "", "") {
			return auth.Forbidden(false)
		}
		return nil
	case ScopeAccount:
		q.Account = q.PathID("account_id")
		if !q.Who.Can(route.Groups, q.Account, "") {
			return q.Who.Forbidden(q.Account, false)
		}
		// Only administrators of the server and tokens for every account get so far without such an account.
		_, err := q.API.Store.Account(q.Ctx(), q.Account)
		return OrMissing(err, model.CodeAccountInvalid, "Invalid account identifier")
	case ScopeZone:
		z, err := q.namedZone(route)
		if errors.Is(err, model.ErrNotFound) {
			return Missing(model.CodeZoneInvalid, "Invalid zone identifier")
		}
		if err != nil {
			return err
		}
		reach := q.Who.Reach(route.Groups, z.Account, z.ID)
		if reach == auth.ReachNothing {
			return q.Who.Forbidden(z.Account, strings.Contains(route.Path, "/dns_records"))
		}
		q.Zone, q.Account, q.challenges = z, z.Account, reach == auth.ReachChallenges
		return nil
	}
	return auth.Forbidden(false)
}

// noZone is an identifier that no zone has: what is allowed there is allowed in every zone of the account.
const noZone = "-"

// namedZone is the zone of the path, by its identifier, or by its name in an account: who comes by a page's address knows
// no identifier, and need not ask for it first.
func (q *Request) namedZone(route *Route) (model.Zone, error) {
	name := q.R.PathValue("zone_name")
	if name == "" {
		z, err := q.API.Store.Zone(q.Ctx(), q.PathID("zone_id"))
		if err == nil && z.Catalog() {
			return model.Zone{}, model.ErrNotFound // it is a part of its peer, and nobody's to edit
		}
		return z, err
	}
	zones, _, err := q.API.Store.Zones(q.Ctx(), model.ZoneQuery{All: true, Limit: 1, Filters: []model.Filter{
		{Field: "name", Value: strings.ToLower(name)}, {Field: "account.id", Value: q.R.PathValue("account_id")},
	}})
	switch {
	case err != nil:
		return model.Zone{}, err
	case len(zones) > 0:
		return zones[0], nil
	case q.Who.Can(route.Groups, q.PathID("account_id"), noZone):
		return model.Zone{}, model.ErrNotFound
	}
	// Names can be guessed: who may not read the zone, were it there, is not told that it is not.
	return model.Zone{}, auth.Forbidden(strings.Contains(route.Path, "/dns_records"))
}

// loadServerScope fills in what an administrator's path names.
func (q *Request) loadServerScope() error {
	if id := q.R.PathValue("zone_id"); id != "" {
		z, err := q.API.Store.Zone(q.Ctx(), model.ID(id))
		if err == nil && z.Catalog() {
			err = model.ErrNotFound
		}
		if err != nil {
			return OrMissing(err, model.CodeZoneInvalid, "Invalid zone identifier")
		}
		q.Zone, q.Account = z, z.Account
	}
	if id := q.R.PathValue("account_id"); id != "" {
		q.Account = model.ID(id)
	}
	return nil
}

// limiter bounds requests for each credential. Buckets of credentials that fell silent are dropped.
type limiter struct {
	per   rate.Limit
	burst int
	seed  maphash.Seed
	mu    sync.Mutex
	seen  map[uint64]*rate.Limiter
}

func newLimiter(l Limits) *limiter {
	return &limiter{per: rate.Limit(l.PerSecond), burst: l.Burst, seed: maphash.MakeSeed(), seen: map[uint64]*rate.Limiter{}}
}

// limiterMost is how many credentials are remembered.
const limiterMost = 10_000

func (l *limiter) allow(credential string) bool {
	if l.per <= 0 {
		return true
	}
	key := maphash.String(l.seed, credential)
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.seen[key]
	if b == nil {
		if len(l.seen) >= limiterMost {
			clear(l.seen)
		}
		b = rate.NewLimiter(l.per, l.burst)
		l.seen[key] = b
	}
	return b.Allow()
}

// Last gives a parameter's last value, empty when absent.
func Last(v url.Values, name string) string {
	if s := v[name]; len(s) > 0 {
		return s[len(s)-1]
	}
	return ""
}
