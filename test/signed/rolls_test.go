package signed

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/peers"
)

// rolled is a zone whose keys roll, with a parent that is played: it has the DS records that were said to be there.
type rolled struct {
	*world
	r     *rand.Rand
	knot  *peers.Secondary
	ds    map[string]string // the parent's DS records by key
	steps int
}

// TestRolls has a zone go from NSEC to NSEC3 and back, another KSK, ZSK and algorithm take the place of its first ones, and kills the
// process amid it. At every step checkers of three houses verify the zone, Knot takes it with its own validation on, and unbound and
// delv, which trust what the parent has at that moment and nothing else, believe what we and Knot answer.
//
// Without HEADWATER_SIGNED it is the KSK that rolls, and no other key.
func TestRolls(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.add(t, "rolls.example")
	var file strings.Builder
	for i := range 60 {
		fmt.Fprintf(&file, "h%d 300 IN A 192.0.2.%d\nsub%d.ent%d 300 IN TXT \"t\"\n", i, i, i, i)
	}
	w.fill(t, file.String())
	at, err := peers.Free(peers.Knot)
	if err != nil {
		t.Fatal(err)
	}
	w.link(t, map[peers.Program]netip.AddrPort{peers.Knot: at})
	w.sign(t)
	r := &rolled{world: w, r: rand.New(rand.NewPCG(w.seed, 17)), ds: map[string]string{}}
	r.knot = peers.Run(t, peers.Config{Program: peers.Knot, Listen: at, Primary: w.DNS, Zones: []wire.Name{w.apex}, Refresh: 5 * time.Second, Validate: true})
	own := "/headwater/v1/zones/" + w.zone + "/dnssec"
	r.until(t, "signed", func(s signing) bool { return len(r.ds) == 1 && len(s.Keys) == 2 })
	for _, denial := range []string{"nsec3", "nsec"} {
		w.killed(t, r.r, 60*time.Millisecond, http.MethodPatch, own, map[string]any{"denial": denial})
		w.Call(t, http.MethodPatch, own, map[string]any{"denial": denial}, nil)
		r.step(t, denial)
	}
	rolls := []map[string]any{{"role": "ksk"}, {"role": "zsk"}, {"algorithm": 15}}
	if os.Getenv("HEADWATER_SIGNED") == "" {
		rolls = rolls[:1]
	}
	for _, roll := range rolls {
		what := fmt.Sprint(roll)
		old := r.signing(t).ids()
		fresh := func(s signing) bool {
			return !slices.ContainsFunc(s.ids(), func(id string) bool { return slices.Contains(old, id) })
		}
		one := func(s signing) bool { // one role alone is rolled
			return len(s.Keys) == 2 && !slices.Equal(s.ids(), old) && s.State() == "signed"
		}
		for i := 0; slices.Equal(r.signing(t).ids(), old); i++ {
			if i == 10 {
				t.Fatalf("%s does not begin: %+v", what, r.signing(t))
			}
			w.looked(t)
			w.killed(t, r.r, 60*time.Millisecond<<i, http.MethodPost, own+"/roll", roll)
		}
		if _, whole := roll["algorithm"]; whole {
			r.until(t, what, func(s signing) bool { return len(s.Keys) == 2 && fresh(s) })
		} else {
			r.until(t, what, one)
		}
	}
	if s := r.signing(t); len(rolls) > 1 && (s.Keys[0].Algorithm != 15 || s.Keys[1].Algorithm != 15) || len(r.ds) != 1 {
		t.Errorf("in the end: %+v, the parent has %v", s, r.ds)
	}
	t.Logf("%d steps", r.steps)
}

// State sums the keys up.
func (s signing) State() string {
	for _, k := range s.Keys {
		if k.State != "signing" {
			return k.State
		}
	}
	return "signed"
}

func (s signing) ids() (ids []string) {
	for _, k := range s.Keys {
		ids = append(ids, k.ID)
	}
	slices.Sort(ids)
	return ids
}

