package node

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/reach"
	"github.com/headwaterdns/headwater/internal/dns/tap"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/otlp"
	"github.com/headwaterdns/headwater/internal/secretkey"
)

// Config is the configuration of a node, and with its tags the flags of serve. Every flag is also an environment variable
// HEADWATER_<NAME> and a key of the configuration file.
type Config struct {
	Data             string        `default:"./data" help:"Directory of the embedded store and the secret key."`
	Database         string        `help:"Database URL; default is SQLite in the data directory. postgres://… for many nodes." placeholder:"URL"`
	Roles            []string      `default:"api,dns,notify" help:"What this node does: api (API and dashboard), dns (queries and transfers), notify (secondaries, and upkeep of zones)." placeholder:"ROLE"`
	DNSListen        []string      `default:"127.0.0.1:5300" help:"Address for DNS over UDP and TCP; repeatable." placeholder:"ADDR" name:"dns-listen"`
	TransferListen   []string      `help:"Extra address that answers SOA, AXFR and IXFR only; repeatable." placeholder:"ADDR"`
	TLSListen        []string      `help:"Address for DNS over TLS (RFC 7858), zone transfers with it (RFC 9103); repeatable. The port is 853 by custom." placeholder:"ADDR" name:"tls-listen"`
	DNSTLSCert       string        `help:"Certificate file for DNS over TLS; read again when it changes. Default is that of HTTPS." placeholder:"FILE" name:"dns-tls-cert"`
	DNSTLSKey        string        `help:"Key file for DNS over TLS." placeholder:"FILE" name:"dns-tls-key"`
	HTTPListen       string        `default:"127.0.0.1:8053" help:"Address of the API and the dashboard." placeholder:"ADDR" name:"http-listen"`
	TLSCert          string        `help:"Certificate file for HTTPS; read again when it changes." placeholder:"FILE" name:"tls-cert"`
	TLSKey           string        `help:"Key file for HTTPS." placeholder:"FILE" name:"tls-key"`
	ConnectName      string        `help:"Name that CONNECT is answered for on the HTTP address, such as api.cloudflare.com: programs whose address cannot be set come here with HTTPS_PROXY. Off when empty; nothing else is ever connected to." placeholder:"HOST"`
	ConnectCert      string        `help:"Certificate file for that name; read again when it changes. Default is that of HTTPS." placeholder:"FILE"`
	ConnectKey       string        `help:"Key file for that name." placeholder:"FILE"`
	NotifySource     []string      `help:"Address that NOTIFY leaves from, one of a family; default is the address that DNS listens on, where that is one." placeholder:"IP"`
	NotifyOffer      []string      `help:"Further address that members of accounts may have NOTIFY to a peer leave from, besides those above; repeatable." placeholder:"IP"`
	HandoverPatience time.Duration `default:"10m" help:"How long the new process of a hand-over (SIGUSR2) has until it answers; then it is killed and this one goes on."`
	HandoverDrain    time.Duration `default:"5m" help:"How long transfers that are under way at a hand-over may go on in the old process."`
	DrainDelay       time.Duration `default:"0" help:"How long after SIGTERM everything goes on, with /readyz saying 503, before the end begins: for balancers that have to see it. The end itself takes ten seconds at most."`
	NotifyInterval   time.Duration `default:"1s" help:"Least time between two NOTIFYs to a peer for a zone while changes keep coming."`
	ProbeInterval    time.Duration `default:"30s" help:"How often each linked peer is asked for its serial that is not in step; 0 is only while somebody waits for a zone."`
	ProbeMost        time.Duration `default:"0" help:"How often each linked peer is asked for its serial that is in step, or silent since long; 0 is four times --probe-interval." name:"probe-interval-most"`
	ProbeRate        int           `default:"1000" help:"How many linked peers are asked for their serials a second at most; who waits for a zone has its own asked beside that."`
	Nameservers      []string      `default:"ns1.headwater.internal,ns2.headwater.internal" help:"Names of the servers assigned to new zones." placeholder:"NAME"`
	EdgeAddresses    []string      `help:"Addresses that stand in for proxied records." placeholder:"IP"`
	Resolver         string        `help:"Recursive resolver for CNAME flattening and for watching name servers (host:port)." placeholder:"ADDR"`
	FlattenKeep      time.Duration `default:"1h" help:"How long the last good answer for a flattened CNAME serves on after its TTL while the resolver fails; 0 is not at all."`
	FlattenDamping   time.Duration `default:"1m" help:"Least time between two changes of what secondaries of a zone get for its flattened CNAMEs; 0 is none."`
	FlattenMinTTL    time.Duration `default:"1s" help:"Soonest that the target of a flattened CNAME is looked up again." name:"flatten-min-ttl"`
	FlattenMaxTTL    time.Duration `default:"1h" help:"Latest that the target of a flattened CNAME is looked up again." name:"flatten-max-ttl"`
	DNSRateLimit     int           `default:"0" help:"Most answers a second over UDP to one IPv4 address or IPv6 /64, and eight times that to a /24 or /48; 0 is no limit." name:"dns-rate-limit"`
	DNSRateSlip      int           `default:"2" help:"Of the answers beyond it one in so many is sent cut, for the client to come by TCP or with a cookie; the others are dropped. 1 is all of them, 0 none." name:"dns-rate-slip"`
	DNSRateExempt    []string      `help:"Address or network that the limit does not hold for; repeatable." placeholder:"NETWORK" name:"dns-rate-exempt"`
	DNSRateLogOnly   bool          `help:"Count and log what the limit would hold back, and answer it." name:"dns-rate-log-only"`
	UpdateRate       int           `default:"500" help:"Updates (RFC 2136) done a second for one key, over a while; 0 is no limit." name:"update-rate"`
	DNSProxies       []string      `help:"Address or network of a proxy that names its client by the PROXY protocol, on DNS connections over TCP and TLS, and must; repeatable." placeholder:"NETWORK" name:"dns-proxies"`
	Cookies          bool          `default:"true" negatable:"" help:"DNS cookies (RFC 7873): who shows one is not limited."`
	ReportAgent      string        `help:"Domain that resolvers are told to report errors below (RFC 9567); a zone of this server has it, with a wildcard TXT at *._er below it. Off when empty." placeholder:"DOMAIN"`
	ZONEMDOctets     int           `default:"1048576" help:"Size up to which a zone may carry a digest of itself (ZONEMD, RFC 8976): each change of such a zone has all of it hashed." name:"zonemd-octets"`
	Dnstap           string        `help:"Where samples of queries and answers are shown as dnstap: unix:PATH or tcp:HOST:PORT of a reader, or file:PATH. Off when empty." placeholder:"PLACE"`
	DnstapSample     float64       `default:"1" help:"How many of the answers dnstap shows, in percent."`
	DnstapIdentity   string        `help:"What dnstap calls this server; default is its host name." placeholder:"NAME"`
	NSID             string        `help:"Name of this server in NSID answers (RFC 5001)." name:"nsid"`
	ChaosVersion     string        `help:"Answer to version.bind; refused when empty."`
	ChaosHostname    string        `help:"Answer to hostname.bind; refused when empty."`

	MustExist    bool   `help:"Refuse to start where there is no store yet, such as on a volume that is not mounted."`
	DatabaseFile string `help:"File with the database URL." placeholder:"FILE"`

	DatabasePatience time.Duration `default:"1m" help:"How long PostgreSQL may be silent amid a statement before its connection is given up."`
	CommitPatience   time.Duration `default:"10s" help:"How long a change waits for its COMMIT, such as for a synchronous standby, before it is answered 503; it is never cancelled."`

	HTTPConnections          int      `default:"2048" help:"Most connections to the API and the dashboard at once." name:"http-connections"`
	HTTPConnectionsPerSource int      `default:"256" help:"Most of them from one IPv4 address or IPv6 /64." name:"http-connections-per-source"`
	TrustedProxies           []string `help:"Address or network of a proxy that is believed when it names the client, by X-Forwarded-For or PROXY protocol; repeatable." placeholder:"NETWORK"`
	MetricsListen            string   `help:"Address of its own for /metrics, which is then nowhere else." placeholder:"ADDR"`
	MetricsTokenFile         string   `help:"File with a token that /metrics then asks for." placeholder:"FILE"`

	NameServerInterval time.Duration `default:"5m" help:"How often the names in the NS RRset of zones with transfers on are asked for their serial, if there is a resolver; 0 is never."`
	NameServerPort     uint16        `default:"53" hidden:"" help:"Port at which they are asked."`

	OIDC oidcFlags `embed:"" prefix:"oidc-"`

	Traces otlp.Config `embed:"" prefix:"traces-"`

	Passkey passkeyFlags `embed:"" prefix:"passkey-"`

	CopySource []string `default:"https://api.cloudflare.com/client/v4" help:"Address of an API from which members of an account may copy zones; repeatable. Server administrators may copy from any." placeholder:"URL"`

	ForbidNetworks []string `default:"loopback,link-local,metadata" help:"Network that members of an account may not have this server reach, as a peer, as a name server, or as what a copy source leads to; repeatable. A prefix, or loopback, link-local (both unless --dns-listen or --transfer-listen is there itself), metadata (of clouds), none. Server administrators may name any." placeholder:"NET"`

	AdminEmail    string `help:"E-mail of the first administrator (first start only)."`
	AdminKey      string `secret:"" help:"Global API key of the first administrator (first start only)."`
	AdminToken    string `secret:"" help:"API token of the first administrator (first start only)."`
	AdminPassword string `secret:"" help:"Password of the first administrator (first start only)."`

	CredentialsFile   string `help:"File for the credentials that the first start makes up; default is the terminal, or first-credentials.txt in the data directory." placeholder:"FILE"`
	AdminKeyFile      string `help:"File with the Global API key of the first administrator." placeholder:"FILE"`
	AdminTokenFile    string `help:"File with the API token of the first administrator." placeholder:"FILE"`
	AdminPasswordFile string `help:"File with the password of the first administrator." placeholder:"FILE"`

	SecretKeyFile string `help:"File with the key that encrypts secrets at rest; default is secret.key in the data directory." placeholder:"FILE"`
	SecretKey     string `hidden:"" secret:"" env:"HEADWATER_SECRET_KEY" help:"The key itself, base64 of 32 bytes."`

	WithoutSecretKey bool `help:"Start on a store whose secret key is lost or wrong, with all secrets closed: DNS and transfers without TSIG go on, unsigned zones can be changed. With the right key it changes nothing."`

	BodyLimit              int64         `default:"16777216" help:"Most octets of a JSON body."`
	HeaderLimit            int           `default:"65536" help:"Most octets of a request's header, to within a few thousand."`
	DepthLimit             int           `default:"32" help:"Deepest nesting of a JSON body."`
	ImportLimit            int64         `default:"536870912" help:"Most octets of a zone file import."`
	HistoryMemory          int64         `default:"268435456" help:"Most octets that the changes kept in memory for IXFR may take, of all zones together; the zone that has not changed for longest is the first to fall back to AXFR. 0 is no bound but each zone's 1 MiB."`
	ImportMemory           int64         `default:"0" help:"Most octets that all imports together may hold in memory; an account's, three quarters of it. 0 is a quarter of GOMEMLIMIT where that is set, and 1 GiB at most."`
	BatchLimit             int           `default:"10000" help:"Most operations of a batch."`
	HeavyReads             int           `default:"32" help:"Most exports, long lists and reviews that run at once."`
	HeavyReadsPerAccount   int           `default:"8" help:"Most of them for one account."`
	CompareInterval        time.Duration `default:"1h" help:"How often what each secondary serves is compared with ours at the same serial; 0 is never."`
	CompareRate            int           `default:"50" help:"Most questions a second for that, of all zones together."`
	WebhookNetworks        []string      `help:"Address or network that webhooks may lead to though it is loopback, link-local, private or of a cloud's metadata; repeatable." placeholder:"NETWORK"`
	WebhookCA              string        `help:"File with certificates (PEM) of authorities that webhooks and the mail server are trusted by besides the system's." placeholder:"FILE" name:"webhook-ca"`
	AlarmGather            time.Duration `default:"30s" help:"Shortest time between two messages about alarms of an account: what changes meanwhile comes together."`
	AlarmSurvey            time.Duration `default:"30m" hidden:"" help:"How often keys that wait, and parents, are looked at for alarms."`
	SMTPServer             string        `help:"Mail server that alarms leave by, as host:port; without one no mail is sent." placeholder:"HOST:PORT" name:"smtp-server"`
	SMTPFrom               string        `help:"Address that mail comes from." placeholder:"ADDRESS" name:"smtp-from"`
	SMTPUser               string        `help:"User at the mail server; empty is without." name:"smtp-user"`
	SMTPPasswordFile       string        `help:"File with the user's password." placeholder:"FILE" name:"smtp-password-file"`
	SMTPTLS                string        `default:"starttls" enum:"starttls,tls,none" help:"starttls (which must be had), tls (from the beginning) or none." name:"smtp-tls"`
	EventStreams           int           `default:"512" help:"Most clients that listen to events at once."`
	EventStreamsPerAccount int           `default:"64" help:"Most of them of one account."`
	RateLimit              float64       `default:"0" help:"Most API requests a second and credential; 0 is no limit."`

	Quota quotaFlags `embed:"" prefix:"quota-"`

	BackupTo              string        `help:"Where backups are made by schedule: a directory, or s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION." placeholder:"PLACE"`
	BackupEvery           time.Duration `default:"24h" help:"Time between two backups."`
	BackupKeep            int           `default:"14" help:"How many backups are kept; 0 is all."`
	BackupCredentialsFile string        `help:"File with the keys of the storage, as AWS's tools have it; without it the environment counts (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)." placeholder:"FILE"`

	AuditKeep time.Duration `default:"9600h" help:"How long entries of the audit log are kept; 0 is for ever."`

	LogFormat string `default:"text" enum:"text,json" help:"text or json."`
	LogLevel  string `default:"info" enum:"debug,info,warn,error" help:"debug, info, warn or error."`

	Version string `kong:"-"` // of the program, for those who watch it

	logLevel     *slog.LevelVar
	metricsToken string
	smtpPassword string
	oidcSecret   string

	PprofListen string `help:"Loopback address that offers CPU and memory profiles of the process (/debug/pprof/)." placeholder:"ADDR"`
}

