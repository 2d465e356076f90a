package dnssec_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// world is a zone whose keys Next steers, with servers that lag, a parent that takes its time, and resolvers that keep what they
// were given for as long as they may. It knows nothing of how Next thinks: it signs and validates with another library.
type world struct {
	t   *testing.T
	r   *rand.Rand
	now time.Time

	keys   []dnssec.KeyState
	real   map[string]*dnssec.Key
	made   int
	policy dnssec.Policy

	versions []version
	servers  []int             // the version that each has
	seen     map[int]time.Time // since when all have a version
	parents  [][]string        // the DS records at each address, as IDs of keys
	ds       map[string]dnssec.DSFact
	pending  int // steps until all signatures are made

	caches   [3]map[string]time.Time // what resolvers hold of DS, DNSKEY and the rest, and until when
	verdicts map[string]bool
	secure   bool // once the DS has come, and nobody wants to be insecure
	waits    []dnssec.Wait
}

// version is what a server has: which keys are published, which sign them, and which sign two RRsets, of which the second
// is signed later where there is much to sign.
type version struct {
	published, signing []string
	zone               [2][]string
	cds                []string
}

const (
	tick    = 10 * time.Minute
	keyTTL  = time.Hour
	zoneTTL = 3 * time.Hour
	dsTTL   = 2 * time.Hour
)

var apex = wire.MustName("example.org")

var now = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	return &world{
		t: t, r: rand.New(rand.NewPCG(seed, 1)), now: now, real: map[string]*dnssec.Key{}, verdicts: map[string]bool{},
		policy: dnssec.Policy{Algorithm: dnssec.ECDSAP256SHA256}, versions: make([]version, 1), servers: make([]int, 3),
		seen: map[int]time.Time{0: now}, parents: make([][]string, 2), ds: map[string]dnssec.DSFact{},
		caches: [3]map[string]time.Time{{}, {}, {}},
	}
}

func (w *world) facts() dnssec.Facts {
	return dnssec.Facts{
		Seen: func(serial uint32) (time.Time, []string) {
			if at, ok := w.seen[int(serial)]; ok {
				return at, nil
			}
			return time.Time{}, []string{"somebody"}
		},
		DS:     func(id string) dnssec.DSFact { return w.ds[id] },
		KeyTTL: keyTTL, ZoneTTL: zoneTTL, DSTTL: dsTTL,
	}
}

// step lets a while pass.
func (w *world) step() {
	w.now = w.now.Add(tick)
	actions, waits := dnssec.Next(w.keys, w.policy, w.facts(), w.now)
	w.waits = waits
	if again, _ := dnssec.Next(w.keys, w.policy, w.facts(), w.now); !slices.Equal(actions, again) {
		w.t.Fatalf("told the same twice: %v and %v", actions, again)
	}
	w.act(actions)
	w.finish()
	w.transfer()
	w.adopt()
	w.resolve()
	w.check()
}

// act does what Next wants.
func (w *world) act(actions []dnssec.Action) {
	changed := false
	serial := uint32(len(w.versions))
	for _, a := range actions {
		i := slices.IndexFunc(w.keys, func(k dnssec.KeyState) bool { return k.ID == a.Key })
		switch a.Kind {
		case dnssec.Make:
			flags := uint16(dnssec.FlagZone)
			if a.Role == dnssec.KSK {
				flags |= dnssec.FlagSEP
			}
			k, err := dnssec.Generate(a.Algorithm, flags, nil)
			if err != nil {
				w.t.Fatal(err)
			}
			w.made++
			id := fmt.Sprint("key", w.made)
			w.real[id] = k
			w.keys = append(w.keys, dnssec.KeyState{ID: id, Role: a.Role, Algorithm: a.Algorithm})
		case dnssec.Retire:
			w.keys[i].Leaving = true
			w.policy.Roll &^= w.keys[i].Role
		case dnssec.Forget:
			w.keys = slices.Delete(w.keys, i, i+1)
		case dnssec.Set:
			changed = true
			mark := dnssec.Mark{On: a.On, Serial: serial, Since: w.now}
			if a.Trace == dnssec.SignsZone {
				w.pending = w.r.IntN(30)
				mark.Pending = true
			}
			w.keys[i].Marks[a.Trace] = mark
		}
	}
	if changed {
		w.publish(w.pending == 0)
	}
}

