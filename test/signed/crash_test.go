package signed

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/testkit"
)

// signing is what the API tells of a zone's keys.
type signing struct {
	Status string
	Keys   []struct {
		ID, Role, State string
		Algorithm       int
		DS              []string
		Waits           []struct {
			For   string
			Until *time.Time
		}
	}
}

// looked says whether somebody has looked after the keys since the last thing that they waited for has come: what is left takes time.
func (s signing) looked() bool {
	for _, k := range s.Keys {
		for _, w := range k.Waits {
			if w.For == "secondaries" || w.For == "signatures" || w.Until != nil && w.Until.Before(time.Now()) {
				return false
			}
		}
	}
	return true
}

func (s signing) roles() string {
	var roles []string
	for _, k := range s.Keys {
		roles = append(roles, k.Role)
	}
	slices.Sort(roles)
	return strings.Join(roles, " ")
}

// of gives the id of the last key of a role.
func (s signing) of(role string) (id string) {
	for _, k := range s.Keys {
		if k.Role == role {
			id = k.ID
		}
	}
	return id
}

func (w *world) signing(t *testing.T) (s signing) {
	t.Helper()
	w.Call(t, http.MethodGet, "/headwater/v1/zones/"+w.zone+"/dnssec", nil, &s)
	return s
}

// killed kills the process at a random moment while something is asked for, and starts it again. Who needs it done gives it more and
// more time: how much it takes is the machine's affair.
func (w *world) killed(t *testing.T, r *rand.Rand, most time.Duration, method, path string, body any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = w.Do(ctx, method, path, body) // whether it comes to an answer is open
	}()
	select {
	case <-done:
	case <-time.After(time.Duration(r.Int64N(int64(most)))):
	}
	w.Kill()
	<-done
	if err := w.Run(); err != nil {
		t.Fatal(err)
	}
}

// aged starts the process again a year later, as far as keys are concerned: whatever they waited for has passed.
func (w *world) aged(t *testing.T) {
	t.Helper()
	w.Kill()
	year := time.Now().UTC().Year()
	sql := fmt.Sprintf(`UPDATE dnssec_keys SET doc = replace(doc, '"%d-', '"%d-')`, year, year-1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "sqlite3", filepath.Join(w.dir, "headwater.db"), sql).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := w.Run(); err != nil {
		t.Fatal(err)
	}
}

// TestKilledWhileSigning kills the process while zones are signed for the first time, in a change and, where they are large, beside
// their life. What it serves afterwards is a zone without a signature or one that is signed whole, and it goes on by itself or
// when it is asked again, with no key too many.
func TestKilledWhileSigning(t *testing.T) {
	t.Parallel()
	w := begin(t)
	r := rand.New(rand.NewPCG(w.seed, 11))
	before := 0
	for round := range 4 {
		hosts := []int{400, 1500}[round%2]
		w.add(t, fmt.Sprintf("killed%d.example", round))
		var file strings.Builder
		for i := range hosts {
			fmt.Fprintf(&file, "h%d 300 IN A 192.0.2.%d\nsub%d.ent%d 300 IN TXT \"t\"\n", i, i%250, i, i)
		}
		w.fill(t, file.String())
		w.link(t, nil)
		w.killed(t, r, time.Duration(hosts)*600*time.Microsecond, http.MethodPatch, w.path("/dnssec"), map[string]any{"status": "active"})
		for !w.whole(t) { // its work goes on; once more while it does
			if before++; before%2 == 0 {
				break
			}
			w.killed(t, r, time.Duration(hosts)*600*time.Microsecond, http.MethodGet, w.path("/dnssec"), nil)
		}
		w.sign(t)
		if got := w.signing(t).roles(); got != "ksk zsk" {
			t.Fatalf("round %d: keys %s", round, got)
		}
		w.verified(t, w.DNS, "the server that was killed")
	}
	t.Logf("%d died before a zone was signed", before)
}

// whole says whether the zone is signed, which it is as a whole or not at all.
func (w *world) whole(t *testing.T) bool {
	t.Helper()
	text := dig(t, w.DNS, "AXFR", w.apex.String(), "+onesoa")
	if !strings.Contains(text, "RRSIG") {
		if strings.Contains(text, "NSEC") {
			t.Fatal("the zone is half signed")
		}
		return false
	}
	w.verified(t, w.DNS, "the server that was killed")
	return true
}

// TestKilledWhileRolling has a ZSK take another's place, and kills the process at every step: when the roll is asked for, and whenever
// what a key waited for has passed. No second roll begins, no version is served that does not verify, and in the end the
// new key is there alone.
func TestKilledWhileRolling(t *testing.T) {
	t.Parallel()
	w := begin(t)
	r := rand.New(rand.NewPCG(w.seed, 13))
	w.add(t, "rolled.example")
	var file strings.Builder
	for i := range 200 {
		fmt.Fprintf(&file, "h%d 300 IN A 192.0.2.%d\nsub%d.ent%d 300 IN TXT \"t\"\n", i, i%250, i, i)
	}
	w.fill(t, file.String())
	w.link(t, nil)
	w.sign(t)
	old := w.signing(t).of("zsk")
	roll, zsk := "/headwater/v1/zones/"+w.zone+"/dnssec/roll", map[string]any{"role": "zsk"}
	for i := 0; w.signing(t).roles() == "ksk zsk"; i++ {
		if i == 10 {
			t.Fatal("no roll begins")
		}
		w.looked(t)
		w.aged(t)
		w.looked(t)
		w.killed(t, r, 60*time.Millisecond<<i, http.MethodPost, roll, zsk)
	}
	if a, err := w.Do(t.Context(), http.MethodPost, roll, zsk); err != nil || a.Status == http.StatusOK {
		t.Fatalf("a second roll beside the first: %v, %s", err, a.Body)
	}
	for i := 0; w.signing(t).roles() != "ksk zsk"; i++ {
		if i == 20 {
			t.Fatalf("the roll does not end: %+v", w.signing(t))
		}
		w.verified(t, w.DNS, "the server that was killed during a roll")
		w.looked(t)
		w.aged(t)
		w.killed(t, r, 200*time.Millisecond, http.MethodGet, w.path("/dnssec"), nil)
	}
	w.verified(t, w.DNS, "the server whose keys have rolled")
	if got := w.signing(t).of("zsk"); got == old {
		t.Errorf("the old key is left: %s", got)
	}
}

// looked waits until the process has looked after the zone's keys.
func (w *world) looked(t *testing.T) {
	t.Helper()
	testkit.Until(t, func() string {
		if s := w.signing(t); !s.looked() {
			return fmt.Sprintf("nobody looks after the keys: %+v", s)
		}
		return ""
	})
}
