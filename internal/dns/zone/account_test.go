package zone_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// TestChangesMakeTheWhole makes an account by random changes, and holds what a zone sees of it against the same account made at once, and
// what the changes say of changed peers against what the zone sees.
func TestChangesMakeTheWhole(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	d := rand.New(rand.NewPCG(seed, 0))
	changed, whole := zone.NewDB(0), zone.NewDB(0)
	keys, peers, ranges := map[string]zone.AccountKey{}, map[string]zone.AccountPeer{}, map[string]zone.AccountRange{}
	one := func() string { return fmt.Sprint(d.IntN(6)) }
	var links []string
	for i := range 6 {
		links = append(links, fmt.Sprint(i))
	}
	zoneOf := func(db *zone.DB) *zone.Zone {
		v := sample(t)
		return db.Reset("z", "acc", 1, v, v, zone.Links{Enabled: true, Peers: links}, nil)
	}
	z, w := zoneOf(changed), zoneOf(whole)
	for step := range 300 {
		c := zone.AccountChange{ID: "acc"}
		for range 1 + d.IntN(3) {
			switch id := one(); d.IntN(6) {
			case 0:
				k := zone.AccountKey{ID: id, Key: &tsig.Key{Name: wire.MustName("k" + id + "."), Secret: []byte{byte(d.IntN(3))}}}
				if d.IntN(3) == 0 {
					k.Next = one()
				}
				keys[id] = k
				c.Keys = append(c.Keys, k)
			case 1:
				delete(keys, id)
				c.Keys = slices.DeleteFunc(c.Keys, func(k zone.AccountKey) bool { return k.ID == id })
				c.GoneKeys = append(c.GoneKeys, id)
			case 2, 3:
				p := zone.AccountPeer{Peer: zone.Peer{ID: id, Name: fmt.Sprint(d.IntN(2))}}
				if d.IntN(3) > 0 {
					p.Addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(d.IntN(3))}), 53)
				}
				if d.IntN(2) == 0 {
					p.KeyID = one()
				}
				peers[id] = p
				c.Peers = append(c.Peers, p)
				c.GonePeers = slices.DeleteFunc(c.GonePeers, func(o string) bool { return o == id })
			case 4:
				delete(peers, id)
				c.Peers = slices.DeleteFunc(c.Peers, func(p zone.AccountPeer) bool { return p.ID == id })
				c.GonePeers = append(c.GonePeers, id)
			default:
				r := zone.AccountRange{id, netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(d.IntN(4))}), 32)}
				ranges[id] = r
				c.Ranges = append(c.Ranges, r)
			}
		}
		c.GoneKeys = slices.DeleteFunc(c.GoneKeys, func(id string) bool { _, back := keys[id]; return back })
		before := z.Access()
		told, _ := changed.ChangeAccount(&c)
		whole.ChangeAccount(&zone.AccountChange{
			ID: "acc", Whole: true, Keys: slices.Collect(maps.Values(keys)), Peers: slices.Collect(maps.Values(peers)),
			Ranges: slices.Collect(maps.Values(ranges)),
		})
		got, want := z.Access(), w.Access()
		type seen struct {
			on    bool
			peers []zone.Peer
			acl   []netip.Prefix
			keys  []*tsig.Key
		}
		if diff := testkit.Diff(fmt.Sprint(seen{want.Enabled, want.Peers, want.ACL, want.Keys}), fmt.Sprint(seen{got.Enabled, got.Peers, got.ACL, got.Keys})); diff != "" {
			t.Fatalf("seed %d, step %d: %s", seed, step, diff)
		}
		for i := range 4 {
			at := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
			if z.Knows(at) != w.Knows(at) {
				t.Fatalf("seed %d, step %d: %s is known to one of them", seed, step, at)
			}
		}
		for _, was := range before.Peers {
			is := slices.IndexFunc(got.Peers, func(p zone.Peer) bool { return p.ID == was.ID })
			same := is >= 0 && was.Addr == got.Peers[is].Addr && was.Key.Equal(got.Peers[is].Key) && was.Next.Equal(got.Peers[is].Next)
			if !same && !slices.Contains(told, was.ID) {
				t.Fatalf("seed %d, step %d: nobody is told that peer %s has changed", seed, step, was.ID)
			}
		}
	}
}

// TestMissingKeyCloses: a peer whose key is not there needs none for nobody.
func TestMissingKeyCloses(t *testing.T) {
	t.Parallel()
	db := zone.NewDB(0)
	v := sample(t)
	z := db.Reset("z", "acc", 1, v, v, zone.Links{Enabled: true, Peers: []string{"p"}}, nil)
	p := zone.AccountPeer{Peer: zone.Peer{ID: "p", Addr: netip.MustParseAddrPort("192.0.2.1:53")}, KeyID: "k"}
	db.ChangeAccount(&zone.AccountChange{ID: "acc", Peers: []zone.AccountPeer{p}})
	if a := z.Access(); a.Enabled || len(a.Peers) != 0 {
		t.Errorf("access %+v", a)
	}
	db.ChangeAccount(&zone.AccountChange{ID: "acc", Keys: []zone.AccountKey{{ID: "k", Key: &tsig.Key{Name: wire.MustName("k.")}}}})
	if a := z.Access(); !a.Enabled || len(a.Peers) != 1 || a.Peers[0].Key == nil {
		t.Errorf("access %+v", a)
	}
	if told := db.CloseAccount("acc"); len(told) != 1 || z.Access().Enabled {
		t.Errorf("told %v, access %+v", told, z.Access())
	}
	db.ChangeAccount(&zone.AccountChange{ID: "acc", Peers: []zone.AccountPeer{{Peer: p.Peer}}})
	if z.Access().Enabled {
		t.Error("a change opens what could not be read before")
	}
	db.ChangeAccount(&zone.AccountChange{ID: "acc", Whole: true, Peers: []zone.AccountPeer{{Peer: p.Peer}}})
	if !z.Access().Enabled {
		t.Error("still closed")
	}
}
