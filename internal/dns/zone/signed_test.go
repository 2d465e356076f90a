package zone_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// sig makes the rdata of a signature.
func sig(covers wire.Type, ttl, expires uint32, signer wire.Name, salt byte) []byte {
	b := make([]byte, wire.SigFixed)
	binary.BigEndian.PutUint16(b, uint16(covers))
	b[2] = 13
	binary.BigEndian.PutUint32(b[4:], ttl)
	binary.BigEndian.PutUint32(b[8:], expires)
	return append(append(b, signer...), bytes.Repeat([]byte{salt}, 64)...)
}

// bag is a zone's records, each in uncompressed wire form with its own TTL.
type bag map[string]wire.RawRR

func (b bag) put(owner wire.Name, t wire.Type, ttl uint32, data []byte) wire.RawRR {
	raw := wire.RawRR{Owner: []byte(owner), Type: t, Class: wire.ClassIN, TTL: ttl, RData: data}
	b[string(raw.Append(nil))] = raw
	return raw
}

func (b bag) sets() (out []rr.Set) {
	for _, r := range b {
		out = append(out, rr.Set{Owner: wire.Name(r.Owner), Type: r.Type, TTL: r.TTL, Data: [][]byte{r.RData}})
	}
	return out
}

func (b bag) dump() (out []string) {
	for k := range b {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// walked lists a version's records as a transfer has them.
func walked(v *zone.Version) (out []string) {
	v.Walk(func(owner []byte, s zone.RRset) bool {
		for it := s.Iter(); it.Next(); {
			out = append(out, string(wire.AppendRR(nil, wire.Name(owner), s.Type, wire.ClassIN, it.TTL(), it.AppendFull(nil))))
		}
		return true
	})
	slices.Sort(out)
	return out
}

// due lists what ends before a time, as the records tell.
func (b bag) due(before uint32) (out []string) {
	for _, r := range b {
		if r.Type == wire.TypeRRSIG && wire.SigExpires(r.RData) < before {
			out = append(out, wire.Name(r.Owner).String()+" "+wire.SigCovers(r.RData).String())
		}
	}
	slices.Sort(out)
	return out
}

// signedRecord draws a record of a signed zone: signatures with many TTLs and ends, by the apex and by others; hashes that are
// names of the zone, too.
func (r random) signedRecord() wire.RawRR {
	host := func() wire.Name {
		n, _ := apex.Child(fmt.Sprintf("n%04d", r.IntN(900)))
		return n
	}
	hash := func() wire.Name {
		n, _ := apex.Child(fmt.Sprintf("%032d", r.IntN(300)))
		return n
	}
	covers := []wire.Type{wire.TypeA, wire.TypeTXT, wire.TypeNSEC}[r.IntN(3)]
	signer := apex
	if r.IntN(4) == 0 {
		signer = wire.MustName("other.test")
	}
	end := uint32(1_800_000_000 + r.IntN(100))
	raw := wire.RawRR{Owner: []byte(host()), Class: wire.ClassIN, TTL: 300}
	switch r.IntN(5) {
	case 0:
		raw.Type, raw.RData = wire.TypeA, []byte{192, 0, 2, byte(r.IntN(4))}
	case 1:
		raw.Owner, raw.Type, raw.RData = []byte(hash()), wire.TypeA, []byte{192, 0, 2, 1}
	case 2:
		raw.Owner, raw.Type, raw.RData = []byte(hash()), wire.TypeNSEC3, append([]byte{1, 0, 0, 0, 0, 20}, bytes.Repeat([]byte{byte(r.IntN(3))}, 20)...)
	case 3:
		raw.Owner, raw.Type = []byte(hash()), wire.TypeRRSIG
		raw.RData = sig(wire.TypeNSEC3, 300, end, signer, byte(r.IntN(3)))
	default:
		ttl := uint32(60 * (1 + r.IntN(3)))
		raw.Type, raw.TTL, raw.RData = wire.TypeRRSIG, ttl, sig(covers, ttl, end, signer, byte(r.IntN(3)))
	}
	return raw
}

// Versions of a signed zone, of many pages and of one, are what their records say, whichever way they came about; and what ends
// first, and what ends before a time, is found.
func TestSignedVersions(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := random{rand.New(rand.NewPCG(seed, 9))}
			steps, most := 40, 120
			if seed%2 == 0 {
				steps, most = 60, 4 // one page
			}
			b := bag{}
			s := soa(1)
			b.put(apex, wire.TypeSOA, s.TTL, s.Data[0])
			v, err := zone.Build(apex, b.sets())
			if err != nil {
				t.Fatal(err)
			}
			for serial := uint32(1); serial < uint32(steps); serial++ {
				var d *zone.Delta
				if serial < uint32(steps)-1 {
					d = r.signedDelta(b, serial, most)
				} else { // all that is signed goes
					d = b.strip(serial)
				}
				next, err := v.Apply(d)
				if err != nil {
					t.Fatalf("serial %d: %v", serial, err)
				}
				checkSigned(t, b, next)
				fresh, err := zone.Build(apex, b.sets())
				if err != nil {
					t.Fatal(err)
				}
				checkSigned(t, b, fresh)
				if back, err := v.Apply(zone.Diff(v, next)); err != nil || !slices.Equal(walked(back), walked(next)) {
					t.Fatalf("serial %d: the difference does not lead there: %v", serial, err)
				}
				image, err := zone.Decode(next.Append(nil))
				if err != nil {
					t.Fatal(err)
				}
				checkSigned(t, b, image)
				v = next
			}
			if image := v.Append(nil); v.Signed() || image[3] != 1 {
				t.Errorf("without a signature it is signed: %t, image version %d", v.Signed(), image[3])
			}
		})
	}
}

