package deploy_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

const monitoring = "../../deploy/monitoring/"

type ruleFile struct {
	Groups []struct {
		Name  string `json:"name"`
		Rules []struct {
			Alert  string            `json:"alert"`
			Expr   string            `json:"expr"`
			For    string            `json:"for"`
			Labels map[string]string `json:"labels"`
		} `json:"rules"`
	} `json:"groups"`
}

func rules(t *testing.T) ruleFile {
	t.Helper()
	raw, err := os.ReadFile(monitoring + "headwater.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var f ruleFile
	if err := yaml.UnmarshalStrict(raw, &f); err != nil && !strings.Contains(err.Error(), "annotations") {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, &f); err != nil || len(f.Groups) != 1 {
		t.Fatal(err)
	}
	return f
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "promtool", args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %q: %v\n%s", args, err, out)
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// series that make an alert fire, and the same a little better, with which it stays quiet; an hour of minutes each.
var firing = map[string]struct{ bad, good []string }{
	"HeadwaterDown":             {[]string{`up{job="headwater",instance="a"} 0x60`}, []string{`up{job="headwater",instance="a"} 1x60`}},
	"HeadwaterStoreUnreachable": {[]string{`headwater_store_unreachable_seconds 0+60x60`}, []string{`headwater_store_unreachable_seconds 30x60`}},
	"HeadwaterStoreUnwritable":  {[]string{`headwater_store_unwritable_seconds 0+60x60`}, []string{`headwater_store_unwritable_seconds 0x60`}},
	"HeadwaterHistoryLost":      {[]string{`headwater_history_lost_total 0x30 1x30`}, []string{`headwater_history_lost_total 1x60`}},
	"HeadwaterZoneDamaged":      {[]string{`headwater_zones_damaged 1x60`}, []string{`headwater_zones_damaged 0x60`}},
	"HeadwaterSecretKeyMissing": {[]string{`headwater_secret_key_missing 1x60`}, []string{`headwater_secret_key_missing 0x60`}},
	"HeadwaterBackupOld": {
		[]string{`headwater_backup_age_seconds{job="h"} 100x60`, `headwater_backup_interval_seconds{job="h"} 60x60`},
		[]string{`headwater_backup_age_seconds{job="h"} 80x60`, `headwater_backup_interval_seconds{job="h"} 60x60`},
	},
	"HeadwaterNobodyNotifies": {
		[]string{`headwater_lease{job="h",instance="a"} 0x60`, `headwater_lease{job="h",instance="b"} 0x60`},
		[]string{`headwater_lease{job="h",instance="a"} 0x60`, `headwater_lease{job="h",instance="b"} 1x60`},
	},
	"HeadwaterNodeBehind": {
		[]string{`headwater_journal_seq{job="h",instance="a"} 0+200x60`, `headwater_journal_seq{job="h",instance="b"} 7x60`},
		[]string{`headwater_journal_seq{job="h",instance="a"} 0+200x60`, `headwater_journal_seq{job="h",instance="b"} 0+199x60`},
	},
	"HeadwaterZonesDiffer": {
		[]string{`headwater_zones{job="h",instance="a"} 5x60`, `headwater_zones{job="h",instance="b"} 4x60`},
		[]string{`headwater_zones{job="h",instance="a"} 5x60`, `headwater_zones{job="h",instance="b"} 5x60`},
	},
	"HeadwaterLoadedAgain":        {[]string{`headwater_zones_loaded_again_total 0x30 1x30`}, []string{`headwater_zones_loaded_again_total 0x60`}},
	"HeadwaterSecondariesBehind":  {[]string{`headwater_secondaries{state="behind"} 1x60`}, []string{`headwater_secondaries{state="in_step"} 1x60`}},
	"HeadwaterSecondariesBroken":  {[]string{`headwater_secondaries{state="wrong_key"} 1x60`}, []string{`headwater_secondaries{state="behind"} 1x60`}},
	"HeadwaterAlarms":             {[]string{`headwater_alarms{rule="secondary_silent"} 2x60`}, []string{`headwater_alarms{rule="tsig_in_use"} 2x60`}},
	"HeadwaterAlarmsUntold":       {[]string{`headwater_alarm_messages_total{outcome="failed"} 0+2x60`}, []string{`headwater_alarm_messages_total{outcome="taken"} 0+9x60`}},
	"HeadwaterNotifyPilesUp":      {[]string{`headwater_notify_pending 1001x60`}, []string{`headwater_notify_pending 1000x60`}},
	"HeadwaterTransfersRefused":   {[]string{`headwater_transfers_refused_total 0+60x60`}, []string{`headwater_transfers_refused_total 0+1x60`}},
	"HeadwaterTransfersFail":      {[]string{`headwater_transfers_failed_total 0+1x60`}, []string{`headwater_transfers_failed_total 9x60`}},
	"HeadwaterConnectionsRefused": {[]string{`headwater_http_connections_refused_total 0+1x60`}, []string{`headwater_http_connections_refused_total 3x60`}},
	"HeadwaterSlowClients":        {[]string{`headwater_http_slow_total{what="answer"} 0+90x60`}, []string{`headwater_http_slow_total{what="answer"} 0+9x60`}},
	"HeadwaterWrongCredentials":   {[]string{`headwater_credentials_refused_total{reason="token"} 0+90x60`}, []string{`headwater_credentials_refused_total{reason="token"} 0+9x60`}},
	"HeadwaterCommitsSlow": {
		[]string{`headwater_commit_seconds_total 0+12x60`, `headwater_commits_total 0+60x60`},
		[]string{`headwater_commit_seconds_total 0+1x60`, `headwater_commits_total 0+60x60`},
	},
	"HeadwaterMemory": {
		[]string{`process_resident_memory_bytes{job="headwater",instance="a"} 105x60`, `go_gc_gomemlimit_bytes{job="headwater",instance="a"} 100x60`},
		[]string{`process_resident_memory_bytes{job="headwater",instance="a"} 50x60`, `go_gc_gomemlimit_bytes{job="headwater",instance="a"} 100x60`},
	},
}

// Each alert fires when it should and not when things are nearly as bad, by Prometheus' own evaluation; each is told in the
// documentation.
func TestAlerts(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "rules", monitoring+"headwater.rules.yaml")
	file, err := filepath.Abs(monitoring + "headwater.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "rule_files: [%q]\nevaluation_interval: 1m\ntests:\n", file)
	var names []string
	for _, r := range rules(t).Groups[0].Rules {
		names = append(names, r.Alert)
		c, ok := firing[r.Alert]
		if !ok {
			t.Errorf("nothing is known that makes %s fire", r.Alert)
		}
		for want, list := range [][]string{c.good, c.bad} {
			b.WriteString("- interval: 1m\n  input_series:\n")
			for _, s := range list {
				name, values, _ := strings.Cut(s, " ")
				fmt.Fprintf(&b, "  - {series: %q, values: %q}\n", name, values)
			}
			fmt.Fprintf(&b, "  promql_expr_test:\n  - expr: 'count(ALERTS{alertname=%q,alertstate=\"firing\"}) or vector(0)'\n    eval_time: 50m\n    exp_samples: [{value: %d}]\n", r.Alert, want)
		}
	}
	promtool(t, "test", "rules", write(t, "alerts.yaml", b.String()))
	docs, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	told := regexp.MustCompile("\n\\| `(Headwater[A-Za-z]+)` \\|").FindAllStringSubmatch(string(docs), -1)
	var have []string
	for _, m := range told {
		have = append(have, m[1])
	}
	slices.Sort(names)
	slices.Sort(have)
	if !slices.Equal(names, have) {
		t.Errorf("the rules have %q\ndocs/operations.md %q", names, have)
	}
}

// expressions are the queries of the board, with what Grafana puts in.
func expressions(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile(monitoring + "headwater.board.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			out = append(out, strings.NewReplacer("$instance", ".*", "$__rate_interval", "1m").Replace(target.Expr))
		}
	}
	if len(out) < 15 {
		t.Fatalf("the board has %d queries", len(out))
	}
	return out
}

// started runs a program and gives what the pattern's first group finds in what it prints.
func started(t *testing.T, pattern, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	in.Close()
	find := regexp.MustCompile(pattern)
	var seen strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		seen.WriteString(lines.Text() + "\n")
		if m := find.FindStringSubmatch(lines.Text()); m != nil {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return m[1]
		}
	}
	t.Fatalf("%s ended:\n%s", name, seen.String())
	return ""
}

