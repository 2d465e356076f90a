//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// Contestants run on one core, and loads, clients and secondaries on another.
const (
	serverCore = 0
	loadCore   = 1
)

// contestant is a server in the run.
type contestant struct {
	name     string
	version  string
	settings string // its configuration, as the results show it
	addr     netip.AddrPort
	tls      netip.AddrPort // where it transfers over TLS; not valid: nowhere
	argv     []string
	setup    func(ctx context.Context) error // before its start; may be nil
	warm     func(ctx context.Context) error // before it is measured; may be nil
	// right says whether the server answers rightly. The start lasts until it does.
	right func(ctx context.Context) bool
	kind  kind
	cores string        // where it runs
	slow  time.Duration // by which each of its fsyncs and fdatasyncs is made longer
	// adder opens a client that adds records durably; nil: the contestant takes no changes.
	adder func() (adder, error)
	grown bool // records were added to its zone
	api   *api // Headwater's
	pdns  *pdnsAdder
	log   *os.File
	cmd   *exec.Cmd
	gone  <-chan struct{} // closed when the process has ended
}

// kind is what a contestant can be measured in.
type kind int

const (
	primary  kind = iota // holds its zones in memory, and transfers them
	database             // answers from a database and a cache
	nothing              // knows no DNS
)

// The names of contestants.
const (
	nameUs, nameNSD, nameKnot, nameBIND, namePDNS = "Headwater", "NSD", "Knot", "BIND", "PowerDNS"
	nameEcho, namePlain                           = "echo", "plain echo"
)

func everybody(*contestant) bool  { return true }
func servers(c *contestant) bool  { return c.kind != nothing }
func resident(c *contestant) bool { return c.kind == primary }

// freePort takes a port of 127.0.0.1 that is free for UDP and TCP, and that no client's socket gets from the kernel while the
// server is down.
func freePort() netip.AddrPort {
	for {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(20000+rand.IntN(12000)))
		l, err := net.Listen("tcp", addr.String())
		if err != nil {
			continue
		}
		u, err := net.ListenPacket("udp", addr.String())
		l.Close()
		if err == nil {
			u.Close()
			return addr
		}
	}
}

// newContestant finds out what version the program is.
func (b *bench) newContestant(name string, k kind, versionArgs ...string) (*contestant, error) {
	c := &contestant{name: name, kind: k, cores: strconv.Itoa(serverCore), addr: freePort(), right: func(ctx context.Context) bool { return false }}
	if len(versionArgs) > 0 {
		out, err := exec.Command(versionArgs[0], versionArgs[1:]...).CombinedOutput()
		if len(out) == 0 && err != nil {
			return nil, fmt.Errorf("%s: %w; make deps installs it", name, err)
		}
		c.version, _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	}
	var err error
	c.log, err = os.Create(filepath.Join(b.dir, fmt.Sprintf("%s-%d.log", name, c.addr.Port())))
	return c, err
}

var errSilent = errors.New("the server does not answer rightly")

// start runs the server on its cores and waits for its first right answer.
func (c *contestant) start(ctx context.Context) error {
	argv := append([]string{"taskset", "-c", c.cores}, c.argv...)
	if c.slow > 0 {
		argv = append(slowDisk(c.slow), argv...)
	}
	c.cmd = exec.Command(argv[0], argv[1:]...)
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	gone := make(chan struct{})
	process := c.cmd.Process
	go func() {
		_, _ = process.Wait()
		close(gone)
	}()
	c.gone = gone
	deadline := time.After(10 * time.Minute)
	tick := time.NewTicker(2 * time.Millisecond) // the server cannot tell when it is ready
	defer tick.Stop()
	for !c.right(ctx) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-gone:
			return fmt.Errorf("%w: it ended; its log ends with %s", errSilent, c.tail())
		case <-deadline:
			return fmt.Errorf("%w: its log ends with %s", errSilent, c.tail())
		case <-tick.C:
		}
	}
	return nil
}

