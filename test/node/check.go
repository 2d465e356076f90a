package node

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/headwaterdns/headwater/test/apicheck"
)

// Check holds what the node is asked from now on through Do and Call against the documents of the API. Must does it; a node
// that Start made has to be told which test to fail.
func (n *Node) Check(report apicheck.Reporter) {
	n.client = &http.Client{Transport: apicheck.New(report).Transport(nil)}
}

// Front puts a proxy before the node that holds every exchange against the documents, for clients that are programs of
// their own. It ends with the test; its base URL is returned. A seen that is not nil hears of each request first.
func (n *Node) Front(tb testing.TB, seen func(*http.Request)) string {
	tb.Helper()
	h, err := n.front(tb, seen)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(h.Close)
	return h.URL
}

func (n *Node) front(report apicheck.Reporter, seen func(*http.Request)) (*httptest.Server, error) {
	target, err := url.Parse(n.HTTP)
	if err != nil {
		return nil, err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: apicheck.New(report).Transport(nil),
	}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen != nil {
			seen(r)
		}
		proxy.ServeHTTP(w, r)
	})), nil
}
