package compat_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/testkit"
)

// authority is an ACME server.
type authority struct {
	directory string // its URL
	bundle    string // a file with who signed its certificate for HTTPS
	client    *http.Client
	roots     *x509.CertPool // of the certificates that it issues
	early     atomic.Int32   // challenges that it was told of before they could be found
}

// newAuthority starts an authority that asks one name server, over TCP, and looks but once, as it comes. looked is called each time that a
// client has it look, before it does.
func newAuthority(t *testing.T, nameServer netip.AddrPort, looked func()) *authority {
	t.Helper()
	for name, value := range map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"} {
		t.Setenv(name, value)
	}
	said := log.New(io.Discard, "", 0)
	rows := db.NewMemoryStore()
	issuer := ca.New(said, rows, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})
	front := wfe.New(said, rows, va.New(said, 1, 1, false, nameServer.String(), rows), issuer, []string{"acme.test"}, false, false, 1, 1)
	handler := front.Handler()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/chalZ/") {
			looked()
		}
		handler.ServeHTTP(w, r)
	}))
	https := testkit.NewAuthority(t)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{*https.Make(t, "localhost", 24*time.Hour, func(c *x509.Certificate) {
		c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	})}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	a := &authority{
		directory: srv.URL + wfe.DirectoryPath, bundle: filepath.Join(t.TempDir(), "https.pem"), roots: x509.NewCertPool(),
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: https.Pool}}},
	}
	t.Cleanup(a.client.CloseIdleConnections)
	check(t, os.WriteFile(a.bundle, []byte(https.PEM), 0o600))
	a.roots.AddCert(issuer.GetRootCert(0).Cert)
	return a
}

// ask gives the texts at the challenge's name, in order.
func ask(at netip.AddrPort) []string {
	client := &dns.Client{Net: "tcp", Timeout: testkit.Patience}
	r, _, err := client.Exchange(new(dns.Msg).SetQuestion(challenged, dns.TypeTXT), at.String())
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	for _, rr := range r.Answer {
		if x, ok := rr.(*dns.TXT); ok {
			out = append(out, strings.Join(x.Txt, ""))
		}
	}
	slices.Sort(out)
	return out
}

// gate stands between a secondary and its primary: while it is shut, nothing passes over TCP, and so no transfer. Datagrams do, so that the
// secondary knows what it has missed.
type gate struct {
	addr netip.AddrPort
	to   string

	mu   sync.Mutex
	pass chan struct{} // closed while the gate is open
}

func newGate(t *testing.T, to netip.AddrPort) *gate {
	t.Helper()
	addr, err := testkit.FreePort(netip.MustParseAddr("127.0.0.1"))
	check(t, err)
	g := &gate{addr: addr, to: to.String(), pass: make(chan struct{})}
	g.open()
	lis, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr))
	check(t, err)
	t.Cleanup(func() { _ = lis.Close() })
	pc, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	check(t, err)
	t.Cleanup(func() { _ = pc.Close() })
	go g.connections(lis)
	go g.datagrams(pc)
	return g
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !closed(g.pass) {
		close(g.pass)
	}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if closed(g.pass) {
		g.pass = make(chan struct{})
	}
}

func (g *gate) opened() chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pass
}

func (g *gate) shut() bool { return !closed(g.opened()) }

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (g *gate) connections(lis net.Listener) {
	for {
		c, err := lis.Accept()
		if err != nil {
			return
		}
		go g.connection(c)
	}
}

// connection passes on what one side says, and holds what the other asks. The secondary may have given up meanwhile; then it comes again.
func (g *gate) connection(c net.Conn) {
	defer c.Close()
	up, err := net.Dial("tcp", g.to)
	if err != nil {
		return
	}
	defer up.Close()
	go func() {
		_, _ = io.Copy(c, up)
		_ = c.Close()
	}()
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		<-g.opened()
		if _, err := up.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (g *gate) datagrams(pc *net.UDPConn) {
	for {
		buf := make([]byte, 4096)
		n, from, err := pc.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		go func() {
			up, err := net.Dial("udp", g.to)
			if err != nil {
				return
			}
			defer up.Close()
			_ = up.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := up.Write(buf[:n]); err != nil {
				return
			}
			if n, err = up.Read(buf); err == nil {
				_, _ = pc.WriteToUDPAddrPort(buf[:n], from)
			}
		}()
	}
}
