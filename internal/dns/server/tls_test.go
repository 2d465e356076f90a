package server_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

const host = "headwater.example"

// certificate makes one for a name that is its own authority, good until some time.
func certificate(tb testing.TB, name string, until time.Time) *tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// secure is a server for TLS whose certificate a test may change.
type secure struct {
	*server.Server
	addr netip.AddrPort
	cert atomic.Pointer[tls.Certificate]
	fail chan error
}

func runTLS(t *testing.T, cfg server.Config) *secure {
	t.Helper()
	s := &secure{fail: make(chan error, 100)}
	s.cert.Store(certificate(t, host, time.Now().Add(time.Hour)))
	cfg.TLS = []string{"127.0.0.1:0"}
	cfg.Certificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.cert.Load(), nil }
	cfg.Handshake = func(_ netip.AddrPort, err error) {
		select {
		case s.fail <- err:
		default:
		}
	}
	s.Server = run(t, cfg)
	s.addr = s.Addrs().TLS[0]
	return s
}

// client is a strict client's configuration.
func (s *secure) client(alpn ...string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(s.cert.Load().Leaf)
	return &tls.Config{RootCAs: pool, ServerName: host, NextProtos: alpn}
}

func (s *secure) dial(t *testing.T, cfg *tls.Config) *tls.Conn {
	t.Helper()
	c := tls.Client(dial(t, "tcp", s.addr), cfg)
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	optPadded = "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x08\x00\x0c\x00\x04\x00\x00\x00\x00"
	refused   = wire.RcodeRefused
)

// What is told of a handshake that failed is bounded: a client can put 60 kilobytes of names into it.
func TestWordsOfHandshakes(t *testing.T) {
	t.Parallel()
	s := runTLS(t, server.Config{})
	cfg := s.client()
	for range 200 {
		cfg.NextProtos = append(cfg.NextProtos, strings.Repeat("x", 250))
	}
	c := tls.Client(dial(t, "tcp", s.addr), cfg)
	if err := c.HandshakeContext(t.Context()); err == nil {
		t.Fatal("it was let in")
	}
	if err := <-s.fail; len(err.Error()) > 300 || !strings.Contains(err.Error(), "protocol") {
		t.Errorf("%d octets: %.100s", len(err.Error()), err)
	}
}

