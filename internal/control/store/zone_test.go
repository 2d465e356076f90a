package store_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		var all []model.Account
		for i, name := range []string{"beta", "Alpha", "gamma"} {
			all = append(all, model.Account{
				ID: newAccount(), Name: name, Type: "standard", Created: at(i), OutgoingTransfers: i == 1, ZoneDefaults: model.DefaultSettings(),
				EdgeAddresses: []netip.Addr{netip.MustParseAddr("2001:db8::1")}, TransferMode: model.ModeOrigin, StrictReview: true,
			})
		}
		w.change(t, func(tx *store.Tx) []model.Entry {
			for _, a := range all {
				must(t, tx.PutAccount(t.Context(), a))
			}
			all[0].Name = "Beta"
			must(t, tx.PutAccount(t.Context(), all[0]))
			got, err := tx.Account(t.Context(), all[0].ID)
			must(t, err)
			equal(t, "account inside", got, all[0])
			return nil
		})
		got, err := w.Account(t.Context(), all[1].ID)
		must(t, err)
		equal(t, "account", got, all[1])
		if _, err := w.Account(t.Context(), "nonsense"); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("no account: %v", err)
		}
		for _, tt := range []struct {
			ids           []model.ID
			name          string
			desc          bool
			offset, limit int
			want          string
			total         int
		}{
			{nil, "", false, 0, 0, "Alpha Beta gamma ", 3},
			{nil, "", true, 0, 2, "gamma Beta ", 3},
			{nil, "", false, 2, 5, "gamma ", 3},
			{nil, "", false, 3, 5, "", 3},
			{nil, "ALPHA", false, 0, 0, "Alpha ", 1},
			{[]model.ID{}, "", false, 0, 0, "", 0},
			{[]model.ID{all[2].ID, all[0].ID}, "", false, 0, 0, "Beta gamma ", 2},
		} {
			list, total, err := w.Accounts(t.Context(), tt.ids, tt.name, tt.desc, tt.offset, tt.limit)
			must(t, err)
			names := ""
			for _, a := range list {
				names += a.Name + " "
			}
			if names != tt.want || total != tt.total {
				t.Errorf("%+v: %q of %d", tt, names, total)
			}
		}
	})
}

func TestZoneLife(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		account, peer := newAccount(), newAccount()
		z := testZone(account, "example.com")
		z.Outgoing = &model.Outgoing{Name: "example.com.", Peers: []model.ID{newID(), peer}, Enabled: true, Created: at(6), Modified: at(7)}
		seq := w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.PutZone(t.Context(), z))
			return []model.Entry{
				{Kind: model.EntryReset, Zone: z.ID, Serial: 100},
				{Kind: model.EntryAccess, Zone: z.ID, Serial: 100},
			}
		})
		z.Serial, z.Seq = 100, seq
		got, err := w.Zone(t.Context(), z.ID)
		must(t, err)
		equal(t, "zone", got, z)
		w.change(t, func(tx *store.Tx) []model.Entry {
			byName, err := tx.ZoneByName(t.Context(), wire.MustName("Example.COM."))
			must(t, err)
			equal(t, "zone by name", byName, z)
			links, err := tx.ZonesLinking(t.Context(), peer, 10)
			must(t, err)
			equal(t, "linking zones", links, []model.Zone{z})
			z.Outgoing, z.OutgoingTransfers, z.Paused, z.Serial = nil, nil, true, 5
			must(t, tx.PutZone(t.Context(), z))
			if links, err = tx.ZonesLinking(t.Context(), peer, 10); err != nil || len(links) != 0 {
				t.Errorf("still linked: %v %v", links, err)
			}
			return nil
		})
		z.Serial = 100
		got, err = w.Zone(t.Context(), z.ID)
		must(t, err)
		equal(t, "zone after the edit", got, z)

		tx := w.begin(t)
		defer tx.Rollback()
		twin := testZone(account, "example.com")
		if err := tx.PutZone(t.Context(), twin); !errors.Is(err, model.ErrStale) {
			t.Errorf("two zones of one name: %v", err)
		}
	})
}

