// Package handover has a new process take the place of a running one: it passes the sockets on, and lets the two agree on who
// has what. It knows descriptors, those among them that a service manager has opened, and the processes before and after this one; it must
// not know what sockets serve, nor what it is that only one of two processes may have.
//
// The new process is the program as it lies on the disk now, with the arguments and the environment of the old one. It comes as far as
// it can by itself. Then it claims what there is only once; the old one gives that up, goes on with everything else, and grants
// it. When the new one serves, it takes over: the old one stops serving, says that it has left, and ends when what it had begun
// has come to an end. If the new one does not come so far, the old one has lost nothing but what it was asked to grant.
package handover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/cloudflare/tableflip"
	"golang.org/x/sys/unix"
)

// What the processes say to each other, an octet each.
const (
	claim   = 'c' // of the new one
	granted = 'g' // of the old one
	left    = 'l' // likewise
)

const wire = "wire" // the name of what they say it through

// DefaultPatience is how long a new process has until it serves.
const DefaultPatience = 10 * time.Minute

// gonePatience is how long a process waits for the one before it to be gone before it passes everything on itself: its end is
// heard of a moment after it has ended.
const gonePatience = 2 * time.Second

// leftPatience is how long a new process waits for the old one to leave.
const leftPatience = 20 * time.Second

// Config is what a Handover needs; everything may be zero.
type Config struct {
	// Patience is how long a new process has until it serves, before it is killed.
	Patience time.Duration
	// Names are those by which sockets of the service manager may be told apart; others mean nothing.
	Names []string
	Log   *slog.Logger
}

// Handover is this process between the one before it and the one after it.
type Handover struct {
	log    *slog.Logger
	upg    *tableflip.Upgrader
	before *os.File // to the process before; nil without one
	names  []string
	given  []*given // by the service manager

	mu   sync.Mutex
	kept map[string]*os.File
}

var errSupervised = errors.New("process 1 cannot hand over: what it runs in ends with it")

// New makes the process's Handover. A process has one; a second call fails.
func New(c Config) (*Handover, error) {
	if c.Patience <= 0 {
		c.Patience = DefaultPatience
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	upg, err := tableflip.New(tableflip.Options{UpgradeTimeout: c.Patience})
	if err != nil {
		return nil, err
	}
	h := &Handover{log: c.Log, upg: upg, names: c.Names, kept: map[string]*os.File{}}
	if upg.HasParent() {
		if h.before, err = upg.File(wire); err != nil {
			return nil, err
		}
	}
	return h, h.receive()
}

// Succeeds says whether this process takes another one's place.
func (h *Handover) Succeeds() bool { return h.before != nil }

// Claim asks the process before for what only one may have, and returns when it is granted, or when that process is gone.
// Without one it returns at once.
func (h *Handover) Claim(ctx context.Context) error {
	if h.before == nil {
		return nil
	}
	if _, err := h.before.Write([]byte{claim}); err != nil {
		h.log.Warn("the process before is gone", "error", err)
		return ctx.Err()
	}
	return h.hear(ctx, granted)
}

// TakeOver tells the process before that this one serves. Where it is to wait, it returns when that one does not any more, or is
// gone. It must be called once by a process that serves, whether there was one before it or not.
func (h *Handover) TakeOver(ctx context.Context, wait bool) error {
	if err := h.upg.Ready(); err != nil {
		return fmt.Errorf("take over: %w", err)
	}
	if h.before == nil || !wait {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, leftPatience)
	defer cancel()
	err := h.hear(ctx, left)
	if errors.Is(err, context.DeadlineExceeded) {
		h.log.Warn("the process before still serves, and is waited for no longer")
		return nil
	}
	return err
}

// hear waits for what the process before says; one that is gone says everything.
func (h *Handover) hear(ctx context.Context, want byte) error {
	heard := make(chan error, 1)
	go func() {
		b := make([]byte, 1)
		_, err := h.before.Read(b)
		if err == nil && b[0] != want {
			err = fmt.Errorf("the process before said %q, not %q", b, want)
		}
		heard <- err
	}()
	select {
	case err := <-heard:
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			h.log.Warn("the process before is gone")
			return nil
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Successor is a process that has taken over.
type Successor struct{ wire *os.File }

// Left tells it that this process does not serve any more.
func (s *Successor) Left() error {
	_, err := s.wire.Write([]byte{left})
	return errors.Join(err, s.wire.Close())
}

// Pass starts a new process and returns it when it has taken over, or an error when it will not: it is gone then, or about to be.
// When it claims what only one may have, grant is called, which returns when that has been given up. One Pass runs at a time.
func (h *Handover) Pass(grant func()) (*Successor, error) {
	if os.Getpid() == 1 {
		return nil, errSupervised
	}
	ctx, cancel := context.WithTimeout(context.Background(), gonePatience)
	defer cancel()
	_ = h.upg.WaitForParent(ctx) // Upgrade says so, where it is still there
	ours, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	err = h.upg.AddFile(wire, theirs)
	_ = theirs.Close()
	if err != nil {
		return nil, errors.Join(err, ours.Close())
	}
	claimed := make(chan struct{})
	go func() {
		defer close(claimed)
		b := make([]byte, 1)
		if _, err := ours.Read(b); err == nil && b[0] == claim {
			grant()
			_, _ = ours.Write([]byte{granted}) // who does not hear it is gone, which is found out below
		}
	}()
	if err = h.upg.Upgrade(); err == nil {
		h.forget()
		return &Successor{ours}, nil
	}
	_ = ours.SetReadDeadline(time.Unix(1, 0))
	<-claimed
	return nil, errors.Join(err, ours.Close())
}

// forget closes what the process after this one has now.
func (h *Handover) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.kept {
		_ = f.Close()
	}
	clear(h.kept)
	for _, g := range h.given {
		_ = g.file.Close()
	}
}

// Stop ends a Pass that is under way, and every later one: the new process is killed.
func (h *Handover) Stop() { h.upg.Stop() }

// pair is a connection between two processes.
func pair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
		err = errors.Join(err, unix.SetNonblock(fd, true))
	}
	return os.NewFile(uintptr(fds[0]), wire), os.NewFile(uintptr(fds[1]), wire), err
}

