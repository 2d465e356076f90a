package refusals

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/test/node"
)

// TestPathsAreNotRedirected sends request lines over a socket to a whole node: what is not a plain path of the API is
// refused, and a zone survives what would lead to it if somebody resolved it.
func TestPathsAreNotRedirected(t *testing.T) {
	t.Parallel()
	n := node.Must(t)
	var z struct{ ID string }
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": "paths.example"}, &z)
	zone := "/client/v4/zones/" + z.ID
	for _, target := range []string{
		zone + "/dns_records/%2e%2e", zone + "/dns_records/..", zone + "%2F", zone + "/.", "/client/v4/zones//" + z.ID, "//client/v4/zones/" + z.ID,
		"/x/.." + zone, "/client/v4/../v4/zones/" + z.ID, zone + `\`, zone + "%00", "/client/v4", "/headwater/v1",
	} {
		res, err := raw(n, http.MethodDelete, target)
		if err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		if res.StatusCode < 400 || res.StatusCode >= 500 || res.Header.Get("Location") != "" {
			t.Errorf("DELETE %s: %s, Location %q", target, res.Status, res.Header.Get("Location"))
		}
	}
	n.Call(t, http.MethodGet, "/zones/"+z.ID, nil, &z)
	res, err := raw(n, http.MethodDelete, zone+"/")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("a slash at the end is not like none: %v %v", res, err)
	}
}

// raw sends a request line as it is given, which http.Client would not.
func raw(n *node.Node, method, target string) (*http.Response, error) {
	c, err := net.DialTimeout("tcp", strings.TrimPrefix(n.HTTP, "http://"), 10*time.Second)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: headwater\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", method, target, node.Token); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil, err
	}
	return res, res.Body.Close()
}
