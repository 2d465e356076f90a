package commit_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestCreateZone(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example")
	if z.Status != model.StatusActive || !z.Activated.Equal(z.Created) || z.Type != "full" || z.Mode != model.ModeOrigin || z.Settings != model.DefaultSettings() ||
		len(z.NameServers) != 2 || !z.Created.Equal(b.now.Truncate(time.Microsecond)) || z.Seq == 0 {
		t.Errorf("got %+v", z)
	}
	if want := uint32(b.now.Unix()); z.Serial != want || b.state(t, z.ID).Transfer.Serial() != want {
		t.Errorf("serial %d, want the time %d", z.Serial, want)
	}
	want := "example. 3600 SOA "
	if got := text(b.state(t, z.ID).Served); !strings.Contains(got, want) || strings.Count(got, " NS ") != 2 {
		t.Errorf("got\n%s", got)
	}
	if s := b.state(t, z.ID); s.Served != s.Transfer {
		t.Error("equal faces do not share their version")
	}
	for _, tt := range []struct {
		zone model.Zone
		want int
	}{
		{model.Zone{Name: z.Name}, model.CodeZoneExists},
		{model.Zone{}, model.CodeZoneInvalid},
		{model.Zone{Name: wire.Root}, model.CodeZoneInvalid},
		{model.Zone{Name: wire.MustName("other"), Account: "nobody"}, model.CodeAccountInvalid},
		{model.Zone{Name: wire.MustName("sub.example")}, 0},
	} {
		if _, err := b.change(t, model.Change{Edits: []model.Edit{model.CreateZone{Zone: tt.zone}}}); code(err) != tt.want {
			t.Errorf("%+v: got %v, want %d", tt.zone, err, tt.want)
		}
	}
}

func TestZoneWithRecordsInOneChange(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	r := b.must(t, model.Change{Edits: []model.Edit{
		model.CreateZone{Zone: model.Zone{Name: wire.MustName("example")}},
		model.AddRecord{Record: rec("www.example", "A", "192.0.2.1", proxied)},
		model.AddRecord{Record: rec("example", "MX", "mx.test")},
	}})
	id := r.Outcomes[0].Zone.ID
	s := b.state(t, id)
	if s.Served == s.Transfer || !strings.Contains(text(s.Transfer), "www.example. 300 A c0000201") ||
		strings.Contains(text(s.Served), "c0000201") || !strings.Contains(text(s.Served), "example. 600 MX") {
		t.Errorf("served\n%s\ntransfer\n%s", text(s.Served), text(s.Transfer))
	}
	if r.Seq != model.Seq(s.Seq) || r.Serial != s.Transfer.Serial() {
		t.Errorf("got %+v", r)
	}
}

func TestDeletedZoneComesBackNewer(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example")
	for i := range 5 {
		b.add(t, z.ID, rec("www.example", "A", fmt.Sprintf("192.0.2.%d", i)))
	}
	old := b.state(t, z.ID).Transfer.Serial()
	b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{model.DeleteZone{}}})
	if b.db.ByID(string(z.ID)) != nil {
		t.Error("the zone is still in memory")
	}
	if _, err := b.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{model.NotifyZone{}}}); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if again := b.zone(t, "example"); again.Serial != old+1 || again.ID == z.ID {
		t.Errorf("serial %d after %d", again.Serial, old)
	}
	// Within one change, too.
	id := b.db.Get(wire.MustName("example")).ID
	r := b.must(t, model.Change{Zone: model.ID(id), Edits: []model.Edit{
		model.DeleteZone{}, model.CreateZone{Zone: model.Zone{ID: newID(), Name: wire.MustName("example")}},
	}})
	if r.Outcomes[1].Zone.Serial != old+2 {
		t.Errorf("serial %d after %d", r.Outcomes[1].Zone.Serial, old+1)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.flat.set("cdn.test", "203.0.113.1")
	z := b.zone(t, "example")
	b.add(t, z.ID, rec("example", "NS", "ns.other.test"), rec("www.example", "CNAME", "cdn.test"),
		rec("p.example", "A", "198.51.100.9", proxied), rec("example", "CNAME", "cdn.test"))
	has := func(face string) func(string) bool {
		return func(want string) bool {
			s := b.state(t, z.ID)
			if face == "served" {
				return strings.Contains(text(s.Served), want)
			}
			return strings.Contains(text(s.Transfer), want)
		}
	}
	served, transfer := has("served"), has("transfer")
	cname := " CNAME " + fmt.Sprintf("%x", []byte(wire.MustName("cdn.test")))
	if !served("example. 30 A cb007101") || !transfer("example. 600"+cname) || served("other") {
		t.Error("the apex CNAME is not flattened in the served face alone")
	}
	if !served("www.example. 600"+cname) || !transfer("www.example. 600"+cname) {
		t.Error("a plain CNAME is not shown")
	}
	other := fmt.Sprintf("%x", []byte(wire.MustName("ns.other.test")))
	for _, tt := range []struct {
		title  string
		edit   func(*model.Zone)
		serial bool
		check  func() bool
	}{
		{"multi_provider", func(z *model.Zone) { z.Settings.MultiProvider = true }, true, func() bool {
			return served("NS "+other) && transfer("NS "+other)
		}},
		{"ns_ttl", func(z *model.Zone) { z.Settings.NSTTL = 77 }, true, func() bool { return served("example. 77 NS") }},
		{"soa", func(z *model.Zone) { z.Settings.SOA.TTL = 444 }, true, func() bool {
			return served("example. 444 SOA") && transfer("example. 444 SOA")
		}},
		{"flatten_all_cnames", func(z *model.Zone) { z.Settings.FlattenAll = true }, false, func() bool {
			return served("www.example. 30 A cb007101") && transfer("www.example. 600"+cname)
		}},
		{"edge mode", func(z *model.Zone) { z.Mode = model.ModeEdge }, true, func() bool {
			return transfer("www.example. 30 A cb007101") && transfer("example. 30 A cb007101") && !transfer(cname) &&
				!transfer("c6336409") && text(b.state(t, z.ID).Served) == text(b.state(t, z.ID).Transfer)
		}},
		{"paused", func(z *model.Zone) { z.Paused = true }, true, func() bool {
			return served("p.example. 300 A c6336409") && transfer("p.example. 300 A c6336409")
		}},
		{"dns_only while paused", func(z *model.Zone) { z.Settings.ZoneMode = "dns_only" }, false, func() bool { return true }},
		{"not paused", func(z *model.Zone) { z.Paused = false }, false, func() bool { return served("p.example. 300 A c6336409") }},
		{"back to origin", func(z *model.Zone) { z.Mode = model.ModeOrigin }, true, func() bool {
			return transfer("www.example. 600"+cname) && served("www.example. 30 A cb007101")
		}},
		{"kept without effect", func(z *model.Zone) { z.Settings.SecondaryOverrides = true }, false, func() bool { return true }},
		{"nothing", func(*model.Zone) {}, false, func() bool { return true }},
	} {
		before := b.state(t, z.ID).Transfer.Serial()
		if _, err := b.edit(t, z.ID, "", tt.edit); err != nil {
			t.Fatalf("%s: %v", tt.title, err)
		}
		s := b.state(t, z.ID)
		if rose := s.Transfer.Serial() != before; rose != tt.serial {
			t.Errorf("%s: serial rose: %v, want %v", tt.title, rose, tt.serial)
		}
		if !tt.check() {
			t.Errorf("%s: served\n%s\ntransfer\n%s", tt.title, text(s.Served), text(s.Transfer))
		}
		if s.Served.Serial() != s.Transfer.Serial() {
			t.Errorf("%s: the faces have serials %d and %d", tt.title, s.Served.Serial(), s.Transfer.Serial())
		}
	}
	if _, err := b.edit(t, z.ID, "", func(z *model.Zone) { z.Settings.SOA.MName = "a..b" }); code(err) != model.CodeSettingsInvalid {
		t.Errorf("got %v", err)
	}
}

