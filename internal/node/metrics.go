package node

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// metrics renders what the parts count. The parts know no metrics library; this is where their numbers get names.
func (n *Node) metrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collector{n: n})
	h := promhttp.HandlerFor(r, promhttp.HandlerOpts{})
	if n.cfg.metricsToken == "" {
		return h
	}
	want := sha256.Sum256([]byte("Bearer " + n.cfg.metricsToken))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "the token of --metrics-token-file is needed", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

type collector struct {
	n  *Node
	ch chan<- prometheus.Metric
}

// emit tells a number; labels are names and values in turn.
func (c collector) emit(kind prometheus.ValueType, name, help string, v float64, labels ...string) {
	var names, values []string
	for i := 0; i < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	c.ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("headwater_"+name, help, names, nil), kind, v, values...)
}

// Describe is empty on purpose: the set of label values is only known when numbers are collected.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect reads every part's counters.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	c.ch = ch
	counter := func(name, help string, v uint64, labels ...string) {
		c.emit(prometheus.CounterValue, name, help, float64(v), labels...)
	}
	gauge := func(name, help string, v float64, labels ...string) {
		c.emit(prometheus.GaugeValue, name, help, v, labels...)
	}
	if c.n.dns != nil {
		c.dns(counter, gauge)
		c.transfers(counter, gauge)
		c.takesUpdates(counter)
	}
	if c.n.notify != nil {
		c.notify(counter, gauge)
	}
	peers, servers := c.n.watch.Count()
	for state, n := range peers {
		gauge("secondaries", "Linked peers of zones with transfers on, by how they stand.", float64(n), "state", string(state))
	}
	for state, addrs := range servers {
		gauge("name_servers", "Addresses of name servers of zones with transfers on, as they answer to anybody, by how they stand.", float64(addrs), "state", string(state))
	}
	c.alarms(counter, gauge)
	c.careful(counter, gauge)
	c.http(counter, gauge)
	keyless := 0.0
	if c.n.keyless {
		keyless = 1
	}
	gauge("secret_key_missing", "1 while this node runs without the secret key.", keyless)
	gauge("build_info", "1; the labels tell which program this is.", 1, "version", c.n.cfg.Version, "goversion", runtime.Version())
}

// alarmsTime bounds how long counting alarms may take.
const alarmsTime = 2 * time.Second

// alarms tells of what somebody has to look at. Alarms are counted by the node that works for the whole server: once.
func (c collector) alarms(counter func(string, string, uint64, ...string), gauge func(string, string, float64, ...string)) {
	if c.n.events != nil {
		gauge("event_streams", "Clients that listen to events.", float64(c.n.events.Listeners()))
	}
	if c.n.alarms == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), alarmsTime)
	defer cancel()
	if c.n.holds("") {
		if raised, err := c.n.store.CountAlarms(ctx); err == nil {
			for _, rule := range model.DefaultAlarms() {
				gauge("alarms", "Alarms that are raised, by their rule.", float64(raised[rule.Rule]), "rule", string(rule.Rule))
			}
		}
	}
	told := c.n.teller.Stats()
	const messages = "Messages about alarms: taken, tries that were not, and given up."
	counter("alarm_messages_total", messages, told.Taken, "outcome", "taken")
	counter("alarm_messages_total", messages, told.Failed, "outcome", "failed")
	counter("alarm_messages_total", messages, told.GivenUp, "outcome", "given_up")
	s := c.n.alarms.Stats()
	gauge("secondaries_out_of_step", "Linked peers of this node's zones that are not in step.", float64(s.OutOfStep))
	for _, p := range s.Out {
		gauge("secondary_out_of_step_seconds", "For how long a linked peer of a zone is not in step; some hundred of them at most.", time.Since(p.Since).Seconds(),
			"zone", p.Zone, "peer", p.Peer, "peer_id", p.ID, "state", string(p.State))
	}
	if c.n.compare != nil {
		s := c.n.compare.Stats()
		const comparisons = "Times that what a secondary serves was compared with ours at the same serial."
		counter("comparisons_total", comparisons, s.Done-s.Differ, "result", "same")
		counter("comparisons_total", comparisons, s.Differ, "result", "differs")
	}
}

func (c collector) http(counter func(string, string, uint64, ...string), gauge func(string, string, float64, ...string)) {
	h := c.n.web.Stats()
	gauge("http_connections", "Open connections to the API and the dashboard.", float64(h.Open))
	counter("http_connections_refused_total", "Connections for which there was no room.", h.Refused)
	counter("http_connections_displaced_total", "Connections that made room for others while they waited for their clients.", h.Displaced)
	const slow = "Requests that did not come on, their headers and TLS handshakes included, and answers that nobody took."
	counter("http_slow_total", slow, h.SlowRequest, "what", "request")
	counter("http_slow_total", slow, h.SlowAnswer, "what", "answer")
	for class, v := range h.Answers {
		if class > 1 {
			counter("http_answers_total", "Answers by the first digit of their status.", v, "code", strconv.Itoa(class)+"xx")
		}
	}
}

