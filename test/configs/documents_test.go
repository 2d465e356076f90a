package configs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/test/node"
)

// claims say who runs each block of two documents, by how it begins: the file and the function of another test, or the name of one here that
// notes what it runs. Nothing runs the two commands that want a certificate authority which all trust: test/compat has certbot and lego's packages
// do the same with one of its own, and certbot's options are looked up here.
var claims = map[string]map[string]string{
	"docs/operations.md": {
		"data: /var/lib/headwater":                       "test/configs/readme_test.go TestConfigurationFiles",
		"systemctl stop headwater\nheadwater admin list": "TestInsideOperations",
		"CREATE ROLE headwater_reader":                   "TestInsideOperations",
		"sha256sum -c":                                   "TestInsideOperations",
		"headwater backup --database":                    "TestInsideOperations",
		"install -m 0755 headwater":                      "TestInsideOperations",
		"headwater backup --data /var/lib/headwater":     "TestInsideOperations",
		"headwater backup verify":                        "TestInsideOperations",
		"headwater serve --backup-to":                    "TestInsideOperations",
		"headwater backup list 's3:":                     "TestInsideOperations",
		"systemctl stop headwater                                          # on every node\nheadwater rotate-secret": "TestInsideOperations",
		"systemctl stop headwater                                                     # on every node\ncreatedb":     "TestInsideOperations",
		"install -d -m 0700 data":                    "TestInsideOperations",
		"headwater restore --zone":                   "TestInsideOperations",
		"headwater serve --without-secret-key":       "TestInsideOperations",
		"headwater check --data /var/lib/headwater ": "TestInsideOperations",
		"systemctl stop headwater                                                     # not on PostgreSQL": "TestInsideOperations",
		`curl -s -X POST -H "$AUTH" -d '{"at_least"`:                                                       "TestInsideOperations",
		"headwater restore --database \"$DATABASE\" --secret-key-file secret.key --mark":                   "TestInsideOperations",
		"headwater status":                           "TestInsideOperations",
		"fstrm_capture":                              "TestInsideOperations",
		"#!/bin/sh\n# auth-hook":                     "test/compat/acme_test.go hook",
		"certbot certonly --manual":                  "",
		`curl -s -H "$AUTH" -X PUT -d '{"transport"`: "TestInsideOperations",
	},
	"docs/people.md": {
		`curl -s -H "$AUTH" $API/headwater/v1/user/sessions`:                     "TestInsidePeople",
		"# step 1: the password is right":                                        "TestInsidePeople",
		"headwater serve --tls-cert cert.pem --tls-key key.pem --passkey-origin": "TestInsidePeople",
		`curl -s -H "$AUTH" $API/headwater/v1/accounts/$ACCOUNT/members`:         "TestInsidePeople",
		"headwater serve --tls-cert cert.pem --tls-key key.pem \\":               "TestInsidePeople",
	},
}

var fence = regexp.MustCompile("(?ms)^```[a-z]+\n(.*?)^```$")

// TestEveryBlockIsRun: a block of commands that no test runs from the text is an error, and so is a claim of one that is not there.
func TestEveryBlockIsRun(t *testing.T) {
	t.Parallel()
	for doc, list := range claims {
		used := map[string]bool{}
		for _, m := range fence.FindAllStringSubmatch(text(t, doc), -1) {
			found := 0
			for begin, by := range list {
				if !strings.HasPrefix(m[1], begin) {
					continue
				}
				found++
				if used[begin] {
					t.Errorf("%s has two blocks that begin with %q", doc, begin)
				}
				used[begin] = true
				file, name, other := strings.Cut(by, " ")
				if !other {
					continue
				}
				if source := text(t, file); !regexp.MustCompile(`\nfunc (\([^)]+\) )?`+name+`\(`).MatchString(source) || !strings.Contains(source, `"docs`) {
					t.Errorf("%s has no %s that reads documents", file, name)
				}
			}
			if found != 1 {
				t.Errorf("%s: %d tests run the block\n%s", doc, found, m[1])
			}
		}
		for begin := range list {
			if !used[begin] {
				t.Errorf("%s has no block that begins with %q", doc, begin)
			}
		}
	}
}

