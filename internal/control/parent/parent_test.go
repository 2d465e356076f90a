package parent_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/parent"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/internal/testkit/scripted"
)

func TestMain(m *testing.M) { testkit.VerifyTestMain(m) }

const child = "child.test."

// keys of the zone: an old one and a new one.
func keyOf(octet byte) *dnssec.DNSKEY {
	return &dnssec.DNSKEY{Flags: 257, Algorithm: 13, Public: []byte(strings.Repeat(string(octet), 64))}
}

func dsOf(k *dnssec.DNSKEY) []byte { return k.DS(wire.MustName(child), dnssec.SHA256) }

// says is how a server of the parent answers one question.
type says struct {
	ds     [][]byte
	ns     []string // of a referral; the first is "!" where they come as an answer
	ttl    uint32
	soa    string // owner of the SOA in authority, empty for none
	rcode  wire.Rcode
	lame   bool
	tc     bool // over UDP
	silent bool
	udp    bool // silent over UDP alone
	mangle func([]byte) []byte
}

func (s says) answer(network string, _ net.Addr, msg []byte) [][]byte {
	r, err := wire.NewReader(msg)
	if err != nil || s.silent || s.udp && network == "udp" {
		return nil
	}
	if r.Flags()&wire.FlagRD != 0 {
		return nil // nobody's resolver
	}
	q := r.Question()
	flags := wire.FlagQR | wire.FlagAA
	if s.lame {
		flags = wire.FlagQR
	}
	cut := s.tc && network == "udp"
	if cut {
		flags |= wire.FlagTC
	}
	var b wire.Builder
	b.Start(nil, wire.MaxMessage, wire.ID(msg), flags)
	b.SetRcode(s.rcode)
	b.Question([]byte(q.Name), q.Type, q.Class)
	if !cut {
		for _, d := range s.ds {
			b.Append([]byte(q.Name), wire.TypeDS, wire.ClassIN, s.ttl, d)
		}
		if len(s.ns) == 0 || s.ns[0] != "!" {
			b.Section(wire.SectionAuthority)
		}
		for _, n := range s.ns {
			if n != "!" {
				b.Append([]byte(q.Name), wire.TypeNS, wire.ClassIN, s.ttl, []byte(wire.MustName(n)))
			}
		}
		if s.soa != "" {
			b.Section(wire.SectionAuthority)
			b.AppendRaw(soa(s.soa))
		}
	}
	out := b.Finish()
	copy(out[wire.HeaderLen:], msg[wire.HeaderLen:wire.HeaderLen+len(q.Name)])
	if s.mangle != nil {
		out = s.mangle(out)
	}
	return [][]byte{out}
}

func soa(owner string) wire.RawRR {
	n := wire.MustName(owner)
	return wire.RawRR{Owner: []byte(n), Type: wire.TypeSOA, Class: wire.ClassIN, TTL: 60, RData: append(append([]byte(n), n...), make([]byte, 20)...)}
}

// world is what a resolver says: NS RRsets, and addresses.
type world struct {
	ns    map[string][]string
	soa   map[string]string // of names without NS
	addrs map[string][]netip.Addr
	own   map[string]says // what this server says itself of DS
	asked atomic.Int32
}

func (w *world) ask(_ context.Context, _, name wire.Name, t wire.Type) ([]byte, bool, error) {
	w.asked.Add(1)
	_, own := w.own[child]
	var b wire.Builder
	if t == wire.TypeDS {
		q := query(name, t)
		return w.own[name.String()].answer("tcp", nil, q)[0], true, nil
	}
	b.Start(nil, wire.MaxMessage, 1, wire.FlagQR|wire.FlagAA)
	b.Question([]byte(name), t, wire.ClassIN)
	for _, s := range w.ns[name.String()] {
		b.Append([]byte(name), wire.TypeNS, wire.ClassIN, 60, []byte(wire.MustName(s)))
	}
	if s := w.soa[name.String()]; s != "" {
		b.Section(wire.SectionAuthority)
		b.AppendRaw(soa(s))
	}
	return b.Finish(), own, nil
}

func query(name wire.Name, t wire.Type) []byte {
	var b wire.Builder
	b.Start(nil, 512, 1, 0)
	b.Question([]byte(name), t, wire.ClassIN)
	return b.Finish()
}

func (w *world) addresses(_ context.Context, _, server wire.Name) ([]netip.Addr, error) {
	if a, ok := w.addrs[server.String()]; ok {
		return a, nil
	}
	return nil, errors.New("the resolver does not answer")
}

