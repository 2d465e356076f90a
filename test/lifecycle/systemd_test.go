package lifecycle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/node"
)

// manager hears what a service manager would.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
	env  []string
}

// told is a message and the process that it is from.
type told struct {
	pid   int
	lines []string
}

func (m told) has(line string) bool {
	return slices.ContainsFunc(m.lines, func(l string) bool { return strings.HasPrefix(l, line) })
}

// number is what stands behind a line's beginning.
func (m told) number(line string) (n int64) {
	for _, l := range m.lines {
		if s, ok := strings.CutPrefix(l, line); ok {
			n, _ = strconv.ParseInt(s, 10, 64)
		}
	}
	return n
}

// newManager makes a manager whose watchdog wants to hear so often; 0: it has none.
func newManager(t *testing.T, watchdog time.Duration) *manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") //nolint:usetesting // the name of a test may be longer than that of a socket
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	at := filepath.Join(dir, "socket")
	m := &manager{t: t, env: []string{"NOTIFY_SOCKET=" + at}}
	m.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: at, Net: "unixgram"})
	must(t, err)
	t.Cleanup(func() { m.conn.Close() })
	raw, err := m.conn.SyscallConn()
	must(t, err)
	must(t, raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) }))
	must(t, err)
	if watchdog > 0 {
		m.env = append(m.env, fmt.Sprintf("WATCHDOG_USEC=%d", watchdog.Microseconds()))
	}
	return m
}

// next is the next message.
func (m *manager) next() told {
	m.t.Helper()
	_ = m.conn.SetReadDeadline(time.Now().Add(patience))
	b, oob := make([]byte, 4096), make([]byte, 128)
	n, c, _, _, err := m.conn.ReadMsgUnix(b, oob)
	if err != nil {
		m.t.Fatalf("nothing more is told: %v", err)
	}
	out := told{lines: strings.Split(string(b[:n]), "\n")}
	control, err := unix.ParseSocketControlMessage(oob[:c])
	must(m.t, err)
	for i := range control {
		if cred, err := unix.ParseUnixCredentials(&control[i]); err == nil {
			out.pid = int(cred.Pid)
		}
	}
	return out
}

// hears waits for a message with a line that begins so; none before it may have one of never.
func (m *manager) hears(line string, never ...string) told {
	m.t.Helper()
	for {
		got := m.next()
		for _, l := range never {
			if got.has(l) {
				m.t.Errorf("waiting for %s, heard %q", line, got.lines)
			}
		}
		if got.has(line) {
			return got
		}
	}
}

func monotonic(t *testing.T) int64 {
	t.Helper()
	var ts unix.Timespec
	must(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts))
	return ts.Nano() / 1000
}

// The service manager hears when the program is ready, and not before; when it reloads, from when until when, whatever comes of that; that it
// lives; which process is the one, when another takes over; and that it stops, and how long that may take.
func TestTellsTheServiceManager(t *testing.T) {
	t.Parallel()
	m := newManager(t, 3*time.Second)
	bin, err := node.Binary()
	must(t, err)
	conf := file(t, "headwater.yaml", "log-level: info\n", 0o600)
	n, err := node.StartAs(bin, m.env, t.TempDir(), "--config", conf, "--drain-delay", "1s")
	must(t, err)
	t.Cleanup(n.Kill)
	first := m.hears("READY=1", "WATCHDOG=1", "STOPPING=1", "RELOADING=1")
	if first.pid != n.Pid() || !first.has("STATUS=Serving 0 zones") {
		t.Errorf("process %d is ready: %q of %d", n.Pid(), first.lines, first.pid)
	}
	for range 3 {
		m.hears("WATCHDOG=1", "READY=1")
	}

	for _, text := range []string{"log-level: debug\n", "log-lvl: debug\n"} { // taken, refused
		put(t, conf, text)
		before := monotonic(t)
		signal(t, n, syscall.SIGHUP)
		began := m.hears("RELOADING=1", "READY=1")
		if at := began.number("MONOTONIC_USEC="); at < before || at > monotonic(t) {
			t.Errorf("a reload from %d on, told as %d", before, at)
		}
		m.hears("READY=1", "RELOADING=1", "STOPPING=1")
	}
	put(t, conf, "log-level: info\n")

	old := n.Pid()
	must(t, n.HandOver(t.Context()))
	if main := m.hears("MAINPID=", "STOPPING=1", "EXTEND_TIMEOUT_USEC="); main.pid != n.Pid() || main.number("MAINPID=") != int64(n.Pid()) {
		t.Errorf("process %d takes over: %q of %d", n.Pid(), main.lines, main.pid)
	}
	if ready := m.hears("READY=1", "STOPPING=1"); ready.pid != n.Pid() {
		t.Errorf("ready is %d, not %d", ready.pid, n.Pid())
	}
	must(t, node.Gone(t.Context(), old))
	for last := (told{}); last.pid != n.Pid(); {
		last = m.hears("WATCHDOG=1", "STOPPING=1")
	}
	for range 3 {
		if lives := m.hears("WATCHDOG=1", "STOPPING=1"); lives.pid != n.Pid() {
			t.Errorf("%d is told to live", lives.pid)
		}
	}
	signal(t, n, syscall.SIGTERM)
	if end := m.hears("STOPPING=1"); end.pid != n.Pid() || end.number("EXTEND_TIMEOUT_USEC=") < int64(11*time.Second/time.Microsecond) {
		t.Errorf("it stops: %q of %d", end.lines, end.pid)
	}
	must(t, n.Wait())
}

