package review_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/review"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

const apex = "example.org"

func set(t *testing.T, owner string, typ wire.Type, data ...string) rr.Set {
	t.Helper()
	s := rr.Set{Owner: wire.MustName(owner), Type: typ, TTL: 300}
	for _, d := range data {
		b, err := rr.ParseData(typ, d, wire.MustName(apex))
		if err != nil {
			t.Fatal(err)
		}
		s.Data = append(s.Data, b)
	}
	return s
}

func fails(owner string) rr.Set {
	return rr.Set{Owner: wire.MustName(owner), Type: zone.TypeMark, Data: [][]byte{{}}}
}

func row(t *testing.T, id, owner string, typ wire.Type, data string, proxied bool) model.Record {
	t.Helper()
	return model.Record{ID: model.ID(id), Name: wire.MustName(owner), Type: typ, RData: set(t, owner, typ, data).Data[0], Proxied: proxied}
}

// world is a zone to review.
type world struct {
	served, transfer []rr.Set // beside SOA and the zone's own NS
	rows             []model.Record
	peers            []zone.Peer
	edit             func(*model.Zone)
	others           map[string]*zone.Version
	inside           []model.Zone
}

func (w *world) review(t *testing.T) model.Review {
	t.Helper()
	build := func(sets []rr.Set) *zone.Version {
		all := []rr.Set{set(t, apex, wire.TypeSOA, "ns1.hw.test. h.example.org. 1 2 3 4 5"), set(t, apex, wire.TypeNS, "ns1.hw.test.")}
		for _, s := range sets {
			if s.Type == wire.TypeNS && s.Owner == all[1].Owner {
				s.Data = append(s.Data, all[1].Data...)
				slices.SortFunc(s.Data, bytes.Compare)
				all = slices.Delete(all, 1, 2)
			}
			all = append(all, s)
		}
		v, err := zone.Build(wire.MustName(apex), all)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	z := model.Zone{ID: "z", Name: wire.MustName(apex), Mode: model.ModeOrigin, NameServers: []string{"ns1.hw.test"}}
	if w.edit != nil {
		w.edit(&z)
	}
	st := &zone.State{Served: build(w.served), Transfer: build(w.transfer)}
	r, err := review.Of(t.Context(), review.Input{
		Zone: &z, State: st, Access: zone.Access{Peers: w.peers},
		Inside: func(context.Context) ([]model.Zone, error) { return w.inside, nil },
		Records: func(_ context.Context, _ model.RecordQuery, yield func(*model.Record) error) error {
			for i := range w.rows {
				if err := yield(&w.rows[i]); err != nil {
					return err
				}
			}
			return nil
		},
		Find: func(n wire.Name) *zone.Version {
			for suffix, v := range w.others {
				if n.Within(wire.MustName(suffix)) {
					return v
				}
			}
			if n.Within(wire.MustName(apex)) {
				return st.Served
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func brief(r model.Review) string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, fmt.Sprintf("%s %s %s %s [%s] [%s] %s", f.Severity, f.Reason, f.Name, f.Type,
			strings.Join(f.Served, ", "), strings.Join(f.Transferred, ", "), f.Record))
	}
	return strings.Join(out, "\n")
}

// TestReasons meets every reason there is.
func TestReasons(t *testing.T) {
	t.Parallel()
	edge := func(z *model.Zone) { z.Mode = model.ModeEdge }
	plain := set(t, "www."+apex, wire.TypeA, "198.51.100.1")
	shown := set(t, "www."+apex, wire.TypeA, "203.0.113.1")
	cname := set(t, "www."+apex, wire.TypeCNAME, "cdn.test.")
	text := set(t, "www."+apex, wire.TypeTXT, "x")
	top, topShown := set(t, apex, wire.TypeCNAME, "cdn.test."), set(t, apex, wire.TypeA, "203.0.113.1")
	peer := zone.Peer{ID: "p", Name: "nsd", Addr: netip.MustParseAddrPort("192.0.2.53:53")}
	var hosts []string
	for i := range 101 {
		hosts = append(hosts, fmt.Sprintf("192.0.2.%d", i))
	}
	many := set(t, "www."+apex, wire.TypeA, hosts...)
	slices.SortFunc(many.Data, bytes.Compare)
	for _, tt := range []struct {
		title string
		world world
		want  string
	}{
		{"nothing", world{
			served: []rr.Set{plain}, transfer: []rr.Set{plain}, rows: []model.Record{row(t, "1", "www."+apex, wire.TypeA, "198.51.100.1", false)},
		}, ""},
		{"proxied", world{
			served: []rr.Set{shown}, transfer: []rr.Set{plain}, rows: []model.Record{row(t, "1", "www."+apex, wire.TypeA, "198.51.100.1", true)},
		}, "warning origin_exposed www.example.org. A [A 203.0.113.1] [A 198.51.100.1] 1"},
		{"proxied, paused", world{
			served: []rr.Set{plain}, transfer: []rr.Set{plain}, edit: edge, rows: []model.Record{row(t, "1", "www."+apex, wire.TypeA, "198.51.100.1", true)},
		}, ""},
		{"proxied, edge", world{
			served: []rr.Set{shown}, transfer: []rr.Set{shown}, edit: edge, rows: []model.Record{row(t, "1", "www."+apex, wire.TypeA, "198.51.100.1", true)},
		}, "info edge_addresses www.example.org. A [A 203.0.113.1] [A 203.0.113.1] 1"},
		{"CNAME at the apex", world{
			served: []rr.Set{topShown}, transfer: []rr.Set{top}, rows: []model.Record{row(t, "1", apex, wire.TypeCNAME, "cdn.test.", false)},
		}, "critical apex_cname example.org. CNAME [A 203.0.113.1] [CNAME cdn.test.] 1\n" +
			"info flattened example.org. CNAME [A 203.0.113.1] [CNAME cdn.test.] 1"},
		{"CNAME at the apex, edge", world{
			served: []rr.Set{topShown}, transfer: []rr.Set{topShown}, edit: edge, rows: []model.Record{row(t, "1", apex, wire.TypeCNAME, "cdn.test.", false)},
		}, ""},
		{"flattened beside TXT", world{
			served: []rr.Set{shown, text}, transfer: []rr.Set{cname}, rows: []model.Record{row(t, "1", "www."+apex, wire.TypeCNAME, "cdn.test.", false)},
		}, "warning cname_neighbours www.example.org. CNAME [A 203.0.113.1, TXT \"x\"] [CNAME cdn.test.] 1\n" +
			"info flattened www.example.org. CNAME [A 203.0.113.1] [CNAME cdn.test.] 1"},
		{"CNAME transferred beside TXT", world{
			served: []rr.Set{cname, text}, transfer: []rr.Set{cname, text}, rows: []model.Record{row(t, "1", "www."+apex, wire.TypeCNAME, "cdn.test.", false)},
		}, "critical cname_neighbours www.example.org. CNAME [CNAME cdn.test., TXT \"x\"] [CNAME cdn.test., TXT \"x\"] "},
		{"target unknown", world{
			served: []rr.Set{fails("www." + apex)}, transfer: []rr.Set{cname}, rows: []model.Record{row(t, "1", "www."+apex, wire.TypeCNAME, "cdn.test.", false)},
		}, "warning unresolved www.example.org. CNAME [SERVFAIL] [CNAME cdn.test.] 1"},
		{"target unknown, edge", world{
			served: []rr.Set{fails(apex)}, transfer: nil, edit: edge, rows: []model.Record{row(t, "1", apex, wire.TypeCNAME, "cdn.test.", false)},
		}, "warning unresolved example.org. CNAME [SERVFAIL] [] 1"},
		{"NS at the apex, ignored", world{
			rows: []model.Record{row(t, "1", apex, wire.TypeNS, "ns.other.test.", false)},
		}, "warning apex_ns_ignored example.org. NS [NS ns1.hw.test.] [NS ns1.hw.test.] 1"},
		{"NS at the apex, in use", world{
			rows: []model.Record{row(t, "1", apex, wire.TypeNS, "ns.other.test.", false)},
			edit: func(z *model.Zone) { z.Settings.MultiProvider = true },
		}, ""},
		{"many", world{served: []rr.Set{many}, transfer: []rr.Set{many}}, "critical record_too_large www.example.org. A"},
		{"hidden secondary", world{peers: []zone.Peer{peer}}, "info secondary_not_in_ns example.org. NS [NS ns1.hw.test.] [NS ns1.hw.test.] "},
		{"secondary in the NS set", world{
			served:   []rr.Set{set(t, apex, wire.TypeNS, "ns2"), set(t, "ns2."+apex, wire.TypeA, "192.0.2.53")},
			transfer: []rr.Set{set(t, apex, wire.TypeNS, "ns2"), set(t, "ns2."+apex, wire.TypeA, "192.0.2.53")},
			peers:    []zone.Peer{peer},
		}, ""},
		{"name server somewhere else", world{
			served: []rr.Set{set(t, apex, wire.TypeNS, "ns.other.test.")}, transfer: []rr.Set{set(t, apex, wire.TypeNS, "ns.other.test.")},
			peers: []zone.Peer{peer},
		}, ""},
	} {
		t.Run(tt.title, func(t *testing.T) {
			t.Parallel()
			got := tt.world.review(t)
			text := brief(got)
			if tt.title == "many" {
				text = text[:min(len(text), len(tt.want))]
			}
			if diff := testkit.Diff(tt.want, text); diff != "" {
				t.Error(diff)
			}
			critical := 0
			for _, f := range got.Findings {
				if f.Message == "" {
					t.Errorf("%s says nothing", f.Reason)
				}
				if f.Severity == model.SeverityCritical {
					critical++
				}
			}
			if got.Total != len(got.Findings) || got.Critical != critical {
				t.Errorf("total %d, critical %d", got.Total, got.Critical)
			}
		})
	}
}

// TestMany has more warnings than a review holds, and one critical finding behind all of them.
func TestMany(t *testing.T) {
	t.Parallel()
	w := world{}
	for i := range review.Most + 50 {
		host := fmt.Sprintf("h%d.%s", i, apex)
		w.served = append(w.served, set(t, host, wire.TypeA, "203.0.113.1"))
		w.transfer = append(w.transfer, set(t, host, wire.TypeA, "198.51.100.1"))
		w.rows = append(w.rows, row(t, fmt.Sprint(i), host, wire.TypeA, "198.51.100.1", true))
	}
	w.transfer = append(w.transfer, set(t, apex, wire.TypeCNAME, "cdn.test."))
	got := w.review(t)
	if got.Total != review.Most+51 || len(got.Findings) != review.Most+1 || got.Findings[0].Reason != model.ReasonApexCNAME {
		t.Errorf("total %d, held %d, first %s", got.Total, len(got.Findings), got.Findings[0].Reason)
	}
}
