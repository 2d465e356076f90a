package peers_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/peers"
)

// stepChanges is how many random changes the signed zone sees; Knot validates each version of it.
const stepChanges = 60

// stepped is a follower whose zone is signed, step by step.
type stepped struct {
	follower

	keys  dnssec.Signers
	lacks wire.Type     // what the zone does not have
	plain *zone.Version // less what signing adds
	now   *zone.Version
}

// render is the zone's next version before it is signed.
func (s *stepped) render(t testing.TB) *zone.Version {
	t.Helper()
	s.serial++
	sets := append(s.w.Sets(), soa(t, s.apex, s.serial), rr.Set{Owner: s.apex, Type: wire.TypeNS, TTL: 3600, Data: [][]byte{[]byte(wire.MustName("ns1.example.net"))}})
	sets = slices.DeleteFunc(sets, func(r rr.Set) bool {
		return r.Type == s.lacks || r.Owner == s.apex && (r.Type == wire.TypeDNSKEY || r.Type == wire.TypeCDS || r.Type == wire.TypeCDNSKEY)
	})
	ksk, zsk := s.keys.Keys[0], s.keys.Zone[0]
	for typ, data := range map[wire.Type][][]byte{
		wire.TypeDNSKEY: {ksk.RData(), zsk.RData()}, wire.TypeCDS: {ksk.DS(s.apex, dnssec.SHA256)}, wire.TypeCDNSKEY: {ksk.RData()},
	} {
		sets = append(sets, rr.Set{Owner: s.apex, Type: typ, TTL: 3600, Data: data})
	}
	v, err := zone.Build(s.apex, sets)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// begin publishes the zone, signed as a whole.
func (s *stepped) begin(t testing.TB) {
	t.Helper()
	s.plain = s.render(t)
	job := dnssec.Job{New: s.plain, Signers: s.keys, Timing: dnssec.TimingOf(time.Now(), 604800, 86400)}
	d, err := job.Sign()
	if err == nil {
		s.now, err = s.plain.Apply(&zone.Delta{From: s.serial, To: s.serial, Removed: d.Removed, Added: d.Added})
	}
	if err != nil {
		t.Fatal(err)
	}
	s.p.put(t, s.now)
}

// step publishes what has changed since, as a delta with its signatures.
func (s *stepped) step(t testing.TB) {
	t.Helper()
	next := s.render(t)
	delta := zone.Diff(s.plain, next)
	bare, err := s.now.Apply(delta)
	if err != nil {
		t.Fatal(err)
	}
	job := dnssec.Job{Old: s.now, New: bare, Signers: s.keys, Timing: dnssec.TimingOf(time.Now(), 604800, 86400)}
	d, err := job.Update(owners(t, delta))
	if err != nil {
		t.Fatal(err)
	}
	delta.Removed, delta.Added = append(delta.Removed, d.Removed...), append(delta.Added, d.Added...)
	s.p.seq++
	z, err := s.p.db.Step(s.apex.String(), s.p.seq, &zone.Step{Transfer: *delta})
	if err != nil {
		t.Fatal(err)
	}
	s.plain, s.now = next, z.State().Transfer
	s.p.sender.Wake(z)
}

func owners(t testing.TB, d *zone.Delta) (out []wire.Name) {
	t.Helper()
	for _, part := range [][]byte{d.Removed, d.Added} {
		for len(part) > 0 {
			raw, rest, err := wire.NextRR(part)
			if err != nil {
				t.Fatal(err)
			}
			out, part = append(out, wire.Name(raw.Owner)), rest
		}
	}
	return out
}

// TestSignedZoneIsFollowed signs a zone here. Knot validates every version that it takes by IXFR; in the end BIND, NSD and Knot
// hold the same, and a validator with the zone's key as its only anchor believes each of them and PowerDNS, whatever it asks.
func TestSignedZoneIsFollowed(t *testing.T) {
	t.Parallel()
	s := seedOr(t, 1)
	apex := wire.MustName("dnssec.example")
	ksk, err := dnssec.Generate(dnssec.ECDSAP256SHA256, 257, nil)
	if err != nil {
		t.Fatal(err)
	}
	zsk, err := dnssec.Generate(dnssec.ECDSAP256SHA256, 256, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &stepped{follower: follower{p: startPrimary(t), apex: apex, w: peers.NewWorkload(s, apex)}}
	f.keys = dnssec.Signers{Keys: []*dnssec.Key{ksk}, Zone: []*dnssec.Key{zsk}}
	listen := map[peers.Program]netip.AddrPort{}
	for _, prog := range peers.Programs() {
		if listen[prog], err = peers.Free(prog); err != nil {
			t.Fatal(err)
		}
		f.p.link(string(prog), listen[prog], nil)
		f.p.linked[apex.String()] = append(f.p.linked[apex.String()], string(prog))
	}
	for range 25 {
		f.w.Next()
	}
	f.begin(t)
	var knot, powerdns *peers.Secondary
	for _, prog := range peers.Programs() {
		sec := peers.Run(t, peers.Config{
			Program: prog, Listen: listen[prog], Primary: f.p.addr, Zones: []wire.Name{apex}, Refresh: 5 * time.Second, Validate: prog == peers.Knot,
		})
		if prog == peers.PowerDNS { // makes its chain itself, so that its transfers are compared with nothing
			powerdns = sec
			continue
		}
		if f.peers = append(f.peers, sec); prog == peers.Knot {
			knot = sec
		}
	}
	f.settle(t)
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	for i := range stepChanges {
		f.w.Next()
		f.step(t)
		if err := knot.WaitSerial(ctx, apex, f.serial); err != nil {
			t.Fatalf("change %d: Knot does not take serial %d: %v\n%s", i, f.serial, err, knot.Log())
		}
	}
	f.settle(t)
	if err := powerdns.WaitSerial(ctx, apex, f.serial); err != nil {
		t.Fatal(err)
	}
	f.peers = append(f.peers, powerdns)
	f.believed(t, rand.New(rand.NewPCG(s, 3)), ksk)
}

// believed asks every secondary for what is there and what is not, through a validator.
func (s *stepped) believed(t *testing.T, r *rand.Rand, ksk *dnssec.Key) {
	t.Helper()
	anchors := filepath.Join(t.TempDir(), "anchors")
	text := fmt.Sprintf("trust-anchors { %q static-key 257 3 13 %q; };\n", s.apex, base64.StdEncoding.EncodeToString(ksk.Public))
	if err := os.WriteFile(anchors, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	type question struct{ name, typ string }
	questions := []question{{s.apex.String(), "SOA"}, {s.apex.String(), "DNSKEY"}, {s.apex.String(), "CDS"}, {"no.such.name." + s.apex.String(), "A"}, {s.apex.String(), "TYPE1234"}}
	sets := s.w.Sets()
	for range 12 {
		set := sets[r.IntN(len(sets))]
		cut, hidden := s.now.Cut(set.Owner)
		delegated := slices.ContainsFunc(s.now.Sets(set.Owner), func(o rr.Set) bool { return o.Type == wire.TypeNS }) && set.Owner != s.apex
		switch {
		case set.Type == wire.TypeDNSKEY && set.Owner != s.apex:
			continue // delv takes it for the keys of a zone there
		case set.Type == wire.TypeCNAME || hidden && cut != "" || delegated && set.Type != wire.TypeDS:
			continue // leads to others, who are not here
		}
		if questions = append(questions, question{set.Owner.String(), set.Type.String()}); !delegated {
			questions = append(questions, question{set.Owner.String(), "HINFO"}, question{"x.y." + set.Owner.String(), "LOC"})
		}
	}
	for _, sec := range s.peers {
		for _, q := range questions {
			at := sec.Addr()
			out, err := exec.CommandContext(t.Context(), "delv", "@"+at.Addr().String(), "-p", fmt.Sprint(at.Port()), "-a", anchors, "+root="+s.apex.String(), "+nodlv", "-q", q.name, "-t", q.typ).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "fully validated") {
				t.Errorf("%s: %s %s: %v\n%s", sec.Program(), q.name, q.typ, err, out)
			}
		}
	}
}
