package commit_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// heavy has many more versions be validated, and signs with slow keys, too.
var heavy = os.Getenv("HEADWATER_SIGNED") != ""

// signerOf is a key as a signature names it.
type signerOf struct {
	algorithm dnssec.Algorithm
	tag       uint16
}

// seenVersion is what validators may have cached of a version: the keys, and for each RRset by whom it is signed.
type seenVersion struct {
	serial uint32
	until  time.Time // when it was followed by another; zero: it is the newest
	keys   []signerOf
	ends   uint32                // of the signature that ends first
	sets   map[string][]signerOf // one example of each set of signers
	own    map[string][]signerOf // likewise, of the RRsets that its own keys alone vouch for
}

func seeVersion(t *testing.T, v *zone.Version) seenVersion {
	t.Helper()
	out := seenVersion{serial: v.Serial(), sets: map[string][]signerOf{}, own: map[string][]signerOf{}}
	v.Walk(func(owner []byte, s zone.RRset) bool {
		sets := map[wire.Type][]signerOf{}
		for it := s.Iter(); it.Next(); {
			d := it.AppendFull(nil)
			switch s.Type {
			case wire.TypeDNSKEY:
				k, err := dnssec.ParseDNSKEY(d)
				if err != nil {
					t.Fatal(err)
				}
				out.keys = append(out.keys, signerOf{k.Algorithm, k.Tag()})
			case wire.TypeRRSIG:
				r, err := dnssec.ParseRRSIG(d)
				if err != nil {
					t.Fatal(err)
				}
				if out.ends == 0 || r.Expiration() < out.ends {
					out.ends = r.Expiration()
				}
				sets[r.Covers()] = append(sets[r.Covers()], signerOf{r.Algorithm(), r.Tag()})
			}
		}
		for typ, by := range sets {
			slices.SortFunc(by, func(a, b signerOf) int { return (int(a.algorithm)-int(b.algorithm))<<16 + int(a.tag) - int(b.tag) })
			if typ == wire.TypeDNSKEY || typ == wire.TypeCDS || typ == wire.TypeCDNSKEY {
				out.own[fmt.Sprint(by)] = by
			} else {
				out.sets[fmt.Sprint(by)] = by
			}
		}
		return true
	})
	return out
}

// caches holds versions of one face that somebody may have cached parts of.
type caches struct{ seen []seenVersion }

// take adds a version, and wants every mix of what may be cached to validate: each RRset has, for each algorithm of a DNSKEY RRset, a
// signature by one of its keys (RFC 4035 section 2.2).
func (c *caches) take(t *testing.T, what string, v *seenVersion, now time.Time) {
	t.Helper()
	const zoneTTL, keyTTL = 24 * time.Hour, time.Hour
	if n := len(c.seen); n > 0 {
		c.seen[n-1].until = now
	}
	c.seen = append(slices.DeleteFunc(c.seen, func(s seenVersion) bool { return now.Sub(s.until) > zoneTTL }), *v)
	last := &c.seen[len(c.seen)-1]
	for i := range c.seen {
		old := &c.seen[i]
		fits(t, what, last, old)
		if i == len(c.seen)-1 || now.Sub(old.until) < keyTTL {
			fits(t, what, old, last)
		}
	}
}

func fits(t *testing.T, what string, keys, sets *seenVersion) {
	t.Helper()
	all := slices.Collect(maps.Values(sets.sets))
	if keys == sets {
		all = slices.AppendSeq(all, maps.Values(sets.own))
	}
	for _, by := range all {
		for _, k := range keys.keys {
			if !slices.ContainsFunc(by, func(s signerOf) bool { return s.algorithm == k.algorithm && slices.Contains(keys.keys, s) }) {
				t.Fatalf("%s: an RRset of version %d is signed by %v, the keys of version %d are %v", what, sets.serial, by, keys.serial, keys.keys)
			}
		}
	}
}

// roller is a zone that changes all the time while its keys do.
type roller struct {
	*bench
	d      *rand.Rand
	z      model.Zone
	faces  [2]caches
	seen   [2]*zone.Version
	ends   [2]uint32
	from   wire.Name
	ds     time.Time // until when somebody may have a DS record cached
	visits int
}

