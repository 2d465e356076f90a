package flatten_test

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/flatten"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/ask"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestMain(m *testing.M) { testkit.VerifyTestMain(m) }

// seen is a host as some account sees it.
func seen(host string) model.FlattenTarget {
	return model.FlattenTarget{Account: "acc", Name: wire.MustName(host)}
}

func resolve(t *testing.T, s *resolver, name string) (flatten.Answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r := &flatten.Resolver{Client: &ask.Client{Recurse: true, Addr: s.addr, Timeout: 1500 * time.Millisecond}}
	return r.Resolve(ctx, seen(name))
}

// TestResolver asks a resolver that tells the truth in many ways, and lies.
func TestResolver(t *testing.T) {
	t.Parallel()
	const want4, want6 = "192.0.2.1", "2001:db8::1"
	good := func(name string, typ wire.Type) reply {
		if typ == wire.TypeA {
			return say(rec(name, 90, typ, want4))
		}
		return say(rec(name, 70, typ, want6))
	}
	type script = func(network string, name wire.Name, typ wire.Type) reply
	tests := []struct {
		title  string
		script script
		want   string // addresses, or "error"
		ttl    time.Duration
	}{
		{"both families", func(_ string, n wire.Name, typ wire.Type) reply { return good(n.Host(), typ) }, want4 + " " + want6, 70 * time.Second},
		{"no IPv6", func(_ string, n wire.Name, typ wire.Type) reply {
			if typ == wire.TypeAAAA {
				return none()
			}
			return good(n.Host(), typ)
		}, want4, 17 * time.Second},
		{"no such name", func(string, wire.Name, wire.Type) reply {
			return reply{send: true, rcode: wire.RcodeNXDomain}
		}, "", 30 * time.Second},
		{"chain in one answer", func(_ string, _ wire.Name, typ wire.Type) reply {
			out := good("c.test", typ)
			out.rrs = append([]wire.RawRR{
				rec("c.test", 0, wire.TypeTXT, "x"), rec("a.test", 20, wire.TypeCNAME, "b.test"),
				rec("b.test", 30, wire.TypeCNAME, "c.test"),
			}, out.rrs...)
			return out
		}, want4 + " " + want6, 20 * time.Second},
		{"chain over several questions", func(_ string, n wire.Name, typ wire.Type) reply {
			if n.Host() == "a.test" {
				return say(rec("a.test", 20, wire.TypeCNAME, "b.test"))
			}
			return good(n.Host(), typ)
		}, want4 + " " + want6, 20 * time.Second},
		{"DNAME", func(_ string, _ wire.Name, typ wire.Type) reply {
			out := good("a.other", typ)
			out.rrs = append([]wire.RawRR{rec("test", 25, wire.TypeDNAME, "other")}, out.rrs...)
			return out
		}, want4 + " " + want6, 25 * time.Second},
		{"unsolicited records", func(_ string, n wire.Name, typ wire.Type) reply {
			out := good(n.Host(), typ)
			out.rrs = append(out.rrs, rec("bank.test", 900, wire.TypeA, "203.0.113.66"), rec("x.test", 900, wire.TypeCNAME, "evil.test"))
			if typ == wire.TypeA {
				out.rrs = append(out.rrs, rec(n.Host(), 9, wire.TypeAAAA, "2001:db8:bad::1"))
			}
			return out
		}, want4 + " " + want6, 70 * time.Second},
		{"loop", func(_ string, n wire.Name, _ wire.Type) reply {
			return say(rec("a.test", 20, wire.TypeCNAME, "b.test"), rec("b.test", 20, wire.TypeCNAME, "a.test"))
		}, "error", 0},
		{"loop over questions", func(_ string, n wire.Name, _ wire.Type) reply {
			next := "b.test"
			if n.Host() == "b.test" {
				next = "a.test"
			}
			return say(rec(n.Host(), 20, wire.TypeCNAME, next))
		}, "error", 0},
		{"DNAME that grows without end", func(string, wire.Name, wire.Type) reply {
			return say(rec("test", 20, wire.TypeDNAME, "more.and.more.test"))
		}, "error", 0},
		{"server failure", func(string, wire.Name, wire.Type) reply {
			return reply{send: true, rcode: wire.RcodeServFail}
		}, "error", 0},
		{"failure of one family", func(_ string, n wire.Name, typ wire.Type) reply {
			if typ == wire.TypeAAAA {
				return reply{send: true, rcode: wire.RcodeServFail}
			}
			return good(n.Host(), typ)
		}, "error", 0},
		{"truncated over UDP", func(network string, n wire.Name, typ wire.Type) reply {
			if network == "udp" {
				return reply{send: true, tc: true}
			}
			return good(n.Host(), typ)
		}, want4 + " " + want6, 70 * time.Second},
		{"silent over UDP", func(network string, n wire.Name, typ wire.Type) reply {
			if network == "udp" {
				return reply{}
			}
			return good(n.Host(), typ)
		}, want4 + " " + want6, 70 * time.Second},
		{"silent", func(string, wire.Name, wire.Type) reply { return reply{} }, "error", 0},
		{"forgeries first", func(_ string, n wire.Name, typ wire.Type) reply {
			out := good(n.Host(), typ)
			out.before = forgeries
			return out
		}, want4 + " " + want6, 70 * time.Second},
		{"forgeries in a flood", func(network string, n wire.Name, typ wire.Type) reply {
			if network == "udp" {
				return reply{before: func(q []byte) [][]byte { return slices.Repeat(forgeries(q), 40) }}
			}
			return good(n.Host(), typ)
		}, want4 + " " + want6, 70 * time.Second},
		{"letters folded", func(network string, n wire.Name, typ wire.Type) reply {
			out := good(n.Host(), typ)
			out.mangle = func(b []byte) []byte {
				copy(b[wire.HeaderLen:], n)
				return b
			}
			return out
		}, want4 + " " + want6, 70 * time.Second},
		{"garbage behind the header", func(_ string, n wire.Name, typ wire.Type) reply {
			out := good(n.Host(), typ)
			out.mangle = func(b []byte) []byte { return b[:len(b)-3] }
			return out
		}, "error", 0},
	}
	for _, tt := range tests {
		t.Run(tt.title, func(t *testing.T) {
			t.Parallel()
			s := startResolver(t, tt.script)
			got, err := resolve(t, s, "a.test")
			if err != nil {
				if tt.want != "error" {
					t.Fatal(err)
				}
				return
			}
			slices.SortFunc(got.Addrs, netip.Addr.Compare)
			var text []string
			for _, a := range got.Addrs {
				text = append(text, a.String())
			}
			if s := strings.Join(text, " "); s != tt.want || got.TTL != tt.ttl {
				t.Errorf("got %q for %v, want %q for %v", s, got.TTL, tt.want, tt.ttl)
			}
		})
	}
}

