package api_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/rooms"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/httpfront"
)

// verdict is what a cell of the matrix expects.
type verdict struct {
	status, code int // zero: let in
}

var letIn verdict

// matrix is a server with two accounts, and people and tokens of every kind.
type matrix struct {
	*server
	other         model.ID // an account that is not the owner's
	owner, admin  model.ID
	zone, foreign string // a zone of the account, and another one of it
	inner         string // a zone of the other account, whose name lies in that of zone
	ids           map[string]string
	read, write   []string // names of all groups that read, and of those that write
}

const (
	ownerEmail     = "owner@example.com"
	guestEmail     = "guest@example.com"
	tenantEmail    = "tenant@example.net" // administers the other account
	suspendedEmail = "suspended@example.com"
)

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	known, found := api.Secondaries{}, model.Review{}
	m := &matrix{server: newServer(t, watched(&known, &found)), ids: map[string]string{}}
	m.other = model.ID(m.must("POST", "/headwater/v1/accounts", `{"name":"Other"}`).id(t))
	m.addMember(m.account, ownerEmail, auth.RoleAdministrator)
	m.addMember(m.account, guestEmail, auth.RoleReadOnly)
	u, err := m.store.UserByEmail(t.Context(), ownerEmail)
	if err != nil {
		t.Fatal(err)
	}
	m.owner, m.admin = u.ID, m.user
	_, m.zone = m.server.zone("example.com")
	_, m.foreign = m.server.zone("example.net")
	m.inner = m.must("POST", "/zones", map[string]any{"name": "inner.example.com", "account": map[string]any{"id": m.other}}).id(t)
	m.addMember(m.other, tenantEmail, auth.RoleAdministrator)
	m.addMember(m.account, suspendedEmail, auth.RoleAdministrator)
	for _, g := range auth.Groups() {
		if g.Write {
			m.write = append(m.write, g.Name)
		} else {
			m.read = append(m.read, g.Name)
		}
	}
	m.behindProxy()
	return m
}

