package commit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func (b *bench) serial(t *testing.T, z model.ID) uint32 {
	t.Helper()
	return b.state(t, z).Transfer.Serial()
}

// A zone that had published later serials than a backup holds never uses one of them again, whether it lagged behind the
// clock or had outrun it, whatever the clock says now, and however often the same backup is restored.
func TestSerialsAfterARestore(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name    string
		lost    uint32        // serials published after the backup
		between time.Duration // from then to the restore
	}{
		{"one change, the clock goes on", 1, day},
		{"more changes than seconds", 1500, time.Second},
		{"the clock stands still", 1500, 0},
		{"the clock is behind", 1500, -30 * day},
		{"two hundred changes a second for half a day", 200 * 43200, day / 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := start(t, nil)
			z := b.zone(t, "one.example")
			backup := b.serial(t, z.ID)
			published := backup + tt.lost
			b.pass(tt.between)
			b.store.MarkRestored(b.clock(), model.JumpLeast)
			b.add(t, z.ID, rec("a.one.example", "A", "192.0.2.1"))
			first := b.serial(t, z.ID)
			if !wire.SerialNewer(first, published) || !wire.SerialNewer(first, backup) {
				t.Fatalf("serial %d after %d were published from %d", first, published, backup)
			}
			b.add(t, z.ID, rec("b.one.example", "A", "192.0.2.2"))
			if got := b.serial(t, z.ID); got != first+1 {
				t.Errorf("the next one is %d after %d", got, first)
			}
			b.store.MarkRestored(b.clock(), model.JumpMost-1)
			b.add(t, z.ID, rec("c.one.example", "A", "192.0.2.3"))
			if got := b.serial(t, z.ID); !wire.SerialNewer(got, first+1) {
				t.Errorf("after another restore %d after %d", got, first+1)
			}
			b.checkFold(t)
		})
	}
}

// The first serial after a restore is above what secondaries answer, unless they claim to be absurdly far ahead.
func TestSerialsPassWhatSecondariesHold(t *testing.T) {
	t.Parallel()
	var held []uint32
	b := start(t, func(c *commit.Config) { c.Held = func(model.ID) []uint32 { return held } })
	for i, tt := range []struct{ ahead, want uint32 }{
		{0, model.JumpLeast},
		{50, model.JumpLeast},
		{model.JumpMost, model.JumpMost + 1},
		{1<<30 - 1, 1 << 30},
		{1<<31 - 1, model.JumpLeast},
		{1 << 31, model.JumpLeast},
		{1<<32 - 5, model.JumpLeast},
	} {
		z := b.zone(t, fmt.Sprintf("z%d.example", i))
		from := b.serial(t, z.ID)
		held = []uint32{from - 1, from + tt.ahead, from}
		b.store.MarkRestored(b.clock(), model.JumpLeast)
		b.add(t, z.ID, rec("a."+z.Name.Host(), "A", "192.0.2.1"))
		if got := b.serial(t, z.ID) - from; got != tt.want {
			t.Errorf("%d ahead: jumped by %d, want %d", tt.ahead, got, tt.want)
		}
	}
}

// A zone that is made after a restore may have been there in what is lost.
func TestFirstSerialAfterARestore(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	gone := b.zone(t, "gone.example")
	b.must(t, model.Change{Account: account, Zone: gone.ID, Edits: []model.Edit{model.DeleteZone{}}})
	last := b.serialOfGone(t, gone)
	b.store.MarkRestored(b.clock(), model.JumpLeast)
	b.pass(-time.Hour)
	for _, name := range []string{"gone.example", "lost.example"} {
		if got := b.serial(t, b.zone(t, name).ID); !wire.SerialNewer(got, last+5000) {
			t.Errorf("%s begins with %d; what is lost may have got to %d", name, got, last+5000)
		}
	}
	b.checkFold(t)
}