// Logger writes as the configuration says; its level may change while the node runs.
func (c *Config) Logger(w io.Writer) (*slog.Logger, error) {
	level, err := c.level()
	if err != nil {
		return nil, err
	}
	c.logLevel = &slog.LevelVar{}
	c.logLevel.Set(level)
	opts := &slog.HandlerOptions{Level: c.logLevel, ReplaceAttr: clipped}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return slog.New(slog.NewTextHandler(w, opts)), nil
}

// logged bounds a value in the log, in octets. Errors may carry what others have said to us, such as a provider's page of a megabyte, and
// strangers can have them told as often as they like.
const logged = 8 << 10

func clipped(_ []string, a slog.Attr) slog.Attr {
	text := a.Value.String()
	if k := a.Value.Kind(); k != slog.KindString && k != slog.KindAny || len(text) <= logged {
		return a
	}
	return slog.String(a.Key, fmt.Sprintf("%s... (%d octets)", strings.ToValidUTF8(text[:logged], ""), len(text)))
}

func (c *Config) level() (level slog.Level, err error) {
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return level, fmt.Errorf("log level: %w", err)
	}
	return level, nil
}

// DatabaseURL is what was configured, or SQLite in the data directory.
func (c *Config) DatabaseURL() string {
	if c.Database != "" {
		return c.Database
	}
	return "sqlite:" + filepath.Join(c.Data, "headwater.db")
}

