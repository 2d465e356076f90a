package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/rooms"
	"github.com/headwaterdns/headwater/internal/control/history"
	"github.com/headwaterdns/headwater/internal/control/oidc"
	"github.com/headwaterdns/headwater/internal/control/passkey"
	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/httpfront"
	"github.com/headwaterdns/headwater/internal/trace"
)

// front listens at an address.
func (n *Node) front(ctx context.Context, address string, h http.Handler, tls bool) (*httpfront.Front, error) {
	cfg := httpfront.Config{
		Address: address, Handler: h, HeaderLimit: n.cfg.HeaderLimit, Connections: n.cfg.HTTPConnections,
		PerSource: n.cfg.HTTPConnectionsPerSource, Trusted: n.trusted, Log: n.log, Listen: n.sockets.Listen,
	}
	if tls && n.certs != nil {
		cfg.Certificate = n.certs.get
	}
	if n.connect != nil && address == n.cfg.HTTPListen {
		cfg.Tunnel = &httpfront.Tunnel{Name: n.cfg.ConnectName, Certificate: n.connect.get}
	}
	return httpfront.Listen(ctx, cfg)
}

// later is the handler of everything, made by the part that comes when the DNS is answered: its hundreds of routes take as long as many zones.
func (n *Node) later() http.Handler {
	n.handle = sync.OnceValue(n.handler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.handle().ServeHTTP(w, r) })
}

// bindHTTP binds all that speaks HTTP.
func (n *Node) bindHTTP(ctx context.Context) (err error) {
	if n.certs != nil {
		if err := n.certs.load(); err != nil {
			return err
		}
	}
	if n.connect != nil {
		if err := n.connect.load(); err != nil {
			return fmt.Errorf("for CONNECT: %w", err)
		}
	}
	if n.web, err = n.front(ctx, n.cfg.HTTPListen, n.later(), true); err != nil {
		return err
	}
	if a, ok := n.web.Addr().(*net.TCPAddr); ok && n.certs == nil && len(n.trusted) == 0 && !a.IP.IsLoopback() {
		n.log.Warn("HTTP without TLS on an address that others can reach: credentials travel in the clear", "address", a.String())
	}
	if n.cfg.MetricsListen != "" {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", n.metrics())
		mux.HandleFunc("GET /healthz", healthz)
		mux.HandleFunc("GET /readyz", n.readyz)
		if n.scrape, err = n.front(ctx, n.cfg.MetricsListen, mux, true); err != nil {
			return err
		}
		n.log.Info("metrics", "address", n.scrape.URL())
	}
	if n.profiles, err = n.listenProfiles(ctx); err != nil {
		return err
	}
	return n.sockets.Unused() // all that listens does
}

var errNotLoopback = errors.New("profiles are offered on a loopback address only")

// listenProfiles offers profiles of the process to its own machine: they show what is in memory. nil without the flag.
func (n *Node) listenProfiles(ctx context.Context) (*httpfront.Front, error) {
	if n.cfg.PprofListen == "" {
		return nil, nil //nolint:nilnil // not wanted is no error
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	f, err := n.front(ctx, n.cfg.PprofListen, mux, false)
	if err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	if a, ok := f.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		f.Close()
		return nil, fmt.Errorf("%w: %s", errNotLoopback, n.cfg.PprofListen)
	}
	return f, nil
}

func (n *Node) closeHTTP() {
	for _, f := range []*httpfront.Front{n.web, n.scrape, n.profiles} {
		if f != nil {
			f.Close()
		}
	}
}

func healthz(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }

