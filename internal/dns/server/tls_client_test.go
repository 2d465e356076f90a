package server_test

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// named is a server of example.org for peers that are known by the names of their certificates.
func named(t *testing.T, cfg server.Config, peers ...zone.Peer) (*secure, chan xfr.Report) {
	t.Helper()
	v := manyRecords(t, 10)
	db := zone.NewDB(0)
	acc := &zone.Account{ID: "a", Peers: map[string]zone.Peer{}}
	links := zone.Links{Enabled: true}
	for _, p := range peers {
		acc.Peers[p.ID] = p
		links.Peers = append(links.Peers, p.ID)
	}
	db.SetAccount(acc)
	db.Reset("z", "a", 1, v, v, links, nil)
	reports := make(chan xfr.Report, 100)
	cfg.DB, cfg.Transfers = db, xfr.NewServer(xfr.Config{DB: db, Done: func(r xfr.Report) { reports <- r }})
	return runTLS(t, cfg), reports
}

// Who has a zone by the name of its certificate: under the peer's authority, while it is good, over TLS. Several peers behind one
// address are told apart by it.
func TestClientsByName(t *testing.T) {
	t.Parallel()
	ca, foreign := testkit.NewAuthority(t), testkit.NewAuthority(t)
	at := netip.MustParseAddrPort("127.0.0.1:53")
	one := zone.Peer{ID: "one", Addr: at, TLS: true, ClientNames: "one.example uno.example", Authority: ca.PEM}
	two := zone.Peer{ID: "two", Addr: at, TLS: true, ClientNames: "two.example", Authority: ca.PEM}
	s, reports := named(t, server.Config{}, one, two)
	for _, tt := range []struct {
		what string
		cert *tls.Certificate
		want string // the peer; empty: it is refused
	}{
		{"one", ca.Make(t, "one.example", time.Hour, nil), "one"},
		{"one, by its other name", ca.Make(t, "uno.example", time.Hour, nil), "one"},
		{"two", ca.Make(t, "two.example", time.Hour, nil), "two"},
		{"another name", ca.Make(t, "three.example", time.Hour, nil), ""},
		{"expired", ca.Make(t, "one.example", -time.Minute, nil), ""},
		{"foreign", foreign.Make(t, "one.example", time.Hour, nil), ""},
		{"none", nil, ""},
	} {
		cfg := s.client("dot")
		if tt.cert != nil {
			cfg.Certificates = []tls.Certificate{*tt.cert}
		}
		c := s.dial(t, cfg)
		got := exchangeTCP(t, c, question("example.org.", wire.TypeAXFR))
		r := <-reports
		switch {
		case tt.want == "" && (wire.HeaderFlags(got).Rcode() != refused || r.Cause != xfr.CauseClient):
			t.Errorf("%s: %x, %+v", tt.what, got, r)
		case tt.want != "" && (r.Refused() || r.Client.Peer.ID != tt.want || r.TLS.ClientName != tt.cert.Leaf.DNSNames[0]):
			t.Errorf("%s: %+v", tt.what, r)
		}
	}
}

// Below a proxy there is TLS as everywhere: the client is the one that the proxy names, and who is no proxy names nobody.
func TestTLSBelowProxy(t *testing.T) {
	t.Parallel()
	peer := zone.Peer{ID: "p", Addr: netip.MustParseAddrPort("198.51.100.7:53"), TLS: true}
	s, reports := named(t, server.Config{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, TCP: server.TCPLimits{Read: 2 * time.Second}}, peer)
	for _, tt := range []struct {
		what, from, inner string
		want              xfr.Cause // empty: it has the zone
		hangs             bool
	}{
		{"the peer", "127.0.0.1", "198.51.100.7", "", false},
		{"another client of the proxy", "127.0.0.1", "198.51.100.8", xfr.CauseAddress, false},
		{"who names nobody", "127.0.0.1", "", "", true},
		{"nobody's proxy", "127.0.0.2", "198.51.100.7", "", true},
		{"directly", "127.0.0.2", "", xfr.CauseAddress, false},
	} {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(tt.from)}}
		plain, err := d.DialContext(t.Context(), "tcp", s.addr.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = plain.Close() })
		_ = plain.SetDeadline(time.Now().Add(20 * time.Second))
		if tt.inner != "" {
			h := proxyproto.Header{
				Version: 2, Command: proxyproto.PROXY, TransportProtocol: proxyproto.TCPv4,
				SourceAddr: &net.TCPAddr{IP: net.ParseIP(tt.inner), Port: 4711}, DestinationAddr: &net.TCPAddr{IP: net.ParseIP("192.0.2.53"), Port: 853},
			}
			if _, err := h.WriteTo(plain); err != nil {
				t.Fatal(err)
			}
		}
		c := tls.Client(plain, s.client("dot"))
		if err := c.HandshakeContext(t.Context()); err != nil || tt.hangs {
			if (err != nil) != tt.hangs {
				t.Errorf("%s: %v", tt.what, err)
			}
			continue
		}
		if _, err := c.Write(framed(question("example.org.", wire.TypeAXFR))); err != nil {
			t.Fatal(err)
		}
		var head [2]byte
		if _, err := io.ReadFull(c, head[:]); err != nil || binary.BigEndian.Uint16(head[:]) == 0 {
			t.Fatalf("%s: %v", tt.what, err)
		}
		r := <-reports
		from := tt.inner
		if from == "" {
			from = tt.from
		}
		if r.Cause != tt.want || r.Source.Addr().String() != from || r.TLS == nil {
			t.Errorf("%s: %+v", tt.what, r)
		}
	}
}
