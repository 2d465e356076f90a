package server

import (
	"context"
	"fmt"
	"net"
	"os"
)

// Sockets is where sockets come from that a process before this one may have opened, and where they are kept for the one after
// it. They are called by their addresses as configured, which is what two processes have in common.
type Sockets interface {
	// Listen gives the listener that was opened for an address before, or opens and keeps one.
	Listen(ctx context.Context, network, address string) (net.Listener, error)
	// Datagrams gives the UDP sockets that were opened for an address before, as descriptors of the caller's own; none if there
	// are none.
	Datagrams(address string) ([]*os.File, error)
	// Keep keeps the UDP sockets that were opened for an address, by descriptors of its own.
	Keep(address string, sockets []*os.File) error
}

// fresh opens what is asked for, and keeps nothing.
type fresh struct{}

func (fresh) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, network, address)
}

func (fresh) Datagrams(string) ([]*os.File, error) { return nil, nil }

func (fresh) Keep(string, []*os.File) error { return nil }

// inherit takes over the sockets of e that were opened before, if there are any; e becomes what they are bound to. Each has a thread at least:
// one that nobody reads would lose what the kernel puts into it. None is added, which would move clients away from where their datagrams lie
// already: where there are fewer sockets than threads, such as the one that a service manager opens, several threads read the same.
func (s *Server) inherit(e *endpoint) ([]udpSocket, error) {
	files, err := s.cfg.Sockets.Datagrams(e.name)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	open := inheritFast
	if !hasFast || s.cfg.Portable {
		open = inheritPortable
	}
	each := files
	for i := 0; len(each) < s.cfg.Threads; i++ {
		each = append(each, files[i%len(files)])
	}
	socks, err := open(s, *e, each)
	for _, f := range files {
		_ = f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("take over: %w", err)
	}
	at := socks[0].addr()
	e.port, e.host, e.dual = at.Port(), at.Addr(), e.dual && at.Addr().Is6()
	return socks, nil
}

// keep leaves the sockets of e to whoever comes after this process.
func (s *Server) keep(e *endpoint, socks []udpSocket) error {
	if !hasFast || s.cfg.Portable {
		socks = socks[:1] // which all threads read
	}
	var files []*os.File
	for _, sock := range socks {
		f, err := sock.file()
		if err != nil {
			return err
		}
		defer f.Close()
		files = append(files, f)
	}
	return s.cfg.Sockets.Keep(e.name, files)
}