func TestDeleteZone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z, other := w.addZone(t, newAccount(), "gone.test"), w.addZone(t, newAccount(), "stays.test")
		tagged := testRecord(z.ID, "www.gone.test", wire.TypeA, "192.0.2.1")
		tagged.Tags = []string{"a:b"}
		w.addRecords(t, tagged)
		w.addRecords(t, testRecord(other.ID, "www.stays.test", wire.TypeA, "192.0.2.1"))
		must(t, w.PutPeerStates(t.Context(), []store.PeerState{{Zone: z.ID, Peer: newID(), Serial: 2}}))
		w.change(t, func(tx *store.Tx) []model.Entry {
			_, err := tx.LastSerial(t.Context(), z.Name)
			if !errors.Is(err, model.ErrNotFound) {
				t.Errorf("serial before: %v", err)
			}
			must(t, tx.DeleteZone(t.Context(), z.ID))
			return []model.Entry{
				{Kind: model.EntryDelta, Zone: z.ID, Serial: 3},
				{Kind: model.EntryGone, Zone: z.ID},
			}
		})
		if _, err := w.Zone(t.Context(), z.ID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("zone: %v", err)
		}
		if _, err := w.Image(t.Context(), z.ID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("image: %v", err)
		}
		if got := w.list(t, z.ID, model.RecordQuery{}); len(got) != 0 {
			t.Errorf("records: %v", got)
		}
		must(t, w.PeerStates(t.Context(), "", func(p store.PeerState) error { return fmt.Errorf("left: %v", p) }))
		kinds := ""
		for _, e := range w.entries(t, 0) {
			if e.Zone == z.ID {
				kinds += fmt.Sprint(e.Kind, " ")
			}
		}
		if kinds != "1 4 " {
			t.Errorf("journal of the zone: %s", kinds)
		}
		again := testZone(z.Account, "gone.test")
		w.change(t, func(tx *store.Tx) []model.Entry {
			serial, err := tx.LastSerial(t.Context(), z.Name)
			must(t, err)
			if serial != 3 {
				t.Errorf("last serial %d", serial)
			}
			must(t, tx.PutZone(t.Context(), again))
			n, err := tx.CountRecords(t.Context(), again.ID)
			must(t, err)
			if n != 0 {
				t.Errorf("the new zone has %d records", n)
			}
			return []model.Entry{{Kind: model.EntryReset, Zone: again.ID, Serial: 4}}
		})
		if n, err := w.CountRecords(t.Context(), other.ID, model.RecordQuery{}); err != nil || n != 1 {
			t.Errorf("records of the other zone: %d %v", n, err)
		}
	})
}