// finish makes the signatures that were still to come.
func (w *world) finish() {
	if w.pending > 0 {
		w.pending--
		return
	}
	waiting := false
	for i := range w.keys {
		if m := &w.keys[i].Marks[dnssec.SignsZone]; m.Pending {
			m.Pending, m.Serial, waiting = false, uint32(len(w.versions)), true
		}
	}
	if waiting {
		w.publish(true)
	}
}

func (w *world) publish(all bool) {
	last := w.versions[len(w.versions)-1]
	v := version{zone: last.zone}
	v.zone[0] = w.with(dnssec.SignsZone)
	if all {
		v.zone[1] = v.zone[0]
	}
	v.published, v.signing, v.cds = w.with(dnssec.Published), w.with(dnssec.SignsKeys), w.with(dnssec.AtParent)
	w.versions = append(w.versions, v)
}

func (w *world) with(trace dnssec.Trace) (out []string) {
	for _, k := range w.keys {
		if k.Marks[trace].On {
			out = append(out, k.ID)
		}
	}
	return out
}

// transfer lets servers catch up, sometimes.
func (w *world) transfer() {
	least := len(w.versions) - 1
	for i := range w.servers {
		if w.r.IntN(4) == 0 {
			w.servers[i] = len(w.versions) - 1
		}
		least = min(least, w.servers[i])
	}
	for v := least; v >= 0; v-- {
		if _, known := w.seen[v]; known {
			break
		}
		w.seen[v] = w.now
	}
}

// adopt lets the parent's servers take what CDS says, each at its time.
func (w *world) adopt() {
	for i := range w.parents {
		if w.r.IntN(6) == 0 {
			w.parents[i] = w.versions[w.servers[0]].cds
		}
	}
	for id := range w.real {
		f := dnssec.DSFact{Everywhere: true, Since: w.now}
		for _, p := range w.parents {
			has := slices.Contains(p, id)
			f.Everywhere, f.Somewhere = f.Everywhere && has, f.Somewhere || has
		}
		if old, ok := w.ds[id]; ok && old.Everywhere == f.Everywhere && old.Somewhere == f.Somewhere || !ok && !f.Somewhere {
			continue
		}
		w.ds[id] = f
	}
}

// resolve lets resolvers ask each server and each address of the parent for everything.
func (w *world) resolve() {
	for _, cache := range w.caches {
		for what, until := range cache {
			if !w.now.Before(until) {
				delete(cache, what)
			}
		}
	}
	for _, p := range w.parents {
		w.caches[0][strings.Join(p, " ")] = w.now.Add(dsTTL)
	}
	for _, s := range w.servers {
		v := &w.versions[s]
		w.caches[1][strings.Join(v.published, " ")+"|"+strings.Join(v.signing, " ")] = w.now.Add(keyTTL)
		for _, z := range v.zone {
			w.caches[2][strings.Join(z, " ")] = w.now.Add(zoneTTL)
		}
	}
}

// check holds every mix of what resolvers have against a validator.
func (w *world) check() {
	for ds := range w.caches[0] {
		if ds == "" {
			if w.secure {
				w.t.Fatalf("%s: the zone becomes insecure", w)
			}
			continue
		}
		for set := range w.caches[1] {
			for zone := range w.caches[2] {
				mix := ds + "/" + set + "/" + zone
				good, known := w.verdicts[mix]
				if !known {
					good = w.validate(ds, set, zone)
					w.verdicts[mix] = good
				}
				if !good {
					w.t.Fatalf("%s: bogus: DS %s, DNSKEY %s, signatures of the zone by %s", w, ds, set, zone)
				}
			}
		}
	}
}

func (w *world) String() string {
	var out strings.Builder
	for _, k := range w.keys {
		fmt.Fprintf(&out, "%s role %d alg %d leaving %v:", k.ID, k.Role, k.Algorithm, k.Leaving)
		for _, m := range k.Marks {
			fmt.Fprintf(&out, " %v/%d/%v", m.On, m.Serial, m.Pending)
		}
		out.WriteString("; ")
	}
	return out.String()
}

