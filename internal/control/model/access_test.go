package model_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func sampleAccess() *model.AccessChange {
	a := &model.AccessChange{
		Ranges: []model.AccessRange{{ID: "r", Prefix: netip.MustParsePrefix("192.0.2.48/28")}, {ID: "s", Prefix: netip.MustParsePrefix("2001:db8::/64")}},
		Keys: []model.AccessKey{
			{ID: "k", Name: wire.MustName("key.example."), Algorithm: wire.MustName("hmac-sha256."), Secret: []byte("swordfish"), Next: "l"},
			{ID: "l", Name: wire.MustName("other."), Algorithm: wire.MustName("hmac-sha256."), Secret: []byte("pike")},
		},
		Peers: []model.AccessPeer{
			{ID: "a", Name: "first", Addr: netip.MustParseAddrPort("192.0.2.1:53"), Key: "k", Stripped: true, Notify: model.NotifyBy{Sources: "192.0.2.1 2001:db8::1"}},
			{ID: "b", Name: "no address", Transport: model.TransportTLS, ClientKeys: "one two", ClientNames: "n", Authority: "ca", Notify: model.NotifyBy{
				TLS: true, Clear: true, Port: 8853, Server: "s", Keys: "three",
			}},
		},
	}
	a.Gone.Ranges, a.Gone.Keys, a.Gone.Peers = []model.ID{"x"}, []model.ID{"y"}, []model.ID{"z", "zz"}
	return a
}