// document is one whose blocks a test runs, in a folder that stands for the machine's root.
type document struct {
	t    *testing.T
	name string
	text string
	root string   // what the text has in the folders of the machine is below it
	dir  string   // where commands are run
	env  []string // of commands
	ran  map[string]bool
}

// places are the folders of the machine that the documents name.
var places = regexp.MustCompile(`(^|[\s"'=])(/(?:var/lib/headwater|etc/headwater|backup|usr/local/bin))`)

// open makes a document to be run by a test.
func open(t *testing.T, name string) *document {
	t.Helper()
	d := &document{t: t, name: name, text: text(t, name), root: t.TempDir(), ran: map[string]bool{}}
	d.dir = filepath.Join(d.root, "work")
	for _, at := range []string{"work", "bin", "backup", "usr/local/bin"} {
		if err := os.MkdirAll(filepath.Join(d.root, at), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", filepath.Join(d.root, "bin")+":"+filepath.Join(d.root, "usr/local/bin")+":"+os.Getenv("PATH"))
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		for begin, by := range claims[name] {
			if by == t.Name() && !d.ran[begin] {
				t.Errorf("not run: %q", begin)
			}
		}
	})
	return d
}

// program puts a program in the way of others of its name.
func (d *document) program(name, script string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.root, "bin", name), []byte("#!/bin/sh\nset -eu\n"+script+"\n"), 0o755); err != nil {
		d.t.Fatal(err)
	}
}

// below has the machine's folders where the test has them.
func (d *document) below(script string) string {
	return places.ReplaceAllString(script, "${1}"+d.root+"${2}")
}

// block is the block that begins so, as the test can run it.
func (d *document) block(begin string) string {
	d.t.Helper()
	for _, m := range fence.FindAllStringSubmatch(d.text, -1) {
		if strings.HasPrefix(m[1], begin) {
			for claim := range claims[d.name] {
				if strings.HasPrefix(m[1], claim) {
					d.ran[claim] = true
				}
			}
			return d.below(m[1])
		}
	}
	d.t.Fatalf("%s has no block that begins with %q", d.name, begin)
	return ""
}

// shell runs a script where commands are run; it has to end well and to say all of says.
func (d *document) shell(script string, says ...string) string {
	d.t.Helper()
	out := shell(d.t, d.dir, script, d.env...)
	for _, s := range says {
		if !strings.Contains(out, s) {
			d.t.Errorf("%s\nsays\n%s\nand not %q", script, out, s)
		}
	}
	return out
}

// run runs a block.
func (d *document) run(begin string, says ...string) string {
	d.t.Helper()
	return d.shell(d.block(begin), says...)
}

// serve runs a line that starts a server, with more behind it, until the server is ready.
func (d *document) serve(line, ready string, more ...string) (server *said, stop func()) {
	d.t.Helper()
	line, _, _ = strings.Cut(line, "  #")
	server, stop = stoppable(d.t, d.dir, "env", append(slices.Clone(d.env), "bash", "-c", "exec "+strings.Join(append([]string{line}, more...), " "))...)
	wait(d.t, server, "the server to be ready: "+line, func() bool { return strings.Contains(shellQuiet(d.dir, "curl -skf "+ready), "ready") })
	return server, stop
}