// validate validates as RFC 4035 section 5 says, and is strict about algorithms.
func (w *world) validate(ds, set, zone string) bool {
	published, signing, _ := strings.Cut(set, "|")
	keys := rr.Set{Owner: apex, Type: wire.TypeDNSKEY, TTL: 3600}
	for id := range strings.FieldsSeq(published) {
		keys.Data = append(keys.Data, w.real[id].RData())
	}
	keys.Normalize()
	address := rr.Set{Owner: apex, Type: wire.TypeA, TTL: 3600, Data: [][]byte{{192, 0, 2, 1}}}
	keySigs, zoneSigs := w.sign(&keys, signing), w.sign(&address, zone)
	var algorithms []uint8
	for _, record := range toDNS(w.t, &keys) {
		if a := record.(*dns.DNSKEY).Algorithm; !slices.Contains(algorithms, a) {
			algorithms = append(algorithms, a)
		}
	}
	for id := range strings.FieldsSeq(ds) {
		if !w.good(&keys, keySigs, &keys, w.real[id].Algorithm, strings.Fields(ds)) {
			return false
		}
	}
	for _, a := range algorithms {
		if !w.good(&address, zoneSigs, &keys, dnssec.Algorithm(a), nil) {
			return false
		}
	}
	return true
}

// good says whether a signature of a set by a key of an algorithm verifies; if named is set, the key must be named by one of those
// DS records.
func (w *world) good(set *rr.Set, sigs []dns.RR, keys *rr.Set, a dnssec.Algorithm, named []string) bool {
	for _, record := range toDNS(w.t, keys) {
		key := record.(*dns.DNSKEY)
		if key.Algorithm != uint8(a) {
			continue
		}
		if named != nil && !slices.ContainsFunc(named, func(id string) bool {
			want := toDNS(w.t, &rr.Set{Owner: apex, Type: wire.TypeDS, TTL: 3600, Data: [][]byte{w.real[id].DS(apex, dnssec.SHA256)}})[0].(*dns.DS)
			got := key.ToDS(dns.SHA256)
			return got.KeyTag == want.KeyTag && strings.EqualFold(got.Digest, want.Digest)
		}) {
			continue
		}
		for _, sig := range sigs {
			if sig.(*dns.RRSIG).Verify(key, toDNS(w.t, set)) == nil {
				return true
			}
		}
	}
	return false
}

func (w *world) sign(set *rr.Set, ids string) (out []dns.RR) {
	for id := range strings.FieldsSeq(ids) {
		k := w.real[id]
		sig := &dns.RRSIG{
			Algorithm: uint8(k.Algorithm), KeyTag: k.Tag(), SignerName: apex.String(), Inception: 1, Expiration: 1<<31 - 1,
		}
		if err := sig.Sign(signer(w.t, k), toDNS(w.t, set)); err != nil {
			w.t.Fatal(err)
		}
		out = append(out, sig)
	}
	return out
}

// signer is the private half of a key.
func signer(t *testing.T, k *dnssec.Key) crypto.Signer {
	t.Helper()
	der, err := k.Private()
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	return private.(crypto.Signer)
}

func toDNS(t *testing.T, set *rr.Set) (out []dns.RR) {
	t.Helper()
	for _, d := range set.Data {
		record, _, err := dns.UnpackRR(wire.AppendRR(nil, set.Owner, set.Type, wire.ClassIN, set.TTL, bytes.Clone(d)), 0)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, record)
	}
	return out
}

// until lets time pass until something is so, a week at most.
func (w *world) until(what string, so func() bool) {
	w.t.Helper()
	for range 6 * 24 * 7 {
		if so() {
			return
		}
		w.step()
	}
	w.t.Fatalf("%s: never came to %s; %+v", w, what, w.waits)
}

// settled says that all keys are as they shall be, with one for each role.
func (w *world) settled() bool {
	a := w.policy.Algorithm
	return w.idle() && len(w.keys) == 2 && w.keys[0].Algorithm == a && w.keys[1].Algorithm == a && w.policy.Roll == 0
}

// idle says that nothing is to be done or waited for.
func (w *world) idle() bool {
	actions, waits := dnssec.Next(w.keys, w.policy, w.facts(), w.now)
	return len(actions) == 0 && len(waits) == 0
}

// Through first signing, rolls of every kind in any order, and becoming insecure and secure again, no resolver ever sees anything
// bogus, whatever it has cached, and every roll comes to its end.
func TestRollsBreakNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed)
			w.until("signed", w.settled)
			for range 8 {
				w.secure = w.policy.Goal == dnssec.Signed
				before := w.made
				switch w.r.IntN(6) {
				case 0:
					w.policy.Roll = dnssec.ZSK
				case 1:
					w.policy.Roll = dnssec.KSK
				case 2:
					w.policy.Roll = dnssec.KSK | dnssec.ZSK
				case 3, 4: // another algorithm
					a := []dnssec.Algorithm{dnssec.ECDSAP256SHA256, dnssec.ED25519, dnssec.ECDSAP384SHA384}
					w.policy.Algorithm = a[w.r.IntN(len(a))]
					if w.r.IntN(2) == 0 { // and amid that a roll, which has to wait for its turn
						for range w.r.IntN(60) {
							w.step()
						}
						w.policy.Roll = dnssec.ZSK
					}
				case 5:
					w.insecure()
					continue
				}
				w.until("the end of the roll", w.settled)
				if w.policy.Roll != 0 || w.made == before && len(w.keys) != 2 {
					t.Fatalf("%s: no roll", w)
				}
			}
		})
	}
}

