package node

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/secretkey"
)

var errConnect = errors.New("--connect-name wants the host's name alone, without scheme and port, and a certificate for it: --connect-cert and --connect-key, or those of HTTPS")

// checkConnect says whether what is set for CONNECT goes together.
func (c *Config) checkConnect() error {
	name, err := wire.ParseName(c.ConnectName)
	switch {
	case (c.ConnectCert == "") != (c.ConnectKey == ""), c.ConnectName == "" && c.ConnectCert != "":
		return errConnect
	case c.ConnectName == "":
		return nil
	case err != nil || name.Host() != strings.ToLower(c.ConnectName), c.ConnectCert == "" && c.TLSCert == "":
		return errConnect
	}
	return nil
}

// certFile is a certificate and its key in files, read again when one of them changes.
type certFile struct {
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex
	stamps [2]time.Time // of the files, when they were last read
	have   *tls.Certificate
}

// get gives the certificate for a handshake. What cannot be read, such as a file that is half written, is told and leaves the
// one before in place.
func (c *certFile) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if stamps := c.stat(); stamps != c.stamps {
		c.stamps = stamps
		if err := c.read(); err != nil {
			c.log.Error("the certificate cannot be read: the one before stays", "error", err)
		}
	}
	return c.have, nil
}

// ownCertificate is what peers are shown that are told by TLS and ask who we are: the one that they know us by.
func (n *Node) ownCertificate() *tls.Certificate {
	if n.dnsCerts == nil {
		return nil
	}
	have, _ := n.dnsCerts.get(nil) // its error is told
	return have
}

// load reads the files now.
func (c *certFile) load() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stamps = c.stat()
	return c.read()
}

func (c *certFile) stat() (out [2]time.Time) {
	for i, name := range []string{c.cert, c.key} {
		if st, err := os.Stat(name); err == nil {
			out[i] = st.ModTime()
		}
	}
	return out
}

func (c *certFile) read() error {
	if err := secretkey.Private(c.key); err != nil {
		return fmt.Errorf("TLS key: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("TLS certificate: %w", err)
	}
	c.have = &pair
	return nil
}