func (n *Node) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", n.readyz)
	if n.cfg.MetricsListen == "" {
		mux.Handle("GET /metrics", n.metrics())
	} else {
		mux.Handle("/metrics", http.NotFoundHandler())
	}
	if !n.roles.api {
		// Not 404: a client that is sent here by mistake must not take its objects for deleted.
		handleAPI(mux, api.Absent())
		return api.Paths(mux)
	}
	var tracer trace.Tracer // and not one that holds nil
	if n.spans != nil {
		tracer = n.spans
	}
	var rest http.Handler
	rest = api.New(api.Config{
		Routes: rooms.Routes(), RenderPlan: rooms.RenderPlan,
		Store: n.store, Changer: n.commit, Auth: n.auth, Sessions: n.session, Provider: n.provider, ProviderName: n.cfg.OIDC.Name, Passkeys: n.passkeys, Traces: &n.traces, Tracer: tracer, WaitSeq: n.waitSeq, EdgeAddresses: n.edge,
		Events: n.events, ZoneName: n.zoneName, Alarms: n.store, Mails: n.courier.Mails(),
		PeerAllowed: n.reach.Allows, NotifySource: n.offersSource, Flattened: n.flattened,
		Server: n.facts, ZoneDigest: n.zoneDigest, ErrorReports: n.errorReports, ForgetReports: n.forgetReports,
		Curve: n.insight.Curve, ZoneQueries: n.insight.ZoneQueries, AccountQueries: n.insight.AccountQueries, Course: n.insight.CourseOf, Delegation: n.insight.Delegation,
		History:  &history.Reader{Store: n.store, Clock: time.Now, Context: n.commit.Context},
		Undelete: n.commit.Undelete, Deleted: n.store,
		Secondaries: n.secondaries, Live: n.live, KeyUses: n.keyUses, Catalog: n.catalog, CheckAccess: n.checkAccess, Review: n.review, Signing: n.signing, Clock: time.Now, Log: n.log,
		CopyZone: func(ctx context.Context, c *api.ZoneCopy, step func(api.ZoneCopyStep)) ([]api.ZoneCopyNote, error) {
			return n.copyZone(ctx, rest, c, step)
		},
		CopySources: n.cfg.CopySource,
		Quotas:      n.cfg.Quota.quotas(),
		Limits: api.Limits{
			Body: n.cfg.BodyLimit, Depth: n.cfg.DepthLimit, Import: n.cfg.ImportLimit, Memory: importMemory(n.cfg.ImportMemory, debug.SetMemoryLimit(-1)), Batch: n.cfg.BatchLimit, PerSecond: n.cfg.RateLimit,
			Heavy: n.cfg.HeavyReads, HeavyEach: n.cfg.HeavyReadsPerAccount,
			Streams: n.cfg.EventStreams, StreamsEach: n.cfg.EventStreamsPerAccount,
		},
	})
	handleAPI(mux, rest)
	mux.Handle("/openapi.json", rest)
	mux.Handle("/docs", rest)
	mux.Handle("/", gzhttp.GzipHandler(dashboard()))
	return api.Paths(mux)
}

// handleAPI registers the roots with and without a slash at their end, so that the mux redirects from neither.
func handleAPI(mux *http.ServeMux, h http.Handler) {
	for _, root := range []string{"/client/v4", "/headwater/v1"} {
		mux.Handle(root, h)
		mux.Handle(root+"/", h)
	}
}

// readyz says whether all zones are loaded and the sockets bound; the store's state is told beside it.
func (n *Node) readyz(w http.ResponseWriter, _ *http.Request) {
	h := n.feed.Health()
	if !n.ready.Load() || !h.Loaded {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, n.notReady())
		return
	}
	_, _ = fmt.Fprintf(w, "ready\nroles %s\nzones %d\nseq %d\n", n.roles, n.db.Len(), h.Seq)
	if n.stranded.Load() {
		_, _ = io.WriteString(w, "no store: it was given up for a new process that failed, the log says how: answering from memory, trying again\n")
		return
	}
	if n.duty != nil {
		d := n.duty.Stats()
		_, _ = fmt.Fprintf(w, "nodes %d\n", d.Nodes)
		if !d.Leased {
			_, _ = io.WriteString(w, "no lease: other nodes tell the secondaries\n")
		}
	}
	if n.keyless && n.roles.writes() {
		_, _ = io.WriteString(w, "no secret key: TSIG secrets, private keys, webhooks' secrets and second factors are closed, signed zones take no changes and their signatures end\n")
	}
	if h.Sealed > 0 {
		_, _ = fmt.Fprintf(w, "no secret key: the TSIG keys of %d accounts are closed, zones whose links need one are not transferred\n", h.Sealed)
	}
	if n.silent.Load() {
		_, _ = io.WriteString(w, "keys untold: other nodes do not hear which keys secondaries use here, and one in use may be retired; GRANT INSERT, UPDATE ON key_sightings\n")
	}
	if h.Stale {
		_, _ = io.WriteString(w, "the store has lost changes: answering from memory while all is loaded anew\n")
	}
	if h.Rewinds > 0 {
		_, _ = fmt.Fprintf(w, "history lost %d times since the start: the database had fewer changes than were published, the log tells which zones\n", h.Rewinds)
	}
	if h.Damaged > 0 {
		_, _ = fmt.Fprintf(w, "zones damaged %d: they take no changes, the log names them\n", h.Damaged)
	}
	if err := n.store.Outgrown(); err != nil {
		_, _ = fmt.Fprintf(w, "outgrown: %v\n", err)
	}
	if since := n.store.Stats().Unwritable; !since.IsZero() {
		_, _ = fmt.Fprintf(w, "store takes no changes since %s\n", since.UTC().Format(time.RFC3339))
	}
	if !h.Failing.IsZero() {
		_, _ = fmt.Fprintf(w, "store unreachable since %s: answering from memory\n", h.Failing.UTC().Format(time.RFC3339))
	}
}

// notReady says why.
func (n *Node) notReady() string {
	if n.stopping.Load() {
		return "not ready: stopping, or making room for another process\n"
	}
	return "not ready: zones are being loaded\n"
}

