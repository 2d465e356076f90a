package deploy_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	token   = "testtoken_0123456789012345678901234567890"
	waiting = 2 * time.Minute // for what must come, on whatever machine
)

// trouble is what makes alerts fire: begin once, in the order of the list, again for as long as
// one does not; end makes them quiet, the last first.
type trouble struct {
	alerts            []string
	begin, again, end func()
}

// sooner has the rules take seconds for minutes and one for a thousand: their expressions are the same.
func sooner(rules string) string {
	rules = regexp.MustCompile(`for: \d+m`).ReplaceAllString(rules, "for: 1s")
	rules = regexp.MustCompile(`\[\d+[mh]\]`).ReplaceAllString(rules, "[8s]")
	return strings.NewReplacer("_seconds > 30", "_seconds > 1", "_pending > 1000", "_pending > 0", "group_right headwater_journal_seq > 100", "group_right headwater_journal_seq > 10").Replace(rules)
}

// Every alert fires in a Prometheus that watches nodes which have what it is about, and clears when that is over.
func TestAlertsFire(t *testing.T) {
	t.Parallel()
	p := &pager{t: t, bin: program(t), seen: map[string]bool{}}
	p.a, p.b, p.c = p.node(), p.node(), p.onDatabase()
	raw, err := os.ReadFile(monitoring + "headwater.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(monitoring + "prometheus.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(`"127.0.0.1:8053"`, fmt.Sprintf("%q, %q", p.a.http, p.b.http), "headwater.rules.yaml", write(t, "rules.yaml", sooner(string(raw))), "15s", "1s").Replace(string(config))
	text += fmt.Sprintf("  - job_name: replicated\n    static_configs: [{targets: [%q]}]\n", p.c.http)
	p.prometheus = "http://" + started(t, `msg="Listening on" address=(\S+)`, "prometheus", "--config.file", write(t, "prometheus.yaml", text),
		"--storage.tsdb.path", t.TempDir(), "--web.listen-address", "127.0.0.1:0")

	troubles, fires := p.troubles(), map[string]bool{}
	for _, tr := range troubles {
		for _, name := range tr.alerts {
			fires[name] = true
		}
	}
	all := rules(t).Groups[0].Rules
	for _, r := range all {
		if !fires[r.Alert] {
			t.Errorf("nothing makes %s fire", r.Alert)
		}
	}
	if len(fires) != len(all) {
		t.Errorf("%d alerts fire, of %d", len(fires), len(all))
	}
	if t.Failed() {
		return
	}
	p.until("all to be quiet", p.firing)
	for _, tr := range troubles {
		tr.begin()
	}
	p.until("all to have fired", func() (missing []string) {
		for _, name := range p.firing() {
			p.seen[name] = true
		}
		for _, tr := range troubles {
			before := len(missing)
			for _, name := range tr.alerts {
				if !p.seen[name] {
					missing = append(missing, name)
				}
			}
			if len(missing) > before {
				tr.again()
			}
		}
		return missing
	})
	for _, tr := range slices.Backward(troubles) {
		tr.end()
	}
	p.until("all to be quiet again", p.firing)
}

// program builds the program.
func program(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "headwater")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./cmd/headwater")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// pager is Prometheus, two nodes that it takes for one cluster, and one on a database with a standby.
type pager struct {
	t          *testing.T
	bin        string
	prometheus string
	a, b, c    *watched
	seen       map[string]bool // what has fired already

	primary, standby *pgServer
}

// until waits until nothing is missing.
func (p *pager) until(what string, missing func() []string) {
	p.t.Helper()
	for end := time.Now().Add(waiting); ; time.Sleep(200 * time.Millisecond) {
		names := missing()
		if len(names) == 0 {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("waited in vain for %s: %q", what, names)
		}
	}
}

// firing are the alerts that fire, or one that is none while Prometheus has not seen all nodes.
func (p *pager) firing() (names []string) {
	for _, query := range []string{`ALERTS{alertstate="firing"}`, `count(up) == 3`} {
		var answer struct {
			Data struct {
				Result []struct{ Metric map[string]string }
			}
		}
		res, err := http.Get(p.prometheus + "/api/v1/query?query=" + url.QueryEscape(query))
		if err != nil {
			return []string{"no Prometheus"}
		}
		err = json.NewDecoder(res.Body).Decode(&answer)
		_ = res.Body.Close()
		if err != nil || query != `ALERTS{alertstate="firing"}` && len(answer.Data.Result) == 0 {
			return []string{"no nodes"}
		}
		for _, r := range answer.Data.Result {
			if name := r.Metric["alertname"]; name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// watched is a node at an address of its own.
type watched struct {
	p         *pager
	dir       string
	http, dns string
	cmd       *exec.Cmd
	zone      string
	made      int // records
}

// node starts a node with a zone.
func (p *pager) node(flags ...string) *watched {
	p.t.Helper()
	w := &watched{p: p, dir: p.t.TempDir(), http: "127.0.0.1:0", dns: "127.0.0.1:0"}
	w.start(nil, flags...)
	p.t.Cleanup(w.stop)
	w.zone = w.make("/client/v4/zones", map[string]any{"name": "first.example"})
	return w
}

// start starts it where it was before.
func (w *watched) start(env []string, flags ...string) {
	w.p.t.Helper()
	cmd := exec.Command(w.p.bin, append([]string{
		"serve", "--data", w.dir, "--dns-listen", w.dns, "--http-listen", w.http, "--admin-token", token, "--probe-interval", "1s", "--alarm-gather", "1s",
		"--webhook-networks", "127.0.0.0/8", "--http-connections-per-source", "64",
	}, flags...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log := filepath.Join(w.p.t.TempDir(), "log")
	f, err := os.Create(log)
	if err != nil {
		w.p.t.Fatal(err)
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr, cmd.Env = f, f, append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		w.p.t.Fatal(err)
	}
	w.cmd = cmd
	ready := regexp.MustCompile(`msg=ready .*`)
	address := func(line []byte, what string) string {
		return string(regexp.MustCompile(what + `(127\.0\.0\.1:\d+)`).FindSubmatch(line)[1])
	}
	w.p.until("a node to be ready", func() []string {
		text, err := os.ReadFile(log)
		line := ready.Find(text)
		if err != nil || line == nil {
			return []string{string(text)}
		}
		w.http, w.dns = address(line, `http=http://`), address(line, `dns=\S*?`)
		return nil
	})
}

func (w *watched) stop() {
	_ = w.cmd.Process.Signal(syscall.SIGTERM)
	_ = w.cmd.Wait()
}

// call calls the API.
func (w *watched) call(method, path, token string, body any) (result json.RawMessage, status int) {
	w.p.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		w.p.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.p.t.Context(), method, "http://"+w.http+path, bytes.NewReader(raw))
	if err != nil {
		w.p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Close = true // whom it belongs to may be gone the next time
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.p.t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct{ Result json.RawMessage }
	all, err := io.ReadAll(res.Body)
	if err == nil {
		err = json.Unmarshal(all, &answer)
	}
	if err != nil || token != "wrong" && res.StatusCode != http.StatusOK {
		w.p.t.Fatalf("%s %s: %d, %v\n%s", method, path, res.StatusCode, err, all)
	}
	return answer.Result, res.StatusCode
}

// make makes something and gives its id.
func (w *watched) make(path string, body any) string {
	w.p.t.Helper()
	result, _ := w.call(http.MethodPost, path, token, body)
	var made struct{ ID string }
	if err := json.Unmarshal(result, &made); err != nil {
		w.p.t.Fatal(err)
	}
	return made.ID
}

// records adds records one by one.
func (w *watched) records(n int) {
	w.p.t.Helper()
	for range n {
		w.made++
		w.make("/client/v4/zones/"+w.zone+"/dns_records", map[string]any{"type": "A", "name": fmt.Sprint("r", w.made), "content": "192.0.2.1"})
	}
}

// tool runs a command of the program's on its data.
func (w *watched) tool(args ...string) {
	w.p.t.Helper()
	if out, err := exec.Command(w.p.bin, append(args, "--data", w.dir)...).CombinedOutput(); err != nil {
		w.p.t.Fatalf("%q: %v\n%s", args, err, out)
	}
}

// sql runs statements on its database, and keeps them open until the function that it gives is called.
func (w *watched) sql(statements string) (end func()) {
	w.p.t.Helper()
	cmd := exec.Command("sqlite3", "-bail", filepath.Join(w.dir, "headwater.db"))
	in, err := cmd.StdinPipe()
	if err != nil {
		w.p.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.p.t.Fatal(err)
	}
	_, _ = io.WriteString(in, ".timeout 60000\n"+statements+";\nSELECT 'done';\n")
	if _, err := io.ReadFull(out, make([]byte, 5)); err != nil {
		w.p.t.Fatalf("%s: %v", statements, err)
	}
	return func() { _ = in.Close(); _ = cmd.Wait() }
}

// secondary answers questions for the SOA with a serial; 0: it answers nothing. It gives its port.
func (p *pager) secondary(serial uint32) int {
	p.t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	go func() {
		for b := make([]byte, 1500); ; {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			if serial == 0 || n < 12 {
				continue
			}
			end := 12
			for end < n && b[end] != 0 {
				end += 1 + int(b[end])
			}
			msg := append([]byte{}, b[:min(end+5, n)]...)
			msg[2] |= 0x84 // QR, AA; the opcode is that of the question, which may be NOTIFY
			msg[3], msg[6], msg[7], msg[8], msg[9], msg[10], msg[11] = 0, 0, 0, 0, 0, 0, 0
			if msg[2]&0x78 == 0 {
				msg[7] = 1
				msg = append(msg, 0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 60, 0, 22, 0, 0)
				msg = binary.BigEndian.AppendUint32(msg, serial)
				msg = append(msg, make([]byte, 16)...)
			}
			_, _ = c.WriteTo(msg, from)
		}
	}()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// connections opens some from an address of loopback that send the beginning of a request.
func (p *pager) connections(n int, from string) (end func()) {
	p.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: waiting}
	var all []net.Conn
	for range n {
		c, err := dialer.Dial("tcp", p.a.http)
		if err != nil {
			break // there are no more ports: those before did
		}
		_, _ = io.WriteString(c, "POST /client/v4/zones HTTP/1.1\r\nHost: headwater\r\nAuthorization: Bearer "+token+"\r\nContent-Length: 100\r\n\r\n{")
		all = append(all, c)
	}
	return func() {
		for _, c := range all {
			_ = c.Close()
		}
	}
}
