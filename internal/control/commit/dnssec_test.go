package commit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/keyring"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// zoneFile writes a version as a zone file, less what stands for addresses that are looked up elsewhere.
func zoneFile(v *zone.Version) string {
	var b strings.Builder
	v.Walk(func(owner []byte, s zone.RRset) bool {
		for it := s.Iter(); s.Type != zone.TypeMark && it.Next(); {
			fmt.Fprintf(&b, "%s %d IN %s %s\n", wire.Name(owner), it.TTL(), s.Type, rr.FormatData(s.Type, it.AppendFull(nil)))
		}
		return true
	})
	return b.String()
}

// validate shows a version to validators that none of us wrote, at the bench's time.
func (b *bench) validate(t *testing.T, v *zone.Version) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(file, []byte(zoneFile(v)), 0o600); err != nil {
		t.Fatal(err)
	}
	at := b.clock().UTC()
	for _, args := range [][]string{
		{"kzonecheck", "-d", "on", "-t", strconv.FormatInt(at.Unix(), 10), "-o", v.Apex().String(), file},
		{"ldns-verify-zone", "-V", "1", "-t", at.Format("20060102150405"), "-e", "P8D", file},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s\n%s", args, err, out, zoneFile(v))
		}
	}
}

// sign asks for a zone to be signed, or for something else.
func (b *bench) dnssec(t *testing.T, id model.ID, status string) (model.Zone, error) {
	t.Helper()
	return b.edit(t, id, "dnssec", func(z *model.Zone) { z.DNSSEC.Status = status })
}

// keep does what is due of a zone's keys and signatures; there says whether the parent has DS records.
func (b *bench) keepDNSSEC(t *testing.T, id model.ID, there bool) {
	t.Helper()
	b.must(t, model.Change{Zone: id, Edits: []model.Edit{model.KeepDNSSEC{
		Behind: func(uint32, bool) []string { return nil },
		DS:     func(*model.ZoneKey) (everywhere, somewhere, known bool) { return there, there, true },
		Names:  100,
	}}})
}

// Whatever changes in a signed zone, every version of both faces validates, secondaries can follow by IXFR, and a node that starts
// anew has the same.
func TestSignedZoneChanges(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, b *bench) {
		t.Helper()
		d := dice(t)
		for i := range 8 {
			b.flat.set(fmt.Sprintf("t%d.test", i), fmt.Sprintf("203.0.113.%d", i))
		}
		z := b.transferred(t, "example")
		b.add(t, z.ID, rec("www.example", "A", "192.0.2.1"), rec("a.b.example", "A", "192.0.2.1"), rec("cut.example", "NS", "ns.test"))
		if _, err := b.dnssec(t, z.ID, model.DNSSECActive); err != nil {
			t.Fatal(err)
		}
		b.validate(t, b.state(t, z.ID).Transfer)
		follower := &secondary{b: b, has: map[model.ID]*zone.Version{}}
		follower.sync(t, z.ID)
		hashed := map[bool]int{}
		for i := range 200 {
			var edits []model.Edit
			for _, e := range knowing(d, &z, sorted(b.base.rows(t, z.ID)), 1+d.IntN(3)) {
				if a, ok := e.(model.AddRecord); !ok || a.Record.Type != wire.TypeCNAME || a.Record.Name != z.Name {
					edits = append(edits, e) // a CNAME at the apex is nothing that validates
				}
			}
			if i%10 == 9 {
				edits = []model.Edit{model.EditZone{Apply: randomSettings(d)}}
			}
			serial, before := b.state(t, z.ID).Transfer.Serial(), text(b.state(t, z.ID).Transfer)
			b.must(t, model.Change{Zone: z.ID, Edits: edits})
			if err := b.import3(t, d, &z, i); err != nil && code(err) < 0 {
				t.Fatal(err)
			}
			b.pass(time.Minute)
			after := b.state(t, z.ID)
			if changed := text(after.Transfer) != before; changed != (after.Transfer.Serial() != serial) {
				t.Fatalf("serial went from %d to %d, contents changed: %v", serial, after.Transfer.Serial(), changed)
			}
			if i%25 == 20 {
				_, err := b.edit(t, z.ID, "dnssec", func(z *model.Zone) {
					z.DNSSEC.NSEC3 = model.SwitchOn + model.SwitchOff - max(z.DNSSEC.NSEC3, model.SwitchOff)
				})
				if err != nil {
					t.Fatal(err)
				}
				after = b.state(t, z.ID)
				hashed[after.Transfer.Hashes() && strings.Contains(shape(after.Transfer), " NSEC3 ")]++
			}
			if i%5 == 0 && !apexCNAME(after.Transfer) {
				b.validate(t, after.Transfer)
				b.validate(t, after.Served)
			}
			for _, v := range []*zone.Version{after.Transfer, after.Served} {
				if got, want := shape(v), b.signedAnew(t, z.ID, v); got != want {
					t.Fatalf("step %d: the version has\n%s\nsigned as a whole it had\n%s", i, got, want)
				}
			}
			follower.sync(t, z.ID)
		}
		if hashed[true] < 3 || hashed[false] < 3 {
			t.Errorf("by NSEC3 and by NSEC: %v", hashed)
		}
		if follower.ixfrs < 10 {
			t.Errorf("%d deltas by IXFR, %d times AXFR", follower.ixfrs, follower.axfr)
		}
		t.Logf("%d deltas by IXFR, %d times AXFR", follower.ixfrs, follower.axfr)
	})
}

