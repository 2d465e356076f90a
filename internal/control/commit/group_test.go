package commit_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/controltest"
	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// hold keeps the writer's place, so that changes pile up, and returns what lets them go.
func (b *bench) hold(t *testing.T, zones ...model.Zone) (release func()) {
	t.Helper()
	tx, err := b.base.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var l model.Locks
	for _, z := range zones {
		l.Zones = append(l.Zones, z.ID)
	}
	if err := tx.Lock(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	return tx.Rollback
}

func TestGroupCommit(t *testing.T) {
	t.Parallel()
	onEvery(t, groupCommit)
}

func groupCommit(t *testing.T, b *bench) {
	t.Helper()
	zones := []model.Zone{b.zone(t, "one"), b.zone(t, "two"), b.zone(t, "three")}
	serials := []uint32{}
	for _, z := range zones {
		serials = append(serials, b.state(t, z.ID).Transfer.Serial())
	}
	const n = 240
	before := b.p.Stats()
	release := b.hold(t, zones...)
	var wg, sent sync.WaitGroup
	var bad atomic.Int64
	for i := range n {
		sent.Add(1)
		wg.Go(func() {
			z := zones[i%3]
			content := fmt.Sprintf("192.0.2.%d", i/3)
			if i%24 == 0 {
				content = "192.0.2.250" // ten of them, of which each zone takes one
			}
			sent.Done()
			r, err := b.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{
				model.AddRecord{Record: rec("www."+z.Name.Host(), "A", content)},
			}})
			if code(err) == model.CodeIdentical {
				bad.Add(1)
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			if got := r.Outcomes[0].Record; got.Content != content || got.Zone != z.ID {
				t.Errorf("somebody else's outcome: %+v", got)
			}
			if s := b.state(t, z.ID); model.Seq(s.Seq) < r.Seq {
				t.Errorf("answered before it can be seen: memory at %d, answer says %d", s.Seq, r.Seq)
			}
		})
	}
	sent.Wait()
	release()
	wg.Wait()
	after := b.p.Stats()
	commits := after.Commits - before.Commits
	if commits >= n/4 {
		t.Errorf("%d changes took %d commits", n, commits)
	}
	if got := bad.Load(); got != 9 || after.Refused-before.Refused != 9 {
		t.Errorf("%d of the ten identical records were refused, want 9", got)
	}
	total := 0
	for i, z := range zones {
		total += len(b.base.rows(t, z.ID))
		if rose := b.state(t, z.ID).Transfer.Serial() - serials[i]; uint64(rose) > commits || rose == 0 {
			t.Errorf("%s: %d serials in %d commits", z.Name, rose, commits)
		}
	}
	if total != n-9 {
		t.Errorf("%d records", total)
	}
	b.checkFold(t)
}

// checkFold holds memory against a node that starts anew from the store, and against a fresh render of all rows.
func (b *bench) checkFold(t *testing.T) {
	t.Helper()
	db := zone.NewDB(0)
	f := feed.New(feed.Config{Source: b.base, DB: db})
	b.follow(t, f)
	b.db.All(func(z *zone.Zone) bool {
		mem, other := z.State(), db.ByID(z.ID)
		if other == nil {
			t.Errorf("zone %s is missing after a restart", z.Name)
			return true
		}
		again := other.State()
		if mem.Seq != again.Seq {
			t.Errorf("zone %s: position %d, after a restart %d", z.Name, mem.Seq, again.Seq)
		}
		row := b.base.row(t, model.ID(z.ID))
		records := b.base.rows(t, row.ID)
		for _, r := range records {
			if row.Mode != model.ModeEdge && r.Name != row.Name && mem.Transfer.Sets(r.Name) == nil {
				t.Errorf("a record stands at %s, where the transfer face has nothing", r.Name)
			}
		}
		served, transfer, err := b.p.FreshFaces(b.account(t), row, records)
		if err != nil {
			t.Fatal(err)
		}
		for _, face := range []struct {
			title            string
			mem, again, want *zone.Version
		}{{"served", mem.Served, again.Served, served}, {"transfer", mem.Transfer, again.Transfer, transfer}} {
			want := text(face.want)
			if got := text(face.mem); got != want {
				t.Fatalf("zone %s, %s face: memory\n%s\nfresh from rows\n%s", z.Name, face.title, got, want)
			}
			if got := text(face.again); got != want {
				t.Fatalf("zone %s, %s face: after a restart\n%s\nfresh from rows\n%s", z.Name, face.title, got, want)
			}
		}
		return true
	})
	if db.Len() != b.db.Len() {
		t.Errorf("%d zones after a restart, %d before", db.Len(), b.db.Len())
	}
}

