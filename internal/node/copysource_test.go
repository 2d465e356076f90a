package node

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/headwaterdns/headwater/internal/client"
	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/dns/reach"
)

// TestCopySourcesLeadNowhereElse has the name of a listed source lead to this machine when it is dialled, and a listed source
// redirect there: nothing is sent to it, and what is told does not tell whether something listens.
func TestCopySourcesLeadNowhereElse(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { reached.Add(1); w.WriteHeader(http.StatusTeapot) }))
	defer inside.Close()
	_, open, err := net.SplitHostPort(inside.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, closed, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	rule, err := reach.Parse(reach.Default(), nil)
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{reach: rule}
	first := func(source string, trusted bool) error {
		from := n.copySource(&api.ZoneCopy{From: source, Trusted: trusted})
		defer from.HTTP.CloseIdleConnections()
		_, err := from.Zone(context.WithoutCancel(t.Context()), "example.com")
		return err
	}
	// By name: forbidden, and what is told of an open port, of a closed one and of a name without address is one.
	for _, source := range []string{"http://localhost:" + open, "http://localhost:" + closed, "http://nowhere.invalid"} {
		err := first(source, false)
		if err == nil || untold(err).Error() != errSource.Error() {
			t.Errorf("%s: told %v", source, untold(err))
		}
		if refused := errors.Is(err, reach.ErrForbidden); refused != (source != "http://nowhere.invalid") {
			t.Errorf("%s: %v", source, err)
		}
	}
	if reached.Load() != 0 {
		t.Fatal("a name led to this machine")
	}
	// An address that is listed is the operator's word; what answers there and is no API is not told of either.
	if err := first(inside.URL, false); untold(err).Error() != errSource.Error() || reached.Load() == 0 {
		t.Errorf("%v, reached %d times", err, reached.Load())
	}
	if err := first("http://localhost:"+open, true); err == nil || reached.Load() < 2 {
		t.Errorf("an administrator of the server: %v", err)
	}
	before := reached.Load()
	elsewhere := httptest.NewServer(http.RedirectHandler(inside.URL, http.StatusFound))
	defer elsewhere.Close()
	for _, trusted := range []bool{false, true} {
		if err := first(elsewhere.URL, trusted); err == nil || reached.Load() != before {
			t.Errorf("a redirect was followed: %v", err)
		}
	}
	// What an API says is told.
	said := &client.Error{Status: 403, Errors: []client.Message{{Code: 9109, Message: "no"}}}
	if err := untold(said); !errors.Is(err, said) {
		t.Errorf("%v", err)
	}
	if u, err := url.Parse(elsewhere.URL); err != nil || u.Hostname() != "127.0.0.1" {
		t.Error("the sources of this test are not where it thinks")
	}
}
