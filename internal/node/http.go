package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/dns/server"
)

// httpFace is the HTTP listener: API, dashboard, health and metrics.
type httpFace struct {
	l      net.Listener
	srv    *http.Server
	secure bool
}

func (n *Node) listenHTTP(ctx context.Context) (*httpFace, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", n.cfg.HTTPListen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", n.cfg.HTTPListen, err)
	}
	f := &httpFace{l: l, srv: &http.Server{
		Handler: n.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: n.cfg.HeaderLimit,
	}}
	if n.certs != nil {
		if err := n.certs.load(); err != nil {
			return nil, errors.Join(err, l.Close())
		}
		f.srv.TLSConfig = &tls.Config{GetCertificate: n.certs.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
		f.l = tls.NewListener(l, f.srv.TLSConfig)
		f.secure = true
	} else if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		n.log.Warn("HTTP without TLS on an address that others can reach: credentials travel in the clear", "address", l.Addr().String())
	}
	return f, nil
}

func (f *httpFace) url() string {
	if f.secure {
		return "https://" + f.l.Addr().String()
	}
	return "http://" + f.l.Addr().String()
}

// bindHTTP binds all that speaks HTTP.
func (n *Node) bindHTTP(ctx context.Context) (err error) {
	if n.web, err = n.listenHTTP(ctx); err != nil {
		return err
	}
	n.profiles, err = n.listenProfiles(ctx)
	return err
}

// serve serves until ctx ends or the server is shut down.
func (f *httpFace) serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = f.srv.Close() })
	defer stop()
	return f.srv.Serve(f.l)
}

// drain closes the listener and lets what was accepted end, as long as ctx lasts.
func (f *httpFace) drain(ctx context.Context) error { return f.srv.Shutdown(ctx) }

func (n *Node) closeHTTP() {
	for _, f := range []*httpFace{n.web, n.profiles} {
		if f != nil {
			_ = f.l.Close()
		}
	}
}

func (n *Node) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", n.readyz)
	mux.Handle("GET /metrics", n.metrics())
	if !n.roles.api {
		// Not 404: a client that is sent here by mistake must not take its objects for deleted.
		handleAPI(mux, api.Absent())
		return api.Paths(mux)
	}
	var rest http.Handler
	rest = api.New(api.Config{
		Store: n.store, Changer: n.primary, Auth: n.auth, Sessions: n.session, WaitSeq: n.feed.Wait, EdgeAddresses: n.edge,
		Secondaries: n.secondaries, Review: n.review, Clock: time.Now, Log: n.log,
		CopyZone: func(ctx context.Context, c *api.ZoneCopy, step func(api.ZoneCopyStep)) ([]api.ZoneCopyNote, error) {
			return n.copyZone(ctx, rest, c, step)
		},
		CopySources: n.cfg.CopySource,
		Limits: api.Limits{
			Body: n.cfg.BodyLimit, Depth: n.cfg.DepthLimit, Import: n.cfg.ImportLimit, Batch: n.cfg.BatchLimit, PerSecond: n.cfg.RateLimit,
		},
	})
	handleAPI(mux, rest)
	mux.Handle("/openapi.json", rest)
	mux.Handle("/docs", rest)
	mux.Handle("/", gzhttp.GzipHandler(dashboard()))
	return api.Paths(mux)
}

// handleAPI registers the roots with and without a slash at their end, so that the mux redirects from neither.
func handleAPI(mux *http.ServeMux, h http.Handler) {
	for _, root := range []string{"/client/v4", "/headwater/v1"} {
		mux.Handle(root, h)
		mux.Handle(root+"/", h)
	}
}

// readyz says whether all zones are loaded and the sockets bound; the store's state is told beside it.
func (n *Node) readyz(w http.ResponseWriter, _ *http.Request) {
	h := n.feed.Health()
	if !n.ready.Load() || !h.Loaded {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "not ready: zones are being loaded\n")
		return
	}
	_, _ = fmt.Fprintf(w, "ready\nroles %s\nzones %d\nseq %d\n", n.roles, n.db.Len(), h.Seq)
	if n.duty != nil {
		d := n.duty.Stats()
		_, _ = fmt.Fprintf(w, "nodes %d\n", d.Nodes)
		if !d.Leased {
			_, _ = io.WriteString(w, "no lease: other nodes tell the secondaries\n")
		}
	}
	if h.Sealed > 0 {
		_, _ = fmt.Fprintf(w, "no secret key: the TSIG keys of %d accounts are closed, zones whose links need one are not transferred\n", h.Sealed)
	}
	if !h.Failing.IsZero() {
		_, _ = fmt.Fprintf(w, "store unreachable since %s: answering from memory\n", h.Failing.UTC().Format(time.RFC3339))
	}
}

// welcome says what to do next; credentials are printed on the first start alone.
func (n *Node) welcome(addrs server.Addrs) {
	out, first, url := n.out, n.first, n.web.url()
	fmt.Fprint(out, "\nHeadwater is running.\n\n")
	if n.roles.api {
		fmt.Fprintf(out, "  dashboard  %s/\n  API        %s/client/v4\n", url, url)
	} else {
		fmt.Fprintf(out, "  health     %s/readyz\n", url)
	}
	var dns netip.AddrPort
	if len(addrs.DNS) > 0 {
		dns = addrs.DNS[0]
		if dns.Addr().IsUnspecified() {
			dns = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), dns.Port())
		}
		fmt.Fprintf(out, "  DNS        %s (UDP and TCP)\n", dns)
	}
	if first == nil {
		return
	}
	fmt.Fprintf(out, "\nFirst start. These credentials are shown once; keep them:\n\n  account    %s\n  e-mail     %s\n", first.Account, first.Email)
	show := func(name, value string, generated bool) {
		if generated {
			fmt.Fprintf(out, "  %-10s %s\n", name, value)
		} else {
			fmt.Fprintf(out, "  %-10s (as configured)\n", name)
		}
	}
	show("password", first.Password, first.PasswordGenerated)
	show("API token", first.Token, first.TokenGenerated)
	show("API key", first.Key, first.KeyGenerated)
	token := "$TOKEN"
	if first.TokenGenerated {
		token = first.Token
	}
	if !dns.IsValid() {
		return
	}
	fmt.Fprintf(out, "\nTry:\n\n  curl -s %s/client/v4/zones -H 'Authorization: Bearer %s' \\\n    --json '{\"name\":\"example.com\"}'\n  dig @%s -p %d example.com SOA\n\n",
		url, token, dns.Addr(), dns.Port())
}