// behindProxy puts the program's own front before the API; it takes a client's address from what a proxy on loopback says.
func (m *matrix) behindProxy() {
	m.t.Helper()
	f, err := httpfront.Listen(m.t.Context(), httpfront.Config{
		Address: "127.0.0.1:0", Handler: m.handler, Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = f.Serve(context.WithoutCancel(m.t.Context()))
	}()
	m.t.Cleanup(func() { _ = f.Drain(context.Background()); f.Close(); <-done })
	m.url = f.URL()
}

// from has a proxy say who asks.
func from(addr string, who as) as {
	return func(h http.Header) { who(h); h.Set("X-Forwarded-For", addr) }
}

// token stores a token with one policy that allows the groups on the scopes.
func (m *matrix) tokenOf(t model.Token, groups []string, scopes ...model.Scope) as {
	m.t.Helper()
	value := auth.NewUserToken()
	t.ID, t.Hash, t.Status = auth.NewID(), auth.Digest(value), auth.StatusActive
	t.Issued, t.Modified = m.clock.time(), m.clock.time()
	p := model.Policy{ID: auth.NewID(), Effect: auth.EffectAllow, Resources: []byte("{}"), Scopes: scopes}
	for _, g := range groups {
		p.Groups = append(p.Groups, model.ID(groupID(m.t, g)))
	}
	t.Policies = []model.Policy{p}
	m.people(func(tx model.PeopleTx) error { return tx.AddToken(m.t.Context(), t) })
	return bearer(value)
}

// fill gives a route's path real objects; each call makes those that the route may remove.
func (m *matrix) fill(r *api.Route) string {
	m.t.Helper()
	zone := m.zone
	if r.Method == http.MethodDelete && strings.HasSuffix(r.Path, "/zones/{zone_id}") {
		_, zone = m.server.zone("z" + string(auth.NewID()) + ".example")
	}
	path := strings.NewReplacer("{zone_id}", zone, "{zone_name}", "example.com", "{version}", "1", "{change}", "1_0123456789abcdef0123456789abcdef", "{account_id}", string(m.account)).Replace(r.Path)
	for name, make := range map[string]func() string{
		"{dns_record_id}": func() string {
			return m.record("/zones/"+zone, `{"type":"A","name":"`+string(auth.NewID())+`","content":"192.0.2.1"}`)
		},
		"{tsig_id}": func() string { return m.tsig("k.example") },
		"{peer_id}": func() string { return m.peer("p", "192.0.2.1", "") },
		"{acl_id}": func() string {
			return m.must("POST", m.secondaryDNS()+"/acls", `{"name":"a","ip_range":"192.0.2.1"}`).id(m.t)
		},
		"{member_id}": func() string {
			id, _ := m.addMember(m.account, string(auth.NewID())+"@example.com", auth.RoleReadOnly)
			return id
		},
		"{user_id}": func() string {
			email := string(auth.NewID()) + "@example.com"
			m.addMember(m.account, email, auth.RoleReadOnly)
			u, err := m.store.UserByEmail(m.t.Context(), email)
			if err != nil {
				m.t.Fatal(err)
			}
			return string(u.ID)
		},
		"{draft_id}": func() string {
			if m.ids["draft of "+zone] == "" || r.Method == http.MethodDelete && strings.HasSuffix(r.Path, "/{draft_id}") {
				m.ids["draft of "+zone] = m.must("POST", "/headwater/v1/zones/"+zone+"/drafts", `{"name":"a draft"}`).id(m.t)
			}
			return m.ids["draft of "+zone]
		},
		// Nobody's: who is let in is told so.
		"{alarm_id}":      func() string { return strings.Repeat("e", 32) },
		"{webhook_id}":    func() string { return strings.Repeat("e", 32) },
		"{part_id}":       func() string { return strings.Repeat("e", 32) },
		"{key_id}":        func() string { return strings.Repeat("e", 32) },
		"{login_id}":      func() string { return strings.Repeat("e", 32) },
		"{session_id}":    func() string { return strings.Repeat("e", 32) },
		"{passkey_id}":    func() string { return strings.Repeat("e", 32) },
		"{policy_id}":     func() string { return strings.Repeat("e", 32) },
		"{membership_id}": func() string { return strings.Repeat("e", 32) },
		"{role_id}":       func() string { return strings.Repeat("e", 32) },
		"{token_id}": func() string {
			return m.must("POST", "/user/tokens", tokenBody(m.policy("allow", "com.cloudflare.api.account.zone.*", "DNS Read"))).id(m.t)
		},
	} {
		if strings.Contains(path, name) {
			path = strings.ReplaceAll(path, name, make())
		}
	}
	return path
}

// column is one kind of credentials, and what a route answers to it.
type column struct {
	name string
	as   as
	want func(*api.Route) verdict
}

// narrow routes let every good credential in and narrow what is shown; two of them refuse in the handler.
const (
	createZone    = "POST /client/v4/zones"
	verifyAccount = "GET /client/v4/accounts/{account_id}/tokens/verify"
	signIn        = "POST /headwater/v1/session"
)

func operation(r *api.Route) string { return r.Method + " " + r.Path }

func ofAccount(r *api.Route) bool {
	return strings.HasPrefix(r.Path, "/client/v4/accounts/{account_id}")
}

func forbidden(r *api.Route) verdict {
	if r.Scope == api.ScopeZone && strings.Contains(r.Path, "/dns_records") {
		return verdict{403, 10000}
	}
	return verdict{403, 9109}
}

// noGood is what credentials that are no good get: on a public route nobody looks, except where one signs in.
func noGood(account, rest verdict) func(*api.Route) verdict {
	return func(r *api.Route) verdict {
		switch {
		case r.Scope == api.ScopePublic && operation(r) != signIn:
			return letIn
		case ofAccount(r):
			return account
		}
		return rest
	}
}

// unless lets in where the condition holds, and everywhere that every good credential passes.
func unless(ok func(*api.Route) bool) func(*api.Route) verdict {
	return func(r *api.Route) verdict {
		op := operation(r)
		if r.Scope == api.ScopePublic || r.Scope == api.ScopeAny && op != createZone && op != verifyAccount || ok(r) {
			return letIn
		}
		return forbidden(r)
	}
}

// noToken is for good credentials that are no token: there is nothing to verify.
func noToken(want func(*api.Route) verdict) func(*api.Route) verdict {
	return func(r *api.Route) verdict {
		if operation(r) == verifyAccount {
			return verdict{400, model.CodeTokenInvalid}
		}
		return want(r)
	}
}

func (m *matrix) userOf(email string) model.User {
	m.t.Helper()
	u, err := m.store.UserByEmail(m.t.Context(), email)
	if err != nil {
		m.t.Fatal(err)
	}
	return u
}

// madeByToken is a token that may read one zone's records, made by a token that may do so and make tokens.
func (m *matrix) madeByToken() as {
	m.t.Helper()
	maker := m.tokenOf(model.Token{User: m.owner}, []string{"DNS Read", "API Tokens Write"},
		model.Scope{Kind: auth.KindZone, ID: m.zone}, model.Scope{Kind: auth.KindUser, ID: "*"})
	body := tokenBody(m.policy("allow", "com.cloudflare.api.account.zone."+m.zone, "DNS Read"))
	return bearer(m.must("POST", "/user/tokens", body, maker).object(m.t)["value"].(string))
}

func (*matrix) isSuspended() verdict { return verdict{403, model.CodeSuspended} }

// suspended suspends the user, whose credentials are good and open nothing.
func (m *matrix) suspended() func(*api.Route) verdict {
	m.t.Helper()
	m.must("PATCH", "/headwater/v1/users/"+string(m.userOf(suspendedEmail).ID), `{"suspended":true}`)
	return func(r *api.Route) verdict {
		if r.Scope == api.ScopePublic {
			return letIn
		}
		return m.isSuspended()
	}
}

// closed makes an account that is suspended.
func (m *matrix) closed() model.ID {
	m.t.Helper()
	id := m.must("POST", "/headwater/v1/accounts", `{"name":"Closed"}`).id(m.t)
	m.must("PATCH", "/headwater/v1/accounts/"+id, `{"suspended":true}`)
	return model.ID(id)
}

func deletesZone(r *api.Route) bool {
	return r.Method == http.MethodDelete && strings.HasSuffix(r.Path, "/zones/{zone_id}")
}

func never(*api.Route) bool { return false }

func (m *matrix) columns() []column {
	everything := slices.Concat(m.read, m.write)
	onZone := func(id string) model.Scope { return model.Scope{Kind: auth.KindZone, ID: id} }
	onAccount := func(id model.ID) model.Scope { return model.Scope{Kind: auth.KindAccount, ID: string(id)} }
	all := []model.Scope{onZone("*"), {Kind: auth.KindAccount, ID: "*"}, {Kind: auth.KindUser, ID: "*"}}
	unknown := noGood(verdict{401, 10000}, verdict{403, 9109})
	malformed := noGood(verdict{400, 9106}, verdict{400, 6003})
	reads := func(r *api.Route) bool {
		return slices.ContainsFunc(r.Groups, func(g string) bool { return slices.Contains(m.read, g) })
	}
	bound := m.tokenOf(model.Token{User: m.owner, In: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}, m.read, all...)
	elsewhere := verdict{403, 9109}
	return []column{
		{"none", nobody, func(r *api.Route) verdict {
			if r.Scope == api.ScopePublic {
				return letIn
			}
			return verdict{400, 9106}
		}},
		{"malformed", bearer("short"), malformed},
		{"no bearer", func(h http.Header) { h.Set("Authorization", "Basic "+strings.Repeat("x", 40)) }, malformed},
		{"unknown", bearer(strings.Repeat("x", 40)), unknown},
		{"expired", m.tokenOf(model.Token{User: m.admin, Expires: m.clock.time().Add(-time.Second)}, everything, all...), unknown},
		{"wrong key", keyed(ownerEmail, strings.Repeat("0", 37)), func(r *api.Route) verdict {
			if r.Scope == api.ScopePublic {
				return letIn
			}
			return verdict{403, 9103}
		}},
		{"wrong account", m.tokenOf(model.Token{User: m.admin}, everything, onAccount(m.other),
			model.Scope{Kind: auth.KindZone, ID: "*", Account: m.other}), unless(never)},
		{"token of another account", m.tokenOf(model.Token{Account: m.other}, everything, all...), unless(never)},
		{"wrong zone", m.tokenOf(model.Token{User: m.owner}, everything, onZone(m.foreign)), unless(never)},
		{"nothing granted", m.tokenOf(model.Token{User: m.owner}, nil, all...), unless(never)},
		{"read-only token", m.tokenOf(model.Token{User: m.owner}, m.read, all...), unless(reads)},
		{"read-only member", keyed(guestEmail, m.keyOf(guestEmail)), noToken(unless(func(r *api.Route) bool {
			return r.Scope == api.ScopeUser || reads(r)
		}))},
		{"tenant of the zone inside", keyed(tenantEmail, m.keyOf(tenantEmail)), noToken(unless(func(r *api.Route) bool {
			return r.Scope == api.ScopeUser
		}))},
		{"token for the zone inside", m.tokenOf(model.Token{User: m.userOf(tenantEmail).ID}, everything, onZone(m.inner), onZone(m.zone)), unless(never)},
		{"token made by a token", m.madeByToken(), unless(func(r *api.Route) bool {
			return r.Scope == api.ScopeZone && slices.Contains(r.Groups, "DNS Read") && !deletesZone(r)
		})},
		{"bound token from its address", from("203.0.113.7", bound), unless(reads)},
		{"bound token from elsewhere", from("203.0.114.7", bound), noGood(elsewhere, elsewhere)},
		{"bound token and a client who says so himself", from("203.0.113.7, 198.51.100.1", bound), noGood(elsewhere, elsewhere)},
		{"suspended user's key", keyed(suspendedEmail, m.keyOf(suspendedEmail)), m.suspended()},
		{"suspended user's token", m.tokenOf(model.Token{User: m.userOf(suspendedEmail).ID}, everything, all...), noGood(m.isSuspended(), m.isSuspended())},
		{"token of a suspended account", m.tokenOf(model.Token{Account: m.closed()}, everything, all...), noGood(m.isSuspended(), m.isSuspended())},
		{"owner's key", keyed(ownerEmail, m.keyOf(ownerEmail)), noToken(unless(func(r *api.Route) bool {
			return r.Scope != api.ScopeServer
		}))},
		{"admin", keyed(m.email, m.key), noToken(unless(func(*api.Route) bool { return true }))},
	}
}

// check sends the route's request with the credentials. Whoever is let in may still be told that the request is no good.
func (m *matrix) check(r *api.Route, name string, who as, want verdict) {
	m.t.Helper()
	var body any
	if operation(r) == createZone {
		body = map[string]any{"name": string(auth.NewID()) + ".example", "account": map[string]any{"id": m.account}}
	}
	got := m.do(r.Method, strings.TrimPrefix(m.fill(r), "/client/v4"), body, who)
	refused := got.Status == 401 || got.Status == 403 || slices.Contains([]int{9106, 9107, 6003, 7003}, got.code())
	switch {
	case want == letIn && refused:
		m.t.Errorf("%s, %s: not let in: %d %s", operation(r), name, got.Status, got.Raw)
	case want == letIn && got.Status >= 500:
		m.t.Errorf("%s, %s: %d %s", operation(r), name, got.Status, got.Raw)
	case want != letIn && (got.Status != want.status || got.code() != want.code):
		m.t.Errorf("%s, %s: got %d %s, want %d with code %d", operation(r), name, got.Status, got.Raw, want.status, want.code)
	}
}

// TestAuthorizationMatrix asks every route with every kind of credentials.
func TestAuthorizationMatrix(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	cells := 0
	columns := m.columns()
	for _, r := range api.Routes(rooms.Routes()) {
		if r.Path == "/docs" || r.Path == "/openapi.json" {
			continue // no envelope, and nothing to protect
		}
		for _, c := range columns {
			m.check(&r, c.name, c.as, c.want(&r))
			cells++
		}
		cells += m.exactlyRight(&r)
	}
	cells += m.inside()
	t.Logf("%d cells", cells)
}

// inside asks every route of a zone for the one inside, by those who may everything in the zone around it.
func (m *matrix) inside() (cells int) {
	m.t.Helper()
	for _, r := range api.Routes(rooms.Routes()) {
		if r.Scope != api.ScopeZone || deletesZone(&r) {
			continue
		}
		r.Path = strings.NewReplacer("{zone_id}", m.inner, "{account_id}/zones/{zone_name}", string(m.other)+"/zones/inner.example.com", "{dns_record_id}", strings.Repeat("e", 32), "{version}", "1",
			"{change}", "1_"+strings.Repeat("e", 32)).Replace(r.Path)
		for name, who := range map[string]as{
			"owner around": keyed(ownerEmail, m.keyOf(ownerEmail)),
			"token around": m.tokenOf(model.Token{User: m.owner}, slices.Concat(m.read, m.write), model.Scope{Kind: auth.KindZone, ID: "*"},
				model.Scope{Kind: auth.KindZone, ID: m.inner}),
		} {
			m.check(&r, name, who, forbidden(&r))
			cells++
		}
	}
	return cells
}

// exactlyRight asks with a token for each of the route's groups that has this group alone, on this resource alone.
func (m *matrix) exactlyRight(r *api.Route) (cells int) {
	m.t.Helper()
	owner, groups := model.Token{User: m.owner}, r.Groups
	if operation(r) == verifyAccount {
		owner, groups = model.Token{Account: m.account}, []string{"DNS Read"}
	}
	if r.Scope == api.ScopeServer {
		owner, groups = model.Token{User: m.admin}, []string{auth.GroupServerAdmin}
	}
	scope := model.Scope{Kind: auth.KindUser, ID: string(owner.User)}
	switch {
	case r.Scope == api.ScopeAccount:
		scope = model.Scope{Kind: auth.KindAccount, ID: string(m.account)}
	case operation(r) == createZone:
		scope = model.Scope{Kind: auth.KindZone, ID: "*", Account: m.account}
	case r.Scope == api.ScopeZone:
		scope = model.Scope{Kind: auth.KindZone, ID: m.zone}
		if strings.HasSuffix(r.Path, "/zones/{zone_id}") && r.Method == http.MethodDelete {
			scope = model.Scope{Kind: auth.KindAccount, ID: string(m.account)}
		}
	}
	want := letIn
	if beyondTokens(r) {
		want = verdict{403, model.CodeTokenBeyond}
	}
	for _, g := range groups {
		m.check(r, "exactly "+g, m.tokenOf(owner, []string{g}, scope), want)
		cells++
	}
	return cells
}

// beyondTokens says which routes refuse a token though it has the group: what they do lies beyond it.
func beyondTokens(r *api.Route) bool {
	return slices.Contains([]string{
		"DELETE /client/v4/memberships/{membership_id}", // in person
		"DELETE /headwater/v1/accounts/{account_id}/members/{member_id}",
	}, operation(r))
}

// TestEveryRouteIsClosed: a route that names no groups is open to nobody, whatever the credentials, but for scopes that
// ask for none.
func TestEveryRouteIsClosed(t *testing.T) {
	t.Parallel()
	for _, r := range api.Routes(rooms.Routes()) {
		switch r.Scope {
		case api.ScopePublic, api.ScopeAny, api.ScopeServer:
		default:
			if len(r.Groups) == 0 {
				t.Errorf("%s names no groups", operation(&r))
			}
		}
		for _, g := range r.Groups {
			groupID(t, g)
		}
	}
}

// TestEachGroupAlone asks every route by a token for each group that the route does not name, on everything that its owner has: nothing else
// opens it. That the groups which it names do, each alone and on this resource alone, the matrix shows.
func TestEachGroupAlone(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	all := []model.Scope{{Kind: auth.KindZone, ID: "*"}, {Kind: auth.KindAccount, ID: "*"}, {Kind: auth.KindUser, ID: "*"}}
	cells := 0
	// Groups that open what others do, and more.
	within := map[string][]string{"DNS Write": {auth.GroupRecords, auth.GroupACME}, auth.GroupRecords: {auth.GroupACME}}
	for _, g := range auth.Groups() {
		opens := append([]string{g.Name}, within[g.Name]...)
		who := m.tokenOf(model.Token{User: m.owner}, []string{g.Name}, all...)
		for _, r := range api.Routes(rooms.Routes()) {
			if r.Scope == api.ScopePublic || r.Scope == api.ScopeAny || slices.ContainsFunc(opens, func(name string) bool { return slices.Contains(r.Groups, name) }) {
				continue
			}
			path := strings.NewReplacer("{zone_id}", m.zone, "{zone_name}", "example.com", "{account_id}", string(m.account)).Replace(r.Path)
			path = parameter.ReplaceAllString(path, strings.Repeat("e", 32))
			want := forbidden(&r)
			if got := m.do(r.Method, strings.TrimPrefix(path, "/client/v4"), `{}`, who); got.Status != want.status || got.code() != want.code {
				t.Errorf("%s by %s: %d %s", operation(&r), g.Name, got.Status, got.Raw)
			}
			cells++
		}
	}
	t.Logf("%d cells", cells)
}