// embedded says that the database is a file of this node alone.
func (c *Config) embedded() bool { return strings.HasPrefix(c.DatabaseURL(), "sqlite:") }

// KeyFile is the file of the secret key, which does not count where the key is given itself.
func (c *Config) KeyFile() string {
	if c.SecretKeyFile != "" {
		return c.SecretKeyFile
	}
	return filepath.Join(c.Data, "secret.key")
}

// FindKeys finds the secret keys of a store that is there already.
func (c *Config) FindKeys() (secretkey.Keys, error) { return secretkey.Read(c.SecretKey, c.KeyFile()) }

// keys finds the secret keys, or makes one on the first start. A node that only reads makes none up, and can do without: then there are none.
// Who may start without does not make one up either.
func (c *Config) keys(reads bool) (keys secretkey.Keys, made bool, err error) {
	if c.WithoutSecretKey {
		if keys, err = c.FindKeys(); errors.Is(err, fs.ErrNotExist) || errors.Is(err, secretkey.ErrForm) {
			return nil, false, nil
		}
		return keys, false, err
	}
	if reads || c.MustExist {
		keys, err = c.FindKeys()
		if reads && c.SecretKeyFile == "" && errors.Is(err, fs.ErrNotExist) {
			return nil, false, nil
		}
		return keys, false, err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, false, fmt.Errorf("data directory: %w", err)
	}
	_, missing := os.Stat(c.KeyFile())
	keys, err = secretkey.FindOrMake(c.SecretKey, c.KeyFile())
	return keys, err == nil && c.SecretKey == "" && errors.Is(missing, fs.ErrNotExist), err
}