// A real Prometheus scrapes a real node by the configuration beside the rules: all rules are healthy, and every query of the
// board is one that it answers, with data wherever something has happened by then.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	bin := program(t)
	api := started(t, `msg=ready .*http=http://(\S+)`, bin, "serve", "--data", t.TempDir(), "--dns-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0")
	raw, err := os.ReadFile(monitoring + "prometheus.yaml")
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := filepath.Abs(monitoring + "headwater.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("127.0.0.1:8053", api, "headwater.rules.yaml", alerts, "15s", "1s").Replace(string(raw))
	prom := "http://" + started(t, `msg="Listening on" address=(\S+)`, "prometheus", "--config.file", write(t, "prometheus.yaml", text),
		"--storage.tsdb.path", t.TempDir(), "--web.listen-address", "127.0.0.1:0")

	// result asks Prometheus, and waits for data where it must have some.
	type answer struct {
		Status string
		Data   json.RawMessage
	}
	get := func(path string) (a answer) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, prom+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return a // not there yet
		}
		defer resp.Body.Close()
		_ = json.NewDecoder(resp.Body).Decode(&a)
		return a
	}
	empty := regexp.MustCompile(`"result":\[\]`)
	query := func(expr string) answer { return get("/api/v1/query?query=" + url.QueryEscape(expr)) }
	for deadline := time.Now().Add(2 * time.Minute); empty.Match(query("rate(headwater_versions_total[1m])").Data) || query("up").Status == ""; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("Prometheus has no data of the node")
		}
	}
	quiet := regexp.MustCompile(`secondaries|queries_total|transfers_total|refusals_total|http_answers_total|credentials_refused|commits_total`) // nothing of it need have happened
	for _, expr := range expressions(t) {
		a := query(expr)
		if a.Status != "success" || empty.Match(a.Data) && !quiet.MatchString(expr) && !strings.Contains(expr, "commit_seconds") {
			t.Errorf("%s: %s %s", expr, a.Status, a.Data)
		}
	}
	var loaded struct {
		Groups []struct {
			Rules []struct{ Name, Health, State, LastError string }
		}
	}
	unknown := true
	for deadline := time.Now().Add(time.Minute); unknown; time.Sleep(100 * time.Millisecond) {
		if err := json.Unmarshal(get("/api/v1/rules").Data, &loaded); err != nil {
			t.Fatal(err)
		}
		unknown = false
		for _, r := range loaded.Groups[0].Rules {
			unknown = unknown || r.Health == "unknown"
		}
		if time.Now().After(deadline) {
			t.Fatal("rules are not evaluated")
		}
	}
	for _, r := range loaded.Groups[0].Rules {
		if r.Health != "ok" || r.State == "firing" {
			t.Errorf("%s: %s, %s: %s", r.Name, r.Health, r.State, r.LastError)
		}
	}
}

// Every metric that rules and board speak of is one that the program tells.
func TestMetricsExist(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../internal/node/metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, m := range regexp.MustCompile(`"([a-z]+(?:_[a-z]+)*)", "[0-9A-Z]`).FindAllStringSubmatch(string(source), -1) {
		known["headwater_"+m[1]] = true
	}
	for _, m := range regexp.MustCompile(`counter\("([a-z_]+)", [a-z]`).FindAllStringSubmatch(string(source), -1) {
		known["headwater_"+m[1]] = true
	}
	text := strings.Join(expressions(t), "\n")
	for _, r := range rules(t).Groups[0].Rules {
		text += "\n" + r.Expr
	}
	for _, name := range regexp.MustCompile(`headwater_[a-z_]+`).FindAllString(text, -1) {
		if !known[name] {
			t.Errorf("nobody tells %s", name)
		}
	}
}