func (b *bench) account(t *testing.T) model.Account {
	t.Helper()
	tx, err := b.base.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	a, err := tx.Account(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestCommitFails(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example")
	boom := errors.New("disk on fire")
	for _, tt := range []struct {
		op   string
		kept bool // the change is durable though the caller was not told
	}{
		{"begin", false},
		{"records at", false},
		{"seen change", false},
		{"put records", false},
		{"audit", false},
		{"mark change", false},
		{"commit", false},
		{"committed", true},
	} {
		name := strings.ReplaceAll(tt.op, " ", "-") + ".example"
		b.add(t, z.ID, rec(name, "TXT", "before")) // where nothing stands, rows are not looked for
		b.store.SetFail(func(op string) error {
			if op == tt.op {
				return boom
			}
			return nil
		})
		_, err := b.change(t, model.Change{ID: newID(), Zone: z.ID, Edits: []model.Edit{model.AddRecord{Record: rec(name, "A", "192.0.2.1")}}})
		b.store.SetFail(nil)
		if !errors.Is(err, boom) {
			t.Errorf("%s: got %v", tt.op, err)
		}
		there := false
		for _, r := range b.store.Records(z.ID) {
			there = there || r.Name == wire.MustName(name) && r.Type == wire.TypeA
		}
		if there != tt.kept {
			t.Errorf("%s: the record is there: %v, want %v", tt.op, there, tt.kept)
		}
		b.add(t, z.ID, rec("after-"+name, "A", "192.0.2.1")) // and life goes on
	}
	b.checkFold(t)
}

func TestOneBadChangeSpoilsNoOther(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	good, bad := b.zone(t, "good"), b.zone(t, "bad")
	boom := errors.New("row is broken")
	release := b.hold(t)
	var failing atomic.Bool
	b.store.SetFail(func(op string) error {
		if op == "delete zone" && failing.Load() {
			return boom
		}
		return nil
	})
	failing.Store(true)
	var wg, sent sync.WaitGroup
	var errs [20]error
	for i := range errs {
		sent.Add(1)
		wg.Go(func() {
			c := model.Change{Zone: good.ID, Edits: []model.Edit{model.AddRecord{Record: rec("www.good", "A", fmt.Sprintf("192.0.2.%d", i))}}}
			if i == 7 {
				c = model.Change{Zone: bad.ID, Edits: []model.Edit{model.DeleteZone{}}}
			}
			sent.Done()
			_, errs[i] = b.change(t, c)
		})
	}
	sent.Wait()
	release()
	wg.Wait()
	for i, err := range errs {
		if (i == 7) != errors.Is(err, boom) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if n := len(b.store.Records(good.ID)); n != 19 {
		t.Errorf("%d records", n)
	}
}

// TestRefusedBatchLeavesNoTrace has a batch fail at its end in the middle of a group that is committed.
func TestRefusedBatchLeavesNoTrace(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example")
	there := b.add(t, z.ID, rec("there.example", "A", "192.0.2.1"))[0]
	release := b.hold(t)
	var wg, sent sync.WaitGroup
	for i := range 30 {
		sent.Add(1)
		wg.Go(func() {
			c := model.Change{Zone: z.ID, Edits: []model.Edit{model.AddRecord{Record: rec("good.example", "A", fmt.Sprintf("192.0.2.%d", i))}}}
			want := 0
			if i%2 == 0 {
				want = model.CodeRecordNotFound
				c.Edits = []model.Edit{
					model.AddRecord{Record: rec("bad.example", "A", fmt.Sprintf("192.0.2.%d", i), proxied)},
					model.EditRecord{ID: there.ID, Apply: func(r model.Record) (model.Record, error) { r.TTL++; return r, nil }},
					model.DeleteRecord{ID: there.ID},
					model.EditZone{Apply: func(z model.Zone) (model.Zone, error) { z.Settings.NSTTL = 99; return z, nil }},
					model.CreateZone{Zone: model.Zone{ID: model.ID(fmt.Sprint("new", i)), Name: wire.MustName(fmt.Sprintf("new%d", i))}},
					model.DeleteRecord{ID: "nobody"},
				}
			}
			sent.Done()
			if _, err := b.change(t, c); code(err) != want {
				t.Errorf("%d: got %v", i, err)
			}
		})
	}
	sent.Wait()
	release()
	wg.Wait()
	if got := text(b.state(t, z.ID).Served); strings.Contains(got, "bad") || strings.Contains(got, " 99 NS") ||
		!strings.Contains(got, "there.example. 600 A") || b.db.Len() != 1 {
		t.Errorf("got\n%s", got)
	}
	for _, a := range b.store.Audits() {
		if a.Action == "delete" || a.Resource == "zone" && a.Action == "update" {
			t.Errorf("the audit log tells of %s %s", a.Action, a.Resource)
		}
	}
	b.checkFold(t)
}

// TestFacesPartWithinOneChange has the faces agree at the first name of a change and part at a later one.
func TestFacesPartWithinOneChange(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example")
	old := b.add(t, z.ID, rec("a.example", "A", "192.0.2.1"))[0]
	b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{
		model.DeleteRecord{ID: old.ID},
		model.AddRecord{Record: rec("a.example", "A", "192.0.2.2")},
		model.AddRecord{Record: rec("b.example", "A", "192.0.2.3", proxied)},
		model.AddRecord{Record: rec("c.example", "A", "192.0.2.4")},
	}})
	if s := b.state(t, z.ID); s.Served == s.Transfer {
		t.Error("the faces did not part")
	}
	b.checkFold(t)
}

func TestLostRacesAreTriedAgain(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example")
	left := 3
	b.store.SetFail(func(op string) error {
		if op == "commit" && left > 0 {
			left--
			return fmt.Errorf("somebody was faster: %w", model.ErrStale)
		}
		return nil
	})
	applied := 0
	add := b.add(t, z.ID, rec("www.example", "A", "192.0.2.1"))[0]
	b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{model.EditRecord{
		ID: add.ID, Apply: func(r model.Record) (model.Record, error) { applied++; r.TTL = 99; return r, nil },
	}}})
	if left != 0 || applied != 1 || b.p.Stats().Retries != 3 {
		t.Errorf("left %d, applied %d, %+v", left, applied, b.p.Stats())
	}
	b.checkFold(t)
}

