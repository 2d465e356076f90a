package internal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/headwaterdns/headwater/"

// floors lists, for each package, the packages of ours that it may import. A package that is missing here fails the
// test: a new one is a decision, not an accident.
var floors = map[string][]string{
	"internal/dns/wire":      {},
	"internal/dns/rr":        {"internal/dns/wire"},
	"internal/dns/reach":     {},
	"internal/dns/ask":       {"internal/dns/wire"},
	"internal/dns/cookie":    {},
	"internal/dns/ratelimit": {},
	"internal/dns/tsig":      {"internal/dns/wire"},
	"internal/dns/trust":     {"internal/dns/wire"},
	"internal/dns/dnssec":    {"internal/dns/wire", "internal/dns/rr"},
	"internal/dns/prefetch":  {},
	"internal/dns/zone/page": {"internal/dns/prefetch", "internal/dns/wire", "internal/dns/rr"},
	"internal/dns/zone":      {"internal/dns/wire", "internal/dns/rr", "internal/dns/trust", "internal/dns/tsig", "internal/dns/zone/page"},
	"internal/dns/report":    {"internal/dns/wire", "internal/dns/zone"},
	"internal/dns/zonemd":    {"internal/dns/wire", "internal/dns/zone", "internal/dns/zone/page"},
	"internal/dns/answer":    {"internal/dns/prefetch", "internal/dns/wire", "internal/dns/zone"},
	"internal/dns/xfr":       {"internal/cores", "internal/dns/wire", "internal/dns/rr", "internal/dns/zone", "internal/dns/zone/page", "internal/dns/tsig"},
	"internal/dns/notify":    {"internal/trace", "internal/dns/ask", "internal/dns/wire", "internal/dns/zone", "internal/dns/trust", "internal/dns/tsig"},
	"internal/dns/tally":     {},
	"internal/dns/tap":       {},
	"internal/dns/course":    {},
	"internal/dns/curve":     {},
	"internal/dns/meter":     {"internal/cores", "internal/dns/wire", "internal/dns/zone"},
	"internal/dns/watch":     {"internal/dns/ask", "internal/dns/wire", "internal/dns/zone", "internal/dns/notify", "internal/dns/xfr"},
	"internal/dns/compare":   {"internal/dns/ask", "internal/dns/wire", "internal/dns/rr", "internal/dns/zone", "internal/dns/watch", "internal/dns/xfr"},
	"internal/dns/server": {
		"internal/cores", "internal/dns/answer", "internal/dns/cookie", "internal/dns/ratelimit", "internal/dns/tap", "internal/dns/xfr", "internal/dns/trust", "internal/dns/tsig", "internal/dns/wire", "internal/dns/zone",
	},
	"internal/dns/update":    {"internal/dns/wire", "internal/dns/rr"},
	"internal/control/model": {"internal/dns/wire", "internal/dns/rr", "internal/dns/dnssec"},
	"internal/control/audit": {"internal/control/model", "internal/dns/dnssec", "internal/dns/wire"},
	"internal/control/duty":  {"internal/control/model"},
	"internal/control/store": {
		"internal/control/model", "internal/control/store/engine", "internal/control/store/journal", "internal/control/store/zones", "internal/control/store/audit",
		"internal/control/store/people", "internal/control/store/nodes", "internal/control/store/backup", "internal/control/store/alarms", "internal/control/store/drafts",
		"internal/control/store/inspect",
	},
	"internal/control/store/inspect": {
		"internal/control/store/engine", "internal/control/store/journal", "internal/control/store/zones", "internal/control/model",
	},
	"internal/control/check": {
		"internal/control/commit", "internal/control/face", "internal/control/journal", "internal/control/model", "internal/dns/rr", "internal/dns/wire", "internal/dns/zone",
	},
	"internal/control/store/alarms":  {"internal/control/store/engine", "internal/control/store/audit", "internal/control/model"},
	"internal/control/store/engine":  {"internal/control/model", "internal/dns/wire"},
	"internal/control/store/journal": {"internal/control/store/engine", "internal/control/model", "internal/dns/wire"},
	"internal/control/store/audit":   {"internal/control/store/engine", "internal/control/audit", "internal/control/model"},
	"internal/control/store/drafts":  {"internal/control/store/engine", "internal/control/model", "internal/dns/wire"},
	"internal/control/store/zones": {
		"internal/control/store/engine", "internal/control/store/journal", "internal/control/store/audit", "internal/control/store/drafts", "internal/control/model", "internal/dns/wire",
	},
	"internal/control/store/people": {
		"internal/control/store/engine", "internal/control/store/zones", "internal/control/store/audit", "internal/control/model",
	},
	"internal/control/store/nodes": {"internal/control/store/engine", "internal/control/model"},
	"internal/control/store/backup": {
		"internal/control/store/engine", "internal/control/store/journal", "internal/control/store/zones", "internal/control/store/alarms",
		"internal/control/store/people", "internal/control/model",
	},
	"internal/control/events":  {"internal/control/model"},
	"internal/control/alarm":   {"internal/control/model", "internal/control/parent", "internal/dns/dnssec", "internal/dns/watch", "internal/dns/zone", "internal/dns/wire"},
	"internal/control/rules":   {"internal/control/model", "internal/dns/dnssec", "internal/dns/rr", "internal/dns/wire"},
	"internal/control/review":  {"internal/control/model", "internal/control/rules", "internal/dns/dnssec", "internal/dns/zone", "internal/dns/rr", "internal/dns/wire"},
	"internal/control/keyring": {"internal/control/model", "internal/dns/dnssec"},
	"internal/control/face":    {"internal/control/model", "internal/control/keyring", "internal/dns/dnssec", "internal/dns/zone", "internal/dns/zonemd", "internal/dns/rr", "internal/dns/wire"},
	"internal/control/preview": {"internal/control/model", "internal/control/face", "internal/control/review", "internal/dns/zone", "internal/dns/rr", "internal/dns/wire"},
	"internal/control/draft":   {"internal/control/model", "internal/control/rules"},
	"internal/control/journal": {"internal/control/model", "internal/dns/zone"},
	"internal/control/commit": {
		"internal/trace",
		"internal/control/model", "internal/control/audit", "internal/control/preview", "internal/control/review", "internal/control/rules", "internal/control/face", "internal/control/keyring", "internal/control/journal",
		"internal/dns/dnssec", "internal/dns/zone", "internal/dns/rr", "internal/dns/wire",
	},
	"internal/control/history": {"internal/control/face", "internal/control/model", "internal/control/rules", "internal/dns/rr", "internal/dns/wire", "internal/dns/zone"},
	"internal/control/feed": {
		"internal/cores", "internal/control/face", "internal/control/journal", "internal/control/model", "internal/dns/zone", "internal/dns/rr", "internal/dns/wire", "internal/dns/trust", "internal/dns/tsig",
	},
	"internal/control/keeper":  {"internal/control/model", "internal/control/parent", "internal/dns/dnssec", "internal/dns/zone", "internal/dns/wire"},
	"internal/control/flatten": {"internal/control/model", "internal/dns/ask", "internal/dns/zone", "internal/dns/rr", "internal/dns/wire"},
	"internal/control/parent":  {"internal/dns/ask", "internal/dns/dnssec", "internal/dns/wire"},
	"internal/control/catalog": {"internal/control/model", "internal/dns/zone", "internal/dns/wire"},
	"internal/control/update": {
		"internal/control/model", "internal/control/rules", "internal/dns/update", "internal/dns/zone", "internal/dns/tsig", "internal/dns/rr", "internal/dns/wire",
	},
	"internal/control/auth":    {"internal/cores", "internal/control/model", "internal/dns/wire"},
	"internal/control/oidc":    {"internal/control/model", "internal/control/auth"},
	"internal/control/passkey": {"internal/control/model", "internal/control/auth"},
	"internal/control/api": {
		"api", "internal/trace", "internal/cores", "internal/control/draft", "internal/control/events", "internal/control/history", "internal/control/model", "internal/control/auth", "internal/control/oidc", "internal/control/passkey", "internal/control/rules", "internal/dns/rr", "internal/dns/wire",
	},
	"internal/control/api/zone": {
		"internal/control/api", "internal/control/model", "internal/control/auth", "internal/control/rules", "internal/dns/dnssec", "internal/dns/rr", "internal/dns/wire", "internal/dns/zonemd",
	},
	"internal/control/api/record": {"internal/control/api", "internal/control/auth", "internal/control/model", "internal/control/rules", "internal/dns/rr", "internal/dns/wire"},
	"internal/control/api/transfer": {
		"internal/control/api", "internal/control/catalog", "internal/control/model", "internal/control/auth", "internal/control/rules", "internal/dns/rr", "internal/dns/trust", "internal/dns/wire",
	},
	"internal/control/api/zonefile": {
		"internal/cores",
		"internal/control/api", "internal/control/api/record", "internal/control/api/zone",
		"internal/control/model", "internal/control/auth", "internal/control/rules", "internal/dns/dnssec", "internal/dns/rr", "internal/dns/wire",
	},
	"internal/control/api/people": {
		"internal/control/api", "internal/control/api/record", "internal/control/api/transfer", "internal/control/api/zone",
		"internal/control/model", "internal/control/auth", "internal/control/oidc", "internal/control/passkey", "internal/control/rules", "internal/dns/wire",
	},
	"internal/control/api/draft": {
		"internal/control/api", "internal/control/api/people", "internal/control/api/transfer", "internal/control/draft", "internal/control/auth", "internal/control/model", "internal/dns/rr",
	},
	"internal/control/api/history": {
		"internal/control/api", "internal/control/api/record", "internal/control/api/zone", "internal/control/api/zonefile", "internal/control/auth", "internal/control/history", "internal/control/model", "internal/dns/rr",
	},
	"internal/control/api/alarms":  {"internal/control/api", "internal/control/auth", "internal/control/events", "internal/control/model", "internal/courier"},
	"internal/control/api/insight": {"internal/control/api", "internal/control/model"},
	"internal/control/api/rooms": {
		"internal/control/model", "internal/control/api", "internal/control/api/draft", "internal/control/api/insight", "internal/control/api/alarms", "internal/control/api/history", "internal/control/api/people", "internal/control/api/record", "internal/control/api/transfer",
		"internal/control/api/zone", "internal/control/api/zonefile",
	},

	"internal/cores":     {},
	"internal/secretkey": {},
	"internal/client":    {},
	"internal/courier":   {},
	"internal/depot":     {},
	"internal/handover":  {},
	"internal/trace":     {},
	"internal/otlp":      {"internal/trace"},
	"internal/systemd":   {},
	"internal/httpfront": {},
	"internal/insight": {
		"internal/control/api", "internal/control/model", "internal/control/parent", "internal/control/store",
		"internal/dns/curve", "internal/dns/wire", "internal/dns/zone", "internal/dns/answer", "internal/dns/xfr", "internal/dns/watch", "internal/dns/course", "internal/dns/meter",
	},
	"internal/node": {
		"web", "internal/cores", "internal/client", "internal/courier", "internal/depot", "internal/handover", "internal/systemd", "internal/httpfront", "internal/otlp", "internal/secretkey", "internal/trace",
		"internal/control/model", "internal/control/auth", "internal/control/oidc", "internal/control/passkey", "internal/control/store", "internal/control/commit", "internal/control/history", "internal/control/journal", "internal/control/feed", "internal/control/draft", "internal/control/face", "internal/control/preview",
		"internal/control/alarm", "internal/control/events", "internal/control/catalog", "internal/control/flatten", "internal/control/keeper", "internal/control/parent", "internal/control/duty", "internal/control/review", "internal/control/update", "internal/control/api", "internal/control/api/alarms", "internal/control/api/record", "internal/control/api/rooms",
		"internal/dns/wire", "internal/dns/zone", "internal/dns/answer", "internal/dns/xfr", "internal/dns/compare", "internal/dns/notify", "internal/dns/watch", "internal/dns/reach", "internal/dns/ask", "internal/dns/cookie", "internal/dns/tally",
		"internal/dns/report", "internal/dns/tap", "internal/dns/trust", "internal/dns/server", "internal/insight",
	},
	"internal/cli": {
		"internal/node", "internal/client", "internal/depot", "internal/secretkey", "internal/control/auth", "internal/control/check", "internal/control/commit", "internal/control/store", "internal/dns/rr", "internal/dns/wire", "internal/dns/zone",
	},
	"cmd/headwater": {"internal/cli"},
}

