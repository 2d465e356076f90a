package course_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/course"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestMain(m *testing.M) { testkit.VerifyTestMain(m) }

type clock struct{ at time.Time }

func (c *clock) now() time.Time       { return c.at }
func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }

func begin() (*clock, *course.Course) {
	c := &clock{time.Unix(1_800_000_000, 0).UTC()}
	return c, course.New(course.Config{Now: c.now, Zones: 5})
}

// Who holds a version has taken all before it, once; serials wrap around (RFC 1982).
func TestArrivals(t *testing.T) {
	t.Parallel()
	at, c := begin()
	c.Holds("z", "p", 7) // of a zone without versions: nothing is known
	for _, serial := range []uint32{1<<32 - 1, 0, 1} {
		c.Published("z", serial)
		c.Published("z", serial) // told twice
		at.pass(time.Second)
	}
	c.Holds("z", "p", 1<<32-1)
	at.pass(time.Second)
	c.Holds("z", "p", 1)
	at.pass(time.Second)
	c.Holds("z", "p", 1)
	c.Holds("z", "q", 0)
	v := c.Zone("z")
	got := ""
	for _, one := range v.Versions {
		got += fmt.Sprintf("%d p %v q %v\n", one.Serial, one.Taken["p"], one.Taken["q"])
	}
	want := "1 p 2s q 0s\n0 p 3s q 4s\n4294967295 p 3s q 5s\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if d := testkit.Diff([]time.Duration{4 * time.Second, 5 * time.Second}, v.Converged([]string{"p", "q"})); d != "" {
		t.Error(d)
	}
	if d := testkit.Diff([]time.Duration(nil), v.Converged(nil)); d != "" {
		t.Errorf("without peers: %s", d)
	}
	for i := range uint32(300) {
		c.Published("z", 2+i)
	}
	if n := len(c.Zone("z").Versions); n != 100 {
		t.Errorf("%d versions are kept", n)
	}
}

// A cell shows the worst of its ten minutes, and what was not looked at is not known, not even after a long time.
func TestStrips(t *testing.T) {
	t.Parallel()
	at, c := begin()
	c.Stood("z", "p", 1)
	c.Stood("z", "p", 6)
	c.Stood("z", "p", 1)
	at.pass(30 * time.Minute)
	c.Stood("z", "p", 1)
	strip := func() (out string) {
		for _, s := range c.Zone("z").Strips["p"] {
			out += fmt.Sprint(s)
		}
		return out
	}
	if got := strip(); len(got) != course.StripCells || got[140:] != "6001" {
		t.Errorf("%q", got)
	}
	at.pass(23*time.Hour + 30*time.Minute)
	if got := strip(); got[:3] != "001" {
		t.Errorf("a day later: %q", got)
	}
	at.pass(100 * time.Hour)
	c.Stood("z", "p", 2)
	if got := strip(); got[:143] != fmt.Sprintf("%0143d", 0) || got[143] != '2' {
		t.Errorf("much later: %q", got)
	}
}

// Hours add up, and zones without news make room.
func TestHoursAndBounds(t *testing.T) {
	t.Parallel()
	at, c := begin()
	c.Transferred("z", course.Transfer{Full: true, Octets: 100})
	c.Transferred("z", course.Transfer{Octets: 10})
	c.Transferred("z", course.Transfer{Octets: 10})
	at.pass(2 * time.Hour)
	c.Transferred("z", course.Transfer{Refused: true})
	c.Transferred("z", course.Transfer{Failed: true, Octets: 5})
	hours := c.Zone("z").Hours
	if d := testkit.Diff(course.Transfers{Full: 1, FullOctets: 100, Steps: 2, StepOctets: 20}, hours[21]); d != "" {
		t.Error(d)
	}
	if d := testkit.Diff(course.Transfers{Refused: 1, Failed: 1}, hours[23]); d != "" {
		t.Error(d)
	}
	at.pass(22 * time.Hour)
	if d := testkit.Diff(course.Transfers{}, c.Zone("z").Hours[0]); d != "" {
		t.Error(d)
	}
	for i := range 10 {
		at.pass(time.Second)
		c.Published(fmt.Sprint(i), 1)
	}
	if len(c.Zone("z").Versions)+len(c.Zone("0").Versions) != 0 || len(c.Zone("9").Versions) != 1 {
		t.Error("the oldest are kept, or the newest are not")
	}
	c.Forget("9")
	if len(c.Zone("9").Versions) != 0 {
		t.Error("a zone that is gone is told of")
	}
}