func TestListZones(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		big, small := model.Account{ID: newAccount(), Name: "Big"}, model.Account{ID: newAccount(), Name: "small_"}
		w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.PutAccount(t.Context(), big))
			must(t, tx.PutAccount(t.Context(), small))
			return nil
		})
		zones := map[string]model.Zone{}
		for i, name := range []string{"b.test", "a.test", "c-1.test", "d_e.test"} {
			account := []model.ID{big.ID, small.ID}[i%2]
			zones[name] = w.addZone(t, account, name)
		}
		id := func(names ...string) (out []model.ID) {
			for _, n := range names {
				out = append(out, zones[n].ID)
			}
			return out
		}
		filter := func(field string, op model.Op, value string) []model.Filter {
			return []model.Filter{{Field: field, Op: op, Value: value}}
		}
		for i, tt := range []struct {
			q     model.ZoneQuery
			want  string
			total int
		}{
			{model.ZoneQuery{}, "", 0},
			{model.ZoneQuery{All: true}, "a.test b.test c-1.test d_e.test ", 4},
			{model.ZoneQuery{All: true, Desc: true, Offset: 1, Limit: 2}, "c-1.test b.test ", 4},
			{model.ZoneQuery{All: true, Offset: 3}, "d_e.test ", 4},
			{model.ZoneQuery{IDs: id("a.test"), Accounts: []model.ID{big.ID}}, "a.test b.test c-1.test ", 3},
			{model.ZoneQuery{IDs: []model.ID{}, Accounts: []model.ID{"x"}}, "", 0},
			{model.ZoneQuery{All: true, Filters: filter("name", model.OpExact, "A.TEST")}, "a.test ", 1},
			{model.ZoneQuery{All: true, Filters: filter("name", model.OpExactCase, "A.TEST")}, "", 0},
			{model.ZoneQuery{All: true, Filters: filter("name", model.OpNotEqual, "a.test")}, "b.test c-1.test d_e.test ", 3},
			{model.ZoneQuery{All: true, Filters: filter("name", model.OpContains, "_")}, "d_e.test ", 1},
			{model.ZoneQuery{All: true, Filters: filter("name", model.OpContains, "%")}, "", 0},
			{model.ZoneQuery{All: true, Filters: filter("name", model.OpStartsWith, "C-")}, "c-1.test ", 1},
			{model.ZoneQuery{All: true, Filters: filter("name", model.OpEndsWith, "1.TEST")}, "c-1.test ", 1},
			{model.ZoneQuery{All: true, Filters: filter("account.name", model.OpContainsCase, "ig")}, "b.test c-1.test ", 2},
			{model.ZoneQuery{All: true, Filters: filter("account.name", model.OpContainsCase, "IG")}, "", 0},
			{model.ZoneQuery{All: true, Filters: filter("account.name", model.OpStartsWithCase, "sm")}, "a.test d_e.test ", 2},
			{model.ZoneQuery{All: true, Filters: filter("account.name", model.OpEndsWithCase, "all_")}, "a.test d_e.test ", 2},
			{model.ZoneQuery{All: true, Filters: filter("account.name", model.OpEndsWithCase, "a very small_")}, "", 0},
			{model.ZoneQuery{All: true, Filters: filter("account.id", model.OpExact, string(small.ID))}, "a.test d_e.test ", 2},
			{model.ZoneQuery{All: true, Filters: filter("status", model.OpExact, "pending")}, "", 0},
			{model.ZoneQuery{
				All: true, Any: true,
				Filters: append(filter("name", model.OpExact, "a.test"), filter("account.id", model.OpExact, string(big.ID))...),
			}, "a.test b.test c-1.test ", 3},
			{model.ZoneQuery{
				Accounts: []model.ID{small.ID}, Any: true,
				Filters: append(filter("name", model.OpExact, "b.test"), filter("name", model.OpExact, "a.test")...),
			}, "a.test ", 1},
			{model.ZoneQuery{All: true, Search: "E.T"}, "d_e.test ", 1},
			{model.ZoneQuery{All: true, Order: "account.name"}, "b.test c-1.test a.test d_e.test ", 4},
			{model.ZoneQuery{All: true, Order: "account.id", Desc: true}, "d_e.test a.test c-1.test b.test ", 4},
			{model.ZoneQuery{All: true, Order: "status", Limit: 1}, "b.test ", 4},
		} {
			list, total, err := w.Zones(t.Context(), tt.q)
			must(t, err)
			names := ""
			for _, z := range list {
				names += z.Name.Host() + " "
			}
			if names != tt.want || total != tt.total {
				t.Errorf("%d: %+v: %q of %d", i, tt.q, names, total)
			}
		}
		if _, _, err := w.Zones(t.Context(), model.ZoneQuery{All: true, Order: "no; DROP TABLE zones"}); err == nil {
			t.Error("an order of no field")
		}
		if _, _, err := w.Zones(t.Context(), model.ZoneQuery{All: true, Filters: filter("x", model.OpExact, "")}); err == nil {
			t.Error("a filter of no field")
		}
		var got []model.ID
		w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.AccountZones(t.Context(), big.ID, func(z model.ID) error {
				got = append(got, z)
				_, err := tx.Zone(t.Context(), z)
				return err
			}))
			return nil
		})
		equal(t, "zones of the account", got, id("b.test", "c-1.test"))
	})
}