// TestOthersHaveWhatIsSaid: what the documents have programs do for which stand-ins do it in tests, or nobody, is something that these know.
func TestOthersHaveWhatIsSaid(t *testing.T) {
	t.Parallel()
	helps := map[string][]string{"systemctl": {"--help"}, "journalctl": {"--help"}, "certbot": {"--help", "all"}}
	line := regexp.MustCompile(`(?m)^(systemctl|journalctl|certbot) ([^#\n]*)`)
	verb, option := regexp.MustCompile(`^[a-z-]+$`), regexp.MustCompile(`^--?[a-z-]+`)
	seen := 0
	for doc := range claims {
		for _, m := range fence.FindAllStringSubmatch(text(t, doc), -1) {
			for _, c := range line.FindAllStringSubmatch(m[1], -1) {
				seen++
				help, err := exec.CommandContext(t.Context(), c[1], helps[c[1]]...).Output()
				if err != nil {
					t.Fatalf("%s %q: %v", c[1], helps[c[1]], err)
				}
				words := strings.Fields(c[2])
				for i, w := range words {
					if w = option.FindString(w); w == "" && i == 0 {
						w = verb.FindString(words[0])
					}
					if w != "" && !regexp.MustCompile(`(^|[\s,])`+w+`[ =,\n]`).Match(help) {
						t.Errorf("%s: %s does not know %s", doc, c[1], w)
					}
				}
				if c[1] != "certbot" && !slices.Contains(words, "headwater") {
					t.Errorf("%s: %q is about another unit", doc, c[0])
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("%d commands", seen)
	}
}

// shellQuiet is what a command says, however it ends.
func shellQuiet(dir, script string) string {
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir, cmd.Env = dir, environ(nil)
	out, _ := cmd.CombinedOutput()
	return string(out)
}

var (
	span      = regexp.MustCompile("`([^`\n]+)`")
	anyFlag   = regexp.MustCompile(`(?:^|[\s(=\[])--(?:\[no-\]|no-)?([a-z][a-z0-9-]*)`)
	wordsOnly = regexp.MustCompile(`^headwater((?: [a-z][a-z-]*)+)`)
	// foreign are flags of other programs.
	foreign = []string{"deps", "manual-auth-hook", "dns", "kill-whom", "signal", "now", "ignore-missing"}
)

// TestCommandsInTheText: commands and flags that stand in the text itself are there.
func TestCommandsInTheText(t *testing.T) {
	t.Parallel()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	help := map[string]string{}
	helps := func(words string) string {
		if help[words] == "" {
			out, err := exec.CommandContext(t.Context(), bin, append(strings.Fields(words), "--help")...).CombinedOutput()
			if err != nil {
				t.Errorf("headwater %s --help: %v\n%s", words, err, out)
			}
			help[words] = string(out)
		}
		return help[words]
	}
	known := map[string]bool{}
	for _, f := range foreign {
		known[f] = true
	}
	for _, words := range []string{"serve", "backup", "backup verify", "restore", "check", "migrate", "status", "rotate-secret", "admin reset", "zone wait"} {
		for _, m := range anyFlag.FindAllStringSubmatch(helps(words), -1) {
			known[m[1]] = true
		}
	}
	targets, compose := text(t, "Makefile"), text(t, "deploy/compose/cluster.yaml")
	for doc := range claims {
		prose := fence.ReplaceAllString(text(t, doc), "")
		for _, m := range span.FindAllStringSubmatch(prose, -1) {
			if words := wordsOnly.FindStringSubmatch(m[1]); words != nil && !strings.HasPrefix(m[1], "headwater admin reset|") {
				helps(words[1])
			}
			if target, ok := strings.CutPrefix(m[1], "make "); ok && !strings.Contains(targets, "\n"+strings.Fields(target)[0]+":") {
				t.Errorf("%s: no target %s", doc, target)
			}
			if at, ok := strings.CutPrefix(m[1], "docker compose up -d --no-deps "); ok && !strings.Contains(compose, "\n  "+at+":") {
				t.Errorf("%s: no service %s", doc, at)
			}
			for _, f := range anyFlag.FindAllStringSubmatch(m[1], -1) {
				if !known[f[1]] {
					t.Errorf("%s: nothing has --%s", doc, f[1])
				}
			}
		}
	}
}
