package scripts

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// patience is how long a script waits for what must come.
const patience = testkit.Patience

// world is what a script has started.
type world struct {
	t           *testing.T
	node        *node.Node
	secondaries map[string]*peers.Secondary
	logAt       int
}

type worldKey struct{}

func of(ts *testscript.TestScript) *world {
	w, _ := ts.Value(worldKey{}).(*world)
	return w
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			w := &world{t: t, secondaries: map[string]*peers.Secondary{}}
			e.Values[worldKey{}] = w
			e.Setenv("TOKEN", node.Token)
			e.Defer(func() {
				for _, s := range w.secondaries {
					s.Close()
				}
				if w.node != nil {
					w.node.Kill()
				}
			})
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": start, "shutdown": stop, "crash": kill, "restart": restart, "api": api, "await": await, "save": save, "dig": dig, "free": free,
			"secondary": secondary, "insync": inSync, "log": logLine,
			"headwater": program,
		},
	})
}

// start [flags…] runs a node; $HTTP, $DNS, $DNSPORT and $ACCOUNT are set. Before $HTTP stands a proxy that checks what passes.
func start(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	n, err := node.Start(ts.MkAbs("data"), args...)
	ts.Check(err)
	w.node = n
	n.Check(w.t)
	ts.Setenv("HTTP", n.Front(w.t, nil))
	ts.Setenv("DNS", n.DNS.String())
	ts.Setenv("DNSPORT", strconv.Itoa(int(n.DNS.Port())))
	a, err := n.Do(context.Background(), http.MethodGet, "/accounts", nil)
	ts.Check(err)
	var accounts []struct{ ID string }
	ts.Check(json.Unmarshal(a.Result, &accounts))
	ts.Setenv("ACCOUNT", accounts[0].ID)
}

func stop(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(of(ts).node.Stop()) }

func kill(ts *testscript.TestScript, _ bool, _ []string) { of(ts).node.Kill() }

func restart(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(of(ts).node.Run()) }

// api METHOD PATH [BODY] makes a request; the answer is stdout. With a ! before it, the answer must be an error.
func api(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: api METHOD PATH [BODY]")
	}
	var body any
	if len(args) > 2 {
		body = strings.Join(args[2:], " ")
	}
	a, err := of(ts).node.Do(context.Background(), args[0], args[1], body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n", a.Status, a.Body)
	if a.Success == neg {
		ts.Fatalf("status %d: %s", a.Status, a.Body)
	}
}

// await PATTERN PATH gets the path until the answer matches; it is stdout then.
func await(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	want := regexp.MustCompile(args[0])
	for {
		a, err := of(ts).node.Do(ctx, http.MethodGet, args[1], nil)
		ts.Check(err)
		if want.Match(a.Body) {
			fmt.Fprintf(ts.Stdout(), "%d %s\n", a.Status, a.Body)
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			ts.Fatalf("%s never matched %s: %s", args[1], args[0], a.Body)
		}
	}
}

// save NAME MEMBER… keeps a member of the last answer's result as $NAME.
func save(ts *testscript.TestScript, _ bool, args []string) {
	_, body, _ := strings.Cut(ts.ReadFile("stdout"), " ")
	var v struct{ Result any }
	ts.Check(json.Unmarshal([]byte(body), &v))
	at := v.Result
	for _, m := range args[1:] {
		switch o := at.(type) {
		case map[string]any:
			at = o[m]
		case []any:
			i, err := strconv.Atoi(m)
			ts.Check(err)
			at = o[i]
		}
	}
	ts.Setenv(args[0], fmt.Sprint(at))
}

// dig [ARGS…] asks the node; its answer is stdout.
func dig(ts *testscript.TestScript, neg bool, args []string) {
	n := of(ts).node
	for i, a := range args {
		if strings.HasPrefix(a, "@") {
			n = nil
			if s := of(ts).secondaries[a[1:]]; s != nil {
				args = append(args[:i:i], append([]string{"@" + s.Addr().Addr().String(), "-p", strconv.Itoa(int(s.Addr().Port()))}, args[i+1:]...)...)
			}
			break
		}
	}
	if n != nil {
		args = append([]string{"@" + n.DNS.Addr().String(), "-p", strconv.Itoa(int(n.DNS.Port()))}, args...)
	}
	out, err := exec.Command("dig", append(args, "+tries=2", "+time=20")...).CombinedOutput()
	_, _ = ts.Stdout().Write(out)
	if (err != nil) != neg {
		ts.Fatalf("dig: %v\n%s", err, out)
	}
}

// free NAME PROGRAM reserves an address for a secondary: $NAME_IP and $NAME_PORT.
func free(ts *testscript.TestScript, _ bool, args []string) {
	a, err := peers.Free(peers.Program(args[1]))
	ts.Check(err)
	ts.Setenv(args[0]+"_IP", a.Addr().String())
	ts.Setenv(args[0]+"_PORT", strconv.Itoa(int(a.Port())))
}

// secondary NAME PROGRAM ZONE [KEYNAME ALGORITHM SECRET] starts a real secondary on the address that free reserved.
func secondary(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	listen, err := netip.ParseAddrPort(ts.Getenv(args[0]+"_IP") + ":" + ts.Getenv(args[0]+"_PORT"))
	ts.Check(err)
	cfg := peers.Config{Program: peers.Program(args[1]), Listen: listen, Primary: w.node.DNS, Zones: []wire.Name{wire.MustName(args[2])}}
	if len(args) > 3 {
		cfg.Key, err = tsig.NewKey(args[3], args[4], args[5], false)
		ts.Check(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := peers.Start(ctx, cfg)
	ts.Check(err)
	w.secondaries[args[0]] = s
}

// insync NAME ZONE waits until the secondary holds exactly what the node hands out.
func inSync(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	s := w.secondaries[args[0]]
	name := wire.MustName(args[1])
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	serial, err := peers.Serial(ctx, w.node.DNS, name)
	ts.Check(err)
	if err := s.WaitSerial(ctx, name, serial); err != nil {
		ts.Fatalf("%v\n%s\n%s", err, s.Log(), w.node.Log())
	}
}

// program runs one of the command line's verbs.
func program(ts *testscript.TestScript, neg bool, args []string) {
	bin, err := node.Binary()
	ts.Check(err)
	err = ts.Exec(bin, args...)
	if (err != nil) != neg {
		ts.Fatalf("headwater %q: %v", args, err)
	}
}

// log WORDS… waits for a line in the node's log, behind the line found before, that holds all the words.
func logLine(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	line, err := w.node.Log().Wait(ctx, w.logAt, args...)
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), line)
}

func TestMain(m *testing.M) {
	if _, err := exec.LookPath("dig"); err != nil {
		fmt.Fprintln(os.Stderr, "dig is missing: install the Debian package bind9-dnsutils")
		os.Exit(1)
	}
	os.Exit(m.Run())
}
