package notify_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/trust"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

const lineName = "secondary.example"

// secure is a secondary that takes NOTIFY over TLS, and accepts each.
type secure struct {
	port  uint16
	conns atomic.Int32
	mute  atomic.Bool // it hangs up at once
	shown chan string // what the client of each connection calls itself
	from  chan netip.AddrPort
}

func newSecure(t testing.TB, cert *tls.Certificate) *secure {
	t.Helper()
	l, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{*cert}, NextProtos: []string{"dot"}, MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &secure{port: l.Addr().(*net.TCPAddr).AddrPort().Port(), shown: make(chan string, 100), from: make(chan netip.AddrPort, 100)}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.from <- c.RemoteAddr().(*net.TCPAddr).AddrPort()
			if s.conns.Add(1); s.mute.Load() {
				c.Close()
				continue
			}
			go s.serve(c.(*tls.Conn))
		}
	}()
	return s
}

func (s *secure) serve(c *tls.Conn) {
	defer c.Close()
	for first := true; ; first = false {
		var head [2]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		msg := make([]byte, binary.BigEndian.Uint16(head[:]))
		if _, err := io.ReadFull(c, msg); err != nil {
			return
		}
		if st := c.ConnectionState(); first {
			name := ""
			if len(st.PeerCertificates) > 0 {
				name = st.PeerCertificates[0].DNSNames[0]
			}
			s.shown <- name
		}
		q := &wire.Query{}
		if q.Parse(msg) != wire.ParseOK {
			return
		}
		var b wire.Builder
		b.Start([]byte{0, 0}, wire.MaxMessage, q.ID, (wire.FlagQR | wire.FlagAA).WithOpcode(wire.OpcodeNotify))
		b.Echo(q)
		out := b.Finish()
		binary.BigEndian.PutUint16(out, uint16(len(out)-2))
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

// by has a peer told otherwise.
func (w *world) by(n zone.Notify) {
	acc := &zone.Account{ID: "acc", Peers: map[string]zone.Peer{}}
	for _, p := range w.db.ByID("z").Access().Peers {
		p.Notify = n
		acc.Peers[p.ID] = p
	}
	w.db.SetAccount(acc)
	w.s.Link(w.db.ByID("z"))
}

// A peer is told over TLS, over one connection, and shown our certificate; nothing goes in clear.
func TestToldByTLS(t *testing.T) {
	t.Parallel()
	ca := testkit.NewAuthority(t)
	s := newSecure(t, ca.Make(t, lineName, time.Hour, nil))
	own := ca.Make(t, "headwater.example", time.Hour, nil)
	p := newPeer(t)
	w := start(t, notify.Config{Interval: time.Millisecond, Own: func() *tls.Certificate { return own }}, false, p)
	w.by(zone.Notify{TLS: true, Port: s.port, Who: trust.Server{Name: lineName, Authority: ca.PEM}})
	w.enable(t)
	for serial := uint32(1); serial < 6; serial++ {
		if serial > 1 {
			w.publish(t, serial)
		}
		if got := w.waitAnswer(t); got.Acked != serial || got.Pending || got.Answer != "NOERROR" || !got.TLS {
			t.Fatalf("%+v", got)
		}
	}
	if n := s.conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	if name := <-s.shown; name != "headwater.example" {
		t.Errorf("it was shown the certificate of %q", name)
	}
	p.quiet(t)
}

// enable switches transfers on.
func (w *world) enable(t testing.TB) {
	t.Helper()
	links := w.db.ByID("z").State().Links
	links.Enabled = true
	w.s.Link(w.db.SetLinks("z", w.db.ByID("z").State().Seq+1, links))
}

// Who is not the peer that its operator has described is told nothing, and that is shown; where anybody will do it is told in clear
// instead when TLS does not come about.
func TestNotThePeer(t *testing.T) {
	t.Parallel()
	ca, foreign := testkit.NewAuthority(t), testkit.NewAuthority(t)
	const secret = "TLS does not come about"
	for _, tt := range []struct {
		name   string
		cert   *tls.Certificate // nil: nobody listens
		who    trust.Server
		clear  bool
		hidden bool
		want   string // of the answer; empty: it is told in clear
	}{
		{"another name", ca.Make(t, lineName, time.Hour, nil), trust.Server{Name: "other.example", Authority: ca.PEM}, false, false, "valid for"},
		{"many names", ca.Make(t, lineName, time.Hour, func(c *x509.Certificate) {
			c.DNSNames = nil
			for i := range 90 {
				c.DNSNames = append(c.DNSNames, fmt.Sprintf("%s%d.example", strings.Repeat("x", 50), i))
			}
		}), trust.Server{Name: "other.example", Authority: ca.PEM}, false, false, "valid for"},
		{"expired", ca.Make(t, lineName, -time.Minute, nil), trust.Server{Name: lineName, Authority: ca.PEM}, false, false, "expired"},
		{"foreign", foreign.Make(t, lineName, time.Hour, nil), trust.Server{Name: lineName, Authority: ca.PEM}, false, false, "unknown authority"},
		{"another key", ca.Make(t, lineName, time.Hour, nil), trust.Server{Keys: "other"}, false, false, "another key"},
		{"nobody", nil, trust.Server{Name: lineName}, false, false, "refused"},
		{"nobody, where that is not told", nil, trust.Server{Name: lineName}, false, true, secret},
		{"nobody, and in clear will do", nil, trust.Server{}, true, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			port := p.addr.Port() // where nobody listens for TCP
			if tt.cert != nil {
				port = newSecure(t, tt.cert).port
			}
			w := start(t, notify.Config{Interval: time.Millisecond, Tells: func(netip.Addr) bool { return !tt.hidden }}, false, p)
			w.by(zone.Notify{TLS: true, Port: port, Who: tt.who, Clear: tt.clear})
			w.enable(t)
			if tt.want == "" {
				p.reply(t, p.wait(t), wire.RcodeNoError, nil)
				if s := w.waitAnswer(t); s.Answer != "NOERROR" || s.TLS {
					t.Errorf("%+v", s)
				}
				return
			}
			s := w.waitAnswer(t)
			if s.Outcome != notify.Unsent || !strings.Contains(s.Answer, tt.want) || !s.Pending || tt.hidden && s.Answer != secret || len(s.Answer) > 250 {
				t.Errorf("%+v", s)
			}
			p.quiet(t)
		})
	}
}

// A peer that hangs up costs a try at a time, and is told when it listens again.
func TestHangsUp(t *testing.T) {
	t.Parallel()
	ca := testkit.NewAuthority(t)
	s := newSecure(t, ca.Make(t, lineName, time.Hour, nil))
	s.mute.Store(true)
	w := start(t, notify.Config{Interval: time.Millisecond, Retry: 20 * time.Millisecond, RetryMost: 50 * time.Millisecond}, false, newPeer(t))
	w.by(zone.Notify{TLS: true, Port: s.port})
	w.enable(t)
	if a := w.waitAnswer(t); a.Outcome == notify.Accepted { // it hangs up in the handshake, or right behind it
		t.Errorf("%+v", a)
	}
	s.mute.Store(false)
	for w.waitAnswer(t).Outcome != notify.Accepted {
		continue
	}
	if n := s.conns.Load(); n > 1000 {
		t.Errorf("%d connections", n)
	}
}