// signedSample is a small zone with a chain of NSEC3.
func signedSample(t testing.TB) *zone.Version {
	t.Helper()
	r, b := random{rand.New(rand.NewPCG(3, 3))}, bag{}
	s := soa(1)
	b.put(apex, wire.TypeSOA, s.TTL, s.Data[0])
	b.put(apex, wire.TypeNSEC3PARAM, 0, []byte{1, 0, 0, 1, 2, 0xaa, 0xbb})
	for range 12 {
		raw := r.signedRecord()
		b[string(raw.Append(nil))] = raw
	}
	v, err := zone.Build(apex, b.sets())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// signedDelta takes some records out of b and puts others in.
func (r random) signedDelta(b bag, serial uint32, most int) *zone.Delta {
	d := b.newSerial(serial)
	for _, k := range b.dump() {
		goes := r.IntN(6) == 0
		if serial%10 == 9 { // nearly all, so that pages join
			goes = r.IntN(12) > 0
		}
		if raw := b[k]; raw.Type != wire.TypeSOA && goes {
			delete(b, k)
			d.Removed = append(d.Removed, k...)
		}
	}
	for range 1 + r.IntN(most) {
		raw := r.signedRecord()
		if k := string(raw.Append(nil)); b[k].Owner == nil {
			b[k] = raw
			d.Added = append(d.Added, k...)
		}
	}
	return d
}

// strip takes out all that a signer added.
func (b bag) strip(serial uint32) *zone.Delta {
	d := b.newSerial(serial)
	for _, k := range b.dump() {
		if b[k].Type.IsDNSSEC() {
			d.Removed = append(d.Removed, k...)
			delete(b, k)
		}
	}
	return d
}

func (b bag) newSerial(serial uint32) *zone.Delta {
	old, now := soa(serial), soa(serial+1)
	d := &zone.Delta{From: serial, To: serial + 1, Removed: old.AppendWire(nil), Added: now.AppendWire(nil)}
	delete(b, string(d.Removed))
	b.put(apex, wire.TypeSOA, now.TTL, now.Data[0])
	return d
}

func checkSigned(t *testing.T, b bag, v *zone.Version) {
	t.Helper()
	if got := walked(v); !slices.Equal(got, b.dump()) || v.Records() != len(b) {
		t.Fatalf("%d records, want %d", len(got), len(b))
	}
	octets := 0
	for w := v.Walker(); w.Next(); octets++ {
	}
	if octets != len(b) {
		t.Fatalf("the walker sees %d records", octets)
	}
	first := uint32(0)
	for _, r := range b {
		if r.Type == wire.TypeRRSIG && (first == 0 || wire.SigExpires(r.RData) < first) {
			first = wire.SigExpires(r.RData)
		}
	}
	if v.Expires() != first {
		t.Fatalf("it expires at %d, want %d", v.Expires(), first)
	}
	for _, before := range []uint32{0, 1_800_000_010, 1_800_000_050, 1_900_000_000} {
		var got []string
		for _, d := range v.Due(before, 1<<30) {
			got = append(got, d.Owner.String()+" "+d.Covers.String())
		}
		if slices.Sort(got); !slices.Equal(got, b.due(before)) {
			t.Fatalf("due before %d: %d, want %d", before, len(got), len(b.due(before)))
		}
		if n := len(v.Due(before, 3)); n != min(3, len(got)) {
			t.Fatalf("%d of at most 3", n)
		}
	}
	for _, r := range b {
		all, own := v.Sets(wire.Name(r.Owner)), v.Data(wire.Name(r.Owner))
		if slices.ContainsFunc(own, func(s rr.Set) bool { return s.Type.IsDNSSEC() }) || len(own) > len(all) || len(all) == 0 {
			t.Fatalf("%s: %d sets, %d of them data", wire.Name(r.Owner), len(all), len(own))
		}
		break
	}
}

// Deltas that no signed zone leads to are refused.
func TestSignedDeltasThatDoNotFit(t *testing.T) {
	t.Parallel()
	v, err := zone.Build(apex, []rr.Set{soa(1)})
	if err != nil {
		t.Fatal(err)
	}
	deep, _ := wire.MustName("b.example").Child("00000000000000000000000000000000")
	for name, added := range map[string][]byte{
		"an NSEC3 below a name":    wire.AppendRR(nil, deep, wire.TypeNSEC3, wire.ClassIN, 300, append([]byte{1, 0, 0, 0, 0, 20}, make([]byte, 20)...)),
		"an NSEC3 at the apex":     wire.AppendRR(nil, apex, wire.TypeNSEC3, wire.ClassIN, 300, append([]byte{1, 0, 0, 0, 0, 20}, make([]byte, 20)...)),
		"a signature's other ttl":  wire.AppendRR(nil, apex, wire.TypeRRSIG, wire.ClassIN, 301, sig(wire.TypeSOA, 300, 1, apex, 1)),
		"a signature cut short":    wire.AppendRR(nil, apex, wire.TypeRRSIG, wire.ClassIN, 300, make([]byte, 9)),
		"a signature beyond bound": wire.AppendRR(nil, apex, wire.TypeRRSIG, wire.ClassIN, 300, append(sig(wire.TypeSOA, 300, 1, apex, 1), make([]byte, 0x8000)...)),
	} {
		if _, err := v.Apply(&zone.Delta{From: 1, To: 1, Added: added}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// Images of before there were signed zones are read, and an unsigned zone is written as it was then.
func TestImageOfVersionOne(t *testing.T) {
	t.Parallel()
	old, err := os.ReadFile("testdata/version1.image")
	if err != nil {
		t.Fatal(err)
	}
	v, err := zone.Decode(old)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(v.Append(nil), old) || !bytes.Equal(sample(t).Append(nil), old) {
		t.Error("the image of the same zone is another now")
	}
}

// The history of a signed zone grows with it, that of others has the bound of all.
func TestSignedHistoryGrows(t *testing.T) {
	t.Parallel()
	m := model{}
	m.put(soa(1))
	for _, v := range []*zone.Version{signedSample(t), m.build(t)} {
		db := zone.NewDB(100)
		z := db.Reset("z", "acc", 1, v, v, zone.Links{Enabled: true}, nil)
		for i := range uint64(5) {
			old, ttl := z.State().Transfer.SOA()
			next := bytes.Clone(old)
			wire.SetSOASerial(next, z.State().Transfer.Serial()+1)
			d := zone.Delta{
				From: z.State().Transfer.Serial(), To: z.State().Transfer.Serial() + 1,
				Removed: wire.AppendRR(nil, v.Apex(), wire.TypeSOA, wire.ClassIN, ttl, old),
				Added:   wire.AppendRR(nil, v.Apex(), wire.TypeSOA, wire.ClassIN, ttl, next),
			}
			if _, err := db.Step("z", i+2, &zone.Step{Transfer: d}); err != nil {
				t.Fatal(err)
			}
		}
		h := z.State().History
		if v.Signed() != (h.Len() > 1) || h.Size() > max(100, v.Size()/zone.HistoryShare) {
			t.Errorf("signed %v: %d deltas of %d octets, the zone has %d", v.Signed(), h.Len(), h.Size(), v.Size())
		}
	}
}
