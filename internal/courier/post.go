package courier

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Config makes a Courier.
type Config struct {
	// Control is a net.Dialer's, of connections to webhooks: an error of it refuses an address. Nil: none is refused.
	Control func(network, address string, c syscall.RawConn) error
	Roots   *x509.CertPool // that certificates of webhooks are held against; nil: the system's
	Agent   string         // User-Agent
	SMTP    SMTP
	Clock   func() time.Time // nil: time.Now
}

// Courier carries messages. It is safe for many callers.
type Courier struct {
	cfg    Config
	client *http.Client
}

// What of an answer is read, and how long connections may take to come about.
const (
	answerMost  = 4 << 10
	dialTime    = 5 * time.Second
	secretMark  = "whsec_"
	secretBytes = 32
)

// New returns a Courier.
func New(cfg Config) *Courier {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	dial := &net.Dialer{Timeout: dialTime, Control: cfg.Control}
	return &Courier{cfg: cfg, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{ // without a proxy: it would dial where we do not
			DialContext: dial.DialContext, TLSHandshakeTimeout: dialTime, DisableKeepAlives: true, MaxResponseHeaderBytes: 16 << 10,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.Roots},
		},
	}}
}

// NewSecret makes a secret for a webhook up.
func NewSecret() string {
	var b [secretBytes]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return secretMark + base64.StdEncoding.EncodeToString(b[:])
}

// ErrURL is what is no address of a webhook.
var ErrURL = errors.New("a webhook is an https URL with a host, and without a user or a fragment")

// CheckURL says whether messages could go to a URL, as far as that can be told without looking its host up.
func CheckURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(s) > 2048 || u.Opaque != "" {
		return ErrURL
	}
	return nil
}

// Sign is the signature of a message (Standard Webhooks, "Verifying signatures"): of its id, the time and its body.
func Sign(secret, id string, at time.Time, body []byte) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretMark))
	if err != nil {
		key = []byte(secret)
	}
	m := hmac.New(sha256.New, key)
	_, _ = m.Write(append([]byte(id+"."+strconv.FormatInt(at.Unix(), 10)+"."), body...)) // never fails
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// Post sends a message of JSON, and returns the status of the answer, 0 where there was none. An error: it was not taken, or nobody
// knows. The same message sent again has the same id.
func (c *Courier) Post(ctx context.Context, to, secret, id string, body []byte) (status int, err error) {
	if err := CheckURL(to); err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return 0, ErrURL
	}
	now := c.cfg.Clock()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", c.cfg.Agent)
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	r.Header.Set("Webhook-Signature", Sign(secret, id, now, body))
	answer, err := c.client.Do(r)
	if err != nil {
		return 0, inWords(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 200 { // behind 101 is no body but the connection itself, which ctx does not end
		_, _ = io.CopyN(io.Discard, answer.Body, answerMost) // what it says besides is nobody's matter
	}
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		return code, nil
	case code >= 300 && code < 400:
		return code, fmt.Errorf("it answers %d: redirects are not followed", code)
	default:
		return code, fmt.Errorf("it answers %d", code)
	}
}

// Why a message was not taken. The words hold no addresses: who names a webhook must not learn by it what listens where.
var (
	errForbidden = errors.New("this server sends nothing to that address")
	errSilent    = errors.New("no answer in time")
	errNoName    = errors.New("its name has no address")
	errTLS       = errors.New("its certificate is not one that this server trusts, or TLS fails")
	errNobody    = errors.New("no connection, or it ends without an answer")
)

// ErrForbidden is an address that the rule refuses: Control's error wraps it.
var ErrForbidden = errForbidden

func inWords(err error) error {
	var name *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, errForbidden):
		return errForbidden
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return errSilent
	case errors.As(err, &cert), errors.As(err, &record):
		return errTLS
	case errors.As(err, &name) && !name.IsTimeout:
		return errNoName
	}
	if slow, ok := errors.AsType[net.Error](err); ok && slow.Timeout() {
		return errSilent
	}
	return errNobody
}
