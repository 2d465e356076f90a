package dnssec_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/btree"

	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

var (
	now    = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	timing = dnssec.TimingOf(now, 604800, 86400)

	denials = []dnssec.Denial{dnssec.NSEC, dnssec.NSEC3}
)

// sign signs a model as a whole, in parts of size names.
func (m *model) sign(t *testing.T, j dnssec.Job, size int) {
	t.Helper()
	base := m.clone()
	j.New = base
	parts, err := j.Whole(size)
	if err != nil {
		t.Fatal(err)
	}
	for i := range parts {
		d, err := parts[i].Sign()
		if err != nil {
			t.Fatal(err)
		}
		m.apply(t, d)
	}
}

// difference tells where two zone files differ.
func difference(a, b *model) string {
	x, y := bytes.Split([]byte(a.text()), []byte("\n")), bytes.Split([]byte(b.text()), []byte("\n"))
	for i := range min(len(x), len(y)) {
		if !bytes.Equal(x[i], y[i]) {
			return fmt.Sprintf("%s\nand\n%s", x[i], y[i])
		}
	}
	return fmt.Sprintf("%d lines and %d", len(x), len(y))
}

// Whatever changes, what signing step by step has made is what signing all of it would make, octet for octet.
func TestStepsMakeTheWhole(t *testing.T) {
	t.Parallel()
	steps := 10_000
	if os.Getenv("HEADWATER_SIGNED") != "" {
		steps *= 4 // in each
	}
	ksk, zsk := dnssec.FakeKey(257, 1), dnssec.FakeKey(256, 2)
	flat := timing
	flat.Spread = 0
	for _, denial := range denials {
		for _, messy := range []bool{false, true} {
			t.Run(fmt.Sprint(denial, messy), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(uint64(denial), 7))
				job := dnssec.Job{Signers: dnssec.Signers{Keys: []*dnssec.Key{ksk}, Zone: []*dnssec.Key{zsk}}, Denial: denial, Timing: flat}
				m := seeded(t, ksk, zsk)
				m.messy = messy
				m.update(t, job, nil)
				for i := range steps / 4 {
					old := m.clone()
					touched := m.random(t, r)
					if i%3 == 0 {
						m.bump()
					}
					if i%100 == 99 { // a large change
						for range 30 {
							touched = append(touched, m.random(t, r)...)
						}
					}
					m.update(t, job, old, touched...)
					if i%25 > 0 && i > 300 {
						continue
					}
					whole := m.data()
					whole.update(t, job, nil)
					if !bytes.Equal(whole.octets(), m.octets()) {
						t.Fatalf("step %d, touched %v: %s", i, touched, difference(m, whole))
					}
				}
			})
		}
	}
}

// update signs what has changed since old, or everything with expirations that are not spread.
func (m *model) update(t *testing.T, j dnssec.Job, old *model, touched ...wire.Name) *dnssec.Delta {
	t.Helper()
	j.New = m.clone()
	if old == nil {
		j.Old = newModel(m.apex)
		d, err := j.Sign()
		if err != nil {
			t.Fatal(err)
		}
		m.apply(t, d)
		return d
	}
	j.Old = old
	d, err := j.Update(touched)
	if err != nil {
		t.Fatal(err)
	}
	m.apply(t, d)
	return d
}

