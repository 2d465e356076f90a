package commit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// onStore is a bench on a SQLite store, with an account; stage may put something between import and store.
func onStore(t *testing.T, limit int, stage func(commit.Staging) commit.Staging) (*bench, *store.Store) {
	t.Helper()
	b := &bench{forced: map[string]int{}, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), flat: newTargets()}
	st, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "test.db"), Clock: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	stop := b.openWith(t, st, func(c *commit.Config) {
		c.Limits.ImportRecords = limit
		c.Stage = func(ctx context.Context, zone model.ID) (commit.Staging, error) {
			s, err := st.Stage(ctx, zone)
			if err != nil {
				return nil, err
			}
			if stage != nil {
				return stage(s), nil
			}
			return s, nil
		}
	})
	t.Cleanup(func() {
		stop()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	b.must(t, model.Change{Edits: []model.Edit{model.CreateAccount{Account: model.Account{ID: account, OutgoingTransfers: true}}}})
	return b, st
}

// withoutDNAME is the same file, in any order, without what looks below its name.
func withoutDNAME(file *model.Pack) *model.Pack {
	out := &model.Pack{}
	for _, n := range rand.New(rand.NewPCG(1, 2)).Perm(file.Len()) {
		if r := file.Record(n); r.Type != wire.TypeDNAME {
			out.Add(r)
		}
	}
	return out
}

// importFile makes records of every sort, some of them twice, some against rules.
func importFile(z *model.Zone, n int) *model.Pack {
	out := &model.Pack{}
	add := func(name string, t wire.Type, content string, data []byte) {
		full := z.Name
		if name != "" {
			full = wire.MustName(name + "." + z.Name.Host())
		}
		out.Add(&model.Record{Name: full, Type: t, Content: content, RData: data, TTL: 300})
	}
	for i := 0; out.Len() < n; i++ {
		host := fmt.Sprintf("h%d", i%(n/2))
		add(host, wire.TypeA, fmt.Sprintf("192.0.2.%d", i%250), []byte{192, 0, 2, byte(i % 250)})
		switch i % 9 {
		case 1:
			add(host, wire.TypeTXT, `"x"`, []byte("\x01x"))
		case 2:
			add(fmt.Sprintf("alias%d", i), wire.TypeCNAME, "t1.test", []byte(wire.MustName("t1.test")))
		case 3:
			add(host, wire.TypeCNAME, "t1.test", []byte(wire.MustName("t1.test"))) // beside an address
		case 4:
			add(fmt.Sprintf("p%d", i), wire.TypeA, "192.0.2.1", []byte{192, 0, 2, 1})
			out.Proxy(out.Len() - 1)
		case 5:
			add("", wire.TypeTXT, fmt.Sprintf(`"%d"`, i), fmt.Appendf(nil, "%c%d", len(fmt.Sprint(i)), i))
		case 6:
			add(fmt.Sprintf("a.d%d", i), wire.TypeTXT, `"below"`, []byte("\x05below"))
			add(fmt.Sprintf("d%d", i), wire.TypeDNAME, "t1.test", []byte(wire.MustName("t1.test"))) // above it
		case 7:
			add(fmt.Sprintf("www%d", i%2), wire.TypeA, "192.0.2.77", []byte{192, 0, 2, 77}) // one is there
		}
	}
	return out
}

// contents is what a zone holds, but for ids.
func contents(t *testing.T, st *store.Store, z model.ID) (out []string) {
	t.Helper()
	for _, r := range list(t, st, z) {
		out = append(out, fmt.Sprint(r.Name, r.Type, r.Content, fmt.Sprintf("%x", r.RData), r.TTL, r.Proxied, r.Created, r.Modified))
	}
	slices.Sort(out)
	return out
}

// An import in slices leads to what one in a single transaction leads to: the same rows, faces, and records passed over.
func TestImportInSlicesIsTheSame(t *testing.T) {
	t.Parallel()
	type result struct {
		Imported model.Imported
		Err      string
		Rows     []string
		Faces    string
	}
	var got []result
	for n := range 8 {
		lenient, plain, limit := n&1 == 0, n&2 == 0, 1<<30
		if n >= 4 {
			limit = 10
		}
		b, st := onStore(t, limit, nil)
		b.flat.set("t1.test", "203.0.113.1")
		z := b.zone(t, "example")
		b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{
			add(&z, "www1", wire.TypeA, "192.0.2.77", []byte{192, 0, 2, 77}), add(&z, "old", wire.TypeTXT, `"old"`, []byte("\x03old")),
			add(&z, "h3", wire.TypeTXT, `"before"`, []byte("\x06before")),
		}})
		file := importFile(&z, 6000) // more than one slice
		if plain {
			file = withoutDNAME(file)
		}
		out, err := b.p.Import(t.Context(), &model.Import{ID: newID(), Account: account, Zone: z.ID, Records: file, Lenient: lenient})
		r := result{Imported: out, Rows: contents(t, st, z.ID)}
		if at, ok := errors.AsType[*model.EditError](err); ok {
			r.Err = fmt.Sprint(at.Index, at.Err)
		} else if err != nil {
			t.Fatal(err)
		}
		s := b.state(t, z.ID)
		r.Faces = text(s.Served) + text(s.Transfer)
		r.Imported.Seq = 0
		got = append(got, r)
		row, err := st.Zone(t.Context(), z.ID)
		if err != nil {
			t.Fatal(err)
		}
		served, transfer, err := b.p.FreshFaces(model.Account{ID: account}, row, list(t, st, z.ID))
		if err != nil || text(s.Served) != text(served) || text(s.Transfer) != text(transfer) {
			t.Errorf("memory is not what the rows say, %v", err)
		}
		if n, err := st.CountRecords(t.Context(), z.ID, model.RecordQuery{}); err != nil || n != len(r.Rows) || row.Importing {
			t.Errorf("the zone tells of %d records and has %d; %v", n, len(r.Rows), err)
		}
	}
	if got[0].Imported.Added < 1000 || len(got[0].Imported.Notes) < 100 || got[1].Err == "" || got[1].Imported.Added != 0 {
		t.Errorf("%d added, %d passed over, strict: %s", got[0].Imported.Added, len(got[0].Imported.Notes), got[1].Err)
	}
	for i := range 4 {
		if diff := testkit.Diff(got[i], got[i+4]); diff != "" {
			t.Errorf("in slices (+) it differs from one transaction (-):\n%.3000s", diff)
		}
	}
}