// forgeries are responses that nearly fit: wrong identifier, name, type, spelling, or no response at all.
func forgeries(q []byte) [][]byte {
	forged := func(edit func([]byte)) []byte {
		b := bytes.Clone(q)
		b[2] |= 0x80
		edit(b)
		return b
	}
	return [][]byte{
		{},
		q[:5],
		forged(func(b []byte) { b[1] ^= 1 }),
		forged(func(b []byte) { b[2] &^= 0x80 }),
		forged(func(b []byte) { b[wire.HeaderLen+1] = 'z' }),
		forged(func(b []byte) { b[wire.HeaderLen+1] ^= 0x20 }),
		forged(func(b []byte) { b[5] = 0 }),
	}
}

func TestQuestionsCannotBeGuessed(t *testing.T) {
	t.Parallel()
	s := startResolver(t, func(_ string, n wire.Name, typ wire.Type) reply { return none() })
	for range 16 {
		if _, err := resolve(t, s, "a-rather-long-name-for-many-letters.test"); err != nil {
			t.Fatal(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ids) < 28 || len(s.ports) < 28 || !s.cased {
		t.Errorf("32 questions used %d identifiers and %d ports, spelling varied: %v", len(s.ids), len(s.ports), s.cased)
	}
}

func TestForeignNameWithoutResolver(t *testing.T) {
	t.Parallel()
	r := &flatten.Resolver{}
	if _, err := r.Resolve(t.Context(), seen("a.test")); err == nil {
		t.Error("a foreign name was found without a resolver")
	}
}

func TestResolveEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := startResolver(t, func(string, wire.Name, wire.Type) reply { return reply{} })
	ctx, cancel := context.WithCancel(t.Context())
	r := &flatten.Resolver{Client: &ask.Client{Recurse: true, Addr: s.addr, Timeout: time.Hour}}
	done := make(chan error, 1)
	go func() { _, err := r.Resolve(ctx, seen("a.test")); done <- err }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestOwnZones has targets in zones of the same account answered from memory, and the rest of a chain by the resolver. To
// other accounts those zones are as any other.
func TestOwnZones(t *testing.T) {
	t.Parallel()
	s := startResolver(t, func(_ string, n wire.Name, typ wire.Type) reply {
		if typ == wire.TypeAAAA {
			return none()
		}
		return say(rec(n.Host(), 90, typ, "203.0.113.1"))
	})
	own := func(account model.ID, query []byte) []byte {
		r, err := wire.NewReader(query)
		if err != nil || account != "acc" {
			return nil
		}
		q := r.Question()
		var b wire.Builder
		b.Start(nil, wire.MaxMessage, r.ID(), wire.FlagQR|wire.FlagAA)
		b.Question([]byte(q.Name), q.Type, q.Class)
		switch q.Name.Host() {
		case "here.own":
			if q.Type == wire.TypeA {
				b.AppendRaw(rec("here.own", 33, wire.TypeA, "192.0.2.33"))
				break
			}
			b.Section(wire.SectionAuthority)
			b.AppendRaw(rec("own", 60, wire.TypeSOA, "own"))
		case "alias.own":
			b.AppendRaw(rec("alias.own", 33, wire.TypeCNAME, "far.test"))
		case "cut.own":
			b.ClearFlags(wire.FlagAA)
			b.Section(wire.SectionAuthority)
			b.AppendRaw(rec("cut.own", 33, wire.TypeNS, "ns.test"))
		case "broken.own":
			b.SetRcode(wire.RcodeServFail)
		default:
			b.SetRcode(wire.RcodeRefused)
		}
		return b.Finish()
	}
	for _, tt := range []struct {
		account    model.ID
		name, want string
		asked      int
	}{
		{"acc", "here.own", "192.0.2.33", 0},
		{"acc", "alias.own", "203.0.113.1", 2},
		{"acc", "cut.own", "203.0.113.1", 2},
		{"acc", "other.test", "203.0.113.1", 2},
		{"acc", "broken.own", "error", 0},
		{"other", "here.own", "203.0.113.1", 2},
		{"other", "alias.own", "203.0.113.1", 2},
		{"other", "broken.own", "203.0.113.1", 2},
	} {
		before := s.count()
		r := &flatten.Resolver{Own: own, Client: &ask.Client{Recurse: true, Addr: s.addr}}
		got, err := r.Resolve(t.Context(), model.FlattenTarget{Account: tt.account, Name: wire.MustName(tt.name)})
		switch {
		case err != nil && tt.want != "error":
			t.Errorf("%s: %v", tt.name, err)
		case err == nil && (len(got.Addrs) != 1 || got.Addrs[0].String() != tt.want):
			t.Errorf("%s: got %v, want %s", tt.name, got.Addrs, tt.want)
		}
		if asked := s.count() - before; asked != tt.asked {
			t.Errorf("%s: %d questions to the resolver, want %d", tt.name, asked, tt.asked)
		}
	}
}