func TestFlattenedTargetMoves(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example")
	b.add(t, z.ID, rec("www.example", "CNAME", "cdn.test", flattened), rec("example", "CNAME", "cdn.test"))
	if got := b.flat.wants[wire.MustName("www.example")]; got != wire.MustName("cdn.test") {
		t.Errorf("nobody was asked to look the target up: %q", got)
	}
	if !strings.Contains(text(b.state(t, z.ID).Served), "www.example. 0 TYPE0") {
		t.Errorf("an unknown target is not answered with SERVFAIL:\n%s", text(b.state(t, z.ID).Served))
	}
	relearn := model.Change{Zone: z.ID, Edits: []model.Edit{model.Relearn{Names: []string{"www.example.", "example."}}}}
	serial := b.state(t, z.ID).Transfer.Serial()
	for _, addr := range []string{"203.0.113.1", "203.0.113.2"} {
		b.flat.set("cdn.test", addr)
		r := b.must(t, relearn)
		s := b.state(t, z.ID)
		if s.Transfer.Serial() != serial || r.Serial != serial || uint64(r.Seq) != s.Seq {
			t.Errorf("a target that moved in origin mode raised the serial: %+v", r)
		}
		if got := strings.Count(text(s.Served), fmt.Sprintf(" 30 A %x", netip.MustParseAddr(addr).AsSlice())); got != 2 {
			t.Errorf("got\n%s", text(s.Served))
		}
	}
	if _, err := b.edit(t, z.ID, "", func(z *model.Zone) { z.Mode = model.ModeEdge }); err != nil {
		t.Fatal(err)
	}
	serial = b.state(t, z.ID).Transfer.Serial()
	b.flat.set("cdn.test", "203.0.113.3")
	b.must(t, relearn)
	if got := b.state(t, z.ID).Transfer.Serial(); got != serial+1 {
		t.Errorf("a target that moved in edge mode made serial %d of %d", got, serial)
	}
	before := text(b.state(t, z.ID).Served)
	b.flat.mu.Lock()
	clear(b.flat.known) // as after a start
	b.flat.mu.Unlock()
	b.must(t, relearn)
	if diff := testkit.Diff(before, text(b.state(t, z.ID).Served)); diff != "" {
		t.Errorf("the last good answer was lost: %s", diff)
	}
}

func TestAccountSwitchesReachAllZones(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	var zones []model.Zone
	for _, n := range []string{"one", "two"} {
		z := b.zone(t, n)
		b.add(t, z.ID, rec("p."+n, "A", "198.51.100.9", proxied))
		zones = append(zones, z)
	}
	set := func(f func(*model.Account)) {
		b.must(t, model.Change{Edits: []model.Edit{model.EditAccount{Apply: func(a model.Account) (model.Account, error) {
			f(&a)
			return a, nil
		}}}})
	}
	all := func(want string) {
		t.Helper()
		for _, z := range zones {
			if s := text(b.state(t, z.ID).Served); !strings.Contains(s, want) {
				t.Errorf("want %q in\n%s", want, s)
			}
		}
	}
	all("A c000020a")
	set(func(a *model.Account) { a.EnforceDNSOnly = true })
	all("A c6336409")
	set(func(a *model.Account) {
		a.EnforceDNSOnly, a.EdgeAddresses = false, []netip.Addr{netip.MustParseAddr("203.0.113.99")}
	})
	all("A cb007163")
}
