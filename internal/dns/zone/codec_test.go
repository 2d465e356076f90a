package zone_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
)

func TestImageRefusesDamage(t *testing.T) {
	t.Parallel()
	image := sample(t).Append(nil)
	if _, err := zone.Decode(image); err != nil {
		t.Fatal(err)
	}
	for n := range image {
		if _, err := zone.Decode(image[:n]); !errors.Is(err, page.ErrCodec) {
			t.Fatalf("%d octets of it: %v", n, err)
		}
		bad := bytes.Clone(image)
		bad[n] ^= 0x41
		if _, err := zone.Decode(bad); !errors.Is(err, page.ErrCodec) {
			t.Fatalf("octet %d changed: %v", n, err)
		}
	}
}

// What is inside the checksum is checked too. Whatever one octet becomes, the image is refused, or the version that it
// gives can be used for everything.
func TestImageChecksWhatItReads(t *testing.T) {
	t.Parallel()
	for _, v := range []*zone.Version{sample(t), signedSample(t)} {
		checkDamaged(t, v.Append(nil))
	}
}

func checkDamaged(t *testing.T, image []byte) {
	t.Helper()
	refused := 0
	for n := range image {
		for _, x := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(image)
			bad[n] ^= x
			v, err := zone.DecodeUnsummed(bad)
			if err != nil {
				refused++
				continue
			}
			useAll(t, v)
		}
	}
	if refused < len(image) {
		t.Errorf("%d of %d damaged images refused", refused, 3*len(image))
	}
}

// useAll walks a version and asks it about every name in it and beside it.
func useAll(t *testing.T, v *zone.Version) {
	t.Helper()
	var m zone.Match
	records := 0
	var buf []byte
	v.Walk(func(owner []byte, s page.RRset) bool {
		for it := s.Iter(); it.Next(); records++ {
			buf = it.AppendRData(buf[:0], 12)
		}
		v.Find(owner, s.Type, &m)
		v.Find(owner, wire.TypeANY, &m)
		if len(owner) < 250 {
			v.Find(append([]byte("\x01a"), owner...), s.Type, &m)
		}
		if len(v.Sets(wire.Name(owner))) == 0 {
			t.Fatalf("no sets at %s, which Walk gave", wire.Name(owner))
		}
		return true
	})
	v.Due(1<<32-1, 10)
	if v.Hashes() {
		(&zone.Proof{}).Hash(v, []byte(v.Apex()))
	} else if v.Proves() {
		(&zone.Proof{}).Before(v, append([]byte("\x01a"), v.Apex()...))
	}
	if records != v.Records() {
		t.Fatalf("%d of %d records", records, v.Records())
	}
}

// TestDecodeCost: a zone is read from its image page by page, not record by record: a start reads all zones. How long it takes
// BenchmarkDecode tells.
func TestDecodeCost(t *testing.T) {
	v := million(t)
	image := v.Append(nil)
	made := testing.AllocsPerRun(1, func() {
		again, err := zone.Decode(image)
		if err != nil || again.Records() != v.Records() || again.Size() != v.Size() {
			t.Fatal(err)
		}
	})
	t.Logf("%d records in %d octets, %.0f allocations", v.Records(), len(image), made)
	if most := float64(v.Records()) / 64; made > most {
		t.Errorf("%.0f allocations for %d records, want %.0f at most", made, v.Records(), most)
	}
}

func BenchmarkDecode(b *testing.B) {
	v := million(b)
	image := v.Append(nil)
	b.SetBytes(int64(len(image)))
	for b.Loop() {
		if _, err := zone.Decode(image); err != nil {
			b.Fatal(err)
		}
	}
}