// unmake takes back a key that was made up at this start for a store that has another one: it would be in the way of the right one.
func (c *Config) unmake(made bool, why error) error {
	if !made || !errors.Is(why, store.ErrSecretKey) {
		return why
	}
	return errors.Join(fmt.Errorf("there is no file %s: put the secret key of this database there, or start with --without-secret-key: %w", c.KeyFile(), why), os.Remove(c.KeyFile()))
}

// settings are what a configuration comes to.
type settings struct {
	roles       roles
	edge        []netip.Addr
	sources     []netip.Addr // of NOTIFY
	offered     []netip.Addr // as such to members of accounts
	nameservers []string
	trusted     []netip.Prefix
	exempt      []netip.Prefix // from the rate limit of answers
	proxies     []netip.Prefix // of DNS
	reach       *reach.Rule
	agent       wire.Name // of error reports; empty: none
	tap         *tap.Config
}

// Check says whether a node would take the configuration, as far as that can be told without starting it.
func (c *Config) Check() error {
	_, err := c.settings()
	return err
}

func (c *Config) settings() (out settings, err error) {
	if out.roles, err = parseRoles(c.Roles); err != nil {
		return out, err
	}
	if err := c.ReadSecrets(); err != nil {
		return out, err
	}
	if !out.roles.all() && c.embedded() {
		return out, errSoleNode
	}
	if out.edge, err = addresses(c.EdgeAddresses, "edge addresses"); err != nil {
		return out, err
	}
	if out.sources, err = notifySources(c); err != nil {
		return out, err
	}
	if out.offered, err = offeredSources(c); err != nil {
		return out, err
	}
	if out.reach, err = c.reach(); err != nil {
		return out, err
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return out, errHalfTLS
	}
	if (c.DNSTLSCert == "") != (c.DNSTLSKey == "") {
		return out, errHalfDNSTLS
	}
	if err := c.checkConnect(); err != nil {
		return out, err
	}
	if len(c.TLSListen) > 0 && c.DNSTLSCert == "" && c.TLSCert == "" {
		return out, errBareDNSTLS
	}
	if _, err := c.courier(""); err != nil {
		return out, err
	}
	_, provider := c.provider()
	_, passkeys := c.passkeys()
	if err := errors.Join(provider, passkeys); err != nil {
		return out, err
	}
	if out.trusted, err = networks(c.TrustedProxies, "trusted proxies"); err != nil {
		return out, err
	}
	if out.exempt, err = networks(c.DNSRateExempt, "networks without a rate limit"); err != nil {
		return out, err
	}
	if out.proxies, err = networks(c.DNSProxies, "proxies of DNS"); err != nil {
		return out, err
	}
	if err := c.checkNumbers(); err != nil {
		return out, err
	}
	if c.Dnstap != "" {
		if out.tap, err = c.tap(); err != nil {
			return out, err
		}
	}
	if out.agent, err = c.agent(); err != nil {
		return out, err
	}
	out.nameservers, err = c.nameservers()
	return out, errors.Join(err, c.Traces.Valid())
}