func TestAccessRoundTrip(t *testing.T) {
	t.Parallel()
	for _, want := range []*model.AccessChange{sampleAccess(), {}, {Whole: true}, {Peers: sampleAccess().Peers[:1]}} {
		body, secret := want.Append()
		if bytes.Contains(body, []byte("swordfish")) || len(want.Keys) == 0 && secret != nil {
			t.Errorf("the open part is %q, the other %q", body, secret)
		}
		got, err := model.DecodeAccess(body, secret)
		if err != nil {
			t.Fatal(err)
		}
		if diff := testkit.Diff(*want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// TestAccessOfEarlierReleases reads bodies of all versions that were ever written.
func TestAccessOfEarlierReleases(t *testing.T) {
	t.Parallel()
	want := model.AccessChange{
		Whole:  true,
		Ranges: []model.AccessRange{{ID: "1", Prefix: netip.MustParsePrefix("192.0.2.53/28")}, {ID: "2", Prefix: netip.MustParsePrefix("2001:db8::/64")}},
		Keys:   []model.AccessKey{{ID: "1", Name: wire.MustName("key.example."), Algorithm: wire.MustName("hmac-sha256."), Secret: []byte("swordfish")}},
		Peers: []model.AccessPeer{
			{ID: "a", Name: "first", Addr: netip.MustParseAddrPort("192.0.2.1:53"), Key: "1"}, {ID: "b", Name: "no address"},
		},
	}
	for _, tt := range []struct {
		body, secret string
		adds         func()
	}{
		{
			"010204c00002351c1020010db800000000000000000000000040010d036b6579076578616d706c65000d0b686d61632d7368613235360002016105666972737404c000020100350101620a6e6f206164647265737300000000",
			"010973776f726466697368", func() {},
		},
		{
			"020204c00002351c1020010db800000000000000000000000040010d036b6579076578616d706c65000d0b686d61632d7368613235360002016105666972737404c0000201003501020001620a6e6f20616464726573730000000001076f6e652074776f",
			"010973776f726466697368", func() {
				want.Peers[0].Stripped, want.Peers[1].Transport, want.Peers[1].ClientKeys = true, model.TransportTLS, "one two"
			},
		},
		{
			"030204c00002351c1020010db800000000000000000000000040020d036b6579076578616d706c65000d0b686d61632d7368613235360007056f74686572000d0b686d61632d7368613235360002016105666972737404c0000201003501020001620a6e6f20616464726573730000000001076f6e652074776f0200",
			"010973776f7264666973680973776f726466697368", func() {
				want.Keys = append(want.Keys, want.Keys[0])
				want.Keys[0].Next, want.Keys[1].ID, want.Keys[1].Name = "2", "2", wire.MustName("other.")
			},
		},
		{
			"040204c00002351c1020010db800000000000000000000000040020d036b6579076578616d706c65000d0b686d61632d7368613235360007056f74686572000d0b686d61632d7368613235360002016105666972737404c0000201003501020001620a6e6f20616464726573730000000001076f6e652074776f020000000000000000016e026361012295017300",
			"010973776f7264666973680973776f726466697368", func() {
				want.Peers[1].ClientNames, want.Peers[1].Authority = "n", "ca"
				want.Peers[1].Notify = model.NotifyBy{TLS: true, Port: 8853, Server: "s"}
			},
		},
		{
			"050204c00002351c1020010db800000000000000000000000040020d036b6579076578616d706c65000d0b686d61632d7368613235360007056f74686572000d0b686d61632d7368613235360002016105666972737404c0000201003501020001620a6e6f20616464726573730000000001076f6e652074776f020000000000000000016e026361012295017300153139322e302e322e3120323030313a6462383a3a3100",
			"010973776f7264666973680973776f726466697368", func() { want.Peers[0].Notify.Sources = "192.0.2.1 2001:db8::1" },
		},
	} {
		tt.adds()
		body, err := hex.DecodeString(tt.body)
		if err != nil {
			t.Fatal(err)
		}
		secret, err := hex.DecodeString(tt.secret)
		if err != nil {
			t.Fatal(err)
		}
		got, err := model.DecodeAccess(body, secret)
		if err != nil {
			t.Fatalf("version %d: %v", body[0], err)
		}
		if diff := testkit.Diff(want, got); diff != "" {
			t.Errorf("version %d: %s", body[0], diff)
		}
		for n := range body {
			if _, err := model.DecodeAccess(body[:n], secret); !errors.Is(err, model.ErrAccess) {
				t.Errorf("version %d, cut at %d: %v", body[0], n, err)
			}
		}
	}
}

// A zone's groups are in the second version of its body; that it is there for its peers alone is a flag of the first.
func TestZoneAccessVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[byte]model.ZoneAccess{
		1: {Hidden: true, Enabled: true, Peers: []model.ID{"a"}},
		2: {Enabled: true, Peers: []model.ID{"a", "b"}, Groups: []string{"", "gold"}},
	} {
		body := want.Append(nil)
		got, err := model.DecodeZoneAccess(body)
		if err != nil || body[0] != version {
			t.Fatalf("version %d: %v", body[0], err)
		}
		if diff := testkit.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for n := range body {
			if _, err := model.DecodeZoneAccess(body[:n]); !errors.Is(err, model.ErrAccess) {
				t.Errorf("cut at %d: %v", n, err)
			}
		}
	}
}

func TestSealedAccess(t *testing.T) {
	t.Parallel()
	want := sampleAccess()
	body, _ := want.Append()
	got, err := model.DecodeSealedAccess(body)
	if err != nil {
		t.Fatal(err)
	}
	want.Keys[0].Secret, want.Keys[1].Secret = nil, nil
	if diff := testkit.Diff(*want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := model.DecodeSealedAccess(body[1:]); !errors.Is(err, model.ErrAccess) {
		t.Errorf("damaged: %v", err)
	}
}

func TestZoneAccessRoundTrip(t *testing.T) {
	t.Parallel()
	for _, want := range []model.ZoneAccess{{}, {Enabled: true, Peers: []model.ID{"one", "two"}}} {
		got, err := model.DecodeZoneAccess(want.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if diff := testkit.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDamagedAccessIsRefused(t *testing.T) {
	t.Parallel()
	body, secret := sampleAccess().Append()
	for n := range body {
		if _, err := model.DecodeAccess(body[:n], secret); !errors.Is(err, model.ErrAccess) {
			t.Errorf("cut at %d: got %v", n, err)
		}
	}
	if _, err := model.DecodeAccess(body, append(secret, 0)); !errors.Is(err, model.ErrAccess) {
		t.Errorf("trailing octet: got %v", err)
	}
	if _, err := model.DecodeZoneAccess([]byte{3, 0, 0}); !errors.Is(err, model.ErrAccess) {
		t.Errorf("other version: got %v", err)
	}
}

func FuzzDecodeAccess(f *testing.F) {
	body, secret := sampleAccess().Append()
	f.Add(body, secret)
	f.Add(model.ZoneAccess{Enabled: true, Peers: []model.ID{"p"}}.Append(nil), []byte{1})
	f.Fuzz(func(t *testing.T, body, secret []byte) {
		if a, err := model.DecodeAccess(body, secret); err == nil {
			b, s := a.Append()
			if _, err := model.DecodeAccess(b, s); err != nil {
				t.Fatal("what was decoded cannot be encoded")
			}
		}
		if z, err := model.DecodeZoneAccess(body); err == nil {
			if _, err := model.DecodeZoneAccess(z.Append(nil)); err != nil {
				t.Fatal("what was decoded cannot be encoded")
			}
		}
	})
}