func add(z *model.Zone, name string, t wire.Type, content string, data []byte) model.AddRecord {
	return model.AddRecord{Record: model.Record{Name: wire.MustName(name + "." + z.Name.Host()), Type: t, Content: content, RData: data, TTL: 60}}
}

// gate holds an import after its rows are staged, or after its image is.
type gate struct {
	commit.Staging
	rows, image chan chan struct{}
}

func hold(at chan chan struct{}) {
	if at != nil {
		on := make(chan struct{})
		at <- on
		<-on
	}
}

func (g *gate) Put(ctx context.Context, rows []*model.Record) error {
	defer hold(g.rows)
	return g.Staging.Put(ctx, rows)
}

func (g *gate) PutImage(ctx context.Context, img *model.Image) error {
	defer hold(g.image)
	return g.Staging.PutImage(ctx, img)
}

// While an import is on its way others go on: in other zones as ever; settings of its zone change at once, and the import takes
// them up; records of its zone wait for it, and then go by what it brought.
func TestOthersDuringAnImport(t *testing.T) {
	t.Parallel()
	g := &gate{rows: make(chan chan struct{}), image: make(chan chan struct{})}
	b, st := onStore(t, 10, func(s commit.Staging) commit.Staging { g.Staging = s; return g })
	b.flat.set("t1.test", "203.0.113.1")
	z, other := b.zone(t, "example"), b.zone(t, "other")
	b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{add(&z, "flat", wire.TypeCNAME, "t1.test", []byte(wire.MustName("t1.test")))}})
	imported := make(chan error, 1)
	go func() {
		_, err := b.p.Import(context.WithoutCancel(t.Context()), &model.Import{Account: account, Zone: z.ID, Records: importFile(&z, 500), Lenient: true})
		imported <- err
	}()
	on := <-g.rows
	before := contents(t, st, z.ID)
	b.must(t, model.Change{Zone: other.ID, Edits: []model.Edit{add(&other, "a", wire.TypeA, "192.0.2.1", []byte{192, 0, 2, 1})}})
	if _, err := b.p.Import(t.Context(), &model.Import{Account: account, Zone: z.ID, Records: importFile(&z, 20)}); code(err) != model.CodeImporting {
		t.Errorf("a second import: %v", err)
	}
	waiting := make(chan error, 1)
	go func() { // an address beside a CNAME that the import brings
		_, err := b.p.Change(context.WithoutCancel(t.Context()), model.Change{Zone: z.ID, Edits: []model.Edit{add(&z, "alias2", wire.TypeA, "192.0.2.9", []byte{192, 0, 2, 9})}})
		waiting <- err
	}()
	if diff := testkit.Diff(before, contents(t, st, z.ID)); diff != "" || len(before) != 1 {
		t.Errorf("the import is seen before its end: %s", diff)
	}
	close(on)
	on = <-g.image
	if _, err := b.edit(t, z.ID, "", func(z *model.Zone) { z.Settings.FlattenAll = true }); err != nil {
		t.Errorf("a setting changes during an import: %v", err)
	}
	close(on)
	on = <-g.image // anew, for the zone has moved on
	close(on)
	if err := <-imported; err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; code(err) != model.CodeAddressConflict {
		t.Errorf("a record beside an imported CNAME: %v", err)
	}
	row, err := st.Zone(t.Context(), z.ID)
	if err != nil {
		t.Fatal(err)
	}
	served, transfer, err := b.p.FreshFaces(model.Account{ID: account}, row, list(t, st, z.ID))
	if s := b.state(t, z.ID); err != nil || text(s.Served) != text(served) || text(s.Transfer) != text(transfer) || !row.Settings.FlattenAll {
		t.Errorf("memory is not what rows and settings say, %v", err)
	}
}

