package handover

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// given is a socket that the service manager has opened and goes on having: it was there before this process and its like, and is after them.
type given struct {
	name    string // by which the manager calls it
	file    *os.File
	network string // tcp or udp
	at      netip.AddrPort
	used    bool
}

// key is what it is called among processes.
func (g *given) key(i int) string { return fmt.Sprintf("given %d %s", i, g.name) }

var errNotOurs = errors.New("neither a stream that listens nor datagrams, over IP")

// adopt takes a descriptor for a given socket.
func adopt(f *os.File, name string) (*given, error) {
	g := &given{name: name, file: f}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	ctl := raw.Control(func(fd uintptr) { g.network, g.at, err = describe(int(fd)) })
	if err = errors.Join(ctl, err); err != nil {
		return nil, fmt.Errorf("socket %q of the service manager: %w", name, err)
	}
	return g, nil
}

func describe(fd int) (network string, at netip.AddrPort, err error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return "", at, os.NewSyscallError("getsockopt", err)
	}
	listens, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return "", at, os.NewSyscallError("getsockopt", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return "", at, os.NewSyscallError("getsockname", err)
	}
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		at = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		at = netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	default:
		return "", at, errNotOurs
	}
	switch {
	case kind == unix.SOCK_STREAM && listens == 1:
		return "tcp", at, nil
	case kind == unix.SOCK_DGRAM:
		return "udp", at, nil
	}
	return "", at, errNotOurs
}

// receive takes the sockets that the service manager has given to this process (LISTEN_FDS), or to one before it.
func (h *Handover) receive() error {
	if h.upg.HasParent() {
		return h.inheritGiven()
	}
	for i, f := range activation.Files(true) {
		name := f.Name()
		if !slices.Contains(h.names, name) {
			name = ""
		}
		g, err := adopt(f, name)
		if err != nil {
			return err
		}
		h.given = append(h.given, g)
		if err := h.upg.AddFile(g.key(i), f); err != nil {
			return err
		}
	}
	return nil
}

// inheritGiven finds those that the process before had from the manager, by every name that they can have.
func (h *Handover) inheritGiven() error {
	for i := 0; ; i++ {
		before := len(h.given)
		for _, name := range append([]string{""}, h.names...) {
			f, err := h.upg.File((&given{name: name}).key(i))
			if err != nil {
				return err
			}
			if f == nil {
				continue
			}
			g, err := adopt(f, name)
			if err != nil {
				return err
			}
			h.given = append(h.given, g)
		}
		if len(h.given) == before {
			return nil
		}
	}
}

// Given lists the addresses of the sockets that the service manager has given under a name, each once, in its order.
func (h *Handover) Given(name string) (addresses []string) {
	for _, g := range h.given {
		if a := g.at.String(); g.name == name && !slices.Contains(addresses, a) {
			addresses = append(addresses, a)
		}
	}
	return addresses
}

// Lent says whether the service manager has given sockets, which others have as well therefore: whoever shuts one shuts it for good.
func (h *Handover) Lent() bool { return len(h.given) > 0 }

// Unused returns an error that names the given sockets that nobody has asked for: what comes there would wait for ever.
func (h *Handover) Unused() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for _, g := range h.given {
		if !g.used {
			errs = append(errs, fmt.Errorf("the service manager gives a socket at %s (%s), and no setting has this node listen there", g.at, g.network))
		}
	}
	return errors.Join(errs...)
}

// at gives the sockets of an address among the given ones; h.mu is held.
func (h *Handover) at(network, address string) (out []*given, err error) {
	if len(h.given) == 0 {
		return nil, nil
	}
	asked, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	want := asked.AddrPort()
	if asked.IP == nil {
		want = netip.AddrPortFrom(netip.IPv6Unspecified(), want.Port())
	}
	for _, g := range h.given {
		if g.network == network && g.at.Port() == want.Port() && g.at.Addr().Unmap() == want.Addr().Unmap().WithZone("") {
			out = append(out, g)
		}
	}
	return out, nil
}

// lent gives descriptors of the given sockets of an address, at most so many, and notes that they are in use.
func (h *Handover) lent(network, address string, most int) (out []*os.File, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found, err := h.at(network, address)
	for _, g := range found[:min(most, len(found))] {
		f, err := dup(g.file, g.at.String())
		if err != nil {
			return out, err
		}
		g.used = true
		out = append(out, f)
	}
	return out, err
}

// lends says whether sockets of an address are given.
func (h *Handover) lends(network, address string) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found, err := h.at(network, address)
	return len(found) > 0, err
}