func (c *Config) checkNumbers() error {
	switch {
	case c.DNSRateLimit < 0 || c.DNSRateSlip < 0:
		return errRateLimit
	case c.ZONEMDOctets < 0:
		return errDigest
	case c.ProbeRate <= 0 || c.ProbeMost < 0 || c.ProbeMost != 0 && c.ProbeMost < c.ProbeInterval:
		return errProbes
	}
	return nil
}

// ReadSecrets reads what stands in files of its own.
func (c *Config) ReadSecrets() error {
	for _, s := range []struct {
		name, file string
		value      *string
	}{
		{"database", c.DatabaseFile, &c.Database},
		{"admin-key", c.AdminKeyFile, &c.AdminKey},
		{"admin-token", c.AdminTokenFile, &c.AdminToken},
		{"admin-password", c.AdminPasswordFile, &c.AdminPassword},
		{"metrics-token", c.MetricsTokenFile, &c.metricsToken},
		{"smtp-password", c.SMTPPasswordFile, &c.smtpPassword},
		{"oidc-client-secret", c.OIDC.ClientSecretFile, &c.oidcSecret},
	} {
		if s.file == "" {
			continue
		}
		v, err := secretkey.File(s.file)
		switch {
		case err != nil:
			return fmt.Errorf("--%s-file: %w", s.name, err)
		case v == "":
			return fmt.Errorf("--%s-file: %s is empty", s.name, s.file)
		case *s.value != "" && *s.value != v:
			return fmt.Errorf("--%s and --%s-file say different things", s.name, s.name)
		}
		*s.value = v
	}
	return nil
}

