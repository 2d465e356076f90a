package xfr_test

import (
	"net/netip"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

func TestAllow(t *testing.T) {
	t.Parallel()
	other, _ := tsig.NewKey("other", "hmac-sha256", "b3RoZXI=", false)
	peer := zone.Peer{ID: "p", Addr: netip.MustParseAddrPort("192.0.2.1:53")}
	keyed := peer
	keyed.Key = key
	acl := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8::/64")}
	open := zone.Access{Enabled: true, Peers: []zone.Peer{peer}, ACL: acl}
	locked := zone.Access{Enabled: true, Peers: []zone.Peer{keyed}, ACL: acl, Keys: []*tsig.Key{key, other}}
	tests := []struct {
		name   string
		access zone.Access
		from   string
		key    *tsig.Key
		ok     bool
	}{
		{"linked peer", open, "192.0.2.1", nil, true},
		{"linked peer, mapped", open, "::ffff:192.0.2.1", nil, true},
		{"ACL", open, "198.51.100.77", nil, true},
		{"ACL, mapped", open, "::ffff:198.51.100.77", nil, true},
		{"ACL of IPv6", open, "2001:db8::9", nil, true},
		{"stranger", open, "192.0.2.2", nil, false},
		{"signed though not asked to", open, "192.0.2.1", key, true},
		{"switched off", zone.Access{Peers: []zone.Peer{peer}}, "192.0.2.1", nil, false},
		{"right key", locked, "192.0.2.1", key, true},
		{"no key", locked, "192.0.2.1", nil, false},
		{"another key of the account", locked, "192.0.2.1", other, false},
		{"ACL without the key", locked, "198.51.100.1", nil, false},
		{"ACL with the key", locked, "198.51.100.1", key, true},
		{"stranger with the key", locked, "203.0.113.1", key, false},
	}
	for _, tt := range tests {
		d := xfr.Allow(&tt.access, netip.MustParseAddr(tt.from), tt.key, nil)
		if (d.Rcode == wire.RcodeNoError) != tt.ok || tt.ok != (d.Cause == "") {
			t.Errorf("%s: %+v", tt.name, d)
		}
	}
}

// A peer that is held to TLS does not come in clear, by whatever else would let its address in; nor by TLS without its key.
func TestAllowTransport(t *testing.T) {
	t.Parallel()
	at := netip.MustParseAddrPort("192.0.2.1:53")
	held := zone.Peer{ID: "held", Addr: at, TLS: true}
	pinned := zone.Peer{ID: "pinned", Addr: at, TLS: true, ClientKeys: "old new"}
	lenient := zone.Peer{ID: "lenient", Addr: at}
	elsewhere := zone.Peer{ID: "elsewhere", Addr: netip.MustParseAddrPort("192.0.2.2:53"), TLS: true}
	all := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	clear, bare, old, other := (*wire.TLS)(nil), &wire.TLS{ALPN: true}, &wire.TLS{ALPN: true, ClientKey: "old"}, &wire.TLS{ALPN: true, ClientKey: "ol"}
	for _, tt := range []struct {
		name  string
		peers []zone.Peer
		acl   []netip.Prefix
		from  string
		under *wire.TLS
		want  xfr.Cause
	}{
		{"held, in clear", []zone.Peer{held}, nil, "192.0.2.1", clear, xfr.CauseClear},
		{"held, in clear, mapped", []zone.Peer{held}, nil, "::ffff:192.0.2.1", clear, xfr.CauseClear},
		{"held, in clear, in an ACL", []zone.Peer{held}, all, "192.0.2.1", clear, xfr.CauseClear},
		{"held, by TLS", []zone.Peer{held}, nil, "192.0.2.1", bare, ""},
		{"held, another's address in an ACL", []zone.Peer{held, elsewhere}, all, "192.0.2.3", clear, ""},
		{"pinned, in clear", []zone.Peer{pinned}, all, "192.0.2.1", clear, xfr.CauseClear},
		{"pinned, without a certificate", []zone.Peer{pinned}, all, "192.0.2.1", bare, xfr.CauseClient},
		{"pinned, with another", []zone.Peer{pinned}, all, "192.0.2.1", other, xfr.CauseClient},
		{"pinned, with its own", []zone.Peer{pinned}, nil, "192.0.2.1", old, ""},
		{"pinned and held", []zone.Peer{pinned, held}, nil, "192.0.2.1", bare, ""},
		{"held and lenient", []zone.Peer{held, lenient}, nil, "192.0.2.1", clear, ""},
		{"lenient, by TLS", []zone.Peer{lenient}, nil, "192.0.2.1", bare, ""},
		{"stranger by TLS", []zone.Peer{held}, nil, "192.0.2.9", old, xfr.CauseAddress},
	} {
		a := zone.Access{Enabled: true, Peers: tt.peers, ACL: tt.acl}
		if d := xfr.Allow(&a, netip.MustParseAddr(tt.from), nil, tt.under); d.Cause != tt.want || (d.Rcode == wire.RcodeNoError) != (tt.want == "") {
			t.Errorf("%s: %+v", tt.name, d)
		}
	}
}

// Who asks is certain where one peer alone answers at an address, or none but one has the key.
func TestWhoAsks(t *testing.T) {
	t.Parallel()
	other, _ := tsig.NewKey("other", "hmac-sha256", "b3RoZXI=", false)
	at := netip.MustParseAddrPort("192.0.2.1:53")
	peers := map[string]zone.Peer{
		"a": {ID: "a", Addr: at, Key: key}, "b": {ID: "b", Addr: netip.AddrPortFrom(at.Addr(), 54), Key: key},
		"c": {ID: "c", Addr: netip.MustParseAddrPort("192.0.2.3:53"), Key: key}, "d": {ID: "d", Addr: netip.MustParseAddrPort("192.0.2.3:54"), Key: other},
		"e": {ID: "e", Addr: netip.MustParseAddrPort("[::ffff:192.0.2.5]:53"), Key: key}, "none": {ID: "none", Key: key},
	}
	db := zone.NewDB(0)
	db.SetAccount(&zone.Account{ID: "acc", Keys: []*tsig.Key{key, other}, Peers: peers})
	v, err := zone.Build(apex, []rr.Set{soa(1)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		links []string
		from  string
		key   *tsig.Key
		peer  string
		oneOf int
	}{
		{[]string{"a", "b", "c"}, "192.0.2.1", key, "", 2},
		{[]string{"a", "c"}, "192.0.2.1", key, "", 1}, // b is not linked, but asks from there
		{[]string{"a", "c"}, "192.0.2.3", key, "c", 0},
		{[]string{"a", "c"}, "192.0.2.3", nil, "", 1},
		{[]string{"e"}, "192.0.2.5", nil, "e", 0},
		{[]string{"e"}, "::ffff:192.0.2.5", key, "e", 0},
		{[]string{"e", "none"}, "192.0.2.9", key, "", 0},
	} {
		a := db.Reset("z", "acc", 1, v, v, zone.Links{Enabled: true, Peers: tt.links}, nil).Access()
		c := xfr.Allow(&a, netip.MustParseAddr(tt.from), tt.key, nil).Client
		if c.Peer.ID != tt.peer || len(c.OneOf) != tt.oneOf {
			t.Errorf("%v from %s: %+v", tt.links, tt.from, c)
		}
	}
}

// Each link opens with its own peer's key, and with the one that follows it; who signs tells which of several behind one
// address it is, and whose rule let it in.
func TestAllowEach(t *testing.T) {
	t.Parallel()
	secret := func(name string) *tsig.Key {
		k, err := tsig.NewKey(name, "hmac-sha256", "c2VjcmV0c2VjcmV0c2VjcmV0", false)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	k1, k2, k3, next, foreign := secret("k1"), secret("k2"), secret("k3"), secret("next"), secret("foreign")
	fake := *k1
	fake.Secret = []byte("another secret of that name")
	at := func(port uint16) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port) }
	db := zone.NewDB(0)
	db.SetAccount(&zone.Account{
		ID: "acc", Keys: []*tsig.Key{k1, k2, k3, next, foreign}, ACL: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
		Peers: map[string]zone.Peer{
			"a": {ID: "a", Addr: at(1), Key: k1}, "b": {ID: "b", Addr: at(2), Key: k2}, "c": {ID: "c", Addr: at(3), Key: k3, Next: next},
			"alone": {ID: "alone", Addr: netip.MustParseAddrPort("192.0.2.2:53"), Key: k1, Next: next},
			"open":  {ID: "open", Addr: netip.MustParseAddrPort("192.0.2.3:53")},
			"tls":   {ID: "tls", Addr: at(4), Key: foreign, TLS: true},
		},
	})
	v, err := zone.Build(apex, []rr.Set{soa(1)})
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"a", "b", "c"}
	for _, tt := range []struct {
		links []string
		from  string
		key   *tsig.Key
		cause xfr.Cause
		by    string // peer whose rule decides
		who   string // peer that it is for certain
	}{
		{all, "192.0.2.1", k1, "", "a", "a"},
		{all, "192.0.2.1", k2, "", "b", "b"},
		{all, "192.0.2.1", k3, "", "c", "c"},
		{all, "192.0.2.1", next, "", "c", "c"},
		{all, "192.0.2.1", nil, xfr.CauseUnsigned, "c", ""},
		{all, "192.0.2.1", foreign, xfr.CauseOtherKey, "c", ""},
		{all, "192.0.2.1", &fake, xfr.CauseOtherKey, "c", ""},
		{[]string{"a", "alone"}, "192.0.2.2", k1, "", "alone", "alone"},
		{[]string{"a", "alone"}, "192.0.2.2", next, "", "alone", "alone"},
		{[]string{"b", "alone"}, "192.0.2.2", k2, xfr.CauseOtherKey, "alone", "alone"}, // another link's
		{[]string{"a", "alone"}, "192.0.2.1", next, xfr.CauseOtherKey, "a", ""},
		{[]string{"a", "open"}, "192.0.2.3", nil, "", "open", "open"},
		{[]string{"a", "open"}, "192.0.2.1", nil, xfr.CauseUnsigned, "a", ""},
		{[]string{"tls", "b"}, "192.0.2.1", k2, "", "b", "b"},
		{[]string{"b", "tls"}, "192.0.2.1", k1, xfr.CauseOtherKey, "b", ""}, // it came furthest with b
		{[]string{"tls"}, "192.0.2.1", foreign, xfr.CauseClear, "tls", "tls"},
		{[]string{"a", "open"}, "198.51.100.1", nil, xfr.CauseUnsigned, "", ""},
		{[]string{"a", "open"}, "198.51.100.1", k1, "", "", ""},
		{[]string{"a", "open"}, "198.51.100.1", k2, xfr.CauseOtherKey, "", ""},
		{[]string{"alone"}, "198.51.100.1", next, "", "", ""},
		{[]string{"open"}, "198.51.100.1", nil, "", "", ""},
	} {
		a := db.Reset("z", "acc", 1, v, v, zone.Links{Enabled: true, Peers: tt.links}, nil).Access()
		d := xfr.Allow(&a, netip.MustParseAddr(tt.from), tt.key, nil)
		if d.Cause != tt.cause || d.By.Peer.ID != tt.by || d.Client.Peer.ID != tt.who || d.By.Range.IsValid() != (tt.from == "198.51.100.1") {
			t.Errorf("%v from %s with %s: %q by %q, %+v", tt.links, tt.from, tt.key, d.Cause, d.By.Peer.ID, d.Client)
		}
	}
}