// finder waits for answers as long as it may take on a busy machine; where there are to be none, silence is short.
func finder(w *world, port uint16, silence time.Duration) *parent.Finder {
	return parent.New(parent.Config{
		Ask: w.ask, Addresses: w.addresses, Port: port, Timeout: silence,
		Allowed: func(a netip.Addr) bool { return a != netip.MustParseAddr("127.53.9.9") },
	})
}

// TestEveryAddressCounts asks parents at several addresses, of which some lie, lag, are silent, cut, or lame.
func TestEveryAddressCounts(t *testing.T) {
	t.Parallel()
	older, newer := keyOf('a'), keyOf('b')
	old := says{ds: [][]byte{dsOf(older)}, ttl: 3600}
	both := says{ds: [][]byte{dsOf(newer), dsOf(older), newer.DS(wire.MustName(child), dnssec.SHA384)}, ttl: 300}
	none := says{soa: "test."}
	for _, tt := range []struct {
		name          string
		at            []says
		before, after parent.Presence
		agree         bool
		ttl           time.Duration
		trouble       string // in the error of the last address
	}{
		{"all the same", []says{old, old, old}, parent.Everywhere, parent.Nowhere, true, time.Hour, ""},
		{"one is ahead", []says{old, both, old}, parent.Everywhere, parent.Somewhere, false, time.Hour, ""},
		{"all have followed", []says{both, both}, parent.Everywhere, parent.Everywhere, true, 5 * time.Minute, ""},
		{"unsigned", []says{none, none}, parent.Nowhere, parent.Nowhere, true, 0, ""},
		{"no such name", []says{{soa: "test.", rcode: wire.RcodeNXDomain}}, parent.Nowhere, parent.Nowhere, true, 0, ""},
		{"one has none", []says{old, none}, parent.Somewhere, parent.Nowhere, false, time.Hour, ""},
		{"one is silent", []says{old, {silent: true}}, parent.Somewhere, parent.Unknown, false, time.Hour, "no answer in time"},
		{"all are silent", []says{{silent: true}}, parent.Unknown, parent.Unknown, false, 0, "no answer in time"},
		{"UDP is lost", []says{{ds: old.ds, ttl: 60, udp: true}}, parent.Everywhere, parent.Nowhere, true, time.Minute, ""},
		{"cut over UDP", []says{{ds: old.ds, ttl: 60, tc: true}}, parent.Everywhere, parent.Nowhere, true, time.Minute, ""},
		{"failing", []says{old, {rcode: wire.RcodeServFail}}, parent.Somewhere, parent.Unknown, false, time.Hour, "SERVFAIL"},
		{"refusing", []says{old, {rcode: wire.RcodeRefused}}, parent.Somewhere, parent.Unknown, false, time.Hour, "REFUSED"},
		{"lame", []says{old, {ds: old.ds, ttl: 9, lame: true}}, parent.Somewhere, parent.Unknown, false, time.Hour, "no authority"},
		{"the child's word", []says{none, {soa: child}}, parent.Unknown, parent.Unknown, false, 0, "zone itself"},
		{"another zone's word", []says{none, {soa: "other."}}, parent.Unknown, parent.Unknown, false, 0, "from the zone other."},
		{"no proof", []says{none, {}}, parent.Unknown, parent.Unknown, false, 0, "neither"},
		{"cut short", []says{old, {ds: old.ds, mangle: func(b []byte) []byte { return b[:len(b)-3] }}}, parent.Somewhere, parent.Unknown, false, time.Hour, "read response"},
		{"forged identifier", []says{old, {ds: both.ds, mangle: func(b []byte) []byte { b[0] ^= 1; return b }}}, parent.Somewhere, parent.Unknown, false, time.Hour, "no answer in time"},
		{"another name's DS", []says{{soa: "test.", mangle: otherName}}, parent.Nowhere, parent.Nowhere, true, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			servers, addrs := map[netip.Addr]scripted.Answer{}, []netip.Addr{}
			for i, s := range tt.at {
				a := netip.AddrFrom4([4]byte{127, 53, 1, byte(1 + i)})
				addrs, servers[a] = append(addrs, a), s.answer
			}
			w := &world{ns: map[string][]string{"test.": {"a.nic.test."}}, addrs: map[string][]netip.Addr{"a.nic.test.": addrs}}
			silence := 30 * time.Second
			if tt.trouble == "no answer in time" || tt.at[0].udp {
				silence = 1500 * time.Millisecond
			}
			got, err := finder(w, scripted.ServeEach(t, servers), silence).DS(t.Context(), wire.MustName(child))
			if err != nil {
				t.Fatal(err)
			}
			last := got.Seen[len(got.Seen)-1]
			if got.Key(older) != tt.before || got.Key(newer) != tt.after || got.Agree() != tt.agree || got.TTL() != tt.ttl || got.Parent != wire.MustName("test.") {
				t.Errorf("old key %s, new key %s, agree %v, TTL %v of %s: %+v", got.Key(older), got.Key(newer), got.Agree(), got.TTL(), got.Parent, got.Seen)
			}
			if last.Addr != addrs[len(addrs)-1] || !strings.Contains(last.Error, tt.trouble) || (tt.trouble == "") != (last.Error == "") {
				t.Errorf("%v: %q, want %q", last.Addr, last.Error, tt.trouble)
			}
		})
	}
}

