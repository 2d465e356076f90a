package server

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/cookie"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// withCookie is the tail of a query: an OPT record with a cookie.
func withCookie(c []byte) string {
	return "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00" + string([]byte{byte(len(c) + 4), 0, byte(wire.OptionCookie), 0, byte(len(c))}) + string(c)
}

var secrets = &cookie.Keys{Current: cookie.Secret{7}}

// limitedHandler may answer an address once a second; its clock stands still.
func limitedHandler(l RateLimit, from *netip.Addr, db *zone.DB) *handler {
	l.PerSecond = 1
	s := New(Config{
		DB: db, Threads: 1, RateLimit: l, Cookies: func() *cookie.Keys { return secrets },
		Now: func() time.Time { return time.Unix(1_800_000_000, 0) }, NewResponder: func() Responder { return new(bare) },
	})
	return s.newThread(false, func(int) netip.Addr { return *from })
}

// TestWhoIsLimited asks twice in the same moment, in many ways.
func TestWhoIsLimited(t *testing.T) {
	t.Parallel()
	from, peer, ranged := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("2001:db8::1")
	db := zone.NewDB(0)
	db.SetAccount(&zone.Account{
		ID: "a", ACL: []netip.Prefix{netip.MustParsePrefix("2001:db8::/64")},
		Peers: map[string]zone.Peer{"p": {ID: "p", Addr: netip.AddrPortFrom(peer, 53)}},
	})
	h := zoneHandler(t, nil)
	v := h.s.cfg.DB.ByID("z").State().Transfer
	db.Reset("z", "a", 1, v, v, zone.Links{Enabled: true, Peers: []string{"p"}}, nil)
	db.Reset("off", "a", 2, other(t, v), other(t, v), zone.Links{Peers: []string{"p"}}, nil)
	good, _ := secrets.Answer(nil, []byte("12345678"), from, 1_800_000_000)
	bad := bytes.Clone(good)
	bad[20] ^= 1
	exempt := []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
	soa := query("example.org.", wire.TypeSOA, "")
	notify := query("example.org.", wire.TypeSOA, "")
	notify[2] = byte(wire.OpcodeNotify) << 3
	for _, tt := range []struct {
		name  string
		limit RateLimit
		from  netip.Addr
		msg   []byte
		want  string // of the second
	}{
		{"nobody special", RateLimit{}, from, query("a.test.", wire.TypeA, ""), "drop"},
		{"every answer slips", RateLimit{Slip: 1}, from, query("a.test.", wire.TypeA, ""), "cut"},
		{"and the SOA of a zone of ours", RateLimit{Slip: 1}, from, soa, "cut"},
		{"a client that has cookies", RateLimit{Slip: 1}, from, query("a.test.", wire.TypeA, withCookie([]byte("12345678"))), "cookie"},
		{"and none to come again with", RateLimit{}, from, query("a.test.", wire.TypeA, withCookie([]byte("12345678"))), "drop"},
		{"a cookie that holds", RateLimit{}, from, query("a.test.", wire.TypeA, withCookie(good)), "answer"},
		{"one that does not", RateLimit{Slip: 1}, from, query("a.test.", wire.TypeA, withCookie(bad)), "cookie"},
		{"a cookie of another address", RateLimit{}, netip.MustParseAddr("192.0.2.2"), query("a.test.", wire.TypeA, withCookie(good)), "drop"},
		{"an exempt network", RateLimit{Exempt: exempt}, netip.MustParseAddr("203.0.113.7"), query("a.test.", wire.TypeA, ""), "answer"},
		{"counting only", RateLimit{LogOnly: true}, from, query("a.test.", wire.TypeA, ""), "answer"},
		{"a peer's question for the SOA", RateLimit{}, peer, soa, "answer"},
		{"a peer's transfer", RateLimit{}, peer, query("example.org.", wire.TypeIXFR, ""), "slow"},
		{"an address of an ACL", RateLimit{}, ranged, soa, "answer"},
		{"anything else of a peer", RateLimit{}, peer, query("example.org.", wire.TypeA, ""), "drop"},
		{"a peer, and a zone with transfers off", RateLimit{}, peer, query("other.org.", wire.TypeSOA, ""), "drop"},
		{"a stranger's transfer", RateLimit{Slip: 1}, from, query("example.org.", wire.TypeIXFR, ""), "cut"},
		{"a stranger's signature", RateLimit{}, from, query("example.org.", wire.TypeSOA, tsigRR), "drop"},
		{"NOTIFY", RateLimit{Slip: 1}, from, notify, "drop"},
		{"malformed", RateLimit{Slip: 1}, from, query("a.test.", wire.TypeA, "\x00"), "drop"},
	} {
		h := limitedHandler(tt.limit, &tt.from, db)
		if _, v := h.datagram(nil, tt.msg); v == drop {
			t.Errorf("%s: dropped at once", tt.name)
		}
		out, v := h.datagram(nil, tt.msg)
		got := map[verdict]string{drop: "drop", slow: "slow", reply: "answer"}[v]
		if v == reply {
			var opt wire.Record
			r, err := wire.NewReader(out)
			if err != nil {
				t.Fatal(err)
			}
			for r.Next(&opt) {
			}
			switch high := opt.TTL >> 24; {
			case high<<4|uint32(r.Rcode()) == uint32(wire.RcodeBadCookie):
				got = "cookie"
				again, ok := secrets.Answer(nil, opt.RData[4:], tt.from, 1_800_000_000)
				if !ok || !bytes.Equal(again, opt.RData[4:]) {
					t.Errorf("%s: the new cookie does not hold", tt.name)
				}
			case r.Flags()&wire.FlagTC != 0:
				got = "cut"
				if len(out) > len(tt.msg) {
					t.Errorf("%s: %d octets for %d", tt.name, len(out), len(tt.msg))
				}
			}
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// other is the same zone under another name.
func other(t *testing.T, v *zone.Version) *zone.Version {
	t.Helper()
	apex := wire.MustName("other.org.")
	soa, ttl := v.SOA()
	out, err := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: ttl, Data: [][]byte{soa}}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The guards of the hot path allocate nothing, whether they let a query through, cut, drop or bake.
func TestGuardAllocates(t *testing.T) {
	from := netip.MustParseAddr("2001:db8::1")
	db := zoneHandler(t, nil).s.cfg.DB
	good, _ := secrets.Answer(nil, []byte("12345678"), from, 1_800_000_000)
	slab := make([]byte, 0, 2048)
	for _, l := range []RateLimit{{Slip: 1}, {Slip: 2}, {LogOnly: true}, {Exempt: []netip.Prefix{netip.MustParsePrefix("::/0")}}} {
		h := limitedHandler(l, &from, db)
		for _, msg := range [][]byte{
			query("example.org.", wire.TypeA, ""), query("example.org.", wire.TypeSOA, optRR),
			query("example.org.", wire.TypeA, withCookie([]byte("12345678"))), query("example.org.", wire.TypeA, withCookie(good)),
		} {
			if n := testing.AllocsPerRun(100, func() { h.guard.begin(); h.datagram(slab, msg) }); n != 0 {
				t.Errorf("%+v: %v allocations", l, n)
			}
		}
	}
}

func TestNetworksAreTold(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"192.0.2.77": "192.0.2.0/24", "0.0.0.1": "0.0.0.0/24", "255.255.255.255": "255.255.255.0/24",
		"2001:db8:1234:5678::1": "2001:db8:1234::/48", "fe80::1": "fe80::/48",
	} {
		var n network
		n.set(netip.MustParseAddr(in))
		if p, ok := n.take(); !ok || p.String() != want {
			t.Errorf("%s: %s", in, p)
		}
		if _, ok := n.take(); ok {
			t.Errorf("%s is told twice", in)
		}
	}
}