func (c collector) transfers(counter func(string, string, uint64, ...string), gauge func(string, string, float64, ...string)) {
	t := c.n.xfr.Stats()
	for kind, v := range t.ByKind {
		counter("transfers_total", "Finished transfers by the form of the answer.", v, "kind", strings.ToLower(string(kind)))
	}
	refused := uint64(0)
	for cause, v := range t.Refused {
		refused += v
		counter("refusals_total", "Requests of secondaries and strangers refused, by why.", v, "reason", string(cause))
	}
	counter("transfers_refused_total", "The same in all: transfers, and other requests whose signature does not verify.", refused)
	counter("transfers_failed_total", "Transfers that ended early.", t.Failed)
	counter("transfer_records_total", "Records sent in transfers.", t.Records)
	counter("transfer_bytes_total", "Octets sent in transfers.", t.Bytes)
	gauge("transfers_running", "Transfers under way.", float64(t.Running))
}

func (c collector) notify(counter func(string, string, uint64, ...string), gauge func(string, string, float64, ...string)) {
	no := c.n.notify.Stats()
	counter("notify_sent_total", "NOTIFY messages sent.", no.Sent)
	counter("notify_retries_total", "NOTIFY messages sent again.", no.Retries)
	counter("notify_acked_total", "NOTIFYs answered with NOERROR.", no.Acked)
	counter("notify_refused_total", "NOTIFYs answered with an error, one of TSIG included.", no.Refused)
	counter("notify_unverified_total", "Answers to NOTIFY whose signature does not verify.", no.Bad)
	counter("notify_unsent_total", "NOTIFY messages that could not leave.", no.Unsent)
	gauge("notify_pending", "Peers and zones that wait for a NOTIFY or its answer.", float64(no.Pending))
	if c.n.duty == nil {
		return
	}
	d := c.n.duty.Stats()
	leased := 0.0
	if d.Leased {
		leased = 1
	}
	gauge("nodes", "Nodes that share the zones, as far as this one knows.", float64(d.Nodes))
	gauge("lease", "1 while this node holds a lease and works for its share of the zones.", leased)
}

func (c collector) dns(counter func(string, string, uint64, ...string), gauge func(string, string, float64, ...string)) {
	s := c.n.dns.Stats()
	for _, tr := range []server.Transport{server.UDP, server.TCP, server.TLS} {
		for code, v := range s.Answers[tr] {
			if v > 0 {
				counter("queries_total", "Queries answered, by transport and response code.", v,
					"transport", tr.String(), "rcode", rcodeName(code))
			}
		}
	}
	const limited = "Answers over UDP beyond the rate limit, by what became of them."
	counter("rate_limited_total", limited, s.Slipped, "action", "cut")
	counter("rate_limited_total", limited, s.Silenced, "action", "dropped")
	counter("rate_limited_total", limited, s.Passed, "action", "counted")
	for i, state := range []string{"first", "good", "bad"} {
		counter("cookies_total", "Requests with a DNS cookie: of the client alone, with one of ours that holds, with one that does not.", s.Cookies[i], "state", state)
	}
	if t := c.n.tap; t != nil {
		s := t.Stats()
		const shown = "Messages that dnstap has sampled: taken by the reader, or dropped because it was slow or away."
		counter("dnstap_messages_total", shown, s.Sent, "outcome", "sent")
		counter("dnstap_messages_total", shown, s.Dropped, "outcome", "dropped")
	}
	gauge("tcp_connections", "Open TCP connections, those with TLS among them.", float64(s.TCPOpen))
	counter("tls_handshakes_failed_total", "Handshakes of DNS over TLS that failed.", s.TLSFailed)
	c.reportMetrics(counter)
}

// rcodeName names a counter of the server; the last one is BADVERS.
func rcodeName(code int) string {
	if code == server.Rcodes-1 {
		return wire.RcodeBadVers.String()
	}
	return wire.Rcode(code).String()
}

