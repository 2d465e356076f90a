package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"

	"github.com/headwaterdns/headwater/internal/httpfront"
)

var errNotLoopback = errors.New("profiles are offered on a loopback address only")

// listenProfiles offers profiles of the process to its own machine: they show what is in memory. nil without the flag.
func (n *Node) listenProfiles(ctx context.Context) (*httpfront.Front, error) {
	if n.cfg.PprofListen == "" {
		return nil, nil //nolint:nilnil // not wanted is no error
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	f, err := n.front(ctx, n.cfg.PprofListen, mux, false)
	if err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	if a, ok := f.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		f.Close()
		return nil, fmt.Errorf("%w: %s", errNotLoopback, n.cfg.PprofListen)
	}
	return f, nil
}