// slowDisk is what to put in front of a command so that the disk takes longer to have what it was given. The server stays the
// process that is started, and stops for strace at no other system call.
func slowDisk(by time.Duration) []string {
	const syncs = "fsync,fdatasync"
	return []string{
		"strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", os.DevNull, "-e", "trace=" + syncs,
		"-e", fmt.Sprintf("inject=%s:delay_exit=%d", syncs, by.Microseconds()),
	}
}

func (c *contestant) tail() string {
	raw, _ := os.ReadFile(c.log.Name())
	return string(raw[max(0, len(raw)-1000):])
}

func (c *contestant) stop() {
	if c.cmd != nil {
		c.end(syscall.SIGKILL)
		c.cmd = nil
	}
}

// end sends the server a signal and waits until all its processes are gone. That the first of them is a zombie would not
// do: another thread may still hold its sockets.
func (c *contestant) end(sig syscall.Signal) {
	pids := c.family()
	_ = c.cmd.Process.Signal(sig)
	select {
	case <-c.gone:
	case <-time.After(30 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.gone
	}
	for begin, i := time.Now(), 0; i < len(pids); {
		switch {
		case !alive(pids[i]):
			i++
		case time.Since(begin) > 30*time.Second:
			_ = syscall.Kill(pids[i], syscall.SIGKILL)
			fallthrough
		default:
			time.Sleep(time.Millisecond) // who waits for them is another goroutine, or init
		}
	}
}

// alive says whether a process is there and no zombie.
func alive(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// restart measures from the start of the process to the first right answer.
func restart(ctx context.Context, c *contestant) ([]float64, error) {
	c.end(syscall.SIGTERM)
	begin := time.Now()
	err := c.start(ctx)
	return []float64{time.Since(begin).Seconds()}, err
}

// family lists the server's process and its children: NSD forks.
func (c *contestant) family() []int {
	out := []int{c.cmd.Process.Pid}
	for i := 0; i < len(out); i++ {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", out[i]))
		for _, t := range tasks {
			raw, _ := os.ReadFile(t)
			for f := range strings.FieldsSeq(string(raw)) {
				if pid, err := strconv.Atoi(f); err == nil {
					out = append(out, pid)
				}
			}
		}
	}
	return out
}

// pids is the family as a flag of dnsload.
func (c *contestant) pids() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(c.family()), " ", ","), "[]")
}

// pss is the proportional memory of all the server's processes, in MB of 2^20 octets.
func (c *contestant) pss() float64 {
	total := 0.0
	for _, pid := range c.family() {
		raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		for line := range strings.SplitSeq(string(raw), "\n") {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
				kb, _ := strconv.ParseFloat(f[1], 64)
				total += kb / 1024
			}
		}
	}
	return total
}

// status sums a line of /proc/PID/status over all the server's processes, in MB of 2^20 octets.
func (c *contestant) status(line string) float64 {
	total := 0.0
	for _, pid := range c.family() {
		raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		for l := range strings.SplitSeq(string(raw), "\n") {
			if f := strings.Fields(l); len(f) > 1 && f[0] == line+":" {
				kb, _ := strconv.ParseFloat(f[1], 64)
				total += kb / 1024
			}
		}
	}
	return total
}

// question has one right answer: records of its type, as many.
type question struct {
	name    string // with final dot
	qtype   uint16
	answers int
}

// ask puts the question over UDP once.
func (q question) ask(ctx context.Context, addr netip.AddrPort) bool {
	m := new(dns.Msg)
	m.SetQuestion(q.name, q.qtype)
	client := &dns.Client{Timeout: time.Second}
	res, _, err := client.ExchangeContext(ctx, m, addr.String())
	return err == nil && res.Rcode == dns.RcodeSuccess && len(res.Answer) == q.answers
}

// confine binds this process, and what it starts from now on, to some cores.
func confine(cores ...int) error {
	var set unix.CPUSet
	for _, core := range cores {
		set.Set(core)
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if tid, err := strconv.Atoi(t.Name()); err == nil {
			if err := unix.SchedSetaffinity(tid, &set); err != nil && !errors.Is(err, unix.ESRCH) {
				return os.NewSyscallError("sched_setaffinity", err)
			}
		}
	}
	return nil
}
