package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/cores"
	"github.com/headwaterdns/headwater/internal/depot"
	"github.com/headwaterdns/headwater/internal/dns/report"
	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/tap"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/otlp"
	"github.com/headwaterdns/headwater/internal/secretkey"
)

// facts tells the API what this node can do. Where a port is 0 in the configuration, what was bound counts.
func (n *Node) facts() api.ServerFacts {
	out := api.ServerFacts{Resolver: n.cfg.Resolver != "", Version: n.cfg.Version, Backups: n.backupFacts()}
	if n.dns == nil {
		return out
	}
	addrs := n.dns.Addrs()
	out.DNS = n.dnsFacts()
	if len(addrs.DNS) > 0 {
		out.DNSPort = addrs.DNS[0].Port()
	}
	out.TransferPort = out.DNSPort
	if len(addrs.Transfer) > 0 {
		out.TransferPort = addrs.Transfer[0].Port()
	}
	return out
}

// dnsFacts tells how DNS is spoken here, by the flags that say so.
func (n *Node) dnsFacts() *api.DNSFacts {
	c := n.cfg
	out := &api.DNSFacts{
		Cookies: c.Cookies, RateLimit: c.DNSRateLimit, RateSlip: c.DNSRateSlip, RateLogOnly: c.DNSRateLogOnly, RateExempt: c.DNSRateExempt,
		Proxies: c.DNSProxies, ReportAgent: n.answer.Agent.Host(), ZONEMDLimit: c.ZONEMDOctets, NotifySources: c.NotifySource, NSID: c.NSID,
	}
	if n.answer.Agent == "" {
		out.ReportAgent = ""
	}
	out.TLSAddresses = api.Each(n.dns.Addrs().TLS, func(a *netip.AddrPort) string { return a.String() })
	return out
}

// keepBackups makes what backs up by schedule, where somebody has said to what place. Of all nodes the one does it that works for the
// server as a whole.
func (n *Node) keepBackups(keys secretkey.Keys) error {
	if n.cfg.BackupTo == "" || !n.roles.notify {
		return nil
	}
	place, err := depot.At(n.cfg.BackupTo, depot.Options{Credentials: n.cfg.BackupCredentialsFile})
	if err != nil {
		return fmt.Errorf("--backup-to: %w", err)
	}
	n.backups = depot.NewKeeper(depot.Config{
		Depot: place, Every: n.cfg.BackupEvery, Keep: n.cfg.BackupKeep, Clock: time.Now, Log: n.log,
		Duty: func() bool { return n.ready.Load() && n.holds("") },
		Dump: func(ctx context.Context, w io.Writer) error { return n.store.Dump(ctx, w, nil) },
		Look: func(r io.Reader) error {
			b, err := store.ReadBackup(r, nil)
			if err != nil {
				return err
			}
			if len(keys) == 0 {
				return nil // whole is all that can be said of it
			}
			return b.Opens(keys.Current(), keys.Older()...)
		},
	})
	return nil
}

// backupFacts tells how it stands with backups.
func (n *Node) backupFacts() *api.BackupFacts {
	if n.cfg.BackupTo == "" {
		return nil
	}
	out := &api.BackupFacts{EverySeconds: int64(n.cfg.BackupEvery.Seconds()), Keep: n.cfg.BackupKeep}
	if n.backups == nil || !n.holds("") {
		return out
	}
	s := n.backups.Status()
	out.Here, out.Name, out.Octets, out.Failed, out.Error = true, s.Name, s.Size, s.Failed, s.Error
	if !s.Last.IsZero() {
		out.Last = &s.Last
	}
	return out
}

// What resolvers report of errors (RFC 9567), and where they are told to.

var (
	errAgent  = errors.New("--report-agent: it must be the name of a domain, and leave room for the names that are reported below it")
	errDigest = errors.New("--zonemd-octets: it must be 0 or more")
	errProbes = errors.New("--probe-rate must be 1 or more, and --probe-interval-most no less than --probe-interval")
)

// agentMost is how long an agent's name may be in octets: names that are reported stand before it, and those that do not fit are not
// reported (RFC 9567 section 6.1.1).
const agentMost = 100

func (c *Config) agent() (wire.Name, error) {
	if c.ReportAgent == "" {
		return "", nil
	}
	n, err := wire.ParseName(strings.ToLower(c.ReportAgent))
	if err != nil {
		return "", fmt.Errorf("%w: %w", errAgent, err)
	}
	if len(n) <= 1 || len(n) > agentMost {
		return "", errAgent
	}
	return n, nil
}

// digestMost is the limit as the committer has it, where 0 is its own default: no zone is as small as an octet.
func (c *Config) digestMost() int { return max(c.ZONEMDOctets, 1) }

