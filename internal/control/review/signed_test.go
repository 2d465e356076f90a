package review_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/review"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

var signedAt = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// sign makes a zone with a key that signs everything.
func sign(t *testing.T, k *dnssec.Key, sets []rr.Set) *zone.Version {
	t.Helper()
	all := append([]rr.Set{
		set(t, apex, wire.TypeSOA, "ns1.hw.test. h.example.org. 1 2 3 4 5"), set(t, apex, wire.TypeNS, "ns1.hw.test.", "ns.other.test."),
		{Owner: wire.MustName(apex), Type: wire.TypeDNSKEY, TTL: 3600, Data: [][]byte{k.RData()}},
	}, sets...)
	bare, err := zone.Build(wire.MustName(apex), all)
	if err != nil {
		t.Fatal(err)
	}
	signers := dnssec.Signers{Keys: []*dnssec.Key{k}, Zone: []*dnssec.Key{k}}
	made, err := (&dnssec.Job{New: bare, Signers: signers, Timing: dnssec.TimingOf(signedAt, 604800, 86400)}).Sign()
	if err != nil {
		t.Fatal(err)
	}
	v, err := bare.Apply(&zone.Delta{From: 1, To: 1, Removed: made.Removed, Added: made.Added})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSigned meets what only resolvers that validate mind, and finds nothing in what the signer has made itself.
func TestSigned(t *testing.T) {
	t.Parallel()
	k, err := dnssec.Generate(dnssec.ED25519, 257, nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := dnssec.Generate(dnssec.ED25519, 257, nil)
	if err != nil {
		t.Fatal(err)
	}
	parent := func(ds *dnssec.Key) *zone.Version {
		sets := []rr.Set{
			{Owner: wire.MustName("org"), Type: wire.TypeSOA, TTL: 300, Data: set(t, apex, wire.TypeSOA, "ns1.hw.test. h.example.org. 1 2 3 4 5").Data},
			set(t, "org", wire.TypeNS, "ns1.hw.test."), set(t, apex, wire.TypeNS, "ns1.hw.test."),
		}
		if ds != nil {
			sets = append(sets, rr.Set{Owner: wire.MustName(apex), Type: wire.TypeDS, TTL: 300, Data: [][]byte{ds.DS(wire.MustName(apex), dnssec.SHA384)}})
		}
		v, err := zone.Build(wire.MustName("org"), sets)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	www, mail := set(t, "www."+apex, wire.TypeA, "192.0.2.1"), set(t, "mail."+apex, wire.TypeMX, "1 www")
	cut, alias := set(t, "cut."+apex, wire.TypeNS, "ns.other.test."), set(t, "www."+apex, wire.TypeCNAME, "x.test.")
	long := www
	long.TTL = 100_000
	foreign := review.Server{Name: wire.MustName("ns.other.test"), Addr: "192.0.2.9"}
	ours := foreign
	ours.Ours, ours.Addr = true, "192.0.2.10"
	for name, c := range map[string]struct {
		served, transfer []rr.Set
		rows             []model.Record
		edit             func(*model.Zone, *review.Input)
		want             []string // reasons with the names, or parts of the text
	}{
		"nothing":       {},
		"an alias":      {transfer: []rr.Set{alias, mail, cut}},
		"the same here": {served: []rr.Set{www, mail, cut}, transfer: []rr.Set{www, mail, cut}},
		"other types": {
			served: []rr.Set{www}, transfer: []rr.Set{alias}, rows: []model.Record{row(t, "1", "www."+apex, wire.TypeCNAME, "x.test.", true)},
			want: []string{"origin_exposed", "types_differ www.example.org. We have A at this name and secondaries CNAME"},
		},
		"apex CNAME": {transfer: []rr.Set{set(t, apex, wire.TypeCNAME, "x.test.")}, want: []string{"apex_cname"}},
		"a long TTL": {transfer: []rr.Set{long}, want: []string{"ttl_too_long www.example.org. The TTL of 100000 seconds is above 86400"}},
		"no DS":      {edit: func(_ *model.Zone, in *review.Input) { in.Find = func(wire.Name) *zone.Version { return parent(nil) } }, want: []string{"ds_missing"}},
		"another DS": {edit: func(_ *model.Zone, in *review.Input) {
			in.Find = func(wire.Name) *zone.Version { return parent(other) }
		}, want: []string{"ds_missing"}},
		"its DS": {edit: func(_ *model.Zone, in *review.Input) { in.Find = func(wire.Name) *zone.Version { return parent(k) } }},
		"no DS wanted": {edit: func(z *model.Zone, in *review.Input) {
			in.Find, z.DNSSEC.Status = func(wire.Name) *zone.Version { return parent(nil) }, model.DNSSECDisabled
		}},
		"secondaries": {
			edit: func(_ *model.Zone, in *review.Input) {
				in.Secondaries = []review.Secondary{{Name: "in step"}, {Name: "just now", Behind: signedAt.Add(-time.Hour)}, {Name: "gone", Behind: signedAt.Add(-48 * time.Hour)}}
			},
			want: []string{"secondary_late example.org. The secondary gone has not been in step since 2026-11-26 12:00 UTC. Signatures that it hands out may end from 2026-12-05 12:00 UTC"},
		},
		"another's server":             {edit: func(_ *model.Zone, in *review.Input) { in.Servers = []review.Server{foreign} }, want: []string{"ns_not_ours example.org. The name server ns.other.test (192.0.2.9)"}},
		"one of its addresses is ours": {edit: func(_ *model.Zone, in *review.Input) { in.Servers = []review.Server{foreign, ours} }},
		"two signers": {edit: func(z *model.Zone, in *review.Input) {
			in.Servers, z.DNSSEC.MultiSigner = []review.Server{foreign}, model.SwitchOn
		}},
	} {
		transfer := sign(t, k, c.transfer)
		st := &zone.State{Served: transfer, Transfer: transfer}
		if c.served != nil {
			st.Served = sign(t, k, c.served)
		}
		z := model.Zone{ID: "z", Name: wire.MustName(apex), Mode: model.ModeOrigin, NameServers: []string{"ns1.hw.test"}}
		z.DNSSEC.Status, z.Settings = model.DNSSECActive, model.DefaultSettings()
		in := review.Input{
			Zone: &z, State: st, Now: signedAt, Find: func(wire.Name) *zone.Version { return nil },
			Records: func(_ context.Context, _ model.RecordQuery, yield func(*model.Record) error) error {
				for i := range c.rows {
					if err := yield(&c.rows[i]); err != nil {
						return err
					}
				}
				return nil
			},
		}
		if c.edit != nil {
			c.edit(&z, &in)
		}
		r, err := review.Of(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range r.Findings {
			got = append(got, fmt.Sprintf("%s %s %s", f.Reason, f.Name, f.Message))
		}
		if len(got) != len(c.want) || slices.ContainsFunc(c.want, func(w string) bool {
			return !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, w) })
		}) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