// otherName adds a DS RRset of a neighbour.
func otherName(b []byte) []byte {
	r, err := wire.NewReader(b)
	if err != nil {
		return nil
	}
	q := r.Question()
	var out wire.Builder
	out.Start(nil, wire.MaxMessage, wire.ID(b), wire.FlagQR|wire.FlagAA)
	out.Question([]byte(q.Name), q.Type, q.Class)
	out.Append([]byte(wire.MustName("other.test.")), wire.TypeDS, wire.ClassIN, 60, dsOf(keyOf('a')))
	out.Section(wire.SectionAuthority)
	out.AppendRaw(soa("test."))
	whole := out.Finish()
	copy(whole[wire.HeaderLen:], b[wire.HeaderLen:wire.HeaderLen+len(q.Name)])
	return whole
}

// TestWhoIsTheParent finds the zone that delegates, and the addresses that count.
func TestWhoIsTheParent(t *testing.T) {
	t.Parallel()
	key := keyOf('a')
	good := says{ds: [][]byte{dsOf(key)}, ttl: 60}
	here := netip.MustParseAddr("127.53.2.1")
	port := scripted.ServeEach(t, map[netip.Addr]scripted.Answer{here: good.answer})
	empty := netip.MustParseAddr("127.53.2.2") // where nothing listens
	away := netip.MustParseAddr("2001:db8::53")
	deep := "deep.er." + child
	for _, tt := range []struct {
		name string
		w    *world
		zone string
		want parent.Presence
		of   string // the parent
		err  string
	}{
		{"two labels up", &world{
			ns: map[string][]string{child: {"ns.test."}}, soa: map[string]string{"er." + child: child},
			addrs: map[string][]netip.Addr{"ns.test.": {here}},
		}, deep, parent.Nowhere, child, ""}, // the digest is over another name
		{
			"no proof on the way up", &world{ns: map[string][]string{"test.": {"ns.test."}}, addrs: map[string][]netip.Addr{"ns.test.": {here}}},
			child, parent.Everywhere, "test.", "",
		},
		{"a name without addresses", &world{
			ns:    map[string][]string{"test.": {"a.test.", "b.test."}},
			addrs: map[string][]netip.Addr{"a.test.": {}, "b.test.": {here}},
		}, child, parent.Everywhere, "test.", ""},
		{"a name that cannot be looked up", &world{
			ns: map[string][]string{"test.": {"a.test.", "b.test."}}, addrs: map[string][]netip.Addr{"b.test.": {here}},
		}, child, parent.Somewhere, "test.", ""},
		{
			"nothing listens", &world{ns: map[string][]string{"test.": {"a.test."}}, addrs: map[string][]netip.Addr{"a.test.": {here, empty}}},
			child, parent.Somewhere, "test.", "",
		},
		{"an address that nobody may name", &world{
			ns: map[string][]string{"test.": {"a.test."}}, addrs: map[string][]netip.Addr{"a.test.": {here, netip.MustParseAddr("127.53.9.9")}},
		}, child, parent.Somewhere, "test.", ""},
		{"ours and a server of it", &world{
			ns: map[string][]string{"test.": {"a.test."}}, addrs: map[string][]netip.Addr{"a.test.": {here}},
			own: map[string]says{child: {soa: "test."}},
		}, child, parent.Somewhere, "test.", ""},
		{"ours, served here alone", &world{
			ns: map[string][]string{"test.": {"a.test."}}, addrs: map[string][]netip.Addr{"a.test.": {netip.MustParseAddr("127.53.9.9")}},
			own: map[string]says{child: good},
		}, child, parent.Everywhere, "test.", ""},
		{"nobody", &world{}, child, parent.Unknown, "", "no name servers"},
		{"the root", &world{}, ".", parent.Unknown, "", "no parent"},
	} {
		got, err := finder(tt.w, port, 1500*time.Millisecond).DS(t.Context(), wire.MustName(tt.zone))
		if err != nil {
			if tt.err == "" || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if got.Key(key) != tt.want || got.Parent != wire.MustName(tt.of) || tt.err != "" {
			t.Errorf("%s: %s by %s: %+v", tt.name, got.Key(key), got.Parent, got.Seen)
		}
	}
	// A machine without IPv6 knows no less, as long as the same server answers by IPv4.
	w := &world{ns: map[string][]string{"test.": {"a.test.", "b.test."}}, addrs: map[string][]netip.Addr{"a.test.": {here, away}, "b.test.": {here}}}
	got, err := finder(w, port, 1500*time.Millisecond).DS(t.Context(), wire.MustName(child))
	if err != nil {
		t.Fatal(err)
	}
	if s := got.Seen[1]; strings.Contains(s.Error, "no way") && (got.Key(key) != parent.Everywhere || !s.Skipped) {
		t.Errorf("without a way to IPv6: %s, %+v", got.Key(key), got.Seen)
	}
}

// TestWithoutResolver: a parent of our own is asked of ourselves, and of nobody else.
func TestWithoutResolver(t *testing.T) {
	t.Parallel()
	key := keyOf('a')
	w := &world{ns: map[string][]string{"test.": {"a.test."}}, own: map[string]says{child: {ds: [][]byte{dsOf(key)}, ttl: 60}}}
	f := parent.New(parent.Config{Ask: w.ask, Allowed: func(netip.Addr) bool { return true }})
	got, err := f.DS(t.Context(), wire.MustName(child))
	if err != nil || got.Key(key) != parent.Everywhere || len(got.Seen) != 1 {
		t.Errorf("%s: %+v, %v", got.Key(key), got.Seen, err)
	}
}

// TestLookEndsWithItsContext: addresses that take all the time there is hold nobody who has given up.
func TestLookEndsWithItsContext(t *testing.T) {
	t.Parallel()
	quiet := netip.MustParseAddr("127.53.3.1")
	asked := make(chan struct{}, 1)
	port := scripted.ServeEach(t, map[netip.Addr]scripted.Answer{quiet: func(string, net.Addr, []byte) [][]byte {
		select {
		case asked <- struct{}{}:
		default:
		}
		return nil
	}})
	w := &world{ns: map[string][]string{"test.": {"a.test."}}, addrs: map[string][]netip.Addr{"a.test.": {quiet, quiet, quiet}}}
	f := parent.New(parent.Config{Ask: w.ask, Addresses: w.addresses, Port: port, Timeout: time.Hour, Allowed: func(netip.Addr) bool { return true }})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	got, err := f.DS(ctx, wire.MustName(child))
	if err != nil || got.Any() != parent.Unknown || got.Agree() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	for looks, want := range []time.Duration{0, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, time.Hour} {
		if got := parent.Pace(looks); got != want {
			t.Errorf("after %d looks: %v", looks, got)
		}
	}
}

// TestDelegation asks parents for the names that they delegate to.
func TestDelegation(t *testing.T) {
	t.Parallel()
	for i, tt := range []struct {
		name    string
		at      says
		want    string
		trouble string
	}{
		{"a referral", says{ns: []string{"b.test.", "a.test.", "b.test."}, ttl: 60, lame: true}, "[a.test. b.test.]", ""},
		{"not delegated", says{soa: "test."}, "[]", ""},
		{"no such name", says{soa: "test.", rcode: wire.RcodeNXDomain}, "[]", ""},
		{"the child's word", says{ns: []string{"!", "a.test."}, ttl: 60}, "[]", "zone itself"},
		{"the child's denial", says{soa: child}, "[]", "zone itself"},
		{"another zone's word", says{soa: "other."}, "[]", "from the zone other."},
		{"nothing at all", says{lame: true}, "[]", "no authority"},
		{"failing", says{rcode: wire.RcodeServFail}, "[]", "SERVFAIL"},
		{"silent", says{silent: true}, "[]", "no answer in time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := netip.AddrFrom4([4]byte{127, 53, 7, byte(1 + i)})
			w := &world{ns: map[string][]string{"test.": {"a.nic.test."}}, addrs: map[string][]netip.Addr{"a.nic.test.": {a}}}
			silence := 30 * time.Second
			if tt.at.silent || tt.at.udp {
				silence = 1500 * time.Millisecond
			}
			got, err := finder(w, scripted.ServeEach(t, map[netip.Addr]scripted.Answer{a: tt.at.answer}), silence).NS(t.Context(), wire.MustName(child))
			if err != nil || len(got.Seen) != 1 {
				t.Fatalf("%+v, %v", got, err)
			}
			s := got.Seen[0]
			if fmt.Sprint(s.NS) != tt.want || !strings.Contains(s.Error, tt.trouble) || (tt.trouble == "") != (s.Error == "") {
				t.Errorf("%v, %q; want %s, %q", s.NS, s.Error, tt.want, tt.trouble)
			}
		})
	}
}
