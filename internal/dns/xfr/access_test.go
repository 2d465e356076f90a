package xfr_test

import (
	"net/netip"
	"testing"

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
		d := xfr.Allow(&tt.access, netip.MustParseAddr(tt.from), tt.key)
		if (d.Rcode == wire.RcodeNoError) != tt.ok || tt.ok != (d.Reason == "") {
			t.Errorf("%s: %+v", tt.name, d)
		}
	}
}
