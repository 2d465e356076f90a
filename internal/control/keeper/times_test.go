package keeper_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/controltest"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// heavy has the random tests run for longer.
var heavy = os.Getenv("HEADWATER_SIGNED") != ""

// outlived says what is wrong with a version at a time: a signature that does not last for as long as a secondary may keep the version and
// a cache what it got last from there, one that has not begun, a proof with another TTL than negative answers.
func outlived(v *zone.Version, now time.Time) string {
	rdata, ttl := v.SOA()
	expire, minimum := be32(rdata[len(rdata)-8:]), be32(rdata[len(rdata)-4:])
	longest, wrong := uint32(0), ""
	v.Walk(func(owner []byte, s zone.RRset) bool {
		if longest = max(longest, s.TTL); s.Type == wire.TypeNSEC && s.TTL != min(ttl, minimum) {
			wrong = fmt.Sprintf("the NSEC record of %s has the TTL %d, negative answers %d", wire.Name(owner), s.TTL, min(ttl, minimum))
		}
		for it := s.Iter(); s.Type == wire.TypeRRSIG && it.Next(); {
			if r := dnssec.RRSIG(it.AppendFull(nil)); r.Early(uint32(now.Unix())) {
				wrong = fmt.Sprintf("a signature of %s begins %d seconds later than now", wire.Name(owner), r.Inception()-uint32(now.Unix()))
			}
		}
		return wrong == ""
	})
	if left := v.Expires() - uint32(now.Unix()); wrong == "" && int64(int32(left)) < int64(expire)+int64(longest) {
		wrong = fmt.Sprintf("a signature has %d seconds left: the SOA's expire is %d, the longest TTL %d", int32(left), expire, longest)
	}
	return wrong
}

func be32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// Whatever is set of how long a zone is kept and cached, and whenever, no version that is handed out says more than its signatures last
// for, in large zones, too; and what was set is in force within a minute.
func TestSettingsAndSignatures(t *testing.T) {
	t.Parallel()
	for _, small := range []int{0, 10} {
		t.Run(fmt.Sprintf("signed in a change up to %d records", small), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				seed := rand.Uint64()
				t.Logf("seed %d", seed)
				r := rand.New(rand.NewPCG(seed, 1))
				w := signedIn(t, &world{store: controltest.NewStore(), name: wire.MustName("example"), small: small}, 120)
				w.shown = func(s *zone.State) {
					if wrong := outlived(s.Transfer, w.clock()); s.Transfer.Signed() && wrong != "" {
						t.Errorf("version %d: %s", s.Transfer.Serial(), wrong)
					}
				}
				n := w.start(t, true)
				time.Sleep(time.Hour)
				held, rounds := 0, 25
				if heavy {
					rounds = 400
				}
				for i := range rounds {
					n.set(t, func(s *model.Settings) { anyTimes(r, s) })
					if row, err := w.store.Zone(w.zone); err == nil && row.DNSSEC.Held != (model.Held{}) {
						held++
					}
					if r.IntN(4) == 0 { // before it has come about
						time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
						n.set(t, func(s *model.Settings) { anyTimes(r, s) })
					}
					if i%8 == 7 {
						n.stop()
						n = w.start(t, true)
					}
					time.Sleep(time.Minute)
					synctest.Wait()
					n.inForce(t)
					for range r.IntN(3 * 24) {
						time.Sleep(time.Hour)
						synctest.Wait()
						if wrong := outlived(n.version(), w.clock()); wrong != "" {
							t.Fatal(wrong)
						}
					}
				}
				if small == 0 && held > 0 || small > 0 && held == 0 {
					t.Errorf("%d of %d changes were held until all was signed beside the zone's life", held, rounds)
				}
			})
		})
	}
}