// An import whose zone is deleted meanwhile, or whose caller goes away, leaves nothing, and the zone takes changes again.
func TestImportsThatComeToNothing(t *testing.T) {
	t.Parallel()
	g := &gate{rows: make(chan chan struct{})}
	b, st := onStore(t, 10, func(s commit.Staging) commit.Staging { g.Staging = s; return g })
	z := b.zone(t, "example")
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	imported := make(chan error, 1)
	start := func(ctx context.Context) {
		go func() {
			_, err := b.p.Import(ctx, &model.Import{Account: account, Zone: z.ID, Records: importFile(&z, 500), Lenient: true})
			imported <- err
		}()
	}
	start(ctx)
	on := <-g.rows
	cancel()
	close(on)
	if err := <-imported; !errors.Is(err, context.Canceled) {
		t.Errorf("an import that is called off: %v", err)
	}
	b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{add(&z, "a", wire.TypeA, "192.0.2.1", []byte{192, 0, 2, 1})}})
	if got := contents(t, st, z.ID); len(got) != 1 {
		t.Errorf("%d records", len(got))
	}
	start(context.WithoutCancel(t.Context()))
	on = <-g.rows
	b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{model.DeleteZone{}}})
	close(on)
	if err := <-imported; !errors.Is(err, model.ErrNotFound) {
		t.Errorf("an import into a zone that is deleted: %v", err)
	}
	if b.db.ByID(string(z.ID)) != nil {
		t.Error("the zone came back")
	}
}

// faulty is a staging that panics on an image.
type faulty struct{ commit.Staging }

func (faulty) PutImage(context.Context, *model.Image) error { panic("a fault of ours") }

// A fault in what an import does beside the writers is an error of that import, leaves nothing, and the node lives on.
func TestAFaultInAnImport(t *testing.T) {
	t.Parallel()
	b, st := onStore(t, 10, func(s commit.Staging) commit.Staging { return faulty{s} })
	z := b.zone(t, "example")
	_, err := b.p.Import(t.Context(), &model.Import{Account: account, Zone: z.ID, Records: importFile(&z, 500), Lenient: true})
	if err == nil || !strings.Contains(err.Error(), "a fault of ours") {
		t.Errorf("the import says %v", err)
	}
	b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{add(&z, "a", wire.TypeA, "192.0.2.1", []byte{192, 0, 2, 1})}})
	if got := contents(t, st, z.ID); len(got) != 1 {
		t.Errorf("%d records", len(got))
	}
}
