package model_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func sampleAccess() model.AccountAccess {
	return model.AccountAccess{
		ACL: []netip.Prefix{netip.MustParsePrefix("192.0.2.53/28"), netip.MustParsePrefix("2001:db8::/64")},
		Keys: []model.AccessKey{{
			Name: wire.MustName("key.example."), Algorithm: wire.MustName("hmac-sha256."), Secret: []byte("swordfish"),
		}},
		Peers: []model.AccessPeer{
			{ID: "a", Name: "first", Addr: netip.MustParseAddrPort("192.0.2.1:53"), Key: 0},
			{ID: "b", Name: "no address", Key: -1},
		},
	}
}

func TestAccountAccessRoundTrip(t *testing.T) {
	t.Parallel()
	want := sampleAccess()
	body, secret := want.Append()
	if bytes.Contains(body, []byte("swordfish")) {
		t.Error("the open part holds a secret")
	}
	got, err := model.DecodeAccountAccess(body, secret)
	if err != nil {
		t.Fatal(err)
	}
	if diff := testkit.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What a peer may come by is in the second version of a body, which is written only where a peer has something to say of it.
func TestAccessWithTransport(t *testing.T) {
	t.Parallel()
	want := sampleAccess()
	if body, _ := want.Append(); body[0] != 1 {
		t.Errorf("version %d", body[0])
	}
	want.Peers[1].Transport, want.Peers[1].ClientKeys = model.TransportTLS, "one two"
	want.Peers[0].Stripped = true
	body, secret := want.Append()
	got, err := model.DecodeAccountAccess(body, secret)
	if err != nil || body[0] != 2 {
		t.Fatalf("version %d: %v", body[0], err)
	}
	if diff := testkit.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for n := range body {
		if _, err := model.DecodeAccountAccess(body[:n], secret); !errors.Is(err, model.ErrAccess) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

// What follows a key is in the third version, likewise; a place beyond the keys is damage.
func TestAccessWithSuccessor(t *testing.T) {
	t.Parallel()
	want := sampleAccess()
	want.Keys = append(want.Keys, want.Keys[0])
	want.Keys[0].Next = 2
	body, secret := want.Append()
	got, err := model.DecodeAccountAccess(body, secret)
	if err != nil || body[0] != 3 {
		t.Fatalf("version %d: %v", body[0], err)
	}
	if diff := testkit.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	body[len(body)-2] = 3
	if _, err := model.DecodeAccountAccess(body, secret); !errors.Is(err, model.ErrAccess) {
		t.Errorf("a third key follows the first of two: %v", err)
	}
}

// Addresses that a peer is told from are in the fifth, likewise.
func TestAccessWithSources(t *testing.T) {
	t.Parallel()
	want := sampleAccess()
	want.Peers[1].Notify = model.NotifyBy{TLS: true}
	if body, _ := want.Append(); body[0] != 4 {
		t.Errorf("version %d without any", body[0])
	}
	want.Peers[0].Notify.Sources = "192.0.2.1 2001:db8::1"
	body, secret := want.Append()
	got, err := model.DecodeAccountAccess(body, secret)
	if err != nil || body[0] != 5 {
		t.Fatalf("version %d: %v", body[0], err)
	}
	if diff := testkit.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for n := range body {
		if _, err := model.DecodeAccountAccess(body[:n], secret); !errors.Is(err, model.ErrAccess) {
			t.Errorf("cut at %d: %v", n, err)
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
	want.Keys[0].Secret = nil
	if diff := testkit.Diff(want, got); diff != "" {
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
		if _, err := model.DecodeAccountAccess(body[:n], secret); !errors.Is(err, model.ErrAccess) {
			t.Errorf("cut at %d: got %v", n, err)
		}
	}
	if _, err := model.DecodeAccountAccess(body, append(secret, 0)); !errors.Is(err, model.ErrAccess) {
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
		if a, err := model.DecodeAccountAccess(body, secret); err == nil {
			b, s := a.Append()
			if _, err := model.DecodeAccountAccess(b, s); err != nil {
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