// forbidden names packages that a floor must not reach, not even through others.
var forbidden = []struct{ under, not string }{
	{"internal/dns", "database/sql"},
	{"internal/dns", "net/http"},
	{"internal/dns/wire", "context"},
	{"internal/control/rules", "encoding/json"},
	// Who records spans knows that library; who tells of them knows the seam.
	{"internal/dns", "go.opentelemetry.io/otel"},
	{"internal/control", "go.opentelemetry.io/otel"},
	{"internal/control/face", "database/sql"},
	{"internal/control/commit", "database/sql"},
	{"internal/control/audit", "database/sql"},
	{"internal/control/feed", "database/sql"},
	{"internal/control/api", "database/sql"},
	{"internal/control/store", "net/http"},
	{"internal/client", "database/sql"},
	{"internal/httpfront", "database/sql"},
	// The product reads and writes the DNS itself; tests hold it against a library that others wrote.
	{"internal", "github.com/miekg/dns"},
	{"cmd", "github.com/miekg/dns"},
}

// pure names packages of functions of values: what they import themselves is no context, no clock, no log, no file.
var pure = map[string][]string{
	"internal/control/face":  {"context", "time", "log/slog", "os", "sync"},
	"internal/control/rules": {"context", "log/slog", "os", "sync"},
}

