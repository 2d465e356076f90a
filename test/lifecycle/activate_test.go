package lifecycle

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
)

// systemd's own program opens the sockets and starts ours with the first query, which is answered; the sockets are ours from then on, by
// their names, and go over to the next process. The program opens datagrams or streams, not both, and passes on what it was given: so
// there are two, one inside the other.
func TestSocketActivate(t *testing.T) {
	t.Parallel()
	activate, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		t.Fatal("systemd-socket-activate is missing: install Debian package systemd")
	}
	bin, err := node.Binary()
	must(t, err)
	dir := t.TempDir()
	n, err := node.Start(dir)
	must(t, err)
	t.Cleanup(n.Kill)
	n.Call(t, http.MethodPost, "/zones", `{"name":"example.com"}`, nil)
	must(t, n.Stop())

	var at [2]netip.AddrPort
	for i := range at {
		at[i], err = testkit.FreePort(netip.MustParseAddr("127.0.0.1"))
		must(t, err)
	}
	dns, web := at[0], at[1]
	// Both put nothing into the environment of the next but what they are told, and what LISTEN_FDS has.
	under := file(t, "under", fmt.Sprintf("#!/bin/sh\nexec %s -d -l %s %[1]s -l %[2]s -l %s --fdname dns:dns:http %s \"$@\"\n", activate, dns, web, bin), 0o755)
	type start struct {
		n   *node.Node
		err error
	}
	started := make(chan start, 1)
	go func() { // the addresses are nobody's: they must not be bound
		n, err := node.StartAs(under, nil, dir, "--dns-listen", "192.0.2.1:53", "--http-listen", "192.0.2.1:80")
		started <- start{n, err}
	}()
	// A query that comes before the socket is refused; the first that is not wakes the program, and waits for it.
	until(t, "the first query to be answered", func() bool {
		err := asked(t, dns, "example.com")()
		if err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("the query that woke it: %v", err)
		}
		return err == nil
	})
	got := <-started
	must(t, got.err)
	n = got.n
	t.Cleanup(n.Kill)
	if n.DNS != dns || n.HTTP != "http://"+web.String() {
		t.Errorf("DNS at %s, HTTP at %s; not %s and %s", n.DNS, n.HTTP, dns, web)
	}
	if said := n.Log().String(); !strings.Contains(said, "Communication attempt on fd") {
		t.Errorf("it was not woken: %s", said)
	}
	old, end := n.Pid(), askAllTheWhile(t, n)
	must(t, n.HandOver(t.Context()))
	must(t, node.Gone(t.Context(), old))
	end()
	askSerial(t, n)
	n.Call(t, http.MethodGet, "/zones", nil, nil)
	must(t, n.Stop())
}
