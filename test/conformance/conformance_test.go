package conformance_test

import (
	"context"
	"flag"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/test/conformance"
	"github.com/headwaterdns/headwater/test/fasthalf"
	"github.com/headwaterdns/headwater/test/peers"
)

var update = flag.Bool("update", false, "write our answers into the case files")

// what our server says of itself in the case files.
var self = answer.Config{UDPSize: 1232, NSID: "here", Version: "unknown"}

func load(t *testing.T) ([]*conformance.Case, *zone.DB) {
	t.Helper()
	cases, err := conformance.Load("testdata")
	if err != nil {
		t.Fatal(err)
	}
	db := zone.NewDB(0)
	db.SetAccount(&zone.Account{ID: "account", ACL: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	queries := 0
	for _, c := range cases {
		queries += len(c.Queries)
		for _, v := range c.Zones {
			db.Reset(v.Apex().String(), "account", 1, v, v, zone.Links{Enabled: true}, nil)
		}
	}
	if len(cases) < 15 || queries < 60 {
		t.Fatalf("only %d queries in %d files", queries, len(cases))
	}
	return cases, db
}

// each runs a test for every case file and compares what got makes of its queries with the answers expected.
func each(t *testing.T, cases []*conformance.Case, got func(t *testing.T, q *conformance.Query) *dns.Msg) {
	t.Helper()
	for _, c := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(c.File), ".txtar"), func(t *testing.T) {
			for _, q := range c.Queries {
				m := got(t, q)
				if m == nil {
					continue
				}
				if text := conformance.Text(m); text != q.Want {
					t.Errorf("%s\ngot:\n%s\nwant:\n%s", q.Text, text, q.Want)
				}
			}
		})
	}
}

// TestInProcess puts the questions to package answer. What it leaves to the server, versions of EDNS, is left out.
func TestInProcess(t *testing.T) {
	if *update {
		t.Skip("updating over sockets")
	}
	cases, db := load(t)
	r := answer.New(db, self)
	each(t, cases, func(t *testing.T, q *conformance.Query) *dns.Msg {
		t.Helper()
		raw, err := q.Msg.Pack()
		if err != nil {
			t.Fatal(err)
		}
		var query wire.Request
		if query.Parse(raw) != wire.ParseOK {
			t.Fatalf("%s: malformed", q.Text)
		}
		if query.EDNS.Version > 0 {
			return nil
		}
		query.Size = min(q.Size, 1232)
		if q.TCP {
			query.Size = wire.MaxMessage
		}
		var m dns.Msg
		if err := m.Unpack(r.Respond(nil, &query)); err != nil {
			t.Fatalf("%s: %v", q.Text, err)
		}
		return &m
	})
}

// TestSockets puts the questions to our server.
func TestSockets(t *testing.T) {
	cases, db := load(t)
	addr := fasthalf.Serve(t, db, self, xfr.Config{})
	if *update {
		for _, c := range cases {
			got := map[*conformance.Query]string{}
			for _, q := range c.Queries {
				got[q] = conformance.Text(ask(t, addr, q))
			}
			if err := c.Update(got); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	each(t, cases, func(t *testing.T, q *conformance.Query) *dns.Msg {
		t.Helper()
		return ask(t, addr, q)
	})
}

// TestPeers checks the files themselves: other servers, which got the zones by transfer, answer as the files say, or as
// they are known to differ.
func TestPeers(t *testing.T) {
	cases, db := load(t)
	addr := fasthalf.Serve(t, db, self, xfr.Config{})
	var zones []wire.Name
	for _, c := range cases {
		for _, v := range c.Zones {
			zones = append(zones, v.Apex())
		}
	}
	for _, p := range []peers.Program{peers.BIND, peers.NSD, peers.Knot} {
		t.Run(string(p), func(t *testing.T) {
			if _, err := p.Find(); err != nil {
				t.Skip(err)
			}
			peer := peers.Run(t, peers.Config{Program: p, Primary: addr, Zones: zones})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for _, z := range zones {
				if err := peer.WaitSerial(ctx, z, db.Get(z).State().Transfer.Serial()); err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range cases {
				t.Run(strings.TrimSuffix(filepath.Base(c.File), ".txtar"), func(t *testing.T) {
					compare(t, string(p), addr, peer.Addr(), c)
				})
			}
		})
	}
}

func compare(t *testing.T, program string, ours, theirs netip.AddrPort, c *conformance.Case) {
	t.Helper()
	for _, q := range c.Queries {
		if q.Ours {
			continue
		}
		other := ask(t, theirs, q)
		d := conformance.Disagree(ask(t, ours, q), other)
		reason, known := q.Differs[program]
		switch {
		case d != "" && !known:
			t.Errorf("%s: %s\nits whole answer:\n%s", q.Text, d, conformance.Text(other))
		case d == "" && known:
			t.Errorf("%s: it agrees, though the file says: %s", q.Text, reason)
		}
	}
}

// ask sends a question and waits for the answer. A datagram that is lost is sent again.
func ask(t *testing.T, addr netip.AddrPort, q *conformance.Query) *dns.Msg {
	t.Helper()
	c := dns.Client{Net: "udp", UDPSize: dns.MaxMsgSize, Timeout: 5 * time.Second}
	if q.TCP {
		c.Net = "tcp"
	}
	m := q.Msg.Copy()
	m.Id = dns.Id()
	var err error
	for range 3 {
		var got *dns.Msg
		if got, _, err = c.Exchange(m, addr.String()); err == nil {
			if len(got.Question) != 1 || spelled(t, got.Question[0]) != spelled(t, m.Question[0]) {
				t.Errorf("%s: the question came back as %v", q.Text, got.Question)
			}
			return got
		}
	}
	t.Fatalf("%s: %v", q.Text, err)
	return nil
}

// spelled is a question in wire form, letters as they are.
func spelled(t *testing.T, q dns.Question) string {
	t.Helper()
	raw, err := (&dns.Msg{Question: []dns.Question{q}}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	return string(raw[wire.HeaderLen:])
}
