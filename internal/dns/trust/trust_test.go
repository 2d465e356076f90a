package trust_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/trust"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// A client is who it says by a name of its certificate, under the authority that is asked for, while that is good.
func TestClients(t *testing.T) {
	t.Parallel()
	ours, foreign := testkit.NewAuthority(t), testkit.NewAuthority(t)
	const name = "secondary.example"
	good := ours.Make(t, name, 30*time.Minute, nil)
	for _, tt := range []struct {
		what      string
		cert      *tls.Certificate
		names, by string
		after     time.Duration
		want      bool
	}{
		{"its name", good, name, ours.PEM, 0, true},
		{"one of several", good, "other.example " + name, ours.PEM, 0, true},
		{"in capitals, with a dot", good, strings.ToUpper(name) + ".", ours.PEM, 0, true},
		{"another name", good, "other.example", ours.PEM, 0, false},
		{"a name below", good, "www." + name, ours.PEM, 0, false},
		{"under one of two authorities", good, name, foreign.PEM + ours.PEM, 0, true},
		{"under another authority", good, name, foreign.PEM, 0, false},
		{"under none", good, name, "", 0, false},
		{"under what is no certificate", good, name, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0, false},
		{"expired meanwhile", good, name, ours.PEM, time.Hour, false},
		{"expired", ours.Make(t, name, -time.Minute, nil), name, ours.PEM, 0, false},
		{"from another authority", foreign.Make(t, name, time.Hour, nil), name, ours.PEM, 0, false},
		{"by its common name alone", ours.Make(t, name, time.Hour, func(c *x509.Certificate) { c.DNSNames = nil }), name, ours.PEM, 0, false},
		{"of a server alone", ours.Make(t, name, time.Hour, func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[:1] }), name, ours.PEM, 0, false},
		{"an address", ours.Make(t, name, time.Hour, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("192.0.2.1")} }), "192.0.2.1", ours.PEM, 0, true},
		{"a wildcard", ours.Make(t, "*.example", time.Hour, nil), name, ours.PEM, 0, true},
	} {
		now := time.Now()
		c, key, called := trust.Shown(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{tt.cert.Leaf}}, func() time.Time { return now })
		if got := c.Is(tt.names, tt.by); got != (tt.want || tt.after > 0) {
			t.Errorf("%s: %v", tt.what, got)
		}
		now = now.Add(tt.after) // what was worked out is remembered, and ends
		if got := c.Is(tt.names, tt.by); got != tt.want || key != trust.Digest(tt.cert.Leaf) || called == "" {
			t.Errorf("%s: %v then; %s, %s", tt.what, got, key, called)
		}
	}
	if c, _, _ := trust.Shown(&tls.ConnectionState{}, time.Now); c != nil {
		t.Error("who has shown nothing is somebody")
	}
}

// What a certificate calls its holder is bounded, and readable: a stranger has chosen it.
func TestNamesOfStrangers(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		strings.Repeat("a", 70_000): strings.Repeat("a", 255), "ns\xff\xfe": "ns\ufffd", "secondary": "secondary",
	} {
		c := &x509.Certificate{}
		c.Subject.CommonName = name
		if _, _, called := trust.Shown(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}}, time.Now); called != want {
			t.Errorf("%.20q: %d octets, %.40q", name, len(called), called)
		}
		c.DNSNames = []string{name}
		if _, _, called := trust.Shown(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}}, time.Now); called != want {
			t.Errorf("%.20q: %d octets, %.40q", name, len(called), called)
		}
	}
}

func TestAuthority(t *testing.T) {
	t.Parallel()
	a := testkit.NewAuthority(t)
	for text, ok := range map[string]bool{
		a.PEM: true, a.PEM + "\nwords between\n" + testkit.NewAuthority(t).PEM: true, "": false, "words": false,
		a.PEM + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n": false, a.PEM + strings.Repeat(" ", trust.AuthorityMost): false,
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n": false,
	} {
		if _, err := trust.Authority(text); (err == nil) != ok {
			t.Errorf("%.60q: %v", text, err)
		}
	}
	for name, ok := range map[string]bool{
		"secondary.example": true, "secondary.example.": true, "192.0.2.1": true, "2001:db8::1": true, "": false, ".": false, "*.example": false,
		"a b": false, "https://a": false, "a@b": false, "fe80::1%eth0": false,
	} {
		if err := trust.CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A server that we go to is verified by what its operator has told of it, and by nothing else.
func TestServers(t *testing.T) {
	t.Parallel()
	ours, foreign := testkit.NewAuthority(t), testkit.NewAuthority(t)
	const name = "secondary.example"
	good := ours.Make(t, name, time.Hour, nil)
	key := trust.Digest(good.Leaf)
	for _, tt := range []struct {
		what string
		cert *tls.Certificate
		who  trust.Server
		want string // of the error
	}{
		{"anybody", foreign.Make(t, "x.example", -time.Minute, nil), trust.Server{}, ""},
		{"by name", good, trust.Server{Name: name, Authority: ours.PEM}, ""},
		{"by another name", good, trust.Server{Name: "other.example", Authority: ours.PEM}, "valid for"},
		{"under another authority", good, trust.Server{Name: name, Authority: foreign.PEM}, "unknown authority"},
		{"under the system's", good, trust.Server{Name: name}, "unknown authority"},
		{"expired", ours.Make(t, name, -time.Minute, nil), trust.Server{Name: name, Authority: ours.PEM}, "expired"},
		{"by key, whoever signed it", good, trust.Server{Keys: "other " + key}, ""},
		{"by another key", good, trust.Server{Keys: "other"}, "another key"},
		{"by key and name", good, trust.Server{Keys: key, Name: name, Authority: ours.PEM}, ""},
		{"by key, and another name", good, trust.Server{Keys: key, Name: "other.example", Authority: ours.PEM}, "valid for"},
	} {
		l, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*tt.cert}, NextProtos: []string{trust.ALPN}})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if c, err := l.Accept(); err == nil {
				_ = c.(*tls.Conn).HandshakeContext(t.Context())
				c.Close()
			}
		}()
		d := tls.Dialer{Config: tt.who.Config(nil)}
		c, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
		if err == nil {
			c.Close()
		}
		l.Close()
		<-done
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.what, err, tt.want)
		}
	}
}
