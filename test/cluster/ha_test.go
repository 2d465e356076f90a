package cluster

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// haWriters are clients that write all the while.
const haWriters = 3

// ha is two nodes that know two servers of PostgreSQL, one of which follows the other. A proxy stands before each.
type ha struct {
	*cluster
	t           *testing.T
	first, next *pgtest.Server
	before      [2]*proxy // first's and next's
	names       []wire.Name
	ids         []string
	book        *book
	seen        *versions
}

func onlyHA(t *testing.T) {
	t.Helper()
	if os.Getenv("HEADWATER_HA") == "" {
		t.Skip("make ha runs it")
	}
}

func newHA(t *testing.T, synchronous bool, flags ...string) *ha {
	t.Helper()
	h := &ha{t: t, first: pgtest.Start(t), book: &book{there: map[string]string{}, maybe: map[string]bool{}}}
	h.cluster = newCluster(t, h.first)
	h.next = h.first.Standby(t)
	if synchronous {
		h.first.Do(t, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
	}
	h.before[0] = newProxy(t, fmt.Sprintf("127.0.0.1:%d", h.first.Port()))
	h.before[1] = newProxy(t, fmt.Sprintf("127.0.0.1:%d", h.next.Port()))
	h.url = strings.Replace(h.url, host(t, h.url), h.before[0].addr()+","+h.before[1].addr(), 1) + "&target_session_attrs=read-write&connect_timeout=2"
	h.runAt(t, 2, flags...)
	h.zones()
	return h
}

func (h *ha) zones() {
	h.t.Helper()
	h.allowLoopback(h.t)
	for i := range 3 {
		name := fmt.Sprintf("ha%d.example", i)
		h.names = append(h.names, wire.MustName(name))
		h.ids = append(h.ids, h.zone(h.t, name, nil))
	}
	h.seen = &versions{sums: map[string][sha256.Size]byte{}, last: map[string]uint32{}}
}

// load has clients write, and somebody transfer, until the end that it gives is called.
func (h *ha) load() (end func()) {
	stop := make(chan struct{})
	watching, over := context.WithCancel(h.t.Context())
	var writers, watchers sync.WaitGroup
	for n := range haWriters {
		w := &writer{t: h.t, n: n + haWriters*int(rand.Int32N(1<<20)), r: rand.New(rand.NewPCG(uint64(n), 7)), nodes: h.nodes, zones: h.ids, book: h.book}
		writers.Go(func() { w.run(h.t.Context(), stop) })
	}
	watchers.Go(func() { h.seen.watch(watching, h.t, h.nodes, h.names) })
	return func() {
		h.t.Helper()
		close(stop)
		writers.Wait()
		over()
		watchers.Wait()
	}
}

// made is how many changes have been acknowledged.
func (h *ha) made() int {
	h.book.mu.Lock()
	defer h.book.mu.Unlock()
	return h.book.made
}

// more waits until so many changes more are acknowledged.
func (h *ha) more(n int) {
	h.t.Helper()
	from := h.made()
	eventually(h.t, "no changes are taken", func() bool { return h.made() >= from+n })
}

// check compares what clients know with what is there: every acknowledged change is there once, and all nodes hold the same.
func (h *ha) check() {
	h.t.Helper()
	for i, name := range h.names {
		h.alike(h.t, name)
		h.agrees(h.t, h.ids[i], name)
	}
	count := map[string]int{}
	for _, id := range h.ids {
		var list []struct{ Content string }
		h.nodes[0].Call(h.t, http.MethodGet, "/zones/"+id+"/dns_records?per_page=5000000&type=TXT", nil, &list)
		for _, r := range list {
			count[strings.Trim(r.Content, `"`)]++
		}
	}
	h.book.mu.Lock()
	defer h.book.mu.Unlock()
	lost, twice, foreign := 0, 0, 0
	for content := range h.book.there {
		if count[content] == 0 {
			lost++
		}
	}
	for content, n := range count {
		if n > 1 {
			twice++
		}
		if _, known := h.book.there[content]; !known && !h.book.maybe[content] && strings.HasPrefix(content, "w") {
			foreign++
		}
	}
	h.t.Logf("%d changes acknowledged, %d of them found made when they were sent again; %d records, %d versions seen", h.book.made, h.book.again, len(count), len(h.seen.sums))
	if lost+twice+foreign > 0 || h.book.made == 0 {
		h.t.Errorf("%d lost, %d there twice, %d there that were never acknowledged", lost, twice, foreign)
	}
}

// told waits until every node says words at /readyz, and gives how long that took.
func (h *ha) told(words string) time.Duration {
	h.t.Helper()
	begin := time.Now()
	for i, n := range h.nodes {
		eventually(h.t, fmt.Sprintf("node %d does not say %q", i, words), func() bool {
			_, body := get(h.t, n, "/readyz")
			return strings.Contains(body, words)
		})
	}
	return time.Since(begin)
}

// A synchronous standby takes over from a server that is killed: nothing that was acknowledged is lost, and nothing is there twice.
func TestHAPrimaryKilled(t *testing.T) {
	onlyHA(t)
	h := newHA(t, true)
	end := h.load()
	h.more(60)
	h.first.Kill()
	h.next.Promote(t)
	h.more(60)
	end()
	h.check()
}

// A synchronous standby dies: changes are answered 503 with their outcome open, nothing of them is published, nodes say so within
// seconds and end in time when they are told to; when it is back, each is there once.
func TestHAStandbyDies(t *testing.T) {
	onlyHA(t)
	h := newHA(t, true)
	end := h.load()
	h.more(30)
	end()
	serials := map[wire.Name]uint32{}
	for _, name := range h.names {
		serials[name] = h.alike(t, name)
	}
	h.next.Kill()
	var answers sync.WaitGroup
	for i := range h.ids {
		answers.Go(func() {
			begin := time.Now()
			a, err := h.nodes[i%2].Do(t.Context(), http.MethodPost, "/zones/"+h.ids[i]+"/dns_records",
				map[string]any{"type": "TXT", "name": "open", "content": fmt.Sprint("open ", i)}, [2]string{"Headwater-Change", fmt.Sprint("open-", i)})
			switch {
			case err != nil:
				t.Errorf("change %d: %v", i, err)
			case a.Status != http.StatusServiceUnavailable || time.Since(begin) > 25*time.Second: // two that came one after the other
				t.Errorf("change %d: after %s: %d %s", i, time.Since(begin), a.Status, a.Body)
			}
		})
	}
	t.Logf("both nodes say that nothing is taken after %.1f s", h.told("store takes no changes since").Seconds())
	answers.Wait()
	for _, n := range h.nodes {
		for _, name := range h.names {
			if r, err := axfr(t.Context(), n, name); err != nil || r.Serial != serials[name] {
				t.Errorf("%s moved from %d without its standby: %+v %v", name, serials[name], r, err)
			}
		}
	}
	begin := time.Now()
	if err := h.nodes[1].Stop(); err != nil || time.Since(begin) > 12*time.Second {
		t.Errorf("told to end: %v after %s", err, time.Since(begin))
	}
	if err := h.next.Up(); err != nil {
		t.Fatal(err)
	}
	if err := h.nodes[1].Run(); err != nil {
		t.Fatal(err)
	}
	for i := range h.ids {
		eventually(t, "a change whose outcome was open has none", func() bool {
			a, err := h.nodes[i%2].Do(t.Context(), http.MethodPost, "/zones/"+h.ids[i]+"/dns_records",
				map[string]any{"type": "TXT", "name": "open", "content": fmt.Sprint("open ", i)}, [2]string{"Headwater-Change", fmt.Sprint("open-", i)})
			return err == nil && (a.Status == http.StatusOK || len(a.Errors) == 1 && a.Errors[0].Code == 10409)
		})
	}
	end = h.load()
	h.more(30)
	end()
	h.check()
	for i, id := range h.ids {
		var list []struct{ Content string }
		h.nodes[0].Call(t, http.MethodGet, "/zones/"+id+"/dns_records?name=open."+h.names[i].Host(), nil, &list)
		if len(list) != 1 {
			t.Errorf("the change whose outcome was open is there %d times", len(list))
		}
	}
}

// A server falls silent without a word to those who are connected, and its standby is promoted; then it comes back, and nobody has
// fenced it. Nodes go over by themselves, say meanwhile that they take nothing, and do not go back.
func TestHAPrimaryFallsSilent(t *testing.T) {
	onlyHA(t)
	h := newHA(t, true)
	end := h.load()
	h.more(60)
	h.before[0].hold()
	h.next.Promote(t)
	begin := time.Now()
	h.more(6) // of each of the clients, each of which may have to wait for one that hangs
	if took := time.Since(begin); took > 25*time.Second {
		t.Errorf("changes are taken again after %s", took)
	} else {
		t.Logf("changes are taken again %.1f s after the promotion", took.Seconds())
	}
	h.more(60)
	old := h.countOn(t, h.first, "SELECT count(*) FROM records")
	h.before[0].goOn()
	h.more(150)
	end()
	if now := h.countOn(t, h.first, "SELECT count(*) FROM records"); now > old {
		t.Errorf("the old server took %d records when it came back", now-old)
	}
	h.check()
}

// The same with a node that only answers, of whose database user SELECT is all that it may do, on the standby that is promoted.
func TestHAReaderOnTheStandby(t *testing.T) {
	onlyHA(t)
	h := newHA(t, true)
	_, database, _ := strings.Cut(h.url[strings.LastIndex(h.url, "@"):], "/")
	database, _, _ = strings.Cut(database, "?")
	both := h.url
	h.url = h.first.URL(database)
	asReader := h.asReader(t)
	h.url = both
	eventually(t, "the standby does not know the reader", func() bool {
		return h.countOn(t, h.next, "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'reader_of_%'") == 1
	})
	h.url = strings.Replace(asReader, host(t, asReader), fmt.Sprintf("127.0.0.1:%d", h.next.Port()), 1)
	writing := h.nodes
	h.nodes = nil
	h.runAt(t, 1, "--roles", "dns")
	reader := h.nodes[0]
	h.nodes = writing
	end := h.load()
	h.more(60)
	h.first.Kill()
	h.next.Promote(t)
	h.more(60)
	end()
	h.nodes = append(h.nodes, reader)
	for _, name := range h.names {
		h.alike(t, name)
	}
	h.nodes = h.nodes[:2]
	h.check()
}

// Nodes reach PostgreSQL by pgbouncer, as its package configures it but for addresses and the mode; it is killed and started again meanwhile.
func TestHAPooler(t *testing.T) {
	onlyHA(t)
	for _, mode := range []string{"session", "transaction"} {
		t.Run(mode, func(t *testing.T) {
			h := &ha{t: t, first: pgtest.Start(t), book: &book{there: map[string]string{}, maybe: map[string]bool{}}}
			h.cluster = newCluster(t, h.first)
			p := newPooler(t, h.first.Port(), mode)
			h.url = strings.Replace(h.url, host(t, h.url), p.at, 1)
			h.runAt(t, 2)
			h.zones()
			end := h.load()
			h.more(60)
			p.kill()
			p.start(t)
			h.more(60)
			end()
			h.check()
		})
	}
}

// pooler is a pgbouncer.
type pooler struct {
	at, file string
	who      *syscall.Credential
	cmd      *exec.Cmd
}

func newPooler(tb testing.TB, port int, mode string) *pooler {
	tb.Helper()
	at, err := testkit.FreePort(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	if err != nil {
		tb.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "pooler") //nolint:usetesting // the pooler's user cannot come through the test's folder
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &pooler{at: at.String(), file: filepath.Join(dir, "pgbouncer.ini")}
	users := filepath.Join(dir, "users.txt")
	text := fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d\n\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nauth_type = trust\nauth_file = %s\npool_mode = %s\nunix_socket_dir =\n",
		port, at.Port(), users, mode)
	if err := os.WriteFile(p.file, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(users, []byte("\"headwater\" \"\"\n"), 0o644); err != nil {
		tb.Fatal(err)
	}
	if os.Geteuid() == 0 { // as which it refuses to run
		u, err := user.Lookup("postgres")
		if err != nil {
			tb.Fatal(err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		p.who = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			tb.Fatal(err)
		}
	}
	p.start(tb)
	tb.Cleanup(p.kill)
	return p
}

func (p *pooler) start(tb testing.TB) {
	tb.Helper()
	p.cmd = exec.Command("/usr/sbin/pgbouncer", p.file)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.who, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	eventually(tb, "pgbouncer does not start", func() bool {
		c, err := net.DialTimeout("tcp", p.at, time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

func (p *pooler) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}