// Who may come in, and who is told no in the handshake or by the certificate.
func TestTLSHandshake(t *testing.T) {
	t.Parallel()
	s := runTLS(t, server.Config{})
	for _, tt := range []struct {
		name   string
		change func(*tls.Config)
		want   string // of the client's error; empty: it is let in
	}{
		{"dot", func(c *tls.Config) { c.NextProtos = []string{"dot"} }, ""},
		{"no protocol", func(*tls.Config) {}, ""},
		{"one of several", func(c *tls.Config) { c.NextProtos = []string{"h2", "dot"} }, ""},
		{"another protocol", func(c *tls.Config) { c.NextProtos = []string{"h2"} }, "no application protocol"},
		{"TLS 1.2", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, "protocol version not supported"},
		{"another name", func(c *tls.Config) { c.ServerName = "elsewhere.example" }, "certificate is valid for"},
		{"another authority", func(c *tls.Config) { c.RootCAs = x509.NewCertPool() }, "unknown authority"},
		{"too late", func(c *tls.Config) { c.Time = func() time.Time { return time.Now().Add(2 * time.Hour) } }, "expired"},
	} {
		cfg := s.client()
		tt.change(cfg)
		c := tls.Client(dial(t, "tcp", s.addr), cfg)
		err := c.HandshakeContext(t.Context())
		if tt.want == "" {
			if err != nil || exchangeTCP(t, c, question("a.test.", wire.TypeA)) == nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if got := <-s.fail; got == nil {
			t.Errorf("%s: the server does not tell", tt.name)
		}
	}
	if st := s.Stats(); st.TLSFailed != 5 || st.Answers[server.TLS][wire.RcodeNoError] != 3 {
		t.Errorf("failed %d, answered %v", st.TLSFailed, st.Answers[server.TLS])
	}
}

// A transfer needs the protocol "dot"; queries do not. Several transfers and queries share a connection, and messages are whole.
func TestTransfersOverTLS(t *testing.T) {
	t.Parallel()
	v := manyRecords(t, 3000)
	db := zone.NewDB(0)
	db.SetAccount(&zone.Account{ID: "a", ACL: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	db.Reset("z", "a", 1, v, v, zone.Links{Enabled: true}, nil)
	reports := make(chan xfr.Report, 10)
	s := runTLS(t, server.Config{DB: db, Transfers: xfr.NewServer(xfr.Config{DB: db, Done: func(r xfr.Report) { reports <- r }})})
	c := s.dial(t, s.client())
	if got := exchangeTCP(t, c, question("example.org.", wire.TypeAXFR)); got == nil || wire.HeaderFlags(got).Rcode() != refused {
		t.Errorf("without a protocol: %x", got)
	}
	if r := <-reports; r.Cause != xfr.CauseALPN || r.TLS.String() != "TLS 1.3" {
		t.Errorf("without a protocol: %+v", r)
	}
	c = s.dial(t, s.client("dot"))
	var all []byte
	kinds := []wire.Type{wire.TypeAXFR, wire.TypeA, wire.TypeAXFR, wire.TypeAXFR}
	for i, typ := range kinds {
		m := question("example.org.", typ)
		wire.SetID(m, uint16(i))
		all = append(all, framed(m)...)
	}
	if _, err := c.Write(all); err != nil {
		t.Fatal(err)
	}
	for i, typ := range kinds {
		for want := v.Records() + 1; want > 0; {
			msg := readTCP(t, c)
			if len(msg) < wire.HeaderLen || wire.ID(msg) != uint16(i) || wire.HeaderFlags(msg).Rcode() != wire.RcodeNoError {
				t.Fatalf("answer %d: %.40x", i, msg)
			}
			if want -= int(binary.BigEndian.Uint16(msg[6:])); typ == wire.TypeA {
				break
			}
		}
	}
	for range 3 {
		if r := <-reports; r.TLS == nil || !r.TLS.ALPN || r.Refused() || r.Records != v.Records()+1 {
			t.Errorf("%+v", r)
		}
	}
}

// Answers to a padded query are padded over TLS, and nowhere else (RFC 8467 section 4, RFC 7830 section 6).
func TestPadding(t *testing.T) {
	t.Parallel()
	s := runTLS(t, server.Config{})
	c := s.dial(t, s.client("dot"))
	for _, tt := range []struct {
		name string
		msg  []byte
		pad  bool
	}{
		{"padded", withOPT(question("a.test.", wire.TypeA), optPadded), true},
		{"longer", withOPT(question("a-very-much-longer-name-than-the-other-one.test.", wire.TypeA), optPadded), true},
		{"unreadable", append(withOPT(question("a.test.", wire.TypeA), optPadded), 0), false}, // whose OPT is not read to its end
		{"of version 1", withOPT(question("a.test.", wire.TypeA), "\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x00"), false},
		{"plain", withOPT(question("a.test.", wire.TypeA), opt), false},
		{"without EDNS", question("a.test.", wire.TypeA), false},
	} {
		got := exchangeTCP(t, c, tt.msg)
		if padded := len(got) == 468; tt.name != "unreadable" && padded != tt.pad {
			t.Errorf("%s: %d octets", tt.name, len(got))
		}
	}
	if got := exchange(t, "tcp", s.Addrs().DNS[0], withOPT(question("a.test.", wire.TypeA), optPadded)); len(got) >= 468 {
		t.Errorf("over TCP: %d octets", len(got))
	}
	if got := exchangeTCP(t, c, withOPT(question("big.test.", wire.TypeA), optPadded)); len(got) < 60000 || len(got) > wire.MaxMessage {
		t.Errorf("as much as fits: %d octets", len(got))
	}
}

// A new certificate is for new connections; those that are there go on, and sessions are resumed across it.
func TestCertificateRenewed(t *testing.T) {
	t.Parallel()
	s := runTLS(t, server.Config{})
	before := s.client("dot")
	before.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	old := s.dial(t, before)
	ask := question("a.test.", wire.TypeA)
	if exchangeTCP(t, old, ask) == nil { // the tickets come with the answer
		t.Fatal("no answer")
	}
	if c := s.dial(t, before); !c.ConnectionState().DidResume || exchangeTCP(t, c, ask) == nil {
		t.Error("a session is not resumed")
	}
	s.cert.Store(certificate(t, host, time.Now().Add(time.Hour)))
	if exchangeTCP(t, old, ask) == nil {
		t.Error("a connection ends with the certificate that it began with")
	}
	c := tls.Client(dial(t, "tcp", s.addr), s.client("dot"))
	if err := c.HandshakeContext(t.Context()); err != nil || !c.ConnectionState().PeerCertificates[0].Equal(s.cert.Load().Leaf) {
		t.Errorf("the new certificate: %v", err)
	}
}

// Clients that say nothing, stop amid the handshake or read nothing hold up nobody, and leave when their time is over.
func TestTLSClientsThatWait(t *testing.T) {
	t.Parallel()
	s := runTLS(t, server.Config{TCP: server.TCPLimits{PerSource: 1000, Idle: time.Minute, Read: 2 * time.Second, Write: time.Second}})
	cfg := s.client("dot")
	cfg.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	median := func(c net.Conn) time.Duration {
		took := make([]time.Duration, 51)
		for i := range took {
			began := time.Now()
			if exchangeTCP(t, c, question("a.test.", wire.TypeA)) == nil {
				t.Fatal("no answer")
			}
			took[i] = time.Since(began)
		}
		slices.Sort(took)
		return took[len(took)/2]
	}
	alone := median(s.dial(t, cfg))
	for range 200 {
		s.dial(t, cfg)
	}
	var wg sync.WaitGroup
	slow := make([]net.Conn, 10)
	for i := range slow {
		slow[i] = dial(t, "tcp", s.addr)
		_, _ = slow[i].Write([]byte{0x16, 3, 1, 2, 0}) // the head of a record that does not come
	}
	flood := bytes.Repeat(framed(question("big.test.", wire.TypeA)), 64)
	for range 10 {
		c := s.dial(t, cfg)
		wg.Go(func() {
			for {
				if _, err := c.Write(flood); err != nil {
					return
				}
			}
		})
	}
	c := s.dial(t, cfg)
	// What would hold others up holds them for as long as a client has for its next octet: two seconds here, each time.
	if beside := median(c); beside > 50*alone+time.Second {
		t.Errorf("an answer takes %v beside those who wait, and %v without them", beside, alone)
	}
	for _, c := range slow {
		n, err := io.Copy(io.Discard, c)
		if n != 0 || err != nil && !isReset(err) {
			t.Errorf("amid the handshake: %d octets, %v", n, err)
		}
	}
	wg.Wait()
	if st := s.Stats(); st.TCPOpen < 201 {
		t.Errorf("%d connections are left of those that were idle", st.TCPOpen)
	}
}

// The end of a connection is told, so that a client knows it from one that was cut; and the server's end waits for no client.
func TestTLSEnds(t *testing.T) {
	t.Parallel()
	s := runTLS(t, server.Config{TCP: server.TCPLimits{Idle: time.Second}})
	c := s.dial(t, s.client("dot"))
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("the end of a connection: %d, %v", n, err) // without the alert it would be ErrUnexpectedEOF
	}
	s = runTLS(t, server.Config{})
	dial(t, "tcp", s.addr) // one that never begins, and whose end run's cleanup waits for
	s.dial(t, s.client("dot"))
}
