package commit_test

import (
	"flag"
	"fmt"
	"net/netip"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

var manyPeers = flag.Int("peers", 1000, "how many peers an account of TestCostOfPeers has")

// TestCostOfPeers holds what a change of a peer costs an account with many of them against one with few: statements, allocated octets,
// and octets in the journal. It is not run beside others, whose allocations it would count.
func TestCostOfPeers(t *testing.T) {
	const few, rounds, linked = 20, 20, 10
	for _, tt := range []struct {
		name string
		url  func(t *testing.T) string
	}{
		{"sqlite", func(t *testing.T) string { t.Helper(); return "sqlite:" + filepath.Join(t.TempDir(), "test.db") }},
		{"postgres", postgres},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log traced
			st, err := store.Open(t.Context(), store.Config{URL: tt.url(t), Trace: log.note})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = st.Close() })
			b := node(t, onEngine{st})
			b.makeAccount(t)
			have := 0
			var ids, own []model.ID
			peer := func(i int) model.Peer {
				return model.Peer{
					Name: fmt.Sprintf("peer %d", i), IP: netip.AddrFrom4([4]byte{198, 18 + byte(i>>16), byte(i >> 8), byte(i)}), Port: 5353,
					TSIG: own[i%len(own)],
				}
			}
			for i := range 10 {
				own = append(own, b.tsig(t, fmt.Sprintf("key%d.example.", i)))
			}
			grow := func(to int) {
				t.Helper()
				for have < to {
					c := model.Change{}
					for range min(200, to-have) {
						c.Edits = append(c.Edits, model.PutPeer{Peer: peer(have)})
						have++
					}
					for _, o := range b.must(t, c).Outcomes {
						ids = append(ids, o.Peer.ID)
					}
				}
			}
			grow(few)
			var zones []model.ID
			for i := range linked {
				z := b.transferredTo(t, fmt.Sprintf("zone%d.example", i), ids[0], ids[10])
				zones = append(zones, z)
			}
			type costs struct{ statements, octets, journal float64 }
			measure := func(do func(i int)) costs {
				t.Helper()
				do(-1)
				log.reset()
				head := b.seq(t)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				begin := time.Now()
				for i := range rounds {
					do(i)
				}
				took := time.Since(begin) / rounds
				runtime.ReadMemStats(&after)
				log.mu.Lock()
				out := costs{statements: float64(len(log.texts)) / rounds, octets: float64(after.TotalAlloc-before.TotalAlloc) / rounds}
				log.mu.Unlock()
				if err := st.Entries(t.Context(), head, func(e model.Entry) error {
					out.journal += float64(len(e.Body)+len(e.Secret)) / rounds
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				t.Logf("%5d peers: %6.1f statements, %9.0f octets allocated, %8.0f in the journal, %v", have, out.statements, out.octets, out.journal, took)
				return out
			}
			doings := []struct {
				name string
				do   func(i int)
			}{
				{"POST", func(int) {
					have++
					ids = append(ids, b.must(t, model.Change{Edits: []model.Edit{model.PutPeer{Peer: peer(have - 1)}}}).Outcomes[0].Peer.ID)
				}},
				{"PUT", func(i int) {
					p := peer(1)
					p.ID, p.Port = ids[1], uint16(6000+i)
					b.must(t, model.Change{Edits: []model.Edit{model.PutPeer{Peer: p}}})
				}},
				{"PUT of one that is linked", func(i int) {
					p := peer(0)
					p.ID, p.Port = ids[0], uint16(6000+i)
					b.must(t, model.Change{Edits: []model.Edit{model.PutPeer{Peer: p}}})
				}},
				{"DELETE", func(int) {
					last := ids[len(ids)-1]
					ids, have = ids[:len(ids)-1], have-1
					b.must(t, model.Change{Edits: []model.Edit{model.DeletePeer{ID: last}}})
				}},
				{"link", func(i int) {
					to := []model.ID{ids[0], ids[10]}
					if i%2 == 0 {
						to = to[:1]
					}
					if _, err := b.edit(t, zones[0], "outgoing.update", link(to...)); err != nil {
						t.Fatal(err)
					}
				}},
				{"ACL", func(i int) {
					b.must(t, model.Change{Edits: []model.Edit{model.PutACL{ACL: model.ACL{
						Name: "a", Range: "192.0.2.0/24", Prefix: netip.MustParsePrefix("192.0.2.0/24"),
					}}}})
				}},
				{"key", func(i int) { b.tsig(t, fmt.Sprintf("other%d.at%d.example.", i, have)) }},
			}
			at := map[string]costs{}
			for _, d := range doings {
				t.Log(d.name)
				at[d.name] = measure(d.do)
			}
			grow(*manyPeers)
			for _, d := range doings {
				t.Log(d.name)
				was, is := at[d.name], measure(d.do)
				if is.statements > was.statements || is.octets > 1.5*was.octets+20_000 || is.journal > 1.1*was.journal+50 {
					t.Errorf("%s costs %+v with %d peers, and %+v with %d", d.name, is, have, was, few)
				}
			}
		})
	}
}

func (b *bench) seq(t *testing.T) (seq model.Seq) {
	t.Helper()
	s, ok := b.base.(onEngine)
	if !ok {
		t.Fatal("no engine")
	}
	seq, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// transferredTo makes a zone that is linked to peers, with transfers on.
func (b *bench) transferredTo(t *testing.T, name string, peers ...model.ID) model.ID {
	t.Helper()
	z := b.zone(t, name)
	if _, err := b.edit(t, z.ID, "outgoing.create", link(peers...)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.edit(t, z.ID, "outgoing.enable", enable); err != nil {
		t.Fatal(err)
	}
	return z.ID
}