// Sockets gives the sockets of a server that begins. Each server of a process has its own, for the same address may be asked for more
// than once (one with port 0): which time it is tells the sockets apart.
func (h *Handover) Sockets() *Sockets { return &Sockets{h: h, asked: map[string]int{}} }

// Sockets are the process's, or will be.
type Sockets struct {
	h     *Handover
	asked map[string]int
}

// End closes what is kept for another process: there will be none. Who serves the sockets closes them himself.
func (s *Sockets) End() {
	s.h.Stop()
	s.h.forget()
}

func (s *Sockets) name(kind, address string) string {
	name := kind + " " + address
	s.asked[name]++
	return fmt.Sprintf("%s %d", name, s.asked[name])
}

// Unused is Handover.Unused.
func (s *Sockets) Unused() error { return s.h.Unused() }

// Lent is Handover.Lent.
func (s *Sockets) Lent() bool { return s.h.Lent() }

// Listen gives the listener of an address that there is already, from the service manager or a process before, or opens one.
func (s *Sockets) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	lent, err := s.h.lent("tcp", address, 1)
	if err != nil {
		return nil, err
	}
	if len(lent) > 0 {
		l, err := net.FileListener(lent[0])
		return l, errors.Join(err, lent[0].Close())
	}
	name := s.name(network, address)
	f, err := s.h.take(name)
	if err != nil {
		return nil, err
	}
	if f != nil {
		l, err := net.FileListener(f)
		return l, errors.Join(err, f.Close())
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c, ok := l.(syscall.Conn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T has no descriptor", l), l.Close())
	}
	if err := s.h.keep(name, c); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

const datagrams = "datagrams"

// Datagrams gives the UDP sockets of an address that there are already, by descriptors of the caller's own.
func (s *Sockets) Datagrams(address string) (out []*os.File, err error) {
	if out, err := s.h.lent("udp", address, len(s.h.given)); err != nil || len(out) > 0 {
		return out, err
	}
	name := s.name(datagrams, address)
	for i := 0; ; i++ {
		f, err := s.h.take(part(name, i))
		if err != nil || f == nil {
			return out, err
		}
		out = append(out, f)
	}
}

// Keep keeps the UDP sockets of an address that was asked for last. Those that are there already are the same, and those of the service
// manager are passed on as it gave them.
func (s *Sockets) Keep(address string, files []*os.File) error {
	if lent, err := s.h.lends("udp", address); lent || err != nil {
		return err
	}
	name := datagrams + " " + address
	name = fmt.Sprintf("%s %d", name, s.asked[name])
	for i, f := range files {
		if err := s.h.keep(part(name, i), f); err != nil {
			return err
		}
	}
	return nil
}

func part(name string, i int) string { return fmt.Sprintf("%s.%d", name, i) }

// take gives a descriptor of a socket that there is, nil if there is none.
func (h *Handover) take(name string) (*os.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.kept[name]; f != nil {
		return dup(f, name)
	}
	f, err := h.upg.File(name)
	if err != nil || f == nil {
		return nil, err
	}
	h.kept[name] = f
	return dup(f, name)
}

// keep keeps a socket under a name that has none yet.
func (h *Handover) keep(name string, c syscall.Conn) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kept[name] != nil {
		return nil
	}
	f, err := dup(c, name)
	if err != nil {
		return err
	}
	h.kept[name] = f
	return h.upg.AddFile(name, f)
}

// dup is another descriptor of a socket. Whether it blocks is the socket's, for all of its descriptors in all processes, so
// nobody here may ask an os.File for its Fd, which can change that.
func dup(c syscall.Conn, name string) (*os.File, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	ctl := raw.Control(func(from uintptr) { fd, err = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(ctl, err); err != nil {
		return nil, fmt.Errorf("dup %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