// A serial is raised as far as RFC 1982 lets secondaries follow, once, however often it is asked for, together with whatever
// else is committed, and is told to the audit log.
func TestRaiseSerial(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "one.example")
	raise := func(to uint32) (model.Result, error) {
		return b.p.Change(t.Context(), model.Change{Account: account, Zone: z.ID, Edits: []model.Edit{model.RaiseSerial{AtLeast: to}}})
	}
	const farthest = 1<<31 - 1
	at := b.serial(t, z.ID)
	for _, tt := range []struct {
		name string
		to   uint32
		want uint32 // 0: refused
	}{
		{"it has that", at, at},
		{"a smaller one", 1, at},
		{"the next", at + 1, at + 1},
		{"twice", at + 1, at + 1},
		{"the farthest", at + 1 + farthest, at + 1 + farthest}, // 3_9…: near the end of the numbers
		{"half of all", at + 1 + farthest + 1<<31, 0},
		{"over the end", 5, 5},
		{"a larger one that is behind", 5 + farthest + 100, 0},
		{"back to the time", at, at},
		{"the largest is too far", 1<<32 - 1, 0},
		{"zero", 0, at},
	} {
		before := b.serial(t, z.ID)
		audits := len(b.store.Audits())
		res, err := raise(tt.to)
		got := b.serial(t, z.ID)
		var bad *model.Invalid
		switch {
		case tt.want == 0 && (!errors.As(err, &bad) || bad.Code != model.CodeSerial || got != before):
			t.Errorf("%s: %d from %d: serial %d, %v", tt.name, tt.to, before, got, err)
		case tt.want == 0 && !strings.Contains(bad.Message, fmt.Sprint(before+farthest)):
			t.Errorf("%s: %s", tt.name, bad.Message)
		case tt.want != 0 && (err != nil || got != tt.want || res.Serial != got):
			t.Errorf("%s: %d from %d: serial %d, answered %d, %v", tt.name, tt.to, before, got, res.Serial, err)
		}
		if told := len(b.store.Audits()) > audits; told != (got != before) {
			t.Errorf("%s: told to the audit log: %v", tt.name, told)
		}
	}
	at = b.serial(t, z.ID)
	b.must(t, model.Change{Account: account, Zone: z.ID, Edits: []model.Edit{
		model.RaiseSerial{AtLeast: at + 700},
		model.RaiseSerial{AtLeast: at + 500},
		model.AddRecord{Record: rec("a.one.example", "A", "192.0.2.1")},
	}})
	if got := b.serial(t, z.ID); got != at+700 {
		t.Errorf("with a record: %d, want %d", got, at+700)
	}
	// A change that fails takes its wish along.
	_, err := b.p.Change(t.Context(), model.Change{Account: account, Zone: z.ID, Edits: []model.Edit{
		model.RaiseSerial{AtLeast: at + 900}, model.AddRecord{Record: rec("a.one.example", "CNAME", "b.example")},
	}})
	if got := b.serial(t, z.ID); err == nil || got != at+700 {
		t.Errorf("after a refused change: %d, %v", got, err)
	}
	b.add(t, z.ID, rec("b.one.example", "A", "192.0.2.1"))
	if got := b.serial(t, z.ID); got != at+701 {
		t.Errorf("the next change: %d, want %d", got, at+701)
	}
	fresh := b.must(t, model.Change{Account: account, Edits: []model.Edit{
		model.CreateZone{Zone: model.Zone{Name: wire.MustName("fresh.example")}}, model.RaiseSerial{AtLeast: 2026112801},
	}}).Outcomes[0].Zone
	if got := b.serial(t, fresh.ID); got != 2026112801 || fresh.Serial != got {
		t.Errorf("a new zone begins with %d, answered %d", got, fresh.Serial)
	}
	b.checkFold(t)
}

func (b *bench) serialOfGone(t *testing.T, z model.Zone) uint32 {
	t.Helper()
	tx, err := b.store.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	serial, err := tx.LastSerial(t.Context(), z.Name)
	if err != nil {
		t.Fatal(err)
	}
	return serial
}