// shape is all that signing adds to a version but for times and the signatures proper.
func shape(v *zone.Version) string {
	var lines []string
	v.Walk(func(owner []byte, s zone.RRset) bool {
		for it := s.Iter(); s.Type.IsDNSSEC() && it.Next(); {
			d := it.AppendFull(nil)
			if s.Type == wire.TypeRRSIG {
				clear(d[8:16]) // expiration and inception
				d = d[:18]
			}
			lines = append(lines, fmt.Sprintf("%s %d %s %x", wire.Name(owner), it.TTL(), s.Type, d))
		}
		return true
	})
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// signedAnew is the shape of a version if it is signed for the first time.
func (b *bench) signedAnew(t *testing.T, id model.ID, v *zone.Version) string {
	t.Helper()
	row := b.base.row(t, id)
	keys := b.base.keys(t, id)
	signers, err := keyring.NewCache(1).Signers(&row, keys)
	if err != nil {
		t.Fatal(err)
	}
	var sets []rr.Set
	for n, ok := v.Apex(), true; ok; n, ok = v.After(n, false) {
		sets = append(sets, v.Data(n)...)
	}
	bare, err := zone.Build(v.Apex(), sets)
	if err != nil {
		t.Fatal(err)
	}
	g := face.Signing{Signers: signers, Timing: dnssec.TimingOf(b.clock(), 604800, 86400)}
	if row.DNSSEC.NSEC3 == model.SwitchOn {
		g.Denial = dnssec.NSEC3
	}
	d, err := g.Job(bare, bare, nil).Sign()
	if err != nil {
		t.Fatal(err)
	}
	next, err := bare.Apply(&zone.Delta{From: v.Serial(), To: v.Serial(), Removed: d.Removed, Added: d.Added})
	if err != nil {
		t.Fatal(err)
	}
	return shape(next)
}

func apexCNAME(v *zone.Version) bool {
	for _, s := range v.Sets(v.Apex()) {
		if s.Type == wire.TypeCNAME {
			return true
		}
	}
	return false
}

// A zone goes through all states: signed, known to its parent, renewed for weeks, withdrawn, and unsigned with nothing left.
func TestSignedZoneLives(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, b *bench) {
		t.Helper()
		z := b.transferred(t, "example")
		for i := range 60 {
			b.add(t, z.ID, rec(fmt.Sprintf("n%d.example", i), "A", "192.0.2.1"))
		}
		has := func(typ wire.Type) (n int) {
			for _, s := range b.state(t, z.ID).Transfer.Sets(z.Name) {
				if s.Type == typ {
					n = len(s.Data)
				}
			}
			return n
		}
		unsigned := zoneFile(b.state(t, z.ID).Transfer)
		if _, err := b.dnssec(t, z.ID, model.DNSSECActive); err != nil {
			t.Fatal(err)
		}
		if has(wire.TypeDNSKEY) != 2 || has(wire.TypeCDS) != 0 || has(wire.TypeNSEC) != 1 {
			t.Errorf("%d DNSKEY, %d CDS, %d NSEC", has(wire.TypeDNSKEY), has(wire.TypeCDS), has(wire.TypeNSEC))
		}
		b.keepDNSSEC(t, z.ID, false) // now everybody has been seen with it
		b.pass(25 * time.Hour)
		b.keepDNSSEC(t, z.ID, false)
		if has(wire.TypeCDS) != 1 || has(wire.TypeCDNSKEY) != 1 {
			t.Errorf("everybody has seen the keys: %d CDS, %d CDNSKEY", has(wire.TypeCDS), has(wire.TypeCDNSKEY))
		}
		for range 50 {
			b.pass(24 * time.Hour)
			b.keepDNSSEC(t, z.ID, true)
			b.validate(t, b.state(t, z.ID).Transfer)
		}
		serial := b.serial(t, z.ID)
		b.keepDNSSEC(t, z.ID, true)
		if got := b.serial(t, z.ID); got != serial {
			t.Errorf("nothing was due, and the serial went from %d to %d", serial, got)
		}
		if _, err := b.dnssec(t, z.ID, model.DNSSECDisabled); err != nil {
			t.Fatal(err)
		}
		b.validate(t, b.state(t, z.ID).Transfer)
		if cds := b.state(t, z.ID).Transfer.Sets(z.Name); has(wire.TypeDNSKEY) != 2 || !strings.Contains(fmt.Sprint(cds), "[[0 0 0 0 0]]") {
			t.Errorf("withdrawn: %v", cds)
		}
		if _, err := b.dnssec(t, z.ID, ""); err != nil {
			t.Fatal(err)
		}
		b.keepDNSSEC(t, z.ID, true)
		if has(wire.TypeDNSKEY) != 2 {
			t.Error("the zone is unsigned while its parent has DS records")
		}
		b.keepDNSSEC(t, z.ID, false)
		for range 3 {
			b.pass(25 * time.Hour)
			b.keepDNSSEC(t, z.ID, false)
			b.keepDNSSEC(t, z.ID, false)
		}
		noSOA := regexp.MustCompile(`.* SOA .*\n`)
		if got := zoneFile(b.state(t, z.ID).Transfer); noSOA.ReplaceAllString(got, "") != noSOA.ReplaceAllString(unsigned, "") {
			t.Errorf("unsigned again:\n%s\nbefore:\n%s", got, unsigned)
		}
		if row := b.base.row(t, z.ID); row.DNSSEC != (model.DNSSEC{}) {
			t.Errorf("what is left: %+v", row.DNSSEC)
		}
	})
}