// Whoever waits for a core gets through after each signature, however many are made together.
func TestSigningYields(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []dnssec.Algorithm{dnssec.ECDSAP256SHA256, dnssec.ED25519} {
		k, err := dnssec.Generate(algorithm, dnssec.FlagZone|dnssec.FlagSEP, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := seeded(t, k)
		r := rand.New(rand.NewPCG(1, 2))
		for range 40 {
			m.random(t, r)
		}
		yields := 0
		job := dnssec.Job{Signers: dnssec.Signers{Keys: []*dnssec.Key{k}, Zone: []*dnssec.Key{k}}, Timing: timing, Yield: func() { yields++ }}
		if d := m.update(t, job, nil); d.Signatures < 30 || yields < d.Signatures {
			t.Errorf("%s: %d signatures, others get through %d times", algorithm, d.Signatures, yields)
		}
	}
}

// A change costs what it touches.
func TestSignaturesOfAChange(t *testing.T) {
	t.Parallel()
	ksk, zsk := dnssec.FakeKey(257, 1), dnssec.FakeKey(256, 2)
	job := dnssec.Job{Signers: dnssec.Signers{Keys: []*dnssec.Key{ksk}, Zone: []*dnssec.Key{zsk}}, Timing: timing}
	m := seeded(t, ksk, zsk)
	r := rand.New(rand.NewPCG(8, 9))
	for range 300 {
		m.random(t, r)
	}
	n, cut, glue := wire.MustName("new.example.org"), wire.MustName("sub.new.example.org"), wire.MustName("ns.sub.new.example.org")
	m.sign(t, job, 100)
	for _, c := range []struct {
		name  string
		owner wire.Name
		typ   wire.Type
		data  [][]byte
		want  int
	}{
		{"a record at a new name: SOA, RRset, NSEC, NSEC before", n, wire.TypeA, [][]byte{{192, 0, 2, 1}}, 4},
		{"another in the same RRset: SOA, RRset", n, wire.TypeA, [][]byte{{192, 0, 2, 1}, {192, 0, 2, 2}}, 2},
		{"another type: SOA, RRset, NSEC", n, wire.TypeAAAA, [][]byte{make([]byte, 16)}, 3},
		{"a type less: SOA, NSEC", n, wire.TypeAAAA, nil, 2},
		{"below it: SOA, RRset, NSEC, NSEC before", glue, wire.TypeA, [][]byte{{192, 0, 2, 1}}, 4},
		{"a delegation above that: SOA, NSEC, NSEC before", cut, wire.TypeNS, [][]byte{[]byte(glue)}, 3},
		{"glue: SOA", glue, wire.TypeA, [][]byte{{192, 0, 2, 3}}, 1},
		{"DS: SOA, RRset, NSEC", cut, wire.TypeDS, [][]byte{append([]byte{0, 1, 13, 2}, make([]byte, 32)...)}, 3},
		{"no delegation: SOA, DS' NSEC, the name below and its NSEC", cut, wire.TypeNS, nil, 4},
		{"nothing: SOA", cut, wire.TypeNS, nil, 1},
	} {
		old := m.clone()
		m.put(c.owner, c.typ, 300, c.data...)
		m.bump()
		if d := m.update(t, job, old, c.owner); d.Signatures != c.want {
			t.Errorf("%s: %d signatures, want %d", c.name, d.Signatures, c.want)
		}
	}
}

// With time running, a zone that is looked at now and then never hands out a signature that a cache or a secondary could see end:
// each has more left than SOA expire plus the longest TTL. Renewals come a few at a time.
func TestRenewal(t *testing.T) {
	t.Parallel()
	const names, expire, longest = 1000, 604800, 86400
	ksk, zsk := dnssec.FakeKey(257, 1), dnssec.FakeKey(256, 2)
	for _, denial := range denials {
		m := seeded(t, ksk, zsk)
		for i := range names {
			n, _ := apex.Child(fmt.Sprint("n", i))
			m.put(n, wire.TypeA, 300, []byte{192, 0, byte(i >> 8), byte(i)})
		}
		job := dnssec.Job{Signers: dnssec.Signers{Keys: []*dnssec.Key{ksk}, Zone: []*dnssec.Key{zsk}}, Denial: denial, Timing: timing}
		m.sign(t, job, 100)
		whole, slices := m.signatures(), 0
		for h := 0; h < 24*36; h += 3 {
			clock := now.Add(time.Duration(h) * time.Hour)
			job.Timing, job.New = dnssec.TimingOf(clock, expire, longest), m
			due, hashes, _ := job.Due(apex, 1<<30)
			if len(due)+len(hashes) > 0 {
				old := m.clone()
				m.bump()
				job.Old, job.New = old, m.clone()
				d, err := job.Update(due, hashes...)
				if err != nil {
					t.Fatal(err)
				}
				m.apply(t, d)
				slices++
				if d.Signatures > whole/8 {
					t.Errorf("hour %d: %d of %d signatures are renewed at once", h, d.Signatures, whole)
				}
			}
			m.eachSignature(func(r dnssec.RRSIG) {
				if left := int64(int32(r.Expiration() - uint32(clock.Unix()))); left <= expire+longest || int64(r.Inception()) > clock.Unix()-1800 {
					t.Fatalf("hour %d: a signature has %d s left and begins at %d", h, left, r.Inception())
				}
			})
		}
		if got := m.signatures(); got != whole || slices < 24 {
			t.Errorf("%d signatures after %d renewals, want %d", got, slices, whole)
		}
		job.Timing.Renew, job.Timing.Expiration = 0, 0
		if again := m.data(); true {
			job.Old = nil
			again.sign(t, job, 1<<30)
			if a, b := again.forms(), m.forms(); a != b {
				t.Errorf("after the renewals the zone is not what signing it would make")
			}
		}
	}
}

// eachSignature yields all signatures.
func (m *model) eachSignature(yield func(dnssec.RRSIG)) {
	for _, tree := range []*btree.BTreeG[*node]{m.names, m.hashed} {
		tree.Scan(func(n *node) bool {
			for _, s := range n.sets {
				for _, d := range s.Data {
					if s.Type == wire.TypeRRSIG {
						r, _ := dnssec.ParseRRSIG(d)
						yield(r)
					}
				}
			}
			return true
		})
	}
}

func (m *model) signatures() (n int) {
	m.eachSignature(func(dnssec.RRSIG) { n++ })
	return n
}

// forms is the model's text with signatures that tell no time and hold no serial.
func (m *model) forms() string {
	var out strings.Builder
	for line := range strings.Lines(m.text()) {
		if f := strings.Fields(line); f[3] == "RRSIG" {
			line = strings.Join(append(f[:8], f[10:12]...), " ") + "\n"
		} else if f[3] == "SOA" {
			line = "SOA\n"
		}
		out.WriteString(line)
	}
	return out.String()
}

// Parts, in whatever size, make the same as one.
func TestPartsMakeTheWhole(t *testing.T) {
	t.Parallel()
	ksk, zsk := dnssec.FakeKey(257, 1), dnssec.FakeKey(256, 2)
	for _, denial := range denials {
		r := rand.New(rand.NewPCG(3, 4))
		job := dnssec.Job{Signers: dnssec.Signers{Keys: []*dnssec.Key{ksk}, Zone: []*dnssec.Key{zsk}}, Denial: denial, Timing: timing}
		m := seeded(t, ksk, zsk)
		for range 2000 {
			m.random(t, r)
		}
		one := m.clone()
		one.sign(t, job, 1<<30)
		for _, size := range []int{1, 2, 7, 100} {
			many := m.clone()
			many.sign(t, job, size)
			if !bytes.Equal(one.octets(), many.octets()) {
				t.Fatalf("size %d: %s", size, difference(one, many))
			}
		}
		// Signed again it is the same, and without signers nothing is left of it.
		one.sign(t, dnssec.Job{Old: one.clone(), Signers: job.Signers, Denial: denial, Timing: timing}, 50)
		if many := m.clone(); true {
			many.sign(t, job, 50)
			if !bytes.Equal(one.octets(), many.octets()) {
				t.Fatalf("signed twice: %s", difference(one, many))
			}
		}
		one.sign(t, dnssec.Job{Denial: denial, Timing: timing}, 50)
		if !bytes.Equal(one.octets(), m.octets()) {
			t.Fatalf("signatures taken away: %s", difference(one, m))
		}
	}
}

// The other kind of denial, on a zone that is signed already.
func TestDenialChanges(t *testing.T) {
	t.Parallel()
	ksk, zsk := dnssec.FakeKey(257, 1), dnssec.FakeKey(256, 2)
	job := dnssec.Job{Signers: dnssec.Signers{Keys: []*dnssec.Key{ksk}, Zone: []*dnssec.Key{zsk}}, Timing: timing}
	r := rand.New(rand.NewPCG(5, 6))
	m := seeded(t, ksk, zsk)
	for range 500 {
		m.random(t, r)
	}
	want := map[dnssec.Denial]*model{}
	for _, denial := range denials {
		job.Denial = denial
		want[denial] = m.clone()
		want[denial].sign(t, job, 100)
	}
	got := want[dnssec.NSEC].clone()
	for _, denial := range []dnssec.Denial{dnssec.NSEC3, dnssec.NSEC} {
		job.Denial, job.Old = denial, got.clone()
		got.sign(t, job, 100)
		if !bytes.Equal(got.octets(), want[denial].octets()) {
			t.Fatalf("%d: %s", denial, difference(got, want[denial]))
		}
	}
}

// Validators that none of us wrote find nothing to say about random zones, signed in whole and then step by step, with every
// algorithm and both kinds of denial.
func TestOutsideValidators(t *testing.T) {
	t.Parallel()
	for _, a := range algorithms {
		for _, denial := range denials {
			t.Run(fmt.Sprint(a, denial), func(t *testing.T) {
				t.Parallel()
				ksk, err := dnssec.Generate(a, 257, nil)
				if err != nil {
					t.Fatal(err)
				}
				zsk, err := dnssec.Generate(a, 256, []*dnssec.DNSKEY{&ksk.DNSKEY})
				if err != nil {
					t.Fatal(err)
				}
				r := rand.New(rand.NewPCG(uint64(a), uint64(denial)))
				job := dnssec.Job{Signers: dnssec.Signers{Keys: []*dnssec.Key{ksk}, Zone: []*dnssec.Key{zsk}}, Denial: denial}
				job.Timing = dnssec.TimingOf(time.Now(), 604800, 86400)
				job.Timing.Spread = 0
				m := seeded(t, ksk, zsk)
				for range 100 {
					m.random(t, r)
				}
				m.sign(t, job, 20)
				m.validate(t)
				for range 40 {
					old := m.clone()
					touched := m.random(t, r)
					m.bump()
					m.update(t, job, old, touched...)
				}
				m.validate(t)
			})
		}
	}
}

// validate shows the model to BIND, Knot and ldns.
func (m *model) validate(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "zone"), []byte(m.text()), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "dnssec-verify", "-x", "-z", "-o", m.apex.String(), "zone")
	run(t, dir, "kzonecheck", "-d", "on", "-o", m.apex.String(), "zone")
	run(t, dir, "ldns-verify-zone", "-V", "2", "zone")
}
