package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

var errNotLoopback = errors.New("profiles are offered on a loopback address only")

// listenProfiles offers profiles of the process to its own machine: they show what is in memory. nil without the flag.
func (n *Node) listenProfiles(ctx context.Context) (*httpFace, error) {
	if n.cfg.PprofListen == "" {
		return nil, nil //nolint:nilnil // not wanted is no error
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", n.cfg.PprofListen)
	if err != nil {
		return nil, fmt.Errorf("listen for profiles on %s: %w", n.cfg.PprofListen, err)
	}
	if a, ok := l.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("%w: %s", errNotLoopback, n.cfg.PprofListen), l.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return &httpFace{l: l, srv: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}}, nil
}