func (c collector) careful(counter func(string, string, uint64, ...string), gauge func(string, string, float64, ...string)) {
	st := c.n.store.Stats()
	counter("commits_total", "Transactions committed.", st.Commits)
	unwritable := 0.0
	if !st.Unwritable.IsZero() {
		unwritable = time.Since(st.Unwritable).Seconds()
	}
	gauge("store_unwritable_seconds", "For how long no transaction has come about; 0 while they do.", unwritable)
	took := make(map[float64]uint64, len(st.CommitsTook))
	for d, n := range st.CommitsTook {
		took[d.Seconds()] = n
	}
	desc := prometheus.NewDesc("headwater_commit_duration_seconds", "Time that commits took.", nil, nil)
	c.ch <- prometheus.MustNewConstHistogram(desc, st.Commits, time.Duration(st.CommitNanos).Seconds(), took)
	for reason, n := range st.CommitsFailed {
		counter("commits_failed_total", "Transactions that did not come about, by the reason: those that lost a race are tried again.", n, "reason", reason)
	}
	c.emit(prometheus.CounterValue, "commit_seconds_total", "Time spent in committing.", time.Duration(st.CommitNanos).Seconds())
	for what, n := range c.n.traces.Counts() {
		if what == api.SignIns {
			counter("sign_ins_total", "Sessions opened.", n)
			continue
		}
		counter("credentials_refused_total", "Requests and sign-ins refused for their credentials, by the reason.", n, "reason", what)
	}
	c.traces(counter)
	counter("journal_entries_total", "Journal entries written.", st.JournalRows)
	counter("versions_total", "Zone versions published since the start.", c.n.version.Load())
	h := c.n.feed.Health()
	gauge("journal_seq", "Journal position that this node shows.", float64(h.Seq))
	gauge("feed_lag_seconds", "How long the newest journal entry that this node has read was under way, by the clock of the node that committed it.", time.Duration(c.n.lag.Load()).Seconds())
	gauge("zones", "Zones served.", float64(c.n.db.Len()))
	octets, _, evicted := c.n.db.Histories()
	gauge("history_bytes", "Octets of changes kept in memory for IXFR.", float64(octets))
	counter("history_evicted_total", "Times that a zone gave up what it kept for IXFR because all zones together had too much.", evicted)
	c.signatures(counter, gauge)
	failing, since := 0.0, 0.0
	if !h.Failing.IsZero() {
		failing, since = 1, time.Since(h.Failing).Seconds()
	}
	gauge("store_unreachable", "1 while the store cannot be read.", failing)
	gauge("store_unreachable_seconds", "For how long the store cannot be read; 0 while it can.", since)
	counter("history_lost_total", "Times that the database was found to have lost changes which this node had published.", h.Rewinds)
	gauge("zones_damaged", "Zones whose image or journal cannot be used: they take no changes.", float64(h.Damaged))
	if b := c.n.backups; b != nil && c.n.holds("") {
		s := b.Status()
		last := s.Last
		if last.IsZero() {
			last = s.Started
		} else {
			gauge("backup_last_success_timestamp_seconds", "When the newest backup was begun that was read back.", float64(last.Unix()))
			gauge("backup_bytes", "Size of the newest backup.", float64(s.Size))
		}
		gauge("backup_age_seconds", "For how long there was no backup: since the newest was begun, or, where there is none, since this node started.", time.Since(last).Seconds())
		gauge("backup_interval_seconds", "Time between two backups.", c.n.cfg.BackupEvery.Seconds())
		counter("backups_made_total", "Backups that this node has made and read back.", s.Made)
		counter("backups_failed_total", "Attempts at a backup, or at removing old ones, that came to nothing.", s.Failed)
	}
	counter("zones_loaded_again_total", "Zones loaded from their image because the journal did not fit.", h.Resyncs)
}

// traces tells of spans.
func (c collector) traces(counter func(string, string, uint64, ...string)) {
	if c.n.spans == nil {
		return
	}
	s := c.n.spans.Stats()
	const spans = "Spans of traces: recorded and over, taken by the receiver, given up because it did not take them. The rest waits, or was dropped because too many waited."
	counter("trace_spans_total", spans, s.Ended, "outcome", "ended")
	counter("trace_spans_total", spans, s.Sent, "outcome", "sent")
	counter("trace_spans_total", spans, s.Failed, "outcome", "failed")
}

// signatures tells how the zones fare that this node signs.
func (c collector) signatures(counter func(string, string, uint64, ...string), gauge func(string, string, float64, ...string)) {
	if c.n.keeper == nil {
		return
	}
	k := c.n.keeper.Stats()
	gauge("signed_zones", "Zones whose keys and signatures this node looks after.", float64(k.Zones))
	counter("signed_zones_failures_total", "Times that a zone's keys and signatures could not be looked after.", k.Failures)
	counter("clock_set_back_total", "Times that the clock was found to have been set back by more than ten minutes.", k.SetBack)
	if !k.Ends.IsZero() {
		gauge("signatures_end_seconds", "For how long the signature that ends first among them is good yet.", time.Until(k.Ends).Seconds())
	}
	done, total := c.n.commit.Signings()
	gauge("signing_names", "Names of large zones that are being signed as a whole.", float64(total))
	gauge("signing_names_done", "How many of them are signed.", float64(done))
}

// takesUpdates tells of updates.
func (c collector) takesUpdates(counter func(string, string, uint64, ...string)) {
	s := c.n.dns.Stats()
	counter("updates_unsigned_total", "Updates (RFC 2136) that nobody had signed, refused where they came in.", s.Unsigned)
	counter("updates_crowded_total", "Updates dropped or put off because too many were under way.", s.Crowded)
	if c.n.updates == nil {
		return
	}
	u := c.n.updates.Stats()
	for code, v := range u.Rcodes {
		if v > 0 || code == int(wire.RcodeNoError) {
			counter("updates_total", "Signed updates by response code.", v, "rcode", wire.Rcode(code).String())
		}
	}
	counter("updates_repeated_total", "Of them those that had been done already, and were answered as before.", u.Repeated)
	counter("update_records_total", "Records that updates have added, removed or changed.", u.Edits)
}
