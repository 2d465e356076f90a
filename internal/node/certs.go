package node

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/secretkey"
)

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
