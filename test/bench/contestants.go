//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/peers"
)

// serverCore is where contestants run; loads run on the other.
const serverCore = "0"

// contestant is a server in the run.
type contestant struct {
	name    string
	version string
	addr    netip.AddrPort
	http    string // Headwater's API
	zone    string // Headwater's zone id
	argv    []string
	setup   func(ctx context.Context, c *contestant) error
	cmd     *exec.Cmd
	log     bytes.Buffer
}

// freePort takes a port that is free for UDP and TCP.
func freePort() int {
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			continue
		}
		port := l.Addr().(*net.TCPAddr).Port
		u, err := net.ListenPacket("udp", "127.0.0.1:"+strconv.Itoa(port))
		l.Close()
		if err == nil {
			u.Close()
			return port
		}
	}
}

func newContestant(name string, versionArgs ...string) *contestant {
	c := &contestant{name: name, addr: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(freePort()))}
	out, _ := exec.Command(versionArgs[0], versionArgs[1:]...).CombinedOutput()
	c.version, _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	return c
}

func (c *contestant) prepare(ctx context.Context) error {
	if c.setup == nil {
		return nil
	}
	return c.setup(ctx, c)
}

// start runs the server on its core and waits for its first right answer.
func (c *contestant) start(ctx context.Context) error {
	c.log.Reset()
	c.cmd = exec.Command("taskset", append([]string{"-c", serverCore}, c.argv...)...)
	c.cmd.Stdout, c.cmd.Stderr = &c.log, &c.log
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	deadline := time.Now().Add(5 * time.Minute)
	for {
		if _, err := peers.Serial(ctx, c.addr, wire.MustName(zoneName)); err == nil || c.name == "Headwater" && c.zone == "" && c.listening() {
			return nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("no answer: %s", c.log.String())
		}
		time.Sleep(5 * time.Millisecond) // the server cannot tell when it is ready
	}
}

func (c *contestant) listening() bool {
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.http, "http://"))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func (c *contestant) stop() {
	if c.cmd != nil && c.cmd.Process != nil {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	}
}

// restart measures from the start of the process to the first right answer.
func (c *contestant) restart(ctx context.Context) (time.Duration, error) {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	_ = c.cmd.Wait()
	begin := time.Now()
	err := c.start(ctx)
	return time.Since(begin), err
}

// family lists the server's process and its children: NSD forks.
func (c *contestant) family() []int {
	out := []int{c.cmd.Process.Pid}
	for i := 0; i < len(out); i++ {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", out[i], out[i]))
		for f := range strings.FieldsSeq(string(b)) {
			if pid, err := strconv.Atoi(f); err == nil {
				out = append(out, pid)
			}
		}
	}
	return out
}

// pss is the proportional memory of all its processes, in MB.
func (c *contestant) pss() float64 {
	total := 0.0
	for _, pid := range c.family() {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		for line := range strings.SplitSeq(string(b), "\n") {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
				kb, _ := strconv.ParseFloat(f[1], 64)
				total += kb / 1024
			}
		}
	}
	return total
}

// cpu is the CPU time that all its processes have used, in seconds.
func (c *contestant) cpu() float64 {
	total := 0.0
	for _, pid := range c.family() {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, rest, _ := strings.Cut(string(b), ") ")
		if f := strings.Fields(rest); len(f) > 12 {
			user, _ := strconv.ParseFloat(f[11], 64)
			sys, _ := strconv.ParseFloat(f[12], 64)
			total += (user + sys) / 100
		}
	}
	return total
}

const benchToken = "benchtoken_0123456789012345678901234567890"

func headwater(b *bench, bin string) *contestant {
	c := newContestant("Headwater", bin, "version")
	data := filepath.Join(b.dir, "data")
	c.http = "http://127.0.0.1:" + strconv.Itoa(freePort())
	c.argv = []string{
		bin, "serve", "--data", data, "--dns-listen", c.addr.String(), "--http-listen", strings.TrimPrefix(c.http, "http://"),
		"--admin-token", benchToken, "--nameservers", "ns1." + zoneName + ",ns2." + zoneName, "--log-level", "error", "--probe-interval", "0",
	}
	c.setup = func(ctx context.Context, c *contestant) error {
		if err := c.start(ctx); err != nil {
			return err
		}
		defer c.stop()
		return c.fill(ctx, filepath.Join(b.dir, "zone"))
	}
	return c
}

