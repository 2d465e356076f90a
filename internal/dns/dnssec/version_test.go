package dnssec_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

var _ dnssec.View = (*zone.Version)(nil)

// delta is the difference of two models at some owners, as versions of a zone have it.
func (m *model) delta(old *model, owners []wire.Name) *zone.Delta {
	d := &zone.Delta{From: old.serial(), To: m.serial()}
	owners = slices.Compact(slices.SortedFunc(slices.Values(append([]wire.Name{m.apex}, owners...)), wire.Compare))
	for _, owner := range owners {
		d.Removed = appendOthers(d.Removed, old.Sets(owner), m.Sets(owner))
		d.Added = appendOthers(d.Added, m.Sets(owner), old.Sets(owner))
	}
	return d
}

func (m *model) serial() uint32 {
	serial, _ := wire.SOASerial(m.soa().Data[0])
	return serial
}

func (m *model) soa() *rr.Set {
	for i, s := range m.Sets(m.apex) {
		if s.Type == wire.TypeSOA {
			return &m.Sets(m.apex)[i]
		}
	}
	return nil
}

// appendOthers appends the records of a that b lacks, the SOA first.
func appendOthers(dst []byte, a, b []rr.Set) []byte {
	var rest []byte
	for _, s := range a {
		for _, d := range s.Data {
			ttl := s.TTL
			if s.Type == wire.TypeRRSIG {
				r, _ := dnssec.ParseRRSIG(d)
				ttl = r.TTL()
			}
			record := wire.AppendRR(nil, s.Owner, s.Type, wire.ClassIN, ttl, d)
			if slices.ContainsFunc(b, func(o rr.Set) bool {
				return o.Type == s.Type && o.TTL == s.TTL && slices.ContainsFunc(o.Data, func(e []byte) bool { return bytes.Equal(e, d) })
			}) {
				continue
			}
			if s.Type == wire.TypeSOA {
				dst = append(dst, record...)
			} else {
				rest = append(rest, record...)
			}
		}
	}
	return append(dst, rest...)
}

// records writes all of a version's records as a transfer has them, in order.
func records(v *zone.Version) []byte {
	var out []byte
	for w := v.Walker(); w.Next(); {
		owner := keyName(w.Key, v.Apex())
		data := w.AppendRData(nil, v.Apex())
		out = wire.AppendRR(out, owner, w.Type, wire.ClassIN, w.TTL, data)
	}
	return out
}

// keyName is the name of a zone.Walker's key.
func keyName(key []byte, apex wire.Name) wire.Name {
	n := apex
	for len(key) > 0 {
		end := bytes.IndexByte(key, 0)
		label := bytes.ReplaceAll(bytes.ReplaceAll(key[:end], []byte{1, 1}, []byte{0}), []byte{1, 2}, []byte{1})
		n, _ = n.Child(string(label))
		key = key[end+1:]
	}
	return n
}

// A zone's versions are signed as the model is, step by step: their signatures keep their TTLs, and what is journalled leads from
// one version to the next.
func TestVersionsAreSigned(t *testing.T) {
	t.Parallel()
	ksk, zsk := dnssec.FakeKey(257, 1), dnssec.FakeKey(256, 2)
	job := dnssec.Job{Signers: dnssec.Signers{Keys: []*dnssec.Key{ksk}, Zone: []*dnssec.Key{zsk}}, Timing: timing}
	m := seeded(t, ksk, zsk)
	var sets []rr.Set
	m.names.Scan(func(n *node) bool { sets = append(sets, n.sets...); return true })
	v, err := zone.Build(apex, sets)
	if err != nil {
		t.Fatal(err)
	}
	m.update(t, job, nil)
	job.New = v
	d, err := job.Sign()
	if err != nil {
		t.Fatal(err)
	}
	if v, err = v.Apply(&zone.Delta{From: v.Serial(), To: v.Serial(), Removed: d.Removed, Added: d.Added}); err != nil {
		t.Fatal(err)
	}
	m = seeded(t, ksk, zsk)
	m.messy = true
	m.sign(t, job, 1<<30)
	r := rand.New(rand.NewPCG(11, 12))
	for i := range 2000 {
		old := m.clone()
		touched := m.random(t, r)
		if i%200 == 199 {
			for range 100 {
				touched = append(touched, m.random(t, r)...)
			}
		}
		m.bump()
		delta := m.delta(old, touched)
		bare, err := v.Apply(delta)
		if err != nil {
			t.Fatal(err)
		}
		job.Old, job.New = v, bare
		d, err := job.Update(touched)
		if err != nil {
			t.Fatal(err)
		}
		delta.Removed, delta.Added = append(delta.Removed, d.Removed...), append(delta.Added, d.Added...)
		next, err := v.Apply(delta)
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		m.update(t, job, old, touched...)
		if got, want := records(next), m.records(); !bytes.Equal(got, want) {
			t.Fatalf("step %d: the version has other records than the model", i)
		}
		if back := zone.Diff(v, next); i%100 == 0 {
			if again, err := v.Apply(back); err != nil || !bytes.Equal(records(again), records(next)) {
				t.Fatalf("step %d: the difference does not lead to the version: %v", i, err)
			}
			if _, err := next.Apply(zone.Diff(next, v)); err != nil {
				t.Fatalf("step %d: the way back: %v", i, err)
			}
		}
		v = next
	}
	if image, err := zone.Decode(v.Append(nil)); err != nil || !bytes.Equal(records(image), records(v)) {
		t.Errorf("the image is another version: %v", err)
	}
}

// records is octets with the TTLs of signatures.
func (m *model) records() []byte {
	var out []byte
	m.names.Scan(func(n *node) bool {
		for _, s := range n.sets {
			for _, d := range s.Data {
				ttl := s.TTL
				if s.Type == wire.TypeRRSIG {
					r, _ := dnssec.ParseRRSIG(d)
					ttl = r.TTL()
				}
				out = wire.AppendRR(out, s.Owner, s.Type, wire.ClassIN, ttl, d)
			}
		}
		return true
	})
	return out
}
