package reach_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/reach"
)

func TestRule(t *testing.T) {
	t.Parallel()
	const public = "192.0.2.53"
	for _, tt := range []struct {
		words     []string
		listen    string
		forbidden []string
		allowed   []string
	}{
		{
			reach.Default(), public,
			[]string{
				"127.0.0.1", "127.255.0.9", "0.0.0.0", "0.1.2.3", "::1", "::", "169.254.1.1", "169.254.169.254", "fe80::1", "fe80::1%eth0",
				"fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16",
				"::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1",
				"2002:7f00:1::1", "2002:a9fe:a9fe::",
			},
			[]string{public, "198.51.100.1", "10.0.0.1", "192.168.1.1", "2001:db8::1", "fd00::1", "fd00:ec2::1", "64:ff9b::c000:235", "2002:c000:235::1", "128.0.0.1"},
		},
		{
			reach.Default(), "127.0.0.1",
			[]string{"169.254.1.1", "169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "fe80::1"},
			[]string{"127.0.0.2", "::1", "192.0.2.1"},
		},
		{reach.Default(), "::1", []string{"fe80::1"}, []string{"127.0.0.2", "::1"}},
		{reach.Default(), "0.0.0.0", []string{"127.0.0.2", "::1"}, []string{"192.0.2.1"}},
		{reach.Default(), "fe80::53", []string{"127.0.0.2", "169.254.169.254", "fd00:ec2::254"}, []string{"fe80::1", "169.254.1.1"}},
		{
			[]string{"10.0.0.0/8", "fd00::/8", "127.0.0.0/8", "192.0.2.7"},
			"127.0.0.1",
			[]string{"10.1.2.3", "fd12::1", "127.0.0.1", "192.0.2.7", "::ffff:10.1.2.3"},
			[]string{"192.0.2.8", "::1", "169.254.169.254"},
		},
		{[]string{"::ffff:10.0.0.0/104", "10.9.9.9/16"}, public, []string{"10.1.2.3"}, []string{"11.0.0.1"}},
		{[]string{"none"}, public, nil, []string{"127.0.0.1", "169.254.169.254", "::1"}},
	} {
		r, err := reach.Parse(tt.words, []netip.Addr{netip.MustParseAddr(tt.listen)})
		if err != nil {
			t.Error(err)
			continue
		}
		for _, a := range tt.forbidden {
			if r.Allows(netip.MustParseAddr(a)) {
				t.Errorf("%v, listening at %s: %s is allowed", tt.words, tt.listen, a)
			}
		}
		for _, a := range tt.allowed {
			if !r.Allows(netip.MustParseAddr(a)) {
				t.Errorf("%v, listening at %s: %s is forbidden", tt.words, tt.listen, a)
			}
		}
	}
	for _, tt := range []struct {
		words  []string
		listen string
		tells  map[string]bool
	}{
		{reach.Default(), public, map[string]bool{"192.0.2.1": true, "10.0.0.1": false, "127.0.0.1": false, "fd00::1": false, "fe80::1": false, "64:ff9b::a00:1": false}},
		{reach.Default(), "127.0.0.1", map[string]bool{"127.0.0.2": true, "10.0.0.1": false, "169.254.169.254": false}},
		{[]string{"192.0.2.0/24"}, public, map[string]bool{"192.0.2.1": false, "198.51.100.1": true, "127.0.0.1": false}},
		{[]string{"none"}, public, map[string]bool{"10.0.0.1": true, "127.0.0.1": true}},
	} {
		r, err := reach.Parse(tt.words, []netip.Addr{netip.MustParseAddr(tt.listen)})
		if err != nil {
			t.Error(err)
			continue
		}
		for a, want := range tt.tells {
			if r.Tells(netip.MustParseAddr(a)) != want {
				t.Errorf("%v, listening at %s: of %s it is told: %v", tt.words, tt.listen, a, !want)
			}
		}
	}
	for _, bad := range []string{"everything", "10.0.0.0/33", "fe80::1%eth0", "localhost"} {
		if _, err := reach.Parse([]string{bad}, nil); err == nil {
			t.Errorf("%s is taken for a network", bad)
		}
	}
	var none *reach.Rule
	if !none.Allows(netip.MustParseAddr("127.0.0.1")) {
		t.Error("no rule forbids something")
	}
}

// TestControl dials a name that leads to a forbidden address: what counts is the address that is dialled.
func TestControl(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dial := func(words ...string) error {
		r, err := reach.Parse(words, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err := (&net.Dialer{Control: r.Control}).DialContext(t.Context(), "tcp", net.JoinHostPort("localhost", port))
		if err == nil {
			return c.Close()
		}
		return err
	}
	if err := dial(reach.Loopback); !errors.Is(err, reach.ErrForbidden) {
		t.Errorf("%v", err)
	}
	if err := dial(reach.LinkLocal); err != nil {
		t.Errorf("%v", err)
	}
}
