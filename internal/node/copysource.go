package node

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/headwaterdns/headwater/internal/client"
	"github.com/headwaterdns/headwater/internal/control/api"
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
