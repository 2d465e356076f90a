package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/audit"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// source draws objects as they may be stored.
type source struct {
	*rand.Rand
	when time.Time
}

func (s source) id() model.ID {
	return model.ID(fmt.Sprintf("%016x%016x", s.Uint64(), s.Uint64()))
}

// maybe gives the zero value half of the time.
func maybe[T any](s source, v T) (out T) {
	if s.IntN(2) == 0 {
		return out
	}
	return v
}

func (s source) text() string {
	return maybe(s, []string{"a", "ns1.example.net", "ünï", strings.Repeat("x", 300), "\x00\xff", " "}[s.IntN(6)])
}

func (s source) time() time.Time {
	return maybe(s, s.when.Add(time.Duration(s.IntN(3)-1)*time.Hour))
}

func (s source) addr() netip.Addr {
	if s.IntN(2) == 0 {
		return netip.AddrFrom4([4]byte{192, 0, 2, byte(s.IntN(256))})
	}
	return netip.AddrFrom16([16]byte{0x20, 1, 15: byte(s.IntN(256))})
}

func (s source) texts() []string {
	return [][]string{nil, {}, {"one"}, {"a", "", "b:c"}}[s.IntN(4)]
}

func (s source) ids() []model.ID {
	return [][]model.ID{nil, {}, {s.id()}, {s.id(), s.id()}}[s.IntN(4)]
}

func (s source) settings() model.Settings {
	return maybe(s, model.Settings{
		NSType: s.text(), NSSet: s.IntN(5), FoundationDNS: s.IntN(2) == 0, MultiProvider: s.IntN(2) == 0, NSTTL: s.Uint32(),
		FlattenAll: s.IntN(2) == 0, SecondaryOverrides: s.IntN(2) == 0, ReferenceZone: maybe(s, s.id()), ZoneMode: s.text(),
		SOA: model.SOA{MName: s.text(), RName: s.text(), Refresh: s.Uint32(), Retry: maybe(s, s.Uint32()), Expire: 7, MinTTL: s.Uint32(), TTL: 1},
	})
}

func (s source) record(id model.ID) model.Record {
	r := model.Record{
		ID: id, Name: wire.MustName([]string{"example", "www.example", "a.b.example", "notexample", "."}[s.IntN(5)]), Type: wire.TypeTXT,
		Content: s.text(), RData: maybe(s, []byte(s.text())), TTL: s.Uint32N(3), Proxied: s.IntN(2) == 0, Comment: s.text(), Tags: s.texts(),
		Settings: model.RecordSettings{FlattenCNAME: s.IntN(2) == 0, IPv4Only: s.IntN(2) == 0, IPv6Only: s.IntN(2) == 0},
		Created:  s.time(), Modified: s.time(), CommentModified: s.time(), TagsModified: s.time(),
	}
	if s.IntN(2) == 0 {
		a := s.addr()
		r.Type, r.RData, r.Content = wire.TypeA, a.AsSlice(), a.String()
		if a.Is6() {
			r.Type, r.Content = wire.TypeAAAA, maybe(s, strings.ToUpper(a.String()))
		}
	}
	if s.IntN(3) == 0 {
		p := uint16(s.IntN(1 << 16))
		r.Priority = &p
	}
	return r
}

func (s source) zone(id model.ID) model.Zone {
	z := model.Zone{
		ID: id, Name: wire.MustName("example"), Type: s.text(), Status: s.text(), Paused: s.IntN(2) == 0, Created: s.time(), Modified: s.time(),
		Activated: s.time(), NameServers: s.texts(), VanityNS: s.texts(), Settings: s.settings(), Mode: maybe(s, model.ModeEdge), Serial: s.Uint32(),
	}
	if yes := s.IntN(2) == 0; s.IntN(2) == 0 {
		z.OutgoingTransfers = &yes
	}
	if s.IntN(2) == 0 {
		z.Outgoing = &model.Outgoing{Name: s.text(), Peers: s.ids(), Enabled: s.IntN(2) == 0, Created: s.time(), Modified: s.time()}
	}
	return z
}

func (s source) account(id model.ID) model.Account {
	return model.Account{
		ID: id, Name: s.text(), Type: s.text(), Created: s.time(), EnforceTwoFactor: s.IntN(2) == 0, OutgoingTransfers: s.IntN(2) == 0,
		ZoneDefaults: s.settings(), EnforceDNSOnly: s.IntN(2) == 0, EdgeAddresses: maybe(s, []netip.Addr{s.addr(), s.addr()}),
		TransferMode: maybe(s, model.ModeEdge), SharesNames: s.ids(), StrictReview: s.IntN(2) == 0, Suspended: s.IntN(2) == 0,
		Quotas: maybe(s, model.Quotas{model.QuotaZones: s.Int64(), model.QuotaPeers: 0}),
	}
}