// takesReports is who takes reports, a plain nil for nobody.
func (n *Node) takesReports() server.Reports {
	if n.reports == nil {
		return nil
	}
	return n.reports
}

// errorReports tells what this node heard of a zone.
func (n *Node) errorReports(zone model.ID) api.ErrorReports {
	out := api.ErrorReports{Node: n.cfg.NSID}
	if n.reports == nil {
		return out
	}
	agent := n.reports.Agent()
	out.Agent, out.Ready = agent.Host(), n.answersReports(agent)
	var list []report.Report
	list, out.Total, out.Dropped = n.reports.Of(string(zone))
	out.Reports = api.Each(list, func(r *report.Report) api.ErrorReport {
		return api.ErrorReport{
			Name: r.Name.Host(), Type: r.Type.String(), Code: int(r.Code), Count: r.Count, First: r.First, Last: r.Last, From: r.From.String(),
		}
	})
	return out
}

// answersReports says whether questions below the agent's name are answered here: without, resolvers take it for broken.
func (n *Node) answersReports(agent wire.Name) bool {
	at := wire.Name("\x01*\x03_er") + agent
	z := n.db.Find([]byte(at))
	if z == nil {
		return false
	}
	for _, s := range z.State().Served.Sets(at) {
		if s.Type == wire.TypeTXT {
			return true
		}
	}
	return false
}

// forgetReports forgets what this node heard of a zone.
func (n *Node) forgetReports(zone model.ID) int {
	if n.reports == nil {
		return 0
	}
	return n.reports.Forget(string(zone))
}

// reportMetrics tells how much was reported.
func (c collector) reportMetrics(counter func(string, string, uint64, ...string)) {
	if c.n.reports == nil {
		return
	}
	st := c.n.reports.Stats()
	for code, v := range st.Codes {
		counter("error_reports_total", "Errors that resolvers reported of names in zones here (RFC 9567), by extended error code.", v, "code", strconv.Itoa(int(code)))
	}
	counter("error_reports_foreign_total", "Reports that are about no zone here, or cannot be read.", st.Foreign)
	counter("error_reports_dropped_total", "Kinds of reports that are not kept any more, or were not, for want of room.", st.Dropped)
}

// zoneDigest tells of a zone's digest as it is in memory.
func (n *Node) zoneDigest(zone model.ID) (out api.ZoneDigest, ok bool) {
	out.Limit = n.cfg.ZONEMDOctets
	z := n.db.ByID(string(zone))
	if z == nil {
		return out, false
	}
	v := z.State().Transfer
	out.Octets = v.Size()
	for _, s := range v.Own(v.Apex()) {
		if s.Type == wire.TypeZONEMD && len(s.Data) == 1 {
			out.Data = s.Data[0]
		}
	}
	return out, true
}

// tap is what dnstap is to be, as far as the configuration says.
func (c *Config) tap() (*tap.Config, error) {
	host, _ := os.Hostname()
	out := &tap.Config{
		To: c.Dnstap, Percent: c.DnstapSample, Lanes: cores.Count() + 2, Identity: cmp.Or(c.DnstapIdentity, host), Version: "headwater " + c.Version, Now: time.Now,
	}
	if err := out.Valid(); err != nil {
		return nil, fmt.Errorf("--dnstap: %w", err)
	}
	return out, nil
}

// startTraces begins to send spans.
func (n *Node) startTraces(ctx context.Context) (err error) {
	c := n.cfg.Traces
	c.Version, c.Log, c.Now = n.cfg.Version, n.log, time.Now
	c.Host, _ = os.Hostname()
	if n.spans, err = otlp.New(ctx, &c); err != nil {
		return err
	}
	n.store.Hear(n.heard)
	return nil
}

// heard hears what a node tells of changes that are traced: this one may have to tell secondaries of them. Mostly it hears before
// the journal brings them; where not, who tells has looked too early.
func (n *Node) heard(news string) {
	for _, h := range n.traced.Hear(time.Now(), news, n.spans) {
		z := n.db.ByID(h.Zone)
		if z != nil && n.notify != nil && !wire.SerialNewer(h.Serial, z.State().Transfer.Serial()) {
			n.notify.Wake(z)
		}
	}
}

// newTap makes what shows samples; nil where nothing is shown.
func (n *Node) newTap(c *tap.Config) *tap.Tap {
	if c == nil {
		return nil
	}
	c.Log = n.log
	c.Zone = func(query []byte) []byte {
		var q wire.Request
		if q.Parse(query) == wire.ParseDrop {
			return nil
		}
		if z := n.db.Find(q.Name); z != nil {
			return []byte(z.Name)
		}
		return nil
	}
	t, err := tap.New(*c)
	if err != nil { // which settings have ruled out
		n.log.Error("no dnstap", "error", err)
	}
	return t
}