func TestStepRefusesDamage(t *testing.T) {
	t.Parallel()
	m := model{}
	m.put(soa(1))
	d := m.change(1, []rr.Set{{Owner: apex, Type: wire.TypeA, TTL: 300, Data: [][]byte{{1, 2, 3, 4}}}})
	enc := (&zone.Step{Transfer: *d, Served: &zone.Delta{From: 2, To: 2, Added: d.Added}}).Append(nil)
	for n := range enc {
		if _, err := zone.DecodeStep(enc[:n]); !errors.Is(err, page.ErrCodec) {
			t.Fatalf("%d octets of it: %v", n, err)
		}
	}
	tests := map[string][]byte{
		"octets left over": append(bytes.Clone(enc), 0),
		"other version":    append([]byte{9}, enc[1:]...),
		"three deltas":     append([]byte{1, 3}, enc[2:]...),
		"no SOA in front":  (&zone.Step{Transfer: zone.Delta{From: 1, To: 2, Removed: d.Removed}}).Append(nil),
		"not a record":     (&zone.Step{Transfer: zone.Delta{From: 1, To: 1, Removed: []byte("\x05no")}}).Append(nil),
		"length too large": binary.BigEndian.AppendUint32([]byte{1, 1, 0, 0, 0, 1, 0, 0, 0, 1}, 1<<31),
	}
	for name, b := range tests {
		if _, err := zone.DecodeStep(b); !errors.Is(err, page.ErrCodec) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCondense(t *testing.T) {
	t.Parallel()
	m := model{}
	m.put(soa(1))
	www := wire.MustName("www.example")
	a := func(ttl uint32, hosts ...byte) rr.Set {
		s := rr.Set{Owner: www, Type: wire.TypeA, TTL: ttl}
		for _, h := range hosts {
			s.Data = append(s.Data, []byte{192, 0, 2, h})
		}
		return s
	}
	var chain []*zone.Delta
	for i, s := range []rr.Set{a(300, 1, 2), a(300, 2, 3), a(60, 2, 3), a(300, 3, 4)} {
		chain = append(chain, m.change(uint32(i+1), []rr.Set{s}))
	}
	one, err := zone.Condense(chain[1:])
	if err != nil {
		t.Fatal(err)
	}
	// Of 1 and 2 at 300 s, 1 and 2 go, 3 (changed in between to 60 s and back) and 4 come.
	old, now := soa(2), soa(5)
	gone, come := a(300, 1, 2), a(300, 3, 4)
	if !bytes.Equal(one.Removed, gone.AppendWire(old.AppendWire(nil))) || !bytes.Equal(one.Added, come.AppendWire(now.AppendWire(nil))) {
		t.Errorf("removed %x, added %x", one.Removed, one.Added)
	}
	if one.From != 2 || one.To != 5 {
		t.Errorf("from %d to %d", one.From, one.To)
	}
	if _, err := zone.Condense([]*zone.Delta{chain[0], chain[2]}); !errors.Is(err, zone.ErrDelta) {
		t.Errorf("a broken chain: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(sample(f).Append(nil))
	f.Add(signedSample(f).Append(nil))
	r := random{rand.New(rand.NewPCG(7, 7))}
	m := model{}
	m.put(soa(1))
	for range 30 {
		if s := r.set(); len(s.Data) < 10 {
			m.put(s)
		}
	}
	f.Add(m.build(f).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := zone.DecodeUnsummed(b)
		if err != nil {
			return
		}
		useAll(t, v)
	})
}

func FuzzDecodeStep(f *testing.F) {
	m := model{}
	m.put(soa(1))
	d := m.change(1, []rr.Set{{Owner: apex, Type: wire.TypeA, TTL: 300, Data: [][]byte{{1, 2, 3, 4}}}})
	f.Add((&zone.Step{Transfer: *d}).Append(nil))
	f.Add((&zone.Step{Transfer: *d, Served: d}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := zone.DecodeStep(b)
		if err != nil {
			return
		}
		if !bytes.Equal(s.Append(nil), b) {
			t.Fatal("does not encode to itself")
		}
	})
}

// FuzzApply adds and removes any records. What Apply accepts must be a version like any other, and the delta of the way
// back must lead back.
func FuzzApply(f *testing.F) {
	v := sample(f)
	f.Add([]byte{}, wire.AppendRR(nil, wire.MustName("x.sub.example"), wire.TypeA, wire.ClassIN, 1, []byte{1, 2, 3, 4}))
	f.Add(wire.AppendRR(nil, wire.MustName("x.y.wild.example"), wire.TypeA, wire.ClassIN, 300, []byte{1, 2, 3, 6}), []byte{})
	f.Add([]byte{}, wire.AppendRR(nil, wire.MustName("ent.example"), wire.TypeDNAME, wire.ClassIN, 1, []byte("\x01a\x00")))
	f.Fuzz(func(t *testing.T, removed, added []byte) {
		old, now := soa(7), soa(8)
		d := &zone.Delta{From: 7, To: 8, Removed: append(old.AppendWire(nil), removed...), Added: append(now.AppendWire(nil), added...)}
		next, err := v.Apply(d)
		if err != nil {
			return
		}
		useAll(t, next)
		if again, err := zone.Decode(next.Append(nil)); err != nil || differ(again, next) != "" {
			t.Fatalf("image: %v", err)
		}
		if back, err := next.Apply(zone.Diff(next, v)); err != nil || differ(back, v) != "" {
			t.Fatalf("way back: %v", err)
		}
	})
}
