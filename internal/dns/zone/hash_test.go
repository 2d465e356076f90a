package zone_test

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// fixedHash is a good hash without a secret, as the tables of zones once had: whoever knows it can make keys that collide.
func fixedHash(h uint64, label []byte) uint64 {
	mix := func(h uint64) uint64 {
		hi, lo := bits.Mul64(h, 0xd6e8feb86659fd93)
		return hi ^ lo
	}
	for len(label) >= 8 {
		h = mix(h ^ binary.LittleEndian.Uint64(label))
		label = label[8:]
	}
	tail := uint64(len(label))
	for _, c := range label {
		tail = tail<<8 | uint64(c)
	}
	return mix(h ^ tail)
}

// TestCollidingKeysCostNoMore fills a database with names and ids that share a slot under a fixed hash, whatever the size
// of the table: a look among them passes as few slots as a look among any others.
func TestCollidingKeysCostNoMore(t *testing.T) {
	t.Parallel()
	const keys, mask = 1000, 1<<11 - 1
	const seed = 0x9e3779b97f4a7c15
	colliding := func(start uint64, made func(i int) (key string, hashed []byte)) (out []string) {
		for i := 0; len(out) < keys; i++ {
			if key, hashed := made(i); fixedHash(start, hashed)&mask == 0 {
				out = append(out, key)
			}
		}
		return out
	}
	names := colliding(fixedHash(seed, []byte("\x04test")), func(i int) (string, []byte) {
		label := fmt.Sprintf("z%x", i)
		return label + ".test", append([]byte{byte(len(label))}, label...)
	})
	ids := colliding(seed, func(i int) (string, []byte) {
		id := fmt.Sprintf("%032x", i)
		return id, []byte(id)
	})
	db := zone.NewDB(0)
	for i, s := range names {
		n := wire.MustName(s)
		v, err := zone.Build(n, []rr.Set{{Owner: n, Type: wire.TypeSOA, TTL: 1, Data: soa(1).Data}})
		if err != nil {
			t.Fatal(err)
		}
		db.Reset(ids[i], "acc", 1, v, v, zone.Links{}, nil)
	}
	sumName, sumID := 0, 0
	for i, s := range names {
		n, id := db.Probes(wire.MustName(s), ids[i])
		sumName, sumID = sumName+n, sumID+id
		if db.Find([]byte("\x03www"+wire.MustName(s))) == nil || db.ByID(ids[i]) == nil {
			t.Fatalf("%s is not found", s)
		}
	}
	t.Logf("on average %.2f slots for a name, %.2f for an id", float64(sumName)/keys, float64(sumID)/keys)
	// A table at most three quarters full and a hash like chance need 2.5 slots (linear probing, Knuth 6.4).
	if sumName > 5*keys || sumID > 5*keys {
		t.Errorf("looks among %d keys pass %d slots by name and %d by id", keys, sumName, sumID)
	}
}

func BenchmarkDBFind(b *testing.B) {
	db := zone.NewDB(0)
	const zones = 100_000
	for i := range zones {
		n := wire.MustName(fmt.Sprintf("zone%d.example", i))
		v, err := zone.Build(n, []rr.Set{{Owner: n, Type: wire.TypeSOA, TTL: 1, Data: soa(1).Data}})
		if err != nil {
			b.Fatal(err)
		}
		db.Reset(fmt.Sprint(i), "acc", 1, v, v, zone.Links{}, nil)
	}
	var names [4096][]byte
	for i := range names {
		names[i] = []byte(wire.MustName(fmt.Sprintf("www.zone%d.example", i*24)))
	}
	for i := 0; b.Loop(); i++ {
		if db.Find(names[i&4095]) == nil {
			b.Fatal("lost")
		}
	}
}