// reach is where tenants may have this node send to.
func (c *Config) reach() (*reach.Rule, error) {
	var listen []netip.Addr
	for _, s := range slices.Concat(c.DNSListen, c.TransferListen) {
		if at, err := netip.ParseAddrPort(s); err == nil {
			listen = append(listen, at.Addr())
		}
	}
	rule, err := reach.Parse(c.ForbidNetworks, listen)
	if err != nil {
		return nil, fmt.Errorf("networks that tenants may not name (--forbid-networks): %w", err)
	}
	return rule, nil
}

var (
	errRateLimit  = errors.New("--dns-rate-limit and --dns-rate-slip are 0 or more")
	errHalfTLS    = errors.New("HTTPS needs both, a certificate (--tls-cert) and its key (--tls-key)")
	errHalfDNSTLS = errors.New("DNS over TLS needs both, a certificate (--dns-tls-cert) and its key (--dns-tls-key)")
	errBareDNSTLS = errors.New("DNS over TLS (--tls-listen) needs a certificate and its key (--dns-tls-cert and --dns-tls-key)")
)

var errNameservers = errors.New("at least one name server is needed for new zones")

// nameservers gives the names without final dots, in lower case.
func (c *Config) nameservers() ([]string, error) {
	var out []string
	for _, n := range c.Nameservers {
		if n = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(n), ".")); n != "" {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return nil, errNameservers
	}
	return out, nil
}

func addresses(list []string, what string) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, s := range list {
		if s == "" {
			continue
		}
		a, err := netip.ParseAddr(strings.TrimSpace(s))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		out = append(out, a.Unmap())
	}
	return out, nil
}

// networks reads addresses and networks.
func networks(list []string, what string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, addrErr := netip.ParseAddr(s)
			if addrErr != nil {
				return nil, fmt.Errorf("%s: %q is neither an address nor a network", what, s)
			}
			p = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		}
		out = append(out, p.Masked())
	}
	return out, nil
}
