package feed_test

import (
	"net/netip"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/controltest"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
)

// TestSealedKeys: a node without the secret key knows that a link needs a signature, and takes none for good.
func TestSealedKeys(t *testing.T) {
	t.Parallel()
	w := writer{controltest.NewStore(), t}
	w.create("one", 10)
	addr := netip.MustParseAddrPort("192.0.2.1:53")
	body, _ := (&model.AccessChange{
		Whole: true,
		Keys:  []model.AccessKey{{ID: "k", Name: wire.MustName("key."), Algorithm: wire.MustName("hmac-sha256."), Secret: []byte("swordfish")}},
		Peers: []model.AccessPeer{{ID: "p", Name: "p", Addr: addr, Key: "k"}},
	}).Append()
	n := start(t, w.store)
	last := w.commit(func(*controltest.Tx) []model.Entry {
		return []model.Entry{
			{Kind: model.EntryAccess, Account: "acc", Body: body, Sealed: true},
			{Kind: model.EntryAccess, Account: "acc", Zone: "one", Body: model.ZoneAccess{Enabled: true, Peers: []model.ID{"p"}}.Append(nil)},
		}
	})
	n.wait(t, last[1].Seq)
	a := n.db.ByID("one").Access()
	if !a.Enabled || a.Peers[0].Key == nil || len(a.Keys) != 0 {
		t.Fatalf("access %+v", a)
	}
	forged := &tsig.Key{Name: wire.MustName("key."), Algorithm: tsig.Algorithm(wire.MustName("hmac-sha256."))}
	for name, key := range map[string]*tsig.Key{"unsigned": nil, "another secret": {Name: forged.Name, Algorithm: forged.Algorithm, Secret: []byte("guess")}} {
		if d := xfr.Allow(&a, addr.Addr(), key, nil); d.Rcode != wire.RcodeRefused {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if h := n.Health(); h.Sealed != 1 {
		t.Errorf("health %+v", h)
	}
	open, secret := (&model.AccessChange{Whole: true}).Append()
	last = w.commit(func(*controltest.Tx) []model.Entry {
		return []model.Entry{{Kind: model.EntryAccess, Account: "acc", Body: open, Secret: secret}}
	})
	n.wait(t, last[0].Seq)
	if h := n.Health(); h.Sealed != 0 {
		t.Errorf("health %+v", h)
	}
}
