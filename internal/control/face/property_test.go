package face

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// drawn is a zone at random: settings, and rows at a few names, of which none breaks a rule.
type drawn struct {
	d    *rand.Rand
	zone model.Zone
	rows map[wire.Name][]*model.Record
}

func draw(d *rand.Rand) *drawn {
	z := &drawn{d: d, rows: map[wire.Name][]*model.Record{testApex: nil}}
	z.zone = model.Zone{Name: testApex, NameServers: []string{"ns1.hw.test", "ns2.hw.test"}, Settings: model.DefaultSettings(), Mode: model.ModeOrigin}
	if d.IntN(2) == 0 {
		z.zone.Mode = model.ModeEdge
	}
	z.zone.Settings.FlattenAll = d.IntN(3) == 0
	z.zone.Settings.MultiProvider = d.IntN(3) == 0
	for range d.IntN(12) {
		z.change()
	}
	return z
}

// change draws the rows of one name anew, and gives it.
func (z *drawn) change() wire.Name {
	owner := []string{"example", "www.example", "a.example", "*.example", "x.a.example"}[z.d.IntN(5)]
	n := wire.MustName(owner)
	rows := []*model.Record{}
	flip := func(r *model.Record) {
		r.Proxied, r.TTL = z.d.IntN(3) == 0, []uint32{1, 60, 3600}[z.d.IntN(3)]
		r.Settings.IPv4Only = z.d.IntN(6) == 0
	}
	if z.d.IntN(3) == 0 {
		target := []string{"target.test", "dead.test", "empty.test", "unknown.test", "w.example"}[z.d.IntN(5)]
		rows = append(rows, row(owner, "CNAME", target, flip, func(r *model.Record) { r.Settings.FlattenCNAME = z.d.IntN(2) == 0 }))
	} else {
		for range z.d.IntN(3) {
			rows = append(rows, row(owner, "A", fmt.Sprintf("198.51.100.%d", z.d.IntN(4)), flip))
		}
		if z.d.IntN(3) == 0 {
			rows = append(rows, row(owner, "AAAA", "2001:db8::1", flip))
		}
	}
	if z.d.IntN(3) == 0 {
		rows = append(rows, row(owner, "TXT", fmt.Sprint("t", z.d.IntN(3))))
	}
	z.rows[n] = rows
	return n
}

func (z *drawn) context(pool bool) *Context {
	c := &Context{Zone: &z.zone, Lookup: lookups, Want: func(wire.Name, wire.Name) {}}
	if pool {
		c.Pool = testPool
	}
	return c
}

func (z *drawn) names() (out []Name) {
	for owner, rows := range z.rows {
		out = append(out, Name{Owner: owner, Rows: rows})
	}
	slices.SortFunc(out, func(a, b Name) int { return strings.Compare(string(a.Owner), string(b.Owner)) })
	return out
}

// contents is a version as text.
func contents(v *zone.Version) string {
	var b strings.Builder
	v.Walk(func(owner []byte, s zone.RRset) bool {
		for i := range s.Len() {
			fmt.Fprintf(&b, "%s %d %s %s\n", wire.Name(owner), s.TTL, s.Type, hex.EncodeToString(s.AppendRData(nil, i, 0)[2:]))
		}
		return true
	})
	return b.String()
}