func TestSameChangeTwice(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example")
	c := model.Change{ID: newID(), Zone: z.ID, Edits: []model.Edit{model.AddRecord{Record: rec("www.example", "TXT", "x")}}}
	first := b.must(t, c)
	again, err := b.change(t, c)
	if !errors.Is(err, model.ErrDuplicateChange) || again.Seq < first.Seq || len(b.store.Records(z.ID)) != 1 {
		t.Errorf("got %+v, %v", again, err)
	}
}

func TestStopped(t *testing.T) {
	t.Parallel()
	b := &bench{store: controltest.NewStore(), forced: map[string]int{}}
	p, err := commit.New(commit.Config{
		Begin: func(ctx context.Context) (commit.Tx, error) { return b.store.Begin(ctx) },
		DB:    zone.NewDB(0), Feed: feed.New(feed.Config{}), Clock: b.clock, NewID: newID, NameServers: []string{"ns1.test"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Change(t.Context(), model.Change{}); !errors.Is(err, model.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

// Who asks the committer whether it answers hears when it has come by: not while a group does not come on, and at once when it has ended.
func TestAnswers(t *testing.T) {
	t.Parallel()
	b := &bench{store: controltest.NewStore(), forced: map[string]int{}}
	begun, release := make(chan struct{}), make(chan struct{})
	p, err := commit.New(commit.Config{
		Begin: func(context.Context) (commit.Tx, error) {
			close(begun)
			<-release
			return nil, model.ErrUnavailable
		},
		DB: zone.NewDB(0), Feed: feed.New(feed.Config{}), Clock: b.clock, NewID: newID, NameServers: []string{"ns1.test"},
	})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(running) }()
	if err := p.Answers(t.Context()); err != nil {
		t.Errorf("idle: %v", err)
	}
	changed := make(chan error, 1)
	go func() {
		_, err := p.Change(t.Context(), model.Change{})
		changed <- err
	}()
	<-begun
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := p.Answers(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("amid a group that does not come on: %v", err)
	}
	close(release)
	if err := <-changed; !errors.Is(err, model.ErrUnavailable) {
		t.Error(err)
	}
	if err := p.Answers(t.Context()); err != nil {
		t.Errorf("after it: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := p.Answers(t.Context()); err != nil {
		t.Errorf("ended: %v", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, edit := range []func(*commit.Config){
		func(c *commit.Config) { c.NameServers = nil },
		func(c *commit.Config) { c.NameServers = []string{"a..b"} },
		func(c *commit.Config) { c.Begin = nil },
	} {
		cfg := commit.Config{
			Begin: func(context.Context) (commit.Tx, error) { return nil, nil }, DB: &zone.DB{}, Feed: feed.New(feed.Config{}),
			Clock: func() time.Time { return time.Time{} }, NewID: newID, NameServers: []string{"ns1.test"},
		}
		if _, err := commit.New(cfg); err != nil {
			t.Errorf("a good configuration: %v", err)
		}
		edit(&cfg)
		if _, err := commit.New(cfg); err == nil {
			t.Error("a bad configuration is taken")
		}
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example")
	list := func(n int) []model.Edit {
		var out []model.Edit
		for i := range n {
			out = append(out, model.AddRecord{SkipIdentical: true, Record: rec(fmt.Sprintf("h%d.example", i), "A", "192.0.2.1", func(r *model.Record) {
				r.Proxied = i%1000 == 0
			})})
		}
		return out
	}
	b.must(t, model.Change{Zone: z.ID, Edits: list(100)})
	r := b.must(t, model.Change{Zone: z.ID, Edits: list(10000)})
	skipped := 0
	for _, o := range r.Outcomes {
		if o.Skipped {
			skipped++
		}
	}
	journal, audits := b.store.Journal(), b.store.Audits()
	if skipped != 100 || journal[len(journal)-1].Kind != model.EntryReset {
		t.Errorf("%d skipped, journalled as %d", skipped, journal[len(journal)-1].Kind)
	}
	if got := fmt.Sprint(audits[len(audits)-1].After); got != "[{imported  9900} {skipped  100} {created_micros  1767323045000006}]" {
		t.Errorf("audit entry says %s", got)
	}
	b.add(t, z.ID, rec("after.example", "A", "192.0.2.1"))
	b.checkFold(t)
}

// TestGroupsFillUp has callers who send one change after the other, to a store whose commits take long: they must not fall
// into two groups that take turns, and one of them alone must not wait.
func TestGroupsFillUp(t *testing.T) {
	t.Parallel()
	const each, commit = 40, 10 * time.Millisecond
	for _, callers := range []int{1, 2, 7} {
		t.Run(fmt.Sprint(callers), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := start(t, nil)
				z := b.zone(t, "one")
				b.store.SetFail(func(op string) error {
					if op == "commit" {
						time.Sleep(commit)
					}
					return nil
				})
				before, begin := b.p.Stats().Commits, time.Now()
				var wg sync.WaitGroup
				for c := range callers {
					wg.Go(func() {
						for i := range each {
							b.add(t, z.ID, rec(fmt.Sprintf("h%d-%d.one", c, i), "A", "192.0.2.1"))
							time.Sleep(100 * time.Microsecond) // on its way back
						}
					})
				}
				wg.Wait()
				commits, took := b.p.Stats().Commits-before, time.Since(begin)
				if commits > each+2 {
					t.Errorf("%d times %d changes took %d commits", callers, each, commits)
				}
				if most := time.Duration(commits) * (commit + 200*time.Microsecond); took > most {
					t.Errorf("%d commits took %v, want no more than %v", commits, took, most)
				}
			})
		})
	}
}

// wakes counts how often the feed is woken.
type wakes struct {
	base
	n atomic.Int64
}

func (w *wakes) Wait(ctx context.Context, at func() model.Seq) error {
	err := w.base.Wait(ctx, at)
	w.n.Add(1)
	return err
}

// TestHandedOverIsNotToldOf: what a commit hands to the feed needs nobody to look for it, beside the answer to who asked for it.
func TestHandedOverIsNotToldOf(t *testing.T) {
	t.Parallel()
	w := &wakes{base: openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))}
	b := &bench{base: w, now: time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC), forced: map[string]int{}, flat: newTargets()}
	b.open(t, nil, nil)
	b.makeAccount(t)
	z := b.zone(t, "example.com.")
	for i := range 50 {
		b.add(t, z.ID, rec(fmt.Sprintf("h%d.example.com.", i), "A", "192.0.2.1"))
	}
	if n := w.n.Load(); n > 0 {
		t.Errorf("changes woke the feed %d times", n)
	}
}

// TestVisibleWhenDurable: what a large change leads to is worked out while it is made durable. Nobody sees anything of it before that,
// and nobody ever does if it fails.
func TestVisibleWhenDurable(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example.com.")
	batch := func(n int) model.Change {
		c := model.Change{Zone: z.ID}
		for i := range 200 {
			c.Edits = append(c.Edits, model.AddRecord{Record: rec(fmt.Sprintf("h%d-%d.example.com.", n, i), "A", "192.0.2.1")})
		}
		return c
	}
	serial := func() uint32 { return b.db.ByID(string(z.ID)).State().Transfer.Serial() }
	for n := range 10 {
		before := serial()
		fails := n%2 == 0
		b.store.SetFail(func(op string) error {
			if op != "commit" {
				return nil
			}
			time.Sleep(2 * time.Millisecond) // of the disk's: time enough to work it out
			if got := serial(); got != before {
				t.Errorf("serial %d is seen before the change is durable", got)
			}
			if fails {
				return model.ErrUnavailable
			}
			return nil
		})
		_, err := b.change(t, batch(n))
		switch got := serial(); {
		case fails && (err == nil || got != before):
			t.Errorf("failed: %v, serial %d after %d", err, got, before)
		case !fails && (err != nil || got == before):
			t.Errorf("committed: %v, serial %d after %d", err, got, before)
		}
	}
	b.store.SetFail(nil)
	b.checkFold(t)
}
