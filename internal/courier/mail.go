package courier

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"
)

// SMTP is how mail leaves. Server empty: it does not.
type SMTP struct {
	Server         string // host and port
	From           string
	User, Password string // empty: without
	// TLS is "starttls" (must be had), "tls" (from the beginning) or "none".
	TLS string
}

// mailTime bounds what a server takes.
const mailTime = 10 * time.Second

// ErrNoMail is that no mail leaves from here.
var ErrNoMail = errors.New("this server sends no mail")

// Mails says whether mail leaves from here.
func (c *Courier) Mails() bool { return c.cfg.SMTP.Server != "" }

// Check says whether mail can leave so, as far as that can be told without trying.
func (s *SMTP) Check() error {
	if s.Server == "" {
		return nil
	}
	if _, err := s.client(nil); err != nil {
		return err
	}
	if err := mail.NewMsg().From(s.From); err != nil {
		return fmt.Errorf("the address that mail comes from: %w", err)
	}
	return nil
}

func (s *SMTP) client(tlsConfig *tls.Config) (*mail.Client, error) {
	host, port, err := net.SplitHostPort(s.Server)
	if err != nil {
		return nil, fmt.Errorf("mail server %q: want host:port", s.Server)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("mail server %q: want host:port", s.Server)
	}
	options := []mail.Option{mail.WithPort(n), mail.WithTimeout(mailTime)}
	if tlsConfig != nil {
		tlsConfig.ServerName = host
		options = append(options, mail.WithTLSConfig(tlsConfig))
	}
	switch s.TLS {
	case "", "starttls":
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	case "tls":
		options = append(options, mail.WithSSL())
	case "none":
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		return nil, fmt.Errorf("TLS of mail %q: want starttls, tls or none", s.TLS)
	}
	if s.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.User), mail.WithPassword(s.Password))
	}
	return mail.NewClient(host, options...)
}

// Mail sends a text. An error: it was not taken. The same message sent again has the same id.
func (c *Courier) Mail(ctx context.Context, to, subject, text, id string) error {
	if !c.Mails() {
		return ErrNoMail
	}
	m := mail.NewMsg()
	if err := m.From(c.cfg.SMTP.From); err != nil {
		return fmt.Errorf("from: %w", err)
	}
	if err := m.To(to); err != nil {
		return fmt.Errorf("to: %w", err)
	}
	m.Subject(subject)
	m.SetMessageIDWithValue(id + "@headwater")
	m.SetDateWithValue(c.cfg.Clock())
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody is to answer
	m.SetBodyString(mail.TypeTextPlain, text)
	client, err := c.cfg.SMTP.client(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.cfg.Roots})
	if err != nil {
		return err
	}
	if err := client.DialAndSendWithContext(ctx, m); err != nil {
		return fmt.Errorf("the mail server: %w", err)
	}
	return nil
}
