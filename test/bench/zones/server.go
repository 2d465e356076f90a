//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/test/bench/fill"
)

// server is a Headwater process on a store.
type server struct {
	bin, data, database string

	cmd  *exec.Cmd
	out  bytes.Buffer
	dns  string
	http string
}

// figures are what one start of a server showed. Sizes are in octets.
type figures struct {
	ready, answer, cpu     time.Duration
	pss, peak, heap, later int64
}

// changes is how many records are added after a start, to see what memory comes to when the server works.
const changes = 200

// measure starts the server, waits, reads its memory, checks answers and stops it. With no zones it is an idle process.
func measure(ctx context.Context, s *server, zones int) (*figures, error) {
	f := &figures{}
	begin := time.Now()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	defer s.stop()
	// The sockets are bound just before the server is ready: whichever of the two shows first is asked first.
	for f.ready == 0 || zones > 0 && f.answer == 0 {
		if zones > 0 && f.answer == 0 && s.right(rand.IntN(zones)) {
			f.answer = time.Since(begin)
		}
		if f.ready == 0 && s.get("/readyz", nil) == nil {
			f.ready = time.Since(begin)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if time.Since(begin) > 10*time.Minute {
			return nil, fmt.Errorf("not ready: %s", s.out.String())
		}
		time.Sleep(2 * time.Millisecond) // a process does not announce itself to others
	}
	if err := s.settle(ctx); err != nil {
		return nil, err
	}
	if err := s.memory(f); err != nil {
		return nil, err
	}
	if zones == 0 {
		return f, nil
	}
	for range 2000 {
		if i := rand.IntN(zones); !s.surelyRight(i) {
			return nil, fmt.Errorf("zone %s is not answered", fill.Name(i))
		}
	}
	if err := s.change(ctx, zones); err != nil {
		return nil, err
	}
	var err error
	f.later, err = s.rollup("Pss:")
	return f, err
}

func (s *server) start(ctx context.Context) error {
	var err error
	if s.dns, err = freeAddr(); err != nil {
		return err
	}
	if s.http, err = freeAddr(); err != nil {
		return err
	}
	args := []string{
		"serve", "--data", s.data, "--dns-listen", s.dns, "--http-listen", s.http, "--log-level", "warn", "--admin-token", fill.Token,
		"--probe-interval", "0",
	}
	if s.database != "" {
		args = append(args, "--database", s.database)
	}
	s.out.Reset()
	s.cmd = exec.CommandContext(ctx, s.bin, args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return s.cmd.Start()
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}

// freeAddr is a loopback address whose port is free for UDP and TCP.
func freeAddr() (string, error) {
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		addr := l.Addr().String()
		u, err := net.ListenPacket("udp", addr)
		_ = l.Close()
		if err == nil {
			return addr, u.Close()
		}
	}
	return "", errors.New("no free port")
}

// right asks for the address at a zone's apex and says whether the answer is the zone's.
func (s *server) right(i int) bool {
	name, want := fill.Probe(i)
	client := &dns.Client{Timeout: 500 * time.Millisecond}
	m, _, err := client.Exchange(new(dns.Msg).SetQuestion(name.String(), dns.TypeA), s.dns)
	if err != nil || !m.Authoritative || len(m.Answer) != 1 {
		return false
	}
	a, ok := m.Answer[0].(*dns.A)
	return ok && a.A.Equal(net.IP(want))
}

// surelyRight is right with some patience: a datagram may be lost or late.
func (s *server) surelyRight(i int) bool {
	for range 4 {
		if s.right(i) {
			return true
		}
	}
	return false
}

func (s *server) get(path string, body func(io.Reader) error) error {
	res, err := http.Get("http://" + s.http + path)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	if body == nil {
		return nil
	}
	return body(res.Body)
}

// settle waits until the process has given back what it used for its start: its memory has not changed much for a while.
func (s *server) settle(ctx context.Context) error {
	const tries, pause = 300, time.Second
	last, calm := int64(0), 0
	for range tries {
		now, err := s.rollup("Pss:")
		if err != nil {
			return err
		}
		if calm++; now < last-last/100 || now > last+last/100 {
			calm = 0
		}
		last = now
		if calm == 5 {
			return nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.New("the process does not come to rest")
}

// memory reads what the process holds.
func (s *server) memory(f *figures) (err error) {
	if f.pss, err = s.rollup("Pss:"); err != nil {
		return err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return err
	}
	f.peak = field(status, "VmHWM:") * 1024
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	if p := strings.Fields(rest); len(p) > 12 {
		user, _ := strconv.Atoi(p[11])
		system, _ := strconv.Atoi(p[12])
		f.cpu = time.Duration(user+system) * 10 * time.Millisecond
	}
	return s.get("/metrics", func(r io.Reader) error {
		for lines := bufio.NewScanner(r); lines.Scan(); {
			if v, ok := strings.CutPrefix(lines.Text(), "go_memstats_heap_alloc_bytes "); ok {
				n, err := strconv.ParseFloat(v, 64)
				f.heap = int64(n)
				return err
			}
		}
		return errors.New("no heap in /metrics")
	})
}

func (s *server) rollup(name string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", s.cmd.Process.Pid))
	return field(b, name) * 1024, err
}

// field finds "name  number" in a file of /proc.
func field(b []byte, name string) int64 {
	for line := range strings.SplitSeq(string(b), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n
		}
	}
	return 0
}

func splitList(s string) []string { return strings.Split(s, ",") }