// until lets time pass, with the process killed at any moment, until keys are as wanted, and looks at every step.
func (r *rolled) until(t *testing.T, what string, done func(signing) bool) {
	t.Helper()
	for i := 0; ; i++ {
		r.looked(t)
		r.parent(t)
		r.looked(t)
		r.step(t, what)
		if done(r.signing(t)) {
			return
		}
		if i == 20 {
			t.Fatalf("%s does not end: %+v", what, r.signing(t))
		}
		r.aged(t)
		r.killed(t, r.r, 200*time.Millisecond, http.MethodGet, r.path("/dnssec"), nil)
	}
}

// parent does what keys wait for there.
func (r *rolled) parent(t *testing.T) {
	t.Helper()
	for _, k := range r.signing(t).Keys {
		for _, wait := range k.Waits {
			if wait.For != "parent" {
				continue
			}
			there := k.State != "leaving"
			if there {
				r.ds[k.ID] = k.DS[0]
			} else {
				delete(r.ds, k.ID)
			}
			r.Call(t, http.MethodPost, "/headwater/v1/zones/"+r.zone+"/dnssec/ds_seen", map[string]any{"key_id": k.ID, "seen": there}, nil)
		}
	}
}

// step has everybody look at what is served now.
func (r *rolled) step(t *testing.T, what string) {
	t.Helper()
	r.steps++
	r.verified(t, r.DNS, what)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := r.knot.WaitSerial(ctx, r.apex, r.serial(t)); err != nil {
		t.Fatalf("%s: Knot does not take our version: %v\n%s", what, err, r.knot.Log())
	}
	if len(r.ds) == 0 {
		return
	}
	for who, at := range map[string]netip.AddrPort{"the primary": r.DNS, "Knot": r.knot.Addr()} {
		r.trusted(t, what+", "+who, at)
	}
}

// trusted has two validators, which trust what the parent has alone, ask a server.
func (r *rolled) trusted(t *testing.T, what string, at netip.AddrPort) {
	t.Helper()
	var delv, unbound strings.Builder
	for _, ds := range r.ds {
		f := strings.SplitN(ds, " ", 8) // owner ttl class DS tag algorithm digest data
		fmt.Fprintf(&delv, "%q static-ds %s %s %s %q; ", f[0], f[4], f[5], f[6], strings.ReplaceAll(f[7], " ", ""))
		fmt.Fprintf(&unbound, "%s IN DS %s %s %s %s\n", f[0], f[4], f[5], f[6], strings.ReplaceAll(f[7], " ", ""))
	}
	anchors := filepath.Join(t.TempDir(), "anchors")
	if err := os.WriteFile(anchors, fmt.Appendf(nil, "trust-anchors { %s};\n", delv.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	resolver, stop := r.resolver(t, at, strings.Split(strings.TrimSpace(unbound.String()), "\n"))
	defer stop()
	for _, q := range []question{{"h1." + r.apex.String(), "A"}, {"nowhere." + r.apex.String(), "A"}, {"ent3." + r.apex.String(), "TXT"}, {r.apex.String(), "DNSKEY"}} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		out, err := exec.CommandContext(ctx, "delv", "@"+at.Addr().String(), "-p", fmt.Sprint(at.Port()), "-a", anchors, "+root="+r.apex.String(), "+nodlv",
			"-q", q.name, "-t", q.typ).CombinedOutput()
		cancel()
		if err != nil || !strings.Contains(string(out), "fully validated") {
			t.Errorf("%s: delv asks for %s %s: %v\n%s", what, q.name, q.typ, err, out)
		}
		if theirs := dig(t, resolver, "+tcp", "+dnssec", q.name, q.typ); !authentic.MatchString(theirs) {
			t.Errorf("%s: unbound asks for %s %s, and does not find it secure:\n%s", what, q.name, q.typ, theirs)
		}
	}
}