// TestAnyChangeIsADiff renders a zone at random whole, changes some names of it, and holds the version that the diff of those names
// leads to against one rendered whole anew: in both faces, with the faces sharing one version where they are the same.
func TestAnyChangeIsADiff(t *testing.T) {
	t.Parallel()
	d := rand.New(rand.NewPCG(3, 4))
	parted, same := 0, 0
	for i := range 3000 {
		z := draw(d)
		c := z.context(d.IntN(4) > 0)
		v, err := c.First(7, z.names())
		if err != nil {
			t.Fatal(err)
		}
		if split := v.Served != v.Transfer; split != (contents(v.Served) != contents(v.Transfer)) {
			t.Fatalf("%d: two versions: %v, of contents\n%s\n%s", i, split, contents(v.Served), contents(v.Transfer))
		}
		diff, touched := DiffOf(v), map[wire.Name]bool{}
		for range 1 + d.IntN(3) {
			touched[z.change()] = true
		}
		for owner := range touched {
			diff.Render(c, owner, z.rows[owner], false)
		}
		old, err := v.SOA()
		if err != nil {
			t.Fatal(err)
		}
		soa, err := SOA(&z.zone, 8)
		if err != nil {
			t.Fatal(err)
		}
		next, err := v.Apply(diff.Step(7, 8, old, &soa))
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		want, err := c.First(8, z.names())
		if err != nil {
			t.Fatal(err)
		}
		for _, face := range []struct {
			name      string
			got, want *zone.Version
		}{{"served", next.Served, want.Served}, {"transfer", next.Transfer, want.Transfer}} {
			if got, want := contents(face.got), contents(face.want); got != want {
				t.Fatalf("%d: %s face by diff\n%s\nwhole\n%s", i, face.name, got, want)
			}
		}
		if (contents(v.Transfer) == strings.Replace(contents(next.Transfer), hex.EncodeToString(soa.Data[0]), hex.EncodeToString(old.Data[0]), 1)) == diff.Transfers() {
			t.Fatalf("%d: the diff says that secondaries get something new: %v", i, diff.Transfers())
		}
		if diff.Transfers() {
			same++
		}
		if next.Served != next.Transfer {
			parted++
		}
	}
	if parted < 300 || same < 300 {
		t.Errorf("%d zones with two faces, %d changes that secondaries see: too few to prove anything", parted, same)
	}
}

// TestWhatSecondariesCanLoad: whatever the rows and the settings, neither face has a CNAME beside others, two of them, an empty or
// doubled RRset, or one out of canonical order; no mark gets to secondaries; and every name with rows is there for them in mode origin.
func TestWhatSecondariesCanLoad(t *testing.T) {
	t.Parallel()
	d := rand.New(rand.NewPCG(5, 6))
	for i := range 3000 {
		z := draw(d)
		c := z.context(d.IntN(4) > 0)
		c.DNSOnly = d.IntN(4) == 0
		for _, n := range z.names() {
			f := c.Render(&n)
			for name, sets := range map[string][]rr.Set{"served": f.Served, "transfer": f.Transfer} {
				if fault := faultOf(sets, n.Owner == testApex, name == "transfer"); fault != "" {
					t.Fatalf("%d: %s face of %s: %s\n%s", i, name, n.Owner, fault, show(sets))
				}
			}
			if z.zone.Mode == model.ModeOrigin && n.Owner != testApex && len(n.Rows) > 0 && len(f.Transfer) == 0 {
				t.Fatalf("%d: secondaries get nothing at %s, where rows stand", i, n.Owner)
			}
			again := c.Render(&n)
			if !Equal(f.Served, again.Served) || !Equal(f.Transfer, again.Transfer) {
				t.Fatalf("%d: %s is rendered twice, and differently", i, n.Owner)
			}
		}
	}
}

func faultOf(sets []rr.Set, apex, transfer bool) string {
	seen := map[wire.Type]bool{}
	for _, s := range sets {
		switch {
		case seen[s.Type]:
			return "an RRset twice"
		case len(s.Data) == 0:
			return "an empty RRset"
		case transfer && s.Type == zone.TypeMark:
			return "a mark that is ours alone"
		case s.Type == wire.TypeCNAME && len(s.Data) > 1:
			return "two CNAMEs"
		case s.Type == wire.TypeCNAME && len(sets) > 1 && !apex:
			return "a CNAME beside others"
		case !slices.IsSortedFunc(s.Data, func(a, b []byte) int { return strings.Compare(string(a), string(b)) }):
			return "out of order"
		}
		seen[s.Type] = true
	}
	return ""
}