// look takes up what was published.
func (r *roller) look(t *testing.T, what string) {
	t.Helper()
	keys := r.base.keys(t, r.z.ID)
	if slices.ContainsFunc(keys, func(k model.ZoneKey) bool { return k.State.Marks[dnssec.AtParent].On || k.DS.Somewhere }) {
		r.ds = r.clock().Add(25 * time.Hour)
	}
	state := r.state(t, r.z.ID)
	defer func() {
		if first := min(r.ends[0], r.ends[1]); state.Expires() != first {
			t.Errorf("%s: the first signature ends at %d, not at %d", what, first, state.Expires())
		}
	}()
	for i, v := range []*zone.Version{state.Transfer, state.Served} {
		if v == r.seen[i] {
			continue
		}
		now := seeVersion(t, v)
		r.ends[i] = now.ends
		if r.seen[i] = v; r.clock().After(r.ds) {
			r.faces[i] = caches{} // nobody expects signatures
			if !v.Signed() {
				continue
			}
		}
		r.faces[i].take(t, fmt.Sprintf("%s, %s", what, []string{"transferred", "served"}[i]), &now, r.clock())
		if v.Signed() && (r.visits%64 == 0 || heavy && r.visits%8 == 0) {
			r.validate(t, v)
		}
	}
}

// visit does what is due once, as somebody does it who is not always told all.
func (r *roller) visit(t *testing.T, what string) (more bool) {
	t.Helper()
	r.visits++
	e := model.KeepDNSSEC{
		Names: 12, From: r.from, DSTTL: time.Hour,
		Behind: func(uint32, bool) []string {
			if r.d.IntN(4) == 0 {
				return []string{"ns2.test"}
			}
			return nil
		},
		DS: func(k *model.ZoneKey) (everywhere, somewhere, known bool) {
			has := k.State.Marks[dnssec.AtParent].On
			return has, has, r.d.IntN(4) > 0
		},
	}
	kept := r.must(t, model.Change{Zone: r.z.ID, Edits: []model.Edit{e}}).Outcomes[0].Kept
	r.look(t, what)
	if r.from = kept.From; kept.Work {
		if err := r.p.Sign(t.Context(), r.z.ID); err != nil {
			t.Fatal(err)
		}
		r.look(t, what+", signed beside its life")
	}
	return kept.More || kept.Work
}

// alter makes a change as anybody does.
func (r *roller) alter(t *testing.T, what string) {
	t.Helper()
	var edits []model.Edit
	hidden := r.d.IntN(2) == 0
	rows := sorted(r.base.rows(t, r.z.ID))
	n := len(rows)
	for _, e := range knowing(r.d, &r.z, rows, 1+r.d.IntN(3)) {
		if hidden {
			break
		}
		if a, ok := e.(model.AddRecord); !ok || a.Record.Type != wire.TypeCNAME || a.Record.Name != r.z.Name {
			edits = append(edits, e)
		}
	}
	r.d.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	for i := range rows { // what is hidden changes, and what hides it does not
		if was := rows[i]; hidden && len(edits) == 0 && was.Proxied && was.Type != wire.TypeCNAME && strings.HasPrefix(string(was.Name[1:]), "p") && r.d.IntN(2) == 0 {
			becomes := rec(was.Name.Host(), "AAAA", "2001:db8::1", proxied)
			if was.Type == wire.TypeAAAA {
				becomes = rec(was.Name.Host(), "A", "192.0.2.1", proxied)
			}
			edits = append(edits, model.DeleteRecord{ID: was.ID}, model.AddRecord{Record: becomes})
		}
	}
	for ; n < 50; n += 10 { // or it loses more than it gets
		record := rec(fmt.Sprintf("m%d-%d.example", r.visits, r.d.IntN(100_000)), "A", "192.0.2.1")
		record.Proxied = r.d.IntN(2) == 0
		edits = append(edits, model.AddRecord{Record: record})
	}
	r.must(t, model.Change{Zone: r.z.ID, Edits: edits})
	r.look(t, what)
}

// settle lets time pass until keys wait for nothing.
func (r *roller) settle(t *testing.T, what string) {
	t.Helper()
	for range 300 {
		quiet := true
		for _, k := range r.base.keys(t, r.z.ID) {
			quiet = quiet && k.Wait == nil && !k.State.Leaving
		}
		if row := r.base.row(t, r.z.ID); quiet && !row.DNSSEC.Work {
			return
		}
		r.pass(time.Duration(r.d.IntN(7*3600)) * time.Second)
		for n := 0; n < 40 && r.visit(t, what); n++ {
			if r.d.IntN(3) == 0 {
				r.alter(t, what)
			}
		}
		r.alter(t, what)
	}
	for _, k := range r.base.keys(t, r.z.ID) {
		t.Logf("key %d: %+v waits for %+v", k.Public.Tag(), k.State, k.Wait)
	}
	t.Fatalf("%s: it does not end", what)
}