// A new process that fails leaves the service to the old one, in the manager's eyes as well.
func TestServiceManagerKeepsWhoGoesOn(t *testing.T) {
	t.Parallel()
	m := newManager(t, 0)
	bin := ownBinary(t)
	n, err := node.StartAs(bin, m.env, t.TempDir())
	must(t, err)
	t.Cleanup(n.Kill)
	m.hears("READY=1")
	put(t, bin, "no program")
	signal(t, n, syscall.SIGUSR2)
	if main := m.hears("MAINPID=", "STOPPING=1"); main.number("MAINPID=") != int64(n.Pid()) {
		t.Errorf("%q, not of %d", main.lines, n.Pid())
	}
	must(t, n.Stop())
}

// lent are sockets as a service manager opens them: with nothing set that a DNS server would set.
type lent struct {
	t     *testing.T
	files []*os.File
	names []string
}

func (l *lent) add(name string, c interface{ File() (*os.File, error) }) {
	l.t.Helper()
	f, err := c.File()
	must(l.t, err)
	l.t.Cleanup(func() { f.Close() })
	l.files, l.names = append(l.files, f), append(l.names, name)
}

func (l *lent) tcp(name, address string) netip.AddrPort {
	l.t.Helper()
	s, err := net.Listen("tcp", address)
	must(l.t, err)
	l.t.Cleanup(func() { s.Close() })
	l.add(name, s.(*net.TCPListener))
	return s.Addr().(*net.TCPAddr).AddrPort()
}

// whole fails where a socket was shut: its next owner would get nothing from it, again and again.
func (l *lent) whole() {
	l.t.Helper()
	for i, f := range l.files {
		raw, err := f.SyscallConn()
		must(l.t, err)
		must(l.t, raw.Control(func(fd uintptr) {
			p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLRDHUP}}
			if n, err := unix.Poll(p, 0); err != nil || n != 0 {
				l.t.Errorf("socket %s of %d: %x, %v", l.names[i], len(l.files), p[0].Revents, err)
			}
		}))
	}
}

// both opens a port for UDP and TCP.
func (l *lent) both(name, host string) netip.AddrPort {
	l.t.Helper()
	for {
		u, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
		must(l.t, err)
		at := u.LocalAddr().(*net.UDPAddr).AddrPort()
		s, err := net.Listen("tcp", at.String())
		if err != nil {
			u.Close()
			continue
		}
		l.t.Cleanup(func() { u.Close(); s.Close() })
		l.add(name, u.(*net.UDPConn))
		l.add(name, s.(*net.TCPListener))
		return at
	}
}

