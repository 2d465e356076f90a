package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v4"

	"github.com/headwaterdns/headwater/internal/testkit"
)

func parseArgs(t *testing.T, args ...string) (*parsed, error) {
	t.Helper()
	var out bytes.Buffer
	return parse(t.Context(), &streams{out: &out, err: &out}, args)
}

func written(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// grammar gives every command with its flags.
func grammar(t *testing.T) []*kong.Node {
	t.Helper()
	app, err := Grammar()
	if err != nil {
		t.Fatal(err)
	}
	var out []*kong.Node
	var walk func(*kong.Node)
	walk = func(n *kong.Node) {
		if n.Type == kong.CommandNode && len(n.Children) == 0 {
			out = append(out, n)
		}
		for _, c := range n.Children {
			walk(c)
		}
	}
	walk(app.Node)
	return out
}

// sample is a value that a flag does not have by default, as text and as it must arrive.
func sample(t *testing.T, f *kong.Flag) (text string, value any) {
	t.Helper()
	if f.Enum != "" {
		for e := range strings.SplitSeq(f.Enum, ",") {
			if e != f.Default {
				return e, e
			}
		}
	}
	switch f.Target.Interface().(type) {
	case string:
		return "sample-" + f.Name, "sample-" + f.Name
	case []string:
		return "one,two", []string{"one", "two"}
	case bool:
		return "true", true
	case time.Duration:
		return "17m", 17 * time.Minute
	case float64:
		return "2.5", 2.5
	}
	switch {
	case f.Target.CanInt():
		return "77", reflect.ValueOf(77).Convert(f.Target.Type()).Interface()
	case f.Target.CanUint():
		return "77", reflect.ValueOf(77).Convert(f.Target.Type()).Interface()
	}
	t.Fatalf("--%s: no sample for a %s", f.Name, f.Target.Type())
	return "", nil
}

// arguments are a command's words, and something for each argument that it needs.
func arguments(t *testing.T, n *kong.Node, except string) []string {
	t.Helper()
	args := commandPath(n)
	for _, f := range n.Flags {
		if f.Required && f.Name != except {
			text, _ := sample(t, f)
			args = append(args, "--"+f.Name+"="+text)
		}
	}
	for _, p := range n.Positional {
		if p.Required {
			args = append(args, written(t, "argument", ""))
		}
	}
	return args
}

// Every flag of every command can be set by the file, spelt with hyphens and with underscores, at the top and in its command's
// section, and by the environment.
func TestEveryFlagByFileAndEnvironment(t *testing.T) {
	flags := 0
	for _, n := range grammar(t) {
		for _, f := range n.Flags {
			if f.Name == "help" || f.Name == "config" {
				continue
			}
			flags++
			text, want := sample(t, f)
			under := strings.ReplaceAll(f.Name, "-", "_")
			path := commandPath(n)
			ways := map[string]string{
				"hyphen": fmt.Sprintf("%s: %s\n", f.Name, text), "underscore": fmt.Sprintf("%s: %q\n", under, text), "section": nested(path, under, text),
			}
			if list, ok := want.([]string); ok {
				ways["list"] = fmt.Sprintf("%s:\n- %s\n- %s\n", f.Name, list[0], list[1])
			}
			for way, yaml := range ways {
				args := append([]string{"--config", written(t, "c.yaml", yaml)}, arguments(t, n, f.Name)...)
				check(t, f.Name+" by "+way, args, f.Name, want)
			}
			for _, env := range f.Envs {
				t.Setenv(env, text)
				check(t, env, arguments(t, n, f.Name), f.Name, want)
				os.Unsetenv(env)
			}
		}
	}
	if flags < 50 {
		t.Errorf("only %d flags were tried", flags)
	}
}

func nested(path []string, name, text string) string {
	var b strings.Builder
	for i, p := range append(path, name) {
		fmt.Fprintf(&b, "%s%s:", strings.Repeat("  ", i), p)
		if i < len(path) {
			b.WriteString("\n")
		}
	}
	return b.String() + " " + text + "\n"
}

func check(t *testing.T, what string, args []string, flag string, want any) {
	t.Helper()
	p, err := parseArgs(t, args...)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	for _, f := range p.context.Selected().Flags {
		if f.Name == flag {
			if diff := testkit.Diff(want, f.Target.Interface()); diff != "" {
				t.Errorf("%s: %s", what, diff)
			}
			return
		}
	}
	t.Errorf("%s: the command has no --%s", what, flag)
}

// The command line comes before the environment, that before the file, and in the file a section before the top.
func TestWhichSettingCounts(t *testing.T) {
	file := written(t, "c.yaml", "nsid: top\nserve:\n  nsid: section\n")
	t.Setenv("HEADWATER_CONFIG", file)
	check(t, "section before top", []string{"serve"}, "nsid", "section")
	t.Setenv("HEADWATER_NSID", "environment")
	check(t, "environment before file", []string{"serve"}, "nsid", "environment")
	check(t, "command line before environment", []string{"serve", "--nsid=line"}, "nsid", "line")
	os.Unsetenv("HEADWATER_NSID")
	check(t, "a file on the command line before one in the environment", []string{"--config", written(t, "d.yaml", "nsid: other"), "serve"}, "nsid", "other")
}

// What is not known, not possible or there twice is an error with its line and, where there is one, the name that was meant.
func TestFilesThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"misspelt":           {"# first\ndns-lisen: 127.0.0.1:53\n", `c.yaml:2: there is no setting "dns-lisen"; did you mean "dns-listen"?`},
		"misspelt in serve":  {"serve:\n  http_listn: x\n", `c.yaml:2: there is no setting "http_listn"; did you mean "http-listen"?`},
		"misspelt section":   {"sevre:\n  nsid: x\n", `c.yaml:1: there is no setting "sevre"; did you mean "serve"?`},
		"nothing like it":    {"colour-of-the-server: red\n", `c.yaml:1: there is no setting "colour-of-the-server"`},
		"twice":              {"dns-listen: a\ndns_listen: b\n", `c.yaml:2: "dns_listen" stands twice, before in line 1`},
		"twice alike":        {"nsid: a\nnsid: b\n", `2`},
		"not a duration":     {"nsid: a\nprobe-interval: soon\n", `c.yaml:2: "probe-interval": `},
		"not a number":       {"batch-limit: many\n", `c.yaml:1: "batch-limit": `},
		"not in the list":    {"log-level: loud\n", `c.yaml:1: "log-level": must be one of debug,info,warn,error`},
		"list for one":       {"nsid: [a, b]\n", `c.yaml:1: "nsid" takes one value`},
		"mapping for one":    {"nsid: {a: b}\n", `c.yaml:1: "nsid" takes one value`},
		"mapping in a list":  {"dns-listen:\n- a: b\n", `c.yaml:2: "dns-listen": want a list of values`},
		"no value":           {"resolver:\n", `c.yaml:1: "resolver" has no value`},
		"config in config":   {"config: other.yaml\n", `c.yaml:1: `},
		"not a mapping":      {"- dns-listen\n", `c.yaml:1: want`},
		"not YAML":           {"a: [b\n", `c.yaml`},
		"two documents":      {"nsid: a\n---\nnsid: b\n", `a second document`},
		"every problem told": {"nope-at-all: 1\nresolvr: 2\n", `did you mean "resolver"?`},
	} {
		file := written(t, "c.yaml", tt.text)
		if _, err := parseArgs(t, "--config", file, "serve"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	if _, err := parseArgs(t, "--config", written(t, "c.toml", "nsid = \"a\"\n"), "serve"); err == nil || !strings.Contains(err.Error(), "YAML") {
		t.Errorf("TOML: %v", err)
	}
	if _, err := parseArgs(t, "--config", filepath.Join(t.TempDir(), "absent.yaml"), "serve"); err == nil {
		t.Error("a file that is not there is no error")
	}
	for _, empty := range []string{"", "# nothing\n", "serve:\n", "---\n"} {
		if _, err := parseArgs(t, "--config", written(t, "c.yaml", empty), "serve"); err != nil {
			t.Errorf("%q: %v", empty, err)
		}
	}
}

// A variable of ours that means nothing is an error, those that Kubernetes sets for a service of our name are none.
// Whichever verb is run, what is set for others is known: the grammar of one is not that of all.
func TestSettingsOfOtherVerbs(t *testing.T) {
	t.Setenv("HEADWATER_CONFIG", written(t, "c.yaml", "import:\n  cloudflare:\n    server: http://127.0.0.1:2\n"))
	t.Setenv("HEADWATER_SERVER", "http://127.0.0.1:1")
	for _, args := range [][]string{{"serve"}, {"--config", "/dev/null", "serve"}, {"config", "check"}} {
		if _, err := parseArgs(t, args...); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestMisspeltEnvironment(t *testing.T) {
	t.Setenv("HEADWATER_DNS_LISEN", "127.0.0.1:53")
	_, err := parseArgs(t, "serve")
	if want := `there is no setting HEADWATER_DNS_LISEN; did you mean "HEADWATER_DNS_LISTEN"?`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
	os.Unsetenv("HEADWATER_DNS_LISEN")
	for name, value := range map[string]string{
		"HEADWATER_SERVICE_HOST": "10.0.0.1", "HEADWATER_SERVICE_PORT": "53", "HEADWATER_SERVICE_PORT_DNS_TCP": "53",
		"HEADWATER_PORT": "udp://10.0.0.1:53", "HEADWATER_PORT_53_UDP": "udp://10.0.0.1:53", "HEADWATER_PORT_53_UDP_ADDR": "10.0.0.1",
		"HEADWATER_API_PORT": "tcp://10.0.0.1:80", "HEADWATER_API_PORT_80_TCP_PROTO": "tcp",
	} {
		t.Setenv(name, value)
	}
	if _, err := parseArgs(t, "serve"); err != nil {
		t.Errorf("links of Kubernetes: %v", err)
	}
}

// What `config show` prints is a configuration file that comes to the same, without the secrets.
func TestConfigShowIsAFile(t *testing.T) {
	file := written(t, "c.yaml", "serve:\n  dns-listen: ['[::1]:53', 127.0.0.1:53]\n  probe-interval: 1m\n  admin-password: open-sesame-1\n  database: postgres://u:open-sesame@h/d\n")
	t.Setenv("HEADWATER_LOG_LEVEL", "warn")
	var out, errs bytes.Buffer
	if code := Run("dev", []string{"--config", file, "config", "show"}, &out, &errs); code != 0 {
		t.Fatalf("status %d: %s", code, errs.String())
	}
	for _, want := range []string{"dns-listen: ['[::1]:53', '127.0.0.1:53'] # " + file + ":2", "probe-interval: 1m0s # " + file + ":3", "log-level: warn # HEADWATER_LOG_LEVEL", "nameservers: [ns1.", "# default"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "sesame") {
		t.Errorf("a secret is shown:\n%s", out.String())
	}
	var values map[string]any
	if err := yaml.Load(out.Bytes(), &values); err != nil {
		t.Fatal(err)
	}
	for name, v := range values {
		if v == "(not shown)" || name == "database" {
			delete(values, name)
		}
	}
	os.Unsetenv("HEADWATER_LOG_LEVEL")
	again, err := yaml.Dump(values)
	if err != nil {
		t.Fatal(err)
	}
	before, err := parseArgs(t, "--config", file, "serve")
	if err != nil {
		t.Fatal(err)
	}
	after, err := parseArgs(t, "--config", written(t, "again.yaml", string(again)), "serve")
	if err != nil {
		t.Fatalf("%v\n%s", err, again)
	}
	b, a := before.commands.Serve.Config, after.commands.Serve.Config
	a.AdminPassword, a.Database, b.LogLevel = b.AdminPassword, b.Database, a.LogLevel
	if diff := testkit.Diff(b, a, testkit.EmptyIsNil, testkit.ExportedOnly); diff != "" {
		t.Error(diff)
	}
}

func TestConfigCheck(t *testing.T) {
	var out, errs bytes.Buffer
	if code := Run("dev", []string{"--config", written(t, "c.yaml", "roles: [api]\n"), "config", "check"}, &out, &errs); code == 0 || !strings.Contains(errs.String(), "SQLite") {
		t.Errorf("status %d: %s", code, errs.String())
	}
	if code := Run("dev", []string{"--config", written(t, "c.yaml", "nsid: a\n"), "config", "check"}, &out, &errs); code != 0 || !strings.Contains(out.String(), "good") {
		t.Errorf("status %d: %s %s", code, out.String(), errs.String())
	}
}

// The flag and the command say the same, and neither minds the environment.
func TestVersion(t *testing.T) {
	t.Setenv("HEADWATER_WRONG", "1")
	for _, arg := range []string{"version", "--version"} {
		var out, errs bytes.Buffer
		if code := Run("1.2.3", []string{arg}, &out, &errs); code != 0 || out.String() != "headwater 1.2.3\n" {
			t.Errorf("%s: %d, %q, %q", arg, code, out.String(), errs.String())
		}
	}
	var out bytes.Buffer
	if code := Run("", []string{"version"}, &out, io.Discard); code != 0 || out.String() == "headwater \n" {
		t.Errorf("without a linked version: %d, %q", code, out.String())
	}
}