// anyTimes sets some of what is told of times.
func anyTimes(r *rand.Rand, s *model.Settings) {
	pick := func(at *uint32, list ...time.Duration) {
		if r.IntN(2) == 0 {
			*at = uint32(list[r.IntN(len(list))].Seconds())
		}
	}
	pick(&s.SOA.Expire, day, 7*day, 14*day, 28*day)
	pick(&s.SOA.TTL, time.Minute, time.Hour, day, 3*day)
	pick(&s.SOA.MinTTL, time.Minute, 30*time.Minute, day, 2*day)
	pick(&s.NSTTL, time.Hour, day, 2*day)
	pick(&s.SOA.Refresh, time.Hour, 3*time.Hour)
}

func (n *node) set(t *testing.T, f func(*model.Settings)) {
	t.Helper()
	n.must(t, model.Change{Zone: n.zone, Edits: []model.Edit{model.EditZone{Apply: func(z model.Zone) (model.Zone, error) {
		f(&z.Settings)
		return z, nil
	}}}})
}

// inForce wants the zone to be served with its settings.
func (n *node) inForce(t *testing.T) {
	t.Helper()
	row, err := n.store.Zone(n.zone)
	if err != nil {
		t.Fatal(err)
	}
	want := model.HeldOf(&row.Settings)
	rdata, ttl := n.version().SOA()
	got := model.Held{Expire: be32(rdata[len(rdata)-8:]), TTL: ttl, MinTTL: be32(rdata[len(rdata)-4:]), NSTTL: want.NSTTL}
	for _, s := range n.version().Sets(n.name) {
		if s.Type == wire.TypeNS {
			got.NSTTL = s.TTL
		}
	}
	if got != want || row.DNSSEC.Work || row.DNSSEC.Held != (model.Held{}) {
		t.Fatalf("the zone is served with %+v, and has %+v; held back %+v, work %v", got, want, row.DNSSEC.Held, row.DNSSEC.Work)
	}
}

// A clock that was ahead and is set back leaves nothing that begins later than now: before anybody is served after a start, and within
// minutes where it happens meanwhile. Keys wait longer for it and never shorter, and go on.
func TestClockIsSetBack(t *testing.T) {
	t.Parallel()
	for _, small := range []int{0, 10} {
		for _, by := range []time.Duration{3 * time.Hour, 5 * day, 400 * day} {
			for _, restart := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v, signed in a change up to %d records, at a start %v", by, small, restart), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { setBack(t, small, by, restart) })
				})
			}
		}
	}
}

func setBack(t *testing.T, small int, by time.Duration, restart bool) {
	t.Helper()
	w := &world{store: controltest.NewStore(), name: wire.MustName("example"), small: small}
	w.skew.Store(int64(by))
	w = signedIn(t, w, 120)
	n := w.start(t, true)
	n.follow()
	time.Sleep(3 * day)
	n.must(t, model.Change{Zone: w.zone, Edits: []model.Edit{model.RollKeys{Role: dnssec.ZSK}}})
	time.Sleep(time.Minute)
	noted := map[model.ID]time.Time{}
	for _, k := range w.keys() {
		noted[k.ID] = k.State.Marks[dnssec.Published].Since
	}
	if restart {
		n.stop()
	}
	w.skew.Store(0)
	if restart {
		n = w.start(t, false)
		n.keeper.Freshen(t.Context())
		if wrong := outlived(n.version(), w.clock()); wrong != "" {
			t.Errorf("before the first query is answered: %s", wrong)
		}
		n.stop()
		n = w.start(t, true)
		n.follow()
	}
	time.Sleep(10 * time.Minute)
	synctest.Wait()
	if n.keeper.Stats().SetBack == 0 && !restart {
		t.Error("nobody tells of it")
	}
	for until := time.Now().Add(by + 20*day); time.Now().Before(until); time.Sleep(max(time.Hour, by/100)) {
		synctest.Wait()
		if wrong := outlived(n.version(), w.clock()); wrong != "" {
			t.Fatal(wrong)
		}
		if len(w.keys()) == 2 && w.clock().Before(noted[w.keys()[0].ID].Add(2*day)) && len(noted) == 3 {
			t.Fatal("a key was forgotten before caches can have forgotten it")
		}
	}
	for _, k := range w.keys() {
		if k.Wait != nil || k.State.Leaving {
			t.Errorf("key %d: %+v waits for %+v", k.Public.Tag(), k.State, k.Wait)
		}
	}
}