// fill imports the zone through the API and opens it for transfers from here.
func (c *contestant) fill(ctx context.Context, zone string) error {
	var z struct {
		ID      string
		Account struct{ ID string }
	}
	if err := c.call(ctx, "/zones", map[string]any{"name": zoneName}, &z); err != nil {
		return err
	}
	c.zone = z.ID
	f, err := os.Open(zone)
	if err != nil {
		return err
	}
	defer f.Close()
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	go func() {
		part, err := form.CreateFormFile("file", "zone")
		if err == nil {
			_, err = io.Copy(part, f)
		}
		if err == nil {
			err = form.Close()
		}
		pw.CloseWithError(err)
	}()
	if err := c.post(ctx, "/zones/"+z.ID+"/dns_records/import", form.FormDataContentType(), pr, nil); err != nil {
		return err
	}
	if err := c.call(ctx, "/accounts/"+z.Account.ID+"/secondary_dns/acls", map[string]any{"name": "bench", "ip_range": "127.0.0.0/24"}, nil); err != nil {
		return err
	}
	out := "/zones/" + z.ID + "/secondary_dns/outgoing"
	if err := c.call(ctx, out, map[string]any{"name": zoneName, "peers": []string{}}, nil); err != nil {
		return err
	}
	return c.call(ctx, out+"/enable", map[string]any{}, nil)
}

func (c *contestant) call(ctx context.Context, path string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.post(ctx, path, "application/json", bytes.NewReader(b), out)
}

var errRefused = errors.New("the API refused")

func (c *contestant) post(ctx context.Context, path, contentType string, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.http+"/client/v4"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+benchToken)
	req.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: %s: %.300s", errRefused, path, raw)
	}
	if out == nil {
		return nil
	}
	var a struct{ Result json.RawMessage }
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	return json.Unmarshal(a.Result, out)
}

func write(b *bench, name, text string) string {
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		panic(err)
	}
	return path
}

func nsd(b *bench) *contestant {
	c := newContestant("NSD", "nsd", "-v")
	conf := write(b, "nsd.conf", fmt.Sprintf(`server:
    ip-address: %s@%d
    server-count: 1
    username: ""
    database: ""
    pidfile: ""
    zonesdir: %q
    xfrdfile: %q
    zonelistfile: %q
    tcp-count: 200
remote-control:
    control-enable: no
zone:
    name: %s
    zonefile: zone
    provide-xfr: 0.0.0.0/0 NOKEY
`, c.addr.Addr(), c.addr.Port(), b.dir, filepath.Join(b.dir, "xfrd.state"), filepath.Join(b.dir, "zone.list"), zoneName))
	c.argv = []string{"nsd", "-d", "-c", conf}
	return c
}

func knot(b *bench) *contestant {
	c := newContestant("Knot", "knotd", "--version")
	dir := filepath.Join(b.dir, "knot")
	_ = os.MkdirAll(dir, 0o755)
	conf := write(b, "knot.conf", fmt.Sprintf(`server:
    listen: %s@%d
    rundir: %s
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: %s
acl:
  - id: all
    address: 127.0.0.0/8
    action: [transfer, update]
template:
  - id: default
    storage: %s
    zonefile-sync: -1
    journal-content: none
zone:
  - domain: %s
    file: %s
    acl: all
`, c.addr.Addr(), c.addr.Port(), dir, dir, dir, zoneName, filepath.Join(b.dir, "zone")))
	c.argv = []string{"knotd", "-c", conf}
	return c
}

func bind(b *bench) *contestant {
	c := newContestant("BIND", "named", "-v")
	dir := filepath.Join(b.dir, "bind")
	_ = os.MkdirAll(dir, 0o755)
	raw, err := os.ReadFile(filepath.Join(b.dir, "zone"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "zone"), raw, 0o644) // it writes its journal beside it
	}
	if err != nil {
		panic(err)
	}
	conf := write(b, "named.conf", fmt.Sprintf(`options { directory %q; listen-on port %d { %s; }; listen-on-v6 { none; }; recursion no; pid-file none;
session-keyfile none; allow-transfer { any; }; notify no; tcp-clients 200; dnssec-validation no; };
controls { };
zone %q { type primary; file "zone"; allow-update { any; }; };
`, dir, c.addr.Port(), c.addr.Addr(), zoneName))
	c.argv = []string{"named", "-g", "-n", "1", "-c", conf}
	return c
}
