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
	locked := zone.Access{Enabled: true, Peers: []zone.Peer{keyed}, ACL: acl, Key: key, Keys: []*tsig.Key{key, other}}
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
