package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/auth"
)

// Scope says what a route's permission is asked on.
type Scope string

// The scopes. A route of ScopeAccount has {account_id} in its path, one of ScopeZone {zone_id}; both are looked up before
// the handler runs, and the identity must hold one of the route's groups there.
const (
	ScopePublic  Scope = "public"  // anybody
	ScopeAny     Scope = "any"     // anybody with valid credentials; the handler narrows what is shown
	ScopeUser    Scope = "user"    // the identity's own user
	ScopeAccount Scope = "account" // the account in the path
	ScopeZone    Scope = "zone"    // the zone in the path
	ScopeServer  Scope = "server"  // server administrators
)

// Route is one operation. What is not in the table does not exist; a route without groups is open to nobody but those its
// scope names.
type Route struct {
	Method, Path string
	Scope        Scope
	Groups       []string
	handle       func(a *API, q *Request) error
	planned      bool // calls can be tried out
	apart        bool // unless this says that they write elsewhere, too
}

// NewRoute makes a route.
func NewRoute(method, path string, scope Scope, groups []string, handle func(a *API, q *Request) error) Route {
	return Route{Method: method, Path: path, Scope: scope, Groups: groups, handle: handle}
}

// ownRoutes are the operations of the server itself.
func ownRoutes() []Route { return slices.Concat(ipsRoutes(), serverRoutes(), documentRoutes()) }

// Routes lists every operation, those of the rooms and our own, ordered by path and method.
func Routes(rooms []Route) []Route {
	all := slices.Concat(rooms, ownRoutes())
	slices.SortStableFunc(all, func(x, y Route) int {
		if c := strings.Compare(x.Path, y.Path); c != 0 {
			return c
		}
		return strings.Compare(x.Method, y.Method)
	})
	return all
}

// Groups by which routes open, as the upstream's schema names them (x-api-token-group). Who may write may read; and all who
// may something in a zone may look it up, which clients do first.
//
//nolint:gochecknoglobals // tables
var (
	ZoneRead     = []string{"Zone Read", "Zone Write", "DNS Read", "DNS Write", "Zone Settings Read", "Zone Settings Write", auth.GroupRecords}
	ZoneFind     = append(slices.Clip(ZoneRead), auth.GroupACME)
	ZoneWrite    = []string{"Zone Write"}
	DNSRead      = []string{"DNS Read", "DNS Write", auth.GroupRecords}
	DNSWrite     = []string{"DNS Write"}
	RecordsWrite = []string{"DNS Write", auth.GroupRecords} // records and drafts of them, no keys, settings or transfers
	// ChallengeRead and ChallengeWrite do for who may answer ACME challenges alone, too: he sees and changes nothing else (Request.Challenges).
	ChallengeRead  = append(slices.Clip(DNSRead), auth.GroupACME)
	ChallengeWrite = append(slices.Clip(RecordsWrite), auth.GroupACME)
	SettingsRead   = []string{"Zone DNS Settings Read", "DNS Read", "Zone DNS Settings Write", "DNS Write"}
	SettingsWrite  = []string{"Zone DNS Settings Write", "DNS Write"}
	ZoneSetRead    = []string{"Zone Settings Read", "Zone Settings Write"}
	ZoneSetWrite   = []string{"Zone Settings Write"}
	AccSetRead     = []string{"Account Settings Read", "Account Settings Write"}
	AccSetWrite    = []string{"Account Settings Write"}
	AccDNSRead     = []string{"Account DNS Settings Read", "Account DNS Settings Write"}
	AccDNSWrite    = []string{"Account DNS Settings Write"}

	MembershipsRead  = []string{"Memberships Read", "Memberships Write"}
	MembershipsWrite = []string{"Memberships Write"}
)

// Client is where the upstream's API stands, Own where our additions do.
const (
	Client = "/client/v4"
	Own    = "/headwater/v1"
)

// handler builds the mux over all routes, and the middle layers around it.
func (a *API) handler() http.Handler {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, r := range Routes(a.Routes) {
		methods[r.Path] = append(methods[r.Path], r.Method)
		mux.HandleFunc(r.Method+" "+r.Path, func(w http.ResponseWriter, req *http.Request) { a.serve(w, req, &r) })
	}
	// A path with another method is told apart from no path at all. Patterns without methods stand in a mux of their own:
	// beside those with one, a general pattern and a more specific one would conflict.
	paths := http.NewServeMux()
	for path := range methods {
		paths.HandleFunc(path, http.NotFound)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		_, pattern := paths.Handler(req)
		if pattern == "" {
			a.newRequest(w, req).noRoute()
			return
		}
		w.Header().Set("Allow", strings.Join(methods[pattern], ", "))
		a.newRequest(w, req).fail(&Failed{
			Status: http.StatusMethodNotAllowed, Code: codeNoMethod, Message: req.Method + " is not allowed here.",
		})
	})
	return a.outer(mux)
}
