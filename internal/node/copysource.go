package node

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/headwaterdns/headwater/internal/client"
	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/courier"
	"github.com/headwaterdns/headwater/internal/dns/reach"
)

// copySource is a client of where a zone is copied from. Who may name its address was decided; where that leads on to was
// not, so redirects are answers like any other.
func (n *Node) copySource(c *api.ZoneCopy) *client.Client {
	from := client.New(c.From, c.Token)
	from.HTTP.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if !c.Trusted {
		from.HTTP.Transport = n.guarded(c.From)
	}
	return from
}

// dialTimeout bounds how long a source may take to accept a connection.
const dialTimeout = 30 * time.Second

// guarded is a transport to a source that the operator has listed: wherever the source's name leads, it is not to a network
// that tenants may not name. An address that is listed as such is the operator's own word, and where a proxy of the
// environment makes the connections they are its to refuse.
func (n *Node) guarded(source string) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	u, err := url.Parse(source)
	if err == nil {
		if _, err := netip.ParseAddr(u.Hostname()); err == nil {
			return t
		}
		if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err == nil && proxy != nil {
			return t
		}
	}
	t.Proxy = nil
	t.DialContext = (&net.Dialer{Timeout: dialTimeout, Control: n.reach.Control}).DialContext
	return t
}

var errSource = errors.New("it cannot be reached, or is no server with this API")

// untold takes away what an error of the first question to a source tells of who else may be listening there: whether a port
// is closed, filtered, or another service's. What an API says itself stays.
func untold(err error) error {
	if refused, ok := errors.AsType[*client.Error](err); ok && len(refused.Errors) > 0 || errors.Is(err, client.ErrNoZone) {
		return err
	}
	return errSource
}

// beyondReach are networks that nobody but this server reaches: a webhook that leads there is somebody's way in.
func beyondReach() []string {
	return append(reach.Default(),
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "224.0.0.0/3", // 224/4 and 240/4
		"fc00::/7", "fec0::/10", "ff00::/8")
}

var errWebhookCA = errors.New("no certificate in it")

// courier is how messages leave this server.
func (c *Config) courier(version string) (out courier.Config, err error) {
	rule, err := reach.Parse(beyondReach(), nil)
	if err != nil {
		return out, err
	}
	allowed, err := networks(c.WebhookNetworks, "networks of webhooks")
	if err != nil {
		return out, err
	}
	out.Agent = "headwater/" + version
	out.Control = func(network, address string, raw syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err == nil && slices.ContainsFunc(allowed, func(p netip.Prefix) bool { return p.Contains(to.Addr().Unmap()) }) {
			return nil
		}
		if rule.Control(network, address, raw) != nil {
			return courier.ErrForbidden
		}
		return nil
	}
	if c.WebhookCA != "" {
		pem, err := os.ReadFile(c.WebhookCA)
		if err != nil {
			return out, fmt.Errorf("--webhook-ca: %w", err)
		}
		if out.Roots, err = x509.SystemCertPool(); err != nil {
			out.Roots = x509.NewCertPool()
		}
		if !out.Roots.AppendCertsFromPEM(pem) {
			return out, fmt.Errorf("--webhook-ca: %s: %w", c.WebhookCA, errWebhookCA)
		}
	}
	out.SMTP = courier.SMTP{Server: c.SMTPServer, From: c.SMTPFrom, User: c.SMTPUser, Password: c.smtpPassword, TLS: c.SMTPTLS}
	return out, out.SMTP.Check()
}