type pkg struct {
	ImportPath string
	Doc        string
	GoFiles    []string
	Imports    []string
	Deps       []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Doc,GoFiles,Imports,Deps", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if !strings.HasPrefix(name, "internal/") && !strings.HasPrefix(name, "cmd/") {
			continue
		}
		if forTests(name) {
			continue
		}
		allowed, known := floors[name]
		if !known {
			t.Errorf("%s is not in the table of floors", name)
		}
		for _, imp := range p.Imports {
			ours, isOurs := strings.CutPrefix(imp, module)
			if isOurs && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, which its floor does not allow", name, ours)
			}
		}
	}
}

func TestForbiddenDependencies(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, rule := range forbidden {
			if (name == rule.under || strings.HasPrefix(name, rule.under+"/")) && slices.Contains(p.Deps, rule.not) {
				t.Errorf("%s reaches %s", name, rule.not)
			}
		}
	}
}

func TestPurePackages(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		for _, not := range pure[strings.TrimPrefix(p.ImportPath, module)] {
			if slices.Contains(p.Imports, not) {
				t.Errorf("%s imports %s", p.ImportPath, not)
			}
		}
	}
}

// TestOneEngineKnowsDatabases: the rooms of the store write SQL, and only the engine under them hands it to a driver.
func TestOneEngineKnowsDatabases(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if !strings.HasPrefix(name, "internal/") || name == "internal/control/store/engine" || strings.HasSuffix(name, "pgtest") {
			continue
		}
		for _, imp := range p.Imports {
			for _, driver := range []string{"database/sql", "github.com/jackc/pgx", "modernc.org/sqlite", "zombiezen.com/go/sqlite"} {
				if strings.HasPrefix(imp, driver) {
					t.Errorf("%s imports %s", name, imp)
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
