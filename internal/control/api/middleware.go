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
func (a *api) outer(next http.Handler) http.Handler {
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
func (a *api) serve(w http.ResponseWriter, r *http.Request, route *Route) {
	q := a.newRequest(w, r)
	q.route = route
	start := a.Clock()
	err := checkAddress(r)
	if err == nil {
		err = q.admit(route)
	}
	if err == nil {
		err = route.handle(a, q)
	}
	if err != nil {
		q.fail(err)
	}
	a.Log.Debug("request", "request", q.id, "method", r.Method, "path", r.URL.Path, "status", q.status, "took", a.Clock().Sub(start))
}

func (q *request) admit(route *Route) error {
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
		if !validID(q.r.PathValue(name)) {
			return noRoute(strings.TrimPrefix(q.r.URL.Path, client))
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

func (q *request) authenticate(route *Route) error {
	h := q.r.Header
	c := auth.Credentials{
		Authorization: h.Get("Authorization"), Email: h.Get("X-Auth-Email"), Key: h.Get("X-Auth-Key"),
		CSRF: h.Get(csrfHeader), Writes: q.r.Method != http.MethodGet && q.r.Method != http.MethodHead,
		Account: strings.HasPrefix(route.Path, client+"/accounts/{account_id}"), Addr: q.addr(),
	}
	if cookie, err := q.r.Cookie(SessionCookie); err == nil {
		c.Session = cookie.Value
	}
	if !q.api.limits.allow(c.Authorization + "\x00" + c.Key + "\x00" + c.Session) {
		q.retryAfter(1)
		return &apiFailure{
			status: http.StatusTooManyRequests, code: codeRate,
			message: "More than " + strconv.FormatFloat(q.api.Limits.PerSecond, 'f', -1, 64) + " requests per second reached. Please wait and consider throttling your request speed",
		}
	}
	who, err := q.api.Auth.Authenticate(q.ctx(), c)
	if err != nil {
		return err
	}
	q.who = who
	return nil
}

func (q *request) retryAfter(seconds int) { q.w.Header().Set("Retry-After", strconv.Itoa(seconds)) }

// awaitMost bounds how long a request waits for a position that another node told of.
const awaitMost = 10 * time.Second

// await waits until this node has what the client has seen elsewhere.
func (q *request) await() error {
	s := q.r.Header.Get(seqHeader)
	if s == "" || q.api.WaitSeq == nil {
		return nil
	}
	seq, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return invalid(model.CodeRequestInvalid, "", seqHeader+" must be a number.")
	}
	ctx, cancel := context.WithTimeout(q.ctx(), awaitMost)
	defer cancel()
	return q.api.WaitSeq(ctx, model.Seq(seq))
}

// permit looks up what the path names and asks whether the identity may.
func (q *request) permit(route *Route) error {
	switch route.Scope {
	case ScopeAny, ScopePublic:
		return nil
	case ScopeServer:
		if !q.who.ServerAdmin() {
			return auth.Forbidden(false)
		}
		return q.loadServerScope()
	case ScopeUser:
		if !q.who.Can(route.Groups, "", "") {
			return auth.Forbidden(false)
		}
		return nil
	case ScopeAccount:
		q.account = q.pathID("account_id")
		if !q.who.Can(route.Groups, q.account, "") {
			return auth.Forbidden(false)
		}
		// Only administrators of the server and tokens for every account get so far without such an account.
		_, err := q.api.Store.Account(q.ctx(), q.account)
		return orMissing(err, model.CodeAccountInvalid, "Invalid account identifier")
	case ScopeZone:
		z, err := q.api.Store.Zone(q.ctx(), q.pathID("zone_id"))
		if errors.Is(err, model.ErrNotFound) {
			return missing(model.CodeZoneInvalid, "Invalid zone identifier")
		}
		if err != nil {
			return err
		}
		if !q.who.Can(route.Groups, z.Account, z.ID) {
			return auth.Forbidden(strings.Contains(route.Path, "/dns_records"))
		}
		q.zone, q.account = z, z.Account
		return nil
	}
	return auth.Forbidden(false)
}

// loadServerScope fills in what an administrator's path names.
func (q *request) loadServerScope() error {
	if id := q.r.PathValue("zone_id"); id != "" {
		z, err := q.api.Store.Zone(q.ctx(), model.ID(id))
		if err != nil {
			return orMissing(err, model.CodeZoneInvalid, "Invalid zone identifier")
		}
		q.zone, q.account = z, z.Account
	}
	if id := q.r.PathValue("account_id"); id != "" {
		q.account = model.ID(id)
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

// last gives a parameter's last value, empty when absent.
func last(v url.Values, name string) string {
	if s := v[name]; len(s) > 0 {
		return s[len(s)-1]
	}
	return ""
}
