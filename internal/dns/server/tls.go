package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/trust"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// paddingBlock is what servers pad to (RFC 8467 section 4.1).
const paddingBlock = 468

var errNoCertificate = errors.New("TLS needs a certificate")

// listenTLS binds the addresses for TLS.
func (s *Server) listenTLS() error {
	if len(s.cfg.TLS) == 0 {
		return nil
	}
	if s.cfg.Certificate == nil {
		return errNoCertificate
	}
	cfg := s.tlsConfig()
	for _, a := range s.cfg.TLS {
		e, err := parseEndpoint(a, false)
		if err != nil {
			return err
		}
		l, err := s.listenTCP(e, TLS)
		if err != nil {
			s.Close()
			return fmt.Errorf("listen on %s, tls: %w", e.addrPort(), err)
		}
		l.tls = cfg
		s.listeners = append(s.listeners, l)
		s.addrs.TLS = append(s.addrs.TLS, addrOf(l.Addr()))
	}
	return nil
}

// tlsConfig is the same for all addresses, so that what a client resumes at one of them it may resume at another. A client
// that asks for protocols of which "dot" is none fails; one that asks for none is served, but gets no transfers. Sessions are
// resumed by tickets under keys that change by themselves; package tls takes no early data over TCP.
func (s *Server) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS13, // RFC 9103 section 7.1
		NextProtos:     []string{trust.ALPN},
		GetCertificate: s.cfg.Certificate,
		// Whoever has a certificate shows it; which peers must, and by whom it has to be signed, is for xfr to say.
		ClientAuth: tls.RequestClientCert,
		// Whole records of 16 KiB from the first on: a transfer is no page whose head a browser waits for.
		DynamicRecordSizingDisabled: true,
	}
}

// handshake puts TLS under the connection. It has the time of a request.
func (c *conn) handshake() bool {
	nc := tls.Server(c.nc, c.l.tls)
	err := c.nc.SetDeadline(time.Now().Add(c.s.cfg.TCP.Read))
	if c.s.tcp.stopping() {
		return false
	}
	if err == nil {
		err = nc.Handshake() //nolint:noctx // the deadline ends it, and so does the end of the server, which closes the connection
	}
	if err != nil {
		c.s.tlsFailed.Add(1)
		c.s.cfg.Handshake(c.source, clipped{err})
		return false
	}
	if err := c.nc.SetDeadline(time.Time{}); err != nil {
		return false
	}
	st := nc.ConnectionState()
	c.nc = nc
	c.tls = &wire.TLS{Version: st.Version, ALPN: st.NegotiatedProtocol == trust.ALPN, Resumed: st.DidResume}
	c.tls.Client, c.tls.ClientKey, c.tls.ClientName = trust.Shown(&st, c.s.cfg.Now)
	return true
}

// clipped is an error with fewer words: a client may put many of its own into a handshake.
type clipped struct{ error }

func (c clipped) Error() string { return clip(c.error.Error()) }

func (c clipped) Unwrap() error { return c.error }

// close tells the client that nothing follows, so that it can tell an end from a connection that was cut.
func (c *conn) close() { _ = c.nc.Close() }