func (s source) token(id model.ID) model.Token {
	t := model.Token{
		ID: id, Name: s.text(), Status: s.text(), Issued: s.time(), Modified: s.time(), LastUsed: s.time(), NotBefore: s.time(), Expires: s.time(),
		Condition: maybe(s, []byte(`{"a":1}`)), Maker: model.Maker{User: maybe(s, s.id()), Token: maybe(s, s.id())},
	}
	for range s.IntN(3) {
		t.Policies = append(t.Policies, model.Policy{ID: s.id(), Effect: "allow", Groups: s.ids(), Resources: []byte(`{"x":"*"}`)})
	}
	return t
}

func (s source) object(id model.ID) any {
	if s.IntN(8) == 0 {
		id = s.id() // an entry that names another object than it shows
	}
	switch s.IntN(12) {
	case 0:
		return nil
	case 1:
		return model.AuditText(`{"old":"form"}`)
	case 2:
		return model.AuditFacts{{Name: "imported", Number: s.Int64() - s.Int64()}, {Name: "reason", Text: "because"}, {Name: "none"}}
	case 3:
		return s.zone(id)
	case 4:
		return s.account(id)
	case 5:
		return model.TSIG{ID: id, Name: s.text(), Algo: "hmac-sha256."}
	case 6:
		return model.Peer{ID: id, Name: s.text(), IP: maybe(s, s.addr()), IPText: s.text(), Port: uint16(s.IntN(1 << 16)), IXFR: model.SwitchOn, TSIG: maybe(s, s.id()), Notify: model.NotifyBy{Sources: maybe(s, s.text())}}
	case 7:
		return model.ACL{ID: id, Name: s.text(), Range: "192.0.2.1/24", Prefix: maybe(s, netip.MustParsePrefix("192.0.2.1/24"))}
	case 8:
		return model.User{ID: id, Email: s.text(), FirstName: s.text(), LastName: s.text(), Admin: s.IntN(2) == 0, KeyHash: maybe(s, []byte("set")), Created: s.time(), Modified: s.time()}
	case 9:
		return model.AuditMember{ID: id, Role: s.text(), Status: s.text(), Zones: []model.ZoneRole{{Zone: model.AllZones, Role: "zone_reader"}, {Zone: s.id(), Role: "zone_acme"}}, User: model.User{ID: maybe(s, s.id()), Email: s.text(), FirstName: s.text()}}
	case 10:
		return s.token(id)
	}
	return s.record(id)
}

func (s source) entry() model.Audit {
	e := model.Audit{AuditHead: model.AuditHead{
		ID: s.id(), Account: s.id(), Zone: maybe(s, s.id()), ZoneName: maybe(s, "example"), When: s.when,
		Actor: model.Actor{
			User: maybe(s, s.id()), Email: s.text(), Token: maybe(s, s.id()), Context: maybe(s, []string{"system", "other"}[s.IntN(2)]),
			IP: maybe(s, s.addr()), Request: s.text(), Note: s.text(),
		},
		From: maybe(s, s.Uint32()), To: maybe(s, s.Uint32()),
	}}
	for range s.IntN(6) {
		p := model.AuditPart{
			Action: []string{"create", "invent", ""}[s.IntN(3)], Legacy: "rec_add", Resource: []string{"dns.record", "zone.odd"}[s.IntN(2)], ResourceID: maybe(s, s.id()),
		}
		p.Before, p.After = s.object(p.ResourceID), s.object(p.ResourceID)
		e.Parts = append(e.Parts, p)
	}
	return e
}

// TestAnythingComesBack packs entries of every kind of object, drawn at random, and reads them; cut or altered anywhere they
// are refused or read, and nothing worse.
func TestAnythingComesBack(t *testing.T) {
	t.Parallel()
	s := source{rand.New(rand.NewPCG(1, 2)), time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)}
	for i := range 1200 {
		e := s.entry()
		b, err := audit.Append(nil, &e)
		if err != nil {
			t.Fatal(err)
		}
		got := model.Audit{AuditHead: model.AuditHead{ID: e.ID, Account: e.Account, Zone: e.Zone, When: e.When}}
		if err := audit.Decode(b, &got); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if d := testkit.Diff(e, got, testkit.EmptyIsNil); d != "" {
			t.Fatalf("%d: %s", i, d)
		}
		again, err := audit.Append(nil, &got)
		if err != nil || !bytes.Equal(b, again) {
			t.Fatalf("%d: what was read is packed otherwise", i)
		}
		if err := audit.Decode(b[:s.IntN(len(b))], &got); !errors.Is(err, audit.ErrDamaged) {
			t.Fatalf("%d: cut short, and read: %v", i, err)
		}
		b[s.IntN(len(b))] ^= byte(1 + s.IntN(255))
		_ = audit.Decode(b, &got)
	}
}