// welcome says where everything is, and on the first start what to do next.
func (n *Node) welcome(addrs server.Addrs) {
	out, url := n.out, n.web.URL()
	fmt.Fprint(out, "\nHeadwater is running.\n\n")
	if n.roles.api {
		fmt.Fprintf(out, "  dashboard  %s/\n  API        %s/client/v4\n", url, url)
	} else {
		fmt.Fprintf(out, "  health     %s/readyz\n", url)
	}
	var dns netip.AddrPort
	if len(addrs.DNS) > 0 {
		dns = addrs.DNS[0]
		if dns.Addr().IsUnspecified() {
			dns = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), dns.Port())
		}
		fmt.Fprintf(out, "  DNS        %s (UDP and TCP)\n", dns)
	}
	for _, a := range addrs.TLS {
		fmt.Fprintf(out, "  DNS        %s (TLS)\n", a)
	}
	if n.first == nil {
		return
	}
	fmt.Fprintf(out, "\nFirst start:\n\n  account    %s\n  e-mail     %s\n", n.first.Account, n.first.Email)
	if dns.IsValid() {
		fmt.Fprintf(out, "\nTry, with the API token in $TOKEN:\n\n  curl -s %s/client/v4/zones -H \"Authorization: Bearer $TOKEN\" \\\n    --json '{\"name\":\"example.com\"}'\n  dig @%s -p %d example.com SOA\n\n",
			url, dns.Addr(), dns.Port())
	}
}

// oidcFlags are how people sign in at a provider of theirs.
type oidcFlags struct {
	Issuer           string   `help:"Address of the OpenID Connect provider that people may sign in at, as its discovery document has it; without one they sign in by password." placeholder:"URL"`
	ClientID         string   `help:"What the provider calls this server." name:"client-id"`
	ClientSecretFile string   `help:"File with the client's secret; none for a public client." placeholder:"FILE"`
	DashboardURL     string   `help:"Where people find the dashboard: the provider sends them back there, to /sign-in/callback." placeholder:"URL" name:"dashboard-url"`
	Name             string   `default:"Single sign-on" help:"What the button says."`
	Scopes           []string `default:"openid,email,profile" help:"What the provider is asked for."`
	GroupsClaim      string   `default:"groups" help:"The claim that lists a person's groups."`
	Role             []string `help:"Role that a group's people have in an account, as GROUP=ACCOUNT:ROLE; ACCOUNT is an id or a name, ROLE one of the account or one by zone; a comma in a name has a backslash before it; repeatable." placeholder:"RULE"`
	SecondFactor     string   `default:"amr" enum:"amr,provider,never" help:"What counts as a second factor: what the provider says of each sign-in (amr), each sign-in there (provider), or ours alone (never)."`
}

// passkeyFlags are where people have passkeys.
type passkeyFlags struct {
	Origin []string `help:"Address at which browsers have the dashboard, for passkeys: https, or http at localhost; repeatable. Without one there are no passkeys." placeholder:"URL"`
	Domain string   `help:"What passkeys are bound to: the host of the first address, which is the default, or a domain above all of them. Another one makes all passkeys useless." placeholder:"NAME"`
}

// passkeys is the party that passkeys are made for; nil for none.
func (c *Config) passkeys() (*passkey.Party, error) {
	f := &c.Passkey
	if len(f.Origin) == 0 {
		if f.Domain != "" {
			return nil, errors.New("--passkey-origin is missing beside --passkey-domain")
		}
		return nil, nil //nolint:nilnil // there is none
	}
	return passkey.New(passkey.Config{Domain: f.Domain, Origins: f.Origin}) //nolint:wrapcheck // says what is wrong
}

// provider is the provider that people sign in at; nil for none.
func (c *Config) provider() (*oidc.Provider, error) {
	f := &c.OIDC
	if f.Issuer == "" {
		if f.ClientID != "" || f.DashboardURL != "" || len(f.Role) > 0 {
			return nil, errors.New("--oidc-issuer is missing beside the other settings of OpenID Connect")
		}
		return nil, nil //nolint:nilnil // there is none
	}
	cfg := oidc.Config{
		Issuer: f.Issuer, ClientID: f.ClientID, ClientSecret: c.oidcSecret, Redirect: strings.TrimRight(f.DashboardURL, "/") + "/sign-in/callback",
		Scopes: f.Scopes, GroupsClaim: f.GroupsClaim, Factor: f.SecondFactor, Clock: time.Now,
	}
	for _, s := range f.Role {
		r, err := oidc.ParseRule(s)
		if err != nil {
			return nil, fmt.Errorf("--oidc-role: %w", err)
		}
		cfg.Rules = append(cfg.Rules, r)
	}
	return oidc.New(cfg) //nolint:wrapcheck // says what is wrong
}