// A change to a zone whose keys cannot be opened is refused: clearly, and with nothing changed.
func TestSigningIsRefused(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "small")
	if _, err := b.dnssec(t, z.ID, model.DNSSECActive); err != nil {
		t.Fatal(err)
	}
	b.store.SpoilZoneKeys()
	b.open(t, nil, nil) // who has opened the keys goes on
	serial := b.serial(t, z.ID)
	if _, err := b.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{model.AddRecord{Record: rec("a.small", "A", "192.0.2.1")}}}); code(err) != model.CodeDNSSECKeys {
		t.Errorf("keys that cannot be opened: %v", err)
	}
	if got := b.serial(t, z.ID); got != serial || len(b.base.rows(t, z.ID)) != 0 {
		t.Error("the change was refused, and something is other than before")
	}
}

// keepAll does what is due until nothing is, and says in how many versions.
func (b *bench) keepAll(t *testing.T, id model.ID, there bool) (versions int) {
	t.Helper()
	e := model.KeepDNSSEC{
		Behind: func(uint32, bool) []string { return nil }, Names: 20,
		DS: func(k *model.ZoneKey) (everywhere, somewhere, known bool) {
			has := there && k.State.Marks[dnssec.AtParent].On // it follows CDS records
			return has, has, true
		},
	}
	for range 200 {
		serial := b.serial(t, id)
		kept := b.must(t, model.Change{Zone: id, Edits: []model.Edit{e}}).Outcomes[0].Kept
		if kept.Work {
			if err := b.p.Sign(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		if b.serial(t, id) != serial {
			versions++
		}
		if e.From = kept.From; !kept.More && !kept.Work {
			return versions
		}
	}
	for _, k := range b.base.keys(t, id) {
		t.Logf("key %d: %+v waits for %+v", k.Public.Tag(), k.State, k.Wait)
	}
	t.Fatal("there is always more to do")
	return 0
}

// days lets days pass in which somebody looks after a zone, and validates each version.
func (b *bench) days(t *testing.T, id model.ID, n int) {
	t.Helper()
	for range n {
		b.pass(25 * time.Hour)
		if b.keepAll(t, id, true) > 0 {
			b.validate(t, b.state(t, id).Transfer)
		}
	}
}

// A zone too large to be signed in a change is signed beside its life: it goes on as it is until then, what changes meanwhile is in
// the signed version, and so it is with NSEC3, algorithms, and the way back. Keys of one algorithm follow one another in small
// steps.
func TestLargeZoneIsSigned(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, b *bench) {
		t.Helper()
		var meanwhile atomic.Pointer[func()]
		var id atomic.Value
		b.open(t, func(cfg *commit.Config) {
			cfg.Limits.SignRecords, cfg.Cores = 10, 3
			cfg.Yield = func() {
				if id.Load() == nil {
					return
				}
				if _, beside := b.p.Signing(id.Load().(model.ID)); !beside {
					return // the committer is at it, and cannot do anything else meanwhile
				}
				if f := meanwhile.Swap(nil); f != nil {
					(*f)()
				}
			}
		}, nil)
		z := b.transferred(t, "example")
		id.Store(z.ID)
		for i := range 70 {
			b.add(t, z.ID, rec(fmt.Sprintf("n%d.example", i), "A", "192.0.2.1"))
		}
		b.flat.set("t.test", "203.0.113.1")
		flat := rec("flat.example", "CNAME", "t.test")
		flat.Settings.FlattenCNAME = true
		b.add(t, z.ID, flat)
		follower := &secondary{b: b, has: map[model.ID]*zone.Version{}}
		follower.sync(t, z.ID)
		serial := b.serial(t, z.ID)
		if _, err := b.dnssec(t, z.ID, model.DNSSECActive); err != nil {
			t.Fatal(err)
		}
		if row := b.base.row(t, z.ID); !row.DNSSEC.Work || b.serial(t, z.ID) != serial || len(b.base.keys(t, z.ID)) != 2 {
			t.Errorf("asked for: %+v, serial %d and now %d", row.DNSSEC, serial, b.serial(t, z.ID))
		}
		n := 0
		change := func() {
			for range 3 {
				n++
				b.add(t, z.ID, rec(fmt.Sprintf("new%d.example", n), "A", "192.0.2.1"), rec(fmt.Sprintf("cut%d.example", n), "NS", "ns.test"))
			}
		}
		check := func(what string, signed, hashes bool) {
			t.Helper()
			v := b.state(t, z.ID)
			if v.Transfer.Signed() != signed || v.Transfer.Hashes() != hashes || b.base.row(t, z.ID).DNSSEC.Work {
				t.Errorf("%s: signed %v, by hash %v", what, v.Transfer.Signed(), v.Transfer.Hashes())
			}
			if len(v.Transfer.Sets(wire.MustName(fmt.Sprintf("new%d.example", n)))) == 0 {
				t.Errorf("%s: what changed meanwhile is lost", what)
			}
			if signed {
				b.validate(t, v.Transfer)
				b.validate(t, v.Served)
				for _, v := range []*zone.Version{v.Transfer, v.Served} {
					if got, want := shape(v), b.signedAnew(t, z.ID, v); got != want {
						t.Errorf("%s: the version has\n%s\nsigned as a whole it had\n%s", what, got, want)
					}
				}
			}
			follower.sync(t, z.ID)
			db := zone.NewDB(0) // whoever starts now has the same
			b.follow(t, feed.New(feed.Config{Source: b.base, DB: db}))
			if other := db.ByID(string(z.ID)).State(); text(other.Transfer) != text(v.Transfer) || text(other.Served) != text(v.Served) {
				t.Errorf("%s: a start has another version", what)
			}
		}
		meanwhile.Store(&change)
		b.keepAll(t, z.ID, false)
		check("signed", true, false)
		change()
		check("changed", true, false)
		b.days(t, z.ID, 3)
		if _, err := b.edit(t, z.ID, "settings", func(z *model.Zone) {
			z.Settings.SOA.MinTTL, z.Settings.NSTTL, z.Settings.MultiProvider = 300, 7200, true
		}); err != nil {
			t.Fatal(err)
		}
		atApex := func() {
			change()
			b.add(t, z.ID, rec("example", "NS", "ns.other.test"), rec("example", "A", "192.0.2.7"))
		}
		meanwhile.Store(&atApex)
		b.keepAll(t, z.ID, true)
		check("another TTL of denials", true, false)
		if _, err := b.edit(t, z.ID, "dnssec", func(z *model.Zone) { z.DNSSEC.NSEC3 = model.SwitchOn }); err != nil {
			t.Fatal(err)
		}
		change()
		meanwhile.Store(&change)
		b.keepAll(t, z.ID, true)
		check("by hash", true, true)
		change()
		check("changed", true, true)

		b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{model.RollKeys{Role: dnssec.ZSK}}})
		if _, err := b.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{model.RollKeys{Role: dnssec.KSK}}}); code(err) != model.CodeDNSSECState {
			t.Errorf("a second roll: %v", err)
		}
		b.pass(25 * time.Hour)
		b.keepAll(t, z.ID, true) // everybody has seen the new key
		b.pass(25 * time.Hour)
		if versions := b.keepAll(t, z.ID, true); versions < 4 {
			t.Errorf("all signatures were replaced in %d versions", versions)
		}
		b.days(t, z.ID, 3)
		check("another ZSK", true, true)
		b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{model.RollKeys{Algorithm: dnssec.ED25519}}})
		meanwhile.Store(&change)
		b.days(t, z.ID, 10)
		check("another algorithm", true, true)
		for _, k := range b.base.keys(t, z.ID) {
			if k.Public.Algorithm != dnssec.ED25519 || k.Wait != nil || k.State.Leaving {
				t.Errorf("key %d %s waits for %+v", k.Public.Tag(), k.Public.Algorithm, k.Wait)
			}
		}
		for _, status := range []string{model.DNSSECDisabled, ""} {
			if _, err := b.dnssec(t, z.ID, status); err != nil {
				t.Fatal(err)
			}
		}
		for range 5 {
			b.pass(25 * time.Hour)
			b.keepAll(t, z.ID, false)
		}
		check("unsigned", false, false)
		if keys := b.base.keys(t, z.ID); len(keys) != 0 {
			t.Errorf("%d keys are left", len(keys))
		}
	})
}

