package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Config describes a secondary.
type Config struct {
	Program Program
	// Listen is where it answers, and the address that it asks from; the zero value is Free.
	Listen netip.AddrPort
	// Primary is where it asks. NOTIFYs are accepted from Notifier, by default the primary's address.
	Primary  netip.AddrPort
	Notifier netip.Addr
	Zones    []wire.Name
	Key      *tsig.Key // nil: unsigned
	// Catalog is a catalog zone that it consumes (RFC 9432), with the same key; empty for none. NSD before 4.9 cannot. Groups are those
	// that Knot has a template for.
	Catalog wire.Name
	Groups  []string
	// Refresh is how often it asks for the SOA by itself, whatever the zone says, in whole seconds; default 2 s.
	// PowerDNS cannot be told: it goes by the zone.
	Refresh time.Duration
	// NoIXFR makes it ask by AXFR alone; see Program.CanSkipIXFR.
	NoIXFR bool
	// AsShipped leaves the program's own limits on what it takes as they are; otherwise they are lifted.
	AsShipped bool
	// Validate makes Knot validate each version of a signed zone before it takes it.
	Validate bool
	// Digest makes Knot want a digest (ZONEMD) that is right in each version before it takes it.
	Digest bool
	// Sign makes BIND and Knot sign what they hold by themselves, with keys of their own.
	Sign bool
	// Dir is where it keeps its files; empty: a temporary directory that Close removes.
	Dir string
}

// Secondary is a secondary that was started.
type Secondary struct {
	cfg     Config
	dir     string
	ownDir  bool
	path    string
	proc    *process
	version string
}

// startTime is how long a program may take until it answers.
const startTime = 30 * time.Second

// Start writes the secondary's configuration, starts it and waits until it answers queries.
func Start(ctx context.Context, cfg Config) (*Secondary, error) {
	path, err := cfg.Program.Find()
	if err != nil {
		return nil, err
	}
	if cfg.NoIXFR && !cfg.Program.CanSkipIXFR() {
		return nil, fmt.Errorf("%s always asks by IXFR first", cfg.Program)
	}
	if !cfg.Listen.IsValid() {
		if cfg.Listen, err = Free(cfg.Program); err != nil {
			return nil, err
		}
	}
	if !cfg.Notifier.IsValid() {
		cfg.Notifier = cfg.Primary.Addr()
	}
	if cfg.Refresh < time.Second {
		cfg.Refresh = 2 * time.Second
	}
	s := &Secondary{cfg: cfg, dir: cfg.Dir, path: path, version: cfg.Program.version(path)}
	if s.dir == "" {
		// Short: control sockets in it have names of at most 107 octets.
		if s.dir, err = os.MkdirTemp("", "peer-"); err != nil {
			return nil, err
		}
		s.ownDir = true
	}
	if err := s.configure(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("configure %s: %w", cfg.Program, err)
	}
	if err := s.Restart(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Run is Start for a test: it fails the test, and closes the secondary at its end.
func Run(tb testing.TB, cfg Config) *Secondary {
	tb.Helper()
	s, err := Start(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("%s said at last:\n%s", cfg.Program, tail(s.logFile(), 40))
		}
		s.Close()
	})
	return s
}

// Restart starts the secondary again, on the files that it has, after Stop or Kill.
func (s *Secondary) Restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	// The children of one that was killed may outlive it for a moment, with its sockets.
	if err := poll(ctx, func() (bool, error) { return free(s.Addr()), nil }); err != nil {
		return fmt.Errorf("wait for %s to be free: %w", s.Addr(), err)
	}
	args := s.args()
	p, err := launch(s.logFile(), s.dir, s.path, args...)
	if err != nil {
		return err
	}
	s.proc = p
	err = poll(ctx, func() (bool, error) {
		if !p.running() {
			return false, fmt.Errorf("it ended: %w", p.err)
		}
		return s.answers(ctx), nil
	})
	if err != nil {
		if p.running() {
			p.kill()
		}
		return fmt.Errorf("start %s: %w; its log ends so:\n%s", s.cfg.Program, err, tail(s.logFile(), 20))
	}
	return nil
}

// free says whether nobody listens at an address.
func free(addr netip.AddrPort) bool {
	u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return false
	}
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr))
	if err == nil {
		err = l.Close()
	}
	return errors.Join(err, u.Close()) == nil
}

// Addr is where the secondary answers, and the address it asks from. Program and Version tell what it is.
func (s *Secondary) Addr() netip.AddrPort { return s.cfg.Listen }

// Program is what the secondary runs.
func (s *Secondary) Program() Program { return s.cfg.Program }

// Version is what the program says that it is.
func (s *Secondary) Version() string { return s.version }

// PID is the process's id, for measurements.
func (s *Secondary) PID() int { return s.proc.cmd.Process.Pid }

// Stop ends the secondary as an operator would; Restart continues on its files.
func (s *Secondary) Stop() error {
	if err := s.proc.stop(); err != nil {
		return fmt.Errorf("stop %s: %w", s.cfg.Program, err)
	}
	return nil
}

// Kill ends it as a crash would.
func (s *Secondary) Kill() { s.proc.kill() }

// Pause makes it silent without closing its sockets; Resume lets it go on.
func (s *Secondary) Pause() error { return s.proc.pause() }

// Resume ends Pause.
func (s *Secondary) Resume() { s.proc.resume() }

// Close ends the secondary and removes its files, unless their directory was the caller's.
func (s *Secondary) Close() {
	if s.proc != nil && s.proc.running() {
		_ = s.proc.stop()
	}
	if s.ownDir {
		_ = os.RemoveAll(s.dir)
	}
}

// Log is what the program has said so far.
func (s *Secondary) Log() string {
	b, _ := os.ReadFile(s.logFile())
	return string(b)
}

// WaitLog waits until the program has said something that holds words, or ctx ends.
func (s *Secondary) WaitLog(ctx context.Context, words string) error {
	err := poll(ctx, func() (bool, error) { return strings.Contains(s.Log(), words), nil })
	if err != nil {
		return fmt.Errorf("%s has not said %q: %w", s.cfg.Program, words, err)
	}
	return nil
}

func (s *Secondary) logFile() string         { return filepath.Join(s.dir, "log") }
func (s *Secondary) file(name string) string { return filepath.Join(s.dir, name) }
func (s *Secondary) write(name, text string) error {
	return os.WriteFile(s.file(name), []byte(text), 0o600)
}

var errProgram = errors.New("no such program")

func (s *Secondary) configure(ctx context.Context) error {
	switch s.cfg.Program {
	case BIND:
		return s.write("named.conf", s.bindConfig())
	case NSD:
		return s.write("nsd.conf", s.nsdConfig())
	case Knot:
		if err := os.MkdirAll(s.file("db"), 0o700); err != nil {
			return err
		}
		return s.write("knot.conf", s.knotConfig())
	case PowerDNS:
		return s.configurePowerDNS(ctx)
	}
	return errProgram
}

// args keep every program in the foreground, so that it is our child.
func (s *Secondary) args() []string {
	switch s.cfg.Program {
	case BIND:
		return []string{"-g", "-n", "1", "-c", s.file("named.conf")}
	case NSD:
		return []string{"-d", "-c", s.file("nsd.conf")}
	case Knot:
		return []string{"-c", s.file("knot.conf")}
	case PowerDNS:
		return []string{"--config-dir=" + s.dir}
	}
	return nil
}
