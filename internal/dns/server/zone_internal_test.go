package server

import (
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// zoneHandler answers from a small zone of an account with one key.
func zoneHandler(t *testing.T, key *tsig.Key) *handler {
	t.Helper()
	apex := wire.MustName("example.org.")
	host := wire.MustName("ns.example.org.")
	soa := append([]byte(host+host), make([]byte, 20)...)
	wire.SetSOASerial(soa, 7)
	v, err := zone.Build(apex, []rr.Set{
		{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{soa}},
		{Owner: apex, Type: wire.TypeNS, TTL: 60, Data: [][]byte{[]byte(host)}},
		{Owner: host, Type: wire.TypeA, TTL: 60, Data: [][]byte{{192, 0, 2, 1}}},
		{Owner: wire.MustName("*.wild.example.org."), Type: wire.TypeA, TTL: 60, Data: [][]byte{{192, 0, 2, 2}}},
		{Owner: wire.MustName("sub.example.org."), Type: wire.TypeNS, TTL: 60, Data: [][]byte{[]byte("\x02ns" + "\x03sub" + apex)}},
		{Owner: wire.MustName("ns.sub.example.org."), Type: wire.TypeA, TTL: 60, Data: [][]byte{{192, 0, 2, 3}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	db := zone.NewDB(0)
	db.SetAccount(&zone.Account{ID: "a", Keys: []*tsig.Key{key}})
	db.Reset("z", "a", 1, v, v, zone.Links{}, nil)
	s := New(Config{DB: db, NewResponder: func() Responder { return answer.New(db, answer.Config{UDPSize: 1232}) }})
	return s.newHandler(false, s.counts.add(UDP))
}

// From datagram to datagram through the real zone database and the real answers there is no allocation.
func TestAnswersAllocate(t *testing.T) {
	h := zoneHandler(t, nil)
	slab := make([]byte, 0, 1232+slack)
	for _, tt := range []struct {
		name string
		typ  wire.Type
		want wire.Rcode
	}{
		{"ns.example.org.", wire.TypeA, wire.RcodeNoError},
		{"ns.example.org.", wire.TypeTXT, wire.RcodeNoError},
		{"a.wild.example.org.", wire.TypeA, wire.RcodeNoError},
		{"a.sub.example.org.", wire.TypeA, wire.RcodeNoError},
		{"none.example.org.", wire.TypeA, wire.RcodeNXDomain},
		{"elsewhere.test.", wire.TypeA, wire.RcodeRefused},
		{"example.org.", wire.TypeANY, wire.RcodeNoError},
	} {
		msg := query(tt.name, tt.typ, optRR)
		out, v := h.datagram(slab, msg)
		if v != reply || wire.HeaderFlags(out).Rcode() != tt.want {
			t.Errorf("%s %v: verdict %d, %x", tt.name, tt.typ, v, out)
		}
		if n := testing.AllocsPerRun(100, func() { h.datagram(slab, msg) }); n != 0 {
			t.Errorf("%s %v: %v allocations", tt.name, tt.typ, n)
		}
	}
}

// The keys are those of the account whose zone is asked for; a name elsewhere has none.
func TestVerifyTakesTheAccountsKeys(t *testing.T) {
	t.Parallel()
	key := &tsig.Key{Name: wire.MustName("k."), Algorithm: tsig.HMACSHA256, Secret: []byte("secret")}
	h := zoneHandler(t, key)
	for name, want := range map[string]wire.Rcode{
		"example.org.": wire.RcodeNoError, "ns.example.org.": wire.RcodeNoError, "elsewhere.test.": wire.RcodeNotAuth,
	} {
		msg := tsig.NewClient(key).Sign(query(name, wire.TypeSOA, ""), 0, time.Now())
		if _, v := h.datagram(nil, msg); v != slow {
			t.Fatalf("verdict %d", v)
		}
		out, err := h.dispatch(t.Context(), nil, nil)
		if err != nil || wire.HeaderFlags(out).Rcode() != want {
			t.Errorf("%s: %x, %v", name, out, err)
		}
	}
}

// A NOTIFY reaches a primary by mistake, whether it has the zone or not.
func TestNotify(t *testing.T) {
	t.Parallel()
	h := zoneHandler(t, nil)
	for name, want := range map[string]wire.Rcode{"example.org.": wire.RcodeRefused, "elsewhere.test.": wire.RcodeNotAuth} {
		msg := query(name, wire.TypeSOA, "")
		wire.SetHeaderFlags(msg, wire.Flags(0).WithOpcode(wire.OpcodeNotify))
		h.datagram(nil, msg)
		out, err := h.dispatch(t.Context(), nil, nil)
		if f := wire.HeaderFlags(out); err != nil || f.Rcode() != want || f.Opcode() != wire.OpcodeNotify {
			t.Errorf("%s: %x, %v", name, out, err)
		}
	}
}