// asked sends a question and gives where its answer will come.
func asked(t *testing.T, to netip.AddrPort, name string) func() error {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to)) // which takes nothing from another address
	must(t, err)
	t.Cleanup(func() { c.Close() })
	msg := append([]byte{1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, wire.MustName(name)...)
	_, err = c.Write(append(msg, 0, byte(wire.TypeSOA), 0, byte(wire.ClassIN)))
	must(t, err)
	return func() error {
		b := make([]byte, 1232)
		_ = c.SetReadDeadline(time.Now().Add(answerTime))
		n, err := c.Read(b)
		if err != nil {
			return err
		}
		if wire.ID(b[:n]) != 0x102 || binary.BigEndian.Uint16(b[6:]) != 1 {
			return fmt.Errorf("not an SOA: %x", b[:n])
		}
		return nil
	}
}

// Sockets that the service manager gives are used in place of what the configuration says, those that are named after a setting, and instead of
// binding what it says, the others. Who asks while there is no process is answered by the next one, for they outlive each; they are handed
// over, too, and nobody shuts them.
func TestSocketsOfTheServiceManager(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", ""} {
		t.Run("at "+host, func(t *testing.T) {
			t.Parallel()
			l := &lent{t: t}
			at := l.both("dns", host)
			dns := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), at.Port())
			web := l.tcp("headwater.socket", "127.0.0.1:0")
			extra := l.both("transfer", "127.0.0.1")
			dir := t.TempDir()
			start := func() *node.Node {
				t.Helper()
				// The first address is that of nobody here: it must not be bound.
				n, err := node.StartGiven(nil, l.files, l.names, dir, "--dns-listen", "192.0.2.1:53", "--http-listen", web.String())
				must(t, err)
				t.Cleanup(n.Kill)
				if n.DNS != dns && n.DNS.Port() != at.Port() {
					t.Errorf("DNS at %s, not %s", n.DNS, dns)
				}
				n.DNS = dns
				return n
			}
			n := start()
			n.Call(t, http.MethodPost, "/zones", `{"name":"example.com"}`, nil)
			askSerial(t, n)
			must(t, asked(t, extra, "example.com")())
			if host == "" {
				for _, a := range []string{"127.0.0.2", "::1"} {
					if err := asked(t, netip.AddrPortFrom(netip.MustParseAddr(a), at.Port()), "example.com")(); err != nil {
						t.Errorf("from %s: %v", a, err)
					}
				}
			}
			for range 2 {
				old, end := n.Pid(), askAllTheWhile(t, n)
				must(t, n.HandOver(t.Context()))
				must(t, node.Gone(t.Context(), old))
				end()
				askSerial(t, n)
			}
			must(t, n.Stop())
			l.whole()

			answer := asked(t, dns, "example.com")
			c, err := net.Dial("tcp", dns.String())
			must(t, err)
			defer c.Close()
			n = start()
			if err := answer(); err != nil {
				t.Errorf("asked while nobody was there: %v", err)
			}
			if _, err := overTCP(c, question(0)); err != nil {
				t.Errorf("connected while nobody was there: %v", err)
			}
			must(t, n.Stop())
		})
	}
}

// A socket that no setting asks for, or that cannot be what it is called, is an error that says so: what comes there would wait for ever.
func TestSocketsThatNobodyUses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		make func(l *lent) string // the error
	}{
		{"an address that nothing listens on", func(l *lent) string {
			return l.tcp("headwater.socket", "127.0.0.1:0").String() + " (tcp)"
		}},
		{"two for one", func(l *lent) string {
			l.tcp("http", "127.0.0.1:0")
			l.tcp("http", "127.0.0.1:0")
			return "2 sockets named http"
		}},
		{"one of another family", func(l *lent) string {
			u, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(l.t.TempDir(), "s"), Net: "unix"})
			must(l.t, err)
			l.t.Cleanup(func() { u.Close() })
			l.add("dns", u)
			return "neither a stream that listens nor datagrams"
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := &lent{t: t}
			l.both("dns", "127.0.0.1")
			want := tt.make(l)
			n, err := node.StartGiven(nil, l.files, l.names, t.TempDir(), "--http-listen", "127.0.0.1:0")
			if err == nil {
				n.Kill()
				err = errors.New("it started")
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}
