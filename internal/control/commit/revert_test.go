package commit_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/history"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

var versionsFlag = flag.Int("versions", 40, "versions of a random history that are reverted to")

// past is a zone with its history, on a real store.
type past struct {
	*bench

	on   onEngine
	h    *history.Reader
	z    model.Zone
	d    *rand.Rand
	kept time.Duration
}

// version is what a zone was under a serial.
type version struct {
	serial           uint32
	at               time.Time
	rows             string
	served, transfer []string
	members          model.Zone
}

func onEngines(t *testing.T, f func(t *testing.T, p *past)) {
	t.Helper()
	for name, open := range map[string]func(t *testing.T) base{
		"sqlite": func(t *testing.T) base {
			t.Helper()
			return openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
		},
		"postgres": func(t *testing.T) base { t.Helper(); return openStore(t, postgres(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &past{bench: node(t, open(t)), d: dice(t), kept: 1000 * time.Hour}
			p.makeAccount(t)
			p.on = p.base.(onEngine)
			p.h = &history.Reader{Store: p.on.Store, Clock: p.clock, Context: p.p.Context}
			for i := range 8 {
				p.flat.set(fmt.Sprintf("t%d.test", i), fmt.Sprintf("203.0.113.%d", i))
			}
			p.z = p.transferred(t, "example")
			f(t, p)
		})
	}
}

// row is the zone as it is.
func (p *past) now(t *testing.T) *model.Zone {
	t.Helper()
	z := p.base.row(t, p.z.ID)
	return &z
}

// rowsText is what clients have set of records.
func rowsText(list []model.Record) string {
	lines := make([]string, len(list))
	for i := range list {
		r := &list[i]
		lines[i] = fmt.Sprint(r.ID, r.Name, r.Type, r.Content, r.TTL, r.Proxied, r.Settings, r.Comment, r.Tags, rr.FormatData(r.Type, r.RData))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// faceLines are a version's records but for the SOA's serial, as a zone file has them.
func faceLines(v *zone.Version) (out []string) {
	v.Walk(func(owner []byte, s zone.RRset) bool {
		if s.Type == zone.TypeMark {
			return true
		}
		for i := range s.Len() {
			out = append(out, fmt.Sprintf("%s %d IN %s %s", wire.Name(owner), s.TTL, s.Type, rr.FormatData(s.Type, s.AppendRData(nil, i, 0)[2:])))
		}
		return true
	})
	slices.Sort(out)
	return out
}

func withoutSerial(lines []string, serial uint32) string {
	return strings.ReplaceAll(strings.Join(lines, "\n"), fmt.Sprintf(" %d ", serial), " # ")
}

func (p *past) look(t *testing.T) version {
	t.Helper()
	s := p.state(t, p.z.ID)
	return version{
		serial: s.Transfer.Serial(), at: p.clock(), rows: rowsText(p.base.rows(t, p.z.ID)), served: faceLines(s.Served), transfer: faceLines(s.Transfer),
		members: *p.now(t),
	}
}

// some makes one change: of records, settings, or an import, small or in slices.
func (p *past) some(t *testing.T) {
	t.Helper()
	p.pass(time.Duration(1+p.d.IntN(5000)) * time.Millisecond)
	switch p.d.IntN(8) {
	case 0:
		if _, err := p.change(t, model.Change{Zone: p.z.ID, Edits: []model.Edit{model.EditZone{Action: "dns_settings", Apply: randomSettings(p.d)}}}); err != nil {
			t.Fatal(err)
		}
	case 1:
		in := &model.Import{Account: account, Zone: p.z.ID, Lenient: true, Records: &model.Pack{}}
		for range 1 + p.d.IntN(8) {
			if e, ok := randomEdit(p.d, &p.z, nil).(model.AddRecord); ok {
				in.Records.Add(&e.Record)
			}
		}
		if _, err := p.p.Import(t.Context(), in); err != nil && code(err) < 0 {
			t.Fatal(err)
		}
	case 2: // of which the DNS sees nothing
		if rows := p.base.rows(t, p.z.ID); len(rows) > 0 {
			comment := fmt.Sprint("comment ", p.d.IntN(100))
			p.must(t, model.Change{Zone: p.z.ID, Edits: []model.Edit{model.EditRecord{ID: rows[p.d.IntN(len(rows))].ID, Apply: func(r model.Record) (model.Record, error) {
				r.Comment, r.Tags = comment, []string{"a:b"}
				return r, nil
			}}}})
		}
	default:
		if edits := knowing(p.d, p.now(t), p.base.rows(t, p.z.ID), 1+p.d.IntN(5)); len(edits) > 0 {
			if _, err := p.change(t, model.Change{Zone: p.z.ID, Edits: edits}); err != nil && code(err) < 0 {
				t.Fatal(err)
			}
		}
	}
}

// undo does what takes the zone back.
func (p *past) undo(w history.Wish) error {
	u, err := p.h.Undo(context.Background(), p.row(), w, p.kept)
	if err != nil || u.Empty() {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err = p.p.Change(ctx, model.Change{Account: account, Zone: p.z.ID, Edits: []model.Edit{u.Edit}})
	return err
}

func (p *past) row() *model.Zone {
	z, err := p.on.Zone(context.Background(), p.z.ID)
	if err != nil {
		panic(err)
	}
	return &z
}

// TestRevertToAnyVersion makes a random history, and goes back to its versions in any order: records with their ids, settings and both
// faces are exactly those of then, under a serial that rises. What is told of versions without going there is the same: the rows of
// their files, and the difference between any two, which is the difference that secondaries have seen.
func TestRevertToAnyVersion(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, p *past) {
		seen := map[uint32]version{}
		for len(seen) < *versionsFlag {
			p.some(t)
			v := p.look(t)
			seen[v.serial] = v
		}
		follower := &secondary{b: p.bench, has: map[model.ID]*zone.Version{}}
		follower.sync(t, p.z.ID)
		serials := slices.Sorted(maps.Keys(seen))
		p.checkDiffs(t, seen, serials)
		p.d.Shuffle(len(serials), func(i, j int) { serials[i], serials[j] = serials[j], serials[i] })
		for n, serial := range serials {
			was := seen[serial]
			before := p.state(t, p.z.ID).Transfer.Serial()
			p.checkFile(t, &was)
			p.pass(time.Second)
			w := history.Wish{Point: history.At(serial), Settings: true}
			if n%5 == 4 { // by the time of its last change
				w.Point = history.Point{Time: was.at}
			}
			if err := p.undo(w); err != nil {
				t.Fatalf("to serial %d: %v", serial, err)
			}
			is := p.look(t)
			if is.rows != was.rows {
				t.Fatalf("serial %d: rows\n%s\nafter the revert\n%s", serial, was.rows, is.rows)
			}
			for name, face := range map[string][2][]string{"served": {was.served, is.served}, "transfer": {was.transfer, is.transfer}} {
				if a, b := withoutSerial(face[0], was.serial), withoutSerial(face[1], is.serial); a != b {
					t.Fatalf("serial %d, %s face:\n%s\nafter the revert\n%s", serial, name, a, b)
				}
			}
			if is.serial != before && !wire.SerialNewer(is.serial, before) {
				t.Fatalf("the serial went from %d to %d", before, is.serial)
			}
			follower.sync(t, p.z.ID)
			if p.d.IntN(4) == 0 {
				p.some(t)
			}
		}
		p.checkFold(t)
	})
}

// checkFile holds the file of a version against its rows.
func (p *past) checkFile(t *testing.T, was *version) {
	t.Helper()
	var got []model.Record
	err := p.h.File(t.Context(), p.now(t), history.At(was.serial), p.kept, func(z *model.Zone) error {
		if z.Serial != was.serial {
			t.Errorf("the file of serial %d has %d", was.serial, z.Serial)
		}
		return nil
	}, func(r *model.Record) error {
		got = append(got, r.Clone())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if text := rowsText(got); text != was.rows {
		now, then := strings.Split(text, "\n"), strings.Split(was.rows, "\n")
		t.Fatalf("the file of serial %d has\n+%s\nand not\n-%s", was.serial, strings.Join(without(now, then), "\n+"), strings.Join(without(then, now), "\n-"))
	}
}

// checkDiffs holds what is told of the difference of versions against the versions that memory had, which the journal has led to.
func (p *past) checkDiffs(t *testing.T, seen map[uint32]version, serials []uint32) {
	t.Helper()
	for range 30 {
		from, to := seen[serials[p.d.IntN(len(serials))]], seen[serials[p.d.IntN(len(serials))]]
		d, err := p.h.Diff(t.Context(), p.now(t), history.At(from.serial), history.At(to.serial), p.kept)
		if err != nil {
			t.Fatalf("%d to %d: %v", from.serial, to.serial, err)
		}
		faces, err := p.h.Faces(t.Context(), d, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []struct {
			name     string
			got      history.FaceDiff
			from, to []string
		}{{"served", faces.Served, from.served, to.served}, {"transfer", faces.Transfer, from.transfer, to.transfer}} {
			gone, come := without(f.from, f.to), without(f.to, f.from)
			slices.Sort(f.got.Removed)
			slices.Sort(f.got.Added)
			if !slices.Equal(f.got.Removed, gone) || !slices.Equal(f.got.Added, come) {
				t.Fatalf("%s face from %d to %d, %+v:\n-%s\n+%s\nbut memory had\n-%s\n+%s", f.name, from.serial, to.serial, d.Settings,
					strings.Join(f.got.Removed, "\n-"), strings.Join(f.got.Added, "\n+"), strings.Join(gone, "\n-"), strings.Join(come, "\n+"))
			}
		}
	}
}

// without are those of some lines that are not among others.
func without(some, others []string) (out []string) {
	for _, l := range some {
		if !slices.Contains(others, l) {
			out = append(out, l)
		}
	}
	return out
}

// TestUndoOneByOne takes single changes of a random history back in any order. Either the order of two makes no difference, or one of them
// is refused, and names what stands in its way; and then nothing has changed.
func TestUndoOneByOne(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, p *past) {
		for range 25 {
			p.some(t)
		}
		for i := range 15 {
			p.pass(time.Second)
			p.add(t, p.z.ID, rec(fmt.Sprintf("apart%d.example", i), "A", "192.0.2.1"))
		}
		page, err := p.h.Changes(t.Context(), p.now(t), model.Place{}, time.Time{}, time.Time{}, 40)
		if err != nil {
			t.Fatal(err)
		}
		base := p.look(t)
		commuted, clashed := 0, 0
		for range 60 {
			a, b := page.Changes[p.d.IntN(len(page.Changes))].Place(), page.Changes[p.d.IntN(len(page.Changes))].Place()
			if a == b {
				continue
			}
			one, first := p.both(t, a, b)
			p.back(t, base)
			two, second := p.both(t, b, a)
			p.back(t, base)
			switch {
			case first && second && one != two:
				t.Fatalf("undone in one order\n%s\nin the other\n%s", one, two)
			case first && second:
				commuted++
			default:
				clashed++
			}
		}
		if commuted < 3 || clashed < 3 {
			t.Errorf("%d pairs commuted, %d clashed: too few to prove anything", commuted, clashed)
		}
	})
}

// both undoes two changes; false: one of them clashed.
func (p *past) both(t *testing.T, list ...model.Place) (rows string, ok bool) {
	t.Helper()
	for _, at := range list {
		p.pass(time.Second)
		before := p.look(t)
		err := p.undo(history.Wish{Change: &at, Settings: true})
		if err == nil {
			continue
		}
		if c, ok := errors.AsType[*model.Clashes](err); ok {
			for _, one := range c.List {
				if one.Err.Message == "" || one.ID == "" && one.Setting == "" && !strings.Contains(one.Err.Message, "import") {
					t.Errorf("a clash without a name: %+v", one)
				}
			}
		} else if code(err) < 0 {
			t.Fatal(err)
		}
		if after := p.look(t); after.rows != before.rows || after.serial != before.serial {
			t.Errorf("%v, and yet something has changed", err)
		}
		return "", false
	}
	v := p.look(t)
	return v.rows + withoutSerial(v.served, v.serial), true
}

func (p *past) back(t *testing.T, to version) {
	t.Helper()
	p.pass(time.Second)
	if err := p.undo(history.Wish{Point: history.At(to.serial), Settings: true}); err != nil {
		t.Fatal(err)
	}
	if is := p.look(t); is.rows != to.rows {
		t.Fatal("the version to begin with did not come back")
	}
}

// TestHistoryWhileItChanges reads files and differences of the past while the zone changes all the time, also by imports: they are what the
// version was all the same. A revert that was worked out from what is not the newest any more is refused, and done nothing of.
func TestHistoryWhileItChanges(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, p *past) {
		var list []model.Record
		for i := range 1500 {
			list = append(list, rec(fmt.Sprintf("h%d.example", i), "A", "192.0.2.1"))
		}
		p.add(t, p.z.ID, list...)
		was := p.look(t)
		p.pass(time.Second)
		p.add(t, p.z.ID, rec("next.example", "TXT", "what comes now is of another serial"))
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					p.some(t)
				}
				rows := p.base.rows(t, p.z.ID)
				if len(rows) > 500 {
					p.must(t, model.Change{Zone: p.z.ID, Edits: []model.Edit{model.DeleteRecord{ID: rows[p.d.IntN(len(rows))].ID}}})
				}
			}
		}()
		for range 5 {
			p.checkFile(t, &was)
		}
		stale, err := p.h.Undo(t.Context(), p.now(t), history.Wish{Point: history.At(was.serial)}, p.kept)
		close(stop)
		<-done
		if err != nil {
			t.Fatal(err)
		}
		p.some(t)
		p.add(t, p.z.ID, rec("one.more.example", "TXT", "x"))
		before := p.look(t)
		if _, err := p.change(t, model.Change{Zone: p.z.ID, Edits: []model.Edit{stale.Edit}}); code(err) != model.CodeUndoMoved {
			t.Errorf("a stale revert: %v", err)
		}
		if after := p.look(t); after.rows != before.rows {
			t.Error("a stale revert has done something")
		}
	})
}