// importSome imports a file.
func (r *roller) importSome(t *testing.T, what string) {
	t.Helper()
	in := &model.Import{ID: newID(), Account: account, Zone: r.z.ID, Lenient: true, Records: &model.Pack{}}
	for i := range 30 {
		record := rec(fmt.Sprintf("i%d-%d.example", r.visits, i), "A", "192.0.2.1")
		in.Records.Add(&record)
	}
	if _, err := r.p.Import(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	r.look(t, what)
}

// Whatever happens to a zone's keys while the zone changes, every version of both faces goes with whatever caches may hold of
// those before it.
func TestEveryVersionOfRolls(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]int{"small": 100_000, "large": 10, "about the limit": 350} {
		for _, mode := range []model.TransferMode{model.ModeOrigin, model.ModeEdge} {
			if mode == model.ModeEdge && limit != 350 && !heavy {
				continue
			}
			t.Run(fmt.Sprintf("%s, %s", name, mode), func(t *testing.T) {
				t.Parallel()
				everyVersion(t, limit, mode)
			})
		}
	}
}

func everyVersion(t *testing.T, limit int, mode model.TransferMode) {
	t.Helper()
	b := start(t, func(cfg *commit.Config) { cfg.Limits.SignRecords, cfg.Cores = limit, 2 })
	for i := range 8 {
		b.flat.set(fmt.Sprintf("t%d.test", i), fmt.Sprintf("203.0.113.%d", i))
	}
	z := b.transferred(t, "example")
	z, err := b.edit(t, z.ID, "mode", func(z *model.Zone) { z.Mode = mode })
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		b.add(t, z.ID, rec(fmt.Sprintf("n%d.example", i), "A", "192.0.2.1"), rec(fmt.Sprintf("p%d.example", i), "A", "192.0.2.1", proxied))
	}
	r := &roller{bench: b, d: dice(t), z: z}
	set := func(what string, f func(*model.DNSSEC)) {
		t.Helper()
		if _, err := b.edit(t, z.ID, "dnssec", func(z *model.Zone) { f(&z.DNSSEC) }); err != nil {
			t.Fatal(err)
		}
		r.look(t, what)
	}
	status := func(s string) func(*model.DNSSEC) { return func(d *model.DNSSEC) { d.Status = s } }
	nsec3 := func(s model.Switch) func(*model.DNSSEC) { return func(d *model.DNSSEC) { d.NSEC3 = s } }
	roll := func(what string, e model.RollKeys) {
		t.Helper()
		for {
			_, err := r.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{e}})
			if err == nil {
				break
			}
			if code(err) != model.CodeDNSSECState {
				t.Fatal(err)
			}
			r.pass(5 * time.Hour) // who has not seen the parent takes its TTL for longer
			r.visit(t, what)
		}
		r.look(t, what)
		for range 3 {
			r.visit(t, what)
		}
	}
	set("signed", status(model.DNSSECActive))
	r.settle(t, "signed")
	roll("a KSK", model.RollKeys{Role: dnssec.KSK})
	r.settle(t, "a KSK")
	roll("a ZSK", model.RollKeys{Role: dnssec.ZSK})
	r.importSome(t, "an import while a ZSK rolls")
	r.settle(t, "a ZSK")
	roll("a ZSK, then NSEC3", model.RollKeys{Role: dnssec.ZSK})
	set("NSEC3 while a ZSK rolls", nsec3(model.SwitchOn))
	r.settle(t, "NSEC3 while a ZSK rolls")
	roll("a ZSK with NSEC3", model.RollKeys{Role: dnssec.ZSK})
	r.settle(t, "a ZSK with NSEC3")
	roll("Ed25519", model.RollKeys{Algorithm: dnssec.ED25519})
	set("NSEC while algorithms roll", nsec3(model.SwitchOff))
	r.importSome(t, "an import while algorithms roll")
	r.settle(t, "Ed25519")
	another := dnssec.ECDSAP384SHA384
	if heavy {
		another = dnssec.RSASHA256
	}
	roll("another algorithm", model.RollKeys{Algorithm: another})
	r.settle(t, "another algorithm")
	for _, s := range []string{model.DNSSECDisabled, ""} {
		set("insecure", status(s))
	}
	r.settle(t, "insecure")
	set("signed again", status(model.DNSSECActive))
	r.settle(t, "signed again")
}