// Whatever ends while a large zone is signed, nothing of it is seen; the next one does it.
func TestLargeZoneIsHalfSigned(t *testing.T) {
	t.Parallel()
	var end atomic.Pointer[context.CancelFunc]
	b := start(t, func(cfg *commit.Config) {
		cfg.Limits.SignRecords = 10
		cfg.Yield = func() {
			if f := end.Load(); f != nil {
				(*f)()
			}
		}
	})
	z := b.zone(t, "example")
	for i := range 70 {
		b.add(t, z.ID, rec(fmt.Sprintf("n%d.example", i), "A", "192.0.2.1"))
	}
	if _, err := b.dnssec(t, z.ID, model.DNSSECActive); err != nil {
		t.Fatal(err)
	}
	before := zoneFile(b.state(t, z.ID).Transfer)
	ctx, cancel := context.WithCancel(t.Context())
	end.Store(&cancel)
	if err := b.p.Sign(ctx, z.ID); err == nil {
		t.Error("ended, and done")
	}
	end.Store(nil)
	for _, op := range []string{"put image", "put zone key", "commit"} {
		b.store.SetFail(func(o string) error {
			if o == op {
				return errors.New("the store fails")
			}
			return nil
		})
		if err := b.p.Sign(t.Context(), z.ID); err == nil {
			t.Errorf("%s failed, and the zone is signed", op)
		}
		b.store.SetFail(nil)
		if got := zoneFile(b.state(t, z.ID).Transfer); got != before {
			t.Errorf("%s failed, and the zone is\n%s", op, got)
		}
	}
	if err := b.p.Sign(t.Context(), z.ID); err != nil {
		t.Fatal(err)
	}
	b.validate(t, b.state(t, z.ID).Transfer)
	if _, working := b.p.Signing(z.ID); working {
		t.Error("it is done, and goes on")
	}
}
