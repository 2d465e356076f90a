package store_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

func addTSIG(t *testing.T, w *world, secret string) model.TSIG {
	t.Helper()
	k := model.TSIG{ID: newID(), Account: newAccount(), Name: "Key.Example.", Algo: "hmac-sha512.", Secret: secret}
	w.change(t, func(tx *store.Tx) []model.Entry {
		must(t, tx.PutTSIG(t.Context(), k))
		return nil
	})
	return k
}

func TestTransferObjects(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		account := newAccount()
		keys := []model.TSIG{
			{ID: newID(), Account: account, Name: "one.", Algo: "hmac-sha256.", Secret: "c2VjcmV0"},
			{ID: newID(), Account: account, Name: "two.", Algo: "hmac-sha1.", Secret: "b3RoZXI="},
		}
		peers := []model.Peer{
			{ID: newID(), Account: account, Name: "none"},
			{ID: newID(), Account: account, Name: "off", IXFR: model.SwitchOff},
			{
				ID: newID(), Account: account, Name: "full", IP: netip.MustParseAddr("2001:db8::1"), IPText: "2001:DB8::1", Port: 5353,
				IXFR: model.SwitchOn, TSIG: keys[0].ID, Notify: model.NotifyBy{Sources: "192.0.2.1 2001:db8::2"},
			},
		}
		acls := []model.ACL{{ID: newID(), Account: account, Name: "net", Range: "192.0.2.1/24", Prefix: netip.MustParsePrefix("192.0.2.0/24")}}
		w.change(t, func(tx *store.Tx) []model.Entry {
			for _, k := range keys {
				must(t, tx.PutTSIG(t.Context(), k))
			}
			for _, p := range peers {
				must(t, tx.PutPeer(t.Context(), p))
			}
			must(t, tx.PutACL(t.Context(), acls[0]))
			keys[1].Secret, peers[0].Name, acls[0].Name = "bmV3", "renamed", "renamed"
			must(t, tx.PutTSIG(t.Context(), keys[1]))
			must(t, tx.PutPeer(t.Context(), peers[0]))
			must(t, tx.PutACL(t.Context(), acls[0]))
			k, err := tx.TSIG(t.Context(), account, keys[1].ID)
			must(t, err)
			equal(t, "TSIG inside", k, keys[1])
			p, err := tx.Peer(t.Context(), account, peers[1].ID)
			must(t, err)
			equal(t, "peer inside", p, peers[1])
			a, err := tx.ACL(t.Context(), account, acls[0].ID)
			must(t, err)
			equal(t, "ACL inside", a, acls[0])
			return nil
		})
		gotKeys, err := w.TSIGs(t.Context(), account)
		must(t, err)
		equal(t, "TSIGs", gotKeys, keys)
		gotPeers, err := w.Peers(t.Context(), account)
		must(t, err)
		equal(t, "peers", gotPeers, peers)
		gotACLs, err := w.ACLs(t.Context(), account)
		must(t, err)
		equal(t, "ACLs", gotACLs, acls)
		other := newAccount()
		for what, err := range map[string]error{
			"TSIG": second(w.TSIG(t.Context(), other, keys[0].ID)), "peer": second(w.Peer(t.Context(), other, peers[0].ID)),
			"ACL": second(w.ACL(t.Context(), other, acls[0].ID)), "no id": second(w.ACL(t.Context(), account, "")),
		} {
			if !errors.Is(err, model.ErrNotFound) {
				t.Errorf("%s of another account: %v", what, err)
			}
		}
		w.change(t, func(tx *store.Tx) []model.Entry {
			if err := tx.DeletePeer(t.Context(), other, peers[0].ID); !errors.Is(err, model.ErrNotFound) {
				t.Errorf("deleted another account's peer: %v", err)
			}
			must(t, tx.DeletePeer(t.Context(), account, peers[0].ID))
			must(t, tx.DeleteTSIG(t.Context(), account, keys[0].ID))
			must(t, tx.DeleteACL(t.Context(), account, acls[0].ID))
			left, err := tx.Peers(t.Context(), account)
			must(t, err)
			equal(t, "peers left", left, peers[1:])
			leftKeys, err := tx.TSIGs(t.Context(), account)
			must(t, err)
			equal(t, "TSIGs left", leftKeys, keys[1:])
			none, err := tx.ACLs(t.Context(), account)
			must(t, err)
			equal(t, "ACLs left", none, []model.ACL(nil))
			return nil
		})
	})
}

func second[T any](_ T, err error) error { return err }