// insecure lets the zone become insecure, maybe unsigned, and secure again, which may come in between.
func (w *world) insecure() {
	w.secure = false
	w.policy.Goal = dnssec.Withdrawn
	if w.r.IntN(3) == 0 {
		for range w.r.IntN(40) {
			w.step()
		}
	} else {
		w.until("no DS", w.idle)
		if got := len(w.with(dnssec.AtParent)); got != 0 {
			w.t.Fatalf("%s: withdrawn, and %d are at the parent", w, got)
		}
		if got := len(w.with(dnssec.SignsZone)); got != 1 {
			w.t.Fatalf("%s: withdrawn, and %d keys sign", w, got)
		}
	}
	if w.r.IntN(2) == 0 {
		w.policy.Goal = dnssec.Unsigned
		if w.r.IntN(2) == 0 {
			for range w.r.IntN(40) {
				w.step()
			}
		} else {
			w.until("unsigned", func() bool { return len(w.keys) == 0 })
		}
	}
	w.policy.Goal = dnssec.Signed
	w.until("signed again", w.settled)
}

// A ZSK that has signed for its lifetime is followed by another, unasked.
func TestLifetime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 99)
	w.until("signed", w.settled)
	w.policy.Lifetime = 48 * time.Hour
	w.secure = true
	before := w.made
	w.until("another ZSK", func() bool { return w.made == before+1 && w.settled() })
}

// Each key says what it waits for, and who must act.
func TestWaits(t *testing.T) {
	t.Parallel()
	facts := func(behind []string, seen time.Time, ds dnssec.DSFact) dnssec.Facts {
		return dnssec.Facts{
			Seen:   func(uint32) (time.Time, []string) { return seen, behind },
			DS:     func(string) dnssec.DSFact { return ds },
			KeyTTL: keyTTL, ZoneTTL: zoneTTL, DSTTL: dsTTL,
		}
	}
	on := func(pending bool) dnssec.Mark { return dnssec.Mark{On: true, Serial: 7, Since: now, Pending: pending} }
	key := func(zone, parent dnssec.Mark) []dnssec.KeyState {
		return []dnssec.KeyState{{ID: "k", Role: dnssec.KSK | dnssec.ZSK, Algorithm: 13, Marks: [4]dnssec.Mark{on(false), on(false), zone, parent}}}
	}
	late := now.Add(2 * time.Hour)
	for name, c := range map[string]struct {
		keys  []dnssec.KeyState
		facts dnssec.Facts
		want  dnssec.Wait
	}{
		"signatures": {key(on(true), dnssec.Mark{}), facts(nil, now, dnssec.DSFact{}), dnssec.Wait{Key: "k", For: dnssec.Signatures, Since: now}},
		"servers":    {key(on(false), dnssec.Mark{}), facts([]string{"ns2"}, now, dnssec.DSFact{}), dnssec.Wait{Key: "k", For: dnssec.Servers, Since: now, Who: []string{"ns2"}}},
		"caches":     {key(on(false), dnssec.Mark{}), facts(nil, now, dnssec.DSFact{}), dnssec.Wait{Key: "k", For: dnssec.Caches, Since: now, Until: now.Add(zoneTTL)}},
		"the parent": {key(on(false), on(false)), facts(nil, now.Add(-time.Hour), dnssec.DSFact{}), dnssec.Wait{Key: "k", For: dnssec.DSAdded, Since: now}},
	} {
		policy := dnssec.Policy{Algorithm: 13}
		_, waits := dnssec.Next(c.keys, policy, c.facts, late)
		if name == "the parent" {
			_, waits = dnssec.Next(c.keys, policy, c.facts, now.Add(4*time.Hour))
		}
		if len(waits) != 1 || fmt.Sprint(waits[0]) != fmt.Sprint(c.want) {
			t.Errorf("%s: %+v, want %+v", name, waits, c.want)
		}
	}
}