// A clock that was days behind when a zone was signed for the first time, and is set right then, leaves nothing that has ended or ends
// too early: all is made anew within minutes, or before anybody is answered after a start.
func TestClockWasBehind(t *testing.T) {
	t.Parallel()
	for _, small := range []int{0, 10} {
		for _, by := range []time.Duration{5 * day, 15 * day, 400 * day} {
			for _, restart := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v, signed in a change up to %d records, at a start %v", by, small, restart), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { setRight(t, small, by, restart) })
				})
			}
		}
	}
}

func setRight(t *testing.T, small int, by time.Duration, restart bool) {
	t.Helper()
	w := &world{store: controltest.NewStore(), name: wire.MustName("example"), small: small}
	w.skew.Store(int64(-by))
	w = signedIn(t, w, 120)
	n := w.start(t, true)
	n.follow()
	time.Sleep(3 * time.Hour)
	if restart {
		n.stop()
	}
	w.skew.Store(0)
	if restart {
		n = w.start(t, false)
		n.keeper.Freshen(t.Context())
		if ends := n.version().Expires(); int32(ends-uint32(w.clock().Unix())) <= 0 {
			t.Error("a signature has ended before the first query is answered")
		}
		n.stop()
		n = w.start(t, true)
		n.follow()
	}
	time.Sleep(10 * time.Minute)
	for until := time.Now().Add(30 * day); time.Now().Before(until); time.Sleep(8 * time.Hour) {
		synctest.Wait()
		if wrong := outlived(n.version(), w.clock()); wrong != "" {
			t.Fatal(wrong)
		}
	}
	for _, k := range w.keys() {
		if k.Wait != nil || k.State.Leaving {
			t.Errorf("key %d: %+v waits for %+v", k.Public.Tag(), k.State, k.Wait)
		}
	}
}

// A clock that shows an earlier time than the zone was changed at is wrong now or was wrong then: nothing is signed by it for the first time.
func TestClockIsBehindTheZone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{store: controltest.NewStore(), name: wire.MustName("example"), small: 10}
		n := w.start(t, false)
		n.must(t, model.Change{Edits: []model.Edit{model.CreateAccount{Account: model.Account{ID: account}}}})
		w.zone = n.must(t, model.Change{Account: account, Edits: []model.Edit{model.CreateZone{Zone: model.Zone{Name: w.name}}}}).Outcomes[0].Zone.ID
		edit := func(f func(*model.Zone)) error {
			_, err := n.commit.Change(t.Context(), model.Change{Zone: w.zone, Edits: []model.Edit{model.EditZone{Apply: func(z model.Zone) (model.Zone, error) {
				f(&z)
				return z, nil
			}}}})
			return err
		}
		sign := func(z *model.Zone) { z.DNSSEC.Status = model.DNSSECActive }
		w.skew.Store(int64(-3 * day))
		var refused *model.Invalid
		if err := edit(sign); !errors.As(err, &refused) || refused.Code != model.CodeDNSSECState {
			t.Errorf("signed by a clock that is three days behind: %v", err)
		}
		if n.version().Signed() || len(w.keys()) > 0 {
			t.Error("there are keys or signatures")
		}
		if err := edit(func(z *model.Zone) { z.Settings.SOA.Refresh++ }); err != nil {
			t.Fatal(err)
		}
		if err := edit(sign); err != nil || !n.version().Signed() {
			t.Errorf("the time that was noted is this clock's: %v", err)
		}
		n.stop()
	})
}