// TestNothingSecret packs what has secrets and looks for them.
func TestNothingSecret(t *testing.T) {
	t.Parallel()
	secret := []byte("very secret indeed")
	for _, v := range []any{
		model.TSIG{Secret: string(secret)},
		model.Token{Hash: secret},
		model.User{PasswordHash: string(secret), KeyHash: secret, Sessions: secret},
		model.AuditMember{User: model.User{PasswordHash: string(secret), KeyHash: secret, Sessions: secret}},
	} {
		b, err := audit.Append(nil, &model.Audit{Parts: []model.AuditPart{{After: v}}})
		if err != nil || bytes.Contains(b, secret) {
			t.Errorf("%T: %q, %v", v, b, err)
		}
	}
	if _, err := audit.Append(nil, &model.Audit{Parts: []model.AuditPart{{After: 5}}}); err == nil {
		t.Error("what has no form is packed")
	}
}

// TestLineIDs: the parts of an entry sort as they stand, and their entry is found from each of them.
func TestLineIDs(t *testing.T) {
	t.Parallel()
	e := model.Audit{AuditHead: model.AuditHead{ID: "0123456789abcdef0123456789abcdef"}, Parts: make([]model.AuditPart, 70000)}
	audit.Spread(&e)
	lines := audit.Lines(&e)
	if !slices.IsSortedFunc(lines, func(a, b model.AuditLine) int { return strings.Compare(string(a.ID), string(b.ID)) }) || lines[0].ID == lines[1].ID {
		t.Error("not in order")
	}
	for _, l := range lines {
		if audit.First(l.ID) != e.ID {
			t.Fatalf("%s is not of %s", l.ID, e.ID)
		}
	}
	one := model.Audit{AuditHead: model.AuditHead{ID: "0123456789abcdef0123456789abcdef"}, Parts: make([]model.AuditPart, 1)}
	if audit.Spread(&one); audit.Lines(&one)[0].ID != "0123456789abcdef0123456789abcdef" {
		t.Error("an entry of one part has another id")
	}
}

// TestSizes holds how small entries are: as the address of a record is added, and a hundred of them in one batch.
func TestSizes(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	entry := func(n int) *model.Audit {
		s := source{rand.New(rand.NewPCG(1, 2)), when}
		e := &model.Audit{AuditHead: model.AuditHead{ZoneName: "example.com", When: when, Actor: model.Actor{
			User: s.id(), Email: "admin@example.com", Token: s.id(), Context: "api_token", IP: s.addr(), Request: "0123456789abcdef",
		}}}
		for i := range n {
			id := s.id()
			e.Parts = append(e.Parts, model.AuditPart{Action: "create", Legacy: "rec_add", Resource: "dns.record", ResourceID: id, After: model.Record{
				ID: id, Name: wire.MustName(fmt.Sprintf("host-%d.example.com", i)), Type: wire.TypeA, Content: fmt.Sprintf("192.0.2.%d", i),
				RData: []byte{192, 0, 2, byte(i)}, TTL: 300, Created: when, Modified: when,
			}})
		}
		return e
	}
	for n, most := range map[int]int{1: 160, 100: 4200} {
		b, err := audit.Append(nil, entry(n))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d additions: %d octets", n, len(b))
		if len(b) > most {
			t.Errorf("%d additions take %d octets, want %d at most", n, len(b), most)
		}
	}
}

// TestManyPartsTakeNoRoom holds that the parts of a large change are packed in the room of two.
func TestManyPartsTakeNoRoom(t *testing.T) {
	dst := make([]byte, 0, 1<<20)
	of := func(n int) float64 {
		e := model.Audit{AuditHead: model.AuditHead{ZoneName: "example", When: time.Unix(1, 0)}}
		for i := range n {
			id := model.ID(fmt.Sprintf("%032x", i+1))
			e.Parts = append(e.Parts, model.AuditPart{Action: "create", Legacy: "rec_add", Resource: "dns.record", ResourceID: id, After: &model.Record{
				ID: id, Name: wire.MustName(fmt.Sprintf("host%d.example", i)), Type: wire.TypeTXT, Content: "text", RData: []byte("\x04text"), TTL: 300,
				Created: e.When, Modified: e.When,
			}})
		}
		return testing.AllocsPerRun(10, func() {
			if _, err := audit.Append(dst, &e); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := of(10), of(1000); many > few+8 {
		t.Errorf("%v allocations for 10 parts, %v for 1000", few, many)
	}
}
